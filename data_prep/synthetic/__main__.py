"""Writes a data set of rendered heads, or checks one: `python -m data_prep.synthetic --help`."""

import argparse
import functools
import os
import signal
import sys
import time
from pathlib import Path

import rich.progress

from data_prep.synthetic import dataset, domain, lineup, twin
from uunet.data import manifest
from uunet.errors import UUNetError


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m data_prep.synthetic", description=__doc__)
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--out", type=Path, metavar="DIR", help="render a data set into DIR, or complete one")
    task.add_argument("--verify", type=Path, metavar="DIR", help="check every file of DIR against its manifest")
    parser.add_argument("--domain", default="cctv", help=f"{', '.join(domain.DOMAINS)} (default %(default)s)")
    parser.add_argument("--preset", default="full", help=f"{', '.join(dataset.PRESETS)} (default %(default)s)")
    parser.add_argument("--twins", metavar="S", help="render the twins, too, that agree as S says: --twins=-1,1,1,1")
    parser.add_argument(
        "--lineup", type=int, metavar="N", help="render line-ups of N people, too: each test person and N - 1 others"
    )
    parser.add_argument(
        "--lineup-frames", type=int, default=1, metavar="N", help="line-ups a sequence (default %(default)s)"
    )
    parser.add_argument(
        "--only", choices=manifest.SPLITS, help="render twins and line-ups of this split's people only (default: all)"
    )
    for name, meaning in (
        ("identities", "how many people"),
        ("sequences", "sequences a person"),
        ("frames", "frames a sequence"),
        ("seed", "seed of the first person"),
    ):
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{meaning} (default: the preset's)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        if options.verify:
            crops, identities, twins, fillers = dataset.verify(options.verify)
            print(
                f"{options.verify} is intact: {crops} crops of {identities} identities, {twins} twins, {fillers} "
                "fillers of line-ups."
            )
        else:
            changes = {name: getattr(options, name) for name in ("identities", "sequences", "frames", "seed")}
            given = {name: value for name, value in changes.items() if value is not None}
            plan = dataset.preset(options.preset, options.domain, **given)
            s = twin.parse(options.twins) if options.twins else None
            lineups = None
            if options.lineup is not None:
                lineups = lineup.Plan(plan, options.lineup, options.lineup_frames, options.only)
            heads = plan.identities * plan.sequences * plan.frames
            _write(dataset.write, (options.out, plan, options.workers), "crops", heads)
            if s:
                people = [one for one in plan.subjects if options.only in (None, plan.split(one))]
                write = functools.partial(dataset.write_twins, only=options.only)
                count = len(people) * plan.sequences * plan.frames
                _write(write, (options.out, plan, s, options.workers), f"twins {options.twins}", count)
            if lineups:
                what = f"fillers of line-ups of {lineups.people}"
                _write(lineup.write, (options.out, lineups, options.workers), what, lineups.pictures())
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped; run the same command again to complete {options.out}.", file=sys.stderr)
        return 130
    return 0


def _write(write, arguments, what, pictures):
    """Calls a writer of so many pictures with a progress bar; says what there is now, and how fast it was."""
    columns = *rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn()
    found = []  # numbers of complete pictures, the first is that before the start
    start, before = time.perf_counter(), os.times()
    with rich.progress.Progress(*columns) as progress:
        bar = progress.add_task(what, total=pictures)

        def show(done):
            found.append(done)
            progress.update(bar, completed=done)

        write(*arguments, show)
    print(f"{arguments[0]} holds {pictures} {what}.")
    if found[-1] > found[0]:
        new, seconds, after = found[-1] - found[0], time.perf_counter() - start, os.times()
        core = after.children_user + after.children_system - before.children_user - before.children_system
        print(
            f"{new} were rendered in {seconds:.0f} s: {new / seconds:.1f} heads a second, "
            f"{core / new:.3f} s of a core a head."
        )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: nothing half-written stays
    sys.exit(main())
