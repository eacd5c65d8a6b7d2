"""Learning I: the pairwise classifier D_a on same/different pairs (section III-A)."""

import hashlib
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from uunet import data, models
from uunet.config import ClassifierConfig
from uunet.models import files
from uunet.training import objective, provenance
from uunet.training import trainer as training


def classifier_arguments(config):
    """What `models.attribute_classifier` needs to know of a `config.ClassifierConfig`."""
    return {
        "labels": len(config.labels),
        "size": config.size,
        "blocks": config.blocks,
        "name": "_".join(("classifier", *config.labels)),
    }


def build_trainer(classifier, config):
    """A Trainer of the running backend whose step minimises Eq. 3 once (Eq. 4)."""
    optimizer = training.build_optimizer(config.optimizer, config.steps)
    variables = classifier.trainable_variables

    def updates(batch):
        yield training.Update(lambda: objective.classifier_objective(classifier, batch), variables, optimizer)

    return training.backend_trainer().Trainer([classifier], [(optimizer, variables)], updates, terms=("ce", "accuracy"))


def train(config, folder, out, *, start=None, minutes=None, verbose="auto"):
    """Trains one D_a for `config.labels`, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.ClassifierConfig.
        folder: prepared data set (`uunet.data`).
        out: Path of the run; receives `classifier.safetensors`, `checkpoint.npz`, `log.csv`.
        start: Path of another D_a's file to start from, of the same labels and size; None for random weights.
        minutes: float, time after which training stops at a checkpoint; None: at `config.steps`.

    Returns:
        `trainer.Progress`; and dict label -> float, area under the ROC curve on validation pairs, or None where all
        pairs are alike.

    Raises:
        WeightsError: if `start` is not a D_a of this architecture.
    """
    keras.utils.set_random_seed(config.seed)
    heads = data.load(folder, "train", size=config.size, labels=config.labels)
    validation = data.load(folder, "validation", size=config.size, labels=config.labels)
    for split in (heads, validation):
        data.check_pairs(split, config.labels)
    classifier = models.attribute_classifier(**classifier_arguments(config))
    run = {"data_sha256": heads.sha256}
    if start is not None:
        files.start_from(classifier, start)
        run["start_sha256"] = hashlib.sha256(Path(start).read_bytes()).hexdigest()
    progress = training.fit(
        build_trainer(classifier, config),
        lambda step: data.pair_batch(heads, config, step),
        config,
        out,
        run,
        images=2 * config.batch_pairs,
        minutes=minutes,
        verbose=verbose,
    )
    areas = validate(classifier, validation, config)
    record = provenance.record(config, run, steps=progress.steps, seconds=progress.seconds)
    save(classifier, config, out, record | {"validation_auc": areas})
    return progress, areas


def save(classifier, config, out, record):
    """Writes `classifier.safetensors` into the folder `out`, with this provenance."""
    files.save(
        classifier,
        out / "classifier.safetensors",
        builder="attribute_classifier",
        arguments=classifier_arguments(config),
        provenance=record,
    )


def validate(classifier, heads, config, batches=32):
    """Area under the ROC curve of each label on pairs of unseen subjects, drawn like the training pairs.

    Only pairs of which both labels are known count.

    Args:
        classifier: keras.Model, D_a.
        heads: data.Heads as `data.check_pairs` wants them.
        config: config.ClassifierConfig: how pairs are drawn.
        batches: int, how many batches of `config.batch_pairs` are scored.

    Returns:
        dict label -> float, or None where all pairs are alike.
    """
    wanted, known, got = [], [], []
    for step in range(batches):
        batch = data.pair_batch(heads, config, step)
        wanted.append(batch["b"])
        known.append(batch["known"] > 0)
        got.append(np.asarray(objective.agreement(classifier, batch["x"], batch["x_prime"])))
    wanted, known, got = np.concatenate(wanted), np.concatenate(known), np.concatenate(got)
    areas = {}
    for k, label in enumerate(config.labels):
        b, b_hat = wanted[known[:, k], k], got[known[:, k], k]
        areas[label] = float(roc_auc_score(b, b_hat)) if len(set(b)) > 1 else None
    return areas


def score(path, folder, *, split="test", batches=64, seed=0):
    """Areas under the ROC curve of a trained D_a on a set's pairs as they are, without random changes.

    Args:
        path: file of D_a, as `train` writes it.
        folder: prepared data set.
        split: whose pairs: "test", or another.
        batches: int, how many batches of the training's size are scored.
        seed: int, decides the pairs.

    Returns:
        dict label -> float, or None where all pairs are alike or the label is unknown; int, the number of pairs.
    """
    network, stored = files.load(path, expect=6), files.provenance(path)["config"]
    config = ClassifierConfig(
        labels=tuple(stored["labels"]), batch_pairs=stored["batch_pairs"], size=stored["size"], seed=seed
    )
    heads = data.load(folder, split, size=config.size, labels=config.labels)
    data.check_pairs(heads, ("ID",))
    return validate(network, heads, config, batches), batches * config.batch_pairs
