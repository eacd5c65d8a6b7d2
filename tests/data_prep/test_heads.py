"""What the loaders share: splits, the choice of the head, tables, and a run that was stopped or asked for nonsense."""

import hashlib
import json
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep import heads, mars, prepared, tables
from tests.data_prep import fixtures
from uunet import atomic, data
from uunet.boxes.types import Roi


@given(n=st.integers(5, 300), seed=st.integers(0, 2**32))
def test_splits_are_80_to_20_by_identity_and_depend_on_the_seed_alone(n, seed):
    subjects = [f"s{k}" for k in range(n)]
    splits = prepared.cut_splits(subjects, seed)
    counts = Counter(splits.values())
    assert splits.keys() == set(subjects)
    assert counts["test"] == max(1, round(0.2 * n))
    assert counts["validation"] == max(2, round(0.1 * n))
    assert counts["train"] >= 2
    assert prepared.cut_splits(reversed(subjects + subjects), seed) == splits


def test_another_seed_cuts_other_splits():
    subjects = [f"s{k}" for k in range(50)]
    assert prepared.cut_splits(subjects, 0) != prepared.cut_splits(subjects, 1)


def test_too_few_identities_to_split():
    with pytest.raises(heads.SourceError, match="Only 4 identities"):
        prepared.cut_splits("abcd", 0)


@given(n=st.integers(1, 60), most=st.integers(1, 70))
def test_evenly_keeps_order_and_both_ends(n, most):
    chosen = heads.evenly(list(range(n)), most)
    assert len(chosen) == min(n, most) and chosen == sorted(set(chosen)) and chosen[0] == 0
    assert most == 1 or chosen[-1] == n - 1


def test_the_head_is_that_of_the_person_whose_box_it_is():
    """Two faces in one person's box: the one at its top middle; around a labelled face: the one in the middle."""
    top, side = Roi(50, 10, 28, 30), Roi(50, 110, 28, 30)
    roi = Roi(200, 100, 128, 256)
    assert heads.find_head([side, top], heads.PERSON, roi, 600, 600) == heads.find_head([top], (0, 0), roi, 600, 600)
    assert heads.find_head([top, side], heads.FACE, roi, 600, 600) == heads.find_head([side], (0, 0), roi, 600, 600)
    assert heads.find_head([], heads.PERSON, roi, 600, 600) is None
    head = heads.find_head([top], heads.PERSON, roi, 600, 600)
    assert (head.x + head.w / 2, head.w, head.h) == (264, 54, 54)  # 1.8 x the face's longer side, around x = 200 + 64


def test_boxes_of_several_shapes_are_never_in_one_call():
    calls = []

    def detector(frame):
        raise AssertionError("many is faster")

    def many(frames):
        calls.append({frame.shape for frame in frames})
        return [[Roi(0, 0, 8, 8)] for _ in frames]

    detector.many = many
    picture = np.zeros((64, 64, 3), np.uint8)
    boxes = [(picture, Roi(0, 0, 20 + k % 2, 30)) for k in range(6)]
    assert None not in heads.find_heads(boxes, detector, heads.PERSON)
    assert sorted(len(shapes) for shapes in calls) == [1, 1]


def test_no_detector_takes_the_box_for_the_head():
    picture = np.zeros((64, 64, 3), np.uint8)
    assert heads.find_heads([(picture, Roi(3, 4, 20, 30))], None, heads.PERSON) == [Roi(3, 4, 20, 30)]


@pytest.mark.parametrize(
    "place, roi", [((-10, -5, 40, 300), (0, 0, 30, 64)), ((60, 0, 10, 10), None), ((5, 5, 0, 9), None)]
)
def test_a_box_is_cut_at_the_edge_of_the_picture(place, roi):
    picture = np.zeros((64, 60, 3), np.uint8)
    _, found, cut = heads.placed("box", picture, place)
    assert cut == roi if roi else found == "box empty or outside the picture" and cut is None


