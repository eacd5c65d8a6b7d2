"""Writing and checking a data set of rendered crops.

    DIR/manifest.csv                                one row per crop, of complete identities only
    DIR/crops/<subject>/<sequence>_<frame>.png      RGB
    DIR/parse/<subject>/<sequence>_<frame>.png      8-bit grey: what each pixel shows
    DIR/twins_<s>.csv                               one row per twin (`twin`), if there are any
    DIR/twins/<s>/<subject>/<sequence>_<frame>.png  RGB; the subject is the person whose place the twin takes
    DIR/lineup.csv                                  one row per filler of a line-up (`lineup`), if there are any
    DIR/lineup/<subject>/<sequence>_<frame>_<n>.png RGB; the subject is the person whose place the filler takes

A subject is named by its seed. Sequence j of a subject is drawn from seed 100 subject + j, so every identity can be
rendered alone, in any process, with the same result.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from data_prep.synthetic import domain, head, identity, listing, render, sequence, twin

SEQUENCE_SEEDS = 100  # seeds set aside for a subject's sequences


# identities, sequences, frames, cycle
FULL = {name: (400, 4, 4, 10) for name in domain.DOMAINS}
SAMPLE = {"cctv": (8, 2, 4, 4), "uav": (8, 2, 2, 4), "indoor": (8, 2, 2, 4), "hd": (6, 2, 2, 3)}
PRESETS = ("full", "sample")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Plan:
    """What to render: identities of the seeds `seed`, `seed + 1`, ..., in the footage of a `domain.Domain`.

    Of every `cycle` identities, in order of their seeds, the last is for testing, the one before it for validation.
    """

    domain: domain.Domain
    identities: int
    sequences: int
    frames: int
    seed: int
    cycle: int = 10

    def __post_init__(self):
        for name, least in (("identities", 1), ("sequences", 1), ("frames", 1), ("seed", 0), ("cycle", 3)):
            if getattr(self, name) < least:
                raise listing.DatasetError(f"--{name} is {getattr(self, name)}; give at least {least}.")
        if self.sequences > SEQUENCE_SEEDS:
            raise listing.DatasetError(f"--sequences is {self.sequences}; give at most {SEQUENCE_SEEDS}.")
        for name, seeds in domain.SEEDS.items():
            others = name.split()[0] != self.domain.name
            if others and self.subjects.start < seeds.stop and seeds.start < self.subjects.stop:
                raise listing.DatasetError(
                    f"Seeds {self.seed} to {self.subjects[-1]} reach into those of {name}, {seeds.start} to "
                    f"{seeds[-1]}; give another --seed or fewer --identities."
                )

    @property
    def subjects(self) -> range:
        """The identities' seeds."""
        return range(self.seed, self.seed + self.identities)

    def split(self, subject: int) -> str:
        """One of train, validation and test: a whole identity belongs to one of them."""
        place = (subject - self.seed) % self.cycle
        return {self.cycle - 1: "test", self.cycle - 2: "validation"}.get(place, "train")

    def people(self, split: str | None) -> list[int]:
        """The identities of a split; None: all."""
        return [subject for subject in self.subjects if split in (None, self.split(subject))]


def preset(name: str, domain_name: str, **changes: int) -> Plan:
    """The `Plan` "full" or "sample" of a domain, with some of its fields changed.

    Raises:
        DatasetError: no such preset, domain, or number.
    """
    if name not in PRESETS:
        raise listing.DatasetError(f"--preset is {name!r}; give one of {', '.join(PRESETS)}.")
    if domain_name not in domain.DOMAINS:
        raise listing.DatasetError(f"--domain is {domain_name!r}; give one of {', '.join(domain.DOMAINS)}.")
    identities, sequences, frames, cycle = (FULL if name == "full" else SAMPLE)[domain_name]
    seeds = domain.SEEDS[domain_name if name == "full" else f"{domain_name} sample"]
    settings = dict(identities=identities, sequences=sequences, frames=frames, seed=seeds.start, cycle=cycle)
    return Plan(domain.DOMAINS[domain_name], **(settings | changes))


