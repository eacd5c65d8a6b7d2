"""Shared fixtures; an empty home; quiet, deterministic TensorFlow."""

import os
import tempfile
from pathlib import Path

# Tests see the home of a fresh machine: no fetched judge, no cached result, no settings of Keras or Matplotlib. It has
# to come before the imports, which look there; programs that tests start inherit it. Only pip keeps its cache.
HOME = tempfile.TemporaryDirectory(prefix="uunet-tests-")  # goes when Python ends
os.environ.setdefault("PIP_CACHE_DIR", str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pip"))
os.environ["HOME"], os.environ["XDG_CACHE_HOME"] = HOME.name, f"{HOME.name}/.cache"
for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "KERAS_HOME", "MPLCONFIGDIR"):
    os.environ.pop(name, None)

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as on the command line

import cv2  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from tests.clips import linear_network, scene, write_clip  # noqa: E402

settings.register_profile("any machine", deadline=None)  # a slow example is not a wrong one
settings.load_profile("any machine")


# Files that take minutes start first: two processes share the files, and one that starts last would run alone.
LONGEST_FIRST = (
    "training/test_backends.py",
    "benchmarks/test_accelerator.py",
    "test_notebooks.py",
    "test_cli.py",
    "training/test_training.py",
    "data_prep/test_fillers.py",
    "data_prep/test_dataset.py",
    "data_prep/test_scene.py",
)


def pytest_collection_modifyitems(items):
    place = {str(Path(__file__).parent / name): k for k, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(str(item.path), len(place)))


@pytest.fixture(autouse=True)
def seeded():
    """The same initial weights in every run of a test."""
    keras.utils.set_random_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory):
    """A prepared set of 3 + 2 + 1 subjects x 2 sequences x 3 frames of 32 x 32 coloured noise."""
    folder = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(0)
    rows = ["file,split,subject,sequence,frame,gender,ethnicity,hairstyle"]
    for subject, split in enumerate(("train", "train", "train", "validation", "validation", "test")):
        for sequence in range(2):
            for frame in range(3):
                name = f"{subject}_{sequence}_{frame}.png"
                image = rng.integers(40 * subject, 40 * subject + 56, (32, 32, 3), np.uint8)
                cv2.imwrite(str(folder / name), image)
                labels = (
                    f"{('female', 'male')[subject % 2]},{('asian', 'black', 'white')[subject % 3]},"
                    f"{('bald', 'long')[subject % 2]}"
                )
                rows.append(f"{name},{split},s{subject},{sequence},{frame},{labels}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def encoder():
    """U_e: the negative of a face; the noise is ignored."""
    return linear_network(4, np.vstack([-np.eye(3), np.zeros((1, 3))]), 1.0)


@pytest.fixture(scope="session")
def decoder():
    """U_d: the negative of a face, which undoes `encoder`."""
    return linear_network(3, -np.eye(3), 1.0)


@pytest.fixture(scope="session")
def noise_encoder():
    """U_e: shows its noise channel in grey and forgets the face."""
    return linear_network(4, np.vstack([np.zeros((3, 3)), np.ones((1, 3))]), 0.0)


@pytest.fixture
def clip(tmp_path):
    """12 frames of `scene`, exact in RGB."""
    return write_clip(tmp_path / "clip.mkv", [scene(k) for k in range(12)])
