"""Table III: whether the soft labels of a are those that s asks for, by D_a and by an evaluator independent of it."""

import hashlib

import numpy as np
from matplotlib.figure import Figure

from uunet import pixels, presets
from uunet.evaluation import attributes, evaluators, inputs, pairs, resampling
from uunet.evaluation.inputs import Report
from uunet.experiments.context import SETTINGS, Context, ExperimentError
from uunet.labels import VALUES
from uunet.training import objective

USES = ("data", "weights")
IMPOSTORS = 2000  # pairs of two people: D_a has to look at each pair, where a reader of single heads does not
TIMES = 50  # samples, section IV-E
BATCH = 128  # pairs in one call of D_a
JUDGES = {"D_a": "D_a", "soft_labels": "independent judge", "truth": "s obeyed always"}


def compute(context: Context, report: Report) -> dict:
    """Pearson correlations over the pairs (a_i, x_j) of `pairs.Sample.label_pairs`, the same for both evaluators.

    D_a is that of the preset `synthetic-64`, which alone has one; weights that were trained against it were trained to
    please it. It learnt from renders of the same seeds, and so of some of these people, as an earlier renderer drew
    them: no judge of unseen people. The other judge reads the labels of single heads (`judges.soft_labels`). What
    either can do at best shows with x' in place of a: the same person in another sequence, as D_a would know the very
    same picture by anything. "truth" is a judge without error of virtual people who obey s always: for s = -1 and a
    label of many values, even it is below 1, as a label that differs from x_i's may differ from x_j's, too.

    Returns:
        dict `rows`: list of `judge`, a key of JUDGES; `of`, "x'" or a key of SETTINGS; `label`; `s` of this label;
        `value`, over all pairs, and its 95 % `interval` over people; `mean` and `std` over TIMES samples of 90 % of
        the a_i, with repetition; the last four are None where all pairs, or all answers, are alike; `pairs` whose label
        is known. `heads`: how many a_i; `people`; `d_a`: `sha256` of its file.

    Raises:
        ExperimentError: if a split has no known label.
        WeightsError: if U_e does not follow s.
    """
    heads, train = context.heads, context.train
    if not inputs.labels_known(heads, train):
        raise ExperimentError(
            f"{context.folder} has no known gender, ethnicity or hairstyle in a split, and Table III is about them: "
            "name a set with labels (--data)."
        )
    for s in SETTINGS.values():
        context.following(s, [0])  # refuses weights that do not follow s now, before minutes of work
    chosen = pairs.sample(heads, context.seed, IMPOSTORS)
    compared = chosen.label_pairs
    reader = evaluators.trained_soft_labels(train, context.seed, report)
    d_a = presets.load("synthetic-64")
    everybody = np.arange(len(heads.images))
    elsewhere = everybody.copy()
    elsewhere[chosen.genuine[:, 0]] = chosen.genuine[:, 1]  # people of one sequence are compared with themselves
    rows = []
    for of, s in {"x'": (-1, 1, 1, 1), **SETTINGS}.items():
        images = heads.images[elsewhere] if of == "x'" else context.following(s, everybody)
        read = evaluators.labels_read(reader, images)
        agreement = {
            "D_a": _agreement(d_a.classifier, images[compared[:, 0]], heads.images[compared[:, 1]], of, report)[:, 1:],
            "soft_labels": np.stack([part[compared[:, 0], heads.labels[compared[:, 1], 1 + k]]
                                     for k, part in enumerate(read)], axis=1),
        }  # fmt: skip
        if of in SETTINGS:
            obedient = _obedient(heads.labels[:, 1:], s[1:], np.random.default_rng(context.seed))
            agreement["truth"] = obedient[compared[:, 0]] == heads.labels[compared[:, 1], 1:]
        rows += [{"judge": judge, "of": of, **_measured(context, chosen, k, s, said)}
                 for judge, said in agreement.items() for k in range(len(VALUES))]  # fmt: skip
    path = d_a.folder / "classifier.safetensors"
    return {"rows": rows, "heads": len(heads.images), "people": int(chosen.people.max()) + 1,
            "d_a": {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}}  # fmt: skip


