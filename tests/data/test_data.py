import csv
import dataclasses
import hashlib
import shutil
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.synthetic import mesh
from uunet import config, data, labels
from uunet.data import rendered, sampling

PAIRS = dataclasses.replace(config.SMOKE.classifier, size=32, batch_pairs=16)
BATCH = dataclasses.replace(config.SMOKE.adversarial, size=32, subjects=2, sequences=2, frames=2, critic_steps=3)
SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample" / "cctv"


@pytest.fixture
def heads(tiny_set):
    return data.load(tiny_set, "train", size=32)


def heads_of(labels, sequences):
    """Heads whose picture k says k: `labels` (N, 4), `sequences` (N,)."""
    count = len(labels)
    images = np.zeros((count, 4, 4, 3), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.divmod(np.arange(count), 256)
    return data.Heads(images, np.array(labels), np.array(sequences), np.arange(count), ("",) * count, "", {}, ())


def who(x):
    """Indices that the pictures of `heads_of` say."""
    return np.round(x[:, 0, 0, :2] * 255).astype(int) @ [256, 1]


@pytest.fixture(scope="module")
def crowd():
    """60 subjects with labels at random x 3 sequences x 4 frames; the last has one sequence only."""
    rng = np.random.default_rng(0)
    soft = np.stack([rng.choice(2, 60), rng.choice(4, 60, p=[0.4, 0.3, 0.2, 0.1]), rng.choice(5, 60)], axis=1)
    subjects = np.repeat(np.arange(60), 12)
    sequences = np.where(subjects == 59, 3 * 59, 3 * subjects + np.tile(np.repeat(np.arange(3), 4), 60))
    return heads_of(np.column_stack([subjects, soft[subjects]]), sequences)


def drawn_pairs(heads, chosen, steps):
    """Index pairs `(n, 2)` of some batches, and their b."""
    drawn = [data.pair_batch(heads, dataclasses.replace(chosen, augment=False), step) for step in range(steps)]
    pairs = [np.stack([who(batch["x"]), who(batch["x_prime"])], axis=1) for batch in drawn]
    return np.concatenate(pairs), np.concatenate([batch["b"] for batch in drawn])


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


def test_pairs_are_what_b_says(crowd):
    chosen = dataclasses.replace(PAIRS, batch_pairs=50, genuine=0.4)
    pairs, b = drawn_pairs(crowd, chosen, 4)
    assert b.shape == (200, 4) and b.dtype == np.float32 and b[:, 0].sum() == 0.4 * 200
    np.testing.assert_array_equal(b, crowd.labels[pairs[:, 0]] == crowd.labels[pairs[:, 1]])


def test_genuine_pairs_cross_sequences(crowd):
    pairs, b = drawn_pairs(crowd, dataclasses.replace(PAIRS, batch_pairs=200), 40)
    genuine = pairs[b[:, 0] == 1]
    assert (crowd.sequences[genuine[:, 0]] != crowd.sequences[genuine[:, 1]]).all()
    assert set(genuine.ravel()) == set(range(59 * 12))  # everybody's heads, but for who has one sequence


def test_genuine_pairs_where_nobody_has_two_sequences():
    one_sequence = heads_of(np.repeat([[0, 0, 0, 0], [1, 1, 1, 1]], 3, axis=0), [0, 0, 0, 1, 1, 1])
    pairs, b = drawn_pairs(one_sequence, PAIRS, 20)
    genuine = {tuple(pair) for pair in pairs[b[:, 0] == 1]}
    assert genuine == {(i, k) for i in range(6) for k in range(6) if i != k and i // 3 == k // 3}


def test_impostor_pairs_are_balanced_in_every_label(crowd):
    """Each label agrees in half of them; the number of labels that agree is even: all of them in a quarter."""
    _, b = drawn_pairs(crowd, dataclasses.replace(PAIRS, batch_pairs=200), 40)
    soft = b[b[:, 0] == 0][:, 1:]
    assert len(soft) == 4000  # five standard deviations: 0.04 and 0.035
    np.testing.assert_allclose(soft.mean(axis=0), 1 / 2, atol=0.04)
    np.testing.assert_allclose(np.bincount(soft.sum(axis=1).astype(int)) / len(soft), 1 / 4, atol=0.035)


def test_pairs_of_one_label(heads):
    gender = data.pair_batch(heads, dataclasses.replace(PAIRS, labels=("gender",)), step=0)
    every = data.pair_batch(heads, PAIRS, step=0)
    np.testing.assert_array_equal(gender["b"][:, 0], every["b"][:, 1])


def test_genuine_share_has_limits():
    for share in (0.39, 0.61, float("nan")):
        with pytest.raises(config.ConfigError, match="genuine, the share of same-ID pairs, is 0.4 to 0.6"):
            dataclasses.replace(PAIRS, genuine=share)


def test_a_batch_depends_on_seed_and_step_alone(heads):
    for draw, chosen in ((data.pair_batch, PAIRS), (data.sequence_batch, BATCH)):
        one, again = draw(heads, chosen, 5), draw(heads, chosen, 5)
        later, reseeded = draw(heads, chosen, 6), draw(heads, dataclasses.replace(chosen, seed=1), 5)
        for name in one:
            np.testing.assert_array_equal(one[name], again[name])
        assert not np.array_equal(one["x"], later["x"]) and not np.array_equal(one["x"], reseeded["x"])


def test_drawing_leaves_the_heads_alone(heads):
    before = heads.images.copy()
    data.pair_batch(heads, PAIRS, 0)
    data.sequence_batch(heads, BATCH, 0)
    np.testing.assert_array_equal(heads.images, before)


def test_sequence_batch_is_subjects_by_sequences_by_frames(heads):
    batch = data.sequence_batch(heads, BATCH, 0)
    assert batch["x"].shape == (8, 32, 32, 3) and batch["x"].dtype == np.float32
    level = batch["x"].mean(axis=(1, 2, 3)).reshape(2, 4)  # each subject of the set has its own brightness
    assert np.ptp(level, axis=1).max() < 0.02 and abs(level[0].mean() - level[1].mean()) > 0.1
    assert len({image.tobytes() for image in batch["x"]}) == 8  # no frame twice
    noise = batch["noise"].reshape(4, 2, 2, 2, -1)  # draws, subjects, sequences, frames
    np.testing.assert_array_equal(noise[:, :, :, 0], noise[:, :, :, 1])  # held within a sequence
    assert len({n.tobytes() for n in noise[:, :, :, 0].reshape(16, -1)}) == 16  # fresh for each sequence and draw
    assert batch["epsilon"].shape == (3, 2, 8, 1, 1, 1) and batch["order"].shape == (4, 4)
    for uniform in (batch["noise"], batch["epsilon"]):  # U(0, 1): mean 1/2, variance 1/12
        assert uniform.min() >= 0 and uniform.max() < 1
        assert abs(uniform.mean() - 1 / 2) < 0.12 and abs(uniform.var() - 1 / 12) < 0.03
    np.testing.assert_array_equal(np.sort(batch["order"]), [range(4)] * 4)  # each sequence gets one ROI size
    assert batch["degradation"].shape == (4, len(BATCH.channel.sizes), 4)


def test_augmented_pictures_stay_in_range(heads):
    x = data.pair_batch(heads, PAIRS, 1)["x"]
    assert x.shape == (16, 32, 32, 3) and x.min() >= 0 and x.max() <= 1 and x.dtype == np.float32
    plain = data.pair_batch(heads, dataclasses.replace(PAIRS, augment=False), 1)["x"]
    assert (np.abs(x - plain).max(axis=(1, 2, 3)) > 0.02).all()  # the same pairs, each picture changed


def test_too_few_sequences(heads):
    with pytest.raises(data.DataError, match="only 3 subjects"):
        data.sequence_batch(heads, dataclasses.replace(BATCH, subjects=4), 0)


@pytest.fixture
def damaged(tiny_set, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_set, folder)

    def edit(old, new):
        manifest = folder / "manifest.csv"
        assert old in manifest.read_text()
        manifest.write_text(manifest.read_text().replace(old, new, 1))
        return folder

    return edit


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


def test_damaged_pictures_are_skipped_counted_and_listed(damaged):
    folder = damaged("0_0_0.png", "0_0_0.png")
    whole = data.load(folder, "train", size=32)
    for name, content in (("0_0_1.png", (folder / "0_0_1.png").read_bytes()[:300]), ("1_0_0.png", b"")):
        (folder / name).write_bytes(content)
    with pytest.warns(UserWarning, match="2 of 18 pictures of .*manifest.csv, split train, are damaged and skipped"):
        left = data.load(folder, "train", size=32, columns=("frame",))
    assert left.skipped == ("row 3: 0_0_1.png", "row 8: 1_0_0.png")
    kept = [k for k, file in enumerate(whole.files) if file not in ("0_0_1.png", "1_0_0.png")]
    for name in ("images", "labels", "sequences", "frames"):
        np.testing.assert_array_equal(getattr(left, name), getattr(whole, name)[kept])
    np.testing.assert_array_equal(left.columns["frame"], left.frames)
    assert left.sha256 != whole.sha256
    for path in folder.glob("*.png"):
        path.write_bytes(b"not a picture")
    with pytest.warns(UserWarning), pytest.raises(data.DataError, match="has no usable row in split 'train'"):
        data.load(folder, "train", size=32)


def test_unknown_labels_are_masked_and_useless_heads_left_out(damaged):
    folder = damaged("0,0,female,asian,bald", "0,0,unknown,asian,bald")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no head is left out as long as one of the labels is known
        every = data.load(folder, "train", size=32, labels=("gender", "hairstyle"))
    assert len(every.labels) == 18 and list(every.labels[0, 1:]) == [-1, 0, 0]
    batch = data.pair_batch(every, dataclasses.replace(PAIRS, batch_pairs=200, augment=False), 0)
    first = every.images[0] / np.float32(255)
    unknown = (batch["x"] == first).all(axis=(1, 2, 3)) | (batch["x_prime"] == first).all(axis=(1, 2, 3))
    assert unknown.any()
    np.testing.assert_array_equal(batch["known"], np.where(unknown[:, None], [1, 0, 1, 1], 1))
    assert (batch["b"] <= batch["known"]).all()
    with pytest.warns(UserWarning, match="1 of 18 heads .*, split train, are left out: unknown gender"):
        known = data.load(folder, "train", size=32, labels=("gender",))
    np.testing.assert_array_equal(known.images, every.images[1:])


def test_a_label_that_nobody_has_cannot_be_learned(crowd):
    nobody = dataclasses.replace(crowd, labels=np.where([False, False, True, False], -1, crowd.labels))
    data.check_pairs(nobody, ("ID", "gender", "hairstyle"))
    with pytest.raises(data.DataError, match="The ethnicity of fewer than two heads is known"):
        data.check_pairs(nobody, labels.LABELS)


@pytest.fixture(scope="module")
def two_domains(crowd):
    """The crowd; its last 20 subjects are of another domain, where only the gender is known."""
    real = crowd.labels[:, 0] >= 40
    labels = np.where(real[:, None] & np.array([False, False, True, True]), -1, crowd.labels)
    return dataclasses.replace(crowd, labels=labels, domains=np.where(real, "lfw", "cctv"))


def test_some_heads_keep_all_that_is_known_of_them(two_domains):
    chosen = np.array([700, 3, 11])
    some = two_domains.taken(chosen)
    for name in ("images", "labels", "sequences", "frames", "domains"):
        np.testing.assert_array_equal(getattr(some, name), getattr(two_domains, name)[chosen])
    assert len(some.files) == 3 and [list(part) for part in some.members] == [[1, 2], [0]]


def test_pairs_stay_in_their_domain_and_domains_share_evenly(two_domains):
    pairs, b = drawn_pairs(two_domains, dataclasses.replace(PAIRS, batch_pairs=40), 10)
    domain = two_domains.domains[pairs]
    assert (domain[:, 0] == domain[:, 1]).all()
    for genuine in (0, 1):
        assert (domain[b[:, 0] == genuine, 0] == "lfw").mean() == 0.5
    real = two_domains.labels[pairs[domain[:, 0] == "lfw"], 0]
    assert set(real.ravel()) == set(range(40, 60))


def test_a_batch_of_learning_ii_has_subjects_of_every_domain(two_domains):
    chosen = dataclasses.replace(BATCH, size=4, subjects=4)
    batch = data.sequence_batch(two_domains, chosen, 0)
    domains = two_domains.domains[who(batch["x"])].reshape(4, -1)
    np.testing.assert_array_equal(domains, np.repeat([["cctv"], ["cctv"], ["lfw"], ["lfw"]], 4, axis=1))
    with pytest.raises(data.DataError, match="only 19 subjects .* 20 are needed of each domain"):
        data.sequence_batch(two_domains, dataclasses.replace(chosen, subjects=40), 0)


def test_eligible_subjects_are_found_once(crowd):
    (found,) = crowd.eligible(3, 4)
    assert set(found) == set(range(59))  # the last subject has one sequence
    assert all([len(sequence) for sequence in sequences] == [4, 4, 4] for sequences in found.values())
    assert crowd.eligible(3, 4)[0] is found
    assert crowd.eligible(1, 12) == [{59: crowd.by_subject[59]}] and crowd.eligible(3, 5) == [{}]


@pytest.mark.parametrize(("count", "shares"), [(7, [3, 2, 2]), (6, [2, 2, 2]), (2, [1, 1, 0])])
def test_shares_differ_by_one_at_most(count, shares):
    assert sampling.shared(count, "abc") == list(zip("abc", shares, strict=True))


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


def test_missing_set(tmp_path):
    with pytest.raises(data.DataError, match="has no manifest.csv"):
        data.load(tmp_path, "train")


def test_pictures_of_another_size(tiny_set):
    with pytest.raises(data.DataError, match="row 2: .*0_0_0.png is 32 x 32 pixels, not 64 x 64"):
        data.load(tiny_set, "train")


@pytest.fixture
def with_twins(damaged):
    """The tiny set, and a twin of each head for s = (-1, 1, 1, 0): its negative; listed backwards."""
    folder = damaged("", "")
    rows = ["file,of,virtual,subject,gender,ethnicity,hairstyle,sha256"]
    for k, path in enumerate(sorted(folder.glob("*.png"), reverse=True)):
        twin = folder / "twins" / "-1,1,1,0" / path.name
        twin.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(twin), 255 - cv2.imread(str(path)))
        digest = hashlib.sha256(twin.read_bytes()).hexdigest()
        rows.append(f'"twins/-1,1,1,0/{path.name}",{path.name},{k % 5},77,female,indian,horsetail,{digest}')
    (folder / "twins_-1,1,1,0.csv").write_text("\n".join(rows) + "\n")
    return folder


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


def test_an_embedding_batch_needs_no_twins(tiny_set):
    heads = data.load(tiny_set, "train", size=32)
    settings = dataclasses.replace(config.TWINS_BY_NAME["smoke"], size=32)
    batch = data.embedding_batch(heads, 7, settings, 5)
    for name, value in data.embedding_batch(heads, 7, settings, 5).items():
        np.testing.assert_array_equal(batch[name], value)
    assert batch["x"].shape == (settings.batch, 32, 32, 3) and batch["x"].dtype == np.float32
    drawn = np.concatenate([data.embedding_batch(heads, 7, settings, step)["person"] for step in range(40)])
    assert set(drawn) == set(range(7))


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


def test_twins_that_are_missing_or_damaged(with_twins):
    heads = data.load(with_twins, "train", size=32)
    with pytest.raises(data.DataError, match="no twins for s = -1,1,1,1; .*data_prep.synthetic .*--twins=-1,1,1,1"):
        data.load_twins(with_twins, heads, (-1, 1, 1, 1))
    table = with_twins / "twins_-1,1,1,0.csv"
    whole = table.read_text()
    for old, new, sentence in (
        (",0_0_0.png,", ",other.png,", "has no twin of 0_0_0.png and 0 more; render them: "),
        (",0_0_0.png,0,", ",0_0_0.png,x,", "row 37: virtual is 'x'"),
        (",virtual,", ",number,", "lacks the column.* virtual"),
    ):
        assert old in whole
        table.write_text(whole.replace(old, new))
        with pytest.raises(data.DataError, match=sentence):
            data.load_twins(with_twins, heads, (-1, 1, 1, 0))
    table.write_text(whole)
    (with_twins / "twins" / "-1,1,1,0" / "0_0_0.png").write_bytes(b"")
    with pytest.raises(data.DataError, match="row 37: .*0_0_0.png is not the file listed"):
        data.load_twins(with_twins, heads, (-1, 1, 1, 0))


FEEDS = {
    "NumPy": data.batches,
    "NumPy, not ahead": lambda make_batch, steps: data.batches(make_batch, steps, ahead=0),
    "tf.data": lambda make_batch, steps: data.dataset(make_batch, steps).as_numpy_iterator(),
}


@pytest.mark.parametrize("feed", FEEDS)
def test_feeding_gives_every_batch_in_order(heads, feed):
    steps = range(2, 9)  # a resumed run
    fed = list(FEEDS[feed](lambda step: data.sequence_batch(heads, BATCH, step), steps))
    assert len(fed) == len(steps)
    for step, (batch,) in zip(steps, fed, strict=True):
        wanted = data.sequence_batch(heads, BATCH, step)
        assert batch.keys() == wanted.keys()
        for name, value in wanted.items():
            assert batch[name].dtype == value.dtype
            np.testing.assert_array_equal(batch[name], value)


def test_feeding_works_ahead_and_passes_errors_on():
    made = []

    def make(step):
        made.append(step)
        if step == 5:
            raise data.DataError("the sixth is missing")
        return step

    fed = data.batches(make, range(100), ahead=3)
    assert next(fed) == (0,) and len(made) <= 4  # and no further than that
    with pytest.raises(data.DataError, match="the sixth is missing"):
        list(fed)
    assert set(range(6)) <= set(made) <= set(range(9))
