"""The paper's numbers beside ours: the results page, the last cell of each notebook, cards of weights, the pictures.

Ours are read from records.

    python -m uunet.experiments.report        # writes the tables in TEXTS, and GALLERY
"""

import json
import re
from pathlib import Path

from uunet.evaluation import evaluators, inputs, lineup, tables, verification
from uunet.experiments import FIGURES, comparison
from uunet.experiments.comparison import number

ROOT = Path(__file__).parents[2]
TEXTS = ROOT / "docs" / "results.md", ROOT / "weights" / "README.md"
FOLDER = ROOT / "docs" / "figures"  # where `uunet figure` writes
EVALUATION = ROOT / "docs" / "weights" / "twin-cctv.json"  # what `uunet evaluate` wrote
REAL = EVALUATION.with_stem("twin-cctv-lfw")  # the same, of real people
OPTIONS = {  # what a figure uses -> how it is named
    "data": " --data ...", "weights": " --weights ...", "elsewhere": " --other-data ... --other-weights ...",
    "training": "", "larger": "",
}  # fmt: skip
GALLERY = FOLDER / "README.md"
BEGIN, END = "<!-- python -m uunet.experiments.report writes what follows -->", "<!-- until here -->"
CARD = re.compile("(<!-- python -m uunet.experiments.report writes what (.+?) says -->\n).*?(" + END + ")", re.DOTALL)
SEEDS = re.compile(
    "(<!-- python -m uunet.experiments.report writes how far (.+?) is from (.+?) -->\n).*?(" + END + ")", re.DOTALL
)
LINEUP = re.compile(
    "(<!-- python -m uunet.experiments.report writes the line-up of (.+?) -->\n).*?(" + END + ")", re.DOTALL
)
PREDICTED = r"\1 predicted from x (reference: best score that the evaluator reaches), "
REQUESTED = r"\1 of a compared with the \1 that s requests (s = \2), \3"
RENAMED = {  # how a row is called in a record -> how it is printed
    r"x ↔ x' AUC \(the judge's own ceiling\)": "AUC of x ↔ x' (reference: best score that the recogniser reaches)",
    r"x ↔ a' AUC(.*)": r"AUC of x ↔ a'\1",
    r"x ↔ a of the same frame AUC.*": "AUC of x ↔ a of the same frame (background included)",
    r"r recognised as x: AUC r ↔ x' / x ↔ x'": comparison.RECOGNISED,
    r"the same after H.264 crf (\d+)": rf"{comparison.RECOGNISED}, after H.264 of crf \1",
    r"PSNR\(x, r\) after H.264 crf (\d+), (.*)": r"PSNR(x, r) after H.264 of crf \1, \2",
    r"sudden changes from frame to frame of (.), share":
        r"share of consecutive frames of \1 that a recogniser takes for two different people",
    r"sudden changes of a label from frame to frame of (.), share":
        r"share of consecutive frames of \1 whose predicted labels differ",
    r"(\w+) read from x \(the judge's own ceiling\), (.*)": PREDICTED + r"\2",
    r"(\w+) of a as s = (\S+) asks, (AUC|Pearson)": REQUESTED,
    r"(.*)t \(a before x is hidden in it\)(.*)": r"\1the twin output\2",
    r"(.*)a \(the hidden pattern included\)(.*)": r"\1a (embedded signal included)\2",
}  # fmt: skip
SAID = {"nobody": "not reported", "state it": "–"}  # the same of its goals
PAPER = "paper (three values: BIODI / MARS / P-DESTRE; two values: MARS / P-DESTRE)"
HEAD = ("", PAPER, "ours: rendered heads", "command")
NOTES = {  # under the table of a figure
    "fig06": "`uunet evaluate` gives slightly different AUCs, because its pairs differ. Here each two images are "
    "compared in one order, and there are up to 50,000 impostor pairs. `uunet evaluate` compares them in both orders, "
    "with up to 20,000 impostor pairs.",
    "fig13": "The four numbers, trained → tested: cctv → cctv / uav → uav / cctv → uav / uav → cctv.",
    "fig14": "Each row is a separate run of 80 training steps, from the same weights and with the same batches. U_e "
    "and U_d minimise the losses L, so a lower loss is better. A higher PSNR(x, a) means that a resembles x more.",
    "fig15": "The three numbers, trained → tested: 256 → 256 pixels / 64 → 64 pixels / 256 → 64 pixels. Sharpness is "
    "the power relative to x in the finest octave of the heads of 64 pixels.",
    "damage": "crf is the quality setting of H.264: a higher crf gives a smaller file and a lower quality. JPEG and "
    "H.264 are applied to ROIs of 64 pixels.",
    "errors": "A confidence measure does not need x: it estimates from a and r alone how good r is.",
}


