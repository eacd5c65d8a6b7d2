"""Robust hiding for lossy video: quantisation index modulation (QIM) of low-frequency 8x8 DCT coefficients of luma.

A bit moves one coefficient c to the nearest point of one of two lattices, of step D = 64 and half a step apart:

    c' = D round((c - b D/2) / D) + b D/2

so whoever reads finds the bit in the phase of c, however the rest of the picture was compressed, as long as the
coefficient moved by less than D/4. Three coefficients a block are used, and of those only as many as the message needs.

A message is protected three times: by Reed-Solomon bytes, by a convolutional code, and by repeating its bits over
coefficients scattered across the frame. The reader adds the votes cos(2 pi c / D) of all repeats and of all frames that hold the same message
(a *group*; codecs destroy a new message in every frame, and keep one that stays). Blocks that touch an avoided box are
left alone, bit for bit; the reader, who does not know the boxes yet, finds noise there, and repeats outvote it.
"""

import hashlib

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
REPEATS = 2  # of each coded bit at least, while there is room; more where that costs nothing to see
UNSEEN, MOST = 0.12, 0.31  # shares of the coefficients: moving the first costs 45 dB PSNR, moving the second 41 dB
FEWEST_REPEATS = 1
FREE = -1  # a coefficient that carries nothing
ATTEMPTS = 4  # embedding is repeated where pixels were clipped at 0 or 255


class UnreadableError(UUNetError):
    """No message can be read: there is none, or too little is left of it."""


def capacity(shape):
    """How many bytes of message a frame of this shape `(H, W, 3)` can hold; 0 if none."""
    fitting = [size for size in SIZES if _count(_coefficients(shape), size)]
    return max(fitting) - LENGTH_BYTES if fitting else 0


def check_capacity(shape, n_bytes):
    """Raises CapacityError, naming what is needed and what there is, if a message of `n_bytes` does not fit."""
    if n_bytes > capacity(shape):
        raise CapacityError(
            f"The frame of {shape[1]} x {shape[0]} pixels can hold {capacity(shape)} bytes in its DCT coefficients "
            f"but its message needs {n_bytes}: use a larger frame or a lossless file."
        )


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
    check_capacity(frame.shape, len(message))
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


def agreement(frame, messages, order):
    """How well one frame agrees with each of some messages: the reader's test whether a frame is of its group.

    Args:
        frame: uint8 `(H, W, 3)`, of the size in which `messages` were hidden or read.
        messages: list of bytes.
        order: as in `hide`.

    Returns:
        list of float in -1..1: 1 for what was hidden, undamaged; about 0 for what has nothing to do with it.
    """
    votes, results = _votes([frame]), []
    for message in messages:
        size = _size(len(message))
        places = order(votes.size, _count(votes.size, size))
        signs = 1 - 2 * np.resize(_encode(message, size), places.size)
        results.append(float((votes[places] * signs).mean()))
    return results


def _votes(frames):
    """One number a coefficient, positive for 0 and negative for 1: float32 `(coefficients,)`."""
    return sum(np.cos(2 * np.pi / STEP * _project(frame)) for frame in frames).reshape(-1)


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
    rows, columns = -height % BLOCK, -width % BLOCK  # what is missing

    def padded(frame, top, left):
        return np.pad(frame, ((top, rows - top), (left, columns - left), (0, 0)), mode="edge")

    def clarity(place):
        votes = _votes([padded(frames[0], *place)])
        count = _count(votes.size, SIZES[0])
        return np.square(votes[order(votes.size, count)]).mean() if count else 0

    best = max(((top, left) for top in range(rows + 1) for left in range(columns + 1)), key=clarity)
    return [padded(frame, *best) for frame in frames]


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
    return count if count >= FEWEST_REPEATS * bits else 0


def _encode(message, size):
    """Length, message, zeros; Reed-Solomon; convolutional; whitened: the bits, int8."""
    padded = (len(message).to_bytes(LENGTH_BYTES, "big") + message).ljust(size, b"\0")
    codec, block = reedsolo.RSCodec(_parity(size)), min(size, LARGEST_BLOCK)
    coded = b"".join(bytes(codec.encode(padded[start : start + block])) for start in range(0, size, block))
    bits = convolutional.encode(np.unpackbits(np.frombuffer(coded, np.uint8)).astype(np.int8))
    return bits ^ _whitening(bits.size)


def _whitening(count):
    """Fixed bits that look random: a flat picture, which votes for zeros only, must not read as a message of zeros."""
    stream = hashlib.shake_256(b"uunet qim").digest(-(-count // 8))
    return np.unpackbits(np.frombuffer(stream, np.uint8))[:count].astype(np.int8)


def _decode(votes, size):
    """The message, or None."""
    parity, block = _parity(size), min(size, LARGEST_BLOCK)
    codec = reedsolo.RSCodec(parity)
    coded = np.packbits(convolutional.decode(votes * (1 - 2 * _whitening(votes.size)))).reshape(-1, block + parity)
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


def _blocks(luma):
    """float32 `(H, W)` -> `(blocks, 64)` in raster order; what does not fill a block is left out."""
    rows, columns = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    cut = luma[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(-1, BLOCK * BLOCK)


def _project(frame):
    """The coefficients of FREQUENCIES of each block: float32 `(blocks, 3)`."""
    return _blocks(frame.astype(np.float32) @ LUMA) @ BASIS


def _quantize(frame, wanted):
    """Moves each coefficient with `wanted` 0 or 1 to its lattice by adding the same amount to R, G and B."""
    rows, columns = frame.shape[0] // BLOCK, frame.shape[1] // BLOCK
    used, offset = wanted != FREE, np.where(wanted > 0, STEP / 2, 0)
    coefficients = _project(frame)
    target = STEP * np.round((coefficients - offset) / STEP) + offset
    aim = np.where(used, target - coefficients, 0).astype(np.float32)
    original = frame[: rows * BLOCK, : columns * BLOCK].astype(np.float32)
    hidden, push = frame.copy(), aim
    for _ in range(ATTEMPTS):
        change = (push @ BASIS.T).reshape(rows, columns, BLOCK, BLOCK).transpose(0, 2, 1, 3)
        change = change.reshape(rows * BLOCK, columns * BLOCK, 1)
        hidden[: rows * BLOCK, : columns * BLOCK] = np.clip(np.rint(original + change), 0, 255).astype(np.uint8)
        missing = np.where(used, target - _project(hidden), 0)
        if np.abs(missing).max(initial=0) < STEP / 8:
            break
        push = push + missing  # clipped pixels moved less than they should: push the others further
    return hidden


def _touched(shape, boxes):
    """bool `(blocks,)`: which blocks touch one of the boxes."""
    rows, columns = shape[0] // BLOCK, shape[1] // BLOCK
    touched = np.zeros((rows, columns), bool)
    for x, y, w, h in boxes:
        touched[y // BLOCK : -(-(y + h) // BLOCK), x // BLOCK : -(-(x + w) // BLOCK)] = True
    return touched.reshape(-1)
