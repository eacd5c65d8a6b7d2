"""Looking up colours in textures and panoramas, float64 `(h, w, channels)`."""

import math

from numba import njit


@njit(fastmath=True, cache=True)
def place_in(texture, u, v):
    """Where `texel` looks up (u, v) in [0, 1]: two columns, two rows, and the shares of the second ones.

    It wraps around in u and clamps in v.
    """
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
    return (x0, x1, y0, y1, fx, fy)


@njit(fastmath=True, cache=True)
def texel(texture, place, channel):
    """Bilinear lookup of one channel, at a place from `place_in`."""
    x0, x1, y0, y1, fx, fy = place
    return (texture[y0, x0, channel] * (1 - fx) + texture[y0, x1, channel] * fx) * (1 - fy) + (
        texture[y1, x0, channel] * (1 - fx) + texture[y1, x1, channel] * fx
    ) * fy


@njit(fastmath=True, cache=True)
def colour_at(texture, place):
    """Bilinear lookup of three channels."""
    return (texel(texture, place, 0), texel(texture, place, 1), texel(texture, place, 2))


@njit(fastmath=True, cache=True, inline="always")
def sample_panorama(panorama, direction):
    """What a panorama `(h, w, 3)` shows in a direction: x to the right, y up, z towards the camera, of length 1."""
    u = math.atan2(direction[0], direction[2]) / (2 * math.pi) + 0.5
    v = math.acos(min(1.0, max(-1.0, direction[1]))) / math.pi
    return colour_at(panorama, place_in(panorama, u, v))
