"""Drawing a head without seeing it, beyond the paper: the generator learns from a critic alone (`models.generator`).

The critic compares each head x with what was drawn in its place. Its loss is relativistic [Jolicoeur-Martineau 2018;
R3GAN 2024], its gradient is held small at both [Mescheder 2018], and it sees both through the same random changes
[DiffAugment 2020]. In the first steps the distance to x helps. The weights that are kept are a moving average.
"""

import dataclasses
import functools
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from uunet import data, models
from uunet.config import GeneratorConfig, generator_config
from uunet.models import files
from uunet.models.generator import FOLD
from uunet.pixels import Tensor
from uunet.training import callbacks, checkpoints, identity, provenance
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
    inputs = {"image": batch["image"], "numbers": batch["numbers"], "labels": _asked(batch), "code": code}
    return generator(inputs, training=True)


def _asked(batch):
    """The labels that a should have: x's, unless the batch has others."""
    return batch.get("asked", batch["labels"])


def critic_objective(
    generator: keras.Model, critic: keras.Model, config: GeneratorConfig, batch: dict, input_gradient: Callable
) -> tuple[Tensor, dict]:
    """The critic's turn: heads should score above what is drawn in their place, and its gradient should be small.

        L = L_relativistic(x, a) + penalty_weight (L_penalty(x) + L_penalty(a))

    x is judged by its own labels, a by those asked for. x and a are compared pair by pair, because they share the
    surroundings, the numbers and the random changes; what the critic thinks of the labels alone is the same on average.

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
    own, asked = batch["labels"], _asked(batch)
    both = {"numbers": ops.tile(numbers, (2, 1)), "labels": ops.concatenate([own, asked])}
    real, drawn = ops.split(critic({"image": ops.concatenate([x, a])} | both, training=True), 2)
    some = config.penalised
    few = {
        "numbers": ops.concatenate([numbers[:some]] * 2),
        "labels": ops.concatenate([own[:some], asked[:some]]),
    }

    def score(image, training):
        return ops.reshape(critic({"image": image} | few, training=training), (-1, 1, 1, 1))

    # over x and a together, the mean is half of the sum of the two penalties
    penalty = 2 * zero_centred_penalty(input_gradient(score, ops.concatenate([x[:some], a[:some]])))
    loss = relativistic_loss(real, drawn)
    terms = {"critic": loss, "penalty": penalty, "real": ops.mean(real), "drawn": ops.mean(drawn)}
    return loss + config.penalty_weight * penalty, terms


def generator_objective(
    generator: keras.Model,
    critic: keras.Model,
    config: GeneratorConfig,
    batch: dict,
    classifier: identity.Classifier | None = None,
) -> tuple[Tensor, dict]:
    """The generator's turn: what is drawn should score above the heads.

        L = L_relativistic(a, x) + pull E[ |a - x| ] [+ L of `identity.identity_objective`]

    In the first steps the critic cannot say yet what is wrong with a picture: the distance to x pulls all that is drawn
    towards the mean of heads in such surroundings. Its weight `pull` falls, because a mean is a blur; a little of it
    stays, because colours drift without it.

    Args:
        generator, critic, config, batch: as in `critic_objective`.
        classifier: identity.Classifier if `config.identity` has weights for it.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    code, change = _turn(batch, 1)
    whole = _drawn(generator, batch, code)
    x, numbers = augment(batch["image"], batch["numbers"], change)
    distance = ops.mean(batch["pull"][:, None, None, None] * ops.abs(whole - batch["image"]))
    a, _ = augment(whole, batch["numbers"], change)
    real, drawn = (
        critic({"image": image, "numbers": numbers, "labels": labels}, training=True)
        for image, labels in ((x, batch["labels"]), (a, _asked(batch)))
    )
    loss = relativistic_loss(drawn, ops.stop_gradient(real))
    terms = {"generator": loss, "pull": distance}
    loss = loss + distance
    weights = config.identity
    if classifier is not None and weights is not None:
        some = {name: value[: weights.heads] for name, value in batch.items()}
        seen = _compared(generator, some, whole[: weights.heads], change[: weights.heads])
        some["asked"] = _asked(some)
        further, found = identity.identity_objective(classifier, weights, seen, some)
        loss, terms = loss + further, terms | found
    return loss, terms


