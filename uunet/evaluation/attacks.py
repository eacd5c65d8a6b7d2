"""Attackers: how well x is recovered from a without U_d, by an inverse of U_e trained on N known pairs (x, a).

The paper claims that "only the authorities" can reconstruct, and does not test it. Two attackers test it here:

    encoder   holds U_e and N pictures of other people, and makes a new pair from one of them at each step, with new
              noise. The buyer of a camera can do that.
    outputs   holds N pairs that the system released, each with the noise of its track, and no network

Where U_e hides x (the reversal "learned"), a is what it publishes. Where it hides nothing ("sealed", "none"), a is the
drawing alone, and an inverse finds only what the drawing shows of x.

Both are trained by least squares, without a critic. Every a has passed through a ROI and 8 bits. Pairs come from the
train split; scores come from the test split, with other people and other noise.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from uunet import data, engine, metrics, models, pixels, presets
from uunet.config import ConfigError
from uunet.evaluation import inputs, judges, recognition, resampling, tables
from uunet.evaluation import pairs as sampling
from uunet.training import callbacks, provenance

KNOWN = ("encoder", "outputs")
SIDES = (32, 48, 64, 96, 128)  # pixels, of the ROIs
DRAWS = 4  # times that the system released the same footage, each time with other noise
CHUNK = 32  # heads in one call of a network
SHOWN = 12  # heads on the sheet


@dataclass(frozen=True)
class AttackConfig:
    """What the attackers know, and how they are trained."""

    pairs: tuple[int, ...] = (100, 1_000, 10_000)  # N
    steps: int = 1000
    batch: int = 16  # pairs per step
    width: int = 16  # kernels of the first level of the attacker's U-Net
    learning_rate: float = 1e-3  # Adam, falling to 0 along a cosine
    pictures: int = 400  # of the test split, at most
    seed: int = 0
    hides: bool = True  # whether U_e hides x in what it publishes; not if the originals are sealed

    def __post_init__(self) -> None:
        if not self.pairs or min(self.pairs) < 1:
            raise ConfigError(f"pairs are whole numbers from 1 on; got {', '.join(map(str, self.pairs)) or 'none'}.")


def run(
    preset: presets.Preset, folder: Path, config: AttackConfig, judges: dict[str, Callable],
    progress: inputs.Report | None = None,
) -> tuple[dict, np.ndarray]:  # fmt: skip
    """Trains every attacker on the train split and scores it on the test split.

    Args:
        preset: presets.Preset, U_e and U_d.
        folder: prepared data set (`uunet.data`).
        config: AttackConfig.
        judges: dict name -> callable `images -> (embeddings, found)` as in `evaluation.judges`; the closer two
            embeddings, the more alike the faces.
        progress: callable `(stage, done, total)` or None.

    Returns:
        record: dict of JSON values: `rows`, a dict per answer (`score` and what the attacker knew), and `provenance`.
        sheet: uint8 `(H, W, 3)`, test heads in rows x | a | recovered by the attackers, in the order of `rows` | r, if
            there is a U_d.

    Raises:
        ConfigError: if N is more than the pictures of the train split x DRAWS, or U_e cannot draw without hiding x, or
            hides nothing and `config` says that it does.
        DataError: if the test split has no two sequences of a subject, or no two subjects.
        WeightsError: if U_e or U_d is missing.
    """
    begin = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    progress = progress or (lambda stage, done, total: None)
    encoder, decoder = preset.encoder, preset.decoder
    _check_hiding(encoder, config.hides)
    size = engine.side(encoder)
    train, test = (data.load(folder, split, size=size) for split in ("train", "test"))
    _check_pairs(folder, len(train.images), max(config.pairs))
    rng = np.random.default_rng(config.seed)
    chosen = rng.permutation(len(test.images))[: config.pictures]
    faces = Faces(test.images[chosen], test.labels[chosen, 0], test.sequences[chosen])
    scorer = Scorer(faces, judges, config.seed)
    public = release(encoder, test, chosen, np.zeros_like(chosen), config, config.seed + 1)
    a = engine.network_inputs(public, size)
    answers = {
        "x": pixels.to_float(faces.x),
        "a": a,
        "mean face": np.broadcast_to(pixels.to_float(train.images.mean(axis=0)), a.shape),
    }
    if decoder is not None:
        answers["U_d"] = engine.Reidentifier(decoder).faces(public)
    rows = [{"answer": name, **scorer(answer, name, progress)} for name, answer in answers.items()]
    recovered = []
    order = rng.permutation(len(train.images))
    for about, answer in inversions(encoder, train, order, a, config, progress):
        recovered.append(answer)
        rows.append(about | scorer(answer, f"{about['known']}, {about['pairs']}", progress))
    made = {"data_sha256": {"train": train.sha256, "test": test.sha256},
            "weights_sha256": inputs.hashes(preset), "judges": list(judges)}  # fmt: skip
    made = provenance.record(config, made, steps=config.steps, seconds=time.monotonic() - begin)
    last = [answers["U_d"]] if "U_d" in answers else []
    sheet = callbacks.sheet(*(row[:SHOWN] for row in (answers["x"], a, *recovered, *last)))
    return {"rows": rows, "provenance": made}, sheet


def _check_pairs(folder, pictures, count):
    """Raises ConfigError if some pictures do not make so many pairs."""
    if count > pictures * DRAWS:
        raise ConfigError(
            f"{folder} has {pictures} pictures in train, which make {pictures * DRAWS} pairs with {DRAWS} draws of "
            f"noise each, not {count}: ask for fewer pairs, or prepare a larger set."
        )


def _check_hiding(encoder, hides):
    """Raises ConfigError unless U_e can draw with x hidden in it, or without."""
    if hides and engine.draws_unseen(encoder):
        raise ConfigError("These weights draw without seeing x and hide nothing of it: give --reversal sealed.")
    if not hides and not engine.draws_alone(encoder):
        raise ConfigError("These weights hide x in all that they draw: name weights that draw first (twin-cctv).")


def inversions(
    encoder: Any, train: data.Heads, order: np.ndarray, a: np.ndarray, config: AttackConfig,
    progress: inputs.Report,
) -> Iterator[tuple[dict, np.ndarray]]:  # fmt: skip
    """Trains each attacker, and yields what it knew and what it recovers from `a`, `(N, size, size, 3)` both.

    Args:
        encoder: U_e, as `engine.Deidentifier` takes it.
        train: data.Heads that the attackers learn from.
        order: int `(N,)`, the order in which they see them.
        a: float32 `(N, size, size, 3)` in [0, 1].
        config: AttackConfig.
        progress: callable `(stage, done, total)`.
    """
    size = engine.side(encoder)
    for known in KNOWN:
        for count in config.pairs:
            started = time.monotonic()
            batches = pair_batches(encoder, train, order, known, count, config)
            show = inputs.stage(progress, f"training {known}, {count}")
            attacker = train_inverse(batches, size, config, show)
            seconds = round(time.monotonic() - started)
            about = {"answer": "inverse", "known": known, "pairs": count, "pictures": min(count, len(order)),
                     "seconds": seconds}  # fmt: skip
            yield about, attacker.predict(a, batch_size=CHUNK, verbose=0)


def table(record: dict) -> str:
    """The rows of a record as a Markdown table."""
    judges = record["provenance"]["judges"]
    head = ["answer", "N", "PSNR to x, dB"]
    for name in judges:
        head += [f"AUC to x′, {name}", f"found, {name}"]
    rows = []
    for row in record["rows"]:
        answer = f"inverse, knows {row['known']}" if "known" in row else row["answer"]
        cells = [answer, str(row.get("pairs", "")), _with_interval(row["psnr"], ".2f")]
        for name in judges:
            cells += [_with_interval(row["judges"][name]["auc"], ".3f"), f"{row['judges'][name]['found']:.2f}"]
        rows.append(cells)
    return tables.markdown(head, rows)


def _with_interval(value, digits):
    if value is None:
        return "-"
    return f"{value['mean']:{digits}} ({value['low']:{digits}} to {value['high']:{digits}})"


# What an attacker learns from.


def release(
    encoder: Any, heads: data.Heads, index: np.ndarray, draw: np.ndarray, config: AttackConfig, seed: int
) -> list[np.ndarray]:
    """What the system publishes of some heads: one virtual person per sequence, as the pipeline keeps one per track.

    Args:
        encoder: U_e, as `engine.Deidentifier` takes it.
        heads: data.Heads.
        index, draw: int `(N,)`, which head, and in which release of its sequence.
        config: AttackConfig; it says whether x is hidden.
        seed: int; it decides noise and ROI sizes.

    Returns:
        list of uint8 `(side, side, 3)`, ROIs.
    """
    size = heads.images.shape[1]
    releases = [*zip(heads.sequences[index].tolist(), np.asarray(draw).tolist(), strict=True)]
    noise, sides = {}, {}
    for release in sorted(set(releases)):
        rng = np.random.default_rng([seed, *release])
        noise[release] = pixels.noise_channel(rng, size)
        sides[release] = rng.choice(SIDES)
    deidentifier = _deidentifier(encoder, seed, noise, config)
    for sequence, again in noise:  # the person is chosen from the whole sequence, whichever heads are asked for
        whole = heads.images[heads.sequences == sequence]
        deidentifier.meet(whole, [(sequence, again)] * len(whole))
    return deidentifier(heads.images[index], releases, shapes=[(sides[release],) * 2 for release in releases])


def pair_batches(
    encoder: Any, heads: data.Heads, order: np.ndarray, known: str, pairs: int, config: AttackConfig
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Endless batches `(a, x)` of one attacker, float32 `(B, size, size, 3)` each in [0, 1].

    Args:
        encoder: U_e; an attacker that knows "outputs" sees only N pairs that it made.
        heads: data.Heads of the train split.
        order: int `(N,)`, the order in which the attackers see its heads.
        known: "encoder" or "outputs".
        pairs: int, N.
        config: AttackConfig.
    """
    rng = np.random.default_rng([config.seed, KNOWN.index(known), pairs])
    size = heads.images.shape[1]
    number = np.arange(pairs)
    index, draw = order[number % len(order)], number // len(order)
    if known == "outputs":
        fixed = engine.network_inputs(release(encoder, heads, index, draw, config, config.seed), size)
    while True:
        chosen = rng.integers(pairs, size=config.batch)
        images = heads.images[index[chosen]]
        if known == "outputs":
            a = fixed[chosen]
        else:
            noise = dict(enumerate(rng.random((config.batch, size, size, 1), dtype=np.float32)))
            shapes = [(side, side) for side in rng.choice(SIDES, config.batch)]
            fresh = _deidentifier(encoder, config.seed, noise, config)
            a = engine.network_inputs(fresh(images, range(config.batch), shapes=shapes), size)
        yield a, pixels.to_float(images)


