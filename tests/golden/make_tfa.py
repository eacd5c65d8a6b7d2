"""Makes tfa.npz: what tensorflow-addons' normalisation layers compute. Runs in environment-tfa.yml only.

python tests/golden/make_tfa.py
"""

import platform
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

rng = np.random.default_rng(0)
x = rng.normal(0.3, 2.0, (3, 5, 7, 8)).astype(np.float32)
gamma, beta = rng.normal(size=(2, 8)).astype(np.float32)
found = {"x": x, "gamma": gamma, "beta": beta}
for name, layer in {
    "group": tfa.layers.GroupNormalization(groups=4, epsilon=1e-3),
    "instance": tfa.layers.InstanceNormalization(epsilon=1e-3),
}.items():
    layer.build(x.shape)
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    t = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(t)
        y = layer(t)
        loss = tf.reduce_sum(y**3)
    found[name], found[f"{name}_gradient"] = y.numpy(), tape.gradient(loss, t).numpy()
provenance = (
    f"python tests/golden/make_tfa.py; Python {platform.python_version()}, TensorFlow {tf.__version__}, "
    f"tensorflow-addons {tfa.__version__}, NumPy {np.__version__}"
)
np.savez_compressed(Path(__file__).with_name("tfa.npz"), provenance=provenance, **found)
print(provenance)
