"""Labelled heads and the benchmark that reads them: matching in closed form, the committed labels, a made-up clip."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmarks import head_recall, matching
from uunet.boxes import detection, types
from uunet.boxes.types import FaceBox, Roi
from uunet.media import video_reading

LABELS = sorted(head_recall.LABELS.glob("*.json"))
HEAD = (10, 10, 10, 10)


@pytest.mark.parametrize(
    ("box", "right"),
    [
        ((10, 10, 10, 10), True),
        ((14, 10, 10, 10), True),  # 60 % of the head
        ((15, 10, 10, 10), False),  # 50 %
        ((12, 12, 8, 8), True),  # 64 %
        ((10, 10, 20, 40), True),  # 8 heads large
        ((10, 10, 20, 41), False),
        ((20, 10, 10, 10), False),  # beside it
        ((40, 40, 10, 10), False),
    ],
)
def test_a_box_covers_a_head(box, right):
    assert matching.covers(box, HEAD) == right


def test_each_found_head_has_a_box_of_its_own():
    """Two heads share a box: one is found, both are covered. As many as possible are found, whatever the order."""
    neighbour = (16, 10, 10, 10)
    wide = (10, 10, 16, 10)
    assert len(matching.found([HEAD, neighbour], [wide])) == 1
    assert matching.covered([HEAD, neighbour], [wide]) == {0, 1}
    for boxes in ([wide, HEAD], [HEAD, wide]):  # wide has to be left for the neighbour
        assert matching.found([HEAD, neighbour], boxes) == {0, 1}
    assert matching.found([HEAD], [HEAD, HEAD]) == {0}
    assert matching.found([], [HEAD]) == matching.found([HEAD], []) == matching.covered([HEAD], []) == set()


def test_pairs_have_the_largest_total_overlap():
    overlaps = np.array([[0.9, 0.8], [0.8, 0.1]])
    assert matching.one_to_one(overlaps, 0.3) == {(0, 1), (1, 0)}
    assert matching.one_to_one(overlaps, 0.85) == set()
    assert matching.one_to_one(np.zeros((2, 0)), 0.3) == set()


def test_false_alarms():
    """A second box on a head is none, nor is a box with its centre in an ignored region."""
    far, large = (50, 50, 10, 10), (0, 0, 60, 60)
    assert matching.false_alarms([HEAD], [], [HEAD, HEAD, far, large]) == 2
    assert matching.false_alarms([HEAD], [(54, 54, 3, 3)], [HEAD, far]) == 0
    assert matching.false_alarms([], [(40, 40, 12, 12)], [far]) == 1


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ((9, 8, "side"), ["all", "8-10 px", "side"]),
        ((9, 10, "back"), ["all", "10-16 px", "back"]),
        ((16, 8, "front"), ["all", "16-32 px", "16+ px", "front"]),
        ((30, 32, "front"), ["all", "32+ px", "16+ px", "front"]),
    ],
)
def test_groups_of_a_head(head, names):
    assert head_recall.groups(dict(zip(("w", "h", "pose"), head, strict=True))) == names


@pytest.mark.parametrize("path", LABELS, ids=lambda path: path.stem)
def test_labels_are_well_formed(path):
    label = json.loads(path.read_text())
    assert label["clip"].rsplit(".", 1)[0] == path.stem and len(label["sha256"]) == 64
    assert label["source"] and label["licence"]
    numbers = [frame["frame"] for frame in label["frames"]]
    assert numbers == sorted(set(numbers)) and 0 <= numbers[0] and numbers[-1] < label["n_frames"]
    for frame in label["frames"]:
        assert frame.keys() == {"frame", "half", "heads", "ignored"}
        rois = [Roi(*(box[name] for name in "xywh")) for box in frame["heads"] + frame["ignored"]]
        types.check_inside(rois, label["height"], label["width"])
        for head in frame["heads"]:
            assert head.keys() == {"x", "y", "w", "h", "pose", "hidden"}
            assert head["pose"] in head_recall.POSES and type(head["hidden"]) is bool
            assert max(head["w"], head["h"]) >= 8 and 0.4 < head["w"] / head["h"] < 2.5
    halves = Counter(frame["half"] for frame in label["frames"])
    assert set(halves) == set(head_recall.HALVES) and abs(halves["choose"] - halves["report"]) <= 1
    assert all(one["half"] != other["half"] for one, other in zip(label["frames"], label["frames"][1:], strict=False))


def test_there_are_enough_labels():
    frames = [frame for path in LABELS for frame in json.loads(path.read_text())["frames"]]
    assert len(frames) >= 60
    halves = Counter(frame["half"] for frame in frames)
    assert halves["choose"] == halves["report"]
    heads = Counter(group for frame in frames for head in frame["heads"] for group in head_recall.groups(head))
    assert all(heads[group] >= 3 for group in head_recall.GROUPS), heads
    page = (head_recall.LABELS / "README.md").read_text()
    assert page.splitlines()[2].startswith(f"{heads['all']} heads in {len(frames)} frames")
    for path in LABELS:
        label = json.loads(path.read_text())
        count = sum(len(frame["heads"]) for frame in label["frames"])
        assert f"| `{label['clip']}` | {len(label['frames'])} | {count} |" in page


class Bright:
    """A detector of white squares: reports what makes a head of the square's size, in even frames only."""

    def __call__(self, frame):
        rows, columns = np.where(frame[..., 0] > 128)
        if not len(rows) or frame[0, 0, 2] > 128:
            return []
        side = (columns.max() - columns.min() + 1) / detection.HEAD_SCALE
        x, y = columns.min() + columns.max() - side, rows.min() + rows.max() - side
        return [FaceBox(round(x / 2), round(y / 2), round(side), round(side))]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A clip of 12 frames with a white square of 20 pixels at (20, 20), and its labels of the frames 2, 3 and 6.

    Odd frames have a blue corner, by which the detector misses the square.
    """
    with av.open(str(tmp_path / "square.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "bgr0"
        for k in range(12):
            picture = np.zeros((64, 96, 3), np.uint8)
            picture[20:40, 20:40] = 255
            picture[0, 0, 2] = 255 * (k % 2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    head = {"x": 20, "y": 20, "w": 20, "h": 20, "pose": "back", "hidden": False}
    other = {"x": 70, "y": 40, "w": 9, "h": 9, "pose": "front", "hidden": True}
    label = {
        "clip": "square.mkv", "source": "made up", "licence": "none", "width": 96, "height": 64, "n_frames": 12,
        "sha256": hashlib.sha256((tmp_path / "square.mkv").read_bytes()).hexdigest(),
        "frames": [
            {"frame": 2, "half": "choose", "heads": [head], "ignored": []},
            {"frame": 3, "half": "report", "heads": [head, other], "ignored": []},
            {"frame": 6, "half": "choose", "heads": [], "ignored": []},
        ],
    }  # fmt: skip
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "square.json").write_text(json.dumps(label))
    absent = label | {"clip": "absent.mkv", "source": "on no disk"}
    (tmp_path / "labels" / "absent.json").write_text(json.dumps(absent))
    monkeypatch.setattr(head_recall, "LABELS", tmp_path / "labels")
    monkeypatch.setattr(head_recall, "DETECTORS", {"bright": Bright})
    return tmp_path


def run(*arguments):
    app = typer.Typer(add_completion=False)
    app.command()(head_recall.main)
    return CliRunner().invoke(app, list(map(str, arguments)))


def cells(page):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]


def test_a_made_up_clip(folder):
    """The square is found in frame 2, missed in frame 3, covered in both; in frame 6 it is a false alarm."""
    result = run(folder, "-o", folder / "record.json")
    assert result.exit_code == 0, result.output
    assert "absent.mkv is missing in " in result.stderr and "it is on no disk." in result.stderr
    head, _, row, *_ = cells(result.stdout)
    found = dict(zip(head, row, strict=True))
    assert found.pop("ms per frame").isdigit()
    assert found == {
        "detector": "bright", "clip": "square.mkv", "size": "96x64", "frames": "3", "all": "33% of 3",
        "8-10 px": "0% of 1", "10-16 px": "-", "16-32 px": "50% of 2", "32+ px": "-", "16+ px": "50% of 2",
        "front": "0% of 1", "side": "-", "back": "50% of 2", "false alarms per frame": "0.33",
    }  # fmt: skip
    uncovered = dict(zip(*(cells(result.stdout)[k] for k in (3, 5)), strict=True))
    assert (uncovered["back"], uncovered["front"], uncovered["all"]) == ("0% of 2", "100% of 1", "33% of 3")
    record = json.loads((folder / "record.json").read_text())
    assert record["clips"].keys() == {"square.mkv"} and record["half"] == "both"
    assert record["provenance"]["command"] == "python -m benchmarks.head_recall CLIPS"
    assert record["rows"][0]["covered"]["16-32 px"] == 2 and record["rows"][0]["seconds"] > 0


@pytest.mark.parametrize(("around", "covered"), [(0, "100% of 2"), (1, "50% of 2"), (30, "50% of 2")])
def test_half_and_pieces(folder, around, covered):
    """Frame 3 alone has no detection; one frame on each side is enough to cover the square."""
    table = cells(run(folder, "--half", "report", "--around", around).stdout)
    assert table[5][3:5] == ["1", covered]


@pytest.mark.parametrize(
    ("numbers", "around", "pieces"),
    [
        ([5, 20], None, [(0, np.inf)]),
        ([], None, []),
        ([5, 20], 7, [(0, 27)]),
        ([5, 20], 6, [(0, 11), (14, 26)]),
        ([5, 12], 3, [(2, 15)]),
    ],
)
def test_pieces(numbers, around, pieces):
    assert head_recall._pieces(numbers, around) == pieces


def test_a_piece_of_a_clip(folder):
    assert len(list(head_recall._rgb(folder / "square.mkv", 4, 6))) == 3
    assert len(list(head_recall._rgb(folder / "square.mkv", 10, 99))) == 2
    assert len(video_reading.read_frames(folder / "square.mkv")) == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--half", "third"], "there is no half 'third'"),
        (["--detector", "nose"], "there is no detector 'nose'"),
    ],
)
def test_wrong_options(folder, arguments, words):
    result = run(folder, *arguments)
    assert result.exit_code == 2 and words in result.stderr


def test_another_version_of_a_clip_is_left_out(folder):
    with Path(folder / "square.mkv").open("ab") as file:
        file.write(b"\0")
    result = run(folder)
    assert result.exit_code == 2 and "square.mkv is not the clip" in result.stderr
