"""Twins: the frames of a sequence rendered again with somebody else in it.

Pose, expression, place, light, clothes, worn things, camera, box, exposure and noise stay; the person is exchanged for
one of a fixed pool of virtual people, who are in no data set. Which labels the two share is the paper's s (Eq. 9).
"""

import itertools

import numpy as np

from data_prep.synthetic import domain, identity, labels
from uunet.errors import UUNetError
from uunet.labels import PEOPLE_PER_COMBINATION


class TwinError(UUNetError):
    """An s that no twin can have."""


def parse(text: str) -> tuple[int, ...]:
    """Reads "-1,1,1,0": whether a twin agrees (1) or differs (-1) in ID, gender, ethnicity and hairstyle; 0 is either.

    Raises:
        TwinError: it is not four of -1, 0 and 1, or the first, the ID, is not -1.
    """
    values = text.split(",")
    if len(values) != 4 or not set(values) <= {"-1", "0", "1"} or values[0] != "-1":
        raise TwinError(
            f"--twins is {text!r}; give -1 for the ID, then -1, 0 or 1 for gender, ethnicity and hairstyle: -1,1,1,1."
        )
    return tuple(int(value) for value in values)


def name(s: tuple[int, ...]) -> str:
    """(-1, 1, 1, 0) -> "-1,1,1,0", which names the twins' files."""
    return ",".join(str(value) for value in s)


def pool() -> tuple[identity.Identity, ...]:
    """The virtual people by number: the first PEOPLE_PER_COMBINATION of each combination of labels.

    Takes about 5 s: thousands of people are drawn until the rarest combination is full.
    """
    found = {combination: [] for combination in itertools.product(*labels.VALUES.values())}
    lacking = PEOPLE_PER_COMBINATION * len(found)
    for seed in domain.SEEDS["virtual"]:
        person = identity.sample(seed)
        same = found[labels_of(person)]
        if len(same) < PEOPLE_PER_COMBINATION:
            same.append(person)
            lacking -= 1
            if not lacking:
                break
    return tuple(itertools.chain.from_iterable(found.values()))


def labels_of(person: identity.Identity) -> tuple[str, ...]:
    """(gender, ethnicity, hairstyle)."""
    return tuple(getattr(person, label) for label in labels.LABELS)


def choose(people: tuple[identity.Identity, ...], person: identity.Identity, number: int, s: tuple[int, ...]) -> int:
    """The number in `people`, the pool, of the twin of sequence `number` of `person`: one that s allows, at random."""
    allowed = [index for index, other in enumerate(people) if _allows(s, labels_of(person), labels_of(other))]
    return int(np.random.default_rng([person.seed, number, *(value + 1 for value in s)]).choice(allowed))


def _allows(s, own, others):
    """Whether two people's labels agree where s is 1 and differ where it is -1; s[0] is the ID's, always different."""
    agree = [mine == other for mine, other in zip(own, others, strict=True)]
    return all(wish == 0 or same == (wish == 1) for wish, same in zip(s[1:], agree, strict=True))
