"""The head detector, beyond the paper: a fully convolutional network for heads in any pose, and what it predicts.

As in CenterNet (Zhou et al. 2019, "Objects as Points"), each cell of STRIDE x STRIDE pixels predicts five numbers:

    channel   meaning
    0         logit of the heat map: is the centre of a head in this cell?
    1, 2      log(w / STRIDE), log(h / STRIDE) of the head, w and h in pixels
    3, 4      centre of the head minus centre of the cell, x and y, in cells

A box, `(x, y, w, h)` in pixels, is the tight one around skull and hair, without the neck, cut at the picture's edge.
`maps_of` computes what the network should predict from boxes, and `boxes_of` reads boxes from what it predicts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import keras
import numpy as np
from keras import layers

STRIDE = 4  # pixels per cell
MULTIPLE = 32  # sides of the input are multiples of this
OUTPUTS = 5  # numbers per cell

SPREAD, LEAST_SPREAD = 0.1, 0.4  # standard deviation of a peak of the heat map: share of the box's side; cells
TWICE = 0.45  # intersection over union of two peaks' boxes from which they are one head


def head_detector(*, width: int = 16, normalized: bool = False, size: tuple[int, int] | None = None) -> keras.Model:
    """A U-shaped network: five halvings, then back to a quarter of the side.

    A 3 x 3 convolution with stride 2 halves each time; at 1/8, 1/16 and 1/32 one, two and two more follow. On the way
    back, the coarser map is enlarged and added to the finer one. A cell sees about 280 x 280 pixels.

    Args:
        width: int, kernels of the first convolution; 2, 4, 6 and 8 times as many at 1/4, 1/8, 1/16 and 1/32.
        normalized: bool, whether batch normalisation follows each convolution, as in training; `folded` removes it.
        size: `(height, width)` of the pictures, multiples of 32; None: any such sizes.

    Returns:
        keras.Model: float32 `(B, H, W, 3)` in [0, 1] to float32 `(B, H/4, W/4, 5)`, see the module.
    """

    def unit(x, kernels, name, side=3, stride=1):
        x = layers.Conv2D(kernels, side, stride, padding="same", use_bias=not normalized, name=name)(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x) if normalized else x
        return layers.ReLU(name=f"{name}_relu")(x)

    def back(coarse, fine, kernels, name):
        coarse = layers.UpSampling2D(name=f"{name}_larger")(unit(coarse, kernels, f"{name}_coarse", side=1))
        fine = unit(fine, kernels, f"{name}_fine", side=1)
        return unit(layers.Add(name=f"{name}_sum")([coarse, fine]), kernels, name)

    image = keras.Input((*(size or (None, None)), 3), name="image")
    x = layers.Rescaling(2.0, -1.0, name="centred")(image)
    x = unit(x, width, "half", stride=2)
    x4 = unit(x, 2 * width, "quarter", stride=2)
    x8 = unit(unit(x4, 4 * width, "eighth", stride=2), 4 * width, "eighth_1")
    x16 = unit(x8, 6 * width, "sixteenth", stride=2)
    for k in (1, 2):
        x16 = unit(x16, 6 * width, f"sixteenth_{k}")
    x32 = unit(x16, 8 * width, "coarsest", stride=2)
    for k in (1, 2):
        x32 = unit(x32, 8 * width, f"coarsest_{k}")
    y = back(x32, x16, 4 * width, "back_sixteenth")
    y = back(y, x8, 3 * width, "back_eighth")
    y = back(y, x4, 2 * width, "back_quarter")
    # the heat map begins at 0.01 everywhere: nearly all cells hold no head
    bias = keras.initializers.Constant(np.array([np.log(0.01 / 0.99), 1.0, 1.0, 0.0, 0.0], np.float32))
    maps = layers.Conv2D(OUTPUTS, 1, bias_initializer=bias, dtype="float32", name="maps")(y)
    return keras.Model(image, maps, name="head_detector")


def folded(model: keras.Model, *, width: int) -> keras.Model:
    """The same function without batch normalisation: each is folded into the convolution before it.

        gamma (w * x - mean) / sqrt(variance + epsilon) + beta
            = (gamma / sqrt(variance + epsilon)) w * x + (beta - gamma mean / sqrt(variance + epsilon))

    Args:
        model: `head_detector(width=width, normalized=True)`, as it predicts (`training=False`).
        width: int.
    """
    plain = head_detector(width=width)
    for layer in plain.layers:
        if not isinstance(layer, layers.Conv2D):
            continue
        trained = [np.asarray(value) for value in model.get_layer(layer.name).get_weights()]
        if layer.name != "maps":
            norm = model.get_layer(f"{layer.name}_norm")
            gamma, beta, mean, variance = (np.asarray(value) for value in norm.get_weights())
            scale = gamma / np.sqrt(variance + norm.epsilon)
            trained = [trained[0] * scale, beta - mean * scale]
        layer.set_weights(trained)
    return plain


class Maps(NamedTuple):
    """What the network should predict of a picture, per cell.

    Attributes:
        maps: float32 `(h, w, 5)`: heat in [0, 1], log sizes and offsets as in the module; 0 where no head is near.
        near: float32 `(h, w)`, weight of sizes and offsets: the heat in a centre's cell and its 8 neighbours, else 0.
        counts: float32 `(h, w)`, 1 where the heat is learned, 0 in what is to be ignored.
    """

    maps: np.ndarray
    near: np.ndarray
    counts: np.ndarray


def maps_of(boxes: np.ndarray, ignored: np.ndarray, height: int, width: int) -> Maps:
    """What the network should predict of a picture.

    The heat of a cell is the largest over all heads of

        exp( -(dx / s_x)^2 / 2 - (dy / s_y)^2 / 2 ),    s = max(SPREAD side, LEAST_SPREAD)

    where dx and dy are its distances from the cell that holds the head's centre, so that this cell has heat 1.

    Args:
        boxes: float `(n, 4)`, heads (x, y, w, h) in pixels, with their centres in the picture.
        ignored: float `(m, 4)`, boxes in which nothing is learned but the heads in them.
        height, width: int, of the picture in pixels, multiples of STRIDE.

    Returns:
        Maps with `(height / STRIDE, width / STRIDE)` cells.
    """
    rows, columns = height // STRIDE, width // STRIDE
    maps = np.zeros((rows, columns, OUTPUTS), np.float32)
    near, counts = np.zeros((rows, columns), np.float32), np.ones((rows, columns), np.float32)
    for x, y, w, h in np.asarray(ignored, float).reshape(-1, 4) / STRIDE:
        counts[max(0, int(y)) : max(0, int(np.ceil(y + h))), max(0, int(x)) : max(0, int(np.ceil(x + w)))] = 0
    down, across = np.arange(rows)[:, None], np.arange(columns)[None]
    for x, y, w, h in np.asarray(boxes, float).reshape(-1, 4) / STRIDE:
        centre_x, centre_y = x + w / 2, y + h / 2
        row, column = min(int(centre_y), rows - 1), min(int(centre_x), columns - 1)
        spread_x, spread_y = max(SPREAD * w, LEAST_SPREAD), max(SPREAD * h, LEAST_SPREAD)
        heat = np.exp(-(((across - column) / spread_x) ** 2) / 2 - ((down - row) / spread_y) ** 2 / 2)
        own = heat > np.maximum(maps[..., 0], 1e-4)
        of_box = np.broadcast_arrays(heat, np.log(w), np.log(h), centre_x - across - 0.5, centre_y - down - 0.5)
        maps[own] = np.stack(of_box, axis=-1)[own]
        beside = (abs(across - column) <= 1) & (abs(down - row) <= 1)
        near[own] = np.where(beside, heat, 0)[own]
        counts[heat > 1e-2] = 1
    return Maps(maps, near, counts)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)): logits of any shape to the same shape, in (0, 1)."""
    return 1 / (1 + np.exp(-np.asarray(logits, np.float32)))


