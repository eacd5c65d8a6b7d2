"""Writing and checking a data set of rendered crops.

    DIR/manifest.csv                                one row a crop, of complete identities only
    DIR/crops/<subject>/<sequence>_<frame>.png      RGB
    DIR/parse/<subject>/<sequence>_<frame>.png      8-bit grey: what each pixel shows
    DIR/twins_<s>.csv                               one row a twin (`twin`), if there are any
    DIR/twins/<s>/<subject>/<sequence>_<frame>.png  RGB; the subject is the person whose place the twin takes
    DIR/lineup.csv                                  one row a filler of a line-up (`lineup`), if there are any
    DIR/lineup/<subject>/<sequence>_<frame>_<n>.png RGB; the subject is the person whose place the filler takes

A subject is named by its seed. Sequence j of a subject is drawn from seed 100 subject + j, so every identity can be
rendered alone, in any process, with the same result.
"""

import contextlib
import csv
import fcntl
import functools
import hashlib
import io
import os
import shutil
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import cv2

from data_prep import processes
from data_prep.synthetic import domain, head, identity, render, sequence, twin
from uunet.errors import UUNetError

SEQUENCE_SEEDS = 100  # seeds set aside for a subject's sequences


class DatasetError(UUNetError):
    """A data set cannot be written, or is not what its manifest says."""


@dataclass(frozen=True)
class Row:
    """One crop of the manifest; the order of the fields is the order of the columns. Explained in README.md."""

    file: str
    domain: str
    split: str
    subject: int
    sequence: int
    frame: int
    gender: str
    ethnicity: str
    hairstyle: str
    age: int
    expression: str
    yaw: float
    pitch: float
    roll: float
    landmarks: str
    beard: str
    eyewear: str
    headwear: str
    mask: int
    occluded: int
    environment: str
    native_size: int
    parse: str
    sha256: str
    parse_sha256: str


@dataclass(frozen=True)
class TwinRow:
    """One twin: `of` is the crop it belongs to, `virtual` the person's number in `twin.pool`, `subject` their seed."""

    file: str
    of: str
    virtual: int
    subject: int
    gender: str
    ethnicity: str
    hairstyle: str
    sha256: str


@dataclass(frozen=True)
class FillerRow:
    """One filler of a line-up: `of` is the crop it belongs to, `subject` the filler's own seed."""

    file: str
    of: str
    subject: int
    gender: str
    ethnicity: str
    hairstyle: str
    sha256: str


@dataclass(frozen=True)
class Listing:
    """A table of pictures and where they are.

    Attributes:
        path: of the table, in the data set's directory.
        row_type: Row, TwinRow or FillerRow.
        folders: directories that have one of each subject.
        names: {subject: sorted names of the pictures of theirs}, in the order of the table.
    """

    path: Path
    row_type: type
    folders: tuple
    names: dict


# identities, sequences, frames, cycle
FULL = {name: (400, 4, 4, 10) for name in domain.DOMAINS}
SAMPLE = {"cctv": (8, 2, 4, 4), "uav": (8, 2, 2, 4), "indoor": (8, 2, 2, 4), "hd": (6, 2, 2, 3)}
PRESETS = ("full", "sample")
LOCK = ".lock"  # held by the run that writes


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
                raise DatasetError(f"--{name} is {getattr(self, name)}; give at least {least}.")
        if self.sequences > SEQUENCE_SEEDS:
            raise DatasetError(f"--sequences is {self.sequences}; give at most {SEQUENCE_SEEDS}.")
        for name, seeds in domain.SEEDS.items():
            others = name.split()[0] != self.domain.name
            if others and self.subjects.start < seeds.stop and seeds.start < self.subjects.stop:
                raise DatasetError(
                    f"Seeds {self.seed} to {self.subjects[-1]} reach into those of {name}, {seeds.start} to "
                    f"{seeds[-1]}; give another --seed or fewer --identities."
                )

    @property
    def subjects(self):
        """The identities' seeds."""
        return range(self.seed, self.seed + self.identities)

    def split(self, subject):
        """One of train, validation and test: a whole identity belongs to one of them."""
        place = (subject - self.seed) % self.cycle
        return {self.cycle - 1: "test", self.cycle - 2: "validation"}.get(place, "train")


def preset(name, domain_name, **changes):
    """The `Plan` "full" or "sample" of a domain, with some of its fields changed.

    Raises:
        DatasetError: no such preset, domain, or number.
    """
    if name not in PRESETS:
        raise DatasetError(f"--preset is {name!r}; give one of {', '.join(PRESETS)}.")
    if domain_name not in domain.DOMAINS:
        raise DatasetError(f"--domain is {domain_name!r}; give one of {', '.join(domain.DOMAINS)}.")
    identities, sequences, frames, cycle = (FULL if name == "full" else SAMPLE)[domain_name]
    seeds = domain.SEEDS[domain_name if name == "full" else f"{domain_name} sample"]
    settings = dict(identities=identities, sequences=sequences, frames=frames, seed=seeds.start, cycle=cycle)
    return Plan(domain.DOMAINS[domain_name], **(settings | changes))


