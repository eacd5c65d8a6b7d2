"""Training on JAX with the data set on the device: batches are sampled there, and one compiled call makes many steps.

Batches follow the rules of `uunet.data.sampling`, and are a pure function of (seed, step) as there; only the random
number generator differs. During a call nothing but the number of the first step passes between host and device. The
generator's batches are made in `resident_generation`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random

from uunet import data
from uunet.channel import video_codec
from uunet.config import AdversarialConfig, ChannelConfig, ClassifierConfig
from uunet.data import sampling
from uunet.errors import UUNetError
from uunet.labels import LABELS, UNKNOWN_CODE
from uunet.training.jax import Trainer

Array = np.ndarray | jax.Array  # tables are made with NumPy; `_put` brings them to the device


class Genuine(NamedTuple):
    """`Heads.genuine_partners` of one domain: int32 arrays."""

    order: Array
    start: Array
    end: Array
    own_start: Array
    own_end: Array
    having: Array


class Impostors(NamedTuple):
    """`Heads.impostor_groups` of one domain: only the pairs of groups with a probability above 0."""

    order: Array  # int32 (heads,), group by group
    start: Array  # int32 (groups,), where each group starts
    size: Array  # int32 (groups,)
    groups: Array  # int32 (2, P), pairs of groups
    share: Array  # float32 (P,), the probability of each


class Sequences(NamedTuple):
    """Subject -> sequences -> heads of one domain, padded with zeros to rectangles."""

    of_subject: Array  # int32 (subjects, most), rows of `frames`
    sequences: Array  # int32 (subjects,), how many each has
    frames: Array  # int32 (sequences, most), indices of heads
    length: Array  # int32 (sequences,), frames of each


class DeviceHeads(NamedTuple):
    """A data set on the device."""

    images: jax.Array  # uint8 (N, size, size, 3), RGB
    labels: jax.Array  # int32 (N, 4), as in `Heads`
    tables: tuple  # of each domain, for sampling its heads


def load_pairs(heads: data.Heads) -> DeviceHeads:
    """Puts a set that passes `data.check_pairs` on the device, for `pair_batch`."""
    impostors = []
    for order, start, size, share in heads.impostor_groups:
        possible = np.flatnonzero(share)  # with rounding, a pair of share 0 could be sampled, and replaced for ever
        impostors.append(Impostors(order, start, size, np.stack(np.divmod(possible, len(size))), share[possible]))
    return _put(heads, ([Genuine(*partners) for partners in heads.genuine_partners], impostors))


def load_sequences(heads: data.Heads, config: AdversarialConfig) -> DeviceHeads:
    """Puts a set on the device, for `sequence_batch`.

    Raises:
        DataError: if too few subjects have enough sequences with enough frames.
    """
    tables = []
    for eligible, _ in sampling.eligible_subjects(heads, config):
        count = [len(sequences) for sequences in eligible.values()]
        rows = np.split(np.arange(sum(count)), np.cumsum(count)[:-1])
        frames = [frames for sequences in eligible.values() for frames in sequences]
        tables.append(Sequences(_filled(rows), np.array(count), _filled(frames), np.array([len(f) for f in frames])))
    return _put(heads, tables)


def _filled(rows):
    table = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def _put(heads, tables):
    def narrow(array):  # JAX computes with 32 bits
        array = np.asarray(array)
        return jnp.asarray(array.astype(np.float32 if array.dtype.kind == "f" else np.int32))

    return DeviceHeads(jnp.asarray(heads.images), narrow(heads.labels), jax.tree.map(narrow, tuple(tables)))


def pair_batch(loaded: DeviceHeads, config: ClassifierConfig, step: int | jax.Array) -> dict:
    """A batch for D_a, sampled by the rules of `data.pair_batch`.

    Args:
        loaded: from `load_pairs`.
        config: config.ClassifierConfig.
        step: int or int32 scalar; the batch depends on it and on `config.seed` alone.

    Returns:
        dict of `x`, `x_prime` float32 `(B, size, size, 3)` in [0, 1]; `b`, `known` float32 `(B, t)`: which labels
        agree (Eq. 1), and for which that is known.
    """
    partners, groups = loaded.tables
    keys = iter(random.split(random.fold_in(random.key(config.seed), step), len(partners) + len(groups) + 2))
    genuine = round(config.genuine * config.batch_pairs)
    sampled = [_sample_genuine(table, count, next(keys)) for table, count in sampling.shared(genuine, partners)]
    subjects = loaded.labels[:, 0]
    for table, count in sampling.shared(config.batch_pairs - genuine, groups):
        sampled.append(_sample_impostors(subjects, table, count, next(keys)))
    first, second = jnp.concatenate(sampled, axis=1)
    columns = np.array([LABELS.index(label) for label in config.labels])
    labels, others = loaded.labels[first][:, columns], loaded.labels[second][:, columns]
    known = (labels != UNKNOWN_CODE) & (others != UNKNOWN_CODE)
    x, x_prime = (to_float(loaded.images[chosen]) for chosen in (first, second))
    if config.augment:
        x, x_prime = augment(x, next(keys)), augment(x_prime, next(keys))
    return {
        "x": x, "x_prime": x_prime,
        "b": (known & (labels == others)).astype(jnp.float32), "known": known.astype(jnp.float32),
    }  # fmt: skip


def _sample_genuine(table, count, key):
    """Indices `(2, count)`: a head, uniformly, and one of its subject's heads in other sequences, uniformly."""
    order, start, end, own_start, own_end, having = table
    which, where = random.split(key)
    chosen = random.randint(which, (count,), 0, len(having))
    start, end, own_start, own_end = (bounds[chosen] for bounds in (start, end, own_start, own_end))
    place = start + random.randint(where, (count,), 0, end - start - (own_end - own_start))
    place = jnp.where(place >= own_start, place + own_end - own_start, place)  # steps over the own sequence
    return jnp.stack([having[chosen], order[place]])


