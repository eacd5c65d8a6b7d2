"""Messages into frames and out of them: one a frame in lossless files, one a group of frames in lossy ones.

Lossy codecs destroy a new message in every frame, and keep one that stays. So in lossy files all frames of a *group*
carry one message, and with it the same boxes (`tracking.hold`): heads are de-identified and reconstructed in exactly
these. Groups are counted from frame 0: 0 to 9, 10 to 19, ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial

from uunet import codec, keys, protocol
from uunet.errors import UUNetError
from uunet.protocol import (
    DamagedMessageError,
    FrameIndexError,
    NoMessageError,
    SealedMessageError,
    StreamError,
    UnsupportedMessageError,
)
from uunet.stego import keystream, lsb, qim

LSB, QIM = "lsb", "qim"
METHODS = {LSB: lsb, QIM: qim}
GROUP = codec.GROUP  # frames; fewer make larger files, more make larger boxes around heads that move

# The order is public: a reader must find the open part before it can derive a key. The same in all frames of all files.
ORDER = lru_cache(maxsize=32)(partial(keystream.positions, bytes(32), 0))


@dataclass(frozen=True)
class Stream:
    """What the frames of one file have in common."""

    method: str  # LSB or QIM
    suite: int  # protocol.PLAIN, or a key of keys.CIPHERS
    stream_id: bytes | None  # (16); None if plain
    seal: keys.Seal | None  # None if plain, or if no secret was given


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
        method: LSB or QIM.
        sealed: bool, whether the message is to be sealed.

    Raises:
        RoiError, MessageError, CapacityError.
    """
    protocol.check_inside(rois, *shape[:2])
    METHODS[method].check_capacity(shape, protocol.message_length(rois, sealed=sealed))


def hide(frames, rois, *, first_index=0, seal=None, method=LSB):
    """Hides the boxes of consecutive frames in their pixels.

    Args:
        frames: list of uint8 `(H, W, 3)`, RGB; not modified.
        rois: list (frames) of lists of Roi; with QIM, the same in all frames of a group.
        first_index: int, the number of the first of these frames in the clip; with QIM, that of a group's first.
        seal: keys.Seal, fresh for this clip; None for messages that anybody can read.
        method: LSB or QIM.

    Returns:
        list of uint8 `(H, W, 3)`, new frames. LSB changes samples by one level; QIM changes more, but nothing in a box.

    Raises:
        RoiError, MessageError, CapacityError.
    """
    length = 1 if method == LSB else GROUP
    hidden = []
    for start in range(0, len(frames), length):
        boxes, index = rois[start], first_index + start
        if index % length or any(other != boxes for other in rois[start : start + length]):
            raise ValueError(f"the {length} frames from {index} are not one group with the same boxes")
        parts = protocol.pack_frame_message(boxes, index, shape=frames[start].shape, seal=seal)
        for frame in frames[start : start + length]:
            if method == QIM:
                hidden.append(qim.hide(frame, b"".join(parts), ORDER, avoid=boxes))
                continue
            frame = lsb.hide(frame, parts[0], nonce=index)
            if seal is not None:
                frame = lsb.hide(frame, parts[1], offset=len(parts[0]), key=seal.order_key, nonce=index)
            hidden.append(frame)
    return hidden


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
    return _unpack(partial(lsb.reveal, public), public.shape, seal, frame_index)


def read(groups, secret=None, *, stop=False, alone=False):
    """All that a public file carries; finds out by itself how.

    Args:
        groups: iterable of lists of GROUP consecutive frames, uint8 `(H, W, 3)`, from frame 0; the last may be shorter.
        secret: bytes (32) or str, see `keys`, with which the file was sealed; None if it is plain or to stay closed.
        stop: bool, whether to read no further than the first group with a failure.
        alone: bool, whether this is one frame, which may be any of a clip.

    Returns:
        Contents.
    """
    stream, shape, boxes, failures, before = None, (0, 0), [], {}, None
    for frames in groups:
        if stop and failures:
            break
        first, shape = len(boxes), frames[0].shape[:2]
        numbers = range(first, first + len(frames))
        boxes += [None] * len(frames)
        try:
            stream = stream or _find(frames, secret)
        except UUNetError as error:
            failures |= dict.fromkeys(numbers, error)
            continue
        if stream.method == LSB:
            for index, frame in zip(numbers, frames, strict=True):
                try:
                    boxes[index] = _read_one(partial(lsb.reveal, frame), frame.shape, stream, None if alone else index)
                except UUNetError as error:
                    failures[index] = error
            continue
        try:
            message = qim.reveal(frames, ORDER)
            rois = _read_one(_slices(message), frames[0].shape, stream, None if alone else first)
        except UUNetError as error:
            failures |= dict.fromkeys(numbers, error)
            before = None
            continue
        boxes[first:] = [rois] * len(frames)
        group = (numbers, frames, message)
        if before is not None:
            failures |= _strangers(before, group) | _strangers(group, before)
        before = group
    return Contents(stream, shape, boxes, failures)


def _strangers(group, neighbour):
    """Frames of a group that carry its neighbour's message: what a group's vote does not show."""
    numbers, frames, message = group
    failures = {}
    for index, frame in zip(numbers, frames, strict=True):
        own, other = qim.agreement(frame, [message, neighbour[2]], ORDER)
        if other > own:
            failures[index] = FrameIndexError(
                f"The frame carries the message of frames {neighbour[0][0]} to {neighbour[0][-1]} (frames were cut "
                "out, repeated or moved): give the public file exactly as it was written."
            )
    return failures


def _find(frames, secret):
    """The Stream to which some frames belong, from the first that tells."""
    failed = None
    for frame in frames:
        try:
            return _stream(LSB, partial(lsb.reveal, frame), secret)
        except (NoMessageError, DamagedMessageError, UnsupportedMessageError) as error:
            failed = failed or error
    try:
        message = qim.reveal(frames, ORDER)
    except qim.UnreadableError:
        raise failed from None
    return _stream(QIM, _slices(message), secret)


def _stream(method, reader, secret):
    suite, stream_id = protocol.stream_of(reader)
    seal = None if secret is None else protocol.find_seal(reader, secret)
    return Stream(method, suite, stream_id, seal)


def _read_one(reader, shape, stream, index):
    """The boxes of a message; None if it is sealed and to stay closed."""
    if stream.suite != protocol.PLAIN and stream.seal is None:
        if protocol.stream_of(reader) != (stream.suite, stream.stream_id):
            raise StreamError("The frame comes from another file than those before it: give one public file as it was.")
        return None
    return _unpack(reader, shape, stream.seal, index)


def _unpack(reader, shape, seal, index):
    rois = protocol.unpack_frame_message(reader, shape=shape, seal=seal, frame_index=index)
    protocol.check_inside(rois, *shape[:2])
    return rois


def _slices(message) -> Callable:
    """A reader, as `protocol` wants it, of bytes that lie there openly."""
    return lambda n_bytes, *, offset, key=None, nonce=0: message[offset : offset + n_bytes]
