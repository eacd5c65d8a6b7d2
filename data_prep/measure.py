"""Measures prepared sets of heads: what is in them, what MTCNN finds, how well recognisers tell their people apart.

    python -m data_prep.measure heads --out heads.json     # measures, prints tables, keeps the record
    python -m data_prep.measure --table heads.json         # prints the tables of one or more records again

Recognisers are `dlib`, which never saw a rendered head, and a small CNN trained on the train split: on whole crops, on
the person alone and on the background alone. All are scored on pairs of *different sequences* of the test split, as
frames of one sequence share their background. An interval is the middle 95 % over 200 draws of the test people, with
repetition; it says little where they are fewer than twenty or so.
"""

import argparse
import csv
import datetime
import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import rich.console

from uunet import atomic
from uunet.data import SPLITS, DataError
from uunet.errors import UUNetError
from uunet.evaluation import alignment, judges, recognition
from uunet.evaluation import pairs as sampling
from uunet.evaluation.judges import dlib, own
from uunet.training import provenance

NETWORK_SIDE = own.SIDE  # pixels: the crops that the U-Nets see, too
BACKGROUND = (0, 13)  # codes of the parse map that are not the person: background, and what passes in front
YAW_LIMIT = 35  # degrees: up to here both eyes are in view

# edges of the bins in which the share of faces found is counted
BINS = {
    "yaw": ("yaw, degrees either side", [0, 30, 60, 181]),
    "pitch": ("pitch, degrees up or down", [0, 15, 30, 45, 91]),
    "native_size": ("native size, pixels", [0, 24, 32, 48, 64, 128, 10_000]),
}
WORN = ("eyewear", "headwear", "mask", "occluded")
LABELS = ("gender", "ethnicity", "hairstyle")
CROPS = {"crop": "whole crop", "person": "person only", "background": "background only"}
PAIRS = {"all": "all", "yaw": f"yaw < {YAW_LIMIT}", "hard": "same gender, ethnicity, hair"}


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

    def where(self, rows):
        """The Table of some rows: `rows` a bool or int array, or a slice."""
        return Table(self.folder, self.name, {name: values[rows] for name, values in self.columns.items()})


