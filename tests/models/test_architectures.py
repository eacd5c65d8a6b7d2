"""Table I: layers counted by hand, and outputs that do not depend on how a model is called."""

import numpy as np
import pytest

from uunet import models


def conv(kernel, inputs, outputs):
    return kernel * kernel * inputs * outputs + outputs


def test_attribute_classifier_is_table_1():
    # Convolution (3 x 3) + Batch Normalization (4 numbers a kernel), from 6 channels
    trunk = sum(conv(3, i, o) + 4 * o for i, o in [(6, 16), (16, 64), (64, 128), (128, 64), (64, 64)])
    flat = 8 * 8 * 64  # 64 x 64 halved by the first, fourth and fifth convolution
    dense = flat * 128 + 128 + 128 * 4 + 4
    model = models.attribute_classifier()
    assert model.count_params() == trunk + dense == 721_012
    assert model.input_shape == (None, 64, 64, 6) and model.output_shape == (None, 4)
    norm = model.get_layer("norm1")
    assert norm.momentum == 0.8
    dropouts = [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"]
    assert dropouts == [0.25] * 5
    strides = [model.get_layer(f"conv{k}").strides[0] for k in range(1, 6)]
    assert strides == [2, 1, 1, 2, 2]
    assert [type(layer).__name__ for layer in model.layers[1:5]] == [
        "Conv2D",
        "BatchNormalization",
        "LeakyReLU",
        "Dropout",
    ]


def test_attribute_classifier_of_the_published_code():
    table_1, published = models.attribute_classifier(), models.attribute_classifier(blocks=3)
    third = conv(3, 64, 64) + 4 * 64
    smaller_flat = (8 * 8 - 4 * 4) * 64 * 128  # one more halving before the dense layer
    assert published.count_params() == table_1.count_params() + third - smaller_flat


def test_ronneberger_unet():
    def double(i, o):
        return conv(3, i, o) + conv(3, o, o)

    down = double(4, 64) + double(64, 128) + double(128, 256) + double(256, 512)
    bottom = double(512, 1024)
    # 2 x 2 up-convolution, then the skip doubles the channels again
    up = sum(conv(2, 2 * o, o) + double(2 * o, o) for o in (512, 256, 128, 64))
    head = 64 * 3 + 3
    assert models.unet(4).count_params() == down + bottom + up + head == 31_032_451


def test_pix2pix_unet_of_the_published_code():
    down = [(4, 64), (64, 128), (128, 256), (256, 512), (512, 512), (512, 512)]
    up = [(512, 512), (1024, 512), (1024, 256), (512, 128), (256, 64), (128, 3)]
    weights = sum(conv(4, i, o) for i, o in down + up)
    norm = 4 * (128 + 256 + 512 + 512) + 4 * (512 + 512 + 256 + 128 + 64)
    model = models.unet(4, shape="pix2pix", normalization="batch", dropout=0.5)
    assert model.count_params() == weights + norm
    assert round(model.count_params() / 1e6, 2) == 29.25  # what the published code has
    assert model.get_layer("down5_conv").output.shape[1:3] == (1, 1)


def test_patch_critic():
    layers = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1)]
    model = models.patch_critic()
    assert model.count_params() == sum(conv(4, i, o) for i, o in layers)
    assert model.output_shape == (None, 8, 8, 1)
    assert not any("Normalization" in type(layer).__name__ for layer in model.layers)
    assert model.get_layer("scores").activation.__name__ == "linear"


def test_pixels_of_256():
    assert models.unet(4, size=256, width=4).output_shape == (None, 256, 256, 3)
    pix2pix = models.unet(3, shape="pix2pix", size=256, width=4)
    assert pix2pix.get_layer("down7_conv").output.shape[1:3] == (1, 1)
    assert models.patch_critic(size=256, width=4).output_shape == (None, 32, 32, 1)


SMALL = {
    "classifier": lambda: models.attribute_classifier(),
    "joined classifiers": lambda: models.join([models.attribute_classifier(1, name=f"c{k}") for k in range(4)]),
    "ronneberger": lambda: models.unet(4, width=4),
    "ronneberger, batch": lambda: models.unet(3, width=4, normalization="batch"),
    "pix2pix": lambda: models.unet(4, shape="pix2pix", width=4, normalization="batch", dropout=0.5),
    "residual": lambda: models.unet(4, width=4, residual=True),
    "critic": lambda: models.patch_critic(width=4),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_head_gives_one_answer(name, rng):
    """predict(x) == model(x), and alone == in a batch: nothing is left in training mode, nothing mixes heads."""
    model = SMALL[name]()
    x = rng.random((5, *model.input_shape[1:]), np.float32)
    predicted = model.predict(x, verbose=0)
    np.testing.assert_allclose(predicted, np.asarray(model(x)), atol=1e-5)
    np.testing.assert_allclose(predicted, np.asarray(model(x, training=False)), atol=1e-5)
    alone = np.concatenate([model.predict(x[k : k + 1], verbose=0) for k in range(len(x))])
    np.testing.assert_allclose(predicted, alone, atol=1e-5)
    assert np.ptp(predicted) > 0


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["ronneberger", "pix2pix"])
def test_a_residual_unet_learns_a_difference(shape, rng):
    x = rng.random((2, 64, 64, 4), np.float32)
    model = models.unet(4, shape=shape, width=4, residual=True)
    for variable in model.get_layer("output").weights:
        variable.assign(variable * 0)
    np.testing.assert_allclose(model.predict(x, verbose=0), x[..., :3].clip(0.02, 0.98), atol=1e-5)


def test_images_come_out_in_the_unit_interval(rng):
    for shape in ("ronneberger", "pix2pix"):
        y = models.unet(3, shape=shape, width=4).predict(rng.random((2, 64, 64, 3), np.float32) * 100, verbose=0)
        assert y.min() >= 0 and y.max() <= 1


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"shape": "vgg"}, "vgg"),
        ({"size": 60}, "60"),
        ({"shape": "pix2pix", "size": 48}, "48"),
        ({"normalization": "group"}, "group"),
    ],
)
def test_unknown_architectures_are_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        models.unet(3, **wrong)


@pytest.mark.slow
def test_joined_classifiers_answer_side_by_side(rng):
    classifiers = [models.attribute_classifier(1, name=f"c{k}") for k in range(3)]
    pair = rng.random((2, 64, 64, 6), np.float32)
    apart = np.concatenate([model.predict(pair, verbose=0) for model in classifiers], axis=1)
    np.testing.assert_allclose(models.join(classifiers).predict(pair, verbose=0), apart, atol=1e-6)
