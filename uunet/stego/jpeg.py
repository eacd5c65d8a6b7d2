"""Hiding in the quantised coefficients of a JPEG file, without encoding the picture again.

The parity of a quantised AC coefficient of luma is one bit. The zigzag places 3 to 20 are used (0 is DC): changes at
lower places would be visible; at higher places nearly all coefficients are 0, and every change makes the file larger.

If the parity is wrong, the coefficient goes up or down by one. Every coefficient at these places carries a bit, zeros
too (a zero is even). In schemes that skip zeros, a coefficient of 1 that becomes 0 is lost to the reader (shrinkage).
The carriers are an array of samples, in which `lsb` hides and reveals as it does in pixels:

    hidden = jpeg.rewrite(data, lambda carriers: lsb.hide(carriers, payload, limits=jpeg.LIMITS))
    payload == lsb.reveal(jpeg.carriers(hidden), len(payload))

All other coefficients, the quantisation tables and the metadata (EXIF, ICC) are kept. Data after the end of the picture
(a second picture, a motion clip) are dropped. A frame of a Motion JPEG video is such a file.

The message is lost if the file is encoded again; use `qim` where that may happen.

A file can also carry any bytes beside its picture, in APP9 segments (`with_segment`). No coefficient changes:

    "UUNET\\0" | index u8 = 0, 1, ... | count u8 | chunk

Programs that copy the file keep them, most programs that save the picture again drop them.
"""

import functools
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import jpeglib
import numpy as np

from uunet.errors import UUNetError
from uunet.stego.lsb import CapacityError

FIRST, LAST = 3, 20  # zigzag places of the carriers
LIMITS = (-1023, 1023)  # of an AC coefficient in a baseline JPEG
QUALITY = 95
MAX_SIDE = 65_500  # pixels that libjpeg writes
ANY_SIDE = 2**16  # pixels; more than a JPEG can have
MAX_PIXELS = 2**28  # an untrusted file may announce any size; FFmpeg has the same limit
LIBJPEG = "turbo210"  # twice as fast as jpeglib's default, and with later security fixes

# (row, column) of the places: along the anti-diagonals, alternately downwards and upwards
ZIGZAG = sorted(np.ndindex(8, 8), key=lambda at: (sum(at), at[sum(at) % 2 == 0]))
ROWS, COLUMNS = np.transpose(ZIGZAG[FIRST : LAST + 1])

# ITU-T T.81, table B.1. A segment is a marker, its length (2 bytes, themselves included), its content.
START, END, SCAN = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
FRAME = (b"\xff\xc0", b"\xff\xc1")  # sequential, Huffman: not progressive
TABLES = (b"\xff\xc4", b"\xff\xdb", b"\xff\xdd")  # Huffman, quantisation, restart interval
METADATA = (*(bytes((0xFF, 0xE0 + k)) for k in range(16)), b"\xff\xfe")  # APP0 to APP15, comment
OURS, NAME = b"\xff\xe9", b"UUNET\0"  # APP9
JFIF = b"\xff\xe0"  # APP0 comes first in a file
CHUNK = 0xFFFF - 2 - len(NAME) - 2  # bytes in a segment, whose length counts itself, the name, index and count
MAX_CONTENT = 255 * CHUNK  # bytes, 16.7 MB
MAX_SEGMENTS = 4096  # of any kind; a photograph with large metadata has hundreds
CODED_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker other than a coded FF, a restart or a fill byte


class JpegError(UUNetError):
    """Data are not a complete JPEG picture in which bits can be hidden."""


def encode(frame: np.ndarray) -> bytes:
    """A frame as a JPEG file of quality QUALITY.

    Chroma keeps its full resolution (4:4:4). With half of it files are a fifth smaller, but faces lose 0.5 dB more.

    Args:
        frame: uint8 `(H, W, 3)`, RGB.

    Returns:
        bytes.

    Raises:
        JpegError: if a side is longer than MAX_SIDE.
    """
    if max(frame.shape[:2]) > MAX_SIDE:
        raise JpegError(f"A JPEG has at most {MAX_SIDE} pixels a side, not {max(frame.shape[:2])}: write another file.")
    options = {
        cv2.IMWRITE_JPEG_QUALITY: QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR: cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    }
    bgr = np.ascontiguousarray(frame[..., ::-1])
    return cv2.imencode(".jpg", bgr, [number for option in options.items() for number in option])[1].tobytes()


