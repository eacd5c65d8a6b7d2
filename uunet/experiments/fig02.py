"""Fig. 2: both learning phases and inference, as the objectives and networks themselves have it."""

from types import SimpleNamespace

import numpy as np
from keras import ops
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from uunet import models, pixels
from uunet.config import PAPER
from uunet.experiments.material import ExperimentError
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
COLOURS = {"U_e": "#cfe3f7", "U_d": "#d5efd2", "D_a": "#fbe3c0", "D_f": "#f6d0d0"}


def compute(material, report):
    """What the four networks are, and who is shown what: found by running each objective on pictures it can be told by.

    Returns:
        dict `networks`: name -> `input`, `output` (shapes without the batch) and `parameters`, U_e and U_d of the
        weights, D_a and D_f of Table I and [25]; `calls`: objective -> list of [network, [names of its inputs]];
        `terms`: objective -> names of the losses it logs; `shown`: indices of heads: x, the next frame, another
        sequence.

    Raises:
        ExperimentError: if nobody has two sequences and two frames in one of them.
    """
    net = material.networks[0]
    built = {"D_a": models.attribute_classifier(), "D_f": models.patch_critic(), "U_e": net.encoder, "U_d": net.decoder}
    networks = {
        name: {"input": list(model.input_shape[1:]), "output": _shape(model), "parameters": model.count_params()}
        for name, model in built.items()
    }
    calls, terms = traced()
    people = material.heads.by_subject.values()
    shown = next(([*one[:2], other[0]] for one, other, *_ in filter(_is_enough, people)), None)
    if shown is None:
        raise ExperimentError("Fig. 2 shows somebody in two sequences, two frames of one: name a larger set (--data).")
    return {"networks": networks, "calls": calls, "terms": terms, "shown": [int(k) for k in shown]}


def _is_enough(sequences):
    return len(sequences) > 1 and len(sequences[0]) > 1


def _shape(model):
    return list(model.output_shape[1:])


