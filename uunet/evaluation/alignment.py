"""Faces in pictures of one head each: the points that MTCNN finds, and the aligned chip that a recogniser needs."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import cv2
import numpy as np
from skimage.transform import estimate_transform

BATCH = 16  # pictures in one call of MTCNN
POINTS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


@dataclass(frozen=True)
class Faces:
    """The best-scored face of each of N pictures.

    Attributes:
        found: bool `(N,)`, whether there is one.
        confidence: float32 `(N,)` in [0.8, 1], MTCNN's; nan where none is found.
        points: float32 `(N, 5, 2)`, x and y in pixels of the picture: left eye, right eye, nose, left and right corner
            of the mouth, left and right as seen in the picture; nan where none is found.
        boxes: float32 `(N, 4)`, x, y, w, h in pixels of the picture; nan where none is found.
    """

    found: np.ndarray
    confidence: np.ndarray
    points: np.ndarray
    boxes: np.ndarray


def find_faces(images: np.ndarray) -> Faces:
    """MTCNN with its own thresholds on pictures of one size.

    Args:
        images: uint8 `(N, H, W, 3)`, RGB, each a head and little else.

    Returns:
        Faces. A picture gives the same alone and among others.
    """
    found = np.zeros(len(images), bool)
    confidence = np.full(len(images), np.nan, np.float32)
    points = np.full((len(images), 5, 2), np.nan, np.float32)
    boxes = np.full((len(images), 4), np.nan, np.float32)
    for start in range(0, len(images), BATCH):
        batch = list(images[start : start + BATCH])
        for index, faces in enumerate(mtcnn().detect_faces(batch), start=start):
            if faces:
                best = max(faces, key=lambda face: face["confidence"])
                found[index] = True
                confidence[index] = best["confidence"]
                points[index] = [best["keypoints"][name] for name in POINTS]
                boxes[index] = best["box"]
    return Faces(found, confidence, points, boxes)


def joined(parts: list[Faces]) -> Faces:
    """One Faces of several, in their order."""
    return Faces(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Faces)))


@cache
def mtcnn() -> Any:
    """The detector of faces in heads, one per process."""
    from mtcnn import MTCNN  # loads TensorFlow, which takes seconds

    return MTCNN()


def chip(image: np.ndarray, points: np.ndarray, template: np.ndarray, side: int) -> np.ndarray:
    """The picture, turned, scaled and shifted so that its points come as close to the template's as a similarity can.

    Args:
        image: uint8 `(H, W, 3)`.
        points, template: float `(5, 2)`, x and y in pixels of the picture and of the chip.
        side: int, of the chip.

    Returns:
        uint8 `(side, side, 3)`, black where the picture does not reach.
    """
    similarity = estimate_transform("similarity", points, template).params[:2]
    return cv2.warpAffine(image, similarity, (side, side), flags=cv2.INTER_LINEAR)
