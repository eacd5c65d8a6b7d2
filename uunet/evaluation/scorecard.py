"""The numbers by which weights are judged, and a sheet to look at: `uunet evaluate`.

All faces go through resize to the ROI, 8 bits and back, one draw of the noise a sequence. Pairs of x and x', a' or r
are of two *sequences*, as frames of one share their background; the same pairs serve every judge and every version of a
head. An interval is the middle 95 % over draws of the people, with repetition.
"""

import hashlib
import inspect
import json
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

from uunet import data, engine, presets
from uunet.errors import UUNetError
from uunet.evaluation import (
    alignment,
    attributes,
    cache,
    judges,
    realism,
    recognition,
    resampling,
    subset,
    transmission,
)
from uunet.evaluation.judges import adaptive, dlib, faceres, own, soft_labels
from uunet.labels import LABELS, UNKNOWN_CODE
from uunet.models import files
from uunet.training import provenance

matplotlib.use("Agg")  # draws into files; needs no screen
from matplotlib import pyplot as plt  # noqa: E402

RECOGNISERS = ("dlib", "faceres", "own", "adaptive")
JUDGES = (*RECOGNISERS, "soft_labels", "realism")
FACE_JUDGES = {"dlib": dlib, "faceres": faceres}  # need a face found, and are not trained here
CRF = 23
CHUNK = 64  # heads between two reports of progress
SHOWN = 8  # people on the sheet
HEADS, TRAIN_HEADS = 1000, 6000  # at most so many are judged, and learnt from by the judges that are trained here
ROUNDING = 1 / 12  # levels squared: error of 8 bits alone


class EvaluationError(UUNetError):
    """What is asked for cannot be measured on this set, or on these weights."""


@dataclass(frozen=True)
class Sample:
    """Who and what is compared, and how often in each draw of the people.

    Attributes:
        people: int `(N,)`, numbers from 0, whose each head is.
        drawn: int `(1 + D, P)`, see `resampling.people_drawn`.
        genuine: int `(n, 2)`, all pairs of one person in two sequences, in both orders.
        impostor, alike: int `(m, 2)`, pairs of two people, drawn at random where there are more than asked for; those
            of `alike` agree in the labels `alike_in`, known of both.
        alike_in: tuple of str, those of gender, ethnicity and hairstyle that are known of somebody.
        consecutive: int `(k, 2)`, frames that follow each other in a sequence.
    """

    people: np.ndarray
    drawn: np.ndarray
    genuine: np.ndarray
    impostor: np.ndarray
    alike: np.ndarray
    alike_in: tuple
    consecutive: np.ndarray

    def weights(self, pairs):
        """`(1 + D, n)`: how often each pair comes."""
        return recognition.pair_weights(self.people[pairs], self.drawn)

    def mean(self, values, people):
        """`(1 + D,)`: mean of the values `(n,)` of some people `(n,)`; nan in a draw without any."""
        return resampling.mean(values, people, self.drawn)


@dataclass(frozen=True)
class Judged:
    """What one judge says of N heads: embeddings float `(N, d)`; found, bool `(N,)`, whether it saw a face."""

    embeddings: np.ndarray
    found: np.ndarray


