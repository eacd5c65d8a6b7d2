"""Heads that are drawn without seeing (`models.virtual`), in whole frames.

A frame knows more than a ROI:

- what is beyond the edges of a ROI, which the drawing has to meet;
- where other heads are, which the drawing must not show either;
- where the frame's edge cuts a box: the square that the box was is completed, so that the head is in its middle, as the
  generator expects it;
- whether the picture has colours.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from uunet import engine
from uunet.boxes.types import Roi
from uunet.models import generator, virtual
from uunet.pipeline.frame import crop

Margins = tuple[tuple[int, int], tuple[int, int]]  # pixels beyond (top, bottom), (left, right)


def drawn(
    frames: Sequence[np.ndarray],
    rois: Sequence[Sequence[Roi]],
    tracks: Sequence[int],
    deidentifier: engine.Deidentifier,
) -> list[np.ndarray]:
    """A drawing for each head: list of uint8 `(h, w, 3)`, frame by frame.

    No drawing depends on a pixel of the head, or of another head of its frame, but through what the reader says of it.

    Args:
        frames: list of uint8 `(H, W, 3)`, RGB.
        rois: list (frames) of lists of Roi.
        tracks: list of int, of all heads, frame by frame.
        deidentifier: engine.Deidentifier of a `models.virtual.VirtualEncoder`.
    """
    heads, around, margins, grey = [], [], [], []
    for frame, some in zip(frames, rois, strict=True):
        removed = removed_of(some, frame.shape)
        is_grey = ((frame == frame[..., :1]).all(axis=-1) | removed).all()  # the generator draws in colour
        for roi in some:
            grey.append(is_grey)
            missing = margins_of(roi, frame.shape)
            heads.append(np.pad(crop(frame, roi), (*missing, (0, 0)), mode="edge"))
            around.append(np.pad(_without_heads(frame, removed, roi), (*missing, (0, 0)), mode="edge"))
            margins.append(missing)
    made = deidentifier(heads, tracks, around=around)
    cut = [
        head[top : len(head) - bottom, left : head.shape[1] - right]
        for head, ((top, bottom), (left, right)) in zip(made, margins, strict=True)
    ]
    return [
        cv2.cvtColor(cv2.cvtColor(head, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) if is_grey else head
        for head, is_grey in zip(cut, grey, strict=True)
    ]


def margins_of(roi: Roi, shape: Sequence[int]) -> Margins:
    """How far the square around a head reaches beyond a frame that cuts it; 0 on all sides where none does.

    The longer side of the box is the square's. What the shorter one lacks is beyond the edge of the frame that the box
    touches, or half of it beyond each if it touches both.

    Args:
        roi: Roi.
        shape: `(H, W, ...)` of the frame.
    """
    x, y, w, h = roi
    height, width = shape[:2]
    return _beyond(y, h, height, max(w, h) - h), _beyond(x, w, width, max(w, h) - w)


def _beyond(start, length, limit, missing):
    before, after = start == 0, start + length == limit
    if before and after:
        return missing // 2, missing - missing // 2
    return missing * before, missing * after


def removed_of(rois: Sequence[Roi], shape: Sequence[int]) -> np.ndarray:
    """The pixels of a frame that are never looked at, those of all heads: bool `(H, W)`; arguments as `margins_of`.

    A box in a corner of the frame may have been cut on two sides, and how far is not known: there all of its pixels
    between the head and the corner are removed.
    """
    height, width = shape[:2]
    result = np.zeros((height, width), bool)
    for roi in rois:
        (top, bottom), (left, right) = margins_of(roi, shape)
        whole = generator.removed(top + roi.h + bottom, left + roi.w + right)
        own = whole[top : top + roi.h, left : left + roi.w]
        edges = roi.y == 0, roi.y + roi.h == height, roi.x == 0, roi.x + roi.w == width
        crop(result, roi)[:] |= _to_the_corner(own, *edges)
    return result


def _to_the_corner(own, top, bottom, left, right):
    """The removed pixels of a box, and those between them and each corner of the frame that the box is in."""
    result = own.copy()
    for rows, is_row in ((slice(None), top), (slice(None, None, -1), bottom)):
        for columns, is_column in ((slice(None), left), (slice(None, None, -1), right)):
            if is_row and is_column:
                part = own[rows, columns]  # the corner is at [0, 0]
                beyond = np.maximum.accumulate(np.maximum.accumulate(part[::-1, ::-1], axis=0), axis=1)[::-1, ::-1]
                result[rows, columns] |= beyond
    return result


def _without_heads(frame, removed, roi):
    """A ROI without heads, filled from what is around it in the frame, too."""
    reach = 1 + int(max(roi.w, roi.h) * engine.MARGIN)
    top, left = max(0, roi.y - reach), max(0, roi.x - reach)
    part = np.s_[top : roi.y + roi.h + reach, left : roi.x + roi.w + reach]
    return crop(virtual.without(frame[part], removed[part]), Roi(roi.x - left, roi.y - top, roi.w, roi.h))
