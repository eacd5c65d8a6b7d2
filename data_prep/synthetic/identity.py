"""Who a person is: everything that stays the same in all of their sequences, drawn from one seed.

The four "ethnicities" are preset mixes of three morph sets and ranges of skin tone, no more: they make the faces
differ, they do not describe people.
"""

from dataclasses import dataclass

import numpy as np

from data_prep.synthetic import geometry, labels, mesh

ETHNICITIES, HAIRSTYLES = labels.VALUES["ethnicity"], labels.VALUES["hairstyle"]
BEARDS = ("none", "stubble", "moustache", "goatee", "full")

# share of the caucasian, african and asian morphs, range of the skin tone (0 light, 1 dark)
MORPH_MIX = {
    "white": (0.9, 0.03, 0.07),
    "black": (0.05, 0.92, 0.03),
    "asian": (0.07, 0.03, 0.9),
    "indian": (0.6, 0.2, 0.2),
}
TONE_RANGE = {"white": (0.0, 0.36), "black": (0.6, 1.0), "asian": (0.06, 0.48), "indian": (0.34, 0.76)}

HAIR_COLOURS = {
    "white": {"black": 0.08, "darkbrown": 0.26, "brown": 0.27, "lightbrown": 0.17, "blonde": 0.17, "red": 0.05},
    "black": {"black": 0.9, "darkbrown": 0.1},
    "asian": {"black": 0.85, "darkbrown": 0.15},
    "indian": {"black": 0.85, "darkbrown": 0.15},
}
IRIS_COLOURS = {  # linear light
    "white": ((0.16, 0.30, 0.42), (0.10, 0.22, 0.16), (0.19, 0.12, 0.06), (0.09, 0.045, 0.02), (0.22, 0.27, 0.30)),
}
DARK_IRIS_COLOURS = ((0.05, 0.024, 0.012), (0.08, 0.04, 0.018), (0.035, 0.018, 0.010))
GLASSES_COLOURS = ((0.02, 0.02, 0.02), (0.10, 0.05, 0.03), (0.25, 0.25, 0.27))

# detail morphs come in opposite pairs, d:<name>-<first> and d:<name>-<second>; amounts ~ N(0, sd)
OPPOSITES = (
    ("decr", "incr"),
    ("down", "up"),
    ("in", "out"),
    ("backward", "forward"),
    ("concave", "convex"),
    ("compress", "uncompress"),
)
MIDDLE_DETAILS = {
    "nose-scale-vert": 0.45,
    "nose-scale-horiz": 0.45,
    "nose-scale-depth": 0.4,
    "nose-volume": 0.4,
    "nose-nostrils-width": 0.4,
    "nose-point-width": 0.4,
    "nose-width1": 0.4,
    "nose-width2": 0.4,
    "nose-width3": 0.4,
    "nose-curve": 0.45,
    "nose-greek": 0.35,
    "nose-hump": 0.35,
    "nose-point": 0.45,
    "nose-base": 0.4,
    "nose-flaring": 0.35,
    "nose-trans": 0.25,
    "nose-septumangle": 0.3,
    "nose-nostrils-angle": 0.3,
    "mouth-scale-horiz": 0.5,
    "mouth-scale-vert": 0.4,
    "mouth-scale-depth": 0.3,
    "mouth-trans": 0.25,
    "mouth-upperlip-height": 0.45,
    "mouth-lowerlip-height": 0.45,
    "mouth-upperlip-width": 0.3,
    "mouth-lowerlip-width": 0.3,
    "mouth-upperlip-volume": 0.4,
    "mouth-lowerlip-volume": 0.4,
    "mouth-cupidsbow": 0.4,
    "mouth-cupidsbow-width": 0.4,
    "mouth-angles": 0.35,
    "mouth-philtrum-volume": 0.4,
    "mouth-dimples": 0.3,
    "mouth-laugh-lines": 0.4,
    "head-scale-vert": 0.4,
    "head-scale-horiz": 0.4,
    "head-scale-depth": 0.3,
    "head-back-scale-depth": 0.3,
    "head-fat": 0.35,
    "head-angle": 0.25,
    "head-age": 0.25,
    "eyebrows-trans": 0.5,
    "eyebrows-angle": 0.5,
    "chin-prominent": 0.4,
    "chin-width": 0.5,
    "chin-height": 0.45,
    "chin-bones": 0.45,
    "chin-prognathism": 0.3,
    "chin-jaw-drop": 0.4,
    "chin-cleft": 0.4,
    "forehead-scale-vert": 0.35,
    "forehead-nubian": 0.35,
    "forehead-temple": 0.45,
    "forehead-trans": 0.35,
    "neck-scale-horiz": 0.3,
    "neck-scale-depth": 0.3,
    "neck-double": 0.25,
}
SIDE_DETAILS = {  # the same amount left and right: d:l-<name>-..., d:r-<name>-...
    "cheek-bones": 0.45,
    "cheek-volume": 0.45,
    "cheek-inner": 0.45,
    "cheek-trans": 0.35,
    "eye-scale": 0.4,
    "eye-trans": 0.35,
    "eye-height1": 0.4,
    "eye-height2": 0.4,
    "eye-height3": 0.4,
    "eye-push1": 0.35,
    "eye-push2": 0.35,
    "eye-corner1": 0.4,
    "eye-corner2": 0.45,
    "eye-bag": 0.35,
    "eye-bag-height": 0.3,
    "eye-eyefold": 0.35,
    "eye-eyefold-angle": 0.4,
    "eye-epicanthus": 0.3,
    "ear-scale": 0.45,
    "ear-scale-vert": 0.35,
    "ear-scale-depth": 0.3,
    "ear-wing": 0.5,
    "ear-flap": 0.3,
    "ear-lobe": 0.5,
    "ear-trans": 0.2,
}
WIDE_EYES = 0.2  # mean of the eyes' size and height: those of the average head are small
HEAD_SHAPES = ("oval", "round", "rectangular", "square", "triangular", "invertedtriangular", "diamond")
EAR_SHAPES = ("pointed", "round", "square", "triangle")


