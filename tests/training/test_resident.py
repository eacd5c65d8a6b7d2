"""What is drawn on the device is what `uunet.data` draws; many steps per call are the same steps one by one."""

import collections
import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="needs the extra [jax]")

from uunet import config, data  # noqa: E402
from uunet.config import ClassifierConfig, Degradation  # noqa: E402
from uunet.models import generator  # noqa: E402
from uunet.training import resident, resident_generation  # noqa: E402

pytestmark = pytest.mark.slow

PAIRS = ClassifierConfig(batch_pairs=64, size=16)
BATCH = dataclasses.replace(
    config.SMOKE.adversarial, size=16, subjects=4, sequences=2, frames=2, critic_steps=3,
    channel=config.ChannelConfig(sizes=(8, 24), damages=(Degradation("jpeg", 90, 50),), ramp=10),
)  # fmt: skip


@pytest.fixture
def heads():
    """Two domains of 4 subjects x 3 sequences x 3 frames; head k is grey k + 1; no hairstyle of the second is known."""
    subject, sequence, frame = (axis.ravel() for axis in np.mgrid[:8, :3, :3])
    grey = np.arange(1, len(subject) + 1, dtype=np.uint8)
    labels = np.stack([subject, subject % 2, subject % 4, np.where(subject < 4, subject % 3, -1)], axis=1)
    return data.Heads(
        np.broadcast_to(grey[:, None, None, None], (len(grey), 16, 16, 3)), labels, 3 * subject + sequence, frame, (),
        "", {}, (), np.where(subject < 4, "near", "far"),
    )  # fmt: skip


def which(pictures):
    """Which heads of the fixture these are."""
    return np.rint(255 * np.asarray(pictures)[..., 0, 0, 0]).astype(int) - 1


def test_pairs_are_those_of_section_iii_a(heads):
    held = resident.load_pairs(heads)
    draw = jax.jit(lambda step: resident.pair_batch(held, PAIRS, step))
    agreements = collections.Counter()
    for step in range(8):
        batch = draw(step)
        first, second = which(batch["x"]), which(batch["x_prime"])
        one, other = heads.labels[first], heads.labels[second]
        same = one[:, 0] == other[:, 0]
        assert same.sum() == 32  # config.genuine of 64
        assert (heads.sequences[first] != heads.sequences[second])[same].all()
        assert (heads.domains[first] == heads.domains[second]).all()
        assert (heads.domains[first[same]] == "near").sum() == (heads.domains[first[~same]] == "near").sum() == 16
        known = (one >= 0) & (other >= 0)
        np.testing.assert_array_equal(batch["known"], known)
        np.testing.assert_array_equal(batch["b"], known & (one == other))
        agreements.update((one == other)[~same & (heads.domains[first] == "near"), 1:].sum(axis=1).tolist())
    assert set(agreements) == {0, 1}  # all that these labels have
    assert 40 < agreements[0] < 88  # of 128: each is as likely


def test_a_batch_has_distinct_subjects_sequences_and_frames(heads):
    held = resident.load_sequences(heads, BATCH)
    draw = jax.jit(lambda step: resident.sequence_batch(held, BATCH, step))
    seen = set()
    for step in range(20):
        batch = draw(step)
        seen |= set(which(batch["x"]).tolist())
        chosen = which(batch["x"]).reshape(4, 2, 2)
        subjects, sequences = heads.labels[chosen, 0], heads.sequences[chosen]
        assert (subjects == subjects[:, :1, :1]).all() and len(set(subjects[:, 0, 0].tolist())) == 4
        assert sorted(heads.domains[chosen[:, 0, 0]]) == ["far", "far", "near", "near"]
        assert (sequences == sequences[..., :1]).all() and (sequences[:, 0] != sequences[:, 1]).all()
        assert (chosen[..., 0] != chosen[..., 1]).all()
        for order in batch["order"]:
            assert sorted(np.asarray(order).tolist()) == list(range(8))
    assert seen == set(range(72))  # every head is drawn at some time
    expected = data.sequence_batch(heads, BATCH, 0)
    assert {k: (v.shape, v.dtype) for k, v in batch.items()} == {k: (v.shape, v.dtype) for k, v in expected.items()}
    noise = np.asarray(batch["noise"])[..., 0].reshape(4, 8, 2, -1)
    assert (noise[:, :, 0] == noise[:, :, 1]).all() and len(np.unique(noise)) > 0.99 * noise[:, :, 0].size


