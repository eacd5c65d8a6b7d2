"""Cloth and lenses on a head.

Cloth is drawn as sheets: grids of points that wrap the person's own skull, face or neck at a small distance and end in
smooth hems. They are made once per sequence on the unposed head and then move with it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d
from scipy.spatial import cKDTree

from data_prep.synthetic import glasses, mesh
from data_prep.synthetic.accessories import Worn
from data_prep.synthetic.geometry import smoothstep, unit
from data_prep.synthetic.head import Head
from data_prep.synthetic.kernels import materials

CENTRE = np.array([0, 7.35, 0.35])  # of the skull
COLUMNS = 96  # of a sheet round the head
RIBS = 30  # of a beanie


@dataclass(frozen=True)
class Sheets:
    """Cloth and lenses as one mesh with both sides of each sheet, on the unposed head.

    Attributes:
        points: float64 `(s, 3)`.
        triangles: int32 `(t, 3)`.
        codes: int32 `(t,)`, what the parse map says: `materials.PARSE_HEADWEAR`, `PARSE_MASK` or `PARSE_LENS`.
        albedo: float64 `(s, 3)`, linear light.
        gloss: float64 `(s,)`, 0 for cloth, 1 for a lens.
        inner: float64 `(s,)`, share of the surroundings' light that arrives, less inside a fold or under a brim.
        anchors: int `(s, 4)`, the nearest points of the body.
        follow: float64 `(s,)`, 1 moves with the face's expression, 0 stays with the skull.
        weight: float64 `(s,)`, 1 follows the head, 0 the torso.
        loops: float64 `(m, k, 3)`, a mask's ear loops.
    """

    points: np.ndarray
    triangles: np.ndarray
    codes: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray
    inner: np.ndarray
    anchors: np.ndarray
    follow: np.ndarray
    weight: np.ndarray
    loops: np.ndarray


def fit(head: Head, worn: Worn, points: np.ndarray) -> Sheets:
    """The `Sheets` of what is worn, on one head.

    Args:
        head, worn: whose head, and what is worn.
        points: float64 `(n, 3)`, the unposed head in its clothes.
    """
    parts = []
    if worn.headwear in ("cap", "beanie", "hat"):
        parts += _HEADWEAR[worn.headwear](_skull(head, worn.headwear), worn.headwear_colour)
    elif worn.headwear == "headscarf":
        parts += _headscarf(points, worn.headwear_colour)
    loops = np.zeros((0, 12, 3))
    if worn.mask:
        grid, loops = _mask(head.points)
        bright = np.where(np.arange(len(grid)) % 4 == 0, 0.86, 1.0)[:, None, None]
        parts.append(_Part(grid, worn.mask_colour * bright, materials.PARSE_MASK, follow=1.0))
    if worn.eyewear == "sunglasses":
        for grid in glasses.lenses(head.points):
            parts.append(_Part(grid, np.array([0.012, 0.012, 0.013]), materials.PARSE_LENS, gloss=1.0))
    return _join(parts, points, loops)


def press_hair(head: Head, headwear: str) -> np.ndarray:
    """The person's hair under `headwear`: what grows above the hem lies flat on the skull, below it hangs out.

    Returns:
        float64, like `hair.Hair.strands`. Hairs that do not show at all are drawn together inside the skull.
    """
    strands = head.hair.strands
    if headwear == "none" or len(strands) == 0:
        return strands
    if headwear == "headscarf":
        return np.broadcast_to(CENTRE, strands.shape).copy()
    offset = strands - CENTRE
    radius = np.linalg.norm(offset, axis=-1)
    azimuth = np.arctan2(offset[..., 0], offset[..., 2])
    above = np.arcsin(np.clip(offset[..., 1] / (radius + 1e-9), -1, 1)) - _hem(headwear, azimuth)
    skull = _radius(_skull_points(head), offset / (radius + 1e-9)[..., None])
    flat = skull - 0.05 * smoothstep(0.0, 0.2, above)
    pressed = np.where(radius > flat, flat, radius)
    share = smoothstep(-0.28, -0.02, above)
    kept = CENTRE + offset * ((radius + (pressed - radius) * share) / (radius + 1e-9))[..., None]
    if head.identity.hairstyle == "horsetail" and headwear == "cap":
        kept[head.hair.scalp_count :] = strands[head.hair.scalp_count :]  # through the opening at the back
    # what lies under the cloth altogether does not show, and a fringe is tucked in
    fringe = (np.abs(azimuth[:, 0]) < 0.9) & (above[:, 0] > 0)
    kept[fringe | (above > 0.03).all(1)] = CENTRE
    return kept


@dataclass(frozen=True)
class _Part:
    """One sheet: a grid `(rows, columns, 3)` with outward normals to the side of rows x columns."""

    grid: np.ndarray
    albedo: np.ndarray
    code: int
    gloss: float = 0.0
    follow: float = 0.0
    torso: bool = False
    closed: bool = False


def _join(parts, body, loops):
    """Parts to `Sheets`; every sheet is stored twice, once facing each way."""
    points, triangles, codes, albedo, gloss, inner, follow, torso = [], [], [], [], [], [], [], []
    start = 0
    for part in parts:
        rows, columns = part.grid.shape[:2]
        flat = part.grid.reshape(-1, 3)
        faces = _grid_triangles(rows, columns, part.closed)
        for side in (1, -1):
            points.append(flat)
            triangles.append(start + (faces if side == 1 else faces[:, ::-1]))
            codes.append(np.full(len(faces), part.code))
            albedo.append(np.broadcast_to(part.albedo, part.grid.shape).reshape(-1, 3))
            gloss.append(np.full(len(flat), part.gloss))
            inner.append(np.full(len(flat), 1.0 if side == 1 else 0.8))
            follow.append(np.full(len(flat), part.follow))
            torso.append(np.full(len(flat), part.torso))
            start += len(flat)
    if not parts:
        none = np.zeros((0, 3))
        return Sheets(
            none, np.zeros((0, 3), np.int32), np.zeros(0, np.int32), none, none[:, 0], none[:, 0],
            np.zeros((0, 4), int), none[:, 0], none[:, 0], loops,
        )  # fmt: skip
    points = np.concatenate(points)
    head_mesh = mesh.load()
    skin = np.flatnonzero((head_mesh.point_material == materials.SKIN) & (head_mesh.attributes[:, 3] < 0.1))
    anchors = skin[cKDTree(body[skin]).query(points, k=4)[1]]
    weight = np.where(np.concatenate(torso), head_mesh.head_weight[anchors].mean(1), 1.0)
    return Sheets(
        points=points,
        triangles=np.concatenate(triangles).astype(np.int32),
        codes=np.concatenate(codes).astype(np.int32),
        albedo=np.ascontiguousarray(np.concatenate(albedo)),
        gloss=np.concatenate(gloss),
        inner=np.concatenate(inner),
        anchors=anchors,
        follow=np.concatenate(follow),
        weight=weight,
        loops=loops,
    )


def _grid_triangles(rows, columns, closed):
    """Two triangles per cell of a grid, `(2 cells, 3)`; `closed` joins the last column to the first."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    right = (column + 1) % columns
    a, b = (row * columns + column).ravel(), (row * columns + right).ravel()
    c, d = ((row + 1) * columns + right).ravel(), ((row + 1) * columns + column).ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def _skull_points(head):
    head_mesh = mesh.load()
    on_skull = (head_mesh.point_material == materials.SKIN) & (head_mesh.attributes[:, 2] < 0.3)
    on_skull &= (head_mesh.attributes[:, 3] < 0.1) & (head_mesh.head_weight > 0.98)
    return head.points[on_skull]


