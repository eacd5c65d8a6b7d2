"""From boxes to heads: what the loaders of MARS, P-DESTRE, BIODI, YouTube Faces and LFW share.

A loader says which boxes there are and how to read them (`Plan`). `find_heads` finds the head in each box. `prepared`
writes the set.
"""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uunet import pixels
from uunet.boxes import detection
from uunet.boxes.types import FaceBox, Roi
from uunet.errors import UUNetError
from uunet.media import images

DETECTORS = {"mtcnn": detection.mtcnn, "centerface": detection.centerface}
PERSON = (0.5, 0.1)  # where the head of a standing person is in its box: fractions of width and height
FACE = (0.5, 0.5)  # and where it is in the surroundings of a face


class SourceError(UUNetError):
    """A data set as it was given out is missing, incomplete or not what the loader expects."""


@dataclass(frozen=True)
class Box:
    """One annotated box of a source.

    Attributes:
        subject, sequence: str, safe as names of folders (`safe_name`).
        frame: int >= 0.
        gender, ethnicity, hairstyle: str, of `labels.WORDS`.
        origin: str, where in the source it comes from, for skipped.csv.
        box: str, "detector", or "centre" where no face was found and `Plan.fallback` says where the head is.
    """

    subject: str
    sequence: str
    frame: int
    gender: str
    ethnicity: str
    hairstyle: str
    origin: str
    box: str = "detector"


@dataclass(frozen=True)
class Work:
    """What is done as a whole or not at all: a tracklet, or one video.

    Attributes:
        name: str, unique in its plan.
        boxes: int, how many boxes `read` yields.
        read: callable without arguments; iterates over `(Box, picture, roi)`: `picture` uint8 `(H, W, 3)` RGB and
            `roi` the Roi of the box in it; or `(Box, reason, None)` where it cannot be had. It can be pickled if the
            works are shared out among processes.
    """

    name: str
    boxes: int
    read: Callable


def plain_crop(box: Box, picture: np.ndarray, head: Roi, size: int) -> Iterator[tuple[int, np.ndarray, int]]:
    """What `Plan.crops` yields for a set of videos: one crop per box, as U_e gets it in de-identification."""
    x, y, w, h = head
    crop = pixels.to_network(picture[y : y + h, x : x + w], size)
    yield box.frame, pixels.to_uint8(crop), max(w, h)


@dataclass(frozen=True)
class Plan:
    """What a loader found in a source.

    Attributes:
        domain: str, name of the data set.
        aim: (x, y), where in a box the head is expected: `PERSON` or `FACE`.
        works: list of Work.
        skipped: list of (origin, reason): what is left out before anything is read.
        notes: list of sentences the user should read.
        heads_already: bool, whether the boxes may be heads, not persons, so that no detector is needed.
        splits: dict from subject to split, or None: `prepared.cut_splits` cuts them and leaves out subjects with one
            head.
        crops: callable `(box, picture, head, size)`; iterates over `(frame, crop, native size)`: `crop` uint8
            `(size, size, 3)` RGB, `head` and the native size in pixels of the picture.
        fallback: callable `(height, width)` of a picture -> Roi of the head where no face is found; None: no head then.
        columns: further columns of the manifest, of "head" ("x y w h" in the picture) and "box" (see Box).
    """

    domain: str
    aim: tuple
    works: list
    skipped: list
    notes: list
    heads_already: bool = False
    splits: dict | None = None
    crops: Callable = plain_crop
    fallback: Callable | None = None
    columns: tuple = ()


@functools.cache
def _network(name):
    return DETECTORS[name]()


@dataclass(frozen=True)
class Detector:
    """A detector by its name, loaded by each process when it first detects."""

    name: str

    def many(self, frames):
        network = _network(self.name)
        return network.many(frames) if hasattr(network, "many") else [network(frame) for frame in frames]


def safe_name(text: str) -> bool:
    """Whether a subject or sequence can name a folder: letters, digits and `_ . -` only, the first no dot."""
    return re.fullmatch(r"[\w-][\w.-]*", text) is not None


def evenly(items: Sequence, most: int | None) -> list:
    """`most` of a list's items, evenly spaced from first to last; all of them if `most` is None or enough."""
    if most is None or len(items) <= most:
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, most).round().astype(int)]


def read_picture(path: Path) -> np.ndarray | str:
    """A whole picture: uint8 `(H, W, 3)` RGB, or the reason (str) why it cannot be had."""
    if not path.is_file():
        return "picture missing"
    try:
        return images.read(path).rgb
    except images.ImageError:
        return "picture unreadable"


def picture_work(name: str, boxes: Sequence[tuple]) -> Work:
    """The Work of boxes in picture files.

    Args:
        name: see Work.
        boxes: (Box, path of the picture, (x, y, w, h) in pixels or None for the whole picture).
    """
    return Work(name, len(boxes), functools.partial(_read_pictures, tuple(boxes)))


def _read_pictures(boxes):
    for box, path, place in boxes:
        picture = read_picture(path)
        if isinstance(picture, str):
            yield box, picture, None
        else:
            height, width = picture.shape[:2]
            yield placed(box, picture, place or (0, 0, width, height))


def placed(box: Box, picture: np.ndarray, place: tuple) -> tuple:
    """What `Work.read` yields of a box at (x, y, w, h): only the part inside the picture counts."""
    height, width = picture.shape[:2]
    x, y, w, h = place
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(width, round(x + w)), min(height, round(y + h))
    if right <= left or bottom <= top:
        return box, "box empty or outside the picture", None
    return box, picture, Roi(left, top, right - left, bottom - top)


def find_head(faces: list[Roi], aim: tuple[float, float], roi: Roi, height: int, width: int) -> Roi | None:
    """The head of the person whose box this is: of several faces, the one nearest to where it should be.

    Args:
        faces: list of FaceBox, relative to the box.
        aim: (x, y), fractions of the box.
        roi: Roi of the box in its picture.
        height, width: int, of the picture.

    Returns:
        Roi of the head (`detection.head_roi`) in the picture, or None.
    """

    def distance(face):
        return np.hypot(face.x + face.w / 2 - aim[0] * roi.w, face.y + face.h / 2 - aim[1] * roi.h), face

    for face in sorted(faces, key=distance):
        head = detection.head_roi(FaceBox(roi.x + face.x, roi.y + face.y, face.w, face.h), height, width)
        if head is not None:
            return head
    return None


def find_heads(
    boxes: list[tuple[np.ndarray, Roi]], detector: Callable | Detector | None, aim: tuple[float, float]
) -> list[Roi | None]:
    """Finds one head per box.

    Args:
        boxes: list of (picture, Roi of the box).
        detector: see `uunet.boxes.detection`; None takes each box for a head.
        aim: see `find_head`.

    Returns:
        list of Roi in their pictures, or None.
    """
    if detector is None:
        return [roi for _, roi in boxes]
    views = [np.ascontiguousarray(picture[y : y + h, x : x + w]) for picture, (x, y, w, h) in boxes]
    many = getattr(detector, "many", lambda frames: [detector(frame) for frame in frames])
    faces = [None] * len(views)
    for shape in {view.shape for view in views}:  # MTCNN pads views of several shapes and then finds other faces
        same = [k for k, view in enumerate(views) if view.shape == shape]
        for k, found in zip(same, many([views[k] for k in same]), strict=True):
            faces[k] = found
    return [find_head(found, aim, roi, *picture.shape[:2]) for found, (picture, roi) in zip(faces, boxes, strict=True)]
