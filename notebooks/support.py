"""What the notebooks of the paper's tables and figures share: how much is run, on which heads, and a figure's picture.

Heads are of the committed sample: rendered people whom no training has seen.
"""

import io
import logging
import os
import tempfile
from functools import cache
from pathlib import Path

from IPython import get_ipython
from IPython.display import Image, Markdown
from PIL import Image as Pillow

from uunet.config import DEFAULT_WEIGHTS
from uunet.experiments import FIGURES, report, runner
from uunet.experiments.context import Context

RUN = os.environ.get("UUNET_RUN", "read")  # read, smoke or full
WEIGHTS = DEFAULT_WEIGHTS
SAMPLE = Path("data_prep/sample")
DATA = Path("heads/cctv")  # full: python -m data_prep.synthetic --domain cctv --preset full --out heads/cctv
OTHER_WEIGHTS = "twin-uav"  # for what crosses sets (Fig. 13), with the set OTHER
OTHER = Path("heads/uav")  # full: as DATA, of --domain uav
LARGE, LARGE_WEIGHTS = Path("heads/hd"), "twin-hd"  # for Fig. 15; full: made as weights/README.md says
SMALL_WEIGHTS = "twin-uav"  # beside them, with the set OTHER
WIDTH = 1100  # pixels, of a picture on a page

logging.getLogger("tensorflow").setLevel("ERROR")  # not its advice on how it is called
os.chdir(report.ROOT)  # captions name files by their places in the repository
shell = get_ipython()
shell.run_line_magic("matplotlib", "inline")  # the experiments draw into files
shell.run_line_magic("config", "InlineBackend.figure_formats = ['jpeg']")  # photographs: a tenth of the size of PNG
shell.run_line_magic("config", "InlineBackend.rc = {'figure.dpi': 90, 'figure.constrained_layout.use': True}")


@cache
def sample():
    """experiments.Context of two of the sample's people, of two sequences of four heads each."""
    return Context(SAMPLE / "cctv", WEIGHTS, elsewhere=Context(SAMPLE / "uav", OTHER_WEIGHTS))


@cache
def large_sample():
    """The same of the sample's large heads, for Fig. 15."""
    return Context(SAMPLE / "hd", LARGE_WEIGHTS, elsewhere=Context(SAMPLE / "uav", SMALL_WEIGHTS))


def figure(name):
    """The committed picture of a figure; where there is none yet, and in smoke mode, one of the sample.

    With UUNET_RUN=full, record and picture are made anew of DATA and WEIGHTS. What trains networks for minutes is only
    ever shown: `uunet figure NAME` makes it.
    """
    folder = report.FOLDER
    trains, large = (use in FIGURES[name].USES for use in ("training", "larger"))
    if trains and not (folder / f"{name}.png").exists():
        return Markdown(f"There is no picture yet: `uunet figure {name}` makes it.")
    if RUN == "full" and not trains:
        sets = (LARGE, LARGE_WEIGHTS, SMALL_WEIGHTS) if large else (DATA, WEIGHTS, OTHER_WEIGHTS)
        runner.make(name, Context(*sets[:2], elsewhere=Context(OTHER, sets[2])), folder, overwrite=True)
    elif not trains and (RUN == "smoke" or not (folder / f"{name}.png").exists()):
        folder = Path(tempfile.mkdtemp())
        runner.make(name, large_sample() if large else sample(), folder)
    with Pillow.open(folder / f"{name}.png") as picture:
        small = picture.convert("RGB").resize((WIDTH, round(WIDTH * picture.height / picture.width)))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=85)
    return Image(file.getvalue())


def table(name):
    """Paper, ours (from the committed record) and the command, on the page."""
    return Markdown(report.table(name))
