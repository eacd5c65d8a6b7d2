"""Learning from twins, beyond the paper: U_e is trained on paired targets, the same frames with another person in them.

There are three stages (`models.twin`). Generation: U_e learns to generate the twin. Refinement: a critic joins, and the
generated twins become sharper. Embedding: the generated twin stays fixed, U_e learns to embed x in it, and U_d to
reconstruct x. The critic costs more than all the rest, so it comes late.

The folders of a run, the fields of the configuration and the options of the command line call the stages `drawing`,
`sharpening` and `hiding`.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras

from uunet import data, models
from uunet.channel import simulation
from uunet.config import ConfigError, TwinConfig
from uunet.models import files, twin
from uunet.training import callbacks, objective, provenance
from uunet.training import trainer as training


def generation_trainer(encoder: keras.Model, config: TwinConfig) -> training.Trainer:
    """A Trainer of the running backend whose step is `objective.generation_objective` once, without a critic."""
    backend = training.backend_trainer()
    roi = _roi(config, backend)
    optimizer = training.build_optimizer(config.optimizer, config.steps)
    _train_generation(encoder)
    variables = encoder.trainable_variables

    def updates(batch):
        yield training.Update(
            lambda: objective.generation_objective(encoder, None, roi, config, batch), variables, optimizer
        )

    return backend.Trainer([encoder], [(optimizer, variables)], updates, terms=("twin", "mask", "place", "read"))


def refinement_trainer(encoder: keras.Model, config: TwinConfig) -> training.Trainer:
    """A Trainer of the running backend whose step is the critic's turn, then `objective.generation_objective` once."""
    backend = training.backend_trainer()
    roi = _roi(config, backend)
    critic = models.patch_critic(size=config.size, width=config.critic_width)
    slower = dataclasses.replace(config.optimizer, learning_rate=config.optimizer.learning_rate / 4)
    optimizer = training.build_optimizer(slower, config.sharpening_steps)
    critic_optimizer = training.build_optimizer(config.critic_optimizer)
    _train_generation(encoder)
    variables = encoder.trainable_variables

    def updates(batch):
        yield training.Update(
            lambda: objective.generation_critic_objective(encoder, critic, roi, config, batch, backend.input_gradient),
            critic.trainable_variables,
            critic_optimizer,
        )
        yield training.Update(
            lambda: objective.generation_objective(encoder, critic, roi, config, batch), variables, optimizer
        )

    return backend.Trainer(
        [encoder, critic],
        [(optimizer, variables), (critic_optimizer, critic.trainable_variables)],
        updates,
        terms=("critic", "penalty", "twin", "mask", "place", "read", "adv"),
    )


def embedding_trainer(encoder: keras.Model, decoder: keras.Model, config: TwinConfig) -> training.Trainer:
    """A Trainer of the running backend whose step is `objective.embedding_objective` once."""
    backend = training.backend_trainer()
    roi = _roi(config, backend)
    through = backend.together(simulation.Channel(config.channel, config.size, config.batch, backend.outside))
    optimizer = training.build_optimizer(config.optimizer, config.hiding_steps, clip=config.clip)
    _train_embedding(encoder)
    variables = encoder.trainable_variables + decoder.trainable_variables

    def updates(batch):
        yield training.Update(
            lambda: objective.embedding_objective(encoder, decoder, roi, through, config, batch), variables, optimizer
        )

    return backend.Trainer([encoder, decoder], [(optimizer, variables)], updates, terms=("mse", "leak"))


def _roi(config, backend):
    undegraded = dataclasses.replace(config.channel, damages=())
    return backend.together(simulation.Channel(undegraded, config.size, config.batch, backend.outside))


def _train_generation(encoder):
    """Freezes the layers of U_e that embed: Keras averages every layer that is not frozen."""
    embedding = _embedding_layers(encoder.parts)
    encoder.read.trainable = True
    for layer in encoder.parts.layers:
        layer.trainable = layer not in embedding


def _train_embedding(encoder):
    """Freezes all layers of U_e but those that embed."""
    embedding = _embedding_layers(encoder.parts)
    encoder.read.trainable = False
    for layer in encoder.parts.layers:
        layer.trainable = layer in embedding


def _embedding_layers(parts):
    """The layers of H in `models.twin`: those that a needs beyond t, n, o and the places of landmarks."""
    generated = [output for name, output in parts.output.items() if name != "a"]
    generation = keras.Model(parts.inputs, generated).layers
    return [layer for layer in parts.layers if layer not in generation]


class Stage(NamedTuple):
    """One stage of learning from twins."""

    folder: str  # of the run
    steps: int
    build: Callable  # () -> trainer
    batch: Callable  # step -> dict


