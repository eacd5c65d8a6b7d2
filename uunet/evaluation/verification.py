"""The two protocols of face recognition, on photographs: `uunet evaluate --pairs`.

Verification: do two photographs show one person (`pairs.Pairs`)? Identification: which of N people is this?

Only recognisers trained by others take part (`dlib`, `faceres`), as a list may name people of the train split. MTCNN
looks for the face in x alone. a and r are aligned by what it finds there, so that a missed face in a or r removes no
pair.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from uunet import data, engine
from uunet.evaluation import evaluators, inputs, judges, pairs, recognition, resampling, subset, tables
from uunet.evaluation.inputs import EvaluationConfig, Report

MOST = 3000  # pairs of each kind that are compared, of a list that has more: all of View 2
PEOPLE = 150  # among whom one is to be identified
COMPARED = (("x ↔ x'", "x", "x"), ("x ↔ a'", "a", "x"), ("r ↔ x'", "r", "x"))  # title, version of either photograph
IDENTIFIED = (("x' among x", "x"), ("a' among x", "a"), ("r' among x", "r"))


def accuracy(scores: np.ndarray, same: np.ndarray, folds: np.ndarray) -> tuple[float | None, float | None]:
    """Share of pairs that a threshold on the score classifies correctly: for each fold, the best of all other folds.

    Args:
        scores: float `(n,)`, higher for more alike.
        same: bool `(n,)`, whether the pair shows one person.
        folds: int `(n,)`, two different ones at least.

    Returns:
        mean, standard error over folds: floats; None with fewer than two folds.
    """
    if len(np.unique(folds)) < 2:
        return None, None
    shares = []
    for fold in np.unique(folds):
        others = folds != fold
        levels = np.unique(scores[others])
        right = [np.mean((scores[others] >= level) == same[others]) for level in (*levels, np.inf)]
        threshold = [*levels, np.inf][int(np.argmax(right))]
        shares.append(np.mean((scores[~others] >= threshold) == same[~others]))
    return float(np.mean(shares)), float(np.std(shares, ddof=1) / np.sqrt(len(shares)))


def verified(chosen: pairs.Pairs, people: np.ndarray, judged: dict[str, np.ndarray], seed: int) -> list[dict]:
    """What one recogniser says of some Pairs: a list of dict, one for each of COMPARED that is there.

    Each has `auc` with an interval. Weights without U_d have no r.

    Args:
        chosen: pairs.Pairs.
        people: int `(N,)`, whose each head is.
        judged: dict version -> float `(N, d)` embeddings, nan where x shows no face.
        seed: int, of the draws of people.
    """
    seen = ~np.isnan(judged["x"]).any(axis=1)
    kept = seen[chosen.pairs].all(axis=1)
    of, folds = chosen.pairs[kept], chosen.folds[kept]
    same = people[of[:, 0]] == people[of[:, 1]]
    rows = []
    for title, left, right in COMPARED:
        if left not in judged:  # r, without U_d
            continue

        def scores(some, left=left, right=right):
            return judges.scores(judged[left][some[:, 0]], judged[right][some[:, 1]])

        row = recognition.separation(scores, of[same], of[~same], people, np.random.default_rng(seed))
        row["accuracy"], row["standard_error"] = accuracy(scores(of), same, folds)
        rows.append({"title": title, "without_face": int(np.count_nonzero(~kept)), **row})
    return rows


def identified(people: np.ndarray, judged: dict[str, np.ndarray], seed: int) -> list[dict]:
    """How often a person's other photograph is the nearest of all people's, in both directions.

    Args:
        people: int `(N,)`, whose each photograph is; everybody has two.
        judged: as in `verified`.
        seed: int, of the draws of people.

    Returns:
        list of dict, one for each of IDENTIFIED whose version is there and one of a among the x it was made from;
        `interval` is over draws of the people asked for, among the same others. People without a face in one of their
        two x are left out. Empty with fewer than two people.
    """
    order = np.argsort(people, kind="stable").reshape(-1, 2)
    order = order[~np.isnan(judged["x"][order]).any(axis=(1, 2))]
    if len(order) < 2:
        return []
    times = resampling.people_drawn(len(order), np.random.default_rng(seed))

    def found(version, probes, gallery):
        distance = -judges.scores(judged[version][order[:, probes], None], judged["x"][None, order[:, gallery]])
        return distance.argmin(axis=1) == np.arange(len(order))

    asked = [(title, version, ((0, 1), (1, 0))) for title, version in IDENTIFIED if version in judged]
    asked.append(("a among x, the same photograph", "a", ((0, 0), (1, 1))))
    rows = []
    for title, version, ways in asked:
        share = np.mean([found(version, *way) for way in ways], axis=0)
        rows.append({"title": title, "people": len(order), **resampling.measured(times @ share / times.sum(axis=1))})
    return rows


def measure(config: EvaluationConfig, asked: list[str], *, most: int = MOST, progress: Report | None = None) -> dict:
    """Verification on each list, and identification among PEOPLE people of the split.

    Args:
        config: EvaluationConfig of weights; of its evaluators, those trained by others take part.
        asked: list of str, each a path (see `pairs.read`), or how many pairs of each kind are drawn of the split.
        most: int, pairs of each kind that are compared of a list that has more.
        progress: callable `(stage, done, total)` or None.

    Returns:
        dict of JSON values: `lists`, one entry for each of `asked`; and `identification`.

    Raises:
        UUNetError: if a list cannot be read, the set has too few of its pictures, or no recogniser takes part.
    """
    check(asked, config.by)
    seed, report = config.seed, progress or (lambda *_: None)
    by = [name for name in config.by if name in evaluators.FACE_JUDGES]
    net, size, _, _ = inputs.loaded(config.weights, None, config.s)
    needed = data.SPLITS if any(not text.isdecimal() for text in asked) else (config.split,)
    parts = [_photographs(config.folder, name, size) for name in needed]
    whole = subset.joined(parts)
    own = np.flatnonzero(np.repeat(needed, [len(part.images) for part in parts]) == config.split)
    lists = [_pairs(text, whole, own, most, seed) for text in asked]
    twice = _photographed_twice(whole, own, seed)
    used = np.unique(np.concatenate([twice, *(of.pairs.ravel() for of in lists)]))
    judged = _judged(whole.taken(used), net, by, seed, report)
    people = whole.labels[used, 0]
    entries = []
    for text, of in zip(asked, lists, strict=True):
        here = dataclasses.replace(of, pairs=np.searchsorted(used, of.pairs))
        file = {} if text.isdecimal() else {"sha256": hashlib.sha256(Path(text).read_bytes()).hexdigest()}
        same = people[here.pairs[:, 0]] == people[here.pairs[:, 1]]
        entries.append({
            "list": of.about, **file, "missing": of.missing, "left_out": of.left_out, "genuine": int(same.sum()),
            "impostor": int((~same).sum()), "people": len(np.unique(people[here.pairs])),
            "rows": [{"judge": name, **row} for name in by for row in verified(here, people, judged[name], seed)],
        })  # fmt: skip
    twice = np.searchsorted(used, twice)
    rows = [{"judge": name, **row} for name in by for row in
            identified(people[twice], {version: of[twice] for version, of in judged[name].items()}, seed)]  # fmt: skip
    return {"judges": by, "photographs": len(used), "lists": entries, "identification": rows}


def check(asked: list[str], by: Sequence[str]) -> None:
    """Raises a PairsError where a list cannot be read, or no recogniser of `by` takes part, before minutes of work."""
    if not set(by) & set(evaluators.FACE_JUDGES):
        raise pairs.PairsError(
            f"--pairs asks {' and '.join(evaluators.FACE_JUDGES)} alone: name one of them in --judges."
        )
    for text in asked:
        if not text.isdecimal():
            pairs.read(text)
        elif int(text) < 2:
            raise pairs.PairsError(f"--pairs {text} is too few to tell anything: ask for 2 or more.")


def _photographs(folder, split, size):
    heads = data.load(folder, split, size=size, columns=("subject", "sequence"))
    return heads.taken(subset.photographs(heads))


def _pairs(text, whole, own, most, seed):
    """The pairs.Pairs that a file lists, of all heads; or so many that are drawn of the split's, `own`."""
    if not text.isdecimal():
        return pairs.listed(text, whole, most, seed)
    found = pairs.drawn(int(text), whole.taken(own), seed)
    return dataclasses.replace(found, pairs=own[found.pairs])


