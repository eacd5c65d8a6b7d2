"""Between a ROI and the square that a network reads: one linear map per axis, the same in pipeline and training.

A ROI is rarely 64 x 64. One rule maps between a ROI axis of n pixels and a network axis of m:

    the smaller grid is embedded in the larger one by cubic interpolation, E;
    the way back is its regularised least-squares inverse, E+ = (E^T E + lambda I)^-1 E^T.

So a round trip that starts on the smaller grid returns its input: for n >= m, U_d reads exactly the head that U_e
wrote, up to 8-bit rounding. Bilinear or area resizing destroys it (`tests/channel/test_channel.py` measures both).
"""

from functools import lru_cache

import cv2
import numpy as np

from uunet import pixels

RIDGE = 1e-3  # lambda: keeps E+ from amplifying 8-bit rounding noise where E is nearly singular


@lru_cache(maxsize=1024)
def resampling_matrix(source: int, target: int) -> np.ndarray:
    """The linear map from an axis of `source` pixels to one of `target` pixels.

        E    if target >= source,    else    E+ = (E^T E + lambda I)^-1 E^T

    Args:
        source: int >= 1, pixels along the axis that is read.
        target: int >= 1, pixels along the axis that is written.

    Returns:
        float32 `(target, source)`; `resampling_matrix(n, m) @ resampling_matrix(m, n)` is close to the identity
        for n >= m.
    """
    if target >= source:
        return _cubic(source, target)
    embed = _cubic(target, source).astype(np.float64)  # E, (source, target)
    normal = embed.T @ embed + RIDGE * np.eye(target)
    return np.linalg.solve(normal, embed.T).astype(np.float32)  # E+, (target, source)


def _cubic(source, target):
    # resizing the unit vectors one by one gives OpenCV's cubic interpolation as a matrix
    return cv2.resize(np.eye(source, dtype=np.float32), (source, target), interpolation=cv2.INTER_CUBIC)


def resample(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes `(h, w, c)` float pixels to `(height, width, c)`; the result may overshoot [0, 1] a little."""
    rows = resampling_matrix(image.shape[0], height)
    columns = resampling_matrix(image.shape[1], width)
    return np.einsum("ah,hwc,bw->abc", rows, image, columns, optimize=True)


def to_network(crop: np.ndarray, size: int) -> np.ndarray:
    """The pixels of a ROI as a network input.

    Args:
        crop: uint8 `(h, w, 3)`, RGB.
        size: int, side of the network input in pixels (64 in the paper).

    Returns:
        float32 `(size, size, 3)` in [0, 1].
    """
    return np.clip(resample(pixels.to_float(crop), size, size), 0.0, 1.0)


def to_roi(face: np.ndarray, height: int, width: int) -> np.ndarray:
    """A network output as pixels to paste: float32 `(size, size, 3)` in [0, 1] -> uint8 `(height, width, 3)`."""
    return pixels.to_uint8(resample(face, height, width))
