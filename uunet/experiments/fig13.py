"""Fig. 13: weights trained on one set, used on another: anonymity, consistency, diversity, reconstruction."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from uunet import metrics
from uunet.evaluation import pairs, resampling
from uunet.evaluation.inputs import Report
from uunet.experiments import histograms, sheets
from uunet.experiments.context import JUDGES, Context

USES = ("data", "weights", "elsewhere")
PEOPLE = 4
ENVIRONMENTS = {  # title -> left and right version, and which pairs are genuine
    "face recognition, x ↔ a'": ("x", "a", "other sequence"),
    "temporal consistency, a_t ↔ a_t+k": ("a", "a", "same sequence"),
    "diversity, a_j ↔ a_k": ("a", "a", "other sequence"),
}
COLOURS = ("tab:blue", "tab:blue", "tab:orange", "tab:orange")  # of M → M and P → P, of M → P and P → M
NUMBERS = ("judge", "genuine", "impostor", "no_face", "auc", "auc_interval", "d", "d_interval")


def crossings(context: Context) -> Iterator[Context]:
    """The settings of Fig. 13, learned → used: M → M, P → P, M → P and P → M, where M is the set of `context`.

    Yields:
        Context; each is made once those before it have been used, so that what is known of x comes along.
    """
    elsewhere = context.elsewhere
    assert elsewhere is not None  # the runner refuses this figure without it
    yield context
    yield elsewhere
    yield elsewhere.by(context.weights)
    yield context.by(elsewhere.weights)


def compute(context: Context, report: Report) -> dict:
    """Each setting's decision environments, PSNR(x, r) and faces found. `own` is trained on the set that is used.

    Returns:
        dict `settings`: list of what `measured` gives, in the order of `crossings`.
    """
    settings = []
    for done, some in enumerate(crossings(context), start=1):
        settings.append(measured(some))
        report("settings", done, 4)
    return {"settings": settings}


def measured(some: Context) -> dict:
    """One setting, a Context.

    Returns:
        dict `learned`, `used`, names of weights and set; `environments`: title -> list of what `histograms.compare`
        gives, one per recogniser, without histograms; `heads`; `psnr` of r, dB, and `found`, the share of a with a face
        relative to x (MTCNN), each a dict `value`, `interval` over people.
    """
    sample = pairs.sample(some.heads, some.seed)
    psnr = sample.mean(metrics.psnr(some.heads.images, some.version("r")), sample.people)
    a, x = (sample.mean(some.faces(name).found, sample.people) for name in ("a", "x"))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = resampling.measured(a / x)
    compared = {}
    for title, (left, right, kind) in ENVIRONMENTS.items():
        chosen = histograms.pairs(some.heads, kind, np.random.default_rng(some.seed))
        numbers = [histograms.compare(some, judge, left, right, chosen) for judge in JUDGES]
        compared[title] = [{key: of[key] for key in NUMBERS} for of in numbers]
    return {
        "learned": str(some.weights), "used": str(some.folder), "heads": len(some.heads.images),
        "environments": compared, "psnr": resampling.measured(psnr), "found": found,
    }  # fmt: skip


def plot(record: dict, context: Context) -> Figure:
    """Top: d' of three environments, PSNR and faces found, one bar per setting; bottom: heads of both sets."""
    settings = record["settings"]
    names = [f"{short(setting['learned'])} → {short(setting['used'])}" for setting in settings]
    figure = Figure(figsize=(12, 8.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.2), squeeze=False)[:, 0]
    axes = top.subplots(2, 4)
    for row, judge in zip(axes, range(len(JUDGES)), strict=True):
        for axis, title in zip(row, ENVIRONMENTS, strict=False):
            found = [setting["environments"][title][judge] for setting in settings]
            bars(axis, names, [of["d"] for of in found], [of["d_interval"] for of in found])
            axis.set_title(title, fontsize=8)
            axis.set_xlabel(f"d' ({histograms.NAMES[JUDGES[judge]]})", fontsize=7)
    for axis, key, says in zip(axes[:, 3], ("psnr", "found"), ("PSNR(x, r), dB", "faces found in a, relative to x"),
                               strict=True):  # fmt: skip
        bars(axis, names, [setting[key]["value"] for setting in settings],
             [setting[key]["interval"] for setting in settings])  # fmt: skip
        axis.set_xlabel(says, fontsize=7)
    top.supxlabel("blue: weights on the set they were learned on; orange: on the other; lines: 95 % over people",
                  fontsize=7)  # fmt: skip
    here, there, into_there, into_here = crossings(context)
    for part, intra, cross in zip(bottom.subfigures(1, 2, wspace=0.03), (here, there), (into_here, into_there),
                                  strict=True):  # fmt: skip
        shown = [sequences[0][0] for sequences in sheets.people(intra.heads, PEOPLE)]
        columns = [some.some(version, shown) for some, version in
                   ((intra, "x"), (intra, "a"), (intra, "r"), (cross, "a"), (cross, "r"))]  # fmt: skip
        titles = ["x", *(f"{version}, {short(some.weights)}" for some in (intra, cross) for version in ("a", "r"))]
        part.suptitle(f"heads of {short(intra.data_folder)}", fontsize=9)
        for k, row in enumerate(part.subplots(len(shown), len(columns), squeeze=False)):
            sheets.show(row, [column[k] for column in columns], [] if k else titles)
    return figure


def bars(axis: Axes, names: list[str], values: list, intervals: list) -> None:
    """One bar per name, from above, in the colours of the settings, and its interval."""
    for place, (value, interval, colour) in enumerate(zip(values, intervals, COLOURS, strict=False)):
        if value is not None:
            axis.barh(place, value, color=colour, alpha=0.7)
            axis.plot(interval, (place, place), color="black", linewidth=1)
        says = "not measurable" if value is None else f"{value:.2f}"
        axis.text(0.02, place, says, transform=axis.get_yaxis_transform(), va="center", fontsize=7)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.tick_params(labelsize=7)


def short(name: str | Path) -> str:
    """The last part of a folder or of weights, for titles."""
    return Path(name).name
