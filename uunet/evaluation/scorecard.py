"""The numbers by which weights are evaluated, and a sheet to look at: `uunet evaluate`.

All faces go through resize to the ROI, 8 bits and back, with one draw of the noise per sequence. Pairs of x and x', a'
or r are of two *sequences*, as frames of one share their background; the same pairs serve every recogniser and every
version of a head. An interval is the middle 95 % over draws of the people, with repetition.
"""

import json
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from uunet import data, engine
from uunet.evaluation import evaluators, inputs, measurements, pairs, subset, tables, transmission
from uunet.evaluation.inputs import EvaluationConfig, EvaluationError, Report, deidentified, stage
from uunet.evaluation.judges import faceres
from uunet.evaluation.measurements import CRF, Run
from uunet.training import provenance

SHOWN = 8  # people on the sheet
UNSEEN = "These weights draw without seeing x and hide nothing of it: there is no U_d and no r."
HEADS, TRAIN_HEADS = 1000, 6000  # at most so many are evaluated, and learnt from by the evaluators trained here


def measure(
    config: EvaluationConfig, *, heads: int = HEADS, train_heads: int = TRAIN_HEADS, progress: Report | None = None
) -> tuple[dict, dict[str, np.ndarray], data.Heads]:
    """Measures weights, or the twins of a rendered set in place of a: what twin training could reach at best.

    Args:
        config: EvaluationConfig, by some of `evaluators.JUDGES`.
        heads, train_heads: int, at most so many heads are evaluated, and so many of the train split are learnt from:
            of a larger split people are drawn (`subset.drawn`: 2 sequences per person; 4 of the train split).
        progress: callable `(stage, done, total)` or None.

    Returns:
        record: dict of JSON values: `rows`, as `markdown` prints them, and where they come from.
        pictures: dict name -> uint8 `(N, side, side, 3)` versions of the heads, for `plot`.
        heads: data.Heads that were evaluated.

    Raises:
        UUNetError: if the set lacks the split, its labels or its twins; if an evaluator is not installed; or if set and
            weights are not for one size.
    """
    start = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    run, about = _run(config, heads, train_heads, progress or (lambda *_: None))
    versions = _versions(run)
    faces = {}
    if config.by != ("realism",):
        faces = {name: evaluators.faces_in(images, name, run.report) for name, images in versions.items()}
    judged = _judged(run, versions, faces)
    rows = [row for name in judged for row in measurements.of_recogniser(run.sample, name, judged[name])]
    if "r" in versions:
        rows += measurements.of_quality(run, versions)
    if faces:
        rows += [measurements.of_detection(run.sample, faces)]
    if "soft_labels" in config.by:
        rows += measurements.of_labels(run, versions)
    for name in judged:
        rows += measurements.sudden_changes(run.sample, name, judged[name])
    notes = [] if run.net is None or run.net.decoder is not None else [UNSEEN]
    if "realism" in config.by:
        more, missing = measurements.of_realism(run, versions)
        rows, notes = rows + more, notes + missing
    record = {
        "provenance": provenance.made(config.seed, time.monotonic() - start),
        "data": inputs.described(run.heads, config.folder, config.split) | inputs.sampled(run.heads, run.whole),
        "train": run.train
        and inputs.described(run.train, config.folder, "train") | inputs.sampled(run.train, run.whole_train),
        "weights": about,
        "s": list(run.s),
        "judges": list(config.by),
        "no_face": {version: float(1 - found.found.mean()) for version, found in faces.items()},
        "notes": notes,
        "rows": rows,
    }
    return record, versions, run.heads


def _run(config, most, train_most, report):
    """The Run of a configuration, and what a record says of its weights. What cannot be measured is refused here."""
    inputs.check_known(config.by, evaluators.JUDGES)
    net, size, s, about = inputs.loaded(config.weights, config.twins, config.s)
    whole = data.load(config.folder, config.split, size=size)
    heads = subset.at_most(whole, most, config.seed)
    sample = pairs.sample(heads, config.seed)
    trains = set(config.by) - {*evaluators.FACE_JUDGES, "realism"}
    whole_train = data.load(config.folder, "train", size=size) if trains else None
    train = whole_train and subset.at_most(whole_train, train_most, config.seed, sequences=4)
    if train and "soft_labels" in config.by and not inputs.labels_known(heads, train):
        raise EvaluationError(
            f"{config.folder} has no known gender, ethnicity or hairstyle in a split, and the evaluator soft_labels "
            "needs some: leave it out (--judges)."
        )
    return Run(config, net, s, whole, heads, whole_train, train, sample, report), about


