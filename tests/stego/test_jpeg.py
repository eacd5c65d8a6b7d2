"""Hiding in JPEG files: what they carry, what changes in them, and which files are refused."""

import io
import re
from functools import partial

import av
import jpeglib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from uunet.stego import jpeg, lsb
from uunet.stego.lsb import CapacityError

KINDS = {
    "420": {},
    "422": {"subsampling": 1},
    "444": {"subsampling": 0},
    "restart": {"restart_marker_rows": 1},
    "optimised": {"optimize": True},
}
KEY = bytes(range(32))


def picture(rng, height=50, width=75):
    """Smooth colour with noise; its sides fill no whole number of blocks."""
    rows, columns = np.mgrid[:height, :width]
    smooth = np.stack([2 * rows, 3 * columns % 256, rows + columns], -1)
    return (smooth + rng.integers(0, 20, smooth.shape)).clip(0, 255).astype(np.uint8)


def saved(image, **options):
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, "jpeg", **options)
    return file.getvalue()


def hide(data, message, **options):
    return jpeg.rewrite(data, partial(lsb.hide, payload=message, limits=jpeg.LIMITS, **options))


def reveal(data, n_bytes, **options):
    return lsb.reveal(jpeg.carriers(data), n_bytes, **options)


@pytest.fixture
def photo(rng):
    exif = Image.Exif()
    exif[0x010E] = "a street"
    return saved(picture(rng), quality=90, exif=exif, icc_profile=b"not one, but kept" * 9, comment=b"hi")


@pytest.fixture
def coefficients(tmp_path):
    def read(data):
        (tmp_path / "any.jpg").write_bytes(data)
        found = jpeglib.read_dct(str(tmp_path / "any.jpg"))
        return {name: getattr(found, name) for name in ("Y", "Cb", "Cr", "K", "qt")}

    return read


def test_zigzag():
    """ITU-T T.81, Figure A.6: the places 0 to 9 and the last."""
    assert [r * 8 + c for r, c in jpeg.ZIGZAG[:10]] == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]
    assert [r * 8 + c for r, c in jpeg.ZIGZAG[-4:]] == [47, 55, 62, 63]


@pytest.mark.parametrize("kind", [*KINDS, "grey", "cmyk"])
def test_round_trip(rng, coefficients, kind):
    image = Image.fromarray(picture(rng)).convert({"grey": "L", "cmyk": "CMYK"}.get(kind, "RGB"))
    data = saved(image, quality=80, **KINDS.get(kind, {}))
    message = bytes(range(100))
    hidden = hide(data, message, key=KEY, nonce=3)
    assert reveal(hidden, 100, key=KEY, nonce=3) == message != reveal(hidden, 100, key=KEY, nonce=4)
    old, new = coefficients(data), coefficients(hidden)
    for name in ("Cb", "Cr", "K", "qt"):
        assert np.array_equal(old[name], new[name])
    change = new["Y"] - old["Y"]
    assert abs(change).max() == 1
    touched = change.reshape(-1, 64).any(0)
    assert {divmod(int(k), 8) for k in np.flatnonzero(touched)} <= set(jpeg.ZIGZAG[3:21])
    bits = 8 * len(message)
    assert bits / 3 < np.count_nonzero(change) < 2 * bits / 3  # half the parities are right already
    again = Image.open(io.BytesIO(hidden))
    assert again.size == (75, 50) and again.mode == image.mode
    assert abs(np.asarray(again).astype(int) - Image.open(io.BytesIO(data))).max() < 60  # the same colours


@pytest.mark.slow
@given(st.binary(min_size=1, max_size=60), st.integers(0, 2**32))
def test_any_message(message, nonce):
    data = saved(picture(np.random.default_rng(0), 48, 48))
    assert reveal(hide(data, message, nonce=nonce, key=KEY), len(message), nonce=nonce, key=KEY) == message


def test_metadata_stays(photo):
    old, new = (Image.open(io.BytesIO(data)) for data in (photo, hide(photo, b"x")))
    assert old.info == new.info and new.getexif()[0x010E] == "a street"


