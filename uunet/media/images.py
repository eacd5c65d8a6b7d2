"""Reads and writes picture files.

Pictures are read upright (the EXIF orientation is applied to the pixels) and as RGB. They are written as PNG, or as
JPEG, which is small but loses a part of what is hidden in the faces (`profiles`). Transparency is kept in PNG. EXIF
data such as place and camera are dropped.
"""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from uunet.errors import UUNetError
from uunet.media import profiles, views
from uunet.media.profiles import Profile
from uunet.stego import jpeg
from uunet.wire import messages, protocol

READABLE = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
ORIENTATION = 0x0112  # EXIF tag


class ImageError(UUNetError):
    """A picture cannot be read, or its result would not be right."""


class Picture(NamedTuple):
    """A picture that was read from a file."""

    rgb: np.ndarray  # uint8 (H, W, 3), upright
    alpha: np.ndarray | None  # uint8 (H, W), its transparency; None if it has none
    jpeg: bytes | None  # the file, if it is a JPEG file whose pixels are stored upright

    @property
    def carrier(self) -> np.ndarray | messages.Jpeg:
        """What `messages.read` reads."""
        return self.rgb if self.jpeg is None else messages.Jpeg(self.rgb, self.jpeg)

    @property
    def view(self) -> views.View:
        """What digests of its heads are taken of."""
        view = None if self.jpeg is None else views.of_jpeg(self.jpeg)
        return view or views.of_rgb(self.rgb)

    @property
    def envelope_reader(self) -> protocol.Reader:
        """Reads its envelope of sealed originals, if it carries one. One that is stored rotated carries none."""
        return views.reader(self.rgb, file=self.jpeg)


def read(path: Path | str) -> Picture:
    """Reads a picture.

    Raises:
        ImageError: if the file is missing, damaged, not a picture, holds several, or has more than 8 bits per channel.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}): give an existing picture.") from error
    try:
        orientation = _orientation(data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except Image.DecompressionBombError as error:
        assert Image.MAX_IMAGE_PIXELS is not None  # the limit that this error reports
        raise ImageError(f"{path} has more than {2 * Image.MAX_IMAGE_PIXELS} pixels: make it smaller.") from error
    except (cv2.error, OSError):
        image = None
    if image is None:
        raise ImageError(f"{path} is damaged or not a picture: give a complete PNG, JPEG, BMP, TIFF or WebP file.")
    if image.dtype != np.uint8:
        raise ImageError(f"{path} has {8 * image.dtype.itemsize} bits per channel: convert it to 8 bits per channel.")
    if cv2.imcount(str(path), cv2.IMREAD_UNCHANGED) > 1:
        raise ImageError(f"{path} holds several pictures: save each as its own file.")
    image = _upright(np.atleast_3d(image), orientation)
    alpha = image[..., 3] if image.shape[2] == 4 else None
    bgr = image[..., :3] if image.shape[2] >= 3 else np.repeat(image, 3, axis=2)
    # boxes are counted in the pixels as the file stores them
    stored = data if data.startswith(jpeg.START) and orientation == 1 else None
    return Picture(np.ascontiguousarray(bgr[..., ::-1]), alpha, stored)


def check_transparency(path: Path | str, picture: Picture, profile: Profile) -> None:
    """Refuses a picture whose transparency would be lost.

    Raises:
        ImageError: naming `path`, from which the picture was read.
    """
    if profile.name == profiles.JPEG.name and picture.alpha is not None and picture.alpha.min() < 255:
        raise ImageError(f"{path} is partly transparent, which JPEG does not support: write a .png file.")


def write(
    part: Path, target: Path | str, profile: Profile, content: np.ndarray | bytes, alpha: np.ndarray | None = None
) -> Picture:
    """Writes a picture, and reads it again: where the profile promises it, every pixel must be what was written.

    Args:
        part: path to write to.
        target: path that the file will have, for error sentences.
        profile: how to write it.
        content: uint8 `(H, W, 3)`, RGB; or bytes, a JPEG file.
        alpha: uint8 `(H, W)`, the transparency; JPEG has none.

    Returns:
        What was read.

    Raises:
        ImageError: if that is not what was written.
        OSError: if the file cannot be written.
    """
    if isinstance(content, bytes):
        data = content
    elif profile.name == profiles.JPEG.name:
        data = jpeg.encode(content)
    else:
        bgr = content[..., ::-1]
        image = np.ascontiguousarray(bgr if alpha is None else np.dstack([bgr, alpha]))
        data = cv2.imencode(".png", image)[1].tobytes()
    part.write_bytes(data)
    again = read(part)
    if profile.exact and not np.array_equal(again.rgb, content):
        raise ImageError(f"{target} {profiles.not_survived(profile)}")
    return again


def _orientation(data):
    """The EXIF orientation, int.

    Raises:
        OSError: if a JPEG is cut off (OpenCV 4 silently fills what is missing with grey), or has so many scans that it
            was made to block its readers: each costs as much as a whole picture, and may be 10 bytes long.
    """
    if data.startswith(jpeg.START) and data.count(jpeg.SCAN) > 100 + len(data) // 1000:
        raise OSError("too many scans")
    try:
        with warnings.catch_warnings():
            # large is not wrong: phones take pictures of 108 megapixels
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data))  # reads the header only
    except (OSError, ValueError, SyntaxError):  # Pillow cannot read it; OpenCV decides
        return 1
    if picture.format in ("JPEG", "MPO"):  # MPO: a JPEG with more pictures behind the first one's end
        picture.load()
    try:
        # OpenCV applies a TIFF's orientation itself, but with IMREAD_UNCHANGED no other format's
        return 1 if picture.format == "TIFF" else picture.getexif().get(ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError):  # unreadable EXIF data count as none
        return 1


def _upright(image, orientation):
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return image
