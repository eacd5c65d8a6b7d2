"""The paper's message, the framed message around it, and everything that must be refused."""

import json
import re
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uunet.boxes import motion, types
from uunet.boxes.types import Roi
from uunet.stego import lsb
from uunet.wire import crypto, protocol

NUMBER = st.integers(0, protocol.MAX_NUMBER)
ROIS = st.lists(st.builds(Roi, NUMBER, NUMBER, NUMBER, NUMBER), max_size=20)
PAPER = [Roi(10, 16, 9, 15), Roi(25, 45, 8, 14)]


KEY = bytes(range(32))
STREAM_ID = bytes(range(160, 176))
PROBLEMS = (  # what a frame may be refused for
    protocol.NoMessageError,
    protocol.DamagedMessageError,
    protocol.UnsupportedMessageError,
    protocol.SealedMessageError,
    protocol.PlainMessageError,
    protocol.FrameSizeError,
    protocol.StreamError,
    protocol.FrameIndexError,
    crypto.AuthenticationError,
)


def reader(data):
    return lambda n_bytes, *, offset, key=None, nonce=0: data[offset : offset + n_bytes]


def seal(suite=crypto.CHACHA20_POLY1305, secret=KEY, stream_id=STREAM_ID):
    return crypto.seal_of(secret, suite, stream_id)


def sealed(rois=PAPER, index=3, shape=(48, 64, 3), **how):
    """A sealed message in one piece, as a carrier without an order of its own holds it."""
    return b"".join(protocol.pack_frame_message(rois, index, shape=shape, seal=seal(**how)))


def hidden(frame, rois, index, stream):
    """A frame with its message hidden in it, as the pipeline does it."""
    open_part, sealed_part = protocol.pack_frame_message(rois, index, shape=frame.shape, seal=stream)
    frame = lsb.hide(frame, open_part, nonce=index)
    return lsb.hide(frame, sealed_part, offset=len(open_part), key=stream and stream.order_key, nonce=index)


def with_crc(open_part):
    """A forger's: the CRC made to match."""
    return open_part[:-4] + protocol.CRC.pack(zlib.crc32(open_part[:-4]))


def test_the_papers_example():
    assert protocol.format_message(PAPER) == "2,10,16,9,15,25,45,8,14,"
    assert protocol.parse_message("2,10,16,9,15,25,45,8,14,") == PAPER


def test_no_head():
    assert protocol.format_message([]) == "0,"
    assert protocol.parse_message("0,") == []


@given(ROIS)
def test_message_round_trip(rois):
    assert protocol.parse_message(protocol.format_message(rois)) == rois


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        ",",
        "0,,",
        "0,\n",
        " 0,",
        "00,",
        "1,",
        "0,1,2,3,4,",
        "2,1,2,3,4,",
        "1,1,2,3,",
        "1,1,2,3,4",
        "1,1,2,3,4,5,",
        "1,-1,2,3,4,",
        "1,+1,2,3,4,",
        "1, 1,2,3,4,",
        "1,1 ,2,3,4,",
        "1,1_0,2,3,4,",
        "1,01,2,3,4,",
        "1,1.0,2,3,4,",
        "1,1e3,2,3,4,",
        "1,0x1,2,3,4,",
        "1,\u0661,2,3,4,",  # ARABIC-INDIC DIGIT ONE, which int() takes
        "1,\uff11,2,3,4,",  # FULLWIDTH DIGIT ONE
        "1,1,2,3,4,\0",
        "1,100000,2,3,4,",
        "100000,",
        "9" * 70_000,
        "0," * 40_000,
    ],
)
def test_grammar_refuses(text):
    with pytest.raises(protocol.MessageError):
        protocol.parse_message(text)


@given(st.text(alphabet="0123456789,", max_size=40))
def test_a_text_is_refused_or_is_what_we_would_write(text):
    try:
        rois = protocol.parse_message(text)
    except protocol.MessageError:
        return
    assert protocol.format_message(rois) == text


