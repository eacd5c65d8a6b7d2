"""Results that a later evaluation reuses, in the user's cache folder outside the project."""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from uunet import atomic

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uunet"


def remembered(name: str, inputs: Iterable, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The result of `compute()`, from FOLDER if it was computed before from the same inputs.

    Args:
        name: str, part of the file's name.
        inputs: arrays, str or bytes that decide the result, the source of the code that computes it among them.
        compute: callable -> dict of arrays.

    Returns:
        dict of arrays. A file that is damaged is computed again.
    """
    digest = hashlib.sha256()
    for part in inputs:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype} {part.shape}".encode())
            part = np.ascontiguousarray(part)
        digest.update(part.encode() if isinstance(part, str) else part)
    path = FOLDER / f"{name}-{digest.hexdigest()[:32]}.npz"
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        atomic.make_folder(FOLDER)
        computed: dict[str, Any] = compute()
        with atomic.new_file(path, overwrite=True) as part:
            np.savez(part, **computed)
        return computed
