"""Reading a prepared set of heads x_{i,j,k}.

A set is a folder with `manifest.csv`, one row a head, and the pictures it names. These columns must be there:

    file                            path of the picture, relative to the folder
    split                           train, validation or test; a subject is in one of them only
    subject, sequence, frame        i, j, k: a name, a name within the subject, a number from 0
    gender, ethnicity, hairstyle    one of `VALUES`, or "unknown"

`sha256`, of the file's bytes, is compared if it is there. `load(columns=...)` hands on any others.
"""

import csv
import hashlib
import warnings
from concurrent import futures
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from uunet.config import LABELS
from uunet.errors import UUNetError

COLUMNS = ("file", "split", "subject", "sequence", "frame", "gender", "ethnicity", "hairstyle")
SPLITS = ("train", "validation", "test")
VALUES = {  # a label's code is its place here, so it is the same in every split and every set
    "gender": ("female", "male"),
    "ethnicity": ("asian", "black", "indian", "white"),
    "hairstyle": ("bald", "horsetail", "long", "medium", "short"),
}
UNKNOWN = -1  # code of "unknown"
TWINS_ALIKE = 4  # virtual people of each combination of labels
NO_HEAD = (0, 6, 9, 10, 11, 12, 13)  # codes of a parse map: background, clothes, what is worn, what passes in front
LANDMARKS = 10  # of a head: eyes, nose, corners of the mouth, lips, chin, ears; the person's left before the right
MIRRORED = (1, 0, 2, 4, 3, 5, 6, 7, 9, 8)  # which landmark each becomes in a mirrored picture


class DataError(UUNetError):
    """A prepared set that is missing, damaged or too small for what is asked."""


@dataclass(frozen=True)
class Heads:
    """One split in memory, in the order of the manifest.

    Attributes:
        images: uint8 `(N, size, size, 3)`, RGB.
        labels: int `(N, 4)`: subject, gender, ethnicity, hairstyle, the order of `config.LABELS`; -1 is unknown.
        sequences: int `(N,)`, numbered so that no two subjects share one.
        frames: int `(N,)`.
        files: tuple of N str, as in the manifest.
        sha256: str, hash of the pictures and labels, for provenance.
        columns: dict of the further columns asked for, each `(N,)`: float if all its values are numbers, else str.
        skipped: tuple of str "row 7: crops/a.png", rows whose picture is damaged.
        domains: str `(N,)`, which kind of footage each head is from, the manifest's column `domain`; None: all of one.
    """

    images: np.ndarray
    labels: np.ndarray
    sequences: np.ndarray
    frames: np.ndarray
    files: tuple
    sha256: str
    columns: dict
    skipped: tuple
    domains: np.ndarray | None = None

    def taken(self, indices: np.ndarray) -> "Heads":
        """Some of the heads, in the order of `indices`, int `(n,)`; `sha256` and `skipped` stay those of all."""
        return replace(
            self,
            **{name: getattr(self, name)[indices] for name in ("images", "labels", "sequences", "frames")},
            files=tuple(self.files[k] for k in indices),
            columns={name: values[indices] for name, values in self.columns.items()},
            domains=None if self.domains is None else self.domains[indices],
        )

    @cached_property
    def members(self):
        """[indices of the heads of each domain]; of all heads, if nothing is said of domains."""
        if self.domains is None:
            return [np.arange(len(self.labels))]
        return [np.flatnonzero(self.domains == domain) for domain in np.unique(self.domains)]

    @cached_property
    def subjects_by_domain(self):
        """[subjects of each domain, in order]; no subject is in two."""
        return [np.unique(self.labels[members, 0]).tolist() for members in self.members]

    @cached_property
    def by_subject(self):
        """{subject: [indices of sequence 0, indices of sequence 1, ...]}, indices in frame order."""
        subjects = {}
        order = np.lexsort((self.frames, self.sequences, self.labels[:, 0]))
        for index in order:
            sequences = subjects.setdefault(int(self.labels[index, 0]), {})
            sequences.setdefault(int(self.sequences[index]), []).append(int(index))
        return {subject: [np.array(s) for s in sequences.values()] for subject, sequences in subjects.items()}

    @cached_property
    def genuine_partners(self):
        """What `drawing._draw_genuine` needs, of each domain in which a subject has two heads."""
        return [found for members in self.members if len((found := self._genuine_partners(members))[-1])]

    @cached_property
    def impostor_groups(self):
        """What `drawing._draw_impostors` needs, of each domain with two subjects."""
        several = [len(subjects) > 1 for subjects in self.subjects_by_domain]
        return [self._impostor_groups(members) for members, some in zip(self.members, several, strict=True) if some]

    def _genuine_partners(self, members):
        """For each of `members` that has partners of its subject in other sequences: who they are."""
        order = members[np.lexsort((self.sequences[members], self.labels[members, 0]))]
        start, end = runs(self.labels[order, 0])
        own_start, own_end = runs(self.sequences[order])
        if ((own_start == start) & (own_end == end)).all():  # one sequence per subject: other frames must do
            own_start = np.arange(len(order))
            own_end = own_start + 1
        having = np.flatnonzero(end - start > own_end - own_start)
        return order, *(bounds[having] for bounds in (start, end, own_start, own_end)), order[having]

    def _impostor_groups(self, members):
        """`members` grouped by their soft labels, and how often each pair of groups is drawn."""
        labels = self.labels[members]
        values, group = np.unique(labels[:, 1:], axis=0, return_inverse=True)
        group = group.ravel()
        _, subject = np.unique(labels[:, 0], return_inverse=True)
        heads = np.zeros((len(values), subject.max() + 1))  # of a group and subject
        np.add.at(heads, (group, subject), 1)
        pairs = np.outer(heads.sum(axis=1), heads.sum(axis=1)) - heads @ heads.T  # of two subjects, (G, G)
        agree = values[:, None] == values[None]  # (G, G, 3)
        pattern = agree @ [1, 2, 4]
        share = np.zeros_like(pairs)
        for count in np.unique(agree.sum(axis=-1)[pairs > 0]):
            patterns = np.unique(pattern[(pairs > 0) & (agree.sum(axis=-1) == count)])
            for one in patterns:
                weights = np.where(pattern == one, pairs, 0)
                share += weights / weights.sum() / len(patterns)
        size = np.bincount(group)
        return members[np.argsort(group, kind="stable")], np.cumsum(size) - size, size, share.ravel() / share.sum()


