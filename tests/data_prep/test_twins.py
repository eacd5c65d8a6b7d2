"""Twins: another person in the same frames, with labels that agree or differ as s says."""

import dataclasses
import itertools

import numpy as np
import pytest

from data_prep.synthetic import degrade, domain, head, identity, render, sequence, twin
from data_prep.synthetic import labels as words

pytestmark = pytest.mark.slow

ALL_S = [(-1, *rest) for rest in itertools.product((-1, 0, 1), repeat=3)]


@pytest.fixture(scope="module")
def people():
    """One virtual person of each combination of labels: 40 in all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twin, "PEOPLE_PER_COMBINATION", 1)
        return twin.pool()


def test_s_and_its_name():
    assert all(twin.parse(twin.name(s)) == s for s in ALL_S)
    assert twin.name((-1, 1, 0, -1)) == "-1,1,0,-1"


@pytest.mark.parametrize("text", ["", "-1", "1,1,1,1", "0,1,1,1", "-1,1,1", "-1,1,1,1,1", "-1,1,1,2", "-1, 1,1,1", "a"])
def test_a_wrong_s_is_one_sentence(text):
    with pytest.raises(twin.TwinError, match=r"^--twins is .*; give .*\.$|^--twins is .*; give .*-1,1,1,1\.$"):
        twin.parse(text)


def test_the_pool_holds_each_combination_and_no_real_subject(people):
    labels = [twin.labels_of(person) for person in people]
    assert sorted(labels) == sorted(itertools.product(*words.VALUES.values()))
    assert all(person.seed in domain.SEEDS["virtual"] for person in people)


def test_labels_agree_and_differ_as_s_says(people):
    for person, s in itertools.product((identity.sample(seed) for seed in range(6)), ALL_S):
        numbers = [twin.choose(people, person, number, s) for number in range(8)]
        assert numbers == [twin.choose(people, person, number, s) for number in range(8)]
        for number in numbers:
            other = people[number]
            assert other.seed != person.seed
            for wish, label in zip(s[1:], words.LABELS, strict=True):
                agree = getattr(person, label) == getattr(other, label)
                assert wish == 0 or agree == (wish == 1)
    free = {twin.choose(people, identity.sample(0), number, (-1, 0, 0, 0)) for number in range(40)}
    assert len(free) > 20


def test_only_the_person_is_exchanged(monkeypatch):
    """Before degradation: where both show background, every pixel is the same; so are box, pose and expression."""
    monkeypatch.setattr(degrade, "apply", lambda camera, picture, index, size: picture)
    uncropped = dataclasses.replace(domain.CCTV, crop_size=128, render_size=128)
    person, other = identity.sample(800001), identity.sample(800003)
    original, virtual = head.build(person), head.build(other)
    shot = sequence.sample(person, 3, 2, uncropped)
    pairs = list(zip(render.frames(original, shot), render.frames(virtual, shot, original), strict=True))
    assert len(pairs) == 2
    for crop, twins in pairs:
        background = (crop.parse == 0) & (twins.parse == 0)
        assert background.mean() > 0.15
        np.testing.assert_array_equal(crop.image[background], twins.image[background])
        assert np.abs(crop.image - twins.image)[~background].mean() > 0.02
        assert (crop.view, crop.yaw, crop.pitch, crop.roll) == (twins.view, twins.yaw, twins.pitch, twins.roll)
        assert crop.expression == twins.expression
    own_box = next(render.frames(virtual, shot))
    assert own_box.view != pairs[0][1].view
