"""Drawing a posed person: light, mesh, what is worn on the head, hair, glasses."""

import math
from dataclasses import dataclass

import numpy as np

from data_prep.synthetic import glasses, mesh, posing
from data_prep.synthetic.geometry import unit
from data_prep.synthetic.head import Head
from data_prep.synthetic.kernels import coverings, materials, raster, shading, shadows
from data_prep.synthetic.sequence import Sequence

SHADOW_SIZE, SHADOW_SCALE = 192, 192 / 6.5  # pixels, pixels per unit, of the key light's shadow map
IRIS_RADIUS, PUPIL_SHARE = 0.47, 0.36  # radians; share of the iris' radius
GLASSES_WIDTHS = (0.045, 0.03, 0.05)  # units, by the shape of the glasses


@dataclass(frozen=True)
class Drawing:
    """A posed person in one light, in the making.

    Attributes:
        head, shot, outfit, posed, view: as `draw` was given.
        light: `shadows.Light`, the key light.
        on_head, on_body: float32 `(64, 3)`, light of the surroundings from each of `mesh.directions`.
        irradiance: float64 `(n, 3)`, light of the surroundings at each vertex.
        head_centre: float64 `(3,)`.
        canvas: `raster.Canvas`.
    """

    head: Head
    shot: Sequence
    outfit: posing.Outfit
    posed: posing.Posed
    view: posing.View
    light: shadows.Light
    on_head: np.ndarray
    on_body: np.ndarray
    irradiance: np.ndarray
    head_centre: np.ndarray
    canvas: raster.Canvas

    @property
    def pixels_per_unit(self) -> float:
        """At the distance of the head."""
        return self.view.focal / self.view.distance


