"""Robust hiding: what comes back after which damage, what stays untouched, and what is refused."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio as psnr

from uunet.stego import qim
from uunet.stego.lsb import CapacityError

SMALL = (240, 320, 3)


def order(total, count):
    return np.random.default_rng(3).permutation(total)[:count]


def scene(height, width, *, noise=4, seed=0, contrast=1.0):
    """A smooth background, edges, and sensor noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    smooth = 128 + contrast * (50 * np.sin(rows / 37) + 40 * np.sin(columns / 23) + 20 * (rows // 60 % 2))
    return (smooth[..., None] + rng.normal(0, noise, (height, width, 3))).clip(0, 255).astype(np.uint8)


def hide(frame, message, order, **options):
    return qim.hide([frame], message, order, **options)[0]


def jpeg(frame, quality):
    return cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def test_basis_is_that_of_the_dct(rng):
    """The carriers are the coefficients of cv2.dct of each 8x8 block."""
    frame = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    luma = frame.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    expected = [
        cv2.dct(luma[y : y + 8, x : x + 8])[at] for y in (0, 8) for x in (0, 8) for at in ((0, 1), (1, 0), (1, 1))
    ]
    np.testing.assert_allclose(qim._project(frame[None])[0], expected, atol=2e-3)


@settings(max_examples=30)
@given(st.binary(max_size=38), st.integers(0, 5))
def test_round_trip(message, seed):
    frame = scene(*SMALL[:2], seed=seed)
    before = frame.copy()
    hidden = hide(frame, message, order)
    assert qim.reveal([hidden], order) == message
    assert (frame == before).all() and not np.shares_memory(frame, hidden)
    assert hidden.shape == frame.shape and hidden.dtype == np.uint8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "room"),
    [((144, 176), 0), ((240, 320), 38), ((480, 640), 158), ((576, 768), 198), ((720, 1280), 398), ((1080, 1920), 798)],
)
def test_exact_capacity(shape, room):
    """31 % of the coefficients carry, at least 1.3 a coded bit, see the test below."""
    frame = scene(*shape)
    assert qim.capacity(frame.shape) == room
    message = bytes(k % 251 for k in range(room))
    if room:
        assert qim.reveal([hide(frame, message, order)], order) == message
    with pytest.raises(CapacityError, match=f"can hold {room} bytes .* needs {room + 1}:"):
        hide(frame, bytes(room + 1), order)


@pytest.mark.slow
@pytest.mark.parametrize("length", [0, 37, 38, 39, 78, 79, 118, 119, 158, 159, 198])
def test_every_size(length):
    """Messages on both sides of each padded size, of zeros and of ones."""
    frame = scene(576, 768)
    for byte in (b"\0", b"\xff"):
        assert qim.reveal([hide(frame, byte * length, order)], order) == byte * length


@pytest.mark.parametrize("size, bits", [(40, 816), (80, 1456), (200, 3616), (400, 7216)])
def test_coded_bits(size, bits):
    """2 (8 (size + parity) + 8), parity an eighth of each 200 bytes but 10 at least: 40 -> 50 -> 400 -> 408 -> 816."""
    assert qim._coded_bits(size) == bits == qim._encode(b"", size).size


@pytest.mark.parametrize("shape", [(1, 1, 3), (15, 300, 3), (16, 16, 3), (40, 40, 3)])
def test_too_small_for_anything(shape):
    frame = np.zeros(shape, np.uint8)
    assert qim.capacity(shape) == 0
    with pytest.raises(CapacityError):
        hide(frame, b"", order)
    with pytest.raises(qim.UnreadableError):
        qim.reveal([frame], order)


@pytest.mark.parametrize("length, least", [(38, 45), (118, 41), (198, 41)])
@pytest.mark.parametrize("contrast", [0, 1])
def test_hardly_visible(length, least, contrast, rng):
    """The dither makes the change of a flat picture as small as that of any other."""
    frame = scene(576, 768, noise=4 * contrast, contrast=contrast)
    assert psnr(frame, hide(frame, rng.bytes(length), order)) > least


@pytest.mark.parametrize("level", [0, 1, 60, 250, 255])
def test_flat_frames(level, rng):
    """Black and white too: where half of the pixels cannot move, the others move twice as far."""
    message, frame = rng.bytes(38), np.full(SMALL, level, np.uint8)
    assert qim.reveal([jpeg(hide(frame, message, order), 50)], order) == message


def test_clipped_frames(rng):
    message, frame = rng.bytes(38), np.where(scene(*SMALL[:2]) > 128, 255, 0).astype(np.uint8)
    assert qim.reveal([jpeg(hide(frame, message, order), 75)], order) == message


@pytest.mark.slow
@settings(max_examples=25)
@given(st.lists(st.tuples(*[st.integers(0, 200)] * 2, *[st.integers(1, 60)] * 2), max_size=4))
def test_avoided_boxes_stay(boxes):
    frame = scene(480, 640, seed=1)
    hidden = hide(frame, b"where the heads are", order, avoid=boxes)
    for x, y, w, h in boxes:
        assert (hidden[y : y + h, x : x + w] == frame[y : y + h, x : x + w]).all()
    assert qim.reveal([hidden], order) == b"where the heads are"


