"""Pixel ranges: the only place that converts between uint8, [0, 1] and standardised values."""

from typing import Any

import numpy as np
from keras import ops

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
