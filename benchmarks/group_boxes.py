"""How to carry a moving head box through a group of frames that hold one message: the error and the bytes of four ways.

    python benchmarks/group_boxes.py [BOXES.csv ...] [--out docs/group-boxes.md]

Each file holds true head boxes, `frame,x,y,w,h,track`; `python -m data_prep.synthetic.scene` makes such files. The
default is that of the bundled clip. The ways, for each group and each track in it:

    union         one box around all of the track's boxes in the group: `motion.hold`
    straight      a box in the group's first and one in its last frame, straight lines between: `motion.straighten`
    deltas        its first box, which frames it is in and, for each after the first, four numbers: exact
    every box     the paper's message of every frame: exact

Bytes: boxes are written as in the paper, "n,x,y,w,h,..."; so are frame numbers in the group; each number of `deltas`
takes one byte. The frame is assumed to end where the farthest box ends.
"""

import csv
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tabulate import tabulate

from uunet import video_samples
from uunet.boxes import motion, types
from uunet.wire import protocol

LENGTHS = (5, 10, 15)  # frames of a group


def tracks(path):
    """{track: {frame: (x, y, w, h)}}."""
    found = defaultdict(dict)
    with open(path) as file:
        for row in csv.DictReader(file):
            found[row["track"]][int(row["frame"])] = tuple(int(row[name]) for name in "xywh")
    return found


def corners(boxes):
    """`(n, 4)` x, y, w, h -> left, top, right, bottom."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


# Ways: `(length of the group, frames in it (n,), true boxes (n, 4), (height, width)) -> corners (n, 4), bytes`.


def union(length, frames, boxes, shape):
    used = pipeline_boxes(motion.hold, length, frames, boxes)
    return used[frames], text(used[0])


def straight(length, frames, boxes, shape):
    used = pipeline_boxes(motion.straighten, length, frames, boxes, *shape)
    return used[frames], text(used[0]) + text(used[-1])


def pipeline_boxes(way, length, frames, boxes, *shape):
    """Corners in all frames of the group, `(length, 4)`."""
    seen = dict(zip(frames.tolist(), boxes.tolist(), strict=True))
    group = [[types.TrackedBox(0, types.Roi(*seen[k]))] if k in seen else [] for k in range(length)]
    return corners(np.array([roi for ((_, roi),) in way(group, *shape)]))


def deltas(length, frames, boxes, shape):
    assert abs(np.diff(boxes, axis=0)).max(initial=0) < 128
    return corners(boxes), text(corners(boxes)[0]) + 4 * (len(boxes) - 1) + len("0,9,")


def every_box(length, frames, boxes, shape):
    return corners(boxes), sum(text(edges) for edges in corners(boxes))


def text(edges):
    """How many bytes the paper's message needs for a box."""
    x, y, right, bottom = map(int, edges)
    return len(protocol.format_message([types.Roi(x, y, right - x, bottom - y)])) - len("1,")


def overlap(one, other):
    """Areas of the intersections, `(n,)`."""
    size = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    return size.clip(0).prod(1)


def area(edges):
    return (edges[:, 2:] - edges[:, :2]).prod(1)


def table(path: Path) -> str:
    """Markdown: one row per way and length of a group."""
    rows = []
    found = tracks(path)
    last = max(max(boxes) for boxes in found.values())
    farthest = corners(np.array([box for boxes in found.values() for box in boxes.values()])).max(0)
    for length in LENGTHS:
        for way in (union, straight, deltas, every_box):
            ious, covered, errors, sizes = [], [], [], []
            for start in range(0, last + 1, length):
                size = len("1,") * (length if way is every_box else 1)
                for boxes in found.values():
                    frames = np.array([k for k in range(length) if start + k in boxes])
                    if frames.size:
                        truth = np.array([boxes[start + k] for k in frames])
                        used, bytes_needed = way(min(length, last + 1 - start), frames, truth, farthest[[3, 2]])
                        truth = corners(truth)
                        common = overlap(used, truth)
                        ious += list(common / (area(used) + area(truth) - common))
                        covered += list(common / area(truth))
                        errors.append(abs(used - truth).max())
                        size += bytes_needed
                sizes.append(size)
            name = way.__name__.replace("_", " ")
            rows.append([
                length, name, f"{np.mean(ious):.3f} ({min(ious):.3f})", f"{100 * min(covered):.1f} %",
                f"{max(errors):.0f}", f"{np.mean(sizes):.0f} ({max(sizes)})",
            ])  # fmt: skip
    header = [
        "frames", "way", "IoU, mean (least)", "head covered, least", "edge error, most, px", "bytes, mean (most)",
    ]  # fmt: skip
    return tabulate(rows, header, tablefmt="github", disable_numparse=True)


def main(
    boxes: Annotated[
        list[Path] | None, typer.Argument(metavar="[BOXES.csv]...", help="By default those of the bundled clip.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A Markdown file, which is replaced; by default print.")] = None,
) -> None:
    """Compares four ways to carry moving head boxes through a group of frames: errors and bytes."""
    parts = ["Made by `python benchmarks/group_boxes.py`, which says what the ways are."]
    for path in boxes or [video_samples.WALK_HEADS]:
        parts += [f"`{path.name}`:", table(path)]
    text = "\n\n".join(parts) + "\n"
    if out:
        out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    typer.run(main)
