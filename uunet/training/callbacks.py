"""Keras callbacks of both phases: checkpoints, the CSV log, sample sheets, the stop at NaN."""

import csv
import math
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import keras
import numpy as np

from uunet import atomic, data, engine, metrics, pixels
from uunet.config import AdversarialConfig, GeneratorConfig, TwinConfig
from uunet.models import generator as drawing
from uunet.training import checkpoints


class StopAtNaN(keras.callbacks.Callback):
    """Stops at the first step whose logged mean is not finite, before it is saved in a checkpoint."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__()
        self.checkpoint = checkpoint

    def on_train_begin(self, logs: dict | None = None) -> None:
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        bad = [name for name, value in logs.items() if not math.isfinite(float(value))]
        if bad:
            step = self.epoch * self.params["steps"] + batch + 1
            kept = "the last good checkpoint is kept" if self.checkpoint.exists() else "there is no checkpoint yet"
            raise checkpoints.DivergedError(
                f"Training diverged at step {step}: {', '.join(bad)} is not a finite number. Try a smaller learning "
                f"rate ({kept}: {self.checkpoint})."
            )


class Speed(keras.callbacks.Callback):
    """Adds `images_per_second` to the logs: pictures per step times steps per epoch over the epoch's duration."""

    def __init__(self, images: int) -> None:
        super().__init__()
        self.images = images  # per step

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.begin = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        logs["images_per_second"] = self.images * self.params["steps"] / (time.monotonic() - self.begin)


class Checkpoint(keras.callbacks.Callback):
    """Writes `checkpoint.npz` at the end of every epoch (`checkpoint_every` steps)."""

    def __init__(self, path: Path, run: dict, step: int, seconds: float) -> None:
        super().__init__()
        self.path, self.run, self.step = path, run, step
        self.seconds, self.begin = seconds, time.monotonic() - seconds

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        self.seconds = time.monotonic() - self.begin
        self.step = (epoch + 1) * self.params["steps"]
        checkpoints.save(self.model, self.path, run=self.run, step=self.step, seconds=self.seconds)


class StopAfter(keras.callbacks.Callback):
    """Stops training at a checkpoint if another epoch, as long as the longest so far, would exceed the time limit.

    Args:
        begin: float, `time.monotonic()` at the start of the time limit.
        seconds: float, its length. At least one epoch is trained.
    """

    def __init__(self, begin: float, seconds: float) -> None:
        super().__init__()
        self.end, self.longest = begin + seconds, 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.began = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self.began)
        if now + self.longest > self.end:
            self.model.stop_training = True


