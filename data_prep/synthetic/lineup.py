"""Line-ups: frames rendered again with people whom no training has seen, to ask which of them a version of x shows.

A line-up of N is x and N - 1 *fillers* in the same frame: as for a twin, pose, expression, place, light, clothes, worn
things, camera, box, exposure and noise are those of x. Rule: fillers have x's gender, ethnicity and hairstyle (they fit
the description), and are the first of `domain.SEEDS["lineup"]`, in an order drawn from x's seed, of whom that is true.
A person has the same fillers in all their line-ups.

The test people have line-ups of N; the train people have line-ups of two, from which a recogniser learns to pick. The
line-ups are in the first frames of each sequence.
"""

import functools
import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data_prep.synthetic import dataset, domain, head, identity, listing, render, sequence, twin

TRAINING = 2  # people in a line-up of the train split


@dataclass(frozen=True)
class Plan:
    """Which line-ups to render of a `dataset.Plan`: of `people` candidates, in the first `frames` of each sequence.

    `only` is the split whose people get line-ups; None: those of test and of train.
    """

    heads: dataset.Plan
    people: int
    frames: int = 1
    only: str | None = None

    def __post_init__(self):
        if self.people < 2:
            raise listing.DatasetError(f"--lineup is {self.people}; give at least 2: x and somebody else.")
        if not 1 <= self.frames <= self.heads.frames:
            raise listing.DatasetError(
                f"--lineup-frames is {self.frames}; give 1 to {self.heads.frames}, the frames of a sequence."
            )
        if self.only not in (None, "train", "test"):
            raise listing.DatasetError(f"--only is {self.only}: line-ups are of train or of test.")
        if not self.subjects("test") and self.only != "train":
            raise listing.DatasetError(
                f"--lineup needs people for testing, and of {self.heads.identities} there are none; give at least "
                f"--identities {self.heads.cycle}."
            )

    def subjects(self, split: str) -> list[int]:
        """The seeds of a split's people; of a split without line-ups, none."""
        if self.only not in (None, split):
            return []
        return [subject for subject in self.heads.subjects if self.heads.split(subject) == split]

    def fillers(self, subject: int) -> int:
        """How many fillers each line-up of a subject has."""
        return (self.people if self.heads.split(subject) == "test" else TRAINING) - 1

    def pictures(self) -> int:
        """How many fillers there are to render."""
        fillers = sum(self.fillers(subject) for split in ("train", "test") for subject in self.subjects(split))
        return fillers * self.heads.sequences * self.frames


def write(out: Path, plan: Plan, workers: int, on_progress: Callable[[int], None]) -> None:
    """Renders the line-ups of a complete data set; `lineup.csv` lists them.

    Args:
        out: Path of the data set's directory.
        plan: Plan.
        workers, on_progress: as in `dataset.write`.

    Raises:
        DatasetError: `out` cannot be written, or holds line-ups made with other settings.
    """
    order = plan.subjects("test") + plan.subjects("train")
    names = {
        subject: sorted(name for *_, name in _pictures(plan, subject))
        for subject in sorted(order)
    }  # fmt: skip
    table = listing.Listing(listing.lineup_csv(out), listing.FillerRow, (out / "lineup",), names)
    listing.complete(table, functools.partial(render_lineup, out, plan), workers, on_progress, order)


def people(person: identity.Identity, count: int) -> list[identity.Identity]:
    """The fillers of a person: `count` identities, by the rule above.

    Raises:
        DatasetError: if there are not so many.
    """
    order = np.random.default_rng(person.seed).permutation(np.array(domain.SEEDS["lineup"]))
    others = (identity.sample(int(seed)) for seed in order)
    alike = (other for other in others if twin.labels_of(other) == twin.labels_of(person))
    found = list(itertools.islice(alike, count))
    if len(found) < count:
        raise listing.DatasetError(f"--lineup: {len(found)} people look like {person.seed}; give a smaller number.")
    return found


def render_lineup(out: Path, plan: Plan, subject: int) -> list[listing.FillerRow]:
    """Renders the fillers of one subject's line-ups into `out`: their list's rows."""
    person = identity.sample(subject)
    original = head.build(person)
    others = people(person, plan.fillers(subject))
    heads = plan.heads
    shots = [
        sequence.sample(person, subject * dataset.SEQUENCE_SEEDS + number, heads.frames, heads.domain)
        for number in range(heads.sequences)
    ]
    rendered = {}
    for place, other in enumerate(others):
        worn = replace(other, glasses_shape=person.glasses_shape, glasses_colour=person.glasses_colour)
        solid = replace(dataset.built(other.seed), identity=worn)
        for number, shot in enumerate(shots):
            frames = itertools.islice(render.frames(solid, shot, original), plan.frames)
            for index, frame in enumerate(frames):
                rendered[number, index, place] = listing.encode(frame.image[..., ::-1])
    rows, pictures = [], {}
    for number, index, place, name in _pictures(plan, subject):
        other, pictures[name] = others[place], rendered[number, index, place]
        rows.append(
            listing.FillerRow(
                file=f"lineup/{subject}/{name}",
                of=f"crops/{subject}/{dataset.crop_name(number, index)}",
                subject=other.seed,
                gender=other.gender,
                ethnicity=other.ethnicity,
                hairstyle=other.hairstyle,
                sha256=hashlib.sha256(pictures[name]).hexdigest(),
            )
        )
    listing.write_pictures(out / "lineup", subject, pictures)
    return rows


def _pictures(plan, subject):
    """Sequence, frame, place and file name of each filler of a subject's line-ups, in the order of the list."""
    places = itertools.product(range(plan.heads.sequences), range(plan.frames), range(plan.fillers(subject)))
    return [(*place, f"{dataset.crop_name(*place[:2]).removesuffix('.png')}_{place[2]}.png") for place in places]
