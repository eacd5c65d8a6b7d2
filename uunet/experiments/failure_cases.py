"""Beyond the paper: where reconstruction errs, and measures of confidence in r that need a and r, but not x."""

import cv2
import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from uunet import engine, metrics
from uunet.evaluation import resampling
from uunet.evaluation.inputs import Report
from uunet.experiments import sheets
from uunet.experiments.context import Context

USES = ("data", "weights")
SHOWN = 4  # best heads, and as many worst ones
TENTHS = 10
TIMES = 3  # that a is disturbed


def smooth(context: Context, a: np.ndarray, r: np.ndarray) -> np.ndarray:
    """How little texture r has: minus the mean of |Laplacian of r|, in levels. Texture is hard to embed in a."""
    return -np.array([np.abs(cv2.Laplacian(head, cv2.CV_32F)).mean() for head in r.astype(np.float32)])


def mirrored(context: Context, a: np.ndarray, r: np.ndarray) -> np.ndarray:
    """PSNR between r and what U_d makes of a mirrored, mirrored back: a face is one either way round, dB."""
    return metrics.psnr(r, engine.Reidentifier(context.networks[0].decoder)(a[:, :, ::-1])[:, :, ::-1])


def again(context: Context, a: np.ndarray, r: np.ndarray) -> np.ndarray:
    """PSNR between r and U_d(U_e(r)): r looks like x, and should be as hard to embed, dB."""
    net = context.networks[0]
    hidden = engine.Deidentifier(net.encoder, context.seed + 1)(r, context.heads.sequences)  # x's noise is not known
    return metrics.psnr(r, engine.Reidentifier(net.decoder)(hidden))


def steady(context: Context, a: np.ndarray, r: np.ndarray) -> np.ndarray:
    """How little r moves as a moves by a level up or down: minus the mean deviation, in levels."""
    rng = np.random.default_rng(context.seed)
    moved = [np.clip(a + rng.integers(-1, 2, a.shape), 0, 255).astype(np.uint8) for _ in range(TIMES)]
    answers = [engine.Reidentifier(context.networks[0].decoder)(image).astype(np.float32) for image in moved]
    return -np.std(answers, axis=0).mean(axis=(1, 2, 3))


MEASURES = {  # of confidence; the first, which did best on the validation split, is the one that is plotted
    "smooth": (smooth, "r is smooth: −mean |Laplacian|"),
    "mirrored": (mirrored, "PSNR(r, r of a mirrored), dB"),
    "again": (again, "PSNR(r, U_d(U_e(r))), dB"),
    "steady": (steady, "r is steady: −deviation as a moves by ±1"),
}


def compute(context: Context, report: Report) -> dict:
    """Spearman's rank correlation of each measure of confidence with PSNR(x, r), and what the first is worth.

    Returns:
        dict `psnr`: of each head, dB; `confidence`: of each head, by the first of MEASURES; `spearman`: measure ->
        `value`, `interval` over people; `tenths`: of the heads from the least sure to the surest tenth, their mean
        `confidence`, and `psnr` as a `value` and its `interval` over people, and how many `heads`; `heads`; `best`,
        `worst`: indices of heads of different people, best and worst by PSNR.
    """
    a, r = context.version("a"), context.version("r")
    psnr = metrics.psnr(context.heads.images, r)
    names, people = np.unique(context.heads.labels[:, 0], return_inverse=True)
    drawn = resampling.people_drawn(len(names), np.random.default_rng(context.seed))[:, people]
    found, spearman = {}, {}
    for done, (name, (measure, _)) in enumerate(MEASURES.items(), start=1):
        found[name] = measure(context, a, r)
        spearman[name] = resampling.measured(np.array([rank_correlation(found[name], psnr, times) for times in drawn]))
        report("measures of confidence", done, len(MEASURES))
    confidence = next(iter(found.values()))
    tenths = []
    for part in np.array_split(np.argsort(confidence, kind="stable"), min(TENTHS, len(psnr))):
        times = drawn[:, part]
        with np.errstate(invalid="ignore"):  # 0 / 0 in a draw without these people
            means = times @ psnr[part] / times.sum(axis=1)
        tenths.append({"confidence": float(confidence[part].mean()), "psnr": resampling.measured(means),
                       "heads": len(part)})  # fmt: skip
    order = np.argsort(psnr, kind="stable")
    return {
        "heads": len(psnr), "psnr": psnr.tolist(), "confidence": confidence.tolist(), "spearman": spearman,
        "tenths": tenths, "best": _of_different_people(order[::-1], people),
        "worst": _of_different_people(order, people),
    }  # fmt: skip


