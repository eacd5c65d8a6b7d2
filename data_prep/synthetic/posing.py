"""A person in front of the camera: dressed, posed, and framed by a box."""

import math
from dataclasses import dataclass

import numpy as np

from data_prep.synthetic import mesh, sequence, sheets
from data_prep.synthetic.geometry import rotation, smoothstep
from data_prep.synthetic.head import Head
from data_prep.synthetic.kernels import materials, transform

NECK = np.array([0, 6.45, 0.1])  # the neck bends about this point
NECK_BASE = np.array([0, 6.45, 0.0])  # this point lands on the camera's origin
NECK_STEPS = 17
WIDEST_NECK_YAW = math.radians(65)


@dataclass(frozen=True)
class Outfit:
    """Clothes on a body.

    Attributes:
        attributes: float64 `(n, 6)`, `mesh.Mesh.attributes` with cloth in column 4: its edge is at 0.5.
        thickness: float64 `(n,)`, how far the cloth stands off, in units.
        cloth: `sequence.Clothes.cloth`.
        rest: float64 `(n, 3)`, the unposed body in its clothes.
        sheets: `sheets.Sheets`, what is worn on the head.
        hair: float64 strands, as they lie under it.
    """

    attributes: np.ndarray
    thickness: np.ndarray
    cloth: np.ndarray
    rest: np.ndarray
    sheets: sheets.Sheets
    hair: np.ndarray


@dataclass(frozen=True)
class Posed:
    """A head in front of the camera: x to the right, y up, z towards the camera, the neck at the origin.

    Attributes:
        points, normals: float64 `(n, 3)`.
        hair, beard: float64 strands `(m, k, 3)`; beard is None without one.
        sheets, sheet_normals: float64 `(s, 3)`, of what is worn on the head; loops: strands, of a mask.
        camera_rotation, body_rotation, head_rotation: `(3, 3)`; the first tilts the world towards the camera, the
            others turn body and head in the world.
        neck_yaw: radians between head and body.
    """

    points: np.ndarray
    normals: np.ndarray
    hair: np.ndarray
    beard: np.ndarray | None
    sheets: np.ndarray
    sheet_normals: np.ndarray
    loops: np.ndarray
    camera_rotation: np.ndarray
    body_rotation: np.ndarray
    head_rotation: np.ndarray
    neck_yaw: float


@dataclass(frozen=True)
class View:
    """A picture of `height` x `width` pixels; focal length and principal point in pixels, distance in units."""

    height: int
    width: int
    focal: float
    centre_x: float
    centre_y: float
    distance: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """float64 `(..., 3)` -> column, row and depth, same shape."""
        points = np.ascontiguousarray(points)
        screen = np.empty(points.shape)
        transform.project(
            points.reshape(-1, 3), self.focal, self.centre_x, self.centre_y, self.distance, screen.reshape(-1, 3)
        )
        return screen


def dress(head: Head, shot: sequence.Sequence) -> Outfit:
    """Puts a sequence's clothes, and what is worn on the head, on a person: an `Outfit`."""
    clothes, worn = shot.clothes, shot.worn
    head_mesh = mesh.load()
    x, y, z = head_mesh.points.T
    front = np.cos(np.arctan2(x, z - 0.2))  # 1 at the chest, -1 at the back
    height = {"crew": 5.62, "vneck": 5.68, "collar": 5.86, "low": 5.35, "hood": 5.72}[clothes.neckline]
    neckline = height - 0.22 * np.clip(front, 0, 1) + 0.12 * np.clip(-front, 0, 1)
    neckline = neckline + 1.5 * smoothstep(0.62, 0.95, np.abs(x))  # up over the shoulders
    if clothes.neckline == "vneck":
        neckline = neckline - 0.75 * np.clip(1 - np.abs(x) / 0.42, 0, 1) * (z > 0.1)
    if clothes.neckline == "collar":
        neckline = neckline - 0.55 * np.clip(1 - np.abs(x) / 0.2, 0, 1) * (z > 0.1)
    if clothes.neckline == "low":
        neckline = neckline - 0.35 * np.clip(front, 0, 1)
    on_skin = head_mesh.point_material == materials.SKIN
    # not clipped to [0, 1], so that the edge at 0.5 runs straight through each triangle
    covered = np.where(on_skin, np.clip((neckline - y) / 0.22 + 0.5, -2, 3), -2)
    attributes = head_mesh.attributes.copy()
    attributes[:, 4] = covered

    thickness = {"crew": 0.06, "vneck": 0.05, "collar": 0.10, "low": 0.04, "hood": 0.13}[clothes.neckline]
    rim = {"hood": 0.16, "collar": 0.05}.get(clothes.neckline, 0.02)
    behind = np.clip(0.45 - front, 0.05, 1.4) if clothes.neckline == "hood" else 1
    bump = np.exp(-(((neckline - y - 0.10) / 0.10) ** 2)) * rim * behind
    thickness = thickness * smoothstep(0.45, 0.62, covered) + bump * smoothstep(0.45, 0.6, covered)
    for _ in range(5):
        thickness = head_mesh.smooth @ thickness
    thickness = thickness * on_skin
    rest = head.points + transform.vertex_normals(head.points, head_mesh.triangles) * thickness[:, None]
    return Outfit(
        attributes=attributes,
        thickness=thickness,
        cloth=clothes.cloth,
        rest=rest,
        sheets=sheets.fit(head, worn, rest),
        hair=sheets.press_hair(head, worn.headwear),
    )


