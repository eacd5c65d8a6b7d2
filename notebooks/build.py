"""Builds the notebooks: each `NN_name.py` (percent format, the source) -> `NN_name.ipynb`, run once, outputs kept.

    python -m notebooks.build                        # all of them; needs `pip install "uunet[notebooks]"`
    python -m notebooks.build 01_steganography       # some
    UUNET_RUN=full python -m notebooks.build         # read (default): minutes; smoke: tiny; full: everything again

One way only: what is changed in an .ipynb is lost. Every notebook gets the same two things in front, so that no source
repeats them: Colab's badge, and a cell that installs `uunet` on Colab and does nothing elsewhere.
"""

import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from uunet.atomic import new_file

FOLDER = Path(__file__).parent
REPOSITORY = None  # "owner/name" on GitHub, as soon as there is one: badges and Colab's installation follow
TIMEOUT = 3600  # seconds a cell may take

INSTALL = """\
import sys

if "google.colab" in sys.modules:  # on Colab (Python 3.13) only: anywhere else uunet is installed already
    %pip install --quiet --src /content --editable "git+https://github.com/{repository}#egg=uunet"
    sys.path.insert(0, "/content/uunet")  # with the sample heads and records beside it\
"""
NO_ADDRESS = """\
import sys

if "google.colab" in sys.modules:  # anywhere else uunet is installed already
    raise SystemExit("Upload a wheel of uunet (`pip wheel --no-deps .` makes it), %pip install it, delete this cell.")\
"""


def sources():
    """The percent files, by name: list of Path."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def convert(source, repository=None):
    """A percent file as a notebook without outputs: the same text gives the same notebook.

    Args:
        source: Path of the .py.
        repository: str "owner/name" on GitHub; None for a notebook without a badge.

    Returns:
        nbformat.NotebookNode.
    """
    notebook = jupytext.read(source)
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    install = (INSTALL if repository else NO_ADDRESS).format(repository=repository)
    notebook.cells.insert(1, nbformat.v4.new_code_cell(install))
    if repository:
        page = f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/{source.stem}.ipynb"
        badge = f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({page})"
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(badge))
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02d}", {}
    return notebook


def execute(notebook):
    """Runs all cells of a notebook in a fresh kernel and a temporary folder; its cells receive their outputs.

    What goes to stderr is left out: there libraries talk about the machine, and an error stops anyway.

    Raises:
        nbclient.exceptions.CellExecutionError: at the first cell that fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=TIMEOUT, iopub_timeout=60, raise_on_iopub_timeout=True, kernel_name="python3",
            record_timing=False, coalesce_streams=True, resources={"metadata": {"path": folder}},
        ).execute()  # fmt: skip
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"]}  # and not the version of this Python


def main(names):
    chosen = [source for source in sources() if not names or source.stem in names]
    unknown = set(names) - {source.stem for source in chosen}
    if unknown:
        sys.exit(f"There is no notebook {', '.join(sorted(unknown))} in {FOLDER.name}/: name one without its .py.")
    for source in chosen:
        notebook = convert(source, REPOSITORY)
        execute(notebook)
        target = source.with_suffix(".ipynb")
        with new_file(target, source, overwrite=True) as part:
            nbformat.write(notebook, part)
        print(f"{target.name}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
