"""Linear light and sRGB: all rendering is done in linear light, colours are written down as 8-bit sRGB."""

import numpy as np


def from_srgb(rgb) -> np.ndarray:
    """8-bit sRGB values [0, 255] (any shape, float or int) -> linear light [0, 1], float64."""
    c = np.asarray(rgb, float) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def to_srgb(light: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB [0, 1]; values outside [0, 1] are clipped."""
    x = np.clip(light, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.power(x, 1 / 2.4) - 0.055)


def expose(light: np.ndarray) -> np.ndarray:
    """A camera's response: linear up to 0.62, then a soft shoulder that never clips, then sRGB [0, 1]."""
    knee = 0.62
    x = np.maximum(light, 0)
    return to_srgb(np.where(x < knee, x, knee + (1 - knee) * (1 - np.exp(-(x - knee) / (1 - knee)))))
