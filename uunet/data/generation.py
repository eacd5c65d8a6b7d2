"""What is sampled from a set of heads for the generator and its critic; as in `sampling`, by (seed, step) alone."""

from typing import NamedTuple

import numpy as np

from uunet import pixels
from uunet.config import GeneratorConfig
from uunet.data.heads import Heads
from uunet.data.sampling import shared
from uunet.labels import UNKNOWN_CODE
from uunet.models import generator


class Told(NamedTuple):
    """What the generator is told of N heads (`models.generator`)."""

    numbers: np.ndarray  # float32 (N, 9)
    labels: np.ndarray  # int (N, 3): gender, ethnicity, hairstyle; -1 is unknown


def generation_batch(heads: Heads, told: Told, config: GeneratorConfig, step: int) -> dict[str, np.ndarray]:
    """A batch for the generator and its critic; every domain of a joined set gives equally many heads.

    Args:
        heads: Heads.
        told: Told of these heads.
        config: `config.GeneratorConfig`.
        step: int; the batch depends on it and on `config.seed` alone.

    Returns:
        dict of `image` float32 `(B, size, size, 3)`, half of them mirrored; `numbers`, `labels` as the networks take
        them; `code` `(B, 2 codes)`, z of the critic's turn and of the generator's; `change` `(B, 14)` of U(0, 1), for
        `training.generation.augment` in both turns; `pull` `(B,)`, the weight of the distance to x in this step.
        With `config.other_labels`, `asked` as `labels`: what is asked for. With `config.identity`, the `partner_image`,
        `partner_numbers` and `partner_code` of each head: another head of its sequence, or the same one mirrored if
        there is none; and `same` `(B,)`, 1 where the partner has the head's code in the generator's turn, else 0.
    """
    rng = np.random.default_rng([config.seed, step])
    members = [rng.choice(members, count) for members, count in shared(config.batch, heads.members)]
    chosen = rng.permutation(np.concatenate(members))  # the first heads are penalised: of all domains
    mirrored = rng.random(config.batch) < 0.5
    image = heads.images[chosen]
    image[mirrored] = image[mirrored, :, ::-1]
    numbers = told.numbers[chosen] * np.where(mirrored[:, None], generator.MIRRORED, 1)
    known = rng.random((config.batch, told.labels.shape[1])) >= config.unknown
    batch = {
        "image": pixels.to_float(image),
        "numbers": numbers.astype(np.float32),
        "labels": generator.one_hot(np.where(known, told.labels[chosen], UNKNOWN_CODE)),
        "code": rng.standard_normal((config.batch, 2 * config.codes), dtype=np.float32),
        "change": rng.random((config.batch, 14), dtype=np.float32),
        "pull": np.full(
            config.batch, np.interp(step, (0, config.pull_steps), (config.pull, config.pull_end)), np.float32
        ),
    }
    if config.other_labels:
        asked = _asked(heads, told, chosen, config.other_labels, rng)
        batch["asked"] = generator.one_hot(np.where(known, asked, UNKNOWN_CODE))
    if config.identity is not None:
        batch |= _partners(heads, told, chosen, mirrored, rng)
        batch["same"] = (np.arange(config.batch) % 2 == 0).astype(np.float32)
        another = rng.standard_normal((config.batch, config.codes), dtype=np.float32)
        batch["partner_code"] = np.where(batch["same"][:, None] > 0, batch["code"][:, config.codes :], another)
    return batch


def _asked(heads, told, chosen, probability, rng):
    """Labels `(B, 3)` of the heads `chosen`, or, with this probability, all of another head of the same domain.

    They are asked for as often as they occur. Otherwise the critic could tell x from a by the labels alone.
    """
    others = np.empty_like(chosen)
    for members in heads.members:
        here = np.isin(chosen, members)
        others[here] = rng.choice(members, here.sum())
    return told.labels[np.where(rng.random(len(chosen)) < probability, others, chosen)]


def _partners(heads, told, chosen, mirrored, rng):
    """Another head of the sequence of each of `chosen`, mirrored at random; where there is none, x mirrored."""
    order, start, count, place = heads.in_sequence
    start, count, place = start[chosen], count[chosen], place[chosen]
    others = order[start + (place - start + 1 + rng.integers(np.maximum(count - 1, 1))) % count]
    mirrored = np.where(others == chosen, ~mirrored, rng.random(len(chosen)) < 0.5)
    image = heads.images[others]
    image[mirrored] = image[mirrored, :, ::-1]
    numbers = told.numbers[others] * np.where(mirrored[:, None], generator.MIRRORED, 1)
    return {"partner_image": pixels.to_float(image), "partner_numbers": numbers.astype(np.float32)}