def sample(heads, seed, impostors=recognition.IMPOSTORS):
    """The Sample of some Heads, with at most so many pairs of `impostor` and of `alike`.

    Raises:
        EvaluationError: if there are not two pairs of one person in two sequences, or of two people.
    """
    rng = np.random.default_rng(seed)
    names, people = np.unique(heads.labels[:, 0], return_inverse=True)
    first, second = np.nonzero(~np.eye(len(people), dtype=bool))
    same = people[first] == people[second]
    known = labels_known(heads)
    labels = heads.labels[:, [LABELS.index(label) for label in known]]
    legible = (labels != UNKNOWN_CODE).all(axis=1) & bool(known)
    matching = (labels[first] == labels[second]).all(axis=1) & legible[first]
    genuine = np.flatnonzero(same & (heads.sequences[first] != heads.sequences[second]))
    drawn = []
    for wanted in (~same, ~same & matching):
        impostor = np.flatnonzero(wanted)
        if len(impostor) > impostors:
            impostor = rng.choice(impostor, impostors, replace=False)
        drawn.append(impostor)
    if min(len(genuine), len(drawn[0])) < 2:
        raise EvaluationError(
            f"The split has {len(genuine)} pairs of one person in two sequences and {len(drawn[0])} of two people, "
            "and at least 2 of each are needed: name another split, or a larger set."
        )
    order = np.lexsort((heads.frames, heads.sequences))
    following = np.diff(heads.sequences[order]) == 0
    return Sample(
        people=people,
        drawn=resampling.people_drawn(len(names), rng),
        genuine=np.stack([first[genuine], second[genuine]], axis=1),
        impostor=np.stack([first[drawn[0]], second[drawn[0]]], axis=1),
        alike=np.stack([first[drawn[1]], second[drawn[1]]], axis=1),
        alike_in=known,
        consecutive=np.stack([order[:-1][following], order[1:][following]], axis=1),
    )


def measure(
    folder, weights=None, *, twins=None, s=None, by=JUDGES, split="test", seed=0, most=(HEADS, TRAIN_HEADS),
    progress=None,
):  # fmt: skip
    """Measures weights, or the twins of a rendered set in place of a: what twin training could reach at best.

    Args:
        folder: Path of a prepared set.
        weights: preset or folder, see `presets.load`; None with `twins`.
        twins: s as in `data.load_twins`, or None.
        s: what the weights are to obey, or None for what they were trained for.
        by: some of JUDGES.
        split: str.
        seed: int, of noise, samples, pairs, draws and of the judges that are trained.
        most: (int, int), at most so many heads are judged, and so many heads of the train split are learnt from: of a
            larger split people are drawn (`subset.drawn`: 2 sequences per person; 4 of the train split).
        progress: callable `(stage, done, total)` or None.

    Returns:
        record: dict of JSON values: `rows`, as `markdown` prints them, and where they come from.
        pictures: dict name -> uint8 `(N, side, side, 3)` versions of the heads, for `draw`.
        heads: data.Heads that were judged.

    Raises:
        UUNetError: if the set lacks the split, its labels or its twins; if a judge is not installed; or if set and
            weights are not for one size.
    """
    start = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    report = progress or (lambda *_: None)
    unknown = [name for name in by if name not in JUDGES]
    if unknown or not by:
        raise EvaluationError(f"There is no judge {unknown[0] if unknown else ''!r}; there are {', '.join(JUDGES)}.")
    net, size, s, about = loaded(weights, twins, s)
    whole = data.load(folder, split, size=size)
    heads = subset.at_most(whole, most[0], seed)
    chosen = sample(heads, seed)
    x = heads.images
    whole_train = data.load(folder, "train", size=size) if set(by) - {*FACE_JUDGES, "realism"} else None
    train = whole_train and subset.at_most(whole_train, most[1], seed, sequences=4)
    if "soft_labels" in by and not labels_known(heads, train):
        raise EvaluationError(
            f"{folder} has no known gender, ethnicity or hairstyle in a split, and the judge soft_labels needs some: "
            "leave it out (--judges)."
        )
    shown = data.load_twins(folder, heads, s)[0] if net is None else None
    if "faceres" in by:
        faceres.network()  # whether it was fetched: after all cheap checks of what is asked for, before minutes of work
    if net is None:
        versions = {"x": x, "a": shown}
    elif by == ("realism",):  # which is of x and a alone
        versions = {"x": x, "a": deidentified(heads, net, seed, report, "U_e")}
    else:
        versions = _versions(net, heads, seed, report)
    faces = {}
    if by != ("realism",):
        faces = {name: faces_in(images, name, report) for name, images in versions.items()}
    judged = {
        name: {version: by_face(name, version, images, faces[version], report) for version, images in versions.items()}
        for name in FACE_JUDGES
        if name in by
    }
    if "own" in by:
        judged["own"] = by_crop(trained_own(train, seed, report), versions)
    if "adaptive" in by:
        if net is None:
            known = data.load_twins(folder, train, s)[0]
        else:
            known = deidentified(train, net, seed, report, "U_e on the train split")
        judged["adaptive"] = by_crop(trained_adaptive(train, known, seed, report), versions)
    rows = [row for name in judged for row in _recognition(chosen, name, judged[name])]
    if "r" in versions:
        rows += _quality(chosen, net, heads, versions, seed, report)
    if faces:
        rows += [_found(chosen, faces)]
    if "soft_labels" in by:
        rows += _labels(chosen, heads, train, versions, s, seed, report)
    for name in judged:
        rows += sudden_changes(chosen, name, judged[name])
    notes = []
    if "realism" in by:
        more, notes = _realism(chosen, net, heads, versions, seed, report)
        rows += more
    record = {
        "provenance": provenance.made(seed, time.monotonic() - start),
        "data": described(heads, folder, split) | sampled(heads, whole),
        "train": train and described(train, folder, "train") | sampled(train, whole_train),
        "weights": about,
        "s": list(s),
        "judges": list(by),
        "no_face": {version: float(1 - found.found.mean()) for version, found in faces.items()},
        "notes": notes,
        "rows": rows,
    }  # fmt: skip
    return record, versions, heads


