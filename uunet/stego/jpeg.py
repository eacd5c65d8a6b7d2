"""Hiding in a JPEG file's own coefficients: lossless to the file, which stays a JPEG of the same pixels but for a few.

One bit is the parity of one quantised AC coefficient of luma, zigzag places 3 to 20 (0 is DC): below, a change would be
seen; above, coefficients are nearly always 0 and every change costs bytes.

Where the parity is wrong the coefficient goes up or down by one. Every coefficient of these places carries a bit,
*zeros too* (a zero is even), so there is no shrinkage: in schemes that skip zeros, a 1 that becomes 0 would be lost to
the reader. Every other coefficient, the quantisation tables and the metadata (EXIF, ICC) are kept; what lies behind
the end of the picture (a second picture, a motion clip) is not. Whether the file was progressive is not kept either.

The file must not be encoded again afterwards: for that there is `qim`. A frame of a Motion JPEG video is such a file.
"""

import os
import warnings

import jpeglib
import numpy as np
from PIL import Image

from uunet.errors import UUNetError
from uunet.outputs import new_file
from uunet.stego.lsb import CapacityError

FIRST, LAST = 3, 20  # zigzag places that carry
LIMIT = 1023  # a larger AC coefficient cannot be written in a baseline JPEG
LENGTH_BYTES = 4  # the message's length, in front of it

# (row, column) of the places: along the anti-diagonals, by turns downwards and upwards
ZIGZAG = sorted(np.ndindex(8, 8), key=lambda at: (sum(at), at[sum(at) % 2 == 0]))
ROWS, COLUMNS = np.transpose(ZIGZAG[FIRST : LAST + 1])


class JpegError(UUNetError):
    """A file is not a whole JPEG picture, or holds no message."""


def capacity(path):
    """How many bytes of message a JPEG file can hold.

    Raises:
        JpegError: if it is not a whole JPEG picture.
    """
    return _room(_read(path))


def hide(source, target, message, order, *, rng, overwrite=False):
    """Writes a copy of a JPEG file with a message in its coefficients.

    Args:
        source: path of a JPEG file: baseline or progressive, grey or colour.
        target: path of the result, a JPEG too.
        message: bytes, at least one.
        order: callable `(total, count) -> int (count,)`: different numbers below `total`; the first ones do not
            depend on `count`. Who reads must have the same.
        rng: numpy Generator, draws the signs of the changes.
        overwrite: bool, whether an existing `target` may be replaced.

    Raises:
        CapacityError: if the message is longer than `capacity(source)`.
        JpegError: if `source` is not a whole JPEG picture.
        OutputError: if `target` cannot be written.
    """
    if not message:
        raise ValueError("an empty message cannot be told from none: give at least one byte")
    picture = _read(source)
    if len(message) > _room(picture):
        raise CapacityError(
            f"{source} can hold {_room(picture)} bytes in its coefficients but its message needs {len(message)}: "
            "use a larger picture."
        )
    bits = np.unpackbits(np.frombuffer(len(message).to_bytes(LENGTH_BYTES, "big") + message, np.uint8))
    luma = picture.Y.copy()
    carriers = luma[..., ROWS, COLUMNS].reshape(-1)
    places = order(carriers.size, bits.size)
    chosen = carriers[places]
    sign = rng.integers(0, 2, bits.size, dtype=np.int16) * 2 - 1
    sign[chosen >= LIMIT] = -1
    sign[chosen <= -LIMIT] = 1
    carriers[places] = chosen + sign * ((chosen & 1) != bits)
    luma[..., ROWS, COLUMNS] = carriers.reshape(*luma.shape[:2], -1)
    picture.Y = luma
    with new_file(target, source, overwrite=overwrite) as part:
        picture.write_dct(str(part))
        written = _read(part)
        if not all(np.array_equal(getattr(written, name), getattr(picture, name)) for name in ("Y", "Cb", "Cr", "qt")):
            raise JpegError(f"{source} cannot be written with all its coefficients kept: save it as a baseline JPEG.")


def reveal(path, order):
    """Reads the message of a JPEG file.

    Args:
        path: path of a JPEG file that `hide` wrote.
        order: as in `hide`.

    Returns:
        bytes. A file without a message may yield noise: the message's own check must tell.

    Raises:
        JpegError: if it is not a whole JPEG picture, or has no message that fits.
    """
    picture = _read(path)
    carriers = picture.Y[..., ROWS, COLUMNS].reshape(-1)

    def read(count):
        return np.packbits(carriers[order(carriers.size, 8 * count)] & 1).tobytes()

    length = int.from_bytes(read(LENGTH_BYTES), "big") if _room(picture) else 0
    if not 0 < length <= _room(picture):
        raise JpegError(f"{path} carries no message in its coefficients: give the file exactly as it was written.")
    return read(LENGTH_BYTES + length)[LENGTH_BYTES:]


def _room(picture):
    return max(0, picture.Y.shape[0] * picture.Y.shape[1] * ROWS.size // 8 - LENGTH_BYTES)


def _read(path):
    """The coefficients of a file that another decoder has found whole: jpeglib fills up what is missing silently."""
    try:
        with warnings.catch_warnings(), Image.open(path, formats=["JPEG"]) as picture:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large is not wrong: phones make 108 MP
            picture.load()
        coefficients = jpeglib.read_dct(os.fspath(path))
        coefficients.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise JpegError(f"{path} is not a whole JPEG picture ({error}): give one that opens in a viewer.") from error
    return coefficients