def _sample_impostors(subjects, table, count, key):
    """Indices `(2, count)` of heads of two subjects, balanced as `data.pair_batch` says."""
    which, key = random.split(key)
    groups = table.groups[:, random.choice(which, len(table.share), (count,), p=table.share)]
    start, size = table.start[groups], table.size[groups]

    def alike(pairs):
        return subjects[pairs[0]] == subjects[pairs[1]]

    def again(state):
        key, pairs = state
        key, here = random.split(key)
        new = table.order[start + random.randint(here, start.shape, 0, size)]
        return key, jnp.where(alike(pairs), new, pairs)

    nothing_yet = jnp.zeros((2, count), jnp.int32)  # a head and itself: of one subject
    return lax.while_loop(lambda state: alike(state[1]).any(), again, (key, nothing_yet))[1]


def augment(images: jax.Array, key: jax.Array) -> jax.Array:
    """Mirrors, shifts, blurs and tints each picture, and changes its exposure, at random: as for `data.pair_batch`.

    Shift, mirror and blur are one weighted mean per axis: pixel i of the result is a Gaussian mean of the pixels around
    its place c(i). Scaling a picture to 1/f of its side and back, as if seen from farther away, is a blur with variance
    (f^2 - 1) / 3, f in [1, 2].

    Args:
        images: float32 `(B, size, size, 3)` in [0, 1].
        key: JAX key.

    Returns:
        The same, float32 in [0, 1].
    """
    count, size = images.shape[:2]
    keys = iter(random.split(key, 10))
    margin = size // 16
    far = jnp.where(random.bernoulli(next(keys), 0.5, (count,)), random.uniform(next(keys), (count,), maxval=1.0), 0)
    out_of_focus = jnp.where(
        random.bernoulli(next(keys), 0.3, (count,)), random.uniform(next(keys), (count,), minval=0.3, maxval=1.5), 0
    )
    variance = ((1 + far) ** 2 - 1) / 3 + (out_of_focus * size / 64) ** 2
    shift = random.randint(next(keys), (2, count), -margin, margin + 1)
    mirrored = random.bernoulli(next(keys), 0.5, (count,))
    ends = jnp.arange(size)
    rows = _axis(ends + shift[0, :, None], variance)
    columns = _axis(jnp.where(mirrored[:, None], ends[::-1], ends) + shift[1, :, None], variance)
    moved = jnp.einsum("bih,bhwc,bjw->bijc", rows, images, columns)
    gain = random.uniform(next(keys), (count, 1, 1, 1), minval=0.8, maxval=1.2)
    gain *= random.uniform(next(keys), (count, 1, 1, 3), minval=0.9, maxval=1.1)
    offset = random.uniform(next(keys), (count, 1, 1, 1), minval=-0.1, maxval=0.1)
    return jnp.clip(moved * gain + offset, 0, 1)


def _axis(places, variance):
    """Weights `(B, size, size)` of an axis' pixels around each of the places `(B, size)`; edges are reflected."""
    size = places.shape[1]
    places = jnp.abs(places)
    places = size - 1 - jnp.abs(size - 1 - places)
    squares = (places[:, :, None] - jnp.arange(size)) ** 2
    weights = jnp.exp(-0.5 * squares / jnp.maximum(variance, 1e-3)[:, None, None])  # 1e-3: the pixel alone
    return weights / weights.sum(axis=-1, keepdims=True)


