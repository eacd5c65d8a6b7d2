"""The types of boxes: faces and heads as a detector finds them, heads (ROIs), and heads with the track they belong to.

The boxes of a clip have one shape everywhere between detection and the hidden message: `Clip`, a list (frames) of lists
of TrackedBox. Within a frame the order is that of the message. A file of boxes gives GivenBox, which may have no track.
"""

from collections.abc import Iterable, Sequence
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


class HeadBox(NamedTuple):
    """A head as a detector of heads finds it, tight around skull and hair: left, top, width and height in pixels."""

    x: int
    y: int
    w: int
    h: int


class TrackedBox(NamedTuple):
    """A head in a frame, and the track (the person) it belongs to."""

    track: int
    roi: Roi


class GivenBox(NamedTuple):
    """A head in a frame, as a file of boxes gives it."""

    track: int | None  # None if the file gives no tracks
    roi: Roi


Clip = list[list[TrackedBox]]


class RoiError(UUNetError):
    """A ROI is empty or not inside its frame."""


def rois_of(clip: Clip | list[list[GivenBox]]) -> list[list[Roi]]:
    """The ROIs of each frame, without their tracks: list (frames) of lists of Roi."""
    return [[roi for _, roi in heads] for heads in clip]


def check_inside(rois: Iterable[Roi], height: int, width: int) -> None:
    """Raises RoiError if a ROI is empty or reaches outside a frame of `height` x `width` pixels; names the first."""
    for roi in rois:
        x, y, w, h = roi
        if w < 1 or h < 1 or x < 0 or y < 0 or x + w > width or y + h > height:
            raise RoiError(
                f"The head box x={x} y={y} w={w} h={h} is empty or not inside the frame of {width} x {height} pixels: "
                "correct the box."
            )


def iou(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes `(x, y, w, h)`, in [0, 1]."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)
