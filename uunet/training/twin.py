"""Learning from twins, beyond the paper: U_e is shown another person in the very same frame (`models.twin`).

Three stages. U_e learns to draw; a critic joins and what is drawn gets sharper; then, what it draws being fixed, U_e
learns to hide x in it, and U_d to find it there. The critic costs more than all the rest, so it comes late.
"""

import dataclasses
import hashlib
import time

import keras
import numpy as np

from uunet import channel, data, models
from uunet.config import ConfigError
from uunet.models import files, twin
from uunet.training import callbacks, objective, provenance
from uunet.training import trainer as training


def drawing_trainer(encoder, config):
    """A Trainer of the running backend whose step is `objective.drawing_objective` once, without a critic."""
    backend = training.backend_trainer()
    roi = _roi(config, backend)
    optimizer = training.build_optimizer(config.optimizer, config.steps)
    _train_only(encoder, hiding=False)
    drawing = encoder.trainable_variables

    def updates(batch):
        yield training.Update(
            lambda: objective.drawing_objective(encoder, None, roi, config, batch), drawing, optimizer
        )

    return backend.Trainer([encoder], [(optimizer, drawing)], updates, terms=("twin", "mask", "place", "read"))


def sharpening_trainer(encoder, config):
    """A Trainer of the running backend whose step is the critic's turn, then `objective.drawing_objective` once."""
    backend = training.backend_trainer()
    roi = _roi(config, backend)
    critic = models.patch_critic(size=config.size, width=config.critic_width)
    slower = dataclasses.replace(config.optimizer, learning_rate=config.optimizer.learning_rate / 4)
    optimizer = training.build_optimizer(slower, config.sharpening_steps)
    critic_optimizer = training.build_optimizer(config.critic_optimizer)
    _train_only(encoder, hiding=False)
    drawing = encoder.trainable_variables

    def updates(batch):
        yield training.Update(
            lambda: objective.drawing_critic_objective(encoder, critic, roi, config, batch, backend.input_gradient),
            critic.trainable_variables,
            critic_optimizer,
        )
        yield training.Update(
            lambda: objective.drawing_objective(encoder, critic, roi, config, batch), drawing, optimizer
        )

    return backend.Trainer(
        [encoder, critic],
        [(optimizer, drawing), (critic_optimizer, critic.trainable_variables)],
        updates,
        terms=("critic", "penalty", "twin", "mask", "place", "read", "adv"),
    )


def hiding_trainer(encoder, decoder, config):
    """A Trainer of the running backend whose step is `objective.hiding_objective` once."""
    backend = training.backend_trainer()
    roi = _roi(config, backend)
    through = backend.together(channel.Channel(config.channel, config.size, config.batch, backend.outside))
    optimizer = training.build_optimizer(config.optimizer, config.hiding_steps, clip=config.clip)
    _train_only(encoder, hiding=True)
    variables = encoder.trainable_variables + decoder.trainable_variables

    def updates(batch):
        yield training.Update(
            lambda: objective.hiding_objective(encoder, decoder, roi, through, config, batch), variables, optimizer
        )

    return backend.Trainer([encoder, decoder], [(optimizer, variables)], updates, terms=("mse", "leak"))


def _roi(config, backend):
    harmless = dataclasses.replace(config.channel, damages=())
    return backend.together(channel.Channel(harmless, config.size, config.batch, backend.outside))


def _train_only(encoder, *, hiding):
    """Freezes U_e but for what hides, or for the rest: Keras averages whatever is not frozen."""
    encoder.read.trainable = not hiding
    for layer in encoder.parts.layers:
        layer.trainable = layer.name.startswith("hide") == hiding


def train(config, folder, out, *, start=None, minutes=None, verbose="auto"):
    """Trains U_e and U_d on heads and their twins, resuming if `out` holds a checkpoint of the same run.

    Args:
        config: config.TwinConfig; a stage of 0 steps is left out.
        folder: prepared data set, for the first two stages with twins of any s in train; all of them are learnt from.
        out: Path of the run; receives `encoder.safetensors`, `decoder.safetensors`, and for each stage, `drawing`,
            `sharpening` and `hiding`, a folder with `checkpoint.npz`, `log.csv` and `sheets/`.
        start: Path of a folder with weights to start from, of the same width; None for random ones.
        minutes: float, time after which training stops at a checkpoint, and no weights are written; None: at the end.

    Returns:
        `trainer.Progress` of all stages together.

    Raises:
        ConfigError: if nothing would have learnt to draw.
    """
    if not config.steps and start is None:
        raise ConfigError("A run that leaves drawing out needs weights that draw to start from (--start).")
    keras.utils.set_random_seed(config.seed)
    draws = config.steps or config.sharpening_steps
    heads = data.load(folder, "train", size=config.size, columns=("parse", "landmarks") if draws else ())
    validation = data.load(folder, "validation", size=config.size)
    run = {"data_sha256": heads.sha256}
    if draws:
        shown = _shown(folder, heads)
        digest = hashlib.sha256()
        for array in shown:
            digest.update(array.tobytes())
        run["twins_sha256"] = digest.hexdigest()
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
    if start is not None:
        for network in (encoder, decoder):
            path = start / f"{network.name}.safetensors"
            files.start_from(network, path)
            run[f"{network.name}_from_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()

    def twins(step):
        return data.twin_batch(heads, *shown, config, step)

    def hiding(step):
        return data.hiding_batch(heads, twin.PEOPLE, config, step)

    begin = time.monotonic()
    done, seconds = 0, 0.0
    before = {}
    total = config.steps + config.sharpening_steps + config.hiding_steps
    for stage, name, build, batch in (
        ("drawing", "steps", lambda: drawing_trainer(encoder, config), twins),
        ("sharpening", "sharpening_steps", lambda: sharpening_trainer(encoder, config), twins),
        ("hiding", "hiding_steps", lambda: hiding_trainer(encoder, decoder, config), hiding),
    ):
        steps = getattr(config, name)
        if steps:
            trainer = build()
            progress = training.fit(
                trainer,
                batch,
                dataclasses.replace(config, steps=steps),
                out / stage,
                run | before,
                further=[callbacks.SampleSheet(out / stage / "sheets", encoder, decoder, validation, config)],
                images=config.batch,
                minutes=None if minutes is None else minutes - (time.monotonic() - begin) / 60,
                verbose=verbose,
            )
            done += progress.steps
            seconds += progress.seconds
            if progress.remaining:
                return training.Progress(done, total - done, seconds)
            trainer.optimizer.finalize_variable_values(trainer.trainable_variables)
        before[f"{stage}_{name}"] = steps  # a stage that goes on changes what the next one started from
    record = provenance.record(config, run, steps=config.steps, seconds=seconds)
    for network in (encoder, decoder):
        arguments = {"name": network.name, **shapes[network.name]}
        path = out / f"{network.name}.safetensors"
        files.save(network, path, builder=f"twin_{network.name}", arguments=arguments, provenance=record)
    return training.Progress(done, 0, seconds)


def _shown(folder, heads):
    """What drawing is learnt from, as `data.twin_batch` takes it: twins, who they are, masks, landmarks."""
    kinds = [data.load_twins(folder, heads, s) for s in data.twin_kinds(folder)]
    twins, people = (np.stack(part) for part in zip(*kinds, strict=True))
    return twins, people, data.load_masks(folder, heads), data.landmarks_of(heads)
