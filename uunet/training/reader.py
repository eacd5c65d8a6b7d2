"""Trains the reader: what the generator is told of a head.

Rendered heads have known poses and landmarks. Real heads, whose labels alone are known, may be added: labels of
rendered heads do not carry over to them (docs/training-log.md).
"""

from pathlib import Path
from typing import NamedTuple

import cv2
import keras
import numpy as np
from keras import ops

from uunet import data, labels, pixels
from uunet.config import ReaderConfig
from uunet.data import Told
from uunet.models import files, generator
from uunet.pixels import Tensor
from uunet.training import provenance
from uunet.training import trainer as training

HEADS_AT_ONCE = 256
SURE = 0.7  # a label that the reader gives a smaller probability counts as unknown


def reader_objective(reader: keras.Model, batch: dict) -> tuple[Tensor, dict]:
    """The reader's loss: absolute errors of numbers, each in units of its spread, and cross-entropies of labels.

        L = E[ |p - p_true| / spread ] + 0.3 sum_l E[ -log softmax(logits_l)[label_l] ]

    The first mean is over the heads whose numbers are known, the others are over the known labels and 0 for the rest.

    Args:
        reader: `models.head_reader`.
        batch: dict as `data.reader_batch` makes it.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    made = reader(batch["x"], training=True)
    count = batch["numbers"].shape[1]
    spread = np.array(generator.SPREAD[:count], np.float32)
    # E[ |p - p_true| / spread ]
    error = ops.mean(ops.abs(made["numbers"][:, :count] - batch["numbers"]) / spread, axis=-1)
    error = ops.sum(error * batch["posed"]) / ops.sum(batch["posed"])
    unclear = 0.0
    for k, label in enumerate(labels.VALUES):
        # one_hot of -1, unknown, is all zeros
        wanted = ops.one_hot(batch["labels"][:, k], len(labels.VALUES[label]), dtype=made[label].dtype)
        unclear = unclear - ops.mean(ops.sum(wanted * ops.log_softmax(made[label], axis=-1), axis=-1))
    return error + 0.3 * unclear, {"error": error, "labels": unclear}


def build_trainer(reader: keras.Model, config: ReaderConfig) -> training.Trainer:
    """A Trainer of the running backend whose step is `reader_objective` once."""
    optimizer = training.build_optimizer(config.optimizer, config.steps)
    variables = reader.trainable_variables

    def updates(batch):
        yield training.Update(lambda: reader_objective(reader, batch), variables, optimizer)

    return training.backend_trainer().Trainer([reader], [(optimizer, variables)], updates, terms=("error", "labels"))


class Sets(NamedTuple):
    """The data sets of a reader."""

    rendered: Path | str  # with landmarks and poses
    real: Path | str | None = None  # of real heads with some known labels, from which the reader learns labels, too


def train(
    config: ReaderConfig,
    sets: Sets,
    out: Path,
    *,
    start: Path | str | None = None,
    minutes: float | None = None,
    verbose: str | int = "auto",
) -> tuple[training.Progress, dict]:
    """Trains the reader, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.ReaderConfig.
        sets: Sets, prepared (`uunet.data`).
        out: Path of the run; receives `reader.safetensors`, `checkpoint.npz`, `log.csv`.
        start: file of another reader to start from, of the same size and width; None for random weights.
        minutes: float, time after which training stops at a checkpoint; None: at `config.steps`.
        verbose: of `keras.Model.fit`.

    Returns:
        `trainer.Progress`; and dict from number to its mean absolute error and from label to the share of heads that
        are read correctly, of validation; "real gender" and so on for labels of real heads.

    Raises:
        DataError: if a set cannot be read, or no label of the real heads is known.
        WeightsError: if `start` is not a reader of this architecture.
    """
    keras.utils.set_random_seed(config.seed)
    heads, validation = (
        data.load(sets.rendered, split, size=config.size, columns=data.READER_COLUMNS)
        for split in ("train", "validation")
    )
    reader = generator.head_reader(size=config.size, width=config.width)
    inputs = {"data_sha256": heads.sha256}
    if start is not None:
        inputs["start_sha256"] = files.start_from(reader, start)
    labelled = seen = None
    if sets.real is not None:
        labelled, seen = (_labelled(sets.real, split, config.size) for split in ("train", "validation"))
        inputs["real_sha256"] = labelled.sha256
    progress = training.fit(
        build_trainer(reader, config),
        lambda step: data.reader_batch(heads, config, step, labelled),
        config,
        training.Run(out, inputs, minutes, verbose),
        images=config.batch,
    )
    found = validate(reader, validation)
    if seen is not None:
        found |= {f"real {label}": share for label, share in _read_rightly(reader, seen).items()}
    record = provenance.record(config, inputs, steps=progress.steps, seconds=progress.seconds)
    files.save(
        reader,
        out / "reader.safetensors",
        builder="head_reader",
        arguments={"size": config.size, "width": config.width},
        provenance=record | {"validation": found},
    )
    return progress, found


def _labelled(folder, split, size):
    """Heads of a split, of some of which a label is known."""
    heads = data.load(folder, split, size=size)
    if (heads.labels[:, 1:] == labels.UNKNOWN_CODE).all():
        raise data.DataError(f"No gender, ethnicity or hairstyle is known in {folder}: name a set that has some.")
    return heads


def validate(reader: keras.Model, heads: data.Heads) -> dict:
    """Mean absolute error of each number, and the share of heads whose label is read correctly."""
    numbers, _ = read(reader, heads.images)
    true = data.face_numbers(data.landmarks_of(heads), data.pose_of(heads), heads.images.shape[1])
    errors = np.abs(numbers[:, : true.shape[1]] - true).mean(axis=0)
    found = {name: float(error) for name, error in zip(generator.NUMBERS, errors, strict=False)}
    return found | _read_rightly(reader, heads)


def _read_rightly(reader, heads):
    """For each label that is known of some head, the share of these heads whose label is read correctly."""
    _, logits = read(reader, heads.images)
    found = {}
    for k, label in enumerate(labels.VALUES, start=1):
        known = heads.labels[:, k] != labels.UNKNOWN_CODE
        if known.any():
            found[label] = float((logits[label][known].argmax(axis=-1) == heads.labels[known, k]).mean())
    return found


def read(reader: keras.Model, images: np.ndarray) -> tuple[np.ndarray, dict]:
    """What a reader reads in uint8 `(N, S, S, 3)`: numbers float32 `(N, 9)`, and logits of each label, `(N, n)`.

    Raises:
        WeightsError: if the reader reads heads of another size.
    """
    size = reader.input_shape[1]
    if images.shape[1] != size:
        raise files.WeightsError(
            f"The reader reads heads of {size} pixels, these have {images.shape[1]}: train another on such heads."
        )
    parts = []
    for start in range(0, len(images), HEADS_AT_ONCE):
        parts.append(reader.predict_on_batch(pixels.to_float(images[start : start + HEADS_AT_ONCE])))
    made = {name: np.concatenate([np.asarray(part[name]) for part in parts]) for name in parts[0]}
    return made.pop("numbers"), made


def load(path: Path | str) -> keras.Model:
    """The reader of a file that `train` wrote.

    Raises:
        WeightsError: if it is missing, damaged, or another network.
    """
    network = files.load(path)
    if not isinstance(network.output, dict) or "numbers" not in network.output:
        raise files.WeightsError(f"{path} is not a reader; name the reader.safetensors of `uunet train-reader`.")
    return network


def told(reader: keras.Model, heads: data.Heads) -> Told:
    """What the generator is told of heads: the numbers read, and known labels; others as read where that is SURE.

    Heads of twice the reader's size are read at half their size.
    """
    images, size = heads.images, reader.input_shape[1]
    if images.shape[1] == 2 * size:
        images = np.stack([cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in images])
    numbers, logits = read(reader, images)
    known = heads.labels[:, 1:].copy()
    for k, label in enumerate(labels.VALUES):
        share = np.exp(logits[label] - logits[label].max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        guess = np.where(share.max(axis=-1) >= SURE, share.argmax(axis=-1), labels.UNKNOWN_CODE)
        known[:, k] = np.where(known[:, k] == labels.UNKNOWN_CODE, guess, known[:, k])
    return Told(numbers.astype(np.float32), known)
