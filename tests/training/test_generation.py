"""Training of the reader and of the generator: closed forms of losses, what the critic sees, runs that resume."""

import csv
import dataclasses
import shutil

import cv2
import keras
import numpy as np
import pytest

from uunet import config, data, models
from uunet.models import files, generator
from uunet.training import generation, reader
from uunet.training import trainer as training

READS = dataclasses.replace(config.READERS_BY_NAME["smoke"], size=32)
DRAWS = dataclasses.replace(config.GENERATORS_BY_NAME["smoke"], size=32)


@pytest.fixture(scope="module")
def posed_set(tiny_set, tmp_path_factory):
    """The tiny set with landmarks and pose."""
    folder = tmp_path_factory.mktemp("posed") / "set"
    shutil.copytree(tiny_set, folder)
    rng = np.random.default_rng(0)
    rows = (folder / "manifest.csv").read_text().splitlines()
    for k in range(1, len(rows)):
        places = " ".join(f"{value:.1f}" for value in rng.uniform(8, 24, 2 * data.LANDMARKS))
        rows[k] += f",{places},{rng.uniform(-60, 60):.2f},{rng.uniform(-9, 9):.2f},{rng.uniform(-9, 9):.2f}"
    (folder / "manifest.csv").write_text("\n".join([rows[0] + ",landmarks,yaw,pitch,roll", *rows[1:]]) + "\n")
    return folder


@pytest.fixture(scope="module")
def read_by(posed_set, tmp_path_factory):
    """A reader's file."""
    out = tmp_path_factory.mktemp("reader")
    _, found = reader.train(READS, reader.Sets(posed_set), out, verbose=0)
    assert list(found) == [*generator.NUMBERS[:7], "gender", "ethnicity", "hairstyle"]
    return out / "reader.safetensors"


def weights(path):
    return [np.asarray(variable.value) for variable in files.load(path).weights]


def test_relativistic_loss():
    """log(1 + exp(worse - better)), pair by pair."""
    better, worse = np.array([[0.0], [3.0]], np.float32), np.array([[0.0], [1.0]], np.float32)
    expected = (np.log(2) + np.log1p(np.exp(-2))) / 2
    assert float(generation.relativistic_loss(better, worse)) == pytest.approx(expected, rel=1e-6)


def test_zero_centred_penalty():
    """Squared length over pixels and channels, mean over pictures."""
    gradients = np.stack([np.full((2, 2, 3), 0.5), np.zeros((2, 2, 3))]).astype("f")
    assert float(generation.zero_centred_penalty(gradients)) == pytest.approx(12 * 0.25 / 2)


def test_the_critics_penalty_is_that_of_both_kinds():
    """A critic whose score is c times the sum of x: each gradient has the squared length c^2 H W 3."""
    shape, c = (8, 8, 3), 0.1
    names = {"image": shape, "numbers": (9,), "labels": (generator.WORDS,)}
    inputs = {name: keras.Input(dimensions, name=name) for name, dimensions in names.items()}
    total = keras.ops.sum(inputs["image"], axis=(1, 2))
    score = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(c))(total)
    critic = keras.Model(inputs, score)
    network = models.head_generator(size=8, widths=(2, 2), codes=3)
    settings = config.GeneratorConfig(size=8, codes=3, batch=2, penalised=1, penalty_weight=2.0)
    batch = {
        "image": np.full((2, *shape), 0.5, "f"), "numbers": np.zeros((2, 9), "f"),
        "labels": np.zeros((2, generator.WORDS), "f"), "code": np.zeros((2, 6), "f"),
        "change": np.full((2, 14), 0.5, "f"),
    }  # fmt: skip
    batch = {name: keras.ops.convert_to_tensor(value) for name, value in batch.items()}
    gradient = training.backend_trainer().input_gradient
    loss, terms = generation.critic_objective(network, critic, settings, batch, gradient)
    assert float(terms["penalty"]) == pytest.approx(2 * c**2 * 8 * 8 * 3, rel=1e-4)
    assert float(loss) == pytest.approx(float(terms["critic"]) + 2 * float(terms["penalty"]), rel=1e-5)


def test_nothing_changes_at_the_middle_but_the_square(rng):
    x, numbers = rng.random((2, 32, 32, 3), dtype=np.float32), np.zeros((2, 9), np.float32)
    change = np.full((2, 7), 0.5, np.float32)
    change[:, 5:] = 0.25
    seen, moved = (np.asarray(part) for part in generation.augment(x, numbers, change))
    covered = np.zeros((32, 32), bool)
    covered[5:12, 5:12] = True
    assert (seen[:, covered] == 0).all()
    np.testing.assert_allclose(seen[:, ~covered], x[:, ~covered], atol=1e-5)
    np.testing.assert_array_equal(moved, numbers)


