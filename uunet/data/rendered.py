"""What only rendered sets have: twins, line-ups, parse maps and landmarks of the same heads.

A twin is the paired target of a head: the same frame, rendered with a virtual person in place of the subject.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from uunet import labels
from uunet.data import manifest
from uunet.data.heads import Heads
from uunet.data.manifest import DataError

NO_HEAD = (0, 6, 9, 10, 11, 12, 13)  # codes of a parse map: background, clothes, worn things, things in front
LANDMARKS = 10  # of a head: eyes, nose, corners of the mouth, lips, chin, ears; the person's left before the right
MIRRORED = (1, 0, 2, 4, 3, 5, 6, 7, 9, 8)  # which landmark each becomes in a mirrored picture


class Twins(NamedTuple):
    """What learning from twins needs beside N heads: their twins for V values of s, and where heads are.

    Attributes:
        images: uint8 `(V, N, size, size, 3)`, the twins of each head, RGB.
        people: int `(V, N)`, the numbers of the virtual people in them, as in `load_twins`.
        masks: bool `(N, size, size)`, where each head is (`load_masks`).
        landmarks: float32 `(N, LANDMARKS, 2)`, from `landmarks_of`.
    """

    images: np.ndarray
    people: np.ndarray
    masks: np.ndarray
    landmarks: np.ndarray

    def sha256(self) -> str:
        """Hash of all arrays, for provenance."""
        digest = hashlib.sha256()
        for array in self:
            digest.update(array.tobytes())
        return digest.hexdigest()


def load_all_twins(folder: Path | str, heads: Heads) -> Twins:
    """Reads the twins of `heads` for every s that the set was rendered for.

    Args:
        folder: the set that `heads` were loaded from, with `columns=("parse", "landmarks")`.
        heads: Heads.

    Raises:
        DataError: if twins, parse maps or landmarks are missing or damaged.
    """
    found = [load_twins(folder, heads, s) for s in twin_kinds(folder)]
    images, people = (np.stack(part) for part in zip(*found, strict=True))
    return Twins(images, people, load_masks(folder, heads), landmarks_of(heads))


def twins_name(s: Sequence[int]) -> str:
    """The folder of the twins for s, and the end of the name of their list: (-1, 1, 1, 1) -> "-1,1,1,1"."""
    return ",".join(str(value) for value in s)


def twin_kinds(folder: Path | str) -> list[tuple[int, ...]]:
    """Every s for which a rendered set has twins, in order.

    Raises:
        DataError: if the set has none.
    """
    names = sorted(path.stem.removeprefix("twins_") for path in Path(folder).glob("twins_*.csv"))
    if not names:
        raise DataError(
            f"{folder} has no twins; render them: python -m data_prep.synthetic --out {folder} --twins=-1,1,1,1 (or "
            "others), and the set's other options."
        )
    try:
        return [tuple(int(value) for value in name.split(",")) for name in names]
    except ValueError as error:
        raise DataError(f"{folder} has a list of twins whose name is not an s ({error}); delete the list.") from error


def load_twins(folder: Path | str, heads: Heads, s: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Reads the twin of each of `heads` for one s.

    Args:
        folder: the set that `heads` were loaded from, with `twins_<s>.csv`.
        heads: Heads.
        s: four of {-1, 0, 1}: which labels of the twin differ from, are free of, or agree with the head's.

    Returns:
        images: uint8 `(N, size, size, 3)`, RGB, in the order of `heads`.
        people: int `(N,)`, the virtual people's numbers: ((gender 4 + ethnicity) 5 + hairstyle) 4 + k, the labels coded
            as in `labels.VALUES`, k in 0..3 one of the virtual people with these labels.

    Raises:
        DataError: if the twins, or some of them, are missing or damaged.
    """
    name = twins_name(s)
    table = Path(folder) / f"twins_{name}.csv"
    advice = f"render them: python -m data_prep.synthetic --out {folder} --twins={name}, and the set's other options"
    if not table.is_file():
        raise DataError(f"{folder} has no twins for s = {name}; {advice}.")
    rows = manifest.read_rows(table, ("file", "of", "virtual", *labels.VALUES))
    row_of = {row["of"]: (n, row) for n, row in enumerate(rows, start=2)}
    lacking = [file for file in heads.files if file not in row_of]
    if lacking:
        raise DataError(f"{table} has no twin of {lacking[0]} and {len(lacking) - 1} more; {advice}.")
    chosen = [row_of[file] for file in heads.files]
    for number, row in chosen:
        if not manifest.is_count(row["virtual"]):
            raise DataError(f"{table}, row {number}: virtual is {row['virtual']!r}, not a whole number.")
    images = _whole_pictures(table, chosen, heads.images.shape[1], advice)
    people: np.ndarray = np.zeros(len(chosen), np.int64)
    for label, words in labels.VALUES.items():
        people = people * len(words) + [labels.code(label, row[label]) for _, row in chosen]
    alike = labels.PEOPLE_PER_COMBINATION  # people with the same labels have consecutive numbers
    return images, people * alike + [int(row["virtual"]) % alike for _, row in chosen]


