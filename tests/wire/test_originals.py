"""Pictures of heads and digests of public heads."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.wire import originals
from uunet.wire.envelope import EXACT

RNG = np.random.default_rng(0)
SIDES = st.integers(1, 40)


def noise(h, w):
    return RNG.integers(0, 256, (h, w, 3), np.uint8)


@given(SIDES, SIDES, st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_exact_is_exact(h, w, share):
    rgb, mask = noise(h, w), RNG.random((h, w)) < share
    before = rgb.copy()
    back = originals.restored(originals.picture(rgb, mask, EXACT), (h, w))
    assert (back[mask] == rgb[mask]).all() and (rgb == before).all()
    assert len(np.unique(back[~mask].reshape(-1, 3), axis=0)) <= 1


def test_high_is_near():
    rows, columns = np.mgrid[:64, :48]
    rgb = np.stack([2 * rows + 60, 3 * columns, rows + columns], axis=2).astype(np.uint8)
    back = originals.restored(originals.picture(rgb, np.ones((64, 48), bool), originals.HIGH), (64, 48, 3))
    assert 10 * np.log10(255**2 / ((back - rgb.astype(float)) ** 2).mean()) > 38


@pytest.mark.parametrize("quality", [EXACT, originals.HIGH])
def test_a_picture_shows_nothing_of_a_neighbour(quality):
    """Whatever the neighbour's pixels are, the bytes are the same."""
    rgb, mask = noise(20, 30), np.ones((20, 30), bool)
    mask[:, 17:] = False
    other = rgb.copy()
    other[:, 17:] = noise(20, 13)
    assert originals.picture(rgb, mask, quality) == originals.picture(other, mask, quality)
    nothing = np.zeros((20, 30), bool)
    assert originals.picture(rgb, nothing, quality) == originals.picture(other, nothing, quality)


def test_what_cannot_be_a_picture():
    with pytest.raises(originals.PictureError, match="too large"):
        originals.picture(np.zeros((1, 16_384, 3), np.uint8), np.ones((1, 16_384), bool), EXACT)
    for rgb, mask in ((np.zeros((4, 4)), np.ones((4, 4))), (noise(4, 4), np.ones((4, 5), bool))):
        with pytest.raises(ValueError):
            originals.picture(rgb, mask, EXACT)


def saved(rgb, kind="WEBP", **options):
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, kind, **options)
    return file.getvalue()


def wrong_pictures():
    """Bytes that are no simple WebP file of 8 x 6 pixels."""
    right = saved(noise(6, 8), lossless=True)
    lossy = saved(noise(6, 8))
    frames = [Image.fromarray(noise(6, 8)) for _ in range(3)]
    moving = io.BytesIO()
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:])
    vast = right[:21] + struct.pack("<I", 16_383 | 16_383 << 14) + right[25:]
    vast_lossy = lossy[:26] + struct.pack("<HH", 16_383, 16_383) + lossy[30:]
    return {
        "empty": b"",
        "header": right[:20],
        "png": saved(noise(6, 8), "PNG"),
        "jpeg": saved(noise(6, 8), "JPEG"),
        "transposed": saved(noise(8, 6), lossless=True),
        "bomb": vast,
        "lossy bomb": vast_lossy,
        "metadata": saved(noise(6, 8), exif=b"Exif\0\0II*\0\x08\0\0\0\0\0"),
        "animation": moving.getvalue(),
        "alpha": saved(np.dstack([noise(6, 8), noise(6, 8)[..., 0]]), lossless=True, exif=b"Exif\0\0"),
        "cut": right[:-2],
        "longer": right + b"\0\0",
        "twice": right + right,
    }


@pytest.mark.parametrize("data", wrong_pictures().values(), ids=wrong_pictures())
def test_other_pictures_are_refused_before_they_are_decoded(data, monkeypatch):
    monkeypatch.setattr(originals.Image, "open", None)
    with pytest.raises(originals.PictureError):
        originals.restored(data, (6, 8, 3))


@pytest.mark.parametrize("quality", [EXACT, originals.HIGH])
def test_changed_bytes_are_pixels_or_a_sentence(quality):
    right = originals.picture(noise(6, 8), np.ones((6, 8), bool), quality)
    for at in range(len(right)):
        for bit in range(8):
            changed = right[:at] + bytes([right[at] ^ 1 << bit]) + right[at + 1 :]
            try:
                assert originals.restored(changed, (6, 8)).shape == (6, 8, 3)
            except UUNetError:
                pass


# Digests

FRAME = noise(48, 64)
CHROMA = RNG.integers(0, 256, (24, 32), np.uint8)
BLOCKS = RNG.integers(-1000, 1000, (6, 8, 8, 8)).astype(np.int16)
VIEW = [(FRAME, 1), (CHROMA, 2), (BLOCKS, 8)]


@given(st.integers(0, 63), st.integers(0, 47), st.data())
@settings(max_examples=50, deadline=None)
def test_a_digest_covers_the_box_and_nothing_else(x, y, data):
    roi = Roi(x, y, data.draw(st.integers(1, 64 - x)), data.draw(st.integers(1, 48 - y)))
    right = originals.head_digest(VIEW, roi)
    for k, (array, step) in enumerate(VIEW):
        r, c = (data.draw(st.integers(0, size - 1)) for size in array.shape[:2])
        changed = array.copy()
        changed[r, c].reshape(-1)[-1:] ^= 1 if array.ndim > 2 else 0
        changed[r, c] = changed[r, c] if array.ndim > 2 else changed[r, c] ^ 1
        touches = (
            r * step < roi.y + roi.h and (r + 1) * step > roi.y and c * step < roi.x + roi.w and (c + 1) * step > roi.x
        )
        view = [*VIEW[:k], (changed, step), *VIEW[k + 1 :]]
        assert (originals.head_digest(view, roi) != right) == touches


def test_a_digest_is_of_values():
    """Memory order and the machine's byte order do not matter."""
    roi = Roi(3, 5, 20, 30)
    swapped = BLOCKS.astype(BLOCKS.dtype.newbyteorder("S"))
    view = [(np.asfortranarray(FRAME), 1), (np.asfortranarray(CHROMA), 2), (swapped, 8)]
    assert originals.head_digest(view, roi) == originals.head_digest(VIEW, roi)
    assert len(originals.head_digest([], roi)) == 16


def test_a_picture_that_pillow_thinks_too_large(monkeypatch):
    picture = originals.picture(noise(20, 20), np.ones((20, 20), bool), EXACT)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(originals.PictureError, match="cannot be restored"):
        originals.restored(picture, (20, 20))
