"""A person made solid: the identity's shape, skin and hair, and how each point of them passes light on."""

from dataclasses import dataclass

import numpy as np

from data_prep.synthetic import hair as hair_growth
from data_prep.synthetic import identity as people
from data_prep.synthetic import mesh
from data_prep.synthetic import skin as skin_painting
from data_prep.synthetic.geometry import unit
from data_prep.synthetic.kernels import materials, shadows, transform

# how strongly the detail morphs are applied; larger tells people apart better and looks stranger
DETAIL_STRENGTH = 0.8

SHADOW_SIZE, SHADOW_SCALE = 96, 96 / 5.2  # pixels, pixels per unit, of the maps behind light transfer
SHADOW_CENTRE = np.array([0, 7.0, 0.2])


@dataclass(frozen=True)
class Head:
    """Everything about a person that their sequences share.

    Attributes:
        identity, skin, hair: see there.
        coarse: float64 `(N, 3)`, the control mesh.
        points: float64 `(n, 3)`, its subdivision.
        transfer: float32 `(n, 64)`, light from each of `mesh.directions` to each point.
        red_transfer: float32 `(n, 64)`, the same for red light, which scatters sideways inside the skin.
        hair_transfer, beard_transfer: float32 `(n k, 64)`, the same per point of a hair.
    """

    identity: people.Identity
    skin: skin_painting.Skin
    hair: hair_growth.Hair
    coarse: np.ndarray
    points: np.ndarray
    transfer: np.ndarray
    red_transfer: np.ndarray
    hair_transfer: np.ndarray
    beard_transfer: np.ndarray


def build(identity: people.Identity) -> Head:
    """The `Head` of an `identity.Identity` (about 0.8 s)."""
    head_mesh = mesh.load()
    coarse = head_mesh.coarse + shape(identity, head_mesh)
    eyes = [coarse[joint].mean(0) for joint in head_mesh.eye_joints]
    shift = head_mesh.eye_centres.mean(0) - (eyes[0] + eyes[1]) / 2  # everybody's eyes at one height
    shift[0] = 0
    coarse = coarse + shift
    points = np.ascontiguousarray(head_mesh.subdivide @ coarse)
    skin = skin_painting.paint(identity, head_mesh, np.random.default_rng(identity.seed + 77))
    rng = np.random.default_rng(identity.seed + 5)
    hair = hair_growth.grow(identity, head_mesh, coarse, points, skin.beard_mask, rng)
    transfer, hair_transfer, beard_transfer = light_transfer(head_mesh, coarse, points, hair)
    return Head(
        identity=identity,
        skin=skin,
        hair=hair,
        coarse=coarse,
        points=points,
        transfer=transfer,
        red_transfer=_scatter(head_mesh, transfer),
        hair_transfer=hair_transfer,
        beard_transfer=beard_transfer,
    )


def shape(identity: people.Identity, head_mesh: mesh.Mesh) -> np.ndarray:
    """Displacement of the control points by age, gender, build and details: float32 `(N, 3)`."""
    displacement = np.zeros((len(head_mesh.coarse), 3), np.float32)
    age = identity.age
    if age < 0.5:
        ages = {"child": (0.5 - age) / 0.3125, "young": 1 - (0.5 - age) / 0.3125, "old": 0}
    else:
        ages = {"child": 0, "young": 1 - (age - 0.5) * 2, "old": (age - 0.5) * 2}
    muscles, weights = _thirds(identity.muscle), _thirds(identity.weight)
    for gender, gender_share in (("male", identity.gender_weight), ("female", 1 - identity.gender_weight)):
        for stage, age_share in ages.items():
            if age_share == 0:
                continue
            for origin, share in identity.morph_mix.items():
                name = f"m:{origin}-{gender}-{stage}"
                mesh.add_morph(head_mesh, name, gender_share * age_share * share, displacement)
            for muscle, muscle_share in muscles.items():
                for weight, weight_share in weights.items():
                    name = f"m:universal-{gender}-{stage}-{muscle}muscle-{weight}weight"
                    amount = gender_share * age_share * muscle_share * weight_share
                    mesh.add_morph(head_mesh, name, amount, displacement)
    for name, amount in identity.details.items():
        mesh.add_morph(head_mesh, name, amount * DETAIL_STRENGTH, displacement)
    return displacement


