"""Picture files that are read and written: formats, orientation, transparency, and what is refused."""

import dataclasses
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.clips import scene
from uunet.media import images, profiles
from uunet.media.images import ImageError
from uunet.stego import jpeg, lsb

RGB = scene(3)
ORIENTED = {  # EXIF orientation -> the upright picture from the stored one
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, 1),
}


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def refused(path, says):
    with pytest.raises(ImageError, match=says) as caught:
        images.read(path)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
def test_formats(tmp_path, suffix):
    lossy = suffix in (".jpg", ".webp")
    picture = images.read(save(tmp_path / f"in{suffix}", RGB, **({"quality": 95} if lossy else {})))
    assert picture.alpha is None and picture.rgb.dtype == np.uint8 and picture.rgb.flags.c_contiguous
    assert abs(picture.rgb.astype(int) - RGB).mean() < (6 if lossy else 1e-9)


def test_grey_becomes_rgb(tmp_path):
    picture = images.read(save(tmp_path / "in.png", RGB[..., 0].copy()))
    np.testing.assert_array_equal(picture.rgb, np.repeat(RGB[..., :1], 3, axis=2))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency(tmp_path, mode, orientation):
    alpha = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
    exif = Image.Exif()
    exif[images.ORIENTATION] = orientation
    Image.fromarray(np.dstack([RGB, alpha])).convert(mode).save(tmp_path / "in.png", exif=exif)
    picture = images.read(tmp_path / "in.png")
    np.testing.assert_array_equal(picture.alpha, ORIENTED[orientation](alpha))
    again = images.write(tmp_path / "out.png", "out.png", profiles.PNG, picture.rgb, picture.alpha)
    np.testing.assert_array_equal(again.alpha, picture.alpha)
    np.testing.assert_array_equal(again.rgb, picture.rgb)


@pytest.mark.parametrize("orientation", ORIENTED)
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_exif_orientation(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[images.ORIENTATION] = orientation
    lossless = {"lossless": True} if suffix == ".webp" else {}
    source = save(tmp_path / f"in{suffix}", RGB, exif=exif, **lossless)
    np.testing.assert_array_equal(images.read(source).rgb, ORIENTED[orientation](RGB))


def test_exif_orientation_of_jpeg(tmp_path):
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    picture = images.read(save(tmp_path / "in.jpg", RGB, exif=exif, quality=95))
    assert picture.rgb.shape == (64, 48, 3) and abs(picture.rgb.astype(int) - np.rot90(RGB, -1)).mean() < 6


@pytest.mark.parametrize(("orientation", "stored"), [(1, True), (3, False)])
def test_a_jpeg_file_is_a_carrier_if_it_is_stored_upright(tmp_path, orientation, stored):
    exif = Image.Exif()
    exif[images.ORIENTATION] = orientation
    source = save(tmp_path / "in.jpg", RGB, exif=exif)
    picture = images.read(source)
    assert picture.jpeg == (source.read_bytes() if stored else None)


def test_missing_file(tmp_path):
    refused(tmp_path / "none.png", "cannot be read .No such file")


@pytest.mark.parametrize("data", [b"", b"hello"])
def test_no_picture(tmp_path, data):
    (tmp_path / "in.png").write_bytes(data)
    refused(tmp_path / "in.png", "damaged or not a picture")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("deep.png", np.uint16(40_000), "16 bits per channel"), ("float.tiff", np.float32(0.5), "32 bits per channel")],
)
def test_more_than_8_bits(tmp_path, name, value, says):
    cv2.imwrite(str(tmp_path / name), np.full((20, 20, 3), value))
    refused(tmp_path / name, says)


def test_several_pictures(tmp_path):
    page = Image.fromarray(RGB)
    page.save(tmp_path / "pages.tiff", save_all=True, append_images=[page, page])
    refused(tmp_path / "pages.tiff", "several pictures")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_truncated(tmp_path, rng, suffix, share):
    source = save(tmp_path / f"in{suffix}", rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    data = source.read_bytes()
    source.write_bytes(data[: int(share * len(data))])
    refused(source, "damaged or not a picture")


def header_only_png(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [14_000, 40_000])  # too much for Pillow, and for OpenCV as well
def test_too_many_pixels(tmp_path, side):
    (tmp_path / "in.png").write_bytes(header_only_png(side, side))
    refused(tmp_path / "in.png", "more than 178956970 pixels")


def test_what_opencv_alone_refuses(tmp_path):
    (tmp_path / "in.bmp").write_bytes(
        b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 2**21, 1, 1, 24, 0, 0, 0, 0, 0, 0)
    )
    refused(tmp_path / "in.bmp", "damaged or not a picture")


@pytest.mark.filterwarnings("error")
def test_large_is_not_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 64 - 1)
    assert (images.read(save_png(tmp_path)).rgb == RGB).all()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 32 - 1)
    refused(tmp_path / "in.png", "more than 3070 pixels")


