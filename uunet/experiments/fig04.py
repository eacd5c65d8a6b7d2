"""Fig. 4: what the heads of a data set look like, and who they are."""

import numpy as np
from matplotlib.figure import Figure

from uunet.evaluation.inputs import Report
from uunet.experiments import sheets
from uunet.experiments.context import Context
from uunet.labels import UNKNOWN_CODE, VALUES

USES = ("data",)
ROWS, COLUMNS = 4, 12


def compute(context: Context, report: Report) -> dict:
    """Heads to show, and how many there are of each label.

    Returns:
        dict `shown`: indices of heads, of as many people as there is room for, at most 48; `labels`: label ->
        value -> number of heads; `frames`: [least, median, most] in a sequence.
    """
    heads = context.heads
    order = [
        sequence
        for turn in range(ROWS * COLUMNS)
        for subject in heads.by_subject.values()
        for sequence in subject[turn : turn + 1]
    ]  # everybody's first sequence, then everybody's second, ...
    labels = {}
    for k, (label, values) in enumerate(VALUES.items(), start=1):
        codes = heads.labels[:, k]
        labels[label] = {value: int(np.sum(codes == code)) for code, value in enumerate(values)}
        labels[label]["unknown"] = int(np.sum(codes == UNKNOWN_CODE))
    lengths = np.unique(heads.sequences, return_counts=True)[1]
    return {
        "shown": [int(sequence[len(sequence) // 2]) for sequence in order[: ROWS * COLUMNS]],
        "labels": labels,
        "frames": [int(lengths.min()), float(np.median(lengths)), int(lengths.max())],
    }


def plot(record: dict, context: Context) -> Figure:
    """A sheet of heads, the number of each label under it."""
    shown = record["shown"]
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * 0.8, rows * 0.8 + 0.9), layout="constrained")
    sheets.show(figure.subplots(rows, COLUMNS, squeeze=False).ravel(), context.heads.images[shown])
    counts = [f"{label}: " + ", ".join(f"{count} {value}" for value, count in values.items() if count)
              for label, values in record["labels"].items()]  # fmt: skip
    about = f"{len(shown)} of {len(context.heads.images)} heads"
    figure.supxlabel("\n".join([about, *counts]), fontsize=7)
    return figure
