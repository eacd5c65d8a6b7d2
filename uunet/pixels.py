"""Between the 8-bit pixels of a ROI and the numbers of a network: the range of values, and the sides.

This is the only place that converts between uint8, [0, 1] and standardised values. A ROI is rarely as large as the
square that a network reads. One rule maps between a ROI axis of n pixels and a network axis of m, the same in pipeline
and training:

    the smaller grid is embedded in the larger one by cubic interpolation, E;
    the way back is its regularised least-squares inverse, E+ = (E^T E + lambda I)^-1 E^T.

So a round trip that starts on the smaller grid returns its input: for n >= m, U_d reads exactly the head that U_e
wrote, up to 8-bit rounding. Bilinear or area resizing destroys it (`tests/test_pixels.py` measures both).
"""

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from keras import ops

RIDGE = 1e-3  # lambda: keeps E+ from amplifying 8-bit rounding noise where E is nearly singular

Tensor = Any  # of the running Keras backend, inside a network or a training step; `np.ndarray` is used elsewhere


def to_float(image: np.ndarray) -> np.ndarray:
    """uint8 [0, 255] -> float32 [0, 1], any shape (section IV-A: "scaled to the unit interval")."""
    return np.asarray(image, np.float32) / 255.0


def to_uint8(image: np.ndarray) -> np.ndarray:
    """float [0, 1] -> uint8 [0, 255], any shape; values outside are clipped, halves rounded to even."""
    return np.round(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def round_to_8_bits(image: Tensor) -> Tensor:
    """Rounds a [0, 1] tensor to multiples of 1/255; the gradient passes straight through.

    A real frame stores 8 bits, and rounding has no useful gradient: the forward pass rounds, the backward pass is the
    identity.

        y = x + stop_gradient(round(255 x) / 255 - x)

    Args:
        image: float32 tensor of any shape; values outside [0, 1] are clipped.

    Returns:
        The same shape, multiples of 1/255 in [0, 1].
    """
    clipped = ops.clip(image, 0.0, 1.0)
    return clipped + ops.stop_gradient(ops.round(clipped * 255.0) / 255.0 - clipped)


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
    return np.clip(resample(to_float(crop), size, size), 0.0, 1.0)


def to_roi(face: np.ndarray, height: int, width: int) -> np.ndarray:
    """A network output as pixels to paste: float32 `(size, size, 3)` in [0, 1] -> uint8 `(height, width, 3)`."""
    return to_uint8(resample(face, height, width))


def noise_channel(rng: np.random.Generator, size: int) -> np.ndarray:
    """The 4th channel of U_e: `(size, size, 1)` float32 of U(0, 1) (section IV-A).

    Args:
        rng: numpy Generator; use one per track or sequence, so that a person keeps one virtual face.
        size: int, side of the network input in pixels.
    """
    return rng.random((size, size, 1), dtype=np.float32)


def standardize(image: Tensor) -> Tensor:
    """Scales each image of a batch to zero mean and unit variance over all its pixels and channels.

    This is D_a's input, in training and in use (REPRODUCTION.md: the published code trains on one standardisation and
    uses another).

        y = (x - mean(x)) / sqrt(variance(x) + 1e-6)

    Args:
        image: float32 `(B, H, W, C)`.

    Returns:
        float32 `(B, H, W, C)`, mean 0 and variance 1 per image; a flat image becomes zeros.
    """
    mean = ops.mean(image, axis=(1, 2, 3), keepdims=True)
    variance = ops.mean(ops.square(image - mean), axis=(1, 2, 3), keepdims=True)
    return (image - mean) / ops.sqrt(variance + 1e-6)
