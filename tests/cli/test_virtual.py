"""Weights that draw without seeing, through the real command line: files, evaluation, line-up, attack."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests import virtual_weights
from tests.cli.test_sealed import _boxes, authority, uunet  # noqa: F401, fixtures
from tests.evaluation.test_lineup import folder as lineups  # noqa: F401, fixture
from tests.evaluation.test_scorecard import SAMPLE, Command
from tests.test_cli import clip  # noqa: F401, fixture
from uunet.evaluation import attacks, cache, resampling
from uunet.evaluation.judges import own
from uunet.experiments import report
from uunet.media import images, profiles, video_reading

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return virtual_weights.save(tmp_path_factory.mktemp("virtual") / "weights", 64)


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Evaluators that are hardly trained, few draws, and no cache of somebody else's."""
    monkeypatch.setattr(own, "EPOCHS", 1)
    monkeypatch.setattr(resampling, "DRAWS", 10)
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")


def test_a_clip_and_a_picture(uunet, clip, authority, weights):  # noqa: F811
    given = ["--boxes", clip[1], "--weights", weights]
    sentence = uunet.sentence("deidentify", clip[0], "-o", "public.mp4", *given)
    assert "--recipient FILE.pub" in sentence and "--reversal none" in sentence
    uunet("deidentify", clip[0], "-o", "public.mp4", *given, "--recipient", authority[1], "--seed", 1)
    assert "give --identity" in uunet.sentence("reconstruct", "public.mp4", "-o", "no.mkv", "--weights", weights)
    out, _ = uunet("reconstruct", "public.mp4", "-o", "again.mkv", "--identity", authority[0])
    assert "originals restored" in out and len(video_reading.read_frames("again.mkv")) == len(clip[2])
    images.write(Path("in.png"), "in.png", profiles.PNG, clip[2][0])
    how = ["--boxes", _boxes("one.csv"), "--weights", weights, "--reversal", "none", "--seed", 1]
    uunet("deidentify", "in.png", "-o", "public.png", *how)
    uunet("deidentify", "in.png", "-o", "other.png", *how, "--s=-1,-1,-1,-1")
    assert (images.read("public.png").rgb != images.read("other.png").rgb).any()
    assert "s must start with -1" in uunet.sentence("deidentify", "in.png", "-o", "no.png", *how, "--s=1,1,1,1")


def test_a_scorecard_without_r(monkeypatch, capsys, quick, weights, tmp_path):
    out = tmp_path / "record.json"
    evaluate = Command(monkeypatch, capsys)
    printed = evaluate(SAMPLE, "--weights", weights, "-o", out, "--judges", "own,soft_labels,dlib", "--pairs", 2)
    record = json.loads(out.read_text())
    titles = {row["title"] for row in record["rows"]}
    assert "x ↔ a' AUC" in titles and not any("PSNR" in title or title.startswith("r ") for title in titles)
    assert all(row["value"] is None or np.isfinite(row["value"]) for row in record["rows"])
    assert record["s"] == [-1, 1, 1, 1] and "no U_d and no r" in record["notes"][0] and "no U_d and no r" in printed
    assert set(record["weights"]["sha256"]) == {"generator.safetensors", "reader.safetensors"}
    assert {row["title"] for row in record["photographs"]["lists"][0]["rows"]} == {"x ↔ x'", "x ↔ a'"}
    assert "x' among x" in {row["title"] for row in record["photographs"]["identification"]}
    assert cv2.imread(str(out.with_suffix(".png"))) is not None
    card = report.card(record)
    assert "x ↔ a'" in card and "PSNR" not in card
    assert report.beside(record, record) and report.seeds(record, record)


def test_a_line_up(monkeypatch, capsys, quick, weights, lineups, tmp_path):  # noqa: F811
    out = tmp_path / "record.json"
    Command(monkeypatch, capsys, "lineup")(lineups, "--weights", weights, "-o", out, "--judges", "own")
    record = json.loads(out.read_text())
    assert {row["title"] for row in record["rows"]} >= {f"a of {weights}", "x itself"}


def test_an_attack_sees_the_drawing_alone(monkeypatch, capsys, quick, weights, tmp_path):
    out = tmp_path / "record.json"
    monkeypatch.setattr(attacks, "CHUNK", 8)
    attack = Command(monkeypatch, capsys, "attack")
    common = SAMPLE, "--weights", weights, "-o", out, "--pairs", 4, "--steps", 2
    assert "hide nothing of it: give --reversal sealed" in attack(*common, ok=False)
    attack(*common, "--reversal", "sealed")
    record = json.loads(out.read_text())
    assert [row["answer"] for row in record["rows"]] == ["x", "a", "mean face", "inverse", "inverse"]
    assert cv2.imread(str(out.with_suffix(".png"))).shape[0] == 4 * 128  # x, a, two attackers


def test_the_demo_seals(uunet, weights):  # noqa: F811
    out, _ = uunet("demo", "-o", "demo", "--weights", weights)
    assert "not shown, because these weights hide nothing" in out
    assert "The same with sealed originals" in out and cv2.imread("demo/sheet.png").shape[1] == 1500
    assert sorted(path.name for path in Path("demo").iterdir()) == [
        "authority.key", "restored.mkv", "sealed.mp4", "sheet.png",
    ]  # fmt: skip
