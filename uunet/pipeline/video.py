"""Videos: de-identified, reconstructed, inspected. `media` reads and writes the files, `frame` changes the frames."""

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from uunet.atomic import new_file
from uunet.boxes import detection, motion
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import rois_of
from uunet.errors import UUNetError
from uunet.media import profiles, video_reading, video_writing
from uunet.media.video_reading import VideoError
from uunet.pipeline import frame, sealed, sealing
from uunet.pipeline.frame import meet, reconstruct_frames
from uunet.pipeline.options import LEARNED, PublicOptions, RestoreOptions
from uunet.wire import contents, messages

if TYPE_CHECKING:  # reading public files needs no network
    import keras


@dataclass(frozen=True)
class VideoResult:
    """What was done to a video."""

    frames: int
    heads: int  # boxes in all frames together
    frames_without_heads: int
    tracks: int | None  # people, as far as the tracker can tell; None after reconstruction
    seconds: dict = field(default_factory=dict)  # stage -> seconds
    bytes: int = 0  # of the file written
    audio: str = "none"  # what became of the sound
    notes: tuple = ()  # sentences that the user should read
    opened: int | None = None  # sealed originals that were restored; None if there are none
    by_track: dict = field(default_factory=dict)  # the same, of each track
    closed: dict = field(default_factory=dict)  # track -> heads that stay virtual: the keys given do not open it
    altered: tuple = ()  # (frame, track) of public heads that are not as they were published


def deidentify_video(
    source: Path | str,
    target: Path | str,
    encoder: "keras.Model",
    detector: Callable | GivenBoxes,
    options: PublicOptions = PublicOptions(),
    progress: Callable | None = None,
) -> VideoResult:
    """Writes the public version of a video: virtual faces, and their boxes hidden in every frame.

    Reads the source to detect and track all heads, again as far as `meet` needs the first heads of each track, and
    again to de-identify. Reads the result once: each frame must come back at its time with its boxes and, from a
    lossless file, exactly as it was written.

    Args:
        source: path of any video that FFmpeg reads.
        target: path of the public file: lossless .webm (VP9) or .mkv (FFV1); lossy .mp4 (H.264) or .mov (Motion JPEG).
        encoder: U_e.
        detector: callable frame -> faces, or `box_file.GivenBoxes`: see `detection`.
        options: how the file is written.
        progress: callable `(stage, done, total or None)`, after each batch of frames.

    Raises:
        UUNetError: one sentence; nothing is left at `target`.
    """
    options.check()
    chosen = profiles.choose(target, profiles.VIDEOS, options.profile, options.crf, options.method)
    stages = _Stages(progress)
    with (
        video_reading.opened(source) as clip,
        sealing.publishing(encoder, options, chosen, source, target) as (part, publisher),
    ):
        with stages.timed("detect") as report:
            tracked, shape = _track(clip, detector, report)
            meet(publisher.deidentifier, _pictures(source), tracked)
            tracked, notes = _carried(tracked, shape, publisher)
        with stages.timed("de-identify", len(tracked)) as report:

            def publish(frames, first):
                last = first + len(frames) == len(tracked)
                return publisher([frame.rgb for frame in frames], _next(tracked, frames, first, source), first, last)

            written = video_writing.convert(source, part, chosen, publish, report, publisher.attach)
            _check_complete(written, tracked, source)
        with stages.timed("verify", len(tracked)) as report:
            carriers = video_writing.verified(part, target, chosen, written, report)
            if options.mode == LEARNED:
                again = messages.read(video_reading.batches(carriers, messages.GROUP), options.secret)
                if again.failures or again.boxes != rois_of(tracked):
                    raise VideoError(f"{target} {profiles.not_survived(chosen)}")
            for _ in carriers:
                pass
        people = len({track_id for heads in tracked for track_id, _ in heads})
        notes = (*notes, *publisher.notes())
        return _result(tracked, part, stages, written, tracks=people, notes=notes)


