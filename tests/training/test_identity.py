"""What D_a should say of drawn heads: closed forms, directions of gradients, and trainings that begin from others."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest
from keras import ops

from uunet import config, data, models
from uunet import labels as vocabulary
from uunet.models import files, generator
from uunet.training import checkpoints, generation, identity, objective, reader
from uunet.training import trainer as training

TERMS = config.IdentityTerms(heads=4)
PLAIN = dataclasses.replace(config.GENERATORS_BY_NAME["smoke"], size=32, pull=0.0, pull_end=0.0)
PEOPLE = dataclasses.replace(PLAIN, other_labels=0.5, identity=TERMS)


@pytest.fixture(scope="module")
def reader_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("reader") / "reader.safetensors"
    keras.utils.set_random_seed(1)
    network, arguments = models.head_reader(size=32, width=4), {"size": 32, "width": 4}
    files.save(network, path, builder="head_reader", arguments=arguments, provenance={})
    return path


def classifier_file(folder, labels=vocabulary.LABELS, size=32):
    path = folder / f"classifier_{len(labels)}_{size}.safetensors"
    arguments = {"labels": len(labels), "size": size}
    network = models.attribute_classifier(**arguments)
    made_by = {"config": {"labels": list(labels)}}
    files.save(network, path, builder="attribute_classifier", arguments=arguments, provenance=made_by)
    return path


def correlation_classifier(size=8):
    """A D_a whose every output is sigmoid(correlation of the two pictures)."""
    pair = keras.Input((size, size, 6))
    alike = ops.mean(pair[..., :3] * pair[..., 3:], axis=(1, 2, 3))
    found = ops.repeat(ops.sigmoid(alike)[:, None], 4, axis=1)
    return identity.Classifier(keras.Model(pair, found), ("ID", "gender", "ethnicity", "hairstyle"))


def one_hots(*rows):
    return ops.convert_to_tensor(generator.one_hot(np.array(rows)))


def test_doubt_is_cut_off_where_it_is_sure():
    agreement = np.array([0.1, 0.5, 0.9], np.float32)
    np.testing.assert_allclose(identity.doubt(agreement, 1.0, 0.6), [0.5, 0.1, 0], atol=1e-6)
    np.testing.assert_allclose(identity.doubt(agreement, 0.0, 0.6), [0, 0.1, 0.5], atol=1e-6)
    wanted = np.array([1, 1, 0], np.float32)
    np.testing.assert_allclose(identity.doubt(agreement, wanted, 0.95), [0.85, 0.45, 0.85], atol=1e-6)


def test_s_says_which_labels_were_asked_for():
    true, asked = one_hots([0, 1, 2], [1, -1, 3], [1, 2, 4]), one_hots([0, 3, 2], [0, 1, -1], [1, -1, 0])
    found = np.stack([np.asarray(s) for s in identity.rated(true, asked)], axis=1)
    np.testing.assert_array_equal(found, [[1, -1, 1], [-1, 0, 0], [1, 0, -1]])


def test_closed_form_of_the_identity_terms(rng):
    """x = a, a' uncorrelated with a: D_a says sigmoid(1) of the first pair and 1/2 of the second."""
    pattern = np.where(np.arange(8) % 2, 0.75, 0.25).astype(np.float32)
    a = np.broadcast_to(pattern[None, :, None, None], (2, 8, 8, 3))
    other = np.broadcast_to(pattern[None, None, :, None], (2, 8, 8, 3))
    batch = {
        "same": np.array([1, 0], np.float32), "labels": one_hots([0, 1, 2], [0, 1, 2]),
        "asked": one_hots([0, 1, 2], [1, 1, -1]),
    }  # fmt: skip
    weights = config.IdentityTerms(far=2.0, labels=3.0, same=5.0, apart=7.0, sure=0.8)
    loss, terms = identity.identity_objective(correlation_classifier(), weights, (a, a, other), batch)
    p = 1 / (1 + np.exp(-1))
    expected = {
        "far": p - 0.2, "labels": (2 * (0.8 - p) + (p - 0.2) + (0.8 - p) + (0.8 - p)) / 2,
        "same": 0.3, "apart": 0.3,
    }  # fmt: skip
    assert list(expected) == list(identity.TERMS)
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value, abs=1e-4), name
    total = 2 * expected["far"] + 3 * expected["labels"] + 5 * expected["same"] + 7 * expected["apart"]
    assert float(loss) == pytest.approx(total, abs=1e-3)