def boxes_of(heat: np.ndarray, maps: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """The heads that a picture's maps show: local maxima of the heat, by falling heat, each head once.

    Args:
        heat: float `(h, w)` in [0, 1]: the sigmoid of channel 0.
        maps: float `(h, w, 5)`, as the network predicts them; channel 0 is not read.
        threshold: float, the least heat of a head.

    Returns:
        float `(n, 4)`, boxes (x, y, w, h) in pixels; float `(n,)`, their heat.
    """
    heat = np.asarray(heat, np.float32)
    peaks = (heat == cv2.dilate(heat, np.ones((3, 3), np.uint8))) & (heat >= threshold)  # dilation: 3 x 3 max pooling
    rows, columns = np.nonzero(peaks)
    order = np.argsort(-heat[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    found = np.asarray(maps, float)[rows, columns]
    w, h = STRIDE * np.exp(np.clip(found[:, 1:3], -2, 6)).T
    x = STRIDE * (columns + 0.5 + found[:, 3]) - w / 2
    y = STRIDE * (rows + 0.5 + found[:, 4]) - h / 2
    boxes = np.stack([x, y, w, h], axis=1)
    kept = _once(boxes)
    return boxes[kept], heat[rows, columns][kept]


def _once(boxes: np.ndarray) -> list[int]:
    """The indices of boxes that overlap no earlier one that is kept by TWICE or more."""
    kept: list[int] = []
    for k, box in enumerate(boxes):
        if not kept or overlaps(box, boxes[kept]).max() < TWICE:
            kept.append(k)
    return kept


def overlaps(box: Sequence[float] | np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (x, y, w, h) with each of `others` `(n, 4)`: float `(n,)` in [0, 1]."""
    x, y, w, h = box
    across = np.minimum(x + w, others[:, 0] + others[:, 2]) - np.maximum(x, others[:, 0])
    down = np.minimum(y + h, others[:, 1] + others[:, 3]) - np.maximum(y, others[:, 1])
    both = np.maximum(across, 0) * np.maximum(down, 0)
    return both / np.maximum(w * h + others[:, 2] * others[:, 3] - both, 1e-9)
