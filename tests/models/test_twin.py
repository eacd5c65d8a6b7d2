"""The networks of learning from twins: what is hidden is bounded, and the noise channel chooses a person."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from uunet import models
from uunet.models import twin

SMALL = {"size": 32, "width": 4, "people": 6}


@pytest.fixture
def heads(rng):
    return rng.random((3, 32, 32, 4)).astype(np.float32)


def drawn(encoder, heads):
    return [np.asarray(picture) for picture in models.twin_of(encoder).predict_on_batch(heads)[1:]]


@given(arrays.arrays(np.float32, (2, 4, 6, 3), elements=st.floats(0, 1, width=32)))
def test_shuffle_undoes_unshuffle(x):
    folded = np.asarray(twin.unshuffle(x))
    assert folded.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(folded[:, 0, 0].reshape(2, 2, 2, 3), x[:, :2, :2])
    np.testing.assert_array_equal(np.asarray(twin.shuffle(folded)), x)


def test_hiding_changes_the_drawn_twin_by_its_strength_at_most(heads):
    encoder = models.twin_encoder(strength=0.05, **SMALL)
    layer = encoder.get_layer("hide_output")
    layer.set_weights([1e3 * weights for weights in layer.get_weights()])  # as strong as it can be
    t, a = drawn(encoder, heads)
    assert a.min() >= 0 and a.max() <= 1
    assert 0.04 < np.abs(a - t).max() <= 0.05 + 1e-6


def test_the_first_noise_value_chooses_a_person_and_no_other_does(heads):
    encoder = models.twin_encoder(**SMALL)
    for name in ("up0", "up1", "up2"):  # a fresh network hardly listens
        layer = encoder.get_layer(f"draw_{name}_style")
        layer.set_weights([30 * weights for weights in layer.get_weights()])
    faces = []
    for u in (0.0, 0.16, 0.17, 0.999, 1.0):
        heads[:, 0, 0, 3] = u
        faces.append(drawn(encoder, heads)[0])
    np.testing.assert_array_equal(faces[0], faces[1])  # both below 1/6
    np.testing.assert_array_equal(faces[3], faces[4])
    assert np.abs(faces[1] - faces[2]).max() > 1e-3 and np.abs(faces[2] - faces[3]).max() > 1e-3
    heads[:, 1:, :, 3] = 0.5
    np.testing.assert_allclose(drawn(encoder, heads)[0], faces[4], atol=1e-6)


def test_reconstruction_does_not_teach_drawing(heads):
    """What hides may not draw: the gradient of r ends at what it is given."""
    tensorflow = pytest.importorskip("tensorflow")
    encoder, decoder = models.twin_encoder(**SMALL), models.twin_decoder(size=32, width=4)
    with tensorflow.GradientTape() as tape:
        r = decoder(encoder(heads))
        loss = keras.ops.mean(keras.ops.square(r - heads[..., :3]))
    variables = encoder.trainable_variables
    gradients = dict(zip((v.path for v in variables), tape.gradient(loss, [v.value for v in variables]), strict=True))
    assert all(value is None for name, value in gradients.items() if "draw" in name)
    assert any(np.abs(value).max() > 0 for name, value in gradients.items() if "hide" in name)
