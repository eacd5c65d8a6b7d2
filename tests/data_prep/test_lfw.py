"""Labeled Faces in the Wild: its tree and lists, frames made from photographs, and damaged copies of it."""

import dataclasses
import hashlib
import pickle
import re
import shutil
import tarfile

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep import heads, lfw, prepared, processes
from tests.data_prep import fixtures
from uunet import config, data
from uunet.boxes.types import Roi


def face_in_the_middle(frame):
    """Finds a face of 60 x 60 in the middle of any picture that is not of one colour."""
    if frame.std(axis=(0, 1)).max() < 8:
        return []
    return [Roi(45, 45, 60, 60), Roi(0, 0, 20, 20)]


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setitem(heads.DETECTORS, "mtcnn", lambda: face_in_the_middle)
    heads._network.cache_clear()
    yield fixtures.lfw(tmp_path / "set")
    heads._network.cache_clear()


def run(source, out, *more):
    """The exit status of the command line."""
    arguments = [str(source / "tree"), "--out", str(out), "--lists", str(source)]
    return lfw.main([*arguments, "--labels", str(source / "gender.csv"), *more])


def crops(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


def picture_of(folder, row):
    return cv2.imread(str(folder / row["file"])).astype(float)


@pytest.mark.slow
def test_mtcnn_finds_heads_that_train_both_learnings(tmp_path):
    """The whole way: tree -> command -> manifest -> pairs by ID and gender, and sequences made of photographs."""
    source = fixtures.lfw(tmp_path / "set")
    assert run(source, tmp_path / "out", "--frames", "4") == 0
    people = data.load(tmp_path / "out", "train", labels=("ID", "gender"))
    data.check_pairs(people, ("ID", "gender"))
    classifier = dataclasses.replace(config.PAPER.classifier, batch_pairs=8, labels=("ID", "gender"))
    pairs = data.pair_batch(people, classifier, 0)
    assert pairs["x"].shape == (8, 64, 64, 3) and pairs["b"].shape == (8, 2)
    few = dataclasses.replace(config.PAPER.adversarial, subjects=1, sequences=2, frames=4)
    assert data.sequence_batch(people, few, 0)["x"].shape == (8, 64, 64, 3)


def test_rows_of_the_manifest(source, tmp_path, capsys):
    """A photograph is a sequence; the head is 1.8 x the face of 60 pixels; one photograph is enough for a person."""
    plain = np.full((150, 150, 3), fixtures.BODY, np.uint8)
    fixtures.save(source / "tree/Person_G/Person_G_0001.jpg", plain)
    assert run(source, tmp_path / "out", "--frames", "2", "--size", "48") == 0
    rows = fixtures.manifest(tmp_path / "out")
    assert tuple(rows[0]) == (*prepared.COLUMNS, "head", "box")
    listed = [(row["subject"], row["sequence"], row["frame"]) for row in rows]
    photographs = [(name, f"{n + 1:04d}") for k, name in enumerate(fixtures.NAMES) for n in range(1 + k % 3)]
    assert listed == [(*photograph, str(frame)) for photograph in photographs for frame in (0, 1)]
    assert {row["domain"] for row in rows} == {"lfw"} and {row["hairstyle"] for row in rows} == {"unknown"}
    assert {row["subject"]: row["gender"] for row in rows}["Person_B"] == "female"
    by_person = {row["subject"]: row for row in rows}
    assert (by_person["Person_A"]["head"], by_person["Person_A"]["box"]) == ("21 15 108 108", "detector")
    assert (by_person["Person_G"]["head"], by_person["Person_G"]["box"]) == ("20 18 110 110", "centre")
    assert (by_person["Person_A"]["native_size"], by_person["Person_G"]["native_size"]) == ("108", "110")
    for row in rows:
        content = (tmp_path / "out" / row["file"]).read_bytes()
        assert row["sha256"] == hashlib.sha256(content).hexdigest()
        assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape == (48, 48, 3)
    printed = capsys.readouterr().out
    assert "head box by detector: 14" in printed and "head box by centre: 1" in printed


def test_splits_follow_the_lists_in_an_incomplete_tree_too(source, tmp_path, capsys):
    whole = lfw.plan(source / "tree", source).splits
    assert {name for name, split in whole.items() if split == "test"} == set(fixtures.NAMES[5:])
    assert sorted(whole[name] for name in fixtures.NAMES[:5]) == ["train"] * 3 + ["validation"] * 2
    assert any(lfw.plan(source / "tree", source, seed=seed).splits != whole for seed in range(1, 6))
    shutil.rmtree(source / "tree/Person_A")
    (source / "tree/Person_C/Person_C_0002.jpg").unlink()
    fixtures.save(source / "tree/Nobody_Known/Nobody_Known_0001.jpg", fixtures.lfw_photograph(0, 0))
    assert run(source, tmp_path / "out") == 0
    rows = fixtures.manifest(tmp_path / "out")
    assert {row["subject"]: row["split"] for row in rows} == {k: v for k, v in whole.items() if k != "Person_A"}
    printed = capsys.readouterr().out
    assert "lacks 1 of the 8 listed people and 1 photographs of the others; 1 people in it are in no list" in printed


@given(n=st.integers(20, 300), seed=st.integers(0, 2**32))
def test_a_tenth_of_the_people_for_training_are_for_validation(n, seed):
    people = {"train": {f"p{k}": 1 for k in range(n)}, "test": {"q": 1}}
    splits = lfw.cut_splits(people, seed)
    assert list(splits.values()).count("validation") == max(2, round(n / 10)) and splits["q"] == "test"
    assert splits == lfw.cut_splits({**people, "train": dict(reversed(people["train"].items()))}, seed)


def test_a_person_of_many_photographs_gives_30_for_training_and_all_for_testing(source):
    jpeg = (source / "tree/Person_A/Person_A_0001.jpg").read_bytes()
    for name in ("Person_A", "Person_H"):
        for number in range(1, 81):
            (source / f"tree/{name}/{name}_{number:04d}.jpg").write_bytes(jpeg)
    works = lfw.plan(source / "tree", source).works
    assert [work.boxes for work in works[:-1]] == [lfw.AT_ONCE] * (len(works) - 1)
    boxes = [box for work in works for box, _, _ in work.read()]
    chosen = [box.sequence for box in boxes if box.subject == "Person_A"]
    assert len(chosen) == 30 and (chosen[0], chosen[-1]) == ("0001", "0080")
    assert sum(box.subject == "Person_H" for box in boxes) == 80


def test_boxes_of_a_prepared_set_make_the_same_crops_in_any_order_of_the_work(source, tmp_path, monkeypatch):
    """No detector runs then; works are smaller, pickled as for another process, and finished from last to first."""

    def pickled(thing):
        return pickle.loads(pickle.dumps(thing))

    def each(job, works, workers):
        return [(work, pickled(job)(pickled(work))) for work in reversed(works)]

    assert run(source, tmp_path / "first", "--frames", "3") == 0
    monkeypatch.setattr(processes, "each", each)
    monkeypatch.setattr(lfw, "AT_ONCE", 4)
    monkeypatch.setitem(heads.DETECTORS, "mtcnn", None)
    again = tmp_path / "again"
    assert run(source, again, "--frames", "3", "--boxes", str(tmp_path / "first"), "--workers", "2") == 0
    assert crops(again) == crops(tmp_path / "first")
    assert fixtures.manifest(again) == fixtures.manifest(tmp_path / "first")


def test_a_stopped_run_goes_on_to_the_same_files(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lfw, "AT_ONCE", 4)
    assert run(source, tmp_path / "at once") == 0
    calls = []

    def stops(frame):
        calls.append(frame)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return face_in_the_middle(frame)

    monkeypatch.setitem(heads.DETECTORS, "mtcnn", lambda: stops)
    heads._network.cache_clear()
    assert run(source, tmp_path / "out") == 130
    assert not (tmp_path / "out/manifest.csv").exists()
    assert run(source, tmp_path / "out") == 0
    assert len(calls) == 10 + 15 - 8  # two works of 4 were done
    assert crops(tmp_path / "out") == crops(tmp_path / "at once")


def test_frame_0_is_the_photograph_and_the_others_differ_a_little():
    box = heads.Box("Person_A", "0001", 0, "male", "unknown", "unknown", "here")
    picture, head = fixtures.lfw_photograph(0, 0), Roi(21, 15, 108, 108)
    made = list(lfw.Crops(6)(box, picture, head, 64))
    assert [(frame, native) for frame, _, native in made] == [(frame, 108) for frame in range(6)]
    (_, plain, _), *_ = heads.plain_crop(box, picture, head, 64)
    assert (made[0][1] == plain).all()
    changes = [np.abs(crop - plain.astype(float)).mean() for _, crop, _ in made[1:]]
    assert min(changes) > 1 and max(changes) < 60 and len(set(changes)) == 5
    again = [crop for _, crop, _ in lfw.Crops(6)(box, picture, head, 64)]
    assert all((one == other).all() for one, (_, other, _) in zip(again, made, strict=True))
    another = [crop for _, crop, _ in lfw.Crops(2)(dataclasses.replace(box, sequence="0002"), picture, head, 64)]
    assert (another[0] == plain).all() and (another[1] != made[1][1]).any()


@given(seed=st.integers(0, 2**32), x=st.integers(0, 30), y=st.integers(0, 30), side=st.integers(60, 120))
def test_what_is_shown_stays_near_the_head_and_inside_the_photograph(seed, x, y, side):
    """The red and green of a ramp tell which columns and rows a frame shows."""
    ramp = np.zeros((150, 150, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(150)[None], np.arange(150)[:, None]
    crop = lfw.vary(ramp, Roi(x, y, side, side), np.random.default_rng(seed))
    assert crop.shape[0] == crop.shape[1] and abs(crop.shape[0] - side) <= lfw.SCALE * side + 1
    middle = crop[crop.shape[0] // 2, crop.shape[1] // 2, :2].astype(float)
    furthest = (lfw.SHIFT + lfw.SCALE / 2) * side + 2
    for found, start in zip(middle, (x, y), strict=True):
        at = start + side / 2
        assert (1 - lfw.BRIGHTNESS) * (at - furthest) - 2 <= found <= (1 + lfw.BRIGHTNESS) * (at + furthest) + 2


def test_degraded_heads_have_few_pixels_and_keep_their_people(source, tmp_path):
    """cctv: 24 to 64 pixels on the sensor, one camera a photograph, other noise in each frame."""
    assert run(source, tmp_path / "sharp", "--frames", "2") == 0
    assert run(source, tmp_path / "cctv", "--frames", "2", "--degrade", "cctv", "--boxes", str(tmp_path / "sharp")) == 0
    rows = fixtures.manifest(tmp_path / "cctv")
    assert {row["domain"] for row in rows} == {"lfw-cctv"}
    sizes = {(row["subject"], row["sequence"]): set() for row in rows}
    for row in rows:
        sizes[row["subject"], row["sequence"]].add(int(row["native_size"]))
    assert all(len(own) == 1 and 24 <= min(own) <= 64 for own in sizes.values())
    assert len(set(map(min, sizes.values()))) > 3
    for row in rows[::2]:
        sharp, poor = (picture_of(tmp_path / name, row) for name in ("sharp", "cctv"))
        assert 0.8 < np.corrcoef(sharp.ravel(), poor.ravel())[0, 1] < 0.999


def test_a_head_of_few_pixels_is_not_said_to_have_more():
    box = heads.Box("Person_A", "0001", 0, "male", "unknown", "unknown", "here")
    made = lfw.Crops(1, "hd")(box, fixtures.lfw_photograph(0, 0), Roi(20, 20, 90, 90), 64)
    assert [(crop.shape, native) for _, crop, native in made] == [((64, 64, 3), 90)]


def test_damaged_files_are_listed_with_the_reason_and_the_rest_is_done(source, tmp_path):
    tree = source / "tree"
    cut = tree / "Person_B/Person_B_0002.jpg"
    cut.write_bytes(cut.read_bytes()[:900])
    (tree / "Person_C/Person_C_0001.jpg").write_bytes(b"")
    (tree / "Person_C/Thumbs.db").write_bytes(b"")
    (tree / "Person_C/Person_D_0001.jpg").write_bytes(b"")
    (tree / "readme.txt").write_bytes(b"")
    assert run(source, tmp_path / "out") == 0
    strange = "not named as LFW names its photographs"
    assert fixtures.skipped(tmp_path / "out") == {
        "Person_B/Person_B_0002.jpg": "picture unreadable",
        "Person_C/Person_C_0001.jpg": "picture unreadable",
        "Person_C/Thumbs.db": strange,
        "Person_C/Person_D_0001.jpg": strange,
        "readme.txt": strange,
    }
    assert len(fixtures.manifest(tmp_path / "out")) == 13


def another_set(source):
    for k, folder in enumerate(sorted((source / "tree").iterdir())):
        folder.rename(source / "tree" / f"{k:04d}")


def half_an_archive(source):
    for folder in sorted((source / "tree").iterdir())[3:]:
        shutil.rmtree(folder)


def without_a_list(source):
    (source / "peopleDevTest.txt").unlink()


def half_a_list(source):
    path = source / "peopleDevTrain.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:4]) + "\n")


def pairs_for_a_list(source):
    (source / "peopleDevTest.txt").write_text("10\t300\nAbel_Pacheco\t1\t4\n")


def an_empty_list(source):
    (source / "peopleDevTest.txt").write_text("")


def one_person_in_both_lists(source):
    fixtures.lfw_list(source / "peopleDevTest.txt", {"Person_A": 1})


def a_strange_gender(source):
    (source / "gender.csv").write_text("name,gender\nPerson_A,male\nPerson_B,robot\n")


def genders_of_strangers(source):
    (source / "gender.csv").write_text("name,gender\nAaron_Peirsol,male\n")


def labels_without_names(source):
    (source / "gender.csv").write_text("gender\nmale\n")


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (another_set, "of 0 of the 8 listed people: it is another set or a part of LFW"),
        (half_an_archive, "of 3 of the 8 listed people"),
        (without_a_list, "peopleDevTest.txt cannot be read: get peopleDevTrain.txt and peopleDevTest.txt"),
        (half_a_list, "peopleDevTrain.txt announces 5 people and names 3"),
        (pairs_for_a_list, "peopleDevTest.txt, row 2 is not a name and a number"),
        (an_empty_list, "peopleDevTest.txt cannot be read"),
        (one_person_in_both_lists, "Person_A is in both lists"),
        (a_strange_gender, "gender.csv, row 3: gender is 'robot', not one of male, female, unknown"),
        (genders_of_strangers, "gender.csv names no subject of this set"),
        (labels_without_names, "gender.csv lacks the column.s. name"),
    ],
)
def test_a_bad_source_is_one_sentence_and_leaves_nothing(source, tmp_path, capsys, damage, sentence):
    damage(source)
    assert run(source, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert re.search(sentence, said) and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_unknown_names_in_the_table_are_said(source, tmp_path, capsys):
    (source / "gender.csv").write_text("name,gender\nPerson_A,male\nAaron_Peirsol,male\n")
    assert run(source, tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "names 1 subjects that are not in the set, first Aaron_Peirsol (row 3)" in printed
    assert "has no row for 7 subjects, first Person_B" in printed


def test_boxes_of_another_loader_or_of_other_photographs_are_refused(source, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    for text, sentence in (
        (None, "manifest.csv cannot be read"),
        ("subject,sequence\na,0001\n", "manifest.csv lacks the column.s. head, box"),
        ("subject,sequence,head,box\nPerson_A,0001,1 2 3,detector\n", "row 2: head is not four numbers"),
        ("subject,sequence,head,box\nPerson_A,0099,1 2 30 30,detector\n", "has no head box of a photograph"),
    ):
        if text:
            (other / "manifest.csv").write_text(text)
        assert run(source, tmp_path / "out", "--boxes", str(other)) == 1
        assert re.search(sentence, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def archive_of(source, monkeypatch):
    path = source / "published.tgz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(source / "tree", "lfw")
    monkeypatch.setattr(lfw, "URL", path.as_uri())
    monkeypatch.setattr(lfw, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def fetch(source, tmp_path):
    arguments = [str(tmp_path / "fetched"), "--download", "--out", str(tmp_path / "out"), "--lists", str(source)]
    return lfw.main(arguments)


def test_the_set_is_fetched_checked_and_extracted_once(source, tmp_path, monkeypatch):
    published = archive_of(source, monkeypatch)
    assert fetch(source, tmp_path) == 0
    assert len(fixtures.manifest(tmp_path / "out")) == 15
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == ["lfw"]
    published.unlink()
    shutil.rmtree(tmp_path / "out")
    assert fetch(source, tmp_path) == 0


def test_no_network_or_another_file_is_one_sentence(source, tmp_path, monkeypatch, capsys):
    published = archive_of(source, monkeypatch)
    published.write_bytes(published.read_bytes()[:500])
    assert fetch(source, tmp_path) == 1
    assert "is not LFW (its SHA-256 is" in capsys.readouterr().err
    published.unlink()
    assert fetch(source, tmp_path) == 1
    assert "cannot be fetched" in capsys.readouterr().err
    assert not any((tmp_path / "fetched").iterdir()) and not (tmp_path / "out").exists()
    published = archive_of(source, monkeypatch)
    (tmp_path / "fetched/lfw.tgz").write_bytes(published.read_bytes()[:500])
    assert fetch(source, tmp_path) == 1
    assert "lfw.tgz cannot be extracted" in capsys.readouterr().err
    assert not (tmp_path / "fetched/lfw").exists()
