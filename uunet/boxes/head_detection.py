"""The detector of heads, beyond the paper: it finds heads in any pose, and needs no face (`models.head_detector`)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from uunet.boxes import detection
from uunet.boxes.types import FaceBox, HeadBox, iou

THRESHOLD = 0.35  # least heat of a head; to be chosen by the benchmark of misses and false alarms
LONGEST = 1280  # pixels, longer side of what the network sees; larger frames are reduced to it
PIXELS = 4 * 768 * 576  # per call, to bound memory
SAME = 0.3  # intersection over union of two ROIs from which they are one head


def heads(path: Path | None = None, threshold: float = THRESHOLD) -> detection.BatchDetector:
    """The detector of heads with the weights of a file.

    Args:
        path: file that `uunet train-head-detector` wrote; None: the one that comes with the package.
        threshold: float in [0, 1]; heads with a lower score are not reported.

    Raises:
        DetectorError: if the file is missing, or holds another network.
        WeightsError: if it is damaged.
    """
    from uunet import presets  # loads Keras, so it is imported only where a detector is made
    from uunet.models import files, head_detector

    path = path or presets.WEIGHTS / "heads" / "detector.safetensors"
    if not path.is_file():
        raise detection.DetectorError(
            f"There are no weights of the head detector ({path}): train it (`uunet train-head-detector`), or choose "
            "--detector mtcnn."
        )
    network = files.load(path)
    if isinstance(network.output, (dict, list)) or network.output.shape[-1] != head_detector.OUTPUTS:
        raise detection.DetectorError(
            f"{path} is not a head detector; name the detector.safetensors of `uunet train-head-detector`."
        )
    return _Heads(network, threshold)


class _Heads:
    """The BatchDetector of a `models.head_detector`."""

    def __init__(self, network: Any, threshold: float) -> None:
        self.network, self.threshold = network, threshold

    def __call__(self, frame: np.ndarray, /) -> list[HeadBox]:
        return self.many([frame])[0]

    def many(self, frames: Sequence[np.ndarray], /) -> list[list[HeadBox]]:
        from uunet import pixels
        from uunet.models import head_detector

        found = []
        for some in _batches(frames):
            seen = [_seen(frame) for frame in some]
            maps = np.asarray(self.network.predict_on_batch(pixels.to_float(np.stack([one for one, _ in seen]))))
            for frame, (_, zoom), one in zip(some, seen, maps, strict=True):
                boxes, _ = head_detector.boxes_of(head_detector.sigmoid(one[..., 0]), one, self.threshold)
                found.append(_inside(boxes / zoom, *frame.shape[:2]))
        return found


def _batches(frames: Sequence[np.ndarray]) -> Iterator[Sequence[np.ndarray]]:
    """Runs of frames of one shape, of PIXELS at most together, one at least."""
    start = 0
    while start < len(frames):
        shape, stop = frames[start].shape, start + 1
        most = max(1, PIXELS // (min(LONGEST, shape[0]) * min(LONGEST, shape[1])))
        while stop < min(len(frames), start + most) and frames[stop].shape == shape:
            stop += 1
        yield frames[start:stop]
        start = stop


def _seen(frame: np.ndarray) -> tuple[np.ndarray, float]:
    """A frame as the network sees it: reduced to LONGEST, extended to multiples of 32; and its enlargement."""
    height, width = frame.shape[:2]
    zoom = min(1.0, LONGEST / max(height, width))
    if zoom < 1:
        size = max(1, round(width * zoom)), max(1, round(height * zoom))
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    height, width = frame.shape[:2]
    return cv2.copyMakeBorder(frame, 0, -height % 32, 0, -width % 32, cv2.BORDER_REPLICATE), zoom


def _inside(boxes: np.ndarray, height: int, width: int) -> list[HeadBox]:
    """The boxes as HeadBoxes, without those whose centre lies outside the frame, in what was added."""
    centres = boxes[:, :2] + boxes[:, 2:] / 2
    inside = (centres >= 0).all(axis=1) & (centres[:, 0] < width) & (centres[:, 1] < height)
    low, high = np.rint(boxes[:, :2]), np.rint(boxes[:, :2] + boxes[:, 2:])
    whole = np.concatenate([low, high - low], axis=1).astype(int)
    return [HeadBox(*box) for box in whole[inside].tolist()]


def union(first: detection.BatchDetector, second: detection.BatchDetector) -> detection.BatchDetector:
    """What either of two detectors finds. Of two boxes around one head, the first detector's is kept."""
    return _Union(first, second)


class _Union:
    """The BatchDetector of `union`."""

    def __init__(self, first: detection.BatchDetector, second: detection.BatchDetector) -> None:
        self.first, self.second = first, second

    def __call__(self, frame: np.ndarray, /) -> list[FaceBox | HeadBox]:
        return self.many([frame])[0]

    def many(self, frames: list[np.ndarray], /) -> list[list[FaceBox | HeadBox]]:
        both = zip(frames, self.first.many(frames), self.second.many(frames), strict=True)
        return [[*known, *_further(known, others, *frame.shape[:2])] for frame, known, others in both]


def _further(known, others, height, width):
    """Those of `others` whose ROI overlaps no ROI of `known` by SAME or more."""
    rois = [roi for box in known if (roi := detection.head_roi(box, height, width)) is not None]
    for box in others:
        roi = detection.head_roi(box, height, width)
        if roi is not None and all(iou(roi, one) < SAME for one in rois):
            yield box
