"""Boxes: of faces as detectors find them, of heads (ROIs), and of heads that are followed through a clip."""

from typing import NamedTuple

from uunet.errors import UUNetError


class Roi(NamedTuple):
    """A head in a frame: left, top, width and height in pixels; covers rows y..y+h-1 and columns x..x+w-1."""

    x: int
    y: int
    w: int
    h: int


class FaceBox(NamedTuple):
    """A face as a detector finds it: left, top, width and height in pixels; may reach outside the frame."""

    x: int
    y: int
    w: int
    h: int


class TrackedBox(NamedTuple):
    """A head in a frame and whose it is."""

    track: int
    roi: Roi


class RoiError(UUNetError):
    """A ROI is empty or not inside its frame."""


def check_inside(rois, height, width):
    """Refuses ROIs that are empty or reach outside a frame of `height` x `width` pixels.

    Raises:
        RoiError: naming the first such ROI.
    """
    for roi in rois:
        x, y, w, h = roi
        if w < 1 or h < 1 or x < 0 or y < 0 or x + w > width or y + h > height:
            raise RoiError(
                f"The head box x={x} y={y} w={w} h={h} is empty or not inside the frame of {width} x {height} pixels: "
                "correct the box."
            )


def iou(a, b):
    """Intersection over union of two boxes, in [0, 1]."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)
