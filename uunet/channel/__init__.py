"""What happens to a face between U_e and U_d: resize to the ROI, 8-bit rounding, paste, lossy files, and back.

A ROI is rarely 64 x 64. One rule moves pixels between a ROI axis of n pixels and a network axis of m:

    the smaller grid is embedded in the larger one by cubic interpolation, E;
    the way back is its regularised least-squares inverse, E+ = (E^T E + lambda I)^-1 E^T.

So a round trip that starts on the smaller grid returns what went in: for n >= m, U_d reads exactly the face U_e
wrote (up to 8-bit rounding), which plain bilinear or area resizing destroys
(`tests/channel/test_channel.py` measures both).
The operator is separable and linear: a matrix an axis, the same in the pipeline and, differentiable, in training.

Lossy files do the rest of the damage. 4:2:0 and JPEG are part of the graph; real video encoders (`codec`) run outside
of it. Gradients pass straight through what has none: rounding, and the encoders as a whole.
"""

from functools import lru_cache

import cv2
import numpy as np
from keras import ops
from scipy.fft import dct

from uunet import pixels
from uunet.channel import video_codec

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


def to_ycbcr(rgb):
    """`(..., 3)` in [0, 1] -> Y in [0, 1], Cb and Cr in [-1/2, 1/2]: full range; `rgb` back with `to_rgb`."""
    return ops.matmul(rgb, YCBCR.T)


def to_rgb(ycbcr):
    """The inverse of `to_ycbcr`; may overshoot [0, 1]."""
    return ops.matmul(ycbcr, RGB.T)


def subsample(image):
    """8-bit 4:2:0 video without compression: limited range, one chroma sample for 2 x 2 pixels.

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


def jpeg(image, quality):
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


def jpeg_steps(steps, quality):
    """A quantisation table at any quality, as libjpeg scales it: int `(8, 8)` -> int32 tensor `(8, 8)`."""
    quality = ops.cast(quality, "int32")
    percent = ops.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return ops.clip((steps * percent + 50) // 100, 1, 255)


def _quantize(planes, steps, quality):
    """DCT of 8 x 8 blocks, rounding to multiples of the steps, inverse: levels `(B, H, W, C)` -> the same."""
    _, height, width, count = planes.shape
    steps = ops.reshape(ops.cast(jpeg_steps(steps, quality), planes.dtype), (8, 1, 8, 1))
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


def draw(config, sequences, rng, step):
    """What one pass of a batch through the channel meets, drawn at random.

    Args:
        config: config.ChannelConfig.
        sequences: int, sequences a batch.
        rng: numpy Generator.
        step: int; the damage grows with it until `config.ramp`.

    Returns:
        order: int32 `(sequences,)`, a permutation: who gets which of the sizes.
        damage: int32 `(len(config.sizes), 4)`: for each size, the kind of damage (0 none, k the k-th of
            `config.damages`), its quality or crf, and (top, left) of the head in the grid of macroblocks.
    """
    count, kinds = len(config.sizes), len(config.damages)
    strength = min(1.0, step / config.ramp)
    order = rng.permutation(sequences)
    kind = rng.integers(1 + kinds, size=count) * (rng.random(count) < strength)
    easiest, hardest = np.array([(0, 0), *((damage.easiest, damage.hardest) for damage in config.damages)]).T
    quality = easiest[kind] + strength * rng.random(count) * (hardest - easiest)[kind]
    corner = rng.integers(video_codec.GRID, size=(2, count))
    return order.astype(np.int32), np.stack([kind, np.round(quality), *corner], axis=1).astype(np.int32)


class Channel:
    """The same journey inside the training graph: differentiable, with many ROI sizes and kinds of damage in one batch.

    The sequences of a batch are dealt out to the ROI sizes, as evenly as they go: all shapes are known in advance, and
    nothing is computed that nobody reads. All sequences of one size meet the same damage; `draw` decides which.

    Args:
        config: config.ChannelConfig with at least one size and at most one a sequence.
        size: int, side of the network's faces in pixels.
        sequences: int, sequences a batch.
        outside: callable `(function, image, quality) -> tensor like image`, which runs a NumPy function outside of the
            graph: the backend's own.
    """

    def __init__(self, config, size, sequences, outside):
        self.config, self.size, self.outside = config, size, outside
        self.shares = [len(share) for share in np.array_split(np.arange(sequences), len(config.sizes))]

    def __call__(self, faces, order, damage):
        """What U_d receives.

        Args:
            faces: float32 `(B, size, size, 3)` in [0, 1], B = sequences x frames in that order.
            order, damage: as `draw` makes them.

        Returns:
            float32 `(B, size, size, 3)` in [0, 1].
        """
        sequences = ops.reshape(faces, (sum(self.shares), -1, *faces.shape[1:]))
        frames = sequences.shape[1]
        sequences = ops.take(sequences, order, axis=0)
        received, start = [], 0
        for k, (n, share) in enumerate(zip(self.config.sizes, self.shares, strict=True)):
            some = ops.reshape(sequences[start : start + share], (share * frames, *faces.shape[1:]))
            received.append(self._through(some, n, frames, ops.unstack(damage[k], 4)))
            start += share
        received = ops.reshape(ops.concatenate(received, axis=0), sequences.shape)
        return ops.reshape(ops.take(received, ops.argsort(order), axis=0), faces.shape)

    def _through(self, faces, n, frames, drawn):
        """`(share x frames, size, size, 3)` by way of ROIs of n x n pixels, pasted as `codec.heads_round_trip` does."""
        out, back = resampling_matrix(self.size, n), resampling_matrix(n, self.size)  # (n, size), (size, n)
        if not self.config.damages:
            roi = pixels.round_to_8_bits(_separable(out, out, faces))
            return ops.clip(_separable(back, back, roi), 0.0, 1.0)
        kind, quality, *corner = drawn
        places = [ops.arange(video_codec.canvas_side(n), dtype="int32") - first for first in corner]  # of canvas in ROI
        inside = [ops.cast((place >= 0) & (place < n), "float32") for place in places]
        places = [ops.clip(place, 0, n - 1) for place in places]  # around the ROI, its edges are continued
        out = [ops.take(out, place, axis=0) for place in places]  # (canvas, size)
        back = [ops.take(back, place, axis=1) * mask for place, mask in zip(places, inside, strict=True)]
        canvas = pixels.round_to_8_bits(_separable(*out, faces))
        kinds = [lambda canvas, quality: canvas, *(self._damage(damage.kind, frames) for damage in self.config.damages)]
        canvas = ops.switch(kind, kinds, canvas, quality)
        return ops.clip(_separable(*back, canvas), 0.0, 1.0)

    def _damage(self, kind, frames):
        """A kind of damage as a function `(canvas, quality) -> canvas`."""
        if kind == "chroma":
            return lambda canvas, quality: subsample(canvas)
        if kind == "jpeg":
            return jpeg

        def encoded(canvas, quality):
            sequences = pixels.to_uint8(canvas).reshape(-1, frames, *canvas.shape[1:])
            decoded = [video_codec.round_trip(sequence, quality, name=kind) for sequence in sequences]
            return pixels.to_float(decoded).reshape(canvas.shape).astype(canvas.dtype)

        def straight_through(canvas, quality):
            return canvas + ops.stop_gradient(self.outside(encoded, ops.stop_gradient(canvas), quality) - canvas)

        return straight_through


def _separable(rows, columns, images):
    """`rows @ image @ columns^T` of each image and colour: `(B, h, w, c)` -> `(B, H, W, c)`."""
    return ops.einsum("ah,nhwc,bw->nabc", rows, images, columns)
