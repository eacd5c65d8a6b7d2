"""How fast learning II trains, beside a straightforward port of the published code's step, and what limits it.

    python benchmarks/training_throughput.py SET [--width 64] [--critic-steps 5] [--rounds 3] [--out docs/throughput.md]

The published code's nets and batch (configuration `released-code`) on TensorFlow and JAX, in float32 and in mixed
precision, each in a process of its own, one after the other. `resident` is our step with the data set on the device,
where batches are drawn, and 4 steps per compiled call (`uunet.training.resident`). `XLA` and `4 per call` are our step
on TensorFlow, compiled by XLA, and 4 of them in one call of the graph. The port is what a plain
`train_step` would be, written from its description in REPRODUCTION.md: each net has a tape of its own, for which U_e
and U_d run again, and D_a and D_f are called once a loss. The share of the peak is the step's floating-point
operations (`step_operations`) a second over those of a large matrix product in the same precision in the same process.
"""

import argparse
import dataclasses
import json
import math
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

PRECISIONS = ("float32", "mixed_bfloat16")
RUNS = [(backend, "ours", precision) for backend in ("tensorflow", "jax") for precision in PRECISIONS]
RUNS += [("tensorflow", "XLA", "float32"), ("tensorflow", "4 per call", "float32")]
RUNS += [("jax", "resident", precision) for precision in PRECISIONS]
RUNS += [("tensorflow", "port", "float32")]
SIDE = {"cpu": 2048, "gpu": 16384}  # of the matrices whose product is the peak


