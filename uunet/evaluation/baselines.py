"""The simple de-identifiers of Table II: uint8 `(H, W, 3)` -> uint8 `(H, W, 3)`, not reversible."""

import cv2
import numpy as np
from skimage import segmentation


def superpixels(image: np.ndarray, count: int) -> np.ndarray:
    """Each pixel becomes the mean of its superpixel (Butler et al. [7]).

    Args:
        image: uint8 `(H, W, 3)`.
        count: int, superpixels asked of SLIC, which may find some fewer.
    """
    segments = segmentation.slic(image, n_segments=count, start_label=0)
    size = np.bincount(segments.ravel())
    sums = np.stack([np.bincount(segments.ravel(), image[..., k].ravel()) for k in range(3)], axis=-1)
    return np.round(sums / np.maximum(size, 1)[:, None]).astype(np.uint8)[segments]


def low_resolution(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Down to rows x columns pixels by area, and up again, bilinearly (Ryoo et al. [45])."""
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)


def pixelated(image: np.ndarray, blocks: int) -> np.ndarray:
    """Each of blocks x blocks parts of the picture becomes its mean."""
    small = cv2.resize(image, (blocks, blocks), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur; `sigma` is relative to the picture's height."""
    return cv2.GaussianBlur(image, (0, 0), sigma * image.shape[0], borderType=cv2.BORDER_REPLICATE)
