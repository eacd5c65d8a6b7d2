"""Messages into frames and out of them: one a frame where the file keeps them as they are, else one a group of frames.

Lossy codecs destroy a new message in every frame, and keep one that stays. So in lossy files all frames of a *group*
carry one message: the boxes of its first and its last frame, between which they move in straight lines, or one a head
for all frames (`carried`). Heads are de-identified and reconstructed in exactly these. Groups are counted from frame 0:
0 to 9, 10 to 19, ... Room is scarce there, so messages are packed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from uunet.boxes import motion, types
from uunet.channel import video_codec
from uunet.errors import UUNetError
from uunet.stego import jpeg, keystream, lsb, qim
from uunet.wire import crypto, protocol
from uunet.wire.protocol import (
    DamagedMessageError,
    FrameIndexError,
    NoMessageError,
    SealedMessageError,
    UnsupportedMessageError,
)

LSB, QIM, JPEG = "lsb", "qim", "jpeg"
METHODS = {LSB: lsb, QIM: qim, JPEG: jpeg}
AS_IT_WAS = "give the public file exactly as it was written."
GROUP = video_codec.GROUP  # frames; fewer make larger files, more make larger boxes around heads that move
MOVING_MOST = 118  # bytes of a message in which heads move: what docs/survival.md shows to survive

# The order is public: a reader must find the open part before it can derive a key. The same in all frames of all files.
ORDER = lru_cache(maxsize=32)(partial(keystream.positions, bytes(32), 0))


class Jpeg(NamedTuple):
    """A public frame that is a JPEG file by itself."""

    rgb: np.ndarray  # uint8 (H, W, 3), what it decodes to
    data: bytes  # the file


@dataclass(frozen=True)
class Stream:
    """What the frames of one file have in common."""

    method: str  # LSB, QIM or JPEG
    suite: int  # protocol.PLAIN, or a key of keys.CIPHERS
    stream_id: bytes | None  # (16); None if plain
    seal: crypto.Seal | None  # None if plain, or if no secret was given


@dataclass(frozen=True)
class Contents:
    """What a public file carries."""

    stream: Stream | None  # None if no frame could be read
    shape: tuple  # (height, width) in pixels
    boxes: list  # (frames) of lists of Roi in message order; None where a frame failed or is sealed and there is no key
    failures: dict  # number of a frame -> UUNetError

    def failed(self):
        """The failures by rising frame number, those of neighbours that are alike as one: `(first, last, error)`."""
        spans = []
        for index, error in sorted(self.failures.items()):
            if spans and spans[-1][1] == index - 1 and str(spans[-1][2]) == str(error):
                spans[-1] = (spans[-1][0], index, error)
            else:
                spans.append((index, index, error))
        return spans

    def opened(self):
        """The boxes, if all frames gave them.

        Raises:
            UUNetError: the first failure, naming the frames (not for a single picture).
            SealedMessageError: if they are sealed and there was no secret.
        """
        if self.failures:
            first, last, error = self.failed()[0]
            where = "" if len(self.boxes) == 1 else f"{span(first, last)}: "
            raise type(error)(f"{where}{error}") from error
        if None in self.boxes:
            raise SealedMessageError("The file is sealed: give the key file or passphrase it was sealed with.")
        return self.boxes


def span(first, last):
    """The words for some frames: "Frame 7" or "Frames 20 to 29"."""
    return f"Frame {first}" if first == last else f"Frames {first} to {last}"


def check_fits(rois, shape, *, method=LSB, sealed=False):
    """Refuses boxes whose message cannot be hidden, before any pixel changes.

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


def carried(tracked, shape, *, sealed=False):
    """The boxes that the frames of a lossy video carry, in groups: around those given, and in straight lines.

    A group in which so many heads move that its message would be longer than MOVING_MOST bytes, or than a frame of this
    shape can hold, gets boxes that stand still.

    Args:
        tracked: list (all frames) of lists of `(track_id, Roi)`.
        shape: `(H, W, 3)` of the frames.
        sealed: bool, whether the messages are to be sealed.

    Returns:
        `(boxes, still)`: list (all frames) of lists of `(track_id, Roi)` by rising track_id, with each head of a group
        in all of its frames; and the number of groups whose boxes had to stand still.
    """
    boxes, still, room = [], 0, min(MOVING_MOST, qim.capacity(shape))
    for start in range(0, len(tracked), GROUP):
        group = tracked[start : start + GROUP]
        straight = motion.straighten(group, *shape[:2])
        rois, moving = _message([[roi for _, roi in heads] for heads in straight])
        # (a ROI takes more than a byte: far too many of them need no packing to be seen)
        if moving and (len(rois) > room or protocol.message_length(rois, sealed=sealed, packed=True) > room):
            straight, still = motion.hold(group), still + 1
        boxes += straight
    return boxes, still


