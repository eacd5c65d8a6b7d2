"""The colours of the mesh: skin, eyes, teeth, tongue and clothes.

For each pixel, `shade` finds the `Point` of the mesh that it shows. One function per material gives its `Matter`. Then
`shade` lights it: diffuse light, then reflections.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from data_prep.synthetic.kernels.materials import CLOTH, EYE, SKIN, TEETH
from data_prep.synthetic.kernels.shadows import smooth_visible
from data_prep.synthetic.kernels.textures import colour_at, place_in, sample_panorama, texel
from data_prep.synthetic.kernels.vectors import dot, mixed, row, scalar, triple, unit, vector

PI = 3.14159
SHADOW_SOFTNESS, SHADOW_BIAS = 14.0, 0.03  # of `smooth_visible`


class Body(NamedTuple):
    """The posed mesh.

    Attributes:
        triangles: int32 `(t, 3)`; materials: int32 `(t,)`.
        normals, average, irradiance, at_light: float64 `(n, 3)` per vertex: posed normal; position on the average,
            unposed head (texture coordinate); light of the surroundings that arrives; position in the key light's map.
        attributes: float64 `(n, 6)` per vertex in [0, 1]: lip, lid, ear, inside of the mouth, cloth, lashes (unused).
    """

    triangles: np.ndarray
    materials: np.ndarray
    normals: np.ndarray
    average: np.ndarray
    irradiance: np.ndarray
    at_light: np.ndarray
    attributes: np.ndarray


class Skin(NamedTuple):
    """What a person's skin looks like.

    Attributes:
        texture: float64 `(h, w, 4)`, albedo and gloss, cylindrical around (0, axis_z).
        low, high: heights of the texture's lower and upper edge, in units.
        axis_z: see `texture`.
        lip: float64 `(3,)`, colour of the lips.
        wrap: float64 `(3,)`, how far the key light reaches round the skin, per channel.
    """

    texture: np.ndarray
    low: float
    high: float
    axis_z: float
    lip: np.ndarray
    wrap: np.ndarray


class Eyes(NamedTuple):
    """What a person's eyes look like.

    Attributes:
        centres, gaze: float64 `(2, 3)`, left eye first.
        iris: float64 `(5,)`: colour, angular radius (radians), pupil radius as a share of it.
    """

    centres: np.ndarray
    gaze: np.ndarray
    iris: np.ndarray


class Look(NamedTuple):
    """What a person looks like: `Skin`, `Eyes`, and cloth, float64 `(11,)`, see `sequence.Clothes`."""

    skin: Skin
    eyes: Eyes
    cloth: np.ndarray


class Surroundings(NamedTuple):
    """What a surface reflects.

    Attributes:
        environment: float64 `(h, w, 3)`, the blurred panorama.
        cos_elevation, sin_elevation: of the angle at which the camera looks down.
        mean_radiance: of the panorama, summed over the channels.
    """

    environment: np.ndarray
    cos_elevation: float
    sin_elevation: float
    mean_radiance: float


class Point(NamedTuple):
    """The point of the mesh that a pixel shows; vectors are tuples of three floats.

    Attributes:
        position: on the average head; normal: of length 1; arriving: light of the surroundings.
        lip, ear, mouth, clothed: see `Body.attributes`.
    """

    position: tuple
    normal: tuple
    arriving: tuple
    lip: float
    ear: float
    mouth: float
    clothed: float


class Matter(NamedTuple):
    """How a point answers to light.

    Attributes:
        albedo, wrap: tuples of three floats; wrap as in `Skin`.
        specular: reflectance at normal incidence; roughness: of the highlight, in [0, 1].
        open_to_sky, open_to_key: factors on the light of the surroundings and on the key light.
        catch_light: added to all channels.
    """

    albedo: tuple
    wrap: tuple
    specular: float
    roughness: float
    open_to_sky: float
    open_to_key: float
    catch_light: float


class Key(NamedTuple):
    """The key light, without its shadow map: direction towards it and colour, tuples of three floats."""

    direction: tuple
    colour: tuple


class Paint(NamedTuple):
    """`Skin` without its texture; lip and wrap are tuples of three floats."""

    low: float
    high: float
    axis_z: float
    lip: tuple
    wrap: tuple


NO_WRAP = (0.0, 0.0, 0.0)


@njit(fastmath=True, cache=True)
def shade(hits, body, look, light, surroundings, canvas):
    """Colours each pixel of `canvas` for which `raster.Hits` has a triangle of the `Body`; `light` is the key light."""
    shown, barycentric, _ = hits
    triangles, materials, normals, average, irradiance, map_points, attributes = body
    paint = _paint(look.skin)
    texture, eyes, cloth = look.skin.texture, _eyes(look.eyes), look.cloth
    key = Key(triple(light.direction), triple(light.colour))
    shadow_depth = light.depth
    environment, cos_elevation, sin_elevation, mean_radiance = surroundings
    image, parse, _ = canvas
    height, width = shown.shape
    for y in range(height):
        for x in range(width):
            i = shown[y, x]
            if i < 0:
                continue
            corners = (triangles[i, 0], triangles[i, 1], triangles[i, 2])
            w1 = barycentric[y, x, 0]
            w2 = barycentric[y, x, 1]
            weights = (1 - w1 - w2, w1, w2)
            point = _point(average, normals, irradiance, attributes, corners, weights)
            material = materials[i]
            if material == SKIN and point.clothed > 0.5:
                material = CLOTH
            if material == SKIN:
                matter = _skin(point, texture, paint)
            elif material == CLOTH:
                matter = _cloth(point, cloth)
            elif material == EYE:
                matter = _eye(point, eyes, key, mean_radiance)
            elif material == TEETH:
                matter = _teeth(point)
            else:
                matter = _tongue()
            at_light = vector(map_points, corners, weights)
            lit = smooth_visible(shadow_depth, at_light, SHADOW_SOFTNESS, SHADOW_BIAS) * matter.open_to_key
            red, green, blue = _diffuse(point, matter, key, lit)
            fresnel = matter.specular + (1 - matter.specular) * 0.09 * (1 - max(0.05, point.normal[2])) ** 5
            highlight = _highlight(point, matter, key, fresnel) * lit
            reflected = sample_panorama(environment, _mirrored(point.normal, cos_elevation, sin_elevation))
            arriving = (point.arriving[0] + point.arriving[1] + point.arriving[2]) * matter.open_to_sky
            mirror = fresnel * min(1.0, arriving / (mean_radiance + 1e-6))
            image[y, x, 0] = red + key.colour[0] * highlight + reflected[0] * mirror + matter.catch_light
            image[y, x, 1] = green + key.colour[1] * highlight + reflected[1] * mirror + matter.catch_light
            image[y, x, 2] = blue + key.colour[2] * highlight + reflected[2] * mirror + matter.catch_light
            parse[y, x] = material + 1


@njit(fastmath=True, cache=True)
def _paint(skin):
    return Paint(skin.low, skin.high, skin.axis_z, triple(skin.lip), triple(skin.wrap))


@njit(fastmath=True, cache=True)
def _eyes(eyes):
    """`Eyes` as tuples of floats."""
    iris = eyes.iris
    return Eyes(
        (row(eyes.centres, 0), row(eyes.centres, 1)),
        (row(eyes.gaze, 0), row(eyes.gaze, 1)),
        (iris[0], iris[1], iris[2], iris[3], iris[4]),
    )


@njit(fastmath=True, cache=True, inline="always")
def _point(average, normals, irradiance, attributes, corners, weights):
    return Point(
        vector(average, corners, weights),
        unit(vector(normals, corners, weights)),
        vector(irradiance, corners, weights),
        scalar(attributes, 0, corners, weights),
        scalar(attributes, 2, corners, weights),
        scalar(attributes, 3, corners, weights),
        scalar(attributes, 4, corners, weights),
    )


@njit(fastmath=True, cache=True, inline="always")
def _skin(point, texture, paint):
    """Painted skin, lips, ears, and the inside of the mouth."""
    px, py, pz = point.position
    u = math.atan2(px, pz - paint.axis_z) / (2 * math.pi) + 0.5
    place = place_in(texture, u, (paint.high - py) / (paint.high - paint.low))
    albedo = colour_at(texture, place)
    gloss = texel(texture, place, 3)
    open_to_sky = open_to_key = 1.0
    if point.lip > 0.01:
        q = min(1.0, point.lip) * 0.9
        albedo = mixed(albedo, paint.lip, q)
        gloss = gloss * (1 - q) + q * 1.0
    if point.ear > 0.01:  # thin and full of blood
        q = min(1.0, point.ear) * 0.35
        albedo = (albedo[0] * (1 + 0.10 * q), albedo[1] * (1 - 0.25 * q), albedo[2] * (1 - 0.25 * q))
    if point.mouth > 0.01:
        q = min(1.0, point.mouth)
        albedo = mixed(albedo, (0.10, 0.02, 0.02), q)
        open_to_sky = 1 - 0.6 * q
        open_to_key = 1 - 0.8 * q
    specular = 0.028 * (0.6 + 0.8 * gloss)
    return Matter(albedo, paint.wrap, specular, 0.48 - 0.12 * gloss, open_to_sky, open_to_key, 0.0)


@njit(fastmath=True, cache=True)
def _cloth(point, cloth):
    """A pattern of two colours, with folds; a rim in the second colour where cloth begins."""
    px, py, pz = point.position
    kind = int(cloth[0])
    f = 0.0
    if kind == 1:  # horizontal stripes
        f = 1.0 if (math.sin(py * cloth[8]) > cloth[9]) else 0.0
    elif kind == 2:  # vertical stripes
        f = 1.0 if (math.sin(px * cloth[8]) > cloth[9]) else 0.0
    elif kind == 3:  # checks
        f = 0.5 * (1.0 if math.sin(px * cloth[8]) > cloth[9] else 0.0) + 0.5 * (
            1.0 if math.sin(py * cloth[8]) > cloth[9] else 0.0
        )
    elif kind == 4:  # an open jacket
        f = 1.0 if abs(px) < cloth[9] and pz > 0 else 0.0
    if point.clothed > 0.5 and point.clothed < 0.72:
        f = cloth[7]
    colour = mixed((cloth[1], cloth[2], cloth[3]), (cloth[4], cloth[5], cloth[6]), f)
    fold = (
        1
        + 0.10 * math.sin(px * 5 + 3 * math.sin(py * 3.1) + cloth[10])
        + 0.06 * math.sin(px * 11 - py * 9 + cloth[10] * 2)
    )
    albedo = (colour[0] * fold, colour[1] * fold, colour[2] * fold)
    return Matter(albedo, (0.12, 0.12, 0.12), 0.01, 0.7, 1.0, 1.0, 0.0)


@njit(fastmath=True, cache=True)
def _eye(point, eyes, key, mean_radiance):
    """Sclera, iris and pupil by the angle to the gaze; in the shade of the upper lid; with a catch light."""
    px, py, pz = point.position
    q = 0 if px > 0 else 1
    centre, gaze = eyes.centres[q], eyes.gaze[q]
    to_surface = unit((px - centre[0], py - centre[1], pz - centre[2]))
    angle = math.acos(min(1.0, max(-1.0, dot(to_surface, gaze))))
    redness = min(1.0, max(0.0, (angle - 0.5) / 0.6))
    albedo = (0.62 - 0.06 * redness, 0.58 - 0.16 * redness, 0.56 - 0.16 * redness)
    iris = eyes.iris
    if angle < iris[3]:
        r = angle / iris[3]
        if r < iris[4]:
            albedo = (0.008, 0.008, 0.008)
        else:
            fibres = 0.8 + 0.35 * math.sin(math.atan2(to_surface[1], to_surface[0]) * 23 + math.sin(r * 9) * 2)
            shade = (1 - 0.75 * max(0.0, (r - 0.78) / 0.22)) * fibres * (1.25 - 0.35 * r)
            albedo = (iris[0] * shade, iris[1] * shade, iris[2] * shade)
    lid = min(1.0, max(0.25, 0.95 - 2.2 * max(0.0, to_surface[1])))  # shade of the upper lid and its lashes
    side = 0.13 if key.direction[0] > 0 else -0.13
    from_highlight = (point.normal[0] - side) ** 2 + (point.normal[1] - 0.16) ** 2
    catch_light = 0.5 * mean_radiance * math.exp(-from_highlight / 0.003)
    return Matter(albedo, NO_WRAP, 0.05, 0.12, lid, lid, catch_light)


@njit(fastmath=True, cache=True)
def _teeth(point):
    gap = 1 - 0.45 * math.exp(-((math.sin(point.position[0] * 41) / 0.22) ** 2))  # between a tooth and the next
    return Matter((0.80 * gap, 0.75 * gap, 0.66 * gap), NO_WRAP, 0.03, 0.25, 1.0, 0.75, 0.0)


@njit(fastmath=True, cache=True)
def _tongue():
    return Matter((0.45, 0.14, 0.13), NO_WRAP, 0.01, 0.5, 1.0, 0.4, 0.0)


@njit(fastmath=True, cache=True)
def _diffuse(point, matter, key, lit):
    """Albedo x (irradiance of the surroundings + the key light, wrapped around the terminator): three floats.

    Args:
        lit: share of the key light that reaches the point, in [0, 1].
    """
    cosine = dot(point.normal, key.direction)
    wr, wg, wb = matter.wrap
    red = max(0.0, (cosine + wr) / (1 + wr)) * (lit ** (1 / (1 + 1.2 * wr)) if lit > 0 else 0.0)  # spreads into shadows
    green = max(0.0, (cosine + wg) / (1 + wg)) * lit
    blue = max(0.0, (cosine + wb) / (1 + wb)) * lit
    sky = matter.open_to_sky
    return (
        matter.albedo[0] * (point.arriving[0] * sky + key.colour[0] * red / PI),
        matter.albedo[1] * (point.arriving[1] * sky + key.colour[1] * green / PI),
        matter.albedo[2] * (point.arriving[2] * sky + key.colour[2] * blue / PI),
    )


@njit(fastmath=True, cache=True)
def _highlight(point, matter, key, fresnel):
    """A GGX highlight of the key light, as a factor on its colour."""
    # the view direction is +z (the camera is far away); h lies half way between it and the light
    h = unit((key.direction[0], key.direction[1], key.direction[2] + 1.0))
    nh = max(0.0, dot(point.normal, h))
    alpha = matter.roughness * matter.roughness
    alpha2 = alpha * alpha
    dn = nh * nh * (alpha2 - 1) + 1
    ggx = alpha2 / (PI * dn * dn)
    return min(4.0, ggx * fresnel * 0.25) * max(0.0, dot(point.normal, key.direction))


@njit(fastmath=True, cache=True)
def _mirrored(normal, cos_elevation, sin_elevation):
    """The direction that a surface mirrors to the camera, in the world's axes: three floats."""
    rx = 2 * normal[2] * normal[0]
    ry = 2 * normal[2] * normal[1]
    rz = 2 * normal[2] * normal[2] - 1
    return (rx, ry * cos_elevation + rz * sin_elevation, -ry * sin_elevation + rz * cos_elevation)