def _compared(generator, batch, a, change):
    """x, a and what is drawn for the partners, as D_a sees them: a is changed in one way, the others in another."""
    partner = {"image": batch["partner_image"], "numbers": batch["partner_numbers"], "labels": _asked(batch)}
    other = generator(partner | {"code": batch["partner_code"]}, training=True)
    change = identity.without_square(change)
    numbers, again = batch["numbers"], ops.roll(change, 1, axis=0)
    return tuple(augment(one, numbers, way)[0] for one, way in ((batch["image"], again), (a, change), (other, again)))


def build_networks(config: GeneratorConfig) -> tuple[keras.Model, keras.Model]:
    """The generator and its critic, untrained."""
    generator = models.head_generator(**generator_arguments(config))
    kernel = generator.get_layer("output").kernel  # no grid of 2 x 2 pixels to unlearn [Aitken et al. 2017]
    kernel.assign(np.tile(np.asarray(kernel.value)[..., :3], FOLD**2))
    return generator, models.head_critic(size=config.size, widths=config.critic_widths, outer=config.outer)


def generator_arguments(config: GeneratorConfig) -> dict:
    """The arguments of `models.head_generator` for a `config.GeneratorConfig`."""
    arguments = {"size": config.size, "widths": list(config.widths), "codes": config.codes}
    return arguments | ({"outer": config.outer} if config.outer else {})


