"""Table I: the architectures, layer by layer, with parameters and FLOPs; U-Nets in both shapes."""

import keras
from matplotlib.figure import Figure

from uunet import models
from uunet.evaluation.inputs import Report
from uunet.experiments.context import Context
from uunet.models import cost

USES = ()
SHORT = {
    "InputLayer": "Input", "Conv2D": "Convolution", "Conv2DTranspose": "Up-convolution", "Concatenate": "Skip",
    "BatchNormalization": "Batch norm.", "MaxPooling2D": "Max-pooling", "Activation": "Sigmoid",
}  # fmt: skip
NETWORKS = {
    "D_a": lambda: models.attribute_classifier(),
    "U_e, [44]": lambda: models.unet(4),
    "U_d, [44]": lambda: models.unet(3),
    "U_e, published code": lambda: models.unet(4, shape="pix2pix", normalization="batch", dropout=0.5),
    "U_d, published code": lambda: models.unet(3, shape="pix2pix", normalization="batch", dropout=0.5),
    "D_f": lambda: models.patch_critic(),
}


def compute(context: Context, report: Report) -> dict:
    """The layers of each network with their output shapes, parameters and FLOPs.

    Returns:
        dict `networks`: name -> `input`, `parameters`, `flops` of one head, and `layers`, a list of [kind, settings,
        shape, parameters].
    """
    networks = {}
    for done, (name, build) in enumerate(NETWORKS.items(), start=1):
        model = build()
        networks[name] = {
            "input": list(model.input_shape[1:]),
            "parameters": model.count_params(),
            "flops": cost.flops(model),
            "layers": [
                [type(layer).__name__, _settings(layer), list(layer.output.shape[1:]), layer.count_params()]
                for layer in model.layers
            ],
        }
        report("networks", done, len(NETWORKS))
    return {"networks": networks}


def _settings(layer):
    """As Table I writes them: nk, ks, st; mm."""
    if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
        return f"nk: {layer.filters}, ks: {'×'.join(map(str, layer.kernel_size))}, st: {layer.strides[0]}"
    if isinstance(layer, keras.layers.BatchNormalization):
        return f"mm: {layer.momentum}"
    if isinstance(layer, keras.layers.Dense):
        return f"{layer.units}"
    if isinstance(layer, keras.layers.Dropout):
        return f"{layer.rate}"
    return ""


def plot(record: dict, context: Context) -> Figure:
    """One column per kind of network, as in Table I; U_d, which differs from U_e in its input alone, by its numbers."""
    networks = record["networks"]
    columns = (["D_a", "D_f"], ["U_e, [44]", "U_d, [44]"], ["U_e, published code", "U_d, published code"])
    texts = ["\n\n".join(_text(name, networks[name], layers=name[:3] != "U_d") for name in names) for names in columns]
    longest = max(text.count("\n") for text in texts)
    figure = Figure(figsize=(11, 0.5 + 0.107 * longest), layout="constrained")
    for axis, text in zip(figure.subplots(1, len(columns)), texts, strict=True):
        axis.text(0, 1, text, va="top", family="monospace", fontsize=6.5)
        axis.axis("off")
    return figure


def _text(name, network, layers):
    lines = [f"{name}", f"{network['parameters'] / 1e6:.2f} M parameters, {network['flops'] / 1e9:.2f} GFLOPs"]
    shown = network["layers"] if layers else network["layers"][:1]
    lines += [f"{SHORT.get(kind, kind):<17}{settings:<26}{'×'.join(map(str, shape)):>11}"
              for kind, settings, shape, _ in shown]  # fmt: skip
    return "\n".join(lines if layers else [*lines, "the rest as U_e"])
