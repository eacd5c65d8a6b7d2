"""Everything a run needs to go on exactly where it stopped, in one file replaced at once."""

import json

import numpy as np

from uunet import atomic
from uunet.errors import UUNetError


class CheckpointError(UUNetError):
    """A checkpoint that is damaged or of another run."""


class DivergedError(UUNetError):
    """A loss or a weight became NaN or infinite."""


def save(trainer, path, *, run, step, seconds):
    """Writes all of `trainer.state()` and what it belongs to; a crash leaves the previous file whole.

    Args:
        trainer: training.trainer.Trainer.
        path: file to write (.npz).
        run: dict of JSON values that a resumed run must share: configuration, hashes of data and of D_a.
        step: int, steps done; batches are drawn from it, so it is the random state, too.
        seconds: float, time spent on them.

    Raises:
        DivergedError: if a value is not finite; the file stays as it was.
        OutputError: if it cannot be written.
    """
    values = [variable.numpy() for variable in trainer.state()]
    if not all(np.isfinite(value).all() for value in values):
        raise DivergedError(
            f"Training diverged: a weight is no longer finite at step {step}; try a smaller learning "
            "rate, the last good checkpoint is kept."
        )
    named = {f"v{k}": value for k, value in enumerate(values)}
    with atomic.new_file(path, overwrite=True) as part, open(part, "wb") as file:
        np.savez(file, run=json.dumps(run), step=step, seconds=seconds, **named)


def restore(trainer, path, *, run):
    """Puts a saved state back.

    Returns:
        int, the step to go on from; float, the seconds spent until then.

    Raises:
        CheckpointError: if the file is damaged, or `run` is not the one it was written by.
    """
    try:
        with np.load(path) as file:
            stored = {name: file[name] for name in file.files}
        written_by = json.loads(str(stored["run"]))
        step, seconds = int(stored["step"]), float(stored["seconds"])
    except Exception as error:  # zipfile and NumPy raise a dozen kinds for a damaged archive
        raise CheckpointError(f"{path} is not a complete checkpoint ({error}); delete it to start again.") from error
    odd = [name for name in run if written_by.get(name) != json.loads(json.dumps(run[name]))]
    if odd:
        raise CheckpointError(
            f"{path} was written by another run ({', '.join(odd)} differs); resume with the same, or use a new folder."
        )
    for k, variable in enumerate(trainer.state()):
        variable.assign(stored[f"v{k}"])
    return step, seconds