def test_a_batch_is_a_function_of_seed_and_step_alone(heads):
    for hold, draw, settings in (
        (resident.load_pairs, resident.pair_batch, dataclasses.replace(PAIRS, augment=True)),
        (lambda heads: resident.load_sequences(heads, BATCH), resident.sequence_batch, BATCH),
    ):
        held = hold(heads)
        drawn = [
            jax.jit(lambda step, draw=draw, held=held, settings=settings: draw(held, settings, step)) for _ in range(2)
        ]
        one, again, next_step = drawn[0](7), drawn[1](7), drawn[0](8)
        assert all((one[name] == again[name]).all() for name in one)
        assert (one["x"] != next_step["x"]).any()
        other = jax.jit(
            lambda step, draw=draw, held=held, settings=settings: draw(
                held, dataclasses.replace(settings, seed=1), step
            )["x"]
        )(7)
        assert (one["x"] != other).any()


def test_degradation_grows_as_in_the_channel(heads):
    keys = jax.random.split(jax.random.key(0), 400)
    draw = jax.jit(jax.vmap(lambda key, step: resident.sample_conditions(BATCH.channel, 8, key, step), (0, None)))
    for step, kinds, worst in ((0, {0}, 0), (5, {0, 1}, 70), (100, {0, 1}, 50)):
        _, degradation = draw(keys, step)
        kind, quality, *corner = np.moveaxis(np.asarray(degradation), -1, 0)
        assert set(kind.ravel().tolist()) == kinds
        assert (quality[kind == 0] == 0).all() and np.min(quality, initial=99, where=kind == 1) in (worst, 99)
        assert set(np.ravel(corner).tolist()) == set(range(16))


def test_augmented_pictures_are_shifted_mirrored_and_relit():
    size, count = 32, 400
    augment = jax.jit(resident.augment)
    down = np.broadcast_to(
        np.linspace(0.3, 0.5, size, dtype=np.float32)[:, None, None], (count, size, size, 3)
    )  # brighter from top to bottom: never upside down
    found = np.asarray(augment(down, jax.random.key(0)))
    assert found.min() >= 0 and found.max() <= 1
    assert (np.diff(found[:, 8:-8, 16, 0], axis=1) > 0).all()
    across = np.asarray(augment(down.transpose(0, 2, 1, 3), jax.random.key(0)))[:, 16, 8:-8, 0]
    rising, falling = ((sign * np.diff(across, axis=1) > 0).all(axis=1) for sign in (1, -1))
    assert (rising | falling).all() and 0.4 < rising.mean() < 0.6
    flat = np.asarray(augment(np.full((count, size, size, 3), 0.5, np.float32), jax.random.key(1)))
    assert np.ptp(flat, axis=(1, 2)).max() < 1e-5  # weights of every pixel add up to 1
    assert 0.25 < flat.min() < 0.35 and 0.65 < flat.max() < 0.77  # .5 x (.8 x .9 .. 1.2 x 1.1) -+ .1


def test_too_few_sequences_is_one_sentence(heads):
    with pytest.raises(data.DataError, match="only 4 subjects have that many .* 5 are needed of each domain"):
        resident.load_sequences(heads, dataclasses.replace(BATCH, subjects=10))
    with pytest.raises(data.DataError, match="only 0 subjects"):
        resident.load_sequences(heads, dataclasses.replace(BATCH, frames=4))


