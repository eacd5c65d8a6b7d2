"""Videos through PyAV (FFmpeg): read, de-identify or reconstruct, write, read again and compare.

How public files are written is in `profiles`. In lossless ones the hidden bits live in single RGB levels, so they must
be lossless in RGB. "Lossless" H.264 in 8-bit YUV is not: converting RGB to YUV and back destroys every message. The
frames of Motion JPEG are JPEG files that `stego.jpeg` wrote: they are stored, and must read back, byte for byte.

Kept: the picture upright (rotation and mirroring are applied to the pixels), every frame's time to 1 ms, all
audio (voices are not de-identified). Dropped: subtitles, and tags such as titles or places, which may name people.
"""

import hashlib
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from uunet import engine
from uunet.atomic import new_file
from uunet.boxes import detection, tracking
from uunet.channel import video_codec
from uunet.errors import UUNetError
from uunet.media import profiles
from uunet.pipeline.frame import deidentify_frames, fresh_seed, meet, new_seal, reconstruct_frames
from uunet.stego import jpeg
from uunet.wire import messages

MILLISECOND = Fraction(1, 1000)  # the resolution of times in .webm and .mkv
FRAMES_AT_ONCE = 2 * messages.GROUP  # frames held in memory; their heads go through the network together
CUT_SHORT = 1000  # ms; a file that ends earlier than it announces by more than this is truncated
MUXER = {"fflags": "+bitexact"}  # no random identifiers or version numbers: a seed repeats the file byte for byte


class VideoError(UUNetError):
    """A video cannot be read, or its result would not be right."""


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
    notes: tuple = ()  # sentences the user should read


