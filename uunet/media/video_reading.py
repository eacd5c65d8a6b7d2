"""Reads videos through PyAV (FFmpeg): open, demux, decode.

Frames come upright: rotation and mirroring are applied to the pixels. Their times are exact to 1 ms. Other streams are
handed on as packets: `audio` keeps the sound; subtitles are dropped.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from uunet.errors import UUNetError
from uunet.media import sei, views
from uunet.wire import messages, protocol

MILLISECOND = Fraction(1, 1000)  # the resolution of times in .webm and .mkv
FRAMES_AT_ONCE = 2 * messages.GROUP  # frames held in memory; their heads go through the network together
CUT_SHORT = 1000  # ms; a file that ends earlier than it announces by more than this is truncated


class VideoError(UUNetError):
    """A video cannot be read, or its result would not be right."""


class Frame(NamedTuple):
    """One decoded frame."""

    rgb: np.ndarray  # uint8 (H, W, 3), upright
    time: int  # ms
    duration: int  # ms
    jpeg: bytes | None  # the JPEG file that the video stores for it; None if there is none, or if it is not upright
    decoded: av.VideoFrame | None = None  # as the decoder gave it, of H.264 only; its planes are not made upright
    upright: bool = True  # whether the file stores it upright

    @property
    def carrier(self) -> np.ndarray | messages.Jpeg:
        """What `messages.read` reads."""
        return self.rgb if self.jpeg is None else messages.Jpeg(self.rgb, self.jpeg)

    @property
    def view(self) -> views.View:
        """What digests of its heads are taken of."""
        view = None
        if self.jpeg is not None:
            view = views.of_jpeg(self.jpeg)
        elif self.decoded is not None and self.upright:
            view = views.of_planes(self.decoded)
        return view or views.of_rgb(self.rgb)

    @property
    def envelope_reader(self) -> protocol.Reader:
        """Reads its envelope of sealed originals, if it carries one.

        Raises:
            VideoError: if it does, but is to be displayed rotated or mirrored. Public videos are written upright, and
                the boxes in the envelope are counted in the pixels as they are stored.
        """
        if not self.upright and self.decoded is not None and sei.find(self.decoded) is not None:
            raise VideoError(
                "The frame carries sealed originals but is displayed rotated or mirrored: give the public file exactly "
                "as it was written."
            )
        return views.reader(self.rgb, file=self.jpeg, decoded=self.decoded)


@dataclass(frozen=True)
class Clip:
    """An open video file; its frames can be read once."""

    path: Path | str
    container: av.container.InputContainer
    video: av.VideoStream

    @property
    def start(self) -> float:
        """ms. Broadcast streams start at any time; files that we write start at 0."""
        return max(0, self.container.start_time or 0) / 1000

    @property
    def announced(self) -> int | None:
        """The number of frames according to the container: exact, estimated or None."""
        if self.video.frames:
            return self.video.frames
        if self.container.duration and self.video.average_rate:
            return max(1, round(self.container.duration / 1e6 * self.video.average_rate))
        return None

    def frames(self, others: Callable = lambda packet: None) -> Iterator[Frame]:
        """Yields each frame, and passes each packet of another stream to `others`.

        Raises:
            VideoError: naming the frame, if one is damaged or differs in size; if there is none; or if the file ends
                earlier than it announces.
        """
        period = 1000 / float(self.video.average_rate or self.video.guessed_rate or 25)
        index, before, shape, end = 0, None, None, 0.0
        for packet, decoded in _decoded(self):
            if packet.pts is not None:
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base * 1000))
            if packet.stream is not self.video:
                others(packet)
                continue
            for one in decoded:
                before = self._frame(one, packet, before, period)
                if shape not in (None, before.rgb.shape):
                    raise VideoError(f"{self.path} changes its picture size at frame {index}: split the video there.")
                yield before
                index, shape = index + 1, before.rgb.shape
        if index == 0:
            raise VideoError(f"{self.path} holds no frame: give a video that shows pictures.")
        # Matroska counts its duration from 0, others from the first frame: the more lenient reading is taken
        if self.container.duration and self.container.duration / 1000 - end > CUT_SHORT + period:
            raise VideoError(
                f"{self.path} ends after frame {index - 1}, earlier than it announces: it is truncated; give the whole "
                "file."
            )

    def _frame(self, decoded, packet, before, period):
        """The Frame of a decoded frame; `before` is the Frame before it, or None; `period` in ms."""
        matrix = _display_matrix(self.path, decoded)
        rgb = _upright(decoded.to_ndarray(format="rgb24"), matrix)
        if decoded.pts is None:  # a raw stream has no times
            time = 0 if before is None else round(before.time + period)
        else:
            time = round(float(decoded.pts * decoded.time_base * 1000) - self.start)
        if before is not None and time <= before.time:  # two frames at one time cannot be stored
            time = before.time + 1
        duration = round(float(decoded.duration * decoded.time_base * 1000)) if decoded.duration else round(period)
        codec, upright = self.video.codec_context.name, np.array_equal(matrix, np.eye(2))
        return Frame(
            rgb=rgb,
            time=time,
            duration=max(1, duration),
            jpeg=bytes(packet) if codec == "mjpeg" and upright else None,
            decoded=decoded if codec == "h264" else None,
            upright=upright,
        )


@contextmanager
def opened(path: Path | str) -> Iterator[Clip]:
    """A context that opens a video and closes it again.

    Yields:
        Clip, with the first video stream that is not a cover picture.

    Raises:
        VideoError: if there is no such file, or no video in it.
    """
    try:
        if not Path(path).is_file():
            raise VideoError(f"{path} is not a file: give an existing video file.")
        container = av.open(local(path), metadata_errors="replace")  # titles need not be UTF-8
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"{path} is not a video that can be read ({error.strerror}): give a complete video file."
        ) from error
    with container:
        cover = av.stream.Disposition.attached_pic
        videos = [stream for stream in container.streams.video if not stream.disposition & cover]
        if not videos:
            raise VideoError(f"{path} holds no video stream: give a video file.")
        yield Clip(path, container, videos[0])


def local(path: Path | str) -> str:
    """The address of a file for FFmpeg, which takes a colon in a bare name for the end of a protocol ("http:")."""
    return f"file:{path}"


def read_frames(path: Path | str) -> list[np.ndarray]:
    """All frames of a short video in memory: list of uint8 `(H, W, 3)`, RGB, upright."""
    with opened(path) as clip:
        return [frame.rgb for frame in clip.frames()]


def batches(items: Iterable, length: int) -> Iterator[list]:
    """Lists of `length` neighbours; the last may be shorter."""
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == length:
            yield batch
            batch = []
    if batch:
        yield batch


def _decoded(clip):
    """Yields each packet with its decoded frames; raises a VideoError for damage, which FFmpeg itself would conceal.

    H.264 and most other codecs have no checksum: some damage decodes as wrong pixels and cannot be noticed.
    """
    index = 0
    packets = clip.container.demux()
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            frames = packet.decode() if packet.stream is clip.video else []
            corrupt = packet.stream is clip.video and (packet.is_corrupt or any(frame.is_corrupt for frame in frames))
        except av.FFmpegError as error:
            raise VideoError(damaged(clip.path, index)) from error
        if corrupt:
            raise VideoError(damaged(clip.path, index))
        yield packet, frames
        index += len(frames)


def damaged(path: Path | str, index: int) -> str:
    """The sentence about damage near a frame."""
    return f"{path} is damaged at or near frame {index}: repair it, for example with `ffmpeg -i IN -c copy OUT`."


def _display_matrix(path, frame):
    """The 2 x 2 part of FFmpeg's display matrix, of 0 and +-1: `((a, b), (c, d))`, x' = a x + c y, y' = b x + d y."""
    for data in frame.side_data:
        if data.type.name == "DISPLAYMATRIX":
            matrix = np.sign(np.round(np.frombuffer(data, np.int32)[[0, 1, 3, 4]] / 65536)).astype(int).reshape(2, 2)
            if abs(matrix).sum() != 2 or not abs(np.linalg.det(matrix)) == 1:
                raise VideoError(
                    f"{path} is displayed at an angle that is not a multiple of 90 degrees: re-encode it upright."
                )
            return matrix
    return np.eye(2, dtype=int)


def _upright(rgb, matrix):
    (a, b), (c, d) = matrix
    if a == 0:  # x and y are exchanged
        rgb, a, d = rgb.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(rgb[::d, ::a])
