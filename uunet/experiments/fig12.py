"""Fig. 12: whether background, pose and expression of x are those of a."""

import numpy as np
from matplotlib.figure import Figure
from skimage.color import rgb2lab
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from uunet import data
from uunet.evaluation import evaluators, expression, pairs, pose, resampling
from uunet.evaluation.inputs import Report
from uunet.experiments import sheets
from uunet.experiments.context import Context, ExperimentError

USES = ("data", "weights")
COLUMNS = (*pose.ANGLES, "expression", "parse")  # what the renders know
TRAIN = 1280  # heads of the train split at most, from which pose and expression are learnt: MTCNN has to see each
LEAST = 10  # of them with a face
DISTANCES = np.linspace(0, 60, 61)  # of CIE L*a*b*
RADIANS = np.linspace(0, 0.6, 31)
EXAMPLES = 3
SHORT = ("N", "D", "Su", "Sm")
COLOURS = ("tab:blue", "tab:orange", "tab:green")
COMPARED = {  # what is compared in pose and expression
    "x, a": "x as read against a as read, as in the paper",
    "truth, x": "what the renders know against x as read: the judge's own error",
    "truth, a": "what the renders know against a as read",
}


def compute(context: Context, report: Report) -> dict:
    """Background by the renders' ground truth; pose and expression also by evaluators trained on x of the train split.

    Background: Euclidean distance in CIE 1976 L*a*b* of each pixel in which x shows neither skin nor hair, as in the
    paper, but by the renders' parse map; hair that a has and x has not counts as a change. Pose and expression: by
    `pose` and `expression`, of heads in which MTCNN finds a face in x and in a. The paper's authors took out wrong
    poses by eye; here the evaluators' own error is beside it. `kappa` corrects agreement for chance.

    Returns:
        dict `background`: `mean` of heads, its 95 % `interval` over people; `median` of pixels, `histogram` in
        DISTANCES (the last bin has what is farther, too), `pixels`; `head_mean`: the mean of all other pixels.
        `pose`: angle -> a key of COMPARED -> `mean`, `interval`, `std` of absolute differences in radians, `histogram`
        in RADIANS (likewise); and `spread`, the mean error of always answering the mean of all x.
        `expression`: a key of COMPARED -> `matrix`, counts in the order of `expression.NAMES`; `agreement`, a share,
        its `interval`; `kappa`, Cohen's.
        `heads`; `faces`: in how many MTCNN finds a face in x and in a; `learnt_from`: faces; `examples`: what to show.
        What no face was found for is None.

    Raises:
        DataError: if the set lacks the renders' ground truth.
        ExperimentError: if few faces of the train split are found, or all have one expression.
    """
    heads, train = (context.rendered(split, COLUMNS) for split in (context.split, "train"))
    of_pose, of_expression, learnt_from = _judges(context, train, report)
    chosen = pairs.sample(heads, context.seed)
    found = {name: context.faces(name) for name in ("x", "a")}
    both = np.flatnonzero(found["x"].found & found["a"].found)
    angles, names = {"truth": _angles(heads)[both]}, {"truth": heads.columns["expression"][both]}
    for name in ("x", "a"):
        points = found[name].points[both]
        angles[name] = of_pose.predict(points) if len(both) else np.empty((0, 3))
        edges = expression.edges(context.version(name)[both], points) if len(both) else None
        names[name] = of_expression.predict(edges) if len(both) else np.empty(0, str)
    return {
        "background": _background(context, heads, chosen),
        "pose": {angle: _pose({who: values[:, k] for who, values in angles.items()}, chosen, both)
                 for k, angle in enumerate(pose.ANGLES)},
        "expression": _expression(names, chosen, both),
        "heads": len(heads.images), "faces": len(both), "learnt_from": learnt_from,
        "examples": _examples(heads, both, angles, names),
    }  # fmt: skip


