"""Learning I: the pairwise classifier D_a on same/different pairs (section III-A)."""

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from uunet import data, models
from uunet.models import files
from uunet.training import objective, provenance
from uunet.training import trainer as training


def build_trainer(classifier, config):
    """A Trainer of the running backend whose step minimises Eq. 3 once (Eq. 4)."""
    optimizer = training.build_optimizer(config.optimizer)
    variables = classifier.trainable_variables

    def updates(batch):
        yield training.Update(lambda: objective.classifier_objective(classifier, batch), variables, optimizer)

    return training.backend_trainer().Trainer(
        [classifier], [(optimizer, variables)], updates, terms=("ce", "accuracy")
    )


def train(config, folder, out, *, verbose="auto"):
    """Trains one D_a for `config.labels`, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.ClassifierConfig.
        folder: prepared data set (`uunet.data`).
        out: Path of the run; receives `classifier.safetensors`, `checkpoint.npz`, `log.csv`.

    Returns:
        dict label -> float, area under the ROC curve on validation pairs; None where all pairs are alike.
    """
    keras.utils.set_random_seed(config.seed)
    heads = data.load(folder, "train", size=config.size, labels=config.labels)
    validation = data.load(folder, "validation", size=config.size, labels=config.labels)
    for split in (heads, validation):
        data.check_pairs(split)
    arguments = {
        "labels": len(config.labels), "size": config.size, "blocks": config.blocks,
        "name": "_".join(("classifier", *config.labels)),
    }
    classifier = models.attribute_classifier(**arguments)
    run = {"data_sha256": heads.sha256}
    seconds = training.fit(
        build_trainer(classifier, config),
        lambda step: data.pair_batch(heads, config, step),
        config,
        out,
        run,
        verbose=verbose,
    )
    areas = validate(classifier, validation, config)
    files.save(
        classifier, out / "classifier.safetensors", builder="attribute_classifier", arguments=arguments,
        provenance={**provenance.record(config, run, seconds=seconds), "validation_auc": areas},
    )
    return areas


def validate(classifier, heads, config, batches=32):
    """Area under the ROC curve of each label on pairs of unseen subjects, drawn like the training pairs.

    Returns:
        dict label -> float, or None where all pairs are alike.
    """
    wanted, got = [], []
    for step in range(batches):
        batch = data.pair_batch(heads, config, step)
        wanted.append(batch["b"])
        got.append(np.asarray(objective.agreement(classifier, batch["x"], batch["x_prime"])))
    wanted, got = np.concatenate(wanted), np.concatenate(got)
    return {
        label: float(roc_auc_score(wanted[:, k], got[:, k])) if np.ptp(wanted[:, k]) else None
        for k, label in enumerate(config.labels)
    }
