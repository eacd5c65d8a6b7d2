"""Robust hiding for lossy video: quantisation index modulation (QIM) of low-frequency 8x8 DCT coefficients of luma.

A bit b moves one coefficient c to the nearest point of one of two lattices, of step D = 64 and half a step apart:

    c' = D round((c - o) / D) + o        o = d + b D/2

so whoever reads finds the bit in the phase of c, however the rest of the picture was compressed, as long as the
coefficient moved by less than D/4. The dither d differs from coefficient to coefficient, at random but fixed and known:
the change is then uniform in -D/2..D/2 whatever the picture, and a picture without a message votes noise.

The unit is the macroblock, 16 x 16 pixels: three coefficients in each of its four 8x8 blocks carry, twelve in all, and
of the macroblocks only as many as the message needs. (Codecs decide by macroblocks what is worth coding: twelve changes
in one are, twelve in twelve are not.) Macroblocks that touch an avoided box are left alone, bit for bit; the reader,
who does not know the boxes yet, finds noise there, and repeats outvote it.

A message is protected three times: by Reed-Solomon bytes, by a convolutional code, and by repeating its bits in other
macroblocks. The reader adds the votes cos(2 pi (c - d) / D) of all repeats and of all frames that hold the same message
(a *group*; codecs destroy a new message in every frame, and keep one that stays).

QIM: B. Chen, G. W. Wornell, IEEE Trans. Information Theory 47(4), 2001. The paper's [14] does not say how it embeds.
"""

import functools
import hashlib
import itertools

import numpy as np
import reedsolo

from uunet.errors import UUNetError
from uunet.stego import convolutional
from uunet.stego.lsb import CapacityError

