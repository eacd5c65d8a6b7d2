"""Embeds messages in the pixels of frames and reads them; `protocol` holds the grammar of a message.

A file that keeps every pixel gets one message per frame, other files one per group of frames.

Lossy codecs destroy a message that is new in every frame, and keep one that stays the same. So in lossy files all
frames of a *group* carry one message: the boxes of its first and its last frame, between which they move on straight
lines, or one box per head for all frames (`boxes.motion`). Heads are de-identified and reconstructed in exactly these
boxes. Groups are counted from frame 0: 0 to 9, 10 to 19, ... Lossy files have little room, so their texts are packed.
"""

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from uunet.boxes import motion, types
from uunet.boxes.types import Roi
from uunet.channel import video_codec
from uunet.errors import UUNetError
from uunet.stego import jpeg, keystream, lsb, qim
from uunet.wire import crypto, protocol
from uunet.wire.contents import Contents, Stream
from uunet.wire.protocol import (
    DamagedMessageError,
    FrameIndexError,
    NoMessageError,
    UnsupportedMessageError,
)

LSB, QIM, JPEG = "lsb", "qim", "jpeg"
METHODS = {LSB: lsb, QIM: qim, JPEG: jpeg}
AS_IT_WAS = "give the public file exactly as it was written."
GROUP = video_codec.GROUP  # frames; smaller groups make larger files, larger ones larger boxes around heads that move
MOVING_MOST = 118  # bytes of a message in which heads move: the longest that survives well (docs/survival.md)

# The order is public, because a reader must find the open part before it can derive a key. It is the same in all frames
# of all files.
ORDER = lru_cache(maxsize=32)(partial(keystream.positions, bytes(32), 0))


class Jpeg(NamedTuple):
    """A public frame that is a JPEG file by itself."""

    rgb: np.ndarray  # uint8 (H, W, 3), its decoded pixels
    data: bytes  # the file


Carrier = np.ndarray | Jpeg  # what a message is read from: uint8 (H, W, 3), or a JPEG file where the file stores one


# Writing.


def check_fits(rois: list[Roi], shape: tuple[int, ...], *, method: str = LSB, sealed: bool = False) -> None:
    """Raises an error if boxes cannot be hidden in a frame, before any pixel is changed.

    Args:
        rois: list of Roi.
        shape: `(H, W, 3)` of the frame.
        method: LSB, QIM or JPEG.
        sealed: bool, whether the message is to be sealed.

    Raises:
        RoiError, MessageError, CapacityError.
    """
    types.check_inside(rois, *shape[:2])
    METHODS[method].check_capacity(shape, protocol.message_length(rois, sealed=sealed, packed=method == QIM))


def moving_fits(rois: list[Roi], shape: tuple[int, ...], *, sealed: bool = False) -> bool:
    """Whether a group has room for a message in which heads move: MOVING_MOST bytes, or fewer in small frames.

    Args:
        rois: list of Roi, see `motion.ends`.
        shape: `(H, W, 3)` of the frames.
        sealed: bool, whether the message is to be sealed.
    """
    room = min(MOVING_MOST, qim.capacity(shape))
    # a ROI takes more than a byte, so for far too many ROIs the text need not be packed
    return len(rois) <= room and protocol.message_length(rois, sealed=sealed, packed=True) <= room


def hide(
    frames: list[np.ndarray],
    rois: list[list[Roi]],
    *,
    first_index: int = 0,
    last: bool = True,
    seal: crypto.Seal | None = None,
    method: str = LSB,
) -> list[np.ndarray | bytes]:
    """Hides the boxes of consecutive frames in their pixels.

    Args:
        frames: list of uint8 `(H, W, 3)`, RGB; not modified.
        rois: list (frames) of lists of Roi; with QIM, in each group the same or as `motion.straight` gives them.
        first_index: int, the number of the first of these frames in the clip; with QIM, that of a group's first.
        last: bool, whether the clip ends with these frames, so that a reader notices if its end is cut off.
        seal: crypto.Seal, new for this clip; None for messages that anybody can read.
        method: LSB, QIM or JPEG.

    Returns:
        list of uint8 `(H, W, 3)`, new frames. LSB changes samples by one level; QIM changes more, but no pixel of a
        box. With JPEG, list of bytes: each frame as the JPEG file that carries its message.

    Raises:
        RoiError, MessageError, CapacityError.
    """
    if method == QIM:
        return list(_hide_shared(frames, rois, first_index, last, seal))
    hidden: list[np.ndarray | bytes] = []
    for index, (frame, boxes) in enumerate(zip(frames, rois, strict=True), start=first_index):
        layout = protocol.Layout(last=last and len(hidden) + 1 == len(frames))
        parts = protocol.pack_frame_message(boxes, index, layout, shape=frame.shape, seal=seal)
        if method == JPEG:
            change = partial(_hide_parts, parts=parts, seal=seal, index=index, limits=jpeg.LIMITS)
            hidden.append(jpeg.rewrite(jpeg.encode(frame), change))
        else:
            hidden.append(_hide_parts(frame, parts, seal, index))
    return hidden


