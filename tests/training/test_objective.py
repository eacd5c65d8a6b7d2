"""Which tensors meet in which loss."""

import dataclasses

import keras
import numpy as np
from keras import ops

from uunet import config, data, losses
from uunet.training import objective

BATCH = dataclasses.replace(
    config.SMOKE.adversarial, size=32, subjects=2, sequences=2, frames=3, channel=config.ChannelConfig()
)


def identity(model_inputs, training=None):
    return model_inputs[..., :3]


def test_con_pairs_frames_and_div_pairs_sequences(tiny_set, monkeypatch):
    heads = data.load(tiny_set, "train", size=32)
    batch = data.sequence_batch(heads, BATCH, 0)
    originals = {image.tobytes(): k for k, image in enumerate(heads.images)}
    met = []

    def classifier(pair, training=None):
        return ops.zeros((len(pair), 4))

    def spy(classifier, x, x_prime, training=False):
        met.append((ops.convert_to_numpy(x), ops.convert_to_numpy(x_prime)))
        return classifier(x)

    monkeypatch.setattr(objective, "agreement", spy)
    networks = objective.Networks(identity, identity, lambda image, training: image, classifier)
    _, terms = objective.generator_objective(networks, None, BATCH, batch)

    def who(images):
        index = [originals[np.round(image * 255).astype(np.uint8).tobytes()] for image in images]
        return heads.labels[index, 0], heads.sequences[index], heads.frames[index]

    ano, con, div = ([who(side) for side in pair] for pair in met)
    assert all((one == other).all() for one, other in zip(*ano, strict=True))  # x against its own a
    (subject, sequence, frame), (subject2, sequence2, frame2) = con
    assert (subject == subject2).all() and (sequence == sequence2).all() and (frame != frame2).all()
    (subject, sequence, _), (subject2, sequence2, _) = div
    assert (subject == subject2).all() and (sequence != sequence2).all()
    assert float(terms["mse"]) == 0 and float(terms["dis"]) == 0  # identity networks


def test_agreement_standardises_each_image(rng):
    seen = []

    def classifier(pair, training):
        seen.append(ops.convert_to_numpy(pair))
        return pair

    x, x_prime = rng.random((2, 2, 8, 8, 3), np.float32) * np.float32(0.3)
    objective.agreement(classifier, x, x_prime)
    assert seen[0].shape == (2, 8, 8, 6)
    for half in (seen[0][..., :3], seen[0][..., 3:]):
        np.testing.assert_allclose(half.mean(axis=(1, 2, 3)), 0, atol=1e-4)
        np.testing.assert_allclose(half.std(axis=(1, 2, 3)), 1, atol=1e-3)


def test_critic_objective_is_two_wasserstein_critics(rng):
    """With a critic that sums pixels, gradient and scores are known."""
    chosen = dataclasses.replace(BATCH, penalty="wgan-gp", penalty_weight=10.0)
    x = rng.random((12, 32, 32, 3), np.float32)
    batch = {"x": x, "noise": np.zeros((2, 12, 32, 32, 1), np.float32), "epsilon": rng.random((1, 2, 12, 1, 1, 1))}

    def critic(image, training=None):
        return ops.sum(image, axis=(1, 2, 3), keepdims=True)

    def gradient_of_the_sum(critic, images):
        return ops.ones_like(images)

    networks = objective.Networks(identity, lambda a, training: a * 0, critic, None)
    total, terms = objective.critic_objective(networks, None, chosen, batch, 1, gradient_of_the_sum)
    score = x.sum(axis=(1, 2, 3)).mean()
    np.testing.assert_allclose(float(terms["critic"]), -2 * score + score + 0, rtol=1e-4)
    norm = np.sqrt(32 * 32 * 3)
    np.testing.assert_allclose(float(terms["penalty"]), 2 * (norm - 1) ** 2, rtol=1e-4)  # at x^(a) and at x^(r)
    np.testing.assert_allclose(float(total), float(terms["critic"]) + 10 * float(terms["penalty"]), rtol=1e-5)
    assert losses.gradient_penalty(keras.ops.ones((1, 2, 2, 3))) > 0


def test_u_d_learns_from_what_the_channel_leaves(rng):
    received = []

    def decoder(a, training):
        received.append(a)
        return a

    batch = {
        "x": rng.random((2, 32, 32, 3), np.float32),
        "noise": np.zeros((1, 2, 32, 32, 1), np.float32),
        "order": np.array([[0, 1]]),
        "degradation": np.zeros((1, 2, 4)),
    }
    networks = objective.Networks(identity, decoder, None, None)
    objective.encode_decode(networks, lambda a, order, degradation: a * 0 + 0.5, batch, sample=0)
    assert (ops.convert_to_numpy(received[0]) == 0.5).all()
