"""Drawing heads without seeing them, beyond the paper: every number of the reader and of the generator."""

from dataclasses import dataclass
from typing import Any

from uunet.config.learning import ConfigError, Optimizer, check_steps


@dataclass(frozen=True)
class ReaderConfig:
    """What the generator is told of a head, beyond the paper: the reader (`models.generator`)."""

    size: int = 64  # pixels, side of every network input
    width: int = 24  # kernels of the first level
    batch: int = 64  # heads
    steps: int = 5000
    optimizer: Optimizer = Optimizer("adam", 1e-3, cosine=True)
    checkpoint_every: int = 250  # steps; also the interval of a CSV row
    seed: int = 0

    def __post_init__(self) -> None:
        check_steps("steps", self.steps, self.checkpoint_every)


@dataclass(frozen=True)
class IdentityTerms:
    """What a frozen D_a should say of drawn heads (`training.identity`): weights, and how far they reach."""

    far: float = 0.5  # weight of "a is somebody else than x", Eq. 9 with s = -1 for the ID
    labels: float = 0.25  # of "a has the labels asked for", Eq. 9 for the other labels
    same: float = 0.5  # of "one code is one person", Eq. 10
    apart: float = 0.5  # of "another code is another person", Eq. 11
    sure: float = 0.6  # a term has no gradient where D_a gives what is wanted this probability
    heads: int = 8  # of a batch that D_a sees

    def __post_init__(self) -> None:
        if not 0.5 <= self.sure <= 1:
            raise ConfigError(f"sure, a probability that D_a should reach, is 0.5 to 1; got {self.sure}.")


@dataclass(frozen=True)
class GeneratorConfig:
    """Drawing a head without seeing it, beyond the paper: the generator and its critic (`models.generator`)."""

    size: int = 64  # pixels, side of every network input
    widths: tuple[int, ...] = (32, 64, 128, 192)  # kernels of the generator at 1/2, 1/4, 1/8, 1/16 of the side
    critic_widths: tuple[int, ...] = (32, 64, 128, 192)
    codes: int = 64  # length of z
    outer: int = 0  # kernels of a level put around networks of half the size; 0: there is none
    other_labels: float = 0.0  # probability that the labels asked for are those of another head, not x's
    identity: IdentityTerms | None = None  # None: there is no D_a
    unknown: float = 0.1  # probability that a known label is not told
    batch: int = 32  # heads
    penalised: int = 4  # heads of a batch at which the critic's gradient is measured
    penalty_weight: float = 0.2  # of the squared length of that gradient
    pull: float = 20.0  # weight of the distance to x in the first step
    pull_end: float = 1.5  # what it falls to: without any, colours drift until the critic knows all drawings
    pull_steps: int = 3_000  # until then
    steps: int = 62_500  # 2 million heads
    generator_optimizer: Optimizer = Optimizer("adam", 3e-4, beta_1=0.0, average=0.998)
    critic_optimizer: Optimizer = Optimizer("adam", 3e-4, beta_1=0.0)
    xla: bool = True  # whether TensorFlow compiles the step with XLA: half a minute once, then steps of half the time
    checkpoint_every: int = 250  # steps; also the interval of a CSV row and a sample sheet
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.penalised <= self.batch:
            raise ConfigError(f"penalised is 1 to batch = {self.batch}; got {self.penalised}.")
        if self.identity is not None and not 2 <= self.identity.heads <= self.batch:
            raise ConfigError(f"identity.heads is 2 to batch = {self.batch}; got {self.identity.heads}.")
        if not 0 <= self.other_labels <= 1:
            raise ConfigError(f"other_labels, a probability, is 0 to 1; got {self.other_labels}.")
        check_steps("steps", self.steps, self.checkpoint_every)


def generator_config(settings: dict) -> GeneratorConfig:
    """The GeneratorConfig whose `dataclasses.asdict` went through JSON; what is missing has its default."""
    made: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    for name in ("generator_optimizer", "critic_optimizer"):
        made[name] = Optimizer(**made[name])
    if made.get("identity") is not None:
        made["identity"] = IdentityTerms(**made["identity"])
    return GeneratorConfig(**made)


# Drawing without seeing: what two CPU cores train in half a day (docs/training-log.md), and seconds for tests.
READERS_BY_NAME = {"reader": ReaderConfig(), "smoke": ReaderConfig(width=4, batch=8, steps=4, checkpoint_every=2)}
GENERATORS_BY_NAME = {
    "generator": GeneratorConfig(),
    # one person per code, with the labels asked for: goes on from a run of "generator"; then the same at 128 pixels
    "people": GeneratorConfig(pull=1.5, other_labels=0.5, identity=IdentityTerms()),
    "people-128": GeneratorConfig(size=128, outer=32, pull=1.5, other_labels=0.5, identity=IdentityTerms()),
    "accelerator": GeneratorConfig(batch=128, penalised=16, steps=50_000, checkpoint_every=100),
    "accelerator-people": GeneratorConfig(
        batch=128,
        penalised=16,
        steps=50_000,
        checkpoint_every=100,
        pull=1.5,
        other_labels=0.5,
        identity=IdentityTerms(heads=32),
    ),
    "smoke": GeneratorConfig(
        widths=(4, 4, 8), critic_widths=(4, 4, 8), batch=4, penalised=2, xla=False, steps=4, checkpoint_every=2
    ),
}
