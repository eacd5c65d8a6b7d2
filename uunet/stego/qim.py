"""Robust hiding for lossy video: quantisation index modulation (QIM) of low-frequency 8x8 DCT coefficients of luma.

A bit b moves one coefficient c to the nearest point of one of two lattices, of step D = 64 and half a step apart:

    c' = D round((c - o) / D) + o        o = d + b D/2

The reader finds the bit in the phase of c. It is right as long as compression moved the coefficient by less than D/4.
The dither d is random, different for each coefficient, and known to everybody. It makes the change uniform in -D/2..D/2
for any picture, and makes the votes of a picture without a message random.

The unit is the macroblock of 16 x 16 pixels. Three coefficients in each of its four 8x8 blocks are carriers, twelve in
all, and only as many macroblocks are used as the message needs. (Codecs decide per macroblock what is worth coding:
they keep twelve changes in one macroblock, but not one change in each of twelve.) Macroblocks that touch an avoided box
are not changed at all. The reader does not know the boxes yet and reads noise there; the repeats outvote it.

A message is protected three times: by Reed-Solomon bytes, by a convolutional code, and by repeating its bits in other
macroblocks. The reader adds the votes cos(2 pi (c - d) / D) of all repeats and of all frames that hold the same message
(a *group*: codecs destroy a message that is new in every frame, and keep one that stays the same).

QIM: B. Chen, G. W. Wornell, IEEE Trans. Information Theory 47(4), 2001. The paper's [14] does not say how it embeds.
"""

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import reedsolo

from uunet.errors import UUNetError
from uunet.stego import convolutional
from uunet.stego.lsb import CapacityError

