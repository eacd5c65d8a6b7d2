"""A contact sheet of a prepared data set, for looking at it before training on it.

    python -m data_prep.sheet DIR --out sheet.png

A row is a person, a column a frame: the first frames of each sequence, as many as fit. With --twins=-1,1,1,1 each
picture stands above its twin. Works on any data set with the manifest of README.md; --twins on rendered ones.
"""

import sys
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from data_prep import command
from uunet import atomic
from uunet.data import manifest
from uunet.errors import UUNetError

CAPTION = 14  # pixels, height of the line above each row
COLUMNS = ("file", "subject", "sequence", "frame", "gender", "ethnicity", "hairstyle")


class SheetError(UUNetError):
    """A data set that a sheet cannot be made of."""


def sheet(folder: Path, people: int, columns: int, twins: str | None = None) -> np.ndarray:
    """The contact sheet of the first `people` of a data set.

    Args:
        folder: of the data set.
        people: number of rows.
        columns: pictures per row, spread evenly over a person's sequences.
        twins: the s of the twins to show below the pictures, or None.

    Returns:
        uint8 `(height, width, 3)`, BGR.

    Raises:
        DataError: a table is missing or damaged.
        SheetError: a picture is missing or damaged.
    """
    rows = manifest.read_rows(folder / "manifest.csv", COLUMNS)
    twin_of = {}
    if twins:
        listed = manifest.read_rows(folder / f"twins_{twins}.csv", ("file", "of", "virtual"))
        twin_of = {row["of"]: row for row in listed}
    if not rows:
        raise SheetError(f"{folder / 'manifest.csv'} lists no picture; prepare the data set again.")
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


def _write(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The data set.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The picture, .png.")],
    people: Annotated[int, typer.Option(help="Rows.")] = 12,
    columns: Annotated[int, typer.Option(help="Pictures per row.")] = 12,
    twins: Annotated[
        str | None, typer.Option(metavar="S", help="Show these twins below the pictures: --twins=-1,1,1,1")
    ] = None,
    overwrite: command.Overwrite = False,
):
    if min(people, columns) < 1:
        raise SheetError("--people and --columns count from 1; give larger ones.")
    if out.suffix != ".png":
        raise SheetError(f"{out} is no .png; give --out a name that ends with .png.")
    picture = sheet(folder, people, columns, twins)
    with atomic.new_file(out, overwrite=overwrite) as part:
        part.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    print(f"{out} shows {folder}.")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return command.run(_write, arguments, "sheet", __doc__)


if __name__ == "__main__":
    sys.exit(main())
