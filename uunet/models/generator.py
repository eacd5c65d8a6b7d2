"""The generator draws a head without seeing it; the reader says the little of the head that it is told; their critic.

Beyond the paper, whose U_e sees x and hides it in a. Where the original is sealed beside the picture, nothing has to be
hidden in a, so a need not depend on the face:

    k = 1 where |dx / .4375|^3 + |dy / .5156|^3 <= 1, else 0      what is removed, the same in every crop
    y = (1 - k) x                                                 the surroundings
    p, l = R(x)                                                   NUMBERS and label logits, from the reader
    f = G(y, p, labels, z)                                        a picture
    a = b f + (1 - b) y                                           b = 1 where k = 1, and falls to 0 around it

dx and dy are distances from the point (0.5, 0.516) of the crop, in sides. k depends on the crop alone, so no network
has to find the head. On rendered heads it removes 99.7 % of the pixels of skin and hair (docs/training-log.md).

What of x enters a:

- y, the pixels around the head. Long hair may reach into them.
- p, nine numbers. From them, the surroundings and the labels an attacker could at best tell people apart:

      column, row      mean place of the LANDMARKS, hidden ones too: distance from the crop's centre, in sides
      size             log of the root mean square distance of the landmarks from that place, in sides
      yaw, pitch       in radians, as the renderer defines them
      roll             in radians, clockwise in the picture
      mouth            distance of the lips, relative to exp(size)
      right, down      how much brighter the face is to the right and below: mean of the distance from its centre,
                       weighted by brightness, relative to exp(size)

- labels: what s asks for. Where s keeps a label, it is x's, from l.

z, CODES numbers from N(0, 1), says which person is drawn. It is the same for a whole track.

Both networks can be grown [Karras et al. 2018]: an outer level is put around networks of half the size. Its last
convolutions start at 0, so at first a is an enlargement of what the inner networks draw, and the critic scores
what they see.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from scipy import special

from uunet import labels as vocabulary
from uunet.models import precision
from uunet.models.twin import shuffle, unshuffle
from uunet.pixels import Tensor

NUMBERS = ("column", "row", "size", "yaw", "pitch", "roll", "mouth", "right", "down")
MEAN = (0.0, 0.15, -1.74, 0.0, 0.14, 0.0, 0.13, 0.0, 0.0)  # of rendered heads
SPREAD = (0.11, 0.035, 0.1, 0.6, 0.2, 0.1, 0.1, 0.2, 0.2)
MIRRORED = (-1, 1, 1, -1, 1, -1, 1, -1, 1)  # factors of the numbers of a mirrored picture
WORDS = sum(map(len, vocabulary.VALUES.values()))  # values of all labels together
FOLD = 2  # squares of 2 x 2 pixels become channels
WINDOW = 1.0  # standard deviation of the weights of `right` and `down`, in exp(size)
LEAK = 0.2


def removed(height: int, width: int | None = None) -> np.ndarray:
    """k: bool `(height, width)`, the pixels that the generator never sees; a square without `width`."""
    return _radius(height, width) <= 1


def blending(height: int, width: int | None = None) -> np.ndarray:
    """b: float32 `(height, width, 1)`, 1 where `removed`, and falling to 0 over 1/12 of the ellipse around it."""
    return np.clip((13 / 12 - _radius(height, width)) * 12, 0, 1).astype(np.float32)[..., None]


def _radius(height, width):
    """Distance of each pixel from the middle of a rounded rectangle, 1 on its edge: `(height, width)`."""
    rows, columns = ((np.arange(side) + 0.5) / side for side in (height, width or height))
    right, down = np.abs(columns - 0.5) / 0.4375, np.abs(rows - 0.516) / 0.5156
    return (right[None] ** 3 + down[:, None] ** 3) ** (1 / 3)


def surroundings(x: Tensor) -> Tensor:
    """y: pictures `(B, S, S, 3)` with the head's pixels set to 0, whatever their values."""
    return ops.where(ops.convert_to_tensor(removed(x.shape[1])[..., None]), ops.zeros_like(x), x)


