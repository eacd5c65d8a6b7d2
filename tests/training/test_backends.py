"""TensorFlow and JAX compute the same losses and gradients from the same weights and batch, both phases."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("one_step.py")


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs the second backend, the extra [jax]")
def test_the_backends_agree(tiny_set, tmp_path):
    found = {}
    for backend in ("tensorflow", "jax"):
        out = tmp_path / f"{backend}.npz"
        subprocess.run(
            [sys.executable, SCRIPT, tiny_set, out], check=True, env={**os.environ, "KERAS_BACKEND": backend}
        )
        found[backend] = dict(np.load(out))
    one, other = found["tensorflow"], found["jax"]
    assert one.keys() == other.keys()
    # a bias in front of a batch normalisation has no gradient but rounding noise: compare on its network's scale
    scale = {}
    for name, value in one.items():
        scale[name.split("/")[0]] = max(scale.get(name.split("/")[0], 0), np.abs(value).max())
    for name in one:
        np.testing.assert_allclose(other[name], one[name], atol=1e-3 * scale[name.split("/")[0]], err_msg=name)
    moved = [name for name in one if name.startswith(("limit", "wgan-gp")) and "gradient" in name
             and np.abs(one[name]).max() > 0]
    for network in ("encoder", "decoder", "patch_critic"):
        assert any(network in name for name in moved), f"{network} was not trained"
    assert not any("attribute_classifier" in name for name in moved), "D_a must stay frozen in learning II"
