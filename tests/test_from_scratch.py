"""The single-file variant computes what the library computes, and its command line runs."""

import dataclasses
import importlib.util
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from uunet import config, data, labels, losses, models
from uunet.evaluation import recognition
from uunet.training import objective
from uunet.training import tensorflow as tensorflow_trainer

ROOT = Path(__file__).parents[1]
SIZE, WIDTH = 32, 4


@pytest.fixture(scope="module")
def scratch():
    """The file as a module."""
    spec = importlib.util.spec_from_file_location("from_scratch", ROOT / "examples/uunet_from_scratch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def settings(scratch):
    """The configuration of the library that says what the file's constants say."""
    return dataclasses.replace(
        config.PAPER.adversarial,
        size=SIZE,
        width=WIDTH,
        critic_width=WIDTH,
        subjects=scratch.SUBJECTS,
        sequences=scratch.SEQUENCES,
        frames=scratch.FRAMES,
    )


@pytest.fixture(scope="module")
def networks():
    """The library's networks, with weights and moving statistics that no initialiser would give."""
    made = objective.Networks(
        encoder=models.unet(4, size=SIZE, width=WIDTH, name="encoder"),
        decoder=models.unet(3, size=SIZE, width=WIDTH, name="decoder"),
        critic=models.patch_critic(size=SIZE, width=WIDTH),
        classifier=models.attribute_classifier(size=SIZE),
    )
    rng = np.random.default_rng(1)
    for network in made:
        network.set_weights([w + 0.05 * rng.random(w.shape, np.float32) for w in network.get_weights()])
    return made


@pytest.fixture(scope="module")
def copies(scratch, networks):
    """The file's networks with the library's weights: U_e, U_d, D_f, D_a."""
    made = (
        scratch.unet(4, SIZE, WIDTH, "U_e"),
        scratch.unet(3, SIZE, WIDTH, "U_d"),
        scratch.patch_gan(SIZE, WIDTH),
        scratch.attribute_classifier(SIZE),
    )
    for copy, network in zip(made, networks, strict=True):
        assert [w.shape for w in copy.weights] == [w.shape for w in network.weights]
        copy.set_weights(network.get_weights())
    return made


@pytest.fixture(scope="module")
def batch(tiny_set, settings):
    """A batch of the library: three frames of noise per sequence do for comparing."""
    return data.sequence_batch(data.load(tiny_set, "train", size=SIZE), settings, 0)


def assert_equal(one, other):
    np.testing.assert_allclose(ops.convert_to_numpy(one), ops.convert_to_numpy(other), rtol=1e-5, atol=1e-6)


def test_the_file_is_short():
    assert len((ROOT / "examples/uunet_from_scratch.py").read_text().splitlines()) <= 350


def test_the_constants_are_the_papers(scratch):
    paper = config.PAPER.adversarial
    assert scratch.LABELS == labels.LABELS and scratch.S == paper.s and scratch.SIZE == paper.size
    assert dataclasses.asdict(paper.weights) == scratch.OMEGA
    assert (scratch.DELTA_GP, scratch.PENALTY_WEIGHT) == (paper.delta_gp, paper.penalty_weight)
    assert (scratch.BINS, scratch.CRITIC_STEPS) == (paper.histogram_bins, paper.critic_steps)
    assert scratch.EPSILON == losses.EPSILON


@pytest.mark.slow
@pytest.mark.parametrize("term", ["mse", "adv", "ano", "con", "div", "dis"])
def test_each_term_of_eq_13(term, scratch, networks, copies, batch, settings):
    _, expected = objective.generator_objective(networks, None, settings, batch)
    assert_equal(scratch.generator_terms(*copies, batch["x"], batch["noise"][0])[term], expected[term])


@pytest.mark.slow
def test_eq_13(scratch, networks, copies, batch, settings):
    total, _ = objective.generator_objective(networks, None, settings, batch)
    assert_equal(scratch.generator_loss(scratch.generator_terms(*copies, batch["x"], batch["noise"][0])), total)


@pytest.mark.slow
def test_eq_6(scratch, networks, copies, batch, settings):
    tensors = {name: tf.constant(value) for name, value in batch.items()}
    gradient = tensorflow_trainer.input_gradient
    _, expected = objective.critic_objective(networks, None, settings, tensors, 1, gradient)
    adv1, limit = scratch.critic_loss(*copies[:3], tensors["x"], tensors["noise"][1], tensors["epsilon"][0])
    assert_equal(adv1, expected["critic"])
    assert_equal(limit, expected["penalty"])
    assert float(limit) > 0


@pytest.mark.slow
def test_eq_3(scratch, networks, copies, tiny_set, monkeypatch):
    chosen = dataclasses.replace(config.SMOKE.classifier, size=SIZE, augment=False)
    pairs = data.pair_batch(data.load(tiny_set, "train", size=SIZE), chosen, 0)
    for layer in (*networks.classifier.layers, *copies[3].layers):
        if isinstance(layer, keras.layers.Dropout):
            monkeypatch.setattr(layer, "rate", 0.0)  # dropout draws at random, batch statistics do not
    expected, _ = objective.classifier_objective(networks.classifier, pairs)
    assert pairs["known"].all()
    assert_equal(scratch.classifier_loss(copies[3], pairs["x"], pairs["x_prime"], pairs["b"]), expected)


def test_eq_14(scratch, rng):
    genuine, impostors = rng.random(20), rng.random(30) - 0.5
    assert_equal(scratch.decidability(genuine, impostors), recognition.decidability(genuine, impostors))


def test_a_batch_is_subjects_by_sequences_by_frames(scratch, rng):
    """A head whose value names its place shows who meets whom in Eqs. 10 and 11."""
    places = np.arange(4 * 2 * 4, dtype=np.float32).reshape(4, 2, 4)
    x, z, epsilon = scratch.sequence_batch(np.broadcast_to(places[..., None, None, None], (4, 2, 4, 8, 8, 3)), rng)
    i, j, k = np.unravel_index(x[:, 0, 0, 0].astype(int), places.shape)
    shape = (scratch.SUBJECTS, scratch.SEQUENCES, scratch.FRAMES)
    i, j, k = (index.reshape(shape) for index in (i, j, k))
    assert (i == i[:, :1, :1]).all() and (i[0] != i[1]).all()
    assert (j == j[:, :, :1]).all() and (j[:, 0] != j[:, 1]).all()
    assert (k[..., 0] != k[..., 1]).all()
    z = z.reshape(*shape, 8, 8, 1)
    assert (z == z[:, :, :1]).all() and (z[:, 0] != z[:, 1]).any()  # one noise channel per sequence
    assert epsilon.shape == (2, len(x), 1, 1, 1)


def test_pairs_of_learning_1(scratch, rng):
    x = np.broadcast_to(np.arange(4 * 2, dtype=np.float32).reshape(4, 2, 1, 1, 1, 1), (4, 2, 3, 8, 8, 3))
    l = np.array([["a", "male"], ["b", "male"], ["c", "female"], ["d", "female"]])
    one, other, b = scratch.pair_batch(x, l, 10, rng)
    (i, j), (i_prime, j_prime) = (np.divmod(half[:, 0, 0, 0].astype(int), 2) for half in (one, other))
    assert (j != j_prime).all()
    assert ((i == i_prime) == (np.arange(10) < 5)).all()
    assert (b == (l[i] == l[i_prime])).all()


@pytest.mark.slow  # TensorFlow builds three graphs, one with second derivatives
def test_the_command_line(scratch, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    scratch.main(["--size=16", "--width=2", "--classifier-steps=2", "--steps=2", f"--out={sheet}"])
    assert cv2.imread(str(sheet)).shape == (3 * 16, 12 * 16, 3)  # 4 + 2 people in two sequences each
    printed = capsys.readouterr().out
    assert "learning I, step 2 of 2: L_ce" in printed and "learning II, step 2 of 2: L_adv1" in printed
    assert "nan" not in printed and "d' of D_a, x <-> a'" in printed
