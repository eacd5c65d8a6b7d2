"""Prepares BIODI: `python -m data_prep.biodi SOURCE --out DIR`.

BIODI is a company's own (section IV-A) and its layout is not public. The loader reads this layout, which an owner of
the set can write:

    SOURCE/boxes.csv     picture,sequence,frame,x,y,w,h,gender,ethnicity,hairstyle
                         cam003/000120.jpg,cam003-0007,120,410,96,88,240,female,white,long
    SOURCE/cam003/...    the pictures, by the paths in the table

x, y, w, h is the box of a person in pixels of the picture; the labels are words of `labels.WORDS`, or empty.

The set has no identities. Each sequence is one person's, so each counts as an identity of its own: genuine pairs are
two frames of one tracklet, and one person may be in two splits under two names. Hence no recognition result on BIODI
means anything; the paper gives none either. Eq. 11 compares two sequences of a subject, so each sequence is cut in two
halves, one after the other, and these are called sequences 0 and 1.
"""

import dataclasses
import math
import sys
from pathlib import Path, PurePosixPath

from data_prep import heads, loader, tables
from data_prep.synthetic.labels import LABELS

TABLE = "boxes.csv"
COLUMNS = ("picture", "sequence", "frame", "x", "y", "w", "h", *LABELS)


def plan(source: Path, *, frames: int | None = None, sequences: int | None = None) -> heads.Plan:
    """What is in a BIODI laid out as above.

    Args:
        source: path of the folder with boxes.csv.
        frames: int, at most so many boxes per sequence; None for all.
        sequences: int or None; not used, a subject has two.

    Raises:
        SourceError: naming file and row of what is missing or bad.
    """
    path = source / TABLE
    if not path.is_file():
        raise heads.SourceError(f"{source} has no {TABLE}: write it as data_prep/README.md says.")
    found = {}
    for number, row in tables.read_table(path, COLUMNS):
        if not heads.safe_name(row["sequence"]):
            raise heads.SourceError(f"{path}, row {number}: a sequence is named by letters, digits and _ . - only.")
        picture = PurePosixPath(row["picture"])
        if picture.is_absolute() or ".." in picture.parts:
            raise heads.SourceError(f"{path}, row {number}: a picture is a path inside {source}.")
        try:
            frame = int(row["frame"])
            place = tuple(float(row[name]) for name in "xywh")
        except ValueError:
            frame = -1
        if frame < 0 or not all(map(math.isfinite, place)):
            raise heads.SourceError(f"{path}, row {number}: frame is a whole number from 0, x, y, w, h are numbers.")
        words = [tables.check_word(path, number, name, row[name]) for name in LABELS]
        box = heads.Box(row["sequence"], "0", frame, *words, f"{TABLE}, row {number}: {picture}")
        found.setdefault(box.subject, []).append((box, source / picture, place))
    if not found:
        raise heads.SourceError(f"{path} has no box: write one a row.")
    works = []
    for sequence, boxes in found.items():
        boxes.sort(key=lambda item: item[0].frame)
        boxes = heads.evenly(boxes, frames)
        halves = [
            (dataclasses.replace(box, sequence="1") if k >= len(boxes) / 2 else box, path, place)
            for k, (box, path, place) in enumerate(boxes)
        ]
        works.append(heads.picture_work(sequence, halves))
    notes = [
        "BIODI has no identities: each sequence counts as one, and its halves as that subject's two sequences, so "
        "recognition results mean nothing."
    ]
    return heads.Plan("biodi", heads.PERSON, works, [], notes)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return loader.main("biodi", __doc__, plan, arguments)


if __name__ == "__main__":
    sys.exit(main())