def _hide_shared(frames, rois, first_index, last, seal):
    """Yields the frames of all groups, in each of which QIM hides one message."""
    for start in range(0, len(frames), GROUP):
        boxes, index, group = rois[start : start + GROUP], first_index + start, frames[start : start + GROUP]
        message, moving = motion.ends(boxes)
        ends = last and start + GROUP >= len(frames)
        whole = index % GROUP == 0 and (ends or len(group) == GROUP)
        if not whole or (moving and boxes != motion.straight(message, len(group))):
            raise ValueError(f"the {len(group)} frames from {index} are not one group with boxes on straight lines")
        layout = protocol.Layout(frames=len(group), last=ends, packed=True, moving=moving)
        parts = protocol.pack_frame_message(message, index, layout, shape=group[0].shape, seal=seal)
        yield from qim.hide(group, b"".join(parts), ORDER, avoid={roi for some in boxes for roi in some})


def _hide_parts(samples, parts, seal, index, **limits):
    """A frame, or the carriers of a JPEG file, with a message in the parities."""
    samples = lsb.hide(samples, parts[0], nonce=index, **limits)
    if seal is not None:
        samples = lsb.hide(samples, parts[1], offset=len(parts[0]), key=seal.order_key, nonce=index, **limits)
    return samples


# Reading.


def read_rois(public: np.ndarray, *, frame_index: int | None = None, seal: crypto.Seal | None = None) -> list[Roi]:
    """The head boxes hidden in one frame of a lossless file.

    Args:
        public: uint8 `(H, W, 3)`, RGB, exactly as written.
        frame_index: int, the number the frame must have in its clip; None accepts any.
        seal: crypto.Seal of the clip, see `protocol.find_seal`; None if it is plain.

    Returns:
        list of Roi in message order.

    Raises:
        UUNetError: see `protocol.read_header` and `protocol.read_body`; and RoiError.
    """
    reader = partial(lsb.reveal, public)
    header = protocol.read_header(reader)
    rois = _read_body(header, reader, public.shape, seal, frame_index)
    if error := _unplaced(header):
        raise error
    return rois


def read(
    groups: Iterable[list[Carrier]], secret: bytes | str | None = None, *, stop: bool = False, alone: bool = False
) -> Contents:
    """The messages of a public file; the method by which they are hidden is detected.

    Args:
        groups: iterable of lists of GROUP consecutive frames from frame 0, the last may be shorter: uint8 `(H, W, 3)`,
            or Jpeg where the file stores each frame as one.
        secret: bytes (32) or str, see `crypto`, with which the file was sealed; None to read plain messages only.
        stop: bool, whether to stop after the first group with a failure.
        alone: bool, whether this is a single frame, which may be any frame of a clip.

    Returns:
        Contents.
    """
    file = _File(secret, alone)
    for carriers in groups:
        file.read_group(carriers)
        if stop and file.failures:
            return file.contents()
    file.check_end()
    return file.contents()


