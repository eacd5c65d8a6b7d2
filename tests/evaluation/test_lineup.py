"""The line-up: rank-1 rates in closed form, what cannot be read, the command on real files."""

import csv
import hashlib
import json
import shutil

import cv2
import keras
import numpy as np
import pytest
from scipy.stats import binom

from tests.evaluation.test_scorecard import SAMPLE, Command, save_weights
from uunet import data, engine
from uunet.evaluation import alignment, cache, evaluators, inputs, judges, lineup, resampling
from uunet.evaluation.judges import adaptive, own

CHANCE = 0.1


def test_ties_count_as_chance():
    scores = np.array([[3, 1, 2], [3, 3, 2], [1, 1, 1], [0, 1, 1]])
    np.testing.assert_allclose(lineup.picked(scores), [1, 1 / 2, 1 / 3, 0])


def test_the_order_of_the_others_does_not_matter(rng):
    scores = rng.integers(0, 4, (50, 10))
    shuffled = np.concatenate([scores[:, :1], rng.permuted(scores[:, 1:], axis=1)], axis=1)
    np.testing.assert_array_equal(lineup.picked(scores), lineup.picked(shuffled))


def faces_of(people):
    """A perfect judge: everybody has an embedding of their own, the same in all pictures."""
    embeddings = np.random.default_rng(5).normal(size=(people.max() + 1, 8))
    return evaluators.Judged(embeddings[people], np.ones(len(people), bool))


@pytest.fixture
def line_ups():
    """2,000 line-ups of ten people each, nobody in two of them; 500 of the people are x in 4 of them each."""
    return lineup.Lineups(np.arange(2000), np.repeat(np.arange(500), 4), np.arange(2000), np.zeros((2000, 10, 1, 1, 3)))


def rate(line_ups, shown, candidates):
    drawn = resampling.people_drawn(500, np.random.default_rng(0))
    return lineup.rate("a", "j", lineup._scores(shown, line_ups.rows, candidates, line_ups), line_ups, drawn)


def test_a_perfect_judge_picks_x_given_x(line_ups):
    candidates = np.arange(20_000)
    found = rate(line_ups, faces_of(candidates[::10]), faces_of(candidates))
    assert found["value"] == 1 and found["interval"] == [1, 1]


def test_an_eleventh_person_gives_chance(line_ups):
    """The number of x picked is binomial (2,000 line-ups, .1); beyond these bounds it is once in 10^9 seeds."""
    candidates = np.arange(20_000)
    found = rate(line_ups, faces_of(20_000 + np.arange(2000)), faces_of(candidates))
    low, high = binom.interval(1 - 1e-9, 2000, CHANCE)
    assert low <= 2000 * found["value"] <= high
    spread = np.sqrt(CHANCE * (1 - CHANCE) / 2000)
    width = (found["interval"][1] - found["interval"][0]) / (2 * 1.96 * spread)
    assert 0.7 < width < 1.4  # as people, of four line-ups each, are independent: that of line-ups


def test_where_no_face_is_found_there_is_no_answer(line_ups):
    candidates, shown = faces_of(np.arange(20_000)), faces_of(np.arange(0, 20_000, 10))
    shown.found[:5] = False
    candidates.found[50:70] = False  # all of line-ups 5 and 6
    assert rate(line_ups, shown, candidates)["counts"] == {"line-ups": 1993, "without a face": 7}


def test_candidates_share_one_alignment():
    """The median of what is found; nothing where nothing is found."""
    found = np.array([True, True, True, False, False, False])
    values = np.where(found, [1, 2, 9, np.nan, np.nan, np.nan], np.nan).astype(np.float32)
    points = np.broadcast_to(values[:, None, None], (6, 5, 2))
    boxes = np.broadcast_to(values[:, None], (6, 4))
    one = lineup.shared(alignment.Faces(found, values, points, boxes), 3)
    np.testing.assert_array_equal(one.found, found)
    assert (one.points[:3] == 2).all() and np.isnan(one.points[3:]).all()
    assert (one.boxes[:3] == 2).all() and one.boxes.shape == (6, 4) and one.points.shape == (6, 5, 2)