def _agreement(classifier, left, right, of, report):
    """D_a of pairs (Eq. 2): uint8 `(n, 64, 64, 3)` twice -> float `(n, 4)`."""
    said = []
    for start in range(0, len(left), BATCH):
        part = slice(start, start + BATCH)
        pair = pixels.to_float(left[part]), pixels.to_float(right[part])
        said.append(np.asarray(objective.agreement(classifier, *pair)))
        report(f"D_a on {of}", min(start + BATCH, len(left)), len(left))
    return np.concatenate(said)


def _obedient(labels, s, rng):
    """Labels of virtual people that follow s: x's own where it is 1, any other where it is -1: int `(N, 3)`."""
    count = np.array([len(values) for values in VALUES.values()])
    return np.where(np.array(s) == 1, labels, (labels + rng.integers(1, count, labels.shape)) % count)


def _measured(context, chosen, k, s, agreement):
    """One label, the k-th, of one evaluator: `agreement` `(n, 3)` of all `label_pairs`."""
    known, same = attributes.compared(chosen.label_pairs, context.heads.labels[:, 1 + k])
    compared, agreement, wish = chosen.label_pairs[known], agreement[known, k], s[1 + k]

    def of_heads(rows):
        times = np.bincount(rows, minlength=len(chosen.people))[compared[:, 0]]
        return attributes.correlations(agreement, same, wish, times[None])[0]

    row = {"label": list(VALUES)[k], "s": wish, "pairs": len(compared)}
    values = attributes.correlations(agreement, same, wish, chosen.weights(compared))
    mean, std = resampling.resampled(of_heads, np.arange(len(chosen.people)),
                                     rng=np.random.default_rng(context.seed), times=TIMES)  # fmt: skip
    if not np.isfinite([values[0], mean]).all():
        return row | dict.fromkeys(("value", "interval", "mean", "std"))
    return row | resampling.measured(values) | {"mean": mean, "std": std}


def plot(record: dict, context: Context) -> Figure:
    """One row per label, as in the paper; one column per evaluator and what it sees: x', and a of either setting."""
    columns = list(dict.fromkeys((row["judge"], row["of"]) for row in record["rows"]))
    columns.sort(key=lambda column: list(JUDGES).index(column[0]))
    cells = {(row["label"], row["judge"], row["of"]): _cell(row) for row in record["rows"]}
    text = [[label, *(cells[label, *column] for column in columns)] for label in VALUES]
    figure = Figure(figsize=(11, 2.5), layout="constrained")
    axis = figure.subplots()
    axis.axis("off")
    titles = ["", *(f"{JUDGES[judge]}\n{of if of in SETTINGS else of + ': its ceiling'}" for judge, of in columns)]
    table = axis.table(text, colLabels=titles, loc="center", cellLoc="center")
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    table.scale(1, 2.3)
    axis.set_title(f"Pearson's coefficient of labels read and labels that s asks for: mean ± standard deviation over "
                   f"{TIMES} samples (95 % interval over {record['people']} people)", fontsize=8)  # fmt: skip
    pairs = record["rows"][0]["pairs"]
    axis.text(0.5, 0, f"{pairs} pairs (a_i, x_j): j = i, and two people, drawn. Its ceiling: x', the same person in "
              "another sequence, instead of a. s obeyed always: what a judge without error would find",
              transform=axis.transAxes, ha="center", va="top", fontsize=7)  # fmt: skip
    return figure


def _cell(row):
    if row["value"] is None:
        return "not measurable:\nall pairs alike"
    return "{mean:.3f} ± {std:.3f}\n({interval[0]:.3f} to {interval[1]:.3f})".format(**row)
