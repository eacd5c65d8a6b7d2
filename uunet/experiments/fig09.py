"""Fig. 9: heads whose soft labels are kept ('All Equal') against the same whose are changed ('All Different')."""

from matplotlib.figure import Figure

from uunet.evaluation.inputs import Report
from uunet.experiments import sheets
from uunet.experiments.context import SETTINGS, Context

USES = ("data", "weights")
ROWS, COLUMNS = 4, 3  # of pairs x, a per setting


def compute(context: Context, report: Report) -> dict:
    """Heads to show, one of each of the first people.

    The paper trained once per setting; here one U_e follows either s.

    Returns:
        dict `shown`: indices of heads; `s`: setting -> s, in the order of `labels.LABELS`.

    Raises:
        WeightsError: if U_e does not follow s.
    """
    for done, s in enumerate(SETTINGS.values(), start=1):
        context.following(s, [0])
        report("settings", done, len(SETTINGS))
    shown = [int(sequences[0][0]) for sequences in sheets.people(context.heads, ROWS * COLUMNS)]
    return {"shown": shown, "s": {name: list(s) for name, s in SETTINGS.items()}}


def plot(record: dict, context: Context) -> Figure:
    """Left: pairs x, a of 'All Equal'; right: the same heads for 'All Different'."""
    shown = record["shown"]
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, rows + 0.8), layout="constrained")
    x = context.some("x", shown)
    parts = figure.subfigures(1, 2, wspace=0.03, squeeze=False)[0]
    for part, (name, s) in zip(parts, record["s"].items(), strict=True):
        a = context.following(tuple(s), shown)
        part.suptitle(f"{name}, s = {', '.join(map(str, s))}: pairs of x and a", fontsize=9)
        pictures = [picture for pair in zip(x, a, strict=True) for picture in pair]
        sheets.show(part.subplots(rows, 2 * COLUMNS, squeeze=False).ravel(), pictures)
    return figure
