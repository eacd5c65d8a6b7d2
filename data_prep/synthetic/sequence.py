"""What changes between a person's sequences: place, pose, expression, clothes, camera. Drawn from one seed.

Within a sequence pose and expression move smoothly from frame to frame; place, clothes and camera stay.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from data_prep.synthetic import accessories, colour, degrade, light
from data_prep.synthetic.domain import CCTV, Domain
from data_prep.synthetic.identity import Identity

EXPRESSIONS = {  # face unit -> strength
    "neutral": {},
    "smile": {
        "mouthSmileLeft": 0.95,
        "mouthSmileRight": 0.95,
        "cheekSquintLeft": 0.45,
        "cheekSquintRight": 0.45,
        "eyeSquintLeft": 0.15,
        "eyeSquintRight": 0.15,
        "mouthUpperUpLeft": 1.05,
        "mouthUpperUpRight": 1.05,
        "jawOpen": 0.17,
        "mouthLowerDownLeft": 0.5,
        "mouthLowerDownRight": 0.5,
        "mouthStretchLeft": 0.2,
        "mouthStretchRight": 0.2,
    },
    "surprise": {
        "browInnerUp": 0.9,
        "browOuterUpLeft": 0.9,
        "browOuterUpRight": 0.9,
        "eyeWideLeft": 0.8,
        "eyeWideRight": 0.8,
        "jawOpen": 0.55,
        "mouthFunnel": 0.25,
    },
    "disgust": {
        "noseSneerLeft": 0.9,
        "noseSneerRight": 0.9,
        "browDownLeft": 0.8,
        "browDownRight": 0.8,
        "mouthUpperUpLeft": 0.6,
        "mouthUpperUpRight": 0.6,
        "eyeSquintLeft": 0.6,
        "eyeSquintRight": 0.6,
        "mouthFrownLeft": 0.45,
        "mouthFrownRight": 0.45,
        "cheekSquintLeft": 0.4,
        "cheekSquintRight": 0.4,
    },
}
FABRICS = (  # 8-bit sRGB
    (20, 20, 24),
    (40, 45, 60),
    (200, 200, 200),
    (120, 30, 35),
    (60, 80, 60),
    (150, 140, 120),
    (35, 60, 110),
    (90, 90, 95),
    (230, 225, 215),
    (170, 120, 60),
    (100, 130, 160),
)
NECKLINES = ("crew", "vneck", "collar", "low", "hood")


@dataclass(frozen=True)
class Clothes:
    """Attributes:
    neckline: one of NECKLINES.
    cloth: float64 `(11,)`: pattern (0 plain, 1 and 2 stripes, 3 checks, 4 open jacket), colour (3), second colour
        (3), 1 for a hem in the second colour, stripes' frequency, their threshold (the jacket's half width), phase
        of the folds.
    """

    neckline: str
    cloth: np.ndarray


@dataclass(frozen=True)
class Sequence:
    """n frames of one person in one place. Angles are radians, float64 `(n,)` unless said otherwise.

    Attributes:
        domain: `domain.Domain`, the kind of footage.
        environment: `light.Environment`.
        elevation: scalar, the camera looks down by this angle.
        distance: scalar, camera to head, in units (decimetres).
        yaw, pitch, roll: of the head against the camera's horizontal axis; positive yaw turns to the picture's right.
        body_yaw, body_tilt: of the torso.
        gaze: `(n, 2)`, of the eyes.
        expression: `(n, 4)`, strength of each of EXPRESSIONS, in [0, 1].
        talking: `(n,)`, how far the jaw opens.
        blink: `(n,)`, 1 where the eyes are shut.
        clothes: `Clothes`.
        worn: `accessories.Worn`, on the head.
        occluder: `accessories.Occluder` that passes in front, or None.
        camera: `degrade.Camera`.
        background_pan: `(n,)`, in turns.
        field_of_view: scalar, of the background.
        background_blur: scalar, in pixels of a 256-pixel rendering.
        box_jitter: `(n, 3)`, box_offset: `(2,)`: how badly the head is boxed, as shares of the box: x, y, size.
        margin: scalar, side of the box over the longer side of the head.
    """

    domain: Domain
    environment: light.Environment
    elevation: float
    distance: float
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    body_yaw: np.ndarray
    body_tilt: np.ndarray
    gaze: np.ndarray
    expression: np.ndarray
    talking: np.ndarray
    blink: np.ndarray
    clothes: Clothes
    worn: accessories.Worn
    occluder: accessories.Occluder | None
    camera: degrade.Camera
    background_pan: np.ndarray
    field_of_view: float
    background_blur: float
    box_jitter: np.ndarray
    box_offset: np.ndarray
    margin: float

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.yaw)


def sample(identity: Identity, seed: int, frames: int, domain: Domain = CCTV) -> Sequence:
    """The `Sequence` of `frames` frames that belongs to a person, a seed and a `domain.Domain`.

    The order of the draws is part of the data: changing it changes every sequence.
    """
    rng = np.random.default_rng(seed)

    def walk(deviation, smoothness):
        """A smooth random curve, `(frames,)`; smoothness in frames."""
        pad = 4 * int(smoothness)
        curve = gaussian_filter1d(rng.normal(size=frames + 2 * pad), smoothness)[pad : pad + frames]
        return curve / (1 / np.sqrt(2 * np.sqrt(np.pi) * smoothness)) * deviation

    environment = light.sample(rng, domain.places)
    elevation = math.radians(rng.uniform(*domain.elevation))
    distance = float(rng.uniform(*domain.distance))
    yaws = [rng.normal(0, domain.frontal_yaw), rng.uniform(-domain.widest_yaw, domain.widest_yaw)]
    mean_yaw = rng.choice(yaws, p=[domain.frontal, 1 - domain.frontal])
    yaw = np.radians(mean_yaw + walk(14, 4))
    pitch = np.radians(rng.normal(-2, 5) + walk(5, 3))
    roll = np.radians(rng.normal(0, 2.5) + walk(3, 3))
    body_yaw = np.radians(mean_yaw * 0.75 + rng.normal(0, 8) + walk(3, 6))
    body_tilt = np.radians(walk(1.5, 3))
    gaze = np.stack([walk(0.07, 2), walk(0.04, 2)], 1)
    expression = _expressions(rng, frames)
    talking = np.abs(walk(0.10, 0.8)) * (rng.random() < 0.35)
    blink = (rng.random(frames) < 0.05).astype(float)
    clothes = _clothes(rng, identity.gender)
    camera = degrade.sample(rng, domain)
    return Sequence(
        domain=domain,
        environment=environment,
        elevation=elevation,
        distance=distance,
        yaw=yaw,
        pitch=pitch,
        roll=roll,
        body_yaw=body_yaw,
        body_tilt=body_tilt,
        gaze=gaze,
        expression=expression,
        talking=talking,
        blink=blink,
        clothes=clothes,
        worn=accessories.sample(identity, seed, domain.accessory_rate),
        occluder=accessories.sample_occluder(np.random.default_rng([seed, 73]), frames, domain.accessory_rate),
        camera=camera,
        background_pan=rng.uniform(-0.02, 0.02) + np.cumsum(rng.normal(0, 0.003) * np.ones(frames)),
        field_of_view=math.radians(rng.uniform(24, 46)),
        background_blur=float(rng.choice([0, rng.uniform(0.6, 3)], p=[0.45, 0.55])),
        box_jitter=np.stack([walk(share * domain.box_jitter, 1.0) for share in (1, 1, 1.6)], 1),
        box_offset=rng.normal(0, 1.4 * domain.box_jitter, 2),
        margin=float(rng.uniform(1.12, 1.42)),
    )


def _expressions(rng, frames):
    names = list(EXPRESSIONS)
    strength = np.zeros((frames, len(names)))
    current = str(rng.choice(names, p=[0.55, 0.3, 0.075, 0.075]))
    start = 0
    while start < frames:
        held = int(rng.integers(4, 11))
        strength[start : start + held, names.index(current)] = rng.uniform(0.75, 1.0)
        start += held
        current = str(rng.choice(names, p=[0.55, 0.28, 0.085, 0.085]))
    return gaussian_filter1d(strength, 1.2, axis=0, mode="nearest") if frames > 2 else strength


def _clothes(rng, gender):
    pattern = int(rng.choice([0, 1, 2, 3, 4], p=[0.62, 0.12, 0.06, 0.1, 0.1]))
    first = colour.from_srgb(np.array(FABRICS[rng.integers(len(FABRICS))]) * rng.uniform(0.8, 1.1))
    second = colour.from_srgb(np.array(FABRICS[rng.integers(len(FABRICS))]) * rng.uniform(0.8, 1.1))
    hem = float(rng.random() < 0.35)
    frequency = rng.uniform(14, 40) if pattern in (1, 2, 3) else 1
    threshold = rng.uniform(0.04, 0.15) if pattern == 4 else rng.uniform(0.0, 0.7)
    cloth = np.array([pattern, *first, *second, hem, frequency, threshold, rng.uniform(0, 6)])
    shares = [0.4, 0.1, 0.28, 0.08, 0.14] if gender == "male" else [0.33, 0.2, 0.15, 0.22, 0.1]
    return Clothes(neckline=str(rng.choice(NECKLINES, p=shares)), cloth=cloth)
