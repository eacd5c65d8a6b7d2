"""Drawing a head without seeing it, beyond the paper: the generator learns from a critic alone (`models.generator`).

The critic compares each head x with what was drawn in its place. Its loss is relativistic [Jolicoeur-Martineau 2018;
R3GAN 2024], its gradient is held small at both [Mescheder 2018], and it sees both through the same random changes
[DiffAugment 2020]. In the first steps the distance to x helps. The weights that are kept are a moving average.
"""

import functools
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import ops

from uunet import data, models
from uunet.config import GeneratorConfig
from uunet.models import files
from uunet.models.generator import FOLD
from uunet.pixels import Tensor
from uunet.training import callbacks, provenance
from uunet.training import reader as reading
from uunet.training import trainer as training

SHIFT = 1 / 16  # of the side, the largest shift of a picture that the critic sees
HOLE = 1 / 4  # of the side, the side of the square that it does not see


def relativistic_loss(better: Tensor, worse: Tensor) -> Tensor:
    """How much `worse` scores above `better`, pair by pair.

        L = E[ log(1 + exp(D(worse) - D(better))) ]

    The critic minimises it with x for `better` and a for `worse`, the generator with a for `better` and x for `worse`.

    Args:
        better, worse: float32 `(B, 1)`, scores of the critic.

    Returns:
        Scalar float32, unitless.
    """
    # L = E[ log(1 + exp(D(worse) - D(better))) ]
    return ops.mean(ops.softplus(worse - better))


def zero_centred_penalty(gradients: Tensor) -> Tensor:
    """The squared length of the critic's gradient, R1 of real pictures and R2 of drawn ones.

        L = E[ |grad D|^2 ], summed over pixels and channels

    Args:
        gradients: float32 `(B, H, W, 3)`, of each picture's score with respect to its pixels.

    Returns:
        Scalar float32, score^2 per squared unit of pixel value.
    """
    # L = E[ |grad D|^2 ]
    return ops.mean(ops.sum(ops.square(gradients), axis=(1, 2, 3)))


