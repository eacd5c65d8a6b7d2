"""Glasses: their rims as lines, the lenses of sunglasses as grids."""

import numpy as np

from data_prep.synthetic import mesh
from data_prep.synthetic.geometry import unit
from data_prep.synthetic.kernels import materials


def lenses(points: np.ndarray) -> list[np.ndarray]:
    """Two bulging lenses, grids `(6, 28, 3)`, inside the rims of `rims`."""
    grids = []
    for rim in rims(points, 0, 1.16)[:2]:
        middle = rim.mean(0)
        share = np.linspace(1, 0, 6)[:, None, None]
        grid = middle + (rim - middle)[None] * share
        grid[..., 2] += 0.05 * (1 - share[..., 0] ** 2)
        grids.append(grid)
    return grids


def rims(points: np.ndarray, shape: int, size: float) -> np.ndarray:
    """Spectacles: two rims, the bridge between them and two temples, as five polylines `(5, 28, 3)`.

    Args:
        points: float64 `(n, 3)`, a head, posed or not.
        shape: 0 rounded, 1 round, 2 nearly rectangular.
        size: factor on the lenses.
    """
    head_mesh = mesh.load()
    x, y, z = head_mesh.points.T
    eye = head_mesh.point_material == materials.EYE
    ear = head_mesh.attributes[:, 2] > 0.5
    on_nose = (abs(x) < 0.06) & (abs(y - 7.2) < 0.05) & (z > 1.4) & (head_mesh.point_material == materials.SKIN)
    left_eye, right_eye = points[eye & (x > 0)].mean(0), points[eye & (x < 0)].mean(0)
    left_ear, right_ear = points[ear & (x > 0)].mean(0), points[ear & (x < 0)].mean(0)
    across = unit(left_eye - right_eye)
    back = unit((left_ear + right_ear) / 2 - (left_eye + right_eye) / 2)
    back = unit(back - across * (back @ across))
    up = unit(np.cross(back, across))
    if up @ (points[y.argmax()] - left_eye) < 0:
        up = -up
    forward = (points[on_nose].mean(0) - (left_eye + right_eye) / 2) @ (-back) + 0.03

    t = np.linspace(0, 2 * np.pi, 28)
    width, height = np.array(((0.26, 0.20), (0.235, 0.225), (0.27, 0.17))[shape]) * size
    width = min(width, 0.44 * np.linalg.norm(left_eye - right_eye))  # room for the nose
    power = 2 / (3.5, 2.0, 5.0)[shape]  # superellipses: rounded, round, nearly rectangular
    rim_x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** power * width
    rim_y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** power * height
    lines = [c + across * rim_x[:, None] + up * (rim_y[:, None] - 0.02) - back * forward for c in (left_eye, right_eye)]
    bridge_start = left_eye - across * width - back * forward + up * 0.03
    bridge_end = right_eye + across * width - back * forward + up * 0.03
    lines.append(np.linspace(bridge_start, bridge_end, 28))
    for centre, ear_point, side in ((left_eye, left_ear, 1), (right_eye, right_ear, -1)):
        hinge = centre + across * side * width - back * forward + up * 0.05
        tip = ear_point + across * side * 0.08 + up * 0.28 - back * 0.02
        reach = back * ((tip - hinge) @ back) * 0.92
        end = hinge + reach + across * side * 0.16 + up * ((tip - hinge) @ up)
        lines.append(np.linspace(hinge, end, 28))
    return np.array(lines)
