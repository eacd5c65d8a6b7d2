"""Attackers: what of x somebody without U_d recovers from a, with an inverse of U_e learnt from N known pairs (x, a).

Not in the paper, whose claim this is: "only the authorities" can reconstruct. Two attackers:

    encoder   holds U_e and N pictures of people of its own, and makes a new pair of one of them at each step, with
              fresh noise: whoever buys a camera can do that
    outputs   holds N pairs that the system released, each with the noise of its track, and no network

Both learn x from a by least squares, without a critic. Every a has gone through a ROI and 8 bits. Pairs are of the
train split, scores of the test split: other people, other noise.
"""

import hashlib
import time
from dataclasses import dataclass

import keras
import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from uunet import data, engine, models, pixels
from uunet.config import ConfigError
from uunet.training import callbacks, provenance

KNOWN = ("encoder", "outputs")
SIDES = (32, 48, 64, 96, 128)  # pixels, of the ROIs
DRAWS = 4  # times that the system released the same footage, each time with other noise
CHUNK = 32  # heads in one call of a network
RESAMPLES = 100  # of the test people, for an interval


@dataclass(frozen=True)
class AttackConfig:
    """How much the attackers know and do."""

    pairs: tuple[int, ...] = (100, 1_000, 10_000)  # N
    steps: int = 1000
    batch: int = 16  # pairs a step
    width: int = 16  # kernels of the first level of the attacker's U-Net
    learning_rate: float = 1e-3  # Adam, falling to 0 along a cosine
    pictures: int = 400  # of the test split, at most
    seed: int = 0

    def __post_init__(self):
        if not self.pairs or min(self.pairs) < 1:
            raise ConfigError(f"pairs are whole numbers from 1 on; got {', '.join(map(str, self.pairs)) or 'none'}.")


def run(preset, folder, config, judges, progress=None):
    """Trains every attacker on the train split and scores it on the test split.

    Args:
        preset: presets.Preset, U_e and U_d.
        folder: prepared data set (`uunet.data`).
        config: AttackConfig.
        judges: dict name -> callable `images -> (embeddings, found)` as in `evaluation.judges`; the closer two
            embeddings, the more alike the faces.
        progress: callable `(stage, done, total)` or None.

    Returns:
        record: dict of JSON values: `rows`, a dict an answer (`score` and what the attacker knew), and `provenance`.
        sheet: uint8 `(H, W, 3)`, test heads in rows x | a | recovered by the attackers, in the order of `rows` | r.

    Raises:
        ConfigError: if N is more than the pictures of the train split x DRAWS.
        DataError: if the test split has no two sequences of a subject, or no two subjects.
        WeightsError: if U_e or U_d is missing.
    """
    begin = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    progress = progress or (lambda stage, done, total: None)
    encoder, decoder = preset.encoder, preset.decoder
    size = encoder.inputs[0].shape[1]
    train, test = (data.load(folder, split, size=size) for split in ("train", "test"))
    released = len(train.images) * DRAWS
    if max(config.pairs) > released:
        raise ConfigError(
            f"{folder} has {len(train.images)} pictures in train, which make {released} pairs with {DRAWS} draws of "
            f"noise each, not {max(config.pairs)}: ask for fewer pairs, or prepare a larger set."
        )
    rng = np.random.default_rng(config.seed)
    chosen = rng.permutation(len(test.images))[: config.pictures]
    faces = Faces(test.images[chosen], test.labels[chosen, 0], test.sequences[chosen])
    scorer = Scorer(faces, judges, config.seed)
    public = release(encoder, test, chosen, np.zeros_like(chosen), config.seed + 1)
    a = engine.network_inputs(public, size)

    answers = {
        "x": pixels.to_float(faces.x),
        "a": a,
        "mean face": np.broadcast_to(pixels.to_float(train.images.mean(axis=0)), a.shape),
        "U_d": engine.Reidentifier(decoder).faces(public),
    }
    rows = [{"answer": name, **scorer(answer, name, progress)} for name, answer in answers.items()]
    recovered = []
    order = rng.permutation(len(train.images))
    for known in KNOWN:
        for pairs in config.pairs:
            name = f"{known}, {pairs}"
            started = time.monotonic()
            attacker = train_inverse(
                pair_batches(encoder, train, order, known, pairs, config),
                size,
                config,
                lambda done, name=name: progress(f"training {name}", done, config.steps),
            )
            seconds = round(time.monotonic() - started)
            recovered.append(attacker.predict(a, batch_size=CHUNK, verbose=0))
            rows.append(
                {
                    "answer": "inverse",
                    "known": known,
                    "pairs": pairs,
                    "pictures": min(pairs, len(order)),
                    "seconds": seconds,
                    **scorer(recovered[-1], name, progress),
                }
            )
    run = {
        "data_sha256": {"train": train.sha256, "test": test.sha256},
        "weights_sha256": {
            name: hashlib.sha256((preset.folder / name).read_bytes()).hexdigest()
            for name in ("encoder.safetensors", "decoder.safetensors")
        },
        "judges": list(judges),
    }
    made = provenance.record(config, run, steps=config.steps, seconds=time.monotonic() - begin)
    record = {"rows": rows, "provenance": made}
    shown = slice(0, 12)
    return record, callbacks.sheet(*(row[shown] for row in (answers["x"], a, *recovered, answers["U_d"])))


