"""Sets that are loaded, damaged, or have twins, and heads whose picture says which of them it is."""

import dataclasses
import hashlib
import shutil

import cv2
import numpy as np
import pytest

from tests.data.crowds import heads_of
from uunet import data


@pytest.fixture
def heads(tiny_set):
    return data.load(tiny_set, "train", size=32)


@pytest.fixture(scope="module")
def crowd():
    """60 subjects with labels at random x 3 sequences x 4 frames; the last has one sequence only."""
    rng = np.random.default_rng(0)
    soft = np.stack([rng.choice(2, 60), rng.choice(4, 60, p=[0.4, 0.3, 0.2, 0.1]), rng.choice(5, 60)], axis=1)
    subjects = np.repeat(np.arange(60), 12)
    sequences = np.where(subjects == 59, 3 * 59, 3 * subjects + np.tile(np.repeat(np.arange(3), 4), 60))
    return heads_of(np.column_stack([subjects, soft[subjects]]), sequences)


@pytest.fixture(scope="module")
def two_domains(crowd):
    """The crowd; its last 20 subjects are of another domain, where only the gender is known."""
    real = crowd.labels[:, 0] >= 40
    labels = np.where(real[:, None] & np.array([False, False, True, True]), -1, crowd.labels)
    return dataclasses.replace(crowd, labels=labels, domains=np.where(real, "lfw", "cctv"))


@pytest.fixture
def damaged(tiny_set, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_set, folder)

    def edit(old, new):
        manifest = folder / "manifest.csv"
        assert old in manifest.read_text()
        manifest.write_text(manifest.read_text().replace(old, new, 1))
        return folder

    return edit


@pytest.fixture
def with_twins(damaged):
    """The tiny set, and a twin of each head for s = (-1, 1, 1, 0): its negative; listed backwards."""
    folder = damaged("", "")
    rows = ["file,of,virtual,subject,gender,ethnicity,hairstyle,sha256"]
    for k, path in enumerate(sorted(folder.glob("*.png"), reverse=True)):
        twin = folder / "twins" / "-1,1,1,0" / path.name
        twin.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(twin), 255 - cv2.imread(str(path)))
        digest = hashlib.sha256(twin.read_bytes()).hexdigest()
        rows.append(f'"twins/-1,1,1,0/{path.name}",{path.name},{k % 5},77,female,indian,horsetail,{digest}')
    (folder / "twins_-1,1,1,0.csv").write_text("\n".join(rows) + "\n")
    return folder