def _judges(context, train, report):
    """The evaluators of pose and of expression, and how many faces they were trained on."""
    some = np.linspace(0, len(train.images) - 1, min(len(train.images), TRAIN)).astype(int)  # from all sequences
    images = train.images[some]
    found = evaluators.faces_in(images, "x", report)
    seen, names = found.found, train.columns["expression"][some]
    if seen.sum() < LEAST or len(set(names[seen])) < 2:
        raise ExperimentError(
            f"MTCNN finds {seen.sum()} faces of {len(set(names[seen]))} expressions in {len(some)} heads of the train "
            f"split of {context.folder}, and pose and expression are learnt from at least {LEAST} of 2: name a larger "
            "set (--data)."
        )
    points = found.points[seen]
    return (
        pose.fit(points, _angles(train)[some][seen]),
        expression.fit(expression.edges(images[seen], points), names[seen]),
        int(seen.sum()),
    )


def _angles(heads):
    return np.radians(np.stack([heads.columns[angle] for angle in pose.ANGLES], axis=1))


def _mean(values, chosen, indices):
    """Mean of values of some heads, and its interval over people."""
    if not len(values):
        return None, None
    means = chosen.mean(values, chosen.people[indices])
    return float(means[0]), resampling.interval(means[1:])


def _histogram(values, edges):
    return np.histogram(np.minimum(values, edges[-1]), edges)[0].tolist()


def _background(context, heads, chosen):
    masks = ~data.load_masks(context.data_folder, heads)
    far = np.stack([np.linalg.norm(rgb2lab(x) - rgb2lab(a), axis=-1)
                    for x, a in zip(heads.images, context.version("a"), strict=True)])  # fmt: skip
    shown = np.flatnonzero(masks.any(axis=(1, 2)))
    mean, interval = _mean([far[k][masks[k]].mean() for k in shown], chosen, shown)
    return {
        "mean": mean, "interval": interval, "median": float(np.median(far[masks])), "pixels": int(masks.sum()),
        "histogram": _histogram(far[masks], DISTANCES), "head_mean": float(far[~masks].mean()),
    }  # fmt: skip


def _pose(angles, chosen, both):
    """One angle: `angles` who -> float `(n,)`, radians."""
    record = {}
    for pair in COMPARED:
        one, other = pair.split(", ")
        wrong = np.abs(angles[one] - angles[other])
        mean, interval = _mean(wrong, chosen, both)
        record[pair] = {"mean": mean, "interval": interval, "std": float(wrong.std()) if len(wrong) else None,
                        "histogram": _histogram(wrong, RADIANS)}  # fmt: skip
    truth = angles["truth"]
    return record | {"spread": float(np.abs(truth - truth.mean()).mean()) if len(truth) else None}


def _expression(names, chosen, both):
    record = {}
    for pair in COMPARED:
        one, other = (names[who] for who in pair.split(", "))
        agreement, interval = _mean(one == other, chosen, both)
        counts = confusion_matrix(one, other, labels=expression.NAMES) if len(both) else np.zeros((4, 4), int)
        several = len(np.union1d(one, other)) > 1  # else nothing is left once chance is out
        kappa = float(cohen_kappa_score(one, other, labels=expression.NAMES)) if several else None
        record[pair] = {"matrix": counts.tolist(), "agreement": agreement, "interval": interval,
                        "kappa": kappa}  # fmt: skip
    return record


def _examples(heads, both, angles, names):
    """Heads of several sequences; faces from left to right; faces of several expressions, as far as there are."""
    sequences = np.unique(heads.sequences, return_index=True)[1]
    turned = np.argsort(angles["x"][:, 0])[np.linspace(0, len(both) - 1, min(EXAMPLES, len(both))).astype(int)]
    firsts = np.unique(names["x"], return_index=True)[1]
    various = [*firsts, *np.setdiff1d(np.arange(len(both)), firsts)][:EXAMPLES]
    return {
        "background": sequences[np.linspace(0, len(sequences) - 1, min(EXAMPLES, len(sequences))).astype(int)].tolist(),
        "pose": [{"head": int(both[k]), **{who: angles[who][k].tolist() for who in ("x", "a")}} for k in turned],
        "expression": [{"head": int(both[k]), **{who: str(names[who][k]) for who in ("x", "a")}} for k in various],
    }


