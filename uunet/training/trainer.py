"""The part of a training step that knows no backend: who is updated, in which order, and what is logged."""

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import NamedTuple

import keras

from uunet import atomic, data
from uunet.config import ConfigError
from uunet.training import callbacks, checkpoints


class Update(NamedTuple):
    """One gradient step: minimise `objective() -> (scalar, terms to log)` over `variables` with `optimizer`."""

    objective: Callable
    variables: list
    optimizer: keras.optimizers.Optimizer


class Progress(NamedTuple):
    """How far a run is."""

    steps: int  # done, all its parts together
    remaining: int  # steps
    seconds: float  # that the steps done took


class Trainer(keras.Model):
    """Networks and optimisers that `fit` trains; `tensorflow.py` and `jax.py` add `train_step`.

    Args:
        networks: list of built keras.Models; the ones without an update must be frozen.
        optimizers: list of `(optimizer, variables)`; the optimiser is built here.
        updates: callable `batch -> list[Update]`, made in order, each seeing the ones before.
        terms: names of the scalars the objectives log.
    """

    def __init__(self, networks, optimizers, updates, terms):
        super().__init__()
        self.networks = list(networks)
        for optimizer, variables in optimizers:
            optimizer.build(variables)
        self.updates = updates
        self.trackers = {name: keras.metrics.Mean(name=name) for name in terms}
        first, *others = (optimizer for optimizer, _ in optimizers)
        # Keras carries one optimiser's state; the others' ride along as ordinary variables of the model
        self.other_optimizer_state = [variable for optimizer in others for variable in optimizer.variables]
        self.compile(optimizer=first, jit_compile=keras.backend.backend() == "jax")
        self.built = True

    def state(self):
        """Every variable that a resumed run needs: weights, moving statistics, dropout seeds, optimisers."""
        return [*self.variables, *self.optimizer.variables]


def build_optimizer(config, steps=None, clip=None):
    """`config.Optimizer` -> keras optimiser.

    Args:
        config: config.Optimizer.
        steps: int, how many the run has; needed for a learning rate that falls.
        clip: float, to which the norm of all gradients together is brought down where it is larger; None: as it is.
    """
    rate = config.learning_rate
    extra = {} if config.beta_1 is None else {"beta_1": config.beta_1}
    if config.cosine:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    if config.average is not None:
        extra |= {"use_ema": True, "ema_momentum": config.average}
    optimizer = keras.optimizers.get(config.name)
    return type(optimizer)(learning_rate=rate, global_clipnorm=clip, **extra)


def backend_trainer():
    """The Trainer with the `train_step` of the running Keras backend, and its `input_gradient`."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from uunet.training import tensorflow as module
    elif backend == "jax":
        from uunet.training import jax as module
    else:
        raise ValueError(f"Training runs on the Keras backends 'tensorflow' and 'jax'; KERAS_BACKEND is {backend!r}.")
    return module


def devices(count, parts, kind):
    """Where what is built and trained lives: on `count` devices, each of which takes its share of every batch.

    A step does what it does on one device, up to rounding: a loss is a mean over equal shares, no loss compares heads
    of two subjects, and what needs the whole batch is given it (the channel, batch normalisation). Only dropout
    differs, on TensorFlow: all shares drop the same. A checkpoint can be resumed on any number of devices.

    Args:
        count: int; 1 changes nothing.
        parts: int, what a batch has of what cannot be split further: pairs, subjects or heads.
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


def fit(trainer, batch, config, folder, run, *, images, further=(), minutes=None, verbose="auto"):
    """Trains to `config.steps`, from `folder/checkpoint.npz` if there is one.

    Args:
        trainer: a backend's Trainer.
        batch: callable `step -> dict`, a pure function of the step.
        config: ClassifierConfig, AdversarialConfig or TwinConfig.
        folder: Path of the run, made if need be: `checkpoint.npz`, `log.csv`.
        run: dict of JSON values that decide the result beside the config, such as the hash of the data.
        images: int, how many pictures a step sees, for the log.
        further: more Keras callbacks; what they add to the logs goes into the CSV.
        minutes: float, time after which this call stops at a checkpoint; None: it goes to `config.steps`.

    Returns:
        Progress.

    Raises:
        DivergedError: at the first step with a NaN; the last checkpoint stays.
        CheckpointError: if `folder` holds another run, or one that is further already.
    """
    begin = time.monotonic()
    same = {"config": dataclasses.asdict(config), **run}
    for name in ("steps", "sharpening_steps", "hiding_steps"):
        same["config"].pop(name, None)  # a run may be prolonged
    checkpoint, interval = folder / "checkpoint.npz", config.checkpoint_every
    atomic.make_folder(folder)
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
    feed = data.dataset if keras.backend.backend() == "tensorflow" else data.batches
    trainer.fit(
        feed(batch, range(start, config.steps)),
        steps_per_epoch=interval,
        initial_epoch=start // interval,
        epochs=config.steps // interval,
        shuffle=False,  # batches are drawn at random already; unsaid, Keras warns
        verbose=verbose,
        callbacks=[
            callbacks.StopAtNaN(checkpoint),
            callbacks.Speed(images),
            *further,
            callbacks.CsvLog(folder / "log.csv"),
            saver,
            *([] if minutes is None else [callbacks.StopAfter(begin, 60 * minutes)]),
        ],
    )
    return Progress(saver.step, config.steps - saver.step, saver.seconds)
