"""Fig. 7: whether a virtual face stays the same along a sequence: a_t ↔ a_t+k."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from uunet.evaluation import judges, measurements, pairs
from uunet.evaluation.inputs import Report
from uunet.experiments import histograms, sheets
from uunet.experiments.context import JUDGES, Context

USES = ("data", "weights")
PEOPLE = 3
TRACKS = 40  # curves at most


def compute(context: Context, report: Report) -> dict:
    """The more genuine and impostor pairs are told apart, the more consistent virtual faces are.

    Returns:
        dict `environments`: list of what `histograms.compare` gives, one per recogniser; `sudden`: recogniser -> rows
        of `measurements.sudden_changes`, of x and of a; `tracks`: recogniser -> for each of the first TRACKS sequences
        a list of [k, score of a_t ↔ a_t+k], where t is its first frame with a face; `sequences`: how many there are.
    """
    heads = context.heads
    chosen = histograms.pairs(heads, "same sequence", np.random.default_rng(context.seed))
    sample = pairs.sample(heads, context.seed)
    sequences = [sequence for subject in heads.by_subject.values() for sequence in subject]
    record: dict[str, Any] = {"environments": [], "sudden": {}, "tracks": {}, "sequences": len(sequences)}
    for judge in JUDGES:
        record["environments"].append(histograms.compare(context, judge, "a", "a", chosen))
        said = {name: context.judged(judge, name) for name in ("x", "a")}
        record["sudden"][judge] = measurements.sudden_changes(sample, judge, said)
        record["tracks"][judge] = [_track(said["a"], heads.frames, sequence) for sequence in sequences[:TRACKS]]
    return record


def _track(said, frames, sequence):
    seen = sequence[said.found[sequence]]
    scores = judges.scores(said.embeddings[seen[:1]], said.embeddings[seen[1:]]) if len(seen) else []
    return [[int(frames[k] - frames[seen[0]]), float(score)] for k, score in zip(seen[1:], scores, strict=True)]


def plot(record: dict, context: Context) -> Figure:
    """Top: x, a, r of a first and a later frame; middle: decision environments; bottom: one curve per track."""
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(2, 5), squeeze=False)[:, 0]
    shown = [sequences[0][[0, -1]] for sequences in sheets.people(context.heads, PEOPLE)]
    rows = top.subplots(2, 3 * len(shown), squeeze=False)
    for line, when in enumerate(("t", "t+i")):
        indices = [pair[line] for pair in shown]
        versions = {name: context.some(name, indices) for name in ("x", "a", "r")}
        pictures = [versions[name][k] for k in range(len(indices)) for name in versions]
        sheets.show(rows[line], pictures, [f"{name}, {when}" for _ in indices for name in versions])
    axes = bottom.subplots(2, len(JUDGES))
    for axis, environment in zip(axes[0], record["environments"], strict=True):
        title = "a_t ↔ a_t+k"
        if environment["ks"]:
            title += "; Kolmogorov–Smirnov {statistic:.3f}, p = {p:.1e}".format(**environment["ks"])
        histograms.plot(axis, environment, title)
    for axis, judge in zip(axes[1], JUDGES, strict=True):
        for track in record["tracks"][judge]:
            if track:
                axis.plot(*zip(*track, strict=True), color=histograms.GREEN, alpha=0.4, linewidth=0.8, marker=".")
        sudden = "; ".join(
            f"{row['title']} {row['value']:.3f} ({row['counts']['pairs']} pairs)" if row["value"] is not None
            else f"{row['title']} not measurable" for row in record["sudden"][judge]
        )  # fmt: skip
        axis.set_title(sudden.replace("; ", "\n") or "sudden changes not measurable", fontsize=7)
        tracks = record["tracks"][judge]
        axis.set_xlabel(f"k, frames; {sum(map(bool, tracks))} tracks with two faces of the first {len(tracks)} of "
                        f"{record['sequences']} sequences", fontsize=7)  # fmt: skip
        axis.set_ylabel(f"score ({histograms.NAMES[judge]})", fontsize=7)
        axis.tick_params(labelsize=7)
    return figure
