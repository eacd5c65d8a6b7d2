"""What is sampled from a set of heads: pairs for learning I, batches for learning II and for learning from twins.

A batch is a pure function of (seed, step). There is no random state to save, and a resumed run gets the same batches.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from uunet import losses, pixels
from uunet.channel import simulation
from uunet.config import AdversarialConfig, ClassifierConfig, ReaderConfig, TwinConfig
from uunet.data.heads import Heads
from uunet.data.manifest import DataError
from uunet.data.rendered import LANDMARKS, MIRRORED, Twins, landmarks_of
from uunet.labels import LABELS, UNKNOWN_CODE

UPPER_LIP = 5  # of the landmarks; the lower lip is the next


def check_pairs(heads: Heads, labels: Sequence[str]) -> None:
    """Raises DataError unless `heads` has what `pair_batch` needs.

    It needs two subjects, two heads of one of them, and for each of `labels` (of `labels.LABELS`) two heads for which
    the label is known.
    """
    for column, label in enumerate(LABELS):
        if label in labels and (heads.labels[:, column] != UNKNOWN_CODE).sum() < 2:
            raise DataError(
                f"The {label} of fewer than two heads is known in train or in validation, so D_a cannot learn it: add "
                "labels to the set, or leave it out, as in --labels ID."
            )
    _, counts = np.unique(heads.labels[:, 0], return_counts=True)
    if len(counts) < 2 or counts.max() < 2:
        raise DataError(
            f"Pairs need at least 2 subjects, and 2 heads of one, in train and in validation; one split has "
            f"{len(counts)} subjects, the largest with {counts.max()} heads: prepare a larger set."
        )


def pair_batch(heads: Heads, config: ClassifierConfig, step: int) -> dict[str, np.ndarray]:
    """A batch for D_a: `config.genuine` of the pairs show one subject, the others two (section III-A).

    The paper does not say how pairs are sampled. Here

    - genuine pairs come from two sequences of a subject, because frames of one sequence share their background, which
      alone would identify the pair. Two frames of one sequence are used only in a set with one sequence per subject.
    - impostor pairs are balanced. First the number of soft labels that agree is sampled uniformly from 0, 1, 2 and 3,
      then which labels agree, then a pair. So each label agrees in half of the pairs, and all of them agree in a
      quarter, which only the identity distinguishes from genuine pairs. Combinations that a small set does not have
      are left out. Unknown counts as one more value here (not in b).
    - both heads of a pair are from one domain, and every domain of a joined set gives equally many pairs. Otherwise
      the domain alone would identify most impostor pairs.

    Args:
        heads: Heads that pass `check_pairs`, loaded with `labels=config.labels`.
        config: `config.ClassifierConfig`; `labels` chooses the columns of b.
        step: int; the batch depends on it and on `config.seed` alone.

    Returns:
        dict of `x`, `x_prime` float32 `(B, size, size, 3)` in [0, 1]; `b` float32 `(B, t)`, Eq. 1; `known` float32
        `(B, t)`, 1 where both labels are known. Where one is unknown, b is 0 and has no meaning.
    """
    columns = [LABELS.index(label) for label in config.labels]
    rng = np.random.default_rng([config.seed, step])
    genuine = round(config.genuine * config.batch_pairs)
    impostors = config.batch_pairs - genuine
    sampled = [_sample_genuine(tables, count, rng) for tables, count in shared(genuine, heads.genuine_partners)]
    sampled += [
        _sample_impostors(heads, tables, count, rng) for tables, count in shared(impostors, heads.impostor_groups)
    ]
    first, second = np.concatenate(sampled, axis=1)  # (B,) each
    x, x_prime = heads.images[first], heads.images[second]
    labels, others = heads.labels[first][:, columns], heads.labels[second][:, columns]
    known = ((labels != UNKNOWN_CODE) & (others != UNKNOWN_CODE)).astype(np.float32)
    return {
        "x": _augment(x, rng) if config.augment else pixels.to_float(x),
        "x_prime": _augment(x_prime, rng) if config.augment else pixels.to_float(x_prime),
        "b": losses.same_labels(labels, others) * known,
        "known": known,
    }


def shared(count: int, parts: Sequence) -> list[tuple]:
    """Each of `parts` with its share of `count`, a whole number; the shares differ by 1 at most."""
    return [(part, len(share)) for part, share in zip(parts, np.array_split(np.arange(count), len(parts)), strict=True)]


def _sample_genuine(tables, count, rng):
    """Indices `(2, count)`: a head, uniformly, and one of its subject's heads in other sequences, uniformly."""
    order, start, end, own_start, own_end, having = tables
    chosen = rng.integers(len(having), size=count)
    start, end, own_start, own_end = (bounds[chosen] for bounds in (start, end, own_start, own_end))
    place = start + rng.integers(end - start - (own_end - own_start))
    place = np.where(place >= own_start, place + own_end - own_start, place)  # steps over the own sequence
    return np.stack([having[chosen], order[place]])