def _photographed_twice(whole, own, seed):
    """Two photographs each of at most PEOPLE people of the split: int `(n,)`, indices among all heads."""
    chosen = own[subset.drawn(whole.taken(own), 2 * PEOPLE, seed, frames=1)]
    people = whole.labels[chosen, 0]
    return chosen[np.bincount(people)[people] == 2]


def _judged(heads, net, by, seed, report):
    """dict recogniser -> version -> embeddings `(N, d)`, aligned by the face found in x; nan where there is none."""

    def say(stage, *done):
        report(f"{stage}, photographs", *done)

    x = heads.images
    a = engine.Deidentifier(net.encoder, seed)(x, heads.sequences, report=lambda *done: say("U_e", *done))
    versions = {"x": x, "a": a}
    if net.decoder is not None:
        versions["r"] = engine.Reidentifier(net.decoder)(a, report=lambda *done: say("U_d", *done))
    faces = evaluators.faces_in(x, "x", say)
    return {name: {version: evaluators.by_face(name, version, images, faces, say).embeddings
                   for version, images in versions.items()} for name in by}  # fmt: skip


def markdown(section: dict) -> str:
    """The tables of a record's section as text."""
    by = section["judges"]
    lines = []
    for entry in section["lists"]:
        lines += [_about(entry), "", _table(entry["rows"], by, _verified), ""]
    asked = section["identification"]
    count = asked[0]["people"] if asked else 0
    lines += [f"Identification: the share whose other photograph is the nearest of those of {count} people (rank 1; "
              f"chance {1 / max(count, 1):.3f}), with 95 % over people asked for:",
              "", _table(asked, by, _share)]  # fmt: skip
    return "\n".join(lines)


