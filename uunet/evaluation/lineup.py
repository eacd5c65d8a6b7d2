"""The line-up: given a, does a recogniser pick x from ten people in the same frame? `uunet lineup`.

A line-up is x and fillers: people whom no training has seen, of x's gender, ethnicity and hairstyle, rendered in x's
place (`data_prep/synthetic/lineup.py`). Pose, light, clothes and background are the same in all of them, so that only
the person can tell x from the others. The rank-1 rate is the share of line-ups in which x is the candidate most like
what is shown; with C candidates, chance is 1 / C.

What is shown is a. To know what the rate means, the same is asked of a rendered twin (an eleventh person: chance), of x
itself (the most there is), and of x in another sequence (what the recogniser can do).
"""

import inspect
import time
from dataclasses import dataclass, replace

import cv2
import numpy as np

from uunet import data, engine
from uunet.evaluation import alignment, cache, judges, resampling, scorecard, transmission
from uunet.evaluation.judges import adaptive, own
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
    def flat(self):
        """All candidates, uint8 `(M C, size, size, 3)`."""
        return self.candidates.reshape(-1, *self.candidates.shape[2:])


@dataclass(frozen=True)
class Shown:
    """What is compared with line-ups: uint8 `(n, size, size, 3)`, and int `(n,)`, with which of them."""

    images: np.ndarray
    of: np.ndarray


def read(folder, heads):
    """The Lineups of some Heads; raises as `data.load_lineup`."""
    rows, fillers = data.load_lineup(folder, heads)
    people = np.unique(heads.labels[rows, 0], return_inverse=True)[1]
    return Lineups(rows, people, heads.sequences[rows], np.concatenate([heads.images[rows, None], fillers], axis=1))


def measure(folder, weights, *, twins=None, s=None, by=scorecard.RECOGNISERS, split="test", seed=0, progress=None):
    """The rank-1 rate of x in the line-ups of a set, given a and given other things.

    Args:
        folder: Path of a rendered set with line-ups.
        weights: preset or folder, see `presets.load`.
        twins: s of rendered twins to show, too, as in `data.load_twins`; or None.
        s: what the weights are to obey, or None for what they were trained for.
        by: some of scorecard.RECOGNISERS.
        split: str.
        seed: int, of noise, draws and of the judges that are trained.
        progress: callable `(stage, done, total)` or None.

    Returns:
        record: dict of JSON values: `rows`, as `markdown` prints them, and where they come from.
        sheet: uint8 `(h, w, 3)`, see `sheet`.

    Raises:
        UUNetError: if the set lacks the split, its line-ups or its twins; if a judge is not installed; or if set and
            weights are not for one size.
    """
    start = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    report = progress or (lambda *_: None)
    unknown = [name for name in by if name not in scorecard.RECOGNISERS]
    if unknown or not by:
        names = ", ".join(scorecard.RECOGNISERS)
        raise scorecard.EvaluationError(f"There is no judge {unknown[0] if unknown else ''!r}; there are {names}.")
    if "faceres" in by:
        scorecard.faceres.network()  # now, not after minutes of work, is when a judge should turn out to be missing
    net, size, s, about = scorecard.loaded(weights, None, s)
    heads = data.load(folder, split, size=size)
    lineups = read(folder, heads)
    train = data.load(folder, "train", size=size) if set(by) - set(scorecard.FACE_JUDGES) else None
    known = read(folder, train) if "adaptive" in by else None
    in_lineups = replace(heads, files=tuple(heads.files[k] for k in lineups.rows))
    rendered = None if twins is None else data.load_twins(folder, in_lineups, twins)[0]
    a = scorecard.deidentified(heads, net, seed, report, "U_e")
    shown = versions(str(weights), heads, lineups, a, rendered)
    scores = by_face([name for name in by if name in scorecard.FACE_JUDGES], lineups, shown, report)
    if "own" in by:
        scores["own"] = by_crop(scorecard.trained_own(train, seed, report), lineups, shown)
    if "adaptive" in by:
        scores["adaptive"] = by_crop(trained_to_pick(train, known, net, seed, report), lineups, shown)
    people = int(lineups.people.max() + 1)
    drawn = resampling.people_drawn(people, np.random.default_rng(seed))
    record = {
        "provenance": provenance.made(seed, time.monotonic() - start),
        "data": scorecard.described(heads, folder, split),
        "weights": about,
        "s": list(s),
        "judges": list(by),
        "lineups": {"count": len(lineups.rows), "people": people, "candidates": lineups.candidates.shape[1],
                    "adaptive learnt from": 0 if known is None else len(known.rows)},
        "rows": [rate(title, name, *scores[name][title], lineups, drawn) for title in shown for name in by],
    }  # fmt: skip
    return record, sheet(a[lineups.rows], lineups)


def versions(name, heads, lineups, a, twins=None):
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


def by_crop(network, lineups, shown):
    """What a judge says that needs no face found: dict title -> scores, see `_scores`.

    Args:
        network: keras.Model, see `own.network`.
        lineups: Lineups.
        shown: dict title -> Shown.
    """
    images = {title: part.images for title, part in shown.items()} | {FLAT: lineups.flat}
    judged = scorecard.by_crop(network, images)
    return {title: _scores(judged[title], part.of, judged[FLAT], lineups) for title, part in shown.items()}