def labels_known(*splits):
    """The soft labels known of somebody in each of some Heads: tuple of str; the judge `soft_labels` needs one."""
    known = [(heads.labels != UNKNOWN_CODE).any(axis=0) for heads in splits]
    return tuple(label for label, *of in list(zip(LABELS, *known, strict=True))[1:] if all(of))


def described(heads, folder, split):
    """What a record says of its data."""
    return {"folder": str(folder), "split": split, "sha256": heads.sha256, "heads": len(heads.images),
            "people": len(np.unique(heads.labels[:, 0])), "sequences": len(np.unique(heads.sequences)),
            "skipped": len(heads.skipped)}  # fmt: skip


def sampled(heads, whole):
    """What a record says of a sample of a split: how many heads and people the `whole` has; nothing if it is all."""
    if heads is whole:
        return {}
    return {"of_heads": len(whole.images), "of_people": len(np.unique(whole.labels[:, 0]))}


def counted(about):
    """How many heads of how many people, as text, from what a record says of its data."""
    if "of_heads" not in about:
        return f"{about['heads']} heads of {about['people']} people, split {about['split']}"
    heads, people = (f"{about[key]} of {about[f'of_{key}']} {key}" for key in ("heads", "people"))
    return f"{heads} and {people}, drawn at random from the split {about['split']}"


def loaded(weights, twins=None, s=None):
    """The Preset or None, its size, s and what a record says of it."""
    if twins is not None:
        return None, own.SIDE, twins, {"twins": data.twins_name(twins)}
    net = presets.load(weights, s)
    size, back = (network.inputs[0].shape[1] for network in (net.encoder, net.decoder))
    if size != back:
        raise EvaluationError(f"{weights}: the encoder is for {size} pixels, the decoder for {back}; name one run's.")
    made = files.provenance(net.folder / "encoder.safetensors")
    s = s or made.get("config", {}).get("s")
    if not s or len(s) != len(LABELS):
        raise EvaluationError(f"{weights}: the encoder does not say what s it was trained for; train it again.")
    hashes = {name: hashlib.sha256((net.folder / name).read_bytes()).hexdigest()
              for name in ("encoder.safetensors", "decoder.safetensors")}  # fmt: skip
    return net, size, tuple(s), {"name": str(weights), "sha256": hashes, "provenance": made}


def _versions(net, heads, seed, report):
    """x, a, r and what a stream of CRF leaves of the last two."""
    versions = {"x": heads.images, "a": deidentified(heads, net, seed, report, "U_e")}
    versions["r"] = engine.Reidentifier(net.decoder)(versions["a"], report=stage(report, "U_d"))
    lossy = transmission.through_h264(versions["a"], heads.sequences, heads.frames, CRF, seed)
    versions["r_lossy"] = engine.Reidentifier(net.decoder)(lossy, report=stage(report, f"U_d after crf {CRF}"))
    return versions


