"""Fig. 10: one person's virtual faces of different sequences: a_j ↔ a_k, j ≠ k."""

import numpy as np
from matplotlib.figure import Figure

from uunet.evaluation.inputs import Report
from uunet.experiments import histograms, sheets
from uunet.experiments.context import JUDGES, Context

USES = ("data", "weights")
PEOPLE, SEQUENCES = 4, 2


def compute(context: Context, report: Report) -> dict:
    """The less genuine and impostor pairs are told apart (d' → 0), the more diverse a person's virtual faces are.

    Returns:
        dict `environments`: list of what `histograms.compare` gives, one per recogniser.
    """
    chosen = histograms.pairs(context.heads, "other sequence", np.random.default_rng(context.seed))
    return {"environments": [histograms.compare(context, judge, "a", "a", chosen) for judge in JUDGES]}


def plot(record: dict, context: Context) -> Figure:
    """Top: x and a of some people, two sequences each; bottom: one decision environment per recogniser."""
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(2.4, 3), squeeze=False)[:, 0]
    shown = [sequence[0] for sequences in sheets.people(context.heads, PEOPLE) for sequence in sequences[:SEQUENCES]]
    axes = top.subplots(2, len(shown), squeeze=False)
    sheets.show(axes[0], context.some("x", shown), ["x"] * len(shown))
    sheets.show(axes[1], context.some("a", shown), ["a"] * len(shown))
    for axis, environment in zip(bottom.subplots(1, len(JUDGES)), record["environments"], strict=True):
        histograms.plot(axis, environment, "a_j ↔ a_k, two sequences")
    return figure
