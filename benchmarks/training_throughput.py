"""How fast learning II trains, compared with a plain port of the published code's step, and what limits it.

    python benchmarks/training_throughput.py SET [--width 64] [--critic-steps 5] [--rounds 3] [--out docs/throughput.md]

The networks and the batch are those of the published code (configuration `released-code`). Each run of RUNS is timed
in a process of its own, one after the other. Its step is one of these:

    ours         the step of `uunet.training.adversarial`
    XLA          the same, compiled by XLA on TensorFlow
    4 per call   the same on TensorFlow, 4 steps per call of the graph
    resident     the same with the data set on the device, 4 steps per compiled call: `uunet.training.resident`
    port         the published code's step as a plain `train_step`: `published_step`

The share of the peak compares floating-point operations per second: those of the step (`step_operations`), and those of
a large matrix product in the same precision and process.
"""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from tabulate import tabulate

PRECISIONS = ("float32", "mixed_bfloat16")


class Run(NamedTuple):
    """One row of the table."""

    backend: str
    step: str
    precision: str


RUNS = [Run(backend, "ours", precision) for backend in ("tensorflow", "jax") for precision in PRECISIONS]
RUNS += [Run("tensorflow", "XLA", "float32"), Run("tensorflow", "4 per call", "float32")]
RUNS += [Run("jax", "resident", precision) for precision in PRECISIONS]
RUNS += [Run("tensorflow", "port", "float32")]
SIDE = {"cpu": 2048, "gpu": 16384}  # of the matrices whose product is the peak


@dataclasses.dataclass(frozen=True)
class Options:
    """What is the same in all runs."""

    folder: Path
    width: int
    critic_steps: int
    rounds: int

    def arguments(self) -> list[str]:
        """As on the command line."""
        numbers = {"--width": self.width, "--critic-steps": self.critic_steps, "--rounds": self.rounds}
        return [str(self.folder), *(str(word) for option in numbers.items() for word in option)]


