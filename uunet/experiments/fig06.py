"""Fig. 6: recognition in x and in a: decision environments of x ↔ x' and x ↔ a'."""

import numpy as np
from matplotlib.figure import Figure

from uunet.evaluation.inputs import Report
from uunet.experiments import histograms
from uunet.experiments.context import JUDGES, Context

USES = ("data", "weights")
SIDES = ("x", "a")


def compute(context: Context, report: Report) -> dict:
    """Genuine pairs are of two sequences, as frames of one share their background; the same for x' and a'.

    Returns:
        dict `environments`: list of what `histograms.compare` gives, a row of the figure after another.
    """
    chosen = histograms.pairs(context.heads, "other sequence", np.random.default_rng(context.seed))
    return {"environments": [histograms.compare(context, judge, "x", right, chosen)
                             for judge in JUDGES for right in SIDES]}  # fmt: skip


def plot(record: dict, context: Context) -> Figure:
    """One row per recogniser: x ↔ x' at left, x ↔ a' at right, on one axis."""
    figure = Figure(figsize=(9, 3 * len(JUDGES)), layout="constrained")
    rows = figure.subplots(len(JUDGES), len(SIDES), sharex="row")
    for axis, environment in zip(rows.ravel(), record["environments"], strict=True):
        histograms.plot(axis, environment, f"x ↔ {environment['right']}'")
    return figure
