"""Prepares MARS: `python -m data_prep.mars SOURCE --out DIR --labels FILE.csv`.

    SOURCE/bbox_train/0001/0001C1T0001F001.jpg    identity, camera, tracklet of that identity, frame of the tracklet
    SOURCE/bbox_test/...                          the same, and 00-1 (junk) and 0000 (distractors)

A picture is the box of one person, 128 x 256 pixels. A sequence is a tracklet, "C1T0001". The set has no soft labels:
the paper took gender and ethnicity from Face++ and hairstyles from its authors' eyes (section IV-A), neither of which
is given out, so they come from the user's table. MARS' own halves are both read and cut again, 80 : 20.
"""

import re
import sys
from pathlib import Path

from data_prep import heads, loader, tables

FOLDERS = ("bbox_train", "bbox_test")
NAME = re.compile(r"(\d{4}|00-1)C(\d)T(\d{4})F(\d{3,})\.jpg")
NOBODY = {"00-1": "junk (identity 00-1)", "0000": "distractor (identity 0000)"}


def plan(
    source: Path, *, labels: Path | None = None, frames: int | None = None, sequences: int | None = None
) -> heads.Plan:
    """What is in an extracted MARS.

    Args:
        source: path of the folder with bbox_train and bbox_test.
        labels: path of the table of soft labels, or None.
        frames, sequences: int, at most so many boxes per sequence and sequences per subject; None for all.

    Raises:
        SourceError: if a half is missing, an identity is in both, or the table is bad.
    """
    tracklets, skipped, half_of = {}, [], {}
    for half in FOLDERS:
        for folder in sorted((source / half).iterdir()) if (source / half).is_dir() else []:
            for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
                origin = path.relative_to(source).as_posix()
                match = NAME.fullmatch(path.name)
                if match is None or match[1] != folder.name:
                    skipped.append((origin, "not named as MARS names its pictures"))
                elif match[1] in NOBODY:
                    skipped.append((origin, NOBODY[match[1]]))
                elif half_of.setdefault(match[1], half) != half:
                    raise heads.SourceError(
                        f"Identity {match[1]} is in bbox_train and in bbox_test of {source}, which MARS never does: "
                        "extract the set anew."
                    )
                else:
                    tracklet = tracklets.setdefault(match[1], {}).setdefault(f"C{match[2]}T{match[3]}", [])
                    tracklet.append((int(match[4]), path, origin))
    missing = [half for half in FOLDERS if half not in half_of.values()]
    if missing:
        raise heads.SourceError(
            f"{source} has no person in {' and none in '.join(missing)} (such as bbox_train/0001/0001C1T0001F001.jpg): "
            "extract both halves of MARS there."
        )
    words, notes = tables.read_labels(labels, set(tracklets))
    works = []
    for subject, own in tracklets.items():
        for sequence in heads.evenly(sorted(own), sequences):
            boxes = [
                (heads.Box(subject, sequence, frame, *words[subject], origin), path, None)
                for frame, path, origin in heads.evenly(sorted(own[sequence]), frames)
            ]
            works.append(heads.picture_work(f"{subject}{sequence}", boxes))
    return heads.Plan("mars", heads.PERSON, works, skipped, notes)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return loader.main("mars", __doc__, plan, arguments, labels=True)


if __name__ == "__main__":
    sys.exit(main())
