"""The judge `dlib` is face-api's network; faces are aligned as it wants them; nothing that trains knows of judges."""

import ast
import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
from hypothesis import given
from hypothesis import strategies as st

import uunet
from data_prep import judge_weights
from uunet.evaluation import alignment, judges
from uunet.evaluation.judges import dlib, faceres, own, soft_labels
from uunet.models import files

GOLDEN = Path(__file__).parents[1] / "golden"
SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample" / "cctv"
MAY_JUDGE = {"evaluation", "experiments", "cli"}  # parts of uunet


def test_embeddings_are_those_of_face_api():
    """The same three pictures through face-api in JavaScript."""
    recipe = importlib.util.spec_from_file_location("make_dlib", GOLDEN / "make_dlib.py")
    make_dlib = importlib.util.module_from_spec(recipe)
    recipe.loader.exec_module(make_dlib)
    golden = np.array(json.loads((GOLDEN / "dlib.json").read_text())["embeddings"])
    np.testing.assert_allclose(dlib.embed(make_dlib.chips()), golden, atol=2e-4)


@given(st.integers(0, 255), st.floats(1e-9, 1), st.floats(-3, 3))
def test_codes_become_values(code, scale, minimum):
    value = dlib.dequantize(np.array([code], np.uint8), scale, minimum)
    assert value.dtype == np.float32
    assert value[0] == pytest.approx(code * scale + minimum, rel=1e-5, abs=1e-5)


def test_tensors_in_half_precision_have_no_scale():
    np.testing.assert_array_equal(dlib.dequantize(np.array([-1.5, 0.25], np.float16)), np.float32([-1.5, 0.25]))


@given(st.floats(-3.1, 3.1), st.floats(0.3, 3), st.floats(-50, 50), st.floats(-50, 50))
def test_a_chip_brings_points_to_the_template(angle, scale, x, y):
    """Points that are a similarity of the template: each lands where the template has it."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = dlib.TEMPLATE @ turn.T + [x + 250, y + 250]
    ramps = np.stack(np.meshgrid(np.arange(600), np.arange(600)), axis=-1)  # x and y: a chip tells where it looked
    chip = alignment.chip(ramps.astype(np.float32), points, dlib.TEMPLATE, dlib.SIDE)
    for (column, row), (wanted_x, wanted_y) in zip(dlib.TEMPLATE, points, strict=True):
        if 6 < min(wanted_x, wanted_y) and max(wanted_x, wanted_y) < 593:  # away from the black around the picture
            found = [cv2.getRectSubPix(chip[..., axis], (1, 1), (column, row)).item() for axis in (0, 1)]
            np.testing.assert_allclose(found, [wanted_x, wanted_y], atol=0.2)


@pytest.fixture(scope="module")
def heads():
    """uint8 `(64, 64, 64, 3)` rendered heads, whose they are and in which sequence."""
    paths = sorted((SAMPLE / "crops").glob("*/*.png"))
    images = np.stack([cv2.imread(str(path))[..., ::-1] for path in paths])
    return images, np.array([path.parent.name for path in paths]), np.array([path.name[0] for path in paths])


@pytest.mark.slow
def test_the_same_rendered_person_is_closer(heads):
    images, people, sequences = heads
    embeddings, found = dlib.judge(images)
    assert found.mean() > 0.7 and np.isnan(embeddings[~found]).all() and np.isfinite(embeddings[found]).all()
    first, second = np.triu_indices(len(images), 1)
    kept = found[first] & found[second]
    scores = judges.scores(embeddings[first], embeddings[second])
    genuine = kept & (people[first] == people[second]) & (sequences[first] != sequences[second])
    impostor = kept & (people[first] != people[second])
    assert scores[genuine].mean() > scores[impostor].mean() + 0.05


def test_a_face_is_found_alone_as_among_others(heads):
    images = heads[0][:20]
    together = alignment.find_faces(images)
    for k in np.flatnonzero(together.found)[:3]:
        np.testing.assert_allclose(alignment.find_faces(images[k : k + 1]).points[0], together.points[k], atol=1)


def test_points_are_named_as_seen():
    """Left eye left of the right one, eyes above nose above mouth, on a real face."""
    faces = alignment.find_faces(skimage.data.astronaut()[None, :256, 100:356])
    left_eye, right_eye, nose, left_mouth, right_mouth = faces.points[0]
    assert faces.found[0] and faces.confidence[0] > 0.99
    assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_no_face_is_said_not_guessed():
    embeddings, found = dlib.judge(np.zeros((2, 64, 64, 3), np.uint8))
    assert not found.any() and np.isnan(embeddings).all() and embeddings.shape == (2, 128)


def test_another_weight_file_is_refused(monkeypatch, tmp_path):
    damaged = tmp_path / "dlib.safetensors"
    damaged.write_bytes(dlib.PATH.read_bytes()[:-1])
    for path in (damaged, tmp_path / "none"):
        monkeypatch.setattr(dlib, "PATH", path)
        with pytest.raises(files.WeightsError, match="fetch it again"):
            dlib.network.__wrapped__()


@pytest.mark.parametrize("name", judge_weights.SOURCES)
def test_another_package_is_refused(name, tmp_path, capsys):
    (tmp_path / "package.tgz").write_bytes(b"another package")
    out = tmp_path / "judge.safetensors"
    for package in ("package.tgz", "missing.tgz"):
        assert judge_weights.main([name, "--package", str(tmp_path / package), "--out", str(out)]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["package.tgz"]


@given(st.floats(60, 200), st.floats(60, 200), st.floats(20, 100), st.floats(20, 100))
def test_a_crop_of_faceres_is_the_enlarged_box(x, y, w, h):
    """Its middle is the box's, and its longer half side is 1.3 halves of the box's."""
    ramps = np.stack(np.meshgrid(np.arange(400), np.arange(400)), axis=-1).astype(np.float32)
    chip = faceres.crop(ramps, (x, y, w, h))
    middle, half = (x + w / 2, y + h / 2), 1.3 * max(w, h) / 2
    np.testing.assert_allclose(chip[112, 112], middle, atol=1)
    np.testing.assert_allclose(chip[112, 12] - chip[112, 112], [-half * 100 / 112, 0], atol=1)


def test_a_judge_that_is_not_installed_names_the_command(monkeypatch, tmp_path):
    monkeypatch.setattr(faceres, "PATH", tmp_path / "none")
    with pytest.raises(files.WeightsError, match="python -m data_prep.judge_weights faceres"):
        faceres.network.__wrapped__()


@pytest.mark.slow
def test_soft_labels_are_read_where_they_are_known(monkeypatch):
    """Gender is red or green; ethnicity is known of nobody, and is no reason to fail."""
    monkeypatch.setattr(own, "EPOCHS", 8)
    gender = np.arange(64) % 2
    images = np.zeros((64, 64, 64, 3), np.uint8)
    images[np.arange(64), :, :, gender] = 200
    labels = np.stack([gender, np.full(64, -1), gender], axis=1)
    read = soft_labels.split(soft_labels.train(images, labels, 0).predict(images, verbose=0))
    assert [part.shape[1] for part in read] == [2, 4, 5]
    for part in read:
        np.testing.assert_allclose(part.sum(axis=1), 1, rtol=1e-5)
    assert (read[0].argmax(axis=1) == gender).mean() > 0.9


def test_nothing_that_trains_imports_judges():
    package = Path(uunet.__file__).parent
    paths = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in MAY_JUDGE]
    assert {"training", "models", "pipeline"} <= {path.parent.name for path in paths}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
                assert not any("judges" in name for name in names), path