def write(out: Path, plan: Plan, workers: int, on_progress: Callable[[int], None], only: str | None = None) -> None:
    """Renders the identities of `plan` that `out` does not hold yet.

    An identity appears in `out` all at once or not at all, so an interrupted run can be started again.

    Args:
        out: Path of the data set's directory; created if need be.
        workers: int >= 1, processes.
        on_progress: called with the number of pictures of complete identities, first with those found complete.
        only: str, the split whose identities are rendered; None: all.

    Raises:
        DatasetError: `out` cannot be written or holds another data set.
    """
    table = out / "manifest.csv"
    if table.exists():
        for row in listing.read_manifest(out):
            place = plan.domain.name, row.subject in plan.subjects and plan.split(row.subject)
            if (row.domain, row.split) != place:
                raise listing.DatasetError(
                    f"{out} holds a data set made with other settings (subject {row.subject} of {row.domain} is in "
                    f"its {row.split} split); choose another --out."
                )
    elif out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= {listing.LOCK}):
        raise listing.DatasetError(f"{out} holds something else than a data set; choose another --out.")
    job = functools.partial(render_identity, out, plan)
    people = plan.people(only)
    table_of = listing.Listing(table, listing.Row, (out / "crops", out / "parse"), _all_names(plan))
    listing.complete(table_of, job, workers, on_progress, people)


def write_twins(
    out: Path,
    plan: Plan,
    s: tuple[int, ...],
    workers: int,
    on_progress: Callable[[int], None],
    only: str | None = None,
) -> None:
    """Renders the twins of a complete data set's crops, as `write` does the crops.

    Args:
        out, plan: as `write` was given.
        s: `(4,)` of -1, 0, 1: whether ID, gender, ethnicity and hairstyle differ, are free, or agree.
        only: str, the split whose crops get twins; None: all crops do.

    Raises:
        DatasetError: `out` cannot be written, or holds twins made with other settings.
    """
    name = twin.name(s)
    job = functools.partial(render_twins, out, plan, s, twin.pool())
    # people of the same labels one after another: they share their twins (`built`)
    subjects = plan.people(only)
    alike = sorted(subjects, key=lambda subject: twin.labels_of(identity.sample(subject)))
    names = {subject: listed for subject, listed in _all_names(plan).items() if subject in subjects}
    table_of = listing.Listing(listing.twins_csv(out, s), listing.TwinRow, (out / "twins" / name,), names)
    listing.complete(table_of, job, workers, on_progress, alike)


def _all_names(plan):
    """{subject: names of all crops}."""
    names = sorted(crop_name(number, index) for number in range(plan.sequences) for index in range(plan.frames))
    return dict.fromkeys(plan.subjects, names)


