"""The archive of head scenes, and the variations of training."""

import dataclasses

import cv2
import numpy as np
import pytest

from uunet.config import HEAD_DETECTORS_BY_NAME
from uunet.data import DataError, head_scenes

SMOKE = HEAD_DETECTORS_BY_NAME["smoke"]


def made(count, size=64, seed=0):
    """Scenes with one bright rectangle each on a dark ground, which stands for a head."""
    rng = np.random.default_rng(seed)
    files, boxes, ignored = [], [], []
    for k in range(count):
        picture = rng.integers(0, 50, (size, size, 3)).astype(np.uint8)
        x, y, w, h = 10 + 2 * (k % 8), 14 + k % 5, 20, 24
        picture[y : y + h, x : x + w] = 220
        files.append(head_scenes.encode(picture))
        boxes.append(np.array([[x, y, w, h]], np.float32))
        ignored.append(np.zeros((k % 2, 4), np.float32))
    return head_scenes.Scenes(files, boxes, ignored, size)


def test_an_archive_gives_back_what_was_written(tmp_path):
    written = made(5), made(3, seed=1)
    head_scenes.write(tmp_path / "a.npz", written, {"seed": 0})
    *read, sha256 = head_scenes.read(tmp_path / "a.npz")
    assert len(sha256) == 64
    for before, after in zip(written, read, strict=True):
        assert len(after.files) == len(before.files) and after.size == 64
        for k in range(len(before.files)):
            np.testing.assert_array_equal(after.picture(k), before.picture(k))
            np.testing.assert_array_equal(after.boxes[k], before.boxes[k])
            np.testing.assert_array_equal(after.ignored[k], before.ignored[k])


def test_other_files_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        head_scenes.read(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(DataError, match="no complete archive"):
        head_scenes.read(tmp_path / "text.npz")
    np.savez(tmp_path / "heads.npz", format=1, size=64)
    with pytest.raises(DataError, match="is not an archive of head scenes"):
        head_scenes.read(tmp_path / "heads.npz")
    head_scenes.write(tmp_path / "half.npz", (made(2), made(0)), {})
    with pytest.raises(DataError, match="lacks pictures"):
        head_scenes.read(tmp_path / "half.npz")


def test_boxes_follow_the_pixels():
    """In every variation the bright rectangle is where its box says."""
    scenes = made(8)
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(40):
        picture, boxes, ignored = head_scenes.varied(scenes, 64, rng)
        assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8
        grey = cv2.GaussianBlur(picture, (0, 0), 1).mean(-1)
        inside = np.zeros((64, 64), bool)
        near = np.zeros((64, 64), bool)
        for x, y, w, h in np.concatenate([boxes, ignored]):
            assert x >= -64 and y >= -64 and w >= 0 and h >= 0
            near[max(0, int(y) - 3) : int(y + h) + 4, max(0, int(x) - 3) : int(x + w) + 4] = True
        for x, y, w, h in boxes:
            assert x >= 0 and y >= 0 and x + w <= 64.001 and y + h <= 64.001
            inside[int(y) + 3 : int(y + h) - 2, int(x) + 3 : int(x + w) - 2] = True
        if inside.any() and not near.all():
            seen += 1
            assert grey[inside].mean() > grey[~near].mean() + 50
    assert seen > 20


def test_a_batch_is_a_function_of_the_step():
    scenes = made(4)
    one, again, other = (head_scenes.head_scene_batch(scenes, SMOKE, step) for step in (3, 3, 4))
    assert {name: value.shape for name, value in one.items()} == {
        "image": (4, 64, 64, 3), "maps": (4, 16, 16, 5), "near": (4, 16, 16), "counts": (4, 16, 16),
    }  # fmt: skip
    assert all(value.dtype == np.float32 for value in one.values())
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
    assert (one["image"] != other["image"]).any()
    reseeded = head_scenes.head_scene_batch(scenes, dataclasses.replace(SMOKE, seed=1), 3)
    assert (reseeded["image"] != one["image"]).any()
