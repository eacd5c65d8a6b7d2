"""Two sets, two weights: all four ways in closed form; what is said where one of them is missing."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.experiments.test_experiments import SAMPLE, choosing, compute, context, on_a_line  # noqa: F401
from tests.experiments.test_figure_command import figure, quick, refused, unchanged  # noqa: F401
from uunet.evaluation import resampling
from uunet.evaluation.alignment import Faces
from uunet.experiments import FIGURES, fig13, runner
from uunet.experiments.context import Context


def crossed(place, **versions):
    made = context(place, **versions)
    for name in ("x", "a"):
        made.kept["faces", name] = Faces(found=np.arange(18) % 6 < (6 if name == "x" else 3), **dict.fromkeys(
            set(Faces.__dataclass_fields__) - {"found"}))  # fmt: skip
    return made


@pytest.fixture
def four(rng, monkeypatch):
    """At home every a is somebody else; elsewhere nobody is hidden, and r is 51 levels off."""
    monkeypatch.setattr(resampling, "DRAWS", 20)
    x = on_a_line(rng)
    others = dict.fromkeys(("x", "r", "a'", "r'"), x)
    images = context().heads.images
    wrong = np.where(images < 128, images + 51, images - 51).astype(np.uint8)
    home = [crossed(others | {"a": np.roll(x, 6, axis=0)}) for _ in range(2)]
    abroad = [crossed(others | {"a": x}, r=wrong) for _ in range(2)]
    monkeypatch.setattr(fig13, "crossings", lambda context: iter([*home, *abroad]))
    return home[0]


def test_figure_13_of_weights_that_hide_at_home_only(four):
    """The four settings in order, and what is measured of each."""
    record = compute(fig13, four)
    title = "face recognition, x ↔ a'"
    d = [setting["environments"][title][0]["d"] for setting in record["settings"]]
    assert max(d[:2]) < 0 < 2 < min(d[2:])
    assert [setting["environments"][title][1]["auc"] for setting in record["settings"]][2:] == [1, 1]
    psnr = [setting["psnr"]["value"] for setting in record["settings"]]
    assert psnr[:2] == pytest.approx([10 * np.log10(255**2 * 12)] * 2)
    assert psnr[2:] == pytest.approx([20 * np.log10(255 / 51)] * 2)
    assert [setting["found"]["value"] for setting in record["settings"]] == [0.5] * 4
    assert record["settings"][0]["environments"]["temporal consistency, a_t ↔ a_t+k"][0]["genuine"] == 18
    axes = fig13.plot(record, four).axes
    assert axes[0].get_title() == title and len(axes) == 2 * 4 + 2 * 3 * 5


def test_by_other_weights_the_heads_stay():
    made = context()
    made.__dict__["recogniser"] = "trained"
    other = made.by("others")
    assert other.weights == "others" and other.heads is made.heads and other.recogniser == "trained"
    assert other.judged("own", "x") is made.judged("own", "x") and ("own", "a") not in other.kept
    here, there, into_there, into_here = fig13.crossings(Context("m", "of m", elsewhere=Context("p", "of p")))
    ways = [(some.weights, some.folder) for some in (here, there, into_there, into_here)]
    assert ways == [("of m", "m"), ("of p", "p"), ("of m", "p"), ("of p", "m")]


@pytest.mark.slow
def test_without_a_second_set(unchanged, tmp_path, monkeypatch):  # noqa: F811
    """Named, it is refused in a sentence; with --all it is left out, and that is said; with one it is made."""
    options = ("--data", SAMPLE, "--weights", unchanged, "--out", tmp_path / "figures")
    assert "needs a second set, and weights trained on it: name both" in refused("fig13", *options)
    assert "Name --other-data and --other-weights" in refused("fig13", *options, "--other-weights", unchanged)
    monkeypatch.setattr("uunet.experiments.FIGURES", {"table1": FIGURES["table1"], "fig13": fig13})
    monkeypatch.setattr(runner, "FIGURES", {"table1": FIGURES["table1"], "fig13": fig13})
    assert list(runner.left_out(Context(SAMPLE))) == ["fig13"]
    assert "written" in figure("--all", *options)
    assert [path.stem for path in sorted((tmp_path / "figures").glob("*.json"))] == ["table1"]
    monkeypatch.setattr(fig13, "compute", lambda context, report: {"settings": []})
    monkeypatch.setattr(fig13, "plot", lambda record, context: Figure())
    both = (*options, "--other-data", SAMPLE.parent / "uav", "--other-weights", unchanged)
    assert figure("--all", *both).count("written") == 1
    record = json.loads((tmp_path / "figures" / "fig13.json").read_text())
    assert record["elsewhere"]["data"]["heads"] == 8 and record["elsewhere"]["weights"]["name"] == str(unchanged)
    same_folder = (*options, "--other-data", SAMPLE, "--other-weights", unchanged)
    assert "fig13.json is no record of these data" in refused("fig13", *same_folder)
    assert "elsewhere: " in runner.caption(record) and Path(record["elsewhere"]["data"]["folder"]).name == "uav"