def load(folder, split, *, size=64, labels=(), columns=()):
    """Reads one split of a prepared set.

    Pictures that cannot be decoded are skipped; a warning counts and lists them.

    Args:
        folder: path with `manifest.csv`.
        split: "train", "validation" or "test"; the splits share no subject.
        size: int, side of the heads in pixels; pictures of another size are refused. None: whatever they all have.
        labels: some of `config.LABELS`; heads of which none of these is known are left out, and a warning counts them.
        columns: names of further columns to hand on, such as "yaw".

    Returns:
        Heads.

    Raises:
        DataError: naming file and row of what is missing, changed, mislabelled or in two splits.
    """
    if split not in SPLITS or not set(labels) <= set(LABELS):
        raise DataError(f"split is {split!r} and labels {tuple(labels)}: give one of {SPLITS}, and some of {LABELS}.")
    folder = Path(folder)
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise DataError(f"{folder} has no manifest.csv; prepare a set first (see data_prep/README.md).")
    rows = read_rows(manifest, (*COLUMNS, *columns))
    _check(manifest, rows)
    subjects = {name: code for code, name in enumerate(sorted({row["subject"] for row in rows}))}
    sequences = {key: code for code, key in enumerate(sorted({(row["subject"], row["sequence"]) for row in rows}))}
    in_split = [(number, row) for number, row in enumerate(rows, start=2) if row["split"] == split]
    wanted = [label for label in labels if label in VALUES]
    useful = not wanted or "ID" in labels  # the ID is always known
    known = [(n, row) for n, row in in_split if useful or any(row[label] != "unknown" for label in wanted)]
    if len(known) < len(in_split):
        left_out = f"{len(in_split) - len(known)} of {len(in_split)} heads of {manifest}, split {split}, are left out"
        warnings.warn(f"{left_out}: unknown {' or '.join(wanted)}.", stacklevel=2)
    images = _read_all(folder, manifest, known, size)
    skipped = tuple(f"row {n}: {row['file']}" for (n, row), image in zip(known, images, strict=True) if image is None)
    if skipped:
        more = f" and {len(skipped) - 20} more" if len(skipped) > 20 else ""
        warnings.warn(
            f"{len(skipped)} of {len(known)} pictures of {manifest}, split {split}, are damaged and skipped: "
            f"{'; '.join(skipped[:20])}{more}.",
            stacklevel=2,
        )
    chosen = [row for (_, row), image in zip(known, images, strict=True) if image is not None]
    if not chosen:
        if in_split and not known:
            raise DataError(f"{left_out}, that is all: no label is known. Give labels, or train D_a with --labels ID.")
        raise DataError(f"{manifest} has no usable row in split {split!r}; prepare a larger set.")
    images = [image for image in images if image is not None]
    if len({image.shape for image in images}) > 1:
        raise DataError(f"{manifest} has heads of several sizes in split {split!r}; prepare the set again, with one.")
    images = np.stack(images)
    codes = np.array([[subjects[row["subject"]], *(_code(row, label) for label in VALUES)] for row in chosen], np.int64)
    numbers = np.array([sequences[row["subject"], row["sequence"]] for row in chosen], np.int64)
    frames = np.array([int(row["frame"]) for row in chosen], np.int64)
    domains = np.array([row.get("domain", "") for row in chosen])
    digest = hashlib.sha256(images.tobytes() + codes.tobytes() + numbers.tobytes() + frames.tobytes())
    if len(set(domains)) > 1:  # they decide which pairs are drawn
        digest.update(" ".join(domains).encode())
    return Heads(
        images,
        codes,
        numbers,
        frames,
        tuple(row["file"] for row in chosen),
        digest.hexdigest(),
        {name: _column([row[name] for row in chosen]) for name in columns},
        skipped,
        domains,
    )


