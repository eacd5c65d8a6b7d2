"""The picture of a head that is sealed, and the digest of the public head that stands in its place.

The picture shows the pixels of x that the public frame replaced, at their own size; pixels of the box that belong to
another head (`pipeline.frame.owned`) have the mean colour of the others, so that one person's picture shows nothing of
another. It is a WebP file in its simple form: one chunk, VP8L (lossless) or VP8.
"""

import io
import struct
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from PIL import Image

from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.wire.envelope import DIGEST_BYTES, EXACT

HIGH = 90  # WebP's quality: about 40 dB
MAX_SIDE = 16_383  # of a WebP picture
LOSSLESS = {
    "lossless": True,
    "quality": 0,
    "method": 1,
}  # 0.7 ms for 64 px; method 4 takes 5 times as long for 2 % less
LOSSY_METHOD = 3  # 0.6 ms for 64 px

# A frame as a reader decodes it: arrays that cover all of it, and the pixels per row and column of each. The values of
# an array are its first two axes; more axes may follow.
View = Sequence[tuple[np.ndarray, int]]


class PictureError(UUNetError):
    """The picture of a head cannot be written, or is not what was sealed."""


def picture(rgb: np.ndarray, mask: np.ndarray, quality: int) -> bytes:
    """The picture of a head, as a WebP file.

    Args:
        rgb: uint8 `(h, w, 3)`, the original pixels of its box; not modified.
        mask: bool `(h, w)`, the pixels that belong to this head.
        quality: int, EXACT for a lossless picture, 0..99 for WebP's quality.

    Raises:
        PictureError: if a side is longer than MAX_SIDE.
    """
    h, w = rgb.shape[:2]
    if max(h, w) > MAX_SIDE:
        raise PictureError(f"A head of {w} x {h} pixels is too large to be sealed: its sides may have {MAX_SIDE}.")
    if rgb.dtype != np.uint8 or rgb.shape != (h, w, 3) or mask.shape != (h, w):
        raise ValueError(f"rgb must be uint8 (h, w, 3) and mask (h, w), got {rgb.dtype} {rgb.shape} and {mask.shape}")
    if not mask.all():
        colour = np.rint(rgb[mask].mean(axis=0)) if mask.any() else np.zeros(3)
        rgb = np.where(mask[..., None], rgb, colour.astype(np.uint8))
    options = LOSSLESS if quality == EXACT else {"quality": quality, "method": LOSSY_METHOD}
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(file, "WEBP", **options)
    return file.getvalue()


def restored(picture: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels in a picture.

    Args:
        picture: bytes, from `envelope.open_head`. Its form and size are checked before it is decoded.
        shape: `(h, w, ...)` of the head's box.

    Returns:
        uint8 `(h, w, 3)`. Only the pixels that belong to the head (`pipeline.frame.owned`) are to be restored.

    Raises:
        PictureError: if it is another kind of file, of another size, or damaged.
    """
    size = _size(picture)
    if size != (shape[1], shape[0]):
        found = "no simple WebP picture" if size is None else f"a picture of {size[0]} x {size[1]} pixels"
        raise PictureError(
            f"A sealed head of {shape[1]} x {shape[0]} pixels holds {found}: use the program that wrote the file."
        )
    try:
        with Image.open(io.BytesIO(picture), formats=["WEBP"]) as image:
            rgb = np.asarray(image.convert("RGB"))
    except (OSError, ValueError, RuntimeError, EOFError, Image.DecompressionBombError) as error:
        raise PictureError(f"A sealed head holds a damaged picture ({error}): it cannot be restored.") from None
    if rgb.shape != (shape[0], shape[1], 3):
        raise PictureError("A sealed head holds a picture of another size than its header says: it cannot be restored.")
    return rgb


def _size(data):
    """`(width, height)` in the header of a simple WebP file; None if it is none."""
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    riff, (chunk, length) = struct.unpack("<I", data[4:8])[0], struct.unpack("<4sI", data[12:20])
    if riff != len(data) - 8 or length + length % 2 != len(data) - 20:
        return None
    if chunk == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack("<I", data[21:25])
        if bits >> 28:  # transparency, or a later version
            return None
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and not data[20] & 1 and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def head_digest(view: View, roi: Roi) -> bytes:
    """The digest of a public head as a reader decodes it: BLAKE2b with 16 bytes, of its part of each array.

    In an array with `step` pixels per row and column these are the rows y // step to ceil((y + h) / step), the last
    one excluded, and the columns likewise.

    Args:
        view: View of the public frame, whose arrays are uint8 or int16.
        roi: Roi inside the frame.

    Returns:
        bytes (16).
    """
    digest = blake2b(digest_size=DIGEST_BYTES)
    x, y, w, h = roi
    for array, step in view:
        part = array[y // step : -(-(y + h) // step), x // step : -(-(x + w) // step)]
        digest.update(part.astype(part.dtype.newbyteorder(">"), order="C").tobytes())
    return digest.digest()