def capacity(shape: tuple[int, ...]) -> int:
    """The number of whole bytes that the JPEG file of a frame of shape `(H, W)` or `(H, W, 3)` can hide."""
    return -(-shape[0] // 8) * -(-shape[1] // 8) * ROWS.size // 8


def check_capacity(shape: tuple[int, ...], n_bytes: int) -> None:
    """Raises CapacityError if `n_bytes` do not fit into a frame of this shape."""
    if n_bytes > capacity(shape):
        raise CapacityError(
            f"The frame of {shape[1]} x {shape[0]} pixels can hold {capacity(shape)} bytes in its JPEG coefficients "
            f"but its message needs {n_bytes}: use a larger frame."
        )


def carriers(data: bytes) -> np.ndarray:
    """The coefficients of a JPEG file that carry bits.

    Args:
        data: bytes of a baseline JPEG file, grey or colour.

    Returns:
        int16 `(rows, columns, 18)`, read-only: the zigzag places 3 to 20 of each block.

    Raises:
        JpegError: if it is not a complete baseline JPEG picture.
    """
    return _carriers(bytes(data))


@functools.lru_cache(maxsize=1)  # a message is read in pieces
def _carriers(data):
    found = _read(_split(data)[1]).Y[..., ROWS, COLUMNS]
    found.flags.writeable = False
    return found


def rewrite(data: bytes, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    """A copy of a JPEG file with changed carriers.

    Args:
        data: bytes of a baseline JPEG file, grey or colour.
        change: callable `carriers -> carriers`, int16 `(rows, columns, 18)` in LIMITS.

    Returns:
        bytes: a baseline JPEG file with the same other coefficients, quantisation tables and metadata.

    Raises:
        JpegError: if it is not a complete baseline JPEG picture, or if the written file reads back differently.
    """
    metadata, bare = _split(data)
    picture = _read(bare)
    luma = picture.Y.copy()
    luma[..., ROWS, COLUMNS] = change(luma[..., ROWS, COLUMNS])
    picture.Y = luma
    with tempfile.TemporaryDirectory() as folder, jpeglib.version(LIBJPEG):
        path = Path(folder, "written.jpg")
        picture.write_dct(str(path))
        bare = _split(path.read_bytes())[1]
    written = _read(bare)
    if not all(np.array_equal(getattr(written, name), getattr(picture, name)) for name in ("Y", "Cb", "Cr", "K", "qt")):
        raise JpegError(
            "The JPEG picture cannot be written with all its coefficients kept: save it as a new JPEG file."
        )
    return START + metadata + bare[len(START) :]


def blocks(data: bytes) -> list[tuple[np.ndarray, int]]:
    """All quantised coefficients of a JPEG file, and their steps, for digests of a part of the picture.

    Args:
        data: bytes of a baseline JPEG file, grey or colour.

    Returns:
        list of `(array, step)` for Y, Cb and Cr (grey: Y; four colours: also K). An array is int16
        `(rows, columns, 8, 8)`; each of its blocks covers `step` x `step` pixels: 8, or 16 where chroma has half the
        resolution. The last array are the quantisation tables of these components, int16 `(1, 1, components, 8, 8)`;
        it covers any picture, so that it belongs to each part: with other tables, the same coefficients look different.

    Raises:
        JpegError: if it is not a complete baseline JPEG picture, or if its chroma has half the resolution in one
            direction only, so that a block covers no square.
    """
    picture = _read(_split(bytes(data))[1])
    arrays = [array for array in (picture.Y, picture.Cb, picture.Cr, picture.K) if array is not None]
    factors = np.asarray(picture.samp_factor)[: len(arrays)]  # (components, 2), vertical and horizontal
    found = []
    for array, own in zip(arrays, factors, strict=True):
        vertical, horizontal = (8 * factors.max(axis=0) / own).tolist()
        if vertical != horizontal or vertical % 8:
            raise _refused("its chroma is sampled unequally in the two directions")
        found.append((array, int(vertical)))
    tables = np.asarray(picture.qt)[np.asarray(picture.quant_tbl_no)[: len(arrays)]]
    return [*found, (tables.astype(np.int16)[None, None], ANY_SIDE)]


def with_segment(data: bytes, content: bytes) -> bytes:
    """A copy of a JPEG file that carries `content`, in as many APP9 segments as it needs.

    They follow the file's APP0 segments and replace those of an earlier call. All other bytes stay as they are.

    Args:
        data: bytes of a JPEG file.
        content: bytes, at most MAX_CONTENT; may be empty.

    Raises:
        JpegError: if it is not a JPEG file.
        CapacityError: if `content` is longer.
    """
    if len(content) > MAX_CONTENT:
        raise CapacityError(
            f"A JPEG file can hold {MAX_CONTENT} bytes beside its picture but {len(content)} are needed: write another "
            "file."
        )
    pieces, place = [START], 1
    for start, stop in _segments(data):
        if data.startswith(OURS, start) and data.startswith(NAME, start + 4):
            continue
        pieces.append(data[start:stop])
        if len(pieces) == place + 1 and data.startswith(JFIF, start):
            place += 1
    chunks = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)] or [b""]
    own = [
        OURS + (len(chunk) + 2 + len(NAME) + 2).to_bytes(2, "big") + NAME + bytes((index, len(chunks))) + chunk
        for index, chunk in enumerate(chunks)
    ]
    return b"".join([*pieces[:place], *own, *pieces[place:], data[stop:]])