@pytest.mark.parametrize(
    "text, message",
    [
        ("subject,gender,ethnicity,hairstyle\na,robot,white,short\n", "row 2: gender is 'robot'"),
        ("subject,gender,ethnicity,hairstyle\na,male,white,short\nb,male,white,curly\n", "row 3: hairstyle is 'curly'"),
        ("subject,gender,ethnicity,hairstyle\na,male,white,bald\na,male,white,bald\n", "row 3: subject a is in row 2"),
        ("subject,gender,ethnicity\na,male,white\n", "lacks the column.s. hairstyle"),
        ("subject,gender,ethnicity,hairstyle\na,male,white\n", "row 2 has too few"),
        ("subject,gender,ethnicity,hairstyle\nzz,male,white,bald\n", "names no subject of this set"),
        ("subject,gender,ethnicity,hairstyle\n", "names no subject of this set"),
    ],
)
def test_a_bad_table_of_labels_is_refused_with_file_and_row(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(heads.SourceError, match=message) as refused:
        tables.read_labels(path, {"a", "b"})
    assert str(path) in str(refused.value)


def test_labels_of_strangers_and_missing_ones_are_said(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("subject,gender,ethnicity,hairstyle\na,MALE, white,\nzz,male,white,bald\n")
    labels, notes = tables.read_labels(path, {"a", "b"})
    assert labels == {"a": ("male", "white", "unknown"), "b": ("unknown",) * 3}
    assert "1 subjects that are not in the set, first zz (row 3)" in notes[0]
    assert "no row for 1 subjects, first b" in notes[1]


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_stopped_run_goes_on_to_the_same_files(tmp_path):
    """Killed in its third tracklet, with half a line in progress.jsonl; no tracklet is done twice."""
    plan = mars.plan(fixtures.mars(tmp_path / "mars"))
    prepared.write(tmp_path / "at once", plan, fixtures.fake_detector, {})
    seen = []

    def detector(frame):
        seen.append(frame)
        if len(seen) == 8:
            raise KeyboardInterrupt
        return fixtures.fake_detector(frame)

    out = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        prepared.write(out, plan, detector, {})
    assert not (out / "manifest.csv").exists() and not (out / "skipped.csv").exists()
    with open(out / "progress.jsonl", "a") as file:
        file.write('{"work": "0003C')
    result = prepared.write(out, plan, detector, {})
    assert result.boxes == 48 - 6
    assert files_of(out) == files_of(tmp_path / "at once")


def test_a_folder_with_something_else_is_never_touched(tmp_path):
    plan = mars.plan(fixtures.mars(tmp_path / "mars"))
    out = tmp_path / "out"
    prepared.write(out, plan, fixtures.fake_detector, {})
    before = files_of(out)
    with pytest.raises(heads.SourceError, match="holds a prepared set already"):
        prepared.write(out, plan, fixtures.fake_detector, {})
    assert files_of(out) == before
    (out / "manifest.csv").unlink()
    with pytest.raises(heads.SourceError, match="is not empty"):
        prepared.write(out, plan, fixtures.fake_detector, {})
    (out / "progress.jsonl").write_text(json.dumps({"domain": "mars", "size": 32}) + "\n")
    with pytest.raises(heads.SourceError, match="begun with other settings"):
        prepared.write(out, plan, fixtures.fake_detector, {})
    (out / "progress.jsonl").write_text("not JSON\n")
    with pytest.raises(heads.SourceError, match="is damaged"):
        prepared.write(out, plan, fixtures.fake_detector, {})
    with pytest.raises(atomic.OutputError):
        prepared.write(out / "crops" / "0001" / "C1T0001" / "000001.png", plan, fixtures.fake_detector, {})


def test_manifest_names_files_with_their_hash_and_native_size(tmp_path):
    plan = mars.plan(fixtures.mars(tmp_path / "mars"))
    result = prepared.write(tmp_path / "out", plan, fixtures.fake_detector, {}, prepared.Options(size=32, seed=3))
    rows = fixtures.manifest(tmp_path / "out")
    assert tuple(rows[0]) == prepared.COLUMNS and {row["domain"] for row in rows} == {"mars"}
    for row in rows:
        content = (tmp_path / "out" / row["file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape == (32, 32, 3)
        assert row["native_size"] == "65"  # 1.8 x a face of 36 pixels
    split_of = {row["subject"]: row["split"] for row in rows}
    assert {(row["subject"], row["split"]) for row in rows} == set(split_of.items())
    assert split_of == prepared.cut_splits(split_of, 3)
    assert sum(result.heads.values()) == len(rows) == 48
    assert data.load(tmp_path / "out", "train", size=32).images.shape == (24, 32, 32, 3)


def test_a_subject_with_one_head_is_left_out_and_said(tmp_path):
    """Pairs need two heads of each subject."""
    source = fixtures.mars(tmp_path / "mars")
    for path in sorted((source / "bbox_test" / "0002").iterdir())[1:]:
        fixtures.save(path, np.full((256, 128, 3), fixtures.BODY, np.uint8))
    plan = mars.plan(source)
    prepared.write(tmp_path / "out", plan, fixtures.fake_detector, {})
    skipped = fixtures.skipped(tmp_path / "out")
    assert skipped["bbox_test/0002/0002C1T0001F001.jpg"] == "only head of its subject"
    assert skipped["bbox_test/0002/0002C2T0002F003.jpg"] == "no head found"
    assert "0002" not in {row["subject"] for row in fixtures.manifest(tmp_path / "out")}
    for split in ("train", "validation"):
        data.check_pairs(data.load(tmp_path / "out", split), ("ID",))


def test_the_command_says_what_is_wrong_and_leaves_1(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(heads.DETECTORS, "mtcnn", lambda: fixtures.fake_detector)
    assert mars.main([str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 1
    assert "nowhere is not a folder" in capsys.readouterr().err
    source = fixtures.mars(tmp_path / "mars", frames=1)
    assert mars.main([str(source), "--out", str(tmp_path / "out"), "--detector", "none"]) == 1
    assert "larger than heads" in capsys.readouterr().err
    assert mars.main([str(source), "--out", str(tmp_path / "out"), "--labels", str(tmp_path / "no.csv")]) == 1
    assert "no.csv cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    for nonsense in (["--size", "0"], ["--frames", "none"], ["--seed", "-1"]):
        with pytest.raises(SystemExit) as left:
            mars.main([str(source), "--out", str(tmp_path / "out"), *nonsense])
        assert left.value.code == 2
    assert not (tmp_path / "out").exists()
    assert mars.main([str(source), "--out", str(tmp_path / "out")]) == 0
    assert "distractor (identity 0000): 1" in capsys.readouterr().out


def test_ctrl_c_leaves_130_and_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    def detector(frame):
        raise KeyboardInterrupt

    monkeypatch.setitem(heads.DETECTORS, "mtcnn", lambda: detector)
    source = fixtures.mars(tmp_path / "mars", frames=1)
    assert mars.main([str(source), "--out", str(tmp_path / "out")]) == 130
    assert "run the same command again" in capsys.readouterr().err
