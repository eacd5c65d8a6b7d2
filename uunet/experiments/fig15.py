"""Fig. 15: weights learned on near, sharp heads at 256 pixels, used on small ones, beside the weights learned there."""

from itertools import islice

import cv2
import numpy as np
from matplotlib.figure import Figure

from uunet.evaluation import resampling, scorecard
from uunet.experiments import environments, faces, fig13
from uunet.experiments.material import JUDGES, ExperimentError

USES = ("data", "weights", "elsewhere", "larger")
PEOPLE = 5
RECOGNITION = "face recognition, x ↔ a'"


def settings(material):
    """Learned → used: large → large, small → small and large → small, where the large set is that of `material`.

    Yields:
        Material; each is made once those before it have been used, so that what is known of x comes along.
    """
    return islice(fig13.crossings(material), 3)


def compute(material, report):
    """What Fig. 13 measures of each setting, and how sharp a and r are.

    Sharpness is the mean of |Laplacian| over a head's grey levels, in the heads' own pixels; noise counts as sharp.

    Returns:
        dict `settings`: list of what `fig13.measured` gives, in the order of `settings`, with `side`, pixels of the
        heads, and `sharpness`: of a and r relative to x, each a dict `value`, `interval` over people.

    Raises:
        ExperimentError: if the heads of the first set are no larger than those of the second.
    """
    large, small = (some.heads.images.shape[1] for some in (material, material.elsewhere))
    if large <= small:
        raise ExperimentError(
            f"{material.folder} has heads of {large} pixels, {material.elsewhere.folder} of {small}, and the first "
            "must be larger: name a set of such heads (--data; hd in data_prep) and weights learned there (--weights)."
        )
    found = []
    for done, some in enumerate(settings(material), start=1):
        sample = scorecard.sample(some.heads, some.seed)
        x, a, r = (sample.mean(sharpness(some.version(name)), sample.people) for name in "xar")
        relative = {name: resampling.measured(of / x) for name, of in (("a", a), ("r", r))}
        found.append(fig13.measured(some) | {"side": some.heads.images.shape[1], "sharpness": relative})
        report("settings", done, 3)
    return {"settings": found}


def sharpness(images):
    """Mean of |Laplacian| of the grey levels of each head: uint8 `(N, H, W, 3)` -> float `(N,)`."""
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in images]
    return np.array([np.abs(cv2.Laplacian(image, cv2.CV_32F)).mean() for image in grey])


def draw(record, material):
    """Top: a bar a setting of what was measured; bottom: small heads by both weights, beside large ones by theirs."""
    found = record["settings"]
    names = [f"{fig13.short(of['learned'])} → {fig13.short(of['used'])}" for of in found]
    measured = [
        ("PSNR(x, r), dB", [of["psnr"] for of in found]),
        *((f"sharpness of {name}, relative to x", [of["sharpness"][name] for of in found]) for name in "ar"),
        ("faces found in a, relative to x", [of["found"] for of in found]),
    ]  # fmt: skip
    for k, judge in enumerate(JUDGES):
        compared = [of["environments"][RECOGNITION][k] for of in found]
        measured.append((f"AUC of x ↔ a' ({environments.NAMES[judge]})",
                         [{"value": of["auc"], "interval": of["auc_interval"]} for of in compared]))  # fmt: skip
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 2.2))
    for axis, (title, values) in zip(top.subplots(2, 3).flat, measured, strict=True):
        fig13.bars(axis, names, [of["value"] for of in values], [of["interval"] for of in values])
        axis.set_xlabel(title, fontsize=7)
    top.supxlabel("blue: weights on the set they were learned on; orange: those of large heads on small ones; lines: "
                  "95 % over people", fontsize=7)  # fmt: skip
    large, small, crossed = settings(material)
    left, right = bottom.subfigures(1, 2, width_ratios=(5, 3), wspace=0.03)
    _sheet(left, small, ((small, "x"), (crossed, "a"), (crossed, "r"), (small, "a"), (small, "r")))
    _sheet(right, large, ((large, "x"), (large, "a"), (large, "r")))
    return figure


def _sheet(part, some, columns):
    """A person a row, a version by some weights a column."""
    shown = [sequences[0][0] for sequences in faces.people(some.heads, PEOPLE)]
    part.suptitle(f"heads of {fig13.short(some.folder)}, {some.heads.images.shape[1]} pixels", fontsize=9)
    pictures = [by.some(version, shown) for by, version in columns]
    titles = [version if version == "x" else f"{version}, {fig13.short(by.weights)}" for by, version in columns]
    for k, row in enumerate(part.subplots(len(shown), len(columns), squeeze=False)):
        faces.show(row, [picture[k] for picture in pictures], [] if k else titles)