def deidentify_video(
    source,
    target,
    encoder,
    detector,
    *,
    seed=None,
    secret=None,
    profile=None,
    method=None,
    crf=None,
    overwrite=False,
    progress=None,
):
    """Writes the public version of a video: virtual faces, and their boxes hidden in every frame.

    Reads the video to detect and track all heads, again as far as `meet` needs the first heads of each track, and again
    to de-identify. Reads the result once: each frame must come back at its time with its boxes and, in a lossless file,
    exactly as it was written.

    Args:
        source: path of any video that FFmpeg reads.
        target: path of the public file: .webm (VP9 lossless), .mkv (FFV1), .mp4 (H.264, not lossless) or .mov (Motion
            JPEG, not lossless).
        encoder: keras.Model U_e.
        detector: callable frame -> faces, or head boxes: see `detection`.
        seed: int >= 0 for a repeatable file; None draws a fresh one.
        secret: bytes (32) or str, see `keys`, to seal the boxes with; None for boxes that anybody can read.
        profile: str, the name of the profile that `target` must have; None for any.
        method: str, by which the boxes are hidden, see `profiles`; None for the profile's default.
        crf: int in 1..51, quality of an .mp4: higher is smaller and worse; None for the profile's.
        overwrite: bool, whether an existing `target` may be replaced.
        progress: callable `(stage, done, total or None)`, after each batch of frames.

    Returns:
        VideoResult.

    Raises:
        UUNetError: one sentence; nothing is left at `target`.
    """
    form = profiles.choose(target, profiles.VIDEOS, profile, crf, method)
    deidentifier = engine.Deidentifier(encoder, fresh_seed() if seed is None else seed)
    report = progress or (lambda stage, done, total: None)
    seconds = {}
    with _opened(source), new_file(target, source, overwrite=overwrite) as part:
        with _timed(seconds, "detect"):
            tracked, shape = _track(source, detector, report)
            with _opened(source) as (container, video):
                meet(deidentifier, (picture.rgb for picture in _pictures(source, container, video)), tracked)
            still = 0
            if form.method == messages.QIM:
                tracked, still = messages.carried(tracked, shape, sealed=secret is not None)
            rois = [[roi for _, roi in heads] for heads in tracked]
            _check_fits(rois, shape, form, secret is not None)
        with _timed(seconds, "de-identify"):
            seal = new_seal(secret)

            def publish(frames, first):
                heads = tracked[first : first + len(frames)]
                if len(heads) < len(frames):
                    raise VideoError(_changed(source))
                options = {"first_index": first, "seal": seal, "method": form.method}
                options["last"] = first + len(frames) == len(tracked)
                return deidentify_frames(frames, heads, deidentifier, **options)

            written, audio, notes = _convert(source, part, form, publish, len(tracked), report, "de-identify")
        if len(written) != len(tracked):
            raise VideoError(_changed(source))
        with _timed(seconds, "verify"):
            again = messages.read(_groups(_verified(part, target, form, written, report)), secret)
            if again.failures or again.boxes != rois:
                raise VideoError(f"{target} {profiles.not_survived(form)}")
        size = part.stat().st_size
    if still:
        groups = -(-len(tracked) // messages.GROUP)
        notes.append(
            f"In {still} of {groups} groups of {messages.GROUP} frames there is no room to say how heads move: each "
            "has one box there, around all its places, and is hidden worse; a lossless file has room."
        )
    counts = [len(heads) for heads in tracked]
    return VideoResult(
        frames=len(tracked),
        heads=sum(counts),
        frames_without_heads=counts.count(0),
        tracks=len({track_id for heads in tracked for track_id, _ in heads}),
        seconds=seconds,
        bytes=size,
        audio=audio,
        notes=tuple(notes),
    )


def reconstruct_video(public, target, decoder, *, secret=None, boxes=None, overwrite=False, progress=None):
    """Writes the original faces back: needs nothing but the public file, U_d and, if it is sealed, the secret.

    Reads the public file twice (the boxes of all frames; then the pixels), and the result once.

    Args:
        public: path of a file made by `deidentify_video`, untouched.
        target: path of the result: .webm or .mkv (lossless), or .mp4 (H.264, good for viewing).
        decoder: keras.Model U_d.
        secret: bytes (32) or str, with which the file was sealed; None if it was not.
        boxes: head boxes as `detection.from_file` reads them, instead of the messages, which are then not read.
        overwrite, progress: as in `deidentify_video`.

    Returns:
        VideoResult.

    Raises:
        UUNetError: one sentence, naming the first frames whose message is missing, damaged or another frame's;
            nothing is left at `target`.
    """
    form = profiles.choose(target, profiles.RECONSTRUCTED_VIDEOS)
    report = progress or (lambda stage, done, total: None)
    seconds = {}
    with _opened(public), new_file(target, public, overwrite=overwrite) as part:
        with _timed(seconds, "read"):
            if boxes is None:
                rois = messages.read(_public_groups(public, report), secret, stop=True).opened()
            else:
                with _opened(public) as (container, video):
                    sizes = [picture.rgb.shape[:2] for picture in _pictures(public, container, video)]
                heads_by_frame = detection.boxes_by_frame(boxes, len(sizes), *sizes[0])
                rois = [[roi for _, roi in heads] for heads in heads_by_frame]
        with _timed(seconds, "reconstruct"):

            def restore(frames, first):
                heads = rois[first : first + len(frames)]
                if len(heads) < len(frames):
                    raise VideoError(_changed(public))
                return reconstruct_frames(frames, heads, decoder)

            written, audio, notes = _convert(public, part, form, restore, len(rois), report, "reconstruct")
        if len(written) != len(rois):
            raise VideoError(_changed(public))
        with _timed(seconds, "verify"):
            for _ in _verified(part, target, form, written, report):
                pass
        size = part.stat().st_size
    counts = [len(heads) for heads in rois]
    return VideoResult(
        frames=len(counts),
        heads=sum(counts),
        frames_without_heads=counts.count(0),
        tracks=None,
        seconds=seconds,
        bytes=size,
        audio=audio,
        notes=tuple(notes),
    )


def inspect_video(public, *, secret=None):
    """What a public video carries, and what is wrong with it: messages.Contents. Does not stop at a frame that fails.

    Args:
        public: path.
        secret: bytes (32) or str, with which the file was sealed; without it, a sealed file's boxes stay unknown.

    Raises:
        UUNetError: if the file cannot be read at all, or only up to some frame.
    """
    return messages.read(_public_groups(public, lambda stage, done, total: None), secret)


def _public_groups(public, report):
    with _opened(public) as (container, video):
        total, done = _estimate(container, video), 0
        for group in _groups(picture.carrier for picture in _pictures(public, container, video)):
            yield group
            done += len(group)
            report("read", done, total)


def _check_fits(rois, shape, form, sealed):
    for index, boxes in enumerate(rois):
        try:
            messages.check_fits(boxes, shape, method=form.method, sealed=sealed)
        except UUNetError as error:
            raise type(error)(f"Frame {index}: {error}") from error


def read_frames(path):
    """All frames of a short video in memory: list of uint8 `(H, W, 3)`, RGB, upright."""
    with _opened(path) as (container, video):
        return [picture.rgb for picture in _pictures(path, container, video)]


class Picture(NamedTuple):
    """One decoded frame."""

    rgb: np.ndarray  # uint8 (H, W, 3), upright
    time: int  # ms
    duration: int  # ms
    jpeg: bytes | None  # as which it lies in the file; None if it does not, or not upright

    @property
    def carrier(self):
        """What `messages.read` reads."""
        return self.rgb if self.jpeg is None else messages.Jpeg(self.rgb, self.jpeg)


@contextmanager
def _timed(seconds, stage):
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)


