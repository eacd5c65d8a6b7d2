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


NO_WRAP = (0.0, 0.0, 0.0)


@njit(fastmath=True, cache=True)
def shade(hits, body, look, light, surroundings, canvas):
    """Colours each pixel of `canvas` for which `raster.Hits` has a triangle of the `Body`; `light` is the key light."""
    height, width = hits.triangle.shape
    texel = np.zeros(look.skin.texture.shape[2])
    reflected = np.zeros(3)
    for y in range(height):
        for x in range(width):
            i = hits.triangle[y, x]
            if i < 0:
                continue
            corners = (body.triangles[i, 0], body.triangles[i, 1], body.triangles[i, 2])
            w1 = hits.barycentric[y, x, 0]
            w2 = hits.barycentric[y, x, 1]
            weights = (1 - w1 - w2, w1, w2)
            point = _point(body, corners, weights)
            material = body.materials[i]
            if material == SKIN and point.clothed > 0.5:
                material = CLOTH
            if material == SKIN:
                matter = _skin(point, look.skin, texel)
            elif material == CLOTH:
                matter = _cloth(point, look.cloth)
            elif material == EYE:
                matter = _eye(point, look.eyes, light, surroundings)
            elif material == TEETH:
                matter = _teeth(point)
            else:
                matter = _tongue()
            at_light = vector(body.at_light, corners, weights)
            lit = smooth_visible(light, at_light, SHADOW_SOFTNESS, SHADOW_BIAS) * matter.open_to_key
            colour = _diffuse(point, matter, light, lit)
            shine = _reflections(point, matter, light, lit, surroundings, reflected)
            for c in range(3):
                canvas.image[y, x, c] = colour[c] + shine[c] + matter.catch_light
            canvas.parse[y, x] = material + 1


@njit(fastmath=True, cache=True)
def scalar(values, column, corners, weights):
    """Barycentric interpolation of a column of `values` `(n, m)`."""
    a, b, c = corners
    w0, w1, w2 = weights
    return w0 * values[a, column] + w1 * values[b, column] + w2 * values[c, column]


@njit(fastmath=True, cache=True)
def vector(values, corners, weights):
    """Barycentric interpolation of `values` `(n, 3)`: three floats."""
    return (
        scalar(values, 0, corners, weights),
        scalar(values, 1, corners, weights),
        scalar(values, 2, corners, weights),
    )


@njit(fastmath=True, cache=True)
def dot(u, v):
    """Scalar product of two vectors of three numbers."""
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


@njit(fastmath=True, cache=True)
def unit(v):
    """The vector v at length 1: three floats."""
    scale = 1 / (math.sqrt(dot(v, v)) + 1e-9)
    return (v[0] * scale, v[1] * scale, v[2] * scale)


@njit(fastmath=True, cache=True)
def mixed(u, v, share):
    """From colour u to colour v by a share: three floats."""
    return (
        u[0] * (1 - share) + v[0] * share,
        u[1] * (1 - share) + v[1] * share,
        u[2] * (1 - share) + v[2] * share,
    )


@njit(fastmath=True, cache=True)
def sample_texture(texture, u, v, out_texel):
    """Bilinear lookup at (u, v) in [0, 1]: wraps around in u, clamps in v."""
    height, width = texture.shape[0], texture.shape[1]
    x = u * width - 0.5
    y = v * height - 0.5
    x0 = int(math.floor(x))
    y0 = int(math.floor(y))
    fx = x - x0
    fy = y - y0
    y0 = min(max(y0, 0), height - 1)
    y1 = min(y0 + 1, height - 1)
    x0 = x0 % width
    x1 = (x0 + 1) % width
    for c in range(texture.shape[2]):
        out_texel[c] = (texture[y0, x0, c] * (1 - fx) + texture[y0, x1, c] * fx) * (1 - fy) + (
            texture[y1, x0, c] * (1 - fx) + texture[y1, x1, c] * fx
        ) * fy


@njit(fastmath=True, cache=True)
def sample_panorama(panorama, direction, out_radiance):
    """What a panorama `(h, w, 3)` shows in a direction: x to the right, y up, z towards the camera, of length 1."""
    u = math.atan2(direction[0], direction[2]) / (2 * math.pi) + 0.5
    v = math.acos(min(1.0, max(-1.0, direction[1]))) / math.pi
    sample_texture(panorama, u, v, out_radiance)


@njit(fastmath=True, cache=True)
def _point(body, corners, weights):
    return Point(
        vector(body.average, corners, weights),
        unit(vector(body.normals, corners, weights)),
        vector(body.irradiance, corners, weights),
        scalar(body.attributes, 0, corners, weights),
        scalar(body.attributes, 2, corners, weights),
        scalar(body.attributes, 3, corners, weights),
        scalar(body.attributes, 4, corners, weights),
    )


