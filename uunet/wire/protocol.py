"""The grammar of a message, text and bytes: the paper's ASCII text (section III-C), header, CRC, sealing.

`messages` writes these bytes into the pixels of frames.

    message := n "," ROI{n}        ROI := x "," y "," w "," h ","        e.g. "2,10,16,9,15,25,45,8,14,"

The paper's text alone cannot be told from noise, so it is the body of a framed message; integers are big-endian. In a
plain message anybody can read the text. The CRC detects accidents (a re-encoded or edited frame), not forgery:

    "UR" | version u8 | suite u8 = 0 | flags u8 | frames u8 | body_len u16 | frame_index u32 | body | CRC32 u32

In a sealed message the body is encrypted, and authenticated together with everything before it. It is hidden in an
order that only the owners of the key can compute:

    "UR" | version u8 | suite u8 = 1, 2 | flags u8 | frames u8 | body_len u16 | frame_index u32
         | width u32 | height u32 | stream_id (16) | CRC32 u32                                    open part
    body = encrypted(text, zeros up to 22, 62, 102, ... bytes) | tag (16)                         sealed part

The message is that of `frames` consecutive frames, the first of which has the number frame_index. The flag LAST says
that the file ends with them. In lossy files, which have little room, the text is packed (flag PACKED): its 11 symbols
take 3.46 bits each instead of 8. If heads move during these frames (flag MOVING), the text holds the ROIs of the first
frame, then those of the last; `boxes.motion.straight` gives those between.

docs/wire-format.md is the full specification, with test vectors.
"""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from uunet.boxes.types import Roi, RoiError
from uunet.errors import UUNetError
from uunet.wire import crypto

MAGIC = b"UR"
VERSION = 1
PLAIN = 0  # suite: the body is the paper's ASCII text, not encrypted
LAST, PACKED, MOVING = 1, 2, 4  # flags
HEADER = struct.Struct(">2sBBBBHI")
SEALED_HEADER = struct.Struct(">II16s")  # follows HEADER where the suite is not PLAIN
CRC = struct.Struct(">I")

MAX_NUMBER = 99_999  # five digits: no video is wider, and a hostile message cannot cause big integers
# A sealed text is padded to 22, 62, 102, ... bytes, so that its length says little about the number of heads. With the
# 56 bytes around it these are exactly the message sizes of QIM.
SMALLEST, PADDING = 22, 40
MAX_TEXT = 0xFFFF - PADDING - crypto.TAG_BYTES  # any text then fits body_len u16, sealed or not; about 2,700 ROIs
SYMBOLS = "0123456789,"
MAX_PACKED = 1600  # bytes: no lossy frame holds more, and a hostile message cannot cause big integers
NATURAL = "(?:0|[1-9][0-9]{0,4})"  # one spelling per number: no sign, space, underscore, leading zero, Unicode digit
MESSAGE = re.compile(f"{NATURAL},(?:(?:{NATURAL},){{4}})*")

# `(n_bytes, *, offset, key=None, nonce=0) -> bytes` on hidden bytes, fewer where they end: `partial(lsb.reveal, frame)`
Reader = Callable[..., bytes]


def read_bytes(content: bytes, n_bytes: int, *, offset: int = 0, key: bytes | None = None, nonce: int = 0) -> bytes:
    """Reads bytes that are not hidden: `partial(read_bytes, content)` is a Reader. Their order depends on no key."""
    return content[offset : offset + max(0, n_bytes)]


class MessageError(UUNetError):
    """A text does not follow the paper's grammar of messages."""


class NoMessageError(UUNetError):
    """A frame carries no message."""


class DamagedMessageError(UUNetError):
    """A frame carries a message whose CRC does not match."""


class UnsupportedMessageError(UUNetError):
    """A frame carries a message of a version, suite or flags that this program does not know."""


class SealedMessageError(UUNetError):
    """A frame carries a sealed message, and no key was given."""


class PlainMessageError(UUNetError):
    """A frame carries a plain message, which anybody can write, where a sealed one is expected."""


class FrameSizeError(UUNetError):
    """A frame does not have the size for which its message was sealed: it was cropped, padded or resized."""


class StreamError(UUNetError):
    """A frame carries the message of another stream."""