@pytest.mark.parametrize("roi", [(-1, 0, 8, 8), (0, 0, 100_000, 8), (0.5, 0, 8, 8)])
def test_unwritable_number(roi):
    with pytest.raises(types.RoiError, match="whole numbers"):
        protocol.format_message([Roi(*roi)])


def test_too_many_heads_for_one_message():
    most = [Roi(10_000, 10_000, 10_000, 10_000)] * 2728  # 5 + 2728 * 24 bytes
    assert len(protocol.format_message(most)) == 65_477
    assert len(protocol.pack_frame_message(most, 0, shape=(1, 1), seal=seal())[1]) == 65_502 + 16
    with pytest.raises(protocol.MessageError, match="2729 heads"):
        protocol.format_message(most + most[:1])


@pytest.mark.parametrize("roi", [(0, 0, 64, 48), (63, 47, 1, 1)])
def test_inside(roi):
    types.check_inside([Roi(*roi)], 48, 64)


@pytest.mark.parametrize(
    "roi", [(0, 0, 0, 8), (0, 0, 8, 0), (57, 0, 8, 8), (0, 41, 8, 8), (0, 0, 65, 8), (64, 0, 1, 1)]
)
def test_empty_or_outside(roi):
    with pytest.raises(types.RoiError, match=re.escape(f"x={roi[0]} y={roi[1]} w={roi[2]} h={roi[3]}")):
        types.check_inside([Roi(1, 1, 8, 8), Roi(*roi)], 48, 64)


def test_frame_message_bytes():
    """The wire format, byte by byte: a file written today must be readable for ever."""
    message, sealed_part = protocol.pack_frame_message(PAPER, 258)
    assert sealed_part == b""
    body = b"2,10,16,9,15,25,45,8,14,"
    assert message[:6] == b"UR\x01\x00\x01\x01"  # magic, version 1, suite 0, last, 1 frame
    assert message[6:12] == b"\x00\x18\x00\x00\x01\x02"  # 24 bytes, frame 258
    assert message[12:-4] == body
    assert message[-4:].hex() == "354bc786"


@given(ROIS, st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_frame_message_round_trip(rois, index, after):
    message, _ = protocol.pack_frame_message(rois, index)
    assert protocol.unpack_frame_message(reader(message + after)) == rois
    assert protocol.unpack_frame_message(reader(message + after), frame_index=index) == rois


@given(st.data())
def test_every_flipped_bit_is_noticed(data):
    message = bytearray(protocol.pack_frame_message(PAPER, 3)[0])
    bit = data.draw(st.integers(0, 8 * len(message) - 1))
    message[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PROBLEMS):
        protocol.unpack_frame_message(reader(bytes(message)))


@given(st.integers(0, 39))
def test_truncated(length):
    message, _ = protocol.pack_frame_message(PAPER, 3)
    assert len(message) == 40
    with pytest.raises((protocol.NoMessageError, protocol.DamagedMessageError)):
        protocol.unpack_frame_message(reader(message[:length]))


FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans())


@given(ROIS, st.integers(0, 2**32 - 1), st.integers(2, 255), FLAGS, st.sampled_from([0, 1, 2]))
def test_header_says_how_the_message_is_written(rois, index, frames, flags, suite):
    last, packed, moving = flags
    rois = rois + rois if moving else rois
    layout = protocol.Layout(frames, last, packed, moving)
    stream = seal(suite) if suite else None
    message = b"".join(protocol.pack_frame_message(rois, index, layout, shape=(48, 64), seal=stream))
    header = protocol.read_header(reader(message))
    size = (64, 48, STREAM_ID) if suite else (0, 0, None)
    assert header[:5] == (suite, packed, last, moving, frames) and header[6:10] == (index, *size)
    assert message.startswith(header.data) and len(header.data) == (40 if suite else 12)
    assert len(message) == len(header.data) + header.body_len + (0 if suite else 4)
    assert len(message) == protocol.message_length(rois, sealed=bool(suite), packed=packed)
    assert protocol.unpack_frame_message(reader(message), shape=(48, 64), seal=stream, frame_index=index) == rois


# Heads that move.


