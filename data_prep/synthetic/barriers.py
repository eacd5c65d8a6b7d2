"""The walls and hedges in front of a scene's lanes."""

import cv2
import numpy as np

from data_prep.synthetic import colour, ground, light, mesh

LEAF, LEAF_LENGTH = (72, 86, 54), 0.55  # 8-bit sRGB; units
LEAVES = 9  # in a square of a leaf's length


def wall(
    scene: ground.Scene, place: light.Environment, lane: ground.Lane, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A plastered wall with a stone ledge, down to the picture's lower edge.

    Returns:
        linear light `(rows, width, 3)`, weighted by its cover `(rows, width)` in [0, 1].
    """
    zoom = scene.zoom
    rows, width, ledge = scene.height - round(lane.wall * zoom), scene.width, max(1, round(lane.ledge * zoom))
    patch = max(2, round(24 * zoom))
    mottled = rng.normal(size=(rows // patch + 2, width // patch + 2))
    mottled = cv2.resize(mottled, (width, rows), interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(rng.normal(size=(rows, width)), (0, 0), 0.8 * zoom)
    albedo = colour.from_srgb(lane.albedo) * (1 + 0.05 * mottled + 0.06 * zoom * grain)[..., None]
    surface = albedo * _light_on(place, np.array([0, 0, 1.0])) * np.linspace(1.0, 0.8, rows)[:, None, None]
    surface[:ledge] = albedo[:ledge] * _light_on(place, np.array([0, 1.0, 0]))
    surface[ledge : ledge + max(1, ledge // 4)] *= 0.55  # the ledge's shadow
    stone = 12 * lane.ledge * zoom  # length of the stones
    for column in np.arange(rng.uniform(0, stone), width, stone).astype(int):
        surface[:, column : column + max(1, ledge // 6)] *= 0.8
    return surface, np.ones((rows, width))


def hedge(
    scene: ground.Scene, place: light.Environment, lane: ground.Lane, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Leaf before leaf, the deeper ones first and in the shade; returned as by `wall`."""
    fine = 2  # drawn at twice the size
    unit = ground.FOCAL * scene.zoom / lane.depths[0] * fine  # pixels
    width, rows = scene.width * fine, (scene.height - round(lane.wall * scene.zoom)) * fine
    fringe = round(0.5 * unit) // fine * fine  # the uppermost leaves stand above the edge
    leaf = LEAF_LENGTH * unit
    upward = _light_on(place, np.array([0, 1.0, 0]))
    forward = _light_on(place, np.array([0, 0, 1.0]))
    green = colour.from_srgb(LEAF)
    leaves = np.zeros((fringe + rows, width, 3))
    cover = np.zeros((fringe + rows, width))
    inside = fringe + round(0.25 * unit)
    leaves[inside:] = 0.15 * green * forward
    cover[inside:] = 1
    leafy = min(rows, 8 * unit)  # nearer walls hide what is farther below the edge
    edge = cv2.GaussianBlur(rng.normal(size=(1, width)), (0, 0), unit)[0]
    edge *= 0.12 * unit / edge.std()
    for nearness in np.linspace(0, 1, int(LEAVES * width * leafy / leaf**2)):
        x, y = rng.uniform(0, width), rng.uniform(0, leafy)
        below = y / unit  # units, below the edge
        y += fringe + edge[int(x)] - rng.uniform(0, 0.25) * unit
        facing = max(rng.uniform(0, 1), 1 - 1.5 * below)  # 1 upward, 0 forward
        shade = (0.25 + 0.75 * nearness) * (1.15 - 0.6 * min(below / 4, 1)) * np.exp(0.25 * rng.normal())
        tint = green * np.exp([0.15 * rng.normal(), 0, 0.2 * rng.normal()])
        light_on_leaf = tint * shade * (facing * upward + (1 - facing) * forward)
        size = leaf * rng.uniform(0.7, 1.2) / 2
        shape = (round(x), round(y)), (max(1, round(size)), max(1, round(0.45 * size))), rng.uniform(0, 180), 0, 360
        cv2.ellipse(leaves, *shape, light_on_leaf.tolist(), -1)
        cv2.ellipse(cover, *shape, 1, -1)
    size = scene.width, len(leaves) // fine
    leaves = cv2.resize(leaves, size, interpolation=cv2.INTER_AREA)
    return leaves, cv2.resize(cover, size, interpolation=cv2.INTER_AREA)


def _light_on(place, normal):
    """What a white matt surface reflects, `(3,)`: the surroundings' light and the key light's."""
    directions = mesh.load().directions
    cosine = np.maximum(directions @ normal, 0) * (4 / len(directions))
    return cosine @ place.radiance_from(directions) + place.key_colour * max(place.key_direction @ normal, 0) / np.pi