def train(
    config: TwinConfig,
    folder: Path | str,
    out: Path,
    *,
    start: Path | None = None,
    minutes: float | None = None,
    verbose: str | int = "auto",
) -> training.Progress:
    """Trains U_e and U_d on heads and their twins, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.TwinConfig; a stage of 0 steps is left out.
        folder: prepared data set; for the first two stages with twins in train, of any values of s. All are used.
        out: Path of the run; receives `encoder.safetensors`, `decoder.safetensors`, and for each stage, `drawing`,
            `sharpening` and `hiding`, a folder with `checkpoint.npz`, `log.csv` and `sheets/`.
        start: Path of a folder with weights to start from, of the same width; None for random ones.
        minutes: float, time after which training stops at a checkpoint, and no weights are written; None: at the end.
        verbose: of `keras.Model.fit`.

    Returns:
        `trainer.Progress` of all stages together.

    Raises:
        ConfigError: if no stage would train generation, and there are no weights to start from.
    """
    if not config.steps and start is None:
        raise ConfigError("A run without drawing steps needs trained weights to start from: name them with --start.")
    provenance.commit()  # remembered from here on: the checkout may change during the training
    keras.utils.set_random_seed(config.seed)
    needs_twins = config.steps or config.sharpening_steps
    heads = data.load(folder, "train", size=config.size, columns=("parse", "landmarks") if needs_twins else ())
    validation = data.load(folder, "validation", size=config.size)
    inputs = {"data_sha256": heads.sha256}
    twins = data.load_all_twins(folder, heads) if needs_twins else None
    if twins is not None:
        inputs["twins_sha256"] = twins.sha256()
    encoder, decoder, hashes = _networks(config, start)
    inputs |= hashes

    def twin_batch(step):
        assert twins is not None  # only stages that need twins call this
        return data.twin_batch(heads, twins, config, step)

    def embedding_batch(step):
        return data.embedding_batch(heads, twin.PEOPLE, config, step)

    stages = (
        Stage("drawing", config.steps, lambda: generation_trainer(encoder, config), twin_batch),
        Stage("sharpening", config.sharpening_steps, lambda: refinement_trainer(encoder, config), twin_batch),
        Stage("hiding", config.hiding_steps, lambda: embedding_trainer(encoder, decoder, config), embedding_batch),
    )
    run = training.Run(out, inputs, minutes, verbose)
    progress = _train_stages(stages, config, run, (encoder, decoder, validation))
    if not progress.remaining:
        record = provenance.record(config, inputs, steps=config.steps, seconds=progress.seconds)
        save((encoder, decoder), config, out, record)
    return progress


def _arguments(config):
    """What the builders of U_e and U_d need to know of the configuration."""
    shape = {"size": config.size, "width": config.width}
    return {"encoder": {**shape, "s": config.s, "strength": config.strength}, "decoder": shape}


def _networks(config, start):
    """U_e and U_d with the weights to start from, and the hashes of those."""
    arguments = _arguments(config)
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(config.precision)
    try:
        encoder, decoder = models.twin_encoder(**arguments["encoder"]), models.twin_decoder(**arguments["decoder"])
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
    hashes = {}
    if start is not None:
        for network in (encoder, decoder):
            hashes[f"{network.name}_from_sha256"] = files.start_from(network, start / f"{network.name}.safetensors")
    return encoder, decoder, hashes


def _train_stages(stages, config, run, shown):
    """Trains one stage after the other, up to the one that `run.minutes` end; `shown`: U_e, U_d and heads of sheets."""
    encoder, decoder, validation = shown
    begin = time.monotonic()
    total = sum(stage.steps for stage in stages)
    done, seconds, before = 0, 0.0, {}
    for stage in stages:
        if stage.steps:
            trainer = stage.build()
            left = None if run.minutes is None else run.minutes - (time.monotonic() - begin) / 60
            folder = run.folder / stage.folder
            progress = training.fit(
                trainer,
                stage.batch,
                dataclasses.replace(config, steps=stage.steps),
                training.Run(folder, run.inputs | before, left, run.verbose),
                images=config.batch,
                further=[callbacks.SampleSheet(folder / "sheets", encoder, decoder, validation, config)],
            )
            done += progress.steps
            seconds += progress.seconds
            if progress.remaining:
                return training.Progress(done, total - done, seconds)
            trainer.optimizer.finalize_variable_values(trainer.trainable_variables)
        before[f"{stage.folder}_steps"] = stage.steps  # a longer stage changes what the next one starts from
    return training.Progress(done, 0, seconds)


def save(networks: tuple[keras.Model, keras.Model], config: TwinConfig, out: Path, record: dict) -> None:
    """Writes `encoder.safetensors` and `decoder.safetensors` into the folder `out`, with this provenance."""
    for network in networks:
        arguments = {"name": network.name, **_arguments(config)[network.name]}
        path = out / f"{network.name}.safetensors"
        files.save(network, path, builder=f"twin_{network.name}", arguments=arguments, provenance=record)
