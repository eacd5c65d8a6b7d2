"""Every number of an experiment, frozen. Defaults are the paper's, or the published code's where the paper has none."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from uunet.errors import UUNetError
from uunet.labels import LABELS

DEFAULT_WEIGHTS = "twin-cctv"  # one of `presets.PRESETS`


class ConfigError(UUNetError):
    """A value no experiment can have."""


@dataclass(frozen=True)
class LossWeights:
    """The omegas of Eq. 13 (section IV-A)."""

    mse: float = 50.0
    adv: float = 1.0
    ano: float = 1.0
    con: float = 1.0
    div: float = 1.0
    dis: float = 1.0


@dataclass(frozen=True)
class Optimizer:
    """A Keras optimiser by name. The paper does not name one; the defaults at each use are the published code's."""

    name: str
    learning_rate: float
    beta_1: float | None = None  # Adam only
    cosine: bool = False  # whether the learning rate falls to 0 over the run's steps, along a cosine
    average: float | None = None  # momentum of the moving average of the weights, which replaces them at the end


def check_steps(name: str, steps: int, every: int, least: int = 1) -> None:
    """Raises ConfigError unless `steps`, the setting `name`, is `least` or more and a multiple of `every`."""
    if steps < least or steps % every:
        raise ConfigError(
            f"A checkpoint is made every {every} steps, and {name} must be a multiple of that (checkpoint_every); got "
            f"{steps}, use {max(1, -(-steps // every)) * every}."
        )


def check_s(s: Sequence[int]) -> None:
    """Raises ConfigError unless s is one of Eq. 9: starts with -1 and holds only -1, 0, 1."""
    if len(s) == 0 or s[0] != -1 or any(value not in (-1, 0, 1) for value in s):
        raise ConfigError(f"s must start with -1 (the ID always differs) and hold only -1, 0, 1; got {s}.")


@dataclass(frozen=True)
class ClassifierConfig:
    """Learning I: the pairwise classifier D_a (section III-A, Table I)."""

    labels: tuple[str, ...] = LABELS  # outputs of this one D_a; the paper trains one model per label (section IV-A)
    blocks: int = 2  # [Conv 64/s2] x 2 in Table I; the published code has 3
    genuine: float = 0.5  # share of same-ID pairs per batch; published code: 40-60 %
    batch_pairs: int = 64  # pairs; not given
    steps: int = 2500
    optimizer: Optimizer = Optimizer("rmsprop", 1.25e-5)  # published code
    augment: bool = False  # random mirror, shift, rescale, blur, tint and exposure of each picture of a pair
    size: int = 64  # pixels, section IV-A
    checkpoint_every: int = 250  # steps; also the interval of a CSV row
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [label for label in self.labels if label not in LABELS]
        if unknown or not self.labels:
            raise ConfigError(f"labels are some of {', '.join(LABELS)}; got {', '.join(self.labels) or 'none'}.")
        if not 0.4 <= self.genuine <= 0.6:
            raise ConfigError(f"genuine, the share of same-ID pairs, is 0.4 to 0.6; got {self.genuine}.")
        check_steps("steps", self.steps, self.checkpoint_every)


@dataclass(frozen=True)
class Degradation:
    """What a lossy file does to a head."""

    kind: str  # "chroma" (4:2:0 without compression), "jpeg", "h264", "vp9"
    easiest: int = 0  # JPEG quality, or crf of a video, where training begins
    hardest: int = 0  # what training reaches; all values between remain in use


@dataclass(frozen=True)
class ChannelConfig:
    """The channel between U_e and U_d in training. The default is the paper's: no channel."""

    sizes: tuple[int, ...] = ()  # ROI sides in pixels; (): U_d reads U_e's own output
    damages: tuple[Degradation, ...] = ()  # each as likely as none; (): resized and rounded to 8 bits only
    ramp: int = 1  # steps until degradation reaches its full probability and strength

    def __post_init__(self) -> None:
        for one in self.damages:
            if one.kind not in ("chroma", "jpeg", "h264", "vp9"):
                raise ConfigError(f"A degradation is 'chroma', 'jpeg', 'h264' or 'vp9'; got {one.kind!r}.")
        if self.ramp < 1 or min(self.sizes, default=1) < 1:
            raise ConfigError(f"ramp and sizes are at least 1; got {self.ramp} and {self.sizes}.")


def _check_sizes(channel, sequences):
    if len(channel.sizes) > sequences:
        raise ConfigError(
            f"The channel has {len(channel.sizes)} ROI sizes, a batch only {sequences} sequences: give at most one "
            "size per sequence."
        )


SIZES = (24, 32, 40, 48, 64, 80, 128, 256)  # one for each of the 8 sequences of a batch
ROBUST = ChannelConfig(
    sizes=SIZES,
    damages=(
        Degradation("chroma"),
        Degradation("jpeg", 95, 50),
        Degradation("h264", 18, 28),
        Degradation("vp9", 20, 40),
    ),
    ramp=10_000,
)


