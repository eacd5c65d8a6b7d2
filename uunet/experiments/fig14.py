"""Fig. 14: each weight of Eq. 13 divided by 10, delta_gp of Eq. 6 times 10: short runs from the same weights."""

import base64
import tempfile
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import cv2
import keras
import numpy as np
from matplotlib.figure import Figure

from uunet import data, engine, metrics, presets
from uunet.config import SMALL, AdversarialConfig, ChannelConfig
from uunet.evaluation import inputs, pairs, resampling
from uunet.evaluation.inputs import Report
from uunet.experiments import sheets
from uunet.experiments.context import Context
from uunet.training import adversarial, checkpoints, objective
from uunet.training import trainer as training

USES = ("data", "weights", "training")
STEPS = 80  # of each run
CONFIG = replace(SMALL.adversarial, penalty="limit")  # of Eq. 6 as we read it: only there is a delta_gp
BATCHES = 8  # of the test split, for the terms of Eq. 13
PEOPLE = 4


def settings() -> dict[str, AdversarialConfig]:
    """What is changed -> config.AdversarialConfig; the first is the reference."""
    found = {"reference": CONFIG}
    for term in fields(CONFIG.weights):
        less = {term.name: getattr(CONFIG.weights, term.name) / 10}
        found[f"ω_{term.name} ÷ 10"] = replace(CONFIG, weights=replace(CONFIG.weights, **less))
    return found | {"δ_gp × 10": replace(CONFIG, delta_gp=10 * CONFIG.delta_gp)}