def _thirds(x):
    """x in [0, 1] as shares of a minimum, an average and a maximum."""
    return {"min": max(0, 1 - 2 * x), "average": 1 - abs(2 * x - 1), "max": max(0, 2 * x - 1)}


def light_transfer(
    head_mesh: mesh.Mesh, coarse: np.ndarray, points: np.ndarray, hair: hair_growth.Hair
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Renders a shadow map from each of 64 directions: who sees the light, and how much of it they pass on.

    Returns:
        float32 `(n, 64)` of the mesh, and of the hair's and the beard's points (None without a beard).
    """
    count = len(head_mesh.directions)
    normals = transform.vertex_normals(points, head_mesh.triangles)
    lifted = points + normals * 0.03
    skin_triangles = head_mesh.coarse_triangles[head_mesh.coarse_materials == materials.SKIN]
    visible = np.ones((len(points), count), np.float32)
    half_hair = np.ascontiguousarray(hair.strands[::2])  # every second hair is enough to cast shadows
    scalp = _hairs(hair.strands)
    hair_transfer = np.ones((len(scalp.points), count), np.float32)
    beard = beard_transfer = None
    if hair.beard is not None:
        beard = _hairs(hair.beard.strands)
        beard_transfer = np.ones((len(beard.points), count), np.float32)

    for d, direction in enumerate(head_mesh.directions):
        light = _light_from(direction)
        shadows.depth_of_triangles(_to_light(coarse, light), skin_triangles, light.depth)
        if len(half_hair):
            shadows.depth_of_strands(_to_light(half_hair.reshape(-1, 3), light).reshape(half_hair.shape), light.depth)
        shadows.visibility(lifted, light, 7.0, 0.10, visible[:, d])
        if len(half_hair):
            shadows.strand_transfer(scalp, light, 5.0, 0.03, 2.6 / count, hair_transfer[:, d])
        if beard is not None:
            shadows.strand_transfer(beard, light, 6.0, 0.06, 2.6 / count, beard_transfer[:, d])

    cosine = np.maximum(normals @ head_mesh.directions.T, 0).astype(np.float32) * (4 / count)
    transfer = visible * cosine
    # the mouth is a cave: less light than its shadow maps say
    for material, share in ((materials.TEETH, 0.75), (materials.TONGUE, 0.3)):
        inside = head_mesh.point_material == material
        transfer[inside] = share * cosine[inside]
    return transfer.astype(np.float32), hair_transfer, beard_transfer


def _light_from(direction):
    """White light from a direction, with an empty shadow map."""
    axis_x = unit(np.cross([0, 1, 0] if abs(direction[1]) < 0.9 else [1, 0, 0], direction))
    return shadows.Light(
        direction=direction,
        colour=np.ones(3),
        axis_x=axis_x,
        axis_y=np.cross(direction, axis_x),
        centre=SHADOW_CENTRE,
        scale=SHADOW_SCALE,
        depth=np.full((SHADOW_SIZE, SHADOW_SIZE), 1e9),
    )


def _to_light(points, light):
    screen = np.empty(points.shape)
    shadows.project_to_light(points, light, screen)
    return screen


def _hairs(strands):
    """Points, unit tangents, and directions away from the skull's centre of strands `(n, k, 3)`: `shadows.Hairs`."""
    points = np.ascontiguousarray(strands.reshape(-1, 3))
    tangents = unit(np.gradient(strands, axis=1)).reshape(-1, 3)
    return shadows.Hairs(points=points, tangents=tangents, outward=unit(points - np.array([0, 7.3, 0.35])))


def _scatter(head_mesh, transfer):
    scattered = transfer
    for _ in range(3):
        scattered = head_mesh.smooth @ scattered
    on_skin = (head_mesh.point_material == materials.SKIN)[:, None]
    return np.where(on_skin, scattered, transfer).astype(np.float32)
