"""What a frozen D_a should say of drawn heads, beyond the critic: who a is, and which labels a has.

The terms are those of Eqs. 9 to 11, cut off where D_a is sure enough. A D_a of pictures at 64 pixels is right for three
pairs of four, and the easiest way to more certainty is a pattern that only D_a sees. So no term asks for more
certainty than D_a has of real pairs, and D_a sees what the critic sees: pictures under random changes.

Labels are D_a's matter, too, not the reader's: the reader was trained on rendered heads only, D_a on all.
"""

from pathlib import Path
from typing import NamedTuple

import keras
from keras import ops

from uunet import labels
from uunet.config import ConfigError, GeneratorConfig, IdentityTerms
from uunet.models import files
from uunet.pixels import Tensor
from uunet.training import objective

TERMS = ("far", "labels", "same", "apart")


class Classifier(NamedTuple):
    """D_a, frozen, and the labels that its outputs compare, in their order."""

    network: keras.Model
    labels: tuple[str, ...]


def load(path: Path | str | None, config: GeneratorConfig) -> Classifier | None:
    """The D_a of a file of `uunet train-classifier`; None if there is no file and the configuration needs none.

    Raises:
        ConfigError: if there is a file that the configuration does not use, or none that it needs.
        WeightsError: if it is another network, reads heads neither of the generator's size nor of half of it, or lacks
            the ID or a label that the terms rate.
    """
    terms, size = config.identity, config.size
    if path is None:
        if terms is not None:
            raise ConfigError("This configuration compares people with D_a: name its file (--classifier).")
        return None
    if terms is None:
        raise ConfigError("This configuration uses no D_a: leave --classifier out, or choose one that does.")
    network = files.load(path, expect=6)
    network.trainable = False
    compared = tuple(files.provenance(path)["config"]["labels"])
    reads = network.input_shape[1]
    if size not in (reads, 2 * reads):
        raise files.WeightsError(
            f"{path} compares heads of {reads} pixels, and the generator draws {size}: give a D_a of {size} pixels, or "
            "of half as many."
        )
    missing = [label for label in (labels.LABELS if terms.labels else ("ID",)) if label not in compared]
    if missing:
        raise files.WeightsError(
            f"{path} compares {', '.join(compared)}, not {', '.join(missing)}: train a D_a with --labels "
            f"{','.join(labels.LABELS)}."
        )
    return Classifier(network, compared)


def doubt(agreement: Tensor, wanted: Tensor | float, sure: float) -> Tensor:
    """How much D_a's probability of what is wanted falls short of `sure`.

        max(0, sure - q),  q = D_a where 1 is wanted, 1 - D_a where 0 is wanted

    Up to where it is cut off, it is half of -s (2 D_a - 1), Eq. 9, and a constant, with s = 2 wanted - 1.

    Args:
        agreement: float32 `(B,)`, an output of D_a in [0, 1].
        wanted: float32 `(B,)` of 0 and 1, or one of both.
        sure: float in [0.5, 1].

    Returns:
        float32 `(B,)`.
    """
    q = wanted * agreement + (1 - wanted) * (1 - agreement)
    # max(0, sure - q)
    return ops.relu(sure - q)


def rated(true: Tensor, asked: Tensor) -> list[Tensor]:
    """s of Eq. 9 for each soft label and head: 1 where what is asked for is x's, -1 where not, 0 where one is unknown.

    Args:
        true, asked: float32 `(B, WORDS)`, from `models.generator.one_hot`.

    Returns:
        list of float32 `(B,)`, in the order of `labels.VALUES`.
    """
    found, start = [], 0
    for words in labels.VALUES.values():
        own, other = (part[:, start : start + len(words)] for part in (true, asked))
        known = ops.sum(own, axis=-1) * ops.sum(other, axis=-1)
        found.append(2 * ops.sum(own * other, axis=-1) - known)
        start += len(words)
    return found


def identity_objective(
    classifier: Classifier, terms: IdentityTerms, seen: tuple[Tensor, Tensor, Tensor], batch: dict
) -> tuple[Tensor, dict]:
    """Different from x, with the labels asked for; one person per code, and another one per other code.

        L = far E[ doubt(D_a(x, a)_ID, 0) ] + labels sum_l E[ |s_l| doubt(D_a(x, a)_l, (s_l + 1) / 2) ]
            + same E[ doubt(D_a(a', a)_ID, 1) | z' = z ] + apart E[ doubt(D_a(a', a)_ID, 0) | z' != z ]

    a' is drawn for another head of x's sequence, or for x mirrored. So the surroundings do not tell whether z' = z.

    Args:
        classifier: Classifier.
        terms: config.IdentityTerms.
        seen: x, a, a', float32 `(B, S, S, 3)`, changed at random.
        batch: dict of `same` float32 `(B,)`, 1 where z' = z; `labels`, `asked` as in `rated`.

    Returns:
        scalar to minimise, dict of the four unweighted terms to log.
    """
    network, place = classifier.network, classifier.labels.index
    size = network.input_shape[1]
    x, a, other = (ops.average_pool(one, one.shape[1] // size) if one.shape[1] > size else one for one in seen)
    against_x, between = objective.agreement(network, x, a), objective.agreement(network, other, a)
    who, same = between[:, place("ID")], batch["same"]
    labelled = 0.0
    if terms.labels:
        for label, s in zip(labels.VALUES, rated(batch["labels"], batch["asked"]), strict=True):
            short = doubt(against_x[:, place(label)], (s + 1) / 2, terms.sure)
            labelled = labelled + ops.mean(ops.abs(s) * short)
    found = {
        "far": ops.mean(doubt(against_x[:, place("ID")], 0.0, terms.sure)),
        "labels": ops.convert_to_tensor(labelled),
        "same": _mean(doubt(who, 1.0, terms.sure), same),
        "apart": _mean(doubt(who, 0.0, terms.sure), 1 - same),
    }
    # L = far L_far + labels L_labels + same L_same + apart L_apart
    total = (
        terms.far * found["far"]
        + terms.labels * found["labels"]
        + terms.same * found["same"]
        + terms.apart * found["apart"]
    )
    return total, found


def _mean(values, where):
    return ops.sum(values * where) / ops.maximum(ops.sum(where), 1.0)


def without_square(change: Tensor) -> Tensor:
    """Changes `(B, 7)` of `training.generation.augment` without the blank square, which D_a would compare."""
    return ops.concatenate([change[:, :5], 0 * change[:, 5:] - 1], axis=-1)
