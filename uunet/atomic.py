"""Writing without regret: nothing half-written is left, the input is never touched, nothing is overwritten unasked."""

import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path

from uunet.errors import UUNetError


class OutputError(UUNetError):
    """A result cannot be written where it was asked for."""


@contextmanager
def new_file(target, source=None, *, overwrite):
    """A temporary file beside `target` that becomes `target` when all went well, and vanishes when anything did not.

    Args:
        target: path of the result.
        source: path of the input, which the result must not replace; None if there is none.
        overwrite: bool, whether an existing `target` may be replaced.

    Yields:
        Path of the existing, empty temporary file, with the suffix of `target`.

    Raises:
        OutputError: if `target` exists, is the input, or cannot be written (folder missing, no right, disk full).
    """
    target = Path(target)
    part = target.with_name(f".{target.stem[:80]}.{secrets.token_hex(4)}.part{target.suffix}")
    try:
        _refuse_existing(target, source, overwrite)
        part.touch(exist_ok=False)  # now, not after an hour of work, is when a missing right should show
        yield part
        _refuse_existing(target, source, overwrite)
        os.replace(part, target)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({error.strerror}): free some space there or name another place."
        ) from error
    finally:
        with suppress(OSError):  # a name that is too long was never made
            part.unlink()


def make_folder(path):
    """Makes a folder for results, and those above it, unless it is there.

    Raises:
        OutputError: if that cannot be done.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made a folder ({error.strerror}): name another place.") from error


def _refuse_existing(target, source, overwrite):
    if source is not None and target.exists() and os.path.samefile(target, source):
        raise OutputError(f"{target} is the input itself, which is never replaced: name another file for the result.")
    if target.is_dir():
        raise OutputError(f"{target} is a folder: name a file for the result.")
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists already: name another file, or ask to overwrite it (--overwrite).")
