"""The envelope: the sealed heads of one frame, and what has to stand around them. The same bytes in every carrier.

Integers are big-endian.

    open part := A | key_bytes u16 | key record | D | CRC32 u32
    A         := "UO" | version u8 = 1 | suite u8 = 1 | flags u8 | heads u16 | frame_index u32 | width u32 | height u32
                 | stream_id (16)
    D         := for each head: track u32 | x u32 | y u32 | w u32 | h u32 | length u32
    body      := frame tag (16) | sealed heads

Each sealed head is encrypted with the key of its track, and authenticated together with A and D: so with everything in
the frame but the key record, which may be replaced. The frame tag authenticates A and D alone, for a reader who has not
the key of each track, and for a frame without heads. The CRC detects accidents, not forgery.

A reader calls `read_open`, `check_place`, `read_body` and, for each head, `open_head`.
docs/wire-format.md, section 10, is the full specification, with test vectors.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.wire import crypto, protocol
from uunet.wire.crypto import TAG_BYTES
from uunet.wire.keys import MAX_RECORD, FileKeys

MAGIC = b"UO"
VERSION = 1
CHACHA20_POLY1305 = 1  # the suite: HKDF-SHA256 and ChaCha20-Poly1305
LAST = 1  # flag: the file ends with this frame
KEY_EVERY = 10  # the frames 0, 10, 20, ... carry the key record
MAX_HEADS = 4096  # a head costs a reader time in proportion to their number
MAX_COVER = 16  # how many times the boxes of a frame may cover it: a reader holds the pixels of all of them

HEADER = struct.Struct(">2sBBBHIII16s")  # A
KEY_BYTES = struct.Struct(">H")
HEAD = struct.Struct(">IIIIII")
CRC = struct.Struct(">I")
NUMBER = struct.Struct(">I")
NONCE = struct.Struct(">III")
CONTENT = struct.Struct(">BB16s")  # before the picture: codec, quality, digest
WEBP = 1  # codec
EXACT = 100  # quality: lossless
DIGEST_BYTES = 16
SMALLEST_HEAD = CONTENT.size + 1 + TAG_BYTES


class NoEnvelopeError(UUNetError):
    """A frame carries no envelope."""


class DamagedEnvelopeError(UUNetError):
    """A frame carries an envelope that is cut, or whose CRC does not match, or that breaks the format."""


class UnsupportedEnvelopeError(UUNetError):
    """A frame carries an envelope of a version, suite, flags or codec that this program does not know."""


class LockedHeadError(UUNetError):
    """The keys do not open the track of a head."""


class EnvelopeSizeError(UUNetError):
    """What is to be sealed does not fit into one envelope, or readers would refuse it."""


class HeadContent(NamedTuple):
    """What is sealed of a head."""

    quality: int  # EXACT: lossless; 0..99: WebP's quality
    digest: bytes  # (16), of the public head: `originals.head_digest`
    picture: bytes  # `originals.picture`


class SealedHead(NamedTuple):
    """What everybody sees of a head."""

    track: int
    roi: Roi
    length: int  # bytes in the body


class Envelope(NamedTuple):
    """The open part of an envelope. Its CRC was checked; `check` tells whether it was forged."""

    suite: int
    last: bool  # whether the file ends with this frame
    frame_index: int
    width: int
    height: int
    stream_id: bytes  # (16)
    record: bytes  # the key record; empty if this frame carries none
    heads: list[SealedHead]
    data: bytes  # all of it, as it is carried

    @property
    def body_length(self) -> int:
        """The bytes behind the open part."""
        return TAG_BYTES + sum(head.length for head in self.heads)

    def authenticated(self) -> bytes:
        """A and D."""
        return self.data[: HEADER.size] + self.data[HEADER.size + KEY_BYTES.size + len(self.record) : -CRC.size]


def check_cover(rois: Sequence[Roi], height: int, width: int) -> None:
    """Raises EnvelopeSizeError if boxes cover a frame more than MAX_COVER times."""
    if sum(roi.w * roi.h for roi in rois) > MAX_COVER * height * width:
        raise EnvelopeSizeError(
            f"The boxes of {len(rois)} heads cover the frame of {width} x {height} pixels more than {MAX_COVER} times: "
            "give fewer or smaller ones."
        )


def with_record(envelope: Envelope, record: bytes) -> bytes:
    """The open part of an envelope with another key record, for `keys.rewrap`; its body stays the same.

    Args:
        envelope: Envelope that carries a key record.
        record: bytes, of `keys.rewrap`.
    """
    if not envelope.record or not 1 <= len(record) <= MAX_RECORD:
        raise ValueError(f"frame {envelope.frame_index} carries no key record, or {len(record)} bytes are none")
    authenticated = envelope.authenticated()
    return open_part(authenticated[: HEADER.size], record, authenticated[HEADER.size :])


def open_part(a: bytes, record: bytes, d: bytes) -> bytes:
    """The open part of these pieces: see above."""
    data = a + KEY_BYTES.pack(len(record)) + record + d
    return data + CRC.pack(zlib.crc32(data))


@dataclass(frozen=True)
class Content:
    """A reader of an envelope that a carrier gives as bytes: open part and body, and nothing behind them."""

    data: bytes

    def __call__(self, n_bytes: int, *, offset: int = 0, key: bytes | None = None, nonce: int = 0) -> bytes:
        """A protocol.Reader: the order of the bytes depends on no key."""
        return protocol.read_bytes(self.data, n_bytes, offset=offset)


def read_open(read: protocol.Reader) -> Envelope:
    """The open part of the envelope in a frame. No more is read than it announces, and than there is.

    The length of a `Content` must be exactly what the open part announces. Pixels have room behind an envelope.

    Raises:
        NoEnvelopeError, UnsupportedEnvelopeError, DamagedEnvelopeError: see the classes.
    """
    data = read(HEADER.size + KEY_BYTES.size, offset=0)
    if not data.startswith(MAGIC):
        raise NoEnvelopeError(
            "The frame carries no sealed originals: give the public file exactly as it was written "
            "(was it re-encoded, resized, cropped or cut?)."
        )
    if len(data) < HEADER.size + KEY_BYTES.size:
        raise _damaged("is cut")
    _, version, suite, flags, n_heads, index, width, height, stream_id = HEADER.unpack(data[: HEADER.size])
    if version != VERSION or suite != CHACHA20_POLY1305 or flags & ~LAST:
        raise UnsupportedEnvelopeError(
            f"The frame's envelope has version {version}, suite {suite} and flags {flags} where this program reads "
            f"version {VERSION}, suite {CHACHA20_POLY1305} and flags 0 to {LAST}: use the program that wrote it, or "
            "an undamaged file."
        )
    (key_bytes,) = KEY_BYTES.unpack(data[HEADER.size :])
    if n_heads > MAX_HEADS or (key_bytes > 0) != (index % KEY_EVERY == 0):
        raise _damaged(f"announces {n_heads} heads and a key record of {key_bytes} bytes")
    wanted = key_bytes + n_heads * HEAD.size + CRC.size
    more = read(wanted, offset=len(data))
    if len(more) < wanted:
        raise _damaged("is cut")
    data += more
    if data[-CRC.size :] != CRC.pack(zlib.crc32(data[: -CRC.size])):
        raise _damaged("does not match its CRC")
    record, rows = more[:key_bytes], more[key_bytes : -CRC.size]
    heads = [SealedHead(row[0], Roi(*row[1:5]), row[5]) for row in HEAD.iter_unpack(rows)]
    for head in heads:
        x, y, w, h = head.roi
        if w < 1 or h < 1 or x + w > width or y + h > height or head.length < SMALLEST_HEAD:
            raise _damaged(f"describes an impossible head (x={x} y={y} w={w} h={h}, {head.length} bytes)")
    if sum(head.roi.w * head.roi.h for head in heads) > MAX_COVER * width * height:
        raise _damaged(f"has {len(heads)} heads whose boxes cover the frame more than {MAX_COVER} times")
    found = Envelope(suite, bool(flags & LAST), index, width, height, stream_id, record, heads, data)
    if isinstance(read, Content) and len(read.data) != len(data) + found.body_length:
        raise _damaged(f"has {len(read.data)} bytes where it announces {len(data) + found.body_length}")
    return found


def check_place(
    envelope: Envelope,
    *,
    shape: tuple[int, ...] | None = None,
    stream_id: bytes | None = None,
    frame_index: int | None = None,
) -> None:
    """Checks that an envelope is that of this frame of this file; None accepts any.

    This is worth something only together with `read_body`: the open part alone can be forged.

    Args:
        envelope: Envelope.
        shape: `(height, width, ...)` of the frame as decoded.
        stream_id: bytes (16), of the first envelope of the file.
        frame_index: int, the position of the frame in the file.

    Raises:
        FrameSizeError, StreamError, FrameIndexError: see `protocol`.
    """
    if shape is not None and (envelope.height, envelope.width) != tuple(shape[:2]):
        raise protocol.FrameSizeError(
            f"The frame has {shape[1]} x {shape[0]} pixels but its envelope is for {envelope.width} x "
            f"{envelope.height}: give the public file exactly as it was written, not cropped or enlarged."
        )
    if stream_id is not None and envelope.stream_id != stream_id:
        raise protocol.StreamError(
            "The frame's envelope comes from another file than the others: give one public file, exactly as written."
        )
    index = envelope.frame_index
    if frame_index is not None and index != frame_index:
        what = f"frame {index} was repeated" if index < frame_index else f"frame {frame_index} was cut out or moved"
        raise protocol.FrameIndexError(
            f"The frame at position {frame_index} carries the envelope of frame {index} ({what}): give the public file "
            "exactly as it was written."
        )


def read_body(envelope: Envelope, read: protocol.Reader, keys: FileKeys) -> bytes:
    """The body of an envelope, whose frame tag is checked before the rest is read.

    So a forger cannot make a reader draw the places of a body that fills the frame.

    Args:
        envelope: Envelope, from `read_open` of the same reader.
        read: Reader.
        keys: FileKeys, of which the order key is used if the carrier has an order.

    Raises:
        StreamError, AuthenticationError, DamagedEnvelopeError: see `check`.
    """
    where = {"offset": len(envelope.data), "key": keys.order_key, "nonce": envelope.frame_index}
    _check_tag(envelope, read(TAG_BYTES, **where), keys)
    body = read(envelope.body_length, **where)
    check(envelope, body, keys)
    return body


def check(envelope: Envelope, body: bytes, keys: FileKeys) -> None:
    """Checks that the owner of the file's keys sealed this frame with these heads; `open_head` checks each head.

    Raises:
        StreamError: if the keys are those of another file.
        AuthenticationError: if the frame tag does not match: the keys are others, or the frame was changed.
        DamagedEnvelopeError: if the body has another length than the open part says: it was cut.
    """
    _check_tag(envelope, body[:TAG_BYTES], keys)
    if len(body) != envelope.body_length:
        raise _damaged(f"has {len(body)} bytes in its body where it announces {envelope.body_length}")


def _check_tag(envelope, tag, keys):
    if keys.stream_id != envelope.stream_id:
        raise protocol.StreamError("The keys are those of another public file: give the file that they were made for.")
    nonce = NONCE.pack(envelope.frame_index, 0, 0)
    try:
        ChaCha20Poly1305(keys.frame_key).decrypt(nonce, tag, envelope.authenticated())
    except InvalidTag:  # also if it was cut
        raise crypto.AuthenticationError(
            f"The envelope of frame {envelope.frame_index} does not open: it was changed after it was sealed, or the "
            "key is that of another file; give the public file exactly as it was written."
        ) from None


def open_head(envelope: Envelope, body: bytes, k: int, keys: FileKeys) -> HeadContent:
    """What was sealed of one head. Call `read_body` or `check` before, once per frame.

    Args:
        envelope: Envelope.
        body: bytes, of `read_body`.
        k: int, the number of the head in `envelope.heads`.
        keys: FileKeys.

    Raises:
        LockedHeadError: if the keys are a disclosure of other tracks.
        AuthenticationError: if the head was changed or exchanged.
        UnsupportedEnvelopeError: if its picture is of an unknown codec.
    """
    head = envelope.heads[k]
    key = keys.track_key(head.track)
    if key is None:
        raise LockedHeadError(f"The keys do not open track {head.track}: give a disclosure of it, or the private key.")
    start = TAG_BYTES + sum(before.length for before in envelope.heads[:k])
    nonce, aad = NONCE.pack(envelope.frame_index, k, 0), envelope.authenticated() + NUMBER.pack(k)
    try:
        text = ChaCha20Poly1305(key).decrypt(nonce, body[start : start + head.length], aad)
    except InvalidTag:
        raise crypto.AuthenticationError(
            f"The sealed head of track {head.track} in frame {envelope.frame_index} does not open: it was changed or "
            "exchanged; give the public file exactly as it was written."
        ) from None
    codec, quality, digest = CONTENT.unpack(text[: CONTENT.size])
    if codec != WEBP or quality > EXACT:
        raise UnsupportedEnvelopeError(
            f"The head of track {head.track} is a picture of codec {codec} and quality {quality} where this program "
            f"reads codec {WEBP} and qualities 0 to {EXACT}: use the program that wrote it."
        )
    return HeadContent(quality, digest, text[CONTENT.size :])


def _damaged(what):
    return DamagedEnvelopeError(f"The frame's envelope {what}: give the public file exactly as it was written.")