@dataclass(frozen=True)
class Hairline:
    """Offsets of the hairline, in units: raised at the front, receding, widow's peak, side burns, nape."""

    front: float
    recede: float
    peak: float
    burn: float
    nape: float


@dataclass(frozen=True)
class Brow:
    """Shape of the eyebrows, in units; density and bow are shares in [0, 1]."""

    thickness: float
    density: float
    arch: float
    tilt: float
    inner: float
    outer: float
    offset_y: float
    bow: float


@dataclass(frozen=True)
class Identity:
    """One person. Amounts without a unit are in [0, 1]; colours are linear light.

    Attributes:
        age: 0.5 is 25 years, 1 is 90; `years` is the same in years.
        morph_mix: name of a morph set -> share, summing to 1.
        gender_weight: 1 is the male, 0 the female morph.
        tone: skin, 0 light, 1 dark.
        details: morph name -> amount.
        curl: 0 straight, 1 tight curls.
        parting: x of the parting, in units.
        hair_variant: which of the four ways to comb short hair; odd ones tie a horsetail higher.
        beard_length: in units.
        moles: how many.
        iris, glasses_colour: `(3,)`.
        glasses: owns glasses; in which sequences they are worn is up to the sequence.
    """

    seed: int
    gender: str
    ethnicity: str
    age: float
    years: int
    morph_mix: dict
    gender_weight: float
    muscle: float
    weight: float
    tone: float
    details: dict
    hair_colour: str
    hairstyle: str
    curl: float
    hairline: Hairline
    horseshoe: bool
    parting: float
    bangs: bool
    hair_length: float
    hair_volume: float
    hair_variant: int
    beard: str
    beard_length: float
    brow: Brow
    iris: tuple
    makeup: float
    lip_colour: float
    lashes: float
    moles: int
    freckles: float
    glasses: bool
    glasses_shape: int
    glasses_colour: tuple
    oiliness: float
    redness: float


def sample(seed: int) -> Identity:
    """The person of a seed.

    The order of the draws is part of the data: changing it changes every person.
    """
    rng = np.random.default_rng(seed)
    gender = str(rng.choice(["male", "female"]))
    male = gender == "male"
    ethnicity = ETHNICITIES[rng.choice(4, p=[0.4, 0.22, 0.22, 0.16])]
    ages = [rng.uniform(0.42, 0.55), rng.uniform(0.5, 0.75), rng.uniform(0.72, 0.98)]
    age = float(np.clip(rng.choice(ages, p=[0.5, 0.33, 0.17]), 0, 1))
    shares = rng.dirichlet(np.array(MORPH_MIX[ethnicity]) * 9 + 0.05)
    gender_weight = float(np.clip(rng.normal(1.0, 0.1) if male else rng.normal(0.0, 0.1), -0.05, 1.1))
    muscle = float(np.clip(rng.normal(0.5, 0.2), 0.1, 0.9))
    weight = float(np.clip(rng.normal(0.5, 0.26), 0.02, 0.98))
    tone = float(rng.uniform(*TONE_RANGE[ethnicity]))
    details = _sample_details(rng)

    old = geometry.smoothstep(0.65, 0.95, age)
    hair_colour = _sample_hair_colour(rng, ethnicity, old)
    hairstyle = HAIRSTYLES[rng.choice(5, p=[0.17, 0.66, 0.09, 0.05, 0.03] if male else [0.01, 0.14, 0.27, 0.38, 0.20])]
    return Identity(
        seed=seed,
        gender=gender,
        ethnicity=ethnicity,
        age=age,
        years=int(25 + (age - 0.5) * 130) if age > 0.5 else int(25 - (0.5 - age) * 60),
        morph_mix=dict(zip(("caucasian", "african", "asian"), shares, strict=True)),
        gender_weight=gender_weight,
        muscle=muscle,
        weight=weight,
        tone=tone,
        details=details,
        hair_colour=hair_colour,
        hairstyle=hairstyle,
        curl=_sample_curl(rng, ethnicity),
        hairline=_sample_hairline(rng, male, old),
        horseshoe=hairstyle == "bald" and (age > 0.6 or rng.random() < 0.35),
        parting=float(rng.choice([-0.35, 0, 0.35], p=[0.4, 0.25, 0.35]) + rng.normal(0, 0.05)),
        bangs=bool(not male and rng.random() < 0.28 or male and rng.random() < 0.15),
        hair_length=float(rng.uniform(0, 1)),
        hair_volume=float(rng.uniform(0, 1)),
        hair_variant=int(rng.integers(0, 4)),
        beard=str(rng.choice(BEARDS, p=[0.42, 0.25, 0.08, 0.09, 0.16])) if male else "none",
        beard_length=float(rng.uniform(0.05, 0.22)),
        brow=_sample_brow(rng, male),
        iris=_sample_iris(rng, ethnicity),
        # the right-hand draw comes first: whether, then how much
        makeup=float(rng.uniform(0, 1)) if not male and rng.random() < 0.6 else 0.0,
        lip_colour=float(rng.uniform(0, 1)),
        lashes=float(rng.uniform(0, 0.3) if male else rng.uniform(0.3, 1)),
        moles=int(rng.poisson(2.0)),
        freckles=float(rng.uniform(0.3, 1)) if ethnicity == "white" and rng.random() < 0.18 else 0.0,
        glasses=bool(rng.random() < 0.2),
        glasses_shape=int(rng.integers(0, 3)),
        glasses_colour=GLASSES_COLOURS[int(rng.integers(3))],
        oiliness=float(rng.uniform(0.2, 1)),
        redness=float(rng.uniform(0.3, 1)),
    )


