"""From a head and a sequence to pictures: pose, project, light, draw, expose, and the camera's degradation."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from data_prep.synthetic import accessories, colour, degrade, kernels, mesh, sequence
from data_prep.synthetic.geometry import rotation, smoothstep, unit

NECK = np.array([0, 6.45, 0.1])  # the neck bends about this point
NECK_STEPS = 17
OCCLUDED = 0.05  # share of the person's pixels
SHADOW_SIZE, SHADOW_SCALE = 192, 192 / 6.5  # pixels, pixels a unit, of the key light's shadow map


@dataclass(frozen=True)
class Frame:
    """A finished crop.

    Attributes:
        image: uint8 `(size, size, 3)`, RGB.
        parse: uint8 `(size, size)`, what each pixel's centre shows: the codes of `draw`.
        yaw, pitch, roll: against the camera, in degrees.
        landmarks: float64 `(10, 2)`, columns and rows of `mesh.LANDMARKS`, hidden ones too; the crop's first
            pixel reaches from 0 to 1.
        expression: one of `sequence.EXPRESSIONS`.
        view: the box, as the `View` it was rendered with.
        eyewear, headwear, mask: see `accessories.Worn`.
        occluded: whether something in front hides at least OCCLUDED of the person.
    """

    image: np.ndarray
    parse: np.ndarray
    yaw: float
    pitch: float
    roll: float
    landmarks: np.ndarray
    expression: str
    view: "View"
    eyewear: str
    headwear: str
    mask: bool
    occluded: bool


@dataclass(frozen=True)
class Outfit:
    """Clothes on a body.

    Attributes:
        attributes: float64 `(n, 6)`, `mesh.Mesh.attributes` with cloth in column 4: its edge is at 0.5.
        thickness: float64 `(n,)`, how far the cloth stands off, in units.
        cloth: `sequence.Clothes.cloth`.
        rest: float64 `(n, 3)`, the unposed body in its clothes.
        sheets: `accessories.Sheets`, what is worn on the head.
        hair: float64 strands, as they lie under it.
    """

    attributes: np.ndarray
    thickness: np.ndarray
    cloth: np.ndarray
    rest: np.ndarray
    sheets: accessories.Sheets
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

    def project(self, points):
        """float64 `(..., 3)` -> column, row and depth, same shape."""
        points = np.ascontiguousarray(points)
        screen = np.empty(points.shape)
        kernels.project(
            points.reshape(-1, 3), self.focal, self.centre_x, self.centre_y, self.distance, screen.reshape(-1, 3)
        )
        return screen


def frames(head, sequence, original=None):
    """Yields the `Frame`s of a sequence in order. The first frame's light sets the exposure of all of them.

    Args:
        head: `head.Head` of the person to see.
        sequence: `sequence.Sequence`.
        original: for a twin, the `head.Head` it takes the place of, whose box and exposure it gets; else None.
    """
    domain, outfit = sequence.domain, dress(head, sequence)
    framed_outfit = dress(original, sequence) if original else outfit
    exposure = None
    for index in range(sequence.frames):
        posed = pose(head, sequence, outfit, index)
        framed = pose(original, sequence, framed_outfit, index) if original else posed
        view = crop_view(original or head, sequence, framed, index)
        light, parse, incident = draw(head, sequence, outfit, posed, view, index)
        if exposure is None:
            if original:
                incident = draw(original, sequence, framed_outfit, framed, view, index)[2]
            exposure = sequence.camera.exposure * auto_exposure(original or head, sequence.environment, incident)
        background = sequence.environment.background(
            view.height,
            view.width,
            sequence.elevation,
            sequence.field_of_view,
            sequence.background_pan[index],
            sequence.background_blur * view.height / 256,
        )
        light = np.where((parse > 0)[..., None], light, background)
        light, occluded = occlude(sequence, light, parse, index)
        picture = colour.expose(light * exposure * sequence.environment.white_balance * sequence.camera.cast)
        size = (domain.crop_size, domain.crop_size)
        yield Frame(
            image=degrade.apply(sequence.camera, picture, index, domain.crop_size),
            parse=cv2.resize(parse.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT),
            yaw=math.degrees(sequence.yaw[index]),
            pitch=math.degrees(sequence.pitch[index]) + math.degrees(sequence.elevation),
            roll=math.degrees(sequence.roll[index]),
            landmarks=view.project(posed.points[mesh.load().landmarks])[:, :2] * domain.crop_size / view.width,
            expression=expression_name(sequence, index),
            view=view,
            eyewear=sequence.worn.eyewear,
            headwear=sequence.worn.headwear,
            mask=sequence.worn.mask,
            occluded=occluded,
        )


def occlude(frame_sequence, light, parse, index):
    """Puts what passes in front of the person into a picture.

    Args:
        light: float `(n, n, 3)`, with its background.
        parse: int32 `(n, n)`; set to `kernels.PARSE_OCCLUDER` where something hides the person or the place.

    Returns:
        the new light, and whether at least OCCLUDED of the person is hidden.
    """
    if frame_sequence.occluder is None:
        return light, False
    person = parse > 0
    cover, albedo = accessories.cover(frame_sequence.occluder, index, len(parse))
    hidden = cover > 0.5
    parse[hidden] = kernels.PARSE_OCCLUDER
    shade = albedo * frame_sequence.environment.radiance.mean((0, 1))
    cover = cover[..., None]
    return light * (1 - cover) + shade * cover, bool((hidden & person).sum() >= OCCLUDED * person.sum())


def expression_name(frame_sequence, index):
    """The strongest expression of a frame."""
    return list(sequence.EXPRESSIONS)[int(frame_sequence.expression[index].argmax())]


def dress(head, frame_sequence):
    """Puts a sequence's clothes, and what is worn on the head, on a person: an `Outfit`."""
    clothes, worn = frame_sequence.clothes, frame_sequence.worn
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
    on_skin = head_mesh.point_material == kernels.SKIN
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
    rest = head.points + kernels.vertex_normals(head.points, head_mesh.triangles) * thickness[:, None]
    return Outfit(
        attributes=attributes,
        thickness=thickness,
        cloth=clothes.cloth,
        rest=rest,
        sheets=accessories.fit(head, worn, rest),
        hair=accessories.press_hair(head, worn.headwear),
    )


