"""The rows of a scorecard: what is measured, with an interval, beside what the paper reports and what is aimed at.

`versions` is a dict name -> uint8 `(N, side, side, 3)` of the heads: x, a, r, and r_lossy after a stream of CRF.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from uunet import data, engine, metrics, presets
from uunet.evaluation import (
    alignment,
    attributes,
    evaluators,
    inputs,
    judges,
    pairs,
    realism,
    recognition,
    resampling,
    transmission,
)
from uunet.evaluation.evaluators import Judged
from uunet.evaluation.inputs import EvaluationConfig, Report, stage
from uunet.labels import LABELS

CRF = 23  # of the H.264 stream whose effect on r is measured


@dataclass(frozen=True)
class Run:
    """What one evaluation works on: weights (None: rendered twins), the s they follow, and heads.

    Attributes:
        whole, heads: data.Heads of the split, and those of them that are evaluated.
        whole_train, train: the same of the train split; None where nothing is trained.
        sample: pairs.Sample of `heads`.
    """

    config: EvaluationConfig
    net: presets.Preset | None
    s: tuple[int, ...]
    whole: data.Heads
    heads: data.Heads
    whole_train: data.Heads | None
    train: data.Heads | None
    sample: pairs.Sample
    report: Report


class Goal(NamedTuple):
    """What the paper reports, what should be reached, and what is aimed at."""

    paper: str = "–"
    reach: str = "–"
    aim: str = "–"


NO_GOAL = Goal()


def _row(title, values, counts, judge="", goal=NO_GOAL):
    """One line of the table; `values` `(1 + D,)`: of everybody, and of the draws; None: the set does not know."""
    about = {"title": title, "judge": judge, **goal._asdict(), "counts": counts}
    if values is None:
        return about | {"value": None, "interval": None, "why": "not known in this set"}
    return about | resampling.measured(values)


def _areas(sample, genuine, impostor, left, right) -> tuple[np.ndarray, dict[str, int]]:
    """AUC `(1 + D,)` of pairs (left, right) with a face in both, and how many there are."""
    kept = [part[left.found[part[:, 0]] & right.found[part[:, 1]]] for part in (genuine, impostor)]
    counts = {"genuine": len(kept[0]), "impostor": len(kept[1])}
    scores = [judges.scores(left.embeddings[part[:, 0]], right.embeddings[part[:, 1]]) for part in kept]
    return recognition.areas(*scores, *map(sample.weights, kept)), counts


def of_recogniser(sample: pairs.Sample, name: str, judged: dict[str, Judged]) -> list[dict]:
    """Whether people are recognised in a and in r: the rows of one recogniser.

    An s that keeps gender, ethnicity and hairstyle leaves them to be read from a. Against impostors of any labels, a
    reader of labels without error has an AUC of 1 minus half the share of impostors that agree in all of them.
    Impostors that agree show how much of the *identity* is left.
    """
    x, a = judged["x"], judged["a"]
    ceiling, counts = _areas(sample, sample.genuine, sample.impostor, x, x)
    rows = [_row("x ↔ x' AUC (the judge's own ceiling)", ceiling, counts, name, Goal(".962 / .820", "state it"))]
    hidden = Goal(".570 / .568" if name == "own" else "–", *(("≤ .70", "≤ .60") if name == "adaptive" else
                                                              ("≤ .60", "≤ .53")))  # fmt: skip
    rows.append(_row("x ↔ a' AUC", *_areas(sample, sample.genuine, sample.impostor, x, a), name, hidden))
    if sample.alike_in:
        title = f"x ↔ a' AUC, impostors of the same {', '.join(sample.alike_in)}"
        rows.append(_row(title, *_areas(sample, sample.genuine, sample.alike, x, a), name))
    # frames share background, clothes and accessories, which no impostor does: `uunet lineup` compares the person alone
    same = _areas(sample, sample.same_frame, sample.impostor, x, a)
    rows.append(_row("x ↔ a of the same frame AUC (background included)", *same, name, Goal("–", "≤ .70", "≤ .55")))
    for version, title, goal in (
        ("r", "r recognised as x: AUC r ↔ x' / x ↔ x'", Goal('"always"', "≥ .99", "1")),
        ("r_lossy", f"the same after H.264 crf {CRF}", Goal("nobody", "≥ .9", "1")),
    ):
        if version in judged:
            areas, counts = _areas(sample, sample.genuine, sample.impostor, judged[version], x)
            rows.append(_row(title, areas / ceiling, counts, name, goal))
    return rows


def of_quality(run: Run, versions: dict[str, np.ndarray]) -> list[dict]:
    """PSNR of r, in the ROI's own pixels."""
    heads, net, sample, report = run.heads, run.net, run.sample, run.report
    assert net is not None  # there is an r
    size = versions["x"].shape[1]
    rows = []
    for side, reach in ((size, "≥ 30"), (size // 2, "≥ 26"), (2 * size, "≥ 28")):
        x, r = versions["x"], versions["r"]
        if side != size:
            x = transmission.seen(x, side)
            told = [stage(report, f"{name} at {side} pixels") for name in ("U_e", "U_d")]
            a = engine.Deidentifier(net.encoder, run.config.seed)(x, heads.sequences, report=told[0])
            r = engine.Reidentifier(net.decoder)(a, report=told[1])
        values = sample.mean(metrics.psnr(x, r), sample.people)
        rows.append(
            _row(f"PSNR(x, r), ROI of {side} pixels, dB", values, {"heads": len(x)}, "", Goal("–", reach, "38"))
        )
    lossy = sample.mean(metrics.psnr(versions["x"], versions["r_lossy"]), sample.people)
    title = f"PSNR(x, r) after H.264 crf {CRF}, ROI of {size} pixels, dB"
    return [*rows, _row(title, lossy, {"heads": len(versions["x"])}, "", Goal("nobody", "≥ 24", "30"))]


def of_detection(sample: pairs.Sample, faces: dict[str, alignment.Faces]) -> dict:
    """Whether MTCNN finds faces in a as often as in x."""
    share = {version: sample.mean(faces[version].found, sample.people) for version in ("x", "a")}
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = share["a"] / share["x"]
    counts = {version: int(faces[version].found.sum()) for version in ("x", "a")}
    return _row("faces found in a, relative to x", relative, counts, "MTCNN", Goal(".89-.93", "≥ .93", "≥ .99"))


def of_labels(run: Run, versions: dict[str, np.ndarray]) -> list[dict]:
    """Whether a has the labels that s asks for (`attributes.soft_label_correlation`), and how well x's are read."""
    sample, heads, s = run.sample, run.heads, run.s
    assert run.train is not None  # this evaluator is trained
    network = evaluators.trained_soft_labels(run.train, run.config.seed, run.report)
    read = {version: evaluators.labels_read(network, versions[version]) for version in ("x", "a")}
    known = inputs.labels_known(heads, run.train)
    rows = []
    for k, (label, paper) in enumerate(zip(LABELS[1:], (".84", ".69", ".63"), strict=True)):
        asked = f"{label} of a as s = {s[1 + k]} asks"
        if label not in known:
            rows.append(_row(f"{asked}, Pearson", None, {}, "soft_labels"))
            continue
        truth = heads.labels[:, 1 + k]
        rows += _label_rows(sample, truth, read["x"][k], 1, f"{label} read from x (the judge's own ceiling)")
        rows += _label_rows(sample, truth, read["a"][k], s[1 + k], asked, Goal(paper, f"≥ {paper}", ".95"))
    for version in ("x", "a"):
        codes = np.stack([read[version][k].argmax(axis=1) for k in range(3) if LABELS[1 + k] in known], axis=1)
        before, after = sample.consecutive.T
        changed = sample.mean((codes[before] != codes[after]).any(axis=1), sample.people[before])
        title = f"sudden changes of a label from frame to frame of {version}, share"
        rows.append(_row(title, changed, {"pairs": len(before)}, "soft_labels"))
    return rows


def _label_rows(sample, truth, read, wish, title, goal=NO_GOAL):
    """One label of one version: how well what is `read`, `(N, values)`, agrees with what s asks for, `wish`."""
    if wish == 0:
        return []
    compared = sample.label_pairs
    both_known, same = attributes.compared(compared, truth)
    compared = compared[both_known]
    weights = sample.weights(compared)
    agreement = read[compared[:, 0], truth[compared[:, 1]]]
    wanted = same == (wish == 1)
    area = recognition.areas(agreement[wanted], agreement[~wanted], weights[:, wanted], weights[:, ~wanted])
    pearson = attributes.correlations(agreement, same, wish, weights)
    counts = {"wanted": int(wanted.sum()), "not wanted": int((~wanted).sum())}
    return [
        _row(f"{title}, AUC", area, counts, "soft_labels"),
        _row(f"{title}, Pearson", pearson, counts, "soft_labels", goal),
    ]


def of_realism(run: Run, versions: dict[str, np.ndarray]) -> tuple[list[dict], list[str]]:
    """The rows of `realism`, and a sentence on each network that is missing. Adds t to `versions`.

    Where U_e generates t before it embeds x in it, sharpness is that of t: the embedded signal is no detail.
    """
    heads, seed, report = run.heads, run.config.seed, run.report
    shown = {"a": versions["a"]}
    if run.net is not None:
        if engine.draws_first(run.net.encoder):
            told = stage(report, "U_e as far as t")
            generator = engine.Deidentifier(run.net.encoder, seed, output="t")
            versions["t"] = generator(heads.images, heads.sequences, report=told)
            shown["t (a before x is hidden in it)"] = versions["t"]
        elif not engine.draws_unseen(run.net.encoder):
            shown = {"a (the hidden pattern included)": versions["a"]}
    names, notes = realism.installed()
    counts = {"heads": len(heads.images), "people": run.sample.drawn.shape[1]}
    found = realism.measured(run.sample, versions["x"], shown, names, seed, report)
    return [_row(title, values, counts, judge) for title, judge, values in found], notes


def sudden_changes(sample: pairs.Sample, name: str, judged: dict[str, Judged]) -> list[dict]:
    """Consecutive frames that a recogniser takes for two people (section IV-D): the rows of x and of a.

    The paper counts consecutive a that "suddenly changed their appearance" and does not say how. Here: those less alike
    than the recogniser's own threshold, at which as many consecutive x are refused as x of two people are accepted.
    """

    def scores(version, compared):
        said = judged[version]
        kept = compared[said.found[compared].all(axis=1)]
        return judges.scores(said.embeddings[kept[:, 0]], said.embeddings[kept[:, 1]]), kept

    together, apart = scores("x", sample.consecutive)[0], scores("x", sample.impostor)[0]
    if not len(together) or not len(apart):
        return []
    levels = np.unique(together)
    refused = np.searchsorted(np.sort(together), levels) / len(together)
    accepted = 1 - np.searchsorted(np.sort(apart), levels) / len(apart)
    threshold = levels[np.abs(refused - accepted).argmin()]
    rows = []
    for version, goal in (("x", NO_GOAL), ("a", Goal("< .15", "≤ .10", "≤ .02"))):
        found, kept = scores(version, sample.consecutive)
        changed = sample.mean(found < threshold, sample.people[kept[:, 0]])
        title = f"sudden changes from frame to frame of {version}, share"
        rows.append(_row(title, changed, {"pairs": len(kept)}, name, goal))
    return rows