def reconstruct_video(
    public: Path | str,
    target: Path | str,
    decoder: "keras.Model",
    options: RestoreOptions = RestoreOptions(),
    progress: Callable | None = None,
) -> VideoResult:
    """Writes the original faces back: needs nothing but the public file, U_d and, if it is sealed, the secret.

    Reads the public file twice (the boxes of all frames; the pixels), and the result once.

    Args:
        public: path of a file that `deidentify_video` wrote, unchanged.
        target: path of the result: .webm or .mkv (lossless), or .mp4 (H.264, good for viewing).
        decoder: U_d.
        options: how the file is read, and the result written.
        progress: as in `deidentify_video`.

    Raises:
        UUNetError: one sentence, naming the first frames whose message is missing, damaged or another frame's;
            nothing is left at `target`.
    """
    options.check_learned()
    chosen = profiles.choose(target, profiles.RECONSTRUCTED_VIDEOS)
    stages = _Stages(progress)
    with video_reading.opened(public) as clip, new_file(target, public, overwrite=options.overwrite) as part:
        with stages.timed("read") as report:
            if options.boxes is None:
                rois = sealed.opened(messages.read(_groups(clip, report), options.secret, stop=True), public)
            else:
                rois = _given(clip, options.boxes)
        with stages.timed("reconstruct", len(rois)) as report:

            def restore(frames, first):
                return reconstruct_frames([frame.rgb for frame in frames], _next(rois, frames, first, public), decoder)

            written = video_writing.convert(public, part, chosen, restore, report)
            _check_complete(written, rois, public)
        with stages.timed("verify", len(rois)) as report:
            for _ in video_writing.verified(part, target, chosen, written, report):
                pass
        return _result(rois, part, stages, written)


def restore_video(
    public: Path | str, target: Path | str, options: RestoreOptions, progress: Callable | None = None
) -> VideoResult:
    """Writes sealed originals back: of all heads that `options.identity` opens. No network is needed.

    Args:
        public: path of a file with sealed originals that `deidentify_video` wrote.
        target: as in `reconstruct_video`; in a lossless file exact originals come back bit for bit. Only its owner can
            read it.
        options: RestoreOptions with an identity.
        progress: as in `deidentify_video`.

    Returns:
        VideoResult; `altered` names public heads that are not as they were published.

    Raises:
        UUNetError: one sentence, naming the first frame that is not as it was published; nothing is left at `target`.
    """
    options.check_sealed(target)
    chosen = profiles.choose(target, profiles.RECONSTRUCTED_VIDEOS)
    stages, reader = _Stages(progress), sealed.Reader(public, options, "reconstruct")
    with new_file(target, public, overwrite=options.overwrite, mode=sealed.FOR_OWNER) as part:
        with video_reading.opened(public) as clip:
            announced = clip.announced
        with stages.timed("restore", announced) as report:

            def restore(frames, first):
                return [reader.restored(frame, f"{public}, frame {k}") for k, frame in enumerate(frames, first)]

            written = video_writing.convert(public, part, chosen, restore, report)
        reader.finish()
        with stages.timed("verify", len(written.frames)) as report:
            for _ in video_writing.verified(part, target, chosen, written, report):
                pass
        found = reader.found
        result = _result(found.boxes, part, stages, written)
        return replace(
            result, opened=found.opened, by_track=found.by_track, closed=found.closed, altered=tuple(found.altered)
        )


def inspect_video(public: Path | str, *, secret: bytes | str | None = None) -> contents.Contents:
    """What a public video carries, and what is wrong with it. Does not stop at a frame that fails.

    Args:
        public: path.
        secret: 32 bytes or the passphrase with which the file was sealed; without it, a sealed file's boxes stay
            unknown.

    Raises:
        UUNetError: if the file cannot be read at all, or only up to some frame.
    """
    with video_reading.opened(public) as clip:
        return messages.read(_groups(clip, lambda done, total: None), secret)


