"""The detector of heads: frames of any size, ROIs from heads, the union of two detectors."""

import dataclasses

import numpy as np
import pytest

from uunet import models
from uunet.boxes import detection, head_detection
from uunet.boxes.types import FaceBox, HeadBox, Roi
from uunet.models import files, head_detector


@dataclasses.dataclass
class Bright:
    """A network that finds one head of 40 x 48 pixels around the brightest cell, if that is brighter than 0.9."""

    shapes: list

    def predict_on_batch(self, images):
        self.shapes.append(images.shape)
        count, height, width, _ = images.shape
        cells = images.reshape(count, height // 4, 4, width // 4, 4, 3).mean((2, 4, 5))
        maps = np.zeros((*cells.shape, 5), np.float32)
        maps[..., 0] = np.where(cells > 0.9, 5, -9)
        maps[..., 1:3] = np.log([10, 12])
        return maps


@pytest.fixture
def bright():
    return head_detection._Heads(Bright([]), 0.5)


def test_the_roi_of_a_head_is_as_training_crops_heads():
    roi = detection.head_roi(HeadBox(100, 100, 40, 50), 400, 400)
    assert roi == Roi(88, 93, 64, 64)  # 1.27 times 50, around the same centre
    assert detection.head_roi(HeadBox(-10, -10, 40, 40), 400, 400) == Roi(0, 0, 35, 35)
    assert detection.head_roi(FaceBox(100, 100, 40, 50), 400, 400).w == 90


def test_frames_of_any_size(bright):
    for height, width in ((50, 70), (64, 64), (33, 200)):
        frame = np.zeros((height, width, 3), np.uint8)
        frame[24:28, 20:24] = 255
        assert bright(frame) == [HeadBox(2, 2, 40, 48)]
        assert bright.network.shapes[-1] == (1, -(-height // 32) * 32, -(-width // 32) * 32, 3)


def test_large_frames_are_reduced(bright):
    frame = np.zeros((720, 2560, 3), np.uint8)
    frame[200:208, 400:408] = 255
    assert bright(frame) == [HeadBox(364, 156, 80, 96)]
    assert bright.network.shapes == [(1, 384, 1280, 3)]


def test_heads_in_what_was_added_are_none(bright):
    frame = np.zeros((50, 70, 3), np.uint8)
    frame[:, 66:] = 255  # continued to column 96
    assert all(box.x + box.w / 2 < 70 for box in bright(frame))


def test_several_frames_are_one_call_each_shape_its_own(bright):
    frames = [np.zeros((64, 64, 3), np.uint8)] * 3 + [np.zeros((32, 64, 3), np.uint8)]
    frames[1] = frames[1].copy()
    frames[1][24:28, 20:24] = 255
    assert [len(found) for found in bright.many(frames)] == [0, 1, 0, 0]
    assert bright.network.shapes == [(3, 64, 64, 3), (1, 32, 64, 3)]
    assert bright.many([]) == []


def fixed(*boxes):
    def detect(frame):
        return list(boxes)

    detect.many = lambda frames: [list(boxes) for _ in frames]
    return detect


def test_the_union_keeps_one_box_per_head():
    head, same, other = HeadBox(50, 50, 30, 36), FaceBox(55, 60, 20, 24), FaceBox(150, 60, 20, 24)
    both = head_detection.union(fixed(head), fixed(same, other))
    frame = np.zeros((200, 200, 3), np.uint8)
    assert both(frame) == [head, other]
    (rois,) = detection.find_heads([frame], both)
    assert rois == sorted(detection.head_roi(box, 200, 200) for box in (head, other))


def test_without_weights_there_is_one_sentence(tmp_path):
    with pytest.raises(detection.DetectorError, match="There are no weights of the head detector") as error:
        head_detection.heads(tmp_path / "detector.safetensors")
    assert "train-head-detector" in str(error.value) and "\n" not in str(error.value)


def test_another_network_is_refused(tmp_path):
    path = tmp_path / "detector.safetensors"
    network = models.patch_critic(size=32, width=4)
    files.save(network, path, builder="head_detector", arguments={"width": 4}, provenance={})
    with pytest.raises(files.WeightsError):
        head_detection.heads(path)
    other = models.unet(name="decoder", channels=3, size=32, width=4)
    files.save(
        other, path, builder="unet", arguments={"name": "decoder", "channels": 3, "size": 32, "width": 4}, provenance={}
    )
    with pytest.raises(detection.DetectorError, match="is not a head detector"):
        head_detection.heads(path)


def test_a_file_of_weights_makes_a_detector(tmp_path):
    path = tmp_path / "detector.safetensors"
    files.save(
        head_detector.head_detector(width=4), path, builder="head_detector", arguments={"width": 4}, provenance={}
    )
    detect = head_detection.heads(path, threshold=0.9)
    assert detect(np.zeros((48, 80, 3), np.uint8)) == []
