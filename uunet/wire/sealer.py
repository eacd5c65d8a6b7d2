"""Seals the heads of frames: makes the envelopes that `envelope` reads."""

from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from uunet.boxes import types
from uunet.boxes.types import TrackedBox
from uunet.wire import envelope
from uunet.wire.crypto import TAG_BYTES
from uunet.wire.keys import MAX_RECORD, FileKeys


class Sealer:
    """Makes the envelopes of a file, each frame once."""

    def __init__(self, keys: FileKeys, record: bytes) -> None:
        """
        Args:
            keys: FileKeys, of `keys.new_file_keys`.
            record: bytes, of `keys.wrap` of these keys.
        """
        if not 1 <= len(record) <= MAX_RECORD:
            raise ValueError(f"a key record has 1 to {MAX_RECORD} bytes, got {len(record)}")
        self.keys, self.record = keys, record

    def record_for(self, frame_index: int) -> bytes:
        """The key record that a frame carries; empty for most frames."""
        return self.record if frame_index % envelope.KEY_EVERY == 0 else b""

    def seal(
        self,
        frame_index: int,
        shape: tuple[int, ...],
        heads: Sequence[TrackedBox],
        contents: Sequence[envelope.HeadContent],
        last: bool,
    ) -> tuple[bytes, bytes]:
        """The envelope of a frame.

        Args:
            frame_index: int in 0..2^32 - 1, the number of the frame in its file; each only once.
            shape: `(height, width, ...)` of the frame.
            heads: list of TrackedBox.
            contents: list of envelope.HeadContent, one per head.
            last: bool, whether the file ends with this frame.

        Returns:
            `(envelope.open_part, body)`, bytes.

        Raises:
            RoiError: if a box is empty or not inside the frame.
            envelope.EnvelopeSizeError: if there are too many heads, or too large ones.
            ValueError: if the frame was sealed before, or an argument is out of range.
        """
        _check_heads(len(heads))
        types.check_inside([roi for _, roi in heads], *shape[:2])
        envelope.check_cover([roi for _, roi in heads], *shape[:2])
        for content in contents:
            if (
                len(content.digest) != envelope.DIGEST_BYTES
                or not 0 <= content.quality <= envelope.EXACT
                or not content.picture
            ):
                raise ValueError(f"quality {content.quality}, a digest of {len(content.digest)} bytes or no picture")
        if not 0 <= frame_index < 2**32:
            raise ValueError(f"frame_index {frame_index} is not in 0..2^32 - 1")
        a = envelope.HEADER.pack(
            *(envelope.MAGIC, envelope.VERSION, envelope.CHACHA20_POLY1305, envelope.LAST * last, len(heads)),
            *(frame_index, shape[1], shape[0], self.keys.stream_id),
        )
        d = b"".join(
            envelope.HEAD.pack(track, *roi, envelope.SMALLEST_HEAD - 1 + len(content.picture))
            for (track, roi), content in zip(heads, contents, strict=True)
        )
        self.keys.claim(frame_index)
        sealed = [ChaCha20Poly1305(self.keys.frame_key).encrypt(envelope.NONCE.pack(frame_index, 0, 0), b"", a + d)]
        for k, ((track, _), content) in enumerate(zip(heads, contents, strict=True)):
            text = envelope.CONTENT.pack(envelope.WEBP, content.quality, content.digest) + content.picture
            key = self.keys.track_key(track)
            assert key is not None  # new keys are those of all tracks
            cipher = ChaCha20Poly1305(key)
            sealed.append(cipher.encrypt(envelope.NONCE.pack(frame_index, k, 0), text, a + d + envelope.NUMBER.pack(k)))
        return envelope.open_part(a, self.record_for(frame_index), d), b"".join(sealed)


def sealed_length(heads: Sequence[TrackedBox], picture_lengths: Sequence[int], record_length: int) -> int:
    """The number of bytes of an envelope, open part and body together, before anything is sealed.

    Args:
        heads: list of TrackedBox.
        picture_lengths: list of int, the bytes of each head's picture.
        record_length: int, `len(sealer.record_for(frame_index))`.

    Raises:
        envelope.EnvelopeSizeError: if there are too many heads for one envelope.
    """
    _check_heads(len(heads))
    if len(heads) != len(picture_lengths):
        raise ValueError(f"{len(heads)} heads but {len(picture_lengths)} pictures")
    open_length = (
        envelope.HEADER.size
        + envelope.KEY_BYTES.size
        + record_length
        + envelope.HEAD.size * len(heads)
        + envelope.CRC.size
    )
    return open_length + TAG_BYTES + sum(envelope.SMALLEST_HEAD - 1 + length for length in picture_lengths)


def _check_heads(count):
    if count > envelope.MAX_HEADS:
        raise envelope.EnvelopeSizeError(
            f"{count} heads are more than one frame can seal ({envelope.MAX_HEADS}): detect fewer."
        )