@pytest.mark.parametrize(
    ("weights", "same", "asked", "direction"),
    [
        ({"far": 1.0}, 1.0, 0, -1),
        ({"apart": 1.0}, 0.0, 0, -1),
        ({"same": 1.0}, 1.0, 0, 1),
        ({"labels": 1.0}, 0.0, 0, 1),
        ({"labels": 1.0}, 0.0, 1, -1),
        ({"far": 1.0, "sure": 0.5}, 1.0, 0, 0),
    ],
)
def test_gradients_point_towards_what_is_wanted(rng, weights, same, asked, direction):
    """A step against the gradient raises (1) or lowers (-1) D_a's agreement; there is none where D_a is sure."""
    off = {"far": 0.0, "labels": 0.0, "same": 0.0, "apart": 0.0, "sure": 1.0}
    d_a = correlation_classifier()
    x, a = (ops.convert_to_tensor(rng.random((2, 8, 8, 3), dtype=np.float32)) for _ in range(2))
    if direction == 0:  # nothing could be farther from x
        a = 1 - x
    batch = {
        "same": ops.full((2,), same), "labels": one_hots([0, -1, -1], [0, -1, -1]),
        "asked": one_hots([asked, -1, -1], [asked, -1, -1]),
    }  # fmt: skip
    terms = config.IdentityTerms(**(off | weights))

    def loss(a, training):
        return ops.reshape(identity.identity_objective(d_a, terms, (x, a, x), batch)[0], (1, 1, 1, 1))

    gradient = training.backend_trainer().input_gradient(loss, a)

    def alike(a):
        return float(ops.mean(objective.agreement(d_a.network, x, a)))

    change = alike(a - 0.01 * gradient / (ops.max(ops.abs(gradient)) + 1e-9)) - alike(a)
    assert np.sign(change) == direction and (direction or not ops.any(gradient != 0))


def test_pictures_of_twice_the_classifiers_size_are_halved(rng):
    seen = tuple(rng.random((3, 2, 8, 8, 3), dtype=np.float32))
    large = tuple(one.repeat(2, axis=1).repeat(2, axis=2) for one in seen)
    batch = {"same": np.array([1, 0], np.float32), "labels": one_hots(*[[0, 1, 2]] * 2)}
    batch["asked"] = batch["labels"]
    losses = [
        identity.identity_objective(correlation_classifier(), TERMS, pictures, batch)[0] for pictures in (seen, large)
    ]
    assert float(losses[0]) == pytest.approx(float(losses[1]), abs=1e-6)


def linear_critic(weights, shape=(8, 8, 3)):
    """A critic that looks at the labels alone: their product with `weights`."""
    names = {"image": shape, "numbers": (9,), "labels": (generator.WORDS,)}
    inputs = {name: keras.Input(dimensions, name=name) for name, dimensions in names.items()}
    score = ops.matmul(inputs["labels"], np.array(weights, np.float32)[:, None]) + 0 * inputs["image"][:, 0, 0, :1]
    return keras.Model(inputs, score)


def test_the_critic_is_told_what_each_picture_should_show(rng):
    """x by its own labels, a by those asked for, in both turns."""
    weights = np.arange(generator.WORDS) / 10
    critic, network = linear_critic(weights), models.head_generator(size=8, widths=(2, 2), codes=3)
    settings = config.GeneratorConfig(size=8, codes=3, batch=2, penalised=1, other_labels=1.0)
    own, asked = (
        generator.one_hot(np.array([[0, 0, 0], [1, 2, 3]])),
        generator.one_hot(np.array([[1, 3, 4], [0, 1, 2]])),
    )
    batch = {
        "image": rng.random((2, 8, 8, 3), dtype=np.float32), "numbers": np.zeros((2, 9), "f"), "labels": own,
        "asked": asked, "code": np.zeros((2, 6), "f"), "change": np.full((2, 14), 0.5, "f"),
        "pull": np.zeros(2, "f"),
    }  # fmt: skip
    batch = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
    gradient = training.backend_trainer().input_gradient
    _, terms = generation.critic_objective(network, critic, settings, batch, gradient)
    assert float(terms["real"]) == pytest.approx((own @ weights).mean(), abs=1e-5)
    assert float(terms["drawn"]) == pytest.approx((asked @ weights).mean(), abs=1e-5)
    gap = (asked - own) @ weights
    assert float(terms["critic"]) == pytest.approx(np.log1p(np.exp(gap)).mean(), abs=1e-5)
    loss, _ = generation.generator_objective(network, critic, settings, batch)
    assert float(loss) == pytest.approx(np.log1p(np.exp(-gap)).mean(), abs=1e-5)


