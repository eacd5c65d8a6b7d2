"""Learning II: U_e, U_d and D_f against each other and against a frozen D_a (section III-B)."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import keras

from uunet import data, models
from uunet.channel import simulation
from uunet.config import AdversarialConfig, ConfigError
from uunet.labels import LABELS
from uunet.models import files
from uunet.training import callbacks, objective, provenance
from uunet.training import trainer as training


def unet_arguments(config: AdversarialConfig) -> dict:
    """The arguments of `models.unet` for a `config.AdversarialConfig`."""
    return {
        "shape": config.unet,
        "size": config.size,
        "width": config.width,
        "normalization": config.normalization,
        "dropout": config.dropout,
    }


def build_networks(
    config: AdversarialConfig, classifier: keras.Model, generators: tuple[keras.Model, keras.Model] | None = None
) -> objective.Networks:
    """The four networks for a `config.AdversarialConfig`.

    Args:
        config: config.AdversarialConfig.
        classifier: the D_a of learning I; it is frozen.
        generators: U_e and U_d to train further, or None for new ones.
    """
    shape = unet_arguments(config)
    classifier.trainable = False
    encoder, decoder = generators or (
        models.unet(4, name="encoder", **shape),
        models.unet(3, name="decoder", residual=config.residual, **shape),
    )
    return objective.Networks(
        encoder=encoder,
        decoder=decoder,
        critic=models.patch_critic(size=config.size, width=config.critic_width),
        classifier=classifier,
    )


def build_trainer(networks: objective.Networks, config: AdversarialConfig) -> training.Trainer:
    """A Trainer of the running backend whose step is critic_steps x Eq. 7, then Eq. 13 once."""
    backend = training.backend_trainer()
    sequences = config.subjects * config.sequences
    through = None
    if config.channel.sizes:
        through = backend.together(simulation.Channel(config.channel, config.size, sequences, backend.outside))
    generator_optimizer = training.build_optimizer(config.generator_optimizer)
    critic_optimizer = training.build_optimizer(config.critic_optimizer)
    generator_variables = networks.encoder.trainable_variables + networks.decoder.trainable_variables
    critic_variables = networks.critic.trainable_variables

    def updates(batch):
        for sample in range(1, config.critic_steps + 1):
            yield training.Update(
                lambda sample=sample: objective.critic_objective(
                    networks, through, config, batch, sample, backend.input_gradient
                ),
                critic_variables,
                critic_optimizer,
            )
        yield training.Update(
            lambda: objective.generator_objective(networks, through, config, batch),
            generator_variables,
            generator_optimizer,
        )

    return backend.Trainer(
        networks,
        [(generator_optimizer, generator_variables), (critic_optimizer, critic_variables)],
        updates,
        terms=("critic", "penalty", "mse", "adv", "ano", "con", "div", "dis"),
    )


def train(
    config: AdversarialConfig,
    classifier_files: Sequence[Path | str],
    folder: Path | str,
    out: Path,
    *,
    minutes: float | None = None,
    verbose: str | int = "auto",
) -> training.Progress:
    """Trains U_e, U_d and D_f, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.AdversarialConfig.
        classifier_files: paths of D_a: one file with len(s) outputs, or several that are joined in the order of s.
        folder: prepared data set (`uunet.data`).
        out: Path of the run; receives `encoder.safetensors`, `decoder.safetensors`, `checkpoint.npz`, `log.csv` and
            `sheets/`. The weights are written also where `minutes` end the run before its last step.
        minutes: float, time after which training stops at a checkpoint; None: at `config.steps`.
        verbose: of `keras.Model.fit`.

    Returns:
        `trainer.Progress`.

    Raises:
        ConfigError: if D_a's outputs are not the labels of s, in this order.
    """
    keras.utils.set_random_seed(config.seed)
    heads = data.load(folder, "train", size=config.size)
    validation = data.load(folder, "validation", size=config.size)
    classifiers = [files.load(path, expect=6) for path in classifier_files]
    labels = [label for path in classifier_files for label in files.provenance(path)["config"]["labels"]]
    if labels != list(LABELS[: len(config.s)]) or len(labels) != len(config.s):
        raise ConfigError(
            f"The {len(config.s)} values of s rate {', '.join(LABELS)}, in this order, but the classifier has outputs "
            f"for {', '.join(labels)}; give D_a of these labels, several files in this order."
        )
    networks = build_networks(config, classifiers[0] if len(classifiers) == 1 else models.join(classifiers))
    inputs = {
        "data_sha256": heads.sha256,
        "classifier_sha256": [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in classifier_files],
    }
    progress = training.fit(
        build_trainer(networks, config),
        lambda step: data.sequence_batch(heads, config, step),
        config,
        training.Run(out, inputs, minutes, verbose),
        images=config.batch_size,
        further=[callbacks.SampleSheet(out / "sheets", networks.encoder, networks.decoder, validation, config)],
    )
    save(networks, config, out, provenance.record(config, inputs, steps=progress.steps, seconds=progress.seconds))
    return progress


def save(networks: objective.Networks, config: AdversarialConfig, out: Path, record: dict) -> None:
    """Writes `encoder.safetensors` and `decoder.safetensors` into the folder `out`, with this provenance."""
    shape = unet_arguments(config)
    for model, own in (
        (networks.encoder, {"channels": 4}),
        (networks.decoder, {"channels": 3, "residual": config.residual}),
    ):
        files.save(
            model,
            out / f"{model.name}.safetensors",
            builder="unet",
            arguments={"name": model.name, **own, **shape},
            provenance=record,
        )
