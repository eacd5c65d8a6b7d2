"""Shipped weights: whole, small, and as good as their card says."""

import hashlib

import numpy as np
import pytest

from uunet import config, models, presets
from uunet.models import files


@pytest.mark.parametrize("name", presets.PRESETS)
def test_shipped_files_are_the_ones_we_mean(name):
    folder = presets.WEIGHTS / name
    assert sorted(path.name for path in folder.iterdir()) == sorted(presets.PRESETS[name])
    for file, digest in presets.PRESETS[name].items():
        data = (folder / file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest and len(data) < 45e6
        record = files.provenance(folder / file)
        assert {"command", "commit", "config", "data_sha256", "seed", "device", "time", "steps"} <= record.keys()
    net = presets.load(name)
    assert net.encoder.input_shape[-1] == 4 and net.decoder.input_shape[-1] == 3
    if "classifier.safetensors" in presets.PRESETS[name]:  # learning from twins needs no D_a
        assert net.classifier.input_shape[-1] == 6


def test_a_changed_file_is_refused(tmp_path):
    name = config.DEFAULT_WEIGHTS
    for file in presets.PRESETS[name]:
        data = bytearray((presets.WEIGHTS / name / file).read_bytes())
        data[-1] ^= 1
        (tmp_path / file).write_bytes(data)
    with pytest.raises(files.WeightsError, match="not the file of this version"):
        _ = presets.Preset(tmp_path, presets.PRESETS[name]).encoder


def test_unknown_weights():
    with pytest.raises(files.WeightsError, match="no weights 'nowhere'.*synthetic-64"):
        presets.load("nowhere")


def test_weights_that_choose_follow_another_s(tmp_path):
    arguments = {"size": 32, "width": 4, "s": [-1, 1, 1, 1]}
    path = tmp_path / "encoder.safetensors"
    files.save(models.twin_encoder(**arguments), path, builder="twin_encoder", arguments=arguments, provenance={})
    heads = np.random.default_rng(0).random((2, 32, 32, 4)).astype(np.float32)
    a, other = (presets.load(tmp_path, s).encoder.predict_on_batch(heads) for s in ((-1, 1, 1, 1), (-1, -1, -1, -1)))
    np.testing.assert_array_equal(a, presets.load(tmp_path).encoder.predict_on_batch(heads))
    assert np.abs(a - other).max() > 0
    with pytest.raises(files.WeightsError, match="chooses by an s of 4 numbers; got 2"):
        _ = presets.load(tmp_path, (-1, 1)).encoder
    with pytest.raises(files.WeightsError, match="follows no s but the one it was trained for"):
        _ = presets.load("synthetic-64", (-1, 1, 1, 1)).encoder
