"""Envelopes: what comes back, and that nothing but what was sealed, in its own place, opens."""

import itertools
import zlib
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uunet.boxes.types import Roi, RoiError, TrackedBox
from uunet.errors import UUNetError
from uunet.stego import lsb
from uunet.wire import crypto, envelope, keys, protocol
from uunet.wire.envelope import HeadContent
from uunet.wire.sealer import Sealer, sealed_length

SHAPE = (48, 64, 3)
HEADS = [TrackedBox(3, Roi(1, 2, 10, 20)), TrackedBox(8, Roi(30, 4, 34, 44)), TrackedBox(2**32 - 1, Roi(0, 0, 64, 48))]
CONTENTS = [
    HeadContent(100, bytes(16), b"one"),
    HeadContent(90, b"\xff" * 16, b"t"),
    HeadContent(0, b"d" * 16, b"3" * 99),
]
AUTHORITY = keys.generate()


def file():
    """The keys of a new file, and its sealer."""
    known = keys.new_file_keys()
    return known, Sealer(known, keys.wrap(known, [AUTHORITY.public]))


def opened(data, known, place=None):
    """`(Envelope, list of HeadContent)` of an envelope, by the steps of a reader."""
    read = envelope.Content(data)
    found = envelope.read_open(read)
    envelope.check_place(found, shape=SHAPE, stream_id=known.stream_id, frame_index=place)
    body = envelope.read_body(found, read, known)
    return found, [envelope.open_head(found, body, k, known) for k in range(len(found.heads))]


def in_room(data):
    """A reader of bytes that are followed by others, as in the pixels of a frame."""
    return partial(protocol.read_bytes, data + bytes(99))


def with_crc(data, end):
    """Bytes whose CRC, which ends at `end`, is made to match: what a forger does first."""
    return data[: end - 4] + protocol.CRC.pack(zlib.crc32(data[: end - 4])) + data[end:]


@pytest.mark.parametrize("index, last, n", list(itertools.product((0, 7, 10, 2**32 - 1), (False, True), (0, 1, 3))))
def test_there_and_back(index, last, n):
    known, sealer = file()
    parts = sealer.seal(index, SHAPE, HEADS[:n], CONTENTS[:n], last)
    found, contents = opened(b"".join(parts), known, index)
    assert (found.frame_index, found.last, found.width, found.height) == (index, last, 64, 48)
    assert [(head.track, head.roi) for head in found.heads] == HEADS[:n] and contents == CONTENTS[:n]
    assert found.record == (sealer.record if index % 10 == 0 else b"")
    record_length = len(sealer.record_for(index))
    lengths = [len(content.picture) for content in CONTENTS[:n]]
    assert sealed_length(HEADS[:n], lengths, record_length) == len(parts[0]) + len(parts[1])
    assert found.body_length == len(parts[1])


@st.composite
def some_heads(draw):
    """Up to five heads of any track and place in SHAPE, and what is sealed of each."""
    found = []
    for _ in range(draw(st.integers(0, 5))):
        x, y = draw(st.integers(0, 63)), draw(st.integers(0, 47))
        roi = Roi(x, y, draw(st.integers(1, 64 - x)), draw(st.integers(1, 48 - y)))
        picture = draw(st.binary(min_size=1, max_size=50))
        content = HeadContent(draw(st.integers(0, 100)), draw(st.binary(min_size=16, max_size=16)), picture)
        found.append((TrackedBox(draw(st.integers(0, 2**32 - 1)), roi), content))
    return found


@given(some_heads(), st.integers(0, 2**32 - 1), st.booleans())
def test_any_heads_come_back(pairs, index, last):
    known, sealer = file()
    heads, contents = [head for head, _ in pairs], [content for _, content in pairs]
    data = b"".join(sealer.seal(index, SHAPE, heads, contents, last))
    found, back = opened(data, known, index)
    assert [(head.track, head.roi) for head in found.heads] == heads and back == contents and found.last == last
    lengths = [len(content.picture) for content in contents]
    assert sealed_length(heads, lengths, len(found.record)) == len(data)


