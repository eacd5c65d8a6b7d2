"""The channel inside the training graph, and the conditions that a batch meets in it."""

from collections.abc import Callable

import numpy as np
from keras import ops

from uunet import pixels
from uunet.channel import jpeg, video_codec
from uunet.config import ChannelConfig
from uunet.pixels import Tensor


def sample_conditions(
    config: ChannelConfig, sequences: int, rng: np.random.Generator, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Samples the conditions of one pass of a batch through the channel.

    Args:
        config: `config.ChannelConfig`.
        sequences: int, sequences per batch.
        rng: numpy Generator.
        step: int; the degradation grows with it until `config.ramp`.

    Returns:
        order: int32 `(sequences,)`, a permutation: which sequence gets which of the sizes.
        degradation: int32 `(len(config.sizes), 4)`: for each size, the kind of degradation (0 none, k the k-th of
            `config.damages`), its quality or crf, and (top, left) of the head in the grid of macroblocks.
    """
    count, kinds = len(config.sizes), len(config.damages)
    strength = min(1.0, step / config.ramp)
    order = rng.permutation(sequences)
    kind = rng.integers(1 + kinds, size=count) * (rng.random(count) < strength)
    easiest, hardest = np.array([(0, 0), *((one.easiest, one.hardest) for one in config.damages)]).T
    quality = easiest[kind] + strength * rng.random(count) * (hardest - easiest)[kind]
    corner = rng.integers(video_codec.GRID, size=(2, count))
    return order.astype(np.int32), np.stack([kind, np.round(quality), *corner], axis=1).astype(np.int32)


class Channel:
    """The channel of the pipeline as part of the training graph: differentiable, with many ROI sizes in one batch.

    The sequences of a batch are dealt out to the ROI sizes as evenly as possible, so all shapes are known in advance
    and each head passes through one size only. All sequences of one size meet the same degradation
    (`sample_conditions`).

    Args:
        config: `config.ChannelConfig` with at least one size and at most one size per sequence.
        size: int, side of the network's heads in pixels.
        sequences: int, sequences per batch.
        outside: callable `(function, image, quality) -> tensor like image`, which runs a NumPy function outside of the
            graph: the backend's own.
    """

    def __init__(self, config: ChannelConfig, size: int, sequences: int, outside: Callable) -> None:
        self.config, self.size, self.outside = config, size, outside
        self.shares = [len(share) for share in np.array_split(np.arange(sequences), len(config.sizes))]

    def __call__(self, faces: Tensor, order: Tensor, degradation: Tensor) -> Tensor:
        """What U_d receives.

        Args:
            faces: float32 `(B, size, size, 3)` in [0, 1], B = sequences x frames in that order.
            order, degradation: from `sample_conditions`.

        Returns:
            float32 `(B, size, size, 3)` in [0, 1].
        """
        sequences = ops.reshape(faces, (sum(self.shares), -1, *faces.shape[1:]))
        frames = sequences.shape[1]
        sequences = ops.take(sequences, order, axis=0)
        received, start = [], 0
        for k, (n, share) in enumerate(zip(self.config.sizes, self.shares, strict=True)):
            some = ops.reshape(sequences[start : start + share], (share * frames, *faces.shape[1:]))
            received.append(self._through(some, n, frames, ops.unstack(degradation[k], 4)))
            start += share
        received = ops.reshape(ops.concatenate(received, axis=0), sequences.shape)
        return ops.reshape(ops.take(received, ops.argsort(order), axis=0), faces.shape)

    def _through(self, faces, n, frames, degradation):
        """`(share x frames, size, size, 3)` through ROIs of n x n pixels, pasted as in `video_codec`."""
        out, back = (
            pixels.resampling_matrix(self.size, n),
            pixels.resampling_matrix(n, self.size),
        )  # (n, size), (size, n)
        if not self.config.damages:
            roi = pixels.round_to_8_bits(_separable(out, out, faces))
            return ops.clip(_separable(back, back, roi), 0.0, 1.0)
        kind, quality, *corner = degradation
        places = [ops.arange(video_codec.canvas_side(n), dtype="int32") - first for first in corner]  # of canvas in ROI
        inside = [ops.cast((place >= 0) & (place < n), "float32") for place in places]
        places = [ops.clip(place, 0, n - 1) for place in places]  # the edges of the ROI continue around it
        rows, columns = (ops.take(out, place, axis=0) for place in places)  # (canvas, size) each
        canvas = pixels.round_to_8_bits(_separable(rows, columns, faces))
        kinds = [lambda canvas, quality: canvas, *(self._degrade(one.kind, frames) for one in self.config.damages)]
        canvas = ops.switch(kind, kinds, canvas, quality)
        # (size, canvas) each
        rows, columns = (ops.take(back, place, axis=1) * mask for place, mask in zip(places, inside, strict=True))
        return ops.clip(_separable(rows, columns, canvas), 0.0, 1.0)

    def _degrade(self, kind, frames):
        """A kind of degradation as a function `(canvas, quality) -> canvas`."""
        if kind == "chroma":
            return lambda canvas, quality: jpeg.subsample(canvas)
        if kind == "jpeg":
            return jpeg.round_trip

        def encoded(canvas, quality):
            sequences = pixels.to_uint8(canvas).reshape(-1, frames, *canvas.shape[1:])
            decoded = np.stack([video_codec.round_trip(sequence, quality, name=kind) for sequence in sequences])
            return pixels.to_float(decoded).reshape(canvas.shape).astype(canvas.dtype)

        def straight_through(canvas, quality):
            return canvas + ops.stop_gradient(self.outside(encoded, ops.stop_gradient(canvas), quality) - canvas)

        return straight_through


def _separable(rows, columns, images):
    """`rows @ image @ columns^T` of each image and colour: `(B, h, w, c)` -> `(B, H, W, c)`."""
    return ops.einsum("ah,nhwc,bw->nabc", rows, images, columns)
