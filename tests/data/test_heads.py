"""Reading a prepared set: what is in it, and what is wrong with it."""

import csv
import dataclasses
import shutil
import warnings

import cv2
import numpy as np
import pytest

from tests.data.crowds import PAIRS, SAMPLE
from uunet import data, labels


def test_splits_share_no_subject(tiny_set):
    subjects = [set(data.load(tiny_set, split, size=32).labels[:, 0]) for split in data.SPLITS]
    assert [len(s) for s in subjects] == [3, 2, 1]
    assert not subjects[0] & subjects[1] and not (subjects[0] | subjects[1]) & subjects[2]


def test_load_is_rgb_and_labelled(heads, tiny_set):
    with open(tiny_set / "manifest.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    assert heads.files == tuple(row["file"] for row in rows) and heads.skipped == ()
    for image, codes, row in zip(heads.images, heads.labels, rows, strict=True):
        np.testing.assert_array_equal(image, cv2.imread(str(tiny_set / row["file"]))[..., ::-1])
        assert [labels.VALUES[label][code] for label, code in zip(labels.VALUES, codes[1:], strict=True)] == [
            row[label] for label in labels.VALUES
        ]
    assert heads.images.shape == (18, 32, 32, 3) and heads.images.dtype == np.uint8
    assert heads.labels.shape == (18, 4) and len(set(heads.sequences)) == 6


def test_further_columns():
    heads = data.load(SAMPLE, "test", columns=("yaw", "environment", "subject"))
    with open(SAMPLE / "manifest.csv") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    np.testing.assert_array_equal(heads.columns["yaw"], [float(row["yaw"]) for row in rows])
    assert list(heads.columns["environment"]) == [row["environment"] for row in rows]
    assert set(heads.columns) == {"yaw", "environment", "subject"}
    with pytest.raises(data.DataError, match="lacks the column.* shoe_size"):
        data.load(SAMPLE, "test", columns=("yaw", "shoe_size"))


def test_labels_mean_the_same_in_every_split(tiny_set, damaged):
    """Though one of the splits, or sets, lacks some of the values."""
    train, test = (data.load(tiny_set, split, size=32) for split in ("train", "test"))
    assert labels.VALUES["ethnicity"][test.labels[0, 2]] == "white"
    only_black = damaged("", "")
    manifest = only_black / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("asian", "black").replace("white", "black"))
    black = data.load(only_black, "train", size=32)
    assert set(black.labels[:, 2]) == {labels.VALUES["ethnicity"].index("black")}
    assert set(train.labels[:, 2]) == {labels.VALUES["ethnicity"].index(one) for one in ("asian", "black", "white")}


def test_eligible_subjects_are_found_once(crowd):
    (found,) = crowd.eligible(3, 4)
    assert set(found) == set(range(59))  # the last subject has one sequence
    assert all([len(sequence) for sequence in sequences] == [4, 4, 4] for sequences in found.values())
    assert crowd.eligible(3, 4)[0] is found
    assert crowd.eligible(1, 12) == [{59: crowd.by_subject[59]}] and crowd.eligible(3, 5) == [{}]


def test_some_heads_keep_all_that_is_known_of_them(two_domains):
    chosen = np.array([700, 3, 11])
    some = two_domains.taken(chosen)
    for name in ("images", "labels", "sequences", "frames", "domains"):
        np.testing.assert_array_equal(getattr(some, name), getattr(two_domains, name)[chosen])
    assert dataclasses.replace(two_domains, files=()).taken(chosen).files == ()
    assert len(some.files) == 3 and [list(part) for part in some.members] == [[1, 2], [0]]


def test_missing_set(tmp_path):
    with pytest.raises(data.DataError, match="has no manifest.csv"):
        data.load(tmp_path, "train")


def test_pictures_of_another_size(tiny_set):
    with pytest.raises(data.DataError, match="row 2: .*0_0_0.png is 32 x 32 pixels, not 64 x 64"):
        data.load(tiny_set, "train")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("gender,", "sex,", "lacks the column.* gender"),
        ("train,s0,0,1", "validation,s0,0,1", "row 3: subject s0 is in two splits"),
        ("train,s0,0,0", "training,s0,0,0", "row 2: split is 'training'"),
        ("0_0_0.png", "lost.png", "row 2: cannot read the picture .*lost.png \\(No such file"),
        ("0_0_0.png", "lo\0st.png", "row 2: cannot read the picture|cannot be read"),
        ("0_0_1.png", "0_0_0.png", "row 3: 0_0_0.png is listed twice"),
        ("train,s0,0,1,female,asian,bald", "train,s0,0,1", "row 3 is incomplete"),
        ("train,s0,0,1", "train,,0,1", "row 3: subject is empty"),
        ("train,s0,0,0", "train,s0,0,first", "row 2: frame is 'first', not a whole number"),
        ("train,s0,0,0", "train,s0,0," + "9" * 30, "row 2: frame is '9+', not a whole number"),
        ("0,0,female", "0,0,woman", "row 2: gender is 'woman', not one of female, male, unknown"),
        ("0,1,female,asian", "0,1,female,human", "row 3: ethnicity is 'human', not one of asian, "),
        ("0,0,female,asian,bald", "0,0,female,asian,", "row 2: hairstyle is empty"),
    ],
)
def test_damage_is_named_by_file_and_row(damaged, old, new, sentence):
    with pytest.raises(data.DataError, match=sentence):
        data.load(damaged(old, new), "train", size=32)


