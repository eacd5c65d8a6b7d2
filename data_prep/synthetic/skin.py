"""Painting a person's skin: tone, blush, wrinkles, moles, beard shadow, scalp, eyebrows, make-up.

All painting happens on the cylindrical texture of `mesh.Mesh`; x and y are positions on the face, in units.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from data_prep.synthetic import colour, mesh
from data_prep.synthetic.geometry import smoothstep
from data_prep.synthetic.identity import Hairline, Identity

HEIGHT, WIDTH = mesh.TEXTURE_HEIGHT, mesh.TEXTURE_WIDTH

TONES = colour.from_srgb(
    [
        [244, 212, 192],
        [230, 186, 160],
        [205, 155, 122],
        [166, 116, 84],
        [126, 86, 62],
        [98, 66, 49],
        [76, 52, 41],
    ]
)
TONE_STOPS = (0, 0.2, 0.42, 0.62, 0.8, 0.92, 1.0)
HUES = {"white": (1, 1, 1), "black": (1, 1, 1), "asian": (1.0, 1.01, 0.92), "indian": (1, 0.99, 0.94)}
HAIR_COLOURS = {  # linear light
    "black": (0.012, 0.010, 0.010),
    "darkbrown": (0.030, 0.019, 0.013),
    "brown": (0.070, 0.040, 0.023),
    "lightbrown": (0.16, 0.095, 0.05),
    "blonde": (0.36, 0.24, 0.12),
    "red": (0.20, 0.065, 0.025),
    "grey": (0.27, 0.26, 0.25),
    "white": (0.55, 0.54, 0.52),
}
LIPSTICKS = ((0.42, 0.03, 0.05), (0.30, 0.05, 0.06), (0.45, 0.13, 0.13), (0.22, 0.02, 0.05))
BEARD_COVER = {"stubble": 0.55, "moustache": 0.8, "goatee": 0.85, "full": 0.9}
SCALP_COVER = {"short": 0.9, "medium": 0.95, "long": 0.95, "horsetail": 0.97}

HAIRLINE_DEGREES = np.array([0, 18, 30, 42, 52, 60, 66, 71, 78, 84, 92, 100, 110, 122, 140, 160, 180.0])
HAIRLINE_Y = np.array([8.08, 8.08, 8.06, 8.0, 7.86, 7.6, 7.36, 7.15, 7.2, 7.42, 7.5, 7.46, 7.28, 6.95, 6.72, 6.6, 6.58])


@dataclass(frozen=True)
class Skin:
    """A painted skin; colours are linear light.

    Attributes:
        texture: float64 `(704, 1024, 4)`, albedo and gloss.
        tone: float64 `(3,)`, the mean albedo.
        lip: float64 `(3,)`.
        hair_colour: float64 `(3,)`, shared by hair, beard and brows.
        beard_mask: float64 `(704, 1024)` in [0, 1], where the beard grows.
    """

    texture: np.ndarray
    tone: np.ndarray
    lip: np.ndarray
    hair_colour: np.ndarray
    beard_mask: np.ndarray


class Canvas:
    """The texture's coordinates and the brushes that paint on it.

    Attributes:
        x, y, angle: float64 `(704, 1024)`, where each texel lies.
        abs_x: |x|.
        rng: where every brush draws from.
    """

    def __init__(self, head_mesh, rng):
        self.mesh, self.rng = head_mesh, rng
        self.x, self.y, self.angle = head_mesh.texel_x, head_mesh.texel_y, head_mesh.texel_angle
        self.abs_x = np.abs(self.x)

    def blob(self, x, y, width, height):
        """A Gaussian spot at (x, y) and, mirrored, at (-x, y)."""
        return np.exp(-(((self.abs_x - x) / width) ** 2) - ((self.y - y) / height) ** 2)

    def noise(self, sigma, amount):
        """Smooth Gaussian noise, `sigma` texels wide, standard deviation `amount`."""
        if sigma >= 6:  # wide noise is made small and enlarged
            n = gaussian_filter(self.rng.normal(size=(HEIGHT // 4, WIDTH // 4)), sigma / 4, mode="wrap")
            n = cv2.resize(n, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        else:
            n = gaussian_filter(self.rng.normal(size=(HEIGHT, WIDTH)), sigma, mode="wrap")
        return amount * n / n.std()

    def stroke(self, layer, x, y, width, value):
        """A polyline on a float32 layer, `width` texels wide."""
        texels = mesh.texture_pixel(self.mesh, x, y)
        points = np.round(texels * 16).astype(np.int32)
        cv2.polylines(layer, [points], False, float(value), width, cv2.LINE_AA, 4)

    def dots(self, layer, count, smallest, largest, amount):
        """Round spots strewn over the face, radii in texels."""
        rng = self.rng
        for _ in range(count):
            x = rng.uniform(-0.6, 0.6)
            y = rng.uniform(6.2, 7.95)
            texel = mesh.texture_pixel(self.mesh, np.array([x]), np.array([y]))[0]
            centre = tuple(int(v) for v in texel * 16)
            radius = int(rng.uniform(smallest, largest) * 16)
            cv2.circle(layer, centre, radius, float(amount * rng.uniform(0.6, 1)), -1, cv2.LINE_AA, 4)


def hairline_height(angle: np.ndarray, hairline: Hairline) -> np.ndarray:
    """Height of the hairline at `angle` (radians from the front, any shape)."""
    y = HAIRLINE_Y.copy()
    y[:4] += hairline.front
    y[2:5] += hairline.recede * np.array([0.12, 0.22, 0.2])
    y[0:2] += hairline.recede * 0.08 + hairline.peak * np.array([-0.06, 0.0])
    y[7] += hairline.burn
    y[-4:] += hairline.nape
    return np.interp(np.abs(np.degrees(angle)), HAIRLINE_DEGREES, y)


def paint(identity: Identity, head_mesh: mesh.Mesh, rng: np.random.Generator) -> Skin:
    """The skin of `identity` as a `Skin`."""
    canvas = Canvas(head_mesh, rng)
    noise = canvas.noise
    lightness = 1 - identity.tone
    wrinkled = smoothstep(0.55, 0.95, identity.age)

    tone = _tone(identity, rng)
    # down to the pores, but not under the chin, where the texture is stretched
    stretched = 0.2 + 0.8 * smoothstep(6.05, 6.35, canvas.y)
    mottled = 1 + noise(40, 0.03) + noise(14, 0.03) + (noise(4, 0.025) + noise(1.2, 0.04)) * stretched
    albedo = np.ones((HEIGHT, WIDTH, 3)) * tone * mottled[..., None]
    albedo *= _blush(canvas, identity.redness * (0.10 + 0.25 * lightness))
    _shade(canvas, albedo, 0.07 + 0.16 * wrinkled + 0.05 * identity.tone)
    albedo *= 1 - _wrinkles(canvas, wrinkled)[..., None] * 0.42 * np.array([0.85, 1.05, 1.1])
    albedo *= 1 - _spots(canvas, identity, wrinkled)[..., None] * np.array([0.75, 0.9, 1])

    above_hairline = canvas.y - hairline_height(canvas.angle, identity.hairline) + noise(2.5, 0.02)
    scalp = smoothstep(-0.06, 0.10, above_hairline) * (canvas.y < 8.7)
    growth, beard_mask = _beard_masks(canvas, identity.beard)
    plain_hair_colour = np.array(HAIR_COLOURS[identity.hair_colour])
    hair_colour = plain_hair_colour * (1 + rng.normal(0, 0.06, 3))
    if identity.gender == "male":
        clean_shaven = 0.8 if identity.beard == "none" else 1.0
        shadow = (growth * (0.10 + 0.12 * lightness) * clean_shaven)[..., None]
        albedo = albedo * (1 - shadow) + shadow * (plain_hair_colour * 0.5 + tone * np.array([0.32, 0.36, 0.40]))
        if identity.beard != "none":
            patchy = np.clip(0.6 + noise(0.6, 0.3) * stretched, 0, 1)
            cover = (beard_mask * BEARD_COVER[identity.beard] * patchy)[..., None]
            albedo = albedo * (1 - cover) + cover * plain_hair_colour * 1.1
    if identity.hairstyle == "bald":
        stubble = np.clip(0.8 + noise(1.0, 0.3), 0, 1)
        cover = (scalp * (0.10 + 0.25 * lightness) * stubble * (0.6 if identity.age < 0.7 else 0.2))[..., None]
        albedo = albedo * (1 - cover) + cover * (plain_hair_colour * 0.7 + tone * 0.25)
    else:
        cover = (scalp * SCALP_COVER[identity.hairstyle])[..., None]
        albedo = albedo * (1 - cover) + cover * (plain_hair_colour * 0.8 + 0.05 * tone)

    fair = identity.hair_colour in ("grey", "white", "blonde")
    cover = (_brows(canvas, identity.brow) * (0.7 if identity.hair_colour == "blonde" else 0.88))[..., None]
    albedo = albedo * (1 - cover) + cover * (plain_hair_colour * (0.5 if fair else 0.9))
    if identity.makeup > 0:
        _make_up(canvas, albedo, identity.makeup)

    gloss = _gloss(canvas, identity.oiliness) * np.clip(1 + noise(1.6, 0.35), 0, 2)
    if identity.hairstyle == "bald":
        gloss = np.maximum(gloss, 0.9 * scalp * identity.oiliness)
    gloss = gloss * (1 - 0.7 * np.clip(beard_mask, 0, 1))
    return Skin(
        texture=np.ascontiguousarray(np.dstack([np.clip(albedo, 0.004, 0.95), gloss])),
        tone=tone,
        lip=_lip(identity, tone, lightness),
        hair_colour=hair_colour,
        beard_mask=beard_mask,
    )


def _tone(identity, rng):
    tone = np.stack([np.interp(identity.tone, TONE_STOPS, TONES[:, c]) for c in range(3)])
    tone = tone * np.array(HUES[identity.ethnicity]) * (1 + rng.normal(0, 0.035, 3))
    luminance = tone @ np.array([0.3, 0.6, 0.1])
    return np.clip(luminance + (tone - luminance) * 1.10, 0.01, 0.9)


def _blush(canvas, redness):
    blob = canvas.blob
    red = (
        0.9 * blob(0.42, 6.93, 0.2, 0.17)
        + 0.9 * blob(0, 6.92, 0.11, 0.12)
        + 0.4 * blob(0, 6.25, 0.16, 0.12)
        + 0.25 * blob(0, 7.85, 0.4, 0.12)
        + 0.25 * blob(0.2, 6.85, 0.12, 0.08)
    )
    return 1 + red[..., None] * redness * np.array([0.10, -0.42, -0.40])


def _shade(canvas, albedo, under_eyes):
    """Darkens the albedo, in place, around the eyes (by `under_eyes`), in the nostrils and the corners of the mouth.

    It lightens the forehead, the nose and the cheeks.
    """
    blob = canvas.blob
    around = blob(0.31, 7.12, 0.17, 0.05) + 0.5 * blob(0.31, 7.38, 0.2, 0.06) + 0.6 * blob(0.16, 7.22, 0.06, 0.1)
    albedo *= 1 - around[..., None] * under_eyes * np.array([0.8, 1.05, 1.0])
    forehead_and_cheeks = blob(0, 7.75, 0.4, 0.2) + 0.5 * blob(0.4, 7.05, 0.15, 0.1) + 0.7 * blob(0, 7.1, 0.06, 0.25)
    albedo *= 1 + forehead_and_cheeks[..., None] * 0.045
    albedo *= 1 - 0.55 * blob(0.075, 6.80, 0.035, 0.022)[..., None]  # nostrils
    albedo *= 1 - 0.22 * blob(0.27, 6.61, 0.04, 0.04)[..., None]  # corners of the mouth


def _make_up(canvas, albedo, makeup):
    """Rouge and eye shadow, painted on the albedo in place; the lips' colour is in `_lip`."""
    rouge = canvas.blob(0.45, 6.98, 0.16, 0.1) * 0.25 * makeup
    albedo *= 1 + rouge[..., None] * np.array([0.1, -0.5, -0.35])
    eye_shadow = canvas.blob(0.31, 7.39, 0.17, 0.05) * 0.35 * makeup
    albedo *= 1 - eye_shadow[..., None] * np.array([0.8, 1, 0.9])


