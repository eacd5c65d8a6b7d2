"""Everything a run needs to go on exactly where it stopped, in one file replaced at once."""

import os
from pathlib import Path

import keras
import numpy as np

from uunet.errors import UUNetError


class CheckpointError(UUNetError):
    """A checkpoint that is damaged or of another run."""


def save(trainer, path, *, config, data_sha256, step):
    """Writes all of `trainer.state()` and what it belongs to; a crash leaves the previous file whole.

    Args:
        trainer: training.trainer.Trainer.
        path: file to write (.npz).
        config: str, the run's configuration as JSON; a resumed run must have the same.
        data_sha256: str, hash of the training data.
        step: int, steps done; batches are drawn from it, so it is the random state, too.
    """
    values = {f"v{k}": keras.ops.convert_to_numpy(variable.value) for k, variable in enumerate(trainer.state())}
    part = Path(f"{path}.part")
    with open(part, "wb") as file:
        np.savez(file, config=config, data_sha256=data_sha256, step=step, **values)
    os.replace(part, path)


def restore(trainer, path, *, config, data_sha256):
    """Puts a saved state back.

    Returns:
        int, the step to go on from.

    Raises:
        CheckpointError: if the file is damaged, or was written by another configuration or from other data.
    """
    try:
        with np.load(path) as file:
            stored = {name: file[name] for name in file.files}
    except Exception as error:  # zipfile and NumPy raise a dozen kinds for a damaged archive
        raise CheckpointError(f"{path} is not a complete checkpoint ({error}); delete it to start again.") from error
    for name, mine in (("config", config), ("data_sha256", data_sha256)):
        if str(stored.get(name)) != mine:
            raise CheckpointError(
                f"{path} was written with another {'configuration' if name == 'config' else 'data set'}; "
                "resume with the same one, or write to a new folder."
            )
    for k, variable in enumerate(trainer.state()):
        variable.assign(stored[f"v{k}"])
    return int(stored["step"])
