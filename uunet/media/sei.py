"""Bytes of ours in an H.264 stream: SEI messages "user data unregistered" (ITU-T H.264, 7.3.2.3 and D.2.7).

A picture of the stream is a sequence of NAL units, each behind a start code 00 00 01 (Annex B). A message is one unit
before those of the picture itself (its slices), so decoders hand it on with the picture, and players ignore it:

    06 | 05 | size of the payload: FF for each 255, then the rest | UUID (16) | content | 80

Inside a unit, 00 00 before a byte of at most 03 is written 00 00 03 (emulation prevention), so no start code appears.
Copies of the stream in other containers keep the messages. Encoding it again drops them.
"""

import re
from typing import Any

import av

UUID = b"uunet originals1"
START_CODE = b"\0\0\0\1"
HEADER = b"\x06\x05"  # a unit of the type SEI, with a payload of the type "user data unregistered"
END = b"\x80"  # a one and zeros up to the next byte

# The first slice. Its first byte: a zero, two bits of importance, the type in five bits
SLICE = re.compile(rb"\x00?\x00\x00\x01[\x01-\x05\x21-\x25\x41-\x45\x61-\x65]")
OURS = re.compile(
    rb"\x00?\x00\x00\x01" + HEADER + rb"\xff*[^\xff]" + UUID + rb".*?(?=\x00\x00\x01|\x00{3}\x01|\Z)", re.S
)
ESCAPED = re.compile(rb"\x00\x00\x03")
EMULATION = re.compile(rb"\x00\x00(?=[\x00-\x03])")


def unit(content: bytes) -> bytes:
    """The NAL unit that carries `content`, with its start code."""
    many, rest = divmod(len(UUID) + len(content), 255)
    plain = b"".join([HEADER, b"\xff" * many, bytes((rest,)), UUID, content, END])
    return START_CODE + EMULATION.sub(b"\0\0\3", plain)


def insert(picture: bytes, content: bytes) -> bytes:
    """A copy of a picture that carries `content` before its first slice; replaces what an earlier call inserted.

    Args:
        picture: bytes of one picture in Annex B form, as an encoder gives them.
        content: bytes, any number.

    Raises:
        ValueError: if there is no slice.
    """
    found = SLICE.search(picture)
    if found is None:
        raise ValueError(f"no slice of H.264 in {len(picture)} bytes")
    before, slices = picture[: found.start()], picture[found.start() :]
    return b"".join([OURS.sub(b"", before), unit(content), slices])


def content(picture: bytes) -> bytes | None:
    """The content that `insert` put into a picture in Annex B form; None if there is none.

    Of several messages, which no `insert` leaves, it is all of them: so nothing that was added stays unnoticed.
    """
    found = list(OURS.finditer(picture))
    return b"".join(map(_content, found)) if found else None


def _content(found):
    """The content of a message that OURS has found."""
    plain = ESCAPED.sub(b"\0\0", found.group().lstrip(b"\0")[1:])  # behind the start code
    many = re.match(HEADER + rb"(\xff*)[^\xff]", plain, re.S)
    assert many is not None  # the same as in OURS
    start = many.end()
    length = 255 * len(many[1]) + plain[start - 1]
    return plain[start : start + length][len(UUID) :]


def find(frame: av.VideoFrame) -> bytes | None:
    """The content of our message in a decoded frame, as that of `content`; None if there is none."""
    contents = []
    data: Any  # PyAV declares another type
    for data in frame.side_data:
        if data.type.name == "SEI_UNREGISTERED":  # x264 writes one of its own
            payload = bytes(data)
            if payload.startswith(UUID):
                contents.append(payload[len(UUID) :])
    return b"".join(contents) if contents else None
