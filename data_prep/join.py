"""Joins prepared sets into one, such as rendered heads and real people: `python -m data_prep.join SET SET --out DIR`.

    DIR/manifest.csv    all rows of all sets, in their order; files by their absolute paths, nothing is copied

Splits stay as they are. `uunet.data` pairs heads of one domain only, and gives every domain its share of each batch.
"""

import csv
import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from data_prep import command
from uunet import atomic
from uunet.data import manifest
from uunet.errors import UUNetError

COLUMNS = (*manifest.COLUMNS, "domain", "sha256")


class JoinError(UUNetError):
    """Sets that cannot be one."""


def join(folders: list[Path], out: Path) -> dict[str, int]:
    """Writes `out/manifest.csv`.

    Args:
        folders: prepared sets with the columns `COLUMNS`.
        out: folder, made if need be; it must not hold a manifest yet.

    Returns:
        dict from split to the number of heads.

    Raises:
        JoinError: if a subject is in two sets.
        DataError: if a manifest cannot be read or lacks a column.
        OutputError: if `out` cannot be written, or holds a manifest.
    """
    rows, owner = [], {}
    for k, folder in enumerate(folders):
        path = folder / "manifest.csv"
        if not path.is_file():
            raise manifest.DataError(f"{folder} has no manifest.csv; prepare a set first (see data_prep/README.md).")
        found = manifest.read_rows(path, COLUMNS)
        for row in found:
            other = owner.setdefault(row["subject"], k)
            if other != k:
                raise JoinError(
                    f"Subject {row['subject']} is in {folders[other]} and in {folder}: join sets of different people."
                )
            rows.append({name: row[name] for name in COLUMNS} | {"file": str((folder / row["file"]).resolve())})
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    atomic.make_folder(out)
    with atomic.new_file(out / "manifest.csv", overwrite=False) as part:
        part.write_text(text.getvalue(), encoding="utf-8")
    return {split: sum(row["split"] == split for row in rows) for split in manifest.SPLITS}


def _write(sets: command.Sets, out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the joined set.")]):
    heads = join(sets, out)
    print(f"{out} holds " + ", ".join(f"{count} heads to {split}" for split, count in heads.items()) + ".")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return command.run(_write, arguments, "join", __doc__)


if __name__ == "__main__":
    sys.exit(main())