def _deidentifier(encoder, seed, noise, config):
    return engine.Deidentifier(encoder, seed, output="a" if config.hides else "t", noise=noise)


def train_inverse(
    batches: Iterator, size: int, config: AttackConfig, progress: Callable[[int, int], object]
) -> keras.Model:
    """A network a -> x, trained by least squares: keras.Model `(B, size, size, 3)` -> the same, in [0, 1].

    Args:
        batches: iterator of `(a, x)`.
        size: int, pixels.
        config: AttackConfig.
        progress: callable `(done, total)` of steps.
    """
    keras.utils.set_random_seed(config.seed)
    inverse = models.unet(3, size=size, width=config.width, residual=True, name="inverse")  # begins near r = a
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)
    inverse.compile(optimizer=keras.optimizers.Adam(rate), loss="mse")
    show = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: progress(batch + 1, config.steps))
    inverse.fit(batches, steps_per_epoch=config.steps, shuffle=False, verbose=0, callbacks=[show])
    return inverse


# Scores.


@dataclass(frozen=True)
class Faces:
    """Test heads: x, uint8 `(N, size, size, 3)`; their subjects and sequences, int `(N,)`."""

    x: np.ndarray
    subjects: np.ndarray
    sequences: np.ndarray


class Scorer:
    """Scores what an attacker recovers of all heads. It keeps what every answer is compared with.

    Args:
        faces: Faces.
        judges: dict as `run` takes it.
        seed: int, of the draws of people.

    Raises:
        DataError: if there are no genuine or no impostor pairs.
    """

    def __init__(self, faces: Faces, judges: dict[str, Callable], seed: int) -> None:
        self.faces, self.judges = faces, judges
        people, self.people = np.unique(faces.subjects, return_inverse=True)
        self.pairs = sampling.among(self.people, faces.sequences, both_orders=True)  # answer, original
        if not all(map(len, self.pairs)):
            raise data.DataError(
                "Recognition needs two subjects, and two sequences of one, in the test split: prepare a larger set."
            )
        drawn = resampling.people_drawn(len(people), np.random.default_rng(seed))
        self.drawn = drawn.astype(np.int16)  # products of two, of 160,000 pairs in 201 draws, should fit into memory
        self.originals = {}

    def __call__(self, answers: np.ndarray, name: str, progress: inputs.Report) -> dict:
        """Scores one answer for each head.

        Args:
            answers: float `(N, size, size, 3)` in [0, 1]; they are rounded to 8 bits.
            name: str, what they are, for `progress`.
            progress: callable `(stage, done, total)`.

        Returns:
            dict: `psnr` to x, dB, mean over heads, None if one is without error; `judges`, for each recogniser the
            `auc` of answer <-> x', x' of another sequence, against x' of others, None without pairs, and the share
            `found` of answers in which it found a face. Means come with a 95 % interval, `low` to `high`, over draws
            of the test people.
        """
        answers = pixels.to_uint8(answers)
        found: dict[str, Any] = {"psnr": None, "judges": {}}
        if (answers != self.faces.x).any(axis=(1, 2, 3)).all():
            psnr = metrics.psnr(self.faces.x, answers)
            found["psnr"] = _interval(resampling.mean(psnr, self.people, self.drawn))
        for done, (judge_name, judge) in enumerate(self.judges.items(), start=1):
            progress(f"judging {name}", done - 1, len(self.judges))
            if judge_name not in self.originals:
                self.originals[judge_name] = judge(self.faces.x)
            found["judges"][judge_name] = self._identity(judge(answers), self.originals[judge_name])
            progress(f"judging {name}", done, len(self.judges))
        return found

    def _identity(self, answers, originals):
        (embeddings, seen), (gallery, known) = answers, originals
        kept = [part[seen[part[:, 0]] & known[part[:, 1]]] for part in self.pairs]
        area = None
        if all(map(len, kept)):
            scores = [judges.scores(embeddings[part[:, 0]], gallery[part[:, 1]]) for part in kept]
            weights = [recognition.pair_weights(self.people[part], self.drawn) for part in kept]
            area = _interval(recognition.areas(*scores, *weights))
        return {"auc": area, "found": float(seen.mean())}


def _interval(values):
    """A statistic `(1 + D,)` of everybody and of draws of the people, as a record has it."""
    low, high = resampling.interval(values[1:])
    return {"mean": float(values[0]), "low": low, "high": high}