def deidentified(heads, net, seed, report, name):
    """U_e's versions of Heads, by a Preset: `engine.Deidentifier`, reported as a stage of this name."""
    return engine.Deidentifier(net.encoder, seed)(heads.images, heads.sequences, report=stage(report, name))


def stage(report, name):
    """What reports `(done, total)` of one stage."""
    return lambda done, total: report(name, done, total)


def faces_in(images, version, report):
    """alignment.Faces of a version; of x, from the cache if they are there."""

    def find():
        parts = []
        for start in range(0, len(images), CHUNK):
            parts.append(alignment.find_faces(images[start : start + CHUNK]))
            report(f"MTCNN on {version}", min(start + CHUNK, len(images)), len(images))
        return vars(alignment.joined(parts))

    if version == "x":
        return alignment.Faces(**cache.remembered("faces", [inspect.getsource(alignment), images], find))
    return alignment.Faces(**find())


def by_face(name, version, images, faces, report):
    """What `dlib` or `faceres` says of a version; of x, from the cache if it is there."""
    judge = FACE_JUDGES[name]

    def embed():
        parts = []
        for start in range(0, len(images), CHUNK):
            part = slice(start, start + CHUNK)
            known = alignment.Faces(**{field: values[part] for field, values in vars(faces).items()})
            parts.append(judge.judge(images[part], known)[0])
            report(f"{name} on {version}", min(start + CHUNK, len(images)), len(images))
        return {"embeddings": np.concatenate(parts)}

    if version == "x":
        source = [inspect.getsource(alignment), inspect.getsource(judge), judge.SHA256, images]
        return Judged(**cache.remembered(name, source, embed), found=faces.found)
    return Judged(**embed(), found=faces.found)


def trained_own(train, seed, report):
    """The network of the judge `own`, trained on the Heads `train`."""
    return _trained("own", own, [train.images, train.labels[:, 0]], seed, report)


def trained_adaptive(train, known, seed, report):
    """The network of the judge `adaptive`, trained on the Heads `train` and `known`, their de-identified versions."""
    return _trained("adaptive", adaptive, [train.images, known, train.labels[:, 0]], seed, report)


def trained_soft_labels(train, seed, report):
    """The network of the judge `soft_labels`, trained on the Heads `train`."""
    return _trained("soft_labels", soft_labels, [train.images, train.labels[:, 1:]], seed, report)


def labels_read(network, images):
    """What the judge `soft_labels` reads in heads `(N, side, side, 3)`: see `soft_labels.split`."""
    return soft_labels.split(network.predict(transmission.seen(images, own.SIDE), verbose=0))


def _trained(name, judge, inputs, seed, report):
    """The network of a judge that is trained here, from the cache if it was before, from the same inputs."""
    *images, truth = inputs
    images = [transmission.seen(part, own.SIDE) for part in images]
    source = [inspect.getsource(own), inspect.getsource(judge), str((own.EPOCHS, seed)), *images, truth]

    def train():
        network = judge.train(*images, truth, seed, stage(report, f"training {name}"))
        return {f"{k:03}": values for k, values in enumerate(network.get_weights())}

    stored = cache.remembered(name, source, train)
    network = (soft_labels if judge is soft_labels else own).network()
    network.set_weights([stored[key] for key in sorted(stored)])
    return network


def by_crop(network, versions):
    """What a judge says that needs no face found."""
    return {
        version: Judged(
            network.predict(transmission.seen(images, own.SIDE), batch_size=256, verbose=0), np.ones(len(images), bool)
        )
        for version, images in versions.items()
    }


def _row(title, values, counts, *, judge="", paper="–", reach="–", aim="–"):
    """One line of the table; `values` `(1 + D,)`: of everybody, and of the draws; None: the set does not know."""
    about = {"title": title, "judge": judge, "paper": paper, "reach": reach, "aim": aim, "counts": counts}
    if values is None:
        return about | {"value": None, "interval": None, "why": "not known in this set"}
    return about | resampling.measured(values)