BLOCK = 8  # pixels, of the DCT as in JPEG and most codecs
MACROBLOCK = 16  # pixels
FREQUENCIES = ((0, 1), (1, 0), (1, 1))  # (row, column) of the DCT; the lowest: codecs keep them longest
CARRIERS = len(FREQUENCIES) * (MACROBLOCK // BLOCK) ** 2  # coefficients of a macroblock
STEP = 64.0  # D, in orthonormal DCT units (a coefficient of 8 is one grey level on average over its block)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601, of JPEG and most video

LENGTH_BYTES = 2  # the message's length, in front of it
SIZES = (40, 80, 120, 160, 200, 400, 800, 1600)  # bytes of length and message together, padded to the next of these
LARGEST_BLOCK = 200  # bytes that one Reed-Solomon block protects
REPEATS, FEWEST = 2, 1.3  # of each coded bit: wanted (more where that cannot be seen) and needed for H.264 at crf 28
UNSEEN, MOST = 0.12, 0.31  # shares of the macroblocks: changing the first costs 45 dB PSNR, changing the second 41 dB
ATTEMPTS = 4  # embedding is repeated where pixels were clipped at 0 or 255
LOST = 8  # a crop of fewer pixels than this at an edge is found


class UnreadableError(UUNetError):
    """No message can be read: there is none, or too little is left of it."""


def capacity(shape):
    """How many bytes of message a frame of this shape `(H, W, 3)` can hold; 0 if none."""
    fitting = [size for size in SIZES if _used(_macroblocks(shape), size)]
    return max(fitting) - LENGTH_BYTES if fitting else 0


def check_capacity(shape, n_bytes):
    """Raises CapacityError, naming what is needed and what there is, if `n_bytes` do not fit."""
    if n_bytes > capacity(shape):
        raise CapacityError(
            f"The frame of {shape[1]} x {shape[0]} pixels can hold {capacity(shape)} bytes in its DCT coefficients but "
            f"its message needs {n_bytes}: use a larger frame or a lossless file."
        )


def hide(frames, message, order, *, avoid=()):
    """Hides a message in the frames of a group, the same way in each.

    Args:
        frames: uint8 `(H, W, 3)` each, of one shape, RGB, at least one; not modified.
        message: bytes.
        order: callable `(total, count) -> int (count,)`: different numbers below `total`; the first ones do not
            depend on `count`. Who reads must have the same. Keep it for a whole video: coefficients that hold the
            same bit in the next group then stay where they are, which codecs keep best.
        avoid: boxes `(x, y, w, h)` in the frames whose pixels must not change.

    Returns:
        list of uint8 `(H, W, 3)`, new frames, which `reveal` reads back.

    Raises:
        CapacityError: if the message is longer than `capacity` of a frame, or `avoid` leaves too little room.
    """
    shape = _check(frames)
    check_capacity(shape, len(message))
    total, size = _macroblocks(shape), _size(len(message))
    places = order(total, _used(total, size))
    coded = _encode(message, size)
    dither = _dither(total)[places]
    offset = dither + np.float32(STEP / 2) * _spread(coded, places.size)
    free = ~_touched(shape, avoid)[places]
    hidden, votes = [frame.copy() for frame in frames], 0
    for frame in hidden:
        grid = _grid(frame)
        at = np.divmod(places, grid.shape[1])
        macroblocks = grid[at]
        macroblocks[free] = _quantized(macroblocks[free], offset[free])
        grid[at] = macroblocks
        votes = votes + _phase(_project(macroblocks) - dither)
    # bits that are all right need no decoder; else the codes have to mend them, as for a reader
    if ((_combined(votes, size) < 0) != coded).any() and _decode(votes, size) != message:
        raise CapacityError(
            f"The head boxes leave too little of the frame of {shape[1]} x {shape[0]} pixels for its message of "
            f"{len(message)} bytes: use a lossless file."
        )
    return hidden


def reveal(frames, order):
    """Reads the message that all of `frames` hold.

    If there is none, the frames may have lost up to 7 rows and columns at each edge: all ways to put them back are
    tried. (A larger crop needs the original size, which is not known here.)

    Args:
        frames: uint8 `(H, W, 3)` each, of one shape, at least one: a group, or what is left of it.
        order: as in `hide`.

    Returns:
        bytes.

    Raises:
        UnreadableError: if nothing that Reed-Solomon accepts is there.
    """
    _check(frames)
    order = functools.cache(order)  # the crops ask for the same again and again
    message = _read(frames, order)
    if message is None:
        message = _read(_uncropped(frames, order), order)
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
    total, results = _macroblocks(_check([frame])), []
    for message in messages:
        size = _size(len(message))
        places = order(total, _used(total, size))
        signs = 1 - 2 * _spread(_encode(message, size), places.size)
        results.append(float((_votes([frame], places) * signs).mean()))
    return results


def _check(frames):
    """Their shape."""
    for frame in frames:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.shape != frames[0].shape:
            raise ValueError(f"frames must be uint8 (H, W, 3) of one shape, got {frame.dtype} {frame.shape}")
    return frames[0].shape


def _macroblocks(shape):
    return (shape[0] // MACROBLOCK) * (shape[1] // MACROBLOCK)


def _touched(shape, boxes):
    """bool `(macroblocks,)`: which touch one of the boxes."""
    touched = np.zeros((shape[0] // MACROBLOCK, shape[1] // MACROBLOCK), bool)
    for x, y, w, h in boxes:
        rows = slice(y // MACROBLOCK, -(-(y + h) // MACROBLOCK))
        touched[rows, x // MACROBLOCK : -(-(x + w) // MACROBLOCK)] = True
    return touched.reshape(-1)


# The message as bits.


def _size(length):
    return next(size for size in SIZES if length + LENGTH_BYTES <= size)


def _parity(size):
    """Reed-Solomon bytes a block: they mend half as many wrong bytes."""
    return max(10, min(size, LARGEST_BLOCK) // 8)


def _coded_bits(size):
    return convolutional.coded_length(8 * (size + _parity(size) * -(-size // LARGEST_BLOCK)))


def _used(total, size):
    """How many of `total` macroblocks carry a message of a size; 0 if it does not fit."""
    bits = _coded_bits(size)
    used = min(max(int(UNSEEN * total), -(-REPEATS * bits // CARRIERS)), int(MOST * total))
    return used if used * CARRIERS >= FEWEST * bits else 0


@functools.lru_cache(maxsize=2)  # a reader compares each frame of a group with its message and with a neighbour's
def _encode(message, size):
    """Length, message, zeros; whitened; Reed-Solomon; convolutional: the bits, int8."""
    padded = _whitened((len(message).to_bytes(LENGTH_BYTES, "big") + message).ljust(size, b"\0"))
    codec, block = reedsolo.RSCodec(_parity(size)), min(size, LARGEST_BLOCK)
    coded = b"".join(bytes(codec.encode(padded[start : start + block])) for start in range(0, size, block))
    return convolutional.encode(np.unpackbits(np.frombuffer(coded, np.uint8)).astype(np.int8))


def _spread(coded, count):
    """The coded bits as `count` macroblocks carry them, over and over: int8 `(count, 12)`."""
    spread = np.empty((count, CARRIERS), np.int8)
    spread[_turns(count)] = np.resize(coded, spread.size)
    return spread


def _turns(count):
    """Which bits lie where in `count` macroblocks: the indices `(12 count,)` of macroblock and carrier, bit by bit.

    Neighbouring bits lie in different macroblocks and at different frequencies: not all in a bad place.
    """
    turn, macroblock = np.divmod(np.arange(CARRIERS * count), max(count, 1))
    return macroblock, (turn + macroblock) % CARRIERS


def _whitened(padded):
    """Bytes made to look random, and back: zeros are a valid word of every size, so none may stand for a message."""
    stream = hashlib.shake_256(b"uunet qim %d" % len(padded)).digest(len(padded))
    return bytes(a ^ b for a, b in zip(padded, stream, strict=True))


def _combined(votes, size):
    """One vote a coded bit, of all its copies in the macroblocks' votes `(m, 12)`."""
    votes, bits = votes[_turns(len(votes))], _coded_bits(size)
    return np.bincount(np.arange(votes.size) % bits, votes, bits)


def _decode(votes, size):
    """The message, or None, from the votes `(m, 12)` of the macroblocks that carry it."""
    parity, block = _parity(size), min(size, LARGEST_BLOCK)
    codec = reedsolo.RSCodec(parity)
    coded = np.packbits(convolutional.decode(_combined(votes, size))).reshape(-1, block + parity)
    try:
        padded = _whitened(b"".join(bytes(codec.decode(received.tobytes())[0]) for received in coded))
    except reedsolo.ReedSolomonError:
        return None
    end = LENGTH_BYTES + int.from_bytes(padded[:LENGTH_BYTES], "big")
    if end > size or _size(end - LENGTH_BYTES) != size or any(padded[end:]):
        return None
    return padded[LENGTH_BYTES:end]


# The bits in the picture.


def _basis():
    """The patterns of the carriers of a macroblock: float32 `(256, 12)`, orthonormal columns."""
    n = np.arange(BLOCK)

    def wave(k):
        return np.sqrt((1 if k == 0 else 2) / BLOCK) * np.cos(np.pi * k * (2 * n + 1) / (2 * BLOCK))

    blocks = np.eye((MACROBLOCK // BLOCK) ** 2).reshape(-1, MACROBLOCK // BLOCK, MACROBLOCK // BLOCK)
    patterns = [np.kron(block, np.outer(wave(v), wave(u))).ravel() for block in blocks for v, u in FREQUENCIES]
    return np.stack(patterns, 1).astype(np.float32)


BASIS = _basis()
PROJECTION = (BASIS[:, None] * LUMA[:, None]).reshape(-1, CARRIERS)  # (768, 12): luma of RGB and BASIS in one


def _grid(frame):
    """A view of the macroblocks: `(H, W, 3)` -> `(rows, columns, 16, 16, 3)`; what does not fill one is left out."""
    rows, columns = frame.shape[0] // MACROBLOCK, frame.shape[1] // MACROBLOCK
    whole = frame[: rows * MACROBLOCK, : columns * MACROBLOCK]
    return whole.reshape(rows, MACROBLOCK, columns, MACROBLOCK, 3).swapaxes(1, 2)


def _project(macroblocks):
    """The coefficients of the carriers: `(n, 16, 16, 3)` -> float32 `(n, 12)`."""
    return macroblocks.reshape(-1, len(PROJECTION)).astype(np.float32) @ PROJECTION


@functools.lru_cache(maxsize=8)  # a video has one; a cropped frame is tried with a few
def _dither(total):
    """d of each coefficient: float32 `(total, 12)` in 0..D."""
    stream = hashlib.shake_256(b"uunet qim").digest(total * CARRIERS)
    return np.frombuffer(stream, np.uint8).reshape(total, CARRIERS) * np.float32(STEP / 256)


def _quantized(original, offset):
    """Macroblocks `(m, 16, 16, 3)` whose coefficients are moved to the lattices D k + `offset` `(m, 12)`.

    The same amount is added to R, G and B, so that luma changes by it and chroma does not.
    """
    macroblocks, coefficients = original, _project(original)
    target = STEP * np.rint((coefficients - offset) / STEP) + offset
    push = 0
    for _ in range(ATTEMPTS):
        missing = target - coefficients
        if np.abs(missing).max(initial=0) < STEP / 8:
            break
        push = push + missing  # where pixels were clipped they moved less than they should: push the others further
        change = np.rint(push @ BASIS.T).astype(np.int16).reshape(-1, MACROBLOCK, MACROBLOCK, 1)
        macroblocks = np.clip(original + change, 0, 255).astype(np.uint8)
        coefficients = _project(macroblocks)
    return macroblocks


def _phase(distance):
    """1 on the lattice of a 0, -1 on that of a 1."""
    return np.cos(np.float32(2 * np.pi / STEP) * distance)


def _votes(frames, places):
    """One number a coefficient of the macroblocks at `places`, positive for 0 and negative for 1: `(m, 12)`."""
    grids = [_grid(frame) for frame in frames]
    dither = _dither(_macroblocks(frames[0].shape))[places]
    at = np.divmod(places, grids[0].shape[1])
    return sum(_phase(_project(grid[at]) - dither) for grid in grids)


def _read(frames, order):
    """The message, or None; its size is found by trying."""
    total = _macroblocks(frames[0].shape)
    votes = _votes(frames, order(total, max(_used(total, size) for size in SIZES)))  # larger messages only go on
    for size in SIZES:
        used = _used(total, size)
        message = _decode(votes[:used], size) if used else None
        if message is not None:
            return message
    return None


# Cropped frames.


def _uncropped(frames, order):
    """`frames` put back into whole macroblocks, where the coefficients lie closest to the lattices."""
    padded = _padded(frames[0])

    def clarity(window):
        total = _macroblocks(padded[window].shape)
        votes = _votes([padded[window]], order(total, _used(total, SIZES[0])))
        return (np.square(votes) - 0.5).sum()  # 0.5 is what noise has

    height, width = frames[0].shape[:2]
    best = max(itertools.product(_spans(height), _spans(width)), key=clarity)
    return [_padded(frame)[best] for frame in frames]


def _padded(frame):
    """As much around it as may be missing."""
    return np.pad(frame, ((LOST, LOST + MACROBLOCK), (LOST, LOST + MACROBLOCK), (0, 0)), mode="edge")


def _spans(side):
    """Where the macroblocks may lie along a side that was cropped at both ends: slices of the padded side."""
    for lost in range(LOST):  # at the beginning
        for count in {(lost + side) // MACROBLOCK, (lost + side + LOST - 1) // MACROBLOCK}:
            yield slice(LOST - lost, LOST - lost + count * MACROBLOCK)