def augment(image: Tensor, numbers: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
    """What the critic sees: brightness, contrast, saturation and place changed, a square blanked out, all at random.

    Args:
        image: float32 `(B, S, S, 3)` in [0, 1].
        numbers: float32 `(B, 9)`, `models.generator.NUMBERS`.
        change: float32 `(B, 7)` in [0, 1): which brightness, contrast, saturation, shift (2), place of the square (2).

    Returns:
        float32 `(B, S, S, 3)`, not clipped; the numbers of the shifted pictures.
    """
    size = image.shape[1]
    brightness, contrast, saturation = (change[:, k, None, None, None] for k in range(3))
    grey = ops.mean(image, axis=-1, keepdims=True)
    image = grey + (0.5 + saturation) * (image - grey)
    mean = ops.mean(image, axis=(1, 2, 3), keepdims=True)
    image = mean + (0.7 + 0.6 * contrast) * (image - mean) + 0.3 * (brightness - 0.5)
    reach = round(SHIFT * size)
    shift = ops.floor(change[:, 3:5] * (2 * reach + 1)) - reach  # (B, 2): pixels right and down
    places = ops.convert_to_tensor(np.arange(size, dtype=np.float32))
    columns, rows = (  # (B, S, S): which pixel each is taken from; edges are repeated
        ops.one_hot(ops.cast(ops.clip(places - shift[:, k, None], 0, size - 1), "int32"), size, dtype=image.dtype)
        for k in (0, 1)
    )
    image = ops.reshape(ops.matmul(rows, ops.reshape(image, (-1, size, size * 3))), (-1, size, size, 3))
    image = ops.transpose(image, (0, 2, 1, 3))
    image = ops.reshape(ops.matmul(columns, ops.reshape(image, (-1, size, size * 3))), (-1, size, size, 3))
    image = ops.transpose(image, (0, 2, 1, 3))
    inside = [  # (B, S) each: whether the square covers this column, this row
        ops.cast(ops.abs(places - change[:, k, None] * size) < HOLE * size / 2, image.dtype) for k in (5, 6)
    ]
    image = image * (1 - inside[1][:, :, None] * inside[0][:, None])[..., None]
    return image, ops.concatenate([numbers[:, :2] + shift / size, numbers[:, 2:]], axis=-1)


def _turn(batch, k):
    """The code and the changes of the critic's turn (0) or the generator's (1)."""
    return tuple(ops.split(batch[name], 2, axis=-1)[k] for name in ("code", "change"))


def _drawn(generator, batch, code):
    return generator({name: batch[name] for name in ("image", "numbers", "labels")} | {"code": code}, training=True)


def critic_objective(
    generator: keras.Model, critic: keras.Model, config: GeneratorConfig, batch: dict, input_gradient: Callable
) -> tuple[Tensor, dict]:
    """The critic's turn: heads should score above what is drawn in their place, and its gradient should be small.

        L = L_relativistic(x, a) + penalty_weight (L_penalty(x) + L_penalty(a))

    Args:
        generator, critic: `models.head_generator`, `models.head_critic`.
        config: config.GeneratorConfig. The penalty is measured at the first `penalised` heads: an estimate as good as
            that of all heads at every n-th step, and no step differs from the others.
        batch: dict as `data.generation_batch` makes it.
        input_gradient: of a backend's training module.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    code, change = _turn(batch, 0)
    a = ops.stop_gradient(_drawn(generator, batch, code))
    x, numbers = augment(batch["image"], batch["numbers"], change)
    a, _ = augment(a, batch["numbers"], change)
    both = {"numbers": ops.tile(numbers, (2, 1)), "labels": ops.tile(batch["labels"], (2, 1))}
    real, drawn = ops.split(critic({"image": ops.concatenate([x, a])} | both, training=True), 2)
    some = config.penalised
    few = {
        name: ops.concatenate([part[:some]] * 2) for name, part in (("numbers", numbers), ("labels", batch["labels"]))
    }

    def score(image, training):
        return ops.reshape(critic({"image": image} | few, training=training), (-1, 1, 1, 1))

    # over x and a together, the mean is half of the sum of the two penalties
    penalty = 2 * zero_centred_penalty(input_gradient(score, ops.concatenate([x[:some], a[:some]])))
    loss = relativistic_loss(real, drawn)
    terms = {"critic": loss, "penalty": penalty, "real": ops.mean(real), "drawn": ops.mean(drawn)}
    return loss + config.penalty_weight * penalty, terms


def generator_objective(generator: keras.Model, critic: keras.Model, batch: dict) -> tuple[Tensor, dict]:
    """The generator's turn: what is drawn should score above the heads.

        L = L_relativistic(a, x) + pull E[ |a - x| ]

    In the first steps the critic cannot say yet what is wrong with a picture: the distance to x pulls all that is drawn
    towards the mean of heads in such surroundings. Its weight `pull` falls to 0, because a mean is a blur.

    Args:
        generator, critic, batch: as in `critic_objective`.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    code, change = _turn(batch, 1)
    x, numbers = augment(batch["image"], batch["numbers"], change)
    whole = _drawn(generator, batch, code)
    distance = ops.mean(batch["pull"][:, None, None, None] * ops.abs(whole - batch["image"]))
    a, _ = augment(whole, batch["numbers"], change)
    asked = {"numbers": numbers, "labels": batch["labels"]}
    real, drawn = (critic({"image": image} | asked, training=True) for image in (x, a))
    loss = relativistic_loss(drawn, ops.stop_gradient(real))
    return loss + distance, {"generator": loss, "pull": distance}


def build_networks(config: GeneratorConfig) -> tuple[keras.Model, keras.Model]:
    """The generator and its critic, untrained."""
    generator = models.head_generator(**generator_arguments(config))
    kernel = generator.get_layer("output").kernel  # no grid of 2 x 2 pixels to unlearn [Aitken et al. 2017]
    kernel.assign(np.tile(np.asarray(kernel.value)[..., :3], FOLD**2))
    return generator, models.head_critic(size=config.size, widths=config.critic_widths)


def generator_arguments(config: GeneratorConfig) -> dict:
    """The arguments of `models.head_generator` for a `config.GeneratorConfig`."""
    return {"size": config.size, "widths": list(config.widths), "codes": config.codes}


def build_trainer(
    generator: keras.Model, critic: keras.Model, config: GeneratorConfig
) -> tuple[training.Trainer, keras.optimizers.Optimizer]:
    """A Trainer of the running backend whose step is the critic's turn, then the generator's.

    Returns:
        The trainer; and the generator's optimiser, which holds the moving average of its weights.
    """
    backend = training.backend_trainer()
    optimizer = training.build_optimizer(config.generator_optimizer, config.steps)
    critic_optimizer = training.build_optimizer(config.critic_optimizer, config.steps)
    variables, critic_variables = generator.trainable_variables, critic.trainable_variables

    def updates(batch):
        yield training.Update(
            lambda: critic_objective(generator, critic, config, batch, backend.input_gradient),
            critic_variables,
            critic_optimizer,
        )
        yield training.Update(lambda: generator_objective(generator, critic, batch), variables, optimizer)

    trainer = backend.Trainer(
        [generator, critic],
        # at the end of `fit`, Keras replaces all weights by the averages of the first optimiser, if it has some
        [(critic_optimizer, critic_variables), (optimizer, variables)],
        updates,
        terms=("critic", "penalty", "real", "drawn", "generator", "pull"),
        xla=config.xla,
    )
    return trainer, optimizer


def train(
    config: GeneratorConfig,
    reader: Path | str,
    folder: Path | str,
    out: Path,
    *,
    minutes: float | None = None,
    verbose: str | int = "auto",
) -> training.Progress:
    """Trains the generator and its critic, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.GeneratorConfig.
        reader: Path of the reader's file (`training.reader`).
        folder: prepared data set (`uunet.data`); labels may be unknown.
        out: Path of the run; receives `checkpoint.npz`, `log.csv`, and at every checkpoint `generator.safetensors`,
            the average of the weights, and a sample sheet in `sheets/`.
        minutes: float, time after which training stops at a checkpoint; None: at `config.steps`.
        verbose: of `keras.Model.fit`.

    Returns:
        `trainer.Progress`.

    Raises:
        WeightsError: if `reader` is not a reader's file.
    """
    begin = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change during the training
    keras.utils.set_random_seed(config.seed)
    heads, validation = (data.load(folder, split, size=config.size) for split in ("train", "validation"))
    reads = reading.load(reader)
    told = reading.told(reads, heads)
    inputs = {"data_sha256": heads.sha256, "reader_sha256": hashlib.sha256(Path(reader).read_bytes()).hexdigest()}
    generator, critic = build_networks(config)
    trainer, optimizer = build_trainer(generator, critic, config)

    def write(step):
        record = provenance.record(config, inputs, steps=step, seconds=time.monotonic() - begin)
        save(generator, config, out, record | {"seconds_of": "the last command"})

    sheets = callbacks.GeneratorSheet(
        out / "sheets", (generator, optimizer), validation, functools.partial(reading.told, reads), config, write
    )
    return training.fit(
        trainer,
        lambda step: data.generation_batch(heads, told, config, step),
        config,
        training.Run(out, inputs, minutes, verbose),
        images=config.batch,
        further=[sheets],
    )


def save(generator: keras.Model, config: GeneratorConfig, out: Path, record: dict) -> None:
    """Writes `generator.safetensors` into the folder `out`, with this provenance."""
    files.save(
        generator,
        out / "generator.safetensors",
        builder="head_generator",
        arguments=generator_arguments(config),
        provenance=record,
    )