def test_files_that_are_not_those_listed(tmp_path):
    folder = tmp_path / "changed"
    shutil.copytree(SAMPLE, folder)
    first, second = data.load(folder, "train").files[:2]
    shutil.copy(folder / second, folder / first)  # a sound picture, but another
    with pytest.raises(data.DataError, match=f"manifest.csv, row 2: .*{first} is not the file listed"):
        data.load(folder, "train")


@pytest.fixture
def partly_damaged(damaged):
    """Two of the 18 pictures of the train split are no pictures any more; with the heads as they were."""
    folder = damaged("", "")
    whole = data.load(folder, "train", size=32)
    for name, content in (("0_0_1.png", (folder / "0_0_1.png").read_bytes()[:300]), ("1_0_0.png", b"")):
        (folder / name).write_bytes(content)
    return folder, whole


def test_damaged_pictures_are_counted_and_listed(partly_damaged):
    folder, whole = partly_damaged
    with pytest.warns(UserWarning, match="2 of 18 pictures of .*manifest.csv, split train, are damaged and skipped"):
        left = data.load(folder, "train", size=32)
    assert left.skipped == ("row 3: 0_0_1.png", "row 8: 1_0_0.png")
    assert left.sha256 != whole.sha256


def test_damaged_pictures_are_skipped_in_every_part_of_the_heads(partly_damaged):
    folder, whole = partly_damaged
    with pytest.warns(UserWarning):
        left = data.load(folder, "train", size=32, columns=("frame",))
    kept = [k for k, file in enumerate(whole.files) if file not in ("0_0_1.png", "1_0_0.png")]
    for name in ("images", "labels", "sequences", "frames"):
        np.testing.assert_array_equal(getattr(left, name), getattr(whole, name)[kept])
    np.testing.assert_array_equal(left.columns["frame"], left.frames)


def test_a_split_without_a_sound_picture_is_refused(damaged):
    folder = damaged("", "")
    for path in folder.glob("*.png"):
        path.write_bytes(b"not a picture")
    with pytest.warns(UserWarning), pytest.raises(data.DataError, match="has no usable row in split 'train'"):
        data.load(folder, "train", size=32)


@pytest.fixture
def one_unknown(damaged):
    """The gender of the first head is unknown."""
    return damaged("0,0,female,asian,bald", "0,0,unknown,asian,bald")


@pytest.fixture
def every(one_unknown):
    """All heads: none is left out as long as one of the labels is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return data.load(one_unknown, "train", size=32, labels=("gender", "hairstyle"))


def test_an_unknown_label_is_minus_one(every):
    assert len(every.labels) == 18 and list(every.labels[0, 1:]) == [-1, 0, 0]


def test_unknown_labels_are_masked(every):
    batch = data.pair_batch(every, dataclasses.replace(PAIRS, batch_pairs=200, augment=False), 0)
    first = every.images[0] / np.float32(255)
    unknown = (batch["x"] == first).all(axis=(1, 2, 3)) | (batch["x_prime"] == first).all(axis=(1, 2, 3))
    assert unknown.any()
    np.testing.assert_array_equal(batch["known"], np.where(unknown[:, None], [1, 0, 1, 1], 1))
    assert (batch["b"] <= batch["known"]).all()


def test_heads_without_a_known_label_are_left_out(one_unknown, every):
    with pytest.warns(UserWarning, match="1 of 18 heads .*, split train, are left out: unknown gender"):
        known = data.load(one_unknown, "train", size=32, labels=("gender",))
    np.testing.assert_array_equal(known.images, every.images[1:])


def test_a_label_that_nobody_has_cannot_be_learned(crowd):
    nobody = dataclasses.replace(crowd, labels=np.where([False, False, True, False], -1, crowd.labels))
    data.check_pairs(nobody, ("ID", "gender", "hairstyle"))
    with pytest.raises(data.DataError, match="The ethnicity of fewer than two heads is known"):
        data.check_pairs(nobody, labels.LABELS)
