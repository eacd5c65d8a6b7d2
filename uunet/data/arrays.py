"""NumPy files with several arrays, which a user names: read whole, or refused with a sentence."""

import zipfile
from pathlib import Path

import numpy as np

from uunet.errors import UUNetError


def read(path: Path, what: str, advice: str, error: type[UUNetError]) -> dict[str, np.ndarray]:
    """All arrays of an .npz file.

    Args:
        path: of the file.
        what: what it should be, e.g. "NumPy archive", for the sentence of an error.
        advice: what to do, the end of that sentence.
        error: what is raised.

    Raises:
        UUNetError, of the class `error`: if there is no such file, or it is damaged.
    """
    if not path.is_file():
        raise error(f"There is no file {path}; {advice}.")
    try:
        with np.load(path) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as damage:
        raise error(f"{path} is no complete {what} ({damage}); {advice}.") from damage
