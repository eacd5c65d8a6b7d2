"""The table of `uunet evaluate`: statistics in closed form, the command on real files."""

import csv
import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from uunet import cli, data, models
from uunet.evaluation import cache, evaluators, measurements, pairs, recognition, resampling
from uunet.evaluation.judges import faceres, own
from uunet.models import files

SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample" / "cctv"


def heads(people=3, sequences=2, frames=3, **changes):
    """Heads of grey pictures, all alike but for who they are."""
    count = people * sequences * frames
    labels = np.zeros((count, 4), int)
    labels[:, 0] = 10 + np.repeat(np.arange(people), sequences * frames)
    return data.Heads(**{
        "images": np.zeros((count, 64, 64, 3), np.uint8), "labels": labels,
        "sequences": np.repeat(np.arange(people * sequences), frames),
        "frames": np.tile(np.arange(frames), people * sequences), "files": (), "sha256": "", "columns": {},
        "skipped": (), **changes,
    })  # fmt: skip


def test_sudden_changes_in_closed_form():
    """Faces are points on a line; x of a person stay within 0.1, people are 10 apart: one a jumps to another person."""
    sample = pairs.sample(heads(), 0)
    place = 10.0 * sample.people + np.tile([0, 0.05, 0.1], 6)
    jumping = place.copy()
    jumping[4] += 50  # the middle frame of a sequence: two of 12 steps

    def rows(a):
        judged = {"x": place, "a": a}
        judged = {name: evaluators.Judged(values[:, None], np.ones(18, bool)) for name, values in judged.items()}
        return [row["value"] for row in measurements.sudden_changes(sample, "a judge", judged)]

    assert rows(place) == [0, 0]
    assert rows(jumping) == pytest.approx([0, 2 / 12])


def test_a_face_that_is_not_found_is_in_no_pair():
    sample = pairs.sample(heads(), 0)
    found = np.ones(18, bool)
    found[:6] = False  # the first person's
    judged = evaluators.Judged(sample.people[:, None].astype(float), found)
    area, counts = measurements._areas(sample, sample.genuine, sample.impostor, judged, judged)
    assert area[0] == 1 and counts == {"genuine": 2 * 18, "impostor": 72}