def filler(image, place):
    """Stands for somebody else in the same frame: another hue, and less sharp."""
    return cv2.GaussianBlur(np.roll(image, 1 + place % 2, axis=-1), (0, 0), 1.5 + place / 2)


def with_lineups(folder):
    """The cctv sample with line-ups of four in the first frames of the test people's sequences, of two in training."""
    shutil.copytree(SAMPLE, folder)
    (folder / "lineup").mkdir()
    lines = ["file,of,sha256"]
    for row in csv.DictReader((folder / "manifest.csv").open()):
        if row["frame"] == "0" and row["split"] != "validation":
            image = cv2.imread(str(folder / row["file"]))
            for place in range({"train": 1, "test": 3}[row["split"]]):
                name = f"lineup/{row['subject']}_{row['sequence']}_{place}.png"
                cv2.imwrite(str(folder / name), filler(image, place))
                lines.append(f"{name},{row['file']},{hashlib.sha256((folder / name).read_bytes()).hexdigest()}")
    (folder / "lineup.csv").write_text("".join(f"{line}\n" for line in lines))
    return folder


def rows_of(folder):
    return list(csv.DictReader((folder / "lineup.csv").open()))


@pytest.fixture
def folder(tmp_path):
    return with_lineups(tmp_path / "set")


def test_reading(folder):
    heads = data.load(folder, "test")
    rows, fillers = data.load_lineup(folder, heads)
    assert fillers.shape == (4, 3, 64, 64, 3) and heads.frames[rows].tolist() == [0] * 4
    for row, group in zip(rows, fillers, strict=True):
        for place, image in enumerate(group):
            np.testing.assert_array_equal(image[..., ::-1], filler(heads.images[row][..., ::-1], place))
    line_ups = lineup.read(folder, heads)
    np.testing.assert_array_equal(line_ups.candidates[:, 0], heads.images[rows])
    shown = lineup.versions("w", heads, line_ups, heads.images[::-1])
    np.testing.assert_array_equal(shown["a of w"].images, heads.images[::-1][rows])
    elsewhere = shown["x in another sequence"]
    np.testing.assert_array_equal(elsewhere.images, heads.images[rows][[1, 0, 3, 2]])


@pytest.mark.parametrize("change, sentence", [
    (lambda table, lines: table.unlink(), "has no line-ups; render them: .*--lineup 10"),
    (lambda table, lines: table.write_text("file\n"), "lacks the column"),
    (lambda table, lines: table.write_text(lines[0]), "has no line-up of these 16 heads"),
    (lambda table, lines: table.write_text("".join(lines[:-1])), "has 2 people beside crops/800007/.*, and 3 beside"),
    (lambda table, lines: (table.parent / lines[-1].split(",")[0]).unlink(), "cannot read the picture"),
    (lambda table, lines: (table.parent / lines[-1].split(",")[0]).write_bytes(b"x"), "is not the file listed"),
])  # fmt: skip
def test_what_is_missing_is_one_sentence(folder, change, sentence):
    table = folder / "lineup.csv"
    change(table, table.read_text().splitlines(keepends=True))
    with pytest.raises(data.DataError, match=sentence):
        data.load_lineup(folder, data.load(folder, "test"))


def test_training_to_pick_compares_a_with_each_candidate(rng, monkeypatch):
    """What is trained says SCALE times the cosine of a and each candidate, as does the network itself."""
    seen = []
    monkeypatch.setattr(own, "fit", lambda *arguments: seen.append(arguments))
    pictures = rng.integers(0, 256, (3, 3, 64, 64, 3), np.uint8)
    network = own.network()
    adaptive.train_to_pick(network, pictures[:, 0], pictures[:, 1:], 0)
    ((model, images, truth, _, _),) = seen
    np.testing.assert_array_equal(images, pictures)
    a, *others = (network.predict(pictures[:, k], verbose=0) for k in range(3))
    cosines = np.stack([np.sum(a * other, axis=1) for other in others], axis=1)
    np.testing.assert_allclose(model.predict(images, verbose=0), own.SCALE * cosines, atol=1e-3)
    assert not truth.any()
    distances = judges.scores(a[:, None], np.stack(others, axis=1))
    assert (distances.argmax(axis=1) == cosines.argmax(axis=1)).all()  # what is trained is what is asked


