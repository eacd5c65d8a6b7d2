"""LSB matching: one bit in the parity of each 8-bit sample, changed by at most one level.

Survives lossless files only. The samples are used in raster order from the top left corner, so anybody can read the
payload, and a steganalyst finds it easily: this hides data from the eye, it does not keep them secret. (An order
drawn from a key is to come with encrypted messages.)
"""

import numpy as np

from uunet.errors import UUNetError


class CapacityError(UUNetError):
    """A frame is too small for the bytes to hide in it."""


def capacity(shape):
    """How many whole bytes a frame of this shape `(H, W, 3)` can hide: one bit a sample."""
    return int(np.prod(shape)) // 8


def check_capacity(shape, n_bytes):
    """Raises CapacityError, naming what is needed and what there is, if `n_bytes` do not fit."""
    if n_bytes > capacity(shape):
        raise CapacityError(
            f"The frame of {shape[1]} x {shape[0]} pixels can hide {capacity(shape)} bytes but its message needs "
            f"{n_bytes}: use a larger frame."
        )


def hide(frame, payload, *, rng):
    """Hides bytes in a frame: each sample whose parity is wrong goes up or down by one at random.

    LSB *matching*: unlike replacement it does not tie 2k to 2k + 1, which is what simple detectors look for.

    Args:
        frame: uint8 `(H, W, 3)`; not modified.
        payload: bytes.
        rng: numpy Generator, draws the signs; 0 only goes up and 255 only down, so nothing wraps.

    Returns:
        uint8 `(H, W, 3)`, a new frame that differs by at most one level, in the first `8 len(payload)` samples only.

    Raises:
        CapacityError: if the payload is longer than `capacity(frame.shape)`.
    """
    _check_uint8(frame)
    check_capacity(frame.shape, len(payload))
    bits = np.unpackbits(np.frombuffer(payload, np.uint8))
    hidden = frame.copy().reshape(-1)
    carrier = hidden[: bits.size].astype(np.int16)
    sign = rng.integers(0, 2, bits.size, dtype=np.int16) * 2 - 1
    sign[carrier == 0] = 1
    sign[carrier == 255] = -1
    hidden[: bits.size] = carrier + sign * ((carrier & 1) != bits)
    return hidden.reshape(frame.shape)


def reveal(frame, n_bytes, *, offset=0):
    """Reads hidden bytes: `n_bytes` from byte `offset` on, fewer (like `file.read`) where the frame ends.

    Args:
        frame: uint8 `(H, W, 3)`.
        n_bytes: int, how many to read.
        offset: int, how many to skip first.
    """
    _check_uint8(frame)
    end = min(offset + n_bytes, capacity(frame.shape))
    return np.packbits(frame.reshape(-1)[8 * offset : 8 * end] & 1).tobytes()


def _check_uint8(frame):
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"frame must be uint8 (H, W, 3), got {frame.dtype} {frame.shape}")