def test_from_the_record_to_the_heads():
    known, sealer = file()
    data = b"".join(sealer.seal(10, SHAPE, HEADS, CONTENTS, False))
    found = envelope.read_open(envelope.Content(data))
    assert opened(data, keys.unwrap(found.record, found.stream_id, AUTHORITY), 10)[1] == CONTENTS


def test_in_the_samples_of_a_frame():
    """The body in the keyed order; a reader who has not the key finds the open part alone."""
    known, sealer = file()
    open_part, body = sealer.seal(5, SHAPE, HEADS, CONTENTS, False)
    frame = lsb.hide(np.full(SHAPE, 90, np.uint8), open_part)
    frame = lsb.hide(frame, body, offset=len(open_part), key=known.order_key, nonce=5)

    def read(n_bytes, **where):
        return lsb.reveal(frame, n_bytes, **where)

    found = envelope.read_open(read)
    assert envelope.read_body(found, read, known) == body


def test_a_frame_is_sealed_once():
    known, sealer = file()
    sealer.seal(4, SHAPE, HEADS, CONTENTS, False)
    for again in (sealer, Sealer(known, sealer.record)):
        with pytest.raises(ValueError, match="sealed already"):
            again.seal(4, SHAPE, [], [], True)
    opened_keys = keys.unwrap(sealer.record, known.stream_id, AUTHORITY)
    with pytest.raises(ValueError, match="new keys"):
        Sealer(opened_keys, sealer.record).seal(5, SHAPE, [], [], False)


def test_nonces_never_repeat(monkeypatch):
    """Per key, over frames and heads."""
    used = []

    class Watched:
        def __init__(self, key):
            self.key = key

        def encrypt(self, nonce, text, aad):
            used.append((self.key, nonce))
            return text + bytes(16)

    monkeypatch.setattr("uunet.wire.sealer.ChaCha20Poly1305", Watched)
    _, sealer = file()
    same = [TrackedBox(3, Roi(1, 2, 10, 20))] * 2
    for index in range(30):
        sealer.seal(index, SHAPE, same + HEADS, CONTENTS[:2] + CONTENTS, False)
    assert len(set(used)) == len(used) == 30 * 6


def test_a_disclosure_opens_one_person(tmp_path):
    known, sealer = file()
    data = b"".join(sealer.seal(4, SHAPE, HEADS, CONTENTS, False))
    keys.save_disclosure(known, [8], tmp_path / "8.key")
    disclosed = keys.load_disclosure(tmp_path / "8.key")
    found = envelope.read_open(envelope.Content(data))
    body = envelope.read_body(found, envelope.Content(data), disclosed)
    assert envelope.open_head(found, body, 1, disclosed) == CONTENTS[1]
    for k in (0, 2):
        with pytest.raises(envelope.LockedHeadError, match=f"do not open track {HEADS[k].track}"):
            envelope.open_head(found, body, k, disclosed)


# What does not open


@pytest.mark.parametrize("fix", [False, True], ids=["CRC as it is", "CRC made to match"])
def test_each_bit(fix):
    """But those of the key record, which is not authenticated by the rest."""
    known, sealer = file()
    parts = sealer.seal(10, SHAPE, HEADS[:2], CONTENTS[:2], False)
    data, end = b"".join(parts), len(parts[0])
    record = range(37, 37 + len(sealer.record))
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        changed = with_crc(bytes(changed), end) if fix else bytes(changed)
        if changed == data:  # the flipped bit was one of the CRC
            continue
        if fix and bit // 8 in record:
            assert opened(changed, known, 10)[1] == CONTENTS[:2]
            with pytest.raises((keys.NotARecipientError, keys.KeyRecordError)):
                keys.unwrap(changed[37 : 37 + len(sealer.record)], known.stream_id, AUTHORITY)
            continue
        with pytest.raises(UUNetError):
            opened(changed, known, 10)


def test_each_length():
    known, sealer = file()
    data = b"".join(sealer.seal(10, SHAPE, HEADS, CONTENTS, False))
    for kept in range(len(data)):
        with pytest.raises(UUNetError) as caught:
            opened(data[:kept], known, 10)
        assert isinstance(caught.value, envelope.NoEnvelopeError) == (kept < 2)


