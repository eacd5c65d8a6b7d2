"""One number a person: links the head boxes of a clip and fills the gaps, because a missed frame is a leaked face.

Works offline, on all frames at once. All lengths are in frames: a detector misses frames, not milliseconds.

Not protected, because nothing says where it is: a head that the detector never finds; one that is missed for more than
MAX_GAP frames, but for the EXTEND frames at either end; and one that, while missed, leaves the straight line between
the boxes around the gap, outruns MAX_SPEED, or is taken for somebody else who appears nearby at that time.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

from uunet.boxes.motion import by_track
from uunet.boxes.types import Roi, iou

MIN_IOU = 0.2  # overlap of a box with where its track is expected, below which it is somebody else
MAX_GAP = 15  # frames; a head lost for longer starts a new track, and its gap is not filled
MAX_SPEED = 0.4  # box sides a frame; how fast a missed head may be: walking at 10 frames a second, running at 25
MAX_RATIO = 1.5  # of two boxes' sides, beyond which they are not the same head before and after a gap
EXTEND = 5  # frames; before its first and after its last detection a head is taken to be there, held still
MEMORY = 5  # detections; the velocity of a track is measured over its last few, to outweigh the detector's jitter


def track(detections):
    """Head boxes with track numbers, misses filled: `bridge(associate(detections))`.

    Args:
        detections: list (frames) of lists of Roi, as the detector gave them.

    Returns:
        list (frames) of lists of `(track_id, Roi)`, by rising track_id: the order of the message.
    """
    return bridge(associate(detections))


def associate(detections):
    """Names each box by its track: best total overlap with where the tracks are expected (Hungarian method).

    A track is expected where its velocity carries its last box, so that two people who cross keep their numbers. Who
    starts, stops or turns while missed is not there: what then are two tracks, `_join` makes one.

    Args, Returns: as `track`, but with the given boxes only.
    """
    tracks, active = [], []  # each track a list of (frame, Roi); its track_id is its place in `tracks`
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
    return _by_frame(dict(enumerate(_join(tracks))), len(detections))


def _join(tracks):
    """One track of two where one ends and the other starts, so that `bridge` hides what lies between.

    Joined are, nearest first, an end and a start with at most MAX_GAP frames between them, of similar size and no
    farther apart than MAX_SPEED allows.

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
    for number in range(len(tracks)):
        if number not in before:
            joined.append([])
            while number is not None:
                joined[-1] += tracks[number]
                number = after.get(number)
    return joined


def bridge(tracked):
    """Fills each track's gaps by linear interpolation and holds its first and last box for EXTEND frames more.

    Args, Returns: as `track`, but the boxes come with their track_id.
    """
    tracks = by_track(tracked)
    return _by_frame({track_id: _fill(tracks[track_id], len(tracked)) for track_id in sorted(tracks)}, len(tracked))


def _fill(seen, n_frames):
    times, boxes = zip(*seen, strict=True)
    frames = np.arange(max(0, times[0] - EXTEND), min(n_frames, times[-1] + EXTEND + 1))
    # corners, not sizes, are interpolated and rounded: between boxes inside the frame they stay inside;
    # before the first and after the last box np.interp holds them
    corners = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes])
    left, top, right, bottom = np.rint([np.interp(frames, times, corner) for corner in corners.T]).astype(int)
    right, bottom = np.maximum(right, left + 1), np.maximum(bottom, top + 1)  # rounding may empty a box of one pixel
    between = np.stack([left, top, right - left, bottom - top], axis=1).tolist()
    return [(frame, Roi(*box)) for frame, box in zip(frames.tolist(), between, strict=True)]


def _expected(seen, frame):
    (before, start), (last, box) = seen[-MEMORY:][0], seen[-1]
    steps = (frame - last) / max(1, last - before)
    return (box.x + (box.x - start.x) * steps, box.y + (box.y - start.y) * steps, box.w, box.h)


def _by_frame(tracks, n_frames):
    by_frame = [[] for _ in range(n_frames)]
    for track_id, seen in tracks.items():
        for frame, box in seen:
            by_frame[frame].append((track_id, box))
    return by_frame
