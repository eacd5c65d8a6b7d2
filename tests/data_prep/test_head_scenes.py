"""Small scenes with true head boxes: people cut out, places, what is put where, and the command."""

import dataclasses

import cv2
import numpy as np
import pytest

from data_prep.head_scenes import __main__ as command
from data_prep.head_scenes import cutouts, places, scenes, units
from data_prep.head_scenes.cutouts import Cutout
from data_prep.synthetic import light
from uunet.data import head_scenes as archive

NOTHING = np.zeros((0, 4))


def doll(side=40, unsure=NOTHING):
    """Somebody of one red square, whose head is the upper half."""
    rgba = np.zeros((2 * side, side, 4), np.uint8)
    rgba[..., 0], rgba[..., 3] = 255, 255
    head = np.zeros((2 * side, side), np.uint8)
    head[:side] = 255
    return Cutout(rgba, head, np.array([0.0, 0, side, side]), unsure)


def empty():
    return scenes.Picture(np.zeros((scenes.SIZE, scenes.SIZE, 3), np.float32), [], [], [], [])


def test_a_head_is_where_it_is_put():
    picture = empty()
    scenes._put(picture, doll(), 0.5, (100, 60))
    heads, ignored = scenes._truth(picture)
    np.testing.assert_allclose(heads, [[90, 50, 20, 20]])
    assert not len(ignored)
    red = np.argwhere(picture.rgb[..., 0] > 0.5)
    assert red.min(0).tolist() == [50, 90] and red.max(0).tolist() == [89, 109]


def test_hidden_heads_are_ignored_or_gone():
    """Behind others: half hidden is a head, nearly hidden is ignored, hidden is nothing; so at the edge."""
    for hidden, expected in ((0.5, (1, 0)), (0.8, (0, 1)), (1.0, (0, 0))):
        picture = empty()
        scenes._put(picture, doll(), 1.0, (100, 60))
        rgba = np.full((100, round(40 * hidden), 4), 255, np.uint8)
        scenes._paste(picture, rgba, rgba.shape[1::-1], (80, 20))
        assert tuple(map(len, scenes._truth(picture))) == expected
    picture = empty()
    scenes._put(picture, doll(), 1.0, (0, 60))
    np.testing.assert_allclose(scenes._truth(picture)[0], [[0, 40, 20, 40]])


def test_tiny_heads_and_others_in_photographs_are_ignored():
    picture = empty()
    scenes._put(picture, doll(unsure=np.array([[0.0, 0, 10, 80]])), 0.1, (100, 60))
    heads, ignored = scenes._truth(picture)
    assert not len(heads)
    np.testing.assert_allclose(ignored, [[98, 58, 1, 8], [98, 58, 4, 4]])


def test_mirrored_people_keep_their_boxes():
    one = dataclasses.replace(doll(unsure=np.array([[0.0, 0, 10, 80]])), box=np.array([5.0, 0, 20, 40]))
    seen = {
        (found.box[0], found.unsure[0][0])
        for found in (scenes._varied(one, np.random.default_rng(k)) for k in range(9))
    }
    assert seen == {(5.0, 0.0), (15.0, 30.0)}


def test_things_and_places_are_pictures():
    rng = np.random.default_rng(0)
    for kind in places.THINGS:
        picture = np.zeros((48, 48, 4), np.uint8)
        places._DRAW[kind](picture, 48, np.array([120.0, 90, 60]), rng)
        assert picture[..., 3].any(), kind
    assert all(places.thing(rng, side).shape == (side, side, 4) for side in (6, 30, 100))
    for _ in range(8):
        place = places.background(rng, 96, ("p_sunset",))
        assert place.shape == (96, 96, 3) and place.dtype == np.float32 and 0 <= place.min() <= place.max() <= 1


def test_the_camera_keeps_the_size():
    rgb = np.random.default_rng(0).random((64, 64, 3), np.float32)
    for seed in range(8):
        filmed = scenes.film(rgb, np.random.default_rng(seed))
        assert filmed.shape == rgb.shape and filmed.dtype == np.uint8


def test_units_share_out_pictures_and_keep_the_splits_apart(tmp_path):
    photographs = {"train": [(tmp_path / "a", None)] * 30, "validation": [(tmp_path / "b", None)] * 5}
    planned = units.plan(450, photographs, 0)
    assert sum(unit.pictures for unit in planned) == 450 and len({unit.number for unit in planned}) == 12
    for k, unit in enumerate(planned):
        validation = k % units.VALIDATION == 1
        assert {path.name for path, _ in unit.photographs} == {"b" if validation else "a"}
        assert len(unit.photographs) == (5 if validation else units.PHOTOGRAPHS)
        assert all((name in units.VALIDATION_PLACES) == validation for name in unit.places)
    assert set(planned[0].places) | set(planned[1].places) == set(light.PLACES)


def test_options_that_do_not_fit_are_refused(tmp_path, capsys):
    assert command.main(["--out", str(tmp_path / "heads.png")]) == 1
    assert "ends with .npz" in capsys.readouterr().err
    assert command.main(["--out", str(tmp_path / "heads.npz"), "--lfw", str(tmp_path)]) == 1
    assert "--lists together" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_rendered_heads_fill_their_boxes(tmp_path, monkeypatch):
    """Of a rendered person the pixels of the head fill their box; a unit makes scenes that an archive holds."""
    solid = cutouts.person(300_000)
    for seed, near in ((0, False), (1, True), (2, False)):
        one = cutouts.rendered(solid, seed, near=near)
        x, y, w, h = np.round(one.box).astype(int)
        head = one.head > 128
        assert (
            head[y : y + h, x : x + w].mean() > 0.5 and not head[: max(0, y - 1)].any() and not head[y + h + 1 :].any()
        )
        rows, columns = np.nonzero(head)
        np.testing.assert_allclose([rows.min(), columns.min()], [y, x], atol=0.12 * h)
        assert (one.rgba[y + h + 5 :, :, 3] > 128).any(), "no body"
        assert not cutouts.headless(one).rgba[: y + h, :, 3].any()
    for name in ("PEOPLE", "NEAR", "FAR"):
        monkeypatch.setattr(units, name, 1)
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.full((250, 250, 3), 120, np.uint8))
    made = units.film(units.Unit(0, 6, ((path, None),), ("p_sunset",)))
    again = units.film(units.Unit(0, 6, ((path, None),), ("p_sunset",)))
    assert len(made) == 6 and sum(len(own) for _, own, _ in made) > 0
    for (file, own, _), (same, *_) in zip(made, again, strict=True):
        np.testing.assert_array_equal(file, same)
        for x, y, w, h in own:
            assert x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= scenes.SIZE + 1e-6 and y + h <= scenes.SIZE + 1e-6
    split = archive.Scenes(*(list(part) for part in zip(*made, strict=True)), scenes.SIZE)
    archive.write(tmp_path / "heads.npz", (split, split), {})
    assert archive.read(tmp_path / "heads.npz")[0].picture(5).shape == (scenes.SIZE, scenes.SIZE, 3)
    assert command.sheet(split).shape == (scenes.SIZE, 8 * scenes.SIZE, 3)
