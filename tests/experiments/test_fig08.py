"""Fig. 8 in closed form: virtual people who stay where their originals are, and who go elsewhere."""

import numpy as np
import pytest

from tests.experiments.test_experiments import compute, context, heads
from uunet.evaluation import resampling
from uunet.experiments import comparison, fig08
from uunet.experiments.context import SETTINGS


@pytest.fixture
def made(monkeypatch):
    """Who somebody is stands in the first pixel, and is all the judge sees; in 'All Different' a is the next person."""
    some = heads(people=4)
    person = some.labels[:, 0] - 10
    some.images[:, 0, 0] = person[:, None]
    made = context()

    def following(s, indices, heads=None):
        a = some.images[indices].copy()
        if s == SETTINGS["All Different"]:
            a[:, 0, 0] = (a[:, 0, 0] + 1) % 4
        return a

    def embedded(images):
        """Corners of a square of side 1."""
        return np.array([[0, 0], [0, 1], [1, 1], [1, 0]], float)[images[:, 0, 0, 0]]

    made.__dict__.update({"heads": some, "train": some, "following": following, "embedded": embedded})
    monkeypatch.setattr(resampling, "DRAWS", 20)
    return made


def test_who_stays_and_who_goes(made):
    equal, different = compute(fig08, made)["planes"]
    assert equal["distance"]["value"] == 0 and equal["nearest"]["a"] == equal["nearest"]["x"]
    assert equal["nearest"]["a"]["value"] == 1 and different["nearest"]["x"]["value"] == 1
    assert different["nearest"]["a"]["value"] == 0 and different["distance"]["value"] > 0.5
    assert equal["spread"]["x"] == pytest.approx(0, abs=1e-9) == equal["spread"]["a"]


def test_numbers_by_hand(made):
    """On the square itself: two people are (1 + 1 + sqrt(2)) / 3 apart, the next one 1."""
    chosen = fig08.pairs.sample(made.heads, 0)
    a = made.following(SETTINGS["All Different"], np.arange(24))
    places = {"x": made.embedded(made.heads.images), "a": made.embedded(a)}
    found = fig08.measured(made.heads, chosen, places)
    assert found["distance"]["value"] == pytest.approx(3 / (2 + np.sqrt(2)))
    places["a"] = places["x"] + np.tile([[0.1, 0], [-0.1, 0]], (12, 1))
    found = fig08.measured(made.heads, chosen, places)
    assert found["spread"]["a"] == pytest.approx(0.1 * 3 / (2 + np.sqrt(2))) and found["spread"]["x"] == 0


def test_frames_of_ones_own_sequence_do_not_count(made):
    """Everybody's two sequences are far apart, and near somebody else's: nobody is found, though frames are alike."""
    chosen = fig08.pairs.sample(made.heads, 0)
    places = dict.fromkeys(("x", "a"), 10.0 * ((made.heads.sequences + 1) // 2 % 4)[:, None] * [[1, 0]])
    assert fig08.measured(made.heads, chosen, places)["nearest"]["x"]["value"] == 0


def test_six_people_and_ten_heads_are_shown(made, monkeypatch):
    monkeypatch.setattr(fig08, "PEOPLE", 3)
    monkeypatch.setattr(fig08, "IMAGES", 5)
    record = compute(fig08, made)
    points = np.array(record["planes"][0]["points"]["x"])
    assert record["shown"] == 15 == len(points) and points[:, 0].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert record["heads"] == 24 and record["people"] == 4 == record["learnt_people"] and record["learnt_from"] == 12
    left, right = fig08.plot(record, made).axes
    assert left.get_title().startswith("All Equal, s = -1, 1, 1, 1") and "a 0.00 (0.00 to 0.00)" in right.get_title()
    a, x = left.collections
    assert len(a.get_edgecolors()) == 0 and x.get_edgecolors()[0, :3].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(x.get_offsets(), points[:, 1:])


def test_results_read_the_planes(made):
    record = compute(fig08, made)
    ours = [row.ours(record) for row in comparison.ROWS["fig08"]]
    assert ours[0] == "0.000 (0.000 to 0.000)" and ours[2] == "1.000 (1.000 to 1.000)"
    assert ours[3] == "0.000 (0.000 to 0.000)"
