"""TensorFlow and JAX compute the same losses and gradients from the same weights and batch, both phases."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("one_step.py")
# each operation is compiled to run once or a few times: as it stands is quickest
QUICK = {**os.environ, "XLA_FLAGS": "--xla_backend_optimization_level=0"}
DOUBLE = {**QUICK, "JAX_ENABLE_X64": "1"}
# of the largest gradient of a network: 10 times float32's epsilon, for the one operation that TensorFlow has in float32
# only; the rest is computed in float64, whose rounding is 1e-10 even where a step makes 10^6 times as much of it
TOLERANCE = 10 * np.finfo(np.float32).eps


needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs the extra [jax]")


@needs_jax
def test_the_backends_agree(tiny_set, tmp_path):
    found = {}
    for backend in ("tensorflow", "jax"):
        out = tmp_path / f"{backend}.npz"
        subprocess.run([sys.executable, SCRIPT, tiny_set, out], check=True, env={**DOUBLE, "KERAS_BACKEND": backend})
        found[backend] = dict(np.load(out))
    one, other = found["tensorflow"], found["jax"]
    assert one.keys() == other.keys()
    largest = {}  # gradient of a network: rounding noise is relative to it
    for name, value in one.items():
        network = name.split("/")[0]
        largest[network] = max(largest.get(network, 0), np.abs(value).max())
    # TensorFlow resizes the chroma of a JPEG in float32, whatever goes in: few values are rounded the other way
    levels = 255 * np.abs(other.pop("channel JPEG") - one.pop("channel JPEG"))
    assert (levels > 1e-3).mean() < 1e-2 and levels.max() < 1.001
    for name, value in one.items():
        # relative to the network: a bias in front of a batch normalisation has no gradient, but that noise
        tolerance = TOLERANCE * largest[name.split("/")[0]]
        np.testing.assert_allclose(other[name], value, atol=tolerance, rtol=0, err_msg=name)
    for name in (
        "sharpening loss twin",
        "sharpening gradient encoder/draw_output/kernel",
        "hiding loss leak",
        "hiding gradient encoder/hide_output/kernel",
        "hiding gradient decoder/reveal_output/kernel",
    ):
        assert np.abs(one[name]).max() > 0, name
    moved = [
        name
        for name in one
        if name.startswith(("limit", "wgan-gp")) and "gradient" in name and np.abs(one[name]).max() > 0
    ]
    for network in ("encoder", "decoder", "patch_critic"):
        assert any(network in name for name in moved), f"{network} was not trained"
    assert not any("attribute_classifier" in name for name in moved), "D_a must stay frozen in learning II"


RESUME = """
import dataclasses, pathlib, sys
import numpy as np
from uunet import config
from uunet.models import files
from uunet.training import classifier
data, out = sys.argv[1], pathlib.Path(sys.argv[2])
pairs = dataclasses.replace(config.SMOKE.classifier, size=32)
classifier.train(pairs, data, out / "straight", verbose=0)
classifier.train(dataclasses.replace(pairs, steps=2), data, out / "resumed", verbose=0)
classifier.train(pairs, data, out / "resumed", verbose=0)
one, other = (files.load(out / run / "classifier.safetensors").get_weights() for run in ("straight", "resumed"))
assert all((a == b).all() for a, b in zip(one, other, strict=True))
assert files.provenance(out / "resumed" / "classifier.safetensors")["device"].endswith("jax")
"""


@needs_jax
def test_jax_trains_compiled_and_resumes_exactly(tiny_set, tmp_path):
    """`fit`, checkpoints, dropout seeds and moving statistics on the second backend."""
    subprocess.run(
        [sys.executable, "-c", RESUME, tiny_set, tmp_path], check=True, env={**QUICK, "KERAS_BACKEND": "jax"}
    )