def twins_name(s):
    """Folder, and after "twins_" the list, of the twins rendered for s: (-1, 1, 1, 1) -> "-1,1,1,1"."""
    return ",".join(str(value) for value in s)


def twin_kinds(folder):
    """The s of all twins that a rendered set has, in order; a DataError if it has none."""
    names = sorted(path.stem.removeprefix("twins_") for path in Path(folder).glob("twins_*.csv"))
    if not names:
        raise DataError(
            f"{folder} has no twins; render them: python -m data_prep.synthetic --out {folder} --twins=-1,1,1,1 (or "
            "others), and the set's other options."
        )
    try:
        return [tuple(int(value) for value in name.split(",")) for name in names]
    except ValueError as error:
        raise DataError(f"{folder} has a list of twins that is named after no s ({error}); delete it.") from error


def load_twins(folder, heads, s):
    """Reads, for each of `heads`, the same frame rendered with a virtual person (rendered sets only).

    Args:
        folder: the set that `heads` were loaded from, with `twins_<s>.csv`.
        heads: Heads.
        s: four of {-1, 0, 1}: which labels differ from, are free of, or agree with the head's.

    Returns:
        images: uint8 `(N, size, size, 3)`, RGB, in the order of `heads`.
        people: int `(N,)`, who they are: ((gender 4 + ethnicity) 5 + hairstyle) 4 + one of the 4 virtual people of
            these labels, which are coded as in VALUES.

    Raises:
        DataError: if the twins, or some of them, are missing or damaged.
    """
    folder = Path(folder)
    name = twins_name(s)
    table = folder / f"twins_{name}.csv"
    advice = f"render them: python -m data_prep.synthetic --out {folder} --twins={name}, and the set's other options"
    if not table.is_file():
        raise DataError(f"{folder} has no twins for s = {name}; {advice}.")
    rows = read_rows(table, ("file", "of", "virtual", *VALUES))
    row_of = {row["of"]: (n, row) for n, row in enumerate(rows, start=2)}
    lacking = [file for file in heads.files if file not in row_of]
    if lacking:
        raise DataError(f"{table} has no twin of {lacking[0]} and {len(lacking) - 1} more; {advice}.")
    chosen = [row_of[file] for file in heads.files]
    for number, row in chosen:
        if not _is_count(row["virtual"]):
            raise DataError(f"{table}, row {number}: virtual is {row['virtual']!r}, not a whole number.")
    images = _read_all(folder, table, chosen, heads.images.shape[1])
    for (number, row), image in zip(chosen, images, strict=True):
        if image is None:
            raise DataError(f"{table}, row {number}: {folder / row['file']} is damaged; {advice}.")
    people = np.zeros(len(chosen), np.int64)
    for label, values in VALUES.items():
        people = people * len(values) + [_code(row, label) for _, row in chosen]
    # the virtual people of the same labels are numbered one after another
    return np.stack(images), people * TWINS_ALIKE + [int(row["virtual"]) % TWINS_ALIKE for _, row in chosen]


