"""Writes a data set of rendered heads, or checks one: `python -m data_prep.synthetic --help`."""

import functools
import os
import signal
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import rich.progress
import typer

from data_prep import command
from data_prep.synthetic import dataset, domain, lineup, twin

Split = StrEnum("Split", {name: name for name in dataset.SPLITS})


def _number(meaning):
    """The type of an option that changes a number of the preset."""
    return Annotated[int | None, typer.Option(metavar="N", help=f"{meaning} (default: the preset's).")]


def _render(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Render a data set into DIR, or complete one.")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Check every file of DIR against its manifest.")
    ] = None,
    footage: Annotated[str, typer.Option("--domain", help=f"{', '.join(domain.DOMAINS)}.")] = "cctv",
    preset: Annotated[str, typer.Option(help=f"{', '.join(dataset.PRESETS)}.")] = "full",
    twins: Annotated[
        str | None, typer.Option(metavar="S", help="Render the twins, too, that agree as S says: --twins=-1,1,1,1")
    ] = None,
    people: Annotated[
        int | None,
        typer.Option("--lineup", metavar="N", help="Render line-ups of N people, too: a test person and N - 1 others."),
    ] = None,
    lineup_frames: Annotated[int, typer.Option(metavar="N", help="Line-ups per sequence.")] = 1,
    only: Annotated[
        Split | None, typer.Option(help="Render twins and line-ups of this split's people only (default: all).")
    ] = None,
    part: Annotated[
        Split | None, typer.Option("--split", help="Render this split's people only, and twins and line-ups of them.")
    ] = None,
    identities: _number("How many people") = None,
    sequences: _number("Sequences per person") = None,
    frames: _number("Frames per sequence") = None,
    seed: _number("Seed of the first person") = None,
    workers: command.Workers = 2,
):
    if (out is None) == (verify is None):
        raise typer.BadParameter("give one of them", param_hint="--out, --verify")
    if verify:
        _verify(verify)
        return
    changes = {"identities": identities, "sequences": sequences, "frames": frames, "seed": seed}
    plan = dataset.preset(preset, footage, **{name: value for name, value in changes.items() if value is not None})
    s = twin.parse(twins) if twins else None
    people_of = part and part.value
    split = only.value if only else people_of
    if people_of not in (None, split):
        raise typer.BadParameter(f"{split} is not rendered with --split {people_of}", param_hint="--only")
    lineups = None if people is None else lineup.Plan(plan, people, lineup_frames, split)
    count = plan.sequences * plan.frames * len(plan.people(people_of))
    _write(functools.partial(dataset.write, only=people_of), (out, plan, workers), "crops", count)
    if s:
        count = plan.sequences * plan.frames * len(plan.people(split))
        write = functools.partial(dataset.write_twins, only=split)
        _write(write, (out, plan, s, workers), f"twins {twins}", count)
    if lineups:
        what = f"fillers of line-ups of {lineups.people}"
        _write(lineup.write, (out, lineups, workers), what, lineups.pictures())


def _verify(folder):
    crops, people, twins, fillers = dataset.verify(folder)
    print(f"{folder} is intact: {crops} crops of {people} identities, {twins} twins, {fillers} fillers of line-ups.")


def _write(write, arguments, what, pictures):
    """Calls a writer of so many pictures with a progress bar. Says what there is now, and how fast it was."""
    columns = *rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn()
    found = []  # numbers of complete pictures; the first is that before the start
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


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return command.run(_render, arguments, "synthetic", __doc__, command.COMPLETED)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: nothing half-written stays
    sys.exit(main())
