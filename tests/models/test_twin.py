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


def test_hiding_changes_the_drawn_twin_by_its_strength_at_most(heads):
    _, parts = twin.parts_of(models.twin_encoder(strength=0.05, **SMALL))
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


@pytest.mark.parametrize("size", [32, 64, 160])
def test_what_draws_sees_a_head_in_few_values(rng, size):
    """Where M finds a head, two pictures with the same means of 8 x 8 cells get the same twin, at any size."""
    heads = rng.random((3, size, size, 3)).astype(np.float32)
    _, parts = twin.parts_of(models.twin_encoder(size=size, width=4))
    all_is_head(parts)
    shuffled = heads.reshape(3, 8, size // 8, 8, size // 8, 3)[:, :, ::-1].reshape(heads.shape)
    assert np.abs(shuffled - heads).max() > 0.5
    t, other = (parts.predict_on_batch([picture, person(3)])["t"] for picture in (heads, shuffled))
    np.testing.assert_allclose(t, other, atol=1e-5)


def test_nothing_of_a_found_head_is_left(heads):
    """Where M finds a head, t is drawn, even if D would rather not."""
    _, parts = twin.parts_of(models.twin_encoder(**SMALL))
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


def test_the_encoder_draws_whom_the_first_noise_value_chooses(heads):
    encoder = models.twin_encoder(s=(-1, 0, 0, 0), **SMALL)
    read, parts = twin.parts_of(encoder)
    layer = parts.get_layer("draw_up0_style")  # a fresh network hardly listens
    layer.set_weights([30 * weights for weights in layer.get_weights()])
    noise = np.full((3, 32, 32, 1), 0.9, np.float32)
    for u in (0.0, 0.3, 0.999, 1.0):
        noise[:, 0, 0] = u
        chosen = twin.choose(read.predict_on_batch(heads), (-1, 0, 0, 0), noise[:, 0, 0, 0])
        expected = parts.predict_on_batch([heads, np.asarray(chosen)])["a"]
        a = encoder.predict_on_batch(np.concatenate([heads, noise], axis=-1))
        np.testing.assert_allclose(a, expected, atol=1e-6)
    assert np.abs(a - parts.predict_on_batch([heads, person(0)])["a"]).max() > 1e-3


def test_a_track_holds_whom_its_heads_together_ask_for(heads):
    s = (-1, 1, 1, 1)
    encoder = models.twin_encoder(s=s, **SMALL)
    read, parts = twin.parts_of(encoder)
    for k in range(3):
        layer = read.get_layer(f"label{k}")
        layer.set_weights([3 * weights for weights in layer.get_weights()])
    logits = read.predict_on_batch(heads)
    alone = [{int(number) for number in logit.argmax(axis=1)} for logit in logits]
    assert max(map(len, alone)) > 1, "the heads are read alike: nothing to hold"
    noise = np.full((32, 32, 1), 0.9, np.float32)
    named = twin.held(encoder, heads, noise)
    together = [np.log(keras.ops.softmax(logit)).mean(axis=0, keepdims=True) for logit in logits]
    expected = int(np.asarray(twin.choose(together, s, noise[0, :1, 0])).argmax())
    assert named[0, 0] == twin.NAMED + expected
    np.testing.assert_array_equal(named.ravel()[1:], noise.ravel()[1:])
    a = encoder.predict_on_batch(np.concatenate([heads, np.tile(named, (3, 1, 1, 1))], axis=-1))
    np.testing.assert_allclose(a, parts.predict_on_batch([heads, person(expected)])["a"], atol=1e-6)


def test_an_encoder_that_chooses_nobody_has_nothing_to_hold(rng, heads):
    noise = rng.random((32, 32, 1), dtype=np.float32)
    assert twin.held(models.unet(4, size=32, width=4), heads, noise) is noise


def test_reconstruction_does_not_teach_drawing(heads):
    """What hides may not draw: the gradient of r ends at what it is given."""
    tensorflow = pytest.importorskip("tensorflow")
    _, parts = twin.parts_of(models.twin_encoder(**SMALL))
    decoder = models.twin_decoder(**SMALL)
    with tensorflow.GradientTape() as tape:
        r = decoder(parts([heads, person(0)])["a"])
        loss = keras.ops.mean(keras.ops.square(r - heads))
    variables = parts.trainable_variables
    gradients = dict(zip((v.path for v in variables), tape.gradient(loss, [v.value for v in variables]), strict=True))
    assert all(value is None for name, value in gradients.items() if "draw" in name or "find" in name)
    assert any(np.abs(value).max() > 0 for name, value in gradients.items() if "hide" in name)