BLOCK = 8  # pixels, of the DCT as in JPEG and most codecs
MACROBLOCK = 16  # pixels
FREQUENCIES = ((0, 1), (1, 0), (1, 1))  # (row, column) of the DCT: the lowest, which codecs keep longest
CARRIERS = len(FREQUENCIES) * (MACROBLOCK // BLOCK) ** 2  # coefficients per macroblock
STEP = 64.0  # D, in orthonormal DCT units: a coefficient of 8 is one grey level on average over its block
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # BT.601, of JPEG and most video

LENGTH_BYTES = 2  # of the length field before the message
SIZES = (40, 80, 120, 160, 200, 400, 800, 1600)  # bytes of length and message together, padded to the next of these
LARGEST_BLOCK = 200  # bytes of data per Reed-Solomon block
REPEATS, FEWEST = 2, 1.3  # of each coded bit: wanted (more where it is invisible), and needed for H.264 at crf 28
UNSEEN, MOST = 0.12, 0.31  # shares of the macroblocks: if the first is changed PSNR is 45 dB, if the second 41 dB
ATTEMPTS = 4  # at most, of embedding where pixels are clipped at 0 or 255
LOST = 8  # pixels; a crop of fewer at an edge can be read


# `(total, count) -> int (count,)`: `count` different numbers below `total`; the first ones do not depend on `count`
Order = Callable[[int, int], np.ndarray]


class UnreadableError(UUNetError):
    """No message can be read: there is none, or it is too damaged."""


def capacity(shape: tuple[int, ...]) -> int:
    """The length in bytes of the longest message that a frame of shape `(H, W, 3)` can hold; 0 if none fits."""
    fitting = [size for size in SIZES if _used(_macroblocks(shape), size)]
    return max(fitting) - LENGTH_BYTES if fitting else 0


def check_capacity(shape: tuple[int, ...], n_bytes: int) -> None:
    """Raises CapacityError if `n_bytes` do not fit into a frame of this shape."""
    if n_bytes > capacity(shape):
        raise CapacityError(
            f"The frame of {shape[1]} x {shape[0]} pixels can hold {capacity(shape)} bytes in its DCT coefficients but "
            f"its message needs {n_bytes}: use a larger frame or a lossless file."
        )


def hide(
    frames: Sequence[np.ndarray],
    message: bytes,
    order: Order,
    *,
    avoid: Iterable[tuple[int, int, int, int]] = (),
) -> list[np.ndarray]:
    """Hides a message in the frames of a group, in the same coefficients of each.

    Args:
        frames: uint8 `(H, W, 3)` each, of one shape, RGB, at least one; not modified.
        message: bytes.
        order: Order; the reader needs the same. With one order for a whole video, coefficients with the same bit in
            two groups do not change between them, and codecs keep these best.
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
    # if all bits are right no decoder is needed; otherwise the codes must correct them, as for a reader
    if ((_combined(votes, size) < 0) != coded).any() and _decode(votes, size) != message:
        raise CapacityError(
            f"The head boxes leave too little of the frame of {shape[1]} x {shape[0]} pixels for its message of "
            f"{len(message)} bytes: use a lossless file."
        )
    return hidden


def reveal(frames: Sequence[np.ndarray], order: Order) -> bytes:
    """Reads the message that all of `frames` hold.

    If none is found, up to 7 rows and columns may have been cropped at each edge: all alignments are tried. (A larger
    crop would need the original size, which is not known here.)

    Args:
        frames: uint8 `(H, W, 3)` each, of one shape, at least one: the frames of a group, or some of them.
        order: as in `hide`.

    Returns:
        bytes.

    Raises:
        UnreadableError: if the Reed-Solomon code accepts no reading.
    """
    _check(frames)
    order = functools.cache(order)  # each alignment asks for the same positions
    message = _read(frames, order)
    if message is None:
        message = _read(_uncropped(frames, order), order)
    if message is None:
        raise UnreadableError(
            "The frames carry no message that can be read: give the public file, not cut, resized or compressed more "
            "than its profile allows."
        )
    return message


def agreement(frame: np.ndarray, messages: Sequence[bytes], order: Order) -> list[float]:
    """How well one frame agrees with each of several messages: the reader's test whether a frame belongs to its group.

    Args:
        frame: uint8 `(H, W, 3)`, of the size in which `messages` were hidden or read.
        messages: list of bytes.
        order: as in `hide`.

    Returns:
        list of float in -1..1: 1 for the hidden message in an undamaged frame; about 0 for an unrelated message.
    """
    total, results = _macroblocks(_check([frame])), []
    for message in messages:
        size = _size(len(message))
        places = order(total, _used(total, size))
        signs = 1 - 2 * _spread(_encode(message, size), places.size)
        results.append(float((_votes([frame], places) * signs).mean()))
    return results


def _check(frames):
    """The shape of the frames."""
    for frame in frames:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or frame.shape != frames[0].shape:
            raise ValueError(f"frames must be uint8 (H, W, 3) of one shape, got {frame.dtype} {frame.shape}")
    return frames[0].shape


def _macroblocks(shape):
    return (shape[0] // MACROBLOCK) * (shape[1] // MACROBLOCK)


def _touched(shape, boxes):
    """bool `(macroblocks,)`: which macroblocks touch one of the boxes."""
    touched = np.zeros((shape[0] // MACROBLOCK, shape[1] // MACROBLOCK), bool)
    for x, y, w, h in boxes:
        rows = slice(y // MACROBLOCK, -(-(y + h) // MACROBLOCK))
        touched[rows, x // MACROBLOCK : -(-(x + w) // MACROBLOCK)] = True
    return touched.reshape(-1)


# The message as bits.


def _size(length):
    return next(size for size in SIZES if length + LENGTH_BYTES <= size)


def _parity(size):
    """Reed-Solomon bytes per block: they correct half as many wrong bytes."""
    return max(10, min(size, LARGEST_BLOCK) // 8)


def _coded_bits(size):
    return convolutional.coded_length(8 * (size + _parity(size) * -(-size // LARGEST_BLOCK)))


def _used(total, size):
    """The number of macroblocks, of `total`, that carry a message of a size; 0 if it does not fit."""
    bits = _coded_bits(size)
    used = min(max(int(UNSEEN * total), -(-REPEATS * bits // CARRIERS)), int(MOST * total))
    return used if used * CARRIERS >= FEWEST * bits else 0


@functools.lru_cache(maxsize=2)  # a reader compares each frame of a group with its message and with that of a neighbour
def _encode(message, size):
    """The coded bits, int8: length, message and zeros; whitened; Reed-Solomon code; convolutional code."""
    padded = _whitened((len(message).to_bytes(LENGTH_BYTES, "big") + message).ljust(size, b"\0"))
    codec, block = reedsolo.RSCodec(_parity(size)), min(size, LARGEST_BLOCK)
    coded = b"".join(bytes(codec.encode(padded[start : start + block])) for start in range(0, size, block))
    return convolutional.encode(np.unpackbits(np.frombuffer(coded, np.uint8)).astype(np.int8))


def _spread(coded, count):
    """The coded bits, repeated, in the carriers of `count` macroblocks: int8 `(count, 12)`."""
    spread = np.empty((count, CARRIERS), np.int8)
    spread[_turns(count)] = np.resize(coded, spread.size)
    return spread


def _turns(count):
    """The place of each bit in `count` macroblocks: the indices `(12 count,)` of macroblock and of carrier.

    Neighbouring bits lie in different macroblocks and at different frequencies, so that local damage does not
    affect all of them.
    """
    turn, macroblock = np.divmod(np.arange(CARRIERS * count), max(count, 1))
    return macroblock, (turn + macroblock) % CARRIERS


def _whitened(padded):
    """Bytes XOR a fixed random string, and back. Without it, all zeros would be a valid codeword of every size."""
    stream = hashlib.shake_256(b"uunet qim %d" % len(padded)).digest(len(padded))
    return bytes(a ^ b for a, b in zip(padded, stream, strict=True))


def _combined(votes, size):
    """One vote per coded bit: the sum over its copies in the votes `(m, 12)` of the macroblocks."""
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
    """A view of the whole macroblocks of a frame: `(H, W, 3)` -> `(rows, columns, 16, 16, 3)`."""
    rows, columns = frame.shape[0] // MACROBLOCK, frame.shape[1] // MACROBLOCK
    whole = frame[: rows * MACROBLOCK, : columns * MACROBLOCK]
    return whole.reshape(rows, MACROBLOCK, columns, MACROBLOCK, 3).swapaxes(1, 2)


def _project(macroblocks):
    """The coefficients of the carriers: `(n, 16, 16, 3)` -> float32 `(n, 12)`."""
    return macroblocks.reshape(-1, len(PROJECTION)).astype(np.float32) @ PROJECTION


@functools.lru_cache(maxsize=8)  # a video has one size; a cropped frame is tried with a few
def _dither(total):
    """The dither d of each coefficient: float32 `(total, 12)` in 0..D."""
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
        push = push + missing  # clipped pixels moved less than they should, so the others are pushed further
        change = np.rint(push @ BASIS.T).astype(np.int16).reshape(-1, MACROBLOCK, MACROBLOCK, 1)
        macroblocks = np.clip(original + change, 0, 255).astype(np.uint8)
        coefficients = _project(macroblocks)
    return macroblocks


def _phase(distance):
    """1 for a point of the lattice of a 0, -1 for a point of that of a 1."""
    return np.cos(np.float32(2 * np.pi / STEP) * distance)


def _votes(frames, places):
    """One vote per coefficient of the macroblocks at `places`, positive for 0 and negative for 1: `(m, 12)`."""
    grids = [_grid(frame) for frame in frames]
    dither = _dither(_macroblocks(frames[0].shape))[places]
    at = np.divmod(places, grids[0].shape[1])
    return sum(_phase(_project(grid[at]) - dither) for grid in grids)


def _read(frames, order):
    """The message, or None. Its size is unknown, so all sizes are tried."""
    total = _macroblocks(frames[0].shape)
    votes = _votes(
        frames, order(total, max(_used(total, size) for size in SIZES))
    )  # larger messages use the same macroblocks and more
    for size in SIZES:
        used = _used(total, size)
        message = _decode(votes[:used], size) if used else None
        if message is not None:
            return message
    return None


# Cropped frames.


def _uncropped(frames, order):
    """`frames` padded to the alignment at which the coefficients lie closest to the lattices."""
    padded = _padded(frames[0])

    def clarity(window):
        total = _macroblocks(padded[window].shape)
        votes = _votes([padded[window]], order(total, _used(total, SIZES[0])))
        return (np.square(votes) - 0.5).sum()  # 0.5 is the mean for noise

    height, width = frames[0].shape[:2]
    best = max(itertools.product(_spans(height), _spans(width)), key=clarity)
    return [_padded(frame)[best] for frame in frames]


def _padded(frame):
    """A frame with as many pixels added at each edge as may be missing."""
    return np.pad(frame, ((LOST, LOST + MACROBLOCK), (LOST, LOST + MACROBLOCK), (0, 0)), mode="edge")


def _spans(side):
    """The possible positions of the macroblocks along a side cropped at both ends: slices of the padded side."""
    for lost in range(LOST):  # at the beginning
        for count in {(lost + side) // MACROBLOCK, (lost + side + LOST - 1) // MACROBLOCK}:
            yield slice(LOST - lost, LOST - lost + count * MACROBLOCK)
