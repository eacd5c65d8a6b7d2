"""Measuring prepared sets: the statistics in closed form, the command on real files."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep import measure
from uunet.evaluation import alignment, pairs, recognition, resampling
from uunet.evaluation.judges import own

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample" / "cctv"


def people(subjects=3, sequences=2, frames=2, **columns):
    """A Table of subjects x sequences x frames, all alike but for who they are, and for `columns`."""
    each = sequences * frames
    count = subjects * each
    table = {
        "subject": np.repeat(np.arange(subjects), each).astype(str),
        "sequence": np.tile(np.repeat(np.arange(sequences), frames), subjects).astype(str),
        **{name: np.zeros(count) for name in measure.BINS},
        **{name: np.full(count, "any") for name in measure.LABELS},
    }
    return measure.Table(Path("nowhere"), "people", table | columns)


def test_pairs_cross_sequences():
    """Of 3 people x 2 sequences x 2 frames: 2 x 2 genuine pairs a person, 4 x 4 impostor pairs of each two people."""
    table = people(hairstyle=np.repeat(["long", "long", "bald"], 4))
    pairs = measure.cross_sequence_pairs(table, np.random.default_rng(0))
    genuine, impostor = pairs["all"]
    assert len(genuine) == 3 * 4 and len(impostor) == 3 * 16
    assert (table["subject"][genuine[:, 0]] == table["subject"][genuine[:, 1]]).all()
    assert (table["sequence"][genuine[:, 0]] != table["sequence"][genuine[:, 1]]).all()
    hard = pairs["hard"][1]
    assert len(hard) == 16 and set(table["subject"][hard].ravel()) == {"0", "1"}


def test_many_impostors_are_drawn_without_repetition(monkeypatch):
    monkeypatch.setattr(pairs, "IMPOSTORS", 20)
    first, again = (measure.cross_sequence_pairs(people(), np.random.default_rng(5))["all"][1] for _ in range(2))
    assert len({tuple(pair) for pair in first}) == 20
    np.testing.assert_array_equal(first, again)


def test_separation_in_closed_form():
    table = people()
    genuine, impostor = measure.cross_sequence_pairs(table, np.random.default_rng(0))["all"]
    values = {True: np.array([3.0, 5.0]), False: np.array([1.0, 2.0])}  # means 4 and 1.5, variances 1 and 1/4

    def scores(pairs):
        same = table["subject"][pairs[0, 0]] == table["subject"][pairs[0, 1]]
        return np.resize(values[bool(same)], len(pairs))

    found = recognition.separation(scores, genuine, impostor, table["subject"], np.random.default_rng(0))
    assert found["auc"] == 1 and found["auc_interval"] == [1, 1]
    assert found["d"] == pytest.approx(2.5 / np.sqrt(1.25))
    values[True] = values[False]
    chance = recognition.separation(scores, genuine, impostor, table["subject"], np.random.default_rng(0))
    assert chance["auc"] == 0.5 and chance["d"] == 0


def test_an_interval_is_over_people_not_pairs():
    """Every pair four times over says nothing new: the interval must not shrink."""
    table, rng = people(subjects=6), np.random.default_rng(1)
    genuine, impostor = measure.cross_sequence_pairs(table, rng)["all"]
    noise = rng.normal(size=(24, 24))

    def interval(times):
        scores = lambda pairs: noise[pairs[:, 0], pairs[:, 1]]  # noqa: E731
        pairs = (np.repeat(part, times, axis=0) for part in (genuine, impostor))
        return recognition.separation(scores, *pairs, table["subject"], np.random.default_rng(2))["auc_interval"]

    once = interval(1)
    assert once[1] - once[0] > 0.05
    np.testing.assert_allclose(interval(4), once)


def test_too_few_pairs_have_no_value():
    one, many = np.zeros((1, 2), int), np.zeros((9, 2), int)
    found = recognition.separation(None, one, many, np.zeros(3), np.random.default_rng(0))
    assert found["genuine"] == 1 and found["auc"] is None and found["d_interval"] is None


def test_detection_is_counted_by_pose_size_and_worn_things():
    table = people(
        yaw=np.repeat([-10.0, 59.9, -60.0], 4), mask=np.repeat(["0", "1"], [9, 3]), pitch=np.repeat([20.0, -20.0], 6)
    )
    found = np.arange(12) % 2 == 0
    confidence = np.where(found, 0.9, np.nan)
    rows = measure.detection(table, alignment.Faces(found, confidence, None, None))
    cells = {(row["by"], row["value"]): row for row in rows}
    yaw, pitch, size = (title for title, _ in measure.BINS.values())
    assert [cells[yaw, value]["crops"] for value in ("0 to 30", "30 to 60", "60 and more")] == [4, 4, 4]
    assert cells[pitch, "15 to 30"]["crops"] == 12 and cells[size, "0 to 24"]["crops"] == 12
    assert cells["mask", "1"] == {"by": "mask", "value": "1", "crops": 3, "found": 1 / 3, "confidence": 0.9}
    assert cells["all", ""]["found"] == 0.5 and cells[size, "128 and more"]["found"] is None


@pytest.fixture
def coloured(tmp_path):
    """A set whose people differ in the colour of a disc, whose sequences differ in the colour around it."""
    rng = np.random.default_rng(0)
    disc = np.zeros((96, 96), np.uint8)
    cv2.circle(disc, (48, 48), 30, 1, -1)
    disc[:12] = 13  # something in front: part of the background
    cv2.imwrite(str(tmp_path / "parse.png"), disc)
    rows = []
    for subject in range(10):
        colour = rng.integers(40, 256, 3)
        for sequence in range(3):
            around = rng.integers(40, 256, 3)
            for frame in range(2):
                image = np.where(disc[..., None] == 1, colour, around) - rng.integers(0, 20, (96, 96, 3))
                name = f"{subject}_{sequence}_{frame}.png"
                cv2.imwrite(str(tmp_path / name), image.astype(np.uint8))
                rows.append({
                    "file": name, "split": "train" if subject < 4 else "validation" if subject < 6 else "test",
                    "subject": subject, "sequence": sequence, "frame": frame, "gender": "female", "ethnicity": "any",
                    "hairstyle": "bald", "yaw": 0, "pitch": 0, "native_size": 96, "domain": "discs",
                    "parse": "parse.png",
                })  # fmt: skip
    with open(tmp_path / "manifest.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


def test_the_networks_see_what_they_are_said_to_see(coloured, monkeypatch, capsys):
    """Only the disc tells these people apart; only what is around it, their sequences."""
    monkeypatch.setattr(own, "EPOCHS", 4)
    monkeypatch.setattr(resampling, "DRAWS", 20)
    record = coloured / "record.json"
    assert measure.main([str(coloured), "--out", str(record)]) == 0
    printed = capsys.readouterr().out
    (found,) = json.loads(record.read_text())["sets"]
    assert (found["name"], found["crops"], found["sequences"], found["side"]) == ("discs", 60, 30, 96)
    assert found["people"] == {"train": 4, "validation": 2, "test": 4}
    rows = {(row["recogniser"], row["side"], row["crop"], row["pairs"]): row for row in found["recognition"]}
    assert rows["CNN", 64, "person", "all"]["auc"] > 0.99
    assert rows["CNN", 64, "background", "all"]["auc"] < 0.8
    assert rows["dlib", 96, "crop", "all"]["no_face"] > 0.9 and rows["dlib", 64, "crop", "all"]["auc"] is None
    assert measure.main(["--table", str(record)]) == 0
    assert capsys.readouterr().out == printed


def test_the_sample_is_measured_twice_alike(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(resampling, "DRAWS", 20)
    records = []
    for name in ("first.json", "second.json"):
        assert measure.main([str(SAMPLE), "--no-cnn", "--out", str(tmp_path / name)]) == 0
        records.append(json.loads((tmp_path / name).read_text()))
    assert records[0]["sets"] == records[1]["sets"]
    (found,) = records[0]["sets"]
    assert found["detection"][0]["crops"] == 64 and found["detection"][0]["found"] > 0.7
    assert sum(found["labels"]["gender"].values()) == 8
    assert {"command", "commit", "seed", "seconds", "device", "time"} <= set(records[0]["provenance"])
    assert capsys.readouterr().out.count("| cctv | dlib | whole crop, 64 px |") == 6


def test_bad_input_is_one_sentence(coloured, tmp_path, capsys):
    def refused(*arguments):
        assert measure.main([str(argument) for argument in arguments]) == 1
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) >= 1 and not (tmp_path / "new.json").exists()
        return error[-1]

    (tmp_path / "taken.json").write_text("{}")
    new = tmp_path / "new.json"
    assert "exists already" in refused(coloured, "--out", tmp_path / "taken.json")
    assert "cannot be read" in refused(tmp_path / "missing", "--out", new)
    assert "not a record" in refused("--table", tmp_path / "taken.json")
    manifest = coloured / "manifest.csv"
    text = manifest.read_text()
    manifest.write_text(text.replace("yaw", "turn"))
    assert "yaw" in refused(coloured, "--out", new)
    manifest.write_text(text.replace(",96,", ",wide,"))
    assert "number" in refused(coloured, "--out", new)
    manifest.write_text(text.replace("test", "train"))
    assert "'test'" in refused(coloured, "--out", new)
    manifest.write_text(text)
    (coloured / "3_0_0.png").write_bytes(b"no picture")
    assert "3_0_0.png" in refused(coloured, "--out", new, "--no-cnn")
