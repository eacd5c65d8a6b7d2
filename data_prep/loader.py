"""The command line of the loaders: `python -m data_prep.mars SOURCE --out DIR` and the like."""

import contextlib
import hashlib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import rich.progress
import typer

from data_prep import command, heads, prepared

Detector = StrEnum("Detector", {name: name for name in heads.DETECTORS})
DetectorOrNone = StrEnum("DetectorOrNone", {name: name for name in [*heads.DETECTORS, "none"]})

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="The extracted set.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the prepared set.")]
Size = Annotated[int, typer.Option(min=8, help="Side of the crops.")]
Labels = Annotated[
    Path | None,
    typer.Option(metavar="FILE.csv", help="Table with the columns subject, gender, ethnicity, hairstyle."),
]
_Finder = Annotated[
    DetectorOrNone, typer.Option("--detector", help="Finds the face in each box; none: the boxes are heads already.")
]
_Seed = Annotated[int, typer.Option(min=0, help="Of the splits.")]
_Frames = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="At most N boxes per sequence, evenly spaced (default: all).")
]
_Sequences = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="At most N sequences per subject, evenly spaced (default: all).")
]


def main(module: str, doc: str, make_plan: Callable, arguments: list[str] | None, *, labels: bool = False) -> int:
    """Runs the command line of a loader: `python -m data_prep.<module> SOURCE --out DIR`.

    Args:
        module: the loader's name.
        doc: its docstring; the first line is the help.
        make_plan: callable `(source, frames=, sequences=) -> heads.Plan`, and `labels=` if the set needs a table.
        arguments: those of the command line; None for those of the process.
        labels: whether the set needs a table of labels.

    Returns:
        The exit status, see `command.run`.
    """

    def load(source, out, detector, options, table, wanted):
        check_folder(source)
        with readable():
            plan = make_plan(source, **wanted, **({"labels": table} if labels else {}))
            settings = {"detector": detector.value, **wanted, "labels": digest(table)}
        if detector == "none" and not plan.heads_already:
            raise heads.SourceError(f"The boxes of {source} are larger than heads: name a --detector.")
        found = heads.DETECTORS[detector]() if detector != "none" else None
        write(source, out, plan, found, settings, options)

    def without_labels(
        source: Source,
        out: Out,
        detector: _Finder = DetectorOrNone.mtcnn,
        size: Size = 64,
        seed: _Seed = 0,
        frames: _Frames = None,
        sequences: _Sequences = None,
    ):
        load(source, out, detector, prepared.Options(size, seed), None, {"frames": frames, "sequences": sequences})

    def with_labels(
        source: Source,
        out: Out,
        labels: Labels = None,
        detector: _Finder = DetectorOrNone.mtcnn,
        size: Size = 64,
        seed: _Seed = 0,
        frames: _Frames = None,
        sequences: _Sequences = None,
    ):
        load(source, out, detector, prepared.Options(size, seed), labels, {"frames": frames, "sequences": sequences})

    return command.run(with_labels if labels else without_labels, arguments, module, doc, command.COMPLETED)


def check_folder(source: Path) -> None:
    """Raises SourceError if there is no such folder."""
    if not source.is_dir():
        raise heads.SourceError(f"{source} is not a folder: name the folder of the extracted set.")


def digest(path: Path | None) -> str | None:
    """SHA-256 of a file that the user named, or None if it was not; for the settings of `prepared.write`."""
    return path and hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def readable():
    """Turns an OSError into a SourceError that names the file."""
    try:
        yield
    except OSError as error:
        raise heads.SourceError(f"{error.filename} cannot be read ({error.strerror}): make it readable.") from error


def write(
    source: Path, out: Path, plan: heads.Plan, detector: Callable | None, settings: dict, options: prepared.Options
) -> None:
    """Writes a prepared set with a progress bar, then prints what it holds; see `prepared.write`."""
    settings = {"source": str(source.resolve()), **settings}
    columns = *rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn()
    with rich.progress.Progress(*columns) as progress:
        bar = progress.add_task("boxes", total=sum(work.boxes for work in plan.works))
        result = prepared.write(
            out, plan, detector, settings, options, on_progress=lambda done: progress.update(bar, completed=done)
        )
    print("\n".join(_summary(out, plan, result)))


def _summary(out, plan, result):
    total = sum(result.heads.values())
    lines = [f"{out} holds {total} heads of {sum(result.subjects.values())} subjects."]
    for split in ("train", "validation", "test"):
        lines.append(f"  {split}: {result.heads[split]} heads of {result.subjects[split]} subjects")
    if "box" in plan.columns:
        lines += [f"  head box by {how}: {count}" for how, count in sorted(result.found.items(), reverse=True)]
    lines.append(f"Skipped: {sum(result.skipped.values())} (each is in {out / 'skipped.csv'})")
    lines += [f"  {reason}: {count}" for reason, count in sorted(result.skipped.items())]
    if result.boxes:
        each = 1000 * result.seconds / result.boxes
        lines.append(f"{result.boxes} boxes in {result.seconds:.1f} s, {each:.1f} ms each.")
    return lines + [f"Note: {note}" for note in plan.notes]
