"""What happens to a face between U_e and U_d: resize to the ROI, 8-bit rounding, paste, and back.

A ROI is rarely 64 x 64. One rule moves pixels between a ROI axis of n pixels and a network axis of m:

    the smaller grid is embedded in the larger one by cubic interpolation, E;
    the way back is its regularised least-squares inverse, E+ = (E^T E + lambda I)^-1 E^T.

So a round trip that starts on the smaller grid returns what went in: for n >= m, U_d reads exactly the face U_e
wrote (up to 8-bit rounding), which plain bilinear or area resizing destroys (`tests/test_channel.py` measures both).
The operator is separable and linear: a matrix an axis, the same in the pipeline and, differentiable, in training.
"""

from functools import lru_cache

import cv2
import numpy as np
from keras import ops

from uunet import pixels

RIDGE = 1e-3  # lambda: keeps E+ from amplifying 8-bit rounding noise where E is nearly singular


@lru_cache(maxsize=1024)
def resampling_matrix(source, target):
    """The linear map from an axis of `source` pixels to one of `target` pixels.

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
    # resizing the unit vectors one by one spells out OpenCV's cubic interpolation as a matrix
    return cv2.resize(np.eye(source, dtype=np.float32), (source, target), interpolation=cv2.INTER_CUBIC)


def resample(image, height, width):
    """Resizes `(h, w, c)` float pixels to `(height, width, c)`; the result may overshoot [0, 1] a little."""
    rows = resampling_matrix(image.shape[0], height)
    columns = resampling_matrix(image.shape[1], width)
    return np.einsum("ah,hwc,bw->abc", rows, image, columns, optimize=True)


def to_network(crop, size):
    """A ROI's pixels as a network input.

    Args:
        crop: uint8 `(h, w, 3)`, the pixels under a ROI, RGB.
        size: int, side of the network input in pixels (64 in the paper).

    Returns:
        float32 `(size, size, 3)` in [0, 1].
    """
    return np.clip(resample(pixels.to_float(crop), size, size), 0.0, 1.0)


def to_roi(face, height, width):
    """A network output as pixels to paste: float32 `(size, size, 3)` in [0, 1] -> uint8 `(height, width, 3)`."""
    return pixels.to_uint8(resample(face, height, width))


class Channel:
    """The same journey inside the training graph: differentiable, many ROI sizes in one batch.

    Args:
        sizes: ints, the ROI sides in pixels that training draws from.
        size: int, side of the network's faces in pixels.

    Calling it with faces float32 `(B, size, size, 3)` in [0, 1] and `index` int32 `(B,)` into `sizes` returns what
    U_d receives: resized to the ROI, rounded to 8 bits (gradient passed straight through), resized back.
    """

    def __init__(self, sizes, size):
        longest = max(sizes)
        out = np.zeros((len(sizes), longest, size), np.float32)
        back = np.zeros((len(sizes), size, longest), np.float32)
        for k, n in enumerate(sizes):  # shorter ROIs are zero-padded to one shape; the padding is never read back
            out[k, :n] = resampling_matrix(size, n)
            back[k, :, :n] = resampling_matrix(n, size)
        self.out, self.back = out, back

    def __call__(self, faces, index):
        out = ops.take(ops.convert_to_tensor(self.out), index, axis=0)  # (B, longest, size)
        back = ops.take(ops.convert_to_tensor(self.back), index, axis=0)  # (B, size, longest)
        roi = ops.einsum("bnh,bhwc,bmw->bnmc", out, faces, out)
        roi = pixels.round_to_8_bits(roi)
        return ops.clip(ops.einsum("bhn,bnmc,bwm->bhwc", back, roi, back), 0.0, 1.0)