def read(folder):
    """The Table of the set in the Path `folder`.

    Raises:
        DataError: if there is no manifest, or a column is missing or not as documented.
    """
    manifest = folder / "manifest.csv"
    try:
        with open(manifest, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{manifest} cannot be read ({error}); name the folder of a set.") from error
    if not rows or any(None in row or None in row.values() for row in rows):
        raise DataError(f"{manifest} is empty or has an incomplete row; prepare the set again.")
    missing = {"file", "split", "subject", "sequence", *LABELS, *BINS} - set(rows[0])
    if missing:
        raise DataError(f"{manifest} lacks the column(s) {', '.join(sorted(missing))}; measure a set that has them.")
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    try:
        columns |= {name: columns[name].astype(float) for name in BINS}
    except ValueError as error:
        raise DataError(f"{manifest} has a word for a number ({error}); prepare the set again.") from error
    return Table(folder, columns["domain"][0] if "domain" in columns else folder.resolve().name, columns)


def _bytes(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); prepare the set again.") from error


def pictures(table, side=None, column="file"):
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


def contents(table):
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


def detection(table, faces):
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


def cross_sequence_pairs(table, rng):
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


def recogniser_rows(name, side, crop, embeddings, found, table, seed):
    """Scores one recogniser on all kinds of PAIRS of the test split: list of dicts.

    Args:
        name: str; side: int, pixels of the crops; crop: a key of CROPS. What the rows are called.
        embeddings: float `(N, d)`, for `judges.scores`.
        found: bool `(N,)`, whether a face was found in a crop; None for a recogniser that needs none.
        table: Table of the N crops.
        seed: int.
    """
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


def cnn_rows(table, seed, say):
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
            results[split] = recogniser_rows("CNN", NETWORK_SIDE, crop, embeddings, None, splits[split], seed)
        rows += results["test"]
        say(f"{table.name}: CNN on {CROPS[crop]}, {time.monotonic() - start:.0f} s, "
            f"validation AUC {_number(results['validation'][0]['auc'])}")  # fmt: skip
    return rows


def measure(table, *, cnn, seed, say):
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
        rows += recogniser_rows("dlib", side, "crop", embeddings, found, test, seed)
    if cnn:
        rows += cnn_rows(table, seed, say)
    found = detection(table, faces)
    return {"name": table.name, **counts, "detection": found, "recognition": rows, "sha256": _hash(table)}


def _hash(table):
    digest = hashlib.sha256((table.folder / "manifest.csv").read_bytes())
    for name in table["file"]:
        digest.update((table.folder / name).read_bytes())
    return digest.hexdigest()


def markdown(records):
    """The tables of some records, side by side, as Markdown text."""
    sets = [part for record in records for part in record["sets"]]
    origins = []
    for made in (record["provenance"] for record in records):
        origins.append(f"`{made['command']}`, commit {made['commit'][:7]}, seed {made['seed']}, {made['seconds']} s")
    tables = [table(sets) for table in (_contents_table, _detection_table, _recognition_table)]
    return "\n\n".join([*tables, "; ".join(origins)])


def _contents_table(sets):
    title = ["set", "people: train / validation / test", "sequences", "crops", "pixels", "people by label"]
    lines = [_line(title), "|" + "---|" * 6]
    for part in sets:
        people = " / ".join(str(part["people"][split]) for split in SPLITS)
        labels = [", ".join(f"{value} {count}" for value, count in part["labels"][label].items()) for label in LABELS]
        cells = [part["name"], people, part["sequences"], part["crops"], part["side"], "; ".join(labels)]
        lines.append(_line(cells))
    return "\n".join(lines)


def _detection_table(sets):
    lines = [_line(["MTCNN: faces found (mean confidence) of crops", "", *(part["name"] for part in sets)])]
    lines.append("|" + "---|" * (2 + len(sets)))
    rows = [{(row["by"], row["value"]): row for row in part["detection"] if row["crops"]} for part in sets]
    order = ["all", *(title for title, _ in BINS.values()), *WORN]
    keys = dict.fromkeys((row["by"], row["value"]) for part in sets for row in part["detection"])
    for by, value in sorted(keys, key=lambda key: order.index(key[0])):
        if not any((by, value) in part for part in rows):
            continue
        cells = [by, value]
        for row in (part.get((by, value)) for part in rows):
            cells.append(f"{100 * row['found']:.1f} % ({_number(row['confidence'])}) of {row['crops']}" if row else "–")
        lines.append(_line(cells))
    return "\n".join(lines)


def _recognition_table(sets):
    lines = ["| set | recogniser | sees | pairs | genuine | impostor | AUC | d', Eq. 14 | no face found |"]
    lines.append("|" + "---|" * 9)
    for part in sets:
        for row in part["recognition"]:
            sees = f"{CROPS[row['crop']]}, {row['side']} px"
            cells = [part["name"], row["recogniser"], sees, PAIRS[row["pairs"]], row["genuine"], row["impostor"]]
            cells += [_interval(row["auc"], row["auc_interval"]), _interval(row["d"], row["d_interval"])]
            cells.append("–" if row["no_face"] is None else f"{100 * row['no_face']:.1f} %")
            lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def _number(value):
    return "–" if value is None else f"{value:.3f}"


def _interval(value, interval):
    return "–" if value is None else f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.measure", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*", metavar="DIR", help="a prepared set")
    parser.add_argument("--out", type=Path, metavar="JSON", help="where the record goes")
    parser.add_argument("--no-cnn", action="store_true", help="leave out the networks that have to be trained")
    parser.add_argument("--seed", type=int, default=0, help="of pairs, draws and networks (default %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace --out if it exists")
    parser.add_argument("--table", type=Path, nargs="+", metavar="JSON", help="print records; measure nothing")
    options = parser.parse_args(arguments)
    if (options.table is None) == (not options.folders) or bool(options.folders) != bool(options.out):
        parser.error("give folders and --out, or --table alone")
    try:
        if options.table:
            print(markdown([_read_record(path) for path in options.table]))
        else:
            given = sys.argv[1:] if arguments is None else arguments
            _measure_all(options, " ".join(["python -m data_prep.measure", *given]))
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped; {options.out} was not written.", file=sys.stderr)
        return 130
    return 0


def _measure_all(options, command):
    start = time.monotonic()
    console = rich.console.Console(stderr=True)
    with atomic.new_file(options.out, overwrite=options.overwrite) as part:
        tables = [read(folder) for folder in options.folders]
        sets = [measure(table, cnn=not options.no_cnn, seed=options.seed, say=console.print) for table in tables]
        made = {
            "command": command,
            "commit": provenance.commit(),
            "seed": options.seed,
            "seconds": round(time.monotonic() - start),
            "device": provenance.device(),
            "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        record = {"provenance": made, "sets": sets}
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(markdown([record]))


def _read_record(path):
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); name a record that this command wrote.") from error
    if not isinstance(record, dict) or not record.get("provenance") or not record.get("sets"):
        raise DataError(f"{path} is not a record of this command; name one that it wrote by --out.")
    return record


if __name__ == "__main__":
    sys.exit(main())
