"""SEI messages in H.264: what is inserted is found in the decoded frame, whatever it is, and the picture stays."""

import re
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clips import scene
from uunet.media import sei

AWKWARD = [b"\0", b"\0\0\1", b"\0\0\2", b"\0\0\3", b"\0\0\0\1", b"\0\0\3\0\0\3", b"\xff", b"\x80", b"ab\0\0", b"\0\0\0"]
SIZES = [0, 1, 254 - 16, 255 - 16, 256 - 16, 254, 255, 256, 3000, 200_000]


def encoded(n=4, **options):
    """Packets of H.264, with all headers in the first one; the last is None."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 64, 48, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.options = {"crf": "23", **options}
    packets = []
    for k in range(n):
        frame = av.VideoFrame.from_ndarray(scene(k), format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = k, encoder.time_base
        packets += encoder.encode(frame)
    return [*map(bytes, [*packets, *encoder.encode(None)]), None]


def decoded(packets):
    decoder = av.CodecContext.create("h264", "r")
    return [frame for data in packets for frame in decoder.decode(None if data is None else av.Packet(data))]


@pytest.fixture(scope="module")
def packets():
    return encoded(bf="0")


def inserted(packets, contents):
    return [
        None if data is None else sei.insert(data, content) for data, content in zip(packets, contents, strict=True)
    ]


def test_a_unit_is_as_specified():
    assert sei.unit(b"") == b"\0\0\0\1\6\5\x10uunet originals1\x80"
    assert sei.unit(b"\0\0\1\0\0\0\0\4") == b"\0\0\0\1\6\5\x18uunet originals1" + b"\0\0\3\1\0\0\3\0\0\4\x80"
    assert sei.unit(bytes(239))[4:8] == b"\6\5\xff\0" and sei.unit(bytes(238))[4:7] == b"\6\5\xfe"


@given(st.lists(st.sampled_from([*AWKWARD, b"x"]), max_size=40).map(b"".join))
def test_a_unit_holds_no_start_code(content):
    unit = sei.unit(content)
    assert not re.search(rb"\x00\x00[\x00-\x02]", unit[4:]) and not re.search(rb"\x00\x00\x03[^\x00-\x03]", unit[4:])
    assert unit.endswith(b"\x80")
    plain = re.sub(rb"\x00\x00\x03", b"\0\0", unit[4:])
    assert plain[:-1].endswith(b"uunet originals1" + content)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [b"\0", b"\0\0\1\0\0\2\0\0\3", b"\xff", None])
def test_round_trip(packets, size, kind):
    rng = np.random.default_rng(size)
    contents = [rng.bytes(size) if kind is None else (kind * size)[:size] for _ in packets]
    frames = decoded(inserted(packets, contents))
    assert [sei.find(frame) for frame in frames] == contents[:-1]
    for frame, other in zip(frames, decoded(packets), strict=True):
        np.testing.assert_array_equal(frame.to_ndarray(), other.to_ndarray())


@pytest.mark.parametrize("content", AWKWARD)
def test_awkward_contents(packets, content):
    assert [sei.find(frame) for frame in decoded(inserted(packets, [content * 9] * 5))] == [content * 9] * 4


OTHERS = {
    "aud": {"aud": "1"},
    "slices": {"slices": "4"},
    "b frames": {"bf": "2"},
    "hrd": {"x264-params": "nal-hrd=vbr", "b": "90k", "maxrate": "90k", "bufsize": "90k"},
}


@pytest.mark.parametrize("options", OTHERS.values(), ids=OTHERS)
def test_other_streams(options):
    packets = encoded(6, **options)
    frames = decoded(inserted(packets, [b"%d" % k for k in range(7)]))
    assert sorted(sei.find(frame) for frame in frames) == [b"0", b"1", b"2", b"3", b"4", b"5"]
    for frame, other in zip(frames, decoded(packets), strict=True):
        np.testing.assert_array_equal(frame.to_ndarray(), other.to_ndarray())


def test_it_stands_before_the_first_slice_and_behind_the_rest():
    first = sei.insert(encoded(1, aud="1")[0], b"content")
    kinds = [first[match.end()] & 0x1F for match in re.finditer(rb"\x00\x00\x01", first)]
    assert kinds == [9, 7, 8, 6, 6, 5]  # delimiter, parameters, x264's SEI, ours, slice
    assert first.index(b"x264 - core") < first.index(sei.UUID)


def test_others_are_passed_over(packets):
    assert {sei.find(frame) for frame in decoded(packets)} == {None}
    assert any(data.type.name == "SEI_UNREGISTERED" for data in decoded(packets)[0].side_data)  # x264's


def test_an_earlier_one_is_replaced(packets):
    for content in AWKWARD:
        assert sei.insert(sei.insert(packets[0], content * 200), b"new") == sei.insert(packets[0], b"new")


def test_no_picture():
    for data in (b"", b"no H.264", b"\0\0\0\1\x67", sei.unit(b"alone")):
        with pytest.raises(ValueError, match="no slice"):
            sei.insert(data, b"x")


def test_a_second_message_is_not_ignored(packets):
    """It stands behind the first, where it makes the envelope too long."""
    twice = sei.unit(b"added") + sei.insert(packets[0], b"first")
    assert sei.content(twice) == b"addedfirst"
    (frame,) = decoded([twice, None])
    assert sei.find(frame) == b"addedfirst"
    assert sei.content(sei.insert(twice, b"new")) == b"new"