def verify(out: Path) -> tuple[int, int, int, int]:
    """Checks that `out` holds exactly the files of its manifest and its twins' lists, with their SHA-256.

    Returns:
        The numbers of crops, of identities, of twins and of fillers.

    Raises:
        DatasetError: naming the first file that is missing, changed or not listed.
    """
    rows = listing.read_manifest(out)
    crops, twins, fillers = {row.file for row in rows}, [], []
    for table in sorted(out.glob("twins_*.csv")):
        found = listing.read(table, listing.TwinRow)
        having = {row.of for row in found}
        splits = {row.split for row in rows if row.file in having}  # `write_twins` may have been asked for one only
        without = sorted({row.file for row in rows if row.split in splits} ^ having)
        if without:
            raise listing.DatasetError(
                f"{table} and the manifest disagree about {without[0]}; render these twins again."
            )
        twins += found
    table = listing.lineup_csv(out)
    if table.exists():
        fillers = listing.read(table, listing.FillerRow)
        for row in fillers:
            if row.of not in crops:
                raise listing.DatasetError(
                    f"{table} and the manifest disagree about {row.of}; delete it and render them again."
                )
    expected = {row.file: row.sha256 for row in [*rows, *twins, *fillers]}
    expected |= {row.parse: row.parse_sha256 for row in rows}
    for name, sha256 in expected.items():
        path = out / name
        if not path.is_file():
            raise listing.DatasetError(f"{path} is missing; run the command that made {out} again, to complete it.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise listing.DatasetError(f"{path} is not the file that was listed; delete it and run the command again.")
    for folder in ("crops", "parse", "twins", "lineup"):
        for path in sorted((out / folder).rglob("*.png")):
            if path.relative_to(out).as_posix() not in expected:
                raise listing.DatasetError(f"{path} is not in the manifest; delete it, or complete the data set.")
    return len(rows), len({row.subject for row in rows}), len(twins), len(fillers)


def render_identity(out: Path, plan: Plan, subject: int) -> list[listing.Row]:
    """Renders all sequences of one subject into `out`: the manifest's rows."""
    person = identity.sample(subject)
    solid = head.build(person)
    rows, crops, maps = [], {}, {}
    for number in range(plan.sequences):
        shot = sequence.sample(person, subject * SEQUENCE_SEEDS + number, plan.frames, plan.domain)
        for index, frame in enumerate(render.frames(solid, shot)):
            name = crop_name(number, index)
            crops[name], maps[name] = listing.encode(frame.image[..., ::-1]), listing.encode(frame.parse)
            rows.append(
                listing.Row(
                    file=f"crops/{subject}/{name}",
                    domain=plan.domain.name,
                    split=plan.split(subject),
                    subject=subject,
                    sequence=number,
                    frame=index,
                    gender=person.gender,
                    ethnicity=person.ethnicity,
                    hairstyle=person.hairstyle,
                    age=person.years,
                    expression=frame.expression,
                    yaw=round(frame.yaw, 2),
                    pitch=round(frame.pitch, 2),
                    roll=round(frame.roll, 2),
                    landmarks=" ".join(f"{value:.1f}" for value in frame.landmarks.ravel()),
                    beard=person.beard,
                    eyewear=frame.eyewear,
                    headwear=frame.headwear,
                    mask=int(frame.mask),
                    occluded=int(frame.occluded),
                    environment=shot.environment.name,
                    native_size=shot.camera.native_size,
                    parse=f"parse/{subject}/{name}",
                    sha256=hashlib.sha256(crops[name]).hexdigest(),
                    parse_sha256=hashlib.sha256(maps[name]).hexdigest(),
                )
            )
    listing.write_pictures(out / "crops", subject, crops)
    listing.write_pictures(out / "parse", subject, maps)
    return rows


def render_twins(
    out: Path, plan: Plan, s: tuple[int, ...], people: tuple[identity.Identity, ...], subject: int
) -> list[listing.TwinRow]:
    """Renders the twins of one subject's crops into `out`: their list's rows."""
    person = identity.sample(subject)
    original = head.build(person)
    folder = out / "twins" / twin.name(s)
    rows, pictures = [], {}
    for number in range(plan.sequences):
        virtual = twin.choose(people, person, number, s)
        other = replace(people[virtual], glasses_shape=person.glasses_shape, glasses_colour=person.glasses_colour)
        shot = sequence.sample(person, subject * SEQUENCE_SEEDS + number, plan.frames, plan.domain)
        solid = replace(built(other.seed), identity=other)
        for index, frame in enumerate(render.frames(solid, shot, original)):
            name = crop_name(number, index)
            pictures[name] = listing.encode(frame.image[..., ::-1])
            rows.append(
                listing.TwinRow(
                    file=(folder / str(subject) / name).relative_to(out).as_posix(),
                    of=f"crops/{subject}/{name}",
                    virtual=virtual,
                    subject=other.seed,
                    gender=other.gender,
                    ethnicity=other.ethnicity,
                    hairstyle=other.hairstyle,
                    sha256=hashlib.sha256(pictures[name]).hexdigest(),
                )
            )
    listing.write_pictures(folder, subject, pictures)
    return rows


@functools.lru_cache(maxsize=8)  # up to 80 MB each
def built(seed: int) -> head.Head:
    """The `head.Head` of a person."""
    return head.build(identity.sample(seed))


def crop_name(number: int, index: int) -> str:
    """The name of a crop's file."""
    return f"{number}_{index:02d}.png"
