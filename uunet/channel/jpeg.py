"""YCbCr, 4:2:0 and JPEG inside the training graph. Gradients pass straight through the rounding."""

import numpy as np
from keras import ops
from scipy.fft import dct

from uunet import pixels
from uunet.pixels import Tensor

# BT.601: Y = .299 R + .587 G + .114 B, Cb = (B - Y) / 1.772, Cr = (R - Y) / 1.402
LUMA = np.array([0.299, 0.587, 0.114])
YCBCR = np.stack([LUMA, ([0, 0, 1] - LUMA) / 1.772, ([1, 0, 0] - LUMA) / 1.402]).astype(np.float32)
RGB = np.linalg.inv(YCBCR).astype(np.float32)

DCT = dct(np.eye(8), axis=0, norm="ortho").astype(np.float32)  # row u is the u-th cosine

# ITU-T T.81, tables K.1 (luma) and K.2 (chroma): steps of quantisation at quality 50, rows are vertical frequencies
LUMA_STEPS = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.int32,
)
CHROMA_STEPS = np.full((8, 8), 99, np.int32)
CHROMA_STEPS[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]


def to_ycbcr(rgb: Tensor) -> Tensor:
    """`(..., 3)` in [0, 1] -> Y in [0, 1], Cb and Cr in [-1/2, 1/2]: full range. `to_rgb` is the inverse."""
    return ops.matmul(rgb, YCBCR.T)


def to_rgb(ycbcr: Tensor) -> Tensor:
    """The inverse of `to_ycbcr`; may overshoot [0, 1]."""
    return ops.matmul(ycbcr, RGB.T)


def subsample(image: Tensor) -> Tensor:
    """8-bit 4:2:0 video without compression: limited range, one chroma sample per 2 x 2 pixels.

    Args:
        image: float32 `(B, H, W, 3)` in [0, 1], RGB, H and W even.

    Returns:
        float32 `(B, H, W, 3)`, multiples of 1/255 in [0, 1].
    """
    luma, chroma = _split(to_ycbcr(image))
    luma = _round(219 * luma) / 219  # 16..235
    chroma = _round(224 * _halved(chroma)) / 224  # 16..240
    chroma = ops.repeat(ops.repeat(chroma, 2, axis=1), 2, axis=2)  # as FFmpeg's fast conversion to RGB does
    return pixels.round_to_8_bits(to_rgb(ops.concatenate([luma, chroma], axis=-1)))


def round_trip(image: Tensor, quality: int | Tensor) -> Tensor:
    """A baseline JPEG file with 4:2:0, written and read: 45 dB and more from Pillow's (see its test).

    Args:
        image: float32 `(B, H, W, 3)` in [0, 1], RGB, H and W multiples of 16.
        quality: int 1..100, or a scalar tensor of it.

    Returns:
        float32 `(B, H, W, 3)`, multiples of 1/255 in [0, 1].
    """
    luma, chroma = _split(_round(255 * to_ycbcr(image)))
    height, width = luma.shape[1:3]
    luma = _quantize(luma - 128, LUMA_STEPS, quality) + 128
    chroma = _round(_halved(chroma))
    chroma = _quantize(chroma, CHROMA_STEPS, quality)
    chroma = ops.image.resize(chroma, (height, width), interpolation="bilinear", data_format="channels_last")
    return pixels.round_to_8_bits(to_rgb(ops.concatenate([luma, chroma], axis=-1) / 255))


def steps_at(steps: np.ndarray, quality: int | Tensor) -> Tensor:
    """A quantisation table at any quality, as libjpeg scales it: int `(8, 8)` -> int32 tensor `(8, 8)`."""
    quality = ops.cast(quality, "int32")
    percent = ops.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return ops.clip((steps * percent + 50) // 100, 1, 255)


def _quantize(planes, steps, quality):
    """DCT of 8 x 8 blocks, rounding to multiples of the steps, inverse: levels `(B, H, W, C)` -> the same."""
    _, height, width, count = planes.shape
    steps = ops.reshape(ops.cast(steps_at(steps, quality), planes.dtype), (8, 1, 8, 1))
    blocks = ops.reshape(planes, (-1, height // 8, 8, width // 8, 8, count))
    coefficients = ops.einsum("ui,bhiwjc,vj->bhuwvc", DCT, blocks, DCT)
    blocks = ops.einsum("ui,bhuwvc,vj->bhiwjc", DCT, steps * _round(coefficients / steps), DCT)
    return ops.reshape(blocks, (-1, height, width, count))


def _halved(planes):
    return ops.average_pool(planes, 2, strides=2, data_format="channels_last")


def _split(ycbcr):
    return ycbcr[..., :1], ycbcr[..., 1:]


def _round(x):
    return x + ops.stop_gradient(ops.round(x) - x)