class FrameIndexError(UUNetError):
    """The position of a frame differs from the one in its message: frames were cut, repeated or reordered."""


@dataclass(frozen=True)
class Layout:
    """Which frames carry a message, and how its text is written. The default suits a picture."""

    frames: int = 1  # 1..255, how many consecutive frames carry the message
    last: bool = True  # whether the file ends with these frames
    packed: bool = False  # whether the text is packed
    moving: bool = False  # whether the text holds the ROIs of the first and of the last of these frames (two or more)


class Header(NamedTuple):
    """The open fields of a message. The CRC of a sealed message has been checked, that of a plain one not yet."""

    suite: int  # PLAIN, or a key of crypto.CIPHERS
    packed: bool  # this and the next three: see Layout
    last: bool
    moving: bool
    frames: int
    body_len: int
    frame_index: int  # of the first of these frames
    width: int  # 0 if plain
    height: int  # 0 if plain
    stream_id: bytes | None  # (16); None if plain
    data: bytes  # all fields, as they are hidden


def format_message(rois: list[Roi]) -> str:
    """The paper's message: `[Roi(10, 16, 9, 15), Roi(25, 45, 8, 14)]` -> `"2,10,16,9,15,25,45,8,14,"`; none -> `"0,"`.

    Raises:
        RoiError: if a number is not a whole number in 0..99,999.
        MessageError: if there are more ROIs than one message can hold.
    """
    for roi in rois:
        if not all(0 <= number <= MAX_NUMBER and number == int(number) for number in roi):
            raise RoiError(f"The head box {tuple(roi)} cannot be written: give whole numbers from 0 to {MAX_NUMBER}.")
    text = ",".join(str(int(number)) for number in (len(rois), *(number for roi in rois for number in roi))) + ","
    if len(rois) > MAX_NUMBER or len(text) > MAX_TEXT:
        raise MessageError(f"{len(rois)} heads are more than the message of one frame can hold: detect fewer.")
    return text


def parse_message(text: str) -> list[Roi]:
    """The ROIs of a message. Strict: any text that `format_message` would not write is refused.

    Raises:
        MessageError: if the text breaks the grammar, or does not hold as many ROIs as it announces.
    """
    if len(text) > MAX_TEXT or not MESSAGE.fullmatch(text):
        raise MessageError(f'"{text[:40]}" is not a message of head boxes: write "n,x,y,w,h,..." as the protocol says.')
    announced, *numbers = (int(number) for number in text.split(",")[:-1])
    if len(numbers) != 4 * announced:
        raise MessageError(f"The message announces {announced} heads but holds {len(numbers) // 4}: correct the count.")
    return [Roi(*numbers[i : i + 4]) for i in range(0, len(numbers), 4)]


