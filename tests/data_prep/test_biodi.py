"""BIODI, in the layout that data_prep/biodi.py defines: identities it does not have, and bad tables."""

import pytest

from data_prep import biodi, heads, prepared
from tests.data_prep import fixtures
from uunet.boxes.types import Roi

HEADER = "picture,sequence,frame,x,y,w,h,gender,ethnicity,hairstyle\n"


def test_a_real_detector_finds_heads_that_train(tmp_path, capsys):
    source = fixtures.biodi(tmp_path / "set")
    assert biodi.main([str(source), "--out", str(tmp_path / "out"), "--detector", "centerface"]) == 0
    assert "recognition results mean nothing" in capsys.readouterr().out
    fixtures.check_it_trains(tmp_path / "out", subjects=4)


def test_each_sequence_counts_as_a_subject_with_two_halves(tmp_path):
    plan = biodi.plan(fixtures.biodi(tmp_path / "set"))
    boxes = [(box, roi) for work in plan.works for box, _, roi in work.read()]
    assert len({box.subject for box, _ in boxes}) == 16
    assert [box.sequence for box, _ in boxes[:4]] == ["0", "0", "1", "1"]
    origin = "boxes.csv, row 3: cam000/0_000001.jpg"
    assert boxes[1] == (heads.Box("cam000-0", "0", 1, "male", "black", "short", origin), Roi(200, 20, 128, 256))
    assert {box.hairstyle for box, _ in boxes if box.subject == "cam000-1"} == {"unknown"}


@pytest.mark.parametrize(
    "row, message",
    [
        ("a.jpg,s,0,0,0,9,9,male,white,mohawk\n", "row 2: hairstyle is 'mohawk'"),
        ("a.jpg,s,first,0,0,9,9,male,white,bald\n", "row 2: frame is a whole number"),
        ("a.jpg,s,-1,0,0,9,9,male,white,bald\n", "row 2: frame is a whole number"),
        ("a.jpg,s,0,0,0,9,inf,male,white,bald\n", "row 2: frame is a whole number"),
        ("a.jpg,../s,0,0,0,9,9,male,white,bald\n", "row 2: a sequence is named by"),
        ("../a.jpg,s,0,0,0,9,9,male,white,bald\n", "row 2: a picture is a path inside"),
        ("a.jpg,s,0,0\n", "row 2 has too few"),
        ("", "has no box"),
    ],
)
def test_a_bad_table_is_refused_with_file_and_row(tmp_path, row, message):
    (tmp_path / "boxes.csv").write_text(HEADER + row)
    with pytest.raises(heads.SourceError, match=message) as refused:
        biodi.plan(tmp_path)
    assert "boxes.csv" in str(refused.value)


def test_a_folder_without_the_table_is_refused(tmp_path):
    with pytest.raises(heads.SourceError, match="has no boxes.csv"):
        biodi.plan(tmp_path)


def test_a_missing_picture_is_listed(tmp_path):
    source = fixtures.biodi(tmp_path / "set")
    (source / "cam000/0_000001.jpg").unlink()
    prepared.write(tmp_path / "out", biodi.plan(source), fixtures.fake_detector, {})
    assert fixtures.skipped(tmp_path / "out") == {"boxes.csv, row 3: cam000/0_000001.jpg": "picture missing"}
