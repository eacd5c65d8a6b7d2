"""tensorflow-addons cannot be installed beside Keras 3: its values, made in environment-tfa.yml, pin ours."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "tfa.npz")


@pytest.mark.parametrize(("name", "groups"), [("group", 4), ("instance", -1)])
def test_group_normalization(name, groups):
    """keras.layers.GroupNormalization replaces both layers; groups=-1 is one group per channel."""
    layer = keras.layers.GroupNormalization(groups=groups)
    layer.build(GOLDEN["x"].shape)
    layer.set_weights([GOLDEN["gamma"], GOLDEN["beta"]])
    x = tf.constant(GOLDEN["x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y**3)
    np.testing.assert_allclose(y, GOLDEN[name], atol=2e-5)
    np.testing.assert_allclose(tape.gradient(loss, x), GOLDEN[f"{name}_gradient"], atol=1e-3, rtol=1e-3)
