"""How well faces are found, before and after de-identification (section IV-B, Table II)."""

from collections.abc import Callable

import numpy as np

from uunet.boxes.detection import HEAD_SCALE, HEAD_SHIFT
from uunet.boxes.types import iou
from uunet.evaluation import alignment

Box = tuple[float, float, float, float]  # x, y, w, h in pixels
LOWERED = {"threshold_pnet": 0.3, "threshold_rnet": 0.3, "threshold_onet": 0.05}  # MTCNN's own: .6, .7, .8


def detections(images: np.ndarray, report: Callable[[int, int], object] | None = None) -> list[list[tuple[float, Box]]]:
    """The faces that MTCNN finds with lowered thresholds: a poor face has a low score rather than none.

    Args:
        images: uint8 `(N, H, W, 3)`, RGB, each a head and little else.
        report: callable `(done, total)` of pictures, or None.

    Returns:
        list of N lists of `(confidence, box)`: confidence in [0.05, 1], box (x, y, w, h) in pixels of the picture.
    """
    found = []
    for start in range(0, len(images), alignment.BATCH):
        batch = list(images[start : start + alignment.BATCH])
        for faces in alignment.mtcnn().detect_faces(batch, **LOWERED):
            found.append([(float(face["confidence"]), _box(*face["box"])) for face in faces])
        found += [[]] * (start + len(batch) - len(found))  # MTCNN returns nothing for a batch without faces
        if report:
            report(len(found), len(images))
    return found


def _box(x, y, w, h):
    """MTCNN's box, of NumPy numbers, as a Box."""
    return float(x), float(y), float(w), float(h)


def face_of_head(side: int) -> Box:
    """Where the face is in a head that the pipeline cut: the inverse of `boxes.detection.head_roi`.

    Args:
        side: int, of the ROI in pixels.

    Returns:
        box (x, y, w, h), floats.
    """
    face = side / HEAD_SCALE
    return (side - face) / 2, (side - face) / 2 + HEAD_SHIFT * side, face, face


def average_precision(pictures: list[tuple], threshold: float = 0.5) -> float:
    """Area under the precision-recall curve of a face detector: Table II's mAP, of the one class 'face'.

    A detection is right if it overlaps a face that no better-scored detection has taken; precision is made monotone
    (the best at any higher recall) before the area is taken, as in PASCAL VOC since 2010.

    Args:
        pictures: list of `(truths, detections)`, one per picture: truths a list of boxes (x, y, w, h), detections a
            list of `(confidence, box)`.
        threshold: float, intersection over union from which on a detection is right.

    Returns:
        float in [0, 1]; nan if there is no face at all.
    """
    faces = sum(len(truths) for truths, _ in pictures)
    ranked = sorted(
        ((confidence, k, box) for k, (_, detections) in enumerate(pictures) for confidence, box in detections),
        key=lambda detection: -detection[0],
    )
    taken = [set() for _ in pictures]
    right = np.zeros(len(ranked))
    for rank, (_, k, box) in enumerate(ranked):
        overlaps = {t: iou(truth, box) for t, truth in enumerate(pictures[k][0]) if t not in taken[k]}
        best = max(overlaps, key=overlaps.__getitem__, default=None)
        if best is not None and overlaps[best] >= threshold:
            taken[k].add(best)
            right[rank] = 1
    if faces == 0:
        return float("nan")
    found = np.cumsum(right)
    precision = found / np.arange(1, len(ranked) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(precision * right) / faces)  # recall rises by 1 / faces at each right detection
