"""The pose of a head, from the five points that MTCNN finds: the role of Deep Head Pose in section IV-G."""

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

ANGLES = ("yaw", "pitch", "roll")


def fit(points: np.ndarray, angles: np.ndarray) -> Pipeline:
    """A regression of angles on points, their squares and products.

    Args:
        points: float `(n, 5, 2)`, as in `alignment.Faces`.
        angles: float `(n, 3)`, ANGLES in radians.

    Returns:
        scikit-learn regressor whose `predict` turns points into angles.
    """
    return make_pipeline(FunctionTransformer(shape), PolynomialFeatures(2), StandardScaler(), Ridge()).fit(
        points, angles
    )


def shape(points: np.ndarray) -> np.ndarray:
    """Points `(n, 5, 2)` about their mean, in units of their root mean square: float `(n, 10)`, of no place or size."""
    centred = points - points.mean(axis=1, keepdims=True)
    return (centred / np.sqrt(np.mean(np.square(centred), axis=(1, 2), keepdims=True))).reshape(len(points), -1)
