"""Shipped weights: whole, small, and as good as their card says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests import virtual_weights
from uunet import config, data, engine, metrics, models, presets
from uunet.models import files, virtual

ROOT = Path(__file__).parents[1]
MARGIN = 1.5  # dB, of 16 to 32 heads of other people than those of the card


@pytest.mark.slow
@pytest.mark.parametrize(("name", "domain"), [("twin-cctv", "cctv"), ("twin-cctv-robust", "cctv"), ("twin-uav", "uav")])
def test_reversal_is_as_good_as_the_card_says(name, domain):
    """On the sample data, whose people took no part in training or in the card's record."""
    rows = json.loads((ROOT / "docs" / "weights" / f"{name}.json").read_text())["rows"]
    (claimed,) = (row["value"] for row in rows if row["title"] == "PSNR(x, r), ROI of 64 pixels, dB")
    heads = data.load(ROOT / "data_prep" / "sample" / domain, "train", size=64)
    net = presets.load(name)
    a = engine.Deidentifier(net.encoder, 0)(heads.images, heads.sequences.tolist())
    r = engine.Reidentifier(net.decoder)(a)
    assert metrics.psnr(heads.images, r).mean() == pytest.approx(claimed, abs=MARGIN)
    assert metrics.psnr(heads.images, a).mean() < claimed - 5  # a is another head, not x


@pytest.mark.slow
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
    assert sorted(net.files) == sorted(set(presets.PRESETS[name]) - {"classifier.safetensors"})
    if net.unseen:
        assert engine.side(net.encoder) == net.encoder.size and net.decoder is None
    else:
        assert net.encoder.inputs[0].shape[-1] == 4 and net.decoder.inputs[0].shape[-1] == 3
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


@pytest.mark.slow
def test_weights_that_choose_follow_another_s(tmp_path):
    arguments = {"size": 32, "width": 4, "s": [-1, 1, 1, 1]}
    path = tmp_path / "encoder.safetensors"
    files.save(models.twin_encoder(**arguments), path, builder="twin_encoder", arguments=arguments, provenance={})
    heads = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    people = []
    for s in (None, (-1, 1, 1, 1), (-1, -1, -1, -1)):
        deidentifier = engine.Deidentifier(presets.load(tmp_path, s).encoder, 0)
        deidentifier(heads, [0, 1])
        people.append([deidentifier.people[track].argmax() for track in (0, 1)])
    assert people[0] == people[1] and all(a != b for a, b in zip(people[0], people[2], strict=True))
    with pytest.raises(files.WeightsError, match="chooses by an s of 4 numbers; got 2"):
        _ = presets.load(tmp_path, (-1, 1)).encoder
    with pytest.raises(files.WeightsError, match="follows no s but the one it was trained for"):
        _ = presets.load("synthetic-64", (-1, 1, 1, 1)).encoder


def test_a_generator_and_its_reader_are_weights(tmp_path):
    net = presets.load(virtual_weights.save(tmp_path / "weights"), (-1, 0, 1, -1))
    assert net.unseen and net.files == ("generator.safetensors", "reader.safetensors")
    assert net.encoder.s == (-1, 0, 1, -1) and engine.side(net.encoder) == 32 and net.decoder is None
    assert presets.load(net.folder).encoder.s == virtual.S
    for one, other in zip(net.encoder.draws.weights, virtual_weights.networks()[0].weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
    (net.folder / "reader.safetensors").unlink()
    with pytest.raises(files.WeightsError, match="a generator without its reader: copy the reader.safetensors"):
        _ = presets.load(net.folder).encoder
