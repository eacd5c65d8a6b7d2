"""Beyond the paper: reconstruction of heads in ROIs of other sizes, and after JPEG or H.264."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from uunet import data, engine, metrics
from uunet.evaluation import judges, pairs, recognition, resampling, transmission
from uunet.evaluation.inputs import Report
from uunet.experiments import sheets
from uunet.experiments.context import Context

USES = ("data", "weights")
FRAMES = 2  # heads of each sequence, the first: all of them would take a quarter of an hour
WAYS = {  # what is done -> how much of it, the hardest first
    "roi": (24, 32, 48, 64, 128, 256),
    "jpeg": (30, 50, 75, 90, 95),
    "h264": (33, 28, 23, 18, 13),
}
TITLES = {
    "roi": "ROI side, pixels",
    "jpeg": "quality of a JPEG file, ROI of 64 pixels",
    "h264": "crf of an H.264 stream, ROI of 64 pixels",
}


def compute(context: Context, report: Report) -> dict:
    """PSNR(x, r) in the ROI's pixels, and whether r is still recognised: AUC of r ↔ x', relative to x ↔ x'.

    The recogniser is `own`, which needs no face found. The same pairs of two sequences serve every degradation.

    Returns:
        dict `heads`, `genuine`, `impostor`: numbers of heads and pairs; `ceiling`: AUC of x ↔ x'; `ways`: way -> list
        of `at`, how much of it, `psnr` in dB and `identity`. Each metric is a dict `value`, `interval` over people.

    Raises:
        EvaluationError: if there are not two pairs of one person in two sequences, or of two people.
    """
    heads = first_frames(context.heads)
    chosen = pairs.sample(heads, context.seed)
    a = engine.Deidentifier(context.networks[0].encoder, context.seed)(heads.images, heads.sequences)
    embeddings = context.embedded(heads.images)
    ceiling = _recognised(chosen, embeddings, embeddings)
    record: dict[str, Any] = {
        "heads": len(heads.images), "genuine": len(chosen.genuine), "impostor": len(chosen.impostor),
        "ceiling": resampling.measured(ceiling), "ways": {way: [] for way in WAYS},
    }  # fmt: skip
    steps = [(way, at) for way, values in WAYS.items() for at in values]
    for done, (way, at) in enumerate(steps, start=1):
        x, r = passed(context, heads, a, way, at)
        said = context.embedded(r)
        record["ways"][way].append({
            "at": at, "psnr": resampling.measured(chosen.mean(metrics.psnr(x, r), chosen.people)),
            "identity": resampling.measured(_recognised(chosen, said, embeddings) / ceiling),
        })  # fmt: skip
        report("ways and how far", done, len(steps))
    return record


def first_frames(heads: data.Heads) -> data.Heads:
    """data.Heads of the first FRAMES of each sequence."""
    kept = np.sort(np.concatenate([part[:FRAMES] for subject in heads.by_subject.values() for part in subject]))
    return heads.taken(kept)


def passed(context: Context, heads: data.Heads, a: np.ndarray, way: str, at: int) -> tuple[np.ndarray, np.ndarray]:
    """x as its ROI shows it, and r of what one of WAYS leaves of a: uint8 `(N, side, side, 3)` twice.

    Args:
        context: Context, whose networks are used.
        heads: data.Heads of N heads.
        a: uint8 `(N, 64, 64, 3)`, U_e's version of them.
        way: str, of WAYS.
        at: int, how much of it.
    """
    net, x = context.networks[0], heads.images
    if way == "jpeg":
        a = transmission.through_jpeg(a, at)
    elif way == "h264":
        a = transmission.through_h264(a, heads.sequences, heads.frames, at, context.seed)
    elif at != a.shape[1]:
        x = transmission.seen(x, at)
        a = engine.Deidentifier(net.encoder, context.seed)(x, heads.sequences)
    return x, engine.Reidentifier(net.decoder)(a)


def _recognised(chosen, left, right):
    """AUC `(1 + D,)` of pairs (left, right), embeddings `(N, d)`."""
    pairs = chosen.genuine, chosen.impostor
    scores = [judges.scores(left[part[:, 0]], right[part[:, 1]]) for part in pairs]
    return recognition.areas(*scores, *map(chosen.weights, pairs))


def plot(record: dict, context: Context) -> Figure:
    """One column per degradation: r of one head at each step, PSNR, identity; the mildest at right."""
    heads = first_frames(context.heads)
    first = sheets.people(heads, 1)[0][0]
    one = heads.taken(first)
    a = engine.Deidentifier(context.networks[0].encoder, context.seed)(one.images, one.sequences)
    whole = next(point for point in record["ways"]["roi"] if point["at"] == 64)
    figure = Figure(figsize=(11, 6.8), layout="constrained")
    pictures, levels, identities = figure.subplots(3, len(WAYS), height_ratios=(1, 1.7, 1.7), sharey="row")
    for axes, (way, points) in zip(zip(pictures, levels, identities, strict=True), record["ways"].items(), strict=True):
        shown = [transmission.seen(passed(context, one, a, way, point["at"])[1][:1], 64)[0] for point in points]
        places = range(len(points))
        for place, picture in zip(places, shown, strict=True):
            axes[0].imshow(picture, extent=(place - 0.47, place + 0.47, 0, 0.94), interpolation="bicubic")
        axes[0].set(xlim=(-0.6, len(points) - 0.4), ylim=(-0.03, 0.97), aspect="equal")
        axes[0].axis("off")
        axes[0].set_title(f"r of one head: {TITLES[way]}", fontsize=8)
        for axis, key, title in zip(axes[1:], ("psnr", "identity"), ("PSNR(x, r), dB", "AUC r ↔ x' / x ↔ x'"),
                                    strict=True):  # fmt: skip
            values = np.array([point[key]["value"] for point in points], float)
            low, high = np.array([point[key]["interval"] or (np.nan, np.nan) for point in points]).T
            axis.fill_between(places, low, high, alpha=0.25)
            axis.plot(places, values, marker=".")
            if way != "roi":
                axis.axhline(whole[key]["value"], color="gray", linestyle=":", label="undamaged ROI of 64 pixels")
                axis.legend(fontsize=7, loc="lower right")
            axis.set_xticks(places, [str(point["at"]) for point in points])
            axis.set_xlim(-0.6, len(points) - 0.4)
            axis.set_xlabel(TITLES[way], fontsize=7)
            axis.grid(alpha=0.3)
            axis.tick_params(labelsize=7, labelleft=True)
            axis.set_ylabel(title, fontsize=7)
    low, high = record["ceiling"]["interval"]
    figure.supxlabel(
        f"{record['heads']} heads, {record['genuine']} genuine and {record['impostor']} impostor pairs of two "
        f"sequences; AUC of x ↔ x' {record['ceiling']['value']:.3f} ({low:.3f} to {high:.3f}), own recogniser; "
        "bands: 95 % over people", fontsize=7,
    )  # fmt: skip
    return figure
