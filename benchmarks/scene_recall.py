"""Which heads of rendered scenes MTCNN finds: recall by size, turn and visibility, and false alarms.

    python -m data_prep.synthetic.scene --out walk.mp4 --seed 5
    python -m benchmarks.scene_recall walk.mp4 [more.mp4 ...]

Reads the .csv beside each clip. A head is found if the head box of a detected face overlaps its true box by at least
0.3 (intersection over union). Each detection counts for one head.
"""

import csv
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks import matching
from uunet.boxes import detection
from uunet.boxes.types import iou
from uunet.media import video_reading

LEAST_OVERLAP = 0.3
GROUPS = {  # name -> column of the table below, edges
    "side of the box, pixels": (0, (0, 40, 55, 75, 1000)),
    "|yaw|, degrees": (1, (0, 30, 60, 90, 181)),
    "visible": (2, (0, 0.25, 0.5, 0.75, 0.999, 1.001)),
}


def main(clips: Annotated[list[Path], typer.Argument(metavar="CLIP...", help="Clips of rendered scenes.")]) -> None:
    """Prints which share of heads MTCNN finds in all clips together, by size, turn and visibility."""
    heads, alarms, frames = [], 0, 0  # heads: side, |yaw|, visible, found
    detector = detection.mtcnn()
    for clip in clips:
        truths = {}
        with clip.with_suffix(".csv").open() as file:
            for row in csv.DictReader(file):
                truths.setdefault(int(row["frame"]), []).append(row)
        pictures = video_reading.read_frames(clip)
        frames += len(pictures)
        for index, found in enumerate(detection.find_heads(pictures, detector)):
            rows = truths.get(index, [])
            overlaps = np.array([[iou([int(row[name]) for name in "xywh"], roi) for roi in found] for row in rows])
            overlaps = overlaps.reshape(len(rows), len(found))
            right = {head for head, _ in matching.one_to_one(overlaps, LEAST_OVERLAP)}
            alarms += len(found) - len(right)
            for k, row in enumerate(rows):
                side = max(int(row["w"]), int(row["h"]))
                heads.append((side, abs(float(row["yaw"])), float(row["visible"]), k in right))
    heads = np.array(heads)
    print(f"{len(heads)} heads in {frames} frames; {alarms} false alarms")
    for least_visible, widest_yaw, least_side in ((0.5, 60, 0), (0.5, 60, 55), (0.9, 60, 55), (0.9, 30, 55)):
        easy = (heads[:, 2] >= least_visible) & (heads[:, 1] < widest_yaw) & (heads[:, 0] >= least_side)
        _show(f"visible >= {least_visible}, |yaw| < {widest_yaw}, side >= {least_side}", heads[easy])
    for name, (column, edges) in GROUPS.items():
        for low, high in zip(edges, edges[1:], strict=False):
            chosen = heads[(heads[:, column] >= low) & (heads[:, column] < high)]
            _show(f"{name} {low:g} to {high:g}", chosen)


def _show(name, heads):
    share = f"{heads[:, 3].mean():6.1%}" if len(heads) else "   -  "
    print(f"{share} of {len(heads):5d}  {name}")


if __name__ == "__main__":
    typer.run(main)
