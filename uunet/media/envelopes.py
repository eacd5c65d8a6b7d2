"""Envelopes of sealed originals in whole files: reads them frame by frame, and copies a file with other envelopes.

A copy shows the same pictures at the same times, with the same sound. By kind of file:

    H.264, Motion JPEG      packets are copied; the SEI message or the APP9 segments are replaced
    JPEG                    the APP9 segments are replaced
    lossless video, PNG     only lowest bits change; the file is encoded again, losslessly
    sidecar                 a new sidecar file is written; the public file stays as it is
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uunet.errors import UUNetError
from uunet.media import images, profiles, sei, video_reading, video_writing
from uunet.media.images import Picture
from uunet.media.profiles import ProfileError
from uunet.media.video_reading import Frame
from uunet.stego import jpeg, lsb
from uunet.wire import envelope, protocol, sidecar
from uunet.wire.envelope import EnvelopeSizeError, NoEnvelopeError
from uunet.wire.sidecar import SidecarError

# codec of a public video -> its profile
CODECS = {profile.codec: profile for profile in profiles.VIDEOS} | {"h264": profiles.H264, "vp9": profiles.LOSSLESS_WEB}
BESIDE = (profiles.H264.name, profiles.MJPEG.name)  # videos that carry envelopes beside their pictures


class Replacement(NamedTuple):
    """The envelope that a frame gets instead of the one it has."""

    open_part: bytes
    body: bytes
    frame_index: int
    order_key: bytes  # (32), see FileKeys
    replaces: int  # bytes of the open part it has


Replace = Callable[[protocol.Reader], Replacement]


@dataclass(frozen=True)
class PublicFile:
    """A public video or picture with sealed originals."""

    path: Path
    sidecar: Path | None = None  # the file of its envelopes; None if the public file itself carries them
    accept_altered: bool = False  # whether a sidecar may fit no public head: the public file was encoded again

    @property
    def is_picture(self) -> bool:
        return _is_picture(self.path)

    def frames(self) -> Iterator[tuple[Frame | Picture, protocol.Reader]]:
        """Yields each frame, and the reader of its envelope.

        Raises:
            UUNetError: naming the file, if it cannot be read, or if the sidecar has another number of frames.
        """
        if self.sidecar is None:
            for index, frame in enumerate(pictures(self.path)):
                with self.naming(index):
                    read = frame.envelope_reader
                yield frame, read
            return
        for frame, data in zip_longest(pictures(self.path), sidecar.envelopes(self.sidecar)):
            if frame is None or data is None:
                less = "more" if frame is None else "fewer"
                raise SidecarError(
                    f"{self.sidecar} holds {less} frames than {self.path}: name the sidecar file that was written with "
                    "it, and the public file exactly as it was written."
                )
            yield frame, envelope.Content(data)

    @contextmanager
    def naming(self, index: int) -> Iterator[None]:
        """Errors about an envelope name the file and the frame."""
        try:
            yield
        except NoEnvelopeError as error:
            if index or self.sidecar:
                raise NoEnvelopeError(f"{self.path}, frame {index}: {error}") from error
            raise NoEnvelopeError(
                f"{self.path} carries no sealed originals: give the public file exactly as it was written (was it "
                "encoded again, resized or cropped?), or name the file that was written beside it (--sidecar)."
            ) from error
        except UUNetError as error:
            raise type(error)(f"{self.path}, frame {index}: {error}") from error


def pictures(path: Path | str) -> Iterator[Frame | Picture]:
    """Yields the frames of a public video, or the one of a picture.

    Raises:
        UUNetError: if the file cannot be read.
    """
    if _is_picture(path):
        yield images.read(path)
        return
    with video_reading.opened(path) as clip:
        yield from clip.frames()


def _is_picture(path):
    return Path(path).suffix.lower() in images.READABLE


def copy(public: PublicFile, target: Path, part: Path, replace: Replace, report: Callable[[int], None]) -> None:
    """Writes a copy of a public file, or of its sidecar, with other envelopes.

    Args:
        public: PublicFile, whose frames all carry envelopes.
        target: path that the result will have; of the same kind as what is copied.
        part: path to write to.
        replace: callable `reader -> Replacement`, called once for each frame, in the order in which they are stored.
        report: callable `(done)`, the number of frames written.

    What was written is not read back: `authority.rewrap` does that.

    Raises:
        ProfileError: if `target` is of another kind.
        EnvelopeSizeError: naming the frame, if an envelope does not fit into its pixels.
        UUNetError: if the file cannot be read.
        OSError: if the result cannot be written; `atomic.new_file` makes a sentence of it.
    """
    if public.sidecar is not None:
        _copy_sidecar(public, part, replace, report)
    elif public.is_picture:
        _copy_picture(public, target, part, replace)
        report(1)
    else:
        _copy_video(public, target, part, replace, report)


def hidden(rgb: np.ndarray, new: Replacement) -> np.ndarray:
    """A copy of a frame whose lowest bits carry another envelope. Nothing stays readable of the open part before.

    Raises:
        EnvelopeSizeError: if the frame has no room for it.
    """
    room, needed = lsb.capacity(rgb.shape), len(new.open_part) + len(new.body)
    if needed > room:
        raise EnvelopeSizeError(
            f"The frame has room for {room} bytes in its pixels, but its sealed originals for these recipients need "
            f"{needed}: name fewer recipients."
        )
    # a longer key record leaves no stanza of somebody who is no longer a recipient
    erased = lsb.replace(rgb, secrets.token_bytes(new.replaces))
    return in_pixels(erased, (new.open_part, new.body), new.order_key, new.frame_index)


def in_pixels(rgb: np.ndarray, parts: tuple[bytes, bytes], order_key: bytes, frame_index: int) -> np.ndarray:
    """A copy of a frame whose lowest bits carry an envelope: the open part in raster order, the body in keyed order.

    Args:
        rgb: uint8 `(H, W, 3)`; not modified.
        parts: open part and body, see `wire.envelope`; there is room for both.
        order_key: bytes (32), see `keys.FileKeys`.
        frame_index: int, as in the envelope.
    """
    open_part, body = parts
    started = lsb.replace(rgb, open_part)
    return lsb.replace(started, body, offset=len(open_part), key=order_key, nonce=frame_index)


def _copy_sidecar(public, part, replace, report):
    with part.open("wb") as file:
        sidecar.start(file)
        for index, (_, read) in enumerate(public.frames()):
            with public.naming(index):
                new = replace(read)
                sidecar.write(file, new.open_part + new.body)
            report(index + 1)


def _copy_picture(public, target, part, replace):
    picture = images.read(public.path)
    profile = profiles.PNG if picture.jpeg is None else profiles.JPEG
    _check_suffix(target, profile.suffixes, public)
    with public.naming(0):
        new = replace(picture.envelope_reader)
        if picture.jpeg is None:
            images.write(part, target, profile, hidden(picture.rgb, new), picture.alpha)
        else:
            images.write(part, target, profile, jpeg.with_segment(picture.jpeg, new.open_part + new.body))


def _copy_video(public, target, part, replace, report):
    with video_reading.opened(public.path) as clip:
        codec = clip.video.codec_context.name
    profile = CODECS.get(codec)
    if profile is None:
        raise ProfileError(
            f"{public.path} is encoded with {codec}, which carries no sealed originals: give the public file exactly "
            "as it was written."
        )
    _check_suffix(target, profile.suffixes, public)
    if profile.name in BESIDE:
        change = _in_picture if profile.name == profiles.H264.name else _in_jpeg
        video_writing.copy(public.path, part, profile, partial(change, public, replace), report)
        return

    def change_batch(frames, first):
        changed = []
        for index, frame in enumerate(frames, first):
            with public.naming(index):
                changed.append(hidden(frame.rgb, replace(frame.envelope_reader)))
        return changed

    video_writing.convert(public.path, part, profile, change_batch, report)


def _in_picture(public, replace, picture, index):
    """A picture of H.264 in Annex B form with another envelope; pictures are stored in the order of decoding."""
    return sei.insert(picture, _beside(public, replace, sei.content(picture), index))


def _in_jpeg(public, replace, picture, index):
    return jpeg.with_segment(picture, _beside(public, replace, jpeg.segment(picture), index))


def _beside(public, replace, content, index):
    with public.naming(index):
        new = replace(envelope.Content(content or b""))
    return new.open_part + new.body


def _check_suffix(target: Path, suffixes: tuple, public: PublicFile) -> None:
    if target.suffix.lower() not in suffixes:
        raise ProfileError(
            f"{target} cannot hold the copy of {public.path}, whose pictures stay as they are: name a "
            f"{' or '.join(suffixes)} file."
        )
