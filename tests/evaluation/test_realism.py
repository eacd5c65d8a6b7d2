"""KID and sharpness in closed form, and both on the command line."""

import itertools
import json
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest

from tests.evaluation.test_scorecard import SAMPLE, evaluate, unchanged  # noqa: F401
from uunet import engine
from uunet.evaluation import realism, resampling, transmission
from uunet.evaluation.judges import dlib, faceres
from uunet.models import twin

SIDE = 64
OCTAVES = [(2, 4), (4, 8), (8, 16), (16, 32)]


def k(x, y):
    return (np.dot(x, y) / len(x) + 1) ** 3


def test_kid_is_the_mean_over_all_subsets_of_one_head_a_person(rng):
    """Each subset by the formula of the unbiased estimate, pairs (i, i) left out; people with 1, 2 and 3 heads."""
    people = np.array([0, 1, 1, 2, 2, 2])
    x, a = rng.normal(size=(6, 5)), rng.normal(size=(6, 5))
    of_subsets = []
    for subset in itertools.product([0], [1, 2], [3, 4, 5]):
        of_subsets.append(np.mean([
            k(x[i], x[j]) + k(a[i], a[j]) - k(x[i], a[j]) - k(a[i], x[j]) for i, j in itertools.permutations(subset, 2)
        ]))  # fmt: skip
    drawn = np.array([[1, 1, 1], [2, 0, 1], [3, 0, 0]])
    found = realism.kid(x, a, people, drawn)
    assert found[0] == pytest.approx(np.mean(of_subsets))
    both = np.array([0, 3, 4, 5])  # whoever comes twice is not compared with himself
    assert found[1] == pytest.approx(realism.kid(x[both], a[both], np.array([0, 1, 1, 1]), np.ones((1, 2)))[0])
    assert np.isnan(found[2])


def test_kid_of_equal_heads_is_zero_and_of_two_points_is_known():
    people = np.arange(4)
    x = np.tile([1.0, 0.0], (4, 1))
    drawn = np.ones((1, 4))
    assert realism.kid(x, x, people, drawn) == pytest.approx(0)
    # k(x, x) = (1/2 + 1)^3 and the same for a; k(x, a) = (-1/2 + 1)^3
    assert realism.kid(x, -x, people, drawn) == pytest.approx(2 * 1.5**3 - 2 * 0.5**3)


def test_kid_is_not_biased(rng):
    """x and a of one distribution: the estimates lie around 0, some below; a shift of the mean is seen."""
    people, drawn = np.arange(20), np.ones((1, 20))
    same = [realism.kid(rng.normal(size=(20, 8)), rng.normal(size=(20, 8)), people, drawn)[0] for _ in range(200)]
    spread = np.std(same) / np.sqrt(200)
    assert abs(np.mean(same)) < 4 * spread and min(same) < 0
    other = realism.kid(rng.normal(size=(20, 8)), rng.normal(1, size=(20, 8)), people, drawn)[0]
    assert other > 10 * np.std(same)


def test_the_floor_compares_two_halves(rng, monkeypatch):
    """Of four people there are three halvings: (0, 1 | 2, 3) and so on, each by the formula of two samples."""
    monkeypatch.setattr(resampling, "DRAWS", 60)
    x = rng.normal(size=(4, 3))
    halvings = []
    for i, j, m, n in ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)):
        crossed = np.mean([k(x[p], x[q]) for p in (i, j) for q in (m, n)])
        halvings.append(k(x[i], x[j]) + k(x[m], x[n]) - 2 * crossed)
    assert np.sum(halvings) == pytest.approx(0, abs=1e-12)
    found = realism.kid_of_halves(x, np.arange(4), rng)
    assert len(found) == 61 and found[0] == pytest.approx(np.mean(found[1:]))
    assert all(np.isclose(value, halvings).any() for value in found[1:])
    assert all(np.isclose(value, found[1:]).any() for value in halvings)
    assert np.isnan(realism.kid_of_halves(x[:3], np.arange(3), rng)[0])


