"""Writing and checking a data set of rendered crops.

    DIR/manifest.csv                          one row a crop, of complete identities only
    DIR/crops/<subject>/<sequence>_<frame>.png  64 x 64 RGB

A subject is named by its seed. Sequence j of a subject is drawn from seed 100 subject + j, so every identity can be
rendered alone, in any process, with the same result.
"""

import csv
import hashlib
import io
import multiprocessing
import os
import shutil
import signal
from concurrent import futures
from dataclasses import asdict, dataclass, fields

import cv2

from data_prep.synthetic import head, identity, render, sequence
from uunet.errors import UUNetError

SEQUENCE_SEEDS = 100  # seeds set aside for a subject's sequences

# every process computes with one thread: several threads may add numbers in another order
SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


class DatasetError(UUNetError):
    """A data set cannot be written, or is not what its manifest says."""


@dataclass(frozen=True)
class Row:
    """One crop of the manifest; the order of the fields is the order of the columns. Explained in README.md."""

    file: str
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
    glasses: int
    beard: str
    environment: str
    native_size: int
    sha256: str


COLUMNS = tuple(field.name for field in fields(Row))


@dataclass(frozen=True)
class Plan:
    """What to render: identities of the seeds `seed`, `seed + 1`, ...

    Of every `cycle` identities, in order of their seeds, the last is for testing, the one before it for validation.
    """

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

    @property
    def subjects(self):
        """The identities' seeds."""
        return range(self.seed, self.seed + self.identities)

    def split(self, subject):
        """One of train, validation and test: a whole identity belongs to one of them."""
        place = (subject - self.seed) % self.cycle
        return {self.cycle - 1: "test", self.cycle - 2: "validation"}.get(place, "train")


def write(out, plan, workers, on_progress):
    """Renders the identities of `plan` that `out` does not hold yet.

    An identity appears in `out` all at once or not at all, so an interrupted run can be started again.

    Args:
        out: Path of the data set's directory; created if need be.
        workers: int >= 1, processes.
        on_progress: called with the number of complete identities, first with those found complete.

    Raises:
        DatasetError: `out` cannot be written or holds another data set.
    """
    if workers < 1:
        raise DatasetError(f"--workers is {workers}; give at least 1.")
    crops = out / "crops"
    try:
        crops.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"{out} cannot be created ({error.strerror}); choose another --out.") from error
    rows = {subject: [] for subject in plan.subjects}
    if (out / "manifest.csv").exists():
        for row in read_manifest(out):
            if row.subject not in rows or row.split != plan.split(row.subject):
                raise DatasetError(f"{out} holds a data set made with other settings; choose another --out.")
            rows[row.subject].append(row)
    complete = {subject for subject in rows if rows[subject]}
    if any(len(rows[subject]) != plan.sequences * plan.frames for subject in complete):
        raise DatasetError(f"{out} holds a data set made with other settings; choose another --out.")

    missing = [subject for subject in plan.subjects if subject not in complete]
    on_progress(len(complete))
    try:
        for subject, rendered in _render_all(crops, plan, missing, workers):
            rows[subject] = rendered
            complete.add(subject)
            _write_manifest(out, [row for key in plan.subjects for row in rows[key]])
            on_progress(len(complete))
    except OSError as error:
        raise DatasetError(f"{out} cannot be written ({error.strerror}); free some space or choose another.") from error
    finally:
        (out / "manifest.csv.partial").unlink(missing_ok=True)
        for subject in missing:
            if subject not in complete:
                _remove(crops, subject)


def verify(out):
    """Checks that `out` holds exactly the files of its manifest, with their SHA-256: (crops, identities).

    Raises:
        DatasetError: naming the first file that is missing, changed or not listed.
    """
    rows = read_manifest(out)
    for row in rows:
        path = out / row.file
        if not path.is_file():
            raise DatasetError(f"{path} is missing; delete {out} and render the data set again.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != row.sha256:
            raise DatasetError(f"{path} is not the file the manifest lists; delete {out} and render it again.")
    listed = {out / row.file for row in rows}
    for path in sorted((out / "crops").rglob("*.png")):
        if path not in listed:
            raise DatasetError(f"{path} is not in the manifest; delete it, or complete the data set.")
    return len(rows), len({row.subject for row in rows})


def read_manifest(out):
    """The rows of `out`/manifest.csv, as written: list of `Row`.

    Raises:
        DatasetError: there is none, or it is not a manifest.
    """
    path = out / "manifest.csv"
    try:
        with path.open(newline="") as file:
            table = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read; name the directory of a data set.") from error
    if not table or tuple(table[0]) != COLUMNS:
        raise DatasetError(f"{path} is not a manifest of this renderer; name the directory of a data set.")
    rows = []
    for number, cells in enumerate(table[1:], 2):
        try:
            rows.append(Row(*(field.type(cell) for field, cell in zip(fields(Row), cells, strict=True))))
        except ValueError as error:
            raise DatasetError(f"{path} is damaged in line {number}; render the data set again.") from error
    return rows


def render_identity(crops, plan, subject):
    """Renders all sequences of one subject into `crops`/<subject>: the manifest's rows."""
    person = identity.sample(subject)
    solid = head.build(person)
    _remove(crops, subject)  # leftovers of a run that was killed
    partial = crops / f"{subject}.partial"
    partial.mkdir()
    rows = []
    for number in range(plan.sequences):
        shot = sequence.sample(person, subject * SEQUENCE_SEEDS + number, plan.frames)
        for index, frame in enumerate(render.frames(solid, shot)):
            name = f"{number}_{index:02d}.png"
            png = _encode(frame.image)
            (partial / name).write_bytes(png)
            rows.append(
                Row(
                    file=f"crops/{subject}/{name}",
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
                    glasses=int(frame.eyewear == "glasses"),
                    beard=person.beard,
                    environment=shot.environment.name,
                    native_size=shot.camera.native_size,
                    sha256=hashlib.sha256(png).hexdigest(),
                )
            )
    partial.rename(crops / str(subject))
    return rows


def _remove(crops, subject):
    for directory in (crops / f"{subject}.partial", crops / str(subject)):
        shutil.rmtree(directory, ignore_errors=True)


def _render_all(crops, plan, subjects, workers):
    """Yields (subject, rows) as they are finished, in any order."""
    if not subjects:
        return
    inherited = {name: os.environ.get(name) for name in SINGLE_THREAD}
    os.environ.update(SINGLE_THREAD)  # read by the libraries when a child process imports them
    try:
        pool = futures.ProcessPoolExecutor(
            min(workers, len(subjects)), multiprocessing.get_context("spawn"), initializer=_start_worker
        )
        try:
            jobs = {pool.submit(render_identity, crops, plan, subject): subject for subject in subjects}
            for job in futures.as_completed(jobs):
                yield jobs[job], job.result()
        finally:
            pool.shutdown(cancel_futures=True)
    except futures.process.BrokenProcessPool as error:
        raise DatasetError("A rendering process was killed; run again with fewer --workers.") from error
    finally:
        for name, value in inherited.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker():
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle


def _encode(image):
    return cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()


def _write_manifest(out, rows):
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(asdict(row).values() for row in rows)
    partial = out / "manifest.csv.partial"
    partial.write_text(text.getvalue())
    os.replace(partial, out / "manifest.csv")
