"""Still images: formats, orientation, transparency, folders, and what is refused."""

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.clips import bright_square, scene
from uunet import pipeline
from uunet.atomic import OutputError
from uunet.boxes import detection
from uunet.boxes.box_file import BoxesError, GivenBoxes
from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.pipeline import images
from uunet.wire import messages, protocol

RGB = scene(3)
HEAD = detection.head_roi(bright_square(RGB)[0], 48, 64)
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


def test_there_and_back(tmp_path, encoder, decoder):
    source = save(tmp_path / "in.png", RGB)
    assert pipeline.deidentify_image(source, tmp_path / "public.png", encoder, bright_square, seed=1) == 1
    public = np.asarray(Image.open(tmp_path / "public.png"))
    assert (public == pipeline.deidentify(RGB, encoder, bright_square, seed=1)).all()
    assert pipeline.inspect_image(tmp_path / "public.png").boxes == [[HEAD]]
    assert pipeline.reconstruct_image(tmp_path / "public.png", tmp_path / "back.png", decoder) == 1
    assert (np.asarray(Image.open(tmp_path / "back.png")) == pipeline.reconstruct(public, decoder)).all()
    assert sorted(os.listdir(tmp_path)) == ["back.png", "in.png", "public.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
def test_formats(tmp_path, encoder, suffix):
    source = save(tmp_path / f"in{suffix}", RGB, **({"quality": 95} if suffix in (".jpg", ".webp") else {}))
    rgb, alpha = images.read(source)
    assert alpha is None and rgb.dtype == np.uint8 and rgb.flags.c_contiguous
    assert abs(rgb.astype(int) - RGB).mean() < (6 if suffix in (".jpg", ".webp") else 1e-9)
    assert pipeline.deidentify_image(source, tmp_path / "public.png", encoder, bright_square) == 1


def test_grey_becomes_rgb(tmp_path, encoder):
    source = save(tmp_path / "in.png", RGB[..., 0].copy())
    pipeline.deidentify_image(source, tmp_path / "public.png", encoder, lambda f: [], seed=1)
    public = np.asarray(Image.open(tmp_path / "public.png"))
    assert public.shape == (48, 64, 3) and abs(public.astype(int) - RGB[..., :1]).max() <= 1


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_kept(tmp_path, encoder, decoder, mode, orientation):
    alpha = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
    picture = Image.fromarray(np.dstack([RGB, alpha])).convert(mode)
    exif = Image.Exif()
    exif[images.ORIENTATION] = orientation
    picture.save(tmp_path / "in.png", exif=exif)
    pipeline.deidentify_image(tmp_path / "in.png", tmp_path / "public.png", encoder, bright_square, seed=1)
    pipeline.reconstruct_image(tmp_path / "public.png", tmp_path / "back.png", decoder)
    for name in ("public.png", "back.png"):
        assert (np.asarray(Image.open(tmp_path / name))[..., 3] == ORIENTED[orientation](alpha)).all()


@pytest.mark.parametrize("orientation", ORIENTED)
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_exif_orientation(tmp_path, orientation, suffix):
    exif = Image.Exif()
    exif[images.ORIENTATION] = orientation
    lossless = {"lossless": True} if suffix == ".webp" else {}
    source = save(tmp_path / f"in{suffix}", RGB, exif=exif, **lossless)
    assert (images.read(source)[0] == ORIENTED[orientation](RGB)).all()


def test_jpeg_orientation_and_no_place_in_the_result(tmp_path, encoder):
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    exif[0x010E] = "seen in Covilha"
    source = save(tmp_path / "in.jpg", RGB, exif=exif, quality=95)
    assert b"Covilha" in source.read_bytes()
    pipeline.deidentify_image(source, tmp_path / "public.png", encoder, lambda f: [])
    assert b"Covilha" not in (tmp_path / "public.png").read_bytes()
    public = np.asarray(Image.open(tmp_path / "public.png"))
    assert public.shape == (64, 48, 3) and abs(public.astype(int) - np.rot90(RGB, -1)).mean() < 6


def fails(tmp_path, says, call, kind=UUNetError):
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(kind, match=says) as caught:
        call()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_refused_pictures(tmp_path, encoder):
    (tmp_path / "text.png").write_bytes(b"hello")
    (tmp_path / "empty.png").write_bytes(b"")
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((20, 20, 3), 40_000, np.uint16))
    cv2.imwrite(str(tmp_path / "float.tiff"), np.full((20, 20, 3), 0.5, np.float32))
    page = Image.fromarray(RGB)
    page.save(tmp_path / "pages.tiff", save_all=True, append_images=[page, page])
    for name, says in (
        ("none.png", "cannot be read .No such file"),
        ("text.png", "damaged or not a picture"),
        ("empty.png", "damaged or not a picture"),
        ("deep.png", "16 bits a colour"),
        ("float.tiff", "32 bits a colour"),
        ("pages.tiff", "several pictures"),
    ):

        def call(source=tmp_path / name):
            pipeline.deidentify_image(source, tmp_path / "public.png", encoder, bright_square)

        fails(tmp_path, says, call, images.ImageError)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_truncated(tmp_path, rng, suffix, share):
    source = save(tmp_path / f"in{suffix}", rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    data = source.read_bytes()
    source.write_bytes(data[: int(share * len(data))])
    with pytest.raises(images.ImageError, match="damaged or not a picture"):
        images.read(source)


def header_only_png(width, height):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [14_000, 40_000])  # too much for Pillow, and for OpenCV as well
def test_too_many_pixels(tmp_path, side):
    (tmp_path / "in.png").write_bytes(header_only_png(side, side))
    with pytest.raises(images.ImageError, match="more than 178956970 pixels"):
        images.read(tmp_path / "in.png")


