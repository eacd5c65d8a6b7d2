"""Sealed originals in files: the original heads travel encrypted beside the public frames, and come back from there.

`wire.envelope` makes the bytes of each frame's envelope. Where they travel depends on the public file:

    lossless video, PNG    in the lowest bits of the pixels
    H.264                  in an SEI message of each frame
    JPEG, Motion JPEG      in APP9 segments of each picture
    any, with a sidecar    in a file of their own

U_e hides nothing of x here: what it draws before hiding is pasted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

import keras
import numpy as np

from uunet import engine
from uunet.atomic import new_file
from uunet.boxes.types import Clip, Roi
from uunet.errors import UUNetError
from uunet.media import images, video_reading, views
from uunet.media.profiles import Profile
from uunet.pipeline import frame
from uunet.pipeline.frame import crop, drawn, owned
from uunet.pipeline.options import EXACT, LEARNED, NONE, PublicOptions
from uunet.stego import jpeg, lsb
from uunet.wire import envelope, keys, messages, originals, protocol, sidecar

STEPS = (originals.HIGH, 75, 50, 25)  # WebP's qualities: `high` falls from one to the next where room is short

KEPT = "A copy keeps the originals"
SAYS = {  # what becomes of the originals, by where they travel
    "pixels": f"{KEPT}, and so does a lossless conversion of RGB. Any lossy encoding destroys them.",
    "SEI": f"{KEPT}, and so does a remux (`ffmpeg -c copy`) to .mp4, .mkv or .ts. Encoding again drops them.",
    "APP9": f"{KEPT}. Encoding the picture again drops them, and so do programs that remove metadata.",
    "sidecar": "The originals are in the sidecar file. Keep both files: the public one carries nothing.",
}


# errors that are not those of one frame
NOT_OF_A_FRAME = (keys.NotARecipientError, keys.KeyRecordError, sidecar.SidecarError)


class SealedError(UUNetError):
    """A public file with sealed originals cannot be written, or is not as it was published."""


class AlteredError(SealedError):
    """No public head is as it was published."""


class Public(Protocol):
    """A frame of a public file: a video_reading.Frame or an images.Picture."""

    @property
    def rgb(self) -> np.ndarray:
        """uint8 `(H, W, 3)`."""

    @property
    def view(self) -> views.View:
        """What digests of heads are taken of."""

    @property
    def envelope_reader(self) -> protocol.Reader:
        """Reads the envelope that the frame carries."""


def place(profile: Profile, beside: bool) -> str:
    """Where the originals travel, a key of SAYS; `beside`: whether there is a sidecar."""
    if beside:
        return "sidecar"
    if profile.exact:
        return "pixels"
    return "SEI" if profile.codec == "libx264" else "APP9"


class Publisher:
    """Makes the public frames of one file with sealed originals.

    Args:
        deidentifier: engine.Deidentifier that hides nothing: see `frame.new_deidentifier`.
        options: PublicOptions with recipients.
        profile: of the public file.
        sidecar_file: binary file to which `wire.sidecar` may write; None if the public file carries the originals.
    """

    def __init__(
        self,
        deidentifier: engine.Deidentifier,
        options: PublicOptions,
        profile: Profile,
        sidecar_file: BinaryIO | None = None,
    ) -> None:
        self.deidentifier = deidentifier
        self.place, self.sidecar_file = place(profile, sidecar_file is not None), sidecar_file
        self.profile, self.exact = profile, options.quality == EXACT
        file_keys = keys.new_file_keys()
        self.sealer = envelope.Sealer(file_keys, keys.wrap(file_keys, options.recipients))
        self.lowered: Counter[int] = Counter()  # quality below originals.HIGH -> number of frames
        self._waiting: dict[int, _Heads] = {}  # H.264: by frame number, until the frame is encoded
        if sidecar_file is not None:
            sidecar.start(sidecar_file)

    @property
    def attach(self) -> Callable[[int, views.View], bytes | None] | None:
        """H.264: what a frame carries beside its picture, see `video_writing.convert`. None for other files."""
        return self._attach if self.profile.codec == "libx264" else None

    def __call__(
        self, frames: Sequence[np.ndarray], tracked: Clip, first_index: int = 0, last: bool = True
    ) -> list[np.ndarray | bytes]:
        """Public versions of consecutive frames: arguments and result as those of `frame.deidentify_frames`.

        Raises:
            UUNetError: naming the first frame that has no room for its originals.
        """
        public = drawn(frames, tracked, self.deidentifier)
        ends = [False] * (len(frames) - 1) + [last]
        each = enumerate(zip(frames, public, tracked, ends, strict=True), start=first_index)
        return [self._frame(index, *some) for index, some in each]

    def _attach(self, index, view):
        return self._carried(self._seal(self._waiting.pop(index), view))

    def notes(self) -> list[str]:
        """What the user should read about the originals."""
        return [
            f"In {frames} frames the originals have quality {quality} instead of {originals.HIGH}, because there is no "
            "room for more: --sidecar has room for all."
            for quality, frames in sorted(self.lowered.items(), reverse=True)
        ]

    def _frame(self, index, original, public, heads, last):
        some = _Heads(index, original.shape, heads, self._pictures(index, original, heads), last)
        if self.attach:
            self._waiting[index] = some
            return public
        if self.profile.exact:
            parts = self._seal(some, views.of_rgb(public))
            return self._in_pixels(public, parts, index) if self._carried(parts) else public
        data = jpeg.encode(public)
        content = self._carried(self._seal(some, jpeg.blocks(data)))
        return data if content is None else jpeg.with_segment(data, content)

    def _seal(self, some, view):
        """`(quality, picture)` of each head to the envelope of the frame: open part, body."""
        contents = [
            envelope.HeadContent(quality, originals.head_digest(view, roi), picture)
            for (quality, picture), (_, roi) in zip(some.pictures, some.heads, strict=True)
        ]
        return self.sealer.seal(some.index, some.shape, some.heads, contents, some.last)

    def _carried(self, parts):
        """The envelope as bytes for the public file; None if it goes into the sidecar."""
        if self.sidecar_file is None:
            return b"".join(parts)
        sidecar.write(self.sidecar_file, b"".join(parts))
        return None

    def _in_pixels(self, public, parts, index):
        open_part, body = parts
        public = lsb.hide(public, open_part, replace=True)
        key = self.sealer.keys.order_key
        return lsb.hide(public, body, offset=len(open_part), key=key, nonce=index, replace=True)

    def _pictures(self, index, original, heads):
        """`(quality, picture)` of each head, at the best quality for which the frame has room."""
        masks = owned([roi for _, roi in heads])
        room = lsb.capacity(original.shape) if self.place == "pixels" else None
        needed = 0
        for quality in (envelope.EXACT,) if self.exact else STEPS:
            found = [
                (quality, originals.picture(crop(original, roi), mask, quality))
                for (_, roi), mask in zip(heads, masks, strict=True)
            ]
            lengths = [len(picture) for _, picture in found]
            needed = envelope.sealed_length(heads, lengths, len(self.sealer.record_for(index)))
            if room is None or needed <= room:
                if quality not in (envelope.EXACT, STEPS[0]):
                    self.lowered[quality] += 1
                return found
        smaller = "--quality high or " if self.exact else ""
        raise lsb.CapacityError(
            f"Frame {index} can hide {room} bytes but its sealed originals need {needed}: give {smaller}--sidecar FILE."
        )


@contextmanager
def publishing(
    encoder: keras.Model, options: PublicOptions, profile: Profile, source: Path | str
) -> Iterator[Publisher | frame.Publisher]:
    """A context with the publisher of a new file, for any reversal. Its sidecar is complete afterwards, or absent.

    Args:
        encoder: U_e.
        options: PublicOptions, checked.
        profile: of the public file.
        source: path of the input, which the sidecar must not replace.

    Raises:
        UUNetError: if `encoder` is not the one that is needed, or the sidecar cannot be written.
    """
    if options.mode == LEARNED:
        yield frame.new_publisher(encoder, options.seed, options.secret, profile.method)
        return
    deidentifier = frame.new_deidentifier(encoder, options.seed, hides=False)
    if options.mode == NONE:
        yield frame.Publisher(deidentifier, method=None)
    elif options.sidecar is None:
        yield Publisher(deidentifier, options, profile)
    else:
        with new_file(options.sidecar, source, overwrite=options.overwrite) as part, part.open("wb") as file:
            yield Publisher(deidentifier, options, profile, file)


@dataclass(frozen=True)
class _Heads:
    """The original heads of a frame, ready to be sealed."""

    index: int
    shape: tuple[int, ...]
    heads: list  # of TrackedBox
    pictures: list  # of (quality, picture)
    last: bool  # whether the file ends with this frame


# Reading.


@dataclass
class Contents:
    """What a public file with sealed originals carries."""

    stream_id: bytes = b""
    shape: tuple[int, int] = (0, 0)  # (height, width)
    boxes: list[list[Roi] | None] = field(default_factory=list)  # per frame; None if the frame failed
    tracks: list[list[int]] = field(default_factory=list)  # per frame, in the same order
    bytes: int = 0  # of all envelopes
    recipients: list[str] = field(default_factory=list)  # the kind of each one's key; not who they are
    opened: int = 0  # heads that the keys open
    altered: list[tuple[int, int]] = field(default_factory=list)  # (frame, track) whose public head was altered
    failures: dict[int, UUNetError] = field(default_factory=dict)  # by frame number

    def failed(self) -> list[tuple[int, int, UUNetError]]:
        """As `messages.Contents.failed`."""
        return messages.spans(self.failures)


class Reader:
    """A public file with sealed originals while it is read, frame after frame.

    Args:
        identity: AuthorityKey of a recipient, or FileKeys of a disclosure; None to read what anybody can.
        sidecar_path: path of the file with the envelopes; None if the frames carry them.
    """

    def __init__(
        self, identity: keys.AuthorityKey | keys.FileKeys | None, sidecar_path: Path | str | None = None
    ) -> None:
        self.found = Contents()
        self.identity, self.sidecar_path = identity, sidecar_path
        self.keys = identity if isinstance(identity, keys.FileKeys) else None
        self._beside = None if sidecar_path is None else sidecar.envelopes(sidecar_path)
        self._ended = False  # whether an envelope has said that the file ends with it

    def restored(self, public: Public, named: int | None = None) -> np.ndarray:
        """The next frame with the originals of all heads that the keys open: uint8 `(H, W, 3)`.

        Args:
            public: the frame.
            named: the number of the frame, to stand before the sentences of errors; None for a picture.

        Raises:
            UUNetError: if the frame is not the next one of the file, as it was published.
        """
        try:
            return self._restored(public, len(self.found.boxes))
        except NOT_OF_A_FRAME:
            raise
        except UUNetError as error:
            raise type(error)(f"{error}" if named is None else f"Frame {named}: {error}") from error

    def _restored(self, public, index):
        self.found.boxes.append(None)
        self.found.tracks.append([])
        read = self._reader(public, index)
        found = envelope.read_open(read)
        if index == 0:
            self._begin(found)
        self._check_place(found, public, index)
        result = public.rgb if self.keys is None else self._open(found, read, public, self.keys)
        self.found.boxes[index] = [head.roi for head in found.heads]
        self.found.tracks[index] = [head.track for head in found.heads]
        self.found.bytes += len(found.data) + found.body_length
        self._ended = found.last
        return result

    def finish(self, public: Path | str, accept_altered: bool = False) -> None:
        """Checks that nothing is missing behind the last frame, and that a sidecar fits the file.

        Args:
            public: path of the public file, for error sentences.
            accept_altered: whether a sidecar that fits no head is accepted.

        Raises:
            UUNetError: if the file was cut, or a sidecar fits no head.
        """
        if not self._ended:
            raise SealedError(
                f"{public} has fewer frames than were written (its end was cut off): give the public file exactly as "
                "it was written."
            )
        if self._beside is None:
            return
        if next(self._beside, None) is not None:
            raise sidecar.SidecarError(
                f"{self.sidecar_path} holds originals of more frames than the public file has: give the files that "
                "belong together."
            )
        if not accept_altered and 0 < self.found.opened == len(self.found.altered):
            raise AlteredError(
                f"No public head of {public} is as it was published: {self.sidecar_path} belongs to another file, or "
                "the public file was encoded again; if so, --accept-altered restores it."
            )

    def _reader(self, public, index):
        if self._beside is None:
            return public.envelope_reader
        content = next(self._beside, None)
        if content is None:
            raise sidecar.SidecarError(
                f"{self.sidecar_path} holds the originals of {index} frames, and the public file has more: give the "
                "files that belong together."
            )
        return partial(protocol.read_bytes, content)

    def _begin(self, first):
        """Learns from the envelope of the first frame whose file this is, and opens its keys."""
        self.found.stream_id, self.found.shape = first.stream_id, (first.height, first.width)
        if first.record:
            self.found.recipients = [keys.NAMES.get(suite, f"suite {suite}") for suite, _ in keys.stanzas(first.record)]
        if isinstance(self.identity, keys.AuthorityKey):
            if not first.record:
                raise SealedError(
                    "The file does not begin with its first frame, which carries the keys: give the public file "
                    "exactly as it was written."
                )
            self.keys = keys.unwrap(first.record, first.stream_id, self.identity)

    def _check_place(self, found, public, index):
        stream_id = self.found.stream_id or None
        envelope.check_place(found, shape=public.rgb.shape, stream_id=stream_id, frame_index=index)
        if self._ended:
            raise SealedError(
                "The frame comes after the last one of its file (another file was joined to it): give the public file "
                "exactly as it was written."
            )

    def _open(self, found, read, public, file_keys):
        """The frame with the originals pasted in; notes public heads that were altered."""
        body = envelope.read_body(found, read, file_keys)
        envelope.check(found, body, file_keys)
        result, view, altered = public.rgb.copy(), None, []
        for k, (head, mask) in enumerate(zip(found.heads, owned([head.roi for head in found.heads]), strict=True)):
            if file_keys.track_key(head.track) is None:
                continue
            content = envelope.open_head(found, body, k, file_keys)
            crop(result, head.roi)[mask] = originals.restored(content.picture, mask.shape)[mask]
            view = public.view if view is None else view
            if originals.head_digest(view, head.roi) != content.digest:
                altered.append((found.frame_index, head.track))
            self.found.opened += 1
        self.found.altered += altered
        return result


def carries(public: Path | str) -> bool:
    """Whether the first frame of a file carries an envelope, intact or not; False if it cannot be read."""
    try:
        with frames(public) as found:
            envelope.read_open(next(iter(found)).envelope_reader)
    except envelope.NoEnvelopeError:
        return False
    except (envelope.DamagedEnvelopeError, envelope.UnsupportedEnvelopeError):
        return True
    except UUNetError:
        return False
    return True


def inspect(
    public: Path | str,
    identity: keys.AuthorityKey | keys.FileKeys | None = None,
    sidecar_path: Path | str | None = None,
) -> Contents:
    """What a public file with sealed originals carries, and what is wrong with it. Does not stop at a frame that fails.

    Args:
        public: path of a video or picture.
        identity, sidecar_path: see `Reader`. Without an identity nothing is opened: no head is compared with what was
            published, and a forged envelope is not noticed.

    Raises:
        UUNetError: if the file cannot be read, or the identity is not that of a recipient.
    """
    reader = Reader(identity, sidecar_path)
    with frames(public) as found:
        for index, one in enumerate(found):
            try:
                reader.restored(one)
            except NOT_OF_A_FRAME:
                raise
            except UUNetError as error:
                reader.found.failures[index] = error
    try:
        reader.finish(public, accept_altered=True)
    except SealedError as error:
        reader.found.failures.setdefault(len(reader.found.boxes) - 1, error)
    return reader.found


@contextmanager
def frames(public: Path | str) -> Iterator[Iterable[Public]]:
    """A context with the frames of a public video, or the one of a picture."""
    if Path(public).suffix.lower() in images.READABLE:
        yield [images.read(public)]
    else:
        with video_reading.opened(public) as clip:
            yield clip.frames()


def opened(found: messages.Contents, public: Path | str) -> list[list[Roi]]:
    """The boxes in the messages of a file; refuses a file with sealed originals, which has no messages.

    Raises:
        SealedError: naming `public`.
        UUNetError: see `messages.Contents.opened`.
    """
    if found.failures and carries(public):
        raise SealedError(f"{public} carries sealed originals: give --identity with a recipient's private key.")
    return found.opened()


def altered_notes(altered: Sequence[tuple[int, int]]) -> list[str]:
    """A sentence per track whose public heads were altered, with the first frames."""
    by_track: dict[int, list[int]] = {}
    for index, track in altered:
        by_track.setdefault(track, []).append(index)
    result = []
    for track, indices in sorted(by_track.items()):
        some = ", ".join(str(index) for index in indices[:5]) + (" ..." if len(indices) > 5 else "")
        many = "frame" if len(indices) == 1 else f"{len(indices)} frames:"
        result.append(f"Track {track}, {many} {some}: the public head was altered after publication.")
    return result
