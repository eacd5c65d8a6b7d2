"""What a public frame says about itself: the paper's ASCII message (section III-C) and the frame around it.

    message := n "," ROI{n}        ROI := x "," y "," w "," h ","        e.g. "2,10,16,9,15,25,45,8,14,"

The paper's text alone cannot be told from noise, so it travels as the body of a framed message, big-endian:

    "UR" | version u8 | suite u8 | body_len u16 | frame_index u32 | body | CRC32 u32

`suite` 0 is plain text, the only one there is. The CRC finds accidents (a re-encoded or edited frame), not forgery.
"""

import re
import struct
import zlib
from typing import NamedTuple

from uunet.errors import UUNetError

MAGIC = b"UR"
VERSION = 1
PLAIN = 0  # suite: the body is the paper's ASCII text, not encrypted
HEADER = struct.Struct(">2sBBHI")
CRC = struct.Struct(">I")

MAX_NUMBER = 99_999  # five digits: no video is wider, and a hostile message cannot ask for big integers
MAX_BODY = 0xFFFF  # what body_len u16 can say; about 2,700 ROIs
NATURAL = "(?:0|[1-9][0-9]{0,4})"  # one spelling a number: no sign, space, underscore, leading zero or Unicode digit
MESSAGE = re.compile(f"{NATURAL},(?:(?:{NATURAL},){{4}})*")


class Roi(NamedTuple):
    """A head in a frame: left, top, width and height in pixels; covers rows y..y+h-1 and columns x..x+w-1."""

    x: int
    y: int
    w: int
    h: int


class MessageError(UUNetError):
    """A text is not a message of the paper's grammar."""


class RoiError(UUNetError):
    """A ROI is empty or not inside its frame."""


class NoMessageError(UUNetError):
    """A frame carries no message at all."""


class DamagedMessageError(UUNetError):
    """A frame carries a message that can no longer be trusted."""


class FrameIndexError(UUNetError):
    """A frame carries the message of another frame: frames were cut, repeated or reordered."""


def format_message(rois):
    """The paper's message: `[Roi(10, 16, 9, 15), Roi(25, 45, 8, 14)]` -> `"2,10,16,9,15,25,45,8,14,"`; none -> `"0,"`.

    Raises:
        RoiError: if a number is not a whole number in 0..99,999.
        MessageError: if there are more ROIs than one message can hold.
    """
    for roi in rois:
        if not all(0 <= number <= MAX_NUMBER and number == int(number) for number in roi):
            raise RoiError(f"The head box {tuple(roi)} cannot be written: give whole numbers from 0 to {MAX_NUMBER}.")
    text = ",".join(str(int(number)) for number in (len(rois), *(number for roi in rois for number in roi))) + ","
    if len(rois) > MAX_NUMBER or len(text) > MAX_BODY:
        raise MessageError(f"{len(rois)} heads are more than the message of one frame can hold: detect fewer.")
    return text


def parse_message(text):
    """The ROIs of a message, strictly: anything that `format_message` would not write is refused.

    Raises:
        MessageError: if the text breaks the grammar, or does not hold as many ROIs as it announces.
    """
    if len(text) > MAX_BODY or not MESSAGE.fullmatch(text):
        raise MessageError(f'"{text[:40]}" is not a message of head boxes: write "n,x,y,w,h,..." as the protocol says.')
    announced, *numbers = (int(number) for number in text.split(",")[:-1])
    if len(numbers) != 4 * announced:
        raise MessageError(f"The message announces {announced} heads but holds {len(numbers) // 4}: correct the count.")
    return [Roi(*numbers[i : i + 4]) for i in range(0, len(numbers), 4)]


def check_inside(rois, height, width):
    """Refuses ROIs that are empty or reach outside a frame of `height` x `width` pixels.

    Raises:
        RoiError: naming the first such ROI.
    """
    for roi in rois:
        x, y, w, h = roi
        if w < 1 or h < 1 or x < 0 or y < 0 or x + w > width or y + h > height:
            raise RoiError(
                f"The head box x={x} y={y} w={w} h={h} is empty or not inside the frame of {width} x {height} pixels: "
                "correct the box."
            )


def pack_frame_message(rois, frame_index):
    """The bytes to hide in one frame: header, the paper's message, CRC32.

    Args:
        rois: list of Roi, in the order in which they were pasted.
        frame_index: int, 0 for the first frame (and for a still image).
    """
    body = format_message(rois).encode("ascii")
    message = HEADER.pack(MAGIC, VERSION, PLAIN, len(body), frame_index) + body
    return message + CRC.pack(zlib.crc32(message))


def unpack_frame_message(read, *, frame_index=None):
    """Reads one frame's message back.

    Args:
        read: callable `(n_bytes, offset=) -> bytes` on the hidden bytes, fewer where the frame ends, such as
            `functools.partial(lsb.reveal, frame)`.
        frame_index: int, the index the message must have; None accepts any.

    Returns:
        list of Roi, in the order in which they were pasted.

    Raises:
        NoMessageError, DamagedMessageError, FrameIndexError: see the classes.
        MessageError: the CRC is right but the text is not of the grammar: not written by this program.
    """
    header = read(HEADER.size, offset=0)
    if len(header) < HEADER.size or not header.startswith(MAGIC):
        raise NoMessageError(
            "The frame carries no UU-Net message: give the public file exactly as it was written "
            "(was it re-encoded lossily, resized, cropped or cut?)."
        )
    _, version, suite, body_len, index = HEADER.unpack(header)
    if (version, suite) != (VERSION, PLAIN):
        raise DamagedMessageError(
            f"The frame's message has version {version} and suite {suite} where this program reads version {VERSION} "
            f"and suite {PLAIN}: use the program that wrote it, or an undamaged file."
        )
    rest = read(body_len + CRC.size, offset=HEADER.size)
    body, crc = rest[:body_len], rest[body_len:]
    if len(rest) < body_len + CRC.size or CRC.unpack(crc)[0] != zlib.crc32(header + body):
        raise DamagedMessageError(
            "The frame's message is damaged (its CRC does not match): give the public file exactly as it was written."
        )
    if frame_index is not None and index != frame_index:
        raise FrameIndexError(
            f"The frame at position {frame_index} carries the message of frame {index}: frames were cut, repeated or "
            "reordered; give the public file exactly as it was written."
        )
    return parse_message(body.decode("latin-1"))  # any byte decodes; the grammar refuses all but ASCII
