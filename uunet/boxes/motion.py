"""How boxes move through a few frames: in straight lines between the first and the last of them, or not at all."""

import functools

import numpy as np

from uunet.boxes.types import Roi


def straight(ends, frames):
    """The ROIs of each frame of a moving message: every corner moves on a straight line, rounded outwards.

    With m = frames - 1, in frame k of 0..m, in whole numbers:

        left_k  = floor((left_0 (m - k) + left_m k) / m)        right_k  = ceil((right_0 (m - k) + right_m k) / m)

    and so for top and bottom. ROIs between two that are not empty and inside the frame are so too.

    Args:
        ends: list of Roi, those of the first frame and then, in the same order, those of the last.
        frames: int >= 1.

    Returns:
        list (frames) of lists of Roi.
    """
    m, n = max(1, frames - 1), len(ends) // 2
    return [
        [_between(first, last, k, m) for first, last in zip(ends[:n], ends[n:], strict=False)] for k in range(frames)
    ]


def _between(first, last, k, m):
    x, y = ((a * (m - k) + b * k) // m for a, b in zip(first[:2], last[:2], strict=True))
    corners = [(box.x + box.w, box.y + box.h) for box in (first, last)]
    right, bottom = (-(-(a * (m - k) + b * k) // m) for a, b in zip(*corners, strict=True))
    return Roi(x, y, right - x, bottom - y)


def straighten(group, height, width):
    """Boxes that move in straight lines through a few frames, and cover each head's own box in every one of them.

    Of all lines that cover, each edge takes the one that reaches least beyond the head, all frames together. A head
    that is in some of the frames only gets a box in all of them: before it comes and after it has gone, it is taken to
    stand still.

    Args:
        group: list (frames) of lists of `(track_id, Roi)`, inside the frame.
        height, width: int, of the frame in pixels.

    Returns:
        list (frames) of lists of `(track_id, Roi)` by rising track_id, inside the frame: `straight` of the
        first and the last of them.
    """
    tracks = by_track(group)
    ends = [_ends(tracks[track_id], len(group), height, width) for track_id in sorted(tracks)]
    boxes = straight([first for first, _ in ends] + [last for _, last in ends], len(group))
    return [list(zip(sorted(tracks), rois, strict=True)) for rois in boxes]


def _ends(seen, n_frames, height, width):
    """The box of a track in the first and in the last of some frames."""
    times, boxes = zip(*seen, strict=True)
    # how far each edge is from its side of the frame: so outwards is less for all four, and 0 is the least
    margins = np.array([(x, y, width - x - w, height - y - h) for x, y, w, h in boxes])
    lines = [_line(np.floor(np.interp(range(n_frames), times, margin)).astype(int)) for margin in margins.T]
    return [Roi(x, y, width - right - x, height - bottom - y) for x, y, right, bottom in zip(*lines, strict=True)]


def _line(margins):
    """The ends of the highest straight line that, rounded down, is nowhere above `margins`: two ints >= 0."""
    m, k = len(margins) - 1, np.arange(1, len(margins))
    if m == 0:
        return int(margins[0]), int(margins[0])
    # for each first <= margin_0 the largest last: floor((first (m - k) + last k) / m) <= margin_k for all k
    first = np.arange(margins[0] + 1)
    last = ((m * margins[1:] + m - 1 - first[:, None] * (m - k)) // k).min(1)
    best = np.argmax(np.where(last < 0, -1, first + last))
    return int(first[best]), int(last[best])


def hold(group):
    """Boxes that stand still through a few frames, where there is no room for two: around all boxes of each head.

    Args, Returns: as `straighten`.
    """
    tracks = by_track(group)
    held = [(track_id, functools.reduce(_around, (box for _, box in tracks[track_id]))) for track_id in sorted(tracks)]
    return [held] * len(group)


def _around(a, b):
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Roi(x, y, max(a.x + a.w, b.x + b.w) - x, max(a.y + a.h, b.y + b.h) - y)


def by_track(tracked):
    """dict track_id -> its list of (frame, Roi), by rising frame."""
    tracks = {}
    for frame, heads in enumerate(tracked):
        for track_id, box in heads:
            tracks.setdefault(track_id, []).append((frame, box))
    return tracks
