"""Vectors of three floats, as tuples, and barycentric interpolation.

Numba keeps such tuples in registers. An array of three numbers costs a look into memory and a count of references.
"""

import math

from numba import njit


@njit(fastmath=True, cache=True)
def triple(values):
    """The array `values` `(3,)` as a tuple."""
    return (values[0], values[1], values[2])


@njit(fastmath=True, cache=True)
def row(values, i):
    """Row i of `values` `(n, 3)` as a tuple."""
    return (values[i, 0], values[i, 1], values[i, 2])


@njit(fastmath=True, cache=True)
def dot(u, v):
    """Scalar product."""
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


@njit(fastmath=True, cache=True)
def unit(v):
    """The vector v at length 1."""
    scale = 1 / (math.sqrt(dot(v, v)) + 1e-9)
    return (v[0] * scale, v[1] * scale, v[2] * scale)


@njit(fastmath=True, cache=True)
def mixed(u, v, share):
    """From colour u to colour v by a share."""
    return (
        u[0] * (1 - share) + v[0] * share,
        u[1] * (1 - share) + v[1] * share,
        u[2] * (1 - share) + v[2] * share,
    )


@njit(fastmath=True, cache=True)
def scalar(values, column, corners, weights):
    """Barycentric interpolation of a column of `values` `(n, m)`."""
    a, b, c = corners
    w0, w1, w2 = weights
    return w0 * values[a, column] + w1 * values[b, column] + w2 * values[c, column]


@njit(fastmath=True, cache=True)
def vector(values, corners, weights):
    """Barycentric interpolation of `values` `(n, 3)`."""
    return (
        scalar(values, 0, corners, weights),
        scalar(values, 1, corners, weights),
        scalar(values, 2, corners, weights),
    )