def test_what_lies_behind_the_picture_is_left_out(photo):
    assert hide(photo + b"\xff\xda a film \xff\xd8", b"x") == hide(photo, b"x")


@pytest.mark.parametrize(("height", "width"), [(50, 75), (48, 64), (1, 1), (17, 9)])
def test_exact_capacity(rng, height, width):
    data = jpeg.encode(picture(rng, height, width))
    room = jpeg.capacity((height, width, 3))
    assert room == -(-height // 8) * -(-width // 8) * 18 // 8 == jpeg.carriers(data).size // 8
    jpeg.check_capacity((height, width, 3), room)
    assert reveal(hide(data, bytes(room), key=KEY), room, key=KEY) == bytes(room)
    with pytest.raises(CapacityError, match=f"{width} x {height} pixels can hold {room} bytes .* needs {room + 1}:"):
        jpeg.check_capacity((height, width, 3), room + 1)
    with pytest.raises(CapacityError):
        hide(data, bytes(room + 1))


def test_encode(rng):
    frame = picture(rng, 64, 80) // 2 + 60
    image = Image.open(io.BytesIO(jpeg.encode(frame)))
    assert image.size == (80, 64) and [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
    assert abs(np.asarray(image).astype(int) - frame).mean() < 3
    with pytest.raises(jpeg.JpegError, match="at most 65500 pixels a side, not 65501"):
        jpeg.encode(np.zeros((1, 65501, 3), np.uint8))


@pytest.mark.parametrize("grey", [0, 255])
def test_flat_pictures(grey):
    """All carriers are zeros: they carry as well as others."""
    data = jpeg.encode(np.full((80, 80, 3), grey, np.uint8))
    assert reveal(hide(data, b"some bytes"), 10) == b"some bytes"


def test_largest_coefficients_stay_in_range(rng, tmp_path):
    """A change of 1023 to 1024 could not be written: quantisation by 1 of the largest waves."""
    data = saved(picture(rng, 64, 64), qtables=[[1] * 64] * 2)
    signs = rng.choice(np.array([-1, 1], np.int16), (8, 8, 18))
    extreme = jpeg.rewrite(data, lambda carriers: 1023 * signs)
    hidden = hide(extreme, bytes(100))
    assert reveal(hidden, 100) == bytes(100) and abs(jpeg.carriers(hidden)).max() == 1023


def segment(marker, content=b""):
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


def resized(data, height, width, components=None):
    """The same file, announcing another size."""
    at = data.index(b"\xff\xc0")
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big") + (components or data[at + 9 : at + 10])
    return data[: at + 5] + size + data[at + 10 :]


REFUSED = {
    "empty": lambda data: b"",
    "text": lambda data: b"hello",
    "cut": lambda data: data[: len(data) // 2],
    "cut in the header": lambda data: data[:30],
    "no end": lambda data: data[:-2],
    "only a start": lambda data: data[:2],
    "no scan": lambda data: data[: data.index(b"\xff\xda")] + b"\xff\xd9",
    "huge": lambda data: resized(data, 65_535, 65_535),
    "flat": lambda data: resized(data, 0, 75),
    "many colours": lambda data: resized(data, 50, 75, b"\x0a"),
    "scan after scan": lambda data: data[:-2] + data[data.index(b"\xff\xda") : -2] * 9 + data[-2:],
    "arithmetic": lambda data: data.replace(b"\xff\xc0", b"\xff\xc9"),
    "a segment of length 1": lambda data: data[:2] + b"\xff\xe0\x00\x01" + data[2:],
    "no tables": lambda data: re.sub(rb"\xff\xdb.*?(?=\xff\xc0)", b"", data, flags=re.DOTALL),
    "bad quantisation table": lambda data: data.replace(b"\x01\x11\x00", b"\x01\x11\x09"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(rng, what):
    bad = REFUSED[what](jpeg.encode(picture(rng)))
    for call in (jpeg.carriers, partial(hide, message=b"x")):
        with pytest.raises(jpeg.JpegError, match=r"^This is not a whole baseline JPEG picture \(.*written\.$"):
            call(bad)


def test_progressive_is_refused(rng):
    with pytest.raises(jpeg.JpegError, match="progressive"):
        jpeg.carriers(saved(picture(rng), progressive=True))


def test_metadata_that_jpeglib_would_write_behind_its_arrays(rng):
    """Sixty segments, and an empty one before a long one."""
    data = jpeg.encode(picture(rng))
    for metadata in (segment(0xE1, b"x" * 99) * 60, segment(0xFE) + segment(0xE2, bytes(65_000))):
        hostile = data[:2] + metadata + data[2:]
        assert np.array_equal(jpeg.carriers(hostile), jpeg.carriers(data))
        assert metadata in hide(hostile, b"x")


@given(st.data())
def test_damaged_files_end_in_coefficients_or_one_sentence(data):
    """A longer run: python benchmarks/fuzz.py."""
    changed = bytearray(jpeg.encode(picture(np.random.default_rng(0), 24, 40)))
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert jpeg.carriers(bytes(changed)).dtype == np.int16
    except jpeg.JpegError as error:
        assert str(error).endswith(".")


def test_motion_jpeg_of_another_program(tmp_path, rng):
    """A frame of Motion JPEG is a JPEG file, whoever wrote it."""
    with av.open(str(tmp_path / "clip.mkv"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 80, 64, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(rng, 64, 80), format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(tmp_path / "clip.mkv")) as container:
        data = next(bytes(packet) for packet in container.demux(video=0) if packet.size)
    assert reveal(hide(data, b"frame 0"), 7) == b"frame 0"


# Bytes beside the picture.

CONTENT = bytes(range(256)) * 3


@pytest.mark.parametrize(
    "size", [0, 1, jpeg.CHUNK - 1, jpeg.CHUNK, jpeg.CHUNK + 1, 200_000, pytest.param(jpeg.MAX_CONTENT, id="most")]
)
def test_segments_round_trip(photo, size):
    content = (CONTENT * (size // len(CONTENT) + 1))[:size]
    carrying = jpeg.with_segment(photo, content)
    assert jpeg.segment(carrying) == content and jpeg.segment(photo) is None
    assert len(carrying) == len(photo) + size + 12 * max(1, -(-size // jpeg.CHUNK))


def test_segments_are_as_specified(rng):
    data = jpeg.encode(picture(rng))
    assert data[2:4] == jpeg.JFIF
    length = 2 + int.from_bytes(data[4:6], "big")
    own = b"\xff\xe9\x00\x0dUUNET\0\x00\x01abc"
    assert jpeg.with_segment(data, b"abc") == data[: 2 + length] + own + data[2 + length :]
    bare = data[:2] + data[2 + length :]  # without APP0
    assert jpeg.with_segment(bare, b"abc") == bare[:2] + own + bare[2:]


def test_segments_replace_those_before(photo):
    one = jpeg.with_segment(photo, b"one")
    assert jpeg.with_segment(jpeg.with_segment(photo, bytes(200_000)), b"one") == one
    foreign = one.replace(b"UUNET\0", b"UUNEX\0")
    assert jpeg.segment(foreign) is None
    both = jpeg.with_segment(foreign, b"two")
    assert jpeg.segment(both) == b"two" and b"UUNEX\0\0\1one" in both


def test_segments_leave_the_picture_as_it_is(photo):
    carrying = jpeg.with_segment(photo, CONTENT * 300)
    for before, after in zip(jpeg.blocks(photo), jpeg.blocks(carrying), strict=True):
        np.testing.assert_array_equal(before[0], after[0])
    assert np.array_equal(Image.open(io.BytesIO(carrying)), Image.open(io.BytesIO(photo)))
    assert Image.open(io.BytesIO(carrying)).getexif()[0x010E] == "a street"
    assert jpeg.segment(jpeg.rewrite(carrying, lambda carriers: carriers)) == CONTENT * 300
    assert jpeg.with_segment(photo + b"a film", b"") == jpeg.with_segment(photo, b"") + b"a film"


def own(index, count, chunk=b"x"):
    return segment(0xE9, jpeg.NAME + bytes((index, count)) + chunk)


@pytest.mark.parametrize(
    "segments",
    [
        [own(0, 2)],
        [own(1, 2)],
        [own(1, 2), own(0, 2)],
        [own(0, 2), own(0, 2)],
        [own(0, 1), own(1, 2)],
        [own(0, 2), own(1, 1)],
        [own(0, 2), own(1, 2), own(2, 2)],
        [own(0, 1), own(0, 1)],
        [own(0, 0)],
        [segment(0xE9, jpeg.NAME)],
        [segment(0xE9, jpeg.NAME + b"\0")],
    ],
)
def test_segments_that_are_not_whole_and_in_order(rng, segments):
    data = jpeg.encode(picture(rng))
    assert jpeg.segment(data[:2] + b"".join(segments) + data[2:]) is None
    assert jpeg.segment(jpeg.with_segment(data[:2] + b"".join(segments) + data[2:], b"new")) == b"new"


def test_segments_of_no_jpeg(rng):
    data = jpeg.encode(picture(rng))
    for other in (b"", b"\xff\xd8", b"a text", data[:100], jpeg.with_segment(data, bytes(99))[:90]):
        assert jpeg.segment(other) is None
        with pytest.raises(jpeg.JpegError):
            jpeg.with_segment(other, b"x")
    with pytest.raises(CapacityError, match=f"{jpeg.MAX_CONTENT} bytes beside"):
        jpeg.with_segment(data, bytes(jpeg.MAX_CONTENT + 1))


def test_the_number_of_segments_is_bounded(rng):
    data = jpeg.encode(picture(rng))
    many = data[:2] + segment(0xE9) * 5_000_000 + data[2:]  # 20 MB
    assert jpeg.segment(many) is None
    for call in (jpeg.carriers, jpeg.blocks, lambda data: jpeg.with_segment(data, b"x")):
        with pytest.raises(jpeg.JpegError, match="more than 4096 segments"):
            call(many)
    some = data[:2] + segment(0xE5, b"x") * 4000 + data[2:]
    assert jpeg.segment(jpeg.with_segment(some, b"abc")) == b"abc"


@given(st.data())
def test_damaged_segments_are_content_or_nothing(data):
    whole = jpeg.with_segment(jpeg.encode(picture(np.random.default_rng(0), 16, 16)), b"content" * 9)
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 5))):
        changed[data.draw(st.integers(0, 150))] = data.draw(st.integers(0, 255))
    assert isinstance(jpeg.segment(bytes(changed[: data.draw(st.integers(0, len(whole)))])), bytes | None)


# Views.


@pytest.mark.parametrize(
    ("options", "mode", "steps"),
    [
        ({"subsampling": 0}, "RGB", [8, 8, 8]),
        ({"subsampling": 2}, "RGB", [8, 16, 16]),
        ({}, "L", [8]),
        ({}, "CMYK", [8, 8, 8, 8]),
    ],
)
def test_blocks(rng, coefficients, options, mode, steps):
    data = saved(Image.fromarray(picture(rng)).convert(mode), **options)
    view, names = jpeg.blocks(data), ("Y", "Cb", "Cr", "K")
    assert [step for _, step in view] == [*steps, 2**16]
    for (array, step), name in zip(view[:-1], names, strict=False):
        assert array.shape == (-(-50 // step), -(-75 // step), 8, 8) and array.dtype == np.int16
        np.testing.assert_array_equal(array, coefficients(data)[name])
    tables = Image.open(io.BytesIO(data)).quantization  # in zigzag order, or rows, by Pillow's version
    found = view[-1][0]
    assert found.shape == (1, 1, len(steps), 8, 8) and sorted(found[0, 0, 0].ravel()) == sorted(tables[0])
    assert (found[0, 0, -1] == found[0, 0, 0]).all() == (len(tables) == 1)


def test_blocks_that_cover_no_square(rng):
    with pytest.raises(jpeg.JpegError, match="unequally"):
        jpeg.blocks(saved(picture(rng), subsampling=1))
