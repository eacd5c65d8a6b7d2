"""Everything that a run needs to resume exactly where it stopped, in one file that is replaced atomically."""

import json
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from uunet import atomic
from uunet.errors import UUNetError


class CheckpointError(UUNetError):
    """A checkpoint that is damaged or belongs to another run."""


class DivergedError(UUNetError):
    """A loss or a weight became NaN or infinite."""


def save(trainer: keras.Model, path: Path, *, run: dict, step: int, seconds: float) -> None:
    """Writes all of `trainer.state()` and the run it belongs to; a crash leaves the previous file intact.

    Args:
        trainer: training.trainer.Trainer.
        path: file to write (.npz).
        run: dict of JSON values that a resumed run must share: configuration, hashes of data and of D_a.
        step: int, steps done; batches are a function of the step, so it is the random state, too.
        seconds: float, their duration.

    Raises:
        DivergedError: if a value is not finite; the file stays as it was.
        OutputError: if it cannot be written.
    """
    values = [variable.numpy() for variable in trainer.state()]
    if not all(np.isfinite(value).all() for value in values):
        raise DivergedError(
            f"Training diverged: a weight is no longer finite at step {step}. Try a smaller learning rate; the last "
            "good checkpoint is kept."
        )
    named = {f"v{k}": value for k, value in enumerate(values)}
    with atomic.new_file(path, overwrite=True) as part, open(part, "wb") as file:
        np.savez(file, run=json.dumps(run), step=step, seconds=seconds, **named)


def restore(trainer: keras.Model, path: Path, *, run: dict) -> tuple[int, float]:
    """Assigns a saved state to the trainer's variables.

    Returns:
        int, the step to resume from; float, the duration of the steps before it in seconds.

    Raises:
        CheckpointError: if the file is damaged, or was written by another `run`.
    """
    stored = read(path)
    odd = [name for name in run if stored.run.get(name) != json.loads(json.dumps(run[name]))]
    if odd:
        raise CheckpointError(
            f"{path} was written by another run ({', '.join(odd)} differs); resume with the same, or use a new folder."
        )
    for k, variable in enumerate(trainer.state()):
        variable.assign(stored.values[f"v{k}"])
    return stored.step, stored.seconds


class Stored(NamedTuple):
    """What `save` wrote."""

    run: dict
    step: int
    seconds: float
    values: dict[str, np.ndarray]  # v0, v1 ..., in the order of `trainer.state()`


def read(path: Path) -> Stored:
    """All of a checkpoint.

    Raises:
        CheckpointError: if the file is damaged.
    """
    try:
        with np.load(path) as file:
            stored = {name: file[name] for name in file.files}
        return Stored(json.loads(str(stored["run"])), int(stored["step"]), float(stored["seconds"]), stored)
    except Exception as error:  # zipfile and NumPy raise a dozen kinds for a damaged archive
        raise CheckpointError(f"{path} is not a complete checkpoint ({error}); delete it to start again.") from error
