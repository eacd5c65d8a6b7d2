"""Reads public files with sealed originals, which `sealing` wrote: restores the heads, or says what a file carries."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from uunet import audit
from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.media import envelopes, views
from uunet.pipeline.frame import crop, owned
from uunet.pipeline.options import RestoreOptions
from uunet.wire import contents, envelope, keys, originals, protocol, sidecar

FOR_OWNER = 0o600  # the permissions of a file that shows originals: they were sealed for few
# errors that are not those of one frame
NOT_OF_A_FRAME = (keys.NotARecipientError, keys.KeyRecordError, sidecar.SidecarError, audit.AuditError)


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
    by_track: Counter[int] = field(default_factory=Counter)  # the same, of each track
    closed: Counter[int] = field(default_factory=Counter)  # heads of each track that the keys given do not open
    altered: list[tuple[int, int]] = field(default_factory=list)  # (frame, track) whose public head was altered
    failures: dict[int, UUNetError] = field(default_factory=dict)  # by frame number

    def failed(self) -> list[tuple[int, int, UUNetError]]:
        """As `contents.Contents.failed`."""
        return contents.spans(self.failures)


class Reader:
    """A public file with sealed originals while it is read, frame after frame.

    Args:
        path: path of the public file, for error sentences and the log.
        options: RestoreOptions; without an identity it reads what anybody can.
        command: the command that opens the file, for the log.
    """

    def __init__(self, path: Path | str, options: RestoreOptions, command: str) -> None:
        self.found = Contents()
        self.path, self.options, self.command = path, options, command
        self.keys: keys.FileKeys | None = None  # once the first frame is read
        self._beside = None if options.sidecar is None else sidecar.envelopes(options.sidecar)
        self._ended = False  # whether an envelope has said that the file ends with it
        self._record = b""  # the key record, the same in all frames that carry it
        self._logged: bytes | None = None  # SHA-256 of the public file, as it is in the log

    def restored(self, public: Public, where: str = "") -> np.ndarray:
        """The next frame with the originals of all heads that the keys open: uint8 `(H, W, 3)`.

        Args:
            public: the frame.
            where: the file and the frame, to stand before the sentences of errors; "" for none.

        Raises:
            UUNetError: if the frame is not the next one of the file, as it was published.
        """
        try:
            return self._restored(public, len(self.found.boxes))
        except NOT_OF_A_FRAME:
            raise
        except UUNetError as error:
            sentence = str(error)
            if isinstance(error, envelope.NoEnvelopeError) and self._beside is None and len(self.found.boxes) == 1:
                sentence = f"{sentence.removesuffix('.')}, or name the file that was written beside it (--sidecar)."
            raise type(error)(f"{where}: {sentence}" if where else sentence) from error

    def _restored(self, public, index):
        self.found.boxes.append(None)
        self.found.tracks.append([])
        read = self._reader(public, index)
        found = envelope.read_open(read)
        self._begin(found)
        self._check_place(found, public, index)
        result = public.rgb if self.keys is None else self._open(found, read, public, self.keys)
        self.found.boxes[index] = [head.roi for head in found.heads]
        self.found.tracks[index] = [head.track for head in found.heads]
        self.found.bytes += len(found.data) + found.body_length
        self._ended = found.last
        return result

    def finish(self) -> None:
        """Checks that nothing is missing behind the last frame, and that a sidecar fits the file.

        Raises:
            UUNetError: if the file was cut, or a sidecar fits no head and `options` do not accept it.
        """
        if self._beside is not None and next(self._beside, None) is not None:
            raise sidecar.SidecarError(
                f"{self.options.sidecar} holds originals of more frames than the public file has: give the files that "
                "belong together."
            )
        if not self._ended:
            raise SealedError(
                f"{self.path} has fewer frames than were written (its end was cut off): give the public file exactly "
                "as it was written."
            )
        tracks = None if self.keys is None else self.keys.tracks()
        if tracks is not None and not self.found.opened and any(self.found.tracks):
            raise envelope.LockedHeadError(
                f"The disclosure opens the tracks {', '.join(map(str, tracks))}, and no head of {self.path} is one of "
                "them: give the disclosure of another track."
            )
        if self._logged is not None and audit.sha256_of(self.path) != self._logged:
            raise SealedError(f"{self.path} changed while it was read: try again when nothing writes to it.")
        if (
            self._beside is not None
            and not self.options.accept_altered
            and 0 < self.found.opened == len(self.found.altered)
        ):
            raise AlteredError(
                f"No public head of {self.path} is as it was published: {self.options.sidecar} belongs to another "
                "file, or the public file was encoded again; if so, --accept-altered restores it."
            )

    def _reader(self, public, index):
        if self._beside is None:
            return public.envelope_reader
        content = next(self._beside, None)
        if content is None:
            raise sidecar.SidecarError(
                f"{self.options.sidecar} holds the originals of {index} frames, and the public file has more: give the "
                "files that belong together."
            )
        return envelope.Content(content)

    def _begin(self, first):
        """Learns from the first envelope whose file this is, and opens the keys in the first key record.

        Both are in frame 0. Where that frame fails, `inspect` goes on without.
        """
        if not self.found.stream_id:
            self.found.stream_id, self.found.shape = first.stream_id, (first.height, first.width)
        if first.stream_id != self.found.stream_id:
            return
        if first.record and self._record and first.record != self._record:
            raise SealedError(
                "The key record is not that of the frames before, so the file may have more recipients than it says: "
                "give the public file exactly as it was written."
            )
        self._record = self._record or first.record
        if first.record and not self.found.recipients:
            self.found.recipients = [keys.NAMES.get(suite, f"suite {suite}") for suite, _ in keys.stanzas(first.record)]
        identity = self.options.identity
        if identity is None or self.keys is not None:
            return
        if isinstance(identity, keys.AuthorityKey) and not first.record:
            raise SealedError(
                "No frame before it carries the keys (the first frame was cut off, or is damaged): give the public "
                "file exactly as it was written."
            )
        if self.options.log is not None:
            self._note(self.options.log, first.stream_id, identity)
        if isinstance(identity, keys.FileKeys):
            self.keys = identity
        else:
            try:
                self.keys = keys.unwrap(first.record, first.stream_id, identity)
            except UUNetError as error:
                raise type(error)(f"{self.path}: {error}") from error

    def _note(self, log, stream_id, identity):
        """Notes in the log that the file is going to be opened."""
        tracks = identity.tracks() if isinstance(identity, keys.FileKeys) else None
        sha256 = audit.sha256_of(self.path)
        audit.append(log, audit.Entry(self.command, stream_id, sha256, tracks, keys.name_of(identity)))
        self._logged = sha256

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
        result, view, opened, altered = public.rgb.copy(), None, Counter[int](), []
        for k, (head, mask) in enumerate(zip(found.heads, owned([head.roi for head in found.heads]), strict=True)):
            if file_keys.track_key(head.track) is None:
                continue
            content = envelope.open_head(found, body, k, file_keys)
            crop(result, head.roi)[mask] = originals.restored(content.picture, mask.shape)[mask]
            view = public.view if view is None else view
            if originals.head_digest(view, head.roi) != content.digest:
                altered.append((found.frame_index, head.track))
            opened[head.track] += 1
        self.found.opened += opened.total()
        self.found.by_track += opened
        self.found.closed += Counter(head.track for head in found.heads if head.track not in opened)
        self.found.altered += altered
        return result


def carries(public: Path | str) -> bool:
    """Whether the first frame of a file carries an envelope, intact or not; False if it cannot be read."""
    try:
        envelope.read_open(next(envelopes.pictures(public)).envelope_reader)
    except envelope.NoEnvelopeError:
        return False
    except (envelope.DamagedEnvelopeError, envelope.UnsupportedEnvelopeError):
        return True
    except UUNetError:
        return False
    return True


def inspect(public: Path | str, options: RestoreOptions = RestoreOptions()) -> Contents:
    """What a public file with sealed originals carries, and what is wrong with it. Does not stop at a frame that fails.

    Args:
        public: path of a video or picture.
        options: RestoreOptions. Without an identity nothing is opened: no head is compared with what was published,
            and a forged envelope is not noticed.

    Raises:
        UUNetError: if the file cannot be read, or the identity is not that of a recipient.
    """
    reader = Reader(public, replace(options, accept_altered=True), "inspect")
    for index, one in enumerate(envelopes.pictures(public)):
        try:
            reader.restored(one)
        except NOT_OF_A_FRAME:
            raise
        except UUNetError as error:
            reader.found.failures[index] = error
    try:
        reader.finish()
    except SealedError as error:
        reader.found.failures.setdefault(len(reader.found.boxes) - 1, error)
    return reader.found


def opened(found: contents.Contents, public: Path | str) -> list[list[Roi]]:
    """The boxes in the messages of a file; refuses a file with sealed originals, which has no messages.

    Raises:
        SealedError: naming `public`.
        UUNetError: see `contents.Contents.opened`.
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