def test_a_shift_moves_picture_and_numbers_alike(rng):
    x, numbers = rng.random((1, 32, 32, 3), dtype=np.float32), np.zeros((1, 9), np.float32)
    change = np.array([[0.5, 0.5, 0.5, 0.999, 0.0, 0.0, 0.0]], np.float32)  # 2 pixels right, 2 up
    seen, moved = (np.asarray(part) for part in generation.augment(x, numbers, change))
    np.testing.assert_allclose(seen[0, 10:-2, 10:], x[0, 12:, 8:-2], atol=1e-5)
    np.testing.assert_allclose(moved[0, :2], [2 / 32, -2 / 32])
    assert (moved[0, 2:] == 0).all()


def test_a_batch_has_every_domain_and_mirrored_numbers(posed_set):
    heads = data.load(posed_set, "train", size=32)
    domains = np.where(heads.labels[:, 0] == heads.labels[0, 0], "near", "far")
    heads = dataclasses.replace(heads, domains=domains)
    told = data.Told(np.tile(np.arange(1.0, 10.0), (len(domains), 1)), heads.labels[:, 1:])
    settings = dataclasses.replace(DRAWS, batch=64, unknown=0.5)
    batch = data.generation_batch(heads, told, settings, 3)
    again = data.generation_batch(heads, told, settings, 3)
    assert all((batch[name] == again[name]).all() for name in batch)
    mirrored = batch["numbers"][:, 0] < 0
    assert 16 < mirrored.sum() < 48
    assert (batch["numbers"] == np.arange(1, 10) * np.where(mirrored[:, None], generator.MIRRORED, 1)).all()
    plain = {image.tobytes(): domain for image, domain in zip(heads.images, domains, strict=True)}
    pictures = np.rint(255 * batch["image"]).astype(np.uint8)
    pictures[mirrored] = pictures[mirrored, :, ::-1]
    assert [plain[picture.tobytes()] for picture in pictures].count("near") == 32
    assert 0.3 < batch["labels"].sum() / (3 * 64) < 0.7  # the others are not told


@pytest.mark.slow
def test_what_is_told_is_known_or_read_surely(read_by, posed_set):
    heads = data.load(posed_set, "train", size=32)
    network = reader.load(read_by)
    hidden = dataclasses.replace(heads, labels=np.where(np.arange(4) == 1, -1, heads.labels))
    told = reader.told(network, hidden)
    numbers, logits = reader.read(network, heads.images)
    np.testing.assert_array_equal(told.numbers, numbers)
    np.testing.assert_array_equal(told.labels[:, 1:], heads.labels[:, 2:])
    odds = np.exp(logits["gender"])
    sure = odds.max(axis=1) >= reader.SURE * odds.sum(axis=1)
    np.testing.assert_array_equal(told.labels[:, 0], np.where(sure, odds.argmax(axis=1), -1))


def test_real_heads_give_labels_alone(posed_set, tiny_set):
    """Half a batch of them is added, with their labels; only numbers of rendered heads count in the loss."""
    heads, real = (
        data.load(posed_set, "train", size=32, columns=data.READER_COLUMNS),
        data.load(tiny_set, "train", size=32),
    )
    alone, batch = data.reader_batch(heads, READS, 5), data.reader_batch(heads, READS, 5, real)
    for name, value in alone.items():
        np.testing.assert_array_equal(batch[name][: READS.batch], value)
    assert len(batch["x"]) == READS.batch * 3 // 2 and batch["posed"].sum() == READS.batch
    network = models.head_reader(size=32, width=4)
    network.get_layer("forget").rate = 0  # the same heads, the same loss
    tensors = {name: keras.ops.convert_to_tensor(value) for name, value in batch.items()}
    _, terms = reader.reader_objective(network, tensors)
    _, changed = reader.reader_objective(
        network, tensors | {"numbers": tensors["numbers"] + 9 * (1 - tensors["posed"][:, None])}
    )
    assert float(changed["error"]) == pytest.approx(float(terms["error"]), rel=1e-6)


def test_labels_of_real_heads_are_counted_apart(read_by, posed_set, tiny_set, tmp_path):
    _, found = reader.train(READS, reader.Sets(posed_set, tiny_set), tmp_path, start=read_by, verbose=0)
    assert {"real gender", "real ethnicity", "real hairstyle"} <= found.keys()
    assert {"real_sha256", "start_sha256"} <= files.provenance(tmp_path / "reader.safetensors").keys()


