"""LSB matching and replacement: what it carries, what it changes, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from uunet.stego import lsb

SIDE = st.integers(1, 12)
SHAPES = st.one_of(st.tuples(SIDE, SIDE), st.tuples(SIDE, SIDE, st.integers(1, 5)))
FRAMES = SHAPES.flatmap(lambda shape: hnp.arrays(np.uint8, shape))
KEYS = st.none() | st.binary(min_size=32, max_size=32)
KEY = bytes(range(32))


@given(FRAMES, KEYS, st.integers(0, 2**32 - 1), st.data())
def test_round_trip_changes_little(frame, key, nonce, data):
    room = lsb.capacity(frame.shape)
    offset = data.draw(st.integers(0, room))
    payload = data.draw(st.binary(max_size=room - offset))
    before = frame.copy()
    hidden = lsb.hide(frame, payload, offset=offset, key=key, nonce=nonce)
    assert lsb.reveal(hidden, len(payload), offset=offset, key=key, nonce=nonce) == payload
    read = data.draw(st.integers(0, len(payload)))
    assert lsb.reveal(hidden, read, offset=offset, key=key, nonce=nonce) == payload[:read]
    assert (frame == before).all() and not np.shares_memory(frame, hidden)
    assert hidden.shape == frame.shape and hidden.dtype == np.uint8
    change = (hidden.astype(int) - frame).reshape(-1)
    assert abs(change).max() <= 1  # in particular nothing wraps from 0 to 255 or back
    assert not change[: 8 * offset].any() and np.count_nonzero(change) <= 8 * len(payload)
    if key is None:
        assert not change[8 * (offset + len(payload)) :].any()


@given(FRAMES, KEYS, st.integers(0, 2**32 - 1), st.data())
def test_replacement_changes_the_lowest_bits_only(frame, key, nonce, data):
    room = lsb.capacity(frame.shape)
    offset = data.draw(st.integers(0, room))
    payload = data.draw(st.binary(max_size=room - offset))
    options = {"offset": offset, "key": key, "nonce": nonce}
    hidden = lsb.replace(frame, payload, **options)
    assert lsb.reveal(hidden, len(payload), **options) == payload
    np.testing.assert_array_equal(hidden >> 1, frame >> 1)
    matched = lsb.hide(frame, payload, **options)
    np.testing.assert_array_equal(hidden != frame, matched != frame)  # the same samples


def test_replacement_takes_pixels_only():
    with pytest.raises(ValueError, match="uint8, got int16"):
        lsb.replace(np.zeros((8, 8), np.int16), b"x")


@given(FRAMES, KEYS)
def test_exact_capacity(frame, key):
    room = frame.size // 8
    assert lsb.capacity(frame.shape) == room
    full = bytes(range(256))[:room]
    assert lsb.reveal(lsb.hide(frame, full, key=key), room, key=key) == full
    with pytest.raises(lsb.CapacityError, match=rf"hide {room} bytes .* needs {room + 1}:"):
        lsb.hide(frame, bytes(room + 1), key=key)
    with pytest.raises(lsb.CapacityError, match=f"needs {room + 1}:"):
        lsb.hide(frame, b"x", offset=room, key=key)


@pytest.mark.parametrize("key", [None, KEY])
def test_extremes_do_not_wrap(key):
    frame = np.stack([np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8), np.full((8, 8), 254, np.uint8)], -1)
    for payload in (b"\x00" * 24, b"\xff" * 24):
        hidden = lsb.hide(frame, payload, key=key)
        assert set(np.unique(hidden[..., 0])) <= {0, 1} and set(np.unique(hidden[..., 1:])) <= {253, 254, 255}


@pytest.mark.parametrize("key", [None, KEY])
def test_matching_not_replacement(rng, key):
    """Both directions occur about equally often, for even and for odd samples."""
    frame = rng.integers(1, 255, (64, 64, 3), dtype=np.uint8)
    change = lsb.hide(frame, rng.bytes(1536), key=key).astype(int) - frame
    for parity in (0, 1):
        ups = (change[frame % 2 == parity] == 1).sum()
        downs = (change[frame % 2 == parity] == -1).sum()
        assert 0.9 < ups / downs < 1.1


def test_key_and_number_decide_where_and_which_way(rng):
    frame = np.full((32, 32, 3), 100, np.uint8)
    cases = ((KEY, 1), (KEY, 1), (KEY, 2), (KEY[::-1], 1))
    one, same, number, key = (lsb.hide(frame, b"\xff" * 24, key=key, nonce=nonce) for key, nonce in cases)
    assert (one == same).all()
    for other in (number, key):
        assert ((one != 100) & (other != 100)).sum() < 40  # of 192 changes each, 12 by chance
    assert 60 < (one == 101).sum() < 132


def test_signs_differ_from_frame_to_frame():
    frame = np.full((16, 16, 3), 100, np.uint8)
    assert (lsb.hide(frame, b"\xff" * 90, nonce=1) != lsb.hide(frame, b"\xff" * 90, nonce=2)).mean() > 0.3


def test_another_key_reads_noise(rng):
    frame = lsb.hide(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), bytes(200), key=KEY)
    assert lsb.reveal(frame, 200, key=KEY) == bytes(200)
    assert 0.4 < np.unpackbits(np.frombuffer(lsb.reveal(frame, 200, key=KEY[::-1]), np.uint8)).mean() < 0.6


@pytest.mark.parametrize("key", [None, KEY])
def test_stops_at_the_end(rng, key):
    frame = lsb.hide(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), b"cdef", offset=2, key=key)
    assert lsb.capacity(frame.shape) == 6
    assert lsb.reveal(frame, 100, offset=2, key=key) == b"cdef"
    assert lsb.reveal(frame, 1, offset=6, key=key) == lsb.reveal(frame, 9, offset=60, key=key) == b""


def test_reads_in_pieces(rng):
    frame = lsb.hide(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), b"abcdef")
    assert lsb.reveal(frame, 2) + lsb.reveal(frame, 3, offset=2) == b"abcde"


def test_open_and_keyed_bytes_side_by_side(rng):
    frame = lsb.hide(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), b"open")
    frame = lsb.hide(frame, bytes(range(20)), offset=4, key=KEY)  # 24 bytes: the frame is full
    assert lsb.reveal(frame, 4) == b"open" and lsb.reveal(frame, 20, offset=4, key=KEY) == bytes(range(20))


@pytest.mark.parametrize("key", [None, KEY])
def test_reads_views(key):
    """A mirrored view of a frame is another frame: it is read as it looks, not as it lies in memory."""
    frame = lsb.hide(np.zeros((6, 9, 3), np.uint8)[::-1, ::-1], b"hello", key=key)
    assert lsb.reveal(frame[:, ::-1].copy()[:, ::-1], 5, key=key) == b"hello"


@pytest.mark.parametrize("frame", [np.zeros((8, 8, 3)), np.zeros(64, np.uint8), np.zeros((2, 8, 8, 3), np.uint8)])
def test_other_arrays(frame):
    with pytest.raises(ValueError, match="uint8"):
        lsb.hide(frame, b"x")
    with pytest.raises(ValueError, match="uint8"):
        lsb.reveal(frame, 1)