class _Stages:
    """Measures how long each stage takes, and reports how far it is."""

    def __init__(self, progress):
        self.progress = progress or (lambda stage, done, total: None)
        self.seconds = {}  # by stage

    @contextmanager
    def timed(self, stage, total=None):
        """Yields a callable `(done)`, or `(done, total)` where the total is not known before."""
        start = time.perf_counter()
        yield lambda done, total=total: self.progress(stage, done, total)
        self.seconds[stage] = round(time.perf_counter() - start, 3)


def _track(clip, detector, report):
    """Pass 1 of de-identification: the tracked heads of all frames, and the frames' shape. No pixels are kept."""
    n_frames, shape, announced = 0, None, clip.announced

    def batches():
        nonlocal n_frames, shape
        for batch in video_reading.batches(clip.frames(), video_reading.FRAMES_AT_ONCE):
            yield [frame.rgb for frame in batch]
            n_frames, shape = n_frames + len(batch), batch[0].rgb.shape
            report(n_frames, announced)

    return detection.tracked_heads(batches(), detector), shape


def _carried(tracked, shape, publisher):
    """The heads with the boxes that their messages can say, and what the user should read about them.

    Raises:
        UUNetError: naming the first frame whose message does not fit into it.
    """
    notes = []
    method = publisher.method if isinstance(publisher, frame.Publisher) else None
    if method is None:  # there is no message
        return tracked, notes
    encrypted = publisher.seal is not None
    if method == messages.QIM:
        fits = partial(messages.moving_fits, shape=shape, sealed=encrypted)
        height, width = shape[:2]
        tracked, still = motion.carry(tracked, messages.GROUP, height, width, fits)
        if still:
            groups = -(-len(tracked) // messages.GROUP)
            notes.append(
                f"In {still} of {groups} groups of {messages.GROUP} frames the motion of the heads does not fit into "
                "the message: there each head has one box around all its places, and is de-identified less well. A "
                "lossless file has room."
            )
    for index, rois in enumerate(rois_of(tracked)):
        try:
            messages.check_fits(rois, shape, method=method, sealed=encrypted)
        except UUNetError as error:
            raise type(error)(f"Frame {index}: {error}") from error
    return tracked, notes


def _pictures(source):
    """The pixels of a clip, frame by frame. The file is opened when the first frame is asked for."""
    with video_reading.opened(source) as clip:
        for frame in clip.frames():
            yield frame.rgb


def _next(heads, frames, first, source):
    """The heads of some frames, the first of which has the number `first`."""
    own = heads[first : first + len(frames)]
    if len(own) < len(frames):
        raise VideoError(_changed(source))
    return own


def _check_complete(written, heads, source):
    """Raises VideoError unless pass 2 read as many frames as pass 1, in which `heads` were found."""
    if len(written.frames) != len(heads):
        raise VideoError(_changed(source))


def _changed(source):
    return f"{source} changed while it was read: try again when nothing writes to it."


def _given(clip, boxes):
    """Given boxes as a list (frames) of lists of Roi."""
    shapes = [frame.rgb.shape for frame in clip.frames()]
    return rois_of(boxes.frames(len(shapes), *shapes[0][:2]))


def _groups(clip, report):
    """The frames of a public video as `messages.read` reads them."""
    done, announced = 0, clip.announced
    for group in video_reading.batches((one.carrier for one in clip.frames()), messages.GROUP):
        yield group
        done += len(group)
        report(done, announced)


def _result(heads, part, stages, written, *, tracks=None, notes=()):
    counts = [len(boxes) for boxes in heads]
    return VideoResult(
        frames=len(counts),
        heads=sum(counts),
        frames_without_heads=counts.count(0),
        tracks=tracks,
        seconds=stages.seconds,
        bytes=part.stat().st_size,
        audio=written.audio,
        notes=(*written.notes, *notes),
    )
