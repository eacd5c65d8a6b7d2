"""A light's shadow map: drawing it, and asking how much of the light reaches a point."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from data_prep.synthetic.kernels.vectors import dot, triple


class Light(NamedTuple):
    """A light that is far away, and its shadow map.

    Attributes:
        direction: float64 `(3,)`, unit vector towards the light.
        colour: float64 `(3,)`.
        axis_x, axis_y: float64 `(3,)`, unit vectors along the columns and against the rows of the map.
        centre: float64 `(3,)`, the point in the middle of the map.
        scale: pixels of the map per unit.
        depth: float64 `(size, size)`, the map: the distance along the light of the nearest surface.
    """

    direction: np.ndarray
    colour: np.ndarray
    axis_x: np.ndarray
    axis_y: np.ndarray
    centre: np.ndarray
    scale: float
    depth: np.ndarray


class Hairs(NamedTuple):
    """Points of hairs, float64 `(n, 3)` each: their places, their tangents, and the directions away from the skull."""

    points: np.ndarray
    tangents: np.ndarray
    outward: np.ndarray


class Axes(NamedTuple):
    """What `on_map` needs of a `Light`, without its arrays: tuples of three floats, and two floats.

    Attributes:
        direction, axis_x, axis_y, centre, scale: as in `Light`.
        middle: column and row of the centre.
    """

    direction: tuple
    axis_x: tuple
    axis_y: tuple
    centre: tuple
    scale: float
    middle: float


@njit(fastmath=True, cache=True)
def axes_of(light):
    """The `Axes` of a `Light`."""
    return Axes(
        triple(light.direction),
        triple(light.axis_x),
        triple(light.axis_y),
        triple(light.centre),
        light.scale,
        light.depth.shape[0] * 0.5,
    )


@njit(fastmath=True, cache=True, inline="always")
def on_map(axes, x, y, z):
    """The place of a point on a light's map: column, row, and distance along the light."""
    q = (x - axes.centre[0], y - axes.centre[1], z - axes.centre[2])
    return (
        dot(q, axes.axis_x) * axes.scale + axes.middle,
        -dot(q, axes.axis_y) * axes.scale + axes.middle,
        -dot(q, axes.direction),
    )


@njit(fastmath=True, cache=True)
def project_to_light(points, light, out_screen):
    """Orthographic projection onto a light's map."""
    axes = axes_of(light)
    for i in range(points.shape[0]):
        x, y, z = on_map(axes, points[i, 0], points[i, 1], points[i, 2])
        out_screen[i, 0] = x
        out_screen[i, 1] = y
        out_screen[i, 2] = z


@njit(fastmath=True, cache=True)
def depth_of_triangles(screen, triangles, depth):
    """Adds a mesh to a shadow map. Both sides of a triangle are drawn."""
    height, width = depth.shape
    for i in range(triangles.shape[0]):
        a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
        x0 = screen[a, 0]
        y0 = screen[a, 1]
        x1 = screen[b, 0]
        y1 = screen[b, 1]
        x2 = screen[c, 0]
        y2 = screen[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left = max(0, int(math.ceil(min(x0, x1, x2) - 0.5)))
        right = min(width - 1, int(math.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(math.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(height - 1, int(math.floor(max(y0, y1, y2) - 0.5)))
        inv = 1.0 / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                w1 = ((x + 0.5 - x0) * (y2 - y0) - (x2 - x0) * (y + 0.5 - y0)) * inv
                w2 = ((x1 - x0) * (y + 0.5 - y0) - (x + 0.5 - x0) * (y1 - y0)) * inv
                w0 = 1 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = w0 * screen[a, 2] + w1 * screen[b, 2] + w2 * screen[c, 2]
                if z < depth[y, x]:
                    depth[y, x] = z


@njit(fastmath=True, cache=True)
def depth_of_strands(screen, depth):
    """Adds hairs, one pixel wide, to a shadow map."""
    height, width = depth.shape
    for i in range(screen.shape[0]):
        for k in range(screen.shape[1] - 1):
            x0 = screen[i, k, 0]
            y0 = screen[i, k, 1]
            z0 = screen[i, k, 2]
            x1 = screen[i, k + 1, 0]
            y1 = screen[i, k + 1, 1]
            z1 = screen[i, k + 1, 2]
            n = int(max(abs(x1 - x0), abs(y1 - y0))) + 1
            for j in range(n):
                t = j / n
                x = int(x0 + (x1 - x0) * t)
                y = int(y0 + (y1 - y0) * t)
                if 0 <= x < width and 0 <= y < height:
                    z = z0 + (z1 - z0) * t
                    if z < depth[y, x]:
                        depth[y, x] = z


@njit(fastmath=True, cache=True, inline="always")
def visible(depth, at_light, softness, bias):
    """The share of a light that reaches a point: 1 in the open, less the farther the point is behind something.

    Args:
        depth: see `Light`.
        at_light: the point's place on the map, by `on_map` or `project_to_light`: three floats.
        softness: how fast the light falls off behind an occluder, per unit.
        bias: how much nearer to the light than it is the point counts, in units.
    """
    last = depth.shape[0] - 1
    x = int(at_light[0])
    y = int(at_light[1])
    column = min(max(x, 0), last)
    row = min(max(y, 0), last)
    behind = at_light[2] - depth[row, column] - bias
    if behind > 0 and column == x and row == y:
        return math.exp(-softness * behind)
    return 1.0


@njit(fastmath=True, cache=True)
def smooth_visible(depth, at_light, softness, bias):
    """Like `visible`, smoothed over 3 x 3 pixels of the map."""
    height, width = depth.shape
    s = 0.0
    n = 0.0
    ix = int(at_light[0])
    iy = int(at_light[1])
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            x = ix + dx
            y = iy + dy
            if 0 <= x < width and 0 <= y < height:
                w = (2 - abs(dx)) * (2 - abs(dy))
                e = at_light[2] - depth[y, x] - bias
                v = 1.0 if e <= 0 else math.exp(-softness * e)
                s += w * v
                n += w
    return s / n if n > 0 else 1.0


@njit(fastmath=True, cache=True)
def visibility(points, light, softness, bias, out_visible):
    """`visible` for each of `points`, written to `out_visible` `(n,)`."""
    axes, depth = axes_of(light), light.depth
    for i in range(points.shape[0]):
        at_light = on_map(axes, points[i, 0], points[i, 1], points[i, 2])
        out_visible[i] = visible(depth, at_light, softness, bias)


@njit(fastmath=True, cache=True)
def strand_transfer(hairs, light, softness, bias, gain, out_transfer):
    """The share of a light that each point of `Hairs` sends on, written to `out_transfer` `(n,)`.

    This is its visibility times the sine between hair and light (Kajiya-Kay). It is larger where the hair faces
    outwards to the light.
    """
    points, tangents, outward = hairs
    axes, depth = axes_of(light), light.depth
    direction = axes.direction
    for i in range(points.shape[0]):
        v = visible(depth, on_map(axes, points[i, 0], points[i, 1], points[i, 2]), softness, bias)
        cosine = tangents[i, 0] * direction[0] + tangents[i, 1] * direction[1] + tangents[i, 2] * direction[2]
        wrap = 0.45 + 0.75 * (
            outward[i, 0] * direction[0] + outward[i, 1] * direction[1] + outward[i, 2] * direction[2]
        )
        out_transfer[i] = v * math.sqrt(max(0.0, 1 - cosine * cosine)) * max(0.0, wrap) * gain
