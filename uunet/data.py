"""Reading a prepared set of heads x_{i,j,k}; the pairs and batches that training draws from it.

A set is a folder with `manifest.csv`, one row a head, and the pictures it names. The columns read here:
`file` (relative to the folder), `split` (train, validation or test), `subject`, `sequence`, `frame`, and the soft
labels `gender`, `ethnicity`, `hairstyle`. Others are ignored.

A batch is a pure function of (seed, step): nothing to save, a resumed run sees exactly the same ones.
"""

import csv
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from uunet import losses, pixels
from uunet.config import LABELS
from uunet.errors import UUNetError

COLUMNS = ("file", "split", "subject", "sequence", "frame", "gender", "ethnicity", "hairstyle")
SPLITS = ("train", "validation", "test")


class DataError(UUNetError):
    """A prepared set that is missing, damaged or too small for what is asked."""


@dataclass(frozen=True)
class Heads:
    """One split in memory.

    Attributes:
        images: uint8 `(N, size, size, 3)`, RGB.
        labels: int `(N, 4)`: subject, gender, ethnicity, hairstyle, the order of `config.LABELS`.
        sequences: int `(N,)`, numbered so that no two subjects share one.
        frames: int `(N,)`.
        sha256: str, hash of the pictures and labels, for provenance.
    """

    images: np.ndarray
    labels: np.ndarray
    sequences: np.ndarray
    frames: np.ndarray
    sha256: str

    @cached_property
    def by_subject(self):
        """{subject: [indices of sequence 0, indices of sequence 1, ...]}, indices in frame order."""
        subjects = {}
        order = np.lexsort((self.frames, self.sequences, self.labels[:, 0]))
        for index in order:
            sequences = subjects.setdefault(int(self.labels[index, 0]), {})
            sequences.setdefault(int(self.sequences[index]), []).append(int(index))
        return {subject: [np.array(s) for s in sequences.values()] for subject, sequences in subjects.items()}


def load(folder, split, *, size=64):
    """Reads one split of a prepared set.

    Args:
        folder: path with `manifest.csv`.
        split: "train", "validation" or "test"; the splits share no subject.
        size: int, side of the heads in pixels; pictures of another size are refused.

    Returns:
        Heads.

    Raises:
        DataError: naming file and row of what is missing, damaged, mislabelled or in two splits.
    """
    folder = Path(folder)
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise DataError(f"{folder} has no manifest.csv; prepare a set first (see data_prep/README.md).")
    try:
        with open(manifest, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{manifest} cannot be read ({error}); prepare the set again.") from error
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{manifest} lacks the column(s) {', '.join(missing)}; prepare the set again.")
    split_of = {}
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise DataError(f"{manifest}, row {number} is incomplete; prepare the set again.")
        if row["split"] not in SPLITS:
            raise DataError(f"{manifest}, row {number}: split is {row['split']!r}, not one of {', '.join(SPLITS)}.")
        if split_of.setdefault(row["subject"], row["split"]) != row["split"]:
            raise DataError(f"{manifest}, row {number}: subject {row['subject']} is in two splits.")
        if not row["frame"].isdecimal():
            raise DataError(f"{manifest}, row {number}: frame is {row['frame']!r}, not a whole number.")
    codes = {name: _codes(rows, name) for name in ("subject", "gender", "ethnicity", "hairstyle")}
    sequence_codes = {key: k for k, key in enumerate(sorted({(row["subject"], row["sequence"]) for row in rows}))}
    chosen = [(number, row) for number, row in enumerate(rows, start=2) if row["split"] == split]
    if not chosen:
        raise DataError(f"{manifest} has no row in split {split!r}; prepare a larger set.")
    images = np.stack([_read(folder, manifest, number, row["file"], size) for number, row in chosen])
    labels = np.array([[codes[name][row[name]] for name in codes] for _, row in chosen], np.int64)
    sequences = np.array([sequence_codes[row["subject"], row["sequence"]] for _, row in chosen], np.int64)
    frames = np.array([int(row["frame"]) for _, row in chosen], np.int64)
    digest = hashlib.sha256(images.tobytes() + labels.tobytes() + sequences.tobytes() + frames.tobytes())
    return Heads(images, labels, sequences, frames, digest.hexdigest())


def _codes(rows, name):
    return {value: code for code, value in enumerate(sorted({row[name] for row in rows}))}


def _read(folder, manifest, number, name, size):
    image = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"{manifest}, row {number}: cannot read the picture {folder / name}.")
    if image.shape != (size, size, 3):
        raise DataError(f"{folder / name} is {image.shape[1]} x {image.shape[0]} pixels, not {size} x {size}.")
    return image[..., ::-1]


