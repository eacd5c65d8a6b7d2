"""How to carry a moving head box through a group of frames that hold one message: the error and the bytes of four ways.

    python benchmarks/group_boxes.py [BOXES.csv ...] [--out docs/group-boxes.md]

The tables are of true head boxes, `frame,x,y,w,h,track` (default: those of the bundled clip; `python -m
data_prep.synthetic.scene` makes others). For each group and each track in it:

    union         one box around all of the track's boxes in the group
    interpolated  a box at its first and one at its last frame, and which these are; straight lines between. Each edge
                  is moved outwards, in both boxes alike, until it covers the head in every frame
    deltas        its first box and, for each frame after it, four signed bytes: exact
    every box     the paper's message of every frame: exact

Bytes: boxes as the paper writes them, "n,x,y,w,h,..."; frame numbers in the group are written likewise.
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from uunet import protocol, video_samples

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


def union(frames, boxes):
    edges = corners(boxes)
    around = np.concatenate([edges[:, :2].min(0), edges[:, 2:].max(0)])
    return np.tile(around, (len(frames), 1)), text(around)


def interpolated(frames, boxes):
    edges = corners(boxes)
    ends = edges[[0, -1]]
    short = edges - straight(frames, ends)  # how far the head reaches beyond the lines; outwards is < 0 at left and top
    ends = ends + np.concatenate([short[:, :2].min(0), short[:, 2:].max(0)])
    ends = ends.clip(0)
    return straight(frames, ends), text(ends[0]) + text(ends[1]) + len("0,9,")


def straight(frames, ends):
    """Corners `(2, 4)` at the first and the last frame -> int `(n, 4)`, rounded outwards."""
    lines = np.stack([np.interp(frames, frames[[0, -1]], edge) for edge in ends.T], 1)
    return np.concatenate([np.floor(lines[:, :2]), np.ceil(lines[:, 2:])], 1).astype(int)


def deltas(frames, boxes):
    assert abs(np.diff(boxes, axis=0)).max(initial=0) < 128
    return corners(boxes), text(corners(boxes)[0]) + 4 * (len(boxes) - 1) + len("0,9,")


def every_box(frames, boxes):
    return corners(boxes), sum(text(edges) for edges in corners(boxes))


def text(edges):
    """How many bytes the paper's message needs for a box."""
    x, y, right, bottom = map(int, edges)
    return len(protocol.format_message([protocol.Roi(x, y, right - x, bottom - y)])) - len("1,")


def overlap(one, other):
    """Areas of the intersections, `(n,)`."""
    size = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    return size.clip(0).prod(1)


def area(edges):
    return (edges[:, 2:] - edges[:, :2]).prod(1)


def table(path):
    """Markdown."""
    lines = [
        "| frames | way | IoU, mean (least) | head covered, least | edge error, most, px | bytes, mean (most) |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    found = tracks(path)
    last = max(max(boxes) for boxes in found.values())
    for length in LENGTHS:
        for way in (union, interpolated, deltas, every_box):
            ious, covered, errors, sizes = [], [], [], []
            for start in range(0, last + 1, length):
                size = len("1,") * (length if way is every_box else 1)
                for boxes in found.values():
                    frames = np.array([frame for frame in range(start, start + length) if frame in boxes])
                    if frames.size:
                        truth = np.array([boxes[frame] for frame in frames])
                        used, bytes_needed = way(frames, truth)
                        truth = corners(truth)
                        common = overlap(used, truth)
                        ious += list(common / (area(used) + area(truth) - common))
                        covered += list(common / area(truth))
                        errors.append(abs(used - truth).max())
                        size += bytes_needed
                sizes.append(size)
            name = way.__name__.replace("_", " ")
            lines.append(
                f"| {length} | {name} | {np.mean(ious):.3f} ({min(ious):.3f}) | {100 * min(covered):.1f} % "
                f"| {max(errors):.0f} | {np.mean(sizes):.0f} ({max(sizes)}) |"
            )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("boxes", nargs="*", type=Path, default=[video_samples.WALK_HEADS], metavar="BOXES.csv")
    parser.add_argument("--out", type=Path, help="Markdown file, replaced (default: print)")
    arguments = parser.parse_args()
    parts = ["Made by `python benchmarks/group_boxes.py`, which says what the ways are."]
    for path in arguments.boxes:
        parts += [f"`{path.name}`:", table(path)]
    text = "\n\n".join(parts) + "\n"
    if arguments.out:
        arguments.out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
