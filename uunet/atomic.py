"""Atomic writes: a file is complete or absent, an input is never changed, and nothing is replaced by default.

A file is on the disk before it gets its name. So a key file does not disappear after what was sealed to it was written.
"""

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from uunet.errors import UUNetError

stopped: int | None = None  # the signal that asked the program to stop: no file gets its name after it


class OutputError(UUNetError):
    """A result cannot be written to the given path."""


@contextmanager
def new_file(
    target: str | Path, source: str | Path | None = None, *, overwrite: bool, mode: int = 0o666
) -> Iterator[Path]:
    """A temporary file beside `target`. It becomes `target` if the block succeeds, and is deleted otherwise.

    Args:
        target: path of the result.
        source: path of the input, which the result must not replace; None if there is none.
        overwrite: bool, whether an existing `target` may be replaced.
        mode: int, the permissions from the first moment on, less those of the umask; 0o600 for secrets.

    Yields:
        Path of the existing, empty temporary file, with the suffix of `target`.

    Raises:
        OutputError: if `target` exists, is the input, or cannot be written: its folder is missing, the user may not
            write there, the disk is full.
    """
    with new_files([target], source, overwrite=overwrite, mode=mode) as (part,):
        yield part


@contextmanager
def new_files(
    targets: Sequence[str | Path], source: str | Path | None = None, *, overwrite: bool, mode: int = 0o666
) -> Iterator[list[Path]]:
    """As `new_file`, for files that belong together: all become their targets, or none does."""
    paths = [Path(target) for target in targets]
    parts = [_beside(target, "part") for target in paths]
    try:
        for target, part in zip(paths, parts, strict=True):
            _refuse_existing(target, source, overwrite)
            part.touch(mode, exist_ok=False)  # a missing permission is reported now, not after an hour of work
        yield parts
        if stopped is not None:  # what the signal raised was lost, as in a callback of a library
            sys.exit(128 + stopped)
        for target, part in zip(paths, parts, strict=True):
            with part.open("rb") as file:
                os.fsync(file.fileno())
            _refuse_existing(target, source, overwrite)
        _replace(parts, paths)
    except OSError as error:
        named = next((k for k, part in enumerate(parts) if str(error.filename) == str(part)), 0)
        mend = "make its folder first" if isinstance(error, FileNotFoundError) else "free some space there"
        raise OutputError(
            f"{paths[named]} cannot be written ({error.strerror}): {mend} or name another place."
        ) from error
    finally:
        for part in parts:
            with suppress(OSError):  # there is no such file if its name was too long, or if it became its target
                part.unlink()


def _beside(target: Path, what: str) -> Path:
    """A hidden file in the folder of `target`, with its suffix."""
    return target.with_name(f".{target.stem[:80]}.{secrets.token_hex(4)}.{what}{target.suffix}")


def _replace(parts: list[Path], targets: list[Path]) -> None:
    """Gives each file its name. If one fails, those before it are taken back, and what they replaced returns."""
    undo = []
    try:
        for part, target in zip(parts, targets, strict=True):
            if target is not targets[-1]:  # nothing can fail behind the last one
                old = _beside(target, "old")
                undo.append((part, target, old))
                if target.exists():
                    os.replace(target, old)
            os.replace(part, target)
            sync_folder(target)
    except BaseException:
        for part, target, old in undo:
            if old.exists():
                os.replace(old, target)
            elif not part.exists():
                target.unlink()
        raise
    for _, _, old in undo:
        old.unlink(missing_ok=True)


def sync_folder(path: str | Path) -> None:
    """Returns when the name of a file is on the disk, on systems that can say so."""
    with suppress(OSError):
        folder = os.open(Path(path).parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def make_folder(path: str | Path) -> None:
    """Makes a folder for results and its parents, if they do not exist.

    Raises:
        OutputError: if the folder cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made a folder ({error.strerror}): name another place.") from error


def _refuse_existing(target: Path, source: str | Path | None, overwrite: bool) -> None:
    if source is not None and target.exists() and os.path.samefile(target, source):
        raise OutputError(f"{target} is the input itself, which is never replaced: name another file for the result.")
    if target.is_dir():
        raise OutputError(f"{target} is a folder: name a file for the result.")
    if target.exists() and not target.is_file():  # as root, one could replace /dev/null
        raise OutputError(f"{target} is a device or a pipe, not a file: name a file for the result.")
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists already: name another file, or ask to overwrite it (--overwrite).")
