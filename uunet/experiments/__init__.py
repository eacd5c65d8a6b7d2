"""The tables and figures of section IV, a module each: `compute` makes a record, `plot` a picture of it.

compute(context, report) -> dict of JSON values; how many heads and people were used is in each
plot(record, context) -> matplotlib Figure; pictures of heads come from the context, numbers from the record
USES: what a record depends on. Some of "data", "weights" and "elsewhere" (a second set, and weights trained on it).
    "training" means that it trains networks, which takes minutes. "larger" means that its set and weights have more
    than the 64 pixels of all others. Records of these two kinds are made only when they are named.
"""

from uunet.experiments import (
    degradation,
    failure_cases,
    fig02,
    fig03,
    fig04,
    fig05,
    fig06,
    fig07,
    fig08,
    fig09,
    fig10,
    fig11,
    fig12,
    fig13,
    fig14,
    fig15,
    table1,
    table3,
)

FIGURES = {  # what `uunet figure` calls them
    "table1": table1,
    "fig02": fig02,
    "fig03": fig03,
    "fig04": fig04,
    "fig05": fig05,
    "fig06": fig06,
    "fig07": fig07,
    "table3": table3,
    "fig08": fig08,
    "fig09": fig09,
    "fig10": fig10,
    "fig11": fig11,
    "fig12": fig12,
    "fig13": fig13,
    "fig14": fig14,
    "fig15": fig15,
    "damage": degradation,
    "errors": failure_cases,
}
