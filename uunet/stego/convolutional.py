"""The convolutional code of rate 1/2 and constraint length 7 (octal 171, 133) with its soft Viterbi decoder.

Each bit goes into a register of seven; two parities of the register come out. The decoder finds the sequence whose
parities agree best with all votes together, so a weak vote costs little and an absent one (0) nothing: much better than
deciding each bit alone.
"""

import numpy as np

GENERATORS = (0o171, 0o133)
MEMORY = 6  # bits of the register beside the newest; as many zeros end a message
RATE = len(GENERATORS)  # coded bits a bit
STATES = 1 << MEMORY


def coded_length(bits):
    """How many coded bits `bits` bits become."""
    return RATE * (bits + MEMORY)


def encode(bits):
    """int8 `(n,)` of 0 and 1 -> int8 `(coded_length(n),)`."""
    padded = np.concatenate([np.zeros(MEMORY, np.int8), bits, np.zeros(MEMORY, np.int8)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, MEMORY + 1)  # oldest bit first
    return (windows @ _taps().T % 2).astype(np.int8).reshape(-1)


def decode(votes):
    """The most likely bits: float `(coded_length(n),)`, positive for 0 and negative for 1 -> int8 `(n,)`."""
    votes = votes.reshape(-1, RATE)
    newest = np.arange(2 * STATES) & 1  # a register is the state before (its upper bits) and the newest bit
    registers = (np.arange(2 * STATES)[:, None] >> np.arange(MEMORY, -1, -1)) & 1  # (128, 7), oldest first
    signs = 1 - 2 * (registers @ _taps().T % 2)  # what each register sends: +1 for 0, -1 for 1
    before = np.arange(2 * STATES) >> 1
    after = np.arange(2 * STATES) & (STATES - 1)
    # each state is entered from two registers, which differ in the oldest bit
    entered = np.argsort(after, kind="stable").reshape(STATES, 2)
    gains = votes @ signs.T  # (steps, 128)
    score = np.full(STATES, -np.inf)
    score[0] = 0
    chosen = np.empty((len(votes), STATES), np.int16)
    for step, gain in enumerate(gains):
        candidates = (score[before] + gain)[entered]
        better = (candidates[:, 1] > candidates[:, 0]).astype(np.int64)
        chosen[step] = np.take_along_axis(entered, better[:, None], 1)[:, 0]
        score = np.take_along_axis(candidates, better[:, None], 1)[:, 0]
    bits = np.empty(len(votes), np.int8)
    state = 0  # the zeros at the end lead here
    for step in range(len(votes) - 1, -1, -1):
        register = chosen[step, state]
        bits[step] = newest[register]
        state = before[register]
    return bits[:-MEMORY]


def _taps():
    """int `(2, 7)`: which bits of the register each parity adds, oldest bit first."""
    return np.array([[generator >> (MEMORY - k) & 1 for k in range(MEMORY + 1)] for generator in GENERATORS])[:, ::-1]
