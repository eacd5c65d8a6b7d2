"""Which heads of real footage detectors find, and which stay uncovered after tracking.

    python -m benchmarks.head_recall FOLDER                                    both halves, both detectors
    python -m benchmarks.head_recall FOLDER --half report -o head-recall.json  with a record

FOLDER holds the clips that benchmarks/heads/*.json label; benchmarks/heads/README.md says where they come from. A clip
that is missing is named, and the others are measured.

Two results for each detector and clip, each by size (the larger side of the labelled box) and pose:

1. Found: the detector sees each labelled frame alone. A head is found if a head box of its own covers it
   (benchmarks/matching.py): at least 60 % of the labelled box is inside, and the box is at most 8 times as large. This
   measures whether a head is replaced, not whether two boxes are alike: a detected box may be a wide square around the
   head. ms per frame is the wall time of detection in these frames, in the pipeline's batches.
2. Uncovered: the whole clip is detected and tracked as in `uunet deidentify`. A head is uncovered if no box of its
   frame covers it; one box may cover two heads. --around N is quicker: it detects only N frames on each side of each
   labelled frame. Tracks then begin and end with these frames: N should be 30 or more.

A box that covers no head and does not have its centre in an ignored region is a false alarm.
"""

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks import matching
from data_prep.heads import DETECTORS
from uunet.boxes import detection
from uunet.boxes.detection import Detector
from uunet.boxes.types import Roi
from uunet.evaluation.tables import markdown
from uunet.media import video_reading
from uunet.training import provenance

LABELS = Path(__file__).parent / "heads"
SIZES = {  # a head of 40 pixels is in the last two
    "8-10 px": (8, 10), "10-16 px": (10, 16), "16-32 px": (16, 32), "32+ px": (32, np.inf), "16+ px": (16, np.inf),
}  # fmt: skip
POSES = ("front", "side", "back")
GROUPS = ("all", *SIZES, *POSES)
HALVES = ("choose", "report")
HELP = {
    "folder": "Folder of the clips.",
    "detector": f"Name of a detector, repeatable: {', '.join(DETECTORS)}. By default, all.",
    "half": f"Labelled frames to measure: {' or '.join(HALVES)}. By default, both.",
    "around": "Track only this many frames on each side of each labelled frame.",
    "out": "A record as JSON, which is replaced.",
}


def main(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help=HELP["folder"])],
    detector: Annotated[list[str] | None, typer.Option(metavar="NAME", help=HELP["detector"])] = None,
    half: Annotated[str | None, typer.Option(help=HELP["half"])] = None,
    around: Annotated[int | None, typer.Option(min=0, help=HELP["around"])] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE.json", help=HELP["out"])] = None,
) -> None:
    """Prints recall, uncovered heads, false alarms and time of each detector as Markdown tables."""
    begin = time.perf_counter()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    if half not in (None, *HALVES):
        raise typer.BadParameter(f"there is no half {half!r}: give {' or '.join(HALVES)}.")
    if unknown := set(detector or []) - set(DETECTORS):
        raise typer.BadParameter(f"there is no detector {min(unknown)!r}: give one of {', '.join(DETECTORS)}.")
    labels = [label for label in map(_read, sorted(LABELS.glob("*.json"))) if _is_there(label, folder)]
    if not labels:
        raise typer.BadParameter(f"{folder} holds none of the labelled clips.")
    rows = []
    for name in detector or DETECTORS:
        try:
            rows += measure_detector(name, DETECTORS[name](), labels, folder, half, around)
        except detection.DetectorError as error:
            typer.echo(str(error), err=True)
    print(report(rows))
    if out is not None:
        command = f"python -m benchmarks.head_recall CLIPS{_options(detector, half, around)}"
        made = provenance.made(0, time.perf_counter() - begin) | {"command": command, "load": os.getloadavg()[1]}
        kept = {"half": half or "both", "around": around, "clips": {one["clip"]: one["sha256"] for one in labels}}
        out.write_text(json.dumps(kept | {"rows": rows, "provenance": made}, indent=1) + "\n")


def measure_detector(
    name: str, detector: Detector, labels: list[dict], folder: Path, half: str | None, around: int | None
) -> list[dict]:
    """The rows of a detector: one per clip, and one of all clips together if there are several.

    Args:
        name, detector: the name in the rows, and the detector.
        labels: list of the contents of benchmarks/heads/*.json.
        folder: of the clips.
        half: of the labelled frames, "choose" or "report"; None for both.
        around: frames to track on each side of each labelled frame; None for the whole clip.

    Returns:
        list of dicts of JSON values. `heads`, `found` and `covered` are counts by group, see GROUPS.
    """
    rows = []
    for label in labels:
        frames = [frame for frame in label["frames"] if half in (None, frame["half"])]
        row = measure(folder / label["clip"], frames, detector, around)
        rows.append({"detector": name, "clip": label["clip"], "size": [label["width"], label["height"]], **row})
        typer.echo(f"{name}: {label['clip']}, {row['heads']['all']} heads", err=True)
    if len(rows) > 1:
        whole: dict[str, Any] = {"detector": name, "clip": "all", "size": None}
        for key in ("frames", "seconds", "false_alarms", "tracked_false_alarms"):
            whole[key] = sum(row[key] for row in rows)
        for key in ("heads", "found", "covered"):
            whole[key] = {group: sum(row[key][group] for row in rows) for group in GROUPS}
        rows.append(whole)
    return rows