def traced():
    """Runs the three objectives with stand-ins for the networks, which note what they are given.

    Returns:
        calls, terms: see `compute`.
    """
    config = SimpleNamespace(**{name: getattr(PAPER.adversarial, name) for name in (
        "s", "weights", "histogram_bins", "penalty", "delta_gp", "penalty_weight")}, subjects=2, sequences=2, frames=2)
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
        encoder=stand_in("U_e", a, 3), decoder=stand_in("U_d", r), classifier=stand_in("D_a", agreement, 3),
        critic=stand_in("D_f", np.zeros((8, 1, 1, 1), np.float32)),
    )
    batch = {"x": x, "x_prime": partner, "b": agreement, "noise": noise,
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


def draw(record, material):
    """Learning I at left, learning II at right, inference below: boxes are networks, arrows what they are shown."""
    x, _, _ = material.some("x", record["shown"])
    a, next_a, other_a = material.some("a", record["shown"])
    r = material.some("r", record["shown"])[0]
    later = material.some("x", record["shown"][2:])[0]
    noise = pixels.noise_channel(np.random.default_rng(material.seed), 64)[..., 0]
    pictures = {"x": x, "x'": later, "noise": noise, "a": a, "r": r, "a_k'": next_a, "a_j'": other_a}
    figure = Figure(figsize=(13, 7.6), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=(5, 2))
    first, second = top.subplots(1, 2, width_ratios=(4, 9))
    _learning_1(first, record, pictures)
    _learning_2(second, record, pictures)
    _inference(bottom.subplots(), record, pictures)
    return figure


def _learning_1(axis, record, pictures):
    places = {"x": (0.9, 3.6), "x'": (0.9, 1.4), "D_a": (2.7, 2.5)}
    _panel(axis, 4, 5, "learning I: which labels are the same?")
    for name in ("x", "x'"):
        _picture(axis, places[name], pictures[name], name)
    _network(axis, places["D_a"], "D_a", record)
    for network, inputs in record["calls"]["learning I"]:
        for name in inputs:
            _arrow(axis, places[name], places[network], COLOURS[network])
    axis.text(2.7, 1.1, _losses(record, "learning I"), fontsize=8, ha="center", va="center")


def _learning_2(axis, record, pictures):
    places = {
        "x": (0.7, 2.6), "noise": (0.7, 1), "U_e": (2.4, 2.6), "a": (4, 2.6), "U_d": (5.6, 2.6), "r": (7.1, 2.6),
        "D_f": (4, 4.4), "D_a": (4, 0.7), "a_k'": (6, 1), "a_j'": (7.1, 1),
    }  # fmt: skip
    _panel(axis, 9.6, 5, "learning II: hide, reconstruct, look real; D_a is frozen")
    calls = [call for phase, made in record["calls"].items() if phase != "learning I" for call in made]
    for network, inputs in calls:
        for name in inputs:
            _arrow(axis, places[name.removesuffix(", other draw")], places[network], COLOURS[network])
    for network, name in (("U_e", "a"), ("U_d", "r")):
        _arrow(axis, places[network], places[name], COLOURS[network])
    for name, place in places.items():
        if name in pictures:
            _picture(axis, place, pictures[name], name)
        else:
            _network(axis, place, name, record)
    phases = [phase for phase in record["terms"] if phase != "learning I"]
    axis.text(7.75, 3.3, "\n".join(_losses(record, phase) for phase in phases), fontsize=8, va="bottom")


def _inference(axis, record, pictures):
    places = {"x": (1.9, 1), "U_e": (3.6, 1), "a": (5.2, 1), "U_d": (9, 1), "r": (10.7, 1)}
    _panel(axis, 13.6, 2, "inference: the public module, the public stream, the private module")
    for start, end in (((0.9, 1), (1.9, 1)), ((1.9, 1), (3.6, 1)), ((3.6, 1), (5.2, 1)), ((5.2, 1), (6.9, 1)),
                       ((6.9, 1), (9, 1)), ((9, 1), (10.7, 1)), ((10.7, 1), (12.3, 1))):  # fmt: skip
        _arrow(axis, start, end, "#d0d0d0")
    for name, place in places.items():
        if name in pictures:
            _picture(axis, place, pictures[name], name)
        else:
            _network(axis, place, name, record)
    for place, text in ((0.6, "frame:\nfind heads"), (7, "pasted; boxes\nhidden in pixels:\nthe public stream"),
                        (12.6, "pasted:\nthe frame again")):  # fmt: skip
        axis.text(place, 1, text, fontsize=8, ha="center", va="center",
                  bbox={"facecolor": "#eeeeee", "edgecolor": "gray", "boxstyle": "round"})  # fmt: skip


def _panel(axis, width, height, title):
    axis.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axis.axis("off")
    axis.set_title(title, fontsize=10)


def _picture(axis, place, picture, name, side=0.9):
    left, low = place[0] - side / 2, place[1] - side / 2
    axis.imshow(picture, extent=(left, left + side, low, low + side), interpolation="bicubic", cmap="gray", zorder=3)
    shape = "×".join(map(str, (*picture.shape, 1)[:3]))
    axis.text(place[0], low - 0.05, f"{name}, {shape}", fontsize=7, ha="center", va="top", zorder=4)


def _network(axis, place, name, record, width=1.5, height=0.95):
    about = record["networks"][name]
    left, low = place[0] - width / 2, place[1] - height / 2
    axis.add_patch(FancyBboxPatch((left, low), width, height, boxstyle="round,pad=0,rounding_size=0.08", zorder=3,
                                  facecolor=COLOURS[name], edgecolor="gray"))  # fmt: skip
    shapes = " → ".join("×".join(map(str, about[side])) for side in ("input", "output"))
    text = f"{name}\n{shapes}\n{about['parameters'] / 1e6:.2f} M parameters"
    axis.text(*place, text, fontsize=7, ha="center", va="center", zorder=4)


def _arrow(axis, start, end, colour):
    axis.annotate("", end, start, zorder=2, arrowprops={
        "arrowstyle": "-|>", "color": "gray", "shrinkA": 16, "shrinkB": 26, "linewidth": 1.2})  # fmt: skip


def _losses(record, phase):
    return "\n".join(TERMS[name] for name in record["terms"][phase] if name in TERMS)
