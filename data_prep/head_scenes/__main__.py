"""Makes an archive of small scenes with true head boxes, to train the head detector on.

    python -m data_prep.head_scenes --out heads.npz --lfw LFW --lists LISTS --boxes lfw64

The scenes show rendered people from all sides and, with --lfw, training people of LFW's photographs. The people, the
photographs and the panoramas of the tenth for validation are in no scene for training. Beside the archive, heads.png
shows 32 scenes with their boxes: heads green, boxes to ignore red.
"""

import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import rich.progress
import typer

from data_prep import command, processes
from data_prep.head_scenes import scenes, units
from uunet import atomic
from uunet.data import head_scenes as archive

SHOWN = 32  # pictures on the sheet


def sheet(split: archive.Scenes) -> np.ndarray:
    """Some scenes with their boxes, eight in a row: uint8, RGB."""
    places = range(0, len(split.files), max(1, len(split.files) // SHOWN))[:SHOWN]
    drawn = [((split.ignored[k], (255, 60, 60)), (split.boxes[k], (60, 255, 60))) for k in places]
    return archive.sheet([(split.picture(k), some) for k, some in zip(places, drawn, strict=True)], across=8)


def _make(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The archive, .npz; a sheet, .png, goes beside it.")],
    tree: Annotated[Path | None, typer.Option("--lfw", metavar="DIR", help="LFW, extracted.")] = None,
    lists: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder with peopleDevTrain.txt.")] = None,
    boxes: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A set of data_prep.lfw to take the head boxes from.")
    ] = None,
    pictures: Annotated[int, typer.Option(min=2 * units.PICTURES, help="How many scenes.")] = 6000,
    seed: Annotated[int, typer.Option(min=0, max=2, help="Which people, and all that is random.")] = 0,
    workers: command.Workers = 2,
    overwrite: command.Overwrite = False,
):
    if out.suffix != ".npz":
        raise units.HeadScenesError(f"{out} is no .npz; give --out a name that ends with .npz.")
    if (tree is None) != (lists is None) or (boxes and not tree):
        raise units.HeadScenesError("Give --lfw and --lists together; --boxes is for them.")
    photographs = units.read_photographs(tree, lists, boxes) if tree and lists else {}
    planned = units.plan(pictures, photographs, seed)
    start, made = time.perf_counter(), {}
    with atomic.new_file(out.with_suffix(".png"), overwrite=overwrite) as picture:
        columns = *rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn()
        with rich.progress.Progress(*columns) as progress:
            bar = progress.add_task("scenes", total=pictures)
            for unit, found in processes.each(units.film, planned, workers):
                made[unit.number] = found
                progress.update(bar, advance=len(found))
        of_split = ([], [])
        for k, unit in enumerate(planned):
            of_split[k % units.VALIDATION == 1].extend(made[unit.number])
        splits = [
            archive.Scenes([one[0] for one in some], [one[1] for one in some], [one[2] for one in some], scenes.SIZE)
            for some in of_split
        ]
        recipe = {"pictures": pictures, "seed": seed, "lfw": tree is not None, "boxes": boxes is not None}
        archive.write(out, splits, recipe, overwrite=overwrite)
        picture.write_bytes(cv2.imencode(".png", sheet(splits[0])[..., ::-1])[1].tobytes())
    own = sum(len(one[1]) for some in of_split for one in some)
    print(
        f"{out} holds {len(of_split[0])} scenes for training and {len(of_split[1])} for validation, {own} heads: "
        f"{out.stat().st_size / 1e6:.0f} MB in {time.perf_counter() - start:.0f} s."
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return command.run(_make, arguments, "head_scenes", __doc__)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: nothing half-written stays
    sys.exit(main())