def build_trainer(
    generator: keras.Model,
    critic: keras.Model,
    config: GeneratorConfig,
    classifier: identity.Classifier | None = None,
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
        yield training.Update(
            lambda: generator_objective(generator, critic, config, batch, classifier), variables, optimizer
        )

    frozen, further = ((), ()) if classifier is None else ((classifier.network,), identity.TERMS)
    trainer = backend.Trainer(
        [generator, critic, *frozen],
        # at the end of `fit`, Keras replaces all weights by the averages of the first optimiser, if it has some
        [(critic_optimizer, critic_variables), (optimizer, variables)],
        updates,
        terms=("critic", "penalty", "real", "drawn", "generator", "pull", *further),
        xla=config.xla,
    )
    return trainer, optimizer


class Files(NamedTuple):
    """The networks that training begins with."""

    reader: Path | str  # the reader's file (`training.reader`)
    classifier: Path | str | None = None  # D_a's file, if and only if `config.identity` has weights for it
    start: Path | str | None = None  # folder of another run to start from, see `start_from`; None for random weights


def train(
    config: GeneratorConfig,
    networks: Files,
    folder: Path | str,
    out: Path,
    *,
    minutes: float | None = None,
    verbose: str | int = "auto",
) -> training.Progress:
    """Trains the generator and its critic, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.GeneratorConfig.
        networks: Files.
        folder: prepared data set (`uunet.data`); labels may be unknown.
        out: Path of the run; receives `checkpoint.npz`, `log.csv`, and at every checkpoint `generator.safetensors`,
            the average of the weights, and a sample sheet in `sheets/`.
        minutes: float, time after which training stops at a checkpoint; None: at `config.steps`.
        verbose: of `keras.Model.fit`.

    Returns:
        `trainer.Progress`.

    Raises:
        WeightsError: if the reader is another network, or D_a does not fit.
        ConfigError: if there is a D_a that the configuration does not use, or none that it needs.
        CheckpointError: if the run to start from is none, or one of other networks.
    """
    begin = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change during the training
    d_a = identity.load(networks.classifier, config)
    keras.utils.set_random_seed(config.seed)
    heads, validation = (data.load(folder, split, size=config.size) for split in ("train", "validation"))
    reads = reading.load(networks.reader)
    told = reading.told(reads, heads)
    read = {"reader": networks.reader} | ({"classifier": networks.classifier} if networks.classifier else {})
    inputs = {f"{name}_sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest() for name, path in read.items()}
    inputs["data_sha256"] = heads.sha256
    generator, critic = build_networks(config)
    trainer, optimizer = build_trainer(generator, critic, config, d_a)
    if networks.start is not None:
        inputs["start_sha256"] = start_from(networks.start, (generator, critic), optimizer, config)

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


def start_from(
    folder: Path | str,
    networks: tuple[keras.Model, keras.Model],
    optimizer: keras.optimizers.Optimizer,
    config: GeneratorConfig,
) -> str:
    """Gives a generator and its critic the weights of another run, and the optimiser the moving average.

    Its networks must have the same widths, and the same size, or half the size and no outer level. A new outer level
    stays as it is.

    Args:
        folder: of the run, with `checkpoint.npz`.
        networks: generator and critic.
        optimizer: the generator's, from `build_trainer`; no step was made with it.
        config: config.GeneratorConfig of these networks.

    Returns:
        sha256 of the checkpoint.

    Raises:
        CheckpointError: if there is no such checkpoint, or its networks do not fit.
    """
    path = Path(folder) / "checkpoint.npz"
    if not path.is_file():
        raise checkpoints.CheckpointError(f"{folder} holds no run (checkpoint.npz): name one of `train-generator`.")
    stored = checkpoints.read(path)
    try:
        earlier = dataclasses.replace(generator_config(stored.run["config"]), identity=None)
    except (KeyError, TypeError) as error:
        says = f"{path} is of another kind of training ({error}): name a run of `train-generator`."
        raise checkpoints.CheckpointError(says) from error
    old = build_networks(earlier)
    odd = [name for pair in zip(networks, old, strict=True) for name in _odd(*pair)]
    if odd or config.size != earlier.size * (2 if config.outer and not earlier.outer else 1):
        raise checkpoints.CheckpointError(
            f"{path} has networks of {earlier.size} pixels, which do not fit{f' (at {odd[0]})' if odd else ''}: start "
            "from a run of the same widths and size, or, with an outer level, of half the size."
        )
    trainer, averaging = build_trainer(*old, earlier)
    for k, variable in enumerate(trainer.variables):  # the first of `trainer.state()`, with D_a or without
        variable.assign(stored.values[f"v{k}"])
    for new, one in zip(networks, old, strict=True):
        values = {variable.path: np.array(variable.value) for variable in one.variables}
        for variable in new.variables:
            variable.assign(values.get(variable.path, variable.value))
    averaging.finalize_variable_values(old[0].trainable_variables)
    average = {variable.path: np.array(variable.value) for variable in old[0].trainable_variables}
    averages = [variable for variable in optimizer.variables if variable.path.endswith("_average")]
    for variable, kept in zip(networks[0].trainable_variables, averages, strict=bool(averages)):
        kept.assign(average.get(variable.path, np.array(variable.value)))
    optimizer.iterations.assign(1)  # at step 0 Keras would begin the average again
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _odd(network, old):
    """Variables of two networks that do not fit, but those of an outer level that is new."""
    shapes, stored = ({one.path: tuple(one.shape) for one in of.variables} for of in (network, old))
    added = {name for name in shapes if name not in stored and name.startswith("outer_")}
    return sorted(name for name, _ in shapes.items() ^ stored.items() if name not in added)


def save(generator: keras.Model, config: GeneratorConfig, out: Path, record: dict) -> None:
    """Writes `generator.safetensors` into the folder `out`, with this provenance."""
    files.save(
        generator,
        out / "generator.safetensors",
        builder="head_generator",
        arguments=generator_arguments(config),
        provenance=record,
    )
