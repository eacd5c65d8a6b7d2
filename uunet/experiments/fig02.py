"""Fig. 2: both learning phases and inference, read from the objectives and networks themselves."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from keras import ops
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from uunet import models, pixels
from uunet.config import PAPER
from uunet.evaluation.inputs import Report
from uunet.experiments.context import Context, ExperimentError
from uunet.training import objective

USES = ("data", "weights")
TERMS = {  # name in the objectives -> what is shown
    "ce": "L_ce(b, D_a(x, x')), Eq. 3",
    "critic": "L_adv1, Eq. 6: D_f's own",
    "mse": "L_mse(x, r), Eq. 5",
    "adv": "L_adv2(D_f(a), D_f(r)), Eq. 8",
    "ano": "L_ano(s, D_a(x, a)), Eq. 9",
    "con": "L_con(D_a(a, a_k')), Eq. 10",
    "div": "L_div(D_a(a, a_j')), Eq. 11",
    "dis": "L_dis(x, a), Eq. 12",
}
PICTURES = ("x", "x'", "noise", "a", "r", "a_k'", "a_j'")
HALF, HALF_BOX = (0.45, 0.45), (0.75, 0.475)  # half the width and height of a picture, and of a network or a text
COLOURS = {"U_e": "#cfe3f7", "U_d": "#d5efd2", "D_a": "#fbe3c0", "D_f": "#f6d0d0"}


def compute(context: Context, report: Report) -> dict:
    """What the four networks are, and what each is shown, found by running each objective on recognisable pictures.

    Returns:
        dict `networks`: name -> `input`, `output` (shapes without the batch) and `parameters`, U_e and U_d of the
        weights, D_a and D_f of Table I and [25]; `calls`: objective -> list of [network, [names of its inputs]];
        `terms`: objective -> names of the losses it logs; `shown`: indices of heads: x, the next frame, another
        sequence.

    Raises:
        ExperimentError: if no person has two sequences, with two frames in one of them; or without U_d.
    """
    net = context.networks[0]
    if net.decoder is None:
        raise ExperimentError(f"Fig. 2 shows U_d, and {context.weights} has none: name other weights (--weights).")
    built = {"D_a": models.attribute_classifier(), "D_f": models.patch_critic(), "U_e": net.encoder, "U_d": net.decoder}
    networks = {
        name: {"input": list(model.inputs[0].shape[1:]), "output": _shape(model), "parameters": model.count_params()}
        for name, model in built.items()
    }
    calls, terms = traced()
    people = context.heads.by_subject.values()
    shown = next(([*one[:2], other[0]] for one, other, *_ in filter(_is_enough, people)), None)
    if shown is None:
        raise ExperimentError(
            "Fig. 2 shows a person in two sequences, with two frames in one, and the set has none: name a larger set "
            "(--data)."
        )
    return {"networks": networks, "calls": calls, "terms": terms, "shown": [int(k) for k in shown]}


def _is_enough(sequences):
    return len(sequences) > 1 and len(sequences[0]) > 1


def _shape(model):
    return list(model.outputs[-1].shape[1:])


def traced() -> tuple[dict, dict]:
    """Runs the three objectives with stand-ins for the networks, which note what they are given.

    Returns:
        calls, terms: see `compute`.
    """
    config = replace(PAPER.adversarial, subjects=2, sequences=2, frames=2)
    rng = np.random.default_rng(0)
    x, a, r, partner = rng.random((4, 8, 8, 8, 3), dtype=np.float32)
    noise = rng.random((2, 8, 8, 8, 1), dtype=np.float32)
    grid = a.reshape(2, 2, 2, 8, 8, 3)  # subjects, sequences, frames
    known = {
        "x": x, "x'": partner, "a": a, "r": r, "noise": noise[0], "noise, other draw": noise[1],
        "a_k'": np.roll(grid, 1, 2).reshape(a.shape), "a_j'": np.roll(grid, 1, 1).reshape(a.shape),
    }  # fmt: skip
    standardized = {name: np.asarray(pixels.standardize(picture)) for name, picture in known.items()}  # D_a's view
    seen = []

    def name_of(picture):
        for name, one in [*known.items(), *standardized.items()]:
            if one.shape == picture.shape and np.allclose(one, picture, atol=1e-4):
                return name
        raise ValueError("an objective shows a network something else than heads and noise")

    def stand_in(network, answer, *cuts):
        def call(inputs, training=None):
            parts = np.split(np.asarray(inputs), cuts, axis=-1)
            noted = [network, [name_of(part) for part in parts]]
            if noted not in seen:
                seen.append(noted)
            return ops.convert_to_tensor(answer)

        return call

    agreement = np.full((8, 4), 0.5, np.float32)
    networks = objective.Networks(
        encoder=stand_in("U_e", a, 3),
        decoder=stand_in("U_d", r),
        classifier=stand_in("D_a", agreement, 3),
        critic=stand_in("D_f", np.zeros((8, 1, 1, 1), np.float32)),
    )
    batch = {"x": x, "x_prime": partner, "b": agreement, "known": agreement, "noise": noise,
             "epsilon": np.ones((1, 2, 8, 1, 1, 1), np.float32)}  # fmt: skip
    calls, terms = {}, {}
    for phase, run in {
        "learning I": lambda: objective.classifier_objective(networks.classifier, batch),
        "learning II, D_f": lambda: objective.critic_objective(
            networks, None, config, batch, 1, lambda critic, images: ops.zeros_like(images)),
        "learning II, U_e and U_d": lambda: objective.generator_objective(networks, None, config, batch),
    }.items():  # fmt: skip
        seen.clear()
        terms[phase] = list(run()[1])
        calls[phase] = list(seen)
    return calls, terms


def plot(record: dict, context: Context) -> Figure:
    """Learning I at left, learning II at right, inference below: boxes are networks, arrows what they are shown."""
    x, _, later = context.some("x", record["shown"])
    a, next_a, other_a = context.some("a", record["shown"])
    r = context.some("r", record["shown"])[0]
    noise = pixels.noise_channel(np.random.default_rng(context.seed), 64)[..., 0]
    pictures = dict(zip(PICTURES, (x, later, noise, a, r, next_a, other_a), strict=True))
    figure = Figure(figsize=(13, 7.6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(5, 2), squeeze=False)[:, 0]
    first, second = top.subplots(1, 2, width_ratios=(4, 9))
    _learning_1(first, record, pictures)
    _learning_2(second, record, pictures)
    _inference(bottom.subplots(), record, pictures)
    return figure


def _learning_1(axis, record, pictures):
    places = {"x": (0.9, 3.6), "x'": (0.9, 1.4), "D_a": (2.7, 2.5)}
    _panel(axis, 4, 5, "learning I: which labels are the same?")
    for network, inputs in record["calls"]["learning I"]:
        for name in inputs:
            _arrow(axis, places, name, network)
    _boxes(axis, places, record, pictures)
    axis.text(2.7, 1.1, _losses(record, "learning I"), fontsize=8, ha="center", va="center")


def _learning_2(axis, record, pictures):
    places = {
        "x": (0.7, 2.6), "noise": (0.7, 1), "U_e": (2.4, 2.6), "a": (4, 2.6), "U_d": (5.6, 2.6), "r": (7.1, 2.6),
        "D_f": (4, 4.4), "D_a": (4, 0.7), "a_k'": (6, 0.9), "a_j'": (7.1, 0.9),
    }  # fmt: skip
    _panel(axis, 9.6, 5, "learning II: hide, reconstruct, look real; D_a is frozen")
    phases = [phase for phase in record["calls"] if phase != "learning I"]
    for network, inputs in (call for phase in phases for call in record["calls"][phase]):
        for name in inputs:
            _arrow(axis, places, name.removesuffix(", other draw"), network)
    for network, name in (("U_e", "a"), ("U_d", "r")):
        _arrow(axis, places, network, name)
    _boxes(axis, places, record, pictures)
    axis.text(7.75, 3.3, "\n".join(_losses(record, phase) for phase in phases), fontsize=8, va="bottom")


def _inference(axis, record, pictures):
    texts = {"frame:\nfind heads": (0.6, 1), "pasted; boxes\nhidden in pixels:\nthe public stream": (7, 1),
             "pasted:\nthe frame again": (12.6, 1)}  # fmt: skip
    places = {"x": (1.9, 1), "U_e": (3.6, 1), "a": (5.2, 1), "U_d": (9, 1), "r": (10.7, 1), **texts}
    _panel(axis, 13.6, 2, "inference: the public module, the public stream, the private module")
    from_left = sorted(places, key=lambda name: places[name][0])
    for name, following in pairwise(from_left):
        _arrow(axis, places, name, following)
    _boxes(axis, {name: place for name, place in places.items() if name not in texts}, record, pictures)
    for text, place in texts.items():
        axis.text(*place, text, fontsize=8, ha="center", va="center",
                  bbox={"facecolor": "#eeeeee", "edgecolor": "gray", "boxstyle": "round"})  # fmt: skip


def _boxes(axis, places, record, pictures):
    for name, place in places.items():
        if name in PICTURES:
            _picture(axis, place, pictures[name], name)
        else:
            _network(axis, place, name, record)


def _panel(axis, width, height, title):
    axis.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axis.axis("off")
    axis.set_title(title, fontsize=10)


def _picture(axis, place, picture, name):
    left, low = (middle - half for middle, half in zip(place, HALF, strict=True))
    extent = (left, left + 2 * HALF[0], low, low + 2 * HALF[1])
    axis.imshow(picture, extent=extent, interpolation="bicubic", cmap="gray", zorder=3)
    shape = "×".join(map(str, (*picture.shape, 1)[:3]))
    axis.text(place[0], low - 0.08, f"{name}, {shape}", fontsize=7, ha="center", va="top", zorder=4,
              bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})  # fmt: skip


def _network(axis, place, name, record):
    about = record["networks"][name]
    left, low = (middle - half for middle, half in zip(place, HALF_BOX, strict=True))
    axis.add_patch(FancyBboxPatch((left, low), 2 * HALF_BOX[0], 2 * HALF_BOX[1], zorder=3, facecolor=COLOURS[name],
                                  edgecolor="gray", boxstyle="round,pad=0,rounding_size=0.08"))  # fmt: skip
    shapes = " → ".join("×".join(map(str, about[side])) for side in ("input", "output"))
    text = f"{name}\n{shapes}\n{about['parameters'] / 1e6:.2f} M parameters"
    axis.text(*place, text, fontsize=7, ha="center", va="center", zorder=4)


def _arrow(axis, places, start, end):
    """From the edge of one box to the edge of the other."""
    ends = []
    for name, other in ((start, end), (end, start)):
        way = np.subtract(places[other], places[name])
        half = HALF if name in PICTURES else HALF_BOX
        with np.errstate(divide="ignore"):
            ends.append(places[name] + way * min(1, np.min(np.divide(half, np.abs(way)))))
    axis.annotate("", ends[1], ends[0], zorder=2, arrowprops={
        "arrowstyle": "-|>", "color": "dimgray", "shrinkA": 0, "shrinkB": 0, "linewidth": 1.2})  # fmt: skip


def _losses(record, phase):
    return "\n".join(TERMS[name] for name in record["terms"][phase] if name in TERMS)