def check_pairs(heads):
    """Raises DataError unless there are two subjects, and two heads of each: what `pair_batch` draws from."""
    _, counts = np.unique(heads.labels[:, 0], return_counts=True)
    if len(counts) < 2 or counts.min() < 2:
        raise DataError(
            f"Pairs need at least 2 subjects with 2 heads each, in train and in validation; one split has "
            f"{len(counts)} subjects, the smallest with {counts.min()} heads: prepare a larger set."
        )


def pair_batch(heads, config, step):
    """A batch for D_a: `config.genuine` of the pairs show one subject, the others two (section III-A).

    Args:
        heads: Heads with at least two subjects, and two heads of each.
        config: `config.ClassifierConfig`; `labels` chooses the columns of b.
        step: int; with `config.seed` it decides everything.

    Returns:
        dict of `x`, `x_prime` float32 `(B, size, size, 3)` in [0, 1] and `b` float32 `(B, t)`, Eq. 1.
    """
    rng = np.random.default_rng([config.seed, step])
    subjects = heads.labels[:, 0]
    first = rng.integers(len(subjects), size=config.batch_pairs)
    genuine = np.arange(config.batch_pairs) < round(config.genuine * config.batch_pairs)
    second = np.empty_like(first)
    for k, index in enumerate(first):
        same = subjects == subjects[index]
        candidates = np.flatnonzero(same if genuine[k] else ~same)
        second[k] = rng.choice(candidates[candidates != index])
    x, x_prime = pixels.to_float(heads.images[first]), pixels.to_float(heads.images[second])
    if config.augment:
        x, x_prime = (np.stack([_augment(image, rng) for image in images]) for images in (x, x_prime))
    columns = [LABELS.index(label) for label in config.labels]
    b = np.asarray(losses.same_labels(heads.labels[first][:, columns], heads.labels[second][:, columns]))
    return {"x": x, "x_prime": x_prime, "b": b}


def _augment(image, rng):
    """Mirror, shift, rescale and change the exposure of one float `(size, size, 3)` picture, at random."""
    size = image.shape[0]
    if rng.random() < 0.5:
        image = image[:, ::-1]
    if rng.random() < 0.5:  # as if it had been seen from farther away
        small = int(rng.integers(size // 2, size))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    margin = size // 16
    top, left = rng.integers(0, 2 * margin + 1, size=2)
    padded = cv2.copyMakeBorder(np.ascontiguousarray(image), *[margin] * 4, cv2.BORDER_REFLECT)
    image = padded[top : top + size, left : left + size]
    return np.clip(image * rng.uniform(0.8, 1.2) + rng.uniform(-0.1, 0.1), 0, 1).astype(np.float32)


def sequence_batch(heads, config, step):
    """A batch for learning II: subjects x sequences x frames, and every random number its step uses.

    Args:
        heads: Heads.
        config: `config.AdversarialConfig`.
        step: int; with `config.seed` it decides everything.

    Returns:
        dict as `training.objective.generator_objective` takes it.

    Raises:
        DataError: if too few subjects have enough sequences with enough frames.
    """
    rng = np.random.default_rng([config.seed, step])
    eligible = {}
    for subject, sequences in heads.by_subject.items():
        long_enough = [sequence for sequence in sequences if len(sequence) >= config.frames]
        if len(long_enough) >= config.sequences:
            eligible[subject] = long_enough
    if len(eligible) < config.subjects:
        raise DataError(
            f"A batch of {config.subjects} subjects x {config.sequences} sequences x {config.frames} frames needs "
            f"more data: only {len(eligible)} subjects have that many sequences and frames."
        )
    chosen = []
    for subject in rng.choice(list(eligible), config.subjects, replace=False):
        for k in rng.choice(len(eligible[subject]), config.sequences, replace=False):
            chosen.extend(rng.choice(eligible[subject][k], config.frames, replace=False))
    draws, count, size = 1 + config.critic_steps, config.batch_size, config.size
    # one noise channel a sequence: the pipeline holds it for a track, too
    noise = rng.random((draws, config.subjects * config.sequences, size, size, 1), dtype=np.float32)
    return {
        "x": pixels.to_float(heads.images[chosen]),
        "noise": np.repeat(noise, config.frames, axis=1),
        "epsilon": rng.random((config.critic_steps, 2, count, 1, 1, 1), dtype=np.float32),
        "roi": rng.integers(max(1, len(config.channel_sizes)), size=(draws, count), dtype=np.int32),
    }
