"""Samples of a set: a set of thousands of people is evaluated on some of them, drawn with a seed."""

from dataclasses import replace
from typing import Any

import numpy as np

from uunet import data
from uunet.errors import UUNetError


class SubsetError(UUNetError):
    """A sample that is too small to hold one person."""


def drawn(heads: data.Heads, count: int, seed: int, *, sequences: int = 2, frames: int = 2) -> np.ndarray:
    """At most `count` heads of people drawn at random: first those who have several sequences, then the others.

    Args:
        heads: data.Heads.
        count: int; the first person who would exceed it is left out, and all later ones.
        seed: int, of the order of the people and of each person's sequences.
        sequences, frames: int, at most so many sequences per person, and of each its first so many frames.

    Returns:
        int `(n,)`, rising indices.

    Raises:
        SubsetError: if the first person has more than `count` heads.
    """
    rng = np.random.default_rng(seed)
    people = [heads.by_subject[subject] for subject in rng.permutation(sorted(heads.by_subject))]
    people.sort(key=lambda person: len(person) == 1)  # a stable sort: the random order stays within both groups
    chosen: list[np.ndarray] = []
    for person in people:
        some = [person[k][:frames] for k in rng.permutation(len(person))[:sequences]]
        if sum(len(part) for part in (*chosen, *some)) > count:
            break
        chosen += some
    if not chosen:
        raise SubsetError(f"A sample of {count} heads does not hold one person: ask for more.")
    return np.sort(np.concatenate(chosen))


def at_most(heads: data.Heads, count: int, seed: int, **per_person: int) -> data.Heads:
    """The Heads themselves where they are no more than `count`, else those `drawn`."""
    return heads if len(heads.images) <= count else heads.taken(drawn(heads, count, seed, **per_person))


def photographs(heads: data.Heads) -> np.ndarray:
    """The first frame of each sequence: int `(n,)`, indices in the order of the sequences' numbers."""
    order = np.lexsort((heads.frames, heads.sequences))
    return order[np.unique(heads.sequences[order], return_index=True)[1]]


def joined(parts: list[data.Heads]) -> data.Heads:
    """One Heads of several splits of a set; `sha256` is that of the first."""
    together: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts])
                                for name in ("images", "labels", "sequences", "frames")}  # fmt: skip
    domains = [part.domains for part in parts if part.domains is not None]
    return replace(
        parts[0],
        **together,
        files=sum((part.files for part in parts), ()),
        columns={name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
        skipped=sum((part.skipped for part in parts), ()),
        domains=np.concatenate(domains) if len(domains) == len(parts) else None,
    )
