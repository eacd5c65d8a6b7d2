"""The tables and figures of section IV, a module each: `compute` makes a record, `draw` a picture of it.

compute(material, report) -> dict of JSON values; how many of what were used is in each
draw(record, material) -> matplotlib Figure; pictures of heads come from the material, numbers from the record
USES: what a record depends on, some of "data", "weights", "elsewhere" (a second set and weights learned on it) and
    "training" (networks that it trains: minutes, so that it is made only when named); "larger" is said by what is
    of a set and weights of more than the 64 pixels of all others, and made only when named, too
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
