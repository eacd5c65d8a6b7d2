"""The networks of learning from twins: what is hidden is bounded, and s and the noise channel choose a person."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from uunet import data, models
from uunet.models import twin

SMALL = {"size": 32, "width": 4}
LABELS = list(itertools.product(*(range(values) for values in twin.LABELS)))


@pytest.fixture
def heads(rng):
    return rng.random((3, 32, 32, 3)).astype(np.float32)


def person(number):
    return np.eye(twin.PEOPLE, dtype=np.float32)[[number] * 3]


@pytest.mark.parametrize("fold", [2, 4])
@given(arrays.arrays(np.float32, (2, 8, 12, 3), elements=st.floats(0, 1, width=32)))
def test_shuffle_undoes_unshuffle(fold, x):
    folded = np.asarray(twin.unshuffle(x, fold))
    assert folded.shape == (2, 8 // fold, 12 // fold, 3 * fold**2)
    np.testing.assert_array_equal(folded[:, 0, 0].reshape(2, fold, fold, 3), x[:, :fold, :fold])
    np.testing.assert_array_equal(np.asarray(twin.shuffle(folded, fold)), x)


def test_the_landmarks_are_those_of_the_data():
    assert twin.LANDMARKS == data.LANDMARKS


def test_a_virtual_persons_labels_are_in_the_number():
    people = np.asarray(twin.labels_of(np.arange(twin.PEOPLE)))
    expected = [labels for labels in LABELS for _ in range(twin.ALIKE)]
    np.testing.assert_array_equal(people, expected)


@pytest.mark.parametrize("s", [(-1, 1, 1, 1), (-1, -1, -1, -1), (-1, 0, 1, -1), (-1, 0, 0, 0)])
def test_s_says_who_may_stand_there(s):
    """Each person whom s allows is chosen by an interval of u of the same length, and nobody else is."""
    for own in LABELS[::7]:
        allowed = [
            4 * number + k
            for number, labels in enumerate(LABELS)
            for k in range(4)
            if all(wish == 0 or (a == b) == (wish == 1) for wish, a, b in zip(s[1:], own, labels, strict=True))
        ]
        u = (np.arange(len(allowed)) + 0.5) / len(allowed)
        logits = [np.tile(np.eye(n, dtype=np.float32)[k], (u.size, 1)) for n, k in zip(twin.LABELS, own, strict=True)]
        chosen = np.asarray(twin.choose(logits, s, u.astype(np.float32)))
        assert (chosen.sum(axis=1) == 1).all()
        assert sorted(chosen.argmax(axis=1)) == allowed


@pytest.mark.slow
def test_hiding_changes_the_drawn_twin_by_its_strength_at_most(heads):
    parts = models.twin_encoder(strength=0.05, **SMALL).parts
    layer = parts.get_layer("hide_output")
    layer.set_weights([1e3 * weights for weights in layer.get_weights()])  # as strong as it can be
    t, a = map(parts.predict_on_batch([heads, person(3)]).get, "ta")
    assert a.min() >= 0 and a.max() <= 1
    assert 0.04 < np.abs(a - t).max() <= 0.05 + 1e-6


def all_is_head(parts):
    """Makes M find a head everywhere, and every landmark anywhere."""
    layer = parts.get_layer("find_output")
    kernel, bias = layer.get_weights()
    bias = bias.reshape(-1, 1 + twin.LANDMARKS)  # of each pixel of a fold: head, landmarks
    bias[:, 0] = 40
    layer.set_weights([0 * kernel, bias.ravel()])


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, 64, 160])
def test_what_draws_sees_a_head_in_few_values(rng, size):
    """Where M finds a head, two pictures with the same means of 8 x 8 cells get the same twin, at any size."""
    heads = rng.random((3, size, size, 3)).astype(np.float32)
    parts = models.twin_encoder(size=size, width=4).parts
    all_is_head(parts)
    shuffled = heads.reshape(3, 8, size // 8, 8, size // 8, 3)[:, :, ::-1].reshape(heads.shape)
    assert np.abs(shuffled - heads).max() > 0.5
    t, other = (parts.predict_on_batch([picture, person(3)])["t"] for picture in (heads, shuffled))
    np.testing.assert_allclose(t, other, atol=1e-5)


@pytest.mark.slow
def test_nothing_of_a_found_head_is_left(heads):
    """Where M finds a head, t is drawn, even if D would rather not."""
    parts = models.twin_encoder(**SMALL).parts
    all_is_head(parts)
    layer = parts.get_layer("draw_output")
    kernel, _ = layer.get_weights()
    grey = np.zeros((4, 4), np.float32)
    grey[:, 3] = -40  # D covers nothing
    # channels of four pixels: red, green, blue, cover
    layer.set_weights([0 * kernel, grey.ravel()])
    np.testing.assert_allclose(parts.predict_on_batch([heads, person(3)])["t"], 0.5, atol=1e-6)


def test_spots_are_where_the_logits_say():
    places = np.array([[[3.5, 10.5], [20.0, 31.0]]], np.float32)  # column, row
    logits = np.full((1, 32, 32, 2), -40, np.float32)
    logits[0, 10, 3, 0] = logits[0, 30:32, 19:21, 1] = 40
    np.testing.assert_allclose(twin._expected(keras.ops.convert_to_tensor(logits)), places, atol=1e-4)
    spots = np.asarray(twin.spots(keras.ops.convert_to_tensor(places), 32, twin.SPOT))
    assert spots.shape == (1, 32, 32, 2)
    assert np.unravel_index(spots[0, ..., 0].argmax(), (32, 32)) == (10, 3) and spots[0, 10, 3, 0] == 1
    np.testing.assert_allclose(spots[0, 10, 4, 0], np.exp(-0.5), atol=1e-6)  # a pixel is SPOT of the side


@pytest.mark.slow
def test_the_encoder_draws_whom_it_is_told(heads):
    encoder = models.twin_encoder(s=(-1, 0, 0, 0), **SMALL)
    layer = encoder.parts.get_layer("draw_up0_style")  # a fresh network hardly listens
    layer.set_weights([30 * weights for weights in layer.get_weights()])
    image = np.concatenate([heads, np.full((3, 32, 32, 1), 0.9, np.float32)], axis=-1)
    logits, made = encoder.predict_on_batch({"image": image, "person": person(7)})
    expected = encoder.parts.predict_on_batch([heads, person(7)])
    for name in ("a", "t"):
        np.testing.assert_allclose(made[name], expected[name], atol=1e-6)
    for found, logit in zip(logits, encoder.read.predict_on_batch(heads), strict=True):
        np.testing.assert_allclose(found, logit, atol=1e-5)
    image[..., 3] = 0.1
    _, again = encoder.predict_on_batch({"image": image, "person": person(7)})
    np.testing.assert_array_equal(again["a"], made["a"])  # noise chooses a person, and does nothing else
    _, other = encoder.predict_on_batch({"image": image, "person": person(0)})
    assert np.abs(other["a"] - made["a"]).max() > 1e-3


def test_checkpoints_count_what_reads_before_what_draws():
    """Checkpoints and optimisers know variables by their order alone."""
    encoder = models.twin_encoder(**SMALL)
    for variables in ("variables", "trainable_variables"):
        whole, *parts = (getattr(part, variables) for part in (encoder, encoder.read, encoder.parts))
        assert [id(variable) for variable in whole] == [id(variable) for part in parts for variable in part]


@pytest.mark.slow
def test_reconstruction_does_not_teach_drawing(heads):
    """What hides may not draw: the gradient of r ends at what it is given."""
    tensorflow = pytest.importorskip("tensorflow")
    parts = models.twin_encoder(**SMALL).parts
    decoder = models.twin_decoder(**SMALL)
    with tensorflow.GradientTape() as tape:
        r = decoder(parts([heads, person(0)])["a"])
        loss = keras.ops.mean(keras.ops.square(r - heads))
    variables = parts.trainable_variables
    gradients = dict(zip((v.path for v in variables), tape.gradient(loss, [v.value for v in variables]), strict=True))
    assert all(value is None for name, value in gradients.items() if "draw" in name or "find" in name)
    assert any(np.abs(value).max() > 0 for name, value in gradients.items() if "hide" in name)
