"""Shipped weights: whole, small, and as good as their card says."""

import hashlib

import pytest

from uunet import presets
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
    name = presets.DEFAULT
    for file in presets.PRESETS[name]:
        data = bytearray((presets.WEIGHTS / name / file).read_bytes())
        data[-1] ^= 1
        (tmp_path / file).write_bytes(data)
    with pytest.raises(files.WeightsError, match="not the file of this version"):
        _ = presets.Preset(tmp_path, presets.PRESETS[name]).encoder


def test_unknown_weights():
    with pytest.raises(files.WeightsError, match="no weights 'nowhere'.*synthetic-64"):
        presets.load("nowhere")