def _about(entry):
    without = max((row["without_face"] for row in entry["rows"]), default=0)
    what = {
        f"{entry['missing']} more name a picture that the set lacks": entry["missing"],
        f"{entry['left_out']} more were not drawn": entry["left_out"],
        f"{without} of them are left out, as MTCNN finds no face in an x": without,
    }
    pairs_of = f"{entry['genuine']} pairs of one person and {entry['impostor']} of two, {entry['people']} people in all"
    about = [f"Verification: {pairs_of} ({entry['list']})", *(text for text, count in what.items() if count)]
    return "; ".join(about) + (
        ". AUC, in brackets 95 % over people; accuracy at the threshold that is best for the other nine folds, "
        "± standard error over folds."
    )


def _table(rows, by, cell):
    titles = dict.fromkeys(row["title"] for row in rows)
    of = {(row["title"], row["judge"]): cell(row) for row in rows}
    return tables.markdown(("", *by), [[title, *(of[title, judge] for judge in by)] for title in titles])


def _verified(row):
    if row["auc"] is None:
        return "not measurable"
    area = "{:.3f} ({:.3f} to {:.3f})".format(row["auc"], *row["auc_interval"])
    if row["accuracy"] is None:  # with one fold
        return area
    return f"{area}; {row['accuracy']:.3f} ± {row['standard_error']:.3f}"


def _share(row):
    return (
        "not measurable" if row["value"] is None else "{:.3f} ({:.3f} to {:.3f})".format(row["value"], *row["interval"])
    )
