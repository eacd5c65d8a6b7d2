"""Rendered clips and their ground truth."""

import csv
import dataclasses
import math

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.synthetic import ground, identity, scene, walkers
from uunet import video_samples
from uunet.boxes import box_file

pytestmark = pytest.mark.slow

TINY = ground.Scene(width=200, height=150, fps=10, seconds=2.0, people=3, seed=5)


@pytest.fixture(scope="module")
def clip():
    """(image, rows) of each frame of TINY."""
    return list(scene.frames(TINY))


@pytest.fixture(scope="module")
def rows(clip):
    return [row for _, rows in clip for row in rows]


def of_track(rows, track):
    return [row for row in rows if row.track == track]


def test_every_box_is_inside_the_frame_and_square_unless_cut(clip, rows):
    assert [image.shape for image, _ in clip] == [(150, 200, 3)] * 20
    assert [{row.frame for row in rows} <= {index} for index, (_, rows) in enumerate(clip)] == [True] * 20
    for row in rows:
        assert row.x >= 0 and row.y >= 0 and row.x + row.w <= 200 and row.y + row.h <= 150
        if 0 < row.x and row.x + row.w < 200:
            assert abs(row.w - row.h) <= 1 and 10 < row.w < 40
        else:
            assert row.w <= row.h + 1
        assert scene.LEAST_VISIBLE <= row.visible <= 1
        assert -180 <= row.yaw < 180


def test_a_track_is_one_person_and_labelled_as_drawn(rows):
    assert {row.track for row in rows} == {0, 1, 2}
    for row in rows:
        person = identity.sample(row.subject)
        assert row.subject == 900_000 + 8 * TINY.seed + row.track
        assert (row.gender, row.ethnicity, row.hairstyle) == (person.gender, person.ethnicity, person.hairstyle)
    assert len({(row.frame, row.track) for row in rows}) == len(rows)


def test_people_enter_and_leave_through_the_edge(rows):
    crossing = of_track(rows, 2)
    first, last = crossing[0], crossing[-1]
    edges = [row.x == 0 or row.x + row.w == 200 for row in crossing]
    assert edges[0] and first.visible < 1  # half in
    assert any(not edge for edge in edges)
    assert abs((first.x + first.w / 2) - (last.x + last.w / 2)) > 50
    assert of_track(rows, 0)[0].frame > 0  # not there at first


def test_somebody_turns_the_back_and_comes_round_again(rows):
    yaws = [abs(row.yaw) for row in of_track(rows, 1)]
    back = int(np.argmax(yaws))
    assert yaws[back] > 140 and min(yaws[:back]) < 40 and min(yaws[back:]) < 40


def test_people_cross_and_the_farther_one_is_hidden(rows):
    """Where two boxes overlap much, someone is less visible than alone in the open."""
    hidden = 0
    for index in range(TINY.frames):
        here = [row for row in rows if row.frame == index]
        for a in here:
            alone = all(a is b or a.x + a.w <= b.x - 15 or b.x + b.w <= a.x - 15 or a.track == b.track for b in here)
            inside = 0 < a.x and a.x + a.w < 200
            if alone and inside:
                assert a.visible == 1
            hidden += inside and a.visible < 0.9
    assert hidden


def test_visible_follows_the_part_of_the_head_inside_the_frame(rows):
    """Of a person at the edge whom nobody hides, what is seen grows with what is seen of the box."""
    crossing = [row for row in of_track(rows, 2) if row.x == 0 or row.x + row.w == 200]
    shares = [row.w / row.h for row in crossing]
    visible = [row.visible for row in crossing]
    assert np.corrcoef(shares, visible)[0, 1] > 0.8


def test_the_boxes_hold_heads(clip):
    """Within the middle of a box of the one who stands in front, the picture is not the background's."""
    moving = np.std([image.astype(float) for image, _ in clip], axis=0).mean(-1)  # people move, the rest is noise
    assert np.median(moving[:40]) < 4
    for _, rows in clip:
        for row in rows:
            if row.visible > 0.9:
                middle = moving[
                    row.y + row.h // 3 : row.y + row.h * 2 // 3, row.x + row.w // 3 : row.x + row.w * 2 // 3
                ]
                assert middle.mean() > 8


def test_the_same_seed_is_the_same_clip(clip):
    again = scene.frames(TINY)
    for image, rows in clip[:2]:
        other, other_rows = next(again)
        assert (image == other).all() and rows == other_rows