def load_lineup(folder, heads):
    """Reads the line-ups of those of `heads` that have one: other people in the same frame (rendered sets only).

    Args:
        folder: the set that `heads` were loaded from, with `lineup.csv`.
        heads: Heads.

    Returns:
        rows: int `(M,)`, which of the heads have a line-up, in order.
        fillers: uint8 `(M, n, size, size, 3)`, RGB, the n other people of each.

    Raises:
        DataError: if there are none for these heads, some are missing or damaged, or not all are of one number.
    """
    folder = Path(folder)
    table = folder / "lineup.csv"
    advice = f"render them: python -m data_prep.synthetic --out {folder} --lineup 10, and the set's other options"
    if not table.is_file():
        raise DataError(f"{folder} has no line-ups; {advice}.")
    place = {file: index for index, file in enumerate(heads.files)}
    listed = [(n, row) for n, row in enumerate(read_rows(table, ("file", "of")), start=2) if row["of"] in place]
    of = np.array([place[row["of"]] for _, row in listed], np.int64)
    rows, counts = np.unique(of, return_counts=True)
    if not len(rows):
        raise DataError(f"{table} has no line-up of these {len(heads.files)} heads; {advice}.")
    if (counts != counts[0]).any():
        few = heads.files[rows[counts.argmin()]]
        raise DataError(f"{table} has {counts.min()} people beside {few}, and {counts.max()} beside others; {advice}.")
    images = _read_all(folder, table, listed, heads.images.shape[1])
    for (number, row), image in zip(listed, images, strict=True):
        if image is None:
            raise DataError(f"{table}, row {number}: {folder / row['file']} is damaged; {advice}.")
    images = np.stack(images)[np.argsort(of, kind="stable")]
    return rows, images.reshape(len(rows), counts[0], *images.shape[1:])


def load_masks(folder, heads):
    """Reads where each of `heads` shows skin or hair (rendered sets only).

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
            raise DataError(f"{Path(folder) / name} is no parse map of this size; render it again.")
        masks.append(np.isin(codes, NO_HEAD, invert=True))
    return np.stack(masks)


def landmarks_of(heads):
    """Where the landmarks of each of `heads` are, hidden ones too (rendered sets only).

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


def read_rows(table, columns):
    """Rows of a CSV file as dicts, complete in `columns`."""
    try:
        with open(table, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} cannot be read ({error}); prepare the set again.") from error
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        advice = "prepare the set again" if set(missing) & set(COLUMNS) else "rendered sets have them: name such a set"
        raise DataError(f"{table} lacks the column(s) {', '.join(missing)}; {advice} (data_prep/README.md).")
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise DataError(f"{table}, row {number} is incomplete; prepare the set again.")
    return rows


def _check(manifest, rows):
    """Raises DataError at the first row of a manifest that cannot be."""
    split_of, listed = {}, set()
    for number, row in enumerate(rows, start=2):
        where = f"{manifest}, row {number}"
        empty = [name for name in COLUMNS if not row[name]]
        if empty:
            raise DataError(f"{where}: {empty[0]} is empty; prepare the set again.")
        if row["split"] not in SPLITS:
            raise DataError(f"{where}: split is {row['split']!r}, not one of {', '.join(SPLITS)}.")
        if split_of.setdefault(row["subject"], row["split"]) != row["split"]:
            raise DataError(f"{where}: subject {row['subject']} is in two splits.")
        if not _is_count(row["frame"]):
            raise DataError(f"{where}: frame is {row['frame']!r}, not a whole number.")
        for label, words in VALUES.items():
            if row[label] not in (*words, "unknown"):
                raise DataError(f"{where}: {label} is {row[label]!r}, not one of {', '.join(words)}, unknown.")
        if row["file"] in listed:
            raise DataError(f"{where}: {row['file']} is listed twice.")
        listed.add(row["file"])


def _is_count(text):
    return text.isdecimal() and len(text) <= 9


def _code(row, label):
    return UNKNOWN if row[label] == "unknown" else VALUES[label].index(row[label])


def _column(values):
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        return np.array(values)


def _read_all(folder, table, rows, size):
    """RGB pictures of (row number, row) tuples, None for each that cannot be decoded."""
    with futures.ThreadPoolExecutor() as pool:
        return list(pool.map(lambda numbered: _read(folder, table, *numbered, size), rows))


def _read(folder, table, number, row, size):
    path = folder / row["file"]
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


def runs(keys):
    """For each of the sorted `(N,)` keys, where the run of its equals starts, and where it ends (exclusive)."""
    return np.searchsorted(keys, keys, side="left"), np.searchsorted(keys, keys, side="right")
