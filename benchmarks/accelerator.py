"""Ten minutes of one accelerator: D_a, then U_e, U_d and D_f by the paper's losses, from one file of heads.

    python -m data_prep.archive SET [SET ...] --out heads.npz
    python -m benchmarks.accelerator heads.npz --out DIR --minutes 9

Runs on JAX, from the root of a checkout. It needs Keras, NumPy, SciPy, OpenCV, scikit-image, scikit-learn and
safetensors; `benchmarks/accelerator.sh` installs what a machine without network may lack. The heads live on the
device, batches are drawn there, and one compiled call makes `checkpoint_every` steps (`uunet.training.resident`);
weights are float32, the networks compute in bfloat16, outputs and losses are float32.

DIR receives classifier.safetensors, log.csv (a row per call) and, every two minutes and at the end,
encoder.safetensors, decoder.safetensors and sheets/step_*.png (x | a | r), so that a run that is cut off leaves its
latest. The time counts from the start of Python and includes compilation.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

BEGIN = time.monotonic()
CLASSIFIER_SHARE = 0.3  # of the time, at most, for learning I
EVERY = 120.0  # seconds from one sheet to the next
AREA_BATCHES = 16  # of validation pairs


class Stage:
    """Makes steps, call by call, until they are enough or another call would end too late.

    Attributes:
        steps: int, steps done.
        compiling: float, seconds of the first call, which compiles.
        seconds: float, seconds of all others.
    """

    def __init__(self, name, call, most, until, log):
        self.name, self.call, self.most, self.until, self.log = name, call, most, until, log
        self.steps, self.compiling, self.seconds = 0, 0.0, 0.0

    def run(self, after=lambda: None):
        """Calls `after()` after each call of steps."""
        longest = 0.0
        while self.steps < self.most and time.monotonic() + longest < self.until:
            begin = time.monotonic()
            terms = self.call(self.steps)
            took = time.monotonic() - begin
            if self.steps:
                self.seconds, longest = self.seconds + took, max(longest, took)
            else:
                self.compiling = took
            self.steps += self.call.count
            self.log(self.name, self.steps, terms)
            after()

    def report(self, images, operations, peak):
        """One line: steps, images and share of the peak; without the first call, if there were others."""
        steps, seconds = self.steps - self.call.count, self.seconds
        if not steps:
            steps, seconds = self.steps, self.compiling
        rate = steps / max(seconds, 1e-9)
        return (
            f"{self.name}: {self.steps} steps, first call {self.compiling:.1f} s, the others {self.seconds:.1f} s; "
            f"{rate:.3g} steps/s, {images * rate:.4g} images/s; {operations / 1e12:.3g} TFLOP per step, "
            f"{100 * rate * operations / peak:.2g} % of {peak / 1e12:.3g} TFLOP/s"
        )


class Log:
    """log.csv: seconds since the start, stage, step, and the mean of each term over a call as JSON."""

    def __init__(self, path):
        self.path = path
        path.write_text("seconds,stage,step,terms\n")

    def __call__(self, stage, step, terms):
        rounded = json.dumps({name: float(f"{value:.5g}") for name, value in terms.items()}).replace('"', '""')
        with open(self.path, "a") as file:
            file.write(f'{time.monotonic() - BEGIN:.1f},{stage},{step},"{rounded}"\n')


def parser(description):
    """The options of both commands: an argparse.ArgumentParser to which one may add its own."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("heads", type=Path, help="archive of `python -m data_prep.archive`")
    result.add_argument("--out", type=Path, required=True, help="folder for the results, made if need be")
    result.add_argument("--minutes", type=float, default=9.0, help="time in all (9); the last files come right after")
    result.add_argument("--config", default="accelerator", help="a configuration of `uunet.config` (accelerator)")
    result.add_argument("--steps", type=int, help="of each stage, at most (default: the configuration's)")
    result.add_argument("--precision", default="mixed_bfloat16", help="Keras dtype policy (mixed_bfloat16)")
    result.add_argument("--seed", type=int, default=0, help="decides weights, batches and noise or codes (0)")
    return result


