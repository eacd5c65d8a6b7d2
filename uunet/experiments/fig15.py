"""Fig. 15: weights trained on sharp heads of 256 pixels, used on small heads, and weights trained on small heads."""

from collections.abc import Iterator
from itertools import islice

from matplotlib.figure import Figure

from uunet.evaluation import pairs, realism, resampling
from uunet.evaluation.inputs import Report
from uunet.experiments import fig13, histograms, sheets
from uunet.experiments.context import JUDGES, Context, ExperimentError

USES = ("data", "weights", "elsewhere", "larger")
PEOPLE = 5
RECOGNITION = "face recognition, x ↔ a'"


def settings(context: Context) -> Iterator[Context]:
    """Learned → used: large → large, small → small and large → small, where the large set is that of `context`.

    Yields:
        Context; each is made once those before it have been used, so that what is known of x comes along.
    """
    return islice(fig13.crossings(context), 3)


def compute(context: Context, report: Report) -> dict:
    """What Fig. 13 measures of each setting, and how sharp t and r are: `realism.sharpness`.

    t is a before x is embedded in it, as the embedded signal is no detail. For weights that do both at once, t is a,
    with the embedded signal.

    Returns:
        dict `settings`: list of what `fig13.measured` gives, in the order of `settings`, with `side`, pixels of the
        heads, and `power`: dict of `octaves`, cycles per head; `t` and `r`, for each octave the power relative to that
        of x, a dict `value`, `interval` over people; and `draws_first`, whether t is another picture than a.

    Raises:
        ExperimentError: if the heads of the first set are no larger than those of the second.
    """
    elsewhere = context.elsewhere
    assert elsewhere is not None  # the runner refuses this figure without it
    large, small = (some.heads.images.shape[1] for some in (context, elsewhere))
    if large <= small:
        raise ExperimentError(
            f"{context.folder} has heads of {large} pixels, {elsewhere.folder} of {small}, and the first "
            "must be larger: name a set of such heads (--data; hd in data_prep) and weights learned there (--weights)."
        )
    found = []
    for done, some in enumerate(settings(context), start=1):
        found.append(fig13.measured(some) | {"side": some.heads.images.shape[1], "power": _power(some)})
        report("settings", done, 3)
    return {"settings": found}


def _power(some):
    sample, x = pairs.sample(some.heads, some.seed), some.version("x")
    found = {"octaves": realism.octaves(x.shape[1]), "draws_first": some.draws_first}
    for name in "tr":
        ratios = realism.sharpness(sample, x, some.version(name))
        found[name] = [resampling.measured(values) for _, values in ratios]
    return found


def measures_power(record: dict) -> bool:
    """Whether a record is of this measure of sharpness, not of the one before, which counted the embedded signal."""
    return all("power" in of for of in record["settings"])


def finest(record: dict) -> tuple[int, str]:
    """The finest octave that the small heads have, too: its number, and its ends in cycles per head.

    Raises:
        ExperimentError: if the record is older than this measure of sharpness.
    """
    if not measures_power(record):
        raise ExperimentError("The record of fig15 counts what is hidden as sharpness: make it anew (--overwrite).")
    octaves = record["settings"][1]["power"]["octaves"]
    return len(octaves) - 1, "{}-{}".format(*octaves[-1])


def drawn(record: dict) -> str:
    """What the t of a record is."""
    first = all(of["power"]["draws_first"] for of in record["settings"])
    return "t" if first else "a (the hidden pattern included)"


def plot(record: dict, context: Context) -> Figure:
    """Top: one bar per setting and number; bottom: small heads by both weights, and large heads by their own."""
    found = record["settings"]
    names = [f"{fig13.short(of['learned'])} → {fig13.short(of['used'])}" for of in found]
    octave, cycles = finest(record)
    measured = [
        ("PSNR(x, r), dB", [of["psnr"] for of in found]),
        *((f"power of {title} relative to x, {cycles} cycles per head", [of["power"][name][octave] for of in found])
          for name, title in (("t", drawn(record)), ("r", "r"))),
        ("faces found in a, relative to x", [of["found"] for of in found]),
    ]  # fmt: skip
    for k, judge in enumerate(JUDGES):
        compared = [of["environments"][RECOGNITION][k] for of in found]
        measured.append((f"AUC of x ↔ a' ({histograms.NAMES[judge]})",
                         [{"value": of["auc"], "interval": of["auc_interval"]} for of in compared]))  # fmt: skip
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 2.2), squeeze=False)[:, 0]
    for axis, (title, values) in zip(top.subplots(2, 3).flat, measured, strict=True):
        fig13.bars(axis, names, [of["value"] for of in values], [of["interval"] for of in values])
        axis.set_xlabel(title, fontsize=7)
    top.supxlabel("blue: weights on the set they were learned on; orange: those of large heads on small ones; lines: "
                  "95 % over people", fontsize=7)  # fmt: skip
    large, small, crossed = settings(context)
    left, right = bottom.subfigures(1, 2, width_ratios=(5, 3), wspace=0.03)
    _sheet(left, small, ((small, "x"), (crossed, "a"), (crossed, "r"), (small, "a"), (small, "r")))
    _sheet(right, large, ((large, "x"), (large, "a"), (large, "r")))
    return figure


def _sheet(part, some, columns):
    """One row per person, one column per version and weights."""
    shown = [sequences[0][0] for sequences in sheets.people(some.heads, PEOPLE)]
    part.suptitle(f"heads of {fig13.short(some.data_folder)}, {some.heads.images.shape[1]} pixels", fontsize=9)
    pictures = [by.some(version, shown) for by, version in columns]
    titles = [version if version == "x" else f"{version}, {fig13.short(by.weights)}" for by, version in columns]
    for k, row in enumerate(part.subplots(len(shown), len(columns), squeeze=False)):
        sheets.show(row, [picture[k] for picture in pictures], [] if k else titles)