def _wrinkles(canvas, wrinkled):
    """Creases beside the nose, crow's feet, bags, lines on the forehead: `(704, 1024)` in [0, 1]."""
    rng = canvas.rng
    layer = np.zeros((HEIGHT, WIDTH), np.float32)
    t = np.linspace(0, 1, 16)
    for side in (-1, 1):
        canvas.stroke(layer, side * (0.15 + 0.17 * t**1.3), 6.86 - 0.30 * t, 2, 0.25 + 0.75 * wrinkled)
        if wrinkled > 0.05:
            for k in range(3):
                y = 7.27 + 0.05 * (k - 1) * (1 + t)
                canvas.stroke(layer, side * (0.55 + 0.1 * t), y, 1, 0.7 * wrinkled)
            canvas.stroke(layer, side * (0.18 + 0.25 * t), 7.11 - 0.05 * np.sin(t * 3.1), 2, 0.8 * wrinkled)
    if wrinkled > 0.05:
        for k in range(4):
            y = 7.70 + 0.085 * k + rng.normal(0, 0.01)
            wave = y + 0.02 * np.sin(t * 6 + rng.uniform(0, 6))
            canvas.stroke(layer, np.linspace(-0.4, 0.4, 16), wave, 1, 0.7 * wrinkled * rng.uniform(0.6, 1))
    return np.clip(gaussian_filter(layer, 1.6), 0, 1)