def read(name: str) -> dict | None:
    """The committed record of a figure, dict, or None if there is none yet."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def table(name: str) -> str:
    """What the paper and we have of a figure: a markdown table and a note, or what makes its record."""
    record = read(name)
    if record is None:
        command = f"uunet figure {name}" + "".join(OPTIONS[used] for used in FIGURES[name].USES)
        return _markdown([(row.what, row.paper, "no record yet", command) for row in comparison.ROWS[name]])
    return "\n\n".join([_markdown(_cells(name, record)), *_note(name)])


def results() -> str:
    """The tables of the results page: all records of figures, then the card of the default weights."""
    records = {name: read(name) for name in comparison.ROWS}
    parts = [part for name, record in records.items() if record for part in _section(name, record)]
    missing = [name for name, record in records.items() if not record]
    if missing:
        parts.append(f"No record yet of {', '.join(missing)}: `uunet figure NAME` makes it.")
    rendered = json.loads(EVALUATION.read_text(encoding="utf-8"))
    parts += ["### Scorecard", card(rendered), "### Real people"]
    people = json.loads(REAL.read_text(encoding="utf-8")) if REAL.exists() else None
    return "\n\n".join([*parts, beside(rendered, people) if people else f"No record yet: {REAL.name}."])


def _section(name, record):
    """A figure on the results page: title, command, table and note."""
    rows = [cells[:-1] for cells in _cells(name, record)]
    head = ("", "paper", HEAD[2])
    command = f"`{record['provenance']['command']}`"
    return [f"### {_heading(name)}", command, tables.markdown(head, rows), *_note(name)]


def _note(name):
    return [NOTES[name]] if name in NOTES else []


def _heading(name: str) -> str:
    doc = FIGURES[name].__doc__
    assert doc is not None  # every figure has one
    return doc.splitlines()[0].rstrip(".")


def gallery() -> str:
    """All pictures, each under what it shows, the command that made it, and what that took."""
    parts = ["# Tables and figures", "Written from the records by `python -m uunet.experiments.report`."]
    for name in FIGURES:
        record = read(name)
        if record:
            made = record["provenance"]
            parts += [f"## {_heading(name)}", f"`{made['command']}`: {made['seconds']} s for this one on "
                      f"{made['device']} ([record]({name}.json))", f"![{name}]({name}.png)"]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def card(record: dict) -> str:
    """What `uunet evaluate` found of weights, in two tables: by each recogniser, and the rest."""
    rows, made = record["rows"], record["provenance"]
    recognisers = [judge for judge in record["judges"] if judge in evaluators.RECOGNISERS]
    parts = [
        f"`{made['command']}`: {inputs.counted(record['data'])}, s = {record['s']}. In brackets: 95 % interval over "
        f"people. ✗: the goal is not reached.{_learnt(record)}"
    ]
    by_title = {}
    for row in rows:
        if row["judge"] in recognisers:
            by_title.setdefault(_title(row), []).append(row)
    if recognisers:
        cells = []
        for title, of in by_title.items():
            goals = (" / ".join(dict.fromkeys(_said(row[key]) for row in of if _said(row[key]) != "–"))
                     for key in ("paper", "reach", "aim"))  # fmt: skip
            cells.append([title, *goals, *map(_measured, of)])
        parts.append(tables.markdown(("", "paper", "to reach", "aim", *recognisers), cells))
    keys = ("judge", "paper", "reach", "aim")
    rest = [[_title(row), *(_said(row[key]) for key in keys), _measured(row)]
            for row in rows if row["judge"] not in recognisers]  # fmt: skip
    parts.append(tables.markdown(("", "evaluator", "paper", "to reach", "aim", "ours"), rest))
    if "photographs" in record:
        parts.append(verification.markdown(record["photographs"]))
    return "\n\n".join(parts)


def _learnt(record):
    """What the evaluators that are trained here learnt from, where that was a sample."""
    about = record.get("train") or {}
    return f" The evaluators trained here learnt from {inputs.counted(about)}." if "of_heads" in about else ""


def beside(rendered: dict, people: dict) -> str:
    """The same weights on rendered heads and on real people, from two records: what both measured."""
    by = [judge for judge in people["judges"] if judge in evaluators.RECOGNISERS and judge in rendered["judges"]]
    before, now = ({(_title(row), row["judge"]): number(row["value"]) for row in record["rows"]}
                   for record in (rendered, people))  # fmt: skip
    both = [key for key in now if key in before]
    titles = dict.fromkeys(title for title, judge in both if judge in by)
    recognised = [
        [title, *(f"{before[title, judge]} → {now[title, judge]}" for judge in by if (title, judge) in both)]
        for title in titles
    ]
    rest = [(*key, f"{before[key]} → {now[key]}") for key in both if key[1] not in by and now[key] != number(None)]
    parts = [
        f"`{people['provenance']['command']}`: {inputs.counted(people['data'])}. Each cell shows the number on "
        f"rendered heads (the table above) → the number on real people.{_learnt(people)}",
        tables.markdown(("", *by), recognised),
        tables.markdown(("", "evaluator", "rendered heads → real people"), rest),
    ]
    if "photographs" in people:
        parts.append(verification.markdown(people["photographs"]))
    return "\n\n".join(parts)


def seeds(again: dict, first: dict) -> str:
    """How far weights of another seed are from the first: a table of what should be reached, from two records."""
    before = {(_title(row), row["judge"]): row["value"] for row in first["rows"]}
    cells = []
    for row in again["rows"]:
        old, new = before.get((_title(row), row["judge"])), row["value"]
        if row["reach"][0] in "≤≥" and None not in (old, new):
            cells.append((_title(row), row["judge"], row["reach"], f"{old:.3f}", f"{new:.3f}", f"{new - old:+.3f}"))
    head = ("", "evaluator", "to reach", "first seed", "another", "difference")
    return f"`{again['provenance']['command']}`\n\n{tables.markdown(head, cells)}"


def _title(row):
    """The title of a row as it is printed; records keep the one they were written with."""
    for old, new in RENAMED.items():
        if found := re.fullmatch(old, row["title"]):
            return found.expand(new)
    return row["title"]


def _said(goal):
    return SAID.get(goal, goal)


def _measured(row):
    if row["value"] is None:
        return row.get("why", "not measurable")
    sign, _, goal = row["reach"].partition(" ")
    missed = sign == "≤" and row["value"] > float(goal) or sign == "≥" and row["value"] < float(goal)
    return "{:.3f} ({:.3f} to {:.3f})".format(row["value"], *row["interval"]) + (" ✗" if missed else "")


def _cells(name, record):
    return [(row.what, row.paper, row.ours(record), record["provenance"]["command"]) for row in comparison.ROWS[name]]


def _markdown(cells):
    """A table; a command that is that of the row above is not repeated."""
    before = [None, *(row[-1] for row in cells)]
    rows = [
        [*row[:-1], "as above" if row[-1] == last else f"`{row[-1]}`"] for row, last in zip(cells, before, strict=False)
    ]
    return tables.markdown(HEAD, rows)


def written(text: str) -> str:
    """One of TEXTS with its tables as the records have them now."""
    if BEGIN in text:
        before, rest = text.split(BEGIN)
        text = f"{before}{BEGIN}\n\n{results()}\n\n{END}{rest.split(END)[1]}"

    def record(path):
        return json.loads((ROOT / path).read_text(encoding="utf-8"))

    def card_of(path):
        return card(record(path)) if (ROOT / path).exists() else f"No record yet: {path}."

    text = LINEUP.sub(lambda found: f"{found[1]}\n{lineup.markdown(record(found[2]))}\n\n{found[3]}", text)
    text = CARD.sub(lambda found: f"{found[1]}\n{card_of(found[2])}\n\n{found[3]}", text)
    return SEEDS.sub(lambda found: f"{found[1]}\n{seeds(*map(record, found.group(2, 3)))}\n\n{found[4]}", text)


if __name__ == "__main__":
    GALLERY.write_text(gallery(), encoding="utf-8")
    for path in TEXTS:
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