def code_of(noise: np.ndarray, codes: int) -> np.ndarray:
    """z of a track: the first values of its noise channel `(S, S, 1)` of U(0, 1), as float32 `(codes,)` of N(0, 1)."""
    uniform = np.clip(np.ravel(noise)[:codes].astype(np.float64), 1e-6, 1 - 1e-6)
    return special.ndtri(uniform).astype(np.float32)


def _halved(y):
    """Surroundings at half the side: means of 2 x 2 pixels, of those that are not removed. `(B, S, S, 3)`."""
    size = y.shape[1]
    share = 1 - removed(size).reshape(size // 2, 2, size // 2, 2).mean(axis=(1, 3))
    return surroundings(ops.average_pool(y, 2) / np.maximum(share, 0.25).astype(np.float32)[..., None])


def _doubled(x):
    """Bilinear enlargement to twice the side: `(B, S, S, C)` -> `(B, 2 S, 2 S, C)`."""
    size = x.shape[1]
    places = np.clip((np.arange(2 * size) + 0.5) / 2 - 0.5, 0, size - 1)
    weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(size))).astype(np.float32)
    return ops.einsum("ih,bhwc,jw->bijc", weights, x, weights)


def one_hot(codes: np.ndarray) -> np.ndarray:
    """Labels as the networks take them: int `(B, 3)`, codes in the order of `labels.VALUES`, -> float32 `(B, WORDS)`.

    An unknown label is all zeros.
    """
    parts = [codes[:, k, None] == np.arange(len(words)) for k, words in enumerate(vocabulary.VALUES.values())]
    return np.concatenate(parts, axis=1).astype(np.float32)


class ModulatedConv2D(layers.Conv2D):
    """A convolution whose kernels are scaled per picture by a style, then to a length of sqrt(2) each [StyleGAN2]:

        w'_ik = s_i w_ik / |s w_k| sqrt(2)

    Inputs are `(B, H, W, C)` and the style `(B, C)`.
    """

    def __init__(self, kernels: int, size: int = 3, **named: Any) -> None:
        super().__init__(kernels, size, padding="same", **named)
        self.input_spec = None  # Conv2D expects a single input

    def build(self, x_shape: tuple, style_shape: tuple) -> None:
        super().build(x_shape)
        self.input_spec = None

    def call(self, x: Tensor, style: Tensor) -> Tensor:
        squares = ops.sum(ops.square(self.kernel), axis=(0, 1))  # (C, K)
        length = ops.matmul(ops.square(style), squares)  # (B, K)
        y = ops.conv(x * style[:, None, None], self.kernel, padding="same")
        return y * ops.rsqrt(0.5 * length + 1e-8)[:, None, None] + self.bias

    def compute_output_shape(self, x_shape: tuple, style_shape: tuple | None = None) -> tuple:
        return super().compute_output_shape(x_shape)


