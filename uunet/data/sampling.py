"""What is drawn from a set of heads: pairs for learning I, batches for learning II, pairs to evaluate on.

A batch is a pure function of (seed, step): nothing to save, a resumed run sees exactly the same ones.
"""

import cv2
import numpy as np

from uunet import channel, losses, pixels
from uunet.config import LABELS
from uunet.data.manifest import LANDMARKS, MIRRORED, UNKNOWN, DataError, runs


def check_pairs(heads, labels):
    """Raises DataError unless `heads` has what `pair_batch` needs.

    It needs two subjects, two heads of one of them, and for each of `labels` (of `config.LABELS`) two heads of which
    it is known.
    """
    for column, label in enumerate(LABELS):
        if label in labels and (heads.labels[:, column] != UNKNOWN).sum() < 2:
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


def pair_batch(heads, config, step):
    """A batch for D_a: `config.genuine` of the pairs show one subject, the others two (section III-A).

    The paper says no more of how pairs are drawn. Here

    - genuine pairs come from two sequences of a subject: frames of one share their background, which alone would give
      the pair away. Only in a set without such subjects are they two frames of a sequence.
    - impostor pairs are balanced: first the number of soft labels that agree is drawn evenly from 0, 1, 2 and 3, then
      which, then a pair. So each label agrees in half of them, and a quarter agree in all, which only the identity
      tells from genuine pairs. What a small set does not have is left out. Unknown is one more value here (not in b).
    - both heads of a pair are of one domain, and every domain of a joined set gives equally many pairs: otherwise the
      domain alone would tell most impostor pairs.

    Args:
        heads: Heads as `check_pairs` wants them, loaded with `labels=config.labels`.
        config: `config.ClassifierConfig`; `labels` chooses the columns of b.
        step: int; with `config.seed` it decides everything.

    Returns:
        dict of `x`, `x_prime` float32 `(B, size, size, 3)` in [0, 1]; `b` float32 `(B, t)`, Eq. 1; `known` float32
        `(B, t)`, 1 where both labels are known. Where one is unknown, b is 0 and means nothing.
    """
    columns = [LABELS.index(label) for label in config.labels]
    rng = np.random.default_rng([config.seed, step])
    genuine = round(config.genuine * config.batch_pairs)
    drawn = [
        draw(*population, share, rng)
        for draw, count, populations in (
            (_draw_genuine, genuine, heads.genuine_partners),
            (_draw_impostors, config.batch_pairs - genuine, [(heads, group) for group in heads.impostor_groups]),
        )
        for population, share in zip(populations, _shares(count, len(populations)), strict=True)
    ]
    first, second = np.concatenate(drawn, axis=1)  # (B,) each
    x, x_prime = heads.images[first], heads.images[second]
    labels, others = heads.labels[first][:, columns], heads.labels[second][:, columns]
    known = ((labels != UNKNOWN) & (others != UNKNOWN)).astype(np.float32)
    return {
        "x": _augment(x, rng) if config.augment else pixels.to_float(x),
        "x_prime": _augment(x_prime, rng) if config.augment else pixels.to_float(x_prime),
        "b": losses.same_labels(labels, others) * known,
        "known": known,
    }


def _shares(count, parts):
    """`count` as a list of `parts` whole numbers that differ by 1 at most."""
    return [len(share) for share in np.array_split(np.empty(count), parts)]


def _draw_genuine(order, start, end, own_start, own_end, having, count, rng):
    """Indices `(2, count)`: a head, evenly, and one of its subject's heads in other sequences, evenly."""
    drawn = rng.integers(len(having), size=count)
    start, end, own_start, own_end = (bounds[drawn] for bounds in (start, end, own_start, own_end))
    place = start + rng.integers(end - start - (own_end - own_start))
    place = np.where(place >= own_start, place + own_end - own_start, place)  # steps over the own sequence
    return np.stack([having[drawn], order[place]])


def _draw_impostors(heads, groups, count, rng):
    """Indices `(2, count)` of heads of two subjects, balanced as `pair_batch` says."""
    order, start, size, share = groups
    groups = np.stack(np.divmod(rng.choice(len(share), size=count, p=share), len(size)))  # (2, count)
    pairs = np.zeros_like(groups)
    same = np.arange(count)
    while len(same):  # two heads of one subject are drawn again
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
        padded = cv2.copyMakeBorder(image, *[margin] * 4, cv2.BORDER_REFLECT)
        images[k] = padded[top : top + size, left : left + size]
    gain = rng.uniform(0.8, 1.2, (count, 1, 1, 1)) * rng.uniform(0.9, 1.1, (count, 1, 1, 3))  # exposure, tint
    gain = gain.astype(np.float32)
    offset = rng.uniform(-0.1, 0.1, (count, 1, 1, 1)).astype(np.float32)
    return np.clip(pixels.to_float(images) * gain + offset, 0, 1)