def _spots(canvas, identity, wrinkled):
    layer = np.zeros((HEIGHT, WIDTH), np.float32)
    canvas.dots(layer, identity.moles, 1.6, 4.5, 0.8)
    if identity.freckles:
        canvas.dots(layer, int(160 * identity.freckles), 0.8, 1.8, 0.22)
    if wrinkled > 0.3:
        canvas.dots(layer, int(25 * wrinkled), 2, 5, 0.14)
    return gaussian_filter(layer, 0.7)


def _beard_masks(canvas, beard):
    """(where any beard would grow, where this one does), both `(704, 1024)` in [0, 1]."""
    blob, y, abs_x, angle = canvas.blob, canvas.y, canvas.abs_x, np.abs(canvas.angle)
    lips = np.minimum(1, blob(0, 6.60, 0.30, 0.10) * 1.2)
    lower_face = (
        smoothstep(0.02, 0.12, 6.93 - y) * smoothstep(6.02, 6.2, y + 0.08 * (1 - abs_x)) * (1 - lips) * (abs_x < 1.0)
    )
    jaw_line = 6.62 + 0.55 * np.maximum(abs_x - 0.22, 0) + 0.25 * smoothstep(0.5, 0.8, abs_x)
    jaw = smoothstep(0.0, 0.2, jaw_line - y)
    moustache = np.clip(blob(0, 6.77, 0.3, 0.06) * 1.5, 0, 1) * (1 - blob(0, 6.85, 0.10, 0.04))
    growth = np.clip(np.maximum(jaw, moustache) * lower_face, 0, 1) * smoothstep(6.0, 6.2, y)
    side_burns = (
        smoothstep(0.62, 0.72, angle / 1.57) * (angle < 1.25) * smoothstep(7.3, 7.1, y) * smoothstep(6.2, 6.5, y) * 0.9
    )
    growth = np.maximum(growth, side_burns)
    goatee = np.clip(blob(0, 6.35, 0.27, 0.2) * 1.8, 0, 1) * (1 - lips)
    beside_mouth = np.clip(blob(0.27, 6.58, 0.06, 0.16) * 1.5, 0, 1)
    goatee = np.clip(np.maximum(goatee, beside_mouth), 0, 1) * growth
    masks = {
        "none": growth * 0,
        "stubble": growth,
        "moustache": moustache * lower_face,
        "goatee": np.maximum(goatee, moustache * lower_face),
        "full": growth,
    }
    return growth, masks[beard]


