"""Measures prepared sets of heads: what is in them, what MTCNN finds, how well recognisers tell their people apart.

    python -m data_prep.measure heads --out heads.json     # measures, prints tables, keeps the record
    python -m data_prep.measure --table heads.json         # prints the tables of one or more records again

Recognisers are `dlib`, which never saw a rendered head, and a small CNN trained on the train split: on whole crops, on
the person alone and on the background alone. All are scored on pairs of *different sequences* of the test split, as
frames of one sequence share their background. An interval is the middle 95 % over 200 draws of the test people, with
repetition; it says little where they are fewer than twenty or so.
"""

import datetime
import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import rich.console
import typer

from data_prep import command, measured_tables
from data_prep.measured_tables import BINS, CROPS, WORN, YAW_LIMIT, number
from data_prep.synthetic.labels import LABELS
from uunet import atomic
from uunet.data import SPLITS, DataError, manifest
from uunet.evaluation import alignment, judges, recognition
from uunet.evaluation import pairs as sampling
from uunet.evaluation.judges import dlib, own
from uunet.training import provenance

NETWORK_SIDE = own.SIDE  # pixels: the crops that the U-Nets see, too
BACKGROUND = (0, 13)  # codes of the parse map that are not the person: background, and what passes in front


@dataclass(frozen=True)
class Table:
    """The manifest of one set.

    Attributes:
        folder: Path.
        name: str, its domain, or the folder's name.
        columns: dict name -> array `(N,)`, float64 for yaw, pitch and native_size, else str.
    """

    folder: Path
    name: str
    columns: dict

    def __getitem__(self, column):
        return self.columns[column]

    def where(self, rows: np.ndarray | slice | list) -> "Table":
        """The Table of some rows: `rows` a bool or int array, or a slice."""
        return Table(self.folder, self.name, {name: values[rows] for name, values in self.columns.items()})


def read(folder: Path) -> Table:
    """The Table of a set.

    Raises:
        DataError: if there is no manifest, or a column is missing or not as documented.
    """
    path = folder / "manifest.csv"
    rows = manifest.read_rows(path, (*manifest.COLUMNS, *BINS))
    if not rows:
        raise DataError(f"{path} is empty; prepare the set again.")
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    try:
        columns |= {name: columns[name].astype(float) for name in BINS}
    except ValueError as error:
        raise DataError(f"{path} has a word for a number ({error}); prepare the set again.") from error
    return Table(folder, columns["domain"][0] if "domain" in columns else folder.resolve().name, columns)


def _bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); prepare the set again.") from error


def pictures(table: Table, side: int | None = None, column: str = "file") -> np.ndarray:
    """The crops of a Table, or its parse maps (`column="parse"`), resized to `side` unless that is None.

    Returns:
        uint8 `(N, side, side, 3)` RGB, or `(N, side, side)` codes.

    Raises:
        DataError: naming a picture that cannot be read or has another size than the first.
    """
    found = []
    hashes = table.columns.get("parse_sha256" if column == "parse" else "sha256")
    for k, name in enumerate(table[column]):
        if hashes is not None and hashlib.sha256(_bytes(table.folder / name)).hexdigest() != hashes[k]:
            raise DataError(f"{table.folder / name} is not the file that the manifest lists; prepare the set again.")
        image = cv2.imread(str(table.folder / name), cv2.IMREAD_GRAYSCALE if column == "parse" else cv2.IMREAD_COLOR)
        if image is None or (found and side is None and image.shape != found[0].shape):
            raise DataError(f"{table.folder / name} cannot be read or has another size than the set's first crop.")
        if side not in (None, len(image)):
            method = cv2.INTER_NEAREST if column == "parse" else cv2.INTER_AREA
            image = cv2.resize(image, (side, side), interpolation=method)
        found.append(image)
    found = np.stack(found)
    return found if column == "parse" else np.ascontiguousarray(found[..., ::-1])


def contents(table: Table) -> dict:
    """What a set holds: dict of counts."""
    return {
        "people": {split: len(np.unique(table["subject"][table["split"] == split])) for split in SPLITS},
        "sequences": len(np.unique(np.char.add(np.char.add(table["subject"], "/"), table["sequence"]))),
        "crops": len(table["file"]),
        "side": pictures(table.where([0])).shape[1],
        "labels": {
            label: {value: len(np.unique(table["subject"][table[label] == value])) for value in np.unique(table[label])}
            for label in LABELS
        },
    }


