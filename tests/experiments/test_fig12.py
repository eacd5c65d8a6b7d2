"""Fig. 12 in closed form: known shifts of colour, turns of the head and changes of expression."""

import numpy as np
import pytest

from tests.experiments.test_experiments import SAMPLE, compute, context, heads
from uunet import data
from uunet.evaluation import alignment, evaluators, expression, pose, resampling
from uunet.experiments import comparison, fig12
from uunet.experiments.context import Context, ExperimentError

FACE = np.array([[-10, -8], [10, -8], [0, 0], [-7, 9], [7, 9]], float)
MOVES = np.array([[[1, 0], [1, 0], [6, 0], [1, 0], [1, 0]],  # of each point a radian of yaw, of pitch, of roll
                  [[0, 1], [0, 1], [0, 6], [0, 1], [0, 1]],
                  [[8, -10], [8, 10], [0, 0], [-9, -7], [-9, 7]]], float)  # fmt: skip


def seen(angles):
    """alignment.Faces of heads that look there."""
    points = 32 + FACE + np.einsum("nk,kpc->npc", angles, MOVES)
    count = len(angles)
    return alignment.Faces(np.ones(count, bool), np.ones(count), points, np.zeros((count, 4)))


@pytest.fixture
def made(monkeypatch, rng):
    """Heads that look anywhere, turned by 0.2 of yaw in a; grey, with a head that grows lighter in a; all who smile
    are disgusted in a.
    """
    angles = rng.uniform(-0.3, 0.3, (18, 3))
    names = np.array(expression.NAMES)[np.arange(18) % 4]
    columns = {angle: np.degrees(angles[:, k]) for k, angle in enumerate(pose.ANGLES)} | {"expression": names}
    x = np.full((18, 64, 64, 3), 100, np.uint8)
    x[:, 0, 0, 0] = np.arange(18) % 4  # what the judge of expressions reads
    a = x.copy()
    a[:, 20:40, 20:40] = 200
    a[x[:, 0, 0, 0] == 3, 0, 0, 0] = 1
    some = heads(images=x, columns=columns)
    made = context(a=a)
    made.__dict__.update({"heads": some, "rendered": lambda split, columns: some})
    made.kept["version", "x"] = x
    made.kept["faces", "x"] = seen(angles)
    made.kept["faces", "a"] = seen(angles + [0.2, 0, 0])
    masks = np.zeros((18, 64, 64), bool)
    masks[:, 20:40, 20:40] = masks[:, 0, 0] = True
    monkeypatch.setattr(data, "load_masks", lambda folder, heads: masks)
    monkeypatch.setattr(evaluators, "faces_in", lambda *_: made.kept["faces", "x"])
    monkeypatch.setattr(resampling, "DRAWS", 20)
    monkeypatch.setattr(expression, "edges", lambda images, _: np.repeat(np.eye(4)[images[:, 0, 0, 0]], 1000, axis=1))
    return made


def test_background_that_stays_under_a_head_that_does_not(made):
    record = compute(fig12, made)
    background = record["background"]
    assert background["mean"] == 0 == background["median"] and background["pixels"] == 18 * (64 * 64 - 401)
    assert background["histogram"][0] == background["pixels"] == sum(background["histogram"])
    # L* of grey 100 is 42.37, of grey 200 80.60; the one pixel beside the head hardly counts
    assert background["head_mean"] == pytest.approx(80.60 - 42.37, abs=0.2)


def test_a_known_turn_is_found(made):
    found = compute(fig12, made)["pose"]
    assert found["yaw"]["x, a"]["mean"] == pytest.approx(0.2, abs=0.05)
    assert found["yaw"]["truth, a"]["mean"] == pytest.approx(0.2, abs=0.05)
    for angle in pose.ANGLES:
        assert found[angle]["truth, x"]["mean"] < 0.05 < found[angle]["spread"]
    assert found["pitch"]["x, a"]["mean"] < 0.05 > found["roll"]["x, a"]["mean"]


def test_a_known_change_of_expression_is_found(made):
    found = compute(fig12, made)["expression"]
    assert found["truth, x"]["agreement"] == 1 == found["truth, x"]["kappa"]
    assert found["x, a"]["matrix"] == [[5, 0, 0, 0], [0, 5, 0, 0], [0, 0, 4, 0], [0, 4, 0, 0]]
    assert found["x, a"]["agreement"] == pytest.approx(14 / 18) and found["truth, a"] == found["x, a"]


def test_the_picture_has_the_numbers(made):
    record = compute(fig12, made)
    axes = fig12.plot(record, made).axes
    titles = [axis.get_title() for axis in axes]
    assert "background: mean 0.00 (0.00 to 0.00), median 0.00" in titles[18] and len(axes) == 18 + 4
    assert titles[20].startswith("agreement 0.78") and titles[21].startswith("agreement 1.00, κ 1.00\n18 heads")
    assert [text.get_text() for text in axes[20].texts][13] == "0.22"
    assert {titles[12].split(": ")[0], titles[13].split(": ")[0]} == {"x", "a"}
    ours = {row.what: row.ours(record) for row in comparison.ROWS["fig12"]}
    assert ours["share of heads in which x and a have the same expression"] == (
        "0.778, Cohen's kappa 0.697. The evaluator agrees with the ground truth of x in 1.000, kappa 1.000"
    )
    assert ours["mean distance between the backgrounds of x and a, CIE L*a*b*"] == "0.000"
    assert ours["absolute difference of yaw between a and x, radians"].startswith("0.")


def test_no_face_in_a_is_a_result(made):
    made.kept["faces", "a"].found[:] = False
    record = compute(fig12, made)
    assert record["faces"] == 0 and record["pose"]["yaw"]["x, a"]["mean"] is None
    assert record["expression"]["x, a"]["agreement"] is None and record["background"]["mean"] == 0
    titles = [axis.get_title() for axis in fig12.plot(record, made).axes]
    assert "pose: no face in x and in a" in titles and "not measurable\n0 heads" in titles
    assert {row.ours(record) for row in comparison.ROWS["fig12"][1:4]} == {"not measurable"}


def test_what_figure_12_cannot_be_made_of_is_one_sentence(made, tmp_path):
    made.heads.columns["expression"][:] = "smile"
    with pytest.raises(ExperimentError, match="18 faces of 1 expressions.*name a larger set"):
        compute(fig12, made)
    lines = (SAMPLE / "manifest.csv").read_text().replace(",expression,yaw,", ",mood,turn,", 1)
    (tmp_path / "manifest.csv").write_text(lines)
    with pytest.raises(data.DataError, match=r"lacks the column\(s\) yaw, expression; use a rendered set"):
        fig12.compute(Context(tmp_path), print)


def test_points_are_of_no_place_and_size(rng):
    points = rng.random((3, 5, 2))
    np.testing.assert_allclose(pose.shape(4 * points + [7, 9]), pose.shape(points))
    np.testing.assert_allclose(np.square(pose.shape(points)).mean(axis=1), 1)


def test_edges_are_those_of_the_face(rng):
    """Two pictures of one face, apart by place alone, have the same edges; a flat one has none."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[20:44, 20:44] = rng.integers(0, 256, (24, 24, 1), np.uint8)
    points = 32 + 0.8 * FACE
    moved = np.roll(image, 5, axis=1)
    pictures, places = [image, moved, image * 0], [points, points + [5, 0], points]
    one, other, flat = expression.edges(np.stack(pictures), np.stack(places))
    np.testing.assert_allclose(one, other, atol=0.02)
    assert flat.max() == 0 < one.max()
