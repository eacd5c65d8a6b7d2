"""The Markdown tables of what `measure` found."""

import json
from pathlib import Path

from data_prep.synthetic.labels import LABELS
from uunet.data import SPLITS, DataError

YAW_LIMIT = 35  # degrees: up to here both eyes are in view
BINS = {  # edges of the bins in which the share of faces found is counted
    "yaw": ("yaw, degrees either side", [0, 30, 60, 181]),
    "pitch": ("pitch, degrees up or down", [0, 15, 30, 45, 91]),
    "native_size": ("native size, pixels", [0, 24, 32, 48, 64, 128, 10_000]),
}
WORN = ("eyewear", "headwear", "mask", "occluded")
CROPS = {"crop": "whole crop", "person": "person only", "background": "background only"}
PAIRS = {"all": "all", "yaw": f"yaw < {YAW_LIMIT}", "hard": "same gender, ethnicity, hair"}


def markdown(records: list[dict]) -> str:
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
            cells.append(f"{100 * row['found']:.1f} % ({number(row['confidence'])}) of {row['crops']}" if row else "–")
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


def number(value: float | None) -> str:
    """Three digits, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def _interval(value, interval):
    return "–" if value is None else f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def read_record(path: Path) -> dict:
    """A record that `measure` wrote; raises DataError if it is none."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); name a record that this command wrote.") from error
    if not isinstance(record, dict) or not record.get("provenance") or not record.get("sets"):
        raise DataError(f"{path} is not a record of this command; name one that it wrote by --out.")
    return record