def test_pieces_exchanged():
    """Bodies, heads and tags of other frames, heads, tracks and files: none opens."""
    known, sealer = file()
    other_known, other = file()
    alike = [TrackedBox(3, Roi(1, 2, 10, 20)), TrackedBox(3, Roi(1, 2, 10, 20))], [CONTENTS[0]] * 2
    open_part, body = sealer.seal(1, SHAPE, *alike, False)
    tag, first, second = body[:16], body[16:53], body[53:]
    next_open, next_body = sealer.seal(2, SHAPE, *alike, False)
    foreign_open, foreign_body = other.seal(1, SHAPE, *alike, False)
    last_open, last_body = file()[1].seal(1, SHAPE, *alike, True)
    wrong = [
        *(open_part + tag + second + first, open_part + tag + first * 2, open_part + tag + second * 2),
        *(open_part + next_body, open_part + tag + next_body[16:], open_part + next_body[:16] + body[16:]),
        *(open_part + tag + first + next_body[53:], open_part + foreign_body, open_part + tag + foreign_body[16:]),
        *(foreign_open + body, next_open + body, last_open + body, open_part + last_body, open_part + tag),
    ]
    for data in wrong:
        with pytest.raises((crypto.AuthenticationError, protocol.StreamError, envelope.DamagedEnvelopeError)):
            opened(data, known)
    assert opened(open_part + body, known)[1] == alike[1]
    with pytest.raises(protocol.StreamError, match="another public file"):
        found = envelope.read_open(in_room(open_part))
        envelope.check(found, body, other_known)


def forged(data, known, frame_index=None, heads=None, last=None):
    """An envelope changed by somebody who has the frame key (a disclosure), with a right tag and CRC."""
    found = envelope.read_open(envelope.Content(data))
    a = bytearray(data[:35])
    d = data[37 + len(found.record) : len(found.data) - 4]
    body = data[len(found.data) :]
    if heads is not None:
        a[5:7] = len(heads).to_bytes(2, "big")
        starts = [16 + sum(head.length for head in found.heads[:k]) for k in heads]
        sealed = [body[start : start + found.heads[k].length] for start, k in zip(starts, heads, strict=True)]
        body = body[:16] + b"".join(sealed)
        d = b"".join(d[24 * k : 24 * k + 24] for k in heads)
    if frame_index is not None:
        a[7:11] = frame_index.to_bytes(4, "big")
    if last is not None:
        a[4] = last
    nonce = bytes(a[7:11]) + bytes(8)
    tag = envelope.ChaCha20Poly1305(known.frame_key).encrypt(nonce, b"", bytes(a) + d)
    open_part = bytes(a) + data[35 : 37 + len(found.record)] + d + bytes(4)
    return with_crc(open_part, len(open_part)) + tag + body[16:]


@pytest.mark.parametrize(
    "change",
    [{"heads": [0, 1]}, {"heads": [1, 0, 2]}, {"heads": [0, 1, 1]}, {"heads": [0]}, {"last": 1}, {"frame_index": 5}],
    ids=str,
)
def test_the_owner_of_a_disclosure_cannot_change_a_frame_with_others(change, tmp_path):
    """The tag can be made right with the frame key, but no head opens then."""
    known, sealer = file()
    data = b"".join(sealer.seal(4, SHAPE, HEADS, CONTENTS, False))
    assert forged(data, known) == data
    changed = forged(data, known, **change)
    found = envelope.read_open(envelope.Content(changed))
    body = envelope.read_body(found, envelope.Content(changed), known)
    for k in range(len(found.heads)):
        with pytest.raises(crypto.AuthenticationError, match="changed or exchanged"):
            envelope.open_head(found, body, k, known)


def test_head_dropped_or_last_flipped_without_a_key():
    known, sealer = file()
    stranger, _ = file()
    data = b"".join(sealer.seal(4, SHAPE, HEADS, CONTENTS, False))
    for change in ({"heads": [0, 1]}, {"heads": []}, {"last": 1}, {"frame_index": 5}):
        with pytest.raises(crypto.AuthenticationError, match="it was changed after it was sealed"):
            opened(forged(data, stranger, **change), known)