@contextmanager
def _opened(path):
    """Yields the container and its video stream, not a cover picture."""
    try:
        if not Path(path).is_file():
            raise VideoError(f"{path} is not a file: name an existing video.")
        container = av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path} is not a video that can be read ({error.strerror}): check the file.") from error
    with container:
        cover = av.stream.Disposition.attached_pic
        videos = [stream for stream in container.streams.video if not stream.disposition & cover]
        if not videos:
            raise VideoError(f"{path} holds no video stream: name a video.")
        yield container, videos[0]


def _pictures(path, container, video, others=lambda packet: None):
    """Yields each frame as a Picture, and passes each packet of another stream to `others`.

    Raises:
        VideoError: naming the frame, if one is damaged or differs in size; if there is none; or if the file ends
            earlier than it announces.
    """
    start = _start(container)
    period = 1000 / float(video.average_rate or video.guessed_rate or 25)
    index, last, shape, end = 0, None, None, 0.0
    for packet, frames in _decoded(path, container, video):
        if packet.pts is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base * 1000))
        if packet.stream is not video:
            others(packet)
            continue
        for frame in frames:
            matrix = _display_matrix(path, frame)
            rgb = _upright(frame.to_ndarray(format="rgb24"), matrix)
            as_written = video.codec_context.name == "mjpeg" and np.array_equal(matrix, np.eye(2))
            if shape not in (None, rgb.shape):
                raise VideoError(f"{path}: the picture changes its size at frame {index}: cut the video there.")
            if frame.pts is None:  # a raw stream has no times
                now = 0 if last is None else round(last + period)
            else:
                now = round(float(frame.pts * frame.time_base * 1000) - start)
            if last is not None and now <= last:  # two frames at one time cannot be stored
                now = last + 1
            lasts = round(float(frame.duration * frame.time_base * 1000)) if frame.duration else round(period)
            yield Picture(rgb, now, max(1, lasts), bytes(packet) if as_written else None)
            index, last, shape = index + 1, now, rgb.shape
    if index == 0:
        raise VideoError(f"{path} holds no frame: name a video with pictures in it.")
    # Matroska counts its duration from 0, others from the first frame: the more lenient reading is taken
    if container.duration and container.duration / 1000 - end > CUT_SHORT + period:
        raise VideoError(f"{path} ends after frame {index - 1}, earlier than it announces: it is truncated.")


def _start(container):
    return max(0, container.start_time or 0) / 1000  # ms; broadcast streams start anywhere, ours at 0


def _decoded(path, container, video):
    """Yields each packet with its frames; damage that FFmpeg notices is an error, where FFmpeg would hide it.

    H.264 and most other codecs carry no checksum, so some damage decodes as wrong pixels and nobody can tell.
    """
    index = 0
    packets = container.demux()
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode() if packet.stream is video else []
            damaged = packet.stream is video and (packet.is_corrupt or any(frame.is_corrupt for frame in frames))
        except av.FFmpegError as error:
            raise VideoError(_damaged(path, index)) from error
        if damaged:
            raise VideoError(_damaged(path, index))
        yield packet, frames
        index += len(frames)


def _damaged(path, index):
    return f"{path} is damaged at frame {index} or near it: repair it, for example with `ffmpeg -i IN -c copy OUT`."


def _changed(path):
    return f"{path} changed while it was read: try again when nothing writes to it."