def draw(
    head: Head, shot: Sequence, outfit: posing.Outfit, posed: posing.Posed, view: posing.View, index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws a posed head, without its background.

    Args:
        index: number of the frame.

    Returns:
        light float64 `(height, width, 3)`, linear; parse int32 `(height, width)`: 0 nothing, 1 skin, 2 eye, 4 teeth,
        5 tongue, 6 cloth, 7 hair, 8 beard, 9 glasses, 10 headwear, 11 mask, 12 lens; and the mean light on the face,
        `(3,)`.
    """
    drawing = _begin(head, shot, outfit, posed, view)
    _draw_mesh(drawing, index)
    if len(outfit.sheets.points):
        _draw_sheets(drawing)
    if len(posed.hair):
        _draw_hair(drawing)
    if posed.beard is not None:
        _draw_beard(drawing)
    if shot.worn.eyewear != "none":
        _draw_glasses(drawing)
    if len(posed.loops):
        _draw_loops(drawing)
    return drawing.canvas.image, drawing.canvas.parse, _light_on_face(drawing)


def _begin(head, shot, outfit, posed, view):
    """The light on a person, and an empty canvas."""
    head_mesh, environment = mesh.load(), shot.environment
    on_head = environment.radiance_from(head_mesh.directions @ posed.head_rotation.T).astype(np.float32)
    on_body = environment.radiance_from(head_mesh.directions @ posed.body_rotation.T).astype(np.float32)
    head_centre = posed.points[posing.on_head()].mean(0)
    return Drawing(
        head=head,
        shot=shot,
        outfit=outfit,
        posed=posed,
        view=view,
        light=_key_light(environment, outfit, posed, head_centre),
        on_head=on_head,
        on_body=on_body,
        irradiance=_irradiance(head, on_head, on_body, head_mesh.head_weight),
        head_centre=head_centre,
        canvas=raster.Canvas(
            image=np.zeros((view.height, view.width, 3)),
            parse=np.zeros((view.height, view.width), np.int32),
            depth=np.full((view.height, view.width), 1e9),
        ),
    )


def _key_light(environment, outfit, posed, head_centre):
    """The key light and its shadow map."""
    head_mesh, sheets = mesh.load(), outfit.sheets
    direction = posed.camera_rotation @ environment.key_direction
    axis_x = unit(np.cross([0, 1, 0] if abs(direction[1]) < 0.95 else [1, 0, 0], direction))
    light = shadows.Light(
        direction=direction,
        colour=environment.key_colour,
        axis_x=axis_x,
        axis_y=np.cross(direction, axis_x),
        centre=head_centre - np.array([0, 0.6, 0]),
        scale=SHADOW_SCALE,
        depth=np.full((SHADOW_SIZE, SHADOW_SIZE), 1e9),
    )
    skin = head_mesh.triangles[head_mesh.materials == materials.SKIN]
    shadows.depth_of_triangles(_to_light(light, posed.points), skin, light.depth)
    if len(posed.hair):
        shadows.depth_of_strands(_to_light(light, posed.hair[::2]), light.depth)
    shadows.depth_of_triangles(_to_light(light, posed.sheets), sheets.triangles, light.depth)
    return light


def _to_light(light, points):
    """Points `(..., 3)` on a light's map, same shape."""
    points = np.ascontiguousarray(points)
    screen = np.empty(points.shape)
    shadows.project_to_light(points.reshape(-1, 3), light, screen.reshape(-1, 3))
    return screen


def _lifted(light, points, normals):
    """Where points ask a light's map: a little above the surface, so that it does not shade itself."""
    return _to_light(light, points + normals * 0.07 + light.direction * 0.03)


def _no_hits(view):
    return raster.Hits(
        triangle=np.full((view.height, view.width), -1, np.int32),
        barycentric=np.zeros((view.height, view.width, 2), np.float32),
        lashes=np.zeros((view.height, view.width)),
    )


def _draw_mesh(drawing, index):
    """Skin, eyes, mouth and clothes, and the lashes' shade."""
    head_mesh, identity, skin = mesh.load(), drawing.head.identity, drawing.head.skin
    posed, environment = drawing.posed, drawing.shot.environment
    hits = _no_hits(drawing.view)
    lash_cover = head_mesh.attributes[:, 5] * (0.5 + 0.4 * identity.lashes)
    screen = drawing.view.project(posed.points)
    raster.raster_triangles(screen, head_mesh.triangles, head_mesh.materials, lash_cover, drawing.canvas.depth, hits)
    body = shading.Body(
        triangles=head_mesh.triangles,
        materials=head_mesh.materials,
        normals=posed.normals,
        average=head_mesh.points,
        irradiance=drawing.irradiance,
        at_light=_lifted(drawing.light, posed.points, posed.normals),
        attributes=drawing.outfit.attributes,
    )
    look = shading.Look(
        skin=shading.Skin(
            texture=skin.texture,
            low=mesh.TEXTURE_LOW,
            high=mesh.TEXTURE_HIGH,
            axis_z=mesh.TEXTURE_AXIS_Z,
            lip=skin.lip,
            wrap=(0.32 + 0.18 * (1 - identity.tone)) * np.array([0.75, 0.36, 0.26]),  # light skin scatters more
        ),
        eyes=shading.Eyes(
            centres=head_mesh.eye_centres,
            gaze=_gaze(drawing.shot, posed, index),
            iris=np.array([*identity.iris, IRIS_RADIUS, PUPIL_SHARE]),
        ),
        cloth=drawing.outfit.cloth,
    )
    surroundings = shading.Surroundings(
        environment=environment.reflection,
        cos_elevation=math.cos(drawing.shot.elevation),
        sin_elevation=math.sin(drawing.shot.elevation),
        mean_radiance=float(environment.radiance.mean((0, 1)).sum()),
    )
    shading.shade(hits, body, look, drawing.light, surroundings, drawing.canvas)
    image = drawing.canvas.image
    image *= 1 - hits.lashes[..., None]


def _draw_sheets(drawing):
    """What is worn on the head, but for glasses."""
    posed, sheets, on_head = drawing.posed, drawing.outfit.sheets, drawing.on_head
    hits = _no_hits(drawing.view)
    screen = drawing.view.project(posed.sheets)
    one_material = np.full(len(sheets.triangles), materials.SKIN, np.int32)
    no_lashes = np.zeros(len(posed.sheets))
    raster.raster_triangles(screen, sheets.triangles, one_material, no_lashes, drawing.canvas.depth, hits)
    directions = mesh.load().directions @ (posed.camera_rotation @ posed.head_rotation).T
    cosine = np.maximum(posed.sheet_normals @ directions.T, 0) * (4 / len(directions))
    coverings.shade_sheets(
        hits,
        coverings.Sheets(
            triangles=sheets.triangles,
            codes=sheets.codes,
            normals=posed.sheet_normals,
            albedo=sheets.albedo,
            irradiance=(0.8 * (cosine @ on_head) + 0.2 * on_head.mean(0)) * sheets.inner[:, None],
            at_light=_lifted(drawing.light, posed.sheets, posed.sheet_normals),
            gloss=sheets.gloss,
        ),
        drawing.light,
        drawing.shot.environment.reflection,
        drawing.canvas,
    )


def _strand_colours(drawing, strands, transfer, look):
    """Colours of hairs `(n, k, 3)`; `transfer` as in `head.Head`."""
    arriving = (transfer @ drawing.on_head).reshape(strands.shape)
    colours = np.empty(strands.shape)
    coverings.shade_strands(strands, arriving, look, drawing.light, drawing.head_centre, colours)
    return colours


def _draw_lines(drawing, strands, colours, widths, bias, tag):
    """Draws polylines `(n, k, 3)`; see `raster.raster_strands`."""
    lines = raster.Lines(screen=drawing.view.project(strands), colours=colours, widths=widths)
    raster.raster_strands(lines, drawing.canvas, bias, tag)


def _draw_hair(drawing):
    head, hair = drawing.head, drawing.posed.hair
    look = coverings.HairLook(colour=head.skin.hair_colour, brightness=head.hair.brightness, softness=3.0)
    colours = _strand_colours(drawing, hair, head.hair_transfer, look)
    count, knots = hair.shape[:2]
    width = np.clip(drawing.pixels_per_unit * 0.012, 0.35, 3)
    widths = width * np.linspace(1, 0.5, knots)[None] * np.ones((count, 1))
    _draw_lines(drawing, hair, colours, widths, 0.0, materials.PARSE_HAIR)


def _draw_beard(drawing):
    head, beard = drawing.head, drawing.posed.beard
    look = coverings.HairLook(colour=head.skin.hair_colour * 1.1, brightness=head.hair.beard.brightness, softness=5.0)
    colours = _strand_colours(drawing, beard, head.beard_transfer, look)
    widths = np.full(beard.shape[:2], np.clip(drawing.pixels_per_unit * 0.006, 0.3, 2))
    _draw_lines(drawing, beard, colours, widths, 0.01, materials.PARSE_BEARD)


def _draw_glasses(drawing):
    """Rims, bridge and temples of glasses and sunglasses."""
    identity = drawing.head.identity
    dark = drawing.shot.worn.eyewear == "sunglasses"
    shape = 0 if dark else identity.glasses_shape
    rims = glasses.rims(drawing.posed.points, shape, 1.16 if dark else 1.0)
    colour = np.array([0.02, 0.02, 0.02]) if dark else np.array(identity.glasses_colour)
    colours = np.tile(colour * (drawing.irradiance.mean() * 1.2), rims.shape[:2] + (1,))
    width = drawing.pixels_per_unit * GLASSES_WIDTHS[shape] * (0.6 if dark else 1)
    widths = np.full(rims.shape[:2], max(1.2, width))
    _draw_lines(drawing, rims, colours, widths, 0.02, materials.PARSE_GLASSES)


def _draw_loops(drawing):
    """The ear loops of a mask."""
    loops = drawing.posed.loops
    colours = np.tile(np.array([0.7, 0.7, 0.7]) * drawing.irradiance.mean(0), loops.shape[:2] + (1,))
    widths = np.full(loops.shape[:2], max(1.0, drawing.pixels_per_unit * 0.025))
    _draw_lines(drawing, loops, colours, widths, 0.0, materials.PARSE_MASK)


def _irradiance(head, on_head, on_body, weight):
    """Light of the surroundings at each vertex, `(n, 3)`; what arrives turns from the body's to the head's."""
    w = weight[:, None]
    irradiance = (head.transfer @ on_head) * w + (head.transfer @ on_body) * (1 - w)
    red = (head.red_transfer @ on_head[:, 0]) * weight + (head.red_transfer @ on_body[:, 0]) * (1 - weight)
    irradiance[:, 0] = red
    return irradiance.astype(np.float64)


def _light_on_face(drawing):
    head_mesh, normals, irradiance = mesh.load(), drawing.posed.normals, drawing.irradiance
    y, z = head_mesh.points[:, 1], head_mesh.points[:, 2]
    face = (head_mesh.attributes[:, 3] < 0.1) & (head_mesh.point_material == materials.SKIN)
    face &= (z > 1.1) & (y > 6.3) & (y < 8) & (normals[:, 2] > 0.1)
    if not face.any():
        return irradiance.mean(0)
    key = np.maximum(normals[face] @ drawing.light.direction, 0).mean()
    return irradiance[face].mean(0) + drawing.light.colour / np.pi * key * 0.8


def _gaze(shot, posed, index):
    """Where the eyes look, in the head's own axes, `(2, 3)`: partly back to the camera, slightly diverging."""
    right, up = shot.gaze[index]
    right = np.clip(-posed.neck_yaw * 0.25 + right, -0.5, 0.5)
    ahead = unit(np.array([math.sin(right), math.sin(up), 1.0]))
    apart = np.array([0.03, 0, 0])
    return np.stack([unit(ahead + apart), unit(ahead - apart)])
