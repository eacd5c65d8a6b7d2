import csv
import re
import shutil

import numpy as np
import pytest

from data_prep import join
from uunet import data


@pytest.fixture
def sets(tiny_set, tmp_path):
    """Two sets of the same pictures: "cctv" people s0, s1, ... and "lfw" people r0, r1, ... of unknown ethnicity."""
    folders = []
    for domain, letter in (("cctv", "s"), ("lfw", "r")):
        folder = tmp_path / domain
        shutil.copytree(tiny_set, folder)
        with open(folder / "manifest.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            row |= {"subject": row["subject"].replace("s", letter), "domain": domain, "sha256": ""}
            if domain == "lfw":
                row["ethnicity"] = "unknown"
        with open(folder / "manifest.csv", "w", newline="") as file:
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)
        folders.append(folder)
    return folders


def test_a_joined_set_is_both(sets, tmp_path, capsys):
    out = tmp_path / "both"
    assert join.main([*map(str, sets), "--out", str(out)]) == 0
    assert "36 heads to train, 24 heads to validation, 12 heads to test" in capsys.readouterr().out
    both = data.load(out, "train", size=32)
    parts = [data.load(folder, "train", size=32) for folder in sets]
    np.testing.assert_array_equal(both.images, np.concatenate([part.images for part in parts]))
    assert list(both.domains) == ["cctv"] * 18 + ["lfw"] * 18
    assert (both.labels[:18, 2] != -1).all() and (both.labels[18:, 2] == -1).all()
    assert len(set(both.labels[:, 0])) == 6 and both.sha256 not in [part.sha256 for part in parts]


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ((0, 0), "Subject s0 is in .*cctv and in .*cctv: join sets of different people"),
        ((0, 2), "none has no manifest.csv"),
    ],
)
def test_what_cannot_be_joined_is_one_sentence(sets, tmp_path, capsys, chosen, sentence):
    sets, out = [*sets, tmp_path / "none"], tmp_path / "both"
    assert join.main([*(str(sets[k]) for k in chosen), "--out", str(out)]) == 1
    assert re.search(sentence, capsys.readouterr().err) and not out.exists()


def test_a_joined_set_is_not_overwritten(sets, tmp_path, capsys):
    out = tmp_path / "both"
    assert join.main([str(sets[0]), "--out", str(out)]) == 0
    assert join.main([str(sets[1]), "--out", str(out)]) == 1
    assert "exists" in capsys.readouterr().err
