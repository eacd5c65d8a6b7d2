"""Trains the head detector (`models.head_detector`) on an archive of scenes whose heads are known."""

from pathlib import Path

import keras
import numpy as np
from keras import ops

from uunet import pixels
from uunet.config import HeadDetectorConfig
from uunet.data import head_scenes
from uunet.models import files, head_detector
from uunet.pixels import Tensor
from uunet.training import callbacks, provenance
from uunet.training import trainer as training

SHOWN = 24  # pictures of a sample sheet
MOST = 160  # pictures of validation that are measured
AT_ONCE = 16  # pictures
MATCH = 0.5  # intersection over union from which a found head is a true one
LEAST_HEAT = 0.05  # of found heads that are measured
SHOWN_HEAT = 0.4  # of those on the sheet


def heat_loss(logits: Tensor, heat: Tensor, counts: Tensor) -> Tensor:
    """The penalty-reduced focal loss of the heat map (Zhou et al. 2019, Eq. 1, with alpha = 2 and beta = 4).

        L = -1/N sum  (1 - p)^2 log p                  where Y = 1
                      (1 - Y)^4 p^2 log(1 - p)         elsewhere,        p = sigmoid(logit)

    N is the number of cells with Y = 1 in the batch, at least 1. Cells near a centre, with Y just below 1, cost little.

    Args:
        logits: float32 `(B, h, w)`.
        heat: float32 `(B, h, w)`, Y in [0, 1].
        counts: float32 `(B, h, w)`, 1 or 0: cells with 0 are left out.

    Returns:
        Scalar float32.
    """
    log_p, log_q = -ops.softplus(-logits), -ops.softplus(logits)  # log p and log(1 - p)
    p = ops.sigmoid(logits)
    centre = ops.cast(heat >= 1.0, logits.dtype) * counts
    # (1 - p)^2 log p  and  (1 - Y)^4 p^2 log(1 - p)
    there = ops.square(1.0 - p) * log_p
    elsewhere = ops.power(1.0 - heat, 4.0) * ops.square(p) * log_q
    total = ops.sum(centre * there + (counts - centre) * elsewhere)
    return -total / ops.maximum(ops.sum(centre), 1.0)


def box_loss(made: Tensor, true: Tensor, near: Tensor) -> Tensor:
    """The mean absolute error of two numbers per cell, weighted by how near the centre of a head is.

        L = sum( near |made - true| ) / (2 sum near)

    Args:
        made, true: float32 `(B, h, w, 2)`: log sizes, or offsets.
        near: float32 `(B, h, w)`, weights.

    Returns:
        Scalar float32; 0 if no head is in the batch.
    """
    return ops.sum(near[..., None] * ops.abs(made - true)) / ops.maximum(2.0 * ops.sum(near), 1e-6)