def _message(boxes):
    """What a message must say so that the frames of a group have these boxes: `(rois, moving)`."""
    moving = any(rois != boxes[0] for rois in boxes)
    return (boxes[0] + boxes[-1] if moving else boxes[0]), moving


def hide(frames, rois, *, first_index=0, last=True, seal=None, method=LSB):
    """Hides the boxes of consecutive frames in their pixels.

    Args:
        frames: list of uint8 `(H, W, 3)`, RGB; not modified.
        rois: list (frames) of lists of Roi; with QIM, in each group the same or as `motion.straight` gives them.
        first_index: int, the number of the first of these frames in the clip; with QIM, that of a group's first.
        last: bool, whether the clip ends with these frames: a reader notices if it is cut.
        seal: keys.Seal, fresh for this clip; None for messages that anybody can read.
        method: LSB, QIM or JPEG.

    Returns:
        list of uint8 `(H, W, 3)`, new frames. LSB changes samples by one level; QIM changes more, but nothing in a box.
        With JPEG, list of bytes: each frame as the JPEG file that carries its message.

    Raises:
        RoiError, MessageError, CapacityError.
    """
    length = GROUP if method == QIM else 1
    hidden = []
    for start in range(0, len(frames), length):
        boxes, index, group = rois[start : start + length], first_index + start, frames[start : start + length]
        message, moving = _message(boxes)
        ends = last and start + length >= len(frames)
        whole = index % length == 0 and (ends or len(group) == length)
        if not whole or (moving and boxes != motion.straight(message, len(group))):
            raise ValueError(f"the {len(group)} frames from {index} are not one group with boxes in straight lines")
        about = {"frames": len(group), "last": ends, "packed": method == QIM, "moving": moving}
        parts = protocol.pack_frame_message(message, index, **about, shape=group[0].shape, seal=seal)
        if method == QIM:
            hidden += qim.hide(group, b"".join(parts), ORDER, avoid={roi for some in boxes for roi in some})
        elif method == JPEG:
            change = partial(_hide_parts, parts=parts, seal=seal, index=index, limits=jpeg.LIMITS)
            hidden.append(jpeg.rewrite(jpeg.encode(group[0]), change))
        else:
            hidden.append(_hide_parts(group[0], parts, seal, index))
    return hidden


def _hide_parts(samples, parts, seal, index, **limits):
    """A frame, or the carriers of a JPEG file, with a message in the parities."""
    samples = lsb.hide(samples, parts[0], nonce=index, **limits)
    if seal is not None:
        samples = lsb.hide(samples, parts[1], offset=len(parts[0]), key=seal.order_key, nonce=index, **limits)
    return samples


def read_rois(public, *, frame_index=None, seal=None):
    """The head boxes hidden in one frame of a lossless file.

    Args:
        public: uint8 `(H, W, 3)`, RGB, exactly as written.
        frame_index: int, the frame's number in its clip, checked; None accepts any.
        seal: keys.Seal of the clip, see `protocol.find_seal`; None if it is plain.

    Returns:
        list of Roi in message order.

    Raises:
        UUNetError: all that `protocol.unpack_frame_message` raises, and RoiError.
    """
    reader = partial(lsb.reveal, public)
    rois = _unpack(reader, public.shape, seal, frame_index)
    if error := _unplaced(protocol.read_header(reader)):
        raise error
    return rois


