"""Two steps of a run on one device, and the same on two virtual ones: all weights change alike.

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 XLA_FLAGS=--xla_force_host_platform_device_count=2 python two_devices.py DATA OUT

Stochastic gradient descent: other optimisers divide by the gradient, and make rounding noise of any size.
"""

import dataclasses
import sys
from pathlib import Path

import keras
import numpy as np
import precision

from uunet import config, labels, models
from uunet.models import files
from uunet.training import adversarial, trainer, twin

SGD = config.Optimizer("sgd", 0.02, average=0.9)
SIZES = config.ChannelConfig(sizes=(24, 32, 40))  # each is met by sequences of both devices
BATCH = dataclasses.replace(
    config.SMOKE.adversarial, size=32, channel=SIZES, unet="pix2pix", normalization="batch", generator_optimizer=SGD,
    critic_optimizer=SGD, steps=2,
)  # fmt: skip
HIDING = dataclasses.replace(
    config.TWINS_BY_NAME["smoke"], size=32, channel=SIZES, steps=0, sharpening_steps=0, hiding_steps=2,
    optimizer=SGD, precision="float64",
)  # fmt: skip
TOLERANCE = 1e-8  # of the largest change in a network: in float64 rounding is far below that, a mistake far above


def start_weights(out):
    """Random D_a, U_e and U_d to start from."""
    keras.utils.set_random_seed(1)
    for builder, name, arguments in (
        ("attribute_classifier", "classifier", {"size": 32}),
        ("twin_encoder", "encoder", {"size": 32, "width": 4}),
        ("twin_decoder", "decoder", {"size": 32, "width": 4}),
    ):
        model = getattr(models, builder)(**arguments)
        made_by = {"config": {"labels": labels.LABELS}}
        files.save(model, out / f"{name}.safetensors", builder=builder, arguments=arguments, provenance=made_by)


def changes(run, out, count):
    """What `run(out)` on `count` devices changes: for each network a vector of all its weights, after - before."""
    fit, found = trainer.fit, []

    def watched(built, batch, *arguments, **named):
        before = [[weight.numpy() for weight in network.weights] for network in built.networks]
        seconds = fit(built, lambda step: precision.batch_in_float64(batch(step)), *arguments, **named)
        for network, old in zip(built.networks, before, strict=True):
            pairs = zip(network.weights, old, strict=True)
            found.append(np.concatenate([(weight.numpy() - value).ravel() for weight, value in pairs]))
        return seconds

    trainer.fit = watched
    with trainer.devices(count, 2, "subjects"):
        run(out)
    trainer.fit = fit
    return found


def main(folder, out):
    precision.compute_in_float64()
    start_weights(out)
    if keras.backend.backend() == "tensorflow":
        trained, d_a = 3, out / "classifier.safetensors"

        def run(to):
            adversarial.train(BATCH, [d_a], folder, to, verbose=0)
    else:  # JAX computes everything as one batch, so the step that compiles in seconds shows enough
        trained = 2

        def run(to):
            twin.train(HIDING, folder, to, start=out, verbose=0)

    one, two = (changes(run, out / str(count), count) for count in (1, 2))
    assert sum(change.any() for change in one) == trained  # D_a is frozen
    for k, (change, other) in enumerate(zip(one, two, strict=True)):
        apart, most = np.abs(other - change).max(), np.abs(change).max()
        print(f"network {k}: {apart:.1e} apart, changed by {most:.1e} at most")
        assert apart <= TOLERANCE * most


if __name__ == "__main__":
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        virtual = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], virtual)
    main(*map(Path, sys.argv[1:]))
