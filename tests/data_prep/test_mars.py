"""MARS: its names, its two halves, whom it leaves out, and damaged copies of it."""

import numpy as np
import pytest

from data_prep import heads, mars, prepared
from tests.data_prep import fixtures


@pytest.fixture
def source(tmp_path):
    return fixtures.mars(tmp_path / "mars")


@pytest.mark.slow
def test_mtcnn_finds_heads_that_train_both_learnings(source, tmp_path, capsys):
    """The whole way: extracted set -> command -> manifest -> a batch of pairs and a batch of sequences."""
    table = fixtures.labels(tmp_path / "labels.csv", [f"{k:04d}" for k in range(1, 9)])
    assert mars.main([str(source), "--out", str(tmp_path / "out"), "--labels", str(table)]) == 0
    assert "junk (identity 00-1): 1" in capsys.readouterr().out
    fixtures.check_it_trains(tmp_path / "out", subjects=2)


def test_identity_camera_tracklet_frame_and_labels_are_kept(source, tmp_path):
    table = fixtures.labels(tmp_path / "labels.csv", ["0001", "0002"])
    plan = mars.plan(source, labels=table)
    boxes = [box for work in plan.works for box, _, _ in work.read()]
    assert len(boxes) == 48 == sum(work.boxes for work in plan.works)
    assert boxes[4] == heads.Box("0001", "C2T0002", 2, "male", "white", "short", "bbox_train/0001/0001C2T0002F002.jpg")
    assert {box.gender for box in boxes if box.subject == "0003"} == {"unknown"}
    assert "no row for 6 subjects" in plan.notes[0]


def test_junk_and_distractors_are_nobody(source):
    assert dict(mars.plan(source).skipped) == {
        "bbox_test/00-1/00-1C1T0001F001.jpg": "junk (identity 00-1)",
        "bbox_test/0000/0000C1T0001F001.jpg": "distractor (identity 0000)",
    }


def test_at_most_so_many_frames_and_sequences(source):
    plan = mars.plan(source, frames=2, sequences=1)
    assert [work.name for work in plan.works][:2] == ["0001C1T0001", "0003C1T0001"]
    assert [box.frame for box, _, _ in plan.works[0].read()] == [1, 3]


@pytest.mark.parametrize("half", mars.FOLDERS)
def test_half_a_set_is_refused(source, half):
    """The 80 : 20 cut is over all 1,261 identities."""
    for path in (source / half).rglob("*.jpg"):
        path.unlink()
    with pytest.raises(heads.SourceError, match=f"no person in {half}"):
        mars.plan(source)


def test_an_identity_in_both_halves_is_refused(source):
    fixtures.save(source / "bbox_test/0001/0001C3T0009F001.jpg", fixtures.person_box(0, 0, 0))
    with pytest.raises(heads.SourceError, match="Identity 0001 is in bbox_train and in bbox_test"):
        mars.plan(source)


def test_damaged_files_are_listed_with_the_reason_and_the_rest_is_done(source, tmp_path):
    folder = source / "bbox_train/0001"
    cut = folder / "0001C1T0001F002.jpg"
    cut.write_bytes(cut.read_bytes()[:900])
    (folder / "0001C2T0002F001.jpg").write_bytes(b"")
    fixtures.save(folder / "0001C2T0002F003.jpg", np.full((256, 128, 3), 90, np.uint8))
    (folder / "0001C1T00").write_bytes(b"")
    fixtures.save(folder / "0007C1T0001F001.jpg", fixtures.person_box(0, 0, 0))
    (source / "bbox_train" / "Thumbs.db").write_bytes(b"")
    prepared.write(tmp_path / "out", mars.plan(source), fixtures.fake_detector, {})
    strange = "not named as MARS names its pictures"
    expected = {
        "0001/0001C1T0001F002.jpg": "picture unreadable",
        "0001/0001C2T0002F001.jpg": "picture unreadable",
        "0001/0001C2T0002F003.jpg": "no head found",
        "0001/0001C1T00": strange,
        "0001/0007C1T0001F001.jpg": strange,
        "Thumbs.db": strange,
    }
    skipped = fixtures.skipped(tmp_path / "out")
    assert {k: v for k, v in skipped.items() if k.startswith("bbox_train")} == {
        f"bbox_train/{name}": reason for name, reason in expected.items()
    }
    assert len(fixtures.manifest(tmp_path / "out")) == 48 - 3
