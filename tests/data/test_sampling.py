"""Pairs and batches of learning I and II: what is drawn, and how often."""

import dataclasses

import numpy as np
import pytest

from tests.data.crowds import BATCH, PAIRS, heads_of, who
from uunet import config, data
from uunet.data import sampling


def drawn_pairs(heads, chosen, steps):
    """Index pairs `(n, 2)` of some batches, and their b."""
    drawn = [data.pair_batch(heads, dataclasses.replace(chosen, augment=False), step) for step in range(steps)]
    pairs = [np.stack([who(batch["x"]), who(batch["x_prime"])], axis=1) for batch in drawn]
    return np.concatenate(pairs), np.concatenate([batch["b"] for batch in drawn])


def test_pairs_are_what_b_says(crowd):
    chosen = dataclasses.replace(PAIRS, batch_pairs=50, genuine=0.4)
    pairs, b = drawn_pairs(crowd, chosen, 4)
    assert b.shape == (200, 4) and b.dtype == np.float32 and b[:, 0].sum() == 0.4 * 200
    np.testing.assert_array_equal(b, crowd.labels[pairs[:, 0]] == crowd.labels[pairs[:, 1]])


def test_genuine_pairs_cross_sequences(crowd):
    pairs, b = drawn_pairs(crowd, dataclasses.replace(PAIRS, batch_pairs=200), 40)
    genuine = pairs[b[:, 0] == 1]
    assert (crowd.sequences[genuine[:, 0]] != crowd.sequences[genuine[:, 1]]).all()
    assert set(genuine.ravel()) == set(range(59 * 12))  # everybody's heads, but for who has one sequence


