"""The paper's message, the framed message around it, and everything that must be refused."""

import re
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uunet import protocol
from uunet.protocol import Roi
from uunet.stego import lsb

NUMBER = st.integers(0, protocol.MAX_NUMBER)
ROIS = st.lists(st.builds(Roi, NUMBER, NUMBER, NUMBER, NUMBER), max_size=20)
PAPER = [Roi(10, 16, 9, 15), Roi(25, 45, 8, 14)]


def reader(data):
    return lambda n_bytes, *, offset: data[offset : offset + n_bytes]


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
    with pytest.raises(protocol.RoiError, match="whole numbers"):
        protocol.format_message([Roi(*roi)])


def test_too_many_heads_for_one_message():
    most = [Roi(10_000, 10_000, 10_000, 10_000)] * 2730  # 5 + 2730 * 24 bytes
    assert len(protocol.format_message(most)) == 65_525
    with pytest.raises(protocol.MessageError, match="2731 heads"):
        protocol.format_message(most + most[:1])


@pytest.mark.parametrize("roi", [(0, 0, 64, 48), (63, 47, 1, 1)])
def test_inside(roi):
    protocol.check_inside([Roi(*roi)], 48, 64)


@pytest.mark.parametrize(
    "roi", [(0, 0, 0, 8), (0, 0, 8, 0), (57, 0, 8, 8), (0, 41, 8, 8), (0, 0, 65, 8), (64, 0, 1, 1)]
)
def test_empty_or_outside(roi):
    with pytest.raises(protocol.RoiError, match=re.escape(f"x={roi[0]} y={roi[1]} w={roi[2]} h={roi[3]}")):
        protocol.check_inside([Roi(1, 1, 8, 8), Roi(*roi)], 48, 64)


def test_frame_message_bytes():
    """The wire format, byte by byte: a file written today must be readable for ever."""
    message = protocol.pack_frame_message(PAPER, 258)
    body = b"2,10,16,9,15,25,45,8,14,"
    assert message[:10] == b"UR\x01\x00\x00\x18\x00\x00\x01\x02"  # magic, version 1, suite 0, 24 bytes, frame 258
    assert message[10:-4] == body
    assert message[-4:].hex() == "c445fb1a"


@given(ROIS, st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_frame_message_round_trip(rois, index, after):
    message = protocol.pack_frame_message(rois, index)
    assert protocol.unpack_frame_message(reader(message + after)) == rois
    assert protocol.unpack_frame_message(reader(message + after), frame_index=index) == rois


@given(st.data())
def test_every_flipped_bit_is_noticed(data):
    message = bytearray(protocol.pack_frame_message(PAPER, 3))
    bit = data.draw(st.integers(0, 8 * len(message) - 1))
    message[bit // 8] ^= 1 << bit % 8
    with pytest.raises((protocol.NoMessageError, protocol.DamagedMessageError)):
        protocol.unpack_frame_message(reader(bytes(message)))


@given(st.integers(0, 37))
def test_truncated(length):
    message = protocol.pack_frame_message(PAPER, 3)
    assert len(message) == 38
    with pytest.raises((protocol.NoMessageError, protocol.DamagedMessageError)):
        protocol.unpack_frame_message(reader(message[:length]))


def test_clean_picture_has_no_message():
    frame = np.full((48, 64, 3), 90, np.uint8)
    with pytest.raises(protocol.NoMessageError, match="re-encoded lossily"):
        protocol.unpack_frame_message(partial(lsb.reveal, frame))


def test_picture_too_small_for_a_header_has_no_message():
    with pytest.raises(protocol.NoMessageError):
        protocol.unpack_frame_message(partial(lsb.reveal, np.zeros((2, 2, 3), np.uint8)))


def test_unknown_version_and_suite():
    for place in (2, 3):
        message = bytearray(protocol.pack_frame_message(PAPER, 3))
        message[place] = 7
        with pytest.raises(protocol.DamagedMessageError, match="7"):
            protocol.unpack_frame_message(reader(bytes(message)))


def test_reordered_frame():
    message = protocol.pack_frame_message(PAPER, 3)
    with pytest.raises(protocol.FrameIndexError, match="position 4 carries the message of frame 3"):
        protocol.unpack_frame_message(reader(message), frame_index=4)


@pytest.mark.parametrize("body", [b"-1,", b"1,1,1,1,", b"\xd9\xa1,1,2,3,4,", b"0"])
def test_right_crc_does_not_excuse_a_wrong_text(body):
    message = protocol.HEADER.pack(b"UR", 1, 0, len(body), 0) + body
    message += protocol.CRC.pack(protocol.zlib.crc32(message))
    with pytest.raises(protocol.MessageError):
        protocol.unpack_frame_message(reader(message))
