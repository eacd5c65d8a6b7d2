"""Table III in closed form: heads whose labels stand in their first pixel, and judges who read it there."""

import numpy as np
import pytest

from tests.experiments.test_experiments import compute, context, heads
from uunet import labels
from uunet.evaluation import evaluators, resampling
from uunet.experiments import comparison, table3
from uunet.experiments.context import ExperimentError
from uunet.models.files import WeightsError
from uunet.training import objective

PEOPLE = np.array([[0, 0, 0], [0, 1, 1], [1, 2, 2]])  # gender, ethnicity and hairstyle of three


@pytest.fixture
def made(monkeypatch):
    """Nobody is changed whatever s says, and neither judge errs."""
    some = heads()
    some.labels[:, 1:] = np.repeat(PEOPLE, 6, axis=0)
    some.images[:, 0, 0] = some.labels[:, 1:]
    made = context()
    made.__dict__.update({"heads": some, "train": some})
    made.__dict__["following"] = lambda s, indices: some.images[indices]

    def labels_read(network, images):
        return [np.eye(len(values))[images[:, 0, 0, k]] for k, values in enumerate(labels.VALUES.values())]

    def agreement(classifier, x, x_prime):
        same = np.isclose(x[:, 0, 0], x_prime[:, 0, 0])
        return np.concatenate([np.zeros((len(x), 1)), same], axis=1)

    monkeypatch.setattr(evaluators, "trained_soft_labels", lambda *_: None)
    monkeypatch.setattr(resampling, "DRAWS", 20)
    monkeypatch.setattr(evaluators, "labels_read", labels_read)
    monkeypatch.setattr(objective, "agreement", agreement)
    return made


def values(record, of, judge):
    return [row["value"] for row in record["rows"] if (row["of"], row["judge"]) == (of, judge)]


def test_a_that_is_x_is_all_equal_and_nothing_else(made):
    """Both judges see that labels are kept: 1 where s wants that, -1 where it does not."""
    record = compute(table3, made)
    for judge in ("D_a", "soft_labels"):
        assert values(record, "x'", judge) == values(record, "All Equal", judge) == pytest.approx([1, 1, 1])
        assert values(record, "All Different", judge) == pytest.approx([-1, -1, -1])
    assert values(record, "All Equal", "truth") == pytest.approx([1, 1, 1])
    assert record["heads"] == 18 and record["people"] == 3 and {row["pairs"] for row in record["rows"]} == {18 + 216}
    assert all(row["mean"] == pytest.approx(row["value"], abs=0.1) and row["std"] < 0.1 for row in record["rows"])
    axis = table3.plot(record, made).axes[0]
    cells = [cell.get_text().get_text() for cell in axis.tables[0].get_celld().values()]
    assert cells.count("-1.000 ± 0.000\n(-1.000 to -1.000)") == 6 and "D_a\nAll Different" in cells


def test_always_obeying_is_1_of_two_values_and_less_of_more(made):
    """Of two genders the other is what x_j has where x_i does not; of four ethnicities it is one of three."""
    obedient = table3._obedient(made.heads.labels[:, 1:], (-1, -1, -1), np.random.default_rng(0))

    def following(s, indices):
        a = made.heads.images[indices].copy()
        if s[1] == -1:
            a[:, 0, 0] = obedient[indices]
        return a

    made.__dict__["following"] = following
    record = compute(table3, made)
    truth = values(record, "All Different", "truth")
    assert truth[0] == pytest.approx(1) and 0 < truth[1] < 0.7 and 0 < truth[2] < 0.7
    assert values(record, "All Different", "D_a") == values(record, "All Different", "soft_labels") == truth


def test_a_label_that_all_share_is_not_measurable(made):
    made.heads.labels[:, 1] = 1
    made.heads.images[:, 0, 0, 0] = 1
    record = compute(table3, made)
    assert values(record, "x'", "D_a")[0] is None and values(record, "x'", "D_a")[1] == pytest.approx(1)
    axis = table3.plot(record, made).axes[0]
    texts = [cell.get_text().get_text() for cell in axis.tables[0].get_celld().values()]
    assert texts.count("not measurable:\nall pairs alike") == 3 + 3 + 2


def test_unknown_labels_are_in_no_pair(made):
    made.heads.labels[:6, 2] = -1  # the first person's ethnicity
    record = compute(table3, made)
    assert [row["pairs"] for row in record["rows"][:3]] == [18 + 216, 12 + 72, 18 + 216]


def test_what_table_3_cannot_be_made_of_is_one_sentence(made):
    made.heads.labels[:, 1:] = -1
    with pytest.raises(ExperimentError, match="name a set with labels"):
        compute(table3, made)


def test_weights_that_know_one_s_are_refused_before_anything_is_trained(made, monkeypatch):
    def following(s, indices):
        raise WeightsError("follows no s")

    made.__dict__["following"] = following
    monkeypatch.setattr(evaluators, "trained_soft_labels", None)
    with pytest.raises(WeightsError, match="follows no s"):
        compute(table3, made)


def test_results_read_the_means(made):
    record = compute(table3, made)
    ours = {row.what: row.ours(record) for row in comparison.ROWS["table3"]}
    both = "evaluated by D_a {0}, by an independent evaluator {0}"
    title = "correlation (Pearson) of the {0} of a with the {0} that s requests, s = {1}"
    assert ours[title.format("gender", "all equal")] == f"{both.format('1.000')}; perfect labels would give 1.000"
    changed = ours[title.format("hairstyle", "all different")]
    assert changed.startswith(f"{both.format('-1.000')}; perfect labels would give 0.")
    assert changed.endswith(" (below 1, because a label has more than two values)")
    assert ours["hairstyle predicted from x' (best score that the evaluators reach)"] == both.format("1.000")
