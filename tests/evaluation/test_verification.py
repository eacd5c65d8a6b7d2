"""Pairs of photographs and who is recognised between them: files of LFW's format, closed forms, the command."""

import csv
import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.test_scorecard import SAMPLE, evaluate, heads, save_weights  # noqa: F401, a fixture among them
from uunet import data
from uunet.evaluation import pairs, resampling, subset, verification

NAMES = ("Ada_L", "Bo_Y", "Cy_Z", "Di_S", "Ed_W", "Flo_N", "Gus_H", "Hal_J")


def photographs(people=6, each=2):
    """Heads of one frame a sequence, named as in LFW."""
    found = heads(people=people, sequences=each, frames=1, files=tuple(map(str, range(people * each))))
    names = np.repeat([f"Person_{k:02}" for k in range(people)], each)
    return data.Heads(
        **vars(found) | {"columns": {"subject": names, "sequence": np.tile(np.arange(1.0, each + 1), people)}}
    )


def written(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_files_of_one_fold_and_of_several(tmp_path):
    same, other = "Ada_L\t1\t2", "Ada_L\t1\tBo_Y\t3"
    view_2 = pairs.read(written(tmp_path / "pairs.txt", "2\t2", same, same, other, other, same, same, other, other))
    assert view_2[0] == (0, ("Ada_L", 1), ("Ada_L", 2)) and view_2[2] == (0, ("Ada_L", 1), ("Bo_Y", 3))
    assert [fold for fold, *_ in view_2] == [0] * 4 + [1] * 4
    one = pairs.read(written(tmp_path / "pairsDevTest.txt", "20", *[same] * 20, *[other] * 20))
    assert Counter(fold for fold, *_ in one) == dict.fromkeys(range(10), 4)


@pytest.mark.parametrize(
    "lines, said",
    [
        (["people", "Ada 1 2"], "line 1 is not"),
        ([], "line 1 is not"),
        (["1", "Ada 1 2"], "has 1 pairs where line 1 promises 2"),
        (["1", "Ada 1 two", "Ada 1 Bo 1"], "pair 1 is 'Ada 1 two'"),
        (["1", "Ada 1 2", "Ada 1 Bo"], "pair 2 is 'Ada 1 Bo'"),
        (["1", "Ada 1 2", "Ada 1 Ada 2"], "pair 2 is"),
    ],
)
def test_what_is_no_list_of_pairs(tmp_path, lines, said):
    with pytest.raises(pairs.PairsError, match=said):
        pairs.read(written(tmp_path / "list.txt", *lines))
    with pytest.raises(pairs.PairsError, match="cannot be read"):
        pairs.read(tmp_path / "none.txt")


def test_pairs_of_a_list_that_the_set_has(tmp_path):
    """Who is not in the set is counted; as many of one person as of two are kept, evenly from the folds."""
    fold = ["Person_00 1 2", "Person_01 1 2", "Nobody 1 2", "Person_00 1 Person_01 2", "Person_02 2 Person_03 1",
            "Person_04 1 Nobody 7"]  # fmt: skip
    path = written(tmp_path / "list.txt", "2 3", *fold, *fold)
    found = pairs.listed(path, photographs(), 500, 0)
    assert (found.missing, found.left_out) == (4, 0)
    np.testing.assert_array_equal(found.pairs[:4], [[0, 1], [2, 3], [0, 3], [5, 6]])
    few = pairs.listed(path, photographs(), 2, 0)
    assert few.left_out == 4 and sorted(few.folds) == [0, 0, 1, 1]
    with pytest.raises(pairs.PairsError, match="The set holds 0 of the 12 pairs"):
        pairs.listed(path, heads_without_names(), 500, 0)


def heads_without_names():
    found = photographs()
    return data.Heads(**vars(found) | {"columns": found.columns | {"subject": np.arange(12.0)}})


@pytest.mark.parametrize("people, count, folds", [(40, 40, 10), (6, 6, 3)])
def test_drawn_pairs(people, count, folds):
    """Half of one person, half of two, no pair twice, and nobody in two folds."""
    some = photographs(people)
    found = pairs.drawn(count, some, 0)
    who = some.labels[:, 0][found.pairs]
    assert np.count_nonzero(who[:, 0] == who[:, 1]) == count == len(found.pairs) // 2
    assert len({frozenset(pair) for pair in found.pairs.tolist()}) == 2 * count
    parts = [set(who[found.folds == fold].ravel()) for fold in range(folds)]
    assert sum(map(len, parts)) == len(set.union(*parts)) and found.folds.max() == folds - 1
    np.testing.assert_array_equal(found.pairs, pairs.drawn(count, some, 0).pairs)
    assert (found.pairs != pairs.drawn(count, some, 1).pairs).any()
    with pytest.raises(pairs.PairsError, match="ask for fewer --pairs"):
        pairs.drawn(people * 10, some, 0)


def test_accuracy_of_scores_that_tell_all_and_nothing(rng):
    same, folds = np.tile([True, False], 50), np.repeat(np.arange(10), 10)
    assert verification.accuracy(np.where(same, 1.0, 0.0), same, folds) == (1, 0)
    assert verification.accuracy(np.zeros(100), same, folds) == (0.5, 0)
    assert verification.accuracy(np.where(same, 0.0, 1.0), same, folds)[0] <= 0.5
    # in one fold the scores are all higher: the threshold of the others accepts all of its pairs
    shifted = np.where(same, 1.0, 0.0) + 10 * (folds == 3)
    mean, error = verification.accuracy(shifted, same, folds)
    assert mean == pytest.approx(0.95) and error == pytest.approx(0.05)
    assert verification.accuracy(np.zeros(4), same[:4], folds[:4]) == (None, None)


def test_who_stays_is_identified_and_who_swaps_is_not(monkeypatch):
    monkeypatch.setattr(resampling, "DRAWS", 10)
    people = np.repeat(np.arange(5), 2)
    place = people[:, None].astype(float)
    swapped = (people[:, None] + 1.0) % 5
    rows = verification.identified(people, {"x": place, "a": swapped, "r": place}, 0)
    values = {row["title"]: row["value"] for row in rows}
    assert values == {"x' among x": 1, "a' among x": 0, "r' among x": 1, "a among x, the same photograph": 0}
    assert all(row["interval"] == [row["value"]] * 2 for row in rows)
    place[4] = np.nan  # no face in one of the third person's
    rows = verification.identified(people, {"x": place, "a": place, "r": place}, 0)
    assert {row["people"] for row in rows} == {4} and {row["value"] for row in rows} == {1}


def test_verification_of_who_stays_and_who_swaps(monkeypatch):
    monkeypatch.setattr(resampling, "DRAWS", 10)
    some = photographs(40)
    found = pairs.drawn(40, some, 0)
    people = some.labels[:, 0]
    place = 10.0 * people[:, None]
    rows = verification.verified(found, people, {"x": place, "a": place[::-1], "r": place + 1}, 0)
    by_title = {row["title"]: row for row in rows}
    assert by_title["x ↔ x'"]["auc"] == by_title["r ↔ x'"]["auc"] == by_title["x ↔ x'"]["accuracy"] == 1
    assert by_title["x ↔ a'"]["auc"] < 0.75 and by_title["x ↔ a'"]["genuine"] == 40
    place[found.pairs[0, 0]] = np.nan
    assert verification.verified(found, people, {"x": place, "a": place, "r": place}, 0)[0]["without_face"] >= 1


def test_a_sample_of_a_set():
    """Who has two sequences comes first; whole people; no more than asked for; the set itself where it is small."""
    labels = heads(people=8).labels
    labels[12:, 0] = 100 + np.repeat(np.arange(12), 3)  # the first two people have two sequences, twelve others one
    some = heads(people=8, labels=labels, files=tuple(map(str, range(48))))
    assert subset.at_most(some, 48, 0) is some
    few = subset.at_most(some, 14, 0)
    assert Counter(few.labels[:, 0].tolist()).most_common(2) == [(10, 4), (11, 4)] and len(few.images) == 14
    assert set(few.frames) == {0, 1} and few.files[0] == str(subset.drawn(some, 14, 0)[0])
    assert set(subset.at_most(some, 9, 0).labels[:, 0]) == {10, 11}
    with pytest.raises(subset.SubsetError):
        subset.drawn(some, 3, 0)
    np.testing.assert_array_equal(subset.photographs(some), np.arange(0, 48, 3))


@pytest.fixture
def lfw(tmp_path):
    """Rendered people in LFW's format: names, numbered photographs, only some genders known, two people seen once."""
    folder = tmp_path / "lfw"
    shutil.copytree(SAMPLE, folder)
    rows = list(csv.DictReader((SAMPLE / "manifest.csv").open()))
    names = dict(zip(sorted({row["subject"] for row in rows}), NAMES, strict=True))
    splits = {"Ada_L": "train", "Ed_W": "train", "Flo_N": "validation"}
    kept = (
        "file",
        "split",
        "subject",
        "sequence",
        "frame",
        "gender",
        "ethnicity",
        "hairstyle",
        "native_size",
        "domain",
    )
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*kept, "box"])
        writer.writeheader()
        for row in rows:
            name, number = names[row["subject"]], int(row["sequence"]) + 1
            if name in NAMES[-2:] and number == 2:
                continue
            changes = {"subject": name, "sequence": f"{number:04}", "domain": "lfw", "box": "detector",
                       "ethnicity": "unknown", "hairstyle": "unknown",
                       "split": splits.get(name, "test")}  # fmt: skip
            if name == NAMES[2]:
                changes["gender"] = "unknown"
            writer.writerow({key: (row | changes)[key] for key in (*kept, "box")})
    return folder


