"""Weight files: a round trip, and one sentence for whatever is wrong with one."""

import numpy as np
import pytest
import safetensors.numpy

from uunet import models
from uunet.models import files

ARGUMENTS = {"channels": 3, "width": 4}


@pytest.fixture
def saved(tmp_path):
    model = models.unet(**ARGUMENTS)
    path = tmp_path / "decoder.safetensors"
    files.save(model, path, builder="unet", arguments=ARGUMENTS, provenance={"seed": 7})
    return model, path


def test_round_trip_to_half_precision(saved, rng):
    model, path = saved
    again = files.load(path, expect=3)
    for mine, stored in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(np.float16(mine.value), np.asarray(stored.value))
        assert stored.dtype == "float32"
    assert files.provenance(path) == {"seed": 7}
    assert not list(path.parent.glob("*.part"))


def test_the_same_weights_twice_are_the_same_bytes(saved, tmp_path):
    model, path = saved
    files.save(model, tmp_path / "again", builder="unet", arguments=ARGUMENTS, provenance={"seed": 7})
    assert path.read_bytes() == (tmp_path / "again").read_bytes()


def test_missing(tmp_path):
    with pytest.raises(files.WeightsError, match="no weight file .*nowhere"):
        files.load(tmp_path / "nowhere")


def test_truncated(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(files.WeightsError, match="not a complete safetensors file"):
        files.load(path)


def test_not_a_weight_file(tmp_path):
    path = tmp_path / "other"
    safetensors.numpy.save_file({"a": np.zeros(3)}, path)
    with pytest.raises(files.WeightsError, match="not one of uunet's"):
        files.load(path)


def test_decoder_where_an_encoder_is_needed(saved):
    with pytest.raises(files.WeightsError, match="3 input channels, but 4 are needed"):
        files.load(saved[1], expect=4)


def test_weights_of_another_architecture(saved, tmp_path):
    model, _ = saved
    path = tmp_path / "wrong"
    files.save(model, path, builder="unet", arguments={"channels": 3, "width": 8}, provenance={})
    with pytest.raises(files.WeightsError, match="does not fit the architecture"):
        files.load(path)
