"""Writes videos through PyAV (FFmpeg), reads the result again and compares.

`profiles` says how. In lossless public files the hidden bits lie in single RGB levels, so the files must be lossless in
RGB. "Lossless" H.264 in 8-bit YUV is not: the conversion from RGB to YUV and back destroys every message. Each frame of
Motion JPEG is a JPEG file that `stego.jpeg` wrote: it is stored, and must read back, byte for byte.

With `attach`, each frame of H.264 carries bytes beside its picture (`sei`), which may depend on the decoded picture.

Kept: every frame's time to 1 ms, all sound (`audio`). Dropped: subtitles, and tags such as titles or places, which may
name people.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import av
import numpy as np
from av.bitstream import BitStreamFilterContext

from uunet.channel import video_codec
from uunet.media import audio, profiles, sei, video_reading, views
from uunet.media.profiles import Profile
from uunet.media.video_reading import MILLISECOND, VideoError
from uunet.stego import jpeg
from uunet.wire import messages

MUXER = {"fflags": "+bitexact"}  # no random identifiers or version numbers: a seed repeats the file byte for byte


@dataclass(frozen=True)
class Written:
    """What `convert` wrote."""

    frames: list[tuple[int, bytes]]  # of each: its time in ms, and a digest of its pixels or of its JPEG file
    audio: str  # what became of the sound
    notes: list[str]  # sentences that the user should read
    attached: list[bytes] | None = None  # of each frame: a digest of what is attached and of its view; None: nothing is


def convert(
    source: Path | str,
    part: Path,
    profile: Profile,
    change: Callable,
    report: Callable,
    attach: Callable[[int, views.View], bytes | None] | None = None,
) -> Written:
    """Decodes a video, changes its frames in batches, and encodes them at their times, with the sound.

    Args:
        source: path of the video to read.
        part: path to write to; its suffix chooses the container.
        profile: how to write it.
        change: callable `(frames, first_index) -> frames`, from a list of video_reading.Frame to one of uint8
            `(H, W, 3)`; for Motion JPEG the result may be JPEG files, list of bytes.
        report: callable `(done)`, the number of frames written, after each batch.
        attach: callable `(frame_index, view) -> bytes or None`, for H.264 only: what a frame carries beside its
            picture. It is called for each frame, in order, some frames after `change`, with the view that readers of
            the file have.

    Returns:
        Written.

    Raises:
        VideoError: if the source is damaged.
        ValueError: if something is to be attached to another codec.
        OSError: if the result cannot be written; `atomic.new_file` makes a sentence of it.
    """
    if attach is not None and profile.codec != "libx264":
        raise ValueError(f"cannot attach bytes to frames of {profile.codec}")
    written, waiting = [], []  # `waiting`: packets of sound that were read and are not yet written
    with (
        video_reading.opened(source) as clip,
        _writing(),
        av.open(str(part), "w", format=profiles.CONTAINERS[part.suffix.lower()], options=MUXER) as out,
    ):
        stream = out.add_stream(profile.codec, rate=clip.video.average_rate or 25, options=dict(profile.options))
        assert isinstance(stream, av.VideoStream)
        sound, kept = audio.writers(clip, out, profile)  # now: reading packets changes the parameters that are copied
        frames = clip.frames(waiting.append)
        first = next(frames)
        notes = _set_up(stream, profile, clip, first.rgb.shape)
        attaching = Attaching(stream, attach) if attach is not None else None
        for batch in video_reading.batches(chain([first], frames), video_reading.FRAMES_AT_ONCE):
            _write_sound(sound, waiting)
            for frame, changed in zip(batch, change(batch, len(written)), strict=True):
                if profile.codec == "mjpeg":
                    changed = changed if isinstance(changed, bytes) else jpeg.encode(changed)
                    out.mux(_packet(changed, frame, stream))
                else:
                    out.mux(_encoded(_av_frame(changed, frame, stream), stream, attaching))
                written.append((frame.time, _digest(changed)))
            report(len(written))
        _write_sound(sound, waiting)
        if profile.codec != "mjpeg":
            out.mux(_encoded(None, stream, attaching))
        for write in sound.values():
            write(None)
    return Written(written, kept, notes, attaching.digests if attaching else None)


def copy(
    source: Path | str,
    part: Path,
    profile: Profile,
    change: Callable[[bytes, int], bytes],
    report: Callable[[int], None],
) -> None:
    """Copies a video without decoding it: its packets at their times, changed, and the sound.

    Args:
        source: path of a video of H.264 or Motion JPEG.
        part: path to write to; its suffix chooses the container.
        profile: of the same codec.
        change: callable `(picture, k) -> picture`, bytes of the k-th packet: H.264 in Annex B form, or a JPEG file.
        report: callable `(done)`, the number of packets written.

    Raises:
        VideoError: if the source is damaged.
        OSError: if the result cannot be written; `atomic.new_file` makes a sentence of it.
    """
    waiting = []
    with (
        video_reading.opened(source) as clip,
        _writing(),
        av.open(str(part), "w", format=profiles.CONTAINERS[part.suffix.lower()], options=MUXER) as out,
    ):
        stream = out.add_stream_from_template(clip.video)
        sound, _ = audio.writers(clip, out, profile)
        filtered = "h264_mp4toannexb" if profile.codec == "libx264" else "null"
        in_avcc = (clip.video.codec_context.extradata or b"").startswith(b"\1")  # .mp4, .mkv: the stream changes, too
        annex_b = BitStreamFilterContext(filtered, clip.video, stream if in_avcc else None)
        assert clip.video.time_base is not None  # FFmpeg gives every stream of a file one
        shift = round(clip.start / 1000 / clip.video.time_base)
        for count, packet in enumerate(_with_dts(_filtered(clip, annex_b, waiting.append))):
            _write_sound(sound, waiting)
            result = av.Packet(change(bytes(packet), count))
            result.stream, result.time_base, result.is_keyframe = stream, packet.time_base, packet.is_keyframe
            result.pts, result.dts, result.duration = packet.pts - shift, packet.dts - shift, packet.duration
            out.mux(result)
            report(count + 1)
        _write_sound(sound, waiting)
        for write in sound.values():
            write(None)


def _filtered(clip, annex_b, others):
    """Yields the packets of the video behind a filter; passes those of other streams to `others`."""
    packets, count = clip.container.demux(), 0
    while True:
        try:
            packet = next(packets, None)
            if packet is not None and packet.stream is not clip.video:
                others(packet)
                continue
            if packet is not None and not packet.size:  # the end of the stream; sound may follow
                continue
            found = annex_b.filter(packet)
        except av.FFmpegError as error:
            raise VideoError(video_reading.damaged(clip.path, count)) from error
        if any(one.pts is None or one.is_corrupt for one in found):
            raise VideoError(video_reading.damaged(clip.path, count))
        yield from found
        if packet is None:
            return
        count += len(found)


def _with_dts(packets):
    """Gives each packet a time of decoding. Matroska stores none, and FFmpeg does not know the first of them."""
    early = []
    for packet in packets:
        if packet.dts is None:
            early.append(packet)
            continue
        yield from _before(early, packet.dts)
        early = []
        yield packet
    yield from _before(early, min((packet.pts for packet in early), default=0) + 1)


def _before(packets, time):
    for k, packet in enumerate(packets):
        packet.dts = time - len(packets) + k
        yield packet


class Attaching:
    """Puts bytes into packets of H.264, once it has decoded the pictures in them.

    The encoder gives packets in the order of decoding, which differs from that of the frames. A packet is held back
    until its picture is decoded: a few packets, as many as the encoder reorders.
    """

    def __init__(self, stream: av.VideoStream, attach: Callable[[int, views.View], bytes | None]) -> None:
        self.stream, self.attach = stream, attach
        self.decoder: av.VideoCodecContext | None = None
        self.held: deque[av.Packet] = deque()  # in the order of decoding
        self.contents: dict[int | None, bytes | None] = {}  # time of a picture -> its bytes
        self.digests: list[bytes] = []  # of each frame: see Written

    def ready(self, packets: Sequence[av.Packet | None]) -> list[av.Packet]:
        """Takes packets from the encoder, None at the end; returns those that are complete."""
        decoder = self.decoder = self.decoder or self._new_decoder()
        for packet in packets:
            if packet is not None:
                self.held.append(packet)
            for decoded in decoder.decode(packet):
                view = views.of_planes(decoded)
                assert view is not None  # the encoder was given a pixel format that has one
                content = self.attach(len(self.digests), view)
                self.digests.append(_attached_digest(content, view))
                self.contents[decoded.pts] = content
        complete = []
        while self.held and self.held[0].pts in self.contents:
            packet = self.held.popleft()
            content = self.contents.pop(packet.pts)
            complete.append(packet if content is None else _with_sei(packet, content))
        return complete

    def _new_decoder(self):
        decoder = av.CodecContext.create("h264", "r")
        assert isinstance(decoder, av.VideoCodecContext)
        decoder.extradata = self.stream.codec_context.extradata  # the encoder has been opened: it was given a frame
        decoder.thread_count = 1  # several would give each frame later
        return decoder


def verified(
    part: Path, target: Path | str, profile: Profile, written: Written, report: Callable
) -> Iterator[np.ndarray | messages.Jpeg]:
    """Reads back what was written: all frames must be there, at their times and, where promised, bit for bit.

    Args:
        part: path of the file.
        target: path that the file will have, for error sentences.
        profile: of the file.
        written: what `convert` returned.
        report: callable `(done)`, the number of frames read, after each batch.

    Yields:
        What `messages.read` reads, for each frame.

    Raises:
        VideoError: if the file is not what was written.
    """
    total, shift = len(written.frames), 0
    with video_reading.opened(part) as clip:
        for count, (frame, expected) in enumerate(zip_longest(clip.frames(), written.frames)):
            if frame is None or expected is None:
                less = "fewer" if frame is None else "more"
                raise VideoError(
                    f"{target} reads back with {less} frames than the {total} written: nothing was kept; choose "
                    "another file type."
                )
            time, digest = expected
            if count == 0:
                shift = frame.time - time  # of picture and sound together, where sound starts before time 0
            kept = frame.rgb if profile.exact else frame.jpeg
            if abs(frame.time - time - shift) > 1 or (kept is not None and _digest(kept) != digest):
                raise VideoError(
                    f"{target}: frame {count} does not read back as it was written: nothing was kept; choose "
                    "another file type."
                )
            if written.attached is not None:
                _check_attached(frame, written.attached[count], f"{target}: frame {count}")
            yield frame.carrier
            done = count + 1
            if done % video_reading.FRAMES_AT_ONCE == 0 or done == total:
                report(done)


def _check_attached(frame, digest, what):
    """Raises VideoError if the frame does not carry what was attached to it, or has another view; `what` names it."""
    content = sei.find(frame.decoded)
    if _attached_digest(content, frame.view) != digest:
        raise VideoError(
            f"{what} does not read back with what was attached to it: nothing was kept; choose another file type."
        )


def _write_sound(sound, waiting):
    for packet in waiting:
        if packet.stream.index in sound:
            sound[packet.stream.index](packet)
    waiting.clear()


def _set_up(stream, profile, clip, shape):
    """Prepares the encoder for frames of `shape`; returns a list of what the user should read about them."""
    height, width = shape[:2]
    aspect = clip.video.sample_aspect_ratio or 1
    depth = max(component.bits for component in clip.video.format.components)
    notes = []
    if depth > 8:
        notes.append(f"The picture had {depth} bits per channel and was reduced to 8.")
    if aspect != 1:  # PyAV cannot write it, and stretching the picture would change every pixel
        notes.append(f"The pixels are not square ({aspect}): the result looks stretched unless the player is told so.")
    stream.width, stream.height, stream.pix_fmt = width, height, profile.pixels
    if profile.pixels == "yuv420p" and (width % 2 or height % 2):
        stream.pix_fmt = "yuv444p"  # 4:2:0 halves the sides
        notes.append("The sides of the picture are odd: the H.264 file is 4:4:4, which some players cannot show.")
    if clip.container.streams.audio:
        notes.append("The sound is kept: voices are not de-identified.")
    stream.codec_context.time_base = MILLISECOND
    # all cores (0); but H.264 depends on the number of threads, and a seed should repeat a public file on any machine
    stream.codec_context.thread_count = video_codec.THREADS if profile.codec == "libx264" else 0
    return notes


def _av_frame(rgb, frame, stream):
    """Pixels as a frame for the encoder, at the time of a `video_reading.Frame`."""
    result = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=stream.pix_fmt)
    result.pts, result.time_base, result.duration = frame.time, MILLISECOND, frame.duration
    return result


def _encoded(frame, stream, attaching):
    """The packets that the encoder gives for a frame, or at the end (None); `attaching`: Attaching or None."""
    packets = stream.encode(frame)
    if attaching is None:
        return packets
    return attaching.ready(packets if frame is not None else [*packets, None])


def _packet(data, frame, stream):
    """A JPEG file as a packet of Motion JPEG, at the time of a `video_reading.Frame`."""
    packet = av.Packet(data)
    packet.stream, packet.time_base, packet.is_keyframe = stream, MILLISECOND, True
    packet.pts = packet.dts = frame.time
    packet.duration = frame.duration
    return packet


def _with_sei(packet, content):
    """A copy of a packet of H.264 that carries `content`."""
    result = av.Packet(sei.insert(bytes(packet), content))
    result.stream, result.time_base, result.is_keyframe = packet.stream, packet.time_base, packet.is_keyframe
    result.pts, result.dts, result.duration = packet.pts, packet.dts, packet.duration
    return result


@contextmanager
def _writing():
    """Turns errors of FFmpeg into an OSError."""
    try:
        yield
    except av.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _digest(frame):
    """Of pixels, or of the bytes of a JPEG file."""
    data = frame if isinstance(frame, bytes) else np.ascontiguousarray(frame)
    return hashlib.blake2b(data, digest_size=16).digest()


def _attached_digest(content, view):
    """Of what is attached to a frame, None if nothing is, and of its view."""
    said = b"" if content is None else len(content).to_bytes(4, "big") + content
    digest = hashlib.blake2b(said, digest_size=16)
    for array, _ in view:
        digest.update(np.ascontiguousarray(array))
    return digest.digest()