@pytest.mark.slow
def test_real_people_through_the_command(evaluate, lfw, tmp_path):  # noqa: F811
    """a = r = x, so that all numbers of a are those of x; what the set does not know is said, and what was drawn."""
    weights = save_weights(tmp_path / "weights")
    listed = written(tmp_path / "pairs.txt", "1 3", "Ada_L 1 2", "Cy_Z 1 2", "Nobody 1 2",
                     "Ada_L 1 Bo_Y 2", "Cy_Z 1 Hal_J 1", "Hal_J 2 Ada_L 1")  # fmt: skip
    out = tmp_path / "record.json"
    printed = evaluate(lfw, "--weights", weights, "-o", out, "--judges", "dlib,soft_labels", "--heads", 20,
                       "--train-heads", 16, "--pairs", 2, "--pairs", listed)  # fmt: skip
    record = json.loads(out.read_text())
    rows = {(row["title"], row["judge"]): row for row in record["rows"]}
    for title in ("ethnicity of a as s = 1 asks, Pearson", "hairstyle of a as s = -1 asks, Pearson"):
        assert rows[title, "soft_labels"]["why"] == "not known in this set"
    assert rows["gender of a as s = 1 asks, AUC", "soft_labels"]["value"] is not None
    assert ("x ↔ a' AUC, impostors of the same gender", "dlib") in rows and "not known in this set" in printed
    assert record["data"] | {"heads": 16, "of_heads": 32, "people": 5, "of_people": 5} == record["data"]
    assert "16 of 32 heads and 5 of 5 people, drawn at random" in printed
    assert record["train"]["heads"] == 16 and "of_heads" not in record["train"]
    drawn, from_file = record["photographs"]["lists"]
    assert (drawn["genuine"], drawn["impostor"], drawn["missing"]) == (2, 2, 0)
    assert (from_file["genuine"], from_file["impostor"], from_file["missing"]) == (2, 2, 2)
    for entry in (drawn, from_file):
        x, a, r = (row["auc"] for row in entry["rows"])
        assert x == pytest.approx(a, abs=0.12) and x == pytest.approx(r, abs=0.12)
    shares = {row["title"]: row["value"] for row in record["photographs"]["identification"]}
    assert shares["a among x, the same photograph"] == 1 and shares["x' among x"] == shares["a' among x"]
    assert verification.markdown(record["photographs"]) in printed and "2 more name a picture" in printed


