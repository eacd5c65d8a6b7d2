"""What a person wears on the head, and what passes in front of it.

People own things: a cap is the same cap in all of a person's sequences. `sheets` makes cloth and lenses of them,
`glasses` the rims.
"""

from dataclasses import dataclass

import numpy as np

from data_prep.synthetic import colour
from data_prep.synthetic.geometry import smoothstep
from data_prep.synthetic.identity import Identity

EYEWEAR = ("none", "glasses", "sunglasses")
HEADWEAR = ("none", "cap", "beanie", "hat", "headscarf")
OCCLUDERS = ("pole", "leaves")

# shares at rate 1; the first of each pair is of people who own the thing, the second of their sequences with it
BARE_HEADWEAR_OWNED, HEADWEAR_WORN = 0.15, 0.8
HEADSCARF_OWNED, HEADSCARF_WORN = 0.04, 0.97  # of women
MASK_OWNED, MASK_WORN = 0.12, 0.5
SUNGLASSES_OWNED, SUNGLASSES_WORN = 0.12, 0.5
GLASSES_WORN = 0.85
OCCLUDED_SEQUENCES = 0.08

FABRICS = (  # 8-bit sRGB
    (28, 30, 36),
    (45, 55, 85),
    (110, 35, 40),
    (70, 80, 60),
    (150, 140, 125),
    (90, 90, 96),
    (205, 200, 190),
    (125, 100, 80),
)
MASKS = ((150, 185, 205), (150, 185, 205), (225, 228, 230), (30, 31, 34), (60, 70, 95))


@dataclass(frozen=True)
class Worn:
    """What a person wears on the head in one sequence.

    Attributes:
        eyewear: one of EYEWEAR.
        headwear: one of HEADWEAR.
        mask: whether a face mask covers nose and mouth.
        headwear_colour, mask_colour: float64 `(3,)`, linear light.
    """

    eyewear: str
    headwear: str
    mask: bool
    headwear_colour: np.ndarray
    mask_colour: np.ndarray


@dataclass(frozen=True)
class Occluder:
    """Something between camera and head.

    Attributes:
        kind: one of OCCLUDERS.
        position: float64 `(n,)`, its middle in each frame, in widths of the crop from the left edge.
        width: in widths of the crop.
        slope: columns it moves to the side per row.
        colour: float64 `(3,)`, albedo.
        seed: int, of its outline.
    """

    kind: str
    position: np.ndarray
    width: float
    slope: float
    colour: np.ndarray
    seed: int


def sample(identity: Identity, seed: int, rate: float) -> Worn:
    """What `identity` wears in the sequence of `seed`: a `Worn`.

    Args:
        identity: what they own depends on its seed alone.
        seed: of the sequence.
        rate: in [0, 1], how often things that hide face or hair are owned: 0 never, 1 the shares above.
    """
    owned = np.random.default_rng([identity.seed, 71])
    owns_headwear = owned.random() < BARE_HEADWEAR_OWNED * rate
    headwear = str(owned.choice(["cap", "beanie", "hat"], p=[0.5, 0.3, 0.2]))
    owns_headscarf = owned.random() < HEADSCARF_OWNED * rate and identity.gender == "female"
    owns_mask = owned.random() < MASK_OWNED * rate
    owns_sunglasses = owned.random() < SUNGLASSES_OWNED * rate
    headwear_colour = colour.from_srgb(FABRICS[owned.integers(len(FABRICS))]) * owned.uniform(0.8, 1.2)
    mask_colour = colour.from_srgb(MASKS[owned.integers(len(MASKS))])

    today = np.random.default_rng([identity.seed, seed, 72])
    headwear_draw, mask_draw, sunglasses_draw, glasses_draw = today.random(4)
    worn = "none"
    if owns_headscarf:
        worn = "headscarf" if headwear_draw < HEADSCARF_WORN else "none"
    elif owns_headwear:
        worn = headwear if headwear_draw < HEADWEAR_WORN else "none"
    eyewear = "glasses" if identity.glasses and glasses_draw < GLASSES_WORN else "none"
    if owns_sunglasses and sunglasses_draw < SUNGLASSES_WORN:
        eyewear = "sunglasses"
    return Worn(
        eyewear=eyewear,
        headwear=worn,
        mask=bool(owns_mask and mask_draw < MASK_WORN),
        headwear_colour=headwear_colour,
        mask_colour=mask_colour,
    )


def sample_occluder(rng: np.random.Generator, frames: int, rate: float) -> Occluder | None:
    """An `Occluder` that passes during the sequence, or None in most sequences."""
    present = rng.random() < OCCLUDED_SEQUENCES * rate
    kind = str(rng.choice(OCCLUDERS, p=[0.5, 0.5]))
    width = {"pole": rng.uniform(0.1, 0.2), "leaves": rng.uniform(0.4, 0.6)}[kind]
    middle, speed = rng.uniform(0.2, 0.8) * frames, rng.choice([-1, 1]) * rng.uniform(0.06, 0.15)
    grey = {"pole": (105, 105, 105), "leaves": (60, 80, 45)}[kind]
    occluder = Occluder(
        kind=kind,
        position=0.5 + speed * (np.arange(frames) - middle),
        width=float(width),
        slope=float(rng.normal(0, 0.04)),
        colour=colour.from_srgb(grey) * rng.uniform(0.6, 1.1),
        seed=int(rng.integers(1 << 31)),
    )
    return occluder if present else None


def cover(occluder: Occluder, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """How far the occluder hides each pixel of frame `index`, and with what.

    Returns:
        float64 `(size, size)` in [0, 1], with the soft edge of what is out of focus; albedo `(size, size, 3)`.
    """
    column, row = np.meshgrid((np.arange(size) + 0.5) / size, (np.arange(size) + 0.5) / size)
    rng = np.random.default_rng(occluder.seed)
    across = column - occluder.position[index] - occluder.slope * (row - 0.5)
    half = occluder.width / 2
    albedo = occluder.colour * np.ones((size, size, 1))
    if occluder.kind == "pole":
        inside, soft = half - np.abs(across), 0.008
        light = 1.15 - 0.7 * (across / half + 0.2) ** 2
    else:
        inside, soft, light = np.full((size, size), -1.0), 0.006, np.ones((size, size))
        for _ in range(70):
            x, y, turn = rng.uniform(-half, half), rng.uniform(-0.1, 0.55), rng.uniform(0, np.pi)
            long, shade = rng.uniform(0.03, 0.07), rng.uniform(0.5, 1.8)
            along = (across - x) * np.cos(turn) + (row - y) * np.sin(turn)
            beside = (row - y) * np.cos(turn) - (across - x) * np.sin(turn)
            leaf = (1 - np.hypot(along / long, beside / (0.4 * long))) * 0.02
            light = np.where(leaf > 0, shade * (1 + 0.15 * np.sign(beside)), light)
            inside = np.maximum(inside, leaf)
    return smoothstep(-soft, soft, inside), albedo * np.maximum(light, 0)[..., None]