def _display_matrix(path, frame):
    """The 2 x 2 part of FFmpeg's display matrix, of 0 and +-1: `((a, b), (c, d))`, x' = a x + c y, y' = b x + d y."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            matrix = np.sign(np.round(np.frombuffer(data, np.int32)[[0, 1, 3, 4]] / 65536)).astype(int).reshape(2, 2)
            if abs(matrix).sum() != 2 or not abs(np.linalg.det(matrix)) == 1:
                raise VideoError(f"{path} is to be shown at an angle that is not a multiple of 90 degrees: rotate it.")
            return matrix
    return np.eye(2, dtype=int)


def _upright(rgb, matrix):
    (a, b), (c, d) = matrix
    if a == 0:  # x and y change places
        rgb, a, d = rgb.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(rgb[::d, ::a])


def _estimate(container, video):
    if video.frames:
        return video.frames
    if container.duration and video.average_rate:
        return max(1, round(container.duration / 1e6 * video.average_rate))
    return None


def _groups(frames, length=messages.GROUP):
    """Lists of `length` neighbours; the last may be shorter."""
    group = []
    for frame in frames:
        group.append(frame)
        if len(group) == length:
            yield group
            group = []
    if group:
        yield group


def _track(source, detector, report):
    """Pass 1: the tracked heads of all frames, and the frames' shape; of the pixels nothing is kept."""
    detections, n_frames = [], 0
    with _opened(source) as (container, video):
        total = _estimate(container, video)
        for batch in _groups(_pictures(source, container, video), FRAMES_AT_ONCE):
            frames = [picture.rgb for picture in batch]
            if callable(detector):
                detections += detection.find_heads(frames, detector)
            n_frames += len(frames)
            report("detect", n_frames, total)
    shape = frames[0].shape
    if callable(detector):
        return tracking.track(detections), shape
    return detection.tracked_boxes(detector, n_frames, *shape[:2]), shape


def _convert(source, part, form, change, total, report, stage):
    """Pass 2: decodes, changes batches of frames, encodes.

    Args:
        part: path to write to.
        change: callable `(frames, first_index) -> frames`, or JPEG files.

    Returns:
        `(time in ms, hash)` of each frame or JPEG file written; what became of the audio; list of notes.
    """
    written, notes = [], []
    with _opened(source) as (container, video):
        with _writing(), av.open(str(part), "w", format=form.container, options=MUXER) as out:
            stream = _video_stream(out, form, source, notes)
            sound, audio = _sound_writers(source, container, out, form, notes)

            def keep_sound(packet):
                if packet.stream.index in sound:
                    sound[packet.stream.index](packet)

            for batch in _groups(_pictures(source, container, video, keep_sound), FRAMES_AT_ONCE):
                changed = change([picture.rgb for picture in batch], len(written))
                for picture, frame in zip(batch, changed, strict=True):
                    if form.codec == "mjpeg":
                        frame = frame if isinstance(frame, bytes) else jpeg.encode(frame)
                        out.mux(_packet(frame, picture, stream))
                    else:
                        out.mux(stream.encode(_frame(frame, picture, stream)))
                    written.append((picture.time, _digest(frame)))
                report(stage, len(written), total)
            if form.codec != "mjpeg":
                out.mux(stream.encode(None))
            for write in sound.values():
                write(None)
    return written, audio, notes


def _frame(rgb, picture, stream):
    """A frame for the encoder, at the time of a Picture."""
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=stream.pix_fmt)
    frame.pts, frame.time_base, frame.duration = picture.time, MILLISECOND, picture.duration
    return frame


def _packet(data, picture, stream):
    """A JPEG file as it lies in Motion JPEG, at the time of a Picture."""
    packet = av.Packet(data)
    packet.stream, packet.time_base, packet.is_keyframe = stream, MILLISECOND, True
    packet.pts = packet.dts = picture.time
    packet.duration = picture.duration
    return packet