@pytest.mark.slow
def test_what_cannot_be_judged_on_real_people(evaluate, lfw, tmp_path):  # noqa: F811
    weights, out = save_weights(tmp_path / "weights"), tmp_path / "out.json"

    def refused(*arguments):
        said = evaluate(*arguments, "-o", out, ok=False)
        assert not out.exists() and not out.with_suffix(".png").exists()
        return [line for line in said.splitlines() if line][-1]

    large = save_weights(tmp_path / "large", size=128)
    assert "is 64 x 64 pixels, not 128 x 128" in refused(lfw, "--weights", large, "--judges", "dlib")
    assert "dlib and faceres alone" in refused(lfw, "--weights", weights, "--judges", "own", "--pairs", 2)
    assert "ask for 2 or more" in refused(lfw, "--weights", weights, "--judges", "dlib", "--pairs", 1)
    assert "leave one out" in refused(lfw, "--twins=-1,1,1,1", "--pairs", 2)
    assert "cannot be read" in refused(lfw, "--weights", weights, "--judges", "dlib", "--pairs", tmp_path / "none.txt")
    assert "ask for fewer --pairs" in refused(lfw, "--weights", weights, "--judges", "dlib", "--pairs", 100)


def test_no_sheet_of_real_people_can_be_committed():
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        pytest.skip("not a checkout")
    sheets = [f"docs/weights/{name}.png" for name in ("twin-cctv-lfw", "twin-cctv-lfw-view2")]
    ignored = subprocess.run(["git", "check-ignore", *sheets], cwd=root, capture_output=True, text=True, check=True)
    assert ignored.stdout.split() == sheets
    records = [path for path in (root / "docs" / "weights").glob("*.json") if "lfw" in path.stem]
    tracked = subprocess.run(["git", "ls-files", "docs"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert not [path for path in records if str(path.with_suffix(".png").relative_to(root)) in tracked.splitlines()]
