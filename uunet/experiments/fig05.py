"""Fig. 5 and Table II: confidence of MTCNN in faces of x, of a, and of simple de-identifiers."""

import numpy as np
from matplotlib.figure import Figure

from uunet.evaluation import baselines, detection, inputs, resampling
from uunet.evaluation.inputs import Report
from uunet.experiments.context import Context

USES = ("data", "weights")
BINS = np.linspace(0, 1, 21)
TIMES = 50  # samples; section IV-B does not say how many, section IV-E 50
BASELINES = {  # name -> picture -> picture; the last two are not in the paper
    "Butler et al., 8 superpixels": lambda image: baselines.superpixels(image, 8),
    "Butler et al., 16 superpixels": lambda image: baselines.superpixels(image, 16),
    "Ryoo et al., 5 × 3": lambda image: baselines.low_resolution(image, 5, 3),
    "Ryoo et al., 7 × 4": lambda image: baselines.low_resolution(image, 7, 4),
    "blur, σ = 1/10 of the height": lambda image: baselines.blurred(image, 0.1),
    "pixelation, 8 × 8": lambda image: baselines.pixelated(image, 8),
}


def compute(context: Context, report: Report) -> dict:
    """Confidences of the best face of each head, and average precision (Table II) on samples of 90 % of the heads.

    A detection is right if its box overlaps by half the place where the pipeline would have found the face of this head
    (`detection.face_of_head`): a head cut out of a frame has no other truth, and any set has this one.

    Returns:
        dict `table`: list of `name`, `mean` and `std` of the average precision, `found`: share of heads with any face;
        `table_heads`: how many heads that is; `confidence`: its mean in x and in a, each over the heads with a face;
        `pearson` over the heads with a face in both, its 95 % `interval` over people, `heads`: how many these are;
        `histogram`: counts of (x, a) in BINS; `histograms`: of x and of a. What too few faces were found for is None.
    """
    heads = context.heads
    pictures = {"x": heads.images, "a": context.version("a")}
    for name, method in BASELINES.items():
        pictures[name] = np.stack([method(image) for image in heads.images])
    truth = [detection.face_of_head(heads.images.shape[1])]
    table, best = [], {}
    for name, images in pictures.items():
        found = detection.detections(images, inputs.stage(report, f"MTCNN, low thresholds, on {name}"))
        mean, std = resampling.resampled(
            lambda sample: detection.average_precision([(truth, faces) for faces in sample]), found,
            rng=np.random.default_rng(context.seed), times=TIMES,
        )  # fmt: skip
        share = float(np.mean([bool(faces) for faces in found]))
        table.append({"name": name, "mean": mean, "std": std, "found": share})
        best[name] = np.array([max((confidence for confidence, _ in faces), default=np.nan) for faces in found])
    x, a = best["x"], best["a"]
    both = np.isfinite(x) & np.isfinite(a)
    people = np.unique(heads.labels[:, 0], return_inverse=True)[1][both]
    drawn = resampling.people_drawn(people.max(initial=0) + 1, np.random.default_rng(context.seed))[:, people]
    pearson = np.array([correlation(x[both], a[both], times) for times in drawn])
    measurable = bool(np.isfinite(pearson[0]))
    return {
        "table": table, "table_heads": len(heads.images),
        "confidence": {name: _mean(best[name]) for name in ("x", "a")},
        "pearson": float(pearson[0]) if measurable else None,
        "interval": resampling.interval(pearson[1:]) if measurable else None,
        "heads": int(both.sum()),
        "histogram": np.histogram2d(x[both], a[both], (BINS, BINS))[0].astype(int).tolist(),
        "histograms": {name: np.histogram(best[name], BINS)[0].tolist() for name in ("x", "a")},
    }  # fmt: skip


def _mean(confidences):
    found = confidences[np.isfinite(confidences)]
    return float(found.mean()) if len(found) else None


def correlation(first: np.ndarray, second: np.ndarray, times: np.ndarray) -> float:
    """Pearson's coefficient of values `(n,)`, each of which comes `times`; nan for fewer than 3, or all alike."""
    if np.count_nonzero(times) < 3:
        return np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        covariance = np.cov(first, second, fweights=times, ddof=0)
        return covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])


def plot(record: dict, context: Context) -> Figure:
    """Left: 3-D histogram of the confidences of x and a; right: each alone; below: Table II."""
    figure = Figure(figsize=(9, 5.8), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(3, 2), squeeze=False)[:, 0]
    solid, flat = top.add_subplot(1, 2, 1, projection="3d"), top.add_subplot(1, 2, 2)
    counts = np.array(record["histogram"])
    i, j = np.nonzero(counts)
    width = np.diff(BINS)[0]
    if len(i):  # Matplotlib cannot plot zero bars
        solid.bar3d(BINS[i], BINS[j], 0, width, width, counts[i, j] / counts.sum(), color="tab:blue", shade=True)
    solid.set(xlim=(0, 1), ylim=(0, 1))
    solid.set_xlabel("f_c(x)", fontsize=8)
    solid.set_ylabel("f_c(a)", fontsize=8)
    pearson = "Pearson not measurable"
    if record["pearson"] is not None:
        pearson = f"Pearson {record['pearson']:.3f} ({record['interval'][0]:.3f} to {record['interval'][1]:.3f})"
    solid.set_title(f"{pearson}, {record['heads']} heads with a face in both", fontsize=8)
    for (name, histogram), colour in zip(record["histograms"].items(), ("tab:blue", "tab:orange"), strict=True):
        mean = record["confidence"][name]
        label = f"{name}: {f'mean {mean:.3f}' if mean is not None else 'none'}, {sum(histogram)} heads with a face"
        flat.bar(BINS[:-1], np.array(histogram) / max(sum(histogram), 1), width, align="edge", color=colour, alpha=0.55,
                 label=label)  # fmt: skip
    flat.set_xlabel("MTCNN's confidence f_c", fontsize=8)
    flat.set_ylabel("share of heads", fontsize=8)
    flat.legend(fontsize=7)
    for axis in (solid, flat):
        axis.tick_params(labelsize=7)
    axis = bottom.subplots()
    axis.axis("off")
    cells = [[row["name"], f"{row['mean']:.2f} ± {row['std']:.2f}", f"{row['found']:.2f}"] for row in record["table"]]
    titles = [f"{record['table_heads']} heads", "mAP", "any face"]
    table = axis.table(cells, colLabels=titles, loc="center", cellLoc="left", colWidths=(0.4, 0.2, 0.2))
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    return figure
