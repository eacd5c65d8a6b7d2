"""The generator sees nothing of the head but nine numbers and labels; the reader and the critic fit it."""

import cv2
import keras
import numpy as np
import pytest

from uunet import data, labels, models
from uunet.models import cost, files, generator

SIZE = 32
SMALL = {"size": SIZE, "widths": (4, 4, 8)}


@pytest.fixture
def inputs(rng):
    numbers = np.array(generator.MEAN) + rng.normal(size=(3, 9)) * generator.SPREAD
    return {
        "image": rng.random((3, SIZE, SIZE, 3), dtype=np.float32),
        "numbers": numbers.astype(np.float32),
        "labels": generator.one_hot(np.array([[0, 1, 2], [1, -1, 4], [-1, -1, -1]])),
        "code": rng.standard_normal((3, 8), dtype=np.float32),
    }


@pytest.fixture
def network():
    return models.head_generator(**SMALL, codes=8)


@pytest.mark.parametrize("outer", [0, 4])
def test_what_is_drawn_does_not_depend_on_removed_pixels(inputs, rng, outer):
    """Bit for bit, even where they are no numbers at all."""
    network = models.head_generator(**SMALL, codes=8, outer=outer)
    removed = generator.removed(SIZE)
    a = network.predict_on_batch(inputs)
    for value in (rng.random((3, removed.sum(), 3)), np.nan, np.inf):
        other = inputs["image"].copy()
        other[:, removed] = value
        np.testing.assert_array_equal(network.predict_on_batch(inputs | {"image": other}), a)


def test_what_is_not_removed_is_kept_towards_the_corners(network, inputs):
    a = network.predict_on_batch(inputs)
    assert a.shape == inputs["image"].shape and a.min() >= 0 and a.max() <= 1
    kept = generator.blending(SIZE)[..., 0] == 0
    assert kept[0, 0] and 0.05 < kept.mean() < 0.2
    np.testing.assert_array_equal(a[:, kept], inputs["image"][:, kept])
    assert (generator.blending(SIZE)[generator.removed(SIZE)] == 1).all()


def test_one_head_alone(network, inputs):
    one = network.predict_on_batch({name: value[:1] for name, value in inputs.items()})
    np.testing.assert_allclose(one, network.predict_on_batch(inputs)[:1], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["code", "labels", "numbers", "image"])
def test_all_inputs_count(network, inputs, name):
    a = network.predict_on_batch(inputs)
    other = network.predict_on_batch(inputs | {name: inputs[name][::-1]})
    removed = generator.removed(SIZE)
    assert np.abs(a - other)[::2][:, removed].max() > 1e-4


def test_removed_is_the_same_share_at_every_size():
    shares = [generator.removed(size).mean() for size in (32, 64, 128)]
    assert np.ptp(shares) < 0.01 and 0.75 < min(shares) < 0.8


def test_labels_as_the_networks_take_them():
    found = generator.one_hot(np.array([[1, 3, 0], [-1, 0, -1]]))
    assert found.shape == (2, generator.WORDS) and generator.WORDS == 11
    assert found[0].nonzero()[0].tolist() == [1, 2 + 3, 2 + 4 + 0]
    assert found[1].nonzero()[0].tolist() == [2]


def test_a_code_is_normal_and_fixed_by_its_noise():
    noise = np.random.default_rng(1).random((64, 64, 1), dtype=np.float32)
    code = generator.code_of(noise, 4096)
    assert code.dtype == np.float32 and abs(code.mean()) < 0.05 and abs(code.std() - 1) < 0.05
    np.testing.assert_array_equal(generator.code_of(noise, 64), code[:64])
    assert np.isfinite(generator.code_of(np.zeros((8, 8, 1)), 64)).all()


def test_kernels_are_modulated_as_stylegan2_writes(rng):
    """Each picture has its own kernels, s_i w_ik scaled to a length of sqrt(2)."""
    x, style = rng.normal(size=(2, 6, 6, 3)).astype("f"), rng.normal(size=(2, 3)).astype("f")
    layer = generator.ModulatedConv2D(5)
    y = np.asarray(layer(x, style))
    for k in range(2):
        kernel = np.asarray(layer.kernel) * style[k][:, None]
        kernel *= np.sqrt(2 / np.square(kernel).sum(axis=(0, 1, 2)))
        plain = np.asarray(keras.ops.conv(x[k : k + 1], kernel, padding="same"))
        np.testing.assert_allclose(y[k : k + 1], plain, rtol=1e-4, atol=1e-5)


def test_face_coordinates_follow_place_size_and_roll():
    size = np.log(0.2)
    numbers = np.array([[0.1, -0.1, size, 0, 0, 0, 0, 0, 0], [0.1, -0.1, size, 0, 0, np.pi / 2, 0, 0, 0]], np.float32)
    found = np.asarray(generator.face_coordinates(numbers, 50))
    right, down = 0.29 - 0.1, 0.09 + 0.1  # from the centre of the face to the centre of cell (29, 39)
    np.testing.assert_allclose(found[0, 29, 39], [right / 0.4, down / 0.4], atol=1e-5)
    # turned clockwise by 90 degrees, the line of the eyes runs down the picture and the nose points left
    np.testing.assert_allclose(found[1, 29, 39], [down / 0.4, -right / 0.4], atol=1e-5)


