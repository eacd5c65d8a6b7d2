"""P-DESTRE: videos with annotations, released crops, the meaning of codes, and damaged copies."""

import dataclasses

import numpy as np
import pytest

from data_prep import heads, p_destre, prepared
from tests.data_prep import fixtures
from uunet.boxes.types import Roi

SESSION = "12-11-2019-1-1"


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Not to be changed; damaged copies are made elsewhere."""
    return fixtures.p_destre_videos(tmp_path_factory.mktemp("p_destre") / "set")


@pytest.fixture
def small(tmp_path):
    """One session of 6 frames of one grey level each, 20 x the frame's number; nobody in it yet."""
    levels = [np.full((64, 96, 3), 20 * number, np.uint8) for number in range(1, 7)]
    fixtures.video(tmp_path / f"videos/{SESSION}.MP4", levels)
    (tmp_path / "annotation").mkdir()

    def annotate(*rows):
        (tmp_path / f"annotation/{SESSION}.txt").write_text("\n".join(rows) + "\n")
        return tmp_path

    return annotate


@pytest.mark.slow
@pytest.mark.parametrize("form", ["videos", "crops"])
def test_a_real_detector_finds_heads_that_train_both_learnings(videos, tmp_path, form, capsys):
    source = videos if form == "videos" else fixtures.p_destre_crops(tmp_path / "crops")
    assert p_destre.main([str(source), "--out", str(tmp_path / "out"), "--detector", "centerface"]) == 0
    assert f"unknown identity (-1): {6 if form == 'videos' else 1}" in capsys.readouterr().out
    fixtures.check_it_trains(tmp_path / "out", subjects=4)


def test_videos_and_crops_say_the_same_of_everybody(videos, tmp_path):
    """Identity, session, frame and the words of the codes."""
    known = []
    for source in (videos, fixtures.p_destre_crops(tmp_path / "crops")):
        boxes = [box for work in p_destre.plan(source).works for box, _, _ in work.read()]
        known.append({dataclasses.replace(box, origin="") for box in boxes})
    assert known[0] == known[1] and len(known[0]) == 48
    assert heads.Box("16", SESSION, 2, "female", "white", "unknown", "") in known[0]
    assert heads.Box("15", SESSION, 1, "male", "unknown", "horsetail", "") in known[0]


def test_crops_may_be_heads_already(tmp_path):
    source = fixtures.p_destre_crops(tmp_path / "crops")
    assert p_destre.main([str(source), "--out", str(tmp_path / "out"), "--detector", "none"]) == 0
    rows = fixtures.manifest(tmp_path / "out")
    assert len(rows) == 48 and {row["native_size"] for row in rows} == {"64"}


def test_the_head_is_cut_from_the_frame_not_from_the_box(small):
    """A head near the edge of its box keeps its square: the frame shows what the box does not."""
    source = small(fixtures.annotation_row(1, 5, (30, 20, 20, 40)))
    [(_, picture, roi)] = p_destre.plan(source).works[0].read()
    assert picture.shape == (64, 96, 3) and roi == Roi(30, 20, 20, 40)
    head = heads.find_head([Roi(0, 0, 10, 10)], heads.PERSON, roi, 64, 96)
    assert head.x < roi.x and head.y < roi.y and head.w == head.h


def test_frames_count_from_1(small):
    source = small(*(fixtures.annotation_row(frame, 5, (0, 0, 20, 40)) for frame in (6, 2, 4)))
    seen = {box.frame: picture.mean() for box, picture, _ in p_destre.plan(source).works[0].read()}
    assert seen == pytest.approx({2: 40, 4: 80, 6: 120}, abs=3)


@pytest.mark.parametrize("tall_first", [False, True])
def test_people_are_taller_than_wide_in_whichever_order_the_box_is_written(tmp_path, tall_first):
    plan = p_destre.plan(fixtures.p_destre_videos(tmp_path / "set", tall_first, frames=1))
    boxes = {box.subject: roi for work in plan.works for box, _, roi in work.read()}
    assert boxes["13"] == Roi(256, 0, 128, 256)
    assert plan.notes[0].startswith(f"{2 * tall_first} of 2 annotation files write the height")


