"""The line-up: given a, does a recogniser pick x from ten people in the same frame? `uunet lineup`.

A line-up is x and fillers. Fillers are people whom no training has seen, of x's gender, ethnicity and hairstyle,
rendered in x's place (`data_prep/synthetic/lineup.py`). Pose, light, clothes and background are the same in all of
them, so that only the person differs. The rank-1 rate is the share of line-ups in which x is the candidate most similar
to what is shown; with C candidates, chance is 1 / C.

What is shown is a. Three references are shown, too: a rendered twin (an eleventh person: chance), x itself (the upper
bound), and x in another sequence (what the recogniser can do).
"""

import inspect
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import keras
import numpy as np

from uunet import data, engine, presets
from uunet.evaluation import alignment, cache, evaluators, inputs, judges, resampling, tables, transmission
from uunet.evaluation.inputs import EvaluationConfig, Report
from uunet.evaluation.judges import adaptive, faceres, own
from uunet.training import provenance

FLAT = "the line-ups"  # all candidates, one after another
SHEET_ROWS = 8


@dataclass(frozen=True)
class Lineups:
    """M line-ups of C candidates.

    Attributes:
        rows: int `(M,)`, which of the heads they are of.
        people: int `(M,)`, numbers from 0, whose they are.
        sequences: int `(M,)`.
        candidates: uint8 `(M, C, size, size, 3)`; the first is x. No score depends on the place.
    """

    rows: np.ndarray
    people: np.ndarray
    sequences: np.ndarray
    candidates: np.ndarray

    @property
    def flat(self) -> np.ndarray:
        """All candidates, uint8 `(M C, size, size, 3)`."""
        return self.candidates.reshape(-1, *self.candidates.shape[2:])


@dataclass(frozen=True)
class Shown:
    """What is compared with line-ups: uint8 `(n, size, size, 3)`, and int `(n,)`, with which of them."""

    images: np.ndarray
    of: np.ndarray


def read(folder: Path, heads: data.Heads) -> Lineups:
    """The Lineups of some Heads; raises as `data.load_lineup`."""
    rows, fillers = data.load_lineup(folder, heads)
    people = np.unique(heads.labels[rows, 0], return_inverse=True)[1]
    return Lineups(rows, people, heads.sequences[rows], np.concatenate([heads.images[rows, None], fillers], axis=1))


def measure(config: EvaluationConfig, progress: Report | None = None) -> tuple[dict, np.ndarray]:
    """The rank-1 rate of x in the line-ups of a set, given a and given other things.

    Args:
        config: EvaluationConfig of a rendered set with line-ups, by some of `evaluators.RECOGNISERS`; its `twins` are
            shown in addition to a.
        progress: callable `(stage, done, total)` or None.

    Returns:
        record: dict of JSON values: `rows`, as `markdown` prints them, and where they come from.
        sheet: uint8 `(h, w, 3)`, see `sheet`.

    Raises:
        UUNetError: if the set lacks the split, its line-ups or its twins; if a recogniser is not installed; or if set
            and weights are not for one size.
    """
    start = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    report = progress or (lambda *_: None)
    by, seed = config.by, config.seed
    inputs.check_known(by, evaluators.RECOGNISERS)
    if "faceres" in by:
        faceres.network()  # refuses missing weights now, before minutes of work
    net, size, s, about = inputs.loaded(config.weights, None, config.s)
    heads = data.load(config.folder, config.split, size=size)
    lineups = read(config.folder, heads)
    train = data.load(config.folder, "train", size=size) if set(by) - set(evaluators.FACE_JUDGES) else None
    known = read(config.folder, train) if train and "adaptive" in by else None
    in_lineups = replace(heads, files=tuple(heads.files[k] for k in lineups.rows))
    rendered = None if config.twins is None else data.load_twins(config.folder, in_lineups, config.twins)[0]
    a = inputs.deidentified(heads, net, seed, report, "U_e")
    shown = versions(str(config.weights), heads, lineups, a, rendered)
    scores = by_face([name for name in by if name in evaluators.FACE_JUDGES], lineups, shown, report)
    if train and "own" in by:
        scores["own"] = by_crop(evaluators.trained_own(train, seed, report), lineups, shown)
    if train and known:
        scores["adaptive"] = by_crop(trained_to_pick(train, known, net, seed, report), lineups, shown)
    people = int(lineups.people.max() + 1)
    drawn = resampling.people_drawn(people, np.random.default_rng(seed))
    record = {
        "provenance": provenance.made(seed, time.monotonic() - start),
        "data": inputs.described(heads, config.folder, config.split),
        "weights": about,
        "s": list(s),
        "judges": list(by),
        "lineups": {"count": len(lineups.rows), "people": people, "candidates": lineups.candidates.shape[1],
                    "adaptive learnt from": 0 if known is None else len(known.rows)},
        "rows": [rate(title, name, scores[name][title], lineups, drawn) for title in shown for name in by],
    }  # fmt: skip
    return record, sheet(a[lineups.rows], lineups)