def write(out, plan, workers, on_progress):
    """Renders the identities of `plan` that `out` does not hold yet.

    An identity appears in `out` all at once or not at all, so an interrupted run can be started again.

    Args:
        out: Path of the data set's directory; created if need be.
        workers: int >= 1, processes.
        on_progress: called with the number of pictures of complete identities, first with those found complete.

    Raises:
        DatasetError: `out` cannot be written or holds another data set.
    """
    table = out / "manifest.csv"
    if table.exists():
        for row in read_manifest(out):
            place = plan.domain.name, row.subject in plan.subjects and plan.split(row.subject)
            if (row.domain, row.split) != place:
                raise DatasetError(
                    f"{out} holds a data set made with other settings (subject {row.subject} of {row.domain} is in "
                    f"its {row.split} split); choose another --out."
                )
    elif out.exists() and not (out.is_dir() and {path.name for path in out.iterdir()} <= {LOCK}):
        raise DatasetError(f"{out} holds something else than a data set; choose another --out.")
    job = functools.partial(render_identity, out, plan)
    listing = Listing(table, Row, (out / "crops", out / "parse"), _all_names(plan))
    complete(listing, job, workers, on_progress, plan.subjects)


def write_twins(out, plan, s, workers, on_progress, only=None):
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
    subjects = [subject for subject in plan.subjects if only in (None, plan.split(subject))]
    alike = sorted(subjects, key=lambda subject: twin.labels_of(identity.sample(subject)))
    names = {subject: listed for subject, listed in _all_names(plan).items() if subject in subjects}
    listing = Listing(twins_csv(out, s), TwinRow, (out / "twins" / name,), names)
    complete(listing, job, workers, on_progress, alike)


def twins_csv(out, s):
    """Where the twins of s are listed."""
    return out / f"twins_{twin.name(s)}.csv"


def lineup_csv(out):
    """Where the fillers of the line-ups are listed."""
    return out / "lineup.csv"


def _all_names(plan):
    """{subject: names of all crops}."""
    names = sorted(crop_name(number, index) for number in range(plan.sequences) for index in range(plan.frames))
    return dict.fromkeys(plan.subjects, names)


def complete(listing, job, workers, on_progress, order):
    """Renders what a table lacks.

    Args:
        listing: Listing.
        job: picklable callable of a subject -> their rows; it writes their directories (`write_pictures`).
        workers, on_progress: as in `write`.
        order: the subjects, in which order they are rendered.

    Raises:
        DatasetError: the directory cannot be written, or the table was made with other settings.
    """
    if workers < 1:
        raise DatasetError(f"--workers is {workers}; give at least 1.")
    out = listing.path.parent
    try:
        for folder in listing.folders:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"{out} cannot be created ({error.strerror}); choose another --out.") from error
    with _alone(out):
        rows = {subject: [] for subject in listing.names}
        if listing.path.exists():
            for row in read(listing.path, listing.row_type):
                rows.setdefault(_owner(row), []).append(row)
        for subject, found in rows.items():
            listed = sorted(row.file.split("/")[-1] for row in found)
            if subject not in listing.names or found and listed != listing.names[subject]:
                raise DatasetError(
                    f"{listing.path} was made with other settings (it lists {len(listed)} pictures of {subject}); "
                    "choose another --out."
                )
        done = {key for key, found in rows.items() if found and all(_present(out, row) for row in found)}
        rows |= {subject: [] for subject in rows if subject not in done}
        missing = [subject for subject in order if subject not in done]
        on_progress(sum(len(rows[subject]) for subject in done))
        try:
            if missing:
                _write_table(listing, [row for key in listing.names for row in rows[key]])
            for subject in missing:  # leftovers of a run that was killed
                _remove(listing.folders, subject)
            for subject, rendered in processes.each(job, missing, workers):
                rows[subject] = rendered
                done.add(subject)
                _write_table(listing, [row for key in listing.names for row in rows[key]])
                on_progress(sum(len(rows[subject]) for subject in done))
        except OSError as error:
            raise DatasetError(
                f"{out} cannot be written ({error.strerror}); free some space or choose another."
            ) from error
        finally:
            _partial(listing.path).unlink(missing_ok=True)
            for subject in missing:
                if subject not in done:
                    _remove(listing.folders, subject)