def main():
    """Times each run in a process of its own; prints or writes a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", help="folder with manifest.csv")
    parser.add_argument("--width", type=int, default=64, help="kernels of the first level of U_e, U_d and D_f")
    parser.add_argument("--critic-steps", type=int, default=5, help="critic steps a generator step")
    parser.add_argument("--rounds", type=int, default=3, help="times are medians over so many rounds of 4 steps")
    parser.add_argument("--out", type=Path, help="Markdown file, replaced (default: print)")
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)  # one of RUNS, in this process
    options = parser.parse_args()
    if options.run:
        print(json.dumps(time_run(options)))
        return
    found = []
    for run in RUNS:
        print(f"timing {', '.join(run)} ...", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--run", *run], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "KERAS_BACKEND": run[0], "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{', '.join(run)} failed (see above): no table is written.")
        found.append(json.loads(done.stdout.splitlines()[-1]))
    text = report(options, found)
    if options.out:
        options.out.write_text(text)
    else:
        print(text)


def report(options, found):
    """The Markdown page."""
    heads, port = found[0]["heads"], found[-1]
    lines = [
        "# How fast learning II trains",
        "",
        f"Made by `python benchmarks/training_throughput.py SET --width {options.width} --critic-steps "
        f"{options.critic_steps} --rounds {options.rounds}`",
        f"on {found[0]['device']}.",
        "",
        f"Learning II, nets of the published code, width {options.width}, {heads} heads a step, {options.critic_steps} "
        "critic steps a generator step; one run after the other.",
        "",
        "| step | backend | precision | steps a second | images a second | waits for data | of the peak "
        "| peak, TFLOP/s | against the port |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (backend, step, precision), run in zip(RUNS, found, strict=True):
        seconds = run["computes"] + run["waits"]
        share = run["operations"] / seconds / run["peak"]
        lines.append(
            f"| {step} | {backend} | {precision} | {1 / seconds:.3g} | {heads / seconds:.3g} | "
            f"{100 * run['waits'] / seconds:.1f} % | {100 * share:.0f} % | {run['peak'] / 1e12:.3g} | "
            f"{(port['computes'] + port['waits']) / seconds:.2f} |"
        )
    lines += [
        "",
        f"Operations of our step: {found[0]['operations'] / 1e9:.0f} G; of the port's: "
        f"{port['operations'] / 1e9:.0f} G. The port is a plain `train_step` of the published code; the peak is that "
        "of a large matrix product in the same precision and process.",
    ]
    return "\n".join(lines) + "\n"


def time_run(options):
    """One of RUNS -> dict: seconds a step `computes` and `waits`, `operations` a step, `peak` a second, and others."""
    import keras
    from data_feeding import step_times

    from uunet import config, data, models
    from uunet.training import adversarial, provenance

    _, step, precision = options.run
    keras.mixed_precision.set_global_policy(precision)
    settings = dataclasses.replace(
        config.RELEASED_CODE.adversarial, width=options.width, critic_width=options.width,
        critic_steps=options.critic_steps,
    )  # fmt: skip
    heads = data.load(options.set, "train", size=settings.size)
    nets = adversarial.build_networks(settings, models.attribute_classifier(blocks=3))
    trainer = port(nets, settings) if step == "port" else adversarial.build_trainer(nets, settings)
    if step == "XLA":
        trainer.compile(optimizer=trainer.optimizer, jit_compile=True)
    if step == "4 per call":
        seconds, waits = several_per_call(trainer, heads, settings, options.rounds), 0.0  # not measured apart
    elif step == "resident":
        seconds, waits = resident_time(trainer, heads, settings, options.rounds), 0.0  # what is drawn is in the step
    else:
        seconds, waits, _ = step_times(trainer, data.sequence_batch, heads, settings, options.rounds)
    return {
        "computes": seconds, "waits": waits, "operations": step_operations(nets, settings, step),
        "peak": peak("bfloat16" if precision == "mixed_bfloat16" else "float32"),
        "heads": settings.batch_size, "device": provenance.device().rpartition(",")[0],
    }  # fmt: skip


def several_per_call(trainer, heads, settings, rounds):
    """Median seconds of a step where Keras makes STEPS of them per call of the graph, the first call left out."""
    from data_feeding import STEPS

    from uunet import data

    trainer.compile(optimizer=trainer.optimizer, jit_compile=False, steps_per_execution=STEPS)
    times = []
    for turn in range(1 + rounds):
        steps = range(turn * STEPS, (turn + 1) * STEPS)
        feed = data.dataset(lambda step: data.sequence_batch(heads, settings, step), steps)
        begin = time.perf_counter()
        trainer.fit(feed, steps_per_epoch=STEPS, verbose=0, shuffle=False)
        times.append((time.perf_counter() - begin) / STEPS)
    return statistics.median(times[1:])


def resident_time(trainer, heads, settings, rounds):
    """Median seconds of a step of `resident.Steps`, the first call left out: it compiles."""
    from data_feeding import STEPS

    from uunet.training import resident

    steps = resident.Steps(
        trainer, lambda held, step: resident.sequence_batch(held, settings, step),
        resident.load_sequences(heads, settings), STEPS,
    )  # fmt: skip
    times = []
    for turn in range(1 + rounds):
        begin = time.perf_counter()
        steps(turn * STEPS)
        times.append((time.perf_counter() - begin) / STEPS)
    return statistics.median(times[1:])


def peak(dtype):
    """Floating-point operations a second of a large matrix product, the best of several."""
    import keras

    kind = "gpu" if any("gpu" in name or "cuda" in name for name in keras.distribution.list_devices()) else "cpu"
    side = SIDE[kind]
    square = keras.random.normal((side, side), dtype=dtype, seed=0)  # ones would run faster than what is learnt from

    if keras.backend.backend() == "jax":
        import jax

        product = jax.jit(keras.ops.matmul)
    else:
        import tensorflow as tf

        product = tf.function(keras.ops.matmul)
    times = []
    for _ in range(6):
        begin = time.perf_counter()
        float(product(square, square)[0, 0])  # waits for the result
        times.append(time.perf_counter() - begin)
    return 2 * side**3 / min(times)


# Operations, by hand: a multiplication and an addition are two.


def step_operations(nets, settings, step):
    """Floating-point operations of a training step; only convolutions and dense layers count.

    A backward pass costs as much as the forward pass for the gradients of the input, and once more for those of the
    weights. So a net costs 1 forward, 2 with gradients for what lies before it, 3 when it is trained. The gradient
    penalty is a forward pass and its input gradient, both differentiated once more, by weights and by input: 6.
    """
    encoder, decoder, critic, classifier = map(forward_operations, nets)
    if step != "port":
        critic_turn = encoder + decoder + 3 * 3 * critic + 2 * 6 * critic  # Eq. 6 on x, a, r; the penalty twice
        generator_turn = 3 * (encoder + decoder) + 2 * 2 * critic + 3 * 2 * classifier  # Eqs. 8; 9, 10, 11
    else:
        critic_turn = encoder + decoder + 3 * 3 * critic + 2 * 6 * critic
        # U_e trained with all losses, U_d with those on r: each on a tape of its own, which runs both nets
        to_a = 2 * critic + 3 * 2 * classifier
        to_r = 2 * critic + 2 * classifier
        generator_turn = (3 * encoder + 2 * decoder + to_a + to_r) + (encoder + 3 * decoder + to_r)
    return settings.batch_size * (settings.critic_steps * critic_turn + generator_turn)


def forward_operations(net):
    """Floating-point operations of one image's forward pass."""
    from keras import layers

    total = 0
    for layer in net._flatten_layers(include_self=False):
        if isinstance(layer, layers.Conv2DTranspose):  # each input pixel meets the whole kernel
            total += 2 * math.prod(layer.kernel.shape) * _pixels(layer.input)
        elif isinstance(layer, layers.Conv2D):  # each output pixel does
            total += 2 * math.prod(layer.kernel.shape) * _pixels(layer.output)
        elif isinstance(layer, layers.Dense):
            total += 2 * math.prod(layer.kernel.shape)
    return total