def _radius(points, directions):
    """Distance of the surface of `points` from CENTRE along unit vectors `(..., 3)`, seen as an outer hull."""
    offset = points - CENTRE
    distance = np.linalg.norm(offset, axis=1)
    nearest = cKDTree(offset / distance[:, None]).query(directions, k=4)[1]
    return distance[nearest].mean(-1)


def _azimuths():
    return np.arange(COLUMNS) / COLUMNS * 2 * np.pi


def _hem(headwear, azimuth):
    """Height of the lower hem as seen from the skull's centre, in radians, at azimuth 0 (the front) to 2 pi."""
    side, tilt = {"cap": (7, 14), "beanie": (2, 17), "hat": (9, 11)}[headwear]
    return np.radians(side + tilt * np.cos(azimuth))


def _skull(head, headwear):
    """A function (share, azimuth) -> point on the skull; share 0 is the hem, 1 the crown; both arrays `(...)`."""
    points = _skull_points(head)

    def at(share, azimuth, clearance):
        hem = _hem(headwear, azimuth)
        height = hem + (np.pi / 2 - hem) * share
        direction = np.stack([np.cos(height) * np.sin(azimuth), np.sin(height), np.cos(height) * np.cos(azimuth)], -1)
        radius = gaussian_filter1d(_radius(points, direction), 2.5, axis=1, mode="wrap")
        radius = gaussian_filter1d(radius, 1.0, axis=0, mode="nearest")
        return CENTRE + direction * (radius + clearance)[..., None]

    return at