def pose(head, frame_sequence, outfit, index):
    """Expression, clothes, neck and body of one frame: a `Posed`."""
    head_mesh = mesh.load()
    displacement = np.zeros((len(head_mesh.coarse), 3), np.float32)
    for name, amount in _face_units(frame_sequence, index).items():
        mesh.add_morph(head_mesh, "f:" + name, amount, displacement)
    points = head.points + head_mesh.subdivide @ displacement
    normals = kernels.vertex_normals(points, head_mesh.triangles)
    points = points + normals * outfit.thickness[:, None]

    yaw, pitch, roll = frame_sequence.yaw[index], frame_sequence.pitch[index], frame_sequence.roll[index]
    body_yaw, tilt = frame_sequence.body_yaw[index], frame_sequence.body_tilt[index]
    neck_yaw = np.clip(yaw - body_yaw, -math.radians(65), math.radians(65))
    body_rotation = rotation(np.array(body_yaw), np.array(tilt * 0.5), np.array(tilt))
    bend = np.linspace(0, 1, NECK_STEPS)
    neck_rotations = np.ascontiguousarray(rotation(bend * neck_yaw, bend * pitch, bend * roll))
    camera_rotation = rotation(np.array(0.0), np.array(frame_sequence.elevation), np.array(0.0))
    to_camera = np.ascontiguousarray(camera_rotation @ body_rotation)
    base = np.array([0, 6.45, 0.0])

    def place(p, weight):
        placed = np.empty(p.shape)
        kernels.pose_points(
            p.reshape(-1, 3), weight.reshape(-1), neck_rotations, NECK, to_camera, base, placed.reshape(-1, 3)
        )
        return placed

    placed = place(points, head_mesh.head_weight)
    sheets = outfit.sheets
    moved = (points - outfit.rest)[sheets.anchors].mean(1) * sheets.follow[:, None]
    sheet_points = place(sheets.points + moved, sheets.weight)
    beard = head.hair.beard
    if beard is not None:
        moved = head.coarse + displacement
        roots = np.einsum("nk,nkd->nd", beard.barycentric, moved[beard.triangles])
        beard = place(roots[:, None] + beard.offsets, np.ones(beard.offsets.shape[:2]))
    return Posed(
        points=placed,
        normals=kernels.vertex_normals(placed, head_mesh.triangles),
        hair=place(outfit.hair, head.hair.head_weight),
        beard=beard,
        sheets=sheet_points,
        sheet_normals=kernels.vertex_normals(sheet_points, sheets.triangles),
        loops=place(sheets.loops, np.ones(sheets.loops.shape[:2])),
        camera_rotation=camera_rotation,
        body_rotation=body_rotation,
        head_rotation=body_rotation @ neck_rotations[-1],
        neck_yaw=neck_yaw,
    )


