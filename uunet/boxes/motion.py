"""How boxes move through a group of frames that share one message: on straight lines, or not at all.

Lossy files have room for one message per group of frames (`wire.messages`). `carry` chooses the boxes of all groups of
a clip so that they cover the heads. `ends` turns the boxes of a group into the ROIs of its message, and `straight`
turns these back into the boxes of every frame.
"""

import functools
from collections.abc import Callable

import numpy as np

from uunet.boxes.types import Clip, Roi, TrackedBox, rois_of


def carry(clip: Clip, group: int, height: int, width: int, fits: Callable[[list[Roi]], bool]) -> tuple[Clip, int]:
    """The boxes that the groups of a clip carry: around the given ones, moving on straight lines where there is room.

    Args:
        clip: list (frames) of lists of TrackedBox, inside the frame.
        group: int, frames per group; groups are counted from frame 0 and the last may be shorter.
        height, width: int, of the frames in pixels.
        fits: callable, ROIs of a group with moving heads (see `ends`) -> whether there is room for them.

    Returns:
        `(boxes, still)`: list (frames) of lists of TrackedBox by rising track, where each head of a group has a box in
        all frames of the group; and the number of groups whose boxes stand still because there is no room.
    """
    boxes, still = [], 0
    for start in range(0, len(clip), group):
        own = clip[start : start + group]
        carried = straighten(own, height, width)
        rois, moving = ends(rois_of(carried))
        if moving and not fits(rois):
            carried, still = hold(own), still + 1
        boxes += carried
    return boxes, still


def ends(boxes: list[list[Roi]]) -> tuple[list[Roi], bool]:
    """The ROIs that describe the boxes of a group, for its message.

    Args:
        boxes: list (frames) of lists of Roi, as `straight` gives them or the same in all frames.

    Returns:
        `(rois, moving)`: if the boxes move, those of the first frame and then, in the same order, those of the last;
        otherwise those of any frame.
    """
    moving = any(rois != boxes[0] for rois in boxes)
    return (boxes[0] + boxes[-1] if moving else boxes[0]), moving


def straight(ends: list[Roi], frames: int) -> list[list[Roi]]:
    """The ROIs of each frame of a moving message: every corner moves on a straight line, rounded outwards.

    With m = frames - 1, in frame k of 0..m, in whole numbers:

        left_k  = floor((left_0 (m - k) + left_m k) / m)        right_k  = ceil((right_0 (m - k) + right_m k) / m)

    Top and bottom follow the same formulas. If the ROIs of the first and the last frame are not empty and inside the
    frame, so are those between.

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


def straighten(group: Clip, height: int, width: int) -> Clip:
    """Boxes that move on straight lines through a group and cover each head's own box in every frame of it.

    Of all lines that cover, each edge takes the one that reaches least beyond the head, summed over the frames. A head
    that is in some of the frames only gets a box in all of them: it stands still before its first and after its last.

    Args:
        group: list (frames) of lists of TrackedBox, inside the frame.
        height, width: int, of the frame in pixels.

    Returns:
        list (frames) of lists of TrackedBox by rising track, inside the frame: `straight` of the first and the last.
    """
    tracks = _by_track(group)
    boxes = [_first_and_last(tracks[track], len(group), height, width) for track in sorted(tracks)]
    rois = straight([first for first, _ in boxes] + [last for _, last in boxes], len(group))
    return [list(map(TrackedBox, sorted(tracks), frame)) for frame in rois]


def _first_and_last(seen, n_frames, height, width):
    """The box of a track in the first and in the last of some frames."""
    times, boxes = zip(*seen, strict=True)
    # how far each edge is from its side of the frame: then outwards is less for all four, and 0 is the least
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


def hold(group: Clip) -> Clip:
    """Boxes that stand still through a group: for each head the smallest one around all of its boxes.

    Args, Returns: as `straighten`.
    """
    tracks = _by_track(group)
    still = [
        TrackedBox(track, functools.reduce(_around, (box for _, box in tracks[track]))) for track in sorted(tracks)
    ]
    return [still] * len(group)


def _around(a, b):
    x, y = min(a.x, b.x), min(a.y, b.y)
    return Roi(x, y, max(a.x + a.w, b.x + b.w) - x, max(a.y + a.h, b.y + b.h) - y)


def _by_track(clip):
    """dict track -> list of (frame, Roi) by rising frame."""
    tracks = {}
    for frame, heads in enumerate(clip):
        for track, box in heads:
            tracks.setdefault(track, []).append((frame, box))
    return tracks