def sequence_batch(loaded: DeviceHeads, config: AdversarialConfig, step: int | jax.Array) -> dict:
    """A batch for learning II, sampled by the rules of `data.sequence_batch`.

    Args:
        loaded: from `load_sequences`.
        config: config.AdversarialConfig.
        step: int or int32 scalar; the batch depends on it and on `config.seed` alone.

    Returns:
        dict as `training.objective.generator_objective` takes it.
    """
    keys = random.split(random.fold_in(random.key(config.seed), step), 3 + len(loaded.tables))
    shared = sampling.shared(config.subjects, loaded.tables)
    chosen = jnp.concatenate(
        [_sample_heads(table, count, config, key) for (table, count), key in zip(shared, keys[3:], strict=True)]
    )
    passes, sequences, size = 1 + config.critic_steps, config.subjects * config.sequences, config.size
    noise = random.uniform(keys[0], (passes, sequences, size, size, 1))  # one channel per sequence
    conditions = jax.vmap(lambda key: sample_conditions(config.channel, sequences, key, step))
    order, degradation = conditions(random.split(keys[1], passes))
    return {
        "x": to_float(loaded.images[chosen]),
        "noise": jnp.repeat(noise, config.frames, axis=1),
        "epsilon": random.uniform(keys[2], (config.critic_steps, 2, config.batch_size, 1, 1, 1)),
        "order": order,
        "degradation": degradation,
    }


def _sample_heads(table, subjects, config, key):
    """Indices of heads, `(subjects x sequences x frames,)`, without repeated subjects, sequences or frames."""
    keys = random.split(key, 3)
    who = _distinct(jnp.array(len(table.sequences)), len(table.sequences), subjects, keys[0])
    which = _distinct(table.sequences[who], table.of_subject.shape[1], config.sequences, keys[1])
    sequences = table.of_subject[who[:, None], which]  # (subjects, sequences)
    frames = _distinct(table.length[sequences], table.frames.shape[1], config.frames, keys[2])
    return table.frames[sequences[..., None], frames].ravel()


def _distinct(counts, most, wanted, key):
    """For each of `counts` (`most` at most), `wanted` different numbers below it: `(*counts, wanted)`."""
    scores = random.uniform(key, (*counts.shape, most))
    return lax.top_k(jnp.where(jnp.arange(most) < counts[..., None], scores, -1.0), wanted)[1]


def sample_conditions(
    config: ChannelConfig, sequences: int, key: jax.Array, step: int | jax.Array
) -> tuple[jax.Array, jax.Array]:
    """`simulation.sample_conditions` on the device: order int32 `(sequences,)`, degradation int32 `(sizes, 4)`."""
    count, kinds = len(config.sizes), len(config.damages)
    keys = random.split(key, 5)
    strength = jnp.minimum(1.0, step / config.ramp)
    kind = random.randint(keys[0], (count,), 0, 1 + kinds) * (random.uniform(keys[1], (count,)) < strength)
    easiest, hardest = np.array([(0, 0), *((one.easiest, one.hardest) for one in config.damages)]).T
    quality = jnp.take(easiest, kind) + strength * random.uniform(keys[2], (count,)) * jnp.take(hardest - easiest, kind)
    corner = random.randint(keys[3], (2, count), 0, video_codec.GRID)
    degradation = jnp.stack([kind, jnp.round(quality), *corner], axis=1)
    return random.permutation(keys[4], sequences).astype(jnp.int32), degradation.astype(jnp.int32)


def to_float(images: jax.Array) -> jax.Array:
    """uint8 0..255 -> float32 in [0, 1]."""
    return images.astype(jnp.float32) / 255


class Steps:
    """Many training steps per compiled call.

    Args:
        trainer: training.jax.Trainer, of one device.
        sample: callable `(loaded, step) -> batch`, which JAX can trace.
        loaded: NamedTuple of arrays, the set it samples from: DeviceHeads, or `resident_generation.ToldHeads`.
        count: int, steps per call.
    """

    def __init__(self, trainer: Trainer, sample: Callable, loaded: tuple, count: int) -> None:
        self.trainer, self.loaded, self.count = trainer, loaded, count
        self.variables = (
            trainer.trainable_variables, trainer.non_trainable_variables, trainer.optimizer.variables,
            trainer.metrics_variables,
        )  # fmt: skip

        def many(state, loaded, first):
            def one(state, step):
                logs, state = trainer.train_step(state, (sample(loaded, step),))
                return state, logs

            # after each step the mean so far is logged; the last one is the mean of all steps
            state, logs = lax.scan(one, state, first + jnp.arange(count))
            return state, {name: values[-1] for name, values in logs.items()}

        self.many = jax.jit(many, donate_argnums=0)

    def __call__(self, first: int) -> dict:
        """Makes the steps first, ..., first + count - 1.

        Returns:
            dict of the mean of each term over them, float.

        Raises:
            UUNetError: if one of them is not finite; the variables have been assigned nevertheless.
        """
        state = tuple([variable.value for variable in variables] for variables in self.variables)
        state = (*state[:3], [jnp.zeros_like(value) for value in state[3]])
        state, logs = self.many(state, self.loaded, first)
        for variables, values in zip(self.variables, state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        logs = {name: float(value) for name, value in logs.items()}
        bad = [name for name, value in logs.items() if not math.isfinite(value)]
        if bad:
            raise UUNetError(
                f"Training diverged in steps {first + 1} to {first + self.count}: {', '.join(bad)} is not finite. Try "
                "a smaller learning rate; files written before are kept."
            )
        return logs
