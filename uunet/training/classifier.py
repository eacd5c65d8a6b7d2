"""Learning I: the pairwise classifier D_a on same/different pairs (section III-A)."""

from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from uunet import data, models
from uunet.config import ClassifierConfig
from uunet.models import files
from uunet.training import objective, provenance
from uunet.training import trainer as training


def classifier_arguments(config: ClassifierConfig) -> dict:
    """The arguments of `models.attribute_classifier` for a `config.ClassifierConfig`."""
    return {
        "labels": len(config.labels),
        "size": config.size,
        "blocks": config.blocks,
        "name": "_".join(("classifier", *config.labels)),
    }


def build_trainer(classifier: keras.Model, config: ClassifierConfig) -> training.Trainer:
    """A Trainer of the running backend whose step minimises Eq. 3 once (Eq. 4)."""
    optimizer = training.build_optimizer(config.optimizer, config.steps)
    variables = classifier.trainable_variables

    def updates(batch):
        yield training.Update(lambda: objective.classifier_objective(classifier, batch), variables, optimizer)

    return training.backend_trainer().Trainer([classifier], [(optimizer, variables)], updates, terms=("ce", "accuracy"))


def train(
    config: ClassifierConfig,
    folder: Path | str,
    out: Path,
    *,
    start: Path | None = None,
    minutes: float | None = None,
    verbose: str | int = "auto",
) -> tuple[training.Progress, dict]:
    """Trains one D_a for `config.labels`, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.ClassifierConfig.
        folder: prepared data set (`uunet.data`).
        out: Path of the run; receives `classifier.safetensors`, `checkpoint.npz`, `log.csv`.
        start: Path of another D_a's file to start from, of the same labels and size; None for random weights.
        minutes: float, time after which training stops at a checkpoint; None: at `config.steps`.
        verbose: of `keras.Model.fit`.

    Returns:
        `trainer.Progress`; and dict label -> float, area under the ROC curve on validation pairs, or None where the
        label agrees in all pairs or in none.

    Raises:
        WeightsError: if `start` is not a D_a of this architecture.
    """
    keras.utils.set_random_seed(config.seed)
    heads = data.load(folder, "train", size=config.size, labels=config.labels)
    validation = data.load(folder, "validation", size=config.size, labels=config.labels)
    for split in (heads, validation):
        data.check_pairs(split, config.labels)
    classifier = models.attribute_classifier(**classifier_arguments(config))
    inputs = {"data_sha256": heads.sha256}
    if start is not None:
        inputs["start_sha256"] = files.start_from(classifier, start)
    progress = training.fit(
        build_trainer(classifier, config),
        lambda step: data.pair_batch(heads, config, step),
        config,
        training.Run(out, inputs, minutes, verbose),
        images=2 * config.batch_pairs,
    )
    areas = validate(classifier, validation, config)
    record = provenance.record(config, inputs, steps=progress.steps, seconds=progress.seconds)
    save(classifier, config, out, record | {"validation_auc": areas})
    return progress, areas


def save(classifier: keras.Model, config: ClassifierConfig, out: Path, record: dict) -> None:
    """Writes `classifier.safetensors` into the folder `out`, with this provenance."""
    files.save(
        classifier,
        out / "classifier.safetensors",
        builder="attribute_classifier",
        arguments=classifier_arguments(config),
        provenance=record,
    )


def validate(classifier: keras.Model, heads: data.Heads, config: ClassifierConfig, batches: int = 32) -> dict:
    """Area under the ROC curve of each label on pairs of unseen subjects, sampled like the training pairs.

    Only pairs for which both labels are known count.

    Args:
        classifier: keras.Model, D_a.
        heads: data.Heads that pass `data.check_pairs`.
        config: config.ClassifierConfig: how pairs are sampled.
        batches: int, number of batches of `config.batch_pairs` that are scored.

    Returns:
        dict label -> float, or None where the label agrees in all pairs or in none.
    """
    wanted, known, got = [], [], []
    for step in range(batches):
        batch = data.pair_batch(heads, config, step)
        wanted.append(batch["b"])
        known.append(batch["known"] > 0)
        got.append(np.asarray(objective.agreement(classifier, batch["x"], batch["x_prime"])))
    all_wanted, all_known, all_got = np.concatenate(wanted), np.concatenate(known), np.concatenate(got)  # (pairs, t)
    areas = {}
    for k, label in enumerate(config.labels):
        b, b_hat = all_wanted[all_known[:, k], k], all_got[all_known[:, k], k]
        areas[label] = float(roc_auc_score(b, b_hat)) if len(set(b)) > 1 else None
    return areas


def score(
    path: Path | str, folder: Path | str, *, split: str = "test", batches: int = 64, seed: int = 0
) -> tuple[dict, int]:
    """Areas under the ROC curve of a trained D_a on pairs of a set, without augmentation.

    Args:
        path: file of D_a, as `train` writes it.
        folder: prepared data set.
        split: "test", or another.
        batches: int, number of batches of the training's size that are scored.
        seed: int, of the pairs.

    Returns:
        dict label -> float, or None where the label agrees in all pairs or in none, or is unknown; int, the number of
        pairs.
    """
    network, stored = files.load(path, expect=6), files.provenance(path)["config"]
    config = ClassifierConfig(
        labels=tuple(stored["labels"]), batch_pairs=stored["batch_pairs"], size=stored["size"], seed=seed
    )
    heads = data.load(folder, split, size=config.size, labels=config.labels)
    data.check_pairs(heads, ("ID",))
    return validate(network, heads, config, batches), batches * config.batch_pairs