def compute(context: Context, report: Report) -> dict:
    """Trains STEPS steps from the weights in each setting, with the same batches and a new D_f; measures on the split.

    Returns:
        dict `train`, as `data`; `steps`; `heads`, that PSNR is measured on, and `batches`, that the terms are;
        `runs`: list of one dict per setting, the weights before any step first: `name`; `psnr_r`, `psnr_a`, of r and a
        to x in dB, each a dict `value`, `interval` over people; `terms`: term of Eq. 13, unweighted -> [mean, standard
        deviation] over batches, "adv" by the D_f that the reference arrives at; `diverged`: None, or what became
        infinite where, and nothing measured; `pictures`: base64 of a JPEG file, one row per run: a | a of the next
        frame | r of the heads in `shown`.

    Raises:
        WeightsError: if the weights have no D_a.
        DataError: if a split has too few people for a batch.
    """
    heads, train = context.heads, context.train
    first = [subject[0] for subject in sheets.people(heads, PEOPLE) if len(subject[0]) > 1]
    shown = [int(index) for frames in first for index in frames[:2]]
    kept = np.unique([index for subject in heads.by_subject.values() for frames in subject for index in frames[:2]])
    measured_on = replace(CONFIG, subjects=2, frames=2, channel=ChannelConfig(), seed=context.seed)
    batches = [data.sequence_batch(heads, measured_on, step) for step in range(BATCHES)]
    sample = pairs.sample(heads, context.seed)
    runs, rows, critic = [], [], None

    def measure(name, networks):
        x, sequences = heads.images[kept], heads.sequences[kept]
        a = engine.Deidentifier(networks.encoder, context.seed)(x, sequences)
        r = engine.Reidentifier(networks.decoder)(a)
        psnr = (resampling.measured(sample.mean(metrics.psnr(x, image), sample.people[kept])) for image in (r, a))
        judged = networks._replace(critic=critic)
        terms = [objective.generator_objective(judged, None, measured_on, batch)[1] for batch in batches]
        values = {term: np.array([float(of[term]) for of in terms]) for term in terms[0]}
        places = np.searchsorted(kept, shown)
        rows.append([picture for now, later in zip(places[::2], places[1::2], strict=True)
                     for picture in (a[now], a[later], r[now])])  # fmt: skip
        runs.append({
            "name": name, **dict(zip(("psnr_r", "psnr_a"), psnr, strict=True)), "diverged": None,
            "terms": {term: [float(of.mean()), float(of.std())] for term, of in values.items()},
        })  # fmt: skip

    for name, config in settings().items():
        progress = inputs.stage(report, f"training: {name}")
        try:
            networks = trained(context, replace(config, seed=context.seed), train, progress)
        except checkpoints.DivergedError as error:
            runs.append({"name": name, "psnr_r": None, "psnr_a": None, "terms": None, "diverged": str(error)})
            rows.append([np.zeros_like(heads.images[0])] * (3 * len(shown) // 2))
            continue
        if critic is None:
            critic = networks.critic
            measure("before", _start(context, config))
        measure(name, networks)
    mosaic = np.concatenate([np.concatenate(row, axis=1) for row in rows])
    file = cv2.imencode(".jpg", mosaic[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1]
    return {
        "train": inputs.described(train, context.data_folder, "train"), "steps": STEPS, "heads": len(kept),
        "batches": BATCHES, "shown": shown, "runs": runs, "pictures": base64.b64encode(file.tobytes()).decode(),
    }  # fmt: skip


def _start(context, config):
    """objective.Networks as the weights have them, and an untrained D_f, the same in each call."""
    net = presets.load(context.weights)
    keras.utils.set_random_seed(context.seed)
    return adversarial.build_networks(config, net.classifier, (net.encoder, net.decoder))


def trained(
    context: Context, config: AdversarialConfig, heads: data.Heads, report: Callable[[int, int], object]
) -> objective.Networks:
    """objective.Networks after STEPS steps of learning II on some data.Heads.

    Raises:
        DivergedError: if a loss becomes infinite.
    """
    networks = _start(context, config)
    config = replace(config, steps=STEPS, checkpoint_every=STEPS)
    show = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: report(batch + 1, STEPS))
    with tempfile.TemporaryDirectory() as folder:
        training.fit(
            adversarial.build_trainer(networks, config), lambda step: data.sequence_batch(heads, config, step), config,
            training.Run(Path(folder), {}, verbose=0), images=config.batch_size, further=[show],
        )  # fmt: skip
    return networks


def plot(record: dict, context: Context) -> Figure:
    """One row per run: a, a of the next frame and r of some heads; its numbers at right. Above: x."""
    side, count = 64, len(record["shown"]) // 2
    mosaic = cv2.imdecode(np.frombuffer(base64.b64decode(record["pictures"]), np.uint8), cv2.IMREAD_COLOR)
    assert mosaic is not None  # `compute` encoded it
    x = context.some("x", record["shown"]).reshape(count, 2, side, side, 3)
    top = np.concatenate([np.concatenate([now, later, now], axis=1) for now, later in x], axis=1)
    lines = len(record["runs"]) + 1
    figure = Figure(figsize=(14, 0.3 + 0.62 * (lines + 1)), layout="constrained")
    pictures, numbers = figure.subplots(1, 2, width_ratios=(12, 7.5))
    pictures.imshow(np.concatenate([top, mosaic[..., ::-1]]), interpolation="bicubic")
    pictures.set_yticks([side * (k + 0.5) for k in range(lines)], ["x", *(run["name"] for run in record["runs"])])
    pictures.set_xticks([side * (k + 0.5) for k in range(3 * count)], ["a", "a, next", "r"] * count)
    pictures.tick_params(labelsize=8, length=0, labeltop=True, labelbottom=False)
    for k in range(1, count):
        pictures.axvline(3 * side * k - 0.5, color="white", linewidth=3)
    pictures.spines[:].set_visible(False)
    numbers.set(xlim=(0, 8), ylim=(lines * side, 0))
    numbers.axis("off")
    columns = ["PSNR\n(x, r)", "PSNR\n(x, a)", *(f"L_{term}" for term in _terms(record))]
    for place, title in enumerate(columns):
        numbers.text(place + 0.5, side * 0.7, title, fontsize=8, ha="center", va="center")
    for line, run in enumerate(record["runs"], start=1):
        middle = side * (line + 0.5)
        if run["diverged"]:
            numbers.text(0.2, middle, "diverged", fontsize=8, va="center")
            continue
        cells = [f"{run[key]['value']:.1f}\n({run[key]['interval'][0]:.1f}–{run[key]['interval'][1]:.1f})"
                 for key in ("psnr_r", "psnr_a")]  # fmt: skip
        cells += [f"{mean:.3g}\n± {spread:.1g}" for mean, spread in run["terms"].values()]
        for place, cell in enumerate(cells):
            numbers.text(place + 0.5, middle, cell, fontsize=7, ha="center", va="center")
    figure.supxlabel(
        f"{record['steps']} steps a run; PSNR in dB on {record['heads']} heads (95 % over people), terms of Eq. 13, "
        f"unweighted, on {record['batches']} batches (± standard deviation)", fontsize=7,
    )  # fmt: skip
    return figure


def _terms(record):
    return next(run["terms"] for run in record["runs"] if run["terms"])