def load_lineup(folder: Path | str, heads: Heads) -> tuple[np.ndarray, np.ndarray]:
    """Reads the line-ups of those of `heads` that have one: other people in the same frame.

    Args:
        folder: the set that `heads` were loaded from, with `lineup.csv`.
        heads: Heads.

    Returns:
        rows: int `(M,)`, which of the heads have a line-up, in order.
        fillers: uint8 `(M, n, size, size, 3)`, RGB, the n other people of each.

    Raises:
        DataError: if these heads have no line-up, a picture is missing or damaged, or the numbers of people differ.
    """
    table = Path(folder) / "lineup.csv"
    advice = f"render them: python -m data_prep.synthetic --out {folder} --lineup 10, and the set's other options"
    if not table.is_file():
        raise DataError(f"{folder} has no line-ups; {advice}.")
    place = {file: index for index, file in enumerate(heads.files)}
    rows = manifest.read_rows(table, ("file", "of"))
    listed = [(n, row) for n, row in enumerate(rows, start=2) if row["of"] in place]
    of = np.array([place[row["of"]] for _, row in listed], np.int64)
    shown, counts = np.unique(of, return_counts=True)
    if not len(shown):
        raise DataError(f"{table} has no line-up of these {len(heads.files)} heads; {advice}.")
    if (counts != counts[0]).any():
        few = heads.files[shown[counts.argmin()]]
        raise DataError(f"{table} has {counts.min()} people beside {few}, and {counts.max()} beside others; {advice}.")
    images = _whole_pictures(table, listed, heads.images.shape[1], advice)[np.argsort(of, kind="stable")]
    return shown, images.reshape(len(shown), counts[0], *images.shape[1:])


def _whole_pictures(table, rows, size, advice):
    """Pictures of (number, row) pairs, uint8 `(N, size, size, 3)`; a DataError if one is damaged."""
    images = []
    for (number, row), image in zip(rows, manifest.read_pictures(table, rows, size), strict=True):
        if image is None:
            raise DataError(f"{table}, row {number}: {table.parent / row['file']} is damaged; {advice}.")
        images.append(image)
    return np.stack(images)


def load_masks(folder: Path | str, heads: Heads) -> np.ndarray:
    """Reads where each of `heads` shows skin or hair.

    Args:
        folder: the set that `heads` were loaded from, with `columns=("parse",)`.
        heads: Heads.

    Returns:
        bool `(N, size, size)`.

    Raises:
        DataError: if a parse map is missing or damaged.
    """
    masks = []
    for name in heads.columns["parse"]:
        codes = cv2.imread(str(Path(folder) / name), cv2.IMREAD_GRAYSCALE)
        if codes is None or codes.shape != heads.images.shape[1:3]:
            raise DataError(f"{Path(folder) / name} is not a parse map of this size; render it again.")
        masks.append(np.isin(codes, NO_HEAD, invert=True))
    return np.stack(masks)


def landmarks_of(heads: Heads) -> np.ndarray:
    """Where the landmarks of each of `heads` are, hidden ones too.

    Args:
        heads: Heads, loaded with `columns=("landmarks",)`.

    Returns:
        float32 `(N, LANDMARKS, 2)`, column and row in pixels; the first pixel's centre is (0.5, 0.5).

    Raises:
        DataError: if they are damaged.
    """
    try:
        numbers = [text.split() for text in heads.columns["landmarks"]]
        return np.array(numbers, np.float32).reshape(len(numbers), LANDMARKS, 2)
    except (AttributeError, ValueError) as error:
        raise DataError(f"The column landmarks is not {LANDMARKS} pairs of numbers; render the set again.") from error
