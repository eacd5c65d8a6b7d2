"""The average head and its morphs: MakeHuman's hm08 base mesh, cut at the chest and subdivided once.

Everything is in MakeHuman's units (decimetres), y up, z to the front; the eyes sit near y = 7.25, the crown at 8.4,
the chin at 6.2, and the bust is cut off at y = 4.2.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.sparse as sparse
from scipy import spatial
from scipy.interpolate import LinearNDInterpolator

from data_prep.synthetic.geometry import smoothstep
from data_prep.synthetic.kernels import materials, transform

BAKED = Path(__file__).parent / "baked"

# the skin texture is a cylinder around (0, y, AXIS_Z): columns are angles, rows heights from HIGH down to LOW
TEXTURE_WIDTH, TEXTURE_HEIGHT = 1024, 704
TEXTURE_LOW, TEXTURE_HIGH = 5.1, 8.62
TEXTURE_AXIS_Z = 0.45

LIGHT_DIRECTIONS = 64  # light transfer is stored for these many directions

MATERIAL_OF_GROUP = {
    "body": materials.SKIN,
    "helper-l-eye": materials.EYE,
    "helper-r-eye": materials.EYE,
    "helper-l-eyelashes-1": materials.LASHES,
    "helper-l-eyelashes-2": materials.LASHES,
    "helper-r-eyelashes-1": materials.LASHES,
    "helper-r-eyelashes-2": materials.LASHES,
    "helper-upper-teeth": materials.TEETH,
    "helper-lower-teeth": materials.TEETH,
    "helper-tongue": materials.TONGUE,
}


# points of the average head; a landmark is the control point nearest to it. Left and right are the person's own.
LANDMARKS = {
    "left_eye": (0.31, 7.28, 1.45),
    "right_eye": (-0.31, 7.28, 1.45),
    "nose": (0.0, 6.91, 1.68),
    "left_mouth": (0.25, 6.61, 1.37),
    "right_mouth": (-0.25, 6.61, 1.37),
    "upper_lip": (0.0, 6.63, 1.58),
    "lower_lip": (0.0, 6.59, 1.55),
    "chin": (0.0, 6.17, 1.38),
    "left_ear": (0.88, 7.24, 0.38),
    "right_ear": (-0.88, 7.24, 0.38),
}


@dataclass(frozen=True)
class Mesh:
    """The average head. "Coarse" arrays are the control mesh (N vertices), the others its subdivision (n vertices).

    Attributes:
        coarse: float64 `(N, 3)`, control points.
        coarse_triangles, coarse_materials: int32 `(T, 3)` and `(T,)`, see `kernels.materials`.
        coarse_attributes: float64 `(N, 6)` in [0, 1]: lip, lid, ear, inside of the mouth, 0, cover of the lashes.
        coarse_area: float64 `(T,)`, the triangles' areas.
        subdivide: sparse `(n, N)`, control points to surface points.
        points, triangles, materials, attributes: the same of the subdivided mesh.
        point_material: int `(n,)`.
        head_weight: float64 `(n,)`, 1 on the head, 0 on the torso, between them on the neck.
        smooth: sparse `(n, n)`, the mean of a vertex and its neighbours.
        eye_joints: `(left, right)` indices into `coarse`; their mean is an eye's centre.
        eye_centres: float64 `(2, 3)`, left first.
        landmarks: int `(10,)`, indices into `coarse` and `points`, in the order of LANDMARKS.
        directions: float64 `(64, 3)`, unit vectors spread evenly over the sphere.
        morph_index, morph_offset, morph_range: the morphs, see `add_morph`.
        front_z: callable (x, y) -> z of the face's surface.
        texel_angle, texel_y, texel_x: float64 `(704, 1024)`, where a texel of the skin lies; texel_x is 9 at the back.
    """

    coarse: np.ndarray
    coarse_triangles: np.ndarray
    coarse_materials: np.ndarray
    coarse_attributes: np.ndarray
    coarse_area: np.ndarray
    subdivide: sparse.csr_matrix
    points: np.ndarray
    triangles: np.ndarray
    materials: np.ndarray
    attributes: np.ndarray
    point_material: np.ndarray
    head_weight: np.ndarray
    smooth: sparse.csr_matrix
    eye_joints: tuple
    eye_centres: np.ndarray
    landmarks: np.ndarray
    directions: np.ndarray
    morph_index: np.ndarray
    morph_offset: np.ndarray
    morph_range: dict
    front_z: LinearNDInterpolator
    texel_angle: np.ndarray
    texel_y: np.ndarray
    texel_x: np.ndarray


@lru_cache(maxsize=1)
def load() -> Mesh:
    """Reads the baked mesh and derives what every head shares (about 2 s, once a process)."""
    baked = np.load(BAKED / "headbase.npz")
    groups = list(baked["groups"])
    keep = baked["G"] != groups.index("helper-hair")
    quads = baked["F"][keep]
    quad_material = np.array([MATERIAL_OF_GROUP[groups[g]] for g in baked["G"][keep]])
    coarse = baked["v"].astype(np.float64)

    subdivide, fine_quads = catmull_clark(len(coarse), quads)
    points = np.ascontiguousarray(subdivide @ coarse)
    fine_material = np.tile(quad_material, 4)
    order = np.argsort(fine_material == materials.LASHES, kind="stable")  # lashes are drawn over what is behind them
    fine_quads, fine_material = fine_quads[order], fine_material[order]
    triangles, fine_materials = _triangulate(fine_quads, fine_material)
    coarse_triangles, coarse_materials = _triangulate(quads, quad_material)

    eye_joints = (baked["J_joint-l-eye"], baked["J_joint-r-eye"])
    eye_centres = np.array([coarse[joint].mean(0) for joint in eye_joints])
    coarse_attributes = _attributes(coarse, eye_centres)
    attributes = np.ascontiguousarray(subdivide @ coarse_attributes)

    head_weight = np.clip(
        baked["W_head"] + 0.75 * baked["W_neck03"] + 0.5 * baked["W_neck02"] + 0.25 * baked["W_neck01"], 0, 1
    )
    head_weight[np.unique(quads[quad_material > 0])] = 1  # eyes, lashes, teeth and tongue

    point_material = np.zeros(len(points), int)
    point_material[triangles.ravel()] = np.repeat(fine_materials, 3)

    front_z = _front_surface(points, triangles, point_material, attributes)
    texel_angle, texel_y, texel_x = _texel_grids(front_z)
    starts = baked["t_ptr"]
    return Mesh(
        coarse=coarse,
        coarse_triangles=coarse_triangles,
        coarse_materials=coarse_materials,
        coarse_attributes=coarse_attributes,
        coarse_area=_areas(coarse, coarse_triangles),
        subdivide=subdivide,
        points=points,
        triangles=triangles,
        materials=fine_materials,
        attributes=attributes,
        point_material=point_material,
        head_weight=subdivide @ head_weight.astype(np.float64),
        smooth=_neighbour_mean(triangles, len(points)),
        eye_joints=eye_joints,
        eye_centres=eye_centres,
        # the subdivision keeps the control points, moved a little, in front
        landmarks=spatial.cKDTree(coarse).query(list(LANDMARKS.values()))[1],
        directions=_sphere(LIGHT_DIRECTIONS),
        morph_index=baked["t_i"].astype(int),
        morph_offset=baked["t_x"].astype(np.float32),
        morph_range={str(name): slice(starts[k], starts[k + 1]) for k, name in enumerate(baked["t_names"])},
        front_z=front_z,
        texel_angle=texel_angle,
        texel_y=texel_y,
        texel_x=texel_x,
    )


def _attributes(coarse, eye_centres):
    """`Mesh.coarse_attributes`, from the baked masks."""
    masks = np.load(BAKED / "masks.npz")
    attributes = np.zeros((len(coarse), 6))
    attributes[:, 0] = masks["lips"]
    attributes[:, 1] = masks["eyelids"]
    attributes[:, 2] = masks["ears"]
    attributes[:, 3] = masks["inside_mouth"] * (masks["lips"] < 0.5)
    from_eye = coarse - eye_centres[np.where(coarse[:, 0] > 0, 0, 1)]
    lash_root = smoothstep(0.215, 0.155, np.linalg.norm(from_eye, axis=1))  # lashes thin out towards their tips
    attributes[:, 5] = lash_root * np.where(from_eye[:, 1] > 0, 1, 0.5)
    return attributes


def _areas(points, triangles):
    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return 0.5 * np.linalg.norm(normals, axis=1)


def add_morph(mesh: Mesh, name: str, amount: float, displacement: np.ndarray) -> None:
    """Adds `amount` times the morph `name` to `displacement`, float32 `(N, 3)`; unknown names add nothing.

    Names: `m:` age, gender and build, `d:` details, `f:` expressions. Some combinations have no morph: they are the
    average.
    """
    if amount == 0 or name not in mesh.morph_range:
        return
    entries = mesh.morph_range[name]
    displacement[mesh.morph_index[entries]] += amount * mesh.morph_offset[entries]


def texture_pixel(mesh: Mesh, x: float, y: float) -> tuple:
    """(column, row) of the skin texture, float64 `(..., 2)`, of the point of the face at (x, y)."""
    angle = np.arctan2(x, mesh.front_z(x, y) - TEXTURE_AXIS_Z)
    column = (angle / (2 * np.pi) + 0.5) * TEXTURE_WIDTH
    row = (TEXTURE_HIGH - y) / (TEXTURE_HIGH - TEXTURE_LOW) * TEXTURE_HEIGHT
    return np.stack([column, row], -1)


def catmull_clark(count: int, quads: np.ndarray) -> tuple:
    """One Catmull-Clark step of a mesh with boundaries.

    Args:
        count: int, number of control points V.
        quads: int `(F, 4)`.

    Returns:
        sparse float32 `(V + F + E, V)`: moved vertices, face points, edge points; and int `(4 F, 4)`, the new quads.
    """
    faces = len(quads)
    corner = quads.ravel()
    face_of_corner = np.repeat(np.arange(faces), 4)
    edges = np.sort(np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)]), 1)
    edges, edge_of_side, uses = np.unique(edges, axis=0, return_inverse=True, return_counts=True)
    edge_of_side = edge_of_side.ravel()
    edge_count = len(edges)
    on_boundary = uses == 1

    face_point = _matrix(0.25, face_of_corner, corner, (faces, count))
    edge_middle = _matrix(0.5, np.repeat(np.arange(edge_count), 2), edges.ravel(), (edge_count, count))
    edge_faces = _matrix(1.0, edge_of_side, np.tile(np.arange(faces), 4), (edge_count, faces))
    edge_point = (
        sparse.diags(np.where(on_boundary, 1, 0.5)) @ edge_middle
        + sparse.diags(np.where(on_boundary, 0, 0.25)) @ edge_faces @ face_point
    )

    valence = np.bincount(corner, minlength=count).astype(float)
    boundary_vertex = np.zeros(count, bool)
    boundary_vertex[edges[on_boundary].ravel()] = True
    vertex_faces = _matrix(1.0, corner, face_of_corner, (count, faces))
    vertex_edges = _matrix(1.0, edges.ravel(), np.repeat(np.arange(edge_count), 2), (count, edge_count))
    n = np.maximum(valence, 1)
    edge_valence = np.maximum(np.asarray(vertex_edges.sum(1)).ravel(), 1)
    inner = (
        sparse.diags(1 / (n * n)) @ vertex_faces @ face_point
        + sparse.diags(2 / (n * edge_valence)) @ vertex_edges @ edge_middle
        + sparse.diags((n - 3) / n)
    )
    boundary_edge = np.where(on_boundary)[0]
    vertex_boundary_edges = _matrix(
        0.25, edges[boundary_edge].ravel(), np.repeat(np.arange(len(boundary_edge)), 2), (count, len(boundary_edge))
    )
    boundary = sparse.identity(count) * 0.5 + vertex_boundary_edges @ edge_middle[boundary_edge]
    vertex_point = (
        sparse.diags((~boundary_vertex & (valence > 0)).astype(float)) @ inner
        + sparse.diags(boundary_vertex.astype(float)) @ boundary
        + sparse.diags((valence == 0).astype(float))
    )

    subdivide = sparse.vstack([vertex_point, face_point, edge_point]).tocsr().astype(np.float32)
    edge_index = count + faces + edge_of_side.reshape(4, faces).T  # side i runs from corner i to corner i + 1
    face_index = count + np.arange(faces)
    new_quads = [np.stack([quads[:, i], edge_index[:, i], face_index, edge_index[:, i - 1]], 1) for i in range(4)]
    return subdivide, np.concatenate(new_quads)


def _matrix(value, rows, columns, shape):
    return sparse.csr_matrix((np.full(len(rows), value), (rows, columns)), shape=shape)


def _triangulate(quads, quad_material):
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int32)
    return triangles, np.repeat(quad_material, 2).astype(np.int32)


def _neighbour_mean(triangles, count):
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    adjacent = sparse.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    adjacent = ((adjacent + adjacent.T) > 0).astype(np.float32)
    degree = np.asarray(adjacent.sum(1)).ravel()
    return sparse.diags(1 / (degree + 1)) @ (adjacent + sparse.identity(count, dtype=np.float32))


def _sphere(count):
    """`count` unit vectors on a Fibonacci spiral, `(count, 3)`."""
    i = np.arange(count) + 0.5
    phi = np.pi * (1 + 5**0.5) * i
    y = 1 - 2 * i / count
    r = np.sqrt(1 - y * y)
    return np.stack([r * np.cos(phi), y, r * np.sin(phi)], 1)


def _front_surface(points, triangles, point_material, attributes):
    normals = transform.vertex_normals(points, triangles)
    front = (
        (point_material == materials.SKIN)
        & (normals[:, 2] > 0.05)
        & (points[:, 1] > 6)
        & (attributes[:, 3] < 0.1)
        & (points[:, 2] > 0.3)
    )
    return LinearNDInterpolator(points[front][:, :2], points[front][:, 2], fill_value=0.6)


def _texel_grids(front_z):
    angle = (np.arange(TEXTURE_WIDTH) + 0.5) / TEXTURE_WIDTH * 2 * np.pi - np.pi
    y = TEXTURE_HIGH - (np.arange(TEXTURE_HEIGHT) + 0.5) / TEXTURE_HEIGHT * (TEXTURE_HIGH - TEXTURE_LOW)
    angle, y = np.meshgrid(angle, y)
    # the radius at (angle, y) solves x = r sin(angle), z = front_z(x, y): a damped fixed point
    front = np.abs(angle) < 1.45
    radius = np.full(angle.shape, 1.0)
    for _ in range(8):
        x = radius * np.sin(angle)
        z = front_z(np.where(front, x, 0), np.clip(y, 6.05, 8.4))
        on_surface = np.hypot(x, np.maximum(z - TEXTURE_AXIS_Z, 0.05))
        radius = np.where(front, 0.5 * radius + 0.5 * on_surface, radius)
    return angle, y, np.where(front, radius * np.sin(angle), 9.0)