def test_shading_is_how_much_brighter_one_side_is():
    numbers = np.array([[0.0, 0.0, np.log(0.15)]] * 3, np.float32)
    ramp = np.linspace(0, 1, SIZE, dtype=np.float32)
    x = np.full((3, SIZE, SIZE, 3), 0.5, np.float32)
    x[1], x[2] = ramp[None, :, None], ramp[::-1, None, None]
    found = np.asarray(generator.shading(x, numbers))
    np.testing.assert_allclose(found[0], 0, atol=1e-3)
    assert found[1, 0] > 0.1 and abs(found[1, 1]) < 1e-3 and found[2, 1] < -0.1
    mirrored = np.asarray(generator.shading(x[:, :, ::-1], numbers * np.array(generator.MIRRORED[:3], np.float32)))
    np.testing.assert_allclose(mirrored, found * np.array(generator.MIRRORED[7:]), atol=1e-5)


def test_the_reader_says_all_that_the_generator_is_told(rng):
    reader = models.head_reader(size=SIZE, width=4)
    made = reader.predict_on_batch(rng.random((2, SIZE, SIZE, 3), dtype=np.float32))
    assert made["numbers"].shape == (2, len(generator.NUMBERS)) == (2, 9)
    assert {name: value.shape[1] for name, value in made.items() if name != "numbers"} == {
        name: len(words) for name, words in labels.VALUES.items()
    }
    for values in (generator.MEAN, generator.SPREAD, generator.MIRRORED):
        assert len(values) == 9


def test_numbers_of_a_mirrored_head(rng):
    places, pose = rng.uniform(10, 50, (4, data.LANDMARKS, 2)), rng.normal(size=(4, 3))
    mirrored = np.array([64, 0]) + np.array([-1, 1]) * places
    found = data.face_numbers(places, pose, 64) * generator.MIRRORED[:7]
    np.testing.assert_allclose(data.face_numbers(mirrored, pose * [-1, 1, -1], 64), found, rtol=1e-4, atol=1e-6)


def test_the_critic_gives_one_score(inputs):
    critic = models.head_critic(**SMALL)
    seen = {name: inputs[name] for name in ("image", "numbers", "labels")}
    score = critic.predict_on_batch(seen)
    assert score.shape == (3, 1)
    assert (score != critic.predict_on_batch(seen | {"labels": 1 - seen["labels"]})).all()


def test_training_costs_about_a_billion_operations_per_head():
    """4 passes of the generator and 10.5 of the critic (docs/training-log.md)."""
    drawn, judged = cost.flops(models.head_generator()), cost.flops(models.head_critic())
    assert 4 * drawn + 10.5 * judged < 1.1e9


def test_files_keep_the_generator(network, inputs, tmp_path):
    for model, builder, arguments in (
        (network, "head_generator", {**SMALL, "codes": 8}),
        (models.head_reader(size=SIZE, width=4), "head_reader", {"size": SIZE, "width": 4}),
    ):
        path = tmp_path / f"{builder}.safetensors"
        files.save(model, path, builder=builder, arguments=arguments, provenance={})
        again = files.load(path)
        for one, other in zip(model.weights, again.weights, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
    assert again.inputs[0].shape[-1] == 3


def test_doubled_is_bilinear(rng):
    x = rng.random((2, 5, 5, 3), dtype=np.float32)
    expected = [cv2.resize(one, (10, 10), interpolation=cv2.INTER_LINEAR) for one in x]
    np.testing.assert_allclose(np.asarray(generator._doubled(x)), expected, atol=1e-5)


def test_halved_surroundings_are_means_of_what_is_seen(inputs):
    y = np.asarray(generator._halved(generator.surroundings(np.full((1, SIZE, SIZE, 3), 0.5, np.float32))))
    small = generator.removed(SIZE // 2)
    assert (y[:, small] == 0).all()
    np.testing.assert_allclose(y[:, ~small], 0.5, rtol=1e-6)


def test_a_grown_generator_begins_as_an_enlargement(inputs):
    """Weights of the inner level are those of the small networks; with them, the outer level changes nothing."""
    big = {**inputs, "image": inputs["image"].repeat(2, axis=1).repeat(2, axis=2)}
    small = models.head_generator(**SMALL, codes=8)
    grown = models.head_generator(size=2 * SIZE, widths=SMALL["widths"], codes=8, outer=4)
    critic, grown_critic = (
        models.head_critic(**SMALL),
        models.head_critic(size=2 * SIZE, widths=SMALL["widths"], outer=4),
    )
    for one, other in ((small, grown), (critic, grown_critic)):
        values = {variable.path: variable.value for variable in one.variables}
        assert values.keys() < {variable.path for variable in other.variables}
        for variable in other.variables:
            if variable.path in values:
                variable.assign(values[variable.path])
    a, enlarged = small.predict_on_batch(inputs), grown.predict_on_batch(big)
    logits = np.log(a / (1 - a))
    expected = 1 / (1 + np.exp(-np.asarray(generator._doubled(logits))))
    middle = (slice(None), slice(20, 44), slice(20, 44))  # nothing of the surroundings is blended in here
    np.testing.assert_allclose(enlarged[middle], expected[middle], atol=1e-4)
    seen, large = ({name: one[name] for name in ("image", "numbers", "labels")} for one in (inputs, big))
    np.testing.assert_allclose(grown_critic.predict_on_batch(large), critic.predict_on_batch(seen), atol=1e-5)


def test_128_pixels_cost_at_most_four_times_64():
    small, large = models.head_generator(), models.head_generator(size=128, outer=32)
    assert cost.flops(small) < cost.flops(large) < 4 * cost.flops(small)