def test_in_training_both_are_x_in_turn(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    monkeypatch.setattr(evaluators, "trained_adaptive", lambda *arguments: own.network())
    monkeypatch.setattr(inputs, "deidentified", lambda heads, *arguments: 255 - heads.images)
    monkeypatch.setattr(engine, "Deidentifier", lambda *_: lambda x, *arguments, **named: 255 - x)
    seen = []
    monkeypatch.setattr(adaptive, "train_to_pick", lambda *arguments: seen.append(arguments))
    train = data.load(folder, "train")
    known = lineup.read(folder, train)
    net = type("Net", (), {"encoder": keras.Input((64, 64, 4))})
    lineup.trained_to_pick(train, known, net, 0, lambda *_: None)
    _, a, pairs, *_ = seen[0]
    assert len(a) == 2 * len(known.rows) == 16
    np.testing.assert_array_equal(a, 255 - pairs[:, 0])
    np.testing.assert_array_equal(pairs[:8], pairs[8:, ::-1])


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(own, "EPOCHS", 1)
    monkeypatch.setattr(resampling, "DRAWS", 10)
    monkeypatch.setattr(cache, "FOLDER", tmp_path / "cache")
    return Command(monkeypatch, capsys, "lineup")


@pytest.mark.slow
def test_weights_that_change_nothing_are_picked_and_an_eleventh_person_is_not(command, folder, tmp_path):
    """a = x is picked by all judges; a twin that is a filler's very picture is not."""
    first = {(row["of"].split("/")[1], row["of"].split("/")[2][0]): row["file"] for row in reversed(rows_of(folder))}
    twins = [f"{first[file.split('/')[1], file.split('/')[2][0]]},{file},0,male,white,short"
             for file in data.load(folder, "test").files]  # fmt: skip
    (folder / "twins_-1,1,1,1.csv").write_text("\n".join(["file,of,virtual,gender,ethnicity,hairstyle", *twins]) + "\n")
    weights, out = save_weights(tmp_path / "weights"), tmp_path / "record.json"
    by = "dlib,adaptive"
    printed = command(folder, "--weights", weights, "--twins=-1,1,1,1", "-o", out, "--judges", by)
    record = json.loads(out.read_text())
    rows = {(row["title"], row["judge"]): row for row in record["rows"]}
    for judge in ("dlib", "adaptive"):
        assert rows[f"a of {weights}", judge]["value"] == rows["x itself", judge]["value"] == 1
        assert rows["rendered twins", judge]["value"] == 0
        assert 0 <= rows["x in another sequence", judge]["value"] <= 1
    assert record["lineups"] == {"count": 4, "people": 2, "candidates": 4, "adaptive learnt from": 8}
    assert "| x itself | 1.000 (1.000 to 1.000" in printed and "4 line-ups of 4, of 2 people" in printed
    assert cv2.imread(str(out.with_suffix(".png"))).shape == (2 * 64, 5 * 64, 3)


def test_what_cannot_be_asked_is_one_sentence(command, folder, tmp_path):
    weights, out = save_weights(tmp_path / "weights"), tmp_path / "out.json"

    def refused(data_set, *arguments):
        sentences = [line for line in command(data_set, *arguments, "-o", out, ok=False).splitlines() if line]
        assert not out.exists() and not out.with_suffix(".png").exists()
        return sentences[-1]

    assert "has no line-ups; render them" in refused(SAMPLE, "--weights", weights, "--judges", "dlib")
    assert "names 'soft_labels', which" in refused(folder, "--weights", weights, "--judges", "soft_labels")
    assert "no twins for s" in refused(folder, "--weights", weights, "--judges", "dlib", "--twins=-1,1,1,1")
    assert "no line-up of these" in refused(folder, "--weights", weights, "--judges", "dlib", "--split", "validation")
    assert "no .json file" in command(folder, "-o", tmp_path / "record.txt", ok=False)