def _cap(skull, cloth):
    azimuth = _azimuths()[None]
    share = np.linspace(0, 1, 18)[:, None]
    front = np.clip(np.cos(azimuth), 0, 1)
    clearance = 0.07 + 0.10 * front * np.sin(np.pi * share**0.8) + 0.05 * np.sin(np.pi * share)
    crown = skull(share + 0 * azimuth, azimuth + 0 * share, clearance)
    seam = 1 - 0.25 * (np.abs(np.sin(azimuth * 3)) < 0.06)
    shade = np.broadcast_to(seam, share.shape[:1] + azimuth.shape[1:])[..., None]
    angle = np.linspace(-1.02, 1.02, 33)
    inner = skull(np.zeros((1, 33)) + 0.03, angle[None], 0.06)[0]
    reach = np.linspace(0, 1, 8)[:, None]
    length = 0.78 * np.sqrt(np.clip(1 - (angle / 1.04) ** 2, 0, 1))
    visor = inner[None] + np.zeros((8, 1, 1))
    visor[..., 2] += reach * length
    visor[..., 1] -= reach * length * 0.22 + 0.16 * reach * length * (angle / 1.02) ** 2
    return [
        _Part(crown, cloth * shade, materials.PARSE_HEADWEAR, closed=True),
        _Part(visor[::-1], cloth * 0.9, materials.PARSE_HEADWEAR),
    ]


def _beanie(skull, cloth):
    columns = RIBS * 8
    azimuth = (np.arange(columns) / columns * 2 * np.pi)[None]
    share = np.linspace(0, 1, 22)[:, None]
    cuff = smoothstep(0.30, 0.24, share)
    rib = np.cos(azimuth * RIBS) * np.cos(share * np.pi / 2)
    clearance = 0.07 + 0.07 * cuff + 0.10 * np.sin(np.pi * share**1.3) + 0.014 * rib
    crown = skull(share + 0 * azimuth, azimuth + 0 * share, clearance)
    crown[..., 1] += 0.08 * (1 - (1 - share) ** 2)
    shade = (0.88 + 0.12 * rib)[..., None]
    shade = shade * (1 - 0.3 * np.exp(-(((share - 0.27) / 0.03) ** 2)))[..., None]  # the shadow under the cuff
    return [_Part(crown, cloth * shade, materials.PARSE_HEADWEAR, closed=True)]


