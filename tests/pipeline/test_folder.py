"""Folders of pictures there and back, and what is refused."""

import os

import pytest
from PIL import Image

from tests.clips import bright_square, fails, scene
from uunet import pipeline
from uunet.boxes.box_file import BoxesError, GivenBoxes
from uunet.boxes.types import Roi
from uunet.media import images, profiles
from uunet.media.images import ImageError
from uunet.wire import messages


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    save(tmp_path / "in" / "a.jpg", scene(0), quality=98)
    save(tmp_path / "in" / "b.png", scene(5))
    save(tmp_path / "in" / "deeper" / "c.png", scene(9))
    (tmp_path / "in" / "notes.txt").write_text("left out")
    return tmp_path / "in"


def test_every_picture_is_done(tmp_path, folder, encoder):
    result = pipeline.deidentify_folder(folder, tmp_path / "public", encoder, bright_square)
    assert result.done == {"a.jpg": 1, "b.png": 1, "deeper/c.png": 1} and result.failed == {}
    written = sorted(str(p.relative_to(tmp_path / "public")) for p in (tmp_path / "public").rglob("*") if p.is_file())
    assert written == ["a.png", "b.png", "deeper/c.png"]


def test_every_picture_is_reconstructed(tmp_path, folder, encoder, decoder):
    pipeline.deidentify_folder(folder, tmp_path / "public", encoder, bright_square)
    back = pipeline.reconstruct_folder(tmp_path / "public", tmp_path / "back", decoder)
    assert back.done == {"a.png": 1, "b.png": 1, "deeper/c.png": 1} and back.failed == {}


def test_a_folder_has_no_crf(tmp_path, folder, encoder):
    with pytest.raises(profiles.ProfileError, match="has no crf: leave it out"):
        pipeline.deidentify_folder(folder, tmp_path / "out", encoder, bright_square, pipeline.PublicOptions(crf=20))
    assert not (tmp_path / "out").exists()


def test_progress(tmp_path, folder, encoder):
    calls = []
    pipeline.deidentify_folder(
        folder, tmp_path / "public", encoder, bright_square, progress=lambda *call: calls.append(call)
    )
    assert calls == [("de-identify", k, 3) for k in (1, 2, 3)]


def test_bad_picture_in_a_folder_is_named_and_the_others_are_done(tmp_path, folder, encoder):
    (folder / "b.png").write_bytes(b"broken")
    result = pipeline.deidentify_folder(folder, tmp_path / "public", encoder, bright_square)
    assert result.done == {"a.jpg": 1, "deeper/c.png": 1}
    assert list(result.failed) == ["b.png"] and "damaged or not a picture" in result.failed["b.png"]
    assert not (tmp_path / "public" / "b.png").exists()


def test_folder_seed_repeats_but_pictures_differ(tmp_path, folder, noise_encoder):
    table = GivenBoxes({k: [(0, Roi(4, 4, 16, 16))] for k in range(3)})
    for name in ("one", "two"):
        pipeline.deidentify_folder(folder, tmp_path / name, noise_encoder, table, pipeline.PublicOptions(seed=5))
    for name in ("a.png", "b.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    a, b = (images.read(tmp_path / "one" / name).rgb[4:20, 4:20].astype(int) for name in ("a.png", "b.png"))
    assert abs(a - b).mean() > 20  # not the same virtual face in every picture


def test_boxes_for_a_folder(tmp_path, folder, encoder):
    table = GivenBoxes({1: [(None, Roi(4, 4, 16, 16))], 2: [(None, Roi(60, 4, 16, 16))]})
    result = pipeline.deidentify_folder(folder, tmp_path / "public", encoder, table)
    assert result.done == {"a.jpg": 0, "b.png": 1} and "x=60" in result.failed["deeper/c.png"]
    assert messages.read_rois(images.read(tmp_path / "public" / "b.png").rgb) == [Roi(4, 4, 16, 16)]


def test_boxes_of_another_folder(tmp_path, folder, encoder):
    def call():
        pipeline.deidentify_folder(folder, tmp_path / "other", encoder, GivenBoxes({3: []}))

    fails(tmp_path, "picture 3 but the last one is 2", call, BoxesError)


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        ("none", "out", "none is not a folder"),
        ("nothing", "out", "holds no picture"),
        ("in", "in", "overlaps with"),
        ("in", "in/deeper/out", "overlaps with"),
        ("in", ".", "overlaps with"),
        ("in/deeper", "in", "overlaps with"),
        ("in", "file", "file is a file: name a folder"),
        ("x" * 300, "out", "File name too long"),
        ("in", "x" * 300, "File name too long"),
        ("in", "old", "b.png exists already"),
    ],
)
def test_refused_folders(tmp_path, folder, encoder, source, target, says):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "b.png").write_bytes(b"precious")

    def call():
        pipeline.deidentify_folder(tmp_path / source, tmp_path / target, encoder, bright_square)

    fails(tmp_path, says, call, ImageError)


def test_a_picture_is_not_replaced_through_a_link(tmp_path, folder, encoder):
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "deeper").symlink_to(folder / "deeper")

    def call():
        pipeline.deidentify_folder(
            folder, tmp_path / "link", encoder, bright_square, pipeline.PublicOptions(overwrite=True)
        )

    fails(tmp_path, "c.png is an input itself", call, ImageError)


def test_two_pictures_of_one_name(tmp_path, folder, encoder):
    save(folder / "b.jpg", scene(3))

    def call():
        pipeline.deidentify_folder(folder, tmp_path / "out", encoder, bright_square)

    fails(tmp_path, "b.jpg .*would both be written to .*b.png: rename one", call, ImageError)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, folder, encoder, monkeypatch):
    """Its pictures would stay as they are, and nobody would know."""
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("deeper"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ImageError, match="deeper cannot be used \\(Permission denied\\): name other folders"):
        pipeline.deidentify_folder(folder, tmp_path / "public", encoder, bright_square)
    assert not (tmp_path / "public").exists()