def plain_batch(heads, told, settings, step):
    """The batch of configuration A, as it was before labels, partners and D_a."""
    rng = np.random.default_rng([settings.seed, step])
    members = [rng.choice(one, len(one_share)) for one, one_share in zip(
        heads.members, np.array_split(np.arange(settings.batch), len(heads.members)), strict=True)]  # fmt: skip
    chosen = rng.permutation(np.concatenate(members))
    mirrored = rng.random(settings.batch) < 0.5
    image = heads.images[chosen]
    image[mirrored] = image[mirrored, :, ::-1]
    numbers = told.numbers[chosen] * np.where(mirrored[:, None], generator.MIRRORED, 1)
    known = rng.random((settings.batch, 3)) >= settings.unknown
    return {
        "image": image.astype(np.float32) / 255, "numbers": numbers.astype(np.float32),
        "labels": generator.one_hot(np.where(known, told.labels[chosen], -1)),
        "code": rng.standard_normal((settings.batch, 2 * settings.codes), dtype=np.float32),
        "change": rng.random((settings.batch, 14), dtype=np.float32), "pull": np.zeros(settings.batch, "f"),
    }  # fmt: skip


@pytest.fixture
def told_heads(tiny_set):
    heads = data.load(tiny_set, "train", size=32)
    numbers = np.array(generator.MEAN) + np.linspace(-0.1, 0.1, 9 * len(heads.images)).reshape(-1, 9)
    return heads, data.Told(numbers, heads.labels[:, 1:])


def test_configuration_a_is_what_it_was(told_heads):
    """Same batches, same losses, same settings in its checkpoint."""
    expected, batch = plain_batch(*told_heads, PLAIN, 7), data.generation_batch(*told_heads, PLAIN, 7)
    assert batch.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(batch[name], value, rtol=0, atol=1e-7, err_msg=name)
    tensors = {name: ops.convert_to_tensor(value) for name, value in batch.items()}
    network, critic = generation.build_networks(PLAIN)
    gradient = training.backend_trainer().input_gradient
    codes, changes = (ops.split(tensors[name], 2, axis=-1) for name in ("code", "change"))
    for turn in (0, 1):
        a = network({**{n: tensors[n] for n in ("image", "numbers", "labels")}, "code": codes[turn]})
        x, numbers = generation.augment(tensors["image"], tensors["numbers"], changes[turn])
        a, _ = generation.augment(a, tensors["numbers"], changes[turn])
        told = {"numbers": numbers, "labels": tensors["labels"]}
        real, drawn = (critic({"image": one} | told) for one in (x, a))
        if turn == 0:
            _, terms = generation.critic_objective(network, critic, PLAIN, tensors, gradient)
            assert float(terms["critic"]) == pytest.approx(
                float(generation.relativistic_loss(real, drawn)), rel=1e-5
            )  # fmt: skip
        else:
            loss, terms = generation.generator_objective(network, critic, PLAIN, tensors)
            assert list(terms) == ["generator", "pull"]
            assert float(loss) == pytest.approx(float(generation.relativistic_loss(drawn, real)), rel=1e-5)
    settings = training._identity(PLAIN, training.Run(None, {}))["config"]
    assert not settings.keys() & {"outer", "other_labels", "identity"}
    assert generation.generator_arguments(PLAIN).keys() == {"size", "widths", "codes"}


def test_new_terms_leave_the_rest_of_a_batch_alone(told_heads):
    plain, batch = data.generation_batch(*told_heads, PLAIN, 3), data.generation_batch(*told_heads, PEOPLE, 3)
    for name, value in plain.items():
        np.testing.assert_array_equal(batch[name], value)
    assert batch.keys() - plain.keys() == {
        "asked", "same", "partner_image", "partner_numbers", "partner_code"
    }  # fmt: skip


def test_a_head_without_others_is_its_own_partner_mirrored(told_heads):
    heads, told = told_heads
    lone = dataclasses.replace(heads, sequences=np.arange(len(heads.images)))
    batch = data.generation_batch(lone, told, PEOPLE, 0)
    np.testing.assert_array_equal(batch["partner_image"], batch["image"][:, :, ::-1])
    np.testing.assert_allclose(batch["partner_numbers"], batch["numbers"] * generator.MIRRORED, rtol=1e-6)


