"""LSB matching: one bit in the parity of each 8-bit sample, changed by at most one level.

The samples are those of a frame, or the coefficients of a JPEG file (`jpeg`). What hides in pixels survives lossless
files only. Without a key the samples carry the payload in raster order from the top left corner, where anybody can read
it and a steganalyst finds it easily: that hides data from the eye and no more. With a key their order is known to its
owners alone.

Any sample may carry a bit, those of the heads too: a reader does not know yet where the heads are.
"""

import numpy as np

from uunet.errors import UUNetError
from uunet.stego import keystream

NO_KEY = bytes(32)  # draws the signs, which no reader needs, where there is no key


class CapacityError(UUNetError):
    """A frame is too small for the bytes to hide in it."""


def capacity(shape):
    """How many whole bytes a frame of this shape, `(H, W)` or `(H, W, C)`, can hide: one bit a sample."""
    return int(np.prod(shape)) // 8


def check_capacity(shape, n_bytes):
    """Raises CapacityError, naming what is needed and what there is, if `n_bytes` do not fit."""
    if n_bytes > capacity(shape):
        raise CapacityError(
            f"The frame of {shape[1]} x {shape[0]} pixels can hide {capacity(shape)} bytes but its message needs "
            f"{n_bytes}: use a larger frame."
        )


def hide(frame, payload, *, offset=0, key=None, nonce=0, limits=(0, 255)):
    """Hides bytes in a frame: each sample whose parity is wrong goes up or down by one at random.

    LSB *matching*: unlike replacement it does not tie 2k to 2k + 1, which is what simple detectors look for.

    Args:
        frame: uint8 `(H, W)` or `(H, W, C)`, or int16 coefficients; not modified.
        payload: bytes.
        offset: int, bytes to leave room for: the first `8 offset` samples in raster order are not touched.
        key: bytes (32), orders the samples behind these; None for raster order.
        nonce: int >= 0, the frame's number: each frame has its own order and its own signs.
        limits: the least and the largest value of a sample.

    Returns:
        Like `frame`: a new one that differs in `8 len(payload)` samples at most, by one level. The least value only
        goes up and the largest only down, so nothing wraps.

    Raises:
        CapacityError: if offset and payload together are longer than `capacity(frame.shape)`.
    """
    _check(frame)
    check_capacity(frame.shape, offset + len(payload))
    bits = np.unpackbits(np.frombuffer(payload, np.uint8))
    hidden = frame.copy().reshape(-1)
    places = _places(frame.size, offset, bits.size, key, nonce)
    carrier = hidden[places].astype(np.int16)
    up = keystream.bits(key or NO_KEY, nonce, 8 * offset + bits.size)[8 * offset :]
    sign = np.where((carrier <= limits[0]) | (up == 1) & (carrier < limits[1]), 1, -1)
    hidden[places] = carrier + sign * ((carrier & 1) != bits)
    return hidden.reshape(frame.shape)


def reveal(frame, n_bytes, *, offset=0, key=None, nonce=0):
    """Reads hidden bytes back: `n_bytes`, or fewer (like `file.read`) where the frame ends.

    Args:
        frame: as `hide` gave it.
        n_bytes: int, how many to read; it may be less than were hidden.
        offset, key, nonce: as in `hide`. Without a key, bytes hidden at once may be read in pieces, one offset each.
    """
    _check(frame)
    n_bytes = max(0, min(n_bytes, capacity(frame.shape) - offset))
    places = _places(frame.size, offset, 8 * n_bytes, key, nonce)
    return np.packbits(frame.reshape(-1)[places] & 1).tobytes()


def _places(size, offset, n_bits, key, nonce):
    """Which samples carry the bits, as an index of the flat frame."""
    if key is None:
        return slice(8 * offset, 8 * offset + n_bits)
    return 8 * offset + keystream.positions(key, nonce, max(0, size - 8 * offset), n_bits)


def _check(frame):
    if frame.dtype not in (np.uint8, np.int16) or frame.ndim not in (2, 3):
        raise ValueError(f"frame must be uint8 or int16, (H, W) or (H, W, C), got {frame.dtype} {frame.shape}")
