"""The part of a training step that is the same on all backends: what is updated, in which order, and what is logged."""

import contextlib
import dataclasses
import time
import types
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras

from uunet import atomic, data
from uunet.config import (
    AdversarialConfig,
    ClassifierConfig,
    ConfigError,
    GeneratorConfig,
    HeadDetectorConfig,
    ReaderConfig,
    TwinConfig,
)
from uunet.config import Optimizer as OptimizerConfig
from uunet.training import callbacks, checkpoints, provenance


class Update(NamedTuple):
    """One gradient step: minimise `objective() -> (scalar, terms to log)` over `variables` with `optimizer`."""

    objective: Callable
    variables: list
    optimizer: keras.optimizers.Optimizer


class Progress(NamedTuple):
    """The progress of a run."""

    steps: int  # done, in all stages together
    remaining: int  # steps
    seconds: float  # duration of the steps done


@dataclasses.dataclass(frozen=True)
class Run:
    """Where a training is kept, and when it stops.

    Attributes:
        folder: Path, made if needed: `checkpoint.npz`, `log.csv`.
        inputs: dict of JSON values that decide the result beside the configuration, such as the hash of the data.
        minutes: float, time after which training stops at a checkpoint; None: it trains to the last step.
        verbose: of `keras.Model.fit`.
    """

    folder: Path
    inputs: dict
    minutes: float | None = None
    verbose: str | int = "auto"


class Trainer(keras.Model):
    """Networks and optimisers that `fit` trains; `tensorflow.py` and `jax.py` add `train_step`.

    Args:
        networks: list of built keras.Models; those without an update must be frozen.
        optimizers: list of `(optimizer, variables)`; the optimiser is built here.
        updates: callable `batch -> iterable of Update`, made in order; each sees the weights after those before it.
        terms: names of the scalars that the objectives log.
        xla: whether TensorFlow compiles the step with XLA; JAX always does.
    """

    def __init__(
        self,
        networks: Iterable[keras.Model],
        optimizers: Sequence[tuple],
        updates: Callable[[dict], Iterable[Update]],
        terms: Sequence[str],
        xla: bool = False,
    ) -> None:
        super().__init__()
        self.networks = list(networks)
        for optimizer, variables in optimizers:
            optimizer.build(variables)
        self.updates = updates
        self.trackers = {name: keras.metrics.Mean(name=name) for name in terms}
        first, *others = (optimizer for optimizer, _ in optimizers)
        # Keras keeps the state of one optimiser; that of the others is kept as ordinary variables of the model
        self.other_optimizer_state = [variable for optimizer in others for variable in optimizer.variables]
        self.compile(optimizer=first, jit_compile=xla or keras.backend.backend() == "jax")
        self.built = True

    def state(self) -> list[keras.Variable]:
        """Every variable that a resumed run needs: weights, moving statistics, dropout seeds, optimisers."""
        return [*self.variables, *self.optimizer.variables]


def build_optimizer(
    config: OptimizerConfig, steps: int | None = None, clip: float | None = None
) -> keras.optimizers.Optimizer:
    """`config.Optimizer` -> keras optimiser.

    Args:
        config: config.Optimizer.
        steps: int, steps of the run; needed for a cosine schedule.
        clip: float, largest norm of all gradients together, to which larger ones are scaled; None: no limit.
    """
    rate = config.learning_rate
    extra = {} if config.beta_1 is None else {"beta_1": config.beta_1}
    if config.cosine:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    if config.average is not None:
        extra |= {"use_ema": True, "ema_momentum": config.average}
    optimizer = keras.optimizers.get(config.name)
    return type(optimizer)(learning_rate=rate, global_clipnorm=clip, **extra)


