"""A contact sheet of a prepared data set, for looking at it before training on it.

    python -m data_prep.sheet DIR --out sheet.png

A row is a person, a column a frame: the first frames of each sequence, as many as fit. With --twins=-1,1,1,1 each
picture stands above its twin. Works on any data set with the manifest of README.md; --twins on rendered ones.
"""

import argparse
import csv
import sys
from pathlib import Path

import cv2
import numpy as np

from uunet import atomic
from uunet.errors import UUNetError

CAPTION = 14  # pixels, height of the line above each row
COLUMNS = ("file", "subject", "sequence", "frame", "gender", "ethnicity", "hairstyle")


class SheetError(UUNetError):
    """A data set that a sheet cannot be made of."""


def sheet(folder, people, columns, twins=None):
    """The contact sheet of the first `people` of a data set.

    Args:
        folder: Path of the data set.
        people: int, rows.
        columns: int, pictures a row: spread evenly over a person's sequences.
        twins: str or None, the s of the twins to show below the pictures.

    Returns:
        uint8 `(height, width, 3)`, BGR.

    Raises:
        SheetError: a file is missing or damaged.
    """
    rows = _read(folder / "manifest.csv", COLUMNS)
    twin_of = {}
    if twins:
        twin_of = {row["of"]: row for row in _read(folder / f"twins_{twins}.csv", ("file", "of", "virtual"))}
    by_subject = {}
    for row in rows:
        by_subject.setdefault(row["subject"], {}).setdefault(row["sequence"], []).append(row)
    strips = []
    for sequences in list(by_subject.values())[:people]:
        chosen = _spread(sequences, columns)
        first = chosen[0]
        caption = " ".join(
            first[name] for name in ("domain", "subject", "gender", "ethnicity", "hairstyle") if name in first
        )
        strips.append(_strip(caption, [_picture(folder, row["file"]) for row in chosen]))
        if twins:
            missing = [row["file"] for row in chosen if row["file"] not in twin_of]
            if missing:
                raise SheetError(f"{folder / missing[0]} has no twin; render the twins {twins} again.")
            others = [twin_of[row["file"]] for row in chosen]
            caption = "twins: " + ", ".join(dict.fromkeys(f"virtual {row['virtual']}" for row in others))
            strips.append(_strip(caption, [_picture(folder, row["file"]) for row in others]))
    width = max(strip.shape[1] for strip in strips)
    return np.concatenate([np.pad(strip, ((0, 0), (0, width - strip.shape[1]), (0, 0))) for strip in strips])


def _spread(sequences, columns):
    """`columns` rows, the same number of each sequence, from its beginning."""
    shown = list(sequences.values())[:columns]
    return [row for sequence in shown for row in sequence[: max(1, columns // len(shown))]]


def _strip(caption, pictures):
    line = np.zeros((CAPTION, sum(picture.shape[1] for picture in pictures), 3), np.uint8)
    cv2.putText(line, caption, (2, CAPTION - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (255, 255, 255), 1, cv2.LINE_AA)
    if len({picture.shape for picture in pictures}) > 1:
        raise SheetError(f"The crops of {caption!r} differ in size; prepare the data set again.")
    return np.concatenate([line, np.concatenate(pictures, 1)])


def _picture(folder, name):
    picture = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
    if picture is None:
        raise SheetError(f"{folder / name} is missing or no picture; prepare the data set again.")
    return picture


def _read(path, columns):
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SheetError(f"{path} cannot be read; name a prepared data set, with these twins if any.") from error
    if not rows or any(row.get(name) is None for row in rows for name in columns):
        raise SheetError(f"{path} lacks one of the columns {', '.join(columns)}; prepare the data set again.")
    return rows


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m data_prep.sheet", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR", help="the data set")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture, .png")
    parser.add_argument("--people", type=int, default=12, help="rows (default %(default)s)")
    parser.add_argument("--columns", type=int, default=12, help="pictures a row (default %(default)s)")
    parser.add_argument("--twins", metavar="S", help="show these twins below the pictures: --twins=-1,1,1,1")
    parser.add_argument("--overwrite", action="store_true", help="replace --out if it exists")
    options = parser.parse_args(arguments)
    try:
        if min(options.people, options.columns) < 1:
            raise SheetError("--people and --columns count from 1; give larger ones.")
        if options.out.suffix != ".png":
            raise SheetError(f"{options.out} is no .png; give --out a name that ends with .png.")
        picture = sheet(options.folder, options.people, options.columns, options.twins)
        with atomic.new_file(options.out, overwrite=options.overwrite) as part:
            part.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.out} shows {options.folder}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