def main(
    folder: Annotated[Path, typer.Argument(metavar="SET", help="A folder with manifest.csv.")],
    width: Annotated[int, typer.Option(min=1, help="Kernels of the first level of U_e, U_d and D_f.")] = 64,
    critic_steps: Annotated[int, typer.Option(min=1, help="Critic steps per generator step.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="Times are medians over so many rounds of 4 steps.")] = 3,
    out: Annotated[Path | None, typer.Option(help="A Markdown file, which is replaced; by default print.")] = None,
    run: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Times training steps, each kind in a process of its own, and prints or writes a Markdown table."""
    options = Options(folder, width, critic_steps, rounds)
    if run is not None:  # in such a process: the place of the run in RUNS
        print(json.dumps(time_run(options, RUNS[run])))
        return
    text = report(options, [time_in_own_process(options, run) for run in RUNS])
    if out:
        out.write_text(text)
    else:
        print(text)


def time_in_own_process(options: Options, run: Run) -> dict[str, Any]:
    """`time_run` in a new process: a process has one backend."""
    print(f"timing {', '.join(run)} ...", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, __file__, *options.arguments(), "--run", str(RUNS.index(run))], stdout=subprocess.PIPE,
        text=True, env={**os.environ, "KERAS_BACKEND": run.backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{', '.join(run)} failed (see above): no table is written.")
    return json.loads(done.stdout.splitlines()[-1])


def report(options: Options, found: list[dict[str, Any]]) -> str:
    """The Markdown page.

    Args:
        options: those of all runs.
        found: what `time_run` returned, for each of RUNS.
    """
    heads, port = found[0]["heads"], found[-1]
    rows = []
    for run, times in zip(RUNS, found, strict=True):
        seconds = times["computes"] + times["waits"]
        share = times["operations"] / seconds / times["peak"]
        rows.append([
            run.step, run.backend, run.precision, f"{1 / seconds:.3g}", f"{heads / seconds:.3g}",
            f"{100 * times['waits'] / seconds:.1f} %", f"{100 * share:.0f} %", f"{times['peak'] / 1e12:.3g}",
            f"{(port['computes'] + port['waits']) / seconds:.2f}",
        ])  # fmt: skip
    header = [
        "step", "backend", "precision", "steps per s", "images per s", "waits for data", "of the peak",
        "peak, TFLOP/s", "speed relative to the port",
    ]  # fmt: skip
    return f"""# How fast learning II trains

Made by `python benchmarks/training_throughput.py SET {" ".join(options.arguments()[1:])}`
on {found[0]["device"]}.

Learning II, networks of the published code, width {options.width}, {heads} heads per step, {options.critic_steps} critic steps per generator step; one run after the other.

{tabulate(rows, header, tablefmt="github", disable_numparse=True)}

Operations of our step: {found[0]["operations"] / 1e9:.0f} G; of the port's: {port["operations"] / 1e9:.0f} G. The port is a plain `train_step` of the published code; the peak is that of a large matrix product in the same precision and process.
"""  # noqa: E501


def time_run(options: Options, run: Run) -> dict[str, Any]:
    """Times a run in this process, whose backend must be the run's.

    Returns:
        dict: seconds per step that it `computes` and `waits`, `operations` per step, `peak` operations per second,
        `heads` per step, `device`.
    """
    import keras
    from data_feeding import step_times

    from uunet import config, data, models
    from uunet.training import adversarial, provenance

    keras.mixed_precision.set_global_policy(run.precision)
    settings = dataclasses.replace(
        config.RELEASED_CODE.adversarial, width=options.width, critic_width=options.width,
        critic_steps=options.critic_steps,
    )  # fmt: skip
    heads = data.load(options.folder, "train", size=settings.size)
    nets = adversarial.build_networks(settings, models.attribute_classifier(blocks=3))
    trainer = build_trainer(run.step, nets, settings)
    if run.step == "4 per call":
        seconds, waits = several_per_call(trainer, heads, settings, options.rounds), 0.0  # waiting is not measured
    elif run.step == "resident":
        seconds, waits = resident_time(trainer, heads, settings, options.rounds), 0.0  # sampling is part of the step
    else:
        seconds, waits, _ = step_times(trainer, data.sequence_batch, heads, settings, options.rounds)
    return {
        "computes": seconds, "waits": waits, "operations": step_operations(nets, settings, run.step),
        "peak": peak("bfloat16" if run.precision == "mixed_bfloat16" else "float32"),
        "heads": settings.batch_size, "device": provenance.device().rpartition(",")[0],
    }  # fmt: skip


def build_trainer(step: str, nets: Any, settings: Any) -> Any:
    """The keras.Model whose `train_step` is timed."""
    from uunet.training import adversarial

    if step == "port":
        from published_step import PublishedStep  # needs TensorFlow

        return PublishedStep(nets, settings)
    trainer = adversarial.build_trainer(nets, settings)
    if step == "XLA":
        trainer.compile(optimizer=trainer.optimizer, jit_compile=True)
    return trainer


def several_per_call(trainer, heads, settings, rounds):
    """Median seconds per step where Keras makes STEPS steps per call of the graph, the first call left out."""
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
    """Floating-point operations per second of a large matrix product, the best of several."""
    import keras

    kind = "gpu" if any("gpu" in name or "cuda" in name for name in keras.distribution.list_devices()) else "cpu"
    side = SIDE[kind]
    square = keras.random.normal((side, side), dtype=dtype, seed=0)  # ones would be multiplied faster than real data

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


def step_operations(nets, settings, step):
    """Floating-point operations of a training step; only convolutions and dense layers count.

    A backward pass costs as much as the forward pass for the gradients of the input, and once more for those of the
    weights. So a net costs 1 forward, 2 with gradients for what lies before it, 3 when it is trained. The gradient
    penalty is a forward pass and its input gradient, both differentiated once more, by weights and by input: 6.
    """
    from uunet.models import cost

    encoder, decoder, critic, classifier = map(cost.flops, nets)
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


if __name__ == "__main__":
    typer.run(main)
