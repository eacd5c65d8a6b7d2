"""The colours of hair, and of what is worn on the head."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from data_prep.synthetic.kernels.shading import PI, SHADOW_BIAS, SHADOW_SOFTNESS
from data_prep.synthetic.kernels.shadows import axes_of, on_map, smooth_visible, visible
from data_prep.synthetic.kernels.textures import sample_panorama
from data_prep.synthetic.kernels.vectors import dot, scalar, triple, unit, vector

HAIR_BIAS = 0.05  # of `visible`


class HairLook(NamedTuple):
    """What hair looks like.

    Attributes:
        colour: float64 `(3,)`.
        brightness: float64 `(n,)`, a hair's own factor.
        softness: see `shadows.visible`; less lets more of the key light into the hair.
    """

    colour: np.ndarray
    brightness: np.ndarray
    softness: float


class Sheets(NamedTuple):
    """Cloth and lenses on a posed head.

    Attributes:
        triangles: int32 `(t, 3)`; codes: int32 `(t,)`, for the parse map.
        normals, albedo, irradiance, at_light: float64 `(n, 3)` per vertex; the last two as in `shading.Body`.
        gloss: float64 `(n,)`, 0 for cloth, 1 for a lens.
    """

    triangles: np.ndarray
    codes: np.ndarray
    normals: np.ndarray
    albedo: np.ndarray
    irradiance: np.ndarray
    at_light: np.ndarray
    gloss: np.ndarray


@njit(fastmath=True, cache=True)
def shade_strands(strands, irradiance, look, light, head_centre, out_colours):
    """Kajiya-Kay colours of hair: diffuse and two highlights of the key light, plus the surroundings' irradiance.

    Args:
        irradiance: float32 `(n, k, 3)`.
        look: HairLook.
        light: `shadows.Light`, the key light.
        head_centre: float64 `(3,)`; the side of the head that faces away from the light is darker.
        out_colours: float64 `(n, k, 3)`.
    """
    count, knots = strands.shape[0], strands.shape[1]
    hair, brightness, softness = look
    key_colour, shadow_depth, axes = light.colour, light.depth, axes_of(light)
    direction = axes.direction
    hx, hy, hz = _half_way(direction)
    brightest = max(hair[0], max(hair[1], hair[2])) + 1e-6
    inverse_pi = 1 / PI
    for i in range(count):
        for k in range(knots):
            a = max(k - 1, 0)
            b = min(k + 1, knots - 1)
            tx = strands[i, b, 0] - strands[i, a, 0]
            ty = strands[i, b, 1] - strands[i, a, 1]
            tz = strands[i, b, 2] - strands[i, a, 2]
            length = 1 / math.sqrt(tx * tx + ty * ty + tz * tz + 1e-12)
            tx *= length
            ty *= length
            tz *= length
            x = strands[i, k, 0]
            y = strands[i, k, 1]
            z = strands[i, k, 2]
            lit = visible(shadow_depth, on_map(axes, x, y, z), softness, HAIR_BIAS)
            along = tx * direction[0] + ty * direction[1] + tz * direction[2]
            across = math.sqrt(max(0.0, 1 - along * along))
            ox = x - head_centre[0]
            oy = y - head_centre[1]
            oz = z - head_centre[2]
            length = 1 / math.sqrt(ox * ox + oy * oy + oz * oz + 1e-9)
            turned = (ox * direction[0] + oy * direction[1] + oz * direction[2]) * length
            facing = min(1.0, max(0.0, 0.35 + 0.65 * turned))
            th = tx * hx + ty * hy + tz * hz
            highlight = _highlights(max(0.0, 1 - th * th)) * lit * facing
            for c in range(3):
                key = key_colour[c] * inverse_pi
                out_colours[i, k, c] = (
                    hair[c] * (irradiance[i, k, c] * 1.35 + 0.9 * key * across * lit * facing) * brightness[i]
                    + key * highlight * (0.5 + 0.5 * hair[c] / brightest)
                    + irradiance[i, k, c] * (0.010 + 0.03 * hair[c])
                )


@njit(fastmath=True, cache=True)
def _half_way(direction):
    """The unit vector half way between a light and the camera, which is in the direction +z."""
    hx = direction[0]
    hy = direction[1]
    hz = direction[2] + 1.0
    length = 1 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
    return (hx * length, hy * length, hz * length)


@njit(fastmath=True, cache=True)
def _highlights(s2):
    """A narrow and a wide highlight, by the squared sine between a hair and the half-way vector."""
    s4 = s2 * s2
    s8 = s4 * s4
    s12 = s8 * s4
    s16 = s8 * s8
    s40 = s16 * s16 * s8
    return s40 * 0.045 + s12 * 0.05


@njit(fastmath=True, cache=True)
def shade_sheets(hits, sheets, light, environment, canvas):
    """Colours each pixel of `canvas` that shows a triangle of the `Sheets`: rough cloth and dark lenses.

    Args:
        light: `shadows.Light`, the key light.
        environment: float64 `(h, w, 3)`, the blurred panorama that a lens reflects.
    """
    shown, barycentric, _ = hits
    height, width = shown.shape
    triangles, codes, normals, albedo, irradiance, map_points, gloss = sheets
    image, parse, _ = canvas
    shadow_depth, key_colour, key_direction = light.depth, light.colour, triple(light.direction)
    reflected = (0.0, 0.0, 0.0)
    for y in range(height):
        for x in range(width):
            i = shown[y, x]
            if i < 0:
                continue
            corners = (triangles[i, 0], triangles[i, 1], triangles[i, 2])
            w1 = barycentric[y, x, 0]
            w2 = barycentric[y, x, 1]
            weights = (1 - w1 - w2, w1, w2)
            normal = unit(vector(normals, corners, weights))
            at_light = vector(map_points, corners, weights)
            s = smooth_visible(shadow_depth, at_light, SHADOW_SOFTNESS, SHADOW_BIAS)
            diffuse = max(0.0, (dot(normal, key_direction) + 0.12) / 1.12) * s / PI
            shine = gloss[corners[0]]
            fresnel = 0.05 + 0.5 * (1 - min(1.0, max(0.0, normal[2]))) ** 4
            if shine > 0:
                mirrored = (2 * normal[2] * normal[0], 2 * normal[2] * normal[1], 2 * normal[2] * normal[2] - 1)
                reflected = sample_panorama(environment, mirrored)
            for k in range(3):
                arriving = scalar(irradiance, k, corners, weights)
                value = scalar(albedo, k, corners, weights) * (arriving + key_colour[k] * diffuse)
                if shine > 0:  # a little of the eye shows through the lens
                    value += 0.06 * image[y, x, k] + reflected[k] * fresnel
                image[y, x, k] = value
            parse[y, x] = codes[i]
