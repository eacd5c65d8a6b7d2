"""Genuine and impostor pairs: of all heads, sampled for a scorecard, or of photographs as in Labeled Faces in the Wild.

`among` and `at_most` sample pairs of heads; `sample` keeps what a scorecard compares. A list of pairs of photographs is
read from a file of LFW (`listed`), or drawn in the same way (`drawn`). A photograph is the first frame of a sequence.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uunet import data
from uunet.errors import UUNetError
from uunet.evaluation import inputs, recognition, resampling
from uunet.labels import LABELS, UNKNOWN_CODE

FOLDS = 10
IMPOSTORS = 20_000  # pairs of two people, drawn at random where there are more
KINDS = ("other sequence", "same sequence", "same head")  # of genuine pairs


class PairsError(UUNetError):
    """A list of pairs that cannot be read, or of which a set has nothing."""


# Pairs of heads.


def among(
    subjects: np.ndarray, sequences: np.ndarray, kind: str = KINDS[0], *, both_orders: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """All genuine pairs of a kind, and all impostor pairs.

    Args:
        subjects, sequences: `(N,)`, whose each head is, and of which sequence.
        kind: which pairs are genuine: "other sequence" (x_ij and x_ik, j != k), "same sequence" (two frames of one) or
            "same head".
        both_orders: whether (i, j) and (j, i) are two pairs: they are where the two sides show two versions.

    Returns:
        int `(n, 2)`, `(m, 2)`, indices of heads.
    """
    count = len(subjects)
    first, second = np.nonzero(~np.eye(count, dtype=bool)) if both_orders else np.triu_indices(count, 1)
    same = subjects[first] == subjects[second]
    pairs = np.stack([first, second], axis=1)
    if kind == "same head":
        return itself(count), pairs[~same]
    one_sequence = sequences[first] == sequences[second]
    return pairs[same & ~one_sequence if kind == "other sequence" else one_sequence], pairs[~same]


def itself(count: int) -> np.ndarray:
    """Each of `count` heads with itself: int `(count, 2)`."""
    return np.repeat(np.arange(count)[:, None], 2, axis=1)


def at_most(pairs: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` of the pairs `(n, 2)`, drawn at random without repetition; the pairs themselves if there are no more."""
    return pairs if len(pairs) <= count else rng.choice(pairs, count, replace=False)


@dataclass(frozen=True)
class Sample:
    """Which heads are compared, and how often in each draw of the people.

    Attributes:
        people: int `(N,)`, numbers from 0, whose each head is.
        drawn: int `(1 + D, P)`, see `resampling.people_drawn`.
        genuine: int `(n, 2)`, all pairs of one person in two sequences, in both orders.
        impostor, alike: int `(m, 2)`, pairs of two people; those of `alike` agree in the labels `alike_in`, which are
            known of both. They are drawn at random where there are more than asked for.
        alike_in: tuple of str, those of gender, ethnicity and hairstyle that are known of at least one head.
        consecutive: int `(k, 2)`, frames that follow each other in a sequence.
    """

    people: np.ndarray
    drawn: np.ndarray
    genuine: np.ndarray
    impostor: np.ndarray
    alike: np.ndarray
    alike_in: tuple[str, ...]
    consecutive: np.ndarray

    @property
    def same_frame(self) -> np.ndarray:
        """Every head with itself: int `(N, 2)`."""
        return itself(len(self.people))

    @property
    def label_pairs(self) -> np.ndarray:
        """The pairs (a_i, x_j) of Table III, int `(n, 2)`: every head with itself, and the pairs of two people."""
        return np.concatenate([self.same_frame, self.impostor])

    def weights(self, pairs: np.ndarray) -> np.ndarray:
        """`(1 + D, n)`: how often each pair comes."""
        return recognition.pair_weights(self.people[pairs], self.drawn)

    def mean(self, values: np.ndarray, people: np.ndarray) -> np.ndarray:
        """`(1 + D,)`: mean of the values `(n,)` of some people `(n,)`; nan in a draw without any."""
        return resampling.mean(values, people, self.drawn)


