"""Every equation at values worked out by hand, and with a gradient where the paper needs one: at the pixels."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from uunet import config, losses
from uunet.models import twin
from uunet.training.tensorflow import input_gradient


def value(tensor):
    return float(ops.convert_to_numpy(tensor))


def pixel_gradient(loss, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = loss(x)
    return tape.gradient(y, x).numpy()


def test_eq_1_same_labels():
    b = losses.same_labels(np.array([[7, 0, 2, 1]]), np.array([[7, 1, 2, 3]]))
    np.testing.assert_array_equal(b, [[1, 0, 1, 0]])


def test_eq_3_cross_entropy():
    b, b_hat = np.float32([[1, 0], [0, 0]]), np.float32([[0.5, 0.25], [0.75, 0.5]])
    by_hand = (np.log(2) + np.log(4 / 3) + np.log(4) + np.log(2)) / 2  # summed over t, averaged over the batch
    assert value(losses.pairwise_cross_entropy(b, b_hat)) == pytest.approx(by_hand, rel=1e-6)
    assert np.isfinite(value(losses.pairwise_cross_entropy(b, 1 - b)))  # certain and wrong
    known = np.float32([[1, 0], [1, 1]])  # the term log(4 / 3) is left out
    assert value(losses.pairwise_cross_entropy(b, b_hat, known)) == pytest.approx(by_hand - np.log(4 / 3) / 2, rel=1e-6)


def test_eq_5_is_a_mean_of_squares():
    x, r = np.zeros((2, 4, 4, 3), np.float32), np.full((2, 4, 4, 3), 0.5, np.float32)
    assert value(losses.reconstruction_loss(x, r)) == 0.25


def test_eq_6_critic_loss():
    score = np.ones((2, 8, 8, 1), np.float32)
    assert value(losses.critic_loss(3 * score, 5 * score, 7 * score)) == -2 * 3 + 5 + 7


def half_square(images, training=None):
    """A critic 1/2 ||x||^2 as one patch: its gradient is x itself."""
    return ops.sum(ops.square(images), axis=(1, 2, 3), keepdims=True) / 2


def test_eq_6_wgan_gp_penalty_tells_wrong_versions_apart():
    """Real 0, ||fake|| = 4: the gradient norm at x^ is 4 (1 - epsilon), so E[(4 u - 1)^2] = 16/3 - 4 + 1 = 7/3.

    A normal epsilon gives 10.6, one epsilon a pixel 1.84, a penalty at the real images 1.0.
    """
    n = 20_000
    fake = np.full((n, 4, 4, 1), 1.0, np.float32)  # 16 pixels of 1: norm 4
    epsilon = np.random.default_rng(0).random((n, 1, 1, 1), np.float32)
    gradients = input_gradient(half_square, losses.interpolate(tf.zeros_like(fake), tf.constant(fake), epsilon))
    assert value(losses.gradient_penalty(gradients)) == pytest.approx(7 / 3, abs=0.05)


def test_eq_6_gradient_limit_is_a_hinge_on_the_largest_component():
    gradients = np.zeros((3, 2, 2, 3), np.float32)
    gradients[0, 0, 1, 2] = -0.03  # three times the limit: (3 - 1)^2 = 4
    gradients[1] = 0.01  # at the limit: free
    assert value(losses.gradient_limit(gradients, 0.01)) == pytest.approx(4 / 3, rel=1e-5)
    assert value(losses.gradient_limit(gradients, 0.1)) == 0  # delta_gp x 10, Fig. 14: no constraint left here


def test_eq_6_both_readings_agree_on_the_size_of_a_gradient():
    flat = np.full((1, 64, 64, 3), 0.01, np.float32)  # every component at the paper's limit
    assert value(losses.gradient_penalty(flat)) == pytest.approx((0.01 * np.sqrt(12288) - 1) ** 2, rel=1e-3)
    assert value(losses.gradient_limit(flat, 0.01)) == pytest.approx(0, abs=1e-10)


def test_gradient_penalty_of_a_flat_critic_has_a_finite_gradient():
    assert np.isfinite(pixel_gradient(losses.gradient_penalty, np.zeros((1, 4, 4, 3), np.float32))).all()


def test_eq_8_adversarial_loss():
    score = np.ones((2, 8, 8, 1), np.float32)
    assert value(losses.adversarial_loss(5 * score, 7 * score)) == -12


def test_eq_9_sign_is_corrected():
    """s_ID = -1 must push the identity's agreement down, s = 1 the others' up, s = 0 not at all."""
    s = (-1, 1, 0, 1)
    agreement = np.float32([[0.9, 0.2, 0.7, 0.5]])
    assert value(losses.anonymization_loss(agreement, s)) == pytest.approx(0.8 + 0.6, rel=1e-6)
    gradient = pixel_gradient(lambda d: losses.anonymization_loss(d, s), agreement)
    np.testing.assert_allclose(gradient, [[2, -2, 0, -2]])


@pytest.mark.parametrize("s", [(1, 1, 1, 1), (0, 1), (-1, 2), (-1, 0.5)])
def test_eq_9_refuses_an_s_that_keeps_the_identity(s):
    with pytest.raises(ValueError, match="s must start with -1"):
        losses.anonymization_loss(np.ones((1, len(s)), np.float32), s)


def test_eqs_10_and_11_are_opposites():
    agreement = np.float32([[0.25, 0.5], [1, 0]])
    assert value(losses.consistency_loss(agreement)) == -0.875
    assert value(losses.diversity_loss(agreement)) == 0.875


def test_eq_12_chi_square():
    x, a = np.zeros((1, 8, 8, 3), np.float32), np.ones((1, 8, 8, 3), np.float32)
    assert value(losses.distribution_loss(x, x)) == 0
    # all density in one bin each: (1 - 0)^2 / 1 + (0 - 1)^2 / 1, three channels
    assert value(losses.distribution_loss(x, a)) == pytest.approx(6, rel=1e-5)
    # half of x at each end: (1/2)^2 / (3/2) + (1/2)^2 / (1/2) a channel
    x[:, :4] = 1
    assert value(losses.distribution_loss(x, a)) == pytest.approx(3 * (1 / 6 + 1 / 2), rel=1e-5)


@given(st.integers(0, 2**32 - 1), st.integers(2, 64))
def test_histogram_counts_every_pixel_once(seed, bins):
    image = np.random.default_rng(seed).random((2, 6, 5, 3), np.float32)
    image[0, 0] = [0, 1, 0.5]
    h = ops.convert_to_numpy(losses.histogram(image, bins))
    assert h.shape == (2, 3, bins) and h.min() >= 0
    np.testing.assert_allclose(h.sum(-1), 1, rtol=1e-5)


def test_histogram_is_the_hard_one_at_bin_centres():
    centres = (np.arange(8) + 0.5) / 8
    image = np.float32(centres)[np.array([0, 0, 3, 7])].reshape(1, 2, 2, 1)
    np.testing.assert_allclose(ops.convert_to_numpy(losses.histogram(image, 8))[0, 0], [0.5, 0, 0, 0.25, 0, 0, 0, 0.25])


def test_eq_13_weighs_the_six_terms():
    names = ("mse", "adv", "ano", "con", "div", "dis")
    terms = {name: 10.0**k for k, name in enumerate(names)}
    assert losses.total_loss(terms, config.PAPER.adversarial.weights) == 50 + 111110
    weights = config.LossWeights(mse=1, adv=2, ano=3, con=4, div=5, dis=6)
    assert losses.total_loss(terms, weights) == 654321


LEARNS = {
    "eq. 5": lambda a, x, d: losses.reconstruction_loss(x, a),
    "eq. 8": lambda a, x, d: losses.adversarial_loss(half_square(a), half_square(a)),
    "eq. 9": lambda a, x, d: losses.anonymization_loss(d(a, x), (-1, 1, 1, 1)),
    "eq. 10": lambda a, x, d: losses.consistency_loss(d(a, ops.roll(a, 1, axis=0))),
    "eq. 11": lambda a, x, d: losses.diversity_loss(d(a, ops.roll(a, 1, axis=0))),
    "eq. 12": lambda a, x, d: losses.distribution_loss(x, a),
}


@pytest.mark.parametrize("name", LEARNS)
def test_every_loss_reaches_the_pixels(name, rng):
    """A term without a gradient does nothing, as the published code's hard histogram."""
    dense = keras.layers.Dense(4, activation="sigmoid")

    def agreement(one, other):
        return dense(ops.reshape(ops.concatenate([one, other], axis=-1), (2, -1)))

    x, a = rng.random((2, 2, 16, 16, 3), np.float32)
    gradient = pixel_gradient(lambda image: LEARNS[name](image, x, agreement), a)
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient) > 0).mean() > 0.5


