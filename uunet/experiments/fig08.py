"""Fig. 8: x and a of six people in the plane: how close virtual people are to their originals."""

import numpy as np
from matplotlib.figure import Figure
from scipy.spatial.distance import cdist
from sklearn.neighbors import NeighborhoodComponentsAnalysis

from uunet import data
from uunet.evaluation import pairs, resampling
from uunet.evaluation.inputs import Report
from uunet.experiments import sheets
from uunet.experiments.context import SETTINGS, Context

USES = ("data", "weights")
LEARNT = 50  # people of the train split, one sequence each, section IV-E
PEOPLE, IMAGES = 6, 10  # shown, section IV-E


def compute(context: Context, report: Report) -> dict:
    """Embeddings by `own`, in the plane that separates people best (neighbourhood components analysis).

    As in the paper the plane is learnt from x of 50 people and their 50 virtual selves in 100 classes, all of the train
    split; other people are shown in it. The paper's network learnt these 100 classes, too; ours has never seen an a.
    Distances are relative to the mean distance between x of two people, as the plane has no unit.

    Returns:
        dict `planes`: list, one per setting, of `setting`, `s`; `points`: "x" and "a" -> list of [person, across, up]
        of those shown; `nearest`: "x" and "a" -> `value`, the share whose nearest x of another sequence is of the same
        person, and its 95 % `interval` over people, likewise `distance`, mean of that between x and a of one head;
        `spread`: "x" and "a" -> root mean square distance from the middle of the person. `heads` and `people`: of whom
        these are, all of the split; `shown`: how many heads; `learnt_from`: heads x, and as many a, of so many
        `learnt_people`.

    Raises:
        WeightsError: if U_e does not follow s.
    """
    heads, train = context.heads, context.train
    for s in SETTINGS.values():
        context.following(s, [0])  # refuses weights that do not follow s now, before minutes of work
    chosen = pairs.sample(heads, context.seed)
    shown = [index for sequences in sheets.people(heads, PEOPLE) for index in np.concatenate(sequences)[:IMAGES]]
    learnt = np.concatenate([sequences[0] for sequences in sheets.people(train, LEARNT)])
    x, known = context.embedded(heads.images), context.embedded(train.images[learnt])
    classes = 2 * train.labels[learnt, 0]
    planes = []
    for done, (setting, s) in enumerate(SETTINGS.items(), start=1):
        virtual = context.embedded(context.following(s, learnt, train))
        a = context.embedded(context.following(s, np.arange(len(heads.images))))
        plane = NeighborhoodComponentsAnalysis(2, init="pca", random_state=context.seed).fit(
            np.concatenate([known, virtual]), np.concatenate([classes, classes + 1])
        )
        places = {"x": plane.transform(x), "a": plane.transform(a)}
        planes.append({"setting": setting, "s": list(s), **measured(heads, chosen, places),
                       "points": {name: _points(place, shown, chosen) for name, place in places.items()}})  # fmt: skip
        report("planes", done, len(SETTINGS))
    return {"planes": planes, "heads": len(x), "people": len(chosen.drawn[0]), "shown": len(shown),
            "learnt_from": len(learnt), "learnt_people": len(np.unique(classes))}  # fmt: skip


def measured(heads: data.Heads, chosen: pairs.Sample, places: dict[str, np.ndarray]) -> dict:
    """`nearest`, `distance` and `spread` of `compute`, of "x" and "a" -> float `(N, 2)`."""
    x, people = places["x"], chosen.people
    pairs = chosen.impostor
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = chosen.weights(pairs)
        unit = weights @ np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1) / weights.sum(axis=1)
        distance = chosen.mean(np.linalg.norm(places["a"] - x, axis=1), people) / unit
    found = {"distance": resampling.measured(distance), "nearest": {}, "spread": {}}
    for name, place in places.items():
        far = cdist(place, x)
        far[heads.sequences[:, None] == heads.sequences] = np.inf
        found["nearest"][name] = resampling.measured(chosen.mean(people[far.argmin(axis=1)] == people, people))
        middle = np.stack([place[people == person].mean(axis=0) for person in range(people.max() + 1)])
        found["spread"][name] = float(np.sqrt(np.square(place - middle[people]).sum(axis=1).mean()) / unit[0])
    return found


def _points(place, shown, chosen):
    people = list(dict.fromkeys(chosen.people[shown]))
    return [[people.index(chosen.people[k]), *(round(float(number), 3) for number in place[k])] for k in shown]


def plot(record: dict, context: Context) -> Figure:
    """Left 'All Equal', right 'All Different': one colour per person, x with black borders, a without."""
    figure = Figure(figsize=(10, 5.3), layout="constrained")
    for axis, plane in zip(figure.subplots(1, 2), record["planes"], strict=True):
        for name, border in (("a", "none"), ("x", "black")):
            person, across, up = np.array(plane["points"][name]).T
            axis.scatter(across, up, c=person, cmap="tab10", vmin=0, vmax=9, edgecolors=border, linewidths=1, s=45,
                         alpha=0.8)  # fmt: skip
        nearest, distance = plane["nearest"], plane["distance"]
        numbers = [f"{name} {_text(nearest[name])}" for name in ("x", "a")]
        axis.set_title(
            f"{plane['setting']}, s = {', '.join(map(str, plane['s']))}\n"
            f"nearest x of another sequence is the same person:\n{', '.join(numbers)}\n"
            f"from x to its a: {_text(distance)} of the distance of two people", fontsize=7.5,
        )  # fmt: skip
        axis.set_xticks([])
        axis.set_yticks([])
    figure.supxlabel(
        f"{record['shown']} of {record['heads']} heads, a colour a person; x with black borders, their a without; "
        f"numbers of all {record['people']} people; plane learnt from {record['learnt_from']} x and their a of "
        f"{record['learnt_people']} others", fontsize=7,
    )  # fmt: skip
    return figure


def _text(found):
    if found["value"] is None:
        return "not measurable"
    return f"{found['value']:.2f} ({found['interval'][0]:.2f} to {found['interval'][1]:.2f})"