def plot(record: dict, context: Context) -> Figure:
    """Rows as in the paper: background, pose, expression; pairs x, a at left, what was measured of all at right."""
    figure = Figure(figsize=(12, 6.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(3, 2.6), squeeze=False)[0]
    rows = left.subplots(3, 2 * EXAMPLES)
    heads = context.rendered(context.split, COLUMNS)
    masks = ~data.load_masks(context.data_folder, heads)
    shown = record["examples"]
    _row(rows[0], shown["background"], context, [("x, background", "a, background")] * len(shown["background"]), masks)
    angles = [[f"{who}: yaw {of[who][0]:+.2f}\npitch {of[who][1]:+.2f}, roll {of[who][2]:+.2f}" for who in ("x", "a")]
              for of in shown["pose"]]  # fmt: skip
    _row(rows[1], [of["head"] for of in shown["pose"]], context, angles)
    names = [[f"{who}: {of[who]}" for who in ("x", "a")] for of in shown["expression"]]
    _row(rows[2], [of["head"] for of in shown["expression"]], context, names)
    grid = right.add_gridspec(3, 2)
    _plot_background(right.add_subplot(grid[0, :]), record)
    _plot_pose(right.add_subplot(grid[1, :]), record)
    for column, pair in enumerate(("x, a", "truth, x")):
        _plot_expression(right.add_subplot(grid[2, column]), record["expression"][pair], pair, record["faces"])
    return figure


def _row(axes, indices, context, titles, masks=None):
    pictures = [context.some(name, indices) for name in ("x", "a")] if indices else []
    if masks is not None:
        pictures = [np.where(masks[indices][..., None], images, 0) for images in pictures]
    flat = [picture for pair in zip(*pictures, strict=True) for picture in pair]
    sheets.show(axes, flat, [title for pair in titles for title in pair])
    for axis in axes:
        axis.title.set_fontsize(6.5)


def _plot_background(axis, record):
    background = record["background"]
    counts = np.array(background["histogram"])
    axis.stairs(counts / counts.sum(), DISTANCES, fill=True, color="tab:blue", alpha=0.55)
    axis.set_title(f"background: mean {background['mean']:.2f} ({background['interval'][0]:.2f} to "
                   f"{background['interval'][1]:.2f}), median {background['median']:.2f}; "
                   f"heads: mean {background['head_mean']:.2f}", fontsize=7.5)  # fmt: skip
    axis.set_xlabel(f"distance of x and a in CIE L*a*b*, {background['pixels']:,} pixels of {record['heads']} heads",
                    fontsize=7)  # fmt: skip
    axis.set_ylabel("share", fontsize=7)
    axis.tick_params(labelsize=7)


def _plot_pose(axis, record):
    for (angle, found), colour in zip(record["pose"].items(), COLOURS, strict=True):
        for pair, style in (("x, a", "-"), ("truth, x", ":")):
            if found[pair]["mean"] is None:
                continue
            counts = np.array(found[pair]["histogram"])
            label = f"{angle}, {pair.replace(',', ' −')}: {found[pair]['mean']:.3f} ± {found[pair]['std']:.3f}"
            axis.stairs(counts / counts.sum(), RADIANS, color=colour, linestyle=style, label=label)
    axis.set_title("pose, dotted: the judge's own error" if record["faces"] else "pose: no face in x and in a",
                   fontsize=7.5)  # fmt: skip
    axis.set_xlabel(f"absolute difference, radians; {record['faces']} heads with a face in x and in a", fontsize=7)
    axis.set_ylabel("share", fontsize=7)
    axis.tick_params(labelsize=7)
    if record["faces"]:
        axis.legend(fontsize=6.5)


def _plot_expression(axis, found, pair, count):
    """A normalised confusion matrix, as in Fig. 12."""
    counts = np.array(found["matrix"])
    shares = counts / max(counts.sum(), 1)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (i, j), share in np.ndenumerate(shares):
        axis.text(j, i, f"{share:.2f}", ha="center", va="center", fontsize=7, color="white" if share > 0.5 else "black")
    axis.set_xticks(range(len(SHORT)), SHORT)
    axis.set_yticks(range(len(SHORT)), SHORT)
    axis.tick_params(labelsize=7)
    one, other = pair.split(", ")
    axis.set_xlabel(f"{other} as read", fontsize=7)
    axis.set_ylabel("truth" if one == "truth" else f"{one} as read", fontsize=7)
    title = "not measurable"
    if found["agreement"] is not None:
        kappa = "–" if found["kappa"] is None else f"{found['kappa']:.2f}"
        title = f"agreement {found['agreement']:.2f}, κ {kappa}"
    axis.set_title(f"{title}\n{count} heads", fontsize=7.5)