def sample(heads: data.Heads, seed: int, impostors: int = IMPOSTORS) -> Sample:
    """The Sample of some Heads, with at most so many pairs of `impostor` and of `alike`.

    Raises:
        EvaluationError: if there are not two pairs of one person in two sequences, or of two people.
    """
    rng = np.random.default_rng(seed)
    names, people = np.unique(heads.labels[:, 0], return_inverse=True)
    genuine, others = among(people, heads.sequences, both_orders=True)
    known = inputs.labels_known(heads)
    labels = heads.labels[:, [LABELS.index(label) for label in known]]
    legible = (labels != UNKNOWN_CODE).all(axis=1) & bool(known)
    matching = (labels[others[:, 0]] == labels[others[:, 1]]).all(axis=1) & legible[others[:, 0]]
    impostor = at_most(others, impostors, rng)
    alike = at_most(others[matching], impostors, rng)
    if min(len(genuine), len(impostor)) < 2:
        raise inputs.EvaluationError(
            f"The split has {len(genuine)} pairs of one person in two sequences and {len(impostor)} of two people, "
            "and at least 2 of each are needed: name another split, or a larger set."
        )
    order = np.lexsort((heads.frames, heads.sequences))
    following = np.diff(heads.sequences[order]) == 0
    return Sample(
        people=people,
        drawn=resampling.people_drawn(len(names), rng),
        genuine=genuine,
        impostor=impostor,
        alike=alike,
        alike_in=known,
        consecutive=np.stack([order[:-1][following], order[1:][following]], axis=1),
    )


# Pairs of photographs.


@dataclass(frozen=True)
class Pairs:
    """Pairs of photographs.

    Attributes:
        about: str, where they come from.
        pairs: int `(n, 2)`, indices of heads.
        folds: int `(n,)` in [0, FOLDS).
        missing: int, pairs of the list that name a photograph that the set lacks.
        left_out: int, pairs that were not drawn of a longer list.
    """

    about: str
    pairs: np.ndarray
    folds: np.ndarray
    missing: int = 0
    left_out: int = 0


