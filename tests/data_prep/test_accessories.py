"""What people wear: owned, worn and labelled; it covers what it should and moves with the head."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.synthetic import accessories, drawing, head, identity, posing, render, sequence
from data_prep.synthetic.kernels import materials

pytestmark = pytest.mark.slow

SEEDS = range(10_000, 12_000)
GREY = np.array([0.2, 0.2, 0.2])
BARE = accessories.Worn("none", "none", False, GREY, GREY)


@pytest.fixture(scope="module")
def people():
    return [identity.sample(seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def solid():
    return head.build(identity.sample(10_022))  # a woman with a horsetail


def _parse(solid, worn, yaw=0.0):
    """The parse map of one frontal frame, and the key light's exposure-free picture."""
    shot = sequence.sample(solid.identity, 1, 1)
    zero = np.zeros(1)
    shot = dataclasses.replace(
        shot, worn=worn, yaw=np.radians([yaw]), pitch=zero, roll=zero, body_yaw=zero, elevation=0.0, margin=1.35,
        box_offset=np.zeros(2), box_jitter=np.zeros((1, 3)), distance=40.0,
    )  # fmt: skip
    outfit = posing.dress(solid, shot)
    posed = posing.pose(solid, shot, outfit, 0)
    light, parse, _ = drawing.draw(solid, shot, outfit, posed, posing.crop_view(solid, shot, posed, 0), 0)
    assert np.isfinite(light).all() and light.min() >= 0
    return parse


def test_shares_are_the_documented_ones(people):
    worn = [accessories.sample(person, 7, 1.0) for person in people]
    women = [w for w, person in zip(worn, people, strict=True) if person.gender == "female"]

    def near(count, total, share):  # within four standard deviations
        return abs(count / total - share) < 4 * np.sqrt(share * (1 - share) / total)

    assert near(sum(w.mask for w in worn), len(worn), 0.06)
    assert near(sum(w.eyewear == "sunglasses" for w in worn), len(worn), 0.06)
    assert near(sum(w.headwear == "headscarf" for w in women), len(women), 0.04 * 0.97)
    hats = sum(w.headwear in ("cap", "beanie", "hat") for w in worn)
    assert near(hats, len(worn), 0.15 * 0.8)


def test_rate_zero_hides_nothing(people):
    worn = [accessories.sample(person, 3, 0.0) for person in people]
    assert {(w.headwear, w.mask) for w in worn} == {("none", False)}
    assert {w.eyewear for w in worn} == {"none", "glasses"}
    assert all(accessories.sample_occluder(np.random.default_rng(k), 6, 0.0) is None for k in range(200))


@settings(max_examples=30, deadline=None)
@given(st.integers(10_000, 10_400), st.integers(0, 1 << 40), st.floats(0, 1), st.floats(0, 1))
def test_people_wear_what_they_own(seed, shot, low, high):
    """A person has one thing for the head; a higher rate only adds people; nothing depends on earlier draws."""
    person = identity.sample(seed)
    low, high = sorted((low, high))
    first, second = accessories.sample(person, shot, high), accessories.sample(person, shot + 1, high)
    if "none" not in (first.headwear, second.headwear):
        assert first.headwear == second.headwear
    np.testing.assert_array_equal(first.headwear_colour, second.headwear_colour)
    fewer = accessories.sample(person, shot, low)
    assert fewer.mask <= first.mask
    assert fewer.eyewear == first.eyewear or first.eyewear == "sunglasses"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"headwear": "cap"}, materials.PARSE_HEADWEAR),
        ({"headwear": "beanie"}, materials.PARSE_HEADWEAR),
        ({"headwear": "hat"}, materials.PARSE_HEADWEAR),
        ({"headwear": "headscarf"}, materials.PARSE_HEADWEAR),
        ({"mask": True}, materials.PARSE_MASK),
        ({"eyewear": "sunglasses"}, materials.PARSE_LENS),
    ],
)
def test_each_thing_is_drawn_and_hides_its_part(solid, change, code):
    bare = _parse(solid, BARE)
    dressed = _parse(solid, dataclasses.replace(BARE, **change))
    assert not (bare == code).any()
    assert (dressed == code).sum() > 800
    rows = np.nonzero(dressed == code)[0]
    face = np.nonzero(np.isin(bare, (materials.SKIN + 1, materials.EYE + 1)))[0]
    eyes = np.nonzero(bare == materials.EYE + 1)[0].mean()
    if "mask" in change:
        assert eyes < rows.min() and (dressed == materials.EYE + 1).sum() == (bare == materials.EYE + 1).sum()
        assert not np.isin(dressed, (materials.TEETH + 1, materials.TONGUE + 1)).any()
    elif "eyewear" in change:
        assert rows.min() < eyes < rows.max() and not (dressed == materials.EYE + 1).any()
    else:
        assert rows.min() < face.min()  # the top of the head
        assert (dressed == materials.PARSE_HAIR).sum() < (bare == materials.PARSE_HAIR).sum()
        assert (dressed == materials.EYE + 1).any()
    if change.get("headwear") == "headscarf":
        assert not (dressed == materials.PARSE_HAIR).any()


def test_a_mask_turns_with_the_head(solid):
    masked = dataclasses.replace(BARE, mask=True)

    def middle(yaw):
        return np.nonzero(_parse(solid, masked, yaw) == materials.PARSE_MASK)[1].mean()

    assert middle(-50) < middle(0) - 10 < middle(0) + 10 < middle(50)


def test_an_occluder_is_labelled_where_it_hides(solid):
    shot = sequence.sample(solid.identity, 1, 2)
    pole = accessories.Occluder("pole", np.array([0.5, 5.0]), 0.2, 0.0, GREY, 0)
    shot = dataclasses.replace(shot, worn=BARE, occluder=pole)
    assert [frame.occluded for frame in render.frames(solid, shot)] == [True, False]
    parse = np.ones((100, 100), np.int32)
    light, occluded = render.occlude(shot, np.zeros((100, 100, 3)), parse, 0)
    assert occluded and (parse == materials.PARSE_OCCLUDER).mean() == pytest.approx(0.2)
    assert light[50, 50].min() > 0 and light[50, 5].max() == 0


@pytest.mark.parametrize("kind", accessories.OCCLUDERS)
def test_an_occluder_moves_by_its_position(kind):
    thing = accessories.Occluder(kind, np.array([0.4, 0.5]), 0.3, 0.0, GREY, 3)
    (first, _), (second, albedo) = accessories.cover(thing, 0, 200), accessories.cover(thing, 1, 200)
    np.testing.assert_allclose(first[:, :-20], second[:, 20:], atol=1e-6)
    assert 0 <= first.min() and first.max() == 1 and albedo.min() >= 0