def measure(clip: Path, frames: list[dict], detector: Detector, around: int | None) -> dict:
    """What a detector finds in the labelled frames of a clip, and what is covered there after tracking.

    Args:
        clip: the file.
        frames: list of the dicts under `frames` of a file of benchmarks/heads.
        detector, around: as in `measure_detector`.

    Returns:
        dict of JSON values: see `measure_detector`.
    """
    numbers = [frame["frame"] for frame in frames]
    alone, seconds = _detected(clip, numbers, detector)
    tracked = _tracked(clip, numbers, detector, around)
    counts: dict[str, Counter] = {key: Counter(dict.fromkeys(GROUPS, 0)) for key in ("heads", "found", "covered")}
    alarms = tracked_alarms = 0
    for frame in frames:
        number, heads = frame["frame"], [_box(head) for head in frame["heads"]]
        ignored = [_box(region) for region in frame["ignored"]]
        for key, those in (
            ("heads", set(range(len(heads)))),
            ("found", matching.found(heads, alone[number])),
            ("covered", matching.covered(heads, tracked[number])),
        ):
            for k in those:
                counts[key].update(groups(frame["heads"][k]))
        alarms += matching.false_alarms(heads, ignored, alone[number])
        tracked_alarms += matching.false_alarms(heads, ignored, tracked[number])
    return {
        "frames": len(frames), "seconds": seconds, "false_alarms": alarms, "tracked_false_alarms": tracked_alarms,
        **{key: dict(count) for key, count in counts.items()},
    }  # fmt: skip


def groups(head: dict) -> list[str]:
    """The names in GROUPS of those groups that a labelled head belongs to."""
    side = max(head["w"], head["h"])
    return ["all", *(name for name, (low, high) in SIZES.items() if low <= side < high), head["pose"]]


def _detected(clip: Path, numbers: list[int], detector: Detector) -> tuple[dict[int, list[Roi]], float]:
    """The heads in some frames, each detected without its neighbours, and the seconds of detection."""
    chosen = set(numbers)
    with video_reading.opened(clip) as video:
        pictures = [frame.rgb for k, frame in enumerate(video.frames()) if k in chosen]
    if not pictures:
        return {}, 0.0
    detection.find_heads(pictures[:1], detector)  # starts the network
    begin, heads = time.perf_counter(), []
    for batch in video_reading.batches(pictures, video_reading.FRAMES_AT_ONCE):
        heads += detection.find_heads(batch, detector)
    return dict(zip(numbers, heads, strict=True)), time.perf_counter() - begin


def _tracked(clip: Path, numbers: list[int], detector: Detector, around: int | None) -> dict[int, list[Roi]]:
    """The heads in some frames, after the clip, or each piece of it around these frames, was tracked."""
    result = {}
    for first, last in _pieces(numbers, around):
        batches = video_reading.batches(_rgb(clip, first, last), video_reading.FRAMES_AT_ONCE)
        for k, heads in enumerate(detection.tracked_heads(batches, detector), start=first):
            result[k] = [roi for _, roi in heads]
    return result


def _pieces(numbers: list[int], around: int | None) -> list[tuple[int, float]]:
    """First and last frame of each piece to track; pieces that touch are one."""
    if around is None:
        return [(0, np.inf)] if numbers else []
    pieces: list[tuple[int, float]] = []
    for number in numbers:
        first, last = max(0, number - around), number + around
        if pieces and first <= pieces[-1][1] + 1:
            pieces[-1] = (pieces[-1][0], last)
        else:
            pieces.append((first, last))
    return pieces


def _rgb(clip: Path, first: int, last: float) -> Iterator[np.ndarray]:
    """The frames of a piece of a clip."""
    with video_reading.opened(clip) as video:
        for k, frame in enumerate(video.frames()):
            if k > last:
                return
            if k >= first:
                yield frame.rgb


def _read(path):
    return json.loads(path.read_text())


def _box(entry):
    return Roi(entry["x"], entry["y"], entry["w"], entry["h"])


def _is_there(label, folder):
    """Whether the folder holds the clip of the labels; a sentence says what is wrong otherwise."""
    path = folder / label["clip"]
    if not path.is_file():
        typer.echo(f"{label['clip']} is missing in {folder}: it is {label['source']}.", err=True)
        return False
    if hashlib.sha256(path.read_bytes()).hexdigest() != label["sha256"]:
        typer.echo(f"{path} is not the clip that was labelled, because its SHA-256 differs: it is left out.", err=True)
        return False
    return True


def _options(detector, half, around):
    given = "".join(f" --detector {name}" for name in detector or [])
    return given + (f" --half {half}" if half else "") + ("" if around is None else f" --around {around}")


# The page.


def report(rows: list[dict]) -> str:
    """Two Markdown tables: the heads found in single frames, and those left uncovered after tracking."""
    found, uncovered = [], []
    for row in rows:
        size = "x".join(map(str, row["size"])) if row["size"] else ""
        start, frames = [row["detector"], row["clip"], size, str(row["frames"])], max(1, row["frames"])
        found.append([
            *start, *(_share(row["found"][group], row["heads"][group]) for group in GROUPS),
            f"{row['false_alarms'] / frames:.2f}", f"{1000 * row['seconds'] / frames:.0f}",
        ])  # fmt: skip
        uncovered.append([
            *start, *(_share(row["heads"][group] - row["covered"][group], row["heads"][group]) for group in GROUPS),
            f"{row['tracked_false_alarms'] / frames:.2f}",
        ])  # fmt: skip
    head = ["detector", "clip", "size", "frames", *GROUPS, "false alarms per frame"]
    return "\n".join((
        "Share of labelled heads found, by larger side and pose, each frame alone:", "",
        markdown([*head, "ms per frame"], found), "",
        "Share of labelled heads left uncovered after tracking:", "", markdown(head, uncovered),
    ))  # fmt: skip


def _share(part, whole):
    return f"{part / whole:.0%} of {whole}" if whole else "-"


if __name__ == "__main__":
    typer.run(main)
