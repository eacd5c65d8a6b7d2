"""YouTube Faces: label files with centres, aligned faces, and damaged copies."""

import numpy as np
import pytest

from data_prep import heads, prepared, youtube_faces
from tests.data_prep import fixtures
from uunet.boxes.types import Roi


@pytest.mark.slow
@pytest.mark.parametrize("make", [fixtures.youtube_faces, fixtures.youtube_faces_aligned])
def test_a_real_detector_finds_heads_that_train_both_learnings(tmp_path, make):
    source = make(tmp_path / "set")
    table = fixtures.labels(tmp_path / "labels.csv", fixtures.NAMES)
    arguments = [str(source), "--out", str(tmp_path / "out"), "--labels", str(table), "--detector", "centerface"]
    assert youtube_faces.main(arguments) == 0
    fixtures.check_it_trains(tmp_path / "out", subjects=4)


def test_person_video_frame_and_the_centre_of_the_face(tmp_path):
    """x, y of a label file is the centre: 80, 112 with 56 x 56 gives 2.2 x 56 = 123 pixels around it."""
    plan = youtube_faces.plan(fixtures.youtube_faces(tmp_path))
    boxes = [(box, roi) for work in plan.works for box, _, roi in work.read()]
    origin = "frame_images_DB/Person_A.labeled_faces.txt, row 2"
    assert boxes[1] == (heads.Box("Person_A", "0", 101, *["unknown"] * 3, origin), Roi(18, 50, 124, 124))
    assert len(boxes) == 48 and plan.skipped == []


def test_both_forms_hold_the_same_sequences(tmp_path):
    works = [
        [work.name for work in youtube_faces.plan(make(tmp_path / make.__name__)).works]
        for make in (fixtures.youtube_faces, fixtures.youtube_faces_aligned)
    ]
    assert works[0] == works[1] == [f"{name} {video}" for name in fixtures.NAMES for video in (0, 1)]


def test_damaged_lines_and_frames_are_listed_with_the_reason(tmp_path):
    source = fixtures.youtube_faces(tmp_path / "set")
    root = source / "frame_images_DB"
    (root / "Person_A/0/0.100.jpg").unlink()
    cut = root / "Person_A/0/0.101.jpg"
    cut.write_bytes(cut.read_bytes()[:700])
    fixtures.save(root / "Person_A/0/0.102.jpg", np.full((240, 320, 3), fixtures.BODY, np.uint8))
    fixtures.save(root / "Person_A/1/1.999.jpg", np.full((240, 320, 3), fixtures.BODY, np.uint8))
    with open(root / "Person_A.labeled_faces.txt", "a") as file:
        file.write("Person_A\\1\\1.1\n")
        file.write("Person_A\\1\\1.100.jpg,0,wide,112,56,56,0.0,1\n")
        file.write("Person_B\\1\\1.100.jpg,0,80,112,56,56,0.0,1\n")
        file.write("Person_A\\1\\..\\..\\1.100.jpg,0,80,112,56,56,0.0,1\n")
        file.write("Person_A\\1\\1.101.jpg,0,900,112,56,56,0.0,1\n")
    prepared.write(tmp_path / "out", youtube_faces.plan(source), fixtures.fake_detector, {})
    bad = "not person\\video\\video.frame.jpg and a box"
    name = "frame_images_DB/Person_A.labeled_faces.txt, row"
    assert fixtures.skipped(tmp_path / "out") == {
        f"{name} 1": "picture missing",
        f"{name} 2": "picture unreadable",
        f"{name} 3": "no head found",
        f"{name} 7": bad,
        f"{name} 8": bad,
        f"{name} 9": bad,
        f"{name} 10": bad,
        f"{name} 11": "box empty or outside the picture",
        "frame_images_DB/Person_A/1/1.999.jpg": "frame without a labelled face",
    }


def test_strange_names_of_aligned_faces_are_listed(tmp_path):
    source = fixtures.youtube_faces_aligned(tmp_path)
    fixtures.save(source / "aligned_images_DB/Person_A/0/aligned_detect_1.7.jpg", fixtures.sample_head(0, 0, 0))
    fixtures.save(source / "aligned_images_DB/Person_A/0/aligned_det.jpg", fixtures.sample_head(0, 0, 0))
    reasons = dict(youtube_faces.plan(source).skipped)
    assert {name.rsplit("/", 1)[1] for name in reasons} == {"aligned_detect_1.7.jpg", "aligned_det.jpg"}


def test_a_folder_without_any_of_it_is_refused(tmp_path):
    with pytest.raises(heads.SourceError, match="no frame_images_DB and no aligned_images_DB"):
        youtube_faces.plan(tmp_path)
    (tmp_path / "frame_images_DB/Person_A").mkdir(parents=True)
    with pytest.raises(heads.SourceError, match="no labelled face"):
        youtube_faces.plan(tmp_path)


def test_at_most_so_many_frames_and_sequences(tmp_path):
    plan = youtube_faces.plan(fixtures.youtube_faces(tmp_path), frames=2, sequences=1)
    assert [work.boxes for work in plan.works] == [2] * 8
    assert [box.frame for box, _, _ in plan.works[0].read()] == [100, 102]
