"""Reading the tables and the pictures of a prepared set. This is the one reader of `manifest.csv`.

A set is a folder with `manifest.csv`, one row per head, and the pictures that it names. These columns are required:

    file                            path of the picture, relative to the folder
    split                           train, validation or test; a subject is in one of them only
    subject, sequence, frame        i, j, k: a name, a name within the subject, a number from 0
    gender, ethnicity, hairstyle    a word of `uunet.labels.VALUES`, or "unknown"

`sha256`, the hash of the file's bytes, is compared if the column exists. Other columns are optional.
"""

import csv
import hashlib
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path

import cv2
import numpy as np

from uunet import labels
from uunet.errors import UUNetError

COLUMNS = ("file", "split", "subject", "sequence", "frame", *labels.VALUES)
SPLITS = ("train", "validation", "test")


class DataError(UUNetError):
    """A prepared set that is missing, damaged or too small for the task."""


def read(folder: Path | str, columns: Sequence[str] = ()) -> list[dict]:
    """Reads the manifest of a set, and checks it.

    Args:
        folder: path of the set.
        columns: names of further columns that the caller needs.

    Returns:
        One dict per row, column -> text; the first is row 2 of the file.

    Raises:
        DataError: if there is no manifest, a column is missing, or a row is incomplete or contradicts the format above.
    """
    table = Path(folder) / "manifest.csv"
    if not table.is_file():
        raise DataError(f"{folder} has no manifest.csv; prepare a set first (see data_prep/README.md).")
    rows = read_rows(table, (*COLUMNS, *columns))
    _check(table, rows)
    return rows


def read_rows(table: Path, columns: Sequence[str]) -> list[dict]:
    """Reads any table of a set: `manifest.csv`, a list of twins or of line-ups.

    Args:
        table: path of a CSV file with a header.
        columns: names of the columns that the caller needs.

    Returns:
        One dict per row, column -> text.

    Raises:
        DataError: if the file cannot be read, lacks a column, or has a row with too few or too many values.
    """
    try:
        with open(table, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} cannot be read ({error}); prepare the set again.") from error
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        advice = "prepare the set again" if set(missing) & set(COLUMNS) else "use a rendered set, which has them"
        raise DataError(f"{table} lacks the column(s) {', '.join(missing)}; {advice} (data_prep/README.md).")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise DataError(f"{table}, row {number} is incomplete; prepare the set again.")
    return rows


def _check(table, rows):
    """Raises DataError at the first row of a manifest that contradicts the format."""
    split_of, listed = {}, set()
    for number, row in enumerate(rows, start=2):
        where = f"{table}, row {number}"
        empty = [name for name in COLUMNS if not row[name]]
        if empty:
            raise DataError(f"{where}: {empty[0]} is empty; prepare the set again.")
        if row["split"] not in SPLITS:
            raise DataError(f"{where}: split is {row['split']!r}, not one of {', '.join(SPLITS)}.")
        if split_of.setdefault(row["subject"], row["split"]) != row["split"]:
            raise DataError(f"{where}: subject {row['subject']} is in two splits; prepare the set again.")
        if not is_count(row["frame"]):
            raise DataError(f"{where}: frame is {row['frame']!r}, not a whole number.")
        for label, words in labels.VALUES.items():
            if row[label] not in (*words, labels.UNKNOWN):
                allowed = ", ".join((*words, labels.UNKNOWN))
                raise DataError(f"{where}: {label} is {row[label]!r}, not one of {allowed}.")
        if row["file"] in listed:
            raise DataError(f"{where}: {row['file']} is listed twice.")
        listed.add(row["file"])


def is_count(text: str) -> bool:
    """Whether a text is a whole number of at most nine digits."""
    return text.isdecimal() and len(text) <= 9


def read_pictures(table: Path, rows: Sequence[tuple[int, dict]], size: int | None) -> list[np.ndarray | None]:
    """Reads the pictures that some rows of a table list.

    Args:
        table: path of the table, for error messages; the pictures' paths are relative to its folder.
        rows: pairs (row number, row).
        size: int, required side in pixels; None: any.

    Returns:
        One uint8 `(size, size, 3)`, RGB, per row; None for a picture that cannot be decoded.

    Raises:
        DataError: if a picture is missing, is not the file listed, or has another size.
    """
    with futures.ThreadPoolExecutor() as pool:
        return list(pool.map(lambda numbered: _read_picture(table, numbered, size), rows))


def _read_picture(table, numbered, size):
    number, row = numbered
    path = table.parent / row["file"]
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{table}, row {number}: cannot read the picture {path} ({reason}); prepare the set again."
        ) from error
    if row.get("sha256") and hashlib.sha256(content).hexdigest() != row["sha256"]:
        raise DataError(f"{table}, row {number}: {path} is not the file listed (other SHA-256); prepare the set again.")
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if image is None:
        return None
    side = size or image.shape[1]
    if image.shape != (side, side, 3):
        found = f"{image.shape[1]} x {image.shape[0]}"
        advice = "prepare the set in that size, or name weights of this one"
        raise DataError(f"{table}, row {number}: {path} is {found} pixels, not {side} x {side}; {advice}.")
    return image[..., ::-1]
