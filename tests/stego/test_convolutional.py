"""The convolutional code: closed form, round trip, and what softness is worth."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from uunet.stego import convolutional

FOURS = st.lists(st.integers(0, 15), max_size=50)  # the decoder takes four bits at a time
BITS = FOURS.map(lambda fours: np.array([four >> k & 1 for four in fours for k in range(4)], np.int8))


def test_impulse_response():
    """A single 1 reads off the generators 753 and 561 (octal): 111101011 and 101110001, bit by bit in turns."""
    coded = convolutional.encode(np.array([1], np.int8))
    assert "".join(map(str, coded)) == "111011110110001011"


@given(BITS, st.data())
def test_linear(one, data):
    other = np.array(data.draw(st.lists(st.integers(0, 1), min_size=one.size, max_size=one.size)), np.int8)
    both = convolutional.encode(one ^ other)
    assert (both == convolutional.encode(one) ^ convolutional.encode(other)).all()


@given(BITS)
def test_round_trip(bits):
    coded = convolutional.encode(bits)
    assert coded.size == convolutional.coded_length(bits.size) == 2 * (bits.size + 8)
    assert (convolutional.decode(1.0 - 2 * coded) == bits).all()


@given(BITS, st.data())
def test_free_distance(bits, data):
    """The code's free distance is 12: any 5 wrong votes are mended, wherever they are."""
    coded = convolutional.encode(bits)
    wrong = data.draw(st.lists(st.integers(0, coded.size - 1), max_size=5))
    votes = 1.0 - 2 * coded
    votes[wrong] *= -1
    assert (convolutional.decode(votes) == bits).all()


@given(BITS, st.data())
def test_erasures(bits, data):
    """Any 11 absent votes as well."""
    votes = 1.0 - 2 * convolutional.encode(bits)
    votes[data.draw(st.lists(st.integers(0, votes.size - 1), max_size=11))] = 0
    assert (convolutional.decode(votes) == bits).all()


def test_soft_beats_hard(rng):
    """At 2 dB between a bit's energy and the noise's density: deciding each vote first costs another 2 dB."""
    bits = rng.integers(0, 2, 20_000).astype(np.int8)
    votes = 1 - 2 * convolutional.encode(bits) + rng.normal(0, 10**-0.1, convolutional.coded_length(bits.size))
    soft = (convolutional.decode(votes) != bits).mean()
    hard = (convolutional.decode(np.sign(votes)) != bits).mean()
    assert 5 * soft < hard and 0.01 < hard < 0.2