def detection(table: Table, faces: alignment.Faces) -> list[dict]:
    """How many faces MTCNN finds, and its mean confidence in them, by pose, size and what is worn.

    Args:
        table: Table of N crops.
        faces: `alignment.Faces` of them.

    Returns:
        list of dicts `by`, `value`, `crops`, `found` (share), `confidence`; the last two None where there is nothing.
    """
    groups = [("all", "", np.ones(len(faces.found), bool))]
    for name, (title, edges) in BINS.items():
        for low, high in zip(edges, edges[1:], strict=False):
            label = f"{low} to {high}" if high != edges[-1] else f"{low} and more"
            groups.append((title, label, (np.abs(table[name]) >= low) & (np.abs(table[name]) < high)))
    for item in WORN:
        if item in table.columns:
            groups += [(item, value, table[item] == value) for value in np.unique(table[item])]
    return [
        {
            "by": by,
            "value": value,
            "crops": int(rows.sum()),
            "found": float(faces.found[rows].mean()) if rows.any() else None,
            "confidence": float(faces.confidence[rows & faces.found].mean()) if faces.found[rows].any() else None,
        }
        for by, value, rows in groups
    ]


def cross_sequence_pairs(table: Table, rng: np.random.Generator) -> dict:
    """All pairs of one person in two sequences; all pairs, or `pairs.IMPOSTORS` random ones, of two people.

    Args:
        table: Table of N crops.
        rng: numpy Generator.

    Returns:
        dict "all" and "hard" -> (genuine, impostor): int `(n, 2)`, rows of the table; "hard" impostors agree in gender,
        ethnicity and hairstyle.
    """
    genuine, impostor = sampling.among(table["subject"], table["sequence"])
    first, second = impostor.T
    hard = impostor[np.all([table[label][first] == table[label][second] for label in LABELS], axis=0)]
    return {
        name: (genuine, sampling.at_most(part, sampling.IMPOSTORS, rng))
        for name, part in (("all", impostor), ("hard", hard))
    }


def recogniser_rows(
    seen: tuple, embeddings: np.ndarray, found: np.ndarray | None, table: Table, seed: int
) -> list[dict]:
    """Scores one recogniser on all kinds of `measured_tables.PAIRS` of the test split.

    Args:
        seen: what the rows are called: name of the recogniser, pixels of the crops, a key of `measured_tables.CROPS`.
        embeddings: float `(N, d)`, for `judges.scores`.
        found: bool `(N,)`, whether a face was found in a crop; None for a recogniser that needs none.
        table: of the N crops.
    """
    name, side, crop = seen
    rng = np.random.default_rng(seed)
    pairs = cross_sequence_pairs(table, rng)
    everything = np.ones(len(embeddings), bool)
    frontal = np.abs(table["yaw"]) < YAW_LIMIT
    rows = []
    for kind, wanted, (genuine, impostor) in (
        ("all", everything, pairs["all"]),
        ("yaw", frontal, pairs["all"]),
        ("hard", everything, pairs["hard"]),
    ):
        usable = wanted if found is None else wanted & found
        result = recognition.separation(
            lambda part: judges.scores(embeddings[part[:, 0]], embeddings[part[:, 1]]),
            genuine[usable[genuine].all(axis=1)],
            impostor[usable[impostor].all(axis=1)],
            table["subject"],
            rng,
        )
        no_face = float(1 - found[wanted].mean()) if found is not None and wanted.any() else None
        rows.append({"recogniser": name, "side": side, "crop": crop, "pairs": kind, "no_face": no_face} | result)
    return rows


