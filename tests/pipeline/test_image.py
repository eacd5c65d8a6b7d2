"""Still images there and back, and what is refused."""

import os

import numpy as np
import pytest
from PIL import Image

from tests.clips import bright_square, fails, scene
from uunet import atomic, pipeline
from uunet.boxes import detection
from uunet.media.images import ORIENTATION, ImageError
from uunet.media.profiles import ProfileError
from uunet.wire import protocol

RGB = scene(3)
HEAD = detection.head_roi(bright_square(RGB)[0], 48, 64)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


@pytest.fixture
def source(tmp_path):
    return save(tmp_path / "in.png", RGB)


@pytest.fixture
def public(tmp_path, source, encoder):
    assert (
        pipeline.deidentify_image(
            source, tmp_path / "public.png", encoder, bright_square, pipeline.PublicOptions(seed=1)
        )
        == 1
    )
    return tmp_path / "public.png"


def pixels(path):
    return np.asarray(Image.open(path))


def test_the_public_picture_is_that_of_arrays(public, encoder):
    np.testing.assert_array_equal(pixels(public), pipeline.deidentify(RGB, encoder, bright_square, seed=1))


def test_the_public_picture_carries_its_boxes(public):
    assert pipeline.inspect_image(public).boxes == [[HEAD]]


def test_the_reconstructed_picture_is_that_of_arrays(tmp_path, public, decoder):
    assert pipeline.reconstruct_image(public, tmp_path / "back.png", decoder) == 1
    np.testing.assert_array_equal(pixels(tmp_path / "back.png"), pipeline.reconstruct(pixels(public), decoder))


def test_nothing_else_is_left(tmp_path, public, decoder):
    pipeline.reconstruct_image(public, tmp_path / "back.png", decoder)
    assert sorted(os.listdir(tmp_path)) == ["back.png", "in.png", "public.png"]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
def test_formats(tmp_path, encoder, suffix):
    source = save(tmp_path / f"in{suffix}", RGB, **({"quality": 95} if suffix in (".jpg", ".webp") else {}))
    assert pipeline.deidentify_image(source, tmp_path / "public.png", encoder, bright_square) == 1


def test_transparency_is_kept(tmp_path, encoder, decoder):
    alpha = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
    source = save(tmp_path / "in.png", np.dstack([RGB, alpha]))
    pipeline.deidentify_image(source, tmp_path / "public.png", encoder, bright_square, pipeline.PublicOptions(seed=1))
    pipeline.reconstruct_image(tmp_path / "public.png", tmp_path / "back.png", decoder)
    for name in ("public.png", "back.png"):
        np.testing.assert_array_equal(pixels(tmp_path / name)[..., 3], alpha)


def test_the_place_of_a_photo_is_dropped(tmp_path, encoder):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010E] = "seen in Covilha"
    source = save(tmp_path / "in.jpg", RGB, exif=exif, quality=95)
    assert b"Covilha" in source.read_bytes()
    pipeline.deidentify_image(source, tmp_path / "public.png", encoder, lambda frame: [])
    assert b"Covilha" not in (tmp_path / "public.png").read_bytes()
    public = pixels(tmp_path / "public.png")
    assert public.shape == (64, 48, 3) and abs(public.astype(int) - np.rot90(RGB, -1)).mean() < 6


@pytest.mark.parametrize(
    ("target", "says", "kind"),
    [
        ("public.gif", "name a .png or .jpg file", ProfileError),
        ("old.png", "exists already", atomic.OutputError),
        ("in.png", "is the input itself", atomic.OutputError),
        ("none/public.png", "cannot be written", atomic.OutputError),
        (f"{'x' * 300}.png", "cannot be written .File name too long", atomic.OutputError),
    ],
)
def test_refused_targets(tmp_path, source, encoder, target, says, kind):
    (tmp_path / "old.png").write_bytes(b"precious")

    def call():
        pipeline.deidentify_image(source, tmp_path / target, encoder, bright_square)

    fails(tmp_path, says, call, kind)


def test_a_picture_has_no_crf(tmp_path, source, encoder):
    options = pipeline.PublicOptions(crf=20)
    with pytest.raises(ProfileError, match="public.png has no crf"):
        pipeline.deidentify_image(source, tmp_path / "public.png", encoder, bright_square, options)


def test_overwrite(tmp_path, source, encoder):
    (tmp_path / "old.png").write_bytes(b"no longer precious")
    pipeline.deidentify_image(
        source, tmp_path / "old.png", encoder, bright_square, pipeline.PublicOptions(overwrite=True)
    )
    assert pipeline.inspect_image(tmp_path / "old.png").boxes == [[HEAD]]


def test_refused_source(tmp_path, encoder):
    (tmp_path / "in.png").write_bytes(b"hello")

    def call():
        pipeline.deidentify_image(tmp_path / "in.png", tmp_path / "public.png", encoder, bright_square)

    fails(tmp_path, "damaged or not a picture", call, ImageError)


def test_picture_without_a_message(tmp_path, source, decoder):
    def call():
        pipeline.reconstruct_image(source, tmp_path / "back.png", decoder)

    fails(tmp_path, "no UU-Net message", call, protocol.NoMessageError)