def test_place_loss_is_least_where_the_landmark_is():
    """Of logits that say just what they should, it is the entropy of a spot, ln(2 pi e sigma^2); far off, more."""
    places = ops.convert_to_tensor([[[20.5, 40.5], [100.0, 100.0]]], "float32")  # the second is outside
    spots = twin.spots(places, 64, 1 / 48)
    rows, columns = np.mgrid[:64, :64] + 0.5
    sigma = 64 / 48
    spot = -((columns - 20.5) ** 2 + (rows - 40.5) ** 2) / (2 * sigma**2)
    here = np.stack([spot, 0 * spot], axis=-1)[None].astype(np.float32)
    entropy = np.log(2 * np.pi * np.e * sigma**2)
    assert float(losses.place_loss(here, spots)) == pytest.approx(entropy / 2, rel=1e-3)
    assert float(losses.place_loss(np.roll(here, 5, axis=1), spots)) > entropy


def test_losses_of_twins_in_closed_form():
    flat, step = np.zeros((1, 16, 16, 3), np.float32), np.zeros((1, 16, 16, 3), np.float32)
    step[:, :, 8:] = 0.5  # one edge of 0.5 in 15 differences across, none down
    assert float(losses.edge_loss(step, flat)) == pytest.approx(0.5 / 15)
    assert float(losses.edge_loss(step, step + 0.2)) == pytest.approx(0, abs=1e-6)
    assert float(losses.generation_loss(step, flat)) == pytest.approx(0.25 + 0.5 / 15)  # and half of the pixels differ
    differs = np.asarray(losses.changed(step, flat))
    assert differs.shape == (1, 16, 16, 1)
    np.testing.assert_allclose(differs[0, 8, 5:11, 0], [0, 0.2, 0.4, 0.6, 0.8, 1], atol=1e-6)
    assert float(losses.leak_loss(step, 2 * step)) == pytest.approx(np.mean(np.square([0, 0.25, 0.5])), rel=1e-5)
    stripes = np.where(np.arange(16) % 2, 0.1, -0.1).astype(np.float32)[None, :, None, None]
    assert float(losses.leak_loss(stripes + flat, step)) == pytest.approx(0, abs=1e-9)