SCAN = """
import jax, keras, numpy as np
from uunet.training import jax as backend, resident, trainer

def build():
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.layers.Dense(3), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)])
    net.build((None, 4))
    optimizer, other = keras.optimizers.Adam(0.1), keras.optimizers.SGD(0.01)

    def updates(batch):
        def objective():
            loss = keras.ops.mean(keras.ops.square(net(batch, training=True) - 1))
            return loss, {"loss": loss}
        yield trainer.Update(objective, net.trainable_variables, optimizer)
        yield trainer.Update(objective, net.trainable_variables, other)

    variables = net.trainable_variables
    return backend.Trainer([net], [(optimizer, variables), (other, variables)], updates, terms=("loss",))

def draw(held, step):
    return held + jax.random.normal(jax.random.fold_in(jax.random.key(0), step), held.shape)

held = jax.numpy.zeros((8, 4))
one, many, failing = build(), build(), build()
steps = resident.Steps(many, draw, held, 3)
logs = [steps(0), steps(3)]
means = []
for step in range(6):  # Keras' own way, a step per call
    means.append(one.fit(((draw(held, step),) for _ in range(1)), steps_per_epoch=1, verbose=0, shuffle=False)
                 .history["loss"][0])
for a, b in zip(one.state(), many.state(), strict=True):
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5, err_msg=a.path)
assert len({variable.path for variable in many.state()}) > 10
np.testing.assert_allclose([log["loss"] for log in logs], [np.mean(means[:3]), np.mean(means[3:])], rtol=1e-4)
try:
    resident.Steps(failing, lambda held, step: draw(held, step) / (step < 1), held, 3)(0)
except Exception as error:
    assert "diverged in steps 1 to 3: loss is not finite" in str(error), error
else:
    raise SystemExit("a loss that is not finite went unnoticed")
"""


def test_many_steps_per_call_are_the_same_steps():
    """Weights, moving statistics, dropout seeds and two optimisers, as Keras' own loop leaves them."""
    subprocess.run([sys.executable, "-c", SCAN], check=True, env={**os.environ, "KERAS_BACKEND": "jax"})


def test_heads_and_what_is_told_of_them_stay_together(heads):
    settings = config.GeneratorConfig(size=16, codes=4, batch=64, penalised=1, unknown=0.25)
    numbers = np.arange(len(heads.images))[:, None] + np.linspace(0.1, 0.9, 9)
    held = resident_generation.load_told(heads, data.Told(numbers, heads.labels[:, 1:]))
    draw = jax.jit(lambda step: resident_generation.generation_batch(held, settings, step))
    batch, plain = draw(3), data.generation_batch(heads, data.Told(numbers, heads.labels[:, 1:]), settings, 3)
    assert {name: value.shape for name, value in batch.items()} == {name: plain[name].shape for name in plain}
    shown = which(batch["image"])
    assert (heads.domains[shown] == "near").sum() == 32
    mirrored = np.asarray(batch["numbers"])[:, 0] < 0
    assert 16 < mirrored.sum() < 48
    factors = np.where(mirrored[:, None], generator.MIRRORED, 1)
    np.testing.assert_allclose(batch["numbers"], numbers[shown] * factors, rtol=1e-6)
    known, told = generator.one_hot(heads.labels[shown, 1:]), np.asarray(batch["labels"])
    assert (told <= known).all() and 0.6 < told.sum() / known.sum() < 0.9
    np.testing.assert_array_equal(draw(3)["code"], batch["code"])
    assert (draw(4)["code"] != batch["code"]).any()


def test_labels_and_partners_are_sampled_as_on_the_host(heads):
    """What is asked for is of a head of the domain; partners are of the sequence, half of them with the head's code."""
    settings = config.GeneratorConfig(
        size=16, codes=4, batch=64, penalised=1, unknown=0.0, other_labels=0.5, identity=config.IdentityTerms()
    )
    numbers = np.arange(len(heads.images))[:, None] + np.linspace(0.1, 0.9, 9)
    told = data.Told(numbers, heads.labels[:, 1:])
    held = resident_generation.load_told(heads, told)
    batch = jax.jit(lambda step: resident_generation.generation_batch(held, settings, step))(3)
    plain = data.generation_batch(heads, told, settings, 3)
    assert {name: value.shape for name, value in batch.items()} == {name: plain[name].shape for name in plain}
    for made in (batch, plain):
        made = {name: np.asarray(value) for name, value in made.items()}
        shown, partner = which(made["image"]), which(made["partner_image"])
        assert (heads.sequences[shown] == heads.sequences[partner]).all() and (shown != partner).all()
        alone = made["same"] > 0
        np.testing.assert_array_equal(made["partner_code"][alone], made["code"][alone, 4:])
        assert alone.sum() == 32 and (made["partner_code"][~alone] != made["code"][~alone, 4:]).all()
        other = (made["asked"] != made["labels"]).any(axis=1)
        assert 16 < other.sum() < 48
        far = heads.domains[shown] == "far"  # its heads have no hairstyle
        assert not made["asked"][far, 6:].any() and made["asked"][~far, 6:].any(axis=1).all()
