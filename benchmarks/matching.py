"""Which detected boxes belong to which true heads: the one place where benchmarks compare boxes.

A box is `(x, y, w, h)` in pixels of the frame.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

Box = Sequence[float]

LEAST_COVERED = 0.6  # share of a head's area that lies inside a box that covers it
LARGEST = 8.0  # times the head's area; a larger box hides the picture rather than the head


def one_to_one(overlaps: np.ndarray, least: float) -> set[tuple[int, int]]:
    """The pairs of heads and boxes with the largest total overlap; each head and each box is in one pair at most.

    Args:
        overlaps: float `(heads, boxes)`.
        least: pairs of a smaller overlap are dropped after pairing.

    Returns:
        set of (index of the head, index of the box).
    """
    pairs = zip(*linear_sum_assignment(-overlaps), strict=True)
    return {(int(head), int(box)) for head, box in pairs if overlaps[head, box] >= least}


def covers(box: Box, head: Box) -> bool:
    """Whether a box covers a head: LEAST_COVERED of the head's area is inside, and the box is at most LARGEST heads."""
    width = min(box[0] + box[2], head[0] + head[2]) - max(box[0], head[0])
    height = min(box[1] + box[3], head[1] + head[3]) - max(box[1], head[1])
    area = head[2] * head[3]
    return max(0, width) * max(0, height) >= LEAST_COVERED * area and box[2] * box[3] <= LARGEST * area


def found(heads: Sequence[Box], boxes: Sequence[Box]) -> set[int]:
    """The heads that are found: as many as can be given a box of their own that covers them.

    Two heads in one box are one found head: what stands in for one person cannot stand in for two.

    Returns:
        set of indices of heads.
    """
    covering = np.array([[covers(box, head) for box in boxes] for head in heads], float)
    return {head for head, _ in one_to_one(covering.reshape(len(heads), len(boxes)), least=1.0)}


def covered(heads: Sequence[Box], boxes: Sequence[Box]) -> set[int]:
    """The heads that any box covers, whether or not it covers another head, too: the others are published as they are.

    Returns:
        set of indices of heads.
    """
    return {k for k, head in enumerate(heads) if any(covers(box, head) for box in boxes)}


def false_alarms(heads: Sequence[Box], ignored: Sequence[Box], boxes: Sequence[Box]) -> int:
    """How many boxes cover no head and have their centre outside of every ignored box."""
    return sum(
        not any(covers(box, head) for head in heads) and not any(_centred(box, region) for region in ignored)
        for box in boxes
    )


def _centred(box, region):
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    return region[0] <= x <= region[0] + region[2] and region[1] <= y <= region[1] + region[3]