def read(groups, secret=None, *, stop=False, alone=False):
    """All that a public file carries; finds out by itself how.

    Args:
        groups: iterable of lists of GROUP consecutive frames from frame 0, the last may be shorter: uint8 `(H, W, 3)`,
            or Jpeg where the file holds each as one.
        secret: bytes (32) or str, see `keys`, with which the file was sealed; None if it is plain or to stay closed.
        stop: bool, whether to read no further than the first group with a failure.
        alone: bool, whether this is one frame, which may be any of a clip.

    Returns:
        Contents.
    """
    stream, shape, boxes, failures = None, (0, 0), [], {}
    before, ended = None, False
    for carriers in groups:
        if stop and failures:
            break
        frames = [carrier.rgb if isinstance(carrier, Jpeg) else carrier for carrier in carriers]
        first, shape = len(boxes), frames[0].shape[:2]
        boxes += [None] * len(frames)
        try:
            stream = stream or _find(carriers, frames, secret)
        except UUNetError as error:
            failures |= dict.fromkeys(range(first, len(boxes)), error)
            continue
        length = len(frames) if stream.method == QIM else 1
        for start in range(0, len(frames), length):
            part = frames[start : start + length]
            numbers = range(first + start, first + start + length)
            try:
                message = qim.reveal(part, ORDER) if stream.method == QIM else None
                reader = _parities(carriers[start]) if message is None else _slices(message)
                header, rois = _read_one(reader, shape, stream, None if alone else numbers[0])
            except UUNetError as error:
                failures |= dict.fromkeys(numbers, error)
                before = None
                continue
            if error := _unplaced(header) if alone else _misplaced(header, length, ended):
                failures |= dict.fromkeys(numbers, error)
            elif header.moving and rois is not None:
                boxes[numbers.start : numbers.stop] = motion.straight(rois, length)
            else:
                boxes[numbers.start : numbers.stop] = [rois] * length
            ended = ended or header.last
            if stream.method == QIM:
                group = (numbers, part, message)
                if before is not None:
                    failures |= _strangers(before, group) | _strangers(group, before)
                before = group
    if not (ended or alone or (stop and failures) or len(boxes) - 1 in failures):
        error = FrameIndexError(f"More frames followed this one when it was written (the end was cut off): {AS_IT_WAS}")
        failures[len(boxes) - 1] = error
    return Contents(stream, shape, boxes, failures)


def _misplaced(header, count, ended):
    """What is wrong with `count` frames that carry one message, though it is the one expected here; or None."""
    if ended:
        what = "The frame comes after the last one of its file (something was joined to it)"
    elif header.frames != count:
        what = f"The message is for {header.frames} frames and not for {count} (some were cut out or repeated)"
    else:
        return None
    return FrameIndexError(f"{what}: {AS_IT_WAS}")


def _unplaced(header):
    """What is wrong with a message of which one frame is known, and not which: heads must not move; or None."""
    if not header.moving:
        return None
    return FrameIndexError(
        f"The picture is one of {header.frames} frames of a video, in which heads move, and does not say which: give "
        "the whole public video instead."
    )


def _strangers(group, neighbour):
    """Frames of a group that carry its neighbour's message: what a group's vote does not show."""
    numbers, frames, message = group
    failures = {}
    for index, frame in zip(numbers, frames, strict=True):
        own, other = qim.agreement(frame, [message, neighbour[2]], ORDER)
        if other > own:
            failures[index] = FrameIndexError(
                f"The frame carries the message of frames {neighbour[0][0]} to {neighbour[0][-1]} (frames were cut "
                f"out, repeated or moved): {AS_IT_WAS}"
            )
    return failures


def _parities(carrier):
    """A reader, as `protocol` wants it, of the bytes in the parities of a frame or of its JPEG coefficients."""
    return partial(lsb.reveal, jpeg.carriers(carrier.data) if isinstance(carrier, Jpeg) else carrier)


def _find(carriers, frames, secret):
    """The Stream to which some frames belong, from the first that tells."""
    failed = None
    for carrier in carriers:
        try:
            return _stream(JPEG if isinstance(carrier, Jpeg) else LSB, _parities(carrier), secret)
        except (NoMessageError, DamagedMessageError, UnsupportedMessageError, jpeg.JpegError) as error:
            failed = failed or error
    try:
        message = qim.reveal(frames, ORDER)
    except qim.UnreadableError:
        raise failed from None
    return _stream(QIM, _slices(message), secret)


def _stream(method, reader, secret):
    header = protocol.read_header(reader)
    seal = None if secret is None else protocol.find_seal(reader, secret)
    return Stream(method, header.suite, header.stream_id, seal)


def _read_one(reader, shape, stream, index):
    """The header and the ROIs of a message; None for the ROIs if it is sealed and to stay closed."""
    header = protocol.read_header(reader)
    if stream.suite != protocol.PLAIN and stream.seal is None:
        protocol.check_stream(header, stream.suite, stream.stream_id)
        protocol.check_index(header, index)
        return header, None
    return header, _unpack(reader, shape, stream.seal, index)


def _unpack(reader, shape, seal, index):
    rois = protocol.unpack_frame_message(reader, shape=shape, seal=seal, frame_index=index)
    types.check_inside(rois, *shape[:2])
    return rois


def _slices(message) -> Callable:
    """A reader, as `protocol` wants it, of bytes that lie there openly."""
    return lambda n_bytes, *, offset, key=None, nonce=0: message[offset : offset + n_bytes]
