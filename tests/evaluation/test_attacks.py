"""Attackers: what they learn from, what their answers are worth."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from uunet import config, data, engine, models
from uunet.evaluation import attacks

SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample" / "cctv"
TINY = attacks.AttackConfig(pairs=(4,), steps=3, batch=2, width=4)


@pytest.fixture(scope="module")
def train():
    return data.load(SAMPLE, "train")


@pytest.fixture(scope="module")
def shift():
    """A U_e that adds its noise to the picture: a tells which noise was used."""
    image = keras.Input((64, 64, 4))
    return keras.Model(image, image[..., :3] / 2 + image[..., 3:] / 2)


def drawn(encoder, heads, known, pairs, batches=40):
    """All `(a, x)` of some batches."""
    order = np.arange(len(heads.images))
    source = attacks.pair_batches(encoder, heads, order, known, pairs, TINY)
    return [pair for _ in range(batches) for pair in zip(*next(source), strict=True)]


@pytest.mark.parametrize("pairs", [5, 40])
def test_known_outputs_are_n_fixed_pairs(train, shift, pairs):
    """40 pairs of 32 pictures: 8 of these were released twice, with other noise."""
    seen = {}
    for a, x in drawn(shift, train, "outputs", pairs, batches=300):
        seen.setdefault(x.tobytes(), set()).add(a.tobytes())
    assert len(seen) == min(pairs, 32)
    assert sum(map(len, seen.values())) == pairs and max(map(len, seen.values())) == -(-pairs // 32)


def test_the_encoder_makes_new_pairs_of_n_pictures(train, shift):
    pairs = drawn(shift, train, "encoder", 5)
    assert len({x.tobytes() for _, x in pairs}) == 5
    assert len({a.tobytes() for a, _ in pairs}) == len(pairs)


def test_a_track_keeps_its_noise(train, shift):
    """One noise a sequence and release: where ROIs are not smaller than the face, a - x / 2 tells it."""
    index = np.arange(8)  # subject 800000, sequences 0 and 1
    assert list(train.sequences[index]) == [0] * 4 + [1] * 4
    again = np.zeros(8, int)
    noise, other = (
        engine.network_inputs(attacks.release(shift, train, index, draw, TINY, 0), 64) - train.images[index] / 510
        for draw in (again, again + 1)
    )
    distance = np.abs(noise[:, None] - noise[None]).max(axis=(2, 3, 4))
    fresh = np.abs(other - noise)
    for one in range(8):
        for other in range(8):
            assert (distance[one, other] < 0.3) == (train.sequences[one] == train.sequences[other])
    assert fresh.max(axis=(1, 2, 3)).min() > 0.3


@pytest.mark.slow
def test_where_the_originals_are_sealed_attackers_see_the_drawing_alone(train):
    encoder = models.twin_encoder(size=64, width=4, strength=0.2)
    index = np.arange(8)

    def released(output):
        settings = dataclasses.replace(TINY, hides=output == "a")
        return attacks.release(encoder, train, index, np.zeros(8, int), settings, 0)

    drawn = released("t")
    assert len(drawn) == 8
    changed = [np.abs(one.astype(int) - other).max() for one, other in zip(released("a"), drawn, strict=True)]
    assert min(changed) > 0  # what U_e hides


def test_weights_that_always_hide_are_refused(shift):
    preset = SimpleNamespace(encoder=shift, decoder=shift)
    with pytest.raises(config.ConfigError, match="draw first"):
        attacks.run(preset, SAMPLE, dataclasses.replace(TINY, hides=False), {})


@pytest.mark.slow
def test_an_inverse_is_learnt(train, shift):
    """Without noise x = 2 a, which a few steps find far better than they begin, at r = a."""
    images = train.images[:, 16:48, 16:48] / np.float32(510)
    settings = dataclasses.replace(TINY, steps=40, learning_rate=3e-3)
    rng = np.random.default_rng(0)

    def batches():
        while True:
            x = images[rng.integers(len(images), size=8)]
            yield x / 2, x

    done = []
    inverse = attacks.train_inverse(batches(), 32, settings, lambda *step: done.append(step))
    x = images[:8]
    assert np.square(inverse.predict(x / 2, verbose=0) - x).mean() < 0.5 * np.square(x / 2 - x).mean()
    assert done == [(step, 40) for step in range(1, 41)]


# Scores.


@pytest.fixture
def faces(rng):
    """3 people x 2 sequences x 2 frames; a pixel says who, so that `mean_colour` recognises them."""
    subjects, sequences = np.repeat([0, 1, 2], 4), np.arange(12) // 2
    x = np.clip(60 + 60 * subjects[:, None, None, None] + rng.integers(-9, 10, (12, 8, 8, 3)), 0, 255)
    return attacks.Faces(x.astype(np.uint8), subjects, sequences)


def mean_colour(images):
    return images.mean(axis=(1, 2)), np.ones(len(images), bool)


def quiet(stage, done, total):
    pass


@given(st.integers(1, 30))
def test_psnr_of_a_known_error(levels):
    faces = attacks.Faces(np.full((4, 8, 8, 3), 100, np.uint8), np.array([0, 0, 1, 1]), np.arange(4))
    score = attacks.Scorer(faces, {}, 0)((faces.x + np.float32(levels)) / 255, "", quiet)
    assert score["psnr"] == pytest.approx(dict.fromkeys(("mean", "low", "high"), 20 * np.log10(255 / levels)), rel=1e-6)


def test_identity_is_that_of_all_pairs_across_sequences(faces, rng):
    answers = np.clip(faces.x / 255 + rng.normal(0, 0.5, (12, 1, 1, 3)), 0, 1)
    scored = attacks.Scorer(faces, {"colour": mean_colour}, 0)(answers, "", quiet)["judges"]["colour"]
    seen = mean_colour(np.round(255 * answers))[0]
    scores, truth = [], []
    for i in range(12):
        for j in range(12):
            if faces.sequences[i] != faces.sequences[j]:
                scores.append(-np.linalg.norm(seen[i] - mean_colour(faces.x)[0][j]))
                truth.append(faces.subjects[i] == faces.subjects[j])
    assert scored["auc"]["mean"] == pytest.approx(roc_auc_score(truth, scores))
    assert scored["auc"]["low"] <= scored["auc"]["mean"] <= scored["auc"]["high"]
    assert scored["auc"]["low"] < scored["auc"]["high"] and scored["found"] == 1


def test_the_original_is_known_and_a_grey_picture_is_not(faces):
    scorer = attacks.Scorer(faces, {"colour": mean_colour}, 0)
    original = scorer(faces.x / 255, "", quiet)
    assert original["psnr"] is None and original["judges"]["colour"]["auc"]["mean"] == 1
    grey = scorer(np.full(faces.x.shape, 0.5), "", quiet)["judges"]["colour"]["auc"]
    assert grey["mean"] == pytest.approx(0.5, abs=0.2)


def test_faces_that_are_not_found_are_counted_apart(faces):
    def half_blind(images):
        found = np.arange(len(images)) % 2 == 0
        return np.where(found[:, None], images.mean(axis=(1, 2)), np.nan), found

    scored = attacks.Scorer(faces, {"half": half_blind, "blind": lambda x: (x[:, 0, 0], x[:, 0, 0, 0] < 0)}, 0)(
        faces.x / 255, "", quiet
    )["judges"]
    assert scored["half"]["found"] == 0.5 and scored["half"]["auc"]["mean"] == 1
    assert scored["blind"] == {"auc": None, "found": 0.0}


def test_one_person_cannot_be_recognised():
    faces = attacks.Faces(np.zeros((4, 8, 8, 3), np.uint8), np.zeros(4, int), np.arange(4))
    with pytest.raises(data.DataError, match="two subjects"):
        attacks.Scorer(faces, {}, 0)


def test_no_pairs_are_refused():
    with pytest.raises(config.ConfigError, match="got none"):
        attacks.AttackConfig(pairs=())
