"""The log of openings: who opened what of which public file. One JSON object per line, chained by hashes.

    {"time": "2026-01-31T12:00:00.000000+00:00", "command": "reconstruct", "stream_id": 32 hex digits,
     "sha256": 64 hex digits, "tracks": [1, 3] or null, "identity": fingerprint, "previous": 64 hex digits}

`previous` is the SHA-256 of the line before, without its newline; of the first line it is 64 zeros. So a line that is
changed, inserted, removed or moved breaks the chain at the line behind it. Lines cut off at the end leave a chain that
is whole: this shows only if the count and the last hash, as `verify` returns them, were noted in another place. Whoever
may write the file can also make the whole chain anew; the same note shows it.
"""

import datetime
import hashlib
import json
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from uunet.atomic import sync_folder
from uunet.errors import UUNetError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FIRST = "0" * 64  # `previous` of the first line
AS_EVIDENCE = "keep the file as evidence, and start another."
MAX_LINE = 2**20  # bytes: no entry is longer, and a hostile file cannot fill the memory
NAMES = ["time", "command", "stream_id", "sha256", "tracks", "identity", "previous"]


class AuditError(UUNetError):
    """A log is broken, or cannot be read or written."""


@dataclass(frozen=True)
class Entry:
    """What was opened. The time is added when it is appended."""

    command: str  # the subcommand, e.g. "reconstruct"
    stream_id: bytes  # (16), of the public file
    sha256: bytes  # (32), of the public file's bytes
    tracks: Sequence[int] | None  # those that the keys open; None: all
    identity: str  # fingerprint of the key, or "disclosure"


class State(NamedTuple):
    """A log whose chain is whole."""

    entries: int
    last: str  # 64 hex digits, the hash of the last line; FIRST if there is none


def append(path: str | Path, entry: Entry) -> State:
    """Appends an entry, and returns only when it is on the disk. Call it before anything is opened.

    The file is made, for its owner alone, if it does not exist; while it is checked and written, it is locked.

    Args:
        path: path of the log.
        entry: Entry.

    Returns:
        State, with this entry.

    Raises:
        AuditError: if the log is broken, or cannot be written: then it is as it was before.
    """
    if fcntl is None:
        raise AuditError(f"{path} cannot be locked on this system: write the log on Linux or macOS.")
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with open(number, "r+b", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise AuditError(f"{path} is not a file: name a file for the log.")
            fcntl.flock(number, fcntl.LOCK_EX)  # until the file is closed
            count, last = _verify(file, path)
            line = _line(entry, last)
            _write(file, line + b"\n")
        if not count:
            sync_folder(path)  # the file may be new
    except OSError as error:
        raise AuditError(f"{path} cannot be written ({error.strerror}): name another place for the log.") from error
    return State(count + 1, hashlib.sha256(line).hexdigest())


def verify(path: str | Path) -> State:
    """Checks the chain of a log.

    Returns:
        State. Note it in another place: a later log that does not continue from it was cut or made anew.

    Raises:
        AuditError: it names the first broken line.
    """
    try:
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise AuditError(f"{path} is not a file: name a log.")
            if fcntl is not None:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH)  # not while another process writes a line
            return _verify(file, path)
    except OSError as error:
        raise AuditError(f"{path} cannot be read ({error.strerror}): name a log.") from error


def sha256_of(path: str | Path) -> bytes:
    """The SHA-256 (32) of a file, for its Entry.

    Raises:
        AuditError: if the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise AuditError(f"{path} cannot be read ({error.strerror}) and so not be logged: try again.") from error


def _line(entry, last):
    values = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
        "command": entry.command,
        "stream_id": entry.stream_id.hex(),
        "sha256": entry.sha256.hex(),
        "tracks": None if entry.tracks is None else sorted(entry.tracks),
        "identity": entry.identity,
        "previous": last,
    }
    line = json.dumps(values).encode("ascii")  # a newline in a text is written as \n
    if problem := _problem(line, last):
        raise ValueError(f"the entry {entry} cannot be logged: it {problem}")
    return line


def _write(file, data):
    """Appends bytes as a whole, or not at all."""
    end = file.seek(0, os.SEEK_END)
    try:
        if file.write(data) != len(data):
            raise OSError(0, "the disk is full")
        os.fsync(file.fileno())
    except OSError:
        file.truncate(end)
        raise


def _verify(file: BinaryIO, path) -> State:
    file.seek(0)
    count, last = 0, FIRST
    with open(file.fileno(), "rb", closefd=False) as lines:
        while line := lines.readline(MAX_LINE + 1):
            where = f"{path} is broken at line {count + 1}"
            if not line.endswith(b"\n"):
                if len(line) > MAX_LINE:
                    raise AuditError(
                        f"{where}, which is too long for an entry: keep the file as evidence, start another."
                    )
                raise AuditError(
                    f"{where}, the last, which is not complete (a writer was interrupted): note that, keep a copy of "
                    f"the file, and cut it after line {count} (head -n {count})."
                )
            if problem := _problem(line[:-1], last):
                raise AuditError(f"{where}, which {problem}: {AS_EVIDENCE}")
            count, last = count + 1, hashlib.sha256(line[:-1]).hexdigest()
    return State(count, last)


def _problem(line, last):
    """What is wrong with a line, or None."""
    try:
        values = json.loads(line)
        named = list(values) == NAMES and json.dumps(values).encode("ascii") == line
    except (ValueError, TypeError, RecursionError):
        named = False
    if not named or not _types_match(values):
        return "is not an entry"
    return None if values["previous"] == last else "does not continue the line before (one was changed or removed)"


def _types_match(values):
    texts = all(isinstance(values[name], str) for name in NAMES if name != "tracks")
    if not texts or not re.fullmatch("[0-9a-f]{32}", values["stream_id"]):
        return False
    tracks = values["tracks"]
    return bool(re.fullmatch("[0-9a-f]{64}", values["sha256"])) and (
        tracks is None or isinstance(tracks, list) and all(type(track) is int and track >= 0 for track in tracks)
    )
