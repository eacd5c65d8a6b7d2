"""Rows of heads, as the paper shows them."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes

from uunet import data


def show(axes: Iterable[Axes], pictures: Iterable[np.ndarray], titles: Sequence[str] = ()) -> None:
    """Heads `(n, H, W, 3)` in n axes, with titles over them if there are any."""
    for axis in axes:
        axis.axis("off")
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(picture, interpolation="bicubic")
    for axis, title in zip(axes, titles, strict=False):
        axis.set_title(title, fontsize=8)


def people(heads: data.Heads, count: int) -> list[list[np.ndarray]]:
    """Indices of sequences, in frame order, of the first `count` people: list of list of int arrays."""
    return list(heads.by_subject.values())[:count]
