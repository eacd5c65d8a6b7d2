"""Genuine and impostor pairs of heads."""

import numpy as np
import pytest

from tests.evaluation.test_scorecard import heads
from uunet.evaluation import inputs, pairs

SUBJECTS, SEQUENCES = np.repeat([7, 8], 4), np.repeat([0, 1, 2, 3], 2)  # 2 people x 2 sequences x 2 frames


@pytest.mark.parametrize("kind, genuine", [("other sequence", 2 * 4), ("same sequence", 4), ("same head", 8)])
def test_all_pairs_of_each_kind(kind, genuine):
    found, impostor = pairs.among(SUBJECTS, SEQUENCES, kind)
    assert len(found) == genuine and len(impostor) == 4 * 4
    assert (SUBJECTS[found[:, 0]] == SUBJECTS[found[:, 1]]).all()
    assert (SEQUENCES[found[:, 0]] != SEQUENCES[found[:, 1]]).all() == (kind == "other sequence")
    assert (SUBJECTS[impostor[:, 0]] != SUBJECTS[impostor[:, 1]]).all()


def test_both_orders_are_twice_as_many_pairs():
    for one, both in zip(
        pairs.among(SUBJECTS, SEQUENCES), pairs.among(SUBJECTS, SEQUENCES, both_orders=True), strict=True
    ):
        assert {*map(tuple, one), *map(tuple, one[:, ::-1])} == {*map(tuple, both)} and len(both) == 2 * len(one)


def test_some_of_many_pairs_are_drawn_without_repetition(rng):
    every = pairs.among(SUBJECTS, SEQUENCES)[1]
    assert pairs.at_most(every, 16, rng) is every
    some = pairs.at_most(every, 7, rng)
    assert len(np.unique(some, axis=0)) == 7 and {*map(tuple, some)} <= {*map(tuple, every)}
    np.testing.assert_array_equal(pairs.at_most(every, 7, np.random.default_rng(3)),
                                  pairs.at_most(every, 7, np.random.default_rng(3)))  # fmt: skip


def test_pairs_of_a_sample():
    """Of 3 people x 2 sequences x 3 frames, in both orders: 2 x 9 genuine pairs a person, 2 x 36 impostor pairs of each
    two people, 2 steps a sequence."""
    sample = pairs.sample(heads(), 0)
    assert len(sample.genuine) == 3 * 18 and len(sample.impostor) == 3 * 72
    assert len(sample.consecutive) == 6 * 2 and (np.diff(sample.consecutive) == 1).all()
    assert (sample.people[sample.genuine[:, 0]] == sample.people[sample.genuine[:, 1]]).all()
    assert len(sample.label_pairs) == 18 + 3 * 72 and (np.diff(sample.same_frame) == 0).all()


def test_impostors_that_look_alike():
    labels = heads().labels
    labels[12:, 3] = 1  # the third person has other hair
    sample = pairs.sample(heads(labels=labels), 0)
    assert len(sample.alike) == 72 and set(sample.people[sample.alike].ravel()) == {0, 1}


def test_unknown_labels_make_no_two_people_alike():
    labels = heads().labels
    labels[12:, 3] = 1
    labels[:, 2] = -1  # nobody's ethnicity is known
    unknown = pairs.sample(heads(labels=labels), 0)
    assert unknown.alike_in == ("gender", "hairstyle") and len(unknown.alike) == 72
    labels[:, 1:] = -1
    assert not len(pairs.sample(heads(labels=labels), 0).alike)


@pytest.mark.parametrize("few", [{"people": 1}, {"sequences": 1}])
def test_too_few_pairs_are_refused(few):
    with pytest.raises(inputs.EvaluationError, match="at least 2 of each"):
        pairs.sample(heads(**few), 0)
