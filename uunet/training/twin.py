"""Learning from twins, beyond the paper: U_e is shown another person in the very same frame (`models.twin`)."""

import dataclasses
import hashlib

import keras

from uunet import channel, data, models
from uunet.models import files
from uunet.training import logs, objective, provenance
from uunet.training import trainer as training


def build_trainer(encoder, decoder, config):
    """A Trainer of the running backend whose step is the critic's turn, then `objective.twin_objective` once."""
    backend = training.backend_trainer()
    harmless = dataclasses.replace(config.channel, damages=())
    roi, through = (
        channel.Channel(one, config.size, config.batch, backend.outside) for one in (harmless, config.channel)
    )
    critic = models.patch_critic(size=config.size, width=config.critic_width)
    optimizer = training.build_optimizer(config.optimizer, config.steps)
    critic_optimizer = training.build_optimizer(config.critic_optimizer)
    variables = encoder.trainable_variables + decoder.trainable_variables

    def updates(batch):
        yield training.Update(
            lambda: objective.twin_critic_objective(encoder, critic, roi, config, batch, backend.input_gradient),
            critic.trainable_variables,
            critic_optimizer,
        )
        yield training.Update(
            lambda: objective.twin_objective(encoder, decoder, critic, roi, through, config, batch),
            variables,
            optimizer,
        )

    return backend.Trainer(
        [encoder, decoder, critic],
        [(optimizer, variables), (critic_optimizer, critic.trainable_variables)],
        updates,
        terms=("critic", "penalty", "twin", "mask", "read", "leak", "adv", "mse"),
    )


def train(config, folder, out, *, start=None, verbose="auto"):
    """Trains U_e and U_d on heads and their twins, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.TwinConfig.
        folder: prepared data set with the twins of `config.s` in train.
        out: Path of the run; receives `encoder.safetensors`, `decoder.safetensors`, `checkpoint.npz`, `log.csv` and
            `sheets/`.
        start: Path of a folder with weights to start from, of the same width; None for random ones.
    """
    keras.utils.set_random_seed(config.seed)
    heads = data.load(folder, "train", size=config.size, columns=("parse",))
    validation = data.load(folder, "validation", size=config.size)
    twins, people = data.load_twins(folder, heads, config.s)
    masks = data.load_masks(folder, heads)
    shapes = {
        "encoder": {"size": config.size, "width": config.width, "s": config.s, "strength": config.strength},
        "decoder": {"size": config.size, "width": config.width},
    }
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(config.precision)
    try:
        encoder, decoder = models.twin_encoder(**shapes["encoder"]), models.twin_decoder(**shapes["decoder"])
    finally:
        keras.mixed_precision.set_dtype_policy(policy)
    run = {
        "data_sha256": heads.sha256,
        "twins_sha256": hashlib.sha256(twins.tobytes() + masks.tobytes() + people.tobytes()).hexdigest(),
    }
    if start is not None:
        for model in (encoder, decoder):
            path = start / f"{model.name}.safetensors"
            run[f"{model.name}_from_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
            files.start_from(model, path)
    trainer = build_trainer(encoder, decoder, config)
    seconds = training.fit(
        trainer,
        lambda step: data.twin_batch(heads, twins, masks, people, config, step),
        config,
        out,
        run,
        callbacks=[logs.SampleSheet(out / "sheets", encoder, decoder, validation, config)],
        verbose=verbose,
    )
    averaged = encoder.trainable_variables + decoder.trainable_variables
    trainer.optimizer.finalize_variable_values(averaged)
    record = provenance.record(config, run, seconds=seconds)
    for model in (encoder, decoder):
        arguments = {"name": model.name, **shapes[model.name]}
        path = out / f"{model.name}.safetensors"
        files.save(model, path, builder=f"twin_{model.name}", arguments=arguments, provenance=record)
