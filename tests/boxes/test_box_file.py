"""Head boxes from a file: what is read, what is refused, and how they are given to the frames of a clip."""

import json

import pytest

from uunet.boxes import box_file
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Roi

CSV = "frame,x,y,w,h\n0,1,2,30,40\n2,5,6,30,40\n2,40,6,20,20\n"
OBJECTS = [
    {"frame": 0, "x": 1, "y": 2, "w": 30, "h": 40},
    {"frame": 2, "x": 5, "y": 6, "w": 30, "h": 40},
    {"frame": 2, "x": 40, "y": 6, "w": 20, "h": 20},
]
BOXES = GivenBoxes({0: [(None, Roi(1, 2, 30, 40))], 2: [(None, Roi(5, 6, 30, 40)), (None, Roi(40, 6, 20, 20))]})


def test_boxes_from_csv_and_json(tmp_path):
    (tmp_path / "boxes.csv").write_text("\ufeff" + CSV, encoding="utf-8")  # as a spreadsheet saves it
    (tmp_path / "boxes.json").write_text(json.dumps(OBJECTS))
    assert box_file.read(tmp_path / "boxes.csv") == BOXES
    assert box_file.read(str(tmp_path / "boxes.json")) == BOXES


def test_boxes_with_tracks_are_used_as_they_are(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("frame,x,y,w,h,track\n1,1,2,30,40,7\n1,50,2,9,9,3\n")
    tracked = box_file.read(path).tracked(3, 60, 80)
    assert tracked == [[], [(3, Roi(50, 2, 9, 9)), (7, Roi(1, 2, 30, 40))], []]


def test_boxes_without_tracks_are_named_but_never_filled():
    boxes = {0: [(None, Roi(1, 2, 30, 40))], 2: [(None, Roi(2, 2, 30, 40))]}
    assert GivenBoxes(boxes).tracked(3, 60, 80) == [[(0, Roi(1, 2, 30, 40))], [], [(0, Roi(2, 2, 30, 40))]]


@pytest.mark.parametrize(("name", "text"), [("a.csv", "frame,x,y,w,h\n"), ("a.json", "[]")])
def test_file_that_says_that_there_is_no_head(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert box_file.read(tmp_path / name) == GivenBoxes()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "", "does not name its columns"),
        ("a.csv", "\n", "does not name its columns"),
        ("a.csv", "0,1,2,30,40\n", "does not name its columns"),
        ("a.json", "", "not readable"),
        ("a.json", "[" * 100_000, "not readable"),
        ("a.csv", f"frame,x,y,w,h\n0,1,2,3,{10**21}\n", "box 1"),
        ("a.json", f'[{{"frame": {10**9}, "x": 1, "y": 2, "w": 3, "h": 4}}]', "box 1"),
        ("a.txt", "", "name a .csv or a .json"),
        ("a.json", "{", "not readable"),
        ("a.json", "{}", "list of boxes"),
        ("a.json", "[1]", "box 1"),
        ("a.json", '[{"frame": 0, "x": 1, "y": 2, "w": 3}]', "box 1"),
        ("a.json", '[{"frame": 0, "x": 1.0, "y": 2, "w": 3, "h": 4}]', "box 1"),
        ("a.json", '[{"frame": true, "x": 1, "y": 2, "w": 3, "h": 4}]', "box 1"),
        ("a.json", '[{"frame": 0, "x": -1, "y": 2, "w": 3, "h": 4}]', "box 1"),
        ("a.csv", "frame,x,y,w\n0,1,2,3\n", "does not name its columns"),
        ("a.csv", "frame,x,y,w,h\n0,1,2,3,4\n0,1,2,3\n", "box 2"),
        ("a.csv", "frame,x,y,w,h\n0,255,5,241,100,101\n", "box 1"),  # a decimal comma: another box without it
        ("a.csv", "frame,x,y,w,h\n0,1,2,3,1_0\n", "box 1"),
        ("a.csv", "frame,x,y,w,h\n0,1,2,3,\u0661\n", "box 1"),
        ("a.csv", "frame,x,y,w,h,track\n0,1,2,3,4,1\n0,9,9,3,4,1\n", "two boxes of one track"),
        ("a.json", '[{"frame":0,"x":1,"y":2,"w":3,"h":4,"track":1},{"frame":1,"x":1,"y":2,"w":3,"h":4}]', "only some"),
    ],
)
def test_unusable_file_of_boxes(tmp_path, name, text, says):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(box_file.BoxesError, match=says):
        box_file.read(tmp_path / name)


def test_missing_or_binary_file_of_boxes(tmp_path):
    with pytest.raises(box_file.BoxesError, match="cannot be read"):
        box_file.read(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(box_file.BoxesError, match="not readable"):
        box_file.read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ({3: [(0, Roi(0, 0, 9, 9))]}, "frame 3 but the last frame is 2"),
        ({1: [(0, Roi(75, 0, 9, 9))]}, "Frame 1: .*x=75"),
        ({1: [(0, Roi(5, 0, 0, 9))]}, "Frame 1: .*w=0"),
    ],
)
def test_boxes_of_another_video(boxes, says):
    with pytest.raises(box_file.BoxesError, match=says):
        GivenBoxes(boxes).tracked(3, 60, 80)


def test_boxes_keep_the_order_of_the_file_where_tracks_do_not_matter():
    boxes = GivenBoxes({0: [(7, Roi(1, 2, 30, 40)), (3, Roi(50, 2, 9, 9))]})
    assert boxes.frames(2, 60, 80) == [boxes.by_frame[0], []]
    assert boxes.tracked(2, 60, 80) == [boxes.by_frame[0][::-1], []]


def test_boxes_of_the_pictures_of_a_folder():
    boxes = GivenBoxes({1: [(None, Roi(1, 2, 30, 40))]})
    assert [own.by_frame for own in boxes.per_picture(3)] == [{0: []}, {0: boxes.by_frame[1]}, {0: []}]
    with pytest.raises(box_file.BoxesError, match="picture 1 but the last one is 0"):
        boxes.per_picture(1)


def test_too_many_boxes_in_a_frame(tmp_path):
    (tmp_path / "a.csv").write_text("frame,x,y,w,h\n" + "4,1,2,3,4\n" * (box_file.MAX_HEADS + 1))
    with pytest.raises(box_file.BoxesError, match="frame 4 has 1001 boxes: give at most 1000 per frame"):
        box_file.read(tmp_path / "a.csv")
