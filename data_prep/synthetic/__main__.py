"""Writes a data set of rendered heads, or checks one: `python -m data_prep.synthetic --help`."""

import argparse
import sys
from pathlib import Path

import rich.progress

from data_prep.synthetic import dataset
from uunet.errors import UUNetError


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m data_prep.synthetic", description=__doc__)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--out", type=Path, metavar="DIR", help="render a data set into DIR, or complete one")
    task.add_argument("--verify", type=Path, metavar="DIR", help="check every file of DIR against its manifest")
    parser.add_argument("--identities", type=int, default=480, help="how many people (default %(default)s)")
    parser.add_argument("--sequences", type=int, default=4, help="sequences a person (default %(default)s)")
    parser.add_argument("--frames", type=int, default=6, help="frames a sequence (default %(default)s)")
    parser.add_argument("--seed", type=int, default=10000, help="seed of the first person (default %(default)s)")
    parser.add_argument(
        "--cycle",
        type=int,
        default=10,
        help="of every CYCLE people the last is for testing, the one before for validation (default %(default)s)",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        if options.verify:
            crops, identities = dataset.verify(options.verify)
            print(f"{options.verify} is intact: {crops} crops of {identities} identities.")
        else:
            plan = dataset.Plan(options.identities, options.sequences, options.frames, options.seed, options.cycle)
            with rich.progress.Progress(
                *rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn()
            ) as progress:
                bar = progress.add_task("identities", total=plan.identities)
                dataset.write(options.out, plan, options.workers, lambda done: progress.update(bar, completed=done))
            print(f"{options.out} holds {plan.identities * plan.sequences * plan.frames} crops.")
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped; run the same command again to complete {options.out}.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
