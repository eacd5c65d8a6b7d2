import csv
import dataclasses
import shutil

import numpy as np
import pytest

from uunet import config, data

PAIRS = dataclasses.replace(config.SMOKE.classifier, size=32, batch_pairs=16)
BATCH = dataclasses.replace(config.SMOKE.adversarial, size=32, subjects=2, sequences=2, frames=2, critic_steps=3)


@pytest.fixture
def heads(tiny_set):
    return data.load(tiny_set, "train", size=32)


def test_splits_share_no_subject(tiny_set):
    subjects = [set(data.load(tiny_set, split, size=32).labels[:, 0]) for split in data.SPLITS]
    assert [len(s) for s in subjects] == [3, 2, 1]
    assert not subjects[0] & subjects[1] and not (subjects[0] | subjects[1]) & subjects[2]


def test_load_is_rgb_and_labelled(heads, tiny_set):
    import cv2

    with open(tiny_set / "manifest.csv") as file:
        first = next(csv.DictReader(file))
    np.testing.assert_array_equal(heads.images[0], cv2.imread(str(tiny_set / first["file"]))[..., ::-1])
    assert heads.images.shape == (18, 32, 32, 3) and heads.images.dtype == np.uint8
    assert heads.labels.shape == (18, 4) and len(set(heads.sequences)) == 6


def test_pairs_are_what_b_says(heads):
    batch = data.pair_batch(heads, dataclasses.replace(PAIRS, augment=False), step=3)
    assert batch["b"].shape == (16, 4) and batch["b"][:, 0].sum() == 8  # half genuine
    originals = heads.images.reshape(len(heads.images), -1)

    def who(image):
        return int(np.flatnonzero((originals == np.round(image * 255).astype(np.uint8).ravel()).all(axis=1))[0])

    for x, x_prime, b in zip(batch["x"], batch["x_prime"], batch["b"], strict=True):
        one, other = who(x), who(x_prime)
        assert one != other
        np.testing.assert_array_equal(b, heads.labels[one] == heads.labels[other])


def test_pairs_of_one_label(heads):
    gender = data.pair_batch(heads, dataclasses.replace(PAIRS, labels=("gender",)), step=0)
    every = data.pair_batch(heads, PAIRS, step=0)
    np.testing.assert_array_equal(gender["b"][:, 0], every["b"][:, 1])


def test_a_batch_depends_on_seed_and_step_alone(heads):
    for draw, settings in ((data.pair_batch, PAIRS), (data.sequence_batch, BATCH)):
        one, again = draw(heads, settings, 5), draw(heads, settings, 5)
        later, reseeded = draw(heads, settings, 6), draw(heads, dataclasses.replace(settings, seed=1), 5)
        for name in one:
            np.testing.assert_array_equal(one[name], again[name])
        assert not np.array_equal(one["x"], later["x"]) and not np.array_equal(one["x"], reseeded["x"])


def test_sequence_batch_is_subjects_by_sequences_by_frames(heads):
    batch = data.sequence_batch(heads, BATCH, 0)
    assert batch["x"].shape == (8, 32, 32, 3) and batch["x"].dtype == np.float32
    level = batch["x"].mean(axis=(1, 2, 3)).reshape(2, 4)  # each subject of the set has its own brightness
    assert np.ptp(level, axis=1).max() < 0.02 and abs(level[0].mean() - level[1].mean()) > 0.1
    assert len({image.tobytes() for image in batch["x"]}) == 8  # no frame twice
    noise = batch["noise"].reshape(4, 2, 2, 2, -1)  # draws, subjects, sequences, frames
    np.testing.assert_array_equal(noise[:, :, :, 0], noise[:, :, :, 1])  # held within a sequence
    assert len({n.tobytes() for n in noise[:, :, :, 0].reshape(16, -1)}) == 16  # fresh for each sequence and draw
    assert batch["epsilon"].shape == (3, 2, 8, 1, 1, 1) and batch["roi"].shape == (4, 8)
    for uniform in (batch["noise"], batch["epsilon"]):  # U(0, 1): mean 1/2, variance 1/12
        assert uniform.min() >= 0 and uniform.max() < 1
        assert abs(uniform.mean() - 1 / 2) < 0.12 and abs(uniform.var() - 1 / 12) < 0.03
    assert batch["roi"].max() < len(BATCH.channel_sizes)


def test_augmented_pictures_stay_in_range(heads):
    x = data.pair_batch(heads, PAIRS, 1)["x"]
    assert x.shape == (16, 32, 32, 3) and x.min() >= 0 and x.max() <= 1 and x.dtype == np.float32


def test_too_few_sequences(heads):
    with pytest.raises(data.DataError, match="only 3 subjects"):
        data.sequence_batch(heads, dataclasses.replace(BATCH, subjects=4), 0)


@pytest.fixture
def damaged(tiny_set, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_set, folder)

    def edit(old, new):
        manifest = folder / "manifest.csv"
        manifest.write_text(manifest.read_text().replace(old, new, 1))
        return folder

    return edit


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("gender,", "sex,", "lacks the column.* gender"),
        ("train,s0,0,1", "validation,s0,0,1", "row 3: subject s0 is in two splits"),
        ("train,s0,0,0", "training,s0,0,0", "row 2: split is 'training'"),
        ("0_0_0.png", "lost.png", "row 2: cannot read the picture .*lost.png"),
        ("train,s0,0,1,f,e0,h0", "train,s0,0,1", "row 3 is incomplete"),
        ("train,s0,0,0", "train,s0,0,first", "row 2: frame is 'first', not a whole number"),
    ],
)
def test_damage_is_named_by_file_and_row(damaged, old, new, sentence):
    with pytest.raises(data.DataError, match=sentence):
        data.load(damaged(old, new), "train", size=32)


def test_missing_set(tmp_path):
    with pytest.raises(data.DataError, match="has no manifest.csv"):
        data.load(tmp_path, "train")


def test_pictures_of_another_size(tiny_set):
    with pytest.raises(data.DataError, match="32 x 32 pixels, not 64 x 64"):
        data.load(tiny_set, "train")