@pytest.mark.slow
def test_the_reader_learns_where_a_face_is(tmp_path):
    """A bright square is the face: its place is soon read better than as the mean place."""
    settings = config.ReaderConfig(
        size=32, width=8, batch=16, steps=200, checkpoint_every=200, optimizer=config.Optimizer("adam", 3e-3)
    )

    def batch(step):
        rng = np.random.default_rng(step)
        centres = rng.integers(10, 22, (16, 2))
        x = np.zeros((16, 32, 32, 3), np.float32)
        for picture, (column, row) in zip(x, centres, strict=True):
            picture[row - 3 : row + 3, column - 3 : column + 3] = 1
        numbers = np.tile(np.array(generator.MEAN[:7], np.float32), (16, 1))
        numbers[:, :2] = centres / 32 - 0.5
        return {"x": x, "numbers": numbers, "posed": np.ones(16, "f"), "labels": np.full((16, 3), -1, np.int32)}

    network = models.head_reader(size=32, width=8)
    training.fit(
        reader.build_trainer(network, settings), batch, settings, training.Run(tmp_path, {}, None, 0), images=16
    )
    unseen = batch(1000)
    error = np.abs(network.predict_on_batch(unseen["x"])["numbers"][:, :2] - unseen["numbers"][:, :2])
    assert error.mean() < 0.3 * unseen["numbers"][:, :2].std()


@pytest.mark.slow
def test_resumed_training_ends_bit_identical(read_by, tiny_set, tmp_path):
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    progress = generation.train(DRAWS, generation.Files(read_by), tiny_set, straight, verbose=0)
    assert progress.steps == 4 and not progress.remaining
    generation.train(dataclasses.replace(DRAWS, steps=2), generation.Files(read_by), tiny_set, resumed, verbose=0)
    generation.train(DRAWS, generation.Files(read_by), tiny_set, resumed, verbose=0)
    with np.load(straight / "checkpoint.npz") as one, np.load(resumed / "checkpoint.npz") as other:
        for name in one.files:
            if name != "seconds":
                np.testing.assert_array_equal(one[name], other[name])
    for one, other in zip(*(weights(run / "generator.safetensors") for run in (straight, resumed)), strict=True):
        np.testing.assert_array_equal(one, other)
    with open(resumed / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert float(rows[-1]["images_per_second"]) > 0 and float(rows[-1]["difference"]) > 0
    sheet = cv2.imread(str(resumed / "sheets" / "step_000004.png"))
    assert sheet.shape == (2 * 32 * 6, 2 * 32 * 12, 3)
    stored = files.provenance(resumed / "generator.safetensors")
    assert stored["steps"] == 4 and stored["reader_sha256"] and stored["config"]["codes"] == DRAWS.codes


def test_another_network_is_no_reader(tmp_path):
    path = tmp_path / "decoder.safetensors"
    arguments = {"size": 32, "width": 4}
    files.save(models.twin_decoder(**arguments), path, builder="twin_decoder", arguments=arguments, provenance={})
    with pytest.raises(files.WeightsError, match="is not a reader"):
        reader.load(path)


@pytest.mark.slow
def test_a_reader_of_another_size(read_by):
    with pytest.raises(files.WeightsError, match="reads heads of 32 pixels, these have 64: train another"):
        reader.read(reader.load(read_by), np.zeros((1, 64, 64, 3), np.uint8))


@pytest.mark.parametrize("changes", [{"penalised": 0}, {"penalised": 33}, {"steps": 251}])
def test_settings_no_run_can_have(changes):
    with pytest.raises(config.ConfigError):
        config.GeneratorConfig(**changes)


def test_the_pull_is_the_weighted_distance_to_x(monkeypatch):
    """A generator that draws 0 of pictures of 0.25, in a batch whose second head is pulled no more."""
    monkeypatch.setattr(generation, "_drawn", lambda generator, batch, code: 0 * batch["image"])
    batch = {
        "image": np.full((2, 8, 8, 3), 0.25, "f"), "numbers": np.zeros((2, 9), "f"),
        "labels": np.zeros((2, generator.WORDS), "f"), "code": np.zeros((2, 6), "f"),
        "change": np.full((2, 14), 0.5, "f"), "pull": np.array([4.0, 0.0], "f"),
    }  # fmt: skip
    critic = models.head_critic(size=8, widths=(2, 2))
    tensors = {name: keras.ops.convert_to_tensor(value) for name, value in batch.items()}
    loss, terms = generation.generator_objective(None, critic, config.GeneratorConfig(), tensors)
    assert float(terms["pull"]) == pytest.approx(4 * 0.25 / 2)
    assert float(loss) == pytest.approx(float(terms["generator"]) + 0.5)
