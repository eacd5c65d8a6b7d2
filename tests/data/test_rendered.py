"""Twins and landmarks of rendered sets, and the batches of twin training."""

import dataclasses

import numpy as np
import pytest

from data_prep.synthetic import mesh
from uunet import config, data
from uunet.data import rendered, sampling


def test_twins_stand_beside_their_heads(with_twins):
    heads = data.load(with_twins, "validation", size=32)
    images, people = data.load_twins(with_twins, heads, (-1, 1, 1, 0))
    np.testing.assert_array_equal(images, 255 - heads.images)
    names = sorted((path.name for path in with_twins.glob("*.png")), reverse=True)
    first = ((0 * 4 + 2) * 5 + 1) * 4  # female, indian, horsetail
    assert list(people) == [first + names.index(file) % 5 % 4 for file in heads.files]


def test_a_twin_batch_moves_all_alike(with_twins):
    heads = data.load(with_twins, "train", size=32)
    settings = dataclasses.replace(config.TWINS_BY_NAME["smoke"], size=32, batch=8)
    images = np.stack([heads.images // 2, heads.images // 4])
    people = np.arange(2 * len(heads.images)).reshape(2, -1)
    masks = heads.images[..., 0] > np.median(heads.images[..., 0], axis=(1, 2), keepdims=True)
    landmarks = np.zeros((len(heads.images), data.LANDMARKS, 2), np.float32)
    twins = data.Twins(images, people, masks, landmarks)
    batch = data.twin_batch(heads, twins, settings, 5)
    for name, value in data.twin_batch(heads, twins, settings, 5).items():
        np.testing.assert_array_equal(batch[name], value)
    kind, number = np.divmod(batch["person"], len(heads.images))
    assert set(kind) == {0, 1}  # both kinds of twins
    np.testing.assert_array_equal(batch["labels"], heads.labels[number, 1:])
    for x, twin in zip(batch["x"], batch["twin"], strict=True):
        assert np.corrcoef(x.ravel(), twin.ravel())[0, 1] > 0.5  # noise that is moved otherwise has 0
    for x, head in zip(batch["x"], batch["head"], strict=True):
        assert np.corrcoef(x[..., 0].ravel(), head.ravel())[0, 1] > 0.3


def test_an_embedding_batch_needs_no_twins(tiny_set):
    heads = data.load(tiny_set, "train", size=32)
    settings = dataclasses.replace(config.TWINS_BY_NAME["smoke"], size=32)
    batch = data.embedding_batch(heads, 7, settings, 5)
    for name, value in data.embedding_batch(heads, 7, settings, 5).items():
        np.testing.assert_array_equal(batch[name], value)
    assert batch["x"].shape == (settings.batch, 32, 32, 3) and batch["x"].dtype == np.float32
    drawn = np.concatenate([data.embedding_batch(heads, 7, settings, step)["person"] for step in range(40)])
    assert set(drawn) == set(range(7))


def test_landmarks_move_with_their_picture(rng):
    """A bright spot is where its landmark says, in mirrored pictures under the name of the other side."""
    mirrored = 0
    for _ in range(20):
        places = np.concatenate([rng.uniform(24, 40, (1, 2)), np.full((data.LANDMARKS - 1, 2), 5.0)])
        rows, columns = np.mgrid[:64, :64] + 0.5
        spot = np.exp(-((columns - places[0, 0]) ** 2 + (rows - places[0, 1]) ** 2) / 8)
        image, moved, _, _ = sampling._moved((255 * spot).astype(np.uint8)[..., None], places, rng)
        weight = image[..., 0] / image.sum()
        found = (weight * columns).sum(), (weight * rows).sum()
        near = [np.allclose(found, moved[k], atol=0.3) for k in range(2)]
        assert near in ([True, False], [False, True])
        mirrored += near[1]  # the left eye became the right one
    assert 3 < mirrored < 17


def test_landmarks_are_those_of_the_renderer():
    """Their number, and that a mirrored picture swaps the person's left and right and nothing else."""
    names = list(mesh.LANDMARKS)
    other = {"left": "right", "right": "left"}
    swapped = ["_".join(other.get(word, word) for word in name.split("_")) for name in names]
    assert [names[k] for k in rendered.MIRRORED] == swapped and len(names) == data.LANDMARKS


def test_landmarks_are_read_or_refused(with_twins):
    manifest = (with_twins / "manifest.csv").read_text().splitlines()
    numbers = " ".join(str(k / 2) for k in range(2 * data.LANDMARKS))

    def landmarks(text):
        rows = [f"{row},{'landmarks' if k == 0 else text}" for k, row in enumerate(manifest)]
        (with_twins / "manifest.csv").write_text("\n".join(rows) + "\n")
        return data.landmarks_of(data.load(with_twins, "train", size=32, columns=("landmarks",)))

    np.testing.assert_array_equal(landmarks(numbers)[0, :2], [[0, 0.5], [1, 1.5]])
    for text in ("7", numbers + " 1", numbers[:-1] + "x"):
        with pytest.raises(data.DataError, match="not 10 pairs of numbers; render the set again"):
            landmarks(text)


def test_all_kinds_of_twins_are_found(with_twins, tmp_path):
    (with_twins / "twins_-1,-1,-1,-1.csv").write_text("")
    assert data.twin_kinds(with_twins) == [(-1, -1, -1, -1), (-1, 1, 1, 0)]
    with pytest.raises(data.DataError, match="has no twins; render them: python -m data_prep.synthetic"):
        data.twin_kinds(tmp_path)
    (with_twins / "twins_all.csv").write_text("")
    with pytest.raises(data.DataError, match="name is not an s"):
        data.twin_kinds(with_twins)


def test_twins_that_were_not_rendered(with_twins):
    heads = data.load(with_twins, "train", size=32)
    with pytest.raises(data.DataError, match="no twins for s = -1,1,1,1; .*data_prep.synthetic .*--twins=-1,1,1,1"):
        data.load_twins(with_twins, heads, (-1, 1, 1, 1))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (",0_0_0.png,", ",other.png,", "has no twin of 0_0_0.png and 0 more; render them: "),
        (",0_0_0.png,0,", ",0_0_0.png,x,", "row 37: virtual is 'x'"),
        (",virtual,", ",number,", "lacks the column.* virtual"),
    ],
)
def test_a_damaged_list_of_twins(with_twins, old, new, sentence):
    heads = data.load(with_twins, "train", size=32)
    table = with_twins / "twins_-1,1,1,0.csv"
    whole = table.read_text()
    assert old in whole
    table.write_text(whole.replace(old, new))
    with pytest.raises(data.DataError, match=sentence):
        data.load_twins(with_twins, heads, (-1, 1, 1, 0))


def test_a_damaged_twin(with_twins):
    heads = data.load(with_twins, "train", size=32)
    (with_twins / "twins" / "-1,1,1,0" / "0_0_0.png").write_bytes(b"")
    with pytest.raises(data.DataError, match="row 37: .*0_0_0.png is not the file listed"):
        data.load_twins(with_twins, heads, (-1, 1, 1, 0))
