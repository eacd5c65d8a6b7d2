"""The paper map, the glossary and REPRODUCTION.md name real symbols and tests, and leave nothing of the paper out."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAPER_MAP = (ROOT / "docs/paper-map.md").read_text()
GLOSSARY = (ROOT / "docs/glossary.md").read_text()
REPRODUCTION = (ROOT / "REPRODUCTION.md").read_text()


def paper_map():
    """{"Eq. 1": [what, symbol cell, test cell, notebook cell]} from the table of docs/paper-map.md."""
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in PAPER_MAP.splitlines() if line.startswith("|")]
    return {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows[2:]}


def in_backticks(cell):
    return re.findall(r"`([^`]+)`", cell)


def resolve(symbol):
    """`uunet.a.b.c` -> the object, whichever part of it is a module."""
    parts = symbol.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = getattr(found, name)
        return found
    raise AssertionError(f"{symbol} does not exist")


def assert_test_exists(reference):
    path, _, name = reference.partition("::")
    assert (ROOT / path).is_file(), f"{reference}: no such file"
    if name:
        functions = {
            node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.FunctionDef)
        }
        assert name in functions, f"{reference}: no such test"


EQUATIONS = [f"Eq. {k}" for k in range(1, 15)]
TABLES = ["Table I", "Table II", "Table III"]
FIGURES = [f"Fig. {k}" for k in range(1, 16)]


def test_nothing_of_the_paper_is_left_out():
    assert set(paper_map()) >= {*EQUATIONS, *TABLES, *FIGURES, "ROI message"}


@pytest.mark.parametrize("row", [*EQUATIONS, *TABLES, "ROI message"])
def test_equations_and_tables_have_symbols_and_tests(row):
    _, symbols, tests, _ = paper_map()[row]
    assert in_backticks(symbols) and in_backticks(tests)


@pytest.mark.parametrize("row", paper_map())
def test_every_symbol_and_test_exists(row):
    _, symbols, tests, notebook = paper_map()[row]
    for symbol in in_backticks(symbols):
        assert resolve(symbol) is not None
    for reference in in_backticks(tests):
        assert_test_exists(reference)
    for path in in_backticks(notebook):
        assert (ROOT / path).is_file()
    if not in_backticks(symbols):
        assert symbols == "planned" and row in FIGURES


def test_the_glossary_names_real_symbols():
    symbols = [name for name in in_backticks(GLOSSARY) if re.fullmatch(r"(uunet|data_prep)\.[\w.]+", name)]
    assert len(symbols) > 30
    for symbol in symbols:
        assert resolve(symbol) is not None


@pytest.mark.parametrize("term", ["x", "a", "r", "s", "U_e", "U_d", "D_a", "D_f", "ROI", "paired target (twin)"])
def test_the_glossary_defines(term):
    assert f"\n| {term} | " in GLOSSARY


def test_reproduction_names_real_tests():
    rows = [line for line in REPRODUCTION.splitlines() if re.match(r"\| (\d+|`tfa)", line)]
    assert len(rows) >= 32
    for row in rows:
        references = [name for name in in_backticks(row) if name.startswith("tests/")]
        assert references or row.endswith("| planned |"), f"no test pins: {row[:80]}"
        for reference in references:
            assert_test_exists(reference)


def test_the_papers_confidence_drops():
    """Row 6: the percentages of section IV-B do not follow from its own means."""
    means = {"BIODI": (0.954, 0.931), "MARS": (0.968, 0.930), "P-DESTRE": (0.918, 0.877)}
    drops = [round(100 * (x - a) / x, 1) for x, a in means.values()]
    assert drops == [2.4, 3.9, 4.5] and drops != [2.11, 3.22, 4.40]
