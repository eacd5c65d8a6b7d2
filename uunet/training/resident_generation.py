"""Batches for the generator and its critic, sampled on the device as in `resident`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import random

from uunet import data
from uunet.config import GeneratorConfig
from uunet.data import sampling
from uunet.labels import UNKNOWN_CODE, VALUES
from uunet.models import generator
from uunet.training.resident import to_float


class ToldHeads(NamedTuple):
    """A data set on the device, with what the generator is told of it."""

    images: jax.Array  # uint8 (N, size, size, 3), RGB
    numbers: jax.Array  # float32 (N, 9)
    labels: jax.Array  # int32 (N, 3), -1 is unknown
    members: tuple  # of int32 arrays: the heads of each domain
    domain: jax.Array  # int32 (N,), of each head
    in_sequence: tuple  # of int32 arrays (N,), as `Heads.in_sequence`


def load_told(heads: data.Heads, told: data.Told) -> ToldHeads:
    """Puts a set and what is told of it on the device, for `generation_batch`."""
    members = tuple(jnp.asarray(members, jnp.int32) for members in heads.members)
    numbers, labels = jnp.asarray(told.numbers, jnp.float32), jnp.asarray(told.labels, jnp.int32)
    domain = np.zeros(len(heads.images), np.int32)
    for k, of_domain in enumerate(heads.members):
        domain[of_domain] = k
    in_sequence = tuple(jnp.asarray(table, jnp.int32) for table in heads.in_sequence)
    return ToldHeads(jnp.asarray(heads.images), numbers, labels, members, jnp.asarray(domain), in_sequence)


def generation_batch(loaded: ToldHeads, config: GeneratorConfig, step: int | jax.Array) -> dict:
    """A batch for the generator and its critic, sampled by the rules of `data.generation_batch`.

    Args:
        loaded: from `load_told`.
        config: config.GeneratorConfig.
        step: int or int32 scalar; the batch depends on it and on `config.seed` alone.

    Returns:
        dict as `data.generation_batch` makes it.
    """
    key = random.fold_in(random.key(config.seed), step)
    keys = iter(random.split(key, 5 + len(loaded.members)))
    shared = sampling.shared(config.batch, loaded.members)
    heads = [members[random.randint(next(keys), (count,), 0, len(members))] for members, count in shared]
    chosen = random.permutation(next(keys), jnp.concatenate(heads))  # the first heads are penalised: of all domains
    mirrored = random.bernoulli(next(keys), 0.5, (config.batch,))
    known = random.uniform(next(keys), (config.batch, loaded.labels.shape[1])) >= config.unknown

    def one_hot(labels):
        labels, values = jnp.where(known, labels, UNKNOWN_CODE), enumerate(VALUES.values())
        return jnp.concatenate([jax.nn.one_hot(labels[:, k], len(words)) for k, words in values], axis=1)

    image, numbers = _mirrored(loaded, chosen, mirrored)
    batch = {
        "image": image,
        "numbers": numbers,
        "labels": one_hot(loaded.labels[chosen]),
        "code": random.normal(next(keys), (config.batch, 2 * config.codes)),
        "change": random.uniform(next(keys), (config.batch, 14)),
        "pull": jnp.full(
            config.batch, jnp.interp(step, jnp.array([0, config.pull_steps]), jnp.array([config.pull, config.pull_end]))
        ),
    }
    if config.other_labels:
        batch["asked"] = one_hot(_asked(loaded, chosen, config.other_labels, random.fold_in(key, 1)))
    if config.identity is not None:
        batch |= _partners(loaded, chosen, mirrored, random.fold_in(key, 2))
        batch["same"] = (jnp.arange(config.batch) % 2 == 0).astype(jnp.float32)
        another = random.normal(random.fold_in(key, 3), (config.batch, config.codes))
        batch["partner_code"] = jnp.where(batch["same"][:, None] > 0, batch["code"][:, config.codes :], another)
    return batch


def _mirrored(loaded, chosen, mirrored):
    """Pictures and numbers of the heads `chosen`, those mirrored where `mirrored`."""
    image, factors = to_float(loaded.images[chosen]), jnp.array(generator.MIRRORED)
    return (
        jnp.where(mirrored[:, None, None, None], image[:, :, ::-1], image),
        loaded.numbers[chosen] * jnp.where(mirrored[:, None], factors, 1),
    )


def _asked(loaded, chosen, probability, key):
    """Labels `(B, 3)` of the heads `chosen`, or, with this probability, of another head of the same domain."""
    keys = random.split(key, 1 + len(loaded.members))
    others = chosen
    for k, members in enumerate(loaded.members):
        some = members[random.randint(keys[k], chosen.shape, 0, len(members))]
        others = jnp.where(loaded.domain[chosen] == k, some, others)
    return loaded.labels[jnp.where(random.uniform(keys[-1], chosen.shape) < probability, others, chosen)]


def _partners(loaded, chosen, mirrored, key):
    """Another head of the sequence of each of `chosen`, mirrored at random; where there is none, x mirrored."""
    order, *tables = loaded.in_sequence
    start, count, place = (table[chosen] for table in tables)
    which, how = random.split(key)
    skip = jnp.floor(random.uniform(which, chosen.shape) * jnp.maximum(count - 1, 1)).astype(jnp.int32)
    others = order[start + (place - start + 1 + skip) % count]
    mirrored = jnp.where(others == chosen, ~mirrored, random.bernoulli(how, 0.5, chosen.shape))
    image, numbers = _mirrored(loaded, others, mirrored)
    return {"partner_image": image, "partner_numbers": numbers}
