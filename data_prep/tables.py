"""Tables that the user gives: CSV files with the labels of a set."""

import csv
from pathlib import Path

from data_prep.heads import SourceError
from data_prep.synthetic.labels import LABELS, UNKNOWN, WORDS


def read_table(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict]]:
    """Rows of a CSV file in UTF-8 that has at least these columns: list of (row number, dict); the header is row 1.

    `uunet.data.manifest.read_rows` reads files that this project wrote. Here the file is the user's: it may begin with
    a byte-order mark, and its errors say to correct it, not to prepare the set again.

    Raises:
        SourceError: naming file and row.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(enumerate(reader, start=2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read ({error}): give a CSV file in UTF-8.") from error
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise SourceError(f"{path} lacks the column(s) {', '.join(missing)}: its first line names them.")
    for number, row in rows:
        if None in row or None in row.values():
            raise SourceError(f"{path}, row {number} has too few or too many values: correct it.")
    return rows


def check_word(path: Path, number: int, name: str, word: str) -> str:
    """The word of a label in a user's table, in lower case; an empty one is unknown.

    Raises:
        SourceError: naming file and row, if it is not one of `WORDS`.
    """
    word = word.strip().lower() or UNKNOWN
    if word not in WORDS[name]:
        raise SourceError(f"{path}, row {number}: {name} is {word!r}, not one of {', '.join(WORDS[name])}.")
    return word


def read_labels(path, subjects, columns=("subject", *LABELS)):
    """A table of soft labels for a set that has none.

    Args:
        path: of the CSV file, or None: everything is unknown.
        subjects: set of str, the identities of the set.
        columns: names of the table's columns: that of the subject, then some of `WORDS`; the others are unknown.

    Returns:
        dict from every subject to (gender, ethnicity, hairstyle), and a list of notes for the user.

    Raises:
        SourceError: naming file and row of a bad label or a repeated subject; or if no subject is of this set.
    """
    labels = dict.fromkeys(subjects, (UNKNOWN,) * len(WORDS))
    if path is None:
        return labels, ["No --labels: gender, ethnicity and hairstyle are unknown, only the ID can be learned."]
    seen, strange = {}, []
    for number, row in read_table(path, columns):
        subject = row[columns[0]].strip()
        if subject in seen:
            raise SourceError(f"{path}, row {number}: subject {subject} is in row {seen[subject]} already.")
        seen[subject] = number
        words = tuple(check_word(path, number, name, row[name] if name in columns else "") for name in WORDS)
        if subject in subjects:
            labels[subject] = words
        else:
            strange.append(f"{subject} (row {number})")
    if len(strange) == len(seen):
        raise SourceError(f"{path} names no subject of this set: write them as the set does, such as {min(subjects)}.")
    notes = []
    if strange:
        notes.append(f"{path} names {len(strange)} subjects that are not in the set, first {strange[0]}: not used.")
    if len(absent := sorted(subjects - seen.keys())):
        notes.append(f"{path} has no row for {len(absent)} subjects, first {absent[0]}: their labels are unknown.")
    return labels, notes
