"""Drawing triangles and hairs: which pixels show them."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from data_prep.synthetic.kernels.materials import LASHES


class Hits(NamedTuple):
    """What `raster_triangles` finds per pixel.

    Attributes:
        triangle: int32 `(height, width)`, the nearest front-facing triangle, or -1.
        barycentric: float32 `(height, width, 2)`, the 2nd and 3rd barycentric coordinate in it.
        lashes: float64 `(height, width)`, how far eyelashes cover it, in [0, 1].
    """

    triangle: np.ndarray
    barycentric: np.ndarray
    lashes: np.ndarray


class Canvas(NamedTuple):
    """A picture in the making.

    Attributes:
        image: float64 `(height, width, 3)`, linear light.
        parse: int32 `(height, width)`, what each pixel shows: see `materials`; 0 where nothing is drawn yet.
        depth: float64 `(height, width)`.
    """

    image: np.ndarray
    parse: np.ndarray
    depth: np.ndarray


class Lines(NamedTuple):
    """Hairs, or what is drawn like them.

    Attributes:
        screen, colours: float64 `(n, k, 3)`.
        widths: float64 `(n, k)`, pixels.
    """

    screen: np.ndarray
    colours: np.ndarray
    widths: np.ndarray


@njit(fastmath=True, cache=True)
def raster_triangles(screen, triangles, materials, lash_cover, depth, hits):
    """Draws a mesh into `hits` and `depth`.

    Lashes are sheets that are seen from both sides and through. Only their cover is drawn: `lash_cover`, float64
    `(n,)` in [0, 1]. Their triangles come last.
    """
    height, width = depth.shape
    out_triangle, out_barycentric, out_lashes = hits
    for i in range(triangles.shape[0]):
        a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
        x0 = screen[a, 0]
        y0 = screen[a, 1]
        x1 = screen[b, 0]
        y1 = screen[b, 1]
        x2 = screen[c, 0]
        y2 = screen[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        material = materials[i]
        if material != LASHES and area >= 0:  # rows grow downwards: front faces are negative
            continue
        if abs(area) < 1e-9:
            continue
        left = max(0, int(math.ceil(min(x0, x1, x2) - 0.5)))
        right = min(width - 1, int(math.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(math.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(height - 1, int(math.floor(max(y0, y1, y2) - 0.5)))
        if left > right or top > bottom:
            continue
        inv = 1.0 / area
        z0 = screen[a, 2]
        z1 = screen[b, 2]
        z2 = screen[c, 2]
        for y in range(top, bottom + 1):
            py = y + 0.5
            for x in range(left, right + 1):
                px = x + 0.5
                w1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * inv
                w2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * inv
                w0 = 1 - w1 - w2
                if w0 < -1e-6 or w1 < -1e-6 or w2 < -1e-6:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z >= depth[y, x]:
                    continue
                if material == LASHES:
                    cover = w0 * lash_cover[a] + w1 * lash_cover[b] + w2 * lash_cover[c]
                    out_lashes[y, x] = max(out_lashes[y, x], cover)
                else:
                    depth[y, x] = z
                    out_triangle[y, x] = i
                    out_barycentric[y, x, 0] = w1
                    out_barycentric[y, x, 1] = w2


@njit(fastmath=True, cache=True)
def raster_strands(lines, canvas, bias, tag):
    """Draws `Lines`, opaque and depth-tested.

    A line thinner than one pixel lets what is behind it shine through. It hides that share of its pixels from the lines
    drawn later.

    Args:
        bias: how much nearer than they are the lines count, in units.
        tag: what `canvas.parse` says where a line shows.
    """
    screen, colours, widths = lines
    image, parse, depth = canvas
    height, width = depth.shape
    for i in range(screen.shape[0]):
        for k in range(screen.shape[1] - 1):
            x0 = screen[i, k, 0]
            y0 = screen[i, k, 1]
            z0 = screen[i, k, 2] - bias
            x1 = screen[i, k + 1, 0]
            y1 = screen[i, k + 1, 1]
            z1 = screen[i, k + 1, 2] - bias
            if _outside(x0, x1, width) or _outside(y0, y1, height):
                continue
            dx = x1 - x0
            dy = y1 - y0
            horizontal = abs(dx) > abs(dy)
            steps = int(max(abs(dx), abs(dy))) + 1
            for j in range(steps):
                t = (j + 0.5) / steps
                x = x0 + dx * t
                y = y0 + dy * t
                z = z0 + (z1 - z0) * t
                first, last, cover = _span(y if horizontal else x, widths[i, k] + (widths[i, k + 1] - widths[i, k]) * t)
                opaque = ((i * 7919 + k * 104729 + j * 1299709) % 1000) < cover * 1000
                for q in range(first, last):
                    column = int(x) if horizontal else q
                    row = q if horizontal else int(y)
                    if column < 0 or row < 0 or column >= width or row >= height or z >= depth[row, column]:
                        continue
                    bare = parse[row, column] == 0  # there is no background yet to shine through
                    if opaque:
                        depth[row, column] = z
                        parse[row, column] = tag
                    elif bare:
                        continue
                    share = 1.0 if bare else cover
                    for c in range(3):
                        colour = colours[i, k, c] + (colours[i, k + 1, c] - colours[i, k, c]) * t
                        image[row, column, c] += share * (colour - image[row, column, c])


@njit(fastmath=True, cache=True)
def _outside(start, end, size):
    """Whether a segment lies outside a picture of `size` pixels along one axis, with a margin for its width."""
    return (start < -8 and end < -8) or (start > size + 8 and end > size + 8)


@njit(fastmath=True, cache=True)
def _span(across, width):
    """The first pixel that a line covers across its steeper axis, the last one + 1, and the share of them it covers."""
    if width < 1:
        first = int(math.floor(across))
        return first, first + 1, width
    return int(math.floor(across - width * 0.5 + 0.5)), int(math.floor(across + width * 0.5 + 0.5)), 1.0
