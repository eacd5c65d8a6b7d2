"""`uunet figure` on real files: what it writes, what it computes once only, what it refuses."""

import contextlib
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pytest

from uunet import cli, models
from uunet.evaluation import cache, resampling
from uunet.evaluation.judges import dlib, own
from uunet.experiments import FIGURES, degradation, fig05, runner
from uunet.models import files

SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample" / "cctv"
ASKED = [name for name, figure in FIGURES.items() if not {"elsewhere", "training"} & set(figure.USES)]
SEVERAL = ("fig03", "table3", "fig08", "fig09")  # compare several s: weights that know one are refused
MAKEABLE = [name for name in ASKED if name not in SEVERAL]


def run(*arguments):
    """`uunet figure ARGUMENTS` as its console script does it: whether it succeeded, stdout, stderr."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["uunet", "figure", *map(str, arguments)])
        with pytest.raises(SystemExit) as left, contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            cli.main()
    return left.value.code in (0, None), stdout.getvalue(), stderr.getvalue()


def figure(*arguments):
    """What the command prints."""
    ok, stdout, stderr = run(*arguments)
    assert ok, stdout + stderr
    return stdout


def refused(*arguments):
    """What a command that fails says."""
    ok, stdout, stderr = run(*arguments)
    assert not ok, stdout + stderr
    return stderr


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """Few steps, draws and settings, and an empty cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own, "EPOCHS", 1)
        patch.setattr(resampling, "DRAWS", 10)
        patch.setattr(cache, "FOLDER", tmp_path_factory.mktemp("cache"))
        patch.setattr(degradation, "WAYS", {"roi": (24, 64), "jpeg": (50,), "h264": (23,)})
        patch.setattr(fig05, "BASELINES", dict(list(fig05.BASELINES.items())[:1]))
        yield


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    """U_e and U_d that return what they see: the last layer adds 0 to the input's logit."""
    folder = tmp_path_factory.mktemp("weights")
    for name, channels in (("encoder", 4), ("decoder", 3)):
        arguments = {"channels": channels, "width": 4, "size": 64, "name": name, "residual": True}
        network = models.unet(**arguments)
        layer = network.get_layer("output")
        layer.set_weights([np.zeros_like(values) for values in layer.get_weights()])
        files.save(network, folder / f"{name}.safetensors", builder="unet", arguments=arguments,
                   provenance={"config": {"s": [-1, 1, 1, 1]}})  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def made(unchanged, tmp_path_factory):
    """All figures of weights that change nothing (a = r = x): `out`, the folder; `said`; `records` by name."""
    keras.utils.set_random_seed(0)
    out = tmp_path_factory.mktemp("figures")
    said = refused("--all", "--data", SAMPLE, "--weights", unchanged, "--out", out)
    records = {path.stem: json.loads(path.read_text()) for path in out.glob("*.json")}
    return SimpleNamespace(out=out, said=said, records=records)


@pytest.mark.slow
def test_figures_of_several_s_are_refused_and_the_others_made(made):
    assert made.said.count("name weights that choose by s") == len(SEVERAL)
    assert f"{len(SEVERAL)} of {len(ASKED)} figures failed" in made.said
    assert {path.name for path in made.out.iterdir()} == {
        f"{name}.{end}" for name in MAKEABLE for end in ("json", "png")
    }


@pytest.mark.slow
def test_figures_that_need_more_than_one_set_or_weights_are_left_out(made):
    assert made.said.count("is left out: it") == len(FIGURES) - len(ASKED)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKEABLE)
def test_a_record_says_how_it_was_made_and_of_what(made, name):
    record = made.records[name]
    assert {"command", "commit", "seed", "device", "time", "seconds"} <= set(record["provenance"])
    assert {part for part in ("data", "weights") if part in record} == set(FIGURES[name].USES)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKEABLE)
def test_a_picture_is_large_enough_to_read(made, name):
    height, width = cv2.imread(str(made.out / f"{name}.png")).shape[:2]
    assert width > 1000 and height > 200


@pytest.mark.slow
def test_the_caption_counts_heads_and_people(made):
    record = made.records["fig06"]
    assert record["data"]["heads"] == 16 and "16 heads of 2 people" in runner.caption(record)


@pytest.mark.slow
def test_a_that_is_x_is_recognised_as_x_is(made):
    known, hidden = made.records["fig06"]["environments"][:2]
    assert known["auc"] == pytest.approx(hidden["auc"], abs=0.05)


@pytest.mark.slow
def test_a_that_is_x_is_detected_as_x_is(made):
    x, a = made.records["fig05"]["table"][:2]
    assert x["mean"] == pytest.approx(a["mean"], abs=0.1) and made.records["fig05"]["pearson"] > 0.8


@pytest.mark.slow
def test_a_that_is_x_differs_nowhere(made):
    assert made.records["fig11"]["residuals"]["a"]["std"] == 0


@pytest.fixture
def nothing_computes(monkeypatch):
    for name in MAKEABLE:
        monkeypatch.setattr(FIGURES[name], "compute", None)


@pytest.mark.slow
def test_nothing_is_computed_or_written_twice(made, unchanged, nothing_computes):
    before = {path: path.stat().st_mtime_ns for path in made.out.iterdir()}
    printed = figure(*MAKEABLE, "--data", SAMPLE, "--weights", unchanged, "--out", made.out)
    assert printed.count("there already") == len(MAKEABLE)
    assert before == {path: path.stat().st_mtime_ns for path in made.out.iterdir()}


@pytest.mark.slow
def test_a_missing_picture_is_drawn_from_its_record(made, unchanged, nothing_computes):
    (made.out / "fig06.png").unlink()
    assert "written" in figure("fig06", "--data", SAMPLE, "--weights", unchanged, "--out", made.out)
    assert (made.out / "fig06.png").exists()


@pytest.mark.slow
def test_a_record_of_another_seed_is_kept(made, unchanged, nothing_computes):
    said = refused("fig06", "--data", SAMPLE, "--weights", unchanged, "--out", made.out, "--seed", 1)
    assert "fig06.json is no record of these data" in said and "--overwrite" in said


@pytest.fixture
def says(tmp_path):
    """The last line that a refused command says; it writes nothing."""

    def last_line(*arguments):
        out = tmp_path / "figures"
        sentences = [line for line in refused(*arguments, "--out", out).splitlines() if line]
        assert not out.exists() or not list(out.iterdir())
        return sentences[-1]

    return last_line


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("fig99",), "There is no figure 'fig99'; there are table1, fig02"),
        ((), "give --all"),
        (("fig04",), "needs a data set: name one (--data)"),
        (("fig06", "--data", SAMPLE, "--weights", "none"), "no weights 'none'"),
    ],
)
def test_a_wrong_option_is_one_sentence(says, arguments, sentence):
    assert sentence in says(*arguments)


def test_too_few_heads_are_one_sentence(says, unchanged, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    lines = (SAMPLE / "manifest.csv").read_text().splitlines()
    lines = [line for line in lines if ",test," not in line or "/0_00.png" in line]  # one head a person
    (few / "manifest.csv").write_text("\n".join(lines) + "\n")
    (few / "crops").symlink_to(SAMPLE / "crops")
    assert "0 pairs of one person (other sequence)" in says("fig06", "--data", few, "--weights", unchanged)


def test_a_missing_recogniser_is_one_sentence(says, unchanged, tmp_path, monkeypatch):
    monkeypatch.setattr(dlib, "PATH", tmp_path / "none")
    dlib.network.cache_clear()
    assert "fetch it again" in says("fig10", "--data", SAMPLE, "--weights", unchanged)
    dlib.network.cache_clear()