def _sample_details(rng):
    """Amounts of the shape morphs of nose, mouth, chin, eyes, ears, ...; left and right differ a little."""
    morphs = mesh.load().morph_range
    details = {}

    def draw(name, deviation, prefixes):
        mean = WIDE_EYES if name in ("eye-scale", "eye-height1", "eye-height2", "eye-height3") else 0.0
        amount = float(np.clip(rng.normal(mean, deviation), -1, 1))
        for low, high in OPPOSITES:
            for prefix in prefixes:
                pair = f"d:{prefix}{name}-{low}", f"d:{prefix}{name}-{high}"
                if pair[0] in morphs and pair[1] in morphs:
                    details[pair[1] if amount > 0 else pair[0]] = abs(amount)

    for name, deviation in MIDDLE_DETAILS.items():
        draw(name, deviation, [""])
    for name, deviation in SIDE_DETAILS.items():
        draw(name, deviation, ["l-", "r-"])
    shape = rng.choice(HEAD_SHAPES)
    details[f"d:head-{shape}"] = float(rng.uniform(0.0, 0.75))
    shape = rng.choice(EAR_SHAPES)
    for side in "lr":
        details[f"d:{side}-ear-shape-{shape}"] = float(rng.uniform(0, 0.6))
    for name in morphs:
        if name.startswith("d:asym-") and rng.random() < 0.3:
            details[name] = float(abs(rng.normal(0, 0.25)))
    return details


def _sample_hair_colour(rng, ethnicity, old):
    colours = HAIR_COLOURS[ethnicity]
    colour = str(rng.choice(list(colours), p=list(colours.values())))
    return str(rng.choice(["grey", "white"], p=[0.65, 0.35])) if rng.random() < old * 0.8 else colour


def _sample_curl(rng, ethnicity):
    curls = {  # all four are drawn, so that the draws after them do not depend on the ethnicity
        "white": rng.choice([0, 0.15, 0.5], p=[0.5, 0.3, 0.2]),
        "black": rng.choice([0.6, 1.0], p=[0.3, 0.7]),
        "asian": rng.choice([0, 0.1], p=[0.8, 0.2]),
        "indian": rng.choice([0, 0.2, 0.45], p=[0.45, 0.35, 0.2]),
    }
    return float(curls[ethnicity])


def _sample_hairline(rng, male, old):
    return Hairline(
        front=float(rng.normal(0, 0.05)),
        recede=float(max(0, rng.normal(0.2 if male else -0.4, 0.4) + old * (0.6 if male else 0))),
        peak=float(rng.uniform(0, 1)),
        burn=float(rng.uniform(-0.12, 0.15) if male else 0.15),
        nape=float(rng.normal(0.05, 0.08)),
    )


def _sample_brow(rng, male):
    return Brow(
        thickness=float(rng.uniform(0.04, 0.095) if male else rng.uniform(0.024, 0.06)),
        density=float(rng.uniform(0.45, 1)),
        arch=float(rng.normal(0.0 if male else 0.02, 0.025)),
        tilt=float(rng.normal(0, 0.028)),
        inner=float(rng.uniform(0.09, 0.19)),
        outer=float(rng.uniform(0.44, 0.54)),
        offset_y=float(rng.normal(0, 0.022)),
        bow=float(rng.uniform(0.3, 1)),
    )


def _sample_iris(rng, ethnicity):
    colours = IRIS_COLOURS.get(ethnicity, DARK_IRIS_COLOURS)
    colour = np.array(colours[rng.integers(len(colours))])
    return tuple(float(c) for c in colour * rng.uniform(0.8, 1.2))
