"""The bundled clip and the command that makes it."""

import csv
import itertools

import av
import numpy as np
import pytest

from data_prep.synthetic import scene
from uunet import video_samples


@pytest.fixture(scope="module")
def truth():
    with video_samples.WALK_HEADS.open() as file:
        return [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_clip_is_what_the_docstring_says():
    with av.open(str(video_samples.WALK)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.average_rate) == (640, 480, 15)
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in container.decode(stream)) == 60
    assert video_samples.WALK.stat().st_size < 2_000_000


def test_boxes_are_of_three_people_inside_the_frame(truth):
    assert {row["frame"] for row in truth} == set(range(60))
    assert {row["track"] for row in truth} == {0, 1, 2}
    assert all(0 <= row["x"] and row["x"] + row["w"] <= 640 and row["y"] + row["h"] <= 480 for row in truth)
    whole = [row for row in truth if 0 < row["x"] and row["x"] + row["w"] < 640]
    assert len(whole) == 159 and all(70 <= row["w"] <= 115 and abs(row["w"] - row["h"]) <= 1 for row in whole)
    assert any(row["x"] + row["w"] == 640 for row in truth)  # somebody is entering


def test_the_clip_is_rendered_again(truth):
    """Its first frame, up to what H.264 loses."""
    image, boxes = next(scene.frames(5))
    with av.open(str(video_samples.WALK)) as container:
        stored = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(stored.astype(int) - image).mean() < 4
    first = itertools.takewhile(lambda row: row["frame"] == 0, truth)
    assert boxes == [tuple(row[name] for name in ("track", "x", "y", "w", "h")) for row in first]


def test_nothing_is_overwritten(tmp_path, capsys):
    target = tmp_path / "walk.mp4"
    target.with_suffix(".csv").write_text("mine")
    assert scene.main(["--out", str(target)]) == 1
    assert "walk.csv exists" in capsys.readouterr().err
    assert target.with_suffix(".csv").read_text() == "mine" and not target.exists()
    assert scene.main(["--out", str(tmp_path / "walk.avi")]) == 1
    assert scene.main(["--out", str(tmp_path / "missing" / "walk.mp4")]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2