def head_generator(
    *,
    size: int = 64,
    widths: Sequence[int] = (32, 64, 128, 192),
    codes: int = 64,
    outer: int = 0,
    name: str = "generator",
) -> keras.Model:
    """G and the blending: surroundings, numbers, labels and a code to a picture of somebody in them.

    A U-Net; the kernels of its second half are modulated by the code, the labels, the numbers and the mean features of
    its first half ("co-modulated", Zhao et al. 2021). It has no normalisation but that of `ModulatedConv2D`.

    Args:
        size: int, side of the images in pixels, a multiple of 2^len(widths), with an outer level of twice that.
        widths: kernels at 1/2, 1/4, 1/8 ... of the side; with an outer level at 1/4, 1/8, 1/16 ...
        codes: int, length of z.
        outer: int, kernels of the outer level at 1/2 of the side; 0: there is none.
        name: str.

    Returns:
        keras.Model: dict of `image` float32 `(B, S, S, 3)` in [0, 1], `numbers` `(B, 9)`, `labels` `(B, WORDS)` from
        `one_hot`, `code` `(B, codes)`, to a, float32 `(B, S, S, 3)` in [0, 1].
    """
    inputs = _inputs(size) | {"code": keras.Input((codes,), name="code")}
    y, numbers = surroundings(inputs["image"]), _standard(inputs["numbers"])

    def seen(y):
        k = 0 * y[..., :1] + removed(y.shape[1])[..., None].astype(np.float32)
        return _folded(ops.concatenate([y - 0.5, k], axis=-1), inputs["numbers"])

    x = seen(_halved(y) if outer else y)
    skips = []
    for k, width in enumerate(widths):
        x = _convolution(x, width, f"down{k}", stride=1 if k == 0 else 2)
        if outer and k == 0:
            finest = _convolution(seen(y), outer, "outer_down")
            x = x + _convolution(finest, width, "outer_in", stride=2, start="zeros")
        skips.append(x)
    asked = ops.concatenate([inputs["code"], inputs["labels"], numbers], axis=-1)
    for k in range(2):
        asked = layers.LeakyReLU(LEAK)(layers.Dense(128, name=f"map{k}")(asked))
    style = ops.concatenate([asked, layers.GlobalAveragePooling2D()(x)], axis=-1)
    for k in reversed(range(len(widths))):
        if k < len(widths) - 1:
            x = (layers.UpSampling2D()(x) + skips[k]) * 0.7
        x = _modulated(x, style, widths[k], f"up{k}_a")
        if k:
            x = _modulated(x, style, widths[k - 1], f"up{k}_b")
    drawn = shuffle(_output(x, "output"), FOLD)
    if outer:
        x = (_modulated(layers.UpSampling2D()(x), style, outer, "outer_up_a") + finest) * 0.7
        x = _modulated(x, style, outer, "outer_up_b")
        drawn = _doubled(drawn) + shuffle(_output(x, "outer_output", start="zeros"), FOLD)
    f, b = ops.sigmoid(drawn), blending(size)
    return keras.Model(inputs, f * b + y * (1 - b), name=name)


def head_critic(
    *, size: int = 64, widths: Sequence[int] = (32, 64, 128, 192), outer: int = 0, name: str = "head_critic"
) -> keras.Model:
    """D: how real a picture looks, given the numbers and labels that it should show.

    Args:
        size, widths, outer, name: as of `head_generator`.

    Returns:
        keras.Model: dict of `image`, `numbers`, `labels` as of `head_generator` to float32 `(B, 1)`, unbounded.
    """
    inputs = _inputs(size)
    image = inputs["image"] * 2 - 1
    x = _folded(ops.average_pool(image, 2) if outer else image, inputs["numbers"])
    for k, width in enumerate(widths):
        x = _convolution(x, width, f"conv{k}", stride=1 if k == 0 else 2)
        if outer and k == 0:
            finest = _convolution(_folded(image, inputs["numbers"]), outer, "outer_conv")
            x = x + _convolution(finest, width, "outer_in", stride=2, start="zeros")
    x = _convolution(x, widths[-1], "last")
    found = layers.LeakyReLU(LEAK)(layers.Dense(128, name="features")(layers.Flatten()(x)))
    asked = layers.Dense(128, name="asked")(ops.concatenate([inputs["labels"], _standard(inputs["numbers"])], axis=-1))
    fits = ops.sum(found * asked, axis=-1, keepdims=True) / 128**0.5  # projection [Miyato and Koyama 2018]
    score = layers.Dense(1, dtype=precision.exact(), name="score")(found)
    return keras.Model(inputs, score + ops.cast(fits, precision.exact()), name=name)


def head_reader(*, size: int = 64, width: int = 24, name: str = "reader") -> keras.Model:
    """R: what the generator is told of a head.

    Args:
        size: int, side of the images in pixels, a multiple of 32.
        width: int, kernels of the first level.
        name: str.

    Returns:
        keras.Model: float32 `(B, S, S, 3)` in [0, 1] to a dict of `numbers`, `(B, 9)`, and the logits of each label,
        `(B, n)`.
    """
    x = keras.Input((size, size, 3), name="image")
    y = unshuffle(x - 0.5, FOLD)
    for k in range(4):
        y = layers.MaxPooling2D(2)(_convolution(y, width * min(2**k, 4), f"read{k}"))
    y = layers.Dropout(0.2, name="forget")(layers.Flatten()(y))
    y = layers.LeakyReLU(LEAK)(layers.Dense(128, name="features")(y))
    mean, spread = (np.array(values[:-2], np.float32) for values in (MEAN, SPREAD))
    read = layers.Dense(len(mean), dtype=precision.exact(), name="numbers")(y) * spread + mean
    numbers = ops.concatenate([read, shading(x, read)], axis=-1)
    logits = {
        label: layers.Dense(len(words), dtype=precision.exact(), name=label)(y)
        for label, words in vocabulary.VALUES.items()
    }
    return keras.Model(x, {"numbers": numbers} | logits, name=name)