def _versions(run):
    """x, a, r and what a stream of CRF leaves of the last two; of twins, without U_d, and for `realism`, x and a."""
    heads, net, seed, report = run.heads, run.net, run.config.seed, run.report
    shown = data.load_twins(run.config.folder, heads, run.s)[0] if net is None else None
    if "faceres" in run.config.by:
        faceres.network()  # refuses missing weights: after all cheap checks, before minutes of work
    if net is None:
        return {"x": heads.images, "a": shown}
    versions = {"x": heads.images, "a": deidentified(heads, net, seed, report, "U_e")}
    if run.config.by == ("realism",) or net.decoder is None:  # of x and a alone
        return versions
    versions["r"] = engine.Reidentifier(net.decoder)(versions["a"], report=stage(report, "U_d"))
    lossy = transmission.through_h264(versions["a"], heads.sequences, heads.frames, CRF, seed)
    versions["r_lossy"] = engine.Reidentifier(net.decoder)(lossy, report=stage(report, f"U_d after crf {CRF}"))
    return versions


def _judged(run, versions, faces):
    """What each recogniser says: dict name -> version -> Judged."""
    by, seed, report = run.config.by, run.config.seed, run.report
    judged = {
        name: {
            version: evaluators.by_face(name, version, images, faces[version], report)
            for version, images in versions.items()
        }
        for name in evaluators.FACE_JUDGES
        if name in by
    }
    if "own" in by:
        judged["own"] = evaluators.by_crop(evaluators.trained_own(run.train, seed, report), versions)
    if "adaptive" in by:
        if run.net is None:
            known = data.load_twins(run.config.folder, run.train, run.s)[0]
        else:
            known = deidentified(run.train, run.net, seed, report, "U_e on the train split")
        network = evaluators.trained_adaptive(run.train, known, seed, report)
        judged["adaptive"] = evaluators.by_crop(network, versions)
    return judged


def markdown(record: dict) -> str:
    """The table of a record as text."""
    about, made = record["data"], record["provenance"]
    rows = []
    for row in record["rows"]:
        ours = row.get("why", "not measurable")
        if row["value"] is not None:
            ours = f"{row['value']:.3f} ({row['interval'][0]:.3f} to {row['interval'][1]:.3f})"
        counts = ", ".join(f"{count} {what}" for what, count in row["counts"].items())
        rows.append([row["title"], row["judge"], row["paper"], row["reach"], row["aim"], ours, counts])
    head = ("", "judge", "paper", "reach", "aim", "ours (95 % interval over people)", "counts")
    lines = [f"{inputs.counted(about)}, s = {record['s']}"]
    if record["train"]:
        lines.append(f"The evaluators that are trained here learnt from {inputs.counted(record['train'])}.")
    lines += ["", tables.markdown(head, rows), ""]
    if record["no_face"]:
        missing = ", ".join(f"{version} {100 * share:.1f} %" for version, share in record["no_face"].items())
        lines.append(f"No face found by MTCNN, and so in no pair of dlib and faceres: {missing}.")
    lines += [*record.get("notes", ()), f"Commit {made['commit'][:7]}, seed {made['seed']}, {made['seconds']} s."]
    return "\n".join(lines)


def plot(path: Path, pictures: dict[str, np.ndarray], heads: data.Heads) -> None:
    """Writes a sheet, one person per row: x | a | a' (other frame) | a'' (other sequence) | r | r after crf 23 | t.

    Args:
        path: PNG to write.
        pictures, heads: as `measure` returns them.
    """
    columns = [("x", "x", 0), ("a", "a", 0), ("a' other frame", "a", 1), ("a'' other sequence", "a", 2)]
    if "r" in pictures:
        columns += [("r", "r", 0), (f"r after crf {CRF}", "r_lossy", 0)]
    if "t" in pictures:
        columns += [("t", "t", 0)]
    people = list(heads.by_subject.values())[:SHOWN]
    figure = Figure(figsize=(1.5 * len(columns), 1.5 * len(people) + 0.3), layout="constrained")
    axes = figure.subplots(len(people), len(columns), squeeze=False)
    for axis, (title, _, _) in zip(axes[0], columns, strict=True):
        axis.set_title(title, fontsize=9)
    for line, sequences in zip(axes, people, strict=True):
        places = (sequences[0][0], sequences[0][-1], sequences[-1][0])
        for axis, (_, version, place) in zip(line, columns, strict=True):
            axis.imshow(pictures[version][places[place]])
            axis.axis("off")
    figure.savefig(path, dpi=100)


def save(record: dict, path: Path) -> None:
    """Writes a record as JSON."""
    Path(path).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