def test_what_opencv_alone_refuses(tmp_path):
    (tmp_path / "in.bmp").write_bytes(
        b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 2**21, 1, 1, 24, 0, 0, 0, 0, 0, 0)
    )
    with pytest.raises(images.ImageError, match="damaged or not a picture"):
        images.read(tmp_path / "in.bmp")


@pytest.mark.filterwarnings("error")
def test_large_is_not_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 64 - 1)
    assert (images.read(save_png(tmp_path))[0] == RGB).all()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 32 - 1)
    with pytest.raises(images.ImageError, match="more than 3070 pixels"):
        images.read(tmp_path / "in.png")


def save_png(folder):
    cv2.imwrite(str(folder / "in.png"), RGB[..., ::-1])
    return folder / "in.png"


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_with_a_film_behind_it(tmp_path, progressive):
    """Phones append a short film, whose bytes may look like the start of a scan; a cut picture is refused as ever."""
    source = save(tmp_path / "in.jpg", RGB, quality=95, progressive=progressive)
    data = source.read_bytes()
    plain = images.read(source)[0]
    source.write_bytes(data + b"....ftypmp42\xff\xda\x00\x0c" + bytes(99))
    assert (images.read(source)[0] == plain).all()
    for cut in (data[:-2], data[: len(data) // 2]):
        source.write_bytes(cut)
        with pytest.raises(images.ImageError, match="damaged or not a picture"):
            images.read(source)


def test_jpeg_of_very_many_scans(tmp_path):
    source = save(tmp_path / "in.jpg", RGB)
    data = source.read_bytes()
    at = data.index(b"\xff\xda")
    source.write_bytes(data[:at] + data[at : at + 14] * 200 + data[at:])
    with pytest.raises(images.ImageError, match="damaged or not a picture"):
        images.read(source)


def test_refused_targets(tmp_path, encoder, decoder):
    source = save(tmp_path / "in.png", RGB)
    (tmp_path / "old.png").write_bytes(b"precious")
    for target, says in (
        ("public.gif", "name a .png or .jpg file"),
        ("old.png", "exists already"),
        ("in.png", "is the input itself"),
        ("none/public.png", "cannot be written"),
        (f"{'x' * 300}.png", "cannot be written .File name too long"),
    ):

        def call(target=tmp_path / target):
            pipeline.deidentify_image(source, target, encoder, bright_square)

        fails(tmp_path, says, call)
    pipeline.deidentify_image(source, tmp_path / "old.png", encoder, bright_square, overwrite=True)
    assert pipeline.inspect_image(tmp_path / "old.png").boxes == [[HEAD]]


def test_picture_without_a_message(tmp_path, decoder):
    source = save(tmp_path / "in.png", RGB)

    def call():
        pipeline.reconstruct_image(source, tmp_path / "back.png", decoder)

    fails(tmp_path, "no UU-Net message", call, protocol.NoMessageError)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    save(tmp_path / "in" / "a.jpg", scene(0), quality=98)
    save(tmp_path / "in" / "b.png", scene(5))
    save(tmp_path / "in" / "deeper" / "c.png", scene(9))
    (tmp_path / "in" / "notes.txt").write_text("left out")
    return tmp_path / "in"


def test_folder(tmp_path, folder, encoder, decoder):
    calls = []
    result = pipeline.deidentify_folder(
        folder, tmp_path / "public", encoder, bright_square, progress=lambda *a: calls.append(a)
    )
    assert result.done == {"a.jpg": 1, "b.png": 1, "deeper/c.png": 1} and result.failed == {}
    assert calls == [("de-identify", k, 3) for k in (1, 2, 3)]
    written = sorted(str(p.relative_to(tmp_path / "public")) for p in (tmp_path / "public").rglob("*") if p.is_file())
    assert written == ["a.png", "b.png", "deeper/c.png"]
    back = pipeline.reconstruct_folder(tmp_path / "public", tmp_path / "back", decoder)
    assert back.done == {"a.png": 1, "b.png": 1, "deeper/c.png": 1} and back.failed == {}


def test_bad_picture_in_a_folder_is_named_and_the_others_are_done(tmp_path, folder, encoder):
    (folder / "b.png").write_bytes(b"broken")
    result = pipeline.deidentify_folder(folder, tmp_path / "public", encoder, bright_square)
    assert result.done == {"a.jpg": 1, "deeper/c.png": 1}
    assert list(result.failed) == ["b.png"] and "damaged or not a picture" in result.failed["b.png"]
    assert not (tmp_path / "public" / "b.png").exists()


def test_folder_seed_repeats_but_pictures_differ(tmp_path, folder, noise_encoder):
    table = GivenBoxes({k: [(0, Roi(4, 4, 16, 16))] for k in range(3)})
    for name in ("one", "two"):
        pipeline.deidentify_folder(folder, tmp_path / name, noise_encoder, table, seed=5)
    for name in ("a.png", "b.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    a, b = (images.read(tmp_path / "one" / name)[0][4:20, 4:20].astype(int) for name in ("a.png", "b.png"))
    assert abs(a - b).mean() > 20  # not the same virtual face in every picture


def test_boxes_for_a_folder(tmp_path, folder, encoder):
    table = GivenBoxes({1: [(None, Roi(4, 4, 16, 16))], 2: [(None, Roi(60, 4, 16, 16))]})
    result = pipeline.deidentify_folder(folder, tmp_path / "public", encoder, table)
    assert result.done == {"a.jpg": 0, "b.png": 1} and "x=60" in result.failed["deeper/c.png"]
    assert messages.read_rois(images.read(tmp_path / "public" / "b.png")[0]) == [Roi(4, 4, 16, 16)]
    with pytest.raises(BoxesError, match="picture 3 but the last one is 2"):
        pipeline.deidentify_folder(folder, tmp_path / "other", encoder, GivenBoxes({3: []}))


def test_refused_folders(tmp_path, folder, encoder):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "b.png").write_bytes(b"precious")

    def call(source, target):
        pipeline.deidentify_folder(source, target, encoder, bright_square)

    for source, target, says in (
        (tmp_path / "none", tmp_path / "out", "not a folder"),
        (tmp_path / "nothing", tmp_path / "out", "holds no picture"),
        (folder, folder, "outside of"),
        (folder, folder / "deeper" / "out", "outside of"),
        (folder, folder / "notes.txt", "outside of"),
        (tmp_path / ("x" * 300), tmp_path / "out", "File name too long"),
        (folder, tmp_path / ("x" * 300), "File name too long"),
        (folder, tmp_path, "not around it"),
        (folder / "deeper", folder, "not around it"),
        (folder, tmp_path / "old", "b.png exists already"),
    ):
        fails(tmp_path, says, lambda source=source, target=target: call(source, target))
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "deeper").symlink_to(folder / "deeper")
    with pytest.raises(images.ImageError, match="c.png is an input itself"):
        pipeline.deidentify_folder(folder, tmp_path / "link", encoder, bright_square, overwrite=True)
    save(folder / "b.jpg", RGB)
    fails(tmp_path, "would both become", lambda: call(folder, tmp_path / "out"), images.ImageError)
    with pytest.raises(OutputError, match="exists already"):
        pipeline.deidentify_image(folder / "b.png", tmp_path / "old" / "b.png", encoder, bright_square)
