"""Metrics of pictures."""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio

HIGHEST = 10 * np.log10(255**2 / (1 / 12))  # dB, 58.9: 1/12 is the mean squared error of rounding to 8 bits


def psnr(x: np.ndarray, r: np.ndarray, data_range: float = 255) -> np.ndarray:
    """Peak signal-to-noise ratio of each picture:

        min(10 log10(data_range^2 / mse), HIGHEST)

    No error counts for less than that of rounding, so that equal pictures have 58.9 dB, not infinity.

    Args:
        x, r: `(N, ..., 3)`, N pictures: uint8, or float with a `data_range` of 1.
        data_range: float, the largest value of a pixel.

    Returns:
        float `(N,)`, dB.
    """
    with np.errstate(divide="ignore"):  # of equal pictures
        found = [peak_signal_noise_ratio(one, other, data_range=data_range) for one, other in zip(x, r, strict=True)]
    return np.minimum(np.array(found, float), HIGHEST)