def test_what_a_network_is_fed(monkeypatch, rng):
    """Whole heads at its own side; its features before its last layer, in the order of the heads."""
    image = keras.Input((150, 150, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    network = keras.Model(image, keras.layers.UnitNormalization()(pooled))
    monkeypatch.setattr(dlib, "network", lambda: network)
    grey = np.repeat(rng.integers(1, 256, (70, 1, 1, 3), np.uint8), 64, axis=1).repeat(64, axis=2)
    told = []
    np.testing.assert_allclose(realism.features("dlib", grey, lambda *at: told.append(at)), grey[:, 0, 0], atol=1e-3)
    assert told == [(64, 70), (70, 70)]


def test_features_of_dlib():
    """Not negative, 256 for each head, and its embeddings are a matrix product of them."""
    x = np.stack([cv2.imread(str(path))[..., ::-1] for path in sorted((SAMPLE / "crops").rglob("*.png"))[:3]])
    found = realism.features("dlib", x)
    assert found.shape == (3, 256) and found.min() >= 0 and found.std(axis=0).max() > 0
    matrix = dlib.network().get_layer("fc").get_weights()[0]
    np.testing.assert_allclose(found @ matrix, dlib.embed(transmission.seen(x, dlib.SIDE)), atol=1e-4)


def waves(cycles, amplitude=50.0):
    """Heads of one vertical wave each: `(N, 64, 64, 3)`, grey."""
    phase = 2 * np.pi * np.arange(SIDE) / SIDE
    wave = 128 + amplitude * np.cos(np.asarray(cycles)[:, None] * phase)  # (N, 64)
    return np.broadcast_to(wave[:, None, :, None], (len(wave), SIDE, SIDE, 3))


def noise(rng, count=40):
    return rng.normal(128, 20, (count, SIDE, SIDE, 1)).repeat(3, axis=-1)


def test_octaves_end_at_nyquist():
    assert realism.octaves(64) == OCTAVES and realism.octaves(256)[-1] == (64, 128)
    assert realism.octaves(100) == OCTAVES


def test_power_of_a_wave_is_in_its_octave():
    """The window blurs a wave by one cycle per head, so waves in the middle of an octave stay in it."""
    found = realism.power(waves([3 * 2**n for n in range(1, 4)]))
    np.testing.assert_array_equal(found.argmax(axis=1), [1, 2, 3])
    assert (np.sort(found, axis=1)[:, -2] < 1e-9 * found.max(axis=1)).all()
    np.testing.assert_allclose(realism.power(waves([6], 100)), 4 * realism.power(waves([6], 50)), atol=1e-6)
    np.testing.assert_allclose(realism.power(waves([6]) + 30), realism.power(waves([6])), atol=1e-6)  # brightness


def test_white_noise_is_flat(rng):
    """Each octave has (annulus of 38 or more frequencies) x 40 heads of power of relative deviation 1."""
    found = realism.power(noise(rng)).mean(axis=0)
    # the window's mean square, 3/8 each way, of the variance in each pixel; neighbouring frequencies share power (x 2)
    expected = SIDE**2 * 20**2 * (3 / 8) ** 2
    np.testing.assert_allclose(found / expected, 1, atol=4 * np.sqrt(2 * 2 / (38 * 40)))


def sharpness(x, shown):
    sample = SimpleNamespace(people=np.arange(len(x)), mean=lambda values, people: np.array([np.mean(values)] * 2))
    return realism.sharpness(sample, x, shown)


def test_a_is_as_sharp_as_itself(rng):
    x = noise(rng, 3)
    for (octave, values), expected in zip(sharpness(x, x), OCTAVES, strict=True):
        assert octave == expected and values == pytest.approx([1, 1])


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_a_blurred_wave_has_the_power_of_the_blur(sigma):
    """exp(-(2 pi f sigma)^2), f in cycles per pixel: the square of what a Gaussian blur leaves of a wave."""
    for n, cycles in enumerate((3, 6, 12, 24)):
        left = np.exp(-2 * (np.pi * sigma * cycles / SIDE) ** 2)
        ratio = sharpness(waves([cycles]), waves([cycles], 50 * left))[n][1][0]
        assert ratio == pytest.approx(np.exp(-((2 * np.pi * sigma * cycles / SIDE) ** 2)), rel=1e-6)


def test_blurred_noise_loses_what_the_blur_takes(rng):
    """OpenCV's blur of noise: between what is left at an octave's ends, where the window blurs sqrt(2) cycles."""
    sigma = 1.5
    x = noise(rng)
    blurred = np.stack([cv2.GaussianBlur(head, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) for head in x])
    for (low, high), (ratio, _) in sharpness(x, blurred):
        most, least = (np.exp(-((2 * np.pi * sigma * f / SIDE) ** 2)) for f in (low - 2**0.5, high + 2**0.5))
        assert least < ratio < most


@pytest.mark.slow
def test_an_encoder_that_draws_first_shows_its_drawing(rng):
    """t is what a is without H: the same person, no further away than the strength of hiding."""
    encoder = twin.twin_encoder(size=32, width=4, strength=0.05)
    x = rng.integers(0, 256, (4, 32, 32, 3), np.uint8)
    sequences = np.array([0, 0, 1, 1])
    t, a = (engine.Deidentifier(encoder, 0, output=name)(x, sequences) for name in "ta")
    difference = np.abs(t.astype(int) - a).max()
    assert 0 < difference <= 0.05 * 255 + 1


def rows_of(record):
    return {(row["title"], row["judge"]): row["value"] for row in record["rows"]}


@pytest.mark.slow
def test_weights_that_change_nothing_are_as_real_and_as_sharp(evaluate, unchanged, tmp_path, monkeypatch):  # noqa: F811
    """a = x but for rounding; without faceres KID is measured by dlib alone, and one sentence says so."""
    monkeypatch.setattr(faceres, "PATH", tmp_path / "none")
    faceres.network.cache_clear()
    out = tmp_path / "record.json"
    printed = evaluate(SAMPLE, "--weights", unchanged, "-o", out, "--judges", "realism")
    record = json.loads(out.read_text())
    rows = rows_of(record)
    assert rows["KID x, a (the hidden pattern included), times 1000", "features of dlib"] == pytest.approx(0, abs=1)
    for low, high in OCTAVES:
        title = f"power of a (the hidden pattern included) relative to x, {low}-{high} cycles per head"
        assert rows[title, ""] == pytest.approx(1, abs=0.01)
    assert [value for (title, _), value in rows.items() if "floor" in title] == [None]  # two people have no halves
    assert not any("faceres" in judge for _, judge in rows)
    assert len(record["notes"]) == 1 and "KID is measured without faceres" in record["notes"][0]
    assert record["notes"][0] in printed and "data_prep.judge_weights faceres" in printed