def _hat(skull, cloth):
    azimuth = _azimuths()
    ring = skull(np.zeros((1, COLUMNS)), azimuth[None], 0.06)[0]
    middle = ring.mean(0)
    sides = skull(np.linspace(0, 0.7, 8)[:, None] + 0 * azimuth, azimuth + np.zeros((8, 1)), 0.06) - middle
    outward = ring - middle
    outward[:, 1] = 0
    outward = unit(outward) * np.hypot(sides[..., 0], sides[..., 2]).max(0)[:, None]  # clear of the back of the head
    # rows: up the sides, round the edge, over the top to the middle
    up = np.concatenate([np.linspace(0, 0.86, 10), np.array([0.93, 0.97, 0.98, 0.97, 0.95])])
    narrow = np.concatenate([1 - 0.10 * np.linspace(0, 1, 10) ** 1.5, np.array([0.86, 0.76, 0.6, 0.3, 0.0])])
    top = max(8.55, ring[:, 1].max() + 0.62)
    crown = middle + outward[None] * narrow[:, None, None]
    crown[..., 1] = ring[None, :, 1] + (top - ring[None, :, 1]) * up[:, None]
    band = np.where(up < 0.3, 0.35, 1.0)[:, None, None]
    reach = np.linspace(1, 0, 8)[:, None]
    wide = 0.48 * unit(outward)
    brim = (middle + outward + np.array([0, 1, 0]) * (ring - middle))[None] + wide[None] * reach[..., None]
    brim[..., 1] += 0.04 - reach * (0.06 + 0.06 * np.cos(azimuth)) + 0.10 * reach**2 * np.sin(azimuth) ** 2
    return [
        _Part(crown, cloth * band, materials.PARSE_HEADWEAR, closed=True),
        _Part(brim, cloth * 0.95, materials.PARSE_HEADWEAR, closed=True),
    ]


_HEADWEAR = {"cap": _cap, "beanie": _beanie, "hat": _hat}


def _headscarf(points, cloth):
    """Round the face, over the head and down over neck and shoulders: two sheets."""
    head_mesh = mesh.load()
    skin = (head_mesh.point_material == materials.SKIN) & (head_mesh.attributes[:, 3] < 0.1)
    body = points[skin & (head_mesh.attributes[:, 2] < 0.3)]
    # from the opening round the face (share 0) to the back of the head (share 1), about an axis to the front
    share = np.linspace(0, 1, 28)[:, None]
    turn = _azimuths()[None]  # 0 up, pi / 2 to the subject's left
    opening = np.interp(turn.ravel(), np.arange(9) * np.pi / 4, [27, 32, 42, 46, 51, 46, 42, 32, 27])
    opening = np.radians(gaussian_filter1d(opening, 4, mode="wrap"))[None]
    angle = opening + (np.pi - opening) * share
    direction = np.stack([np.sin(angle) * np.sin(turn), np.sin(angle) * np.cos(turn), np.cos(angle) + 0 * turn], -1)
    radius = _radius(body[body[:, 1] > 6.1], direction)
    radius = np.minimum(radius, 1.75)
    radius = maximum_filter1d(radius, 5, axis=0, mode="nearest")
    radius = gaussian_filter1d(gaussian_filter1d(radius, 3, axis=1, mode="wrap"), 2.5, axis=0, mode="nearest")
    fold = 0.018 * np.sin(angle * 16 + 3 * np.sin(turn)) * smoothstep(0.1, 0.3, share) * smoothstep(0.6, 0.3, share)
    radius = radius + (radius.mean(1, keepdims=True) - radius) * smoothstep(0.75, 1, share)
    over = CENTRE + direction * (radius + 0.07 + 0.05 * smoothstep(0, 0.2, share) + fold)[..., None]
    # the drape: a tube round the neck that widens over the shoulders
    height = np.linspace(0, 1, 24)[:, None]
    azimuth = _azimuths()[None]
    y = 6.62 - 1.5 * height - 0.42 * np.clip(np.cos(azimuth), 0, 1) * (1 - height)
    neck = np.stack([np.sin(azimuth) + 0 * y, y, np.cos(azimuth) + 0 * y], -1)
    hull = points[skin & (points[:, 1] < 6.6) & (points[:, 1] > 4.6) & (np.abs(points[:, 0]) < 2.0)]
    about = np.arctan2(hull[:, 0], hull[:, 2] - 0.1)
    reach = np.hypot(hull[:, 0], hull[:, 2] - 0.1)
    tree = cKDTree(np.stack([np.sin(about), hull[:, 1] * 2.0, np.cos(about)], 1))
    nearest = tree.query(neck * [1, 2.0, 1], k=6)[1]
    radius = np.minimum(reach[nearest].max(-1), 1.75)
    radius = np.maximum(radius, 0.78 + 0.35 * height + 0.12 * np.clip(np.cos(azimuth), 0, 1))
    radius = gaussian_filter1d(gaussian_filter1d(radius, 2.5, axis=1, mode="wrap"), 2.0, axis=0, mode="nearest")
    fold = 0.035 * np.sin(height * 26 + 2.2 * np.cos(azimuth) + np.sin(2 * azimuth))
    tucked = 0.35 * smoothstep(0.16, 0, height)  # in under the cloth over the head
    drape = neck * [1, 0, 1] * (radius + 0.10 + fold - tucked)[..., None] + np.array([0, 0, 0.1])
    drape[..., 1] = y
    shade = 1 + 0.10 * np.sin(height * 26 + 2.2 * np.cos(azimuth) + np.sin(2 * azimuth))[..., None]
    return [
        _Part(over[::-1], cloth, materials.PARSE_HEADWEAR, torso=True, closed=True),
        _Part(drape[::-1], cloth * shade, materials.PARSE_HEADWEAR, torso=True, closed=True),
    ]