def versions(
    name: str, heads: data.Heads, lineups: Lineups, a: np.ndarray, twins: np.ndarray | None = None
) -> dict[str, Shown]:
    """What is shown, dict title -> Shown.

    Args:
        name: str, of the weights.
        heads: data.Heads that the Lineups `lineups` are of.
        a: uint8 `(N, size, size, 3)`, versions of the heads.
        twins: uint8 `(M, size, size, 3)`, of those in line-ups, or None.
    """
    every = np.arange(len(lineups.rows))
    shown = {f"a of {name}": Shown(a[lineups.rows], every)}
    if twins is not None:
        shown["rendered twins"] = Shown(twins, every)
    shown["x itself"] = Shown(heads.images[lineups.rows], every)
    same = lineups.people[:, None] == lineups.people
    other = same & (lineups.sequences[:, None] != lineups.sequences)  # (M, M)
    of = np.flatnonzero(other.any(axis=1))
    if len(of):  # x in the person's next sequence; in the first, after the last
        steps = [np.flatnonzero(np.roll(other[k], -k))[0] for k in of]
        shown["x in another sequence"] = Shown(heads.images[lineups.rows[(of + steps) % len(every)]], of)
    return shown


def by_crop(network: keras.Model, lineups: Lineups, shown: dict[str, Shown]) -> dict[str, tuple]:
    """What a recogniser that needs no face found says: dict title -> scores, see `_scores`.

    Args:
        network: keras.Model, see `own.network`.
        lineups: Lineups.
        shown: dict title -> Shown.
    """
    images = {title: part.images for title, part in shown.items()} | {FLAT: lineups.flat}
    judged = evaluators.by_crop(network, images)
    return {title: _scores(judged[title], part.of, judged[FLAT], lineups) for title, part in shown.items()}


def by_face(names: list[str], lineups: Lineups, shown: dict[str, Shown], report: Report) -> dict[str, dict[str, tuple]]:
    """What the recognisers `names`, which need a face found, say: dict name -> as `by_crop`.

    MTCNN aligns what is shown by itself, as an attacker would. The candidates of a line-up share one alignment, the
    median of those found in them, so that none is aligned better than another, and none is missing.
    """
    if not names:
        return {}
    images = {title: part.images for title, part in shown.items()} | {FLAT: lineups.flat}
    faces = {title: evaluators.faces_in(part, title, report) for title, part in images.items()}
    faces[FLAT] = shared(faces[FLAT], lineups.candidates.shape[1])
    found = {}
    for name in names:
        judged = {title: evaluators.by_face(name, title, part, faces[title], report) for title, part in images.items()}
        found[name] = {title: _scores(judged[title], part.of, judged[FLAT], lineups) for title, part in shown.items()}
    return found


def shared(faces: alignment.Faces, candidates: int) -> alignment.Faces:
    """One alignment for all candidates of a line-up: the median of those found.

    Args:
        faces: alignment.Faces of M C pictures, line-up after line-up.
        candidates: int, C.

    Returns:
        alignment.Faces of M C pictures; found where a face is in any candidate of the line-up.
    """
    found = np.any(faces.found.reshape(-1, candidates), axis=1)
    merged = {"found": found}
    for name in ("confidence", "points", "boxes"):
        grouped = getattr(faces, name).reshape(len(found), candidates, *getattr(faces, name).shape[1:])
        merged[name] = np.full_like(grouped[:, 0], np.nan)
        merged[name][found] = np.nanmedian(grouped[found], axis=1)
    return alignment.Faces(**{name: np.repeat(values, candidates, axis=0) for name, values in merged.items()})


def _scores(shown, of, candidates, lineups):
    """How much each candidate is like what is shown.

    Args:
        shown: evaluators.Judged, of n pictures.
        of: int `(n,)`, their line-ups.
        candidates: evaluators.Judged, of the M C candidates.
        lineups: Lineups.

    Returns:
        scores: float `(m, C)`, m <= n: of those with a face both in what is shown and in the line-up.
        of: int `(m,)`, their line-ups.
        missing: int, n - m.
    """
    count = lineups.candidates.shape[1]
    kept = shown.found & candidates.found[::count][of]
    embeddings = candidates.embeddings.reshape(-1, count, candidates.embeddings.shape[-1])
    return judges.scores(shown.embeddings[kept][:, None], embeddings[of[kept]]), of[kept], int((~kept).sum())