@dataclass(frozen=True)
class AdversarialConfig:
    """Learning II: U_e, U_d and D_f (section III-B, IV-A)."""

    size: int = 64  # pixels, side of every network input (256 in section IV-I)
    unet: str = "ronneberger"  # [44], what the paper cites; "pix2pix" is the published code's
    width: int = 64  # kernels of the first U-Net level
    normalization: str | None = None  # [44] has none; the published code has "batch"
    dropout: float = 0.0  # "pix2pix" only; published code 0.5
    residual: bool = False  # not in the paper: U_d learns the difference to its input
    critic_width: int = 64  # kernels of D_f's first layer, PatchGAN [25]
    s: tuple[int, ...] = (-1, 1, 1, 1)  # 'All Equal' (section IV-E); (-1, -1, -1, -1) is 'All Different'
    weights: LossWeights = LossWeights()
    penalty: str = "limit"  # Eq. 6's gradient limit in our reading; "wgan-gp" is the standard penalty of [21]
    delta_gp: float = 0.01  # Eq. 6, section IV-A: largest gradient component, score per unit of pixel value
    penalty_weight: float = 10.0  # [21]
    critic_steps: int = 5  # per generator step; published code, as in [21]
    histogram_bins: int = 32  # Eq. 12; not given
    subjects: int = 4  # a batch is subjects x sequences x frames; published code: 4 subjects x 8 frames
    sequences: int = 2  # Eq. 11 needs two sequences of a subject
    frames: int = 4  # Eq. 10 needs two frames of a sequence
    channel: ChannelConfig = ChannelConfig()  # none, as in the paper
    steps: int = 120_000  # published code
    generator_optimizer: Optimizer = Optimizer("rmsprop", 5e-5)  # published code
    critic_optimizer: Optimizer = Optimizer("adam", 2e-4, beta_1=0.5)  # published code
    checkpoint_every: int = 500  # steps; also the interval of a CSV row and a sample sheet
    seed: int = 0

    def __post_init__(self) -> None:
        check_s(self.s)
        if self.frames < 2 or self.sequences < 2:
            raise ConfigError(
                f"A batch needs at least 2 sequences per subject and 2 frames per sequence for Eqs. 10 and 11; "
                f"got {self.sequences} x {self.frames}."
            )
        if self.critic_steps < 1:
            raise ConfigError(f"critic_steps must be at least 1; got {self.critic_steps}.")
        if self.penalty not in ("limit", "wgan-gp"):
            raise ConfigError(f"penalty is 'limit' or 'wgan-gp'; got {self.penalty!r}.")
        _check_sizes(self.channel, self.subjects * self.sequences)
        check_steps("steps", self.steps, self.checkpoint_every)

    @property
    def batch_size(self) -> int:
        """Heads per step."""
        return self.subjects * self.sequences * self.frames


@dataclass(frozen=True)
class TwinConfig:
    """Learning from twins, beyond the paper: U_e is trained on paired targets, the twins of heads (`models.twin`).

    It has three stages: generation of the twin, refinement of it with a critic, and embedding of x in it.
    """

    size: int = 64  # pixels, side of every network input
    width: int = 32  # kernels of the first level of generation; embedding and U_d have 1.5 times as many
    strength: float = 0.04  # the largest change of a value in [0, 1] by embedding
    s: tuple[int, ...] = (-1, 1, 1, 1)  # which twins U_e generates unless it gets another s (Eq. 9)
    twin: float = 10.0  # weight of the distance between paired target and generated twin
    mask: float = 0.5  # of the cross-entropies of where heads are
    place: float = 0.1  # of the cross-entropy of where their landmarks are
    read: float = 0.2  # of the cross-entropies of their labels
    adv: float = 0.02  # of the critic's score of generated twins, Eq. 8
    mse: float = 50.0  # of Eq. 5, as in Eq. 13
    leak: float = 1e4  # of how much the embedded signal resembles x
    clip: float = 1.0  # largest norm of all gradients of embedding together: one larger step can undo the training
    channel: ChannelConfig = ChannelConfig(sizes=(24, 28, 32, 40, 48, 56, 64, 80, 96))  # what U_d trains through
    batch: int = 16  # heads
    steps: int = 8000  # of generation; 0 leaves a stage out
    sharpening_steps: int = 1500  # of refinement, with a critic and at a quarter of the learning rate
    hiding_steps: int = 2000  # of embedding and reconstruction
    optimizer: Optimizer = Optimizer("adam", 1e-3, beta_1=0.9, cosine=True, average=0.998)
    critic_optimizer: Optimizer = Optimizer("adam", 4e-4, beta_1=0.5)
    critic_width: int = 32  # kernels of D_f's first layer
    penalty_weight: float = 10.0  # of the critic's gradient penalty [21]
    precision: str = "mixed_bfloat16"  # Keras dtype policy of training; "float32" where bfloat16 is not faster
    checkpoint_every: int = 250  # steps; also the interval of a CSV row and a sample sheet
    seed: int = 0

    def __post_init__(self) -> None:
        check_s(self.s)
        _check_sizes(self.channel, self.batch)
        check_steps("steps", self.steps, self.checkpoint_every, least=0)
        check_steps("sharpening_steps", self.sharpening_steps, self.checkpoint_every, least=0)
        check_steps("hiding_steps", self.hiding_steps, self.checkpoint_every, least=0)