def _sample_impostors(heads, groups, count, rng):
    """Indices `(2, count)` of heads of two subjects, balanced as `pair_batch` says."""
    order, start, size, share = groups
    groups = np.stack(np.divmod(rng.choice(len(share), size=count, p=share), len(size)))  # (2, count)
    pairs = np.zeros_like(groups)
    same = np.arange(count)
    while len(same):  # two heads of one subject are replaced
        pairs[:, same] = order[start[groups[:, same]] + rng.integers(size[groups[:, same]])]
        same = np.flatnonzero(heads.labels[pairs[0], 0] == heads.labels[pairs[1], 0])
    return pairs


def _augment(images, rng):
    """Mirror, shift, rescale, blur and tint each picture, and change its exposure, at random.

    Args:
        images: uint8 `(B, size, size, 3)`; overwritten.

    Returns:
        float32 `(B, size, size, 3)` in [0, 1].
    """
    count, size = images.shape[:2]
    margin = size // 16
    mirrored = rng.random(count) < 0.5
    images[mirrored] = images[mirrored, :, ::-1]
    far = rng.random(count) < 0.5  # as if it had been seen from farther away
    small = rng.integers(size // 2, size, count)
    corner = rng.integers(0, 2 * margin + 1, (count, 2))
    sigma = np.where(rng.random(count) < 0.3, rng.uniform(0.3, 1.5, count), 0) * size / 64  # pixels
    for k, image in enumerate(images):
        if sigma[k]:
            image = cv2.GaussianBlur(image, (0, 0), sigma[k])
        if far[k]:
            image = cv2.resize(image, (small[k], small[k]), interpolation=cv2.INTER_AREA)
            image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
        top, left = corner[k]
        padded = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_REFLECT)
        images[k] = padded[top : top + size, left : left + size]
    gain = rng.uniform(0.8, 1.2, (count, 1, 1, 1)) * rng.uniform(0.9, 1.1, (count, 1, 1, 3))  # exposure, tint
    gain = gain.astype(np.float32)
    offset = rng.uniform(-0.1, 0.1, (count, 1, 1, 1)).astype(np.float32)
    return np.clip(pixels.to_float(images) * gain + offset, 0, 1)


def eligible_subjects(heads: Heads, config: AdversarialConfig) -> list[tuple[dict, int]]:
    """For each domain, its subjects with enough sequences and frames, and how many of them a batch takes.

    Raises:
        DataError: if too few subjects have enough sequences with enough frames.
    """
    tables = shared(config.subjects, heads.eligible(config.sequences, config.frames))
    for eligible, share in tables:
        if len(eligible) < share:
            raise DataError(
                f"A batch of {config.subjects} subjects x {config.sequences} sequences x {config.frames} frames needs "
                f"more data: only {len(eligible)} subjects have that many sequences and frames, {share} are needed of "
                "each domain."
            )
    return tables


def sequence_batch(heads: Heads, config: AdversarialConfig, step: int) -> dict[str, np.ndarray]:
    """A batch for learning II: subjects x sequences x frames, and every random number that its step uses.

    Every domain of a joined set gives equally many subjects.

    Args:
        heads: Heads.
        config: `config.AdversarialConfig`.
        step: int; the batch depends on it and on `config.seed` alone.

    Returns:
        dict as `training.objective.generator_objective` takes it.

    Raises:
        DataError: if too few subjects have enough sequences with enough frames.
    """
    rng = np.random.default_rng([config.seed, step])
    chosen = []
    for eligible, share in eligible_subjects(heads, config):
        for subject in rng.choice(list(eligible), share, replace=False):
            for k in rng.choice(len(eligible[subject]), config.sequences, replace=False):
                chosen.extend(rng.choice(eligible[subject][k], config.frames, replace=False))
    passes, sequences, size = 1 + config.critic_steps, config.subjects * config.sequences, config.size
    # one noise channel per sequence: the pipeline keeps it for a whole track, too
    noise = rng.random((passes, sequences, size, size, 1), dtype=np.float32)
    epsilon = rng.random((config.critic_steps, 2, config.batch_size, 1, 1, 1), dtype=np.float32)
    conditions = [simulation.sample_conditions(config.channel, sequences, rng, step) for _ in range(passes)]
    return {
        "x": pixels.to_float(heads.images[chosen]),
        "noise": np.repeat(noise, config.frames, axis=1),
        "epsilon": epsilon,
        "order": np.stack([order for order, _ in conditions]),
        "degradation": np.stack([degradation for _, degradation in conditions]),
    }


