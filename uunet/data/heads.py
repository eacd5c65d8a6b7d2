"""One split of a prepared set in memory, and the tables that batches are sampled from."""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from uunet import labels as vocabulary
from uunet.data import manifest
from uunet.data.manifest import DataError


@dataclass(frozen=True)
class Heads:
    """One split in memory, in the order of the manifest.

    Attributes:
        images: uint8 `(N, size, size, 3)`, RGB.
        labels: int `(N, 4)`: subject, gender, ethnicity, hairstyle, the order of `labels.LABELS`; -1 is unknown.
        sequences: int `(N,)`, numbered so that no two subjects share a number.
        frames: int `(N,)`.
        files: tuple of N str, as in the manifest; empty if the heads come from an archive (`data_prep.archive`).
        sha256: str, hash of the pictures and labels, for provenance.
        columns: dict of the further columns requested, each `(N,)`: float if all values are numbers, else str.
        skipped: tuple of str "row 7: crops/a.png", rows whose picture is damaged.
        domains: str `(N,)`, the kind of footage each head is from (column `domain`); None: one kind.
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
            images=self.images[indices],
            labels=self.labels[indices],
            sequences=self.sequences[indices],
            frames=self.frames[indices],
            files=tuple(self.files[k] for k in indices) if self.files else (),
            columns={name: values[indices] for name, values in self.columns.items()},
            domains=None if self.domains is None else self.domains[indices],
        )

    @cached_property
    def members(self) -> list[np.ndarray]:
        """The indices of the heads of each domain; one array of all indices, if domains are not known."""
        if self.domains is None:
            return [np.arange(len(self.labels))]
        return [np.flatnonzero(self.domains == domain) for domain in np.unique(self.domains)]

    @cached_property
    def subjects_by_domain(self) -> list[list[int]]:
        """The subjects of each domain, in order; no subject is in two domains."""
        return [np.unique(self.labels[members, 0]).tolist() for members in self.members]

    @cached_property
    def by_subject(self) -> dict[int, list[np.ndarray]]:
        """{subject: [indices of sequence 0, indices of sequence 1, ...]}, indices in frame order."""
        subjects = {}
        order = np.lexsort((self.frames, self.sequences, self.labels[:, 0]))
        for index in order:
            sequences = subjects.setdefault(int(self.labels[index, 0]), {})
            sequences.setdefault(int(self.sequences[index]), []).append(int(index))
        return {subject: [np.array(s) for s in sequences.values()] for subject, sequences in subjects.items()}

    @cached_property
    def _eligible(self):
        return {}  # (sequences, frames) -> what `eligible` returned

    def eligible(self, sequences: int, frames: int) -> list[dict[int, list[np.ndarray]]]:
        """The subjects with enough material, found once for each pair of arguments.

        Args:
            sequences: int, least number of sequences per subject that have
            frames: int, at least as many frames.

        Returns:
            For each domain {subject: [indices of a long enough sequence, ...]}, in the order of `subjects_by_domain`.
        """
        key = sequences, frames
        if key not in self._eligible:
            found = []
            for subjects in self.subjects_by_domain:
                long_enough = {
                    subject: [sequence for sequence in self.by_subject[subject] if len(sequence) >= frames]
                    for subject in subjects
                }
                found.append({subject: kept for subject, kept in long_enough.items() if len(kept) >= sequences})
            self._eligible[key] = found
        return self._eligible[key]

    @cached_property
    def in_sequence(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The heads in the order of their sequences; for each head, where its sequence starts there, the number of its
        heads, and the place of this head: four int arrays `(N,)`.
        """
        order = np.argsort(self.sequences, kind="stable")
        place = np.argsort(order, kind="stable")
        start, end = runs(self.sequences[order])
        return order, start[place], (end - start)[place], place

    @cached_property
    def genuine_partners(self) -> list[tuple]:
        """The tables of `sampling._sample_genuine`, for each domain in which a subject has two heads."""
        return [found for members in self.members if len((found := self._genuine_partners(members))[-1])]

    @cached_property
    def impostor_groups(self) -> list[tuple]:
        """The tables of `sampling._sample_impostors`, for each domain with two subjects."""
        several = [len(subjects) > 1 for subjects in self.subjects_by_domain]
        return [self._impostor_groups(members) for members, some in zip(self.members, several, strict=True) if some]

    def _genuine_partners(self, members):
        """For each of `members` that has partners of its subject in other sequences: where they are."""
        order = members[np.lexsort((self.sequences[members], self.labels[members, 0]))]
        start, end = runs(self.labels[order, 0])
        own_start, own_end = runs(self.sequences[order])
        if ((own_start == start) & (own_end == end)).all():  # one sequence per subject: use other frames of it
            own_start = np.arange(len(order))
            own_end = own_start + 1
        having = np.flatnonzero(end - start > own_end - own_start)
        return order, *(bounds[having] for bounds in (start, end, own_start, own_end)), order[having]

    def _impostor_groups(self, members):
        """`members` grouped by their soft labels, and the probability of each pair of groups."""
        codes = self.labels[members]
        values, group = np.unique(codes[:, 1:], axis=0, return_inverse=True)
        group = group.ravel()
        _, subject = np.unique(codes[:, 0], return_inverse=True)
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


