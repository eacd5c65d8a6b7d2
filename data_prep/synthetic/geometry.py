"""Vectors, rotations and the smooth step: three formulas that most of the renderer shares."""

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """`vectors` `(..., 3)` scaled to length 1 (a zero vector stays zero)."""
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)


def rotation(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Ry(yaw) Rx(pitch) Rz(roll) as `(..., 3, 3)`; radians, same-shaped arrays.

    Positive yaw turns the subject to its left, which is the picture's right.
    """
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    z, o = np.zeros_like(cy), np.ones_like(cy)
    shape = np.shape(cy) + (3, 3)
    about_y = np.stack([cy, z, sy, z, o, z, -sy, z, cy], -1).reshape(shape)
    about_x = np.stack([o, z, z, z, cp, -sp, z, sp, cp], -1).reshape(shape)
    about_z = np.stack([cr, -sr, z, sr, cr, z, z, z, o], -1).reshape(shape)
    return about_y @ about_x @ about_z


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 where x <= low, 1 where x >= high, a cubic between; with low > high it falls instead of rising."""
    t = np.clip((x - low) / (high - low + 1e-9), 0, 1)
    return t * t * (3 - 2 * t)