def by_face(names, lineups, shown, report):
    """What the judges `names` say, which need a face found: dict name -> as `by_crop`.

    MTCNN looks at what is shown, as an attacker would let it. The candidates of a line-up share one alignment, the
    median of what it finds in them, so that none is aligned better than another, and none is missing.
    """
    if not names:
        return {}
    images = {title: part.images for title, part in shown.items()} | {FLAT: lineups.flat}
    faces = {title: scorecard.faces_in(part, title, report) for title, part in images.items()}
    faces[FLAT] = shared(faces[FLAT], lineups.candidates.shape[1])
    found = {}
    for name in names:
        judged = {title: scorecard.by_face(name, title, part, faces[title], report) for title, part in images.items()}
        found[name] = {title: _scores(judged[title], part.of, judged[FLAT], lineups) for title, part in shown.items()}
    return found


def shared(faces, candidates):
    """One alignment for all candidates of a line-up: the median of those found.

    Args:
        faces: alignment.Faces of M C pictures, line-up after line-up.
        candidates: int, C.

    Returns:
        alignment.Faces of M C pictures; found where a face is in any candidate of the line-up.
    """
    found = faces.found.reshape(-1, candidates).any(axis=1)
    merged = {"found": found}
    for name in ("confidence", "points", "boxes"):
        grouped = getattr(faces, name).reshape(len(found), candidates, *getattr(faces, name).shape[1:])
        merged[name] = np.full_like(grouped[:, 0], np.nan)
        merged[name][found] = np.nanmedian(grouped[found], axis=1)
    return alignment.Faces(**{name: np.repeat(values, candidates, axis=0) for name, values in merged.items()})


def _scores(shown, of, candidates, lineups):
    """How much each candidate is like what is shown.

    Args:
        shown: scorecard.Judged, of n pictures.
        of: int `(n,)`, their line-ups.
        candidates: scorecard.Judged, of the M C candidates.
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


def picked(scores):
    """Whether x is picked.

    Args:
        scores: float `(m, C)`, how much each candidate is like what is shown; the first is x.

    Returns:
        float `(m,)`: 1 where x is most like it, 1/k where x is one of k that are equally so (one of which is picked at
        random), else 0.
    """
    best = scores == scores.max(axis=1, keepdims=True)
    return best[:, 0] / best.sum(axis=1)


def rate(title, judge, scores, of, missing, lineups, drawn):
    """One line of the table: the rank-1 rate of one judge, given one version."""
    values = resampling.mean(picked(scores), lineups.people[of], drawn)
    counts = {"line-ups": len(of), "without a face": missing}
    return {"title": title, "judge": judge, "counts": counts} | resampling.measured(values)


def trained_to_pick(train, known, net, seed, report):
    """The network of `adaptive`, trained further to pick x from the Lineups `known` of the Heads `train`.

    Both people of a pair are x in turn, the other the filler: no face is the better guess without a.
    """
    a = scorecard.deidentified(train, net, seed, report, "U_e on the train split")
    network = scorecard.trained_adaptive(train, a, seed, report)
    x, shown, pairs = known.candidates[:, 0], [], []
    for k in range(1, known.candidates.shape[1]):
        filler = known.candidates[:, k]
        stage = scorecard.stage(report, "U_e on the train split's line-ups")
        shown += [a[known.rows], engine.Deidentifier(net.encoder, seed)(filler, known.sequences, report=stage)]
        pairs += [np.stack([x, filler], axis=1), np.stack([filler, x], axis=1)]
    shown, pairs = np.concatenate(shown), np.concatenate(pairs)
    shown, flat = (transmission.seen(part, own.SIDE) for part in (shown, pairs.reshape(-1, *pairs.shape[2:])))
    pairs = flat.reshape(len(shown), 2, own.SIDE, own.SIDE, 3)

    def compute():
        adaptive.train_to_pick(network, shown, pairs, seed, scorecard.stage(report, "training adaptive to pick"))
        return {f"{k:03}": values for k, values in enumerate(network.get_weights())}

    source = [inspect.getsource(own), inspect.getsource(adaptive), str((own.EPOCHS, seed))]
    stored = cache.remembered("pick", [*source, *network.get_weights(), shown, pairs], compute)
    network.set_weights([stored[key] for key in sorted(stored)])
    return network


def markdown(record):
    """The table of a record as text: a line for what is shown, a column a judge."""
    about, lineups, made = record["data"], record["lineups"], record["provenance"]
    lines = [
        f"`{made['command']}`: {lineups['count']} line-ups of {lineups['candidates']}, of {lineups['people']} people, "
        f"split {about['split']}, s = {record['s']}: how often x is picked (rank 1; chance "
        f"{1 / lineups['candidates']:.2f}); in brackets 95 % over people, and line-ups left out: no face found.",
        "",
        f"| shown | {' | '.join(record['judges'])} |",
        "|---" * (1 + len(record["judges"])) + "|",
    ]
    for title in dict.fromkeys(row["title"] for row in record["rows"]):
        of = {row["judge"]: row for row in record["rows"] if row["title"] == title}
        lines.append(f"| {title} | {' | '.join(_cell(of[judge]) for judge in record['judges'])} |")
    return "\n".join(lines)


def _cell(row):
    if row["value"] is None:
        return "not measurable"
    missing = f"; {row['counts']['without a face']} out" if row["counts"]["without a face"] else ""
    return "{:.3f} ({:.3f} to {:.3f}{})".format(row["value"], *row["interval"], missing)


def sheet(a, lineups):
    """The first line-up of some people, a row each: a | x | the others; uint8 `(h, w, 3)`."""
    first = np.unique(lineups.people, return_index=True)[1][:SHEET_ROWS]
    return np.concatenate([np.concatenate([a[k], *lineups.candidates[k]], axis=1) for k in first])


def write_sheet(picture, path):
    """Writes a sheet as PNG."""
    path.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
