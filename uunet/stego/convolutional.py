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
STEPS = 4  # bits that the decoder takes at once: fewer, larger steps are faster
TAPS = np.array([[generator >> k & 1 for k in range(MEMORY + 1)] for generator in GENERATORS])  # (2, 9), oldest first


def _signs():
    """What each register of STEPS bits and those before sends: float32 `(4096, 8)`, +1 for 0 and -1 for 1."""
    registers = np.arange(STATES << STEPS)[:, None] >> np.arange(MEMORY + STEPS - 1, -1, -1) & 1  # (4096, 12)
    windows = np.lib.stride_tricks.sliding_window_view(registers, MEMORY + 1, axis=1)  # (4096, 4, 9)
    return (1 - 2 * (windows @ TAPS.T % 2)).reshape(-1, STEPS * RATE).astype(np.float32)


SIGNS = _signs()


def coded_length(bits):
    """How many coded bits `bits` bits become."""
    return RATE * (bits + MEMORY)


def encode(bits):
    """int8 `(n,)` of 0 and 1 -> int8 `(coded_length(n),)`."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(bits, MEMORY), MEMORY + 1)  # oldest bit first
    return (windows @ TAPS.T % 2).astype(np.int8).reshape(-1)


def decode(votes):
    """The most likely bits: float `(coded_length(n),)`, positive for 0 and negative for 1 -> int8 `(n,)`, n = 4, 8, ...

    A state is the last 8 bits, the newest lowest. Four bits later each state has been reached from 16 others, which
    differ in the four bits that left it; these and the state are a register of 12 bits.
    """
    gains = votes.astype(np.float32).reshape(-1, STEPS * RATE) @ SIGNS.T  # (steps, 4096)
    score = np.full(STATES, -np.inf, np.float32)
    score[0] = 0
    scores = [score]
    for gain in gains:
        ways = (np.repeat(score, 1 << STEPS) + gain).reshape(1 << STEPS, STATES)
        score = ways.max(axis=0)
        scores.append(score)
    bits = np.empty(len(votes) // RATE, np.int8)
    state = 0  # the zeros at the end lead here
    for step in range(len(gains) - 1, -1, -1):
        bits[STEPS * step : STEPS * (step + 1)] = [state >> k & 1 for k in range(STEPS - 1, -1, -1)]
        before = state >> STEPS
        left = int(np.argmax(scores[step][before :: 1 << STEPS] + gains[step, state::STATES]))
        state = left << MEMORY - STEPS | before
    return bits[:-MEMORY]