class Command:
    """Runs `uunet NAME ARGUMENTS` as its console script does."""

    def __init__(self, monkeypatch, capsys, name="evaluate"):
        self.monkeypatch, self.capsys, self.name = monkeypatch, capsys, name

    def __call__(self, *arguments, ok=True):
        self.monkeypatch.setattr(sys, "argv", ["uunet", self.name, *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        stdout, stderr = self.capsys.readouterr()
        assert (left.value.code in (0, None)) == ok, stdout + stderr
        return stdout if ok else stderr


@pytest.fixture
def evaluate(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(own, "EPOCHS", 1)
    monkeypatch.setattr(resampling, "DRAWS", 10)
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    return Command(monkeypatch, capsys)


def save_weights(folder, size=64, config=None):
    """U_e and U_d that return what they see, but for black and white: the last layer adds 0 to the input's logit."""
    folder.mkdir()
    for name, channels in (("encoder", 4), ("decoder", 3)):
        arguments = {"channels": channels, "width": 4, "size": size, "name": name, "residual": True}
        network = models.unet(**arguments)
        layer = network.get_layer("output")
        layer.set_weights([np.zeros_like(values) for values in layer.get_weights()])
        files.save(network, folder / f"{name}.safetensors", builder="unet", arguments=arguments,
                   provenance={"config": config or {"s": [-1, 1, 1, -1]}})  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("unchanged") / "weights")


@pytest.mark.slow
def test_weights_that_change_nothing_hide_nobody(evaluate, unchanged, tmp_path):
    """a = r = x: every number of a and r is that of x, with all judges."""
    out = tmp_path / "record.json"
    printed = evaluate(SAMPLE, "--weights", unchanged, "-o", out, "--judges", "dlib,own,adaptive,soft_labels")
    record = json.loads(out.read_text())
    rows = {(row["title"], row["judge"]): row["value"] for row in record["rows"]}
    for judge in ("own", "adaptive"):
        ceiling = rows["x ↔ x' AUC (the judge's own ceiling)", judge]
        assert rows["x ↔ a' AUC", judge] == pytest.approx(ceiling, abs=0.02)
        assert rows["x ↔ a of the same frame AUC (background included)", judge] == 1
        assert rows["r recognised as x: AUC r ↔ x' / x ↔ x'", judge] == pytest.approx(1, abs=0.02)
    assert rows["x ↔ a of the same frame AUC (background included)", "dlib"] == 1
    assert rows["faces found in a, relative to x", "MTCNN"] == pytest.approx(1, abs=0.07)
    assert rows["PSNR(x, r), ROI of 64 pixels, dB", ""] > 40
    assert 25 < rows["PSNR(x, r) after H.264 crf 23, ROI of 64 pixels, dB", ""] < 40
    read = rows["hairstyle read from x (the judge's own ceiling), AUC", "soft_labels"]
    assert rows["hairstyle of a as s = -1 asks, AUC", "soft_labels"] == pytest.approx(1 - read, abs=0.05)
    assert record["s"] == [-1, 1, 1, -1] and record["data"]["heads"] == 16 and record["data"]["people"] == 2
    assert {"command", "commit", "seed", "device", "time", "seconds"} <= set(record["provenance"])
    assert set(record["weights"]["sha256"]) == {"encoder.safetensors", "decoder.safetensors"}
    assert all(row["title"] in printed for row in record["rows"])
    assert cv2.imread(str(out.with_suffix(".png"))).shape[1] > cv2.imread(str(out.with_suffix(".png"))).shape[0] > 200


@pytest.mark.slow
def test_twins_in_place_of_a(evaluate, tmp_path, monkeypatch):
    """Twins that are the next person's heads: nobody is found in a; and a second time nothing is computed again."""
    folder = tmp_path / "set"
    shutil.copytree(SAMPLE, folder)
    rows = list(csv.DictReader((folder / "manifest.csv").open()))
    of = {(row["subject"], row["file"].split("/")[-1]): row["file"] for row in rows}
    swapped = {"800003": "800007", "800007": "800003"}
    lines = []
    for row in rows:
        file = of[swapped.get(row["subject"], row["subject"]), row["file"].split("/")[-1]]
        lines.append(f"{file},{row['file']},0,male,white,short")
    (folder / "twins_-1,1,1,1.csv").write_text("\n".join(["file,of,virtual,gender,ethnicity,hairstyle", *lines]) + "\n")
    values = []
    for name in ("first.json", "second.json"):
        out = tmp_path / name
        evaluate(folder, "--twins=-1,1,1,1", "-o", out, "--judges", "own")
        values.append({row["title"]: row["value"] for row in json.loads(out.read_text())["rows"]})
        monkeypatch.setattr(own, "train", None)  # the second time it comes from the cache
    assert values[0] == values[1]
    same = values[0]["x ↔ a of the same frame AUC (background included)"]
    assert same < 0.5 and not any("PSNR" in title or title.startswith("r ") for title in values[0])


@pytest.fixture
def refused(evaluate, tmp_path, monkeypatch):
    """Runs the command, which writes nothing, and returns its last line.

    Arguments are checked before `faceres`, which is not installed here.
    """
    monkeypatch.setattr(faceres, "PATH", tmp_path / "none")
    faceres.network.cache_clear()
    out = tmp_path / "out.json"

    def run(*arguments):
        sentences = [line for line in evaluate(*arguments, "-o", out, ok=False).splitlines() if line]
        assert not out.exists() and not out.with_suffix(".png").exists()
        return sentences[-1]

    return run


def test_weights_of_another_size_are_refused(refused, tmp_path):
    assert "not 32 x 32" in refused(SAMPLE, "--weights", save_weights(tmp_path / "small", size=32))


def test_weights_that_know_no_s_are_refused(refused, tmp_path):
    silent = save_weights(tmp_path / "silent", config={"steps": 1})
    assert "what s it was trained for" in refused(SAMPLE, "--weights", silent)


def test_an_unknown_evaluator_is_refused(refused, unchanged):
    assert "names 'nobody', which is no evaluator" in refused(SAMPLE, "--weights", unchanged, "--judges", "own,nobody")


@pytest.mark.parametrize("arguments, said", [
    (["--twins=-1,1,1,1", "--judges", "own"], "no twins for s = -1,1,1,1"),
    (["--twins=-1,1,1,1"], "no twins for s = -1,1,1,1"),
    (["--twins=all"], "--twins is a list"),
    (["--twins=-1,1,1,1", "--s=-1,1,1,1"], "leave one out"),
])  # fmt: skip
def test_twins_that_the_set_lacks_are_refused(refused, arguments, said):
    assert said in refused(SAMPLE, *arguments)


def test_an_evaluator_that_is_not_installed_names_its_command(refused, unchanged):
    assert "python -m data_prep.judge_weights faceres" in refused(SAMPLE, "--weights", unchanged)


def test_a_set_without_labels_has_no_soft_labels(refused, unchanged, tmp_path):
    unlabelled = tmp_path / "unlabelled"
    shutil.copytree(SAMPLE, unlabelled)
    rows = list(csv.DictReader((SAMPLE / "manifest.csv").open()))
    with (unlabelled / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | dict.fromkeys(("gender", "ethnicity", "hairstyle"), "unknown") for row in rows)
    assert "leave it out (--judges)" in refused(unlabelled, "--weights", unchanged)


def test_a_record_is_a_json_file(evaluate, tmp_path):
    assert "no .json file" in evaluate(SAMPLE, "-o", tmp_path / "record.txt", ok=False)


def test_a_damaged_cache_is_computed_again(monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    called = []

    def compute():
        called.append(1)
        return {"values": np.arange(3)}

    for given in (["a", np.zeros(2)], ["a", np.zeros(2)], ["a", np.ones(2)]):
        np.testing.assert_array_equal(cache.remembered("test", given, compute)["values"], np.arange(3))
    assert len(called) == 2
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:50])
    cache.remembered("test", ["a", np.zeros(2)], compute)
    assert len(called) == 3


def test_areas_are_those_of_scikit_learn(rng):
    from sklearn.metrics import roc_auc_score

    genuine, impostor = rng.integers(0, 6, 30), rng.integers(-2, 4, 50)  # with ties
    weights = rng.integers(0, 3, (4, 30)), rng.integers(0, 3, (4, 50))
    found = recognition.areas(genuine, impostor, *weights)
    for area, g, i in zip(found, *weights, strict=True):
        truth = np.repeat([1, 0], [30, 50])
        wanted = roc_auc_score(truth, np.concatenate([genuine, impostor]), sample_weight=np.concatenate([g, i]))
        assert area == pytest.approx(wanted)
    assert np.isnan(recognition.areas(genuine, impostor, np.zeros((1, 30)), np.ones((1, 50)))).all()


def test_pairs_come_as_often_as_their_people():
    people = np.array([[0, 0], [0, 1], [1, 2]])
    np.testing.assert_array_equal(recognition.pair_weights(people, np.array([[1, 1, 1], [2, 3, 0]])),
                                  [[1, 1, 1], [2, 6, 0]])  # fmt: skip