def backend_trainer() -> types.ModuleType:
    """The module of the running Keras backend: its `Trainer`, `input_gradient`, `outside`, `together` and `devices`."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from uunet.training import tensorflow

        return tensorflow
    if backend == "jax":
        from uunet.training import jax

        return jax
    raise ValueError(f"Training runs on the Keras backends 'tensorflow' and 'jax'; KERAS_BACKEND is {backend!r}.")


def devices(count: int, parts: int, kind: str) -> contextlib.AbstractContextManager:
    """Puts what is built and trained on `count` devices, each of which takes its share of every batch.

    A step gives the same result as on one device, up to rounding: a loss is a mean over equal shares, no loss compares
    heads of two subjects, and what needs the whole batch gets it (the channel, batch normalisation). Only dropout
    differs, on TensorFlow: all shares drop the same units. A checkpoint can be resumed on any number of devices.

    Args:
        count: int; 1 is a no-op.
        parts: int, number of indivisible parts of a batch: pairs, subjects or heads.
        kind: str, their name.

    Returns:
        A context manager around `train`.

    Raises:
        ConfigError: if a batch cannot be split evenly, or there are not that many devices.
    """
    if count == 1:
        return contextlib.nullcontext()
    if parts % count:
        raise ConfigError(f"A batch of {parts} {kind} cannot be split evenly over {count} devices: use a divisor.")
    names = keras.distribution.list_devices()
    if len(names) < count:
        raise ConfigError(f"There are not {count} devices to train on, only {len(names)}: {', '.join(names)}.")
    return backend_trainer().devices(names[:count])


def fit(
    trainer: Trainer,
    batch: Callable[[int], dict],
    config: ClassifierConfig | AdversarialConfig | TwinConfig | ReaderConfig | GeneratorConfig | HeadDetectorConfig,
    run: Run,
    *,
    images: int,
    further: Iterable[keras.callbacks.Callback] = (),
) -> Progress:
    """Trains to `config.steps`, from `run.folder/checkpoint.npz` if there is one.

    Args:
        trainer: a backend's Trainer.
        batch: callable `step -> dict`, a pure function of the step.
        config: ClassifierConfig, AdversarialConfig, TwinConfig, ReaderConfig or GeneratorConfig.
        run: Run.
        images: int, pictures per step, for the log.
        further: more Keras callbacks; what they add to the logs goes into the CSV.

    Returns:
        Progress.

    Raises:
        DivergedError: at the first step with a NaN; the last checkpoint stays.
        CheckpointError: if the folder holds another run, or one with more steps.
    """
    begin = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change during the training
    same = _identity(config, run)
    checkpoint, interval = run.folder / "checkpoint.npz", config.checkpoint_every
    atomic.make_folder(run.folder)
    start, seconds = 0, 0.0
    if checkpoint.exists():
        start, seconds = checkpoints.restore(trainer, checkpoint, run=same)
    if start > config.steps:
        raise checkpoints.CheckpointError(f"{checkpoint} has done {start} steps already; ask for more than that.")
    if start == config.steps:
        return Progress(start, 0, seconds)
    if start:
        print(f"resumed from step {start}")
    saver = callbacks.Checkpoint(checkpoint, same, start, seconds)
    load = data.dataset if keras.backend.backend() == "tensorflow" else data.batches
    trainer.fit(
        load(batch, range(start, config.steps)),
        steps_per_epoch=interval,
        initial_epoch=start // interval,
        epochs=config.steps // interval,
        shuffle=False,  # batches are sampled at random already; without this argument Keras warns
        verbose=run.verbose,
        callbacks=[
            callbacks.StopAtNaN(checkpoint),
            callbacks.Speed(images),
            *further,
            callbacks.CsvLog(run.folder / "log.csv"),
            saver,
            *([] if run.minutes is None else [callbacks.StopAfter(begin, 60 * run.minutes)]),
        ],
    )
    return Progress(saver.step, config.steps - saver.step, saver.seconds)


def _identity(config, run):
    """What a resumed run must share: configuration and inputs. The numbers of steps may grow."""
    settings = dataclasses.asdict(config)
    for name in ("steps", "sharpening_steps", "hiding_steps"):
        settings.pop(name, None)
    for name in ("outer", "other_labels", "identity"):  # a run older than these has them switched off
        if not settings.get(name, True):
            settings.pop(name)
    return {"config": settings, **run.inputs}