def test_another_key_record_changes_nothing_but_who_unwraps():
    known, sealer = file()
    open_part, body = sealer.seal(10, SHAPE, HEADS, CONTENTS, True)
    other = keys.generate(hybrid=True)
    found = envelope.read_open(in_room(open_part))
    record = keys.rewrap(found.record, found.stream_id, AUTHORITY, [other.public])
    changed = envelope.with_record(found, record)
    again = envelope.read_open(in_room(changed))
    assert again.record == record and again.authenticated() == found.authenticated()
    assert again.heads == found.heads and again.last
    known_again = keys.unwrap(again.record, again.stream_id, other)
    assert opened(changed + body, known_again, 10)[1] == CONTENTS
    with pytest.raises(keys.NotARecipientError):
        keys.unwrap(again.record, again.stream_id, AUTHORITY)
    without = envelope.read_open(in_room(sealer.seal(11, SHAPE, [], [], False)[0]))
    for one, new in ((without, record), (found, b""), (found, bytes(2**16))):
        with pytest.raises(ValueError, match="key record"):
            envelope.with_record(one, new)


def test_places():
    known, sealer = file()
    found = envelope.read_open(in_room(sealer.seal(4, SHAPE, [], [], False)[0]))
    envelope.check_place(found)
    envelope.check_place(found, shape=SHAPE, stream_id=known.stream_id, frame_index=4)
    with pytest.raises(protocol.FrameSizeError, match="64 x 47 pixels but its envelope is for 64 x 48"):
        envelope.check_place(found, shape=(47, 64))
    with pytest.raises(protocol.StreamError, match="another file"):
        envelope.check_place(found, stream_id=bytes(16))
    with pytest.raises(protocol.FrameIndexError, match="frame 4 was repeated"):
        envelope.check_place(found, frame_index=5)
    with pytest.raises(protocol.FrameIndexError, match="frame 3 was cut out or moved"):
        envelope.check_place(found, frame_index=3)


# Forms that nobody should write


ZEROS = keys._file_keys(bytes(32))


def open_part(suite=1, flags=0, heads=None, index=1, key_bytes=0, n_heads=None, version=1):
    """An open part of any content, with a right CRC."""
    d = b"".join(envelope.HEAD.pack(*head) for head in heads or [])
    n_heads = len(heads or []) if n_heads is None else n_heads
    data = envelope.HEADER.pack(b"UO", version, suite, flags, n_heads, index, 64, 48, ZEROS.stream_id)
    data += key_bytes.to_bytes(2, "big") + bytes(min(key_bytes, 100)) + d + bytes(4)
    return with_crc(data, len(data))


@pytest.mark.parametrize(
    "form, error",
    [
        ({"version": 2}, envelope.UnsupportedEnvelopeError),
        ({"suite": 0}, envelope.UnsupportedEnvelopeError),
        ({"suite": 2}, envelope.UnsupportedEnvelopeError),
        ({"flags": 2}, envelope.UnsupportedEnvelopeError),
        ({"index": 10}, envelope.DamagedEnvelopeError),  # without a key record
        ({"index": 11, "key_bytes": 80}, envelope.DamagedEnvelopeError),  # with one
        ({"index": 10, "key_bytes": 65_535}, envelope.DamagedEnvelopeError),
        ({"n_heads": 1}, envelope.DamagedEnvelopeError),
        ({"n_heads": 4097}, envelope.DamagedEnvelopeError),
        ({"n_heads": 65_535}, envelope.DamagedEnvelopeError),
        ({"heads": [(1, 0, 0, 0, 5, 99)]}, envelope.DamagedEnvelopeError),
        ({"heads": [(1, 0, 0, 5, 0, 99)]}, envelope.DamagedEnvelopeError),
        ({"heads": [(1, 60, 0, 5, 5, 99)]}, envelope.DamagedEnvelopeError),
        ({"heads": [(1, 0, 44, 5, 5, 99)]}, envelope.DamagedEnvelopeError),
        ({"heads": [(1, 2**32 - 1, 0, 2, 5, 99)]}, envelope.DamagedEnvelopeError),
        ({"heads": [(1, 0, 0, 5, 5, 34)]}, envelope.DamagedEnvelopeError),
        ({"heads": [(1, 0, 0, 64, 48, 99)] * 17}, envelope.DamagedEnvelopeError),
    ],
    ids=str,
)
def test_open_parts_that_break_the_format(form, error):
    with pytest.raises(error):
        envelope.read_open(in_room(open_part(**form)))