def save_png(folder):
    cv2.imwrite(str(folder / "in.png"), RGB[..., ::-1])
    return folder / "in.png"


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_with_a_film_behind_it(tmp_path, progressive):
    """Phones append a short film, whose bytes may look like the start of a scan; a cut picture is refused as ever."""
    source = save(tmp_path / "in.jpg", RGB, quality=95, progressive=progressive)
    data = source.read_bytes()
    plain = images.read(source).rgb
    source.write_bytes(data + b"....ftypmp42\xff\xda\x00\x0c" + bytes(99))
    assert (images.read(source).rgb == plain).all()
    for cut in (data[:-2], data[: len(data) // 2]):
        source.write_bytes(cut)
        refused(source, "damaged or not a picture")


def test_jpeg_of_very_many_scans(tmp_path):
    source = save(tmp_path / "in.jpg", RGB)
    data = source.read_bytes()
    at = data.index(b"\xff\xda")
    source.write_bytes(data[:at] + data[at : at + 14] * 200 + data[at:])
    refused(source, "damaged or not a picture")


def test_png_is_written_exactly(tmp_path):
    again = images.write(tmp_path / "out.png", "public.png", profiles.PNG, RGB)
    np.testing.assert_array_equal(again.rgb, RGB)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), RGB)


def test_jpeg_is_written_by_stego(tmp_path):
    again = images.write(tmp_path / "out.jpg", "public.jpg", profiles.JPEG, RGB)
    assert again.jpeg == jpeg.encode(RGB) == (tmp_path / "out.jpg").read_bytes()


def test_a_jpeg_file_is_written_byte_for_byte(tmp_path):
    data = jpeg.encode(RGB)
    assert images.write(tmp_path / "out.jpg", "public.jpg", profiles.JPEG, data).jpeg == data


def test_a_writer_that_is_not_exact_is_caught(tmp_path):
    exact = dataclasses.replace(profiles.JPEG, exact=True)
    with pytest.raises(ImageError, match="^public.jpg does not read back as it was written"):
        images.write(tmp_path / "out.jpg", "public.jpg", exact, RGB)


@pytest.mark.parametrize(
    ("profile", "level", "refuses"), [("jpeg", 254, True), ("jpeg", 255, False), ("png", 0, False)]
)
def test_transparency_that_would_be_lost_is_refused(profile, level, refuses):
    picture = images.Picture(RGB, np.full(RGB.shape[:2], level, np.uint8), None)
    (profile,) = profiles.named(profiles.PICTURES, profile)
    if not refuses:
        images.check_transparency("in.png", picture, profile)
        return
    with pytest.raises(ImageError, match="^in.png is partly transparent"):
        images.check_transparency("in.png", picture, profile)


# Views and envelopes.


def test_a_png_is_seen_without_its_lowest_bits(tmp_path):
    hidden = lsb.replace(RGB, b"envelope")
    picture = images.write(
        tmp_path / "new.png", "public.png", profiles.PNG, hidden, np.full(RGB.shape[:2], 9, np.uint8)
    )
    ((array, step),) = picture.view
    np.testing.assert_array_equal(array, RGB >> 1)
    assert step == 1 and picture.envelope_reader(8) == b"envelope"


def test_a_jpeg_is_seen_as_blocks_and_carries_segments(tmp_path):
    data = jpeg.encode(RGB)
    content = bytes(range(256)) * 1000
    picture = images.write(tmp_path / "new.jpg", "public.jpg", profiles.JPEG, jpeg.with_segment(data, content))
    for (array, step), (expected, other) in zip(picture.view, jpeg.blocks(data), strict=True):
        np.testing.assert_array_equal(array, expected)
        assert step == other
    assert picture.envelope_reader(10**6) == content
    assert picture.envelope_reader(9, offset=70_000, key=bytes(32), nonce=1) == content[70_000:70_009]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 1}])
def test_other_jpegs_have_a_view_and_no_envelope(tmp_path, options):
    picture = images.read(save(tmp_path / "in.jpg", RGB, **options))
    assert [step for _, step in picture.view] == ([1] if options else [8, 16, 16, 2**16])
    assert picture.envelope_reader(9) == lsb.reveal(picture.rgb, 9)


def test_a_jpeg_that_was_rotated_carries_nothing(tmp_path):
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    save(tmp_path / "in.jpg", RGB, exif=exif)
    (tmp_path / "in.jpg").write_bytes(jpeg.with_segment((tmp_path / "in.jpg").read_bytes(), b"envelope"))
    picture = images.read(tmp_path / "in.jpg")
    assert picture.envelope_reader(8) == lsb.reveal(picture.rgb, 8) and picture.view[0][1] == 1