def _face_units(frame_sequence, index):
    units = {}
    for k, targets in enumerate(sequence.EXPRESSIONS.values()):
        for name, amount in targets.items():
            units[name] = units.get(name, 0) + amount * frame_sequence.expression[index, k]
    units["jawOpen"] = units.get("jawOpen", 0) + frame_sequence.talking[index]
    if frame_sequence.blink[index]:
        units["eyeBlinkLeft"] = units["eyeBlinkRight"] = 0.9
    down = frame_sequence.gaze[index, 1]
    if down < 0:
        units["eyeLookDownLeft"] = units["eyeLookDownRight"] = min(1, -down * 3)
    return units


def head_extent(head, posed, distance):
    """The head's bounding box, with the hair above the neck: (low, high), each (column, row) at focal length 1."""
    unit_view = View(1, 1, 1.0, 0, 0, distance)
    skull = unit_view.project(posed.points[_on_head()])
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


def crop_view(head, frame_sequence, posed, index):
    """The square box around the head as a `View`: `margin` times the head's longer side, badly centred as boxes are."""
    low, high = head_extent(head, posed, frame_sequence.distance)
    jitter, offset = frame_sequence.box_jitter[index], frame_sequence.box_offset
    size = frame_sequence.domain.render_size
    centre_x, centre_y = (low + high) / 2
    side = max(high - low) * frame_sequence.margin * (1 + jitter[2])
    focal = size / side
    return View(
        height=size,
        width=size,
        focal=focal,
        centre_x=size / 2 - focal * centre_x + size * (jitter[0] + offset[0]) * 0.6,
        centre_y=size / 2 - focal * centre_y + size * (jitter[1] + offset[1]) * 0.6,
        distance=frame_sequence.distance,
    )


