"""Fig. 9: heads whose soft labels are kept ('All Equal') against the same whose are changed ('All Different')."""

from matplotlib.figure import Figure

from uunet.experiments import sheets
from uunet.experiments.context import SETTINGS

USES = ("data", "weights")
ROWS, COLUMNS = 4, 3  # of pairs x, a, a setting


def compute(material, report):
    """Heads to show, one of each of the first people.

    The paper learned once a setting; here one U_e that chooses by s is told either.

    Returns:
        dict `shown`: indices of heads; `s`: setting -> s, in the order of `labels.LABELS`.

    Raises:
        WeightsError: if U_e does not choose by s.
    """
    for done, s in enumerate(SETTINGS.values(), start=1):
        material.following(s, [0])
        report("settings", done, len(SETTINGS))
    shown = [int(sequences[0][0]) for sequences in sheets.people(material.heads, ROWS * COLUMNS)]
    return {"shown": shown, "s": {name: list(s) for name, s in SETTINGS.items()}}


def draw(record, material):
    """Left: pairs x, a of 'All Equal'; right: the same heads for 'All Different'."""
    shown = record["shown"]
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, rows + 0.8), layout="constrained")
    x = material.some("x", shown)
    for part, (name, s) in zip(figure.subfigures(1, 2, wspace=0.03), record["s"].items(), strict=True):
        a = material.following(tuple(s), shown)
        part.suptitle(f"{name}, s = {', '.join(map(str, s))}: pairs of x and a", fontsize=9)
        pictures = [picture for pair in zip(x, a, strict=True) for picture in pair]
        sheets.show(part.subplots(rows, 2 * COLUMNS, squeeze=False).ravel(), pictures)
    return figure