def _mask(points):
    """A face mask from the bridge of the nose to under the chin, grid `(25, 41, 3)`, and its loops `(4, 12, 3)`."""
    head_mesh = mesh.load()
    average = head_mesh.points
    skin = (head_mesh.point_material == materials.SKIN) & (head_mesh.attributes[:, 3] < 0.1)
    skin &= (head_mesh.attributes[:, 2] < 0.3) & (head_mesh.head_weight > 0.9)
    face = points[skin & (average[:, 2] > 0.55) & (average[:, 1] < 7.4) & (average[:, 1] > 6.1)]
    middle = face[np.abs(face[:, 0]) < 0.08]
    chin = middle[middle[:, 2] > 1.2][:, 1].min()
    axis_z = 0.45
    angle = np.linspace(-1.22, 1.22, 41)[None]
    share = np.linspace(0, 1, 25)[:, None]
    aside = np.abs(angle) / 1.22
    top = 7.14 - 0.26 * smoothstep(0.05, 0.9, aside)
    bottom = chin - 0.03 + 0.32 * smoothstep(0.25, 1.0, aside)
    y = top + (bottom - top) * share
    about = np.arctan2(face[:, 0], face[:, 2] - axis_z)
    reach = np.hypot(face[:, 0], face[:, 2] - axis_z)
    tree = cKDTree(np.stack([about, face[:, 1]], 1))
    radius = reach[tree.query(np.stack([angle + 0 * y, y], -1), k=4)[1]].mean(-1)
    # taut cloth bridges the hollows beside the nose and between nose, lips and chin
    taut = maximum_filter1d(maximum_filter1d(radius, 7, axis=0, mode="nearest"), 5, axis=1, mode="nearest")
    taut = gaussian_filter1d(gaussian_filter1d(taut, 3, axis=0, mode="nearest"), 4, axis=1, mode="nearest")
    nose = gaussian_filter1d(maximum_filter1d(radius, 3, axis=1, mode="nearest"), 0.8, axis=1, mode="nearest")
    edge = smoothstep(0, 0.18, share) * smoothstep(1, 0.85, aside)
    radius = radius + (taut - radius) * edge
    radius = gaussian_filter1d(gaussian_filter1d(radius, 1.2, axis=0, mode="nearest"), 2.0, axis=1, mode="nearest")
    radius = (
        np.maximum(radius, nose)
        + 0.035
        + 0.012 * np.sin(share * 18) * edge
        - 0.22 * smoothstep(0.9, 1.0, share) * (1 - aside)
    )
    grid = np.stack([radius * np.sin(angle), y, axis_z + radius * np.cos(angle)], -1)

    ear = head_mesh.attributes[:, 2] > 0.5
    loops = []
    for column, side in ((0, -1), (-1, 1)):
        lobe = points[ear & (average[:, 0] * side > 0)]
        behind = np.array([side * (np.abs(lobe[:, 0]).mean() + 0.02), 0, lobe[:, 2].mean() - 0.02])
        for row, height in ((2, lobe[:, 1].max() - 0.06), (-5, lobe[:, 1].min() + 0.05)):
            start, end = grid[row, column], behind + [0, height, 0]
            t = np.linspace(0, 1, 12)[:, None]
            line = start + (end - start) * t
            line[:, 0] += side * 0.07 * np.sin(np.pi * t[:, 0])
            loops.append(line)
    return grid[::-1], np.array(loops)
