"""Notebooks: each .ipynb is what its .py builds and shows one clean run; each runs; only Colab installs anything."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

from notebooks import build

ROOT = Path(__file__).parents[1]
MACHINE_PATH = re.compile(r"/(?:home|root|Users|tmp|work|opt|usr|content)/|[A-Z]:\\")

LECTURES = [source for source in build.sources() if "import support" in source.read_text(encoding="utf-8")]

every = pytest.mark.parametrize("source", build.sources(), ids=lambda source: source.stem)


def built(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def outputs(source):
    return [output for cell in built(source).cells for output in cell.get("outputs", ())]


def test_no_notebook_without_its_source():
    assert build.sources()
    assert {path.stem for path in build.FOLDER.glob("*.ipynb")} == {source.stem for source in build.sources()}


@every
def test_the_pair_is_in_step(source):
    text, kept = build.convert(source, build.REPOSITORY), built(source)
    assert [(cell.id, cell.cell_type, cell.source) for cell in kept.cells] == [
        (cell.id, cell.cell_type, cell.source) for cell in text.cells
    ], f"run python -m notebooks.build {source.stem}"
    assert kept.metadata == text.metadata


@every
def test_outputs_are_of_one_clean_run(source):
    code = [cell for cell in built(source).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [output for output in outputs(source) if output.output_type == "error" or output.get("name") == "stderr"]
    assert any(kind.startswith("image/") for output in outputs(source) for kind in output.get("data", {}))


@every
def test_a_page_is_small_and_names_no_machine(source):
    assert source.with_suffix(".ipynb").stat().st_size < 1_000_000
    for output in outputs(source):
        texts = [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
        for text in [*texts, output.get("text", "")]:
            assert not MACHINE_PATH.search(text), text


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("UUNET_RUN", "smoke")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # this checkout, whatever is installed

    def run(notebook):
        build.execute(notebook)
        assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")

    return run


@pytest.mark.slow
@pytest.mark.parametrize("source", [source for source in build.sources() if source not in LECTURES],
                         ids=lambda source: source.stem)  # fmt: skip
def test_it_runs(source, run):
    run(build.convert(source, build.REPOSITORY))


@pytest.mark.slow
def test_those_of_figures_run_one_after_another(run):
    """Those of tables and figures share a kernel and what it has computed; names are forgotten in between."""
    whole = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "", "language": ""}})
    assert LECTURES
    for source in LECTURES:
        cells = build.convert(source, build.REPOSITORY).cells
        for cell in cells:
            cell.id = f"{source.stem}-{cell.id}"
        whole.cells += [*cells, nbformat.v4.new_code_cell("%reset -f")]
    run(whole)


@every
def test_colab_has_a_badge_and_an_installation(source):
    cells = build.convert(source, "somebody/uunet").cells
    page = f"https://colab.research.google.com/github/somebody/uunet/blob/main/notebooks/{source.stem}.ipynb"
    assert cells[0].source.endswith(f"]({page})")
    install = next(cell.source for cell in cells if cell.cell_type == "code")
    assert 'if "google.colab" in sys.modules:' in install and "git+https://github.com/somebody/uunet" in install
    assert [line for line in install.splitlines() if "%pip" in line and not line.startswith("    ")] == []


@every
def test_without_an_address_colab_says_what_to_do(source, monkeypatch):
    cells = build.convert(source).cells
    assert not [cell for cell in cells if "colab-badge" in cell.source]
    first = next(cell.source for cell in cells if cell.cell_type == "code")
    exec(first, {})
    monkeypatch.setitem(sys.modules, "google.colab", object())
    with pytest.raises(SystemExit, match="wheel"):
        exec(first, {})


def test_an_unknown_name_is_refused():
    with pytest.raises(SystemExit, match="99_nothing"):
        build.main(["99_nothing"])
