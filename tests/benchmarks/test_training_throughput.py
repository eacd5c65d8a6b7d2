"""The operations that the benchmark counts are those of hand arithmetic."""

import importlib.util
from pathlib import Path

import keras
from keras import layers

PATH = Path(__file__).parents[2] / "benchmarks" / "training_throughput.py"


def test_operations_by_hand():
    spec = importlib.util.spec_from_file_location("training_throughput", PATH)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, 2, padding="same")(image)  # (4, 4, 5): 16 x 5 x 27 products
    x = layers.Conv2DTranspose(2, 4, 2, padding="same")(x)  # (8, 8, 2): 16 x 5 x 16 x 2
    inner = keras.Model(image, layers.Activation("relu")(x))
    outer = keras.Model(image, layers.Dense(7)(layers.Flatten()(inner(image))))  # 128 x 7; nested models count
    assert benchmark.forward_operations(outer) == 2 * (16 * 5 * 27 + 16 * 5 * 16 * 2 + 128 * 7)