def pack_text(text: str) -> bytes:
    """A message in less than half of its length.

    The symbols "0" to "9" and "," are the digits 0 to 10 of a number in base 11, the least significant first. The
    number is written in as few bytes as possible, little-endian:

        N = sum_k symbol_k 11^k

    A message ends in ",", which is not 0, so no two messages have the same N.

    Args:
        text: str, as `format_message` makes it.
    """
    number = 0
    for symbol in reversed(text):
        number = len(SYMBOLS) * number + SYMBOLS.index(symbol)
    return number.to_bytes(-(-number.bit_length() // 8), "little")


def unpack_text(packed: bytes) -> str:
    """The text whose `pack_text` is these bytes; `parse_message` checks whether it is a message.

    Raises:
        MessageError: if there are too many bytes, or the last is zero, which `pack_text` never writes.
    """
    if len(packed) > MAX_PACKED or packed.endswith(b"\0"):
        raise MessageError(f"The {len(packed)} bytes are not a packed message: write them as the protocol says.")
    number, text = int.from_bytes(packed, "little"), []
    while number:
        number, symbol = divmod(number, len(SYMBOLS))
        text.append(SYMBOLS[symbol])
    return "".join(text)


def pack_frame_message(
    rois: list[Roi],
    frame_index: int,
    layout: Layout = Layout(),
    *,
    shape: tuple[int, ...] | None = None,
    seal: crypto.Seal | None = None,
) -> tuple[bytes, bytes]:
    """The bytes to hide in one frame, or in several that carry the same message.

    Args:
        rois: list of Roi, whose order is kept; if layout.moving, see `motion.ends`.
        frame_index: int in 0..2^32 - 1, number of the first of these frames in the file; 0 for a picture.
        layout: Layout.
        shape: `(height, width, ...)` of the frame; needed with a seal only.
        seal: crypto.Seal, which seals each frame_index once; None for a plain message.

    Returns:
        `(open_part, sealed_part)`, bytes: the first to hide in raster order, the second behind it in the order of the
        seal's order key. A plain message has no sealed part.

    Raises:
        RoiError, MessageError: see `format_message`.
    """
    body = _body(rois, layout.packed)
    flags = LAST * layout.last | PACKED * layout.packed | MOVING * layout.moving
    if seal is None:
        message = HEADER.pack(MAGIC, VERSION, PLAIN, flags, layout.frames, len(body), frame_index) + body
        return message + CRC.pack(zlib.crc32(message)), b""
    assert shape is not None  # a sealed message holds the size of the frame
    body = body.ljust(_padded(len(body)), b"\0")
    header = HEADER.pack(MAGIC, VERSION, seal.suite, flags, layout.frames, len(body) + crypto.TAG_BYTES, frame_index)
    header += SEALED_HEADER.pack(shape[1], shape[0], seal.stream_id)
    header += CRC.pack(zlib.crc32(header))
    return header, seal.seal(body, header, frame_index)


def message_length(rois: list[Roi], *, sealed: bool, packed: bool = False) -> int:
    """The number of bytes in the message of these ROIs, open and sealed part together.

    Raises:
        RoiError, MessageError: see `format_message`.
    """
    length = len(_body(rois, packed))
    if not sealed:
        return HEADER.size + length + CRC.size
    return HEADER.size + SEALED_HEADER.size + CRC.size + _padded(length) + crypto.TAG_BYTES


def _body(rois, packed):
    text = format_message(rois)
    return pack_text(text) if packed else text.encode("ascii")


def _padded(length):
    """The next of 22, 62, 102, ..."""
    return length + (SMALLEST - length) % PADDING


def read_header(read: Reader) -> Header:
    """The open fields of the message in a frame.

    Raises:
        NoMessageError, DamagedMessageError, UnsupportedMessageError: see the classes.
    """
    data = read(HEADER.size, offset=0)
    if len(data) < HEADER.size or not data.startswith(MAGIC):
        raise NoMessageError(
            "The frame carries no UU-Net message: give the public file exactly as it was written "
            "(was it re-encoded lossily, resized, cropped or cut?)."
        )
    _, version, suite, flags, frames, body_len, frame_index = HEADER.unpack(data)
    if version != VERSION or suite not in (PLAIN, *crypto.CIPHERS) or flags & ~(LAST | PACKED | MOVING):
        raise UnsupportedMessageError(
            f"The frame's message has version {version}, suite {suite} and flags {flags} where this program reads "
            f"version {VERSION}, suites {PLAIN} to {max(crypto.CIPHERS)} and flags 0 to {LAST | PACKED | MOVING}: use "
            "the program that wrote it, or an undamaged file."
        )
    width, height, stream_id = 0, 0, None
    if suite != PLAIN:
        more = read(SEALED_HEADER.size + CRC.size, offset=HEADER.size)
        fields, crc = more[: SEALED_HEADER.size], more[SEALED_HEADER.size :]
        _check_crc(data + fields, crc)
        width, height, stream_id = SEALED_HEADER.unpack(fields)
        data += more
    packed, last, moving = bool(flags & PACKED), bool(flags & LAST), bool(flags & MOVING)
    return Header(suite, packed, last, moving, frames, body_len, frame_index, width, height, stream_id, data)


def find_seal(header: Header, secret: bytes | str | None) -> crypto.Seal | None:
    """The seal of the stream to which a frame belongs; None if the frame is plain and no secret is given.

    Whether the secret is the right one shows only when a message is read.

    Args:
        header: Header of any frame of the stream.
        secret: bytes (32) or str, see `crypto`; None if there is none.

    Raises:
        SealedMessageError, PlainMessageError: see the classes.
        PassphraseError: see `crypto.check_passphrase`.
    """
    _check_sealed(header, secret is not None)
    if secret is None:
        return None
    assert header.stream_id is not None  # the message is sealed
    return crypto.seal_of(secret, header.suite, header.stream_id)


def unpack_frame_message(
    read: Reader,
    *,
    shape: tuple[int, ...] | None = None,
    seal: crypto.Seal | None = None,
    frame_index: int | None = None,
) -> list[Roi]:
    """The ROIs in the message of one frame: `read_header`, then `read_body`. Args, Returns, Raises: as these."""
    return read_body(read_header(read), read, shape=shape, seal=seal, frame_index=frame_index)


def read_body(
    header: Header,
    read: Reader,
    *,
    shape: tuple[int, ...] | None = None,
    seal: crypto.Seal | None = None,
    frame_index: int | None = None,
) -> list[Roi]:
    """The ROIs in the message of one frame, of which the header has been read.

    Args:
        header: Header, from `read_header` of the same reader.
        read: Reader of the hidden bytes.
        shape: `(height, width, ...)` of the frame; needed with a seal only.
        seal: crypto.Seal of the stream, see `find_seal`; None for a plain message.
        frame_index: int, the index the message must have; None accepts any.

    Returns:
        list of Roi, in the order in which they were written; of a moving message, see `motion.ends`.

    Raises:
        DamagedMessageError, SealedMessageError, PlainMessageError, FrameSizeError, StreamError, FrameIndexError: see
            the classes.
        AuthenticationError: the key is not the one the message was sealed with, or the message was changed.
        MessageError: the message is intact but does not follow the grammar: another program wrote it.
    """
    _check_sealed(header, seal is not None)
    if seal is None:
        rest = read(header.body_len + CRC.size, offset=HEADER.size)
        body, crc = rest[: header.body_len], rest[header.body_len :]
        _check_crc(header.data + body, crc)
        check_index(header, frame_index)
    else:
        assert shape is not None  # a sealed message holds the size of the frame
        if (header.height, header.width) != tuple(shape[:2]):
            raise FrameSizeError(
                f"The frame has {shape[1]} x {shape[0]} pixels but its message is for {header.width} x "
                f"{header.height}: give the public file exactly as it was written, not cropped or enlarged."
            )
        check_stream(header, seal.suite, seal.stream_id)
        check_index(header, frame_index)
        sealed = read(header.body_len, offset=len(header.data), key=seal.order_key, nonce=header.frame_index)
        body = seal.open(sealed, header.data, header.frame_index).rstrip(b"\0")
    rois = parse_message(unpack_text(body) if header.packed else body.decode("latin-1"))  # any byte decodes
    if header.moving and (len(rois) % 2 or header.frames < 2):
        raise MessageError(
            f"A message of {len(rois)} head boxes for {header.frames} frames cannot say how heads move: write two "
            "boxes per head, for two frames or more, as the protocol says."
        )
    return rois


def check_stream(header: Header, suite: int, stream_id: bytes | None) -> None:
    """Raises StreamError if a message belongs to another stream."""
    if (header.suite, header.stream_id) != (suite, stream_id):
        raise StreamError(
            "The frame comes from another file than the frames before it: give one public file, exactly as written."
        )


def check_index(header: Header, expected: int | None) -> None:
    """Raises FrameIndexError if a message is not that of frame `expected`; None accepts any."""
    # in a file read from its start, all frames before `expected` have been read, so these are the only two cases
    index = header.frame_index
    if expected is None or index == expected:
        return
    what = f"frame {index} was repeated" if index < expected else f"frame {expected} was cut out or moved"
    raise FrameIndexError(
        f"The frame at position {expected} carries the message of frame {index} ({what}): give the public file "
        "exactly as it was written."
    )


def _check_sealed(header, expected):
    if header.suite != PLAIN and not expected:
        raise SealedMessageError("The frame's message is sealed: give the key file or passphrase it was sealed with.")
    if header.suite == PLAIN and expected:
        raise PlainMessageError(
            "The frame's message is not sealed, so anybody may have written it: read it without a key if you trust it."
        )


def _check_crc(data, crc):
    if crc != CRC.pack(zlib.crc32(data)):  # a CRC cut off at the end of the frame differs too
        raise DamagedMessageError(
            "The frame's message is damaged (its CRC does not match): give the public file exactly as it was written."
        )