def draw(head, frame_sequence, outfit, posed, view, index):
    """Draws a posed head, without its background.

    Returns:
        light float64 `(height, width, 3)`, linear; parse int32 `(height, width)`: 0 nothing, 1 skin, 2 eye, 4 teeth,
        5 tongue, 6 cloth, 7 hair, 8 beard, 9 glasses, 10 headwear, 11 mask, 12 lens; and the mean light on the face,
        `(3,)`.
    """
    head_mesh, identity, skin = mesh.load(), head.identity, head.skin
    environment = frame_sequence.environment
    key_direction = posed.camera_rotation @ environment.key_direction
    light_on_head = environment.radiance_from(head_mesh.directions @ posed.head_rotation.T).astype(np.float32)
    light_on_body = environment.radiance_from(head_mesh.directions @ posed.body_rotation.T).astype(np.float32)
    irradiance = _irradiance(head, light_on_head, light_on_body, head_mesh.head_weight)

    # the key light's shadow map
    axis_x = unit(np.cross([0, 1, 0] if abs(key_direction[1]) < 0.95 else [1, 0, 0], key_direction))
    axis_y = np.cross(key_direction, axis_x)
    head_centre = posed.points[_on_head()].mean(0)
    light_centre = head_centre - np.array([0, 0.6, 0])

    def to_light(p):
        p = np.ascontiguousarray(p)
        screen = np.empty(p.shape)
        kernels.project_to_light(
            p.reshape(-1, 3),
            light_centre,
            axis_x,
            axis_y,
            key_direction,
            SHADOW_SCALE,
            SHADOW_SIZE,
            screen.reshape(-1, 3),
        )
        return screen

    shadow = np.full((SHADOW_SIZE, SHADOW_SIZE), 1e9)
    kernels.depth_of_triangles(to_light(posed.points), head_mesh.triangles[head_mesh.materials == kernels.SKIN], shadow)
    if len(posed.hair):
        kernels.depth_of_strands(to_light(posed.hair[::2]), shadow)
    sheets = outfit.sheets
    kernels.depth_of_triangles(to_light(posed.sheets), sheets.triangles, shadow)

    # the mesh
    triangle = np.full((view.height, view.width), -1, np.int32)
    barycentric = np.zeros((view.height, view.width, 2), np.float32)
    depth = np.full((view.height, view.width), 1e9)
    lashes = np.zeros((view.height, view.width))
    lash_cover = head_mesh.attributes[:, 5] * (0.5 + 0.4 * identity.lashes)
    kernels.raster_triangles(
        view.project(posed.points),
        head_mesh.triangles,
        head_mesh.materials,
        lash_cover,
        depth,
        triangle,
        barycentric,
        lashes,
    )
    light = np.zeros((view.height, view.width, 3))
    parse = np.zeros((view.height, view.width), np.int32)
    wrap = (0.32 + 0.18 * (1 - identity.tone)) * np.array([0.75, 0.36, 0.26])  # light skin scatters more
    kernels.shade(
        triangle,
        barycentric,
        head_mesh.triangles,
        head_mesh.materials,
        posed.normals,
        head_mesh.points,
        irradiance,
        outfit.attributes,
        to_light(posed.points + posed.normals * 0.07 + key_direction * 0.03),
        shadow,
        skin.texture,
        mesh.TEXTURE_LOW,
        mesh.TEXTURE_HIGH,
        mesh.TEXTURE_AXIS_Z,
        key_direction,
        environment.key_colour,
        head_mesh.eye_centres,
        _gaze(frame_sequence, posed, index),
        np.array([*identity.iris, 0.47, 0.36]),
        skin.lip,
        wrap,
        outfit.cloth,
        environment.reflection,
        math.cos(frame_sequence.elevation),
        math.sin(frame_sequence.elevation),
        environment.radiance.mean((0, 1)).sum(),
        light,
        parse,
    )
    light *= 1 - lashes[..., None]

    if len(sheets.points):
        _draw_sheets(
            posed, view, sheets, environment, light_on_head, to_light, shadow, key_direction, depth, light, parse
        )

    # hair, beard, glasses
    pixels_per_unit = view.focal / view.distance

    def strand_colours(strands, transfer, brightness, hair_colour, softness):
        arriving = (transfer @ light_on_head).reshape(strands.shape)
        colours = np.empty(strands.shape)
        kernels.shade_strands(
            strands,
            arriving,
            brightness,
            hair_colour,
            key_direction,
            environment.key_colour,
            head_centre,
            light_centre,
            axis_x,
            axis_y,
            SHADOW_SCALE,
            shadow,
            softness,
            0.05,
            colours,
        )
        return colours

    if len(posed.hair):
        colours = strand_colours(posed.hair, head.hair_transfer, head.hair.brightness, skin.hair_colour, 3.0)
        count, knots = posed.hair.shape[:2]
        widths = np.clip(pixels_per_unit * 0.012, 0.35, 3) * np.linspace(1, 0.5, knots)[None] * np.ones((count, 1))
        kernels.raster_strands(view.project(posed.hair), colours, widths, depth, parse, light, 0.0, kernels.PARSE_HAIR)
    if posed.beard is not None:
        brightness = head.hair.beard.brightness
        colours = strand_colours(posed.beard, head.beard_transfer, brightness, skin.hair_colour * 1.1, 5.0)
        widths = np.full(posed.beard.shape[:2], np.clip(pixels_per_unit * 0.006, 0.3, 2))
        kernels.raster_strands(
            view.project(posed.beard), colours, widths, depth, parse, light, 0.01, kernels.PARSE_BEARD
        )
    worn = frame_sequence.worn
    if worn.eyewear != "none":
        dark = worn.eyewear == "sunglasses"
        shape = 0 if dark else identity.glasses_shape
        rims = accessories.rims(posed.points, shape, 1.16 if dark else 1.0)
        frame_colour = np.array([0.02, 0.02, 0.02]) if dark else np.array(identity.glasses_colour)
        colours = np.tile(frame_colour * (irradiance.mean() * 1.2), rims.shape[:2] + (1,))
        widths = np.full(rims.shape[:2], max(1.2, pixels_per_unit * (0.045, 0.03, 0.05)[shape] * (0.6 if dark else 1)))
        kernels.raster_strands(view.project(rims), colours, widths, depth, parse, light, 0.02, kernels.PARSE_GLASSES)
    if len(posed.loops):
        colours = np.tile(np.array([0.7, 0.7, 0.7]) * irradiance.mean(0), posed.loops.shape[:2] + (1,))
        widths = np.full(posed.loops.shape[:2], max(1.0, pixels_per_unit * 0.025))
        kernels.raster_strands(view.project(posed.loops), colours, widths, depth, parse, light, 0.0, kernels.PARSE_MASK)
    return light, parse, _light_on_face(posed, irradiance, key_direction, environment.key_colour)


