"""Generator and reader together: who is drawn, with which numbers, and in what surroundings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import virtual_weights
from uunet import labels
from uunet.models import generator, virtual

VALUES = [len(words) for words in labels.VALUES.values()]
SPREAD = np.array(generator.SPREAD, np.float32)


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_removed_pixels_leave_no_trace_in_surroundings(height, width, seed):
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3), np.uint8)
    removed = generator.removed(height, width) | (rng.random((height, width)) < 0.1)
    other = np.where(removed[..., None], rng.integers(0, 256, picture.shape, np.uint8), picture)
    filled = virtual.without(picture, removed)
    np.testing.assert_array_equal(virtual.without(other, removed), filled)
    np.testing.assert_array_equal(filled[~removed], picture[~removed])


def test_removed_pixels_take_the_nearest_value():
    picture = np.zeros((9, 9, 3), np.uint8)
    picture[:, 4:] = [200, 100, 50]
    removed = np.zeros((9, 9), bool)
    removed[3:6, 1:8] = True
    np.testing.assert_array_equal(virtual.without(picture, removed), picture)
    assert (virtual.without(picture, np.ones((9, 9), bool)) == 128).all()


def test_numbers_are_smoothed_where_they_change_little():
    """w = STEADY + |change| / (SPREAD SUDDEN), at most 1."""
    before = np.array(generator.MEAN, np.float32)
    np.testing.assert_array_equal(virtual.steadied(before, None), before)
    for change in (0.01, 0.1, 2):
        weight = min(1, virtual.STEADY + change / virtual.SUDDEN)
        for sign in (1, -1):
            found = virtual.steadied(before + sign * change * SPREAD, before)
            np.testing.assert_allclose((found - before) / (sign * change * SPREAD), weight, rtol=0.05)
    wavering = [before + np.float32(0.05) * SPREAD * (-1) ** k for k in range(40)]
    drawn = [wavering[0]]
    for numbers in wavering[1:]:
        drawn.append(virtual.steadied(numbers, drawn[-1]))
    changes = [np.abs(np.diff(of, axis=0) / SPREAD)[-10:].max() for of in (wavering, drawn)]
    assert changes[1] < 0.3 * changes[0]


@pytest.mark.parametrize("s", [(-1, 1, 1, 1), (-1, -1, -1, -1), (-1, 0, 1, -1), (-1, 0, 0, 0)])
def test_labels_are_those_that_s_allows(s, rng):
    """Of 1, x's; of -1, all others; of 0, all."""
    encoder = virtual_weights.encoder(s=s)
    own = [1, 2, 3]
    logits = [np.eye(n, dtype=np.float32)[k] for n, k in zip(VALUES, own, strict=True)]
    asked = np.stack([encoder.asked(logits, rng.random((32, 32, 1), dtype=np.float32)) for _ in range(200)])
    for k, wish in enumerate(s[1:]):
        allowed = {1: {own[k]}, 0: set(range(VALUES[k])), -1: set(range(VALUES[k])) - {own[k]}}[wish]
        assert set(asked[:, k].tolist()) == allowed


def test_who_is_drawn_does_not_hang_together_with_the_labels(rng):
    """z is made of the first values of the noise, labels are drawn by the last."""
    encoder = virtual_weights.encoder(s=(-1, 0, 0, 0))
    logits = [np.zeros(n, np.float32) for n in VALUES]
    noise = rng.random((32, 32, 1), dtype=np.float32)
    other = noise.copy()
    other[-1, -1] = 1 - noise[-1, -1]
    np.testing.assert_array_equal(generator.code_of(noise, 8), generator.code_of(other, 8))
    assert (encoder.asked(logits, noise) != encoder.asked(logits, other)).any()


@pytest.mark.parametrize("s", [(1, 1, 1, 1), (0, 1, 1, 1), (-1, 1), (-1, 2, 1, 1)])
def test_an_s_that_cannot_be_followed(s):
    with pytest.raises(virtual.VirtualError, match=r"never sees x, so it cannot keep the ID.*got \("):
        virtual_weights.encoder(s=s)


def test_networks_that_do_not_fit():
    draws, reads = virtual_weights.networks()
    for given_, said in (
        ((reads, reads), "generator is another network"),
        ((draws, draws), "reader is another network"),
        ((draws, virtual_weights.networks(64)[1]), "for 32 pixels, its reader for 64"),
    ):
        with pytest.raises(virtual.VirtualError, match=said):
            virtual.VirtualEncoder(*given_)


def test_one_head_is_drawn_as_among_others(rng):
    encoder = virtual_weights.encoder()
    x = rng.random((3, 32, 32, 3), dtype=np.float32)
    noise, asked = rng.random((3, 32, 32, 1), dtype=np.float32), np.array([[0, 1, 2], [1, 0, 4], [1, 3, 0]])
    numbers, logits = encoder.read(x)
    assert numbers.shape == (3, 9) and [part.shape for part in logits] == [(3, n) for n in VALUES]
    together = encoder.draw(x, numbers, asked, noise)
    for k in range(3):
        one = slice(k, k + 1)
        np.testing.assert_allclose(
            encoder.draw(x[one], numbers[one], asked[one], noise[one])[0], together[k], atol=1e-5
        )