def main(run, options):
    """Runs a command, `run(options)`; returns the exit status."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    from uunet.errors import UUNetError

    try:
        run(options)
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(options):
    """Everything; see the top."""
    import jax
    import keras

    from benchmarks import training_throughput as throughput
    from data_prep import archive
    from uunet import atomic, data
    from uunet.training import provenance

    provenance.commit()  # remembered from here on: the checkout may change while this runs
    if keras.backend.backend() != "jax":
        raise data.DataError(f"This runs on JAX; KERAS_BACKEND is {keras.backend.backend()}: unset it.")
    # what is computed in float32 is meant to be: the channel resizes to within a fraction of 1/255
    jax.config.update("jax_default_matmul_precision", "highest")
    heads, validation = archive.read(options.heads)
    learning = configuration(options, heads.images.shape[1])
    data.check_pairs(heads, learning.classifier.labels)
    data.check_pairs(validation, learning.classifier.labels)
    atomic.make_folder(options.out)
    keras.mixed_precision.set_dtype_policy(options.precision)
    keras.utils.set_random_seed(options.seed)
    say(f"{len(heads.images)} heads of {len(heads.by_subject)} people; {provenance.device()}")
    peak = throughput.peak("bfloat16" if "bfloat16" in options.precision else "float32")
    log = Log(options.out / "log.csv")
    classifier, line = learn_one(options, learning.classifier, heads, validation, log, peak)
    say(line)
    say(learn_two(options, learning.adversarial, classifier, heads, validation, log, peak))


def configuration(options, size):
    """The `config.Config` asked for, with heads of this size, the steps and the seed."""
    from uunet import config

    if options.config not in config.BY_NAME:
        raise config.ConfigError(f"--config is one of {', '.join(config.BY_NAME)}; got {options.config}.")
    changes = {"size": size, "seed": options.seed} | ({} if options.steps is None else {"steps": options.steps})
    both = config.BY_NAME[options.config]
    return config.Config(
        dataclasses.replace(both.classifier, **changes), dataclasses.replace(both.adversarial, **changes)
    )


def learn_one(options, config, heads, validation, log, peak):
    """D_a by Eq. 3 -> keras.Model, the line to print."""
    from uunet import models
    from uunet.models import cost
    from uunet.training import classifier as learning
    from uunet.training import resident

    classifier = models.attribute_classifier(**learning.classifier_arguments(config))
    call = resident.Steps(
        learning.build_trainer(classifier, config), lambda held, step: resident.pair_batch(held, config, step),
        resident.load_pairs(heads), config.checkpoint_every,
    )  # fmt: skip
    stage = Stage("learning I", call, config.steps, BEGIN + 60 * options.minutes * CLASSIFIER_SHARE, log)
    stage.run()
    areas = learning.validate(classifier, validation, config, batches=AREA_BATCHES)
    made = record("accelerator", options, config, heads, stage)
    learning.save(classifier, config, options.out, made | {"validation_auc": areas})
    operations = 3 * config.batch_pairs * cost.flops(classifier)
    shown = ", ".join(f"{label} {'-' if area is None else f'{area:.3f}'}" for label, area in areas.items())
    return classifier, f"{stage.report(2 * config.batch_pairs, operations, peak)}; validation AUC: {shown}"


def learn_two(options, config, classifier, heads, validation, log, peak):
    """U_e, U_d and D_f by Eqs. 6, 7 and 13 -> the line to print."""
    from benchmarks import training_throughput as throughput
    from uunet.training import adversarial, callbacks, resident

    networks = adversarial.build_networks(config, classifier)
    call = resident.Steps(
        adversarial.build_trainer(networks, config), lambda held, step: resident.sequence_batch(held, config, step),
        resident.load_sequences(heads, config), config.checkpoint_every,
    )  # fmt: skip
    operations = throughput.step_operations(networks, config, "ours")
    sheets = callbacks.SampleSheet(options.out / "sheets", networks.encoder, networks.decoder, validation, config)
    sheets.set_params({"steps": 1})
    until = BEGIN + 60 * options.minutes
    stage = Stage("learning II", call, config.steps, until, log)

    def write():
        found = {}
        sheets.on_epoch_end(stage.steps - 1, found)
        adversarial.save(networks, config, options.out, record("accelerator", options, config, heads, stage))
        measured = ", ".join(f"{name} {value:.1f} dB" for name, value in found.items())
        say(f"{stage.report(config.batch_size, operations, peak)}; written; {measured}")

    due = max(time.monotonic(), BEGIN + EVERY)

    def after():
        nonlocal due
        now = time.monotonic()
        if now > due and until - now > EVERY / 2:  # else the last one comes soon
            write()
            due = now + EVERY

    stage.run(after)
    if not stage.steps:
        return "learning II: no time was left; allow more (--minutes)."
    write()
    return f"done after {time.monotonic() - BEGIN:.0f} s; use the weights with --weights {options.out}"


def record(module, options, config, heads, stage):
    """Provenance, as of `uunet train`; `module`: "accelerator" or "accelerator_generator"."""
    from uunet.training import provenance

    inputs = {"data_sha256": heads.sha256, "precision": options.precision}
    made = provenance.record(config, inputs, steps=stage.steps, seconds=stage.compiling + stage.seconds)
    return made | {"command": " ".join([f"python -m benchmarks.{module}", *sys.argv[1:]])}


def say(line):
    """Prints at once: a run that is cut off should have said what it did."""
    print(f"[{time.monotonic() - BEGIN:5.0f} s] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main(run, parser(__doc__).parse_args()))
