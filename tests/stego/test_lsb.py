"""LSB matching: what it carries, what it changes, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from uunet.stego import lsb

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))
FRAMES = SHAPES.flatmap(lambda shape: hnp.arrays(np.uint8, shape))


@given(FRAMES, st.data())
def test_round_trip_changes_little(frame, data):
    room = lsb.capacity(frame.shape)
    payload = data.draw(st.binary(max_size=room))
    before = frame.copy()
    hidden = lsb.hide(frame, payload, rng=np.random.default_rng(data.draw(st.integers(0, 9))))
    assert lsb.reveal(hidden, len(payload)) == payload
    assert (frame == before).all() and not np.shares_memory(frame, hidden)
    assert hidden.shape == frame.shape and hidden.dtype == np.uint8
    change = hidden.astype(int) - frame
    assert abs(change).max() <= 1  # in particular nothing wraps from 0 to 255 or back
    assert not change.reshape(-1)[8 * len(payload) :].any()


@given(FRAMES)
def test_exact_capacity(frame):
    room = frame.size // 8
    assert lsb.capacity(frame.shape) == room
    full = bytes(range(256))[:room]
    assert lsb.reveal(lsb.hide(frame, full, rng=np.random.default_rng(0)), room) == full
    with pytest.raises(lsb.CapacityError, match=rf"hide {room} bytes .* needs {room + 1}:"):
        lsb.hide(frame, bytes(room + 1), rng=np.random.default_rng(0))


def test_extremes_do_not_wrap(rng):
    frame = np.stack([np.zeros((8, 8), np.uint8), np.full((8, 8), 255, np.uint8), np.full((8, 8), 254, np.uint8)], -1)
    for payload in (b"\x00" * 24, b"\xff" * 24):
        hidden = lsb.hide(frame, payload, rng=rng)
        assert set(np.unique(hidden[..., 0])) <= {0, 1} and set(np.unique(hidden[..., 1:])) <= {253, 254, 255}


def test_matching_not_replacement(rng):
    """Both directions occur about equally often, for even and for odd samples."""
    frame = rng.integers(1, 255, (64, 64, 3), dtype=np.uint8)
    change = lsb.hide(frame, rng.bytes(1536), rng=rng).astype(int) - frame
    for parity in (0, 1):
        ups = (change[frame % 2 == parity] == 1).sum()
        downs = (change[frame % 2 == parity] == -1).sum()
        assert 0.9 < ups / downs < 1.1


def test_seed_decides_the_signs(rng):
    frame = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    one, same, other = (lsb.hide(frame, b"x" * 90, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any()


def test_reads_in_pieces_and_stops_at_the_end(rng):
    frame = lsb.hide(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), b"abcdef", rng=rng)
    assert lsb.capacity(frame.shape) == 6
    assert lsb.reveal(frame, 2) + lsb.reveal(frame, 3, offset=2) == b"abcde"
    assert lsb.reveal(frame, 100, offset=4) == b"ef"
    assert lsb.reveal(frame, 1, offset=6) == lsb.reveal(frame, 9, offset=60) == b""


def test_reads_views(rng):
    """A mirrored view of a frame is another frame: it is read as it looks, not as it lies in memory."""
    frame = lsb.hide(np.zeros((6, 9, 3), np.uint8), b"hello", rng=rng)
    assert lsb.reveal(frame[:, ::-1].copy()[:, ::-1], 5) == b"hello"


@pytest.mark.parametrize("frame", [np.zeros((8, 8, 3)), np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8)])
def test_other_arrays(frame, rng):
    with pytest.raises(ValueError, match="uint8"):
        lsb.hide(frame, b"x", rng=rng)
    with pytest.raises(ValueError, match="uint8"):
        lsb.reveal(frame, 1)