def test_straight_lines_by_hand():
    """Left and top are rounded down, right and bottom up: left 0, 5/3, 10/3, 5; bottom 10, 35/3, 40/3, 15."""
    boxes = motion.straight([Roi(0, 5, 10, 5), Roi(5, 0, 9, 15)], 4)
    assert boxes == [[Roi(0, 5, 10, 5)], [Roi(1, 3, 11, 9)], [Roi(3, 1, 10, 13)], [Roi(5, 0, 9, 15)]]
    two = [Roi(1, 2, 3, 4), Roi(5, 6, 7, 8)]
    assert motion.straight([*two, *two[::-1]], 2) == [two, two[::-1]]
    assert motion.straight([], 3) == [[], [], []]


INSIDE = st.builds(
    lambda x, y, right, bottom: Roi(min(x, right), min(y, bottom), abs(right - x) + 1, abs(bottom - y) + 1),
    *[st.integers(0, 63), st.integers(0, 47)] * 2,
)


@given(st.lists(INSIDE, max_size=6).map(lambda rois: rois[: len(rois) // 2 * 2]), st.integers(2, 255))
def test_between_boxes_inside_all_are_inside(ends, frames):
    boxes = motion.straight(ends, frames)
    assert len(boxes) == frames and boxes[0] + boxes[-1] == ends
    for rois in boxes:
        types.check_inside(rois, 48, 64)
    assert motion.straight(ends[len(ends) // 2 :] + ends[: len(ends) // 2], frames) == boxes[::-1]


@pytest.mark.parametrize(("rois", "frames"), [(PAPER[:1], 10), (PAPER + PAPER[:1], 10), (PAPER, 1), (PAPER, 0)])
def test_messages_that_cannot_say_how_heads_move(rois, frames):
    for stream in (None, seal()):
        layout = protocol.Layout(frames=frames, moving=True)
        parts = protocol.pack_frame_message(rois, 0, layout, shape=(64, 48), seal=stream)
        with pytest.raises(protocol.MessageError, match="cannot say how heads move"):
            protocol.unpack_frame_message(reader(b"".join(parts)), shape=(64, 48), seal=stream)


# Packed texts.


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("0,", b"\x6e"),  # 0 + 11 * 10
        ("5,", b"\x73"),
        (",", b"\x0a"),
        ("1,0,0,", (1 + 11 * 10 + 11**3 * 10 + 11**5 * 10).to_bytes(3, "little")),
    ],
)
def test_packed_by_hand(text, packed):
    assert protocol.pack_text(text) == packed and protocol.unpack_text(packed) == text


@given(ROIS)
def test_packed_there_and_back_and_less_than_half(rois):
    text = protocol.format_message(rois)
    packed = protocol.pack_text(text)
    assert protocol.unpack_text(packed) == text
    assert len(packed) <= len(text) * 0.4325 + 1  # log2(11) / 8


@given(st.binary(max_size=60))
def test_one_packed_form_a_text(packed):
    """Whatever bytes give a text, packing that text gives these bytes."""
    try:
        text = protocol.unpack_text(packed)
        protocol.parse_message(text)
    except protocol.MessageError:
        return
    assert protocol.pack_text(text) == packed


@pytest.mark.parametrize("packed", [b"\0", b"\x6e\0", b"\1" * 1601, b"\1" * 65_000])
def test_not_packed_texts(packed):
    with pytest.raises(protocol.MessageError, match="not a packed message"):
        protocol.unpack_text(packed)


@pytest.mark.parametrize(("heads", "packed", "sealed", "room"), [(4, False, True, 118), (3, True, True, 78),
    (7, False, False, 118), (16, True, False, 118), (16, True, True, 158)])  # fmt: skip
def test_how_many_heads_a_lossy_frame_holds(heads, packed, sealed, room):
    """docs/wire-format.md: heads of a few dozen pixels somewhere in 640 x 480; one more does not fit."""
    rois = [Roi(456, 234, 56, 78)] * (heads + 1)
    assert protocol.message_length(rois[:heads], sealed=sealed, packed=packed) <= room
    assert protocol.message_length(rois, sealed=sealed, packed=packed) > room


def test_clean_picture_has_no_message():
    frame = np.full((48, 64, 3), 90, np.uint8)
    with pytest.raises(protocol.NoMessageError, match="re-encoded lossily"):
        protocol.unpack_frame_message(partial(lsb.reveal, frame))


def test_picture_too_small_for_a_header_has_no_message():
    with pytest.raises(protocol.NoMessageError):
        protocol.unpack_frame_message(partial(lsb.reveal, np.zeros((2, 2, 3), np.uint8)))


@pytest.mark.parametrize("secret", [None, KEY])
@pytest.mark.parametrize("message", [protocol.pack_frame_message(PAPER, 3)[0], sealed()])
def test_unknown_version_and_suite(message, secret):
    for place in (2, 3, 4):
        changed = bytearray(message)
        changed[place] = 9
        with pytest.raises(protocol.UnsupportedMessageError, match="9"):
            protocol.find_seal(protocol.read_header(reader(bytes(changed))), secret)
        with pytest.raises(protocol.UnsupportedMessageError, match="9"):
            protocol.unpack_frame_message(reader(bytes(changed)), shape=(48, 64), seal=secret and seal())


def test_reordered_frame():
    message, _ = protocol.pack_frame_message(PAPER, 3)
    with pytest.raises(protocol.FrameIndexError, match="position 4 carries the message of frame 3 .*3 was repeated"):
        protocol.unpack_frame_message(reader(message), frame_index=4)
    with pytest.raises(protocol.FrameIndexError, match="position 2 carries .* frame 3 .frame 2 was cut out or moved"):
        protocol.unpack_frame_message(reader(message), frame_index=2)


@pytest.mark.parametrize("body", [b"-1,", b"1,1,1,1,", b"\xd9\xa1,1,2,3,4,", b"0"])
def test_right_crc_does_not_excuse_a_wrong_text(body):
    message = protocol.HEADER.pack(b"UR", 1, 0, 1, 1, len(body), 0) + body
    message += protocol.CRC.pack(protocol.zlib.crc32(message))
    with pytest.raises(protocol.MessageError):
        protocol.unpack_frame_message(reader(message))


# Sealed messages.

SUITES = pytest.mark.parametrize("suite", crypto.CIPHERS)


@SUITES
@settings(max_examples=40)
@given(rois=ROIS, index=st.integers(0, 2**32 - 1), key=st.binary(min_size=32, max_size=32))
def test_sealed_round_trip_through_a_frame(suite, rois, index, key):
    frame = hidden(np.full((64, 96, 3), 90, np.uint8), rois, index, seal(suite, key))
    read = partial(lsb.reveal, frame)
    stream = protocol.find_seal(protocol.read_header(read), key)
    assert (stream.suite, stream.stream_id) == (suite, STREAM_ID)
    for expected in (index, None):
        found = protocol.unpack_frame_message(read, shape=frame.shape, seal=stream, frame_index=expected)
        assert found == rois


def test_sealed_bytes():
    """The wire format, byte by byte: a file written today must be readable for ever."""
    open_part, sealed_part = protocol.pack_frame_message(PAPER, 258, shape=(576, 768, 3), seal=seal())
    assert open_part[:6] == b"UR\x01\x02\x01\x01"  # version 1, suite 2, last, 1 frame
    assert open_part[6:12] == b"\x00\x4e\x00\x00\x01\x02"  # 62 + 16 bytes, frame 258
    assert open_part[12:20] == b"\x00\x00\x03\x00\x00\x00\x02\x40"  # 768 x 576
    assert open_part[20:36] == STREAM_ID
    assert open_part[36:] == zlib.crc32(open_part[:36]).to_bytes(4, "big")
    assert len(sealed_part) == 78
    body = crypto.ChaCha20Poly1305(seal().body_key).decrypt(STREAM_ID[:8] + b"\0\0\1\2", sealed_part, open_part)
    assert body == b"2,10,16,9,15,25,45,8,14," + bytes(38)


def test_nothing_of_the_text_is_visible_and_lengths_say_little():
    """At most 1, 4, 7 heads, or packed 3, 10, 16: the length does not say more, see docs/wire-format.md."""
    for packed, most in ((False, (1, 4, 7)), (True, (3, 10, 16))):
        steps = [protocol.message_length([Roi(100, 100, 50, 50)] * n, sealed=True, packed=packed) for n in range(18)]
        assert sorted(set(steps))[:3] == [40 + 22 + 16, 40 + 62 + 16, 40 + 102 + 16]
        assert tuple(17 - steps[::-1].index(length) for length in sorted(set(steps))[:3]) == most
    assert len(sealed([Roi(100, 100, 50, 50)] * 4)) == 40 + 62 + 16
    assert b"10,16" not in sealed() and b"10,16" in protocol.pack_frame_message(PAPER, 3)[0]


def test_two_runs_have_nothing_in_common():
    """A fresh stream id each: neither nonce, nor ciphertext, nor hidden places repeat, whatever the faces do."""
    frame = np.full((64, 96, 3), 90, np.uint8)
    one, two = (hidden(frame, PAPER, 0, crypto.new_seal(KEY)) for _ in range(2))
    changed = [set(np.flatnonzero((public != frame).reshape(-1)[320:])) for public in (one, two)]
    assert len(changed[0] & changed[1]) < 30  # of 300 or so each


@settings(max_examples=300)
@given(st.data())
def test_every_flipped_bit_of_a_sealed_message_is_noticed(data):
    message = bytearray(sealed())
    bit = data.draw(st.integers(0, 8 * len(message) - 1))
    message[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PROBLEMS):
        protocol.unpack_frame_message(reader(bytes(message)), shape=(48, 64), seal=seal())


@settings(max_examples=300)
@given(st.data())
def test_forged_headers_with_a_right_crc_are_noticed(data):
    """Whatever a forger writes into the open part, with the CRC made to match, and however he cuts the body."""
    message = sealed()
    open_part = bytearray(message[:40])
    at = data.draw(st.integers(0, 35))
    open_part[at] = data.draw(st.integers(0, 255).filter(lambda value: value != open_part[at]))
    body = message[40 : data.draw(st.integers(40, len(message)))]
    shape = protocol.SEALED_HEADER.unpack(open_part[12:36])[1::-1]  # he may have the frame to match as well
    with pytest.raises(PROBLEMS):
        forged = with_crc(bytes(open_part)) + body
        stream = protocol.find_seal(protocol.read_header(reader(forged)), KEY)
        protocol.unpack_frame_message(reader(forged), shape=shape, seal=stream)


def test_thousands_of_mutated_frames_none_accepted(rng):
    """Each hidden bit of a frame may be changed by one who knows where they are: benchmarks/mutations.py has more."""
    frame = hidden(np.full((48, 64, 3), 90, np.uint8), PAPER, 3, seal())
    places = np.concatenate([np.arange(320), 320 + lsb.keystream.positions(seal().order_key, 3, frame.size - 320, 624)])
    for _ in range(3000):
        changed = frame.reshape(-1).copy()
        changed[rng.choice(places, rng.integers(1, 5), replace=False)] ^= 1
        with pytest.raises(PROBLEMS):
            protocol.unpack_frame_message(partial(lsb.reveal, changed.reshape(48, 64, 3)), shape=(48, 64), seal=seal())


@SUITES
def test_wrong_key(suite):
    message = sealed(suite=suite)
    other = protocol.find_seal(protocol.read_header(reader(message)), KEY[::-1])
    with pytest.raises(crypto.AuthenticationError, match="give the key or passphrase"):
        protocol.unpack_frame_message(reader(message), shape=(48, 64), seal=other)


def test_one_suite_is_not_taken_for_the_other():
    message = sealed(suite=crypto.AES_256_GCM)
    relabelled = with_crc(message[:3] + b"\x02" + message[4:40]) + message[40:]
    with pytest.raises(crypto.AuthenticationError):
        stream = protocol.find_seal(protocol.read_header(reader(relabelled)), KEY)
        protocol.unpack_frame_message(reader(relabelled), shape=(48, 64), seal=stream)
    with pytest.raises(protocol.StreamError):
        protocol.unpack_frame_message(reader(message), shape=(48, 64), seal=seal())


def test_wrong_frame_size():
    with pytest.raises(protocol.FrameSizeError, match="has 64 x 47 pixels but its message is for 64 x 48"):
        protocol.unpack_frame_message(reader(sealed()), shape=(47, 64, 3), seal=seal())


def test_frame_of_another_stream():
    message = sealed(stream_id=bytes(16))  # the same key, another run
    with pytest.raises(protocol.StreamError, match="another file"):
        protocol.unpack_frame_message(reader(message), shape=(48, 64), seal=seal())


def test_sealed_frames_reordered():
    for position, says in ((4, "frame 3 was repeated"), (2, "frame 2 was cut out or moved")):
        with pytest.raises(protocol.FrameIndexError, match=says):
            protocol.unpack_frame_message(reader(sealed()), shape=(48, 64), seal=seal(), frame_index=position)


def test_key_and_message_must_go_together():
    plain, _ = protocol.pack_frame_message(PAPER, 3)
    assert protocol.find_seal(protocol.read_header(reader(plain)), None) is None
    for message, secret, error in (
        (plain, KEY, protocol.PlainMessageError),
        (sealed(), None, protocol.SealedMessageError),
        (b"", KEY, protocol.NoMessageError),
        (sealed()[:37], KEY, protocol.DamagedMessageError),
    ):
        with pytest.raises(error):
            protocol.find_seal(protocol.read_header(reader(message)), secret)
        with pytest.raises(error):
            protocol.unpack_frame_message(reader(message), shape=(48, 64), seal=secret and seal())


def test_a_damaged_plain_message_is_not_taken_for_a_sealed_one():
    message = bytearray(protocol.pack_frame_message(PAPER, 3)[0])
    message[3] = crypto.CHACHA20_POLY1305
    with pytest.raises(protocol.DamagedMessageError):
        protocol.find_seal(protocol.read_header(reader(bytes(message))), None)


def test_too_long_for_the_frame():
    """500 heads in a tiny frame: refused as a whole, and the frame stays as it is."""
    frame = np.full((48, 64, 3), 90, np.uint8)
    heads = [Roi(1, 1, 9, 9)] * 500
    for stream in (None, seal()):
        with pytest.raises(lsb.CapacityError, match="use a larger frame"):
            hidden(frame, heads, 0, stream)
    assert (frame == 90).all()


@pytest.mark.parametrize("declared", [0, 15, 16, 17, 77, 79, 65_535])
def test_a_declared_length_is_only_a_claim(declared):
    """No more is read than the frame has, and nothing but the sealed length opens."""
    frame = hidden(np.full((48, 64, 3), 90, np.uint8), PAPER, 3, seal())
    open_part = bytearray(lsb.reveal(frame, 40))
    open_part[6:8] = declared.to_bytes(2, "big")
    frame = lsb.hide(frame, with_crc(bytes(open_part)))
    with pytest.raises(crypto.AuthenticationError):
        protocol.unpack_frame_message(partial(lsb.reveal, frame), shape=frame.shape, seal=seal())


def test_sealed_text_outside_the_grammar():
    """The owner of a key may seal what he likes; the reader still takes nothing but the grammar."""
    for body in (b"-1,", b"\xd9\xa1,1,2,3,4,", b"0", b"\0" * 64, b"0,\0x"):
        header = protocol.HEADER.pack(b"UR", 1, 2, 1, 1, len(body) + 16, 0)
        header = with_crc(header + protocol.SEALED_HEADER.pack(64, 48, STREAM_ID) + bytes(4))
        message = header + seal().seal(body, header, 0)
        with pytest.raises(protocol.MessageError):
            protocol.unpack_frame_message(reader(message), shape=(48, 64), seal=seal())


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data):
    for prefix in (b"", b"UR\x01\x00", b"UR\x01\x02"):
        for stream in (None, seal()):
            with pytest.raises((*PROBLEMS, protocol.MessageError)):
                protocol.unpack_frame_message(reader(prefix + data), shape=(48, 64), seal=stream)


# docs/wire-format.md

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests/golden/wire.json").read_text(encoding="utf-8"))


def test_the_document_has_the_vectors():
    document = (ROOT / "docs/wire-format.md").read_text(encoding="utf-8").partition("## 10.")[0]
    (block,) = re.findall(r"```json\n(.*?)```", document, re.DOTALL)
    assert json.loads(block) == VECTORS


def test_plain_vector():
    message = bytes.fromhex(VECTORS["plain_message"])
    assert protocol.unpack_frame_message(reader(message), frame_index=VECTORS["frame_index"]) == PAPER
    assert [list(roi) for roi in PAPER] == VECTORS["rois"]


def test_packed_vector():
    assert protocol.unpack_text(bytes.fromhex(VECTORS["packed_text"])) == protocol.format_message(PAPER)
    message = bytes.fromhex(VECTORS["packed_message"])
    header = protocol.read_header(reader(message))
    assert header[:5] == (protocol.PLAIN, True, False, False, VECTORS["packed_frames"])
    assert protocol.unpack_frame_message(reader(message), frame_index=VECTORS["packed_frame_index"]) == PAPER


def test_moving_vector():
    """Of the two boxes, the one of the first frame moves to the other; so in all frames."""
    message = bytes.fromhex(VECTORS["moving_message"])
    header = protocol.read_header(reader(message))
    assert header[:5] == (protocol.PLAIN, True, False, True, VECTORS["packed_frames"])
    ends = protocol.unpack_frame_message(reader(message), frame_index=VECTORS["packed_frame_index"])
    assert ends == PAPER
    boxes = motion.straight(ends, header.frames)
    assert [[list(roi) for roi in rois] for rois in boxes] == [[roi] for roi in VECTORS["moving_boxes"]]


def test_passphrase_vector():
    master = crypto.from_passphrase(VECTORS["passphrase"], bytes.fromhex(VECTORS["stream_id"]))
    assert master.hex() == VECTORS["master_of_passphrase"]


@pytest.mark.parametrize("vector", VECTORS["sealed"], ids=lambda vector: f"suite {vector['suite']}")
def test_sealed_vector(vector):
    """Also bit by bit in a frame, so that nothing but the document's words and numbers says where they are."""
    stream = seal(vector["suite"], bytes.fromhex(VECTORS["key"]), bytes.fromhex(VECTORS["stream_id"]))
    assert (stream.body_key.hex(), stream.order_key.hex()) == (vector["body_key"], vector["order_key"])
    open_part, sealed_part = bytes.fromhex(vector["open_part"]), bytes.fromhex(vector["sealed_part"])
    shape, index = (VECTORS["height"], VECTORS["width"], 3), VECTORS["frame_index"]
    found = protocol.unpack_frame_message(reader(open_part + sealed_part), shape=shape, seal=stream, frame_index=index)
    assert [list(roi) for roi in found] == VECTORS["rois"]
    packed, first = bytes.fromhex(vector["packed_message"]), VECTORS["packed_frame_index"]
    assert protocol.unpack_frame_message(reader(packed), shape=shape, seal=stream, frame_index=first) == PAPER
    assert protocol.read_header(reader(packed))[:5] == (vector["suite"], True, False, False, VECTORS["packed_frames"])
    frame = hidden(np.full(shape, 90, np.uint8), PAPER, index, stream)
    assert VECTORS["total"] == frame.size - 320
    parity = "".join(str(sample & 1) for sample in frame.reshape(-1)[:320])
    assert int(parity, 2) == int.from_bytes(open_part, "big")
    first = "".join(str(frame.reshape(-1)[320 + place] & 1) for place in vector["first_places"])
    assert int(first, 2) == sealed_part[0]
    assert protocol.unpack_frame_message(partial(lsb.reveal, frame), shape=shape, seal=stream) == found