def pose(head: Head, shot: sequence.Sequence, outfit: Outfit, index: int) -> Posed:
    """Expression, clothes, neck and body of one frame: a `Posed`."""
    head_mesh = mesh.load()
    displacement = np.zeros((len(head_mesh.coarse), 3), np.float32)
    for name, amount in _face_units(shot, index).items():
        mesh.add_morph(head_mesh, "f:" + name, amount, displacement)
    points = head.points + head_mesh.subdivide @ displacement
    normals = transform.vertex_normals(points, head_mesh.triangles)
    points = points + normals * outfit.thickness[:, None]

    yaw, pitch, roll = shot.yaw[index], shot.pitch[index], shot.roll[index]
    body_yaw, tilt = shot.body_yaw[index], shot.body_tilt[index]
    neck_yaw = np.clip(yaw - body_yaw, -WIDEST_NECK_YAW, WIDEST_NECK_YAW)
    body_rotation = rotation(np.array(body_yaw), np.array(tilt * 0.5), np.array(tilt))
    bend = np.linspace(0, 1, NECK_STEPS)
    neck_rotations = np.ascontiguousarray(rotation(bend * neck_yaw, bend * pitch, bend * roll))
    camera_rotation = rotation(np.array(0.0), np.array(shot.elevation), np.array(0.0))
    to_camera = np.ascontiguousarray(camera_rotation @ body_rotation)
    stance = transform.Stance(neck_rotations, NECK, to_camera, NECK_BASE)

    def place(p, weight):
        placed = np.empty(p.shape)
        transform.pose_points(p.reshape(-1, 3), weight.reshape(-1), stance, placed.reshape(-1, 3))
        return placed

    placed = place(points, head_mesh.head_weight)
    cloth = outfit.sheets
    moved = (points - outfit.rest)[cloth.anchors].mean(1) * cloth.follow[:, None]
    sheet_points = place(cloth.points + moved, cloth.weight)
    beard = head.hair.beard
    if beard is not None:
        moved = head.coarse + displacement
        roots = np.einsum("nk,nkd->nd", beard.barycentric, moved[beard.triangles])
        beard = place(roots[:, None] + beard.offsets, np.ones(beard.offsets.shape[:2]))
    return Posed(
        points=placed,
        normals=transform.vertex_normals(placed, head_mesh.triangles),
        hair=place(outfit.hair, head.hair.head_weight),
        beard=beard,
        sheets=sheet_points,
        sheet_normals=transform.vertex_normals(sheet_points, cloth.triangles),
        loops=place(cloth.loops, np.ones(cloth.loops.shape[:2])),
        camera_rotation=camera_rotation,
        body_rotation=body_rotation,
        head_rotation=body_rotation @ neck_rotations[-1],
        neck_yaw=neck_yaw,
    )


def _face_units(shot, index):
    units = {}
    for k, targets in enumerate(sequence.EXPRESSIONS.values()):
        for name, amount in targets.items():
            units[name] = units.get(name, 0) + amount * shot.expression[index, k]
    units["jawOpen"] = units.get("jawOpen", 0) + shot.talking[index]
    if shot.blink[index]:
        units["eyeBlinkLeft"] = units["eyeBlinkRight"] = 0.9
    down = shot.gaze[index, 1]
    if down < 0:
        units["eyeLookDownLeft"] = units["eyeLookDownRight"] = min(1, -down * 3)
    return units


def head_extent(head: Head, posed: Posed, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """The head's bounding box, with the hair above the neck: (low, high), each (column, row) at focal length 1."""
    unit_view = View(1, 1, 1.0, 0.0, 0.0, distance)
    skull = unit_view.project(posed.points[on_head()])
    low, high = skull.min(0), skull.max(0)
    if len(posed.hair):
        if head.identity.hairstyle == "horsetail":  # without the tail
            hair = posed.hair[: head.hair.scalp_count].reshape(-1, 3)
        else:
            hair = posed.hair[head.hair.strands[..., 1] > 6.6]
        hair = unit_view.project(hair[::7])
        low = np.minimum(low, np.percentile(hair, 1, axis=0))
        high = np.maximum(high, np.percentile(hair, 99, axis=0))
    return low[:2], high[:2]


def crop_view(head: Head, shot: sequence.Sequence, posed: Posed, index: int) -> View:
    """The square box around the head as a `View`: `margin` times the head's longer side, badly centred as boxes are."""
    low, high = head_extent(head, posed, shot.distance)
    jitter, offset = shot.box_jitter[index], shot.box_offset
    size = shot.domain.render_size
    centre_x, centre_y = (low + high) / 2
    side = max(high - low) * shot.margin * (1 + jitter[2])
    focal = size / side
    return View(
        height=size,
        width=size,
        focal=focal,
        centre_x=size / 2 - focal * centre_x + size * (jitter[0] + offset[0]) * 0.6,
        centre_y=size / 2 - focal * centre_y + size * (jitter[1] + offset[1]) * 0.6,
        distance=shot.distance,
    )


def on_head() -> np.ndarray:
    """Which points of the mesh are skin of the head, not of the neck: bool `(n,)`."""
    head_mesh = mesh.load()
    return (head_mesh.head_weight > 0.98) & (head_mesh.point_material == materials.SKIN)
