"""The commands for an accelerator, on a processor: tiny networks, through to weights that load."""

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep import archive
from uunet import models, presets
from uunet.models import files

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs the extra [jax]")


def run(*arguments, module="accelerator"):
    """Runs a command; optimised code would take longer to compile than these few steps take."""
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)], cwd=ROOT, capture_output=True,
        text=True, env={**os.environ, "KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
    )  # fmt: skip


@pytest.fixture
def heads(tmp_path):
    return archive_of(tmp_path, 16)


def archive_of(tmp_path, size):
    """Heads of this many pixels: 4 + 2 people, 2 sequences of 2 frames."""
    (tmp_path / "set").mkdir()
    rows = ["file,split,subject,sequence,frame,gender,ethnicity,hairstyle"]
    for subject in range(6):
        for sequence in range(2):
            for frame in range(2):
                name = f"{subject}_{sequence}_{frame}.png"
                level = 40 * subject + 9 * sequence
                cv2.imwrite(str(tmp_path / "set" / name), np.full((size, size, 3), level, np.uint8))
                labels = f"{('female', 'male')[subject % 2]},{('asian', 'black')[subject // 2 % 2]},unknown"
                split = "train" if subject < 4 else "validation"
                rows.append(f"{name},{split},s{subject},{sequence},{frame},{labels if subject else 'male,black,bald'}")
                if subject in (1, 4, 5):
                    rows[-1] = rows[-1].replace("unknown", "long")
    (tmp_path / "set" / "manifest.csv").write_text("\n".join(rows) + "\n")
    archive.write([tmp_path / "set"], tmp_path / "heads.npz")
    return tmp_path / "heads.npz"


@needs_jax
def test_twenty_steps_of_both_stages(heads, tmp_path):
    out = tmp_path / "out"
    done = run(heads, "--out", out, "--config", "smoke", "--steps", 20, "--precision", "float32", "--minutes", 60)
    assert done.returncode == 0, done.stderr
    for words in ("learning I: 20 steps", "learning II: 20 steps", "TFLOP per step", "validation AUC: ID"):
        assert words in done.stdout
    network = presets.load(out)
    x = np.random.default_rng(0).random((1, 16, 16, 4)).astype(np.float32)
    r = network.decoder.predict_on_batch(network.encoder.predict_on_batch(x))
    assert r.shape == (1, 16, 16, 3) and network.classifier.output_shape == (None, 4)
    made = files.provenance(out / "encoder.safetensors")
    assert made["steps"] == 20 and made["command"].startswith("python -m benchmarks.accelerator")
    assert cv2.imread(str(out / "sheets" / "step_000020.png")).shape == (3 * 32, 12 * 32, 3)
    rows = list(csv.DictReader(open(out / "log.csv")))
    assert [row["step"] for row in rows if row["stage"] == "learning I"] == [str(step) for step in range(2, 21, 2)]


@needs_jax
def test_an_older_archive_is_one_sentence(heads, tmp_path):
    found = dict(np.load(heads)) | {"format": 0}
    np.savez(tmp_path / "old.npz", **found)
    done = run(tmp_path / "old.npz", "--out", tmp_path / "out")
    assert done.returncode == 1 and not (tmp_path / "out").exists()
    assert done.stderr.strip().splitlines()[-1].startswith(f"{tmp_path / 'old.npz'} has format 0, not 1")


@needs_jax
def test_twenty_steps_of_the_generator(tmp_path):
    heads, out, reader = archive_of(tmp_path, 32), tmp_path / "out", tmp_path / "reader.safetensors"
    arguments = {"size": 32, "width": 4}
    files.save(models.head_reader(**arguments), reader, builder="head_reader", arguments=arguments, provenance={})
    done = run(
        heads, reader, "--out", out, "--config", "smoke", "--steps", 20, "--precision", "float32", "--minutes", 60,
        "--every", 0, module="accelerator_generator",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for words in ("generator: 20 steps", "TFLOP per step", "written; difference", "done after"):
        assert words in done.stdout
    network = files.load(out / "generator.safetensors")
    assert network.output_shape == (None, 32, 32, 3)
    made = files.provenance(out / "generator.safetensors")
    assert made["steps"] == 20 and made["command"].startswith("python -m benchmarks.accelerator_generator")
    # steps go on from the latest weights after each sheet of their average
    assert len(list((out / "sheets").glob("*.png"))) == 10
    # x, the surroundings, and four codes; 8 heads of validation, each shown twice as large
    assert cv2.imread(str(out / "sheets" / "step_000020.png")).shape == (6 * 64, 8 * 64, 3)
    rows = list(csv.DictReader(open(out / "log.csv")))
    assert [row["step"] for row in rows] == [str(step) for step in range(2, 21, 2)]
    assert {"critic", "penalty", "real", "drawn", "generator", "pull"} == json.loads(rows[-1]["terms"]).keys()
