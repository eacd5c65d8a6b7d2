"""Pairs of photographs of one person and of two: read from a file of Labeled Faces in the Wild, or drawn in that way.

A photograph is the first frame of a sequence.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uunet.errors import UUNetError

FOLDS = 10


class PairsError(UUNetError):
    """A list of pairs that cannot be read, or of which a set has nothing."""


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


def read(path):
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


def listed(path, heads, most, seed):
    """The Pairs of a file: those whose photographs are all in the set, as many of one person as of two, at most `most`.

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
    count = min(most, np.count_nonzero(same), np.count_nonzero(~same))
    kept = np.sort(np.concatenate([order[same[order] == kind][:count] for kind in (True, False)]))
    if count < 2:
        raise PairsError(
            f"The set holds {len(known)} of the {len(entries)} pairs of {path}, too few: prepare it from LFW."
        )
    return Pairs(Path(path).name, table[kept, 1:], table[kept, 0], len(entries) - len(known), len(known) - len(kept))


def drawn(count, heads, seed):
    """Pairs of a split's people, as LFW's were made: people are cut into FOLDS folds, or as many as hold two, and each
    gives its share of `count` pairs of one person and of two. Nobody comes again before everybody with two photographs.

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
