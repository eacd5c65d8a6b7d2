"""Shares the scenes out in units: some people, some photographs, and what is made of them in one process."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep import heads, lfw
from data_prep.head_scenes import cutouts, scenes
from data_prep.synthetic import domain, light
from uunet.data import head_scenes as archive
from uunet.errors import UUNetError

PEOPLE, NEAR, FAR, PHOTOGRAPHS = 3, 3, 5, 12  # of a unit: people, renderings of each, photographs
PICTURES = 40  # of a unit: what is made of one cast
VALIDATION = 10  # every tenth unit is for validation
VALIDATION_PLACES = ("b_courtyard", "p_lobby", "p_park")


class HeadScenesError(UUNetError):
    """An archive that cannot be made."""


@dataclass(frozen=True)
class Unit:
    """Scenes of one cast.

    Attributes:
        number: decides the people and all that is random.
        pictures: how many.
        photographs: tuple of (path, head box or None).
        places: names of panoramas.
    """

    number: int
    pictures: int
    photographs: tuple
    places: tuple[str, ...]


def film(unit: Unit) -> list[tuple]:
    """The scenes of a unit: list of (JPEG file, heads, boxes to ignore)."""
    rng = np.random.default_rng([unit.number, 3])
    first = domain.SEEDS["head scenes"].start + unit.number * PEOPLE
    near, far = [], []
    for seed in range(first, first + PEOPLE):
        solid = cutouts.person(seed)
        near += [cutouts.rendered(solid, int(rng.integers(1 << 31)), near=True) for _ in range(NEAR)]
        far += [cutouts.rendered(solid, int(rng.integers(1 << 31)), near=False) for _ in range(FAR)]
    photographs = [cutouts.photograph(path, place, rng) for path, place in unit.photographs]
    cast = scenes.Cast(near, far, photographs, unit.places)
    made = (scenes.make(rng, cast) for _ in range(unit.pictures))
    return [(archive.encode(picture), own, ignored) for picture, own, ignored in made]


def plan(pictures: int, photographs: dict[str, list], seed: int) -> list[Unit]:
    """The units that make so many pictures.

    Args:
        pictures: how many, at least 2 * PICTURES.
        photographs: {"train": [(path, box or None)], "validation": ...}; empty without LFW.
        seed: of the choice of people and photographs.
    """
    rng = np.random.default_rng(seed)
    units = []
    for k in range(-(-pictures // PICTURES)):
        validation = k % VALIDATION == 1
        own = photographs.get("validation" if validation else "train", [])
        chosen = rng.choice(len(own), min(PHOTOGRAPHS, len(own)), replace=False) if own else []
        places = tuple(name for name in light.PLACES if (name in VALIDATION_PLACES) == validation)
        count = min(PICTURES, pictures - k * PICTURES)
        units.append(Unit(seed * 10_000 + k, count, tuple(own[i] for i in chosen), places))
    return units


def read_photographs(tree: Path, lists: Path, boxes: Path | None) -> dict[str, list]:
    """The photographs of the people of peopleDevTrain.txt: {"train": [(path, head box or None)], "validation": ...}."""
    people = lfw.read_lists(lists)
    splits = lfw.cut_splits(people, 0)
    known = lfw.read_boxes(boxes) if boxes else None
    tree = tree / "lfw" if (tree / "lfw").is_dir() else tree
    found = {"train": [], "validation": []}
    for name in sorted(people["train"]):
        for path in heads.evenly(sorted((tree / name).glob(f"{name}_*.jpg")), lfw.MOST):
            box = known.get((name, path.stem[-4:])) if known else None
            if known is None or box:
                found[splits[name]].append((path, box[:4] if box else None))
    if not found["train"] or not found["validation"]:
        raise HeadScenesError(f"{tree} has no photograph of the people of {lists}: name the extracted LFW by --lfw.")
    return found