def twin_batch(heads: Heads, twins: Twins, config: TwinConfig, step: int) -> dict[str, np.ndarray]:
    """A batch for learning from twins: heads and their twins, mirrored, moved, zoomed and relit at random, alike.

    Args:
        heads: Heads.
        twins: Twins of these heads; one of the twins of each head is used.
        config: `config.TwinConfig`.
        step: int; the batch depends on it and on `config.seed` alone.

    Returns:
        dict as `training.objective.generation_objective` takes it.
    """
    rng = np.random.default_rng([config.seed, step])
    chosen = rng.integers(len(heads.images), size=config.batch)
    kind = rng.integers(len(twins.images), size=config.batch)
    masks = 255 * twins.masks[chosen, ..., None].astype(np.uint8)
    pictures = np.concatenate([heads.images[chosen], twins.images[kind, chosen], masks], axis=-1)
    moved = [_moved(one, places, rng) for one, places in zip(pictures, twins.landmarks[chosen], strict=True)]
    layers = np.stack([one.picture for one in moved])  # (B, size, size, 7)
    both = _relit(pixels.to_float(layers[..., :6]), rng)
    order, degradation = simulation.sample_conditions(config.channel, config.batch, rng, step)
    return {
        "x": both[..., :3],
        "twin": both[..., 3:],
        "head": pixels.to_float(layers[..., 6:]),
        "order": order,
        "degradation": degradation,
        "landmarks": np.stack([one.landmarks for one in moved]).astype(np.float32),
        "person": twins.people[kind, chosen].astype(np.int32),
        "labels": heads.labels[chosen, 1:].astype(np.int32),
        "epsilon": rng.random((config.batch, 1, 1, 1), dtype=np.float32),
    }


def embedding_batch(heads: Heads, people: int, config: TwinConfig, step: int) -> dict[str, np.ndarray]:
    """A batch for learning to embed heads in what is generated, moved and relit as in `twin_batch`; needs no twins.

    Args:
        heads: Heads.
        people: int, the number of virtual people; one is sampled uniformly for each head.
        config: `config.TwinConfig`.
        step: int; the batch depends on it and on `config.seed` alone.

    Returns:
        dict as `training.objective.embedding_objective` takes it.
    """
    rng = np.random.default_rng([config.seed, step])
    chosen = heads.images[rng.integers(len(heads.images), size=config.batch)]
    nowhere = np.zeros((LANDMARKS, 2))
    x = _relit(pixels.to_float(np.stack([_moved(image, nowhere, rng).picture for image in chosen])), rng)
    order, degradation = simulation.sample_conditions(config.channel, config.batch, rng, step)
    person = rng.integers(people, size=config.batch, dtype=np.int32)
    return {"x": x, "person": person, "order": order, "degradation": degradation}


def _relit(images, rng):
    """`(B, size, size, 3 n)` in [0, 1], n pictures relit alike: brightness, colour and offset at random."""
    count, pictures = len(images), images.shape[-1] // 3
    gain = rng.uniform(0.7, 1.3, (count, 1, 1, 1)) * rng.uniform(0.9, 1.1, (count, 1, 1, 3))
    offset = rng.uniform(-0.08, 0.08, (count, 1, 1, 1))
    return np.clip(images * np.tile(gain, pictures) + offset, 0, 1).astype(np.float32)


class Moved(NamedTuple):
    """A picture, mirrored, turned, scaled and shifted at random."""

    picture: np.ndarray  # uint8 (size, size, c)
    landmarks: np.ndarray  # (LANDMARKS, 2), moved with it
    angle: float  # degrees, by which it was turned clockwise, before it was mirrored
    mirrored: bool


