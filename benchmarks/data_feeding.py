"""Whether data loading limits training: the time of a batch, of a training step, and of its waiting for a batch.

    python benchmarks/data_feeding.py SET [--rounds 3]

SET is a prepared data set (`data_prep/README.md`). `KERAS_BACKEND=jax` times the other backend.
"""

import functools
import statistics
import sys
import time
from pathlib import Path
from typing import Annotated

import keras
import typer
from tabulate import tabulate

from uunet import config, data, labels, models
from uunet.training import adversarial, classifier, provenance

REPEATS = 50  # batches timed per round
STEPS = 4  # training steps timed per round


def main(
    folder: Annotated[Path, typer.Argument(metavar="SET", help="A folder with manifest.csv.")],
    rounds: Annotated[int, typer.Option(help="Times are medians over so many rounds.")] = 3,
) -> None:
    """Prints how long a data set takes to load, a batch to sample, and how long a training step waits for a batch."""
    begin = time.perf_counter()
    try:
        heads = data.load(folder, "train", labels=labels.LABELS)
    except data.DataError as error:
        sys.exit(str(error))
    print(f"{len(heads.images)} heads loaded in {time.perf_counter() - begin:.1f} s; {provenance.device()}\n")
    print(f"{batch_table(heads, rounds)}\n\n{step_table(heads, rounds)}")


def batch_table(heads: data.Heads, rounds: int) -> str:
    """Markdown: how long each kind of batch takes."""
    rows = []
    for name in ("paper", "small"):
        phases = config.BY_NAME[name]
        for draw, settings, count in (
            (data.pair_batch, phases.classifier, 2 * phases.classifier.batch_pairs),
            (data.sequence_batch, phases.adversarial, phases.adversarial.batch_size),
        ):
            seconds = batch_time(draw, heads, settings, rounds)
            rows.append([f"{draw.__name__}, {name}", f"{1000 * seconds:.2f} ms", f"{count / seconds:.0f}"])
    return tabulate(rows, ["sampling", "batch", "heads per s"], tablefmt="github", disable_numparse=True)


def step_table(heads: data.Heads, rounds: int) -> str:
    """Markdown: how long a step computes and how long it waits for its batch."""
    small = config.SMALL
    d_a = models.attribute_classifier(blocks=small.classifier.blocks)
    networks = adversarial.build_networks(small.adversarial, models.attribute_classifier())
    rows = []
    for draw, settings, trainer in (
        (data.pair_batch, small.classifier, classifier.build_trainer(d_a, small.classifier)),
        (data.sequence_batch, small.adversarial, adversarial.build_trainer(networks, small.adversarial)),
    ):
        seconds, *waits = step_times(trainer, draw, heads, settings, rounds)
        shares = [f"{1000 * wait:.2f} ms, {100 * wait / (wait + seconds):.2f} %" for wait in waits]
        rows.append([draw.__name__, f"{1000 * seconds:.0f} ms", *shares])
    header = ["step, small", "computes", "waits, with prefetching", "waits, without"]
    return tabulate(rows, header, tablefmt="github", disable_numparse=True)


def batch_time(draw, heads, settings, rounds):
    """Median over the rounds of the seconds that a batch takes to make."""
    draw(heads, settings, 0)
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for step in range(REPEATS):
            draw(heads, settings, step)
        times.append((time.perf_counter() - begin) / REPEATS)
    return statistics.median(times)


def step_times(trainer, draw, heads, settings, rounds):
    """Median seconds of a training step, of its waiting for a batch made ahead, and for one made when asked for."""
    ahead = data.dataset if keras.backend.backend() == "tensorflow" else data.batches
    first = draw(heads, settings, 0)
    clocks = {ahead: Clock(), functools.partial(data.batches, ahead=0): Clock()}
    for turn in range(1 + rounds):  # both in turns: what else the computer does hits them alike
        for feed, clock in clocks.items():
            steps = range(turn * STEPS, (turn + 1) * STEPS)
            clock.feed = iter(feed(lambda step: draw(heads, settings, step), steps))
            if turn == 1:  # the turn before has compiled the step
                clock.steps, clock.waits = [], []
            trainer.fit(
                ahead(lambda step: first, steps), steps_per_epoch=STEPS, verbose=0, shuffle=False, callbacks=[clock]
            )
    computed = [seconds for clock in clocks.values() for seconds in clock.steps]
    return [statistics.median(times) for times in (computed, *(clock.waits for clock in clocks.values()))]


class Clock(keras.callbacks.Callback):
    """Takes a batch from `feed` before each step, and times that (but for the first) and the step apart."""

    def __init__(self):
        super().__init__()
        self.steps, self.waits = [], []

    def on_train_batch_begin(self, batch, logs=None):
        begin = time.perf_counter()
        next(self.feed)
        self.begin = time.perf_counter()
        if batch:
            self.waits.append(self.begin - begin)

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(time.perf_counter() - self.begin)


if __name__ == "__main__":
    typer.run(main)