def objective(detector: keras.Model, config: HeadDetectorConfig, batch: dict) -> tuple[Tensor, dict]:
    """L = heat + w_box box + w_offset offset.

    Args:
        detector: `models.head_detector.head_detector`, normalised.
        config: HeadDetectorConfig.
        batch: dict of `data.head_scenes.head_scene_batch`.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    made, true = detector(batch["image"], training=True), batch["maps"]
    heat = heat_loss(made[..., 0], true[..., 0], batch["counts"])
    box = box_loss(made[..., 1:3], true[..., 1:3], batch["near"])
    offset = box_loss(made[..., 3:5], true[..., 3:5], batch["near"])
    return heat + config.box * box + config.offset * offset, {"heat": heat, "box": box, "offset": offset}


def build_trainer(detector: keras.Model, config: HeadDetectorConfig) -> training.Trainer:
    """A Trainer of the running backend whose step is `objective` once."""
    optimizer = training.build_optimizer(config.optimizer, config.steps)
    variables = detector.trainable_variables

    def updates(batch):
        yield training.Update(lambda: objective(detector, config, batch), variables, optimizer)

    return training.backend_trainer().Trainer(
        [detector], [(optimizer, variables)], updates, terms=("heat", "box", "offset")
    )


def train(
    config: HeadDetectorConfig, archive: Path, out: Path, *, minutes: float | None = None, verbose: str | int = "auto"
) -> tuple[training.Progress, float]:
    """Trains the head detector, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: HeadDetectorConfig.
        archive: of `python -m data_prep.head_scenes`.
        out: Path of the run; receives `detector.safetensors`, `checkpoint.npz`, `log.csv`, `sheets/`.
        minutes: float, time after which training stops at a checkpoint; None: at `config.steps`.
        verbose: of `keras.Model.fit`.

    Returns:
        `trainer.Progress`, and the average precision on scenes for validation.

    Raises:
        DataError: if the archive is missing, damaged or of another kind.
    """
    keras.utils.set_random_seed(config.seed)
    scenes, validation, sha256 = head_scenes.read(archive)
    detector = head_detector.head_detector(width=config.width, normalized=True)
    inputs = {"data_sha256": sha256}
    progress = training.fit(
        build_trainer(detector, config),
        lambda step: head_scenes.head_scene_batch(scenes, config, step),
        config,
        training.Run(out, inputs, minutes, verbose),
        images=config.batch,
        further=[ValidationSheet(out / "sheets", detector, validation)],
    )
    plain = head_detector.folded(detector, width=config.width)
    precision, _ = validate(plain, validation)
    record = provenance.record(config, inputs, steps=progress.steps, seconds=progress.seconds)
    files.save(
        plain,
        out / "detector.safetensors",
        builder="head_detector",
        arguments={"width": config.width},
        provenance=record | {"validation": {"average_precision": precision}},
    )
    return progress, precision


class ValidationSheet(keras.callbacks.Callback):
    """At the end of every epoch, `average_precision` of validation in the logs, and pictures with their boxes as a PNG.

    True heads are white, found ones green.

    Args:
        folder: where `step_000250.png` goes.
        detector: as it is trained.
        scenes: head_scenes.Scenes of validation.
    """

    def __init__(self, folder: Path, detector: keras.Model, scenes: head_scenes.Scenes) -> None:
        super().__init__()
        self.folder, self.detector, self.scenes = Path(folder), detector, scenes

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        logs["average_precision"], found = validate(self.detector, self.scenes)
        shown = []
        for k, (boxes, heat) in list(enumerate(found))[:SHOWN]:
            drawn = (self.scenes.boxes[k], (255, 255, 255)), (boxes[heat >= SHOWN_HEAT], (60, 255, 60))
            shown.append((self.scenes.picture(k), drawn))
        callbacks.write_sheet(self.folder, (epoch + 1) * self.params["steps"], head_scenes.sheet(shown, across=6))


def validate(detector: keras.Model, scenes: head_scenes.Scenes) -> tuple[float, list[tuple]]:
    """The average precision on the first MOST pictures, and what was found in each: `head_detector.boxes_of`."""
    found = []
    count = min(MOST, len(scenes.files))
    for start in range(0, count, AT_ONCE):
        pictures = np.stack([scenes.picture(k) for k in range(start, min(start + AT_ONCE, count))])
        maps = np.asarray(detector.predict_on_batch(pixels.to_float(pictures)))
        found += [head_detector.boxes_of(head_detector.sigmoid(one[..., 0]), one, LEAST_HEAT) for one in maps]
    return average_precision(found, scenes.boxes[:count], scenes.ignored[:count]), found


def average_precision(found: list[tuple], boxes: list[np.ndarray], ignored: list[np.ndarray]) -> float:
    """The area under the curve of precision over recall, in [0, 1].

    By falling heat, each found head is matched with the true one that it overlaps most, if that is MATCH or more and
    not matched yet; else it is a false alarm, unless half of it lies in a box to ignore. Precision at a recall is the
    best one at that recall or above.

    Args:
        found: per picture, (boxes float `(n, 4)`, heat float `(n,)`).
        boxes, ignored: per picture, true heads and boxes to ignore.
    """
    total = sum(len(own) for own in boxes)
    order = sorted((-heat, k, i) for k, (_, heats) in enumerate(found) for i, heat in enumerate(heats))
    matched: set[tuple[int, int]] = set()
    hits = []
    for _, k, i in order:
        box, own = found[k][0][i], boxes[k]
        overlap = head_detector.overlaps(box, own) if len(own) else np.zeros(1)
        best = int(overlap.argmax())
        if overlap[best] >= MATCH and (k, best) not in matched:
            matched.add((k, best))
            hits.append(1)
        elif not _inside(box, ignored[k]):
            hits.append(0)
    if not total or not hits:
        return 0.0
    true = np.cumsum(hits)
    precision = np.maximum.accumulate((true / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float(np.sum(precision * np.array(hits)) / total)


def _inside(box, ignored):
    """Whether half of a box or more lies in one of some others."""
    x, y, w, h = box
    across = np.minimum(x + w, ignored[:, 0] + ignored[:, 2]) - np.maximum(x, ignored[:, 0])
    down = np.minimum(y + h, ignored[:, 1] + ignored[:, 3]) - np.maximum(y, ignored[:, 1])
    return bool((np.maximum(across, 0) * np.maximum(down, 0) >= 0.5 * w * h).any())
