"""Where a sequence takes place: a panorama that lights the head and stands behind it.

Panoramas are float32 `(512, 1024, 3)` linear light: column 0 looks to -z (behind the subject), row 0 up.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

from data_prep.synthetic import mesh
from data_prep.synthetic.geometry import unit

HEIGHT, WIDTH = 512, 1024

KINDS = ("indoor", "outdoor")
PLACES = {  # the panoramas that ship with the renderer, and their kinds
    "b_city": "outdoor",
    "b_courtyard": "outdoor",
    "b_forest": "outdoor",
    "b_interior": "indoor",
    "b_night": "outdoor",
    "b_sunset": "outdoor",
    "p_apartment": "indoor",
    "p_bridge": "indoor",
    "p_city": "outdoor",
    "p_dawn": "outdoor",
    "p_esplanade": "indoor",
    "p_forest": "outdoor",
    "p_hall": "indoor",
    "p_lab": "indoor",
    "p_lobby": "indoor",
    "p_park": "outdoor",
    "p_sunrise": "outdoor",
    "p_sunset": "outdoor",
    "p_venice": "outdoor",
    "p_warehouse": "indoor",
    "p_workshop": "indoor",
}
BALANCE = (0.85, 1.0)  # how much of a place's tint the camera takes out
GAINS = (0.55, 1.9)  # what its white balance can do

# the stored panoramas hold log(1 + 64 light) of light in [0, 60] in 8 bits
LOG_GAIN, LIGHTEST = 64, 60


@dataclass(frozen=True)
class Environment:
    """A place's light.

    Attributes:
        name: of the panorama, in PLACES or made up.
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

    def radiance_from(self, directions: np.ndarray) -> np.ndarray:
        """Light arriving from unit vectors `(..., 3)`: float64 `(..., 3)`."""
        u = np.arctan2(directions[..., 0], directions[..., 2]) / (2 * np.pi) + 0.5
        v = np.arccos(np.clip(directions[..., 1], -1, 1)) / np.pi
        height, width = self.radiance.shape[:2]
        return self.radiance[np.clip((v * height).astype(int), 0, height - 1), (u * width).astype(int) % width]

    def background(
        self, height: int, width: int, elevation: float, field_of_view: float, pan: float, blur: float
    ) -> np.ndarray:
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


def sample(rng: np.random.Generator, kinds: tuple[str, ...] = KINDS) -> Environment:
    """A random `Environment` of one of `kinds`: a panorama, mirrored or not and turned."""
    name = str(rng.choice([place for place, kind in PLACES.items() if kind in kinds]))
    panorama = panoramas()[name]
    if rng.random() < 0.5:
        panorama = panorama[:, ::-1]
    return from_panorama(name, np.roll(panorama, int(rng.integers(0, panorama.shape[1])), 1), rng)


def from_panorama(name: str, panorama: np.ndarray, rng: np.random.Generator) -> Environment:
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

    # what lights a face: the surroundings, and the key light on about half of it
    on_face = ambient + 0.5 * key_colour / np.pi
    gains = np.clip((on_face / on_face.mean()) ** -rng.uniform(*BALANCE), *GAINS)
    around = np.pad(light, ((0, 0), (16, 16), (0, 0)), mode="wrap")
    return Environment(
        name=name,
        panorama=panorama,
        key_direction=key_direction,
        key_colour=key_colour,
        white_balance=gains / gains.mean(),
        radiance=gaussian_filter(around, (4.5, 6, 0))[:, 16:-16],
        reflection=cv2.resize(gaussian_filter(around, (4, 5, 0))[:, 16:-16], (64, 32)).astype(np.float64),
    )


@lru_cache(maxsize=1)
def panoramas() -> dict[str, np.ndarray]:
    """name -> float32 `(512, 1024, 3)`, the panoramas that ship with the renderer."""
    scale = np.log1p(LIGHTEST * float(LOG_GAIN))
    loaded = {}
    for path in sorted((mesh.BAKED / "panoramas").glob("*.webp")):
        stored = cv2.imread(str(path))[..., ::-1].astype(np.float32) / 255
        loaded[path.stem] = _without_rims((np.expm1(stored * scale) / LOG_GAIN).astype(np.float32))
    return loaded


def _without_rims(panorama):
    """Fills the black rims that resampling left round lamps and the sun with the light beside them."""
    around = np.ones((13, 13), np.uint8)
    rim = cv2.dilate((panorama < 0.012).astype(np.float32), np.ones((3, 3), np.uint8)) > 0
    rim &= cv2.dilate(panorama, around) > 4
    filled = cv2.morphologyEx(panorama, cv2.MORPH_CLOSE, around)
    return np.where(rim, np.maximum(panorama, filled), panorama)
