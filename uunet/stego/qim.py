"""Robust hiding for lossy video: quantisation index modulation (QIM) of low-frequency 8x8 DCT coefficients of luma.

A bit b moves one coefficient c to the nearest point of one of two lattices, of step D = 64 and half a step apart:

    c' = D round((c - o) / D) + o        o = d + b D/2

so whoever reads finds the bit in the phase of c, however the rest of the picture was compressed, as long as the
coefficient moved by less than D/4. The dither d differs from coefficient to coefficient, at random but fixed and known:
the change is then uniform in -D/2..D/2 whatever the picture, and a picture without a message votes noise. Three coefficients a block are used, and of those only as many as the message needs.

A message is protected three times: by Reed-Solomon bytes, by a convolutional code, and by repeating its bits over
coefficients scattered across the frame. The reader adds the votes cos(2 pi c / D) of all repeats and of all frames that hold the same message
(a *group*; codecs destroy a new message in every frame, and keep one that stays). Blocks that touch an avoided box are
left alone, bit for bit; the reader, who does not know the boxes yet, finds noise there, and repeats outvote it.
"""

import hashlib
import itertools

import numpy as np
import reedsolo

from uunet.errors import UUNetError
from uunet.stego import convolutional
from uunet.stego.lsb import CapacityError

BLOCK = 8  # pixels, as in JPEG and most codecs
STEP = 64.0  # D, in orthonormal DCT units (a coefficient of 8 is one grey level on average over its block)
FREQUENCIES = ((0, 1), (1, 0), (1, 1))  # (row, column); the lowest: codecs keep them longest
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601, of JPEG and most video

LENGTH_BYTES = 2  # the message's length, in front of it
SIZES = (40, 80, 120, 200, 400, 800, 1600)  # bytes of length and message together, padded to the next of these
LARGEST_BLOCK = 200  # bytes that one Reed-Solomon block protects
REPEATS = 2  # of each coded bit, while there is room; more where that cannot be seen
UNSEEN, MOST = 0.12, 0.32  # shares of the coefficients: moving the first costs 45 dB PSNR, moving the second 41 dB
FREE = -1  # a coefficient that carries nothing
ATTEMPTS = 4  # embedding is repeated where pixels were clipped at 0 or 255


class UnreadableError(UUNetError):
    """No message can be read: there is none, or too little is left of it."""


def capacity(shape):
    """How many bytes of message a frame of this shape `(H, W, 3)` can hold; 0 if none."""
    fitting = [size for size in SIZES if _count(_coefficients(shape), size)]
    return max(fitting) - LENGTH_BYTES if fitting else 0


def hide(frame, message, order, *, avoid=()):
    """Hides a message in one frame; the same call for every frame of a group.

    Args:
        frame: uint8 `(H, W, 3)`, RGB; not modified.
        message: bytes.
        order: callable `(total, count) -> int (count,)`: different numbers below `total`; the first ones do not
            depend on `count`. Who reads must have the same. Keep it for a whole video: coefficients that hold the
            same bit in the next group then stay where they are, which codecs keep best.
        avoid: boxes `(x, y, w, h)` whose pixels must not change.

    Returns:
        uint8 `(H, W, 3)`, a new frame.

    Raises:
        CapacityError: if the message is longer than `capacity(frame.shape)`.
    """
    total = _coefficients(frame.shape)
    if len(message) > capacity(frame.shape):
        raise CapacityError(
            f"The frame of {frame.shape[1]} x {frame.shape[0]} pixels can hold {capacity(frame.shape)} bytes in its "
            f"DCT coefficients but its message needs {len(message)}: use a larger frame or a lossless file."
        )
    size = _size(len(message))
    bits = _encode(message, size)
    count = _count(total, size)
    wanted = np.full(total, FREE, np.int8)
    wanted[order(total, count)] = np.resize(bits, count)
    wanted = wanted.reshape(-1, len(FREQUENCIES))
    wanted[_touched(frame.shape, avoid)] = FREE
    return _quantize(frame, wanted)