def picked(scores: np.ndarray) -> np.ndarray:
    """Whether x is picked.

    Args:
        scores: float `(m, C)`, how much each candidate is like what is shown; the first is x.

    Returns:
        float `(m,)`: 1 where x is most like it, 1/k where x is one of k that are equally so (one of which is picked at
        random), else 0.
    """
    best = scores == scores.max(axis=1, keepdims=True)
    return best[:, 0] / best.sum(axis=1)


def rate(title: str, judge: str, answer: tuple, lineups: Lineups, drawn: np.ndarray) -> dict:
    """One line of the table: the rank-1 rate of one recogniser, given one version; `answer` as `_scores` gives it."""
    scores, of, missing = answer
    values = resampling.mean(picked(scores), lineups.people[of], drawn)
    counts = {"line-ups": len(of), "without a face": missing}
    return {"title": title, "judge": judge, "counts": counts} | resampling.measured(values)


def trained_to_pick(train: data.Heads, known: Lineups, net: presets.Preset, seed: int, report: Report) -> keras.Model:
    """The network of `adaptive`, trained further to pick x from the Lineups `known` of the Heads `train`.

    Both people of a pair are x in turn, the other the filler: no face is the better guess without a.
    """
    a = inputs.deidentified(train, net, seed, report, "U_e on the train split")
    network = evaluators.trained_adaptive(train, a, seed, report)
    x, released, orders = known.candidates[:, 0], [], []
    for k in range(1, known.candidates.shape[1]):
        filler = known.candidates[:, k]
        stage = inputs.stage(report, "U_e on the train split's line-ups")
        released += [a[known.rows], engine.Deidentifier(net.encoder, seed)(filler, known.sequences, report=stage)]
        orders += [np.stack([x, filler], axis=1), np.stack([filler, x], axis=1)]
    shown = transmission.seen(np.concatenate(released), own.SIDE)
    pictures = np.concatenate(orders)  # (n, 2, size, size, 3)
    flat = transmission.seen(pictures.reshape(-1, *pictures.shape[2:]), own.SIDE)
    pairs = flat.reshape(len(shown), 2, own.SIDE, own.SIDE, 3)

    def compute():
        adaptive.train_to_pick(network, shown, pairs, seed, inputs.stage(report, "training adaptive to pick"))
        return {f"{k:03}": values for k, values in enumerate(network.get_weights())}

    source = [inspect.getsource(own), inspect.getsource(adaptive), str((own.EPOCHS, seed))]
    stored = cache.remembered("pick", [*source, *network.get_weights(), shown, pairs], compute)
    network.set_weights([stored[key] for key in sorted(stored)])
    return network


def markdown(record: dict) -> str:
    """The table of a record as text: a row for each version that is shown, a column for each recogniser."""
    about, lineups, made = record["data"], record["lineups"], record["provenance"]
    what = (
        f"`{made['command']}`: {lineups['count']} line-ups of {lineups['candidates']}, of {lineups['people']} people, "
        f"split {about['split']}, s = {record['s']}: how often x is picked (rank 1; chance "
        f"{1 / lineups['candidates']:.2f}); in brackets 95 % over people, and line-ups left out: no face found."
    )
    rows = []
    for title in dict.fromkeys(row["title"] for row in record["rows"]):
        of = {row["judge"]: row for row in record["rows"] if row["title"] == title}
        rows.append([title, *(_cell(of[judge]) for judge in record["judges"])])
    return f"{what}\n\n{tables.markdown(('shown', *record['judges']), rows)}"


def _cell(row):
    if row["value"] is None:
        return "not measurable"
    missing = f"; {row['counts']['without a face']} out" if row["counts"]["without a face"] else ""
    low, high = row["interval"]
    return f"{row['value']:.3f} ({low:.3f} to {high:.3f}{missing})"


def sheet(a: np.ndarray, lineups: Lineups) -> np.ndarray:
    """The first line-up of some people, one per row: a | x | the others; uint8 `(h, w, 3)`."""
    first = np.unique(lineups.people, return_index=True)[1][:SHEET_ROWS]
    return np.concatenate([np.concatenate([a[k], *lineups.candidates[k]], axis=1) for k in first])


def write_sheet(picture: np.ndarray, path: Path) -> None:
    """Writes a sheet as PNG."""
    path.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
