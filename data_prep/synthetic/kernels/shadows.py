"""A light's shadow map: drawing it, and asking how much of the light reaches a point."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit


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


@njit(fastmath=True, cache=True)
def project_to_light(points, light, out_screen):
    """Orthographic projection onto a light's map."""
    centre, axis_x, axis_y, direction = light.centre, light.axis_x, light.axis_y, light.direction
    scale, size = light.scale, light.depth.shape[0]
    for i in range(points.shape[0]):
        a = points[i, 0] - centre[0]
        b = points[i, 1] - centre[1]
        c = points[i, 2] - centre[2]
        out_screen[i, 0] = (a * axis_x[0] + b * axis_x[1] + c * axis_x[2]) * scale + size * 0.5
        out_screen[i, 1] = -(a * axis_y[0] + b * axis_y[1] + c * axis_y[2]) * scale + size * 0.5
        out_screen[i, 2] = -(a * direction[0] + b * direction[1] + c * direction[2])


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


@njit(fastmath=True, cache=True)
def visible(light, px, py, pz, softness, bias):
    """The share of a light that reaches the point (px, py, pz): 1 in the open, less the farther it is behind something.

    Args:
        softness: how fast the light falls off behind an occluder, per unit.
        bias: how much nearer to the light than it is the point counts, in units.
    """
    centre, axis_x, axis_y, direction = light.centre, light.axis_x, light.axis_y, light.direction
    size = light.depth.shape[0]
    qx = px - centre[0]
    qy = py - centre[1]
    qz = pz - centre[2]
    x = int((qx * axis_x[0] + qy * axis_x[1] + qz * axis_x[2]) * light.scale + size * 0.5)
    y = int(-(qx * axis_y[0] + qy * axis_y[1] + qz * axis_y[2]) * light.scale + size * 0.5)
    z = -(qx * direction[0] + qy * direction[1] + qz * direction[2])
    if 0 <= x < size and 0 <= y < size:
        e = z - light.depth[y, x] - bias
        if e > 0:
            return math.exp(-softness * e)
    return 1.0


@njit(fastmath=True, cache=True)
def visibility(points, light, softness, bias, out_visible):
    """`visible` for each of `points`, written to `out_visible` `(n,)`."""
    for i in range(points.shape[0]):
        out_visible[i] = visible(light, points[i, 0], points[i, 1], points[i, 2], softness, bias)


@njit(fastmath=True, cache=True)
def strand_transfer(hairs, light, softness, bias, gain, out_transfer):
    """The share of a light that each point of `Hairs` sends on, written to `out_transfer` `(n,)`.

    This is its visibility times the sine between hair and light (Kajiya-Kay). It is larger where the hair faces
    outwards to the light.
    """
    points, tangents, outward = hairs
    direction = light.direction
    for i in range(points.shape[0]):
        v = visible(light, points[i, 0], points[i, 1], points[i, 2], softness, bias)
        cosine = tangents[i, 0] * direction[0] + tangents[i, 1] * direction[1] + tangents[i, 2] * direction[2]
        wrap = 0.45 + 0.75 * (
            outward[i, 0] * direction[0] + outward[i, 1] * direction[1] + outward[i, 2] * direction[2]
        )
        out_transfer[i] = v * math.sqrt(max(0.0, 1 - cosine * cosine)) * max(0.0, wrap) * gain


@njit(fastmath=True, cache=True)
def smooth_visible(light, at_light, softness, bias):
    """Like `visible`, smoothed over 3 x 3 pixels of the map.

    Args:
        at_light: the point's place in the map, by `project_to_light`: three floats.
    """
    px, py, pz = at_light
    height, width = light.depth.shape
    s = 0.0
    n = 0.0
    ix = int(px)
    iy = int(py)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            x = ix + dx
            y = iy + dy
            if 0 <= x < width and 0 <= y < height:
                w = (2 - abs(dx)) * (2 - abs(dy))
                e = pz - light.depth[y, x] - bias
                v = 1.0 if e <= 0 else math.exp(-softness * e)
                s += w * v
                n += w
    return s / n if n > 0 else 1.0
