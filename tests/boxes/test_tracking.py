"""One number a person, and no frame without a known head."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uunet.boxes import motion, tracking, types
from uunet.boxes.motion import straight
from uunet.boxes.tracking import EXTEND, MAX_GAP
from uunet.boxes.types import Roi, check_inside, rois_of


def walk(frames, x0, speed, size=30, y=20):
    return {t: Roi(round(x0 + speed * t), y, size, size) for t in frames}


def frames_of(*people, length):
    return [[person[t] for person in people if t in person] for t in range(length)]


def test_nobody():
    assert tracking.track([]) == []
    assert tracking.track([[], [], []]) == [[], [], []]


def test_one_person_keeps_one_number_and_the_boxes():
    person = walk(range(20), 10, 3)
    assert tracking.track(frames_of(person, length=20)) == [[(0, person[t])] for t in range(20)]


def test_one_missed_frame_is_filled_in_between():
    person = walk(range(20), 10, 3)
    seen = frames_of(person, length=20)
    seen[7] = []
    assert tracking.track(seen) == [[(0, person[t])] for t in range(20)]


@pytest.mark.parametrize(("gap", "tracks"), [(MAX_GAP, 1), (MAX_GAP + 1, 2)])
def test_gap(gap, tracks):
    person = {t: box for t, box in walk(range(80), 0, 1).items() if not 30 <= t < 30 + gap}
    tracked = tracking.track(frames_of(person, length=80))
    assert len({number for heads in tracked for number, _ in heads}) == tracks
    if tracks == 1:
        assert tracked == [[(0, box)] for box in walk(range(80), 0, 1).values()]
    else:  # the middle stays empty, but for the held ends
        assert [t for t, heads in enumerate(tracked) if not heads] == list(range(30 + EXTEND, 30 + gap - EXTEND))


@pytest.mark.parametrize("gap", [1, 6, 11, 12, MAX_GAP])
@pytest.mark.parametrize("flip", [False, True])
def test_who_starts_or_stops_while_missed_is_hidden_all_the_time(gap, flip):
    """Still for 6 frames, then 12 pixels a frame, missed at first; and, seen backwards, the other way round."""
    person = {t: Roi(20 + 12 * max(0, t - 5), 20, 40, 40) for t in range(40)}
    seen = {t: box for t, box in person.items() if not 6 <= t < 6 + gap}
    detections = frames_of(seen, length=40)[:: -1 if flip else 1]
    truth = [person[t] for t in range(40)][:: -1 if flip else 1]
    assert tracking.track(detections) == [[(0, box)] for box in truth]


@pytest.mark.parametrize(
    ("start", "box", "joined"),
    [
        (14, Roi(100, 20, 40, 40), True),
        (15, Roi(100, 20, 59, 59), True),
        (15, Roi(100, 20, 61, 61), False),  # too large
        (9, Roi(100, 20, 40, 40), False),  # too fast
        (11, Roi(20, 20 + 16 * 7, 40, 40), False),
        (26, Roi(100, 20, 40, 40), False),  # too late
        (5, Roi(100, 20, 40, 40), False),  # both are there
    ],
)
def test_an_end_and_a_start_are_one_person_if_that_is_plausible(start, box, joined):
    first, second = {t: Roi(20, 20, 40, 40) for t in range(10)}, {t: box for t in range(start, 40)}
    tracked = tracking.track(frames_of(first, second, length=40))
    assert len({number for heads in tracked for number, _ in heads}) == (1 if joined else 2)


def test_the_nearest_start_is_the_one_that_goes_on():
    ends = {t: Roi(100, 20, 40, 40) for t in range(10)}
    far, near = ({t: Roi(x, 20, 40, 40) for t in range(s, 40)} for x, s in ((20, 19), (160, 20)))
    tracked = tracking.track(frames_of(ends, far, near, length=40))
    assert tracked[9] == [(0, ends[9])] and tracked[30] == [(0, near[30]), (1, far[30])]


def test_held_before_entering_and_after_leaving():
    person = walk(range(20, 40), 0, 2)
    tracked = tracking.track(frames_of(person, length=60))
    assert [t for t, heads in enumerate(tracked) if heads] == list(range(20 - EXTEND, 40 + EXTEND))
    assert tracked[20 - EXTEND] == [(0, person[20])] and tracked[39 + EXTEND] == [(0, person[39])]


def test_held_ends_stop_at_the_ends_of_the_clip():
    person = walk(range(2, 5), 0, 2)
    assert [len(heads) for heads in tracking.track(frames_of(person, length=6))] == [1] * 6


@pytest.mark.parametrize("hidden", [0, 4])
def test_crossing_people_keep_their_numbers(hidden):
    """Also when the one behind is not seen for a few frames: velocity, not only overlap, says who is who."""
    right, left = walk(range(40), 0, 4), walk(range(40), 160, -4)
    meeting = range(20 - hidden // 2, 20 + hidden // 2)
    seen = {t: box for t, box in left.items() if t not in meeting}
    tracked = tracking.track(frames_of(right, seen, length=40))
    assert {number for heads in tracked for number, _ in heads} == {0, 1}
    assert [dict(heads)[0] for heads in tracked] == list(right.values())
    assert [dict(heads)[1] for heads in tracked] == list(left.values())


def test_a_box_of_one_pixel_is_not_rounded_away():
    tracked = tracking.track([[Roi(2, 2, 1, 1)], [], [], [], [Roi(1, 1, 1, 1)]])
    assert all(box.w >= 1 and box.h >= 1 for heads in tracked for _, box in heads)


def test_jitter_does_not_break_a_track(rng):
    person = {t: Roi(*(np.array(box) + rng.integers(-2, 3, 4)).tolist()) for t, box in walk(range(60), 10, 1).items()}
    tracked = tracking.track(frames_of(person, length=60))
    assert all([number for number, _ in heads] == [0] for heads in tracked)


def test_order_is_that_of_the_numbers_whatever_the_detector_says():
    a, b = walk(range(10), 0, 0), walk(range(10), 100, 0)
    seen = [[a[t], b[t]] if t % 2 else [b[t], a[t]] for t in range(10)]
    assert all([number for number, _ in heads] == [0, 1] for heads in tracking.track(seen))
    assert len({tuple(heads) for heads in tracking.track(seen)}) == 1


def test_association_alone_adds_nothing():
    person = {t: box for t, box in walk(range(20), 10, 3).items() if t != 7}
    expected = [[(0, person[t])] if t in person else [] for t in range(22)]
    assert tracking.associate(frames_of(person, length=22)) == expected


BOX = st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(1, 24), st.integers(1, 18)).map(lambda b: Roi(*b))


@given(st.lists(st.lists(BOX, max_size=4, unique=True), max_size=30))
def test_every_detection_survives_once_and_all_stays_inside(detections):
    tracked = tracking.track(detections)
    assert len(tracked) == len(detections)
    for heads, seen in zip(tracked, detections, strict=True):
        numbers = [number for number, _ in heads]
        assert numbers == sorted(set(numbers))
        assert {box for _, box in heads} >= set(seen)
        check_inside([box for _, box in heads], 48, 64)
    named = [number for heads in tracking.associate(detections) for number, _ in heads]
    assert len(named) == sum(map(len, detections))


def test_iou():
    assert types.iou(Roi(0, 0, 2, 2), Roi(0, 0, 2, 2)) == 1
    assert types.iou(Roi(0, 0, 2, 2), Roi(1, 0, 2, 2)) == pytest.approx(1 / 3)
    assert types.iou(Roi(0, 0, 2, 2), Roi(2, 0, 2, 2)) == 0


TRACKED = st.lists(
    st.dictionaries(st.integers(0, 4), st.builds(Roi, *[st.integers(0, 90)] * 2, *[st.integers(1, 30)] * 2)),
    max_size=25,
).map(lambda frames: [sorted(heads.items()) for heads in frames])


@given(TRACKED.filter(len))
def test_straight_boxes_cover_all_in_every_frame_and_are_what_two_say(group):
    boxes = motion.straighten(group, 120, 120)
    tracks = sorted({track for heads in group for track, _ in heads})
    for own, heads in zip(group, boxes, strict=True):
        assert [track for track, _ in heads] == tracks
        check_inside([roi for _, roi in heads], 120, 120)
        around = dict(heads)
        for track, (x, y, w, h) in own:
            box = around[track]
            assert box.x <= x and box.y <= y and box.x + box.w >= x + w and box.y + box.h >= y + h
    rois = rois_of(boxes)
    assert straight(rois[0] + rois[-1], len(group)) == rois
    assert motion.straighten(boxes, 120, 120) == boxes


def test_straight_boxes_by_hand():
    walking = [[(3, Roi(10 + 2 * k, 20, 8, 9))] for k in range(10)]
    assert motion.straighten(walking, 48, 64) == walking
    alone = [[], [(3, Roi(5, 6, 7, 8))], []]  # comes, and goes again
    assert motion.straighten(alone, 48, 64) == [alone[1]] * 3
    bent = [[(0, Roi(x, 0, 8, 8))] for x in (20, 30, 24, 24)]  # right: 28, 38, 32, 32 are under a line from 40 to 32
    assert motion.straighten(bent, 48, 64)[1:3] == [[(0, Roi(21, 0, 17, 8))], [(0, Roi(22, 0, 13, 8))]]
    late = [[(0, Roi(x, 0, 8, 8))] for x in (0, 0, 0, 6)]  # left: floor(2 / 3) is still 0
    assert [heads[0][1].x for heads in motion.straighten(late, 48, 64)] == [0, 0, 0, 1]
    assert motion.straighten([[], []], 48, 64) == [[], []]
    one = [[(0, Roi(1, 2, 3, 4)), (3, Roi(5, 6, 7, 8))]]
    assert motion.straighten(one, 48, 64) == one


@given(TRACKED.filter(len))
def test_held_boxes_cover_all_and_stand_still(group):
    held = motion.hold(group)
    assert held == [held[0]] * len(group) and motion.hold(held) == held
    assert [track for track, _ in held[0]] == sorted({track for heads in group for track, _ in heads})
    for track, box in held[0]:
        own = [roi for heads in group for name, roi in heads if name == track]
        assert box.x == min(roi.x for roi in own) and box.x + box.w == max(roi.x + roi.w for roi in own)
        assert box.y == min(roi.y for roi in own) and box.y + box.h == max(roi.y + roi.h for roi in own)


def test_boxes_held_for_one_frame_are_themselves():
    tracked = [[(0, Roi(1, 2, 3, 4)), (3, Roi(5, 6, 7, 8))]]
    assert motion.hold(tracked) == tracked
