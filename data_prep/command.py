"""The command lines of the loaders: `python -m data_prep.mars SOURCE --out DIR` and the like."""

import argparse
import hashlib
import sys
from pathlib import Path

import rich.progress

from data_prep import heads
from uunet.errors import UUNetError


def loader(module, doc, make_plan, arguments, *, labels=False):
    """The command line of a loader: `python -m data_prep.<module> SOURCE --out DIR`.

    Args:
        module: str, the loader's name.
        doc: str, its docstring; the first line is the help.
        make_plan: callable `(source, frames=, sequences=) -> Plan`, and `labels=` if the set needs a table.
        arguments: list of str, or None for those of the process.
        labels: bool, whether the set needs a table of labels.

    Returns:
        int, the exit status: 0 done, 1 something the user can mend, 130 stopped.
    """
    parser = argparse.ArgumentParser(prog=f"python -m data_prep.{module}", description=doc.splitlines()[0])
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the extracted set")
    parser.add_argument("--out", type=Path, metavar="DIR", required=True, help="folder of the prepared set")
    if labels:
        text = "table with the columns subject, gender, ethnicity, hairstyle"
        parser.add_argument("--labels", type=Path, metavar="FILE.csv", help=text)
    text = "finds the face in each box; none: the boxes are heads already (default %(default)s)"
    parser.add_argument("--detector", choices=[*heads.DETECTORS, "none"], default="mtcnn", help=text)
    parser.add_argument("--size", type=at_least(8), default=64, help="side of the crops (default %(default)s)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of the splits (default %(default)s)")
    text = "at most N boxes a sequence, evenly spaced (default all)"
    parser.add_argument("--frames", type=at_least(1), metavar="N", help=text)
    text = "at most N sequences a subject, evenly spaced (default all)"
    parser.add_argument("--sequences", type=at_least(1), metavar="N", help=text)
    options = parser.parse_args(arguments)
    table = options.labels if labels else None

    def prepare():
        check_folder(options.source)
        wanted = {"frames": options.frames, "sequences": options.sequences, **({"labels": table} if labels else {})}
        plan = make_plan(options.source, **wanted)
        if options.detector == "none" and not plan.heads_already:
            raise heads.SourceError(f"The boxes of {options.source} are larger than heads: name a --detector.")
        detector = heads.DETECTORS[options.detector]() if options.detector != "none" else None
        return plan, detector, {"detector": options.detector, **wanted, "labels": digest(table)}

    return run(options, prepare)


def check_folder(source):
    """Raises SourceError if there is no such folder."""
    if not source.is_dir():
        raise heads.SourceError(f"{source} is not a folder: name the folder of the extracted set.")


def digest(path):
    """SHA-256 of a file that the user named, or None if it was not; for the settings of `heads.write`."""
    return path and hashlib.sha256(path.read_bytes()).hexdigest()


def run(options, prepare):
    """Writes a prepared set as its command line asks: with a progress bar, then the result or what is wrong.

    Args:
        options: with `source` and `out` (Path), `size` and `seed` (int), and `workers` (int), or 1.
        prepare: callable without arguments; returns the plan, the detector and the settings (see `heads.write`).

    Returns:
        int, the exit status: 0 done, 1 something the user can mend, 130 stopped.
    """
    try:
        try:
            plan, detector, settings = prepare()
        except OSError as error:
            raise heads.SourceError(f"{error.filename} cannot be read ({error.strerror}): make it readable.") from error
        settings = {"source": str(options.source.resolve()), **settings}
        with rich.progress.Progress(
            *rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn()
        ) as progress:
            bar = progress.add_task("boxes", total=sum(work.boxes for work in plan.works))
            result = heads.write(
                options.out, plan, detector, settings, size=options.size, seed=options.seed,
                workers=getattr(options, "workers", 1), on_progress=lambda done: progress.update(bar, completed=done),
            )  # fmt: skip
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped; run the same command again to complete {options.out}.", file=sys.stderr)
        return 130
    print("\n".join(_summary(options.out, plan, result)))
    return 0


def at_least(least):
    """The `type` of an option of argparse that is a whole number >= `least`."""

    def number(text):
        value = int(text)
        if value < least:
            raise ValueError(text)
        return value

    number.__name__ = f"whole number (at least {least})"  # argparse prints it
    return number


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
