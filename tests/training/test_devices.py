"""Training on several devices: each takes its share of a batch, and together they do what one does."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from uunet import config
from uunet.data import loading
from uunet.training import trainer

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("two_devices.py")
TWO = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"}
needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs the extra [jax]")


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=needs_jax)])
def test_two_devices_do_what_one_does(backend, tiny_set, tmp_path):
    """Learning II with channel and batch normalisation on TensorFlow, learning to hide on JAX."""
    environment = {**TWO, "KERAS_BACKEND": backend, "JAX_ENABLE_X64": "1"}
    subprocess.run([sys.executable, SCRIPT, tiny_set, tmp_path], check=True, env=environment)


def test_shares_make_up_the_batch():
    """Whatever axis counts the heads."""
    heads = np.arange(4)
    batch = {
        "x": heads.reshape(4, 1, 1, 1), "noise": np.tile(heads.reshape(1, 4, 1, 1, 1), (3, 1, 1, 1, 1)),
        "epsilon": np.tile(heads.reshape(1, 1, 4, 1, 1, 1), (3, 2, 1, 1, 1, 1)), "person": heads,
        "order": np.arange(4), "degradation": np.zeros((3, 4)),
    }  # fmt: skip
    for k, own in enumerate(([0, 1], [2, 3])):
        share = loading.share(batch, k, 2)
        for name in ("x", "person"):
            assert share[name].ravel().tolist() == own
        assert share["noise"].shape == (3, 2, 1, 1, 1) and share["noise"][2].ravel().tolist() == own
        assert share["epsilon"].shape == (3, 2, 2, 1, 1, 1) and share["epsilon"][1, 1].ravel().tolist() == own
        assert share["order"] is batch["order"] and share["degradation"] is batch["degradation"]


def test_devices_that_cannot_be_had():
    with pytest.raises(config.ConfigError, match="batch of 4 subjects cannot be split evenly over 3 devices"):
        trainer.devices(3, 4, "subjects")
    with pytest.raises(config.ConfigError, match="not 1000 devices to train on, only .*cpu:0"):
        trainer.devices(1000, 1000, "heads")