def shading(x: Tensor, numbers: Tensor) -> Tensor:
    """`right` and `down` of pictures `(B, S, S, 3)` with `column`, `row` and `size`, the first of `numbers`: `(B, 2)`.

    sum_p w_p v_p d_p / sum_p w_p v_p,  d_p = (p - centre) / exp(size),  w_p = exp(-|d_p|^2 / 2 WINDOW^2)
    """
    size = x.shape[1]
    places = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    unit = ops.exp(numbers[:, 2])[:, None]
    right, down = (ops.subtract(places, numbers[:, k, None]) / unit for k in (0, 1))  # (B, S) each
    weights = [ops.exp(-0.5 * ops.square(axis / WINDOW)) for axis in (right, down)]
    bright = ops.mean(x, axis=-1) * weights[1][:, :, None] * weights[0][:, None]  # (B, S, S), rows first
    total = ops.sum(bright, axis=(1, 2)) + 1e-3
    sums = [ops.sum(bright * right[:, None], axis=(1, 2)), ops.sum(bright * down[:, :, None], axis=(1, 2))]
    return ops.stack([one / total for one in sums], axis=-1)


def face_coordinates(numbers: Tensor, cells: int) -> Tensor:
    """Where each cell of a picture is, as seen from the face: `(B, cells, cells, 2)`, in units of 2 exp(size).

    The first coordinate runs along the line of the eyes, the second down the nose.
    """
    places = (np.arange(cells, dtype=np.float32) + 0.5) / cells - 0.5
    unit = 2 * ops.exp(numbers[:, 2])[:, None, None]
    right = ops.subtract(places[None, None], numbers[:, 0, None, None]) / unit  # (B, 1, cells)
    down = ops.subtract(places[None, :, None], numbers[:, 1, None, None]) / unit  # (B, cells, 1)
    cos, sin = (function(numbers[:, 5])[:, None, None] for function in (ops.cos, ops.sin))
    # a sum of both would be taken for that of a convolution and its biases by Keras, where B = 1
    return ops.stack([cos * right - -sin * down, cos * down - sin * right], axis=-1)


def _inputs(size):
    shapes = {"image": (size, size, 3), "numbers": (len(NUMBERS),), "labels": (WORDS,)}
    return {name: keras.Input(shape, name=name) for name, shape in shapes.items()}


def _standard(numbers):
    return (numbers - np.array(MEAN, np.float32)) / np.array(SPREAD, np.float32)


def _folded(x, numbers):
    """Pictures as the first convolution takes them, with `face_coordinates`: `(B, S/FOLD, S/FOLD, FOLD^2 C + 2)`."""
    return ops.concatenate([unshuffle(x, FOLD), face_coordinates(numbers, x.shape[1] // FOLD)], axis=-1)


def _convolution(x, kernels, name, stride=1, start="he_normal"):
    x = layers.Conv2D(kernels, 3, stride, padding="same", kernel_initializer=start, name=name)(x)
    return layers.LeakyReLU(LEAK)(x)


def _output(x, name, start="glorot_uniform"):
    return layers.Conv2D(FOLD**2 * 3, 3, padding="same", dtype=precision.exact(), kernel_initializer=start, name=name)(
        x
    )


def _modulated(x, style, kernels, name):
    gains = layers.Dense(x.shape[-1], bias_initializer="ones", name=f"{name}_style")(style)
    return layers.LeakyReLU(LEAK)(ModulatedConv2D(kernels, name=name)(x, gains))
