"""The body under the hair: where hairs are rooted, and the surface that they stay outside of."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from data_prep.synthetic.geometry import smoothstep, unit
from data_prep.synthetic.kernels import materials, transform

SKULL_CENTRE = np.array([0, 7.5, 0.42])
ANGLES, ELEVATIONS, HEIGHTS = 72, 48, 48  # cells of the maps of the skull and of the neck and shoulders
NECK_AXIS_Z, NECK_LOW, NECK_HIGH = 0.3, 4.2, 7.6


class Body:
    """The surface hair must stay outside of: radii of the skull, and of the neck and shoulders below."""

    def __init__(self, head_mesh, points):
        keep = (
            (head_mesh.point_material == materials.SKIN)
            & (head_mesh.attributes[:, 2] < 0.2)
            & (head_mesh.attributes[:, 3] < 0.3)
            & (np.abs(points[:, 0]) < 1.15)
        )
        surface = points[keep]

        q = surface - SKULL_CENTRE
        radius = np.linalg.norm(q, axis=1)
        elevation = np.arcsin(np.clip(q[:, 1] / radius, -1, 1))
        column = _angle_cell(q[:, 0], q[:, 2])
        row = np.clip(((elevation / np.pi + 0.5) * ELEVATIONS).astype(int), 0, ELEVATIONS - 1)
        high = surface[:, 1] > 6.0
        skull = np.zeros((ELEVATIONS, ANGLES))
        np.maximum.at(skull, (row[high], column[high]), radius[high])
        skull = _fill(skull)
        # all columns meet at the crown: blend them into one radius
        crown = smoothstep(62, 78, (np.arange(ELEVATIONS) + 0.5) / ELEVATIONS * 180 - 90)[:, None]
        near_crown = int(ELEVATIONS * (75 + 90) / 180)
        self.skull = skull * (1 - crown) + crown * skull[near_crown - 2 : near_crown].mean()

        radius = np.hypot(surface[:, 0], surface[:, 2] - NECK_AXIS_Z)
        column = _angle_cell(surface[:, 0], surface[:, 2] - NECK_AXIS_Z)
        row = ((surface[:, 1] - NECK_LOW) / (NECK_HIGH - NECK_LOW) * HEIGHTS).astype(int)
        row = np.clip(row, 0, HEIGHTS - 1)
        low = surface[:, 1] < NECK_HIGH
        neck = np.zeros((HEIGHTS, ANGLES))
        np.maximum.at(neck, (row[low], column[low]), radius[low])
        self.neck = _fill(neck)

    def push_out(self, points: np.ndarray, gap: float | np.ndarray, adhesion: float = 0.0) -> np.ndarray:
        """Moves `points` `(n, 3)`, in place, at least `gap` (scalar or `(n,)`) outside the body; returns them.

        `adhesion` in [0, 1] draws points that hover above the skull towards it, as combed hair lies down.
        """
        q = points - SKULL_CENTRE
        radius = np.linalg.norm(q, axis=1) + 1e-9
        elevation = np.arcsin(np.clip(q[:, 1] / radius, -1, 1))
        angle = np.arctan2(q[:, 0], q[:, 2])
        where = [(elevation / np.pi + 0.5) * ELEVATIONS - 0.5, (angle / (2 * np.pi) + 0.5) * ANGLES - 0.5]
        limit = map_coordinates(self.skull, where, order=1, mode="nearest") + gap
        inside = (points[:, 1] > 6.9) & (radius < limit)
        points[inside] = SKULL_CENTRE + q[inside] * (limit / radius)[inside, None]
        if adhesion > 0:
            above = (points[:, 1] > 7.0) & (radius > limit)
            k = adhesion * smoothstep(7.0, 7.4, points[above, 1])
            points[above] = SKULL_CENTRE + q[above] * (1 + (limit[above] / radius[above] - 1) * k)[:, None]

        dx, dz = points[:, 0], points[:, 2] - NECK_AXIS_Z
        radius = np.hypot(dx, dz) + 1e-9
        height = (points[:, 1] - NECK_LOW) / (NECK_HIGH - NECK_LOW) * HEIGHTS - 0.5
        angle = np.arctan2(dx, dz)
        where = [np.clip(height, 0, HEIGHTS - 1), (angle / (2 * np.pi) + 0.5) * ANGLES - 0.5]
        limit = map_coordinates(self.neck, where, order=1, mode="nearest") + gap
        inside = (points[:, 1] <= 6.9) & (radius < limit)
        push = np.minimum(limit[inside] - radius[inside], 0.14)  # gently: a hair must not jump across the shoulder
        points[inside, 0] += dx[inside] / radius[inside] * push
        points[inside, 2] += dz[inside] / radius[inside] * push
        return points


class Scalp:
    """Where hairs are rooted: random points of the skin, by area and a density."""

    def __init__(self, head_mesh, coarse, rng):
        self.mesh, self.coarse, self.rng = head_mesh, coarse, rng
        on_skin = head_mesh.coarse_materials == materials.SKIN
        self.triangles = head_mesh.coarse_triangles[on_skin]
        self.area = head_mesh.coarse_area[on_skin]
        self.middle = head_mesh.coarse[self.triangles].mean(1)
        self.ear = head_mesh.coarse_attributes[self.triangles][:, :, 2].max(1)
        self.normals = transform.vertex_normals(coarse, head_mesh.coarse_triangles)

    def strew(self, count: int, density: np.ndarray) -> tuple:
        """`count` roots, `density` `(T,)` per triangle.

        Returns:
            position on the average head, position, normal `(n, 3)` each; triangle `(n,)`; barycentric `(n, 3)`.
        """
        weight = self.area * density
        triangle = self.rng.choice(len(self.triangles), count, p=weight / weight.sum())
        barycentric = self.rng.dirichlet([1, 1, 1], count)

        def interpolate(values):
            return np.einsum("nk,nkd->nd", barycentric, values[self.triangles[triangle]])

        return (
            interpolate(self.mesh.coarse),
            interpolate(self.coarse),
            unit(interpolate(self.normals)),
            triangle,
            barycentric,
        )


def _angle_cell(x, z):
    return ((np.arctan2(x, z) / (2 * np.pi) + 0.5) * ANGLES).astype(int) % ANGLES


def _fill(radii):
    """Fills the empty (0) cells of a map of radii from their neighbours, wider and wider, then smooths it."""
    edges = ("nearest", "wrap")
    known = (radii > 0).astype(float)
    seen = radii
    for sigma in (0.7, 1.5, 3, 6):
        weight = gaussian_filter(known, sigma, mode=edges)
        mean = gaussian_filter(seen * known, sigma, mode=edges) / (weight + 1e-9)
        seen = np.where(seen > 0, seen, np.where(weight > 1e-3, mean, 0))
    seen = np.where(seen > 0, seen, seen[seen > 0].mean())
    return gaussian_filter(seen, (0.7, 1.0), mode=edges)
