"""The scripts in benchmarks/: their command lines, and those parts that can be tested in little time."""

import importlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from uunet import config, data, models
from uunet.training import adversarial

FOLDER = Path(__file__).parents[2] / "benchmarks"
SAMPLE = FOLDER.parent / "data_prep" / "sample" / "cctv"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if "typer.run(main)" in path.read_text())


@pytest.fixture
def script(monkeypatch):
    """A function: name -> module, imported as `python benchmarks/NAME.py` imports it."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def run(main, *arguments):
    """What a script prints."""
    app = typer.Typer(add_completion=False)
    app.command()(main)
    result = CliRunner().invoke(app, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_explains_itself(script, name):
    main = script(name).main
    assert main.__doc__.splitlines()[0].split()[0] in run(main, "--help")


def test_which_scripts_there_are():
    others = {path.stem for path in FOLDER.glob("*.py")} - set(SCRIPTS)
    assert others == {"accelerator", "accelerator_generator", "fuzz_files", "matching", "published_step"}


def test_a_child_process_times_the_run_that_its_parent_means(script, monkeypatch):
    """The parent's arguments lead a child to the same options, and `--run` to the same row of the table."""
    throughput = script("training_throughput")
    options = throughput.Options(Path("heads"), width=8, critic_steps=2, rounds=1)
    monkeypatch.setattr(throughput, "time_run", lambda options, run: {"options": repr(options), "run": run})
    for index, row in enumerate(throughput.RUNS):
        printed = json.loads(run(throughput.main, *options.arguments(), "--run", index))
        assert printed == {"options": repr(options), "run": list(row)}


def test_throughput_table(script):
    throughput = script("training_throughput")
    times = {"computes": 0.4, "waits": 0.1, "operations": 1e9, "peak": 1e10, "heads": 8, "device": "cpu:0"}
    page = throughput.report(throughput.Options(Path("heads"), 8, 2, 1), [times] * len(throughput.RUNS))
    assert "`python benchmarks/training_throughput.py SET --width 8 --critic-steps 2 --rounds 1`" in page
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(throughput.RUNS) and {len(row) for row in rows} == {9}
    assert rows[2] == ["ours", "tensorflow", "float32", "2", "16", "20.0 %", "20 %", "0.01", "1.00"]


@pytest.mark.parametrize("index", [0, 3])
@pytest.mark.parametrize("where", ["pixels", "SEI", "APP9", "sidecar"])
def test_forged_envelopes_are_refused_in_each_carrier(script, where, index):
    counts = script("mutations").count_envelopes(where, index, 64, np.random.default_rng(0))
    tried, accepted = (sum(column) for column in zip(*counts.values(), strict=True))
    assert (tried, accepted) == (64, 0) and len(counts) == (8 if where == "pixels" else 16)


@pytest.mark.parametrize("group", ["messages", "originals", "pixels", "sei", "app9", "sidecar"])
def test_changed_files_are_refused_or_give_what_was_sealed(script, group):
    """A longer run: python benchmarks/fuzz.py."""
    fuzz = script("fuzz")
    for name, attempt in fuzz.GROUPS[group].items():
        accepted = [fuzz.tried(attempt, np.random.default_rng([1, k])) for k in range(12)]
        assert False in accepted, name
        if name in (".png", ".mkv", ".mp4", ".jpg", ".mov", ".mkv and its sidecar"):
            assert True in accepted, name


def test_fuzzing_groups_are_named(script):
    fuzz = script("fuzz")
    assert set(dict(fuzz.chosen(["sei", "sidecar"]))) == set(dict(fuzz.chosen(["sei,sidecar"])))
    assert len(dict(fuzz.chosen(None))) == sum(map(len, fuzz.GROUPS.values()))
    app = typer.Typer(add_completion=False)
    app.command()(fuzz.main)
    result = CliRunner().invoke(app, ["--only", "pixel"])
    assert result.exit_code == 2 and "there is no group 'pixel'" in result.output


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the port is written for TensorFlow")
def test_the_port_of_the_published_step_trains(script):
    """All three of its networks change in a step, D_a does not, and no loss is lost on the way."""
    settings = config.BY_NAME["smoke"].adversarial
    networks = adversarial.build_networks(settings, models.attribute_classifier(blocks=3, size=settings.size))
    before = [[np.array(weight) for weight in network.trainable_weights] for network in networks[:3]]
    frozen = [np.array(weight) for weight in networks.classifier.weights]
    heads = data.load(SAMPLE, "train", size=settings.size)
    losses = script("published_step").PublishedStep(networks, settings).train_step(
        (data.sequence_batch(heads, settings, 0),)
    )  # fmt: skip
    assert losses.keys() == {"critic", "encoder", "decoder"} and all(np.isfinite(float(v)) for v in losses.values())
    for network, weights in zip(networks[:3], before, strict=True):
        assert any((np.array(new) != old).any() for new, old in zip(network.trainable_weights, weights, strict=True))
    for new, old in zip(networks.classifier.weights, frozen, strict=True):
        np.testing.assert_array_equal(new, old)


def test_what_sealing_costs_is_timed(script):
    """Each function of COSTS exists, and the time inside it counts."""
    made = script("originals")
    with made.stopwatch() as watch:
        made.jpeg.blocks(made.jpeg.encode(np.zeros((32, 32, 3), np.uint8)))
    assert watch.wall > 0


def test_the_page_of_sealed_originals(script, tmp_path):
    """Tables stand between their markers, and what stood there before is gone."""
    (tmp_path / "sealed-originals").mkdir()
    made = {"command": "python -m benchmarks.originals_codecs walk.mp4 --frames 10", "device": "a machine"}
    about = {"name": "walk.mp4", "frames": 10, "width": 64, "height": 48, "heads": 10, "sides": [20, 30], "tracks": 1}
    rows = [
        {"published_crf": 23, "channel": "copy", "mode": "learned", "psnr": 25.04},
        {"published_crf": 23, "channel": "copy", "mode": "sealed", "refused": "No."},
        {"published_crf": 23, "channel": "JPEG", "mode": "learned", "refused": "No."},
        {"published_crf": 23, "channel": "JPEG", "mode": "sealed", "refused": "Never.", "psnr": 40.0},
    ]
    record = tmp_path / "sealed-originals" / "codecs-walk.json"
    record.write_text(json.dumps(about | {"rows": rows, "provenance": made}))
    made = script("originals_page")
    names = ("modes", "codecs", "tracks", "attack")
    marks = [
        f"<!-- python -m benchmarks.originals_page writes {name} -->\nold\n<!-- until here -->\n" for name in names
    ]
    page = made.page("above\n" + "between\n".join(marks) + "below\n", tmp_path)
    assert "old" not in page and page.startswith("above\n") and page.endswith("below\n")
    assert page.count("between") == 3 and page == made.page(page, tmp_path)
    assert "| copy | 25.0 | refused [1] |" in page and "| JPEG | refused [1] | refused [2]; accepted: 40.0 |" in page
    assert "1. No.\n2. Never." in page
