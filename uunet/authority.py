"""What the authority does with public files that carry sealed originals: it discloses people, and changes recipients.

No network takes part, and no picture is restored.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from uunet import audit
from uunet.atomic import OutputError, new_file
from uunet.errors import UUNetError
from uunet.media import envelopes
from uunet.media.envelopes import PublicFile, Replacement
from uunet.media.video_reading import Frame
from uunet.wire import envelope, keys, originals, protocol
from uunet.wire.crypto import AuthenticationError
from uunet.wire.envelope import Envelope
from uunet.wire.key_files import TrackError
from uunet.wire.keys import AuthorityKey, FileKeys, KeyRecordError, RecipientKey
from uunet.wire.protocol import StreamError

Progress = Callable[[str, int, int | None], None]


class RewrapError(UUNetError):
    """A file for other recipients is not what was to be written."""


def file_keys(public: PublicFile, identity: AuthorityKey | FileKeys) -> FileKeys:
    """The keys of a public file, from its first key record, or from a disclosure; `checked` checks them.

    Raises:
        NoEnvelopeError: if the first frame carries no envelope.
        NotARecipientError: if the file was not sealed to this key.
        StreamError: if `identity` is the disclosure of another file.
        KeyRecordError: if no frame carries a key record, or if it is damaged.
    """
    for index, (_, read) in enumerate(public.frames()):
        with public.naming(index):
            found = envelope.read_open(read)
        if isinstance(identity, FileKeys):
            if identity.stream_id != found.stream_id:
                raise StreamError(f"{public.path} is not the file of this disclosure: give the file it was made for.")
            return identity
        if found.record:
            try:
                return keys.unwrap(found.record, found.stream_id, identity)
            except UUNetError as error:
                raise type(error)(f"{public.path}: {error}") from error
    raise KeyRecordError(
        f"{public.path} carries no key record (the frames that did were cut out): give the public file exactly as it "
        "was written."
    )


def disclose(
    public: PublicFile,
    target: Path,
    identity: AuthorityKey | FileKeys,
    tracks: Iterable[int],
    log: Path | None = None,
    progress: Progress | None = None,
) -> dict[int, int]:
    """Writes the keys of some tracks of a public file: whoever has them sees these people and nobody else.

    All frames are read, and must be authentic. Frames that were cut out do not matter: `reconstruct` reports them.

    Args:
        public: PublicFile.
        target: path of a file that does not exist.
        identity: AuthorityKey of a recipient, or FileKeys of a disclosure with these tracks.
        tracks: int, at least one.
        log: path of the log to which this is appended (`audit`), before a key is tried; None for none.
        progress: callable `(stage, done, total or None)`.

    Returns:
        dict from each track to the number of frames that show it.

    Raises:
        TrackError: if a track does not occur in the file, or if `identity` does not open it.
        UUNetError: one sentence; nothing is left at `target`.
    """
    if target.exists():
        raise OutputError(f"{target} exists already, and a disclosure is never replaced: name another file.")
    wanted = sorted(set(tracks))
    if log is not None:
        log_opening(public, identity, "disclose", log, wanted)
    own = file_keys(public, identity)
    opened = own.tracks()
    if opened is not None and not set(wanted) <= set(opened):
        raise TrackError(f"The disclosure given opens {named(opened)} only, not {named(wanted)}: name one of these.")
    shown = Counter()
    for frame in checked(public, own, progress):
        shown.update({head.track for head in frame.heads})
    missing = [track for track in wanted if track not in shown]
    if missing:
        has = f"{named(sorted(shown))}: name one of these" if shown else "no heads at all: there is nobody to disclose"
        raise TrackError(f"{public.path} has no {named(missing)}; it has {has}.")
    keys.save_disclosure(own, wanted, target)
    return {track: shown[track] for track in wanted}


def log_opening(
    public: PublicFile, identity: AuthorityKey | FileKeys, command: str, log: Path, tracks: Sequence[int] | None = None
) -> None:
    """Appends to a log (`audit`) that a public file is going to be opened. Call it before.

    Args:
        public: PublicFile.
        identity: as in `disclose`.
        command: "disclose" or "rewrap".
        log: path of the log.
        tracks: list of int, those that are opened; None for all.

    Raises:
        UUNetError: if the first frame carries no envelope, or the log cannot be written.
    """
    _, read = next(public.frames())
    with public.naming(0):
        stream_id = envelope.read_open(read).stream_id
    sha256 = audit.sha256_of(public.path)
    audit.append(log, audit.Entry(command, stream_id, sha256, tracks, keys.name_of(identity)))


def rewrap(
    public: PublicFile,
    target: Path,
    identity: AuthorityKey,
    recipients: Sequence[RecipientKey],
    overwrite: bool = False,
    progress: Progress | None = None,
) -> int:
    """Writes the same file for other recipients; they replace those it has. Its heads stay sealed as they are.

    Who could open the old file may have kept it, or its file key: that is not taken away.

    The result is read back before it becomes `target`. Each frame must show the same picture at the same time, and its
    envelope may differ in the key record only.

    Args:
        public: PublicFile; if it has a sidecar, the result is a new sidecar for the same public file.
        target: path of the result.
        identity: AuthorityKey of a recipient.
        recipients: list of RecipientKey.
        overwrite: whether an existing file may be replaced.
        progress: callable `(stage, done, total or None)`.

    Returns:
        The number of frames.

    Raises:
        UUNetError: one sentence; nothing is left at `target`.
    """
    progress = progress or _silent
    source = public.sidecar or public.path
    if public.sidecar and target.exists() and target.samefile(public.path):
        raise OutputError(f"{target} is the public file, which stays as it is: name another file for the new sidecar.")
    with new_file(target, source, overwrite=overwrite) as part:
        own = file_keys(public, identity)
        record = keys.wrap(own, recipients)
        if public.sidecar:
            for _ in checked(public, own, progress):
                pass

        def replace(read: protocol.Reader) -> Replacement:
            found = envelope.read_open(read)
            body = envelope.read_body(found, read, own)
            open_part = envelope.with_record(found, record) if found.record else found.data
            return Replacement(open_part, body, found.frame_index, own.order_key, len(found.data))

        envelopes.copy(public, target, part, replace, lambda done: progress("rewrap", done, None))
        written = PublicFile(public.path, part) if public.sidecar else PublicFile(part)
        return _verify(public, written, target, own, record, progress)


def checked(public: PublicFile, own: FileKeys, progress: Progress | None = None) -> Iterator[Envelope]:
    """Yields the envelope of each frame, which is authentic.

    Raises:
        UUNetError: naming the file and the frame, if one is not, or if the sidecar is that of another file.
    """
    heads = matching = 0
    for index, (frame, read) in enumerate(public.frames()):
        with public.naming(index):
            found, body = _opened(frame, read, own)
            if public.sidecar is not None:
                digests = _digests(found, body, own)
                heads += len(digests)
                matching += sum(originals.head_digest(frame.view, roi) == digest for roi, digest in digests)
        yield found
        (progress or _silent)("read", index + 1, None)
    if heads and not matching and not public.accept_altered:
        raise AuthenticationError(
            f"No public head of {public.path} is as it was published: {public.sidecar} belongs to another file, or the "
            "public file was encoded again; if so, give --accept-altered, too."
        )


def _opened(frame, read, own):
    """The envelope of a frame, and its body; both are authentic."""
    found = envelope.read_open(read)
    envelope.check_place(found, shape=frame.rgb.shape, stream_id=own.stream_id)
    return found, envelope.read_body(found, read, own)


def _digests(found, body, own):
    """`(roi, digest of the public head)` for each head of a frame that the keys open."""
    return [
        (head.roi, envelope.open_head(found, body, k, own).digest)
        for k, head in enumerate(found.heads)
        if own.track_key(head.track) is not None
    ]


def _verify(public, written, target, own, record, progress):
    """Compares the result with the source, frame by frame; returns their number."""
    count, shift = 0, None
    again = _readable(written, target, own)
    for index, (frame, read) in enumerate(public.frames()):
        with public.naming(index):
            old, body = _opened(frame, read, own)
        result = next(again, None)
        if result is None:
            raise _unlike(target, index)
        other, new, new_body = result
        if isinstance(frame, Frame):
            shift = other.time - frame.time if shift is None else shift
            if abs(other.time - frame.time - shift) > 1:
                raise _unlike(target, index)
        same_head = new.authenticated() == old.authenticated() and new.record == (record if old.record else b"")
        if not same_head or new_body != body or not _alike(frame, other, public.sidecar is not None):
            raise _unlike(target, index)
        count = index + 1
        progress("verify", count, None)
    if next(again, None) is not None:
        raise _unlike(target, count)
    return count


def _readable(written, target, own):
    """Yields frame, envelope and body of each frame of the result, as anybody reads it."""
    try:
        for frame, read in written.frames():
            found = envelope.read_open(read)
            yield frame, found, envelope.read_body(found, read, own)
    except UUNetError as error:
        raise RewrapError(f"{target} does not read back, and nothing was kept ({error}).") from error


def _alike(frame, other, same_file):
    """Whether two frames show the same picture, apart from what hiding changes."""
    if same_file:
        return True
    views = frame.view, other.view
    return len(views[0]) == len(views[1]) and all(
        step == other_step and np.array_equal(array, other_array)
        for (array, step), (other_array, other_step) in zip(*views, strict=True)
    )


def _unlike(target, index):
    return RewrapError(
        f"{target}: frame {index} does not read back as it was: nothing was kept; give the public file exactly as it "
        "was written."
    )


def named(tracks: Sequence[int]) -> str:
    """ "track 3" or "tracks 0 to 4 and 9": rising numbers in words."""
    runs = []
    for track in tracks:
        if runs and track == runs[-1][1] + 1:
            runs[-1][1] = track
        else:
            runs.append([track, track])
    words = [str(first) if first == last else f"{first} to {last}" for first, last in runs]
    many = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
    return f"track{'s' if len(tracks) > 1 else ''} {many}"


def _silent(stage: str, done: int, total: int | None) -> None:
    """Reports nothing."""