def reveal(frames, order):
    """Reads the message that all of `frames` hold.

    If there is none, the frames may have lost up to 7 rows and columns at their edges: all ways to put them back are
    tried. (A larger crop needs the original size, which is not known here.)

    Args:
        frames: uint8 `(H, W, 3)` each, at least one: a group, or what is left of it.
        order: as in `hide`.

    Returns:
        bytes.

    Raises:
        UnreadableError: if nothing that Reed-Solomon accepts is there.
    """
    message = _read(_votes(frames), order)
    if message is None and any(side % BLOCK for side in frames[0].shape[:2]):
        message = _read(_votes(_uncropped(frames, order)), order)
    if message is None:
        raise UnreadableError(
            "The frames carry no message that can be read: give the public file, not cut, resized or compressed more "
            "than its profile allows."
        )
    return message


def _votes(frames):
    """One number a coefficient, positive for 0 and negative for 1: float32 `(coefficients,)`."""
    dither = _dither(_coefficients(frames[0].shape))
    return sum(_phase(_project(_grid(frame)).reshape(-1) - dither) for frame in frames)


def _phase(distance):
    """1 on the lattice of 0, -1 on that of 1."""
    return np.cos(np.float32(2 * np.pi / STEP) * distance)


def _dither(total):
    """d of each coefficient: float32 `(total,)` in 0..D."""
    stream = hashlib.shake_256(b"uunet qim").digest(total)
    return np.frombuffer(stream, np.uint8) * np.float32(STEP / 256)


def _read(votes, order):
    for size in SIZES:
        count, bits = _count(votes.size, size), _coded_bits(size)
        if count:
            places = order(votes.size, count)
            message = _decode(np.bincount(np.arange(count) % bits, votes[places], bits), size)
            if message is not None:
                return message
    return None


def _uncropped(frames, order):
    """`frames` put back into whole blocks, where the coefficients lie closest to the lattices."""
    height, width = frames[0].shape[:2]
    padded = _padded(frames[0])

    def clarity(place):
        grid = _grid(padded[place])
        total = _coefficients(padded[place].shape)
        count = _count(total, SIZES[0])
        if not count:
            return 0
        places = order(total, count)
        block, frequency = np.divmod(places, len(FREQUENCIES))
        coefficients = _project(grid[np.divmod(block, grid.shape[1])])[np.arange(count), frequency]
        return np.square(_phase(coefficients - _dither(total)[places])).mean()

    best = max(itertools.product(_spans(height), _spans(width)), key=clarity)
    return [_padded(frame)[best] for frame in frames]


def _padded(frame):
    return np.pad(frame, ((BLOCK, BLOCK), (BLOCK, BLOCK), (0, 0)), mode="edge")