def table(record):
    """The rows of a record as lines of a Markdown table."""
    judges = record["provenance"]["judges"]
    lines = [
        f"| answer | N | PSNR to x, dB | {' | '.join(f'AUC to x′, {name} | found, {name}' for name in judges)} |",
        "|---" * (3 + 2 * len(judges)) + "|",
    ]
    for row in record["rows"]:
        answer = f"inverse, knows {row['known']}" if "known" in row else row["answer"]
        cells = [answer, str(row.get("pairs", "")), _with_interval(row["psnr"], ".2f")]
        for name in judges:
            cells += [_with_interval(row["judges"][name]["auc"], ".3f"), f"{row['judges'][name]['found']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _with_interval(value, digits):
    if value is None:
        return "-"
    return f"{value['mean']:{digits}} ({value['low']:{digits}} to {value['high']:{digits}})"


# What an attacker learns from.


def release(encoder, heads, index, draw, seed):
    """What the system makes public of some heads: one virtual person a sequence, as the pipeline keeps one a track.

    Args:
        encoder: keras.Model U_e.
        heads: data.Heads.
        index, draw: int `(N,)`, which head, and in which release of its sequence.
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
    deidentifier = engine.Deidentifier(encoder, seed, noise=noise)
    for sequence, again in noise:  # the person is chosen from the whole sequence, whichever heads are asked for
        whole = heads.images[heads.sequences == sequence]
        deidentifier.meet(whole, [(sequence, again)] * len(whole))
    return deidentifier(heads.images[index], releases, shapes=[(sides[release],) * 2 for release in releases])


def pair_batches(encoder, heads, order, known, pairs, config):
    """Endless batches `(a, x)` of one attacker, float32 `(B, size, size, 3)` each in [0, 1].

    Args:
        encoder: keras.Model U_e; an attacker that knows "outputs" sees nothing of it but its N pairs.
        heads: data.Heads of the train split.
        order: int `(N,)`, the order in which the attackers get to know its heads.
        known: "encoder" or "outputs".
        pairs: int, N.
        config: AttackConfig.
    """
    rng = np.random.default_rng([config.seed, KNOWN.index(known), pairs])
    size = heads.images.shape[1]
    number = np.arange(pairs)
    index, draw = order[number % len(order)], number // len(order)
    if known == "outputs":
        fixed = engine.network_inputs(release(encoder, heads, index, draw, config.seed), size)
    while True:
        chosen = rng.integers(pairs, size=config.batch)
        images = heads.images[index[chosen]]
        if known == "outputs":
            a = fixed[chosen]
        else:
            noise = dict(enumerate(rng.random((config.batch, size, size, 1), dtype=np.float32)))
            shapes = [(side, side) for side in rng.choice(SIDES, config.batch)]
            fresh = engine.Deidentifier(encoder, config.seed, noise=noise)
            a = engine.network_inputs(fresh(images, range(config.batch), shapes=shapes), size)
        yield a, pixels.to_float(images)


def train_inverse(batches, size, config, progress):
    """A network a -> x, trained by least squares: keras.Model `(B, size, size, 3)` -> the same, in [0, 1].

    Args:
        batches: iterator of `(a, x)`.
        size: int, pixels.
        config: AttackConfig.
        progress: callable `done`, the number of steps.
    """
    keras.utils.set_random_seed(config.seed)
    inverse = models.unet(3, size=size, width=config.width, residual=True, name="inverse")  # begins near r = a
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.steps)
    inverse.compile(optimizer=keras.optimizers.Adam(rate), loss="mse")
    show = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: progress(batch + 1))
    inverse.fit(batches, steps_per_epoch=config.steps, shuffle=False, verbose=0, callbacks=[show])
    return inverse


# What it is worth.


@dataclass(frozen=True)
class Faces:
    """Test heads: x uint8 `(N, size, size, 3)`; whose they are and of which sequence, int `(N,)`."""

    x: np.ndarray
    subjects: np.ndarray
    sequences: np.ndarray


class Scorer:
    """Holds what every answer is compared with; calling it with answers to all heads scores them.

    Args:
        faces: Faces.
        judges: dict as `run` takes it.
        seed: int, of the resamples.

    Raises:
        DataError: if there are no genuine or no impostor pairs.
    """

    def __init__(self, faces, judges, seed):
        self.faces, self.judges, self.seed = faces, judges, seed
        same = faces.subjects[:, None] == faces.subjects[None]
        self.genuine = same & (faces.sequences[:, None] != faces.sequences[None])
        self.impostor = ~same
        if not (self.genuine.any() and self.impostor.any()):
            raise data.DataError(
                "Recognition needs two subjects, and two sequences of one, in the test split: prepare a larger set."
            )
        self.originals = {}

    def __call__(self, answers, name, progress):
        """Scores one answer for each head.

        Args:
            answers: float `(N, size, size, 3)` in [0, 1]; they are rounded to 8 bits.
            name: str, what they are, for `progress`.
            progress: callable `(stage, done, total)`.

        Returns:
            dict: `psnr` to x, dB, mean over heads, None if one is without error; `judges`, for each judge the `auc` of
            answer <-> x', x' of another sequence, against x' of others, None without pairs, and the share `found` of
            answers in which it found a face. Means come with a 95 % interval, `low` to `high`, over the test people.
        """
        answers = pixels.to_uint8(answers)
        error = np.square(pixels.to_float(answers) - pixels.to_float(self.faces.x)).mean(axis=(1, 2, 3))
        people, whose = np.unique(self.faces.subjects, return_inverse=True)
        found = {"psnr": None, "judges": {}}
        if error.all():
            psnr = -10 * np.log10(error)
            found["psnr"] = self._interval(len(people), lambda times: np.average(psnr, weights=times[whose]))
        for done, (judge_name, judge) in enumerate(self.judges.items(), start=1):
            progress(f"judging {name}", done - 1, len(self.judges))
            if judge_name not in self.originals:
                self.originals[judge_name] = judge(self.faces.x)
            found["judges"][judge_name] = self._identity(judge(answers), self.originals[judge_name], whose)
            progress(f"judging {name}", done, len(self.judges))
        return found

    def _identity(self, answers, originals, whose):
        (embeddings, seen), (gallery, known) = answers, originals
        both = seen[:, None] & known[None]
        genuine, impostor = self.genuine & both, self.impostor & both
        area = None
        if genuine.any() and impostor.any():
            used = genuine | impostor
            first, second = (whose[place] for place in np.nonzero(used))
            scores, truth = -cdist(embeddings, gallery)[used], genuine[used]
            area = self._interval(
                whose.max() + 1, lambda times: roc_auc_score(truth, scores, sample_weight=times[first] * times[second])
            )
        return {"auc": area, "found": float(seen.mean())}

    def _interval(self, people, metric):
        """A metric, and its 95 % interval over resamples of the people; it takes how often each of them counts."""
        rng = np.random.default_rng(self.seed)
        draws = [np.bincount(rng.integers(people, size=people), minlength=people) for _ in range(RESAMPLES)]
        # a sample of one person alone, or of people of one sequence, has no pairs
        values = [metric(times) for times in draws if np.count_nonzero(times) > 1]
        low, high = np.nanpercentile(values, [2.5, 97.5])
        return {"mean": float(metric(np.ones(people))), "low": float(low), "high": float(high)}