def segment(data: bytes) -> bytes | None:
    """What `with_segment` put into a JPEG file; None if there is nothing, or if it is not complete and in order.

    Args:
        data: bytes, of a JPEG file or of anything.
    """
    chunks, head = [], 4 + len(NAME)
    try:
        for start, stop in _segments(data):
            if not (data.startswith(OURS, start) and data.startswith(NAME, start + 4)):
                continue
            if stop < start + head + 2 or data[start + head] != len(chunks):
                return None
            chunks.append((data[start + head + 1], data[start + head + 2 : stop]))
    except JpegError:
        return None
    if any(count != len(chunks) for count, _ in chunks) or not chunks:
        return None
    return b"".join(chunk for _, chunk in chunks)


def _read(bare):
    """The coefficients of a file that `_split` has checked: jpeglib's DCTJPEG."""
    try:
        with tempfile.TemporaryDirectory() as folder, jpeglib.version(LIBJPEG):
            path = Path(folder, "read.jpg")  # jpeglib reads files only
            path.write_bytes(bare)
            picture = jpeglib.read_dct(str(path))
            picture.load()
    except OSError as error:
        raise _refused("it is damaged") from error
    return picture


def _split(data):
    """The metadata of a JPEG file, and the file without them, up to its end marker: bytes, bytes.

    Nothing else may reach jpeglib. It writes past the end of its arrays if a file has many metadata segments, empty
    ones or more than four components; it reads any number of scans; and it silently completes truncated files.

    Raises:
        JpegError: if it is not a JPEG file of one picture in one sequential scan, of at most MAX_PIXELS.
    """
    metadata, bare = [], [START]
    for start, stop in _segments(data):
        marker, segment = data[start : start + 2], data[start:stop]
        if marker in METADATA:
            metadata.append(segment)
            continue
        if marker in FRAME:
            _check_frame(segment)
        elif marker not in (*TABLES, SCAN):
            raise _refused("it is damaged, progressive or of a rare kind")
        bare.append(segment)
    end = CODED_END.search(data, stop)
    if end is None or end.group() != END:
        raise _refused("it is cut off, or has more than one scan")
    return b"".join(metadata), b"".join([*bare, data[stop : end.end()]])


def _segments(data):
    """Yields `(start, stop)` of each segment of a file, up to and including the header of its first scan.

    Raises:
        JpegError: if there is none, or if there are more than MAX_SEGMENTS.
    """
    if not data.startswith(START):
        raise _refused("it does not begin like one")
    at = len(START)
    for _ in range(MAX_SEGMENTS):
        marker, length = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or len(data) < at + 2 + length:
            raise _refused("it is cut off or damaged")
        yield at, at + 2 + length
        at += 2 + length
        if marker == SCAN:
            return
    raise _refused(f"it has more than {MAX_SEGMENTS} segments")


def _check_frame(segment):
    """Checks a frame header: precision u8, height u16, width u16, components u8, then three bytes per component."""
    height, width = (int.from_bytes(segment[at : at + 2], "big") for at in (5, 7))
    components = segment[9:10]
    if not 0 < height * width <= MAX_PIXELS or components not in (b"\1", b"\3", b"\4"):
        raise _refused(f"it has {width} x {height} pixels of {int.from_bytes(components)} colours")


def _refused(why):
    return JpegError(f"This is not a whole baseline JPEG picture ({why}): give the file exactly as it was written.")