def _spans(side):
    """Where whole blocks may lie along a side that lost up to 7 pixels at either end: slices of the padded side."""
    for start in range(1, BLOCK + 1):
        for blocks in {(BLOCK - start + side) // BLOCK, -(-(BLOCK - start + side) // BLOCK)}:
            yield slice(start, start + blocks * BLOCK)


def _coefficients(shape):
    return (shape[0] // BLOCK) * (shape[1] // BLOCK) * len(FREQUENCIES)


def _size(length):
    return next(size for size in SIZES if length + LENGTH_BYTES <= size)


def _parity(size):
    """Reed-Solomon bytes a block: they mend half as many wrong bytes."""
    return max(10, min(size, LARGEST_BLOCK) // 8)


def _coded_bits(size):
    return convolutional.coded_length(8 * (size + _parity(size) * -(-size // LARGEST_BLOCK)))


def _count(total, size):
    """How many of `total` coefficients carry a message of a size; 0 if it does not fit."""
    bits = _coded_bits(size)
    count = min(max(int(UNSEEN * total), REPEATS * bits), int(MOST * total))
    return count if count >= bits else 0


def _encode(message, size):
    """Length, message, zeros; Reed-Solomon; convolutional: the bits, int8."""
    padded = (len(message).to_bytes(LENGTH_BYTES, "big") + message).ljust(size, b"\0")
    codec, block = reedsolo.RSCodec(_parity(size)), min(size, LARGEST_BLOCK)
    coded = b"".join(bytes(codec.encode(padded[start : start + block])) for start in range(0, size, block))
    return convolutional.encode(np.unpackbits(np.frombuffer(coded, np.uint8)).astype(np.int8))


def _decode(votes, size):
    """The message, or None."""
    parity, block = _parity(size), min(size, LARGEST_BLOCK)
    codec = reedsolo.RSCodec(parity)
    coded = np.packbits(convolutional.decode(votes)).reshape(-1, block + parity)
    try:
        padded = b"".join(bytes(codec.decode(received.tobytes())[0]) for received in coded)
    except reedsolo.ReedSolomonError:
        return None
    end = LENGTH_BYTES + int.from_bytes(padded[:LENGTH_BYTES], "big")
    if end > size or _size(end - LENGTH_BYTES) != size or any(padded[end:]):
        return None
    return padded[LENGTH_BYTES:end]


def _basis():
    """The patterns of FREQUENCIES: float32 `(64, 3)`, orthonormal columns."""
    n = np.arange(BLOCK)

    def wave(k):
        return np.sqrt((1 if k == 0 else 2) / BLOCK) * np.cos(np.pi * k * (2 * n + 1) / (2 * BLOCK))

    return np.stack([np.outer(wave(row), wave(column)).ravel() for row, column in FREQUENCIES], 1).astype(np.float32)


BASIS = _basis()


def _grid(frame):
    """A view of the whole blocks: `(H, W, 3)` -> `(rows, columns, 8, 8, 3)`; what does not fill a block is left out."""
    rows, columns = frame.shape[0] // BLOCK, frame.shape[1] // BLOCK
    return frame[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK, 3).swapaxes(1, 2)


def _project(blocks):
    """The coefficients of FREQUENCIES: `(n, 8, 8, 3)` -> float32 `(n, 3)`."""
    return (blocks.reshape(-1, 3).astype(np.float32) @ LUMA).reshape(-1, BLOCK * BLOCK) @ BASIS


def _quantize(frame, wanted):
    """Moves each coefficient with `wanted` 0 or 1 to its lattice by adding the same amount to R, G and B."""
    hidden = frame.copy()
    grid = _grid(hidden)
    used = np.flatnonzero((wanted != FREE).any(1))  # only these blocks are worked on
    offset = (_dither(wanted.size).reshape(wanted.shape) + np.float32(STEP / 2) * wanted)[used]
    wanted, places = wanted[used], np.divmod(used, grid.shape[1])
    original = grid[places]
    target = _project(original)
    target = np.where(wanted == FREE, target, STEP * np.rint((target - offset) / STEP) + offset)
    blocks, push = original, 0
    for _ in range(ATTEMPTS):
        missing = np.where(wanted == FREE, 0, target - _project(blocks))
        if np.abs(missing).max(initial=0) < STEP / 8:
            break
        push = push + missing  # where pixels were clipped they moved less than they should: push the others further
        change = (push @ BASIS.T).reshape(-1, BLOCK, BLOCK, 1)
        blocks = np.clip(np.rint(original + change), 0, 255).astype(np.uint8)
    grid[places] = blocks
    return hidden


def _touched(shape, boxes):
    """bool `(blocks,)`: which blocks touch one of the boxes."""
    rows, columns = shape[0] // BLOCK, shape[1] // BLOCK
    touched = np.zeros((rows, columns), bool)
    for x, y, w, h in boxes:
        touched[y // BLOCK : -(-(y + h) // BLOCK), x // BLOCK : -(-(x + w) // BLOCK)] = True
    return touched.reshape(-1)
