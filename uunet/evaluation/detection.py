"""How well faces are found, before and after de-identification (section IV-B, Table II)."""

import numpy as np

from uunet.pipeline.tracking import iou


def average_precision(pictures, threshold=0.5):
    """Area under the precision-recall curve of a face detector: Table II's mAP, of the one class 'face'.

    A detection is right if it overlaps a face that no better-scored detection has taken; precision is made monotone
    (the best at any higher recall) before the area is taken, as in PASCAL VOC since 2010.

    Args:
        pictures: list of `(truths, detections)`, one a picture: truths a list of boxes (x, y, w, h), detections a
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
        best = max(overlaps, key=overlaps.get, default=None)
        if best is not None and overlaps[best] >= threshold:
            taken[k].add(best)
            right[rank] = 1
    if faces == 0:
        return float("nan")
    found = np.cumsum(right)
    precision = found / np.arange(1, len(ranked) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(precision * right) / faces)  # recall rises by 1 / faces at each right detection
