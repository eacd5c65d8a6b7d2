"""Training of the head detector: closed forms of its losses, average precision by hand, a run that learns."""

import csv
import dataclasses

import numpy as np
import pytest

from tests.data.test_head_scenes import made
from uunet import pixels
from uunet.boxes import head_detection
from uunet.config import HEAD_DETECTORS_BY_NAME, ConfigError, HeadDetectorConfig, Optimizer
from uunet.data import head_scenes
from uunet.models import files, head_detector
from uunet.training import head_detector as training

SMOKE = HEAD_DETECTORS_BY_NAME["smoke"]


def test_heat_loss():
    """Cells with p = 1/2: (1/2)^2 log 2 at the centre, (1 - 1/2)^4 (1/2)^2 log 2 where Y = 1/2; the third is out."""
    logits = np.zeros((1, 1, 3), np.float32)
    heat, counts = np.array([[[1.0, 0.5, 0.0]]], np.float32), np.array([[[1.0, 1.0, 0.0]]], np.float32)
    expected = np.log(2) / 4 * (1 + 1 / 16)
    assert float(training.heat_loss(logits, heat, counts)) == pytest.approx(expected, rel=1e-6)


def test_heat_loss_without_a_head_is_finite():
    """N is at least 1: two cells of p^2 log(1 - p) with p = sigmoid(1)."""
    p = 1 / (1 + np.exp(-1))
    value = training.heat_loss(np.ones((1, 1, 2), "f"), np.zeros((1, 1, 2), "f"), np.ones((1, 1, 2), "f"))
    assert float(value) == pytest.approx(-2 * p**2 * np.log(1 - p), rel=1e-6)


def test_heat_loss_of_the_truth_is_nothing():
    heat = head_detector.maps_of(np.array([[10, 10, 20, 24]]), np.zeros((0, 4)), 64, 64).maps[None, ..., 0]
    logits = np.where(heat == 1, 20, -20).astype("f")
    assert float(training.heat_loss(logits, heat, np.ones_like(heat))) == pytest.approx(0, abs=1e-6)


def test_box_loss():
    """Weights 1 and 3, errors |0.2| + |0.4| and |0| + |1|: (0.6 + 3) / (2 x 4)."""
    made, true = np.array([[[[0.2, 0.4], [0.0, 1.0]]]], "f"), np.zeros((1, 1, 2, 2), "f")
    assert float(training.box_loss(made, true, np.array([[[1, 3]]], "f"))) == pytest.approx(0.45, rel=1e-6)
    assert float(training.box_loss(made, true, np.zeros((1, 1, 2), "f"))) == 0


def test_average_precision_by_hand():
    """Hit, false alarm, hit of two heads in three: 1/3 x 1 + 1/3 x 2/3."""
    boxes = [np.array([[0, 0, 10, 10], [20, 20, 10, 10], [40, 40, 9, 9]], float)]
    found = np.array([[0, 0, 10, 10], [0, 30, 10, 10], [21, 20, 10, 10]], float)
    heat = np.array([0.9, 0.8, 0.7])
    nothing = [np.zeros((0, 4))]
    value = training.average_precision([(found, heat)], boxes, nothing)
    assert value == pytest.approx(1 / 3 + 2 / 9)
    # in a box to ignore the false alarm is none
    ignored = [np.array([[0, 25, 12, 30]], float)]
    assert training.average_precision([(found, heat)], boxes, ignored) == pytest.approx(2 / 3)
    # the second box on one head is a false alarm
    twice = found[[0, 0, 2]]
    assert training.average_precision([(twice, heat)], boxes, nothing) == pytest.approx(1 / 3 + 2 / 9)
    assert training.average_precision([(found[:0], heat[:0])], boxes, nothing) == 0


def test_sizes_and_steps_are_checked():
    with pytest.raises(ConfigError, match="multiple of 32"):
        HeadDetectorConfig(size=100)
    with pytest.raises(ConfigError, match="checkpoint_every"):
        HeadDetectorConfig(steps=3)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A run of some steps on scenes with one bright rectangle each, which stops early and is resumed."""
    folder = tmp_path_factory.mktemp("heads")
    head_scenes.write(folder / "a.npz", (made(8), made(6, seed=1)), {})
    optimizer = Optimizer("adam", 1e-2, cosine=True)
    config = dataclasses.replace(SMOKE, width=8, batch=8, steps=100, checkpoint_every=50, optimizer=optimizer)
    progress, _ = training.train(config, folder / "a.npz", folder / "run", minutes=1e-3, verbose=0)
    assert (progress.steps, progress.remaining) == (50, 50)
    progress, precision = training.train(config, folder / "a.npz", folder / "run", verbose=0)
    assert (progress.steps, progress.remaining) == (100, 0)
    return folder, precision


@pytest.mark.slow
def test_a_short_training_finds_simple_heads(learned):
    folder, precision = learned
    scenes = made(6, seed=1)
    detector = head_detection.heads(folder / "run" / "detector.safetensors", threshold=0.3)
    hits = 0
    for k, found in enumerate(detector.many([scenes.picture(k) for k in range(6)])):
        hits += any(head_detector.overlaps(box, scenes.boxes[k])[0] > 0.5 for box in found)
    assert hits >= 5 and precision > 0.6


@pytest.mark.slow
def test_a_run_has_a_log_sheets_and_provenance(learned):
    folder, precision = learned
    with open(folder / "run" / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["50", "100"]
    assert {"heat", "box", "offset", "average_precision", "images_per_second"} <= rows[0].keys()
    assert float(rows[1]["heat"]) < float(rows[0]["heat"])
    assert sorted(path.name for path in (folder / "run" / "sheets").iterdir()) == ["step_000050.png", "step_000100.png"]
    about = files.provenance(folder / "run" / "detector.safetensors")
    assert about["validation"]["average_precision"] == precision and len(about["data_sha256"]) == 64
    network = files.load(folder / "run" / "detector.safetensors")
    assert np.asarray(network(pixels.to_float(made(1).picture(0))[None])).shape == (1, 16, 16, 5)