class _File:
    """A public file while it is read, group by group."""

    def __init__(self, secret, alone):
        self.secret, self.alone = secret, alone
        self.stream, self.shape, self.boxes, self.failures = None, (0, 0), [], {}  # see Contents
        self.ended = False  # whether a message has said that the file ends with it
        self.before = None  # with QIM: the _Group before, if it could be read

    def contents(self):
        return Contents(self.stream, self.shape, self.boxes, self.failures)

    def read_group(self, carriers):
        frames = [carrier.rgb if isinstance(carrier, Jpeg) else carrier for carrier in carriers]
        numbers = range(len(self.boxes), len(self.boxes) + len(frames))
        self.shape = frames[0].shape[:2]
        self.boxes += [None] * len(frames)
        try:
            self.stream = self.stream or _find(carriers, frames, self.secret)
        except UUNetError as error:
            self.failures |= dict.fromkeys(numbers, error)
            return
        if self.stream.method == QIM:
            self._read_shared(frames, numbers)
        else:
            for number, carrier in zip(numbers, carriers, strict=True):
                self._read_message(_parities(carrier), range(number, number + 1))

    def _read_shared(self, frames, numbers):
        """Reads the one message of a group, and finds frames that carry the message of the group next to them."""
        try:
            message = qim.reveal(frames, ORDER)
        except UUNetError as error:
            self.failures |= dict.fromkeys(numbers, error)
            self.before = None
            return
        group = _Group(numbers, frames, message) if self._read_message(_slices(message), numbers) else None
        if self.before and group:
            self.failures |= _strangers(self.before, group) | _strangers(group, self.before)
        self.before = group

    def _read_message(self, reader, numbers):
        """Reads the message of the frames `numbers`; returns whether it could be read."""
        try:
            header = protocol.read_header(reader)
            rois = self._open(header, reader, None if self.alone else numbers.start)
        except UUNetError as error:
            self.failures |= dict.fromkeys(numbers, error)
            return False
        if wrong := _unplaced(header) if self.alone else _misplaced(header, len(numbers), self.ended):
            self.failures |= dict.fromkeys(numbers, wrong)
        elif header.moving and rois is not None:
            self.boxes[numbers.start : numbers.stop] = motion.straight(rois, len(numbers))
        else:
            self.boxes[numbers.start : numbers.stop] = [rois] * len(numbers)
        self.ended = self.ended or header.last
        return True

    def _open(self, header, reader, index):
        """The ROIs of a message; None if it is sealed and no secret was given."""
        assert self.stream is not None  # `read_group` reads a message only when it knows the stream
        if self.stream.suite != protocol.PLAIN and self.stream.seal is None:
            protocol.check_stream(header, self.stream.suite, self.stream.stream_id)
            protocol.check_index(header, index)
            return None
        return _read_body(header, reader, self.shape, self.stream.seal, index)

    def check_end(self):
        """Adds a failure if the last frame does not say that the file ends with it."""
        final = len(self.boxes) - 1
        if not (self.ended or self.alone or final in self.failures):
            what = "More frames followed this one when it was written (the end was cut off)"
            self.failures[final] = FrameIndexError(f"{what}: {AS_IT_WAS}")


class _Group(NamedTuple):
    """Frames that carry one message by QIM."""

    numbers: range
    frames: list  # of uint8 (H, W, 3)
    message: bytes


def _read_body(header, reader, shape, seal, index):
    """The ROIs of a message, checked against the size of the frame."""
    rois = protocol.read_body(header, reader, shape=shape, seal=seal, frame_index=index)
    types.check_inside(rois, *shape[:2])
    return rois


def _misplaced(header, count, ended):
    """The error if `count` frames carry one message whose frame_index is right but not its end or length; or None."""
    if ended:
        what = "The frame comes after the last one of its file (another file was joined to it)"
    elif header.frames != count:
        what = f"The message is for {header.frames} frames and not for {count} (some were cut out or repeated)"
    else:
        return None
    return FrameIndexError(f"{what}: {AS_IT_WAS}")


def _unplaced(header):
    """The error if a single frame is from a group in which heads move, because its position is unknown; or None."""
    if not header.moving:
        return None
    return FrameIndexError(
        f"The picture is one of {header.frames} frames of a video, in which heads move, and does not say which: give "
        "the whole public video instead."
    )


def _strangers(group, neighbour):
    """The failures of frames of a group that carry its neighbour's message: the vote of the group hides them."""
    failures = {}
    for index, frame in zip(group.numbers, group.frames, strict=True):
        own, other = qim.agreement(frame, [group.message, neighbour.message], ORDER)
        if other > own:
            failures[index] = FrameIndexError(
                f"The frame carries the message of frames {neighbour.numbers[0]} to {neighbour.numbers[-1]} (frames "
                f"were cut out, repeated or moved): {AS_IT_WAS}"
            )
    return failures


def _find(carriers, frames, secret):
    """The Stream to which the frames of a group belong, from the first frame whose message can be read."""
    failures = []
    for carrier in carriers:
        try:
            header = protocol.read_header(_parities(carrier))
        except (NoMessageError, DamagedMessageError, UnsupportedMessageError, jpeg.JpegError) as error:
            failures.append(error)
        else:
            return _stream(JPEG if isinstance(carrier, Jpeg) else LSB, header, secret)
    try:
        message = qim.reveal(frames, ORDER)
    except qim.UnreadableError:
        raise failures[0] from None
    return _stream(QIM, protocol.read_header(_slices(message)), secret)


def _stream(method, header, secret):
    seal = None if secret is None else protocol.find_seal(header, secret)
    return Stream(method, header.suite, header.stream_id, seal)


def _parities(carrier) -> protocol.Reader:
    """A reader of the bytes in the parities of a frame, or of its JPEG coefficients."""
    return partial(lsb.reveal, jpeg.carriers(carrier.data) if isinstance(carrier, Jpeg) else carrier)


def _slices(message) -> protocol.Reader:
    """A reader of bytes that need no search."""
    return lambda n_bytes, *, offset, key=None, nonce=0: message[offset : offset + n_bytes]
