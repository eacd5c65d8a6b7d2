"""Decision environments: how the scores of genuine and of impostor pairs are distributed (Figs. 6, 7, 10, 11)."""

import numpy as np
from matplotlib.axes import Axes
from scipy import stats

from uunet import data
from uunet.evaluation import judges, recognition
from uunet.evaluation import pairs as sampling
from uunet.evaluation.judges import dlib
from uunet.experiments.context import Context, ExperimentError

GENUINE, IMPOSTOR = 10_000, 50_000  # pairs, section IV-C; all there are of fewer
BINS = 40
GREEN, RED = "tab:green", "tab:red"  # genuine and impostor, as in Fig. 6
NAMES = {"own": "own recogniser", "dlib": "dlib"}


def pairs(heads: data.Heads, kind: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Genuine pairs of a kind, and impostor pairs: int `(n, 2)`, `(m, 2)`, indices of heads.

    Args:
        heads: data.Heads.
        kind: which pairs are genuine, one of `pairs.KINDS`.
        rng: numpy Generator, draws pairs where there are more than GENUINE or IMPOSTOR.

    Raises:
        ExperimentError: if there are fewer than two of either.
        WeightsError: if a recogniser's weights are missing.
    """
    dlib.network()  # refuses missing weights now, before minutes of work
    every = sampling.among(heads.labels[:, 0], heads.sequences, kind)
    chosen = [sampling.at_most(part, most, rng) for part, most in zip(every, (GENUINE, IMPOSTOR), strict=True)]
    if min(map(len, chosen)) < 2:
        raise ExperimentError(
            f"The split has {len(chosen[0])} pairs of one person ({kind}) and {len(chosen[1])} of two people, and at "
            "least 2 of each are needed: name another split (--split), or a larger set."
        )
    return chosen


def compare(context: Context, judge: str, left: str, right: str, chosen: list[np.ndarray]) -> dict:
    """The decision environment of pairs (left version, right version), as one recogniser scores them.

    With fewer than two pairs of either kind in which the recogniser finds two faces, the numbers are None and the
    histograms empty: that a recogniser finds no face in a is a result, too.

    Args:
        context: Context.
        judge: one of context.JUDGES.
        left, right: str, versions.
        chosen: genuine and impostor pairs, as `pairs` gives them.

    Returns:
        dict of JSON values: what `recognition.separation` gives (d' of Eq. 14, AUC, intervals, how many pairs);
        `no_face`, how many genuine and impostor pairs are left out, as the recogniser finds no face in one of the two;
        `daugman`, d' by Daugman; `ks`, the Kolmogorov-Smirnov test of section IV-D, whose p takes pairs for
        independent, which pairs of the same heads are not; `edges`, `histograms` of scores.
    """
    one, other = context.judged(judge, left), context.judged(judge, right)
    genuine, impostor = kept = [part[one.found[part[:, 0]] & other.found[part[:, 1]]] for part in chosen]

    def scores(part):
        return judges.scores(one.embeddings[part[:, 0]], other.embeddings[part[:, 1]])

    rng = np.random.default_rng(context.seed)
    about = {
        "judge": judge, "left": left, "right": right,
        **recognition.separation(scores, genuine, impostor, context.heads.labels[:, 0], rng),
        "no_face": [len(before) - len(after) for before, after in zip(chosen, kept, strict=True)],
    }  # fmt: skip
    if about["d"] is None:
        return about | {"daugman": None, "ks": None, "edges": [], "histograms": []}
    values = [scores(part) for part in kept]
    edges = np.linspace(min(map(np.min, values)), max(map(np.max, values)) + 1e-6, BINS + 1)
    ks = stats.ks_2samp(*values)
    return about | {
        "daugman": recognition.daugman_decidability(*values),
        "ks": {"statistic": float(ks.statistic), "p": float(ks.pvalue)},
        "edges": edges.tolist(),
        "histograms": [np.histogram(part, edges)[0].tolist() for part in values],
    }


def plot(axis: Axes, environment: dict, title: str) -> None:
    """Green and red bars as in Fig. 6, areas 1; what was measured over them, how many pairs under the axis."""
    genuine, impostor = environment["no_face"]
    left_out = f"; no face in {genuine} and {impostor} more" if genuine or impostor else ""
    axis.set_xlabel(f"score, −‖e − e'‖ ({NAMES[environment['judge']]})\n{environment['genuine']} genuine, "
                    f"{environment['impostor']} impostor pairs{left_out}", fontsize=7)  # fmt: skip
    axis.set_ylabel("density", fontsize=7)
    axis.tick_params(labelsize=7)
    if environment["d"] is None:
        axis.set_title(f"{title}\nnot measurable: too few pairs with two faces", fontsize=8)
        return
    edges = np.array(environment["edges"])
    for counts, colour, name in zip(environment["histograms"], (GREEN, RED), ("genuine", "impostor"), strict=True):
        heights = np.array(counts) / (sum(counts) * np.diff(edges))
        axis.bar(edges[:-1], heights, np.diff(edges), align="edge", color=colour, alpha=0.55, label=name)
    low, high = environment["auc_interval"]
    axis.set_title(
        f"{title}\nd' = {environment['d']:.3f} (Daugman {environment['daugman']:.3f}), "
        f"AUC = {environment['auc']:.3f} ({low:.3f}–{high:.3f})", fontsize=8,
    )  # fmt: skip
    axis.legend(fontsize=7)