def _areas(chosen, genuine, impostor, left, right):
    """AUC `(1 + D,)` of pairs (left, right) with a face in both, and how many there are."""
    kept = [pairs[left.found[pairs[:, 0]] & right.found[pairs[:, 1]]] for pairs in (genuine, impostor)]
    counts = {"genuine": len(kept[0]), "impostor": len(kept[1])}
    scores = [judges.scores(left.embeddings[pairs[:, 0]], right.embeddings[pairs[:, 1]]) for pairs in kept]
    return recognition.areas(*scores, *(chosen.weights(pairs) for pairs in kept)), counts


def _recognition(chosen, name, judged):
    """Who is recognised in a, and in r: the rows of one recogniser.

    An s that keeps gender, ethnicity and hairstyle leaves them to be read from a: against impostors of any labels, who
    reads them without error has an AUC of 1 minus half the share of impostors that agree in all. What is left of the
    *identity* shows against impostors that agree.
    """
    x, a = judged["x"], judged["a"]
    same_frame = np.repeat(np.arange(len(chosen.people))[:, None], 2, axis=1)
    ceiling, counts = _areas(chosen, chosen.genuine, chosen.impostor, x, x)
    rows = [_row("x ↔ x' AUC (the judge's own ceiling)", ceiling, counts, judge=name,
                 paper=".962 / .820", reach="state it")]  # fmt: skip
    reach, aim = ("≤ .70", "≤ .60") if name == "adaptive" else ("≤ .60", "≤ .53")
    paper = ".570 / .568" if name == "own" else "–"
    comparisons = [("x ↔ a' AUC", chosen.impostor, {"paper": paper, "reach": reach, "aim": aim})]
    if chosen.alike_in:
        comparisons.append((f"x ↔ a' AUC, impostors of the same {', '.join(chosen.alike_in)}", chosen.alike, {}))
    for title, impostor, more in comparisons:
        rows.append(_row(title, *_areas(chosen, chosen.genuine, impostor, x, a), judge=name, **more))
    # frames share background, clothes and what is worn, which no impostor does: `uunet lineup` asks about the person
    title = "x ↔ a of the same frame AUC (background included)"
    rows.append(_row(title, *_areas(chosen, same_frame, chosen.impostor, x, a), judge=name, reach="≤ .70", aim="≤ .55"))
    for version, title, more in (
        ("r", "r recognised as x: AUC r ↔ x' / x ↔ x'", {"paper": '"always"', "reach": "≥ .99", "aim": "1"}),
        ("r_lossy", f"the same after H.264 crf {CRF}", {"paper": "nobody", "reach": "≥ .9", "aim": "1"}),
    ):
        if version in judged:
            areas, counts = _areas(chosen, chosen.genuine, chosen.impostor, judged[version], x)
            rows.append(_row(title, areas / ceiling, counts, judge=name, **more))
    return rows


def psnr(x, r):
    """Peak signal-to-noise ratio of each picture: uint8 `(N, h, w, 3)` twice -> float `(N,)`, dB.

        10 log10(255^2 / max(mse, 1/12))

    No error counts for less than that of rounding, so that equal pictures have 58.9 dB, not infinity.
    """
    mse = np.mean(np.square(x.astype(np.float64) - r), axis=(1, 2, 3))
    return 10 * np.log10(255**2 / np.maximum(mse, ROUNDING))