def sequence_batch(heads, config, step):
    """A batch for learning II: subjects x sequences x frames, and every random number its step uses.

    Of a joined set, every domain gives equally many subjects.

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
    chosen = []
    domains = heads.subjects_by_domain
    for subjects, share in zip(domains, _shares(config.subjects, len(domains)), strict=True):
        eligible = {}
        for subject in subjects:
            long_enough = [sequence for sequence in heads.by_subject[subject] if len(sequence) >= config.frames]
            if len(long_enough) >= config.sequences:
                eligible[subject] = long_enough
        if len(eligible) < share:
            raise DataError(
                f"A batch of {config.subjects} subjects x {config.sequences} sequences x {config.frames} frames needs "
                f"more data: only {len(eligible)} subjects have that many sequences and frames, {share} are needed of "
                "each domain."
            )
        for subject in rng.choice(list(eligible), share, replace=False):
            for k in rng.choice(len(eligible[subject]), config.sequences, replace=False):
                chosen.extend(rng.choice(eligible[subject][k], config.frames, replace=False))
    draws, count, size = 1 + config.critic_steps, config.batch_size, config.size
    # one noise channel a sequence: the pipeline holds it for a track, too
    noise = rng.random((draws, config.subjects * config.sequences, size, size, 1), dtype=np.float32)
    epsilon = rng.random((config.critic_steps, 2, count, 1, 1, 1), dtype=np.float32)
    passes = [channel.draw(config.channel, config.subjects * config.sequences, rng, step) for _ in range(draws)]
    return {
        "x": pixels.to_float(heads.images[chosen]),
        "noise": np.repeat(noise, config.frames, axis=1),
        "epsilon": epsilon,
        "order": np.stack([order for order, _ in passes]),
        "damage": np.stack([damage for _, damage in passes]),
    }


def twin_batch(heads, twins, people, masks, landmarks, config, step):
    """A batch for learning from twins, mirrored, shifted, zoomed and relit at random, all that belongs together alike.

    Args:
        heads: Heads.
        twins: uint8 `(V, N, size, size, 3)`, of V kinds of twins, from `load_twins`; of each head one is shown.
        people: int `(V, N)`, who the twins are, from `load_twins`.
        masks: bool `(N, size, size)`, from `load_masks`.
        landmarks: float32 `(N, LANDMARKS, 2)`, from `landmarks_of`.
        config: `config.TwinConfig`.
        step: int; with `config.seed` it decides everything.

    Returns:
        dict as `training.objective.drawing_objective` takes it.
    """
    rng = np.random.default_rng([config.seed, step])
    chosen = rng.integers(len(heads.images), size=config.batch)
    kind = rng.integers(len(twins), size=config.batch)
    shown = 255 * masks[chosen, ..., None].astype(np.uint8)
    pictures = np.concatenate([heads.images[chosen], twins[kind, chosen], shown], axis=-1)
    moved = [_moved(one, places, rng) for one, places in zip(pictures, landmarks[chosen], strict=True)]
    layers = np.stack([picture for picture, _ in moved])  # (B, size, size, 7)
    both = _relit(pixels.to_float(layers[..., :6]), rng)
    order, damage = channel.draw(config.channel, config.batch, rng, step)
    return {
        "x": both[..., :3], "twin": both[..., 3:], "head": pixels.to_float(layers[..., 6:]),
        "order": order, "damage": damage,
        "landmarks": np.stack([places for _, places in moved]).astype(np.float32),
        "person": people[kind, chosen].astype(np.int32), "labels": heads.labels[chosen, 1:].astype(np.int32),
        "epsilon": rng.random((config.batch, 1, 1, 1), dtype=np.float32),
    }  # fmt: skip


def hiding_batch(heads, people, config, step):
    """A batch for learning to hide heads in what is drawn, moved and relit as in `twin_batch`; needs no twins.

    Args:
        heads: Heads.
        people: int, of how many virtual people one is drawn for each head, all equally likely.
        config: `config.TwinConfig`.
        step: int; with `config.seed` it decides everything.

    Returns:
        dict as `training.objective.hiding_objective` takes it.
    """
    rng = np.random.default_rng([config.seed, step])
    chosen = heads.images[rng.integers(len(heads.images), size=config.batch)]
    nowhere = np.zeros((LANDMARKS, 2))
    x = _relit(pixels.to_float(np.stack([_moved(image, nowhere, rng)[0] for image in chosen])), rng)
    order, damage = channel.draw(config.channel, config.batch, rng, step)
    return {"x": x, "person": rng.integers(people, size=config.batch, dtype=np.int32), "order": order, "damage": damage}


def _relit(images, rng):
    """`(B, size, size, 3 n)` in [0, 1], n pictures relit alike: brightness, colour and offset at random."""
    count, pictures = len(images), images.shape[-1] // 3
    gain = rng.uniform(0.7, 1.3, (count, 1, 1, 1)) * rng.uniform(0.9, 1.1, (count, 1, 1, 3))
    offset = rng.uniform(-0.08, 0.08, (count, 1, 1, 1))
    return np.clip(images * np.tile(gain, pictures) + offset, 0, 1).astype(np.float32)


def _moved(picture, landmarks, rng):
    """Mirrored, turned by up to 6 degrees, scaled by 0.85 to 1.18 and shifted by up to 6 % of the side, at random.

    Args:
        picture: uint8 `(size, size, c)`.
        landmarks: `(LANDMARKS, 2)`, moved with it.

    Returns:
        uint8 `(size, size, c)`, `(LANDMARKS, 2)`.
    """
    size = len(picture)
    angle, scale = rng.uniform(-6, 6), np.exp(rng.uniform(-0.16, 0.16))
    matrix = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), angle, scale)
    matrix[:, 2] += rng.uniform(-0.06, 0.06, 2) * size
    layers = np.split(picture, range(3, picture.shape[-1], 3), axis=-1)  # OpenCV moves four channels at most
    moved = np.dstack([cv2.warpAffine(layer, matrix, (size, size), borderMode=cv2.BORDER_REFLECT) for layer in layers])
    places = (landmarks - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5  # OpenCV's first pixel centre is (0, 0)
    if rng.random() < 0.5:
        return moved[:, ::-1], np.array([size, 0]) + np.array([-1, 1]) * places[list(MIRRORED)]
    return moved, places


def evaluation_pairs(heads, genuine, impostors, seed, *, hard=False):
    """Index pairs to score recognisers on, such as the 10,000 genuine and 50,000 impostor ones of section IV-D.

    Genuine pairs are of two sequences of a subject, impostor pairs of two subjects. All such pairs are equally likely,
    none comes twice (i, i' and i', i are one), and which head comes first is drawn, too.

    Args:
        heads: Heads.
        genuine, impostors: int, numbers of pairs.
        seed: int; it decides everything.
        hard: bool, whether impostors must agree in gender, ethnicity and hairstyle, all known.

    Returns:
        int `(genuine, 2)` and int `(impostors, 2)`, indices into `heads`.

    Raises:
        DataError: if there are not that many pairs.
    """
    subject = heads.labels[:, 0]
    order = np.lexsort((heads.sequences, subject))
    _, end = runs(subject[order])
    _, own_end = runs(heads.sequences[order])
    pairs = _draw_later(order, own_end, end, genuine, "genuine", np.random.default_rng([seed, 0]))
    last = np.full(len(order), len(order))
    if hard:
        _, group = np.unique(heads.labels[:, 1:], axis=0, return_inverse=True)
        order = np.lexsort((subject, group.ravel()))
        group = group.ravel()[order]
        _, last = runs(group)
        _, end = runs(group * (subject.max() + 1) + subject[order])
        last = np.where((heads.labels[order] == UNKNOWN).any(axis=1), end, last)
    kind = "hard impostor" if hard else "impostor"
    return pairs, _draw_later(order, end, last, impostors, kind, np.random.default_rng([seed, 1]))


def _draw_later(order, start, end, count, kind, rng):
    """`(count, 2)` of the pairs of the head at a place p of `order` with one at start[p], ..., end[p] - 1."""
    sizes = end - start
    if count > sizes.sum():
        raise DataError(f"The split has only {sizes.sum()} {kind} pairs, not {count}: ask for fewer, or a larger set.")
    ends = np.cumsum(sizes)
    number = rng.choice(sizes.sum(), count, replace=False)
    place = np.searchsorted(ends, number, side="right")
    partner = start[place] + number - (ends[place] - sizes[place])
    return rng.permuted(np.stack([order[place], order[partner]], axis=1), axis=1)