@dataclass(frozen=True)
class Config:
    """Both phases of one experiment."""

    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)


PAPER = Config()

RELEASED_CODE = Config(
    classifier=ClassifierConfig(blocks=3),
    adversarial=AdversarialConfig(
        unet="pix2pix",
        normalization="batch",
        dropout=0.5,
        weights=LossWeights(mse=100.0),
        s=(-1, -1, -1, -1),
        penalty="wgan-gp",
    ),
)

# What two CPU cores can train in an hour or two; `weights/README.md` has the results.
SMALL = Config(
    classifier=ClassifierConfig(optimizer=Optimizer("adam", 5e-4), augment=True, steps=2000),
    adversarial=AdversarialConfig(
        width=16,
        residual=True,
        # with one critic step per generator step and w_adv = 1 the images become checkerboards
        weights=LossWeights(adv=0.05, ano=2.0),
        critic_width=32,
        penalty="wgan-gp",
        critic_steps=1,
        channel=ChannelConfig(sizes=(32, 48, 64, 80, 96, 128)),
        frames=2,
        steps=3000,
        generator_optimizer=Optimizer("adam", 2e-4, beta_1=0.5),
        critic_optimizer=Optimizer("adam", 4e-4, beta_1=0.5),
        checkpoint_every=200,
    ),
)

# The paper's losses, weights and critic steps, at a width for two CPU cores: about a second per generator step on an
# EPYC without AVX-512, so 40,000 steps take half a day (docs/training-log.md).
PAPER_CPU = Config(
    classifier=ClassifierConfig(optimizer=Optimizer("adam", 1e-3, cosine=True), augment=True, steps=12_000),
    adversarial=AdversarialConfig(
        width=8,
        critic_width=8,
        subjects=2,
        frames=2,
        channel=ChannelConfig(sizes=(24, 40, 64, 128)),
        steps=40_000,
        generator_optimizer=Optimizer("adam", 2e-4, beta_1=0.5),
        critic_optimizer=Optimizer("adam", 4e-4, beta_1=0.5),
        checkpoint_every=250,
    ),
)

# The paper's losses, weights and critic steps, for ten minutes of one accelerator (benchmarks/accelerator.py): a step
# is 128 heads and 4.7 TFLOP.
ACCELERATOR = Config(
    classifier=ClassifierConfig(
        batch_pairs=256, optimizer=Optimizer("adam", 1e-3, cosine=True), augment=True, steps=6000, checkpoint_every=200
    ),
    adversarial=AdversarialConfig(
        width=32,
        critic_width=32,
        subjects=32,
        frames=2,
        channel=ChannelConfig(sizes=SIZES),
        generator_optimizer=Optimizer("adam", 2e-4, beta_1=0.5),
        critic_optimizer=Optimizer("adam", 4e-4, beta_1=0.5),
        checkpoint_every=20,
    ),
)

# Seconds, for tests: every part runs, and the networks learn next to nothing.
SMOKE = Config(
    classifier=ClassifierConfig(
        batch_pairs=8, steps=4, checkpoint_every=2, optimizer=Optimizer("adam", 1e-3), augment=True
    ),
    adversarial=AdversarialConfig(
        width=4,
        critic_width=4,
        subjects=2,
        frames=2,
        critic_steps=1,
        channel=ChannelConfig(sizes=(24, 80)),
        steps=4,
        checkpoint_every=2,
        generator_optimizer=Optimizer("adam", 1e-3),
    ),
)

BY_NAME = {
    "paper": PAPER,
    "released-code": RELEASED_CODE,
    "paper-cpu": PAPER_CPU,
    "accelerator": ACCELERATOR,
    "small": SMALL,
    "smoke": SMOKE,
}

TWIN = TwinConfig()

# Learning from twins: what two CPU cores train in an hour (docs/training-log.md), the same for lossy files, larger
# heads, and seconds for tests.
TWINS_BY_NAME = {
    "twin": TWIN,
    "twin-robust": replace(
        TWIN, strength=0.06, channel=replace(TWIN.channel, damages=ROBUST.damages, ramp=1000), hiding_steps=4000
    ),
    "twin-256": TwinConfig(  # Fig. 15; a step costs about as much as one of "twin"
        size=256,
        width=16,
        critic_width=8,
        batch=8,
        steps=1000,
        sharpening_steps=250,
        hiding_steps=1000,
        channel=ChannelConfig(sizes=(96, 128, 160, 192, 224, 256, 288, 320)),
        # after so few steps a longer average would still contain a share of the initial weights
        optimizer=Optimizer("adam", 1e-3, beta_1=0.9, cosine=True, average=0.99),
    ),
    "smoke": TwinConfig(
        width=4,
        critic_width=4,
        batch=4,
        steps=4,
        sharpening_steps=2,
        hiding_steps=4,
        channel=ChannelConfig(sizes=(24, 80)),
        precision="float32",
        checkpoint_every=2,
    ),
}
