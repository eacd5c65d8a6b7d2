"""Head boxes from a file: made by another detector, or corrected by hand. They are used exactly as given."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

from uunet.boxes import tracking
from uunet.boxes.types import Clip, GivenBox, Roi, RoiError, TrackedBox, check_inside, rois_of
from uunet.errors import UUNetError

MAX_HEADS = 1000  # per frame; more is a mistake in the file, and tracking them would take very long


class BoxesError(UUNetError):
    """A file of head boxes cannot be used."""


@dataclass(frozen=True)
class GivenBoxes:
    """Head boxes of a clip or of the pictures of a folder. The pipeline takes them in place of a detector."""

    by_frame: dict[int, list[GivenBox]] = field(default_factory=dict)  # frame number -> heads, in the file's order

    def frames(self, n_frames: int, height: int, width: int) -> list[list[GivenBox]]:
        """The boxes of each frame in the order of the file; `track` is None where the file gives none.

        Args:
            n_frames: int, of the clip.
            height, width: int, of its frames in pixels.

        Raises:
            BoxesError: if a box is for a frame that does not exist, is empty or is not inside the frame.
        """
        if self.by_frame and max(self.by_frame) >= n_frames:
            raise BoxesError(
                f"There is a head box for frame {max(self.by_frame)} but the last frame is {n_frames - 1}: "
                "give the boxes of this very file, counted from 0."
            )
        clip = [self.by_frame.get(index, []) for index in range(n_frames)]
        for index, rois in enumerate(rois_of(clip)):
            try:
                check_inside(rois, height, width)
            except RoiError as error:
                raise BoxesError(f"Frame {index}: {error}") from error
        return clip

    def tracked(self, n_frames: int, height: int, width: int) -> Clip:
        """As `frames`, by rising track. Boxes without tracks are associated; no box is added and no gap is filled."""
        given = self.frames(n_frames, height, width)
        if any(track is None for heads in given for track, _ in heads):
            return tracking.associate(rois_of(given))
        return [sorted(TrackedBox(track, roi) for track, roi in heads if track is not None) for heads in given]

    def per_picture(self, n_pictures: int) -> list["GivenBoxes"]:
        """The boxes of each picture of a folder: those of frame k belong to picture k, where they are of frame 0.

        Raises:
            BoxesError: if a box is for a picture that does not exist.
        """
        if self.by_frame and max(self.by_frame) >= n_pictures:
            raise BoxesError(
                f"There is a head box for picture {max(self.by_frame)} but the last one is {n_pictures - 1}: "
                "count from 0."
            )
        return [GivenBoxes({0: self.by_frame.get(k, [])}) for k in range(n_pictures)]


def read(path: str | Path) -> GivenBoxes:
    """Reads head boxes from a CSV or JSON file.

    CSV: the first line is `frame,x,y,w,h` or `frame,x,y,w,h,track`, then each line is a box. JSON: a list of objects
    with these names, either alone or under the name `boxes` of an object, as `uunet inspect --json` prints it.

    All numbers are whole and >= 0. `frame` counts from 0. `x,y,w,h` are the head (not only the face) in pixels of the
    upright picture. `track` is one number per person; without it, the boxes are associated by their positions. A frame
    without a line has no head; the first line alone, or `[]`, means that no frame has a head.

    Raises:
        BoxesError: if the file cannot be read or a box is not as above.
    """
    path = Path(path)
    boxes = {}
    for number, row in enumerate(_rows(path), start=1):
        frame, head = _box(row, number, path)
        boxes.setdefault(frame, []).append(head)
    _check_tracks(boxes, path)
    return GivenBoxes(boxes)


def _rows(path):
    """The boxes of a file as a list of dicts whose values are not checked yet."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            rows = json.loads(text)
            rows = rows.get("boxes") if isinstance(rows, dict) else rows
        elif path.suffix.lower() == ".csv":
            reader = csv.DictReader(text.splitlines())
            if not {"frame", "x", "y", "w", "h"} <= set(reader.fieldnames or []):
                raise BoxesError(f"{path} does not name its columns: write frame,x,y,w,h as its first line.")
            rows = list(reader)
        else:
            raise BoxesError(f"{path} cannot be used for head boxes: name a .csv or a .json file.")
    except OSError as error:
        raise BoxesError(f"{path} cannot be read ({error.strerror}): name the file of head boxes.") from error
    except (ValueError, RecursionError, csv.Error) as error:
        raise BoxesError(f"{path} is not readable ({error}): write the head boxes as CSV or JSON in UTF-8.") from error
    if not isinstance(rows, list):
        raise BoxesError(f"{path} does not hold a list of boxes: write [{{frame, x, y, w, h}}, ...].")
    return rows


def _box(row, number, path):
    """The frame number and the GivenBox of row `number`, counted from 1."""
    try:
        if None in row:  # where csv puts the values of a line that has more of them than there are columns
            raise ValueError("more values than columns")
        frame, x, y, w, h = (_whole(row[name]) for name in ("frame", "x", "y", "w", "h"))
        track = _whole(row["track"]) if "track" in row else None
    except (KeyError, TypeError, ValueError) as error:
        raise BoxesError(
            f"{path}: box {number} is not valid: give frame, x, y, w, h and, if known, track as whole numbers."
        ) from error
    return frame, GivenBox(track, Roi(x, y, w, h))


def _whole(value):
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(value)
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(value)
    return int(text)


def _check_tracks(boxes, path):
    if len({track is None for heads in boxes.values() for track, _ in heads}) > 1:
        raise BoxesError(f"{path}: only some boxes have a track: give one to all of them or to none.")
    for frame, heads in boxes.items():
        if len(heads) > MAX_HEADS:
            raise BoxesError(f"{path}: frame {frame} has {len(heads)} boxes: give at most {MAX_HEADS} per frame.")
        tracks = [track for track, _ in heads if track is not None]
        if len(tracks) != len(set(tracks)):
            raise BoxesError(f"{path}: frame {frame} has two boxes of one track: give each person one number.")
