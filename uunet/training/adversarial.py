"""Learning II: U_e, U_d and D_f against each other and against a frozen D_a (section III-B)."""

import hashlib
from pathlib import Path

import keras

from uunet import channel, data, models
from uunet.config import LABELS, ConfigError
from uunet.models import files
from uunet.training import callbacks, objective, provenance
from uunet.training import trainer as training


def unet_arguments(config):
    """What `models.unet` needs to know of a `config.AdversarialConfig`."""
    return {
        "shape": config.unet,
        "size": config.size,
        "width": config.width,
        "normalization": config.normalization,
        "dropout": config.dropout,
    }


def build_networks(config, classifier, generators=None):
    """The four networks for a `config.AdversarialConfig`.

    Args:
        config: config.AdversarialConfig.
        classifier: the D_a of learning I; it is frozen.
        generators: U_e and U_d to go on from, or None for new ones.
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


def build_trainer(networks, config):
    """A Trainer of the running backend whose step is critic_steps x Eq. 7, then Eq. 13 once."""
    backend = training.backend_trainer()
    sequences = config.subjects * config.sequences
    through = None
    if config.channel.sizes:
        through = backend.together(channel.Channel(config.channel, config.size, sequences, backend.outside))
    generator_optimizer = training.build_optimizer(config.generator_optimizer)
    critic_optimizer = training.build_optimizer(config.critic_optimizer)
    generator_variables = networks.encoder.trainable_variables + networks.decoder.trainable_variables
    critic_variables = networks.critic.trainable_variables

    def updates(batch):
        for draw in range(1, config.critic_steps + 1):
            yield training.Update(
                lambda draw=draw: objective.critic_objective(
                    networks, through, config, batch, draw, backend.input_gradient
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


def train(config, classifier_files, folder, out, *, minutes=None, verbose="auto"):
    """Trains U_e, U_d and D_f, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.AdversarialConfig.
        classifier_files: paths of D_a: one file with len(s) outputs, or several that are joined in the order of s.
        folder: prepared data set (`uunet.data`).
        out: Path of the run; receives `encoder.safetensors`, `decoder.safetensors`, `checkpoint.npz`, `log.csv` and
            `sheets/`. The weights are written also where `minutes` end the run before its last step.
        minutes: float, time after which training stops at a checkpoint; None: at `config.steps`.

    Returns:
        `trainer.Progress`.

    Raises:
        ConfigError: if D_a's outputs are not the labels that s rates, in this order.
    """
    keras.utils.set_random_seed(config.seed)
    heads = data.load(folder, "train", size=config.size)
    validation = data.load(folder, "validation", size=config.size)
    classifiers = [files.load(path, expect=6) for path in classifier_files]
    labels = [label for path in classifier_files for label in files.provenance(path)["config"]["labels"]]
    if labels != list(LABELS[: len(config.s)]) or len(labels) != len(config.s):
        raise ConfigError(
            f"The {len(config.s)} values of s rate {', '.join(LABELS)}, in this order, but the classifier answers "
            f"{', '.join(labels)}; give D_a of these labels, several files in this order."
        )
    networks = build_networks(config, classifiers[0] if len(classifiers) == 1 else models.join(classifiers))
    run = {
        "data_sha256": heads.sha256,
        "classifier_sha256": [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in classifier_files],
    }
    progress = training.fit(
        build_trainer(networks, config),
        lambda step: data.sequence_batch(heads, config, step),
        config,
        out,
        run,
        further=[callbacks.SampleSheet(out / "sheets", networks.encoder, networks.decoder, validation, config)],
        images=config.batch_size,
        minutes=minutes,
        verbose=verbose,
    )
    save(networks, config, out, provenance.record(config, run, steps=progress.steps, seconds=progress.seconds))
    return progress


def save(networks, config, out, record):
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