def _pixels(tensor):
    return tensor.shape[1] * tensor.shape[2]


# The port.


def port(nets, settings):
    """The published code's step as a plain keras.Model: TensorFlow only, see the top."""
    import keras
    import tensorflow as tf

    from uunet import losses
    from uunet.training import objective, trainer

    encoder, decoder, critic, classifier = nets
    cross_entropy = keras.losses.BinaryCrossentropy()

    def agree(x, y):
        return objective.agreement(classifier, x, y)

    def roll(a, by):
        return tf.roll(a, by, axis=0)

    class Port(keras.Model):
        def __init__(self):
            super().__init__()
            self.nets = list(nets)
            self.critic_optimizer = trainer.build_optimizer(settings.critic_optimizer)
            self.encoder_optimizer = trainer.build_optimizer(settings.generator_optimizer)
            self.decoder_optimizer = trainer.build_optimizer(settings.generator_optimizer)
            self.compile(jit_compile=False)
            self.built = True

        def train_step(self, data):
            (batch,) = data
            x = batch["x"]
            for draw in range(1, settings.critic_steps + 1):
                critic_loss = self.train_critic(x, batch["noise"][draw], batch["epsilon"][draw - 1])
            with_noise = tf.concat([x, batch["noise"][0]], axis=-1)
            with tf.GradientTape() as tape:
                a = encoder(with_noise, training=True)
                r = decoder(a, training=True)
                encoder_loss = self.appearance_loss(x, a) + self.reconstruction_loss(x, r)
            gradients = tape.gradient(encoder_loss, encoder.trainable_variables)
            self.encoder_optimizer.apply_gradients(zip(gradients, encoder.trainable_variables, strict=True))
            with tf.GradientTape() as tape:
                r = decoder(encoder(with_noise, training=True), training=True)
                decoder_loss = self.reconstruction_loss(x, r)
            gradients = tape.gradient(decoder_loss, decoder.trainable_variables)
            self.decoder_optimizer.apply_gradients(zip(gradients, decoder.trainable_variables, strict=True))
            return {"critic": critic_loss, "encoder": encoder_loss, "decoder": decoder_loss}

        def train_critic(self, x, noise, epsilon):
            a = encoder(tf.concat([x, noise], axis=-1), training=True)
            r = decoder(a, training=True)
            with tf.GradientTape() as tape:
                scores = [tf.sigmoid(critic(image, training=True)) for image in (x, a, r)]
                real, of_a, of_r = scores
                loss = 2 * cross_entropy(tf.ones_like(real), real)
                loss += cross_entropy(tf.zeros_like(of_a), of_a) + cross_entropy(tf.zeros_like(of_r), of_r)
                for fake, share in zip((a, r), tf.unstack(epsilon), strict=True):
                    loss += settings.penalty_weight * self.penalty(losses.interpolate(x, fake, share))
            gradients = tape.gradient(loss, critic.trainable_variables)
            self.critic_optimizer.apply_gradients(zip(gradients, critic.trainable_variables, strict=True))
            return loss

        def penalty(self, between):
            with tf.GradientTape() as tape:
                tape.watch(between)
                score = tf.sigmoid(critic(between, training=True))
            return losses.gradient_penalty(tape.gradient(score, between))

        def appearance_loss(self, x, a):
            score = tf.sigmoid(critic(a, training=True))
            loss = cross_entropy(tf.ones_like(score), score) + tf.reduce_mean(agree(x, a))
            loss += tf.reduce_mean(agree(a, roll(a, settings.frames * settings.sequences)))
            return loss - tf.reduce_mean(agree(a, roll(a, 1))) + losses.distribution_loss(x, a)

        def reconstruction_loss(self, x, r):
            score = tf.sigmoid(critic(r, training=True))
            loss = settings.weights.mse * tf.reduce_mean(tf.square(x - r)) - tf.reduce_mean(agree(x, r))
            return loss + cross_entropy(tf.ones_like(score), score) + losses.distribution_loss(x, r)

    return Port()


if __name__ == "__main__":
    main()