def _video_stream(out, form, source, notes):
    """Adds the video stream, shaped like the first picture of `source`."""
    with _opened(source) as (container, video):
        height, width = next(_pictures(source, container, video)).rgb.shape[:2]
        rate, aspect = video.average_rate, video.sample_aspect_ratio or 1
        depth = max(component.bits for component in video.format.components)
    if depth > 8:
        notes.append(f"The picture had {depth} bits a colour and was reduced to 8.")
    if aspect != 1:  # PyAV cannot write it, and stretching the picture would change every pixel
        notes.append(f"The pixels are not square ({aspect}): the result looks stretched unless the player is told so.")
    stream = out.add_stream(form.codec, rate=rate or 25, options=dict(form.options))
    stream.width, stream.height, stream.pix_fmt = width, height, form.pixels
    if form.pixels == "yuv420p" and (width % 2 or height % 2):
        stream.pix_fmt = "yuv444p"  # 4:2:0 halves the sides
        notes.append("The sides of the picture are odd: the H.264 file is 4:4:4, which some players cannot show.")
    stream.codec_context.time_base = MILLISECOND
    # all cores (0); but a seed should repeat a public file on any machine
    stream.codec_context.thread_count = video_codec.THREADS if form.codec == "libx264" else 0
    return stream


def _sound_writers(source, container, out, form, notes):
    """One `write(packet or None at the end)` a sound stream, by its index; and what becomes of the sound, in words."""
    writers, said = {}, []
    for stream in container.streams.audio:
        codec = stream.codec_context.codec.canonical_name
        if codec in form.copied_audio:
            writers[stream.index] = _sound_copier(container, stream, out)
            said.append(f"{codec}, copied")
        else:
            writers[stream.index] = _sound_converter(source, container, stream, out, form)
            said.append(f"{codec}, converted to {form.audio_codec.removeprefix('lib')}")
    if writers:
        notes.append("The sound is kept: voices are not de-identified.")
    return writers, "; ".join(said) or "none"


def _sound_copier(container, stream, out):
    target = out.add_stream_from_template(stream)
    shift = round(_start(container) / 1000 / stream.time_base)

    def write(packet):
        if packet is not None and packet.dts is not None:  # a packet without a time only ends the stream
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = target
            out.mux(packet)

    return write


def _sound_converter(source, container, stream, out, form):
    rate = stream.rate if stream.rate in (44100, 48000) and form.audio_codec != "libopus" else 48000
    target = out.add_stream(form.audio_codec, rate=rate, layout="mono" if stream.channels == 1 else "stereo")
    shift = round(_start(container) / 1000 / stream.time_base)
    context = target.codec_context
    context.open()  # only now does the encoder know its frame size
    resampler = av.AudioResampler(context.format, context.layout, rate, context.frame_size or None)

    def write(packet):
        try:
            frames = packet.decode() if packet is not None else [None]
        except av.FFmpegError as error:
            raise VideoError(f"{source}: the sound is damaged ({error.strerror}): repair it or remove it.") from error
        for frame in frames:
            if frame is not None and frame.pts is not None:
                frame.pts -= shift
            for piece in resampler.resample(frame):
                out.mux(target.encode(piece))
        if packet is None:
            out.mux(target.encode(None))

    return write


def _verified(part, target, form, written, report):
    """Pass 3: yields the carriers of the result; all must be there, at their times and, where promised, bit for bit."""
    with _opened(part) as (container, video):
        pairs = zip_longest(_pictures(target, container, video), written)
        for count, (picture, expected) in enumerate(pairs):
            if picture is None or expected is None:
                raise VideoError(
                    f"{target}: {'fewer' if picture is None else 'more'} frames read back than the {len(written)} "
                    "written: nothing was kept."
                )
            moment, digest = expected
            if count == 0:
                shift = picture.time - moment  # of picture and sound together, where sound starts before time 0
            kept = picture.rgb if form.exact else picture.jpeg
            if abs(picture.time - moment - shift) > 1 or (kept is not None and _digest(kept) != digest):
                raise VideoError(f"{target}: frame {count} does not read back as it was written: nothing was kept.")
            yield picture.carrier
            done = count + 1
            if done % FRAMES_AT_ONCE == 0 or done == len(written):
                report("verify", done, len(written))


@contextmanager
def _writing():
    """What FFmpeg says while writing becomes an OSError, which `new_file` turns into a sentence."""
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _digest(frame):
    """Of pixels, or of the bytes of a JPEG file."""
    data = frame if isinstance(frame, bytes) else np.ascontiguousarray(frame)
    return hashlib.blake2b(data, digest_size=16).digest()