def test_genuine_pairs_where_nobody_has_two_sequences():
    one_sequence = heads_of(np.repeat([[0, 0, 0, 0], [1, 1, 1, 1]], 3, axis=0), [0, 0, 0, 1, 1, 1])
    pairs, b = drawn_pairs(one_sequence, PAIRS, 20)
    genuine = {tuple(pair) for pair in pairs[b[:, 0] == 1]}
    assert genuine == {(i, k) for i in range(6) for k in range(6) if i != k and i // 3 == k // 3}


def test_impostor_pairs_are_balanced_in_every_label(crowd):
    """Each label agrees in half of them; the number of labels that agree is even: all of them in a quarter."""
    _, b = drawn_pairs(crowd, dataclasses.replace(PAIRS, batch_pairs=200), 40)
    soft = b[b[:, 0] == 0][:, 1:]
    assert len(soft) == 4000  # five standard deviations: 0.04 and 0.035
    np.testing.assert_allclose(soft.mean(axis=0), 1 / 2, atol=0.04)
    np.testing.assert_allclose(np.bincount(soft.sum(axis=1).astype(int)) / len(soft), 1 / 4, atol=0.035)


def test_pairs_of_one_label(heads):
    gender = data.pair_batch(heads, dataclasses.replace(PAIRS, labels=("gender",)), step=0)
    every = data.pair_batch(heads, PAIRS, step=0)
    np.testing.assert_array_equal(gender["b"][:, 0], every["b"][:, 1])


def test_genuine_share_has_limits():
    for share in (0.39, 0.61, float("nan")):
        with pytest.raises(config.ConfigError, match="genuine, the share of same-ID pairs, is 0.4 to 0.6"):
            dataclasses.replace(PAIRS, genuine=share)


def test_a_batch_depends_on_seed_and_step_alone(heads):
    for draw, chosen in ((data.pair_batch, PAIRS), (data.sequence_batch, BATCH)):
        one, again = draw(heads, chosen, 5), draw(heads, chosen, 5)
        later, reseeded = draw(heads, chosen, 6), draw(heads, dataclasses.replace(chosen, seed=1), 5)
        for name in one:
            np.testing.assert_array_equal(one[name], again[name])
        assert not np.array_equal(one["x"], later["x"]) and not np.array_equal(one["x"], reseeded["x"])


def test_drawing_leaves_the_heads_alone(heads):
    before = heads.images.copy()
    data.pair_batch(heads, PAIRS, 0)
    data.sequence_batch(heads, BATCH, 0)
    np.testing.assert_array_equal(heads.images, before)


@pytest.fixture
def batch(heads):
    """Of 2 subjects x 2 sequences x 2 frames, with 1 + 3 draws of noise."""
    return data.sequence_batch(heads, BATCH, 0)


def test_sequence_batch_is_subjects_by_sequences_by_frames(batch):
    assert batch["x"].shape == (8, 32, 32, 3) and batch["x"].dtype == np.float32
    level = batch["x"].mean(axis=(1, 2, 3)).reshape(2, 4)  # each subject of the set has its own brightness
    assert np.ptp(level, axis=1).max() < 0.02 and abs(level[0].mean() - level[1].mean()) > 0.1
    assert len({image.tobytes() for image in batch["x"]}) == 8  # no frame twice


def test_noise_is_held_within_a_sequence_and_fresh_for_each_sequence_and_draw(batch):
    noise = batch["noise"].reshape(4, 2, 2, 2, -1)  # draws, subjects, sequences, frames
    np.testing.assert_array_equal(noise[:, :, :, 0], noise[:, :, :, 1])
    assert len({n.tobytes() for n in noise[:, :, :, 0].reshape(16, -1)}) == 16


def test_epsilon_is_one_number_per_head_and_critic_step(batch):
    assert batch["epsilon"].shape == (3, 2, 8, 1, 1, 1)


@pytest.mark.parametrize("name", ["noise", "epsilon"])
def test_noise_and_epsilon_are_uniform(batch, name):
    """U(0, 1) has the mean 1/2 and the variance 1/12."""
    uniform = batch[name]
    assert uniform.min() >= 0 and uniform.max() < 1
    assert abs(uniform.mean() - 1 / 2) < 0.12 and abs(uniform.var() - 1 / 12) < 0.03


def test_each_sequence_gets_one_roi_size_and_one_degradation(batch):
    assert batch["order"].shape == (4, 4)
    np.testing.assert_array_equal(np.sort(batch["order"]), [range(4)] * 4)
    assert batch["degradation"].shape == (4, len(BATCH.channel.sizes), 4)


def test_augmented_pictures_stay_in_range(heads):
    x = data.pair_batch(heads, PAIRS, 1)["x"]
    assert x.shape == (16, 32, 32, 3) and x.min() >= 0 and x.max() <= 1 and x.dtype == np.float32
    plain = data.pair_batch(heads, dataclasses.replace(PAIRS, augment=False), 1)["x"]
    assert (np.abs(x - plain).max(axis=(1, 2, 3)) > 0.02).all()  # the same pairs, each picture changed


def test_too_few_sequences(heads):
    with pytest.raises(data.DataError, match="only 3 subjects"):
        data.sequence_batch(heads, dataclasses.replace(BATCH, subjects=4), 0)


def test_pairs_stay_in_their_domain_and_domains_share_evenly(two_domains):
    pairs, b = drawn_pairs(two_domains, dataclasses.replace(PAIRS, batch_pairs=40), 10)
    domain = two_domains.domains[pairs]
    assert (domain[:, 0] == domain[:, 1]).all()
    for genuine in (0, 1):
        assert (domain[b[:, 0] == genuine, 0] == "lfw").mean() == 0.5
    real = two_domains.labels[pairs[domain[:, 0] == "lfw"], 0]
    assert set(real.ravel()) == set(range(40, 60))


def test_a_batch_of_learning_ii_has_subjects_of_every_domain(two_domains):
    chosen = dataclasses.replace(BATCH, size=4, subjects=4)
    batch = data.sequence_batch(two_domains, chosen, 0)
    domains = two_domains.domains[who(batch["x"])].reshape(4, -1)
    np.testing.assert_array_equal(domains, np.repeat([["cctv"], ["cctv"], ["lfw"], ["lfw"]], 4, axis=1))
    with pytest.raises(data.DataError, match="only 19 subjects .* 20 are needed of each domain"):
        data.sequence_batch(two_domains, dataclasses.replace(chosen, subjects=40), 0)


@pytest.mark.parametrize(("count", "shares"), [(7, [3, 2, 2]), (6, [2, 2, 2]), (2, [1, 1, 0])])
def test_shares_differ_by_one_at_most(count, shares):
    assert sampling.shared(count, "abc") == list(zip("abc", shares, strict=True))
