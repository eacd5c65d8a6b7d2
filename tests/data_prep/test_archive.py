"""Archives of heads: what is packed is read back; where not all fits, frames go first; damage is one sentence."""

import numpy as np
import pytest

from data_prep import archive
from uunet import data


@pytest.fixture
def packed(tiny_set, tmp_path):
    archive.write([tiny_set], tmp_path / "heads.npz")
    return tmp_path / "heads.npz"


def test_heads_and_labels_come_back(tiny_set, packed):
    for found, split in zip(archive.read(packed), ("train", "validation"), strict=True):
        heads = data.load(tiny_set, split, size=None)
        assert found.sha256 == heads.sha256
        for name in ("labels", "sequences", "frames", "domains"):
            np.testing.assert_array_equal(getattr(found, name), getattr(heads, name))
        # noise is what JPEG keeps least of; each head has its own grey
        assert found.images.shape == heads.images.shape and found.images.dtype == np.uint8
        means = [images.mean(axis=(1, 2)) for images in (found.images, heads.images)]
        assert np.abs(means[0] - means[1]).max() < 2
        data.check_pairs(found, ("ID", "gender"))


def test_frames_give_way_before_sequences_and_subjects(tiny_set, tmp_path, monkeypatch):
    assert archive.write([tiny_set], tmp_path / "all.npz") == {"train": (18, 18), "validation": (12, 12)}
    with pytest.raises(archive.ArchiveError, match="do not hold two subjects of each split"):
        archive.write([tiny_set], tmp_path / "none.npz", most_mb=0.101)
    assert not (tmp_path / "none.npz").exists()
    monkeypatch.setattr(archive, "VALIDATION_SHARE", 0.4)
    mean = np.load(tmp_path / "all.npz")["ends"][-1] / 30 + 40  # bytes per head
    most_mb = 0.1 + 24e-6 * mean  # about 24 of 30 heads
    kept = archive.write([tiny_set], tmp_path / "some.npz", most_mb=most_mb)
    heads, _ = archive.read(tmp_path / "some.npz")
    assert (tmp_path / "some.npz").stat().st_size <= 1e6 * most_mb
    assert 12 <= kept["train"][0] < 18
    assert len(heads.by_subject) == 3
    assert all(len(sequence) >= 2 for sequences in heads.by_subject.values() for sequence in sequences)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 0}, "has format 0, not 1"),
        ({"format": None}, "has format none, not 1"),
        ({"labels": np.zeros((30, 3), np.int32)}, r"labels has shape \(30, 3\), not \(30, 4\)"),
        ({"ends": None}, "ends has shape|ends is missing|jpeg has shape"),
        ({"jpeg": np.zeros(5, np.uint8)}, r"jpeg has shape \(5,\)"),
        ({"split": np.zeros(30, np.uint8)}, "lacks heads for training or for validation"),
        ({"size": 64}, "Head 0 of .* is no picture of 64 x 64"),
    ],
)
def test_an_archive_that_is_none_is_one_sentence(packed, tmp_path, change, sentence):
    found = dict(np.load(packed)) | change
    np.savez(tmp_path / "odd.npz", **{name: value for name, value in found.items() if value is not None})
    with pytest.raises(archive.ArchiveError, match=f"(?s)odd.npz.*({sentence})|({sentence}).*make it again"):
        archive.read(tmp_path / "odd.npz")


def test_half_a_file_is_one_sentence(packed, tmp_path, capsys):
    (tmp_path / "half.npz").write_bytes(packed.read_bytes()[:3000])
    with pytest.raises(archive.ArchiveError, match="is no complete NumPy archive"):
        archive.read(tmp_path / "half.npz")
    with pytest.raises(archive.ArchiveError, match="There is no file"):
        archive.read(tmp_path / "none.npz")
    assert archive.main([str(tmp_path), "--out", str(tmp_path / "a.npz")]) == 1
    assert "has no manifest.csv" in capsys.readouterr().err
    assert archive.main([str(tmp_path), "--out", str(tmp_path / "a.txt")]) == 1
    assert "--out is a .npz file" in capsys.readouterr().err
