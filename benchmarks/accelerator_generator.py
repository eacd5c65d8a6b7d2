"""Minutes of one accelerator: the generator and its critic, from one file of heads and a reader.

    python -m data_prep.archive SET [SET ...] --out heads.npz
    python -m benchmarks.accelerator_generator heads.npz reader.safetensors --out DIR --minutes 9

Runs on JAX, from the root of a checkout, as `benchmarks.accelerator` does. DIR receives log.csv (a row per call) and,
every minute and at the end, generator.safetensors, the average of the weights, and sheets/step_*.png (x | the
surroundings | a for four codes). The time counts from the start of Python and includes compilation.
"""

import dataclasses
import functools
import sys
import time
from pathlib import Path

from benchmarks import accelerator


def parsed():
    """The command line."""
    parser = accelerator.parser(__doc__)
    parser.add_argument("reader", type=Path, help="reader.safetensors of `uunet train-reader`")
    parser.add_argument("--every", type=float, default=60.0, help="seconds from one sheet to the next (60)")
    parser.add_argument("--classifier", type=Path, help="D_a, for configurations with identity terms")
    parser.add_argument("--start", type=Path, help="folder of a run of `uunet train-generator` to start from")
    return parser.parse_args()


def run(options):
    """Everything; see the top."""
    import keras

    from benchmarks import training_throughput as throughput
    from data_prep import archive
    from uunet import atomic, data
    from uunet.models import cost
    from uunet.training import callbacks, generation, identity, provenance, resident, resident_generation
    from uunet.training import reader as reading

    provenance.commit()  # remembered from here on: the checkout may change while this runs
    if keras.backend.backend() != "jax":
        raise data.DataError(f"This runs on JAX; KERAS_BACKEND is {keras.backend.backend()}: unset it.")
    heads, validation = archive.read(options.heads)
    config = configuration(options, heads.images.shape[1])
    reads = reading.load(options.reader)  # before the policy: it computes in float32
    told = reading.told(reads, heads)
    d_a = identity.load(options.classifier, config)
    atomic.make_folder(options.out)
    keras.mixed_precision.set_dtype_policy(options.precision)
    keras.utils.set_random_seed(options.seed)
    accelerator.say(f"{len(heads.images)} heads of {len(heads.by_subject)} people; {provenance.device()}")
    generator, critic = generation.build_networks(config)
    trainer, optimizer = generation.build_trainer(generator, critic, config, d_a)
    if options.start:
        generation.start_from(options.start, (generator, critic), optimizer, config)
    call = resident.Steps(
        trainer, lambda held, step: resident_generation.generation_batch(held, config, step),
        resident_generation.load_told(heads, told), config.checkpoint_every,
    )  # fmt: skip
    until = accelerator.BEGIN + 60 * options.minutes
    stage = accelerator.Stage("generator", call, config.steps, until, accelerator.Log(options.out / "log.csv"))
    operations = config.batch * (4 * cost.flops(generator) + 10.5 * cost.flops(critic))
    peak = throughput.peak("bfloat16" if "bfloat16" in options.precision else "float32")

    def save(_):
        made = accelerator.record("accelerator_generator", options, config, heads, stage)
        generation.save(generator, config, options.out, made)

    sheets = callbacks.GeneratorSheet(
        options.out / "sheets", (generator, optimizer), validation, functools.partial(reading.told, reads), config, save
    )
    sheets.set_params({"steps": 1})
    due = time.monotonic() + options.every

    def after():
        nonlocal due
        if time.monotonic() > due:
            write()
            due = time.monotonic() + options.every

    def write():
        found = {}
        sheets.on_epoch_end(stage.steps - 1, found)
        line = stage.report(config.batch, operations, peak)
        accelerator.say(f"{line}; written; difference {found['difference']:.3f}")

    stage.run(after)
    if not stage.steps:
        accelerator.say("generator: no time was left; allow more (--minutes).")
        return
    write()
    accelerator.say(f"done after {time.monotonic() - accelerator.BEGIN:.0f} s")


def configuration(options, size):
    """The `config.GeneratorConfig` asked for, with heads of this size, the steps and the seed."""
    from uunet import config

    if options.config not in config.GENERATORS_BY_NAME:
        raise config.ConfigError(f"--config is one of {', '.join(config.GENERATORS_BY_NAME)}; got {options.config}.")
    changes = {"size": size, "seed": options.seed} | ({} if options.steps is None else {"steps": options.steps})
    return dataclasses.replace(config.GENERATORS_BY_NAME[options.config], **changes)


if __name__ == "__main__":
    sys.exit(accelerator.main(run, parsed()))
