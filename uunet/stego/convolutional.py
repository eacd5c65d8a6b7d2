"""The convolutional code of rate 1/2 and constraint length 9 (octal 753, 561) with its soft Viterbi decoder.

Each bit enters a register of nine bits, and two parities of the register are sent. The decoder gets one number per
parity, a vote, and finds the bits whose parities agree best with all votes together. A weak vote thus has little weight
and a missing one (0) has none, which is much better than deciding each bit alone. The code is that of CDMA telephones
(IS-95).
"""

import numpy as np

GENERATORS = (0o753, 0o561)  # the bits of the register that each parity adds; the newest bit is the highest
MEMORY = 8  # bits of the register besides the newest; a message ends with as many zeros
RATE = len(GENERATORS)  # coded bits per bit
STATES = 1 << MEMORY
STEPS = 4  # bits per step of the decoder: fewer, larger steps are faster
TAPS = np.array([[generator >> k & 1 for k in range(MEMORY + 1)] for generator in GENERATORS])  # (2, 9), oldest first


def _signs():
    """The parities sent for STEPS bits and the MEMORY bits before: float32 `(4096, 8)`, +1 for 0 and -1 for 1."""
    registers = np.arange(STATES << STEPS)[:, None] >> np.arange(MEMORY + STEPS - 1, -1, -1) & 1  # (4096, 12)
    windows = np.lib.stride_tricks.sliding_window_view(registers, MEMORY + 1, axis=1)  # (4096, 4, 9)
    return (1 - 2 * (windows @ TAPS.T % 2)).reshape(-1, STEPS * RATE).astype(np.float32)


SIGNS = _signs()


def coded_length(bits: int) -> int:
    """The number of coded bits for `bits` bits."""
    return RATE * (bits + MEMORY)


def encode(bits: np.ndarray) -> np.ndarray:
    """Encodes bits: int8 `(n,)` of 0 and 1 -> int8 `(coded_length(n),)`."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(bits, MEMORY), MEMORY + 1)  # oldest bit first
    return (windows @ TAPS.T % 2).astype(np.int8).reshape(-1)


def decode(votes: np.ndarray) -> np.ndarray:
    """The most likely bits for some votes.

    A state is the last 8 bits, the newest lowest. Four bits later each state can be reached from 16 states, which
    differ in the four bits that have left the register. These four bits and the state form a register of 12 bits.

    Args:
        votes: float `(coded_length(n),)`, positive for 0 and negative for 1; n = 4, 8, ...

    Returns:
        int8 `(n,)` of 0 and 1.
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
    state = 0  # the message ends with zeros
    for step in range(len(gains) - 1, -1, -1):
        bits[STEPS * step : STEPS * (step + 1)] = [state >> k & 1 for k in range(STEPS - 1, -1, -1)]
        before = state >> STEPS
        left = int(np.argmax(scores[step][before :: 1 << STEPS] + gains[step, state::STATES]))
        state = left << MEMORY - STEPS | before
    return bits[:-MEMORY]