@contextlib.contextmanager
def _alone(out):
    """Refuses a second run that writes to `out`; the lock ends with the process, however it ends."""
    with (out / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DatasetError(f"Another run is writing {out}; wait for it or choose another --out.") from error
        try:
            yield
        finally:
            (out / LOCK).unlink(missing_ok=True)


def _present(out, row):
    """Whether the pictures of a row are there."""
    names = (row.file, row.parse) if isinstance(row, Row) else (row.file,)
    return all((out / name).is_file() for name in names)


def _owner(row):
    """The subject whose directory a crop or twin is in."""
    return int(row.file.split("/")[-2])


def verify(out):
    """Checks that `out` holds exactly the files of its manifest and its twins' lists, with their SHA-256.

    Returns:
        The numbers of crops, of identities, of twins and of fillers.

    Raises:
        DatasetError: naming the first file that is missing, changed or not listed.
    """
    rows = read_manifest(out)
    crops, twins, fillers = {row.file for row in rows}, [], []
    for listing in sorted(out.glob("twins_*.csv")):
        found = read(listing, TwinRow)
        having = {row.of for row in found}
        splits = {row.split for row in rows if row.file in having}  # `write_twins` may have been asked for one only
        without = sorted({row.file for row in rows if row.split in splits} ^ having)
        if without:
            raise DatasetError(f"{listing} and the manifest disagree about {without[0]}; render these twins again.")
        twins += found
    if lineup_csv(out).exists():
        fillers = read(lineup_csv(out), FillerRow)
        for row in fillers:
            if row.of not in crops:
                raise DatasetError(
                    f"{lineup_csv(out)} and the manifest disagree about {row.of}; delete it and render them again."
                )
    expected = {row.file: row.sha256 for row in [*rows, *twins, *fillers]}
    expected |= {row.parse: row.parse_sha256 for row in rows}
    for name, sha256 in expected.items():
        path = out / name
        if not path.is_file():
            raise DatasetError(f"{path} is missing; run the command that made {out} again, to complete it.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            raise DatasetError(f"{path} is not the file that was listed; delete it and run the command again.")
    for folder in ("crops", "parse", "twins", "lineup"):
        for path in sorted((out / folder).rglob("*.png")):
            if path.relative_to(out).as_posix() not in expected:
                raise DatasetError(f"{path} is not in the manifest; delete it, or complete the data set.")
    return len(rows), len({row.subject for row in rows}), len(twins), len(fillers)


def read_manifest(out):
    """The rows of `out`/manifest.csv, as written: list of `Row`.

    Raises:
        DatasetError: there is none, or it is not a manifest.
    """
    return read(out / "manifest.csv", Row)


def read_twins(out, s):
    """The rows of the list of the twins of s, as written: list of `TwinRow`; raises as `read_manifest`."""
    return read(twins_csv(out, s), TwinRow)


def read(path, row_type):
    """The rows of a table, as written; raises as `read_manifest`."""
    columns = fields(row_type)
    try:
        with path.open(newline="") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read; name the directory of a data set.") from error
    if not table or table[0] != [column.name for column in columns]:
        raise DatasetError(f"{path} is not a manifest of this renderer; name the directory of a data set.")
    doomed = path.parent if row_type is Row else path  # lists of twins and fillers can be made anew alone
    rows = []
    for number, cells in enumerate(table[1:], 2):
        try:
            row = row_type(*(column.type(cell) for column, cell in zip(columns, cells, strict=True)))
            _owner(row)
        except (ValueError, IndexError) as error:
            raise DatasetError(f"{path} is damaged in line {number}; delete {doomed} and render again.") from error
        rows.append(row)
    return rows


def render_identity(out, plan, subject):
    """Renders all sequences of one subject into `out`: the manifest's rows."""
    person = identity.sample(subject)
    solid = head.build(person)
    rows, crops, maps = [], {}, {}
    for number in range(plan.sequences):
        shot = sequence.sample(person, subject * SEQUENCE_SEEDS + number, plan.frames, plan.domain)
        for index, frame in enumerate(render.frames(solid, shot)):
            name = crop_name(number, index)
            crops[name], maps[name] = encode(frame.image[..., ::-1]), encode(frame.parse)
            rows.append(
                Row(
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
    write_pictures(out / "crops", subject, crops)
    write_pictures(out / "parse", subject, maps)
    return rows


def render_twins(out, plan, s, people, subject):
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
            pictures[name] = encode(frame.image[..., ::-1])
            rows.append(
                TwinRow(
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
    write_pictures(folder, subject, pictures)
    return rows


@functools.lru_cache(maxsize=8)  # up to 80 MB each
def built(seed):
    """The `head.Head` of a person."""
    return head.build(identity.sample(seed))


def crop_name(number, index):
    """The name of a crop's file."""
    return f"{number}_{index:02d}.png"


def write_pictures(folder, subject, pictures):
    """Writes {name: bytes} as `folder`/<subject>/<name>, all at once."""
    partial = folder / f"{subject}.partial"
    partial.mkdir()
    for name, data in pictures.items():
        (partial / name).write_bytes(data)
    partial.rename(folder / str(subject))


def _remove(folders, subject):
    for folder in folders:
        for name in (f"{subject}.partial", str(subject)):
            shutil.rmtree(folder / name, ignore_errors=True)


def encode(picture):
    """PNG of a grey or BGR picture."""
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _partial(listing):
    return listing.with_name(f"{listing.name}.partial")


def _write_table(listing, rows):
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(column.name for column in fields(listing.row_type))
    table.writerows(asdict(row).values() for row in rows)
    _partial(listing.path).write_text(text.getvalue())
    os.replace(_partial(listing.path), listing.path)
