"""Vertex normals, posing and projection."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit


class Stance(NamedTuple):
    """How a body stands in front of the camera.

    Attributes:
        neck_rotations: float64 `(m + 1, 3, 3)`, the neck's rotation at weight 0, 1/m, ..., 1.
        pivot: float64 `(3,)`, the point about which the neck bends.
        camera_rotation: float64 `(3, 3)`, torso to camera.
        base: float64 `(3,)`, the point that lands on the camera's origin.
    """

    neck_rotations: np.ndarray
    pivot: np.ndarray
    camera_rotation: np.ndarray
    base: np.ndarray


@njit(fastmath=True, cache=True)
def vertex_normals(points, triangles):
    """Unit vertex normals `(n, 3)`, each the area-weighted mean of its triangles'."""
    normals = np.zeros_like(points)
    for i in range(triangles.shape[0]):
        a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
        ux = points[b, 0] - points[a, 0]
        uy = points[b, 1] - points[a, 1]
        uz = points[b, 2] - points[a, 2]
        vx = points[c, 0] - points[a, 0]
        vy = points[c, 1] - points[a, 1]
        vz = points[c, 2] - points[a, 2]
        nx = uy * vz - uz * vy
        ny = uz * vx - ux * vz
        nz = ux * vy - uy * vx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for i in range(points.shape[0]):
        length = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        normals[i, 0] /= length
        normals[i, 1] /= length
        normals[i, 2] /= length
    return normals


@njit(fastmath=True, cache=True)
def pose_points(points, weight, stance, out_points):
    """Bends the neck, then turns the whole body in front of the camera.

    Args:
        weight: float64 `(n,)` in [0, 1]: 1 follows the head, 0 the torso, between them the neck.
        stance: Stance.
    """
    neck_rotations, pivot, camera_rotation, base = stance
    last = neck_rotations.shape[0] - 1
    bent = np.empty(3)
    for i in range(points.shape[0]):
        a = weight[i] * last
        k = min(max(int(a), 0), last - 1)
        f = a - k
        x = points[i, 0] - pivot[0]
        y = points[i, 1] - pivot[1]
        z = points[i, 2] - pivot[2]
        near, far = neck_rotations[k], neck_rotations[k + 1]
        for r in range(3):
            bent[r] = (
                (near[r, 0] * (1 - f) + far[r, 0] * f) * x
                + (near[r, 1] * (1 - f) + far[r, 1] * f) * y
                + (near[r, 2] * (1 - f) + far[r, 2] * f) * z
                + pivot[r]
                - base[r]
            )
        for c in range(3):
            out_points[i, c] = (
                camera_rotation[c, 0] * bent[0] + camera_rotation[c, 1] * bent[1] + camera_rotation[c, 2] * bent[2]
            )


@njit(fastmath=True, cache=True)
def project(points, focal, centre_x, centre_y, distance, out_screen):
    """Perspective projection: `focal` in pixels, the camera `distance` units in front of the origin."""
    for i in range(points.shape[0]):
        z = distance - points[i, 2]
        out_screen[i, 0] = centre_x + focal * points[i, 0] / z
        out_screen[i, 1] = centre_y - focal * points[i, 1] / z
        out_screen[i, 2] = z
