"""LSB matching and replacement: the parity of a sample is one bit, and hiding changes a sample by at most one level.

The samples are the 8-bit values of a frame, or the coefficients of a JPEG file (`jpeg`). Bits hidden in pixels survive
in lossless files only. Without a key the payload is in raster order from the top left corner: it is invisible, but
anybody can read it, and steganalysis detects it easily. With a key only the owners of the key know the order.

Any sample may carry a bit, including those of the heads, because a reader does not know yet where the heads are.
"""

import numpy as np

from uunet.errors import UUNetError
from uunet.stego import keystream

NO_KEY = bytes(32)  # used without a key, for the signs only; a reader does not need the signs


class CapacityError(UUNetError):
    """A frame is too small for its message."""


def capacity(shape: tuple[int, ...]) -> int:
    """The number of whole bytes that a frame of shape `(H, W)` or `(H, W, C)` can hide: one bit per sample."""
    return int(np.prod(shape)) // 8


def check_capacity(shape: tuple[int, ...], n_bytes: int) -> None:
    """Raises CapacityError if `n_bytes` do not fit into a frame of this shape."""
    if n_bytes > capacity(shape):
        raise CapacityError(
            f"The frame of {shape[1]} x {shape[0]} pixels can hide {capacity(shape)} bytes but its message needs "
            f"{n_bytes}: use a larger frame."
        )


def hide(
    frame: np.ndarray,
    payload: bytes,
    *,
    offset: int = 0,
    key: bytes | None = None,
    nonce: int = 0,
    limits: tuple[int, int] = (0, 255),
) -> np.ndarray:
    """Hides bytes in a frame by LSB matching: each sample whose parity is wrong goes up or down by one at random.

    Args:
        frame: uint8 `(H, W)` or `(H, W, C)`, or int16 coefficients; not modified.
        payload: bytes.
        offset: int, bytes to leave free: the first `8 offset` samples in raster order are not changed.
        key: bytes (32), determines the order of the samples behind these; None for raster order.
        nonce: int >= 0, the frame's number: each frame has its own order and its own signs.
        limits: smallest and largest value of a sample.

    Returns:
        A new array like `frame` that differs in at most `8 len(payload)` samples, by one level. The smallest value only
        goes up and the largest only goes down, so no value leaves `limits`.

    Raises:
        ValueError: if the frame is of another type or shape.
        CapacityError: if offset and payload together are longer than `capacity(frame.shape)`.
    """
    hidden, places, bits = _carriers(frame, payload, offset, key, nonce)
    carrier = hidden[places].astype(np.int16)
    up = keystream.bits(key or NO_KEY, nonce, 8 * offset + bits.size)[8 * offset :]
    sign = np.where((carrier <= limits[0]) | (up == 1) & (carrier < limits[1]), 1, -1)
    hidden[places] = carrier + sign * ((carrier & 1) != bits)
    return hidden.reshape(frame.shape)


def replace(
    frame: np.ndarray, payload: bytes, *, offset: int = 0, key: bytes | None = None, nonce: int = 0
) -> np.ndarray:
    """Hides bytes in a frame by LSB replacement: only the lowest bit of a sample changes, 2k to 2k + 1 and back.

    Simple detectors find this. In return the seven higher bits of every sample stay as they are. `reveal` reads both.

    Args:
        frame: uint8 `(H, W)` or `(H, W, C)`; not modified.
        payload, offset, key, nonce: as in `hide`, and so is what it raises and the samples that may change.

    Returns:
        A new array like `frame`.
    """
    if frame.dtype != np.uint8:
        raise ValueError(f"replacement needs a frame of uint8, got {frame.dtype}")
    hidden, places, bits = _carriers(frame, payload, offset, key, nonce)
    hidden[places] = hidden[places] & 0xFE | bits
    return hidden.reshape(frame.shape)


def reveal(frame: np.ndarray, n_bytes: int, *, offset: int = 0, key: bytes | None = None, nonce: int = 0) -> bytes:
    """Reads hidden bytes: `n_bytes`, or fewer (like `file.read`) if the frame ends before.

    Args:
        frame: as `hide` or `replace` returned it.
        n_bytes: int, may be smaller than the number of hidden bytes.
        offset, key, nonce: as in `hide`. Without a key, bytes hidden in one call can be read in several calls, with
            rising offsets.
    """
    _check(frame)
    n_bytes = max(0, min(n_bytes, capacity(frame.shape) - offset))
    places = _places(frame.size, offset, 8 * n_bytes, key, nonce)
    return np.packbits(frame.reshape(-1)[places] & 1).tobytes()


def _carriers(frame, payload, offset, key, nonce):
    """A flat copy of the frame, the samples of it that carry the payload, and the payload's bits, one per sample."""
    _check(frame)
    check_capacity(frame.shape, offset + len(payload))
    bits = np.unpackbits(np.frombuffer(payload, np.uint8))
    return frame.copy().reshape(-1), _places(frame.size, offset, bits.size, key, nonce), bits


def _places(size, offset, n_bits, key, nonce):
    """The samples that carry the bits, as an index into the flat frame."""
    if key is None:
        return slice(8 * offset, 8 * offset + n_bits)
    return 8 * offset + keystream.positions(key, nonce, max(0, size - 8 * offset), n_bits)


def _check(frame):
    if frame.dtype not in (np.uint8, np.int16) or frame.ndim not in (2, 3):
        raise ValueError(f"frame must be uint8 or int16, (H, W) or (H, W, C), got {frame.dtype} {frame.shape}")
