"""Metrics of pictures."""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio

DATA_RANGE = 255  # of 8-bit pictures
HIGHEST = 10 * np.log10(DATA_RANGE**2 / (1 / 12))  # dB, 58.9: 1/12 is the mean squared error of rounding to 8 bits


def psnr(x: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each picture, with a data range of 255:

        min(10 log10(255^2 / mse), HIGHEST)

    No error counts for less than that of rounding, so that equal pictures have 58.9 dB, not infinity.

    Args:
        x, r: uint8 `(N, h, w, 3)`.

    Returns:
        float `(N,)`, dB.
    """
    with np.errstate(divide="ignore"):  # of equal pictures
        found = [peak_signal_noise_ratio(one, other, data_range=DATA_RANGE) for one, other in zip(x, r, strict=True)]
    return np.minimum(np.array(found, float), HIGHEST)