def cnn_rows(table: Table, seed: int, say: Callable[[str], None]) -> list[dict]:
    """Trains and scores a CNN on each kind of crop that the set allows: list of dicts as `recogniser_rows` gives."""
    rows = []
    splits = {split: table.where(table["split"] == split) for split in SPLITS}
    images = {split: pictures(part, NETWORK_SIDE) for split, part in splits.items()}
    person = {}
    if "parse" in table.columns:
        person = {split: ~np.isin(pictures(part, NETWORK_SIDE, "parse"), BACKGROUND) for split, part in splits.items()}
    for crop in CROPS if person else ("crop",):
        shown = images
        if crop != "crop":
            kept = {split: mask if crop == "person" else ~mask for split, mask in person.items()}
            shown = {split: images[split] * kept[split][..., None].astype(np.uint8) for split in SPLITS}
        start = time.monotonic()
        network = own.train(shown["train"], splits["train"]["subject"], seed)
        results = {}
        for split in ("validation", "test"):
            embeddings = network.predict(shown[split], batch_size=256, verbose=0)
            results[split] = recogniser_rows(("CNN", NETWORK_SIDE, crop), embeddings, None, splits[split], seed)
        rows += results["test"]
        say(f"{table.name}: CNN on {CROPS[crop]}, {time.monotonic() - start:.0f} s, "
            f"validation AUC {number(results['validation'][0]['auc'])}")  # fmt: skip
    return rows


def measure(table: Table, *, cnn: bool, seed: int, say: Callable[[str], None]) -> dict:
    """The record of one set: dict of JSON values."""
    for split in SPLITS if cnn else ("test",):
        if split not in table["split"]:
            raise DataError(f"{table.folder / 'manifest.csv'} has no row in split {split!r}; prepare a larger set.")
    faces = []
    for start in range(0, len(table["file"]), 512):  # a part at a time: crops of 256 pixels would fill the memory
        say(f"{table.name}: MTCNN, crop {start} of {len(table['file'])}")
        faces.append(alignment.find_faces(pictures(table.where(slice(start, start + 512)))))
    faces = alignment.joined(faces)
    test = table.where(table["split"] == "test")
    counts = contents(table)
    rows = []
    for side in sorted({counts["side"], NETWORK_SIDE}, reverse=True):
        say(f"{table.name}: dlib at {side} pixels")
        embeddings, found = dlib.judge(pictures(test, side))
        rows += recogniser_rows(("dlib", side, "crop"), embeddings, found, test, seed)
    if cnn:
        rows += cnn_rows(table, seed, say)
    found = detection(table, faces)
    return {"name": table.name, **counts, "detection": found, "recognition": rows, "sha256": _hash(table)}


def _hash(table):
    digest = hashlib.sha256((table.folder / "manifest.csv").read_bytes())
    for name in table["file"]:
        digest.update((table.folder / name).read_bytes())
    return digest.hexdigest()


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    asked = " ".join(["python -m data_prep.measure", *(sys.argv[1:] if arguments is None else arguments)])

    def measure_all(
        paths: Annotated[
            list[Path] | None, typer.Argument(metavar="DIR...", help="Prepared sets; with --table, records.")
        ] = None,
        out: Annotated[Path | None, typer.Option(metavar="JSON", help="Where the record goes.")] = None,
        no_cnn: Annotated[bool, typer.Option("--no-cnn", help="Leave out the networks that must be trained.")] = False,
        seed: Annotated[int, typer.Option(help="Of pairs, draws and networks.")] = 0,
        overwrite: command.Overwrite = False,
        table: Annotated[bool, typer.Option("--table", help="Print records; measure nothing.")] = False,
    ):
        if not paths or table == bool(out):
            raise typer.BadParameter("give folders and --out, or --table and records", param_hint="DIR")
        if table:
            print(measured_tables.markdown([measured_tables.read_record(path) for path in paths]))
            return
        with atomic.new_file(out, overwrite=overwrite) as part:
            record = _record(paths, asked, cnn=not no_cnn, seed=seed)
            part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        print(measured_tables.markdown([record]))

    return command.run(measure_all, arguments, "measure", __doc__)


def _record(folders, asked, *, cnn, seed):
    """Measures all sets; `asked` is the command."""
    start = time.monotonic()
    console = rich.console.Console(stderr=True)
    tables = [read(folder) for folder in folders]
    sets = [measure(table, cnn=cnn, seed=seed, say=console.print) for table in tables]
    made = {
        "command": asked,
        "commit": provenance.commit(),
        "seed": seed,
        "seconds": round(time.monotonic() - start),
        "device": provenance.device(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    return {"provenance": made, "sets": sets}


if __name__ == "__main__":
    sys.exit(main())