def _quality(chosen, net, heads, versions, seed, report):
    """PSNR of what comes back, in the ROI's own pixels."""
    size = versions["x"].shape[1]
    rows = []
    for side, reach in ((size, "≥ 30"), (size // 2, "≥ 26"), (2 * size, "≥ 28")):
        x, r = versions["x"], versions["r"]
        if side != size:
            x = transmission.seen(x, side)
            told = [stage(report, f"{name} at {side} pixels") for name in ("U_e", "U_d")]
            a = engine.Deidentifier(net.encoder, seed)(x, heads.sequences, report=told[0])
            r = engine.Reidentifier(net.decoder)(a, report=told[1])
        rows.append(_row(f"PSNR(x, r), ROI of {side} pixels, dB", chosen.mean(psnr(x, r), chosen.people),
                         {"heads": len(x)}, reach=reach, aim="38"))  # fmt: skip
    lossy = chosen.mean(psnr(versions["x"], versions["r_lossy"]), chosen.people)
    return [*rows, _row(f"PSNR(x, r) after H.264 crf {CRF}, ROI of {size} pixels, dB", lossy,
                        {"heads": len(versions["x"])}, paper="nobody", reach="≥ 24", aim="30")]  # fmt: skip


def _found(chosen, faces):
    share = {version: chosen.mean(faces[version].found, chosen.people) for version in ("x", "a")}
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = share["a"] / share["x"]
    counts = {version: int(faces[version].found.sum()) for version in ("x", "a")}
    return _row("faces found in a, relative to x", relative, counts, judge="MTCNN", paper=".89-.93", reach="≥ .93",
                aim="≥ .99")  # fmt: skip


def _labels(chosen, heads, train, versions, s, seed, report):
    """Whether a has the labels that s asks for (`attributes.soft_label_correlation`), and how well x's are read."""
    network = trained_soft_labels(train, seed, report)
    read = {version: labels_read(network, versions[version]) for version in ("x", "a")}
    known = labels_known(heads, train)
    rows = []
    for k, (label, paper) in enumerate(zip(LABELS[1:], (".84", ".69", ".63"), strict=True)):
        truth = heads.labels[:, 1 + k]
        if label not in known:
            rows.append(_row(f"{label} of a as s = {s[1 + k]} asks, Pearson", None, {}, judge="soft_labels"))
            continue
        pairs = label_pairs(chosen)
        both_known, same = attributes.compared(pairs, truth)
        pairs = pairs[both_known]
        weights = chosen.weights(pairs)
        for version, wish, title in (("x", 1, f"{label} read from x (the judge's own ceiling)"),
                                     ("a", s[1 + k], f"{label} of a as s = {s[1 + k]} asks")):  # fmt: skip
            if wish == 0:
                continue
            agreement = read[version][k][pairs[:, 0], truth[pairs[:, 1]]]
            wanted = same == (wish == 1)
            area = recognition.areas(agreement[wanted], agreement[~wanted], weights[:, wanted], weights[:, ~wanted])
            pearson = attributes.correlations(agreement, same, wish, weights)
            counts = {"wanted": int(wanted.sum()), "not wanted": int((~wanted).sum())}
            goal = {"paper": paper, "reach": f"≥ {paper}", "aim": ".95"} if version == "a" else {}
            rows.append(_row(f"{title}, AUC", area, counts, judge="soft_labels"))
            rows.append(_row(f"{title}, Pearson", pearson, counts, judge="soft_labels", **goal))
    pairs = chosen.consecutive
    for version in ("x", "a"):
        codes = np.stack([read[version][k].argmax(axis=1) for k in range(3) if LABELS[1 + k] in known], axis=1)
        changed = (codes[pairs[:, 0]] != codes[pairs[:, 1]]).any(axis=1)
        changed = chosen.mean(changed, chosen.people[pairs[:, 0]])
        rows.append(_row(f"sudden changes of a label from frame to frame of {version}, share", changed,
                         {"pairs": len(pairs)}, judge="soft_labels"))  # fmt: skip
    return rows


def _realism(chosen, net, heads, versions, seed, report):
    """The rows of `realism`, and a sentence on each network that is missing. Adds t to `versions`.

    Sharpness is that of what U_e drew before it hid x there, where the two are apart: what is hidden is no detail.
    """
    shown = {"a": versions["a"]}
    if net is not None:
        if engine.draws_first(net.encoder):
            told = stage(report, "U_e as far as t")
            drawn = engine.Deidentifier(net.encoder, seed, output="t")
            versions["t"] = drawn(heads.images, heads.sequences, report=told)
            shown["t (a before x is hidden in it)"] = versions["t"]
        else:
            shown = {"a (the hidden pattern included)": versions["a"]}
    names, notes = realism.installed()
    counts = {"heads": len(heads.images), "people": chosen.drawn.shape[1]}
    found = realism.measured(chosen, versions["x"], shown, names, seed, report)
    return [_row(title, values, counts, judge=judge) for title, judge, values in found], notes


def label_pairs(chosen):
    """The pairs (a_i, x_j) of Table III, int `(n, 2)`: every head with itself, and the pairs of two people."""
    itself = np.repeat(np.arange(len(chosen.people))[:, None], 2, axis=1)
    return np.concatenate([itself, chosen.impostor])


def sudden_changes(chosen, name, judged):
    """Consecutive frames that the judge takes for two people (section IV-D).

    The paper counts consecutive a that "suddenly changed their appearance" and does not say how. Here: those less alike
    than the judge's own threshold, at which as many consecutive x are refused as x of two people are accepted.
    """

    def scores(version, pairs):
        said = judged[version]
        kept = pairs[said.found[pairs].all(axis=1)]
        return judges.scores(said.embeddings[kept[:, 0]], said.embeddings[kept[:, 1]]), kept

    together, apart = scores("x", chosen.consecutive)[0], scores("x", chosen.impostor)[0]
    if not len(together) or not len(apart):
        return []
    levels = np.unique(together)
    refused = np.searchsorted(np.sort(together), levels) / len(together)
    accepted = 1 - np.searchsorted(np.sort(apart), levels) / len(apart)
    threshold = levels[np.abs(refused - accepted).argmin()]
    rows = []
    for version, goal in (("x", {}), ("a", {"paper": "< .15", "reach": "≤ .10", "aim": "≤ .02"})):
        found, kept = scores(version, chosen.consecutive)
        changed = chosen.mean(found < threshold, chosen.people[kept[:, 0]])
        rows.append(_row(f"sudden changes from frame to frame of {version}, share", changed, {"pairs": len(kept)},
                         judge=name, **goal))  # fmt: skip
    return rows


def markdown(record):
    """The table of a record as text."""
    about, made = record["data"], record["provenance"]
    lines = [
        f"{counted(about)}, s = {record['s']}",
        *([f"The judges that are trained here learnt from {counted(record['train'])}."] if record["train"] else []),
        "",
        "| | judge | paper | reach | aim | ours (95 % interval over people) | counts |",
        "|" + "---|" * 7,
    ]
    for row in record["rows"]:
        ours = row.get("why", "not measurable")
        if row["value"] is not None:
            ours = f"{row['value']:.3f} ({row['interval'][0]:.3f} to {row['interval'][1]:.3f})"
        counts = ", ".join(f"{count} {what}" for what, count in row["counts"].items())
        cells = [row["title"], row["judge"], row["paper"], row["reach"], row["aim"], ours, counts]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    if record["no_face"]:
        missing = ", ".join(f"{version} {100 * share:.1f} %" for version, share in record["no_face"].items())
        lines.append(f"No face found by MTCNN, and so in no pair of dlib and faceres: {missing}.")
    return "\n".join([*lines, *record.get("notes", ()),
                      f"Commit {made['commit'][:7]}, seed {made['seed']}, {made['seconds']} s."])  # fmt: skip


def draw(path, pictures, heads):
    """A sheet, one person a row: x | a | a' (other frame) | a'' (other sequence) | r | r after crf 23 | t.

    Args:
        path: PNG to write.
        pictures, heads: as `measure` returns them.
    """
    columns = [("x", "x", 0), ("a", "a", 0), ("a' other frame", "a", 1), ("a'' other sequence", "a", 2)]
    if "r" in pictures:
        columns += [("r", "r", 0), (f"r after crf {CRF}", "r_lossy", 0)]
    if "t" in pictures:
        columns += [("t", "t", 0)]
    people = list(heads.by_subject.values())[:SHOWN]
    figure, axes = plt.subplots(
        len(people), len(columns), figsize=(1.5 * len(columns), 1.5 * len(people) + 0.3), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for axis, (title, _, _) in zip(axes[0], columns, strict=True):
        axis.set_title(title, fontsize=9)
    for line, sequences in zip(axes, people, strict=True):
        places = (sequences[0][0], sequences[0][-1], sequences[-1][0])
        for axis, (_, version, place) in zip(line, columns, strict=True):
            axis.imshow(pictures[version][places[place]])
            axis.axis("off")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def save(record, path):
    """Writes a record as JSON."""
    Path(path).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
