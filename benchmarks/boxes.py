"""How long the loaders of the real data sets take per box, and in how many boxes each detector finds a head.

    PYTHONPATH=. python benchmarks/boxes.py

A box is a rendered head of the sample data on a plain body. All boxes have 128 x 256 pixels, as in MARS; or each has
another height, as in the other data sets, so that MTCNN processes them one by one. The time includes reading a JPEG,
detecting, cropping and writing.
"""

import tempfile
from pathlib import Path

import cv2
import numpy as np
import typer

from data_prep import heads, prepared
from data_prep.synthetic.labels import UNKNOWN

SAMPLE = Path(__file__).parents[1] / "data_prep" / "sample" / "cctv" / "crops"
BODY = (75, 80, 90)
CASES = ((32, 0), (48, 0), (60, 0), (48, 1))  # pixels across the head; by how much a box is lower than the last


def main() -> None:
    """Prints ms per box and the share of boxes with a head, for each detector and size of head."""
    with tempfile.TemporaryDirectory() as folder:
        for side, lower in CASES:
            works = [_work(Path(folder), side, lower, path) for path in sorted(SAMPLE.iterdir())]
            plan = heads.Plan("boxes", heads.PERSON, works, [], [])
            for name, load in heads.DETECTORS.items():
                detector = load()
                heads.find_heads([box[1:] for box in works[0].read()], detector, heads.PERSON)  # starts the network
                result = prepared.write(Path(folder, f"{name}_{side}_{lower}"), plan, detector, {})
                share = 1 - result.skipped["no head found"] / result.boxes
                each = 1000 * result.seconds / result.boxes
                case = f"{name}, heads of {side} pixels, boxes {'all different' if lower else 'all alike'}"
                print(f"{case}: {each:.1f} ms per box, {share:.0%} of {result.boxes} found")


def _work(folder, side, lower, subject):
    boxes = []
    for frame, source in enumerate(sorted(subject.iterdir())):
        picture = np.full((256 - lower * frame, 128, 3), BODY, np.uint8)
        left = (128 - side) // 2
        picture[8 : 8 + side, left : left + side] = cv2.resize(cv2.imread(str(source)), (side, side))
        path = folder / f"{subject.name}_{side}_{lower}_{frame}.jpg"
        cv2.imwrite(str(path), picture)
        boxes.append((heads.Box(subject.name, "0", frame, *[UNKNOWN] * 3, path.name), path, None))
    return heads.picture_work(subject.name, boxes)


if __name__ == "__main__":
    typer.run(main)
