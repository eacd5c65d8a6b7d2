"""The operations that are counted are those of hand arithmetic."""

import keras
from keras import layers

from uunet.models import cost


def test_operations_by_hand():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, 2, padding="same")(image)  # (4, 4, 5): 16 x 5 x 27 products
    x = layers.Conv2DTranspose(2, 4, 2, padding="same")(x)  # (8, 8, 2): 16 x 5 x 16 x 2
    inner = keras.Model(image, layers.Activation("relu")(x))
    outer = keras.Model(image, layers.Dense(7)(layers.Flatten()(inner(image))))  # 128 x 7; nested models count
    assert cost.flops(outer) == 2 * (16 * 5 * 27 + 16 * 5 * 16 * 2 + 128 * 7)


def test_a_transposed_convolution_works_at_the_places_of_its_input():
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, layers.Conv2DTranspose(5, 2, 2)(image))
    assert cost.flops(model) == 2 * 4 * 4 * (2 * 2 * 3 * 5)
