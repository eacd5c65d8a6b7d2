"""The tables of a rendered data set: their rows, reading them, and completing what a table lacks."""

import contextlib
import csv
import fcntl
import io
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from data_prep import processes
from data_prep.synthetic import twin
from uunet.errors import UUNetError

LOCK = ".lock"  # held by the run that writes


class DatasetError(UUNetError):
    """A data set cannot be written, or is not what its manifest says."""


@dataclass(frozen=True)
class Row:
    """One crop of the manifest. The fields are the columns, in their order; docs/data.md says what they mean."""

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


def twins_csv(out: Path, s: tuple[int, ...]) -> Path:
    """Where the twins of s are listed."""
    return out / f"twins_{twin.name(s)}.csv"


def lineup_csv(out: Path) -> Path:
    """Where the fillers of the line-ups are listed."""
    return out / "lineup.csv"


def read_manifest(out: Path) -> list[Row]:
    """The rows of `out`/manifest.csv, as written.

    Raises:
        DatasetError: there is none, or it is not a manifest.
    """
    return read(out / "manifest.csv", Row)


def read(path: Path, row_type: type) -> list:
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


def complete(
    listing: Listing, job: Callable, workers: int, on_progress: Callable[[int], None], order: Iterable[int]
) -> None:
    """Renders what a table lacks.

    Args:
        listing: Listing.
        job: picklable callable of a subject -> their rows; it writes their directories (`write_pictures`).
        workers, on_progress: as in `dataset.write`.
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


def write_pictures(folder: Path, subject: int, pictures: dict[str, bytes]) -> None:
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


def encode(picture: np.ndarray) -> bytes:
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
