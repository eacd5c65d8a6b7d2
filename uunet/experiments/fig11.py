"""Fig. 11: the same input with other noise: how far a and r move, and whether r stays the same person."""

import numpy as np
from matplotlib.figure import Figure

from uunet.evaluation.inputs import Report
from uunet.experiments import histograms
from uunet.experiments.context import JUDGES, Context

USES = ("data", "weights")
EDGES = np.arange(-255.5, 256) / 255  # one bin a difference of 8-bit values


def compute(context: Context, report: Report) -> dict:
    """Residuals of all pixels and channels, and r ↔ r'.

    Returns:
        dict `residuals`: version -> `mean` and `std` of a - a' and of r - r', values in [0, 1], `histogram` of the 511
        possible differences, `heads`; `environments`, one per recogniser, of r ↔ r' of the same input as genuine pairs.
    """
    chosen = histograms.pairs(context.heads, "same head", np.random.default_rng(context.seed))
    residuals = {}
    for name in ("a", "r"):
        difference = (context.version(name).astype(float) - context.version(f"{name}'")) / 255
        residuals[name] = {
            "mean": float(difference.mean()), "std": float(difference.std()), "heads": len(difference),
            "histogram": np.histogram(difference, EDGES)[0].tolist(),
        }  # fmt: skip
    return {"residuals": residuals,
            "environments": [histograms.compare(context, judge, "r", "r'", chosen) for judge in JUDGES]}  # fmt: skip


def plot(record: dict, context: Context) -> Figure:
    """Top: histograms of a - a' and r - r'; bottom: one decision environment per recogniser."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    top, bottom = figure.subplots(2, 2)
    for axis, (name, residual) in zip(top, record["residuals"].items(), strict=True):
        counts = np.array(residual["histogram"])
        axis.bar(EDGES[:-1], counts / counts.sum(), np.diff(EDGES), align="edge", color="tab:blue")
        widest = np.abs(EDGES[:-1][counts > 0]).max() + 0.02
        axis.set_xlim(-widest, widest)
        axis.set_title(f"{name} − {name}': mean {residual['mean']:.4f}, standard deviation {residual['std']:.4f}",
                       fontsize=8)  # fmt: skip
        axis.set_xlabel(f"residual of a value in [0, 1]; {residual['heads']} heads, other noise", fontsize=7)
        axis.set_ylabel("share", fontsize=7)
        axis.tick_params(labelsize=7)
    for axis, environment in zip(bottom, record["environments"], strict=True):
        histograms.plot(axis, environment, "r ↔ r' of the same input")
    return figure
