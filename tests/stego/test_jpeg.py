"""Hiding in JPEG files: what it carries, what it changes, and which files it refuses."""

from fractions import Fraction

import av
import jpeglib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from uunet.errors import UUNetError
from uunet.stego import jpeg
from uunet.stego.lsb import CapacityError

KINDS = {
    "420": {},
    "422": {"subsampling": 1},
    "444": {"subsampling": 0},
    "progressive": {"progressive": True},
    "restart": {"restart_marker_rows": 1},
}


def order(total, count):
    return np.random.default_rng(3).permutation(total)[:count]


def picture(rng, height=50, width=75):
    """Smooth colour with noise; its sides fill no whole number of blocks."""
    rows, columns = np.mgrid[:height, :width]
    smooth = np.stack([2 * rows, 3 * columns % 256, rows + columns], -1)
    return (smooth + rng.integers(0, 20, smooth.shape)).clip(0, 255).astype(np.uint8)


@pytest.fixture
def photo(tmp_path, rng):
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x010E] = "a street"
    Image.fromarray(picture(rng)).save(path, quality=90, exif=exif, icc_profile=b"not one, but kept" * 9, comment=b"hi")
    return path


def coefficients(path):
    read = jpeglib.read_dct(str(path))
    return {name: getattr(read, name) for name in ("Y", "Cb", "Cr", "K", "qt")}


def test_zigzag():
    """ITU-T T.81, Figure A.6: the places 0 to 9 and the last."""
    assert [r * 8 + c for r, c in jpeg.ZIGZAG[:10]] == [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]
    assert [r * 8 + c for r, c in jpeg.ZIGZAG[-4:]] == [47, 55, 62, 63]


@pytest.mark.parametrize("kind", [*KINDS, "grey", "cmyk"])
def test_round_trip(tmp_path, rng, kind):
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    image = Image.fromarray(picture(rng)).convert({"grey": "L", "cmyk": "CMYK"}.get(kind, "RGB"))
    image.save(source, quality=80, **KINDS.get(kind, {}))
    before, message = source.read_bytes(), bytes(range(100))
    jpeg.hide(source, target, message, order, rng=rng)
    assert jpeg.reveal(target, order) == message
    assert source.read_bytes() == before
    old, new = coefficients(source), coefficients(target)
    for name in ("Cb", "Cr", "K", "qt"):
        assert np.array_equal(old[name], new[name])
    change = new["Y"] - old["Y"]
    assert abs(change).max() == 1
    touched = change.reshape(-1, 64).any(0)
    assert {divmod(int(k), 8) for k in np.flatnonzero(touched)} <= set(jpeg.ZIGZAG[3:21])
    bits = 8 * (4 + len(message))
    assert bits / 3 < np.count_nonzero(change) < 2 * bits / 3  # half the parities are right already
    assert Image.open(target).size == (75, 50)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 2**32))
def test_any_message(tmp_path_factory, message, seed):
    source, target = (tmp_path_factory.getbasetemp() / name for name in ("any.jpg", "hidden.jpg"))
    if not source.exists():
        Image.fromarray(picture(np.random.default_rng(0), 48, 48)).save(source)
    jpeg.hide(source, target, message, order, rng=np.random.default_rng(seed), overwrite=True)
    assert jpeg.reveal(target, order) == message


def test_seed_decides_the_signs(photo, tmp_path):
    files = [tmp_path / f"{k}.jpg" for k in range(3)]
    for path, seed in zip(files, (1, 1, 2), strict=True):
        jpeg.hide(photo, path, b"x" * 50, order, rng=np.random.default_rng(seed))
    one, same, other = (path.read_bytes() for path in files)
    assert one == same != other


def test_metadata_stays(photo, tmp_path, rng):
    jpeg.hide(photo, tmp_path / "new.jpg", b"x", order, rng=rng)
    old, new = Image.open(photo), Image.open(tmp_path / "new.jpg")
    assert old.info == new.info and new.getexif()[0x010E] == "a street"


def test_exact_capacity(photo, tmp_path, rng):
    room = jpeg.capacity(photo)
    assert room == 7 * 10 * 18 // 8 - 4  # the blocks of 50 x 75 pixels
    jpeg.hide(photo, tmp_path / "full.jpg", bytes(room), order, rng=rng)
    assert jpeg.reveal(tmp_path / "full.jpg", order) == bytes(room)
    with pytest.raises(CapacityError, match=f"hold {room} bytes .* needs {room + 1}:"):
        jpeg.hide(photo, tmp_path / "more.jpg", bytes(room + 1), order, rng=rng)
    assert not (tmp_path / "more.jpg").exists()
    with pytest.raises(ValueError, match="empty"):
        jpeg.hide(photo, tmp_path / "more.jpg", b"", order, rng=rng)


def test_no_room_at_all(tmp_path, rng):
    path = tmp_path / "dot.jpg"
    Image.new("L", (8, 8)).save(path)
    assert jpeg.capacity(path) == 0
    with pytest.raises(CapacityError):
        jpeg.hide(path, tmp_path / "new.jpg", b"x", order, rng=rng)
    with pytest.raises(jpeg.JpegError, match="no message"):
        jpeg.reveal(path, order)


