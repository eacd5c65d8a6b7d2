"""The expression of a face, read from its edges: the role of [66] in section IV-G."""

import cv2
import numpy as np
from skimage.feature import hog
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from uunet.evaluation import alignment
from uunet.evaluation.judges import dlib

NAMES = ("neutral", "disgust", "surprise", "smile")  # as Fig. 12 has them: N, D, Su, Sm
SIDE = 64  # pixels, of a chip


def fit(features: np.ndarray, expressions: np.ndarray) -> Pipeline:
    """A logistic regression.

    Args:
        features: float `(n, d)`, from `edges`.
        expressions: `(n,)` of NAMES, two of them at least.

    Returns:
        scikit-learn classifier whose `predict` turns features into NAMES.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=300)).fit(features, expressions)


def edges(images: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Histograms of edge directions in the aligned grey faces.

    Args:
        images: uint8 `(n, H, W, 3)`.
        points: float `(n, 5, 2)`, as in `alignment.Faces`.

    Returns:
        float `(n, 1568)`.
    """
    template = dlib.TEMPLATE * SIDE / dlib.SIDE
    chips = [alignment.chip(image, where, template, SIDE) for image, where in zip(images, points, strict=True)]
    return np.stack([hog(cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY), 8, (8, 8), (2, 2)) for chip in chips])
