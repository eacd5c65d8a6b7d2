"""Tracking: gives each person of a clip one number and fills gaps, because a missed frame shows the real face.

It works offline, on all frames at once. All lengths are in frames: a detector misses frames, not milliseconds.

These heads are not protected, because their positions are unknown:
- a head that the detector never finds;
- a head that is missed for more than MAX_GAP frames, except for the EXTEND frames at either end of the gap;
- a head that, while it is missed, leaves the straight line between the boxes around the gap, moves faster than
  MAX_SPEED, or is taken for another person who appears nearby at that time.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from uunet.boxes.types import Clip, Roi, TrackedBox, iou

MIN_IOU = 0.2  # of a box with the expected box of its track; below, it belongs to another person
MAX_GAP = 15  # frames; a head lost for longer starts a new track, and its gap is not filled
MAX_SPEED = 0.4  # box sides per frame, of a missed head: walking at 10 frames per second, running at 25
MAX_RATIO = 1.5  # of the sides of two boxes; above, they are not the same head before and after a gap
EXTEND = 5  # frames by which a track is extended before its first and after its last detection, standing still
MEMORY = 5  # detections over which the velocity of a track is measured, against the jitter of the detector


def track(detections: list[list[Roi]]) -> Clip:
    """Head boxes with track numbers and filled gaps.

    The gaps of each track are filled by linear interpolation, and it is extended by EXTEND frames at both ends.

    Args:
        detections: list (frames) of lists of Roi, see `detection.find_heads`.

    Returns:
        list (frames) of lists of TrackedBox by rising track: the order of the message.
    """
    return _by_frame([_fill(seen, len(detections)) for seen in _tracks(detections)], len(detections))


def associate(detections: list[list[Roi]]) -> Clip:
    """The given boxes with track numbers; no box is added.

    Args, Returns: as `track`.
    """
    return _by_frame(_tracks(detections), len(detections))


def _tracks(detections):
    """Gives each box its track: the best total overlap with the expected boxes of the tracks (Hungarian method).

    The expected box of a track is its last box, moved on by its velocity, so that two people who cross keep their
    numbers. A person who starts, stops or turns while missed is not at the expected place and gets a second track;
    `_join` joins the two.

    Returns:
        list of tracks, each a list of (frame, Roi), by rising first frame.
    """
    tracks, active = [], []  # each track is a list of (frame, Roi); its number is its index in `tracks`
    for frame, boxes in enumerate(detections):
        active = [seen for seen in active if frame - seen[-1][0] <= MAX_GAP + 1]
        overlap = np.array([[iou(_expected(seen, frame), box) for box in boxes] for seen in active])
        fresh = set(range(len(boxes)))
        if overlap.size:
            for row, column in zip(*linear_sum_assignment(-overlap), strict=True):
                if overlap[row, column] >= MIN_IOU:
                    active[row].append((frame, boxes[column]))
                    fresh.remove(column)
        started = [[(frame, boxes[column])] for column in sorted(fresh)]
        tracks += started
        active += started
    return _join(tracks)


def _join(tracks):
    """Joins two tracks where one ends and the other starts, so that `_fill` fills the frames between them.

    An end and a start are joined if at most MAX_GAP frames lie between them, their sizes are similar, and they are no
    farther apart than MAX_SPEED allows. The nearest pairs are joined first.

    Args, Returns: list of tracks, each a list of (frame, Roi), by rising first frame.
    """
    starts = {}
    for number, seen in enumerate(tracks):
        starts.setdefault(seen[0][0], []).append(number)
    near = []
    for end, seen in enumerate(tracks):
        last, old = seen[-1]
        for steps in range(1, MAX_GAP + 2):
            for start in starts.get(last + steps, []):
                new = tracks[start][0][1]
                small, large = sorted([max(old.w, old.h), max(new.w, new.h)])
                distance = np.hypot(new.x + new.w / 2 - old.x - old.w / 2, new.y + new.h / 2 - old.y - old.h / 2)
                if large <= MAX_RATIO * small and distance <= MAX_SPEED * large * steps:
                    near.append((distance, end, start))
    after, before = {}, {}
    for _, end, start in sorted(near):
        if end not in after and start not in before:
            after[end], before[start] = start, end
    joined = []
    for first in range(len(tracks)):
        if first not in before:
            joined.append([])
            part: int | None = first
            while part is not None:
                joined[-1] += tracks[part]
                part = after.get(part)
    return joined


def _fill(seen, n_frames):
    """A track without gaps, and with its extensions: list of (frame, Roi)."""
    times, boxes = zip(*seen, strict=True)
    frames = np.arange(max(0, times[0] - EXTEND), min(n_frames, times[-1] + EXTEND + 1))
    # corners, not sizes, are interpolated and rounded, so that boxes between two boxes inside the frame are inside;
    # before the first and after the last box np.interp repeats them
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes])
    left, top, right, bottom = np.rint([np.interp(frames, times, corner) for corner in corners.T]).astype(int)
    right, bottom = np.maximum(right, left + 1), np.maximum(bottom, top + 1)  # rounding may empty a box of one pixel
    between = np.stack([left, top, right - left, bottom - top], axis=1).tolist()
    return [(frame, Roi(*box)) for frame, box in zip(frames.tolist(), between, strict=True)]


def _expected(seen, frame):
    """The box `(x, y, w, h)` in which a track is expected in a frame."""
    (before, start), (last, box) = seen[-MEMORY:][0], seen[-1]
    steps = (frame - last) / max(1, last - before)
    return (box.x + (box.x - start.x) * steps, box.y + (box.y - start.y) * steps, box.w, box.h)


def _by_frame(tracks, n_frames):
    """The clip of some tracks, each a list of (frame, Roi); the number of a track is its index."""
    by_frame = [[] for _ in range(n_frames)]
    for track, seen in enumerate(tracks):
        for frame, box in seen:
            by_frame[frame].append(TrackedBox(track, box))
    return by_frame