@njit(fastmath=True, cache=True)
def _skin(point, skin, texel):
    """Painted skin, lips, ears, and the inside of the mouth."""
    px, py, pz = point.position
    u = math.atan2(px, pz - skin.axis_z) / (2 * math.pi) + 0.5
    sample_texture(skin.texture, u, (skin.high - py) / (skin.high - skin.low), texel)
    albedo = (texel[0], texel[1], texel[2])
    gloss = texel[3]
    open_to_sky = open_to_key = 1.0
    if point.lip > 0.01:
        q = min(1.0, point.lip) * 0.9
        albedo = mixed(albedo, skin.lip, q)
        gloss = gloss * (1 - q) + q * 1.0
    if point.ear > 0.01:  # thin and full of blood
        q = min(1.0, point.ear) * 0.35
        albedo = (albedo[0] * (1 + 0.10 * q), albedo[1] * (1 - 0.25 * q), albedo[2] * (1 - 0.25 * q))
    if point.mouth > 0.01:
        q = min(1.0, point.mouth)
        albedo = mixed(albedo, (0.10, 0.02, 0.02), q)
        open_to_sky = 1 - 0.6 * q
        open_to_key = 1 - 0.8 * q
    wrap = (skin.wrap[0], skin.wrap[1], skin.wrap[2])
    specular = 0.028 * (0.6 + 0.8 * gloss)
    return Matter(albedo, wrap, specular, 0.48 - 0.12 * gloss, open_to_sky, open_to_key, 0.0)


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
def _eye(point, eyes, light, surroundings):
    """Sclera, iris and pupil by the angle to the gaze; in the shade of the upper lid; with a catch light."""
    px, py, pz = point.position
    q = 0 if px > 0 else 1
    to_surface = unit((px - eyes.centres[q, 0], py - eyes.centres[q, 1], pz - eyes.centres[q, 2]))
    angle = math.acos(min(1.0, max(-1.0, dot(to_surface, eyes.gaze[q]))))
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
    side = 0.13 if light.direction[0] > 0 else -0.13
    from_highlight = (point.normal[0] - side) ** 2 + (point.normal[1] - 0.16) ** 2
    catch_light = 0.5 * surroundings.mean_radiance * math.exp(-from_highlight / 0.003)
    return Matter(albedo, NO_WRAP, 0.05, 0.12, lid, lid, catch_light)


@njit(fastmath=True, cache=True)
def _teeth(point):
    gap = 1 - 0.45 * math.exp(-((math.sin(point.position[0] * 41) / 0.22) ** 2))  # between a tooth and the next
    return Matter((0.80 * gap, 0.75 * gap, 0.66 * gap), NO_WRAP, 0.03, 0.25, 1.0, 0.75, 0.0)


@njit(fastmath=True, cache=True)
def _tongue():
    return Matter((0.45, 0.14, 0.13), NO_WRAP, 0.01, 0.5, 1.0, 0.4, 0.0)


@njit(fastmath=True, cache=True)
def _diffuse(point, matter, light, lit):
    """Albedo x (irradiance of the surroundings + the key light, wrapped around the terminator): three floats.

    Args:
        lit: share of the key light that reaches the point, in [0, 1].
    """
    cosine = dot(point.normal, light.direction)
    wr, wg, wb = matter.wrap
    red = max(0.0, (cosine + wr) / (1 + wr)) * (lit ** (1 / (1 + 1.2 * wr)) if lit > 0 else 0.0)  # spreads into shadows
    green = max(0.0, (cosine + wg) / (1 + wg)) * lit
    blue = max(0.0, (cosine + wb) / (1 + wb)) * lit
    sky = matter.open_to_sky
    return (
        matter.albedo[0] * (point.arriving[0] * sky + light.colour[0] * red / PI),
        matter.albedo[1] * (point.arriving[1] * sky + light.colour[1] * green / PI),
        matter.albedo[2] * (point.arriving[2] * sky + light.colour[2] * blue / PI),
    )


@njit(fastmath=True, cache=True)
def _reflections(point, matter, light, lit, surroundings, reflected):
    """A GGX highlight of the key light, and a reflection of the blurred surroundings: three floats."""
    normal, direction = point.normal, light.direction
    # the view direction is +z (the camera is far away); h lies half way between it and the light
    h = unit((direction[0], direction[1], direction[2] + 1.0))
    nh = max(0.0, dot(normal, h))
    alpha = matter.roughness * matter.roughness
    alpha2 = alpha * alpha
    dn = nh * nh * (alpha2 - 1) + 1
    ggx = alpha2 / (PI * dn * dn)
    fresnel = matter.specular + (1 - matter.specular) * 0.09 * (1 - max(0.05, normal[2])) ** 5
    highlight = min(4.0, ggx * fresnel * 0.25) * max(0.0, dot(normal, direction)) * lit

    rx = 2 * normal[2] * normal[0]
    ry = 2 * normal[2] * normal[1]
    rz = 2 * normal[2] * normal[2] - 1
    cosine, sine = surroundings.cos_elevation, surroundings.sin_elevation
    # from the camera's axes to the world's
    sample_panorama(surroundings.environment, (rx, ry * cosine + rz * sine, -ry * sine + rz * cosine), reflected)
    arriving = (point.arriving[0] + point.arriving[1] + point.arriving[2]) * matter.open_to_sky
    mirror = fresnel * min(1.0, arriving / (surroundings.mean_radiance + 1e-6))
    return (
        light.colour[0] * highlight + reflected[0] * mirror,
        light.colour[1] * highlight + reflected[1] * mirror,
        light.colour[2] * highlight + reflected[2] * mirror,
    )