def test_nothing_stands_behind_an_envelope_that_has_a_length():
    known, sealer = file()
    data = b"".join(sealer.seal(10, SHAPE, HEADS, CONTENTS, False))
    for wrong in (data + b"\0", data[:-1], data + data, data[: len(data) // 2]):
        with pytest.raises(
            envelope.DamagedEnvelopeError, match=f"has {len(wrong)} bytes where it announces {len(data)}|is cut"
        ):
            envelope.read_open(envelope.Content(wrong))
    assert envelope.read_open(in_room(data)) == envelope.read_open(envelope.Content(data))


def test_a_length_is_only_a_claim():
    """Of a body that is announced to have 4 GiB, 16 bytes are read: the tag does not match."""
    asked = []

    def read(n_bytes, *, offset, key=None, nonce=0):
        asked.append(n_bytes)
        return envelope.Content(open_part(heads=[(1, 0, 0, 5, 5, 2**32 - 1)]) + bytes(99))(n_bytes, offset=offset)

    known = keys._file_keys(bytes(32))
    found = envelope.read_open(read)
    with pytest.raises(crypto.AuthenticationError):
        envelope.read_body(found, read, known)
    assert max(asked) < 100


def test_what_cannot_be_sealed():
    known, sealer = file()
    (one,), (content,) = HEADS[:1], CONTENTS[:1]
    with pytest.raises(RoiError):
        sealer.seal(1, SHAPE, [TrackedBox(1, Roi(60, 0, 5, 5))], [content], False)
    with pytest.raises(envelope.EnvelopeSizeError, match="4097 heads"):
        sealer.seal(1, SHAPE, [one] * 4097, [content] * 4097, False)
    with pytest.raises(envelope.EnvelopeSizeError, match="17 heads cover the frame of 64 x 48 pixels more than 16"):
        sealer.seal(1, SHAPE, [TrackedBox(1, Roi(0, 0, 64, 48))] * 17, [content] * 17, False)
    with pytest.raises(envelope.EnvelopeSizeError, match="4097 heads"):
        sealed_length([one] * 4097, [1] * 4097, 0)
    for heads, contents in (([one], []), ([], [content])):
        with pytest.raises(ValueError):
            sealer.seal(1, SHAPE, heads, contents, False)
    for wrong in (content._replace(digest=b""), content._replace(quality=101), content._replace(picture=b"")):
        with pytest.raises(ValueError):
            sealer.seal(1, SHAPE, [one], [wrong], False)
    with pytest.raises(ValueError):
        sealer.seal(2**32, SHAPE, [], [], False)
    with pytest.raises(ValueError):
        Sealer(known, b"")
    data = b"".join(sealer.seal(1, SHAPE, [one], [content], False))  # a refusal has not used up the number
    assert opened(data, known, 1)[1] == [content]


def test_300_heads():
    known, sealer = file()
    heads = [TrackedBox(k, Roi(k % 60, k % 40, 3, 3)) for k in range(300)]
    contents = [HeadContent(90, bytes(16), bytes([k % 256])) for k in range(300)]
    assert opened(b"".join(sealer.seal(1, SHAPE, heads, contents, False)), known, 1)[1] == contents


def test_a_sealed_content_of_an_unknown_kind():
    known, sealer = file()
    data = b"".join(sealer.seal(1, SHAPE, HEADS[:1], CONTENTS[:1], False))
    found = envelope.read_open(envelope.Content(data))
    cipher = envelope.ChaCha20Poly1305(known.track_key(3))
    for start in (b"\x02\x64", b"\x00\x64", b"\x01\x65"):
        text = start + bytes(16) + b"one"
        nonce, aad = (1).to_bytes(4, "big") + bytes(8), found.authenticated() + bytes(4)
        with pytest.raises(envelope.UnsupportedEnvelopeError, match="codec"):
            envelope.open_head(found, bytes(16) + cipher.encrypt(nonce, text, aad), 0, known)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(data):
    known = keys._file_keys(bytes(32))
    for prefix in (b"", b"UO\1\1\0", b"UO\1\1\1\0\1\0\0\0\1"):
        with pytest.raises(UUNetError):
            opened(prefix + data, known)