@pytest.mark.parametrize("grey", [0, 255])
def test_flat_pictures(tmp_path, rng, grey):
    """All carriers are zeros: they carry as well as others."""
    path = tmp_path / "flat.jpg"
    Image.new("RGB", (80, 80), (grey,) * 3).save(path)
    with pytest.raises(jpeg.JpegError, match="no message"):
        jpeg.reveal(path, order)
    jpeg.hide(path, tmp_path / "new.jpg", b"some bytes", order, rng=rng)
    assert jpeg.reveal(tmp_path / "new.jpg", order) == b"some bytes"


def test_largest_coefficients_stay_in_range(tmp_path, rng):
    """A change of 1023 to 1024 could not be written: quantisation by 1 of the largest waves."""
    path = tmp_path / "extreme.jpg"
    Image.fromarray(picture(rng, 64, 64)).save(path, qtables=[[1] * 64] * 2)
    extreme = jpeglib.read_dct(str(path))
    extreme.Y[..., jpeg.ROWS, jpeg.COLUMNS] = 1023 * rng.choice([-1, 1], (8, 8, 18))
    extreme.write_dct(str(path))
    jpeg.hide(path, tmp_path / "new.jpg", bytes(100), order, rng=rng)
    assert jpeg.reveal(tmp_path / "new.jpg", order) == bytes(100)
    assert abs(coefficients(tmp_path / "new.jpg")["Y"]).max() == 1023


def test_another_order_reads_noise(photo, tmp_path, rng):
    jpeg.hide(photo, tmp_path / "new.jpg", b"a secret place", order, rng=rng)
    try:
        read = jpeg.reveal(tmp_path / "new.jpg", lambda total, count: order(total, count)[::-1])
    except jpeg.JpegError:
        read = None
    assert read != b"a secret place"


@pytest.mark.parametrize("what", ["cut", "no end", "empty", "text", "png", "missing", "folder"])
def test_other_files(photo, tmp_path, rng, what):
    path, data = tmp_path / "bad.jpg", photo.read_bytes()
    if what == "png":
        Image.new("RGB", (80, 80)).save(path, format="png")
    elif what == "folder":
        path.mkdir()
    elif what != "missing":
        path.write_bytes({"cut": data[: len(data) // 2], "no end": data[:-2], "empty": b"", "text": b"hello"}[what])
    for call in (
        lambda: jpeg.hide(path, tmp_path / "new.jpg", b"x", order, rng=rng),
        lambda: jpeg.reveal(path, order),
        lambda: jpeg.capacity(path),
    ):
        with pytest.raises(jpeg.JpegError, match="not a whole JPEG"):
            call()
    assert {file.name for file in tmp_path.iterdir()} <= {"photo.jpg", "bad.jpg"}


def test_never_overwrites_silently(photo, tmp_path, rng):
    target = tmp_path / "new.jpg"
    target.write_text("mine")
    with pytest.raises(UUNetError, match="exists already"):
        jpeg.hide(photo, target, b"x", order, rng=rng)
    assert target.read_text() == "mine"
    with pytest.raises(UUNetError, match="never replaced"):
        jpeg.hide(photo, photo, b"x", order, rng=rng, overwrite=True)
    jpeg.hide(photo, target, b"x", order, rng=rng, overwrite=True)
    assert jpeg.reveal(target, order) == b"x"


def test_motion_jpeg(tmp_path, rng):
    """A frame of Motion JPEG is a JPEG file: hidden in, put back in the video, and read from there."""

    def packets(path):
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(video=0) if packet.size]

    def write(path, frames):
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mjpeg", rate=25)
            stream.width, stream.height, stream.pix_fmt = 80, 64, "yuvj420p"
            for k, frame in enumerate(frames):
                if isinstance(frame, bytes):
                    packet = av.Packet(frame)
                    packet.stream, packet.pts, packet.dts, packet.time_base = stream, k, k, Fraction(1, 25)
                    packet.is_keyframe = True
                    container.mux(packet)
                else:
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))

    write(tmp_path / "clip.mkv", [picture(rng, 64, 80) for _ in range(3)])
    hidden = []
    for k, packet in enumerate(packets(tmp_path / "clip.mkv")):
        (tmp_path / "frame.jpg").write_bytes(packet)
        jpeg.hide(tmp_path / "frame.jpg", tmp_path / "hidden.jpg", b"frame %d" % k, order, rng=rng, overwrite=True)
        hidden.append((tmp_path / "hidden.jpg").read_bytes())
    write(tmp_path / "public.mkv", hidden)
    read = []
    for packet in packets(tmp_path / "public.mkv"):
        (tmp_path / "frame.jpg").write_bytes(packet)
        read.append(jpeg.reveal(tmp_path / "frame.jpg", order))
    assert read == [b"frame 0", b"frame 1", b"frame 2"]