class CsvLog(keras.callbacks.Callback):
    """One row per epoch: the step and the mean of each term. Rows beyond the step resumed from are dropped."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = Path(path)

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        step = (epoch + 1) * self.params["steps"]
        rows = []
        if self.path.exists():
            with open(self.path, newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) < step]
        rows.append({"step": step, **{name: f"{float(value):.6g}" for name, value in logs.items()}})
        with atomic.new_file(self.path, overwrite=True) as part, open(part, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[-1])
            writer.writeheader()
            writer.writerows(rows)


class SampleSheet(keras.callbacks.Callback):
    """At the end of every epoch, rows x | a | r of validation heads as a PNG, and PSNR(x, r), PSNR(x, a) in the log.

    a is shown and measured as U_d receives it: after 8-bit rounding and, if training uses a channel, a ROI of one of
    its sizes.

    Args:
        folder: where `step_000200.png` goes.
        encoder, decoder: U_e, U_d.
        heads: data.Heads of the validation split.
        config: config.AdversarialConfig or config.TwinConfig.
        count: int, heads per sheet.
    """

    def __init__(
        self,
        folder: Path,
        encoder: keras.Model,
        decoder: keras.Model,
        heads: data.Heads,
        config: AdversarialConfig | TwinConfig,
        count: int = 12,
    ) -> None:
        super().__init__()
        self.folder, self.encoder, self.decoder, self.config = Path(folder), encoder, decoder, config
        subjects = list(heads.by_subject.values())
        chosen = [
            subjects[k % len(subjects)][k // len(subjects) % len(subjects[k % len(subjects)])][0] for k in range(count)
        ]
        self.heads = heads.images[chosen]
        rng = np.random.default_rng(config.seed)
        self.noise = {k: pixels.noise_channel(rng, config.size) for k in range(count)}

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        count, sizes = len(self.heads), self.config.channel.sizes or (self.config.size,)
        # a new one each time: who stands in depends on what U_e reads by now
        deidentifier = engine.Deidentifier(self.encoder, self.config.seed, noise=self.noise)
        shapes = [(sizes[k % len(sizes)],) * 2 for k in range(count)]
        public = deidentifier(self.heads, range(count), shapes=shapes)
        x, received = pixels.to_float(self.heads), engine.network_inputs(public, self.config.size)
        r = engine.Reidentifier(self.decoder).faces(public)
        # of all heads as one picture: the mean squared error is over all of them
        for name, image in (("psnr_r", r), ("psnr_a", received)):
            logs[name] = metrics.psnr(x[None], image[None], data_range=1.0)[0]
        write_sheet(self.folder, (epoch + 1) * self.params["steps"], sheet(x, received, r))


class GeneratorSheet(keras.callbacks.Callback):
    """At the end of every epoch, rows x | the surroundings | a of each of CODES codes, of validation heads, as a PNG.

    a is drawn with the moving average of the weights, and these weights are written. `difference` in the logs is the
    mean distance of two of these a in the pixels that were removed.

    Args:
        folder: where `step_000200.png` goes.
        averaged: `models.head_generator`, and its optimiser, which holds the average.
        heads: data.Heads of the validation split; equally many of each domain are shown.
        told: callable, Heads to data.Told.
        config: config.GeneratorConfig.
        write: callable, called with the number of steps while the generator has the averaged weights.
    """

    CODES = 4
    HEADS = 12

    def __init__(
        self,
        folder: Path,
        averaged: tuple[keras.Model, keras.optimizers.Optimizer],
        heads: data.Heads,
        told: Callable[[data.Heads], data.Told],
        config: GeneratorConfig,
        write: Callable[[int], None],
    ) -> None:
        super().__init__()
        self.folder, self.write = Path(folder), write
        self.generator, self.optimizer = averaged
        rng = np.random.default_rng(config.seed)
        share = self.HEADS // len(heads.members)
        shown = heads.taken(np.concatenate([rng.choice(m, min(share, len(m)), replace=False) for m in heads.members]))
        found = told(shown)
        self.x = pixels.to_float(shown.images)
        self.inputs = {"image": self.x, "numbers": found.numbers, "labels": drawing.one_hot(found.labels)}
        codes = rng.standard_normal((self.CODES, 1, config.codes), dtype=np.float32)
        self.codes = np.repeat(codes, len(self.x), axis=1)  # one person per row

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        step = (epoch + 1) * self.params["steps"]
        variables = self.generator.trainable_variables
        latest = [np.array(variable.numpy()) for variable in variables]
        self.optimizer.finalize_variable_values(variables)  # the average
        for variable in variables:  # on JAX it is the average's own buffer now, which prediction may free: copied
            variable.assign(np.array(variable.numpy()))
        try:
            a = [np.asarray(self.generator.predict_on_batch(self.inputs | {"code": code})) for code in self.codes]
            self.write(step)
        finally:
            for variable, value in zip(variables, latest, strict=True):
                variable.assign(value)
        removed = drawing.removed(self.x.shape[1])
        logs["difference"] = np.mean([np.abs(one - other)[:, removed].mean() for one, other in pairwise(a)])
        write_sheet(self.folder, step, sheet(self.x, np.asarray(drawing.surroundings(self.x)), *a))


def sheet(*rows: np.ndarray, scale: int = 2) -> np.ndarray:
    """Rows of faces as one picture.

    Args:
        rows: float `(n, H, W, 3)` in [0, 1], one array per row.
        scale: int, enlargement.

    Returns:
        uint8 `(rows H scale, n W scale, 3)`.
    """
    picture = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
    return pixels.to_uint8(picture).repeat(scale, axis=0).repeat(scale, axis=1)


def write_sheet(folder: Path, step: int, picture: np.ndarray) -> None:
    """Writes the sheet of a step, uint8 `(H, W, 3)`, RGB, as `step_000200.png` into a folder, made if need be."""
    atomic.make_folder(folder)
    with atomic.new_file(folder / f"step_{step:06d}.png", overwrite=True) as part:
        part.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