def test_damaged_rows_and_frames_are_listed_with_the_reason(small):
    good = fixtures.annotation_row(1, 5, (0, 0, 20, 40))
    source = small(
        good,
        good.replace("1,5,", "1,-1,", 1),
        good[:30],
        good.replace("0,0,20", "zero,0,20", 1),
        fixtures.annotation_row(0, 5, (0, 0, 20, 40)),
        fixtures.annotation_row(2, 5, (0, 0, 20, 40), hairstyle=9),
        fixtures.annotation_row(3, 5, (0, 0, "nan", 40)),
        fixtures.annotation_row(4, 5, (500, 0, 20, 40)),
        fixtures.annotation_row(99, 5, (0, 0, 20, 40)),
        fixtures.annotation_row(5, 5, (0, 0, 20, 40), gender=-1),
    )
    plan = p_destre.plan(source)
    name = f"annotation/{SESSION}.txt"
    assert dict(plan.skipped) == {
        f"{name}, row 2": "unknown identity (-1)",
        f"{name}, row 3": "not 26 numbers",
        f"{name}, row 4": "not 26 numbers",
        f"{name}, row 5": "impossible frame or box",
        f"{name}, row 6": "label: hairstyle 9 is out of range",
        f"{name}, row 7": "impossible frame or box",
    }
    found = {box.origin.split("row ")[1]: picture for box, picture, _ in plan.works[0].read()}
    assert found["8"] == "box empty or outside the picture" and found["9"] == "the video ends before this frame"
    assert not isinstance(found["1"], str) and not isinstance(found["10"], str)


def test_two_boxes_of_one_person_in_one_frame(videos, tmp_path):
    """The first counts."""
    plan = p_destre.plan(videos)
    work = plan.works[0]

    def twice():
        for item in work.read():
            yield item
            yield item

    double = dataclasses.replace(plan, works=[dataclasses.replace(work, read=twice), *plan.works[1:]])
    result = prepared.write(tmp_path / "out", double, fixtures.fake_detector, {})
    assert result.skipped["second box of this subject in this frame"] == 24


def test_an_annotation_without_its_video_and_the_reverse(small):
    source = small(fixtures.annotation_row(1, 5, (0, 0, 20, 40)))
    (source / "annotation/14-11-2019-1-1.txt").write_text("")
    (source / "videos/15-11-2019-1-1.MP4").write_bytes(b"")
    assert dict(p_destre.plan(source).skipped) == {
        "annotation/14-11-2019-1-1.txt": "annotation without its video",
        "videos/15-11-2019-1-1.MP4": "video without its annotation",
    }


@pytest.mark.parametrize("keep", [0, 0.6])
def test_a_damaged_video_is_listed(small, keep):
    source = small(*(fixtures.annotation_row(frame, 5, (0, 0, 20, 40)) for frame in range(1, 7)))
    path = source / f"videos/{SESSION}.MP4"
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    found = [picture for _, picture, _ in p_destre.plan(source).works[0].read()]
    assert found == ["video unreadable from some frame on"] * 6


@pytest.mark.parametrize("folder, other", [("videos", "annotation"), ("annotation", "videos")])
def test_one_archive_of_two_is_refused(tmp_path, folder, other):
    (tmp_path / folder).mkdir()
    with pytest.raises(heads.SourceError, match=f"has the folder {folder} but not {other}"):
        p_destre.plan(tmp_path)


def test_a_folder_without_any_of_it_is_refused(tmp_path):
    with pytest.raises(heads.SourceError, match="neither the folders videos and annotation nor crops"):
        p_destre.plan(tmp_path)


def test_truncated_names_and_bad_codes_of_crops_are_listed(tmp_path):
    source = fixtures.p_destre_crops(tmp_path / "crops")
    head = fixtures.sample_head(0, 0, 0)
    fixtures.save(source / "12-11-2019-1-1_0009_17_0_2.jpg", head)
    fixtures.save(source / "12-11-2019-1-1_0009_17_7_0_0_1_1_1_0.jpg", head)
    (source / "._12-11-2019-1-1_0001_11_0_0_0_0_1_1_0.jpg").write_bytes(b"")
    assert dict(p_destre.plan(source).skipped) == {
        "12-11-2019-1-1_0001_-1_2_4_6_5_2_2_1.jpg": "unknown identity (-1)",
        "12-11-2019-1-1_0009_17_0_2.jpg": "not named as the crops of P-DESTRE are",
        "12-11-2019-1-1_0009_17_7_0_0_1_1_1_0.jpg": "label: gender 7 is out of range",
    }


def test_at_most_so_many_frames_and_sequences(videos):
    plan = p_destre.plan(videos, frames=2, sequences=1)
    boxes = [box for work in plan.works for box, _, _ in work.read()]
    assert {(box.sequence, box.frame) for box in boxes} == {(SESSION, 1), (SESSION, 3)} and len(boxes) == 16


def test_frames_of_crops_are_in_the_order_of_their_numbers(tmp_path):
    for frame in (2, 10, 9):
        fixtures.save(tmp_path / f"{SESSION}_{frame}_17_0_2_0_1_1_1_0.jpg", fixtures.sample_head(0, 0, 0))
    [work] = p_destre.plan(tmp_path).works
    assert [box.frame for box, _, _ in work.read()] == [2, 9, 10]