def runs(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each of the sorted `(N,)` keys, where the run of equal keys starts, and where it ends (exclusive)."""
    return np.searchsorted(keys, keys, side="left"), np.searchsorted(keys, keys, side="right")


def load(
    folder: Path | str,
    split: str,
    *,
    size: int | None = 64,
    labels: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Heads:
    """Reads one split of a prepared set.

    Pictures that cannot be decoded are skipped; a warning counts and lists them.

    Args:
        folder: path with `manifest.csv`.
        split: "train", "validation" or "test"; the splits share no subject.
        size: int, side of the heads in pixels; pictures of another size are refused. None: the size they all have.
        labels: some of `labels.LABELS`; heads with none of these labels known are left out, and a warning counts them.
        columns: names of further columns to return, such as "yaw".

    Returns:
        Heads.

    Raises:
        DataError: with file and row of what is missing, changed, mislabelled or in two splits.
    """
    if split not in manifest.SPLITS or not set(labels) <= set(vocabulary.LABELS):
        raise DataError(
            f"split is {split!r} and labels {tuple(labels)}: give one of {manifest.SPLITS}, and some of "
            f"{vocabulary.LABELS}."
        )
    table = Path(folder) / "manifest.csv"
    rows = manifest.read(folder, columns)
    in_split = [(number, row) for number, row in enumerate(rows, start=2) if row["split"] == split]
    known = _with_known_labels(table, split, in_split, labels)
    kept, images, skipped = _decoded(table, split, known, size)
    return _heads(rows, kept, images, skipped, columns)


def _with_known_labels(table, split, numbered, wanted):
    """The (number, row) pairs in which one of the labels `wanted` is known; warns of the others."""
    soft = [label for label in wanted if label in vocabulary.VALUES]
    if not soft or "ID" in wanted:  # the ID is always known
        return numbered
    known = [(n, row) for n, row in numbered if any(row[label] != vocabulary.UNKNOWN for label in soft)]
    if len(known) < len(numbered):
        left_out = f"{len(numbered) - len(known)} of {len(numbered)} heads of {table}, split {split}, are left out"
        warnings.warn(f"{left_out}: unknown {' or '.join(soft)}.", stacklevel=3)
        if not known:
            raise DataError(
                f"{left_out}, because none of these labels is known, and no head remains. Add labels to the set, or "
                "train D_a with --labels ID."
            )
    return known


def _decoded(table, split, numbered, size):
    """Pictures of (number, row) pairs: the rows kept, uint8 `(N, size, size, 3)`, and the rows skipped, as texts."""
    found = manifest.read_pictures(table, numbered, size)
    skipped = tuple(f"row {n}: {row['file']}" for (n, row), image in zip(numbered, found, strict=True) if image is None)
    if skipped:
        more = f" and {len(skipped) - 20} more" if len(skipped) > 20 else ""
        warnings.warn(
            f"{len(skipped)} of {len(numbered)} pictures of {table}, split {split}, are damaged and skipped: "
            f"{'; '.join(skipped[:20])}{more}.",
            stacklevel=3,
        )
    kept = [row for (_, row), image in zip(numbered, found, strict=True) if image is not None]
    if not kept:
        raise DataError(f"{table} has no usable row in split {split!r}; prepare a larger set.")
    images = [image for image in found if image is not None]
    if len({image.shape for image in images}) > 1:
        raise DataError(f"{table} has heads of several sizes in split {split!r}; prepare the set again, with one.")
    return kept, np.stack(images), skipped


def _heads(rows, kept, images, skipped, columns):
    """The Heads of the rows `kept` of all `rows`; subjects and sequences are numbered over all of them."""
    subjects = {name: code for code, name in enumerate(sorted({row["subject"] for row in rows}))}
    sequences = {key: code for code, key in enumerate(sorted({(row["subject"], row["sequence"]) for row in rows}))}
    codes = np.array(
        [
            [subjects[row["subject"]], *(vocabulary.code(label, row[label]) for label in vocabulary.VALUES)]
            for row in kept
        ],
        np.int64,
    )
    numbers = np.array([sequences[row["subject"], row["sequence"]] for row in kept], np.int64)
    frames = np.array([int(row["frame"]) for row in kept], np.int64)
    domains = np.array([row.get("domain", "") for row in kept])
    digest = hashlib.sha256(images.tobytes() + codes.tobytes() + numbers.tobytes() + frames.tobytes())
    if len(set(domains)) > 1:  # they decide which pairs are sampled
        digest.update(" ".join(domains).encode())
    return Heads(
        images,
        codes,
        numbers,
        frames,
        tuple(row["file"] for row in kept),
        digest.hexdigest(),
        {name: _column([row[name] for row in kept]) for name in columns},
        skipped,
        domains,
    )


def _column(values):
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        return np.array(values)