def test_seeds_share_no_people():
    seeds = [set(ground.Scene(seed=seed, people=8).subjects) for seed in (0, 1, 12499)]
    assert len(set.union(*seeds)) == 24 and max(seeds[-1]) < 1_000_000


def test_depths_of_two_people_never_meet():
    crowd = ground.Scene(people=8, seconds=20, seed=3)
    rng = np.random.default_rng(0)
    depths = [walkers._route(crowd, track, rng)[1] for track in range(8)]
    for a in range(8):
        for b in range(a):
            gap = depths[a] - depths[b]
            assert (gap > 0.4).all() or (gap < -0.4).all()


@given(turns=st.integers(-3, 3), angle=st.floats(-3.14, 3.14), interest=st.floats(0.5, 0.9))
def test_a_glance_is_towards_the_camera_and_within_reach_of_the_neck(turns, angle, interest):
    yaw = walkers._glance(np.array(angle + 2 * np.pi * turns), interest) - 2 * np.pi * turns
    assert abs(yaw) <= abs(angle) + 1e-9 and yaw * angle >= -1e-9
    assert abs(yaw - angle) < math.radians(65 - 14 - 4)  # the neck turns by 65 degrees; head and body sway by 14 and 4


def test_the_command_writes_clip_truth_and_strip(tmp_path, capsys):
    target, strip = tmp_path / "walk.mp4", tmp_path / "strip.png"
    arguments = ["--out", str(target), "--strip", str(strip), "--seconds", "0.5", "--fps", "10", "--people", "1"]
    assert scene.main([*arguments, "--place", "b_city"]) == 0
    assert "5 frames" in capsys.readouterr().out
    with av.open(str(target)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (640, 480, 10)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in container.decode(stream)) == 5
    with target.with_suffix(".csv").open() as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == scene.COLUMNS
    boxes = box_file.read(target.with_suffix(".csv"))
    assert sum(len(heads) for heads in boxes.by_frame.values()) == len(table)
    boxes.tracked(5, 480, 640)
    assert cv2.imread(str(strip)).shape == (360, 4 * 480, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["strip.png", "walk.csv", "walk.mp4"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "800x600"], "640x480 or 1280x720"),
        (["--fps", "30"], "--fps is 30; give 10 to 25"),
        (["--people", "0"], "--people is 0"),
        (["--people", "9"], "--people is 9; give 1 to 8"),
        (["--seconds", "nan"], "--seconds is nan"),
        (["--seed", "-1"], "--seed is -1"),
        (["--place", "moon"], "--place is moon; give one of b_city"),
        (["--strip", "strip.jpg"], "strip.jpg is no .png"),
        (["--out", "walk.avi"], "walk.avi is no .mp4"),
        (["--out", "missing/walk.mp4"], "cannot be written"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert scene.main(["--out", "walk.mp4", *arguments]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 1 and said in errors[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["walk.csv", "walk.mp4", "strip.png"])
def test_nothing_is_overwritten(name, tmp_path, capsys):
    (tmp_path / name).write_text("mine")
    assert scene.main(["--out", str(tmp_path / "walk.mp4"), "--strip", str(tmp_path / "strip.png")]) == 1
    assert f"{name} exists already" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_angles_and_sizes_follow_the_ground(monkeypatch):
    """Who walks to the right faces right; twice as far is half as large."""
    crowd = dataclasses.replace(TINY, seconds=6.0)
    x, depth, yaw, stride = walkers._route(crowd, 2, np.random.default_rng(1))
    walking = stride > 0.9
    direction = np.arctan2(np.gradient(x), -np.gradient(depth))
    assert walking.sum() > 10
    assert np.median(np.abs(np.sin((direction - yaw)[walking] / 2))) < math.sin(math.radians(5))


def test_the_bundled_clip_is_what_its_docstring_says():
    with video_samples.WALK_HEADS.open() as file:
        truth = list(csv.DictReader(file))
    with av.open(str(video_samples.WALK)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (640, 480, 15)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in container.decode(stream)) == 60
    assert video_samples.WALK.stat().st_size < 2_000_000
    assert {int(row["frame"]) for row in truth} == set(range(60)) and {row["track"] for row in truth} == set("012")
    box_file.read(video_samples.WALK_HEADS).tracked(60, 480, 640)