def test_chroma_stays():
    """All three channels move alike, so that codecs that halve chroma lose nothing."""
    frame = scene(*SMALL[:2])
    change = hide(frame, b"grey", order).astype(int) - frame
    assert change.any() and (change == change[..., :1]).all()


def test_boxes_over_everything():
    with pytest.raises(CapacityError, match="head boxes leave too little"):
        hide(scene(*SMALL[:2]), b"x", order, avoid=[(0, 0, 320, 240)])


def test_what_is_hidden_can_be_read(rng):
    """Boxes over more and more of the frame: either the message comes back, or it is refused."""
    results = []
    for rows in range(0, 240, 16):
        message = rng.bytes(38)
        try:
            hidden = hide(scene(*SMALL[:2]), message, order, avoid=[(0, 0, 320, rows)] if rows else [])
            results.append(qim.reveal([hidden], order) == message)
        except CapacityError:
            results.append(None)
    refused = results.index(None)
    assert refused >= 2 and results == [True] * refused + [None] * (15 - refused)


def test_same_places_for_one_video():
    """Who carries is decided by `order` alone: two messages of one size change the same macroblocks."""
    frame = scene(*SMALL[:2])
    one, other = (qim._grid(hide(frame, text, order) != frame).any((2, 3, 4)) for text in (b"one", b"another"))
    assert (one == other).all()


@pytest.mark.parametrize(
    "damage",
    [
        lambda frame: jpeg(frame, 30),
        lambda frame: cv2.resize(cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), (640, 480)),
        lambda frame: cv2.add(frame, (10, 10, 10, 0)),
        lambda frame: cv2.convertScaleAbs(frame, alpha=1.2),
        lambda frame: cv2.GaussianBlur(frame, (0, 0), 0.8),
        lambda frame: cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    ],
    ids=["JPEG 30", "half size", "brighter", "gain", "blur", "grey"],
)
@pytest.mark.parametrize("length", [38, 118])
def test_single_frames_survive(damage, length, rng):
    message, frame = rng.bytes(length), scene(480, 640, contrast=0.7)
    assert qim.reveal([damage(hide(frame, message, order))], order) == message


@pytest.mark.parametrize(
    "top, bottom, left, right", [(1, 0, 0, 0), (0, 0, 0, 1), (5, 5, 5, 5), (7, 7, 0, 3), (0, 4, 7, 7)]
)
@pytest.mark.parametrize("shape", [(480, 640), (270, 362)])
def test_crop(top, bottom, left, right, shape, rng):
    """Also of frames that do not consist of whole macroblocks, and after compression."""
    message = rng.bytes(30)
    hidden = hide(scene(*shape), message, order)
    assert qim.reveal([jpeg(hidden[top : shape[0] - bottom, left : shape[1] - right], 75)], order) == message


def test_frames_of_a_group_help_each_other(rng):
    """Noise that no single frame survives averages out over ten."""
    message, frame = rng.bytes(38), scene(*SMALL[:2])
    hidden = hide(frame, message, order).astype(float)
    noisy = [(hidden + rng.normal(0, 24, SMALL)).clip(0, 255).astype(np.uint8) for _ in range(10)]
    for single in noisy:
        with pytest.raises(qim.UnreadableError):
            qim.reveal([single], order)
    assert qim.reveal(noisy, order) == message


@pytest.mark.parametrize(
    "frame",
    [np.zeros(SMALL, np.uint8), np.full(SMALL, 255, np.uint8), np.full(SMALL, 99, np.uint8), scene(*SMALL[:2])],
    ids=["black", "white", "grey", "scene"],
)
def test_no_message(frame):
    with pytest.raises(qim.UnreadableError, match="no message"):
        qim.reveal([frame], order)


def test_another_order():
    hidden = hide(scene(*SMALL[:2]), b"where the heads are", order)
    with pytest.raises(qim.UnreadableError):
        qim.reveal([hidden], lambda total, count: np.random.default_rng(4).permutation(total)[:count])


@pytest.mark.parametrize("frame", [np.zeros(SMALL), np.zeros(SMALL[:2], np.uint8), np.zeros((240, 320, 4), np.uint8)])
def test_other_arrays(frame):
    with pytest.raises(ValueError, match="uint8"):
        hide(frame, b"x", order)
    with pytest.raises(ValueError, match="uint8"):
        qim.reveal([frame], order)


def test_a_group_shows_one_message(rng):
    """Each frame of a group is changed as if it were alone."""
    frames, message = [scene(*SMALL[:2], seed=k) for k in range(10)], rng.bytes(38)
    together = qim.hide(frames, message, order)
    assert all((one == hide(frame, message, order)).all() for one, frame in zip(together, frames, strict=True))
    assert qim.reveal(together, order) == message
    with pytest.raises(ValueError, match="of one shape"):
        qim.hide([frames[0], frames[0][:-1]], message, order)
