"""Random positions and bits that writer and reader draw alike, from a ChaCha20 keystream (RFC 8439).

NumPy's generator may give other numbers in a later version. The keystream of a cipher is the same in all programs, and
without the key it cannot be told from noise. docs/wire-format.md specifies it for other programs.
"""

import struct

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

MAX_TOTAL = 2**32  # positions are drawn from 32-bit words
PLACE, SIGN = b"plac", b"sign"  # so that no word of the keystream is used twice


def positions(key: bytes, nonce: int, total: int, count: int) -> np.ndarray:
    """The first `count` numbers of a random permutation of 0..total - 1, which only the owners of the key can compute.

    A 32-bit word of the keystream gives the position `word % total`. Words from the largest multiple of `total` on are
    skipped (rejection sampling: otherwise low positions would be more frequent), and so are repeated positions. The
    permutation does not depend on `count`.

    Args:
        key: bytes (32).
        nonce: int in 0..2^64 - 1; each nonce gives an independent permutation.
        total: int, at most 2^32.
        count: int, at most `total`.

    Returns:
        int64 `(count,)`, all different, in 0..total - 1.

    Raises:
        ValueError: if `count` and `total` do not fit.
    """
    if not 0 <= count <= total <= MAX_TOTAL:
        raise ValueError(f"cannot draw {count} different positions out of {total}")
    keystream = _keystream(key, PLACE, nonce)
    taken = np.zeros(total, bool)
    first = np.empty(total, np.int64)  # position -> where it is first named
    drawn, missing = [np.zeros(0, np.int64)], count
    while missing:
        free = total - (count - missing)
        n_words = missing * total // free + 64  # usually enough
        words = np.frombuffer(keystream.update(bytes(4 * n_words)), "<u4").astype(np.int64)
        named = words[words < 2**32 - 2**32 % total] % total
        named = named[~taken[named]]
        place = np.arange(named.size)
        first[named[::-1]] = place[::-1]  # of equal positions the first is written last, and stays
        fresh = named[first[named] == place][:missing]
        taken[fresh] = True
        drawn.append(fresh)
        missing -= fresh.size
    return np.concatenate(drawn)


def bits(key: bytes, nonce: int, count: int) -> np.ndarray:
    """Random bits, uint8 `(count,)` of 0 and 1: the bits of the keystream, the highest of each byte first."""
    return np.unpackbits(np.frombuffer(_keystream(key, SIGN, nonce).update(bytes(-(-count // 8))), np.uint8))[:count]


def _keystream(key, purpose, nonce):
    # the library's 16 bytes are the RFC's 32-bit block counter, here 0, and its 96-bit nonce
    return Cipher(algorithms.ChaCha20(key, struct.pack("<I4sQ", 0, purpose, nonce)), mode=None).encryptor()
