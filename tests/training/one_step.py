"""One training step of each phase from fixed weights and one batch, on the Keras backend of the environment.

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python one_step.py DATA OUT.npz

Stochastic gradient descent with rate 1 makes (before - after) of a variable its gradient.
"""

import dataclasses
import sys

import keras
import numpy as np
import precision

from uunet import config, data, models
from uunet.channel import jpeg, simulation
from uunet.training import adversarial, classifier, trainer, twin

SGD = config.Optimizer("sgd", 1.0)
PAIRS = dataclasses.replace(config.SMOKE.classifier, size=32, optimizer=SGD)
BATCH = dataclasses.replace(
    config.SMOKE.adversarial,
    size=32,
    channel=config.ChannelConfig(sizes=(24, 40)),
    generator_optimizer=SGD,
    critic_optimizer=SGD,
)
TWINS = dataclasses.replace(
    config.TWINS_BY_NAME["smoke"],
    size=32,
    channel=config.ChannelConfig(sizes=(24, 40)),
    optimizer=SGD,
    critic_optimizer=SGD,
)
ENCODED = config.ChannelConfig(sizes=(24,), damages=(config.Degradation("h264", 18, 28),))


def fix_weights(model, seed):
    """The same weights on every backend."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        spread = 0.05 if len(variable.shape) < 2 else np.sqrt(2 / np.prod(variable.shape[:-1]))
        variable.assign(rng.normal(0, spread, variable.shape) + ("gamma" in variable.path))


def step(trained, batch, variables):
    """Runs `fit` for one step -> {name: loss, or gradient as it was applied, or new moving statistic}."""
    batch = precision.batch_in_float64(batch)
    trained.run_eagerly = True  # compiling three small steps would take minutes, running each once takes seconds
    before = {name: np.array(keras.ops.convert_to_numpy(v.value)) for name, v in variables.items()}
    history = trained.fit(((b,) for b in [batch]), steps_per_epoch=1, epochs=1, verbose=0, shuffle=False).history
    found = {f"loss {name}": values[0] for name, values in history.items()}
    for name, variable in variables.items():
        found[f"gradient {name}"] = before[name] - keras.ops.convert_to_numpy(variable.value)
    return found


def named(model):
    return {f"{model.name}/{v.path}": v for v in model.weights}


def twin_batch():
    """A batch of noise, as `data.twin_batch` makes them of faces."""
    rng = np.random.default_rng(0)
    size, count = TWINS.size, TWINS.batch
    order, degradation = simulation.sample_conditions(TWINS.channel, count, rng, 0)
    pictures = rng.random((3, count, size, size, 3)).astype(np.float32)
    return {
        "x": pictures[0],
        "twin": pictures[1],
        "head": pictures[2, ..., :1],
        "order": order,
        "degradation": degradation,
        "landmarks": rng.uniform(0, size, (count, data.LANDMARKS, 2)).astype(np.float32),
        "person": rng.integers(160, size=count).astype(np.int32),
        "labels": rng.integers(2, size=(count, 3)).astype(np.int32),
        "epsilon": rng.random((count, 1, 1, 1)).astype(np.float32),
    }


def main(folder, out):
    precision.compute_in_float64()
    heads = data.load(folder, "train", size=32)
    found = {}

    # dropout draws differently on each backend: learning I is compared without it
    d_a = models.attribute_classifier(size=32)
    for layer in d_a.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    fix_weights(d_a, 1)
    found |= step(classifier.build_trainer(d_a, PAIRS), data.pair_batch(heads, PAIRS, 0), named(d_a))

    for penalty, unet, normalization in (("limit", "ronneberger", None), ("wgan-gp", "pix2pix", "batch")):
        chosen = dataclasses.replace(BATCH, penalty=penalty, unet=unet, normalization=normalization)
        frozen = models.attribute_classifier(size=32)
        fix_weights(frozen, 1)
        networks = adversarial.build_networks(chosen, frozen)
        for seed, model in enumerate(networks[:3], start=2):
            fix_weights(model, seed)
        variables = {k: v for model in networks for k, v in named(model).items()}
        result = step(adversarial.build_trainer(networks, chosen), data.sequence_batch(heads, chosen, 0), variables)
        found |= {f"{penalty} {name}": value for name, value in result.items()}
    for stage in ("sharpening", "hiding"):
        encoder, decoder = models.twin_encoder(size=32, width=4), models.twin_decoder(size=32, width=4)
        encoder.read.get_layer("forget").rate = 0.0
        fix_weights(encoder, 1)
        fix_weights(decoder, 2)
        if stage == "hiding":
            built = twin.embedding_trainer(encoder, decoder, TWINS)
        else:
            built = twin.refinement_trainer(encoder, TWINS)
        for model in built.networks[1:]:
            fix_weights(model, 2)
        variables = {k: v for model in (encoder, *built.networks[1:]) for k, v in named(model).items()}
        found |= {f"{stage} {name}": value for name, value in step(built, twin_batch(), variables).items()}
    # what the channel leaves of faces, and the gradient that comes back through it
    backend = trainer.backend_trainer()
    through = simulation.Channel(ENCODED, 32, 2, backend.outside)
    order, degradation = np.array([1, 0], np.int32), np.array([[1, 23, 5, 9]], np.int32)
    faces = data.sequence_batch(heads, dataclasses.replace(BATCH, subjects=1), 0)["x"]
    faces = keras.ops.convert_to_tensor(faces, "float64")
    for name, change in (
        ("4:2:0", lambda a, training: jpeg.subsample(a)),
        ("JPEG", lambda a, training: jpeg.round_trip(a, 75)),
        ("H.264", lambda a, training: through(a, order, degradation)),
    ):
        found[f"channel {name}"] = keras.ops.convert_to_numpy(change(faces, training=True))
        found[f"gradient {name}"] = keras.ops.convert_to_numpy(backend.input_gradient(change, faces))

    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