def rank_correlation(first: np.ndarray, second: np.ndarray, times: np.ndarray) -> float:
    """Spearman's coefficient of values `(n,)`, each of which comes `times`; nan for fewer than 3, or all alike."""
    rows = np.repeat(np.arange(len(first)), times)
    if len(rows) < 3 or not np.ptp(first[rows]) or not np.ptp(second[rows]):
        return np.nan
    return float(stats.spearmanr(first[rows], second[rows])[0])


def _of_different_people(order, people):
    """The first SHOWN heads of an order, one per person: list of int."""
    firsts = np.sort(np.unique(people[order], return_index=True)[1])
    return order[firsts[:SHOWN]].tolist()


def plot(record: dict, context: Context) -> Figure:
    """Top: confidence against PSNR, and each measure's rank correlation; bottom: best and worst heads."""
    figure = Figure(figsize=(11, 8), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(3, 4), squeeze=False)[:, 0]
    scatter, bars = top.subplots(1, 2, width_ratios=(3, 2))
    confidence, psnr = np.array(record["confidence"]), np.array(record["psnr"])
    scatter.scatter(confidence, psnr, s=5, alpha=0.4, color="tab:blue", label="a head", linewidths=0)
    centres, means = zip(*((tenth["confidence"], tenth["psnr"]["value"]) for tenth in record["tenths"]), strict=True)
    scatter.plot(centres, means, "o-", color="tab:red", markersize=4, label="mean of a tenth of the heads")
    low, high = zip(*(tenth["psnr"]["interval"] for tenth in record["tenths"]), strict=True)
    scatter.vlines(centres, low, high, color="tab:red", label="95 % over people")
    name, (_, says) = next(iter(MEASURES.items()))
    scatter.set_xlabel(f"confidence, without x: {says}; {record['heads']} heads", fontsize=8)
    scatter.set_ylabel("PSNR(x, r), dB", fontsize=8)
    scatter.legend(fontsize=7)
    for place, name in enumerate(MEASURES):
        found = record["spearman"][name]
        if found["value"] is not None:
            bars.barh(place, found["value"], color="tab:blue", alpha=0.6)
            bars.plot(found["interval"], (place, place), color="black", linewidth=1)
            bars.text(0.02, place - 0.2, f"{found['value']:.2f}", fontsize=7)
    bars.set_yticks(range(len(MEASURES)), [says for _, says in MEASURES.values()])
    bars.invert_yaxis()
    bars.axvline(0, color="black", linewidth=0.8)
    bars.set_xlabel("Spearman's rank correlation with PSNR(x, r)", fontsize=8)
    for axis in (scatter, bars):
        axis.tick_params(labelsize=7)
    for part, name in zip(bottom.subfigures(1, 2, wspace=0.03), ("best", "worst"), strict=True):
        part.suptitle(f"{name} heads by PSNR, one a person", fontsize=9)
        shown = record[name]
        x, a, r = (context.some(version, shown) for version in ("x", "a", "r"))
        far = np.clip(4 * np.abs(x.astype(int) - r), 0, 255).astype(np.uint8)
        for axes, *pictures, k in zip(part.subplots(len(shown), 4, squeeze=False), x, a, r, far, shown, strict=True):
            surer = (confidence < confidence[k]).mean()
            sheets.show(axes, pictures, ("x", "a", f"r: {psnr[k]:.1f} dB", f"|x − r| × 4\nsurer than {surer:.0%}"))
    return figure