def _brows(canvas, brow):
    """The eyebrows, hair by hair: `(704, 1024)` in [0, 1]."""
    rng = canvas.rng
    layer = np.zeros((HEIGHT, WIDTH), np.float32)
    for side in (-1, 1):
        for _ in range(int(170 * brow.density)):
            u = rng.random() ** 0.9  # 0 at the nose, 1 at the temple
            x = brow.inner + (brow.outer - brow.inner) * u
            height = (
                7.515
                + brow.offset_y
                + (0.045 + brow.arch) * math.sin(min(1, u * 1.15) * 1.9) * brow.bow
                + brow.tilt * (u - 0.5)
                - 0.06 * max(0, u - 0.65) / 0.35
            )
            thickness = brow.thickness * (1 - 0.55 * max(0, u - 0.35) / 0.65) * min(1, 0.55 + u * 3)
            y = height + rng.uniform(-0.5, 0.5) * thickness
            angle = math.radians(75 - 70 * u) + rng.normal(0, 0.15)
            length = rng.uniform(0.05, 0.085)
            length *= 1 - 0.35 * u
            tip_x = min(0.56, x + length * math.cos(angle))
            tip_y = y + length * 0.55 * math.sin(angle) - 0.02 * u
            x_pair, y_pair = np.array([x, tip_x]) * side, np.array([y, tip_y])
            canvas.stroke(layer, x_pair, y_pair, 1, rng.uniform(0.5, 0.9))
    return np.clip(layer + 0.55 * gaussian_filter(layer, 3.0), 0, 1)


def _gloss(canvas, oiliness):
    blob = canvas.blob
    shine = 0.25 + 0.5 * blob(0, 7.1, 0.08, 0.4) + 0.5 * blob(0, 7.8, 0.35, 0.2) + 0.3 * blob(0.4, 7.0, 0.15, 0.15)
    return np.clip(shine * oiliness, 0, 1)


def _lip(identity, tone, lightness):
    red = 0.38 + 0.24 * identity.lip_colour  # of bare lips: from dark red to nearly the skin's own colour
    lip = tone * np.array([0.80, red, red]) + np.array([0.03, 0.0, 0.005])
    if identity.makeup > 0.25:
        lipstick = np.array(LIPSTICKS[int(identity.lip_colour * 3.99)])
        amount = 0.35 + 0.55 * identity.makeup
        lip = lip * (1 - amount) + amount * lipstick * (0.5 + 0.6 * lightness)
    return lip
