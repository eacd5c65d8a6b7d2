"""Places and the light they give."""

import numpy as np
import pytest

from data_prep.synthetic import light


def test_every_panorama_has_a_kind():
    assert set(light.PLACES) == set(light.panoramas())
    assert set(light.PLACES.values()) == set(light.KINDS)


@pytest.mark.parametrize("kind", light.KINDS)
def test_a_kind_chooses_its_places(kind):
    names = {light.sample(np.random.default_rng(k), kinds=(kind,)).name for k in range(12)}
    assert len(names) > 3 and {light.PLACES[name] for name in names} == {kind}


def test_white_balance_makes_grey_nearly_grey():
    """Under an even orange light; the gains stay within what a camera does, and their mean is 1."""
    panorama = np.full((light.HEIGHT, light.WIDTH, 3), 1.0, np.float32) * np.array([1.3, 1.0, 0.7], np.float32)
    place = light.from_panorama("orange", panorama, np.random.default_rng(0))
    grey = place.white_balance * panorama[0, 0]
    assert grey.max() / grey.min() < 1.15
    assert place.white_balance.mean() == pytest.approx(1)
    blue = np.full((light.HEIGHT, light.WIDTH, 3), 1.0, np.float32) * np.array([0.02, 0.2, 3], np.float32)
    gains = light.from_panorama("blue", blue, np.random.default_rng(0)).white_balance
    assert gains.max() / gains.min() <= light.GAINS[1] / light.GAINS[0] + 1e-9


def test_a_steep_camera_sees_the_ground():
    panorama = np.zeros((light.HEIGHT, light.WIDTH, 3), np.float32)
    panorama[: light.HEIGHT // 2] = 1
    place = light.from_panorama("horizon", panorama, np.random.default_rng(0))
    level = place.background(64, 64, 0.0, np.radians(40), 0.0, 0)
    steep = place.background(64, 64, np.radians(50), np.radians(40), 0.0, 0)
    assert level[:20].min() > 0 and level[-20:].max() == 0 and steep.max() == 0


def test_lamps_have_no_black_rims():
    """Pixels that are all but black within 6 of a bright lamp: none, in the lobby with its ring of lamps."""
    lobby = light.panoramas()["p_lobby"].mean(-1)
    row, column = np.unravel_index(lobby[:256].argmax(), (256, light.WIDTH))
    assert lobby[row, column] > 20
    assert lobby[row - 3 : row + 4, column - 10 : column + 11].min() > 0.1
