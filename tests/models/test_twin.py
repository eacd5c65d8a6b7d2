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


@given(arrays.arrays(np.float32, (2, 4, 6, 3), elements=st.floats(0, 1, width=32)))
def test_shuffle_undoes_unshuffle(x):
    folded = np.asarray(twin.unshuffle(x))
    assert folded.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(folded[:, 0, 0].reshape(2, 2, 2, 3), x[:, :2, :2])
    np.testing.assert_array_equal(np.asarray(twin.shuffle(folded)), x)


def test_the_labels_are_those_of_the_data():
    assert twin.LABELS == tuple(len(values) for values in data.VALUES.values())
    assert twin.ALIKE == data.reading.TWINS_ALIKE


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
    _, t, a = parts.predict_on_batch([heads, person(3)])
    assert a.min() >= 0 and a.max() <= 1
    assert 0.04 < np.abs(a - t).max() <= 0.05 + 1e-6


def test_what_draws_sees_a_head_in_few_values(heads):
    """Where M finds a head, two pictures with the same mean of each 8 x 8 pixels get the same twin."""
    _, parts = twin.parts_of(models.twin_encoder(**SMALL))
    layer = parts.get_layer("find_output")
    layer.set_weights([0 * weights + 40 * (weights.ndim == 1) for weights in layer.get_weights()])  # all is head
    shuffled = heads.reshape(3, 4, 8, 4, 8, 3)[:, :, ::-1].reshape(heads.shape)
    assert np.abs(shuffled - heads).max() > 0.5
    t, other = (parts.predict_on_batch([picture, person(3)])[1] for picture in (heads, shuffled))
    np.testing.assert_allclose(t, other, atol=1e-5)


def test_the_encoder_draws_whom_the_first_noise_value_chooses(heads):
    encoder = models.twin_encoder(s=(-1, 0, 0, 0), **SMALL)
    read, parts = twin.parts_of(encoder)
    layer = parts.get_layer("draw_up0_style")  # a fresh network hardly listens
    layer.set_weights([30 * weights for weights in layer.get_weights()])
    noise = np.full((3, 32, 32, 1), 0.9, np.float32)
    for u in (0.0, 0.3, 0.999, 1.0):
        noise[:, 0, 0] = u
        chosen = twin.choose(read.predict_on_batch(heads), (-1, 0, 0, 0), noise[:, 0, 0, 0])
        expected = parts.predict_on_batch([heads, np.asarray(chosen)])[-1]
        a = encoder.predict_on_batch(np.concatenate([heads, noise], axis=-1))
        np.testing.assert_allclose(a, expected, atol=1e-6)
    assert np.abs(a - parts.predict_on_batch([heads, person(0)])[-1]).max() > 1e-3


def test_reconstruction_does_not_teach_drawing(heads):
    """What hides may not draw: the gradient of r ends at what it is given."""
    tensorflow = pytest.importorskip("tensorflow")
    _, parts = twin.parts_of(models.twin_encoder(**SMALL))
    decoder = models.twin_decoder(**SMALL)
    with tensorflow.GradientTape() as tape:
        r = decoder(parts([heads, person(0)])[-1])
        loss = keras.ops.mean(keras.ops.square(r - heads))
    variables = parts.trainable_variables
    gradients = dict(zip((v.path for v in variables), tape.gradient(loss, [v.value for v in variables]), strict=True))
    assert all(value is None for name, value in gradients.items() if "draw" in name or "find" in name)
    assert any(np.abs(value).max() > 0 for name, value in gradients.items() if "hide" in name)
