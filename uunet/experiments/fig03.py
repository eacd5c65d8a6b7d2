"""Fig. 3: the role of s: one head, as different s have it replaced, by one U_e that chooses by s."""

from matplotlib.figure import Figure

from uunet.evaluation.inputs import Report
from uunet.experiments import sheets
from uunet.experiments.context import Context

USES = ("data", "weights")
PEOPLE = 6
GRID = ((-1, 1, 1, 1), (-1, -1, 1, 1), (-1, 1, -1, 1), (-1, 1, 1, -1), (-1, 0, 0, 0), (-1, -1, -1, -1))


def compute(context: Context, report: Report) -> dict:
    """Heads to show, one of each of the first PEOPLE people, and the s they are shown for.

    Returns:
        dict `shown`: indices of heads; `s`: list of s, in the order of `labels.LABELS`.

    Raises:
        WeightsError: if U_e does not follow s.
    """
    for done, s in enumerate(GRID, start=1):
        context.following(s, [0])
        report("s", done, len(GRID))
    shown = [int(sequences[0][0]) for sequences in sheets.people(context.heads, PEOPLE)]
    return {"shown": shown, "s": [list(s) for s in GRID]}


def plot(record: dict, context: Context) -> Figure:
    """One row per person: x, then a for each s."""
    shown = record["shown"]
    columns = [context.some("x", shown), *(context.following(tuple(s), shown) for s in record["s"])]
    titles = ["x", *("ID {:+d}, gender {:+d}\nethnicity {:+d}, hair {:+d}".format(*s) for s in record["s"])]
    figure = Figure(figsize=(1.3 * len(columns), 1.25 * len(shown) + 0.6), layout="constrained")
    rows = figure.subplots(len(shown), len(columns), squeeze=False)
    for k, axes in enumerate(rows):
        sheets.show(axes, [column[k] for column in columns], [] if k else titles)
    return figure
