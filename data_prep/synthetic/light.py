"""Where a sequence takes place: a panorama, real or procedural, that lights the head and stands behind it.

Panoramas are float32 `(512, 1024, 3)` linear light: column 0 looks to -z (behind the subject), row 0 up.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from data_prep.synthetic import colour, mesh
from data_prep.synthetic.geometry import smoothstep, unit

HEIGHT, WIDTH = 512, 1024
PROCEDURAL_SHARE = 0.35

# the stored panoramas hold log(1 + 64 light) of light in [0, 60] in 8 bits
LOG_GAIN, LIGHTEST = 64, 60


@dataclass(frozen=True)
class Environment:
    """A place's light.

    Attributes:
        name: of the panorama; procedural ones start with "proc_".
        panorama: float32 `(512, 1024, 3)`.
        key_direction: float64 `(3,)`, towards the brightest light (sun, lamp, window).
        key_colour: float64 `(3,)`, its irradiance.
        white_balance: float64 `(3,)`, the camera's gains.
        radiance: float64 `(64, 128, 3)`, the rest of the light, blurred: what rough surfaces see.
        reflection: float64 `(32, 64, 3)`, the same for glossy reflections.
    """

    name: str
    panorama: np.ndarray
    key_direction: np.ndarray
    key_colour: np.ndarray
    white_balance: np.ndarray
    radiance: np.ndarray
    reflection: np.ndarray

    def radiance_from(self, directions):
        """Light arriving from unit vectors `(..., 3)`: float64 `(..., 3)`."""
        u = np.arctan2(directions[..., 0], directions[..., 2]) / (2 * np.pi) + 0.5
        v = np.arccos(np.clip(directions[..., 1], -1, 1)) / np.pi
        height, width = self.radiance.shape[:2]
        return self.radiance[np.clip((v * height).astype(int), 0, height - 1), (u * width).astype(int) % width]

    def background(self, height, width, elevation, field_of_view, pan, blur):
        """What the camera sees behind the subject: float32 `(height, width, 3)`, linear light.

        Args:
            elevation: radians the camera looks down.
            field_of_view: radians, over the picture's height.
            pan: turns of the camera to the side, 1 is a full circle.
            blur: sigma of the lens blur, in pixels.
        """
        x = ((np.arange(width) + 0.5) / width * 2 - 1) * (width / height)
        x, y = np.meshgrid(x, 1 - (np.arange(height) + 0.5) / height * 2)
        ray = unit(np.stack([x, y, -1 / math.tan(field_of_view / 2) + 0 * x], -1))
        c, s = math.cos(elevation), math.sin(elevation)
        ray = np.stack([ray[..., 0], c * ray[..., 1] + s * ray[..., 2], -s * ray[..., 1] + c * ray[..., 2]], -1)
        u = (np.arctan2(ray[..., 0], ray[..., 2]) / (2 * np.pi) + 0.5 + pan) % 1
        v = np.arccos(np.clip(ray[..., 1], -1, 1)) / np.pi
        rows, columns = self.panorama.shape[:2]
        seamless = np.concatenate([self.panorama, self.panorama[:, :1]], 1)
        view = cv2.remap(
            seamless.astype(np.float32),
            (u * columns - 0.5).astype(np.float32),
            (v * rows - 0.5).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        view = np.minimum(view, 6 * np.median(view) + 1e-3)
        return cv2.GaussianBlur(view, (0, 0), blur) if blur > 0.3 else view


def sample(rng):
    """A random `Environment`: about two thirds real panoramas, mirrored and turned, the others procedural."""
    if rng.random() < PROCEDURAL_SHARE:
        panorama, kind = _procedural(rng)
        name = "proc_" + kind
    else:
        name = str(rng.choice(sorted(panoramas())))
        panorama = panoramas()[name]
        if rng.random() < 0.5:
            panorama = panorama[:, ::-1]
    return from_panorama(name, np.roll(panorama, int(rng.integers(0, panorama.shape[1])), 1), rng)


def from_panorama(name, panorama, rng):
    """Splits a panorama into a key light and a soft rest."""
    height, width = 64, 128
    light = cv2.resize(panorama, (width, height), interpolation=cv2.INTER_AREA)
    polar = (np.arange(height) + 0.5) / height * np.pi
    azimuth = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    solid_angle = np.sin(polar)[:, None] * (2 * np.pi / width) * (np.pi / height)

    # all that is much brighter than the rest is the key light
    luminance = light.mean(-1)
    cap = max(np.percentile(luminance, 92) * 2.5, 1e-3)
    kept = np.minimum(1, cap / np.maximum(luminance, 1e-9))[..., None]
    excess, light = light * (1 - kept), light * kept
    direction = (
        np.sin(polar)[:, None] * np.sin(azimuth)[None],
        np.cos(polar)[:, None] + 0 * azimuth[None],
        np.sin(polar)[:, None] * np.cos(azimuth)[None],
    )
    weight = excess.mean(-1) * solid_angle
    key_colour = (excess * solid_angle[..., None]).sum((0, 1))
    if weight.sum() > 0:
        key = np.array([(weight * axis).sum() for axis in direction])
        key_direction = unit(key) if np.linalg.norm(key) > 1e-6 else np.array([0, 1, 0.0])
    else:
        key_direction = unit(np.array([rng.normal(), 1.2, rng.normal()]))
    ambient = (light * solid_angle[..., None]).sum((0, 1)) / np.pi
    if key_colour.sum() < 0.25 * ambient.sum() and rng.random() < 0.85:  # flat light: add a lamp
        key_direction = unit(np.array([rng.normal(0, 0.8), rng.uniform(0.3, 1.3), rng.normal(0.5, 0.7)]))
        key_colour = ambient * np.pi * rng.uniform(0.25, 0.95) * np.array([1.05, 1, 0.93])
    strongest = rng.uniform(0.8, 2.2) * ambient.mean() * np.pi
    if key_colour.mean() > strongest:
        key_colour = key_colour * (strongest / key_colour.mean())

    balance = rng.uniform(0.3, 0.5) if "foliage" in name else rng.uniform(0.7, 1.0)
    around = np.pad(light, ((0, 0), (16, 16), (0, 0)), mode="wrap")
    return Environment(
        name=name,
        panorama=panorama,
        key_direction=key_direction,
        key_colour=key_colour,
        white_balance=(ambient / ambient.mean()) ** (-balance),
        radiance=gaussian_filter(around, (4.5, 6, 0))[:, 16:-16],
        reflection=cv2.resize(gaussian_filter(around, (4, 5, 0))[:, 16:-16], (64, 32)).astype(np.float64),
    )


@lru_cache(maxsize=1)
def panoramas():
    """name -> float32 `(512, 1024, 3)`, the panoramas that ship with the renderer."""
    scale = np.log1p(LIGHTEST * float(LOG_GAIN))
    loaded = {}
    for path in sorted((mesh.BAKED / "panoramas").glob("*.webp")):
        stored = cv2.imread(str(path))[..., ::-1].astype(np.float32) / 255
        loaded[path.stem] = (np.expm1(stored * scale) / LOG_GAIN).astype(np.float32)
    return loaded


def _procedural(rng):
    """A made-up place: `(512, 1024, 3)` and its kind."""
    kind = str(rng.choice(["street", "wall", "foliage", "indoor"]))
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    {"street": _street, "wall": _wall, "foliage": _foliage, "indoor": _indoor}[kind](image, rng)
    return np.maximum(image, 0).astype(np.float32), kind


def _noise(rng, cell):
    """Smooth noise with features of about `cell` pixels, mean 0, deviation 1: float32 `(512, 1024)`."""
    small = rng.normal(size=(max(4, int(HEIGHT / cell * 3)), max(8, int(WIDTH / cell * 3))))
    noise = cv2.resize(gaussian_filter(small, 1.2, mode="wrap"), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return ((noise - noise.mean()) / noise.std()).astype(np.float32)


def _drab_colour(rng, low, high):
    """A mostly greyish colour, `(3,)` linear light, from sRGB values in [low, high]."""
    grey = rng.uniform(low, high)
    bright = rng.uniform(low, high, 3)
    k = rng.choice([0.12, 0.3, 0.75], p=[0.55, 0.33, 0.12])
    return colour.from_srgb(grey * (1 - k) + bright * k)


def _street(image, rng):
    horizon = HEIGHT // 2
    down = np.linspace(0, 1, HEIGHT)[:, None, None]
    image[:] = np.array([0.9, 1.0, 1.15]) * rng.uniform(0.9, 1.6) * (1 - 0.3 * down)
    x = 0
    while x < WIDTH:  # houses
        width = int(rng.uniform(40, 140))
        height = int(rng.uniform(60, 220))
        wall = colour.from_srgb(rng.uniform(70, 200) * np.array([1, rng.uniform(0.88, 1.02), rng.uniform(0.75, 1.02)]))
        top = horizon - height
        image[top : horizon + 12, x : x + width] = wall * rng.uniform(0.5, 1.1)
        grid_x, grid_y = int(rng.uniform(8, 18)), int(rng.uniform(12, 24))
        window = colour.from_srgb(np.array([40, 50, 60]) * rng.uniform(0.5, 2))
        for row in range(top + 6, horizon - 10, grid_y):
            for column in range(x + 4, min(WIDTH, x + width) - 6, grid_x):
                pane = slice(row, row + int(grid_y * 0.55)), slice(column, column + int(grid_x * 0.55))
                image[pane] = window * rng.uniform(0.6, 1.6)
        x += width + int(rng.uniform(0, 30))
    ground = colour.from_srgb(np.array([115, 113, 110]) * rng.uniform(0.6, 1.3))
    below = slice(horizon + 10, None)
    image[below] = ground * (1 + 0.12 * _noise(rng, 40)[below, :, None] + 0.10 * _noise(rng, 6)[below, :, None])
    for _ in range(rng.integers(6, 16)):  # cars
        left = int(rng.uniform(0, WIDTH))
        width = int(rng.uniform(30, 80))
        paint = _drab_colour(rng, 20, 230)
        bottom = horizon + int(rng.uniform(8, 40))
        image[bottom - int(width * 0.35) : bottom, left : left + width] = paint
        cabin = slice(bottom - int(width * 0.55), bottom - int(width * 0.3))
        image[cabin, left + width // 5 : left + int(width * 0.8)] = paint * 0.3
    for _ in range(rng.integers(4, 12)):  # people
        x = int(rng.uniform(20, WIDTH - 20))
        height = int(rng.uniform(30, 110))
        feet = horizon + int(height * 0.35)
        clothes = [float(v) for v in _drab_colour(rng, 15, 200)]
        cv2.ellipse(image, (x, feet - int(height * 0.45)), (height // 8, height // 3), 0, 0, 360, clothes, -1)
        face = [float(v) for v in colour.from_srgb([170, 130, 110])]
        cv2.circle(image, (x, feet - int(height * 0.85)), height // 11, face, -1)


def _wall(image, rng):
    wall = colour.from_srgb(rng.uniform(80, 210) * np.array([1, rng.uniform(0.85, 1.0), rng.uniform(0.7, 1.0)]))
    image[:] = wall
    if rng.random() < 0.6:
        brick = int(rng.uniform(8, 20))
        length = brick * 2 + 4
        for j, y in enumerate(range(0, HEIGHT, brick)):
            for x in range(-(j % 2) * length // 2, WIDTH, length):
                shade = rng.uniform(0.75, 1.2) * np.array([1, rng.uniform(0.93, 1.03), rng.uniform(0.9, 1.05)])
                image[y : y + brick - 2, max(0, x) : max(0, x + length - 2)] = wall * shade
    image *= (1 + 0.12 * _noise(rng, 120) + 0.05 * _noise(rng, 8))[..., None]
    image[:120] = np.array([1.2, 1.25, 1.35]) * rng.uniform(0.8, 1.6)
    image[330:] = colour.from_srgb(np.array([110, 108, 104])) * (1 + 0.15 * _noise(rng, 14)[330:, :, None])


def _foliage(image, rng):
    leaves = colour.from_srgb(np.array([70, 95, 45]) * rng.uniform(0.6, 1.4))
    image[:] = leaves * np.exp(0.55 * _noise(rng, 60) + 0.45 * _noise(rng, 14) + 0.35 * _noise(rng, 5))[..., None]
    image *= np.array([1, 1, 1]) + 0.12 * _noise(rng, 30)[..., None] * np.array([1, 0.3, -0.3])
    down = np.linspace(0, 1, HEIGHT)[:, None]
    gaps = smoothstep(0.9, 2.2, _noise(rng, 5) + 0.7 * _noise(rng, 16) + 2.0 * (0.33 - down))[..., None]
    image[:] = image * (1 - gaps) + gaps * np.array([1.15, 1.2, 1.22]) * 0.8
    grass = colour.from_srgb(np.array([120, 125, 85]) * rng.uniform(0.6, 1.2))
    image[330:] = grass * (1 + 0.2 * _noise(rng, 10)[330:, :, None])


def _indoor(image, rng):
    wall = colour.from_srgb(rng.uniform(130, 225) * np.array([1, rng.uniform(0.93, 1.02), rng.uniform(0.82, 1.02)]))
    image[:] = wall * (1 + 0.06 * _noise(rng, 150)[..., None])
    image[:170] = wall * 1.1
    floor = colour.from_srgb(np.array([140, 130, 118]) * rng.uniform(0.5, 1.3))
    image[320:] = floor * (1 + 0.08 * _noise(rng, 20)[320:, :, None])
    for x in range(0, WIDTH, int(rng.uniform(60, 140))):  # door frames
        image[150:325, x : x + int(rng.uniform(3, 10))] *= rng.uniform(0.4, 0.8)
    for _ in range(rng.integers(8, 26)):  # furniture
        x = int(rng.uniform(0, WIDTH))
        width = int(rng.uniform(20, 90))
        height = int(rng.uniform(30, 140))
        bottom = int(rng.uniform(260, 350))
        image[bottom - height : bottom, x : x + width] = _drab_colour(rng, 20, 235) * rng.uniform(0.5, 1)
    for _ in range(rng.integers(6, 14)):  # lamps
        x = int(rng.uniform(0, WIDTH))
        width = int(rng.uniform(20, 60))
        y = int(rng.uniform(40, 150))
        image[y : y + 8, x : x + width] = rng.uniform(4, 12)