def _draw_sheets(posed, view, sheets, environment, light_on_head, to_light, shadow, key_direction, depth, light, parse):
    """Draws what is worn on the head over `light`, `parse` and `depth`, in place."""
    triangle = np.full(depth.shape, -1, np.int32)
    barycentric = np.zeros((*depth.shape, 2), np.float32)
    materials = np.full(len(sheets.triangles), kernels.SKIN, np.int32)
    no_lashes = np.zeros(len(posed.sheets)), np.zeros(depth.shape)
    kernels.raster_triangles(
        view.project(posed.sheets),
        sheets.triangles,
        materials,
        no_lashes[0],
        depth,
        triangle,
        barycentric,
        no_lashes[1],
    )
    directions = mesh.load().directions @ (posed.camera_rotation @ posed.head_rotation).T
    cosine = np.maximum(posed.sheet_normals @ directions.T, 0) * (4 / len(directions))
    kernels.shade_sheets(
        triangle,
        barycentric,
        sheets.triangles,
        sheets.codes,
        posed.sheet_normals,
        sheets.albedo,
        sheets.gloss,
        (0.8 * (cosine @ light_on_head) + 0.2 * light_on_head.mean(0)) * sheets.inner[:, None],
        to_light(posed.sheets + posed.sheet_normals * 0.07 + key_direction * 0.03),
        shadow,
        key_direction,
        environment.key_colour,
        environment.reflection,
        light,
        parse,
    )


def auto_exposure(head, environment, incident):
    """The factor that brings face and surroundings to a middle grey; dark skin is exposed a little longer."""
    return 0.45 / (0.5 * incident.mean() + 0.5 * environment.radiance.mean()) * (head.skin.tone.mean() / 0.30) ** -0.3


def _on_head():
    head_mesh = mesh.load()
    return (head_mesh.head_weight > 0.98) & (head_mesh.point_material == kernels.SKIN)


def _irradiance(head, on_head, on_body, weight):
    """Light of the surroundings at each vertex, `(n, 3)`; what arrives turns from the body's to the head's."""
    w = weight[:, None]
    irradiance = (head.transfer @ on_head) * w + (head.transfer @ on_body) * (1 - w)
    red = (head.red_transfer @ on_head[:, 0]) * weight + (head.red_transfer @ on_body[:, 0]) * (1 - weight)
    irradiance[:, 0] = red
    return irradiance.astype(np.float64)


def _light_on_face(posed, irradiance, key_direction, key_colour):
    head_mesh = mesh.load()
    y, z = head_mesh.points[:, 1], head_mesh.points[:, 2]
    face = (head_mesh.attributes[:, 3] < 0.1) & (head_mesh.point_material == kernels.SKIN)
    face &= (z > 1.1) & (y > 6.3) & (y < 8) & (posed.normals[:, 2] > 0.1)
    if not face.any():
        return irradiance.mean(0)
    key = np.maximum(posed.normals[face] @ key_direction, 0).mean()
    return irradiance[face].mean(0) + key_colour / np.pi * key * 0.8


def _gaze(frame_sequence, posed, index):
    """Where the eyes look, in the head's own axes, `(2, 3)`: partly back to the camera, slightly diverging."""
    right, up = frame_sequence.gaze[index]
    right = np.clip(-posed.neck_yaw * 0.25 + right, -0.5, 0.5)
    ahead = unit(np.array([math.sin(right), math.sin(up), 1.0]))
    apart = np.array([0.03, 0, 0])
    return np.stack([unit(ahead + apart), unit(ahead - apart)])
