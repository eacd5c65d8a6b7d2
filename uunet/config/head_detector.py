"""Training of the head detector, beyond the paper (`models.head_detector`)."""

from dataclasses import dataclass

from uunet.config.learning import ConfigError, Optimizer


@dataclass(frozen=True)
class HeadDetectorConfig:
    """How the head detector is trained."""

    width: int = 16  # kernels of the first convolution
    size: int = 256  # pixels, side of the crops, a multiple of 32
    batch: int = 16  # crops
    box: float = 1.0  # weight of the absolute errors of log sizes
    offset: float = 1.0  # of those of offsets, in cells
    steps: int = 12_000
    optimizer: Optimizer = Optimizer("adam", 1e-3, cosine=True)
    checkpoint_every: int = 250  # steps; also the interval of a CSV row and a sample sheet
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size % 32 or self.size < 32:
            raise ConfigError(f"size, the side of the crops, is a multiple of 32; got {self.size}.")
        if self.steps < 1 or self.steps % self.checkpoint_every:
            raise ConfigError(
                f"A checkpoint is made every {self.checkpoint_every} steps, and steps must be a multiple of that "
                f"(checkpoint_every); got {self.steps}."
            )


HEAD_DETECTORS_BY_NAME = {
    "heads": HeadDetectorConfig(),
    "heads-narrow": HeadDetectorConfig(width=12),  # 0.6 times the operations
    "smoke": HeadDetectorConfig(width=4, size=64, batch=4, steps=4, checkpoint_every=2),
}
