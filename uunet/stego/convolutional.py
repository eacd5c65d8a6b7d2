"""The convolutional code of rate 1/2 and constraint length 9 (octal 753, 561) with its soft Viterbi decoder.

Each bit goes into a register of nine; two parities of the register come out. The decoder finds the sequence whose
parities agree best with all votes together, so a weak vote costs little and an absent one (0) nothing: much better than
deciding each bit alone. (The code of CDMA telephones, IS-95.)
"""

import numpy as np

GENERATORS = (0o753, 0o561)  # which bits of the register each parity adds; the newest bit is the highest
MEMORY = 8  # bits of the register beside the newest; as many zeros end a message
RATE = len(GENERATORS)  # coded bits a bit
STATES = 1 << MEMORY
TAPS = np.array([[generator >> k & 1 for k in range(MEMORY + 1)] for generator in GENERATORS])  # (2, 9), oldest first


def coded_length(bits):
    """How many coded bits `bits` bits become."""
    return RATE * (bits + MEMORY)


def encode(bits):
    """int8 `(n,)` of 0 and 1 -> int8 `(coded_length(n),)`."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(bits, MEMORY), MEMORY + 1)  # oldest bit first
    return (windows @ TAPS.T % 2).astype(np.int8).reshape(-1)


def decode(votes):
    """The most likely bits: float `(coded_length(n),)`, positive for 0 and negative for 1 -> int8 `(n,)`."""
    registers = np.arange(2 * STATES)[:, None] >> np.arange(MEMORY, -1, -1) & 1  # (512, 9); here the newest is lowest
    signs = 1 - 2 * (registers @ TAPS.T % 2)  # (512, 2), what each register sends: +1 for 0, -1 for 1
    gains = votes.reshape(-1, RATE) @ signs.T  # (steps, 512)
    score = np.full(STATES, -np.inf)
    score[0] = 0
    oldest = np.empty((len(gains), STATES), bool)  # the bit that leaves on the best way into each state
    for step, gain in enumerate(gains):
        zero, one = (np.repeat(score, 2) + gain).reshape(2, STATES)  # a state is entered from two registers
        oldest[step] = one > zero
        score = np.maximum(zero, one)
    bits = np.empty(len(gains), np.int8)
    state = 0  # the zeros at the end lead here
    for step in range(len(gains) - 1, -1, -1):
        bits[step] = state & 1
        state = (int(oldest[step, state]) << MEMORY | state) >> 1
    return bits[:-MEMORY]