def test_untrained_networks_have_no_grid(rng):
    network, _ = generation.build_networks(PLAIN)
    inputs = {
        "image": rng.random((1, 32, 32, 3), dtype=np.float32), "numbers": np.array([generator.MEAN], np.float32),
        "labels": np.zeros((1, generator.WORDS), np.float32), "code": rng.standard_normal((1, 64), dtype=np.float32),
    }  # fmt: skip
    middle = network.predict_on_batch(inputs)[0, 8:24, 8:24].reshape(8, 2, 8, 2, 3)
    np.testing.assert_allclose(middle, middle[:, :1, :, :1].repeat(2, axis=1).repeat(2, axis=3), atol=1e-6)


CONFIGURATIONS = {
    "identity": {"identity": TERMS},
    "labels": {"other_labels": 0.5},
    "people": {"other_labels": 0.5, "identity": TERMS},
    "grown": {"outer": 4, "widths": (4, 8), "critic_widths": (4, 8), "other_labels": 0.5, "identity": TERMS},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_three_steps_of_each_configuration(name, reader_file, tiny_set, tmp_path):
    settings = dataclasses.replace(PLAIN, steps=3, checkpoint_every=3, **CONFIGURATIONS[name])
    d_a = classifier_file(tmp_path) if settings.identity else None
    progress = generation.train(settings, generation.Files(reader_file, d_a), tiny_set, tmp_path / "run", verbose=0)
    assert progress.steps == 3
    with open(tmp_path / "run" / "log.csv") as file:
        (row,) = csv.DictReader(file)
    assert (set(identity.TERMS) <= row.keys()) == bool(settings.identity)
    assert all(np.isfinite(float(value)) for value in row.values())
    again = files.load(tmp_path / "run" / "generator.safetensors")
    assert again.count_params() == generation.build_networks(settings)[0].count_params()
    made_by = files.provenance(tmp_path / "run" / "generator.safetensors")
    assert ("classifier_sha256" in made_by) == bool(settings.identity)


def finished_run(folder, settings, classifier=None, steps=2):
    """A checkpoint of a run, as `training.fit` leaves it, without its steps: weights 0.1, their averages 0.2."""
    networks = generation.build_networks(settings)
    built, optimizer = generation.build_trainer(*networks, settings, classifier)
    for variable in (*networks[0].variables, *networks[1].variables):
        variable.assign(ops.full(variable.shape, 0.1))
    for variable in optimizer.variables:
        if variable.path.endswith("_average"):
            variable.assign(ops.full(variable.shape, 0.2))
    folder.mkdir()
    same = training._identity(settings, training.Run(folder, {}))
    checkpoints.save(built, folder / "checkpoint.npz", run=same, step=steps, seconds=1.0)
    return folder


def averages(networks, optimizer):
    optimizer.finalize_variable_values(networks[0].trainable_variables)
    return {variable.path: np.array(variable.value) for variable in networks[0].trainable_variables}


@pytest.mark.parametrize("with_d_a", [False, True])
def test_a_start_from_another_run(tmp_path, with_d_a):
    """Generator, critic and average are those of the run, whether it had a D_a or not; the rest is new."""
    d_a = identity.load(classifier_file(tmp_path), PEOPLE) if with_d_a else None
    run = finished_run(tmp_path / "run", PEOPLE if with_d_a else PLAIN, d_a)
    networks = generation.build_networks(PLAIN)
    _, optimizer = generation.build_trainer(*networks, PLAIN)
    digest = generation.start_from(run, networks, optimizer, PLAIN)
    assert len(digest) == 64
    for variable in (*networks[0].variables, *networks[1].variables):
        assert (np.asarray(variable.value) == np.float32(0.1)).all(), variable.path
    assert all((value == np.float32(0.2)).all() for value in averages(networks, optimizer).values())


def test_growing_keeps_the_inner_weights(tmp_path):
    run = finished_run(tmp_path / "run", PLAIN)
    large = dataclasses.replace(PLAIN, size=64, outer=4)
    networks = generation.build_networks(large)
    outer = {v.path: np.array(v.value) for one in networks for v in one.variables if v.path.startswith("outer_")}
    assert len(outer) > 8
    _, optimizer = generation.build_trainer(*networks, large)
    generation.start_from(run, networks, optimizer, large)
    for variable in networks[0].variables:
        expected = outer.get(variable.path, np.float32(0.1))
        assert variable.path.startswith("outer_") or (np.asarray(variable.value) == expected).all(), variable.path
    for path, value in averages(networks, optimizer).items():
        if not path.startswith("outer_"):
            assert (value == np.float32(0.2)).all(), path


@pytest.mark.slow
def test_training_goes_on_from_half_the_size(reader_file, tiny_set, tmp_path):
    """And what was started is resumed; the average of the first checkpoint is near the run's, 0.2."""
    small = dataclasses.replace(PLAIN, size=16, checkpoint_every=1, steps=2)
    run = finished_run(tmp_path / "run", small)
    grown = dataclasses.replace(
        small, size=32, outer=4, generator_optimizer=config.Optimizer("adam", 1e-4, beta_1=0.0, average=0.99)
    )
    for steps in (1, 2):
        settings = dataclasses.replace(grown, steps=steps)
        generation.train(settings, generation.Files(reader_file, start=run), tiny_set, tmp_path / "grown", verbose=0)
    stored = files.load(tmp_path / "grown" / "generator.safetensors")
    kernel = np.asarray(stored.get_layer("down1").kernel)
    np.testing.assert_allclose(kernel, 0.99**2 * 0.2 + (1 - 0.99**2) * 0.1, atol=1e-3)
    assert files.provenance(tmp_path / "grown" / "generator.safetensors")["start_sha256"]


def test_starts_that_do_not_fit(tmp_path):
    run = finished_run(tmp_path / "run", PLAIN)

    def started_from(folder, **changes):
        settings = dataclasses.replace(PLAIN, **changes)
        networks = generation.build_networks(settings)
        generation.start_from(folder, networks, generation.build_trainer(*networks, settings)[1], settings)

    with pytest.raises(checkpoints.CheckpointError, match="holds no run"):
        started_from(tmp_path)
    for changes in ({"codes": 8}, {"size": 64}, {"critic_widths": (4, 4, 4)}, {"outer": 4}, {"widths": (4, 4, 8, 8)}):
        with pytest.raises(checkpoints.CheckpointError, match="which do not fit"):
            started_from(run, **changes)
    other = tmp_path / "other"
    other.mkdir()
    np.savez(other / "checkpoint.npz", run='{"config": {"blocks": 2}}', step=1, seconds=1.0)
    with pytest.raises(checkpoints.CheckpointError, match="another kind of training"):
        started_from(other)
    (other / "checkpoint.npz").write_bytes(b"PK")
    with pytest.raises(checkpoints.CheckpointError, match="not a complete checkpoint"):
        started_from(other)


def test_classifiers_that_do_not_fit(tmp_path, reader_file):
    with pytest.raises(files.WeightsError, match="compares heads of 64 pixels, and the generator draws 32"):
        identity.load(classifier_file(tmp_path, size=64), PEOPLE)
    with pytest.raises(files.WeightsError, match="compares gender, ethnicity, not ID, hairstyle: train"):
        identity.load(classifier_file(tmp_path, ("gender", "ethnicity")), PEOPLE)
    alone = dataclasses.replace(PEOPLE, identity=dataclasses.replace(TERMS, labels=0.0))
    assert identity.load(classifier_file(tmp_path, ("ID",)), alone).labels == ("ID",)
    with pytest.raises(files.WeightsError, match="3 input channels, but 6 are needed"):
        identity.load(reader_file, PEOPLE)
    with pytest.raises(files.WeightsError, match="is not a reader"):
        reader.load(classifier_file(tmp_path))
    with pytest.raises(config.ConfigError, match="name its file"):
        identity.load(None, PEOPLE)
    with pytest.raises(config.ConfigError, match="uses no D_a"):
        identity.load(reader_file, PLAIN)


def test_heads_of_twice_the_readers_size_are_told_at_half(reader_file, told_heads):
    heads, _ = told_heads
    large = dataclasses.replace(heads, images=heads.images.repeat(2, axis=1).repeat(2, axis=2))
    network = reader.load(reader_file)
    np.testing.assert_allclose(reader.told(network, large).numbers, reader.told(network, heads).numbers, atol=1e-5)


@pytest.mark.parametrize(
    "changes", [{"other_labels": 1.5}, {"identity": config.IdentityTerms(heads=64)}, {"identity": {"sure": 0.2}}]
)
def test_settings_no_run_can_have(changes):
    with pytest.raises(config.ConfigError):
        if isinstance(changes.get("identity"), dict):
            config.IdentityTerms(**changes["identity"])
        config.GeneratorConfig(**changes)


@pytest.mark.parametrize("name", config.GENERATORS_BY_NAME)
def test_settings_survive_a_checkpoint(name):
    settings = config.GENERATORS_BY_NAME[name]
    assert config.generator_config(json.loads(json.dumps(dataclasses.asdict(settings)))) == settings