def _moved(picture, landmarks, rng):
    """Mirrored, turned by up to 6 degrees, scaled by 0.85 to 1.18 and shifted by up to 6 % of the side, at random.

    Args:
        picture: uint8 `(size, size, c)`.
        landmarks: `(LANDMARKS, 2)`, moved with it.

    Returns:
        Moved.
    """
    size = len(picture)
    angle, scale = rng.uniform(-6, 6), np.exp(rng.uniform(-0.16, 0.16))
    matrix = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), angle, scale)
    matrix[:, 2] += rng.uniform(-0.06, 0.06, 2) * size
    layers = np.split(picture, range(3, picture.shape[-1], 3), axis=-1)  # OpenCV moves four channels at most
    moved = np.dstack([cv2.warpAffine(layer, matrix, (size, size), borderMode=cv2.BORDER_REFLECT) for layer in layers])
    places = (landmarks - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5  # OpenCV's first pixel centre is (0, 0)
    if rng.random() < 0.5:
        places = np.array([size, 0]) + np.array([-1, 1]) * places[list(MIRRORED)]
        return Moved(moved[:, ::-1], places, -angle, True)
    return Moved(moved, places, -angle, False)


def reader_batch(heads: Heads, config: ReaderConfig, step: int, real: Heads | None = None) -> dict[str, np.ndarray]:
    """A batch for the reader, moved and relit as in `twin_batch`, some of it blurred.

    Args:
        heads: Heads, loaded with `columns=READER_COLUMNS`.
        config: `config.ReaderConfig`.
        step: int; the batch depends on it and on `config.seed` alone.
        real: Heads of which some labels are known and no numbers; half as many of them are added to the batch.

    Returns:
        dict of `x` float32 `(B, size, size, 3)`, `numbers` `(B, 7)`, the first of `models.generator.NUMBERS`, or 0
        where `posed` `(B,)` is 0 and not 1, and `labels` int32 `(B, 3)`, -1 where unknown.
    """
    rng = np.random.default_rng([config.seed, step])
    chosen = rng.integers(len(heads.images), size=config.batch)
    places, pose = landmarks_of(heads)[chosen], pose_of(heads)[chosen]
    moved = [_moved(image, where, rng) for image, where in zip(heads.images[chosen], places, strict=True)]
    pictures = []
    for one in moved:
        sigma = rng.uniform(0.3, 1.2) * config.size / 64 if rng.random() < 0.3 else 0
        pictures.append(cv2.GaussianBlur(one.picture, (0, 0), sigma) if sigma else one.picture)
    sides = np.array([-1 if one.mirrored else 1 for one in moved])
    angles = np.radians([one.angle for one in moved])
    turned = np.stack([sides * pose[:, 0], pose[:, 1], sides * (pose[:, 2] + angles)], axis=1)
    batch = {
        "x": _relit(pixels.to_float(np.stack(pictures)), rng),
        "numbers": face_numbers(np.stack([one.landmarks for one in moved]), turned, config.size),
        "posed": np.ones(len(chosen), np.float32),
        "labels": heads.labels[chosen, 1:].astype(np.int32),
    }
    if real is not None:
        some = rng.integers(len(real.images), size=config.batch // 2)
        added = {
            "x": _augment(real.images[some], rng),
            "numbers": np.zeros((len(some), batch["numbers"].shape[1]), np.float32),
            "posed": np.zeros(len(some), np.float32),
            "labels": real.labels[some, 1:].astype(np.int32),
        }
        batch = {name: np.concatenate([value, added[name]]) for name, value in batch.items()}
    return batch


READER_COLUMNS = ("landmarks", "yaw", "pitch", "roll")


def pose_of(heads: Heads) -> np.ndarray:
    """Yaw, pitch and roll of each of `heads` in radians, roll clockwise in the picture: `(N, 3)`."""
    yaw, pitch, roll = (heads.columns[name] for name in READER_COLUMNS[1:])
    return np.radians(np.stack([yaw, pitch, -roll], axis=1))  # the renderer's roll is counter-clockwise


def face_numbers(landmarks: np.ndarray, pose: np.ndarray, size: int) -> np.ndarray:
    """The first seven of `models.generator.NUMBERS`, from what a renderer knows.

    Args:
        landmarks: `(N, LANDMARKS, 2)` in pixels.
        pose: `(N, 3)`, from `pose_of`.
        size: int, side of the pictures in pixels.

    Returns:
        float32 `(N, 7)`.
    """
    places = landmarks / size - 0.5
    centre = places.mean(axis=1)
    unit = np.sqrt(np.square(places - centre[:, None]).sum(axis=-1).mean(axis=-1))
    mouth = np.linalg.norm(places[:, UPPER_LIP] - places[:, UPPER_LIP + 1], axis=-1) / unit
    return np.column_stack([centre, np.log(unit), pose, mouth]).astype(np.float32)