def read(path: Path | str) -> list[tuple]:
    """A file of pairs as the University of Massachusetts writes them.

    The first line holds the number of folds, if there are several, and n. Each fold has n lines `NAME i k`, two
    photographs of one person, and then n lines `NAME i NAME k`, of two people. A file of one fold is cut into ten.

    Args:
        path: of the file.

    Returns:
        list of (fold, (name, number), (name, number)).

    Raises:
        PairsError: naming the line that is not of this format.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PairsError(f"{path} cannot be read ({error}): name a file like LFW's pairs.txt.") from error
    head = lines[0].split() if lines else []
    if not 1 <= len(head) <= 2 or not all(word.isdecimal() and int(word) > 0 for word in head):
        raise PairsError(
            f"{path}, line 1 is not the number of pairs, or of folds and pairs: name a file like pairs.txt."
        )
    count, folds = int(head[-1]), int(head[0]) if len(head) == 2 else 1
    body = [line.split() for line in lines[1:] if line.strip()]
    if len(body) != 2 * count * folds:
        raise PairsError(f"{path} has {len(body)} pairs where line 1 promises {2 * count * folds}: get the file again.")
    found = []
    for k, words in enumerate(body):
        fold, place = divmod(k, 2 * count)
        names, numbers = (words[:1] * 2, words[1:]) if place < count else (words[::2], words[1::2])
        right = len(words) == (3 if place < count else 4) and all(number.isdecimal() for number in numbers)
        if not right or (place >= count and names[0] == names[1]):
            kind = "NAME i k, of one person" if place < count else "NAME i NAME k, of two people"
            raise PairsError(f"{path}, pair {k + 1} is {' '.join(words)!r}, not {kind}: get the file again.")
        fold = fold % FOLDS if folds > 1 else place % count * FOLDS // count
        found.append((fold, *((name, int(number)) for name, number in zip(names, numbers, strict=True))))
    return found


def listed(path: Path | str, heads: data.Heads, most: int, seed: int) -> Pairs:
    """The Pairs of a file whose photographs are in the set: as many of one person as of two, at most `most` each.

    Args:
        path: of the file, see `read`.
        heads: data.Heads of photographs, with the columns subject and sequence.
        most: int; of more, each fold gives as many as it can, evenly, at random.
        seed: int.

    Raises:
        PairsError: if fewer than two pairs of either kind are left.
    """
    entries = read(path)
    try:
        numbers = [int(number) for number in heads.columns["sequence"]]
    except ValueError as error:
        raise PairsError(f"The set numbers no photographs ({error}): {path} names pictures of LFW.") from error
    place = {key: k for k, key in enumerate(zip(heads.columns["subject"].astype(str), numbers, strict=True))}
    known = [(fold, place[one], place[other]) for fold, one, other in entries if one in place and other in place]
    table = np.array(known, int).reshape(-1, 3)
    same = heads.labels[table[:, 1], 0] == heads.labels[table[:, 2], 0]
    rank = np.zeros(len(table), int)  # in a random order of the pairs of one fold and kind
    rng = np.random.default_rng(seed)
    for fold, kind in sorted({*zip(table[:, 0].tolist(), same.tolist(), strict=True)}):
        group = np.flatnonzero((table[:, 0] == fold) & (same == kind))
        rank[group] = rng.permutation(len(group))
    order = np.argsort(rank, kind="stable")
    count = min(most, int(same.sum()), int((~same).sum()))
    kept = np.sort(np.concatenate([order[same[order] == kind][:count] for kind in (True, False)]))
    if count < 2:
        raise PairsError(
            f"The set holds {len(known)} of the {len(entries)} pairs of {path}, too few: prepare it from LFW."
        )
    return Pairs(Path(path).name, table[kept, 1:], table[kept, 0], len(entries) - len(known), len(known) - len(kept))


def drawn(count: int, heads: data.Heads, seed: int) -> Pairs:
    """Pairs of a split's people, made as LFW's were.

    The people are divided into FOLDS folds, or as many as hold two, and each fold gives its share of `count` pairs of
    one person and of two. A person comes again only after all others with two photographs.

    Args:
        count: int, pairs of each kind.
        heads: data.Heads of photographs.
        seed: int.

    Raises:
        PairsError: if the split does not have as many.
    """
    rng = np.random.default_rng(seed)
    of = {person: np.flatnonzero(heads.labels[:, 0] == person) for person in np.unique(heads.labels[:, 0])}
    pairs, folds = [], []
    parts = max(1, min(FOLDS, len(of) // 2))
    for fold, people in enumerate(np.array_split(rng.permutation(sorted(of)), parts)):
        wanted = (fold + 1) * count // parts - fold * count // parts
        own = {person: rng.permutation([(i, k) for i in of[person] for k in of[person] if i < k]) for person in people}
        turns = [(turn, person) for person in people for turn in range(len(own[person]))]
        genuine = [own[person][turn] for turn, person in sorted(turns, key=lambda entry: entry[0])[:wanted]]
        impostor = set()
        most = sum(len(of[one]) * len(of[other]) for k, one in enumerate(people) for other in people[:k])
        if len(genuine) < wanted or most < wanted:
            found = f"A fold of {len(people)} people has {len(genuine)} pairs of one person and {most} of two"
            raise PairsError(f"{found}, not {wanted}: ask for fewer --pairs, or prepare a larger set.")
        while len(impostor) < wanted:
            one, other = rng.choice(people, 2, replace=False)
            impostor.add(tuple(sorted((rng.choice(of[one]), rng.choice(of[other])))))
        pairs += [*map(tuple, genuine), *sorted(impostor)]
        folds += [fold] * 2 * wanted
    return Pairs(
        f"drawn with seed {seed}, folds of different people", np.array(pairs, int).reshape(-1, 2), np.array(folds)
    )
