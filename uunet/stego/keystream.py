"""Random positions and signs that both ends of a channel can draw: a ChaCha20 keystream (RFC 8439), never NumPy's RNG.

NumPy does not promise the same numbers in its next version; a cipher's keystream is the same for ever, everywhere, and
without the key nobody can tell it from noise. docs/wire-format.md specifies it for other programs.
"""

import struct

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

MAX_TOTAL = 2**32  # positions are drawn from 32-bit words
PLACE, SIGN = b"plac", b"sign"  # no word is used for two purposes


def positions(key, nonce, total, count):
    """The first `count` of all numbers below `total`, in an order that only the key's owners know.

    Each 32-bit word of the keystream that is below the largest multiple of `total` names the position `word % total`
    (rejection sampling: without it, low positions would come up more often); a position named before is passed over.
    The order is thus the same whatever `count` is: asking for more only goes on.

    Args:
        key: bytes (32).
        nonce: int in 0..2^64 - 1; another one gives an unrelated order.
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
    drawn, missing = [np.zeros(0, np.int64)], count
    while missing:
        free = total - (count - missing)
        n_words = missing * total // free + 64  # about as many as will do
        words = np.frombuffer(keystream.update(bytes(4 * n_words)), "<u4").astype(np.int64)
        named = words[words < 2**32 - 2**32 % total] % total
        named = named[~taken[named]]
        fresh = named[np.sort(np.unique(named, return_index=True)[1])][:missing]
        taken[fresh] = True
        drawn.append(fresh)
        missing -= fresh.size
    return np.concatenate(drawn)


def bits(key, nonce, count):
    """Random bits, uint8 `(count,)` of 0 and 1: of each keystream byte the highest bit first."""
    return np.unpackbits(np.frombuffer(_keystream(key, SIGN, nonce).update(bytes(-(-count // 8))), np.uint8))[:count]


def _keystream(key, purpose, nonce):
    # the library's 16 bytes are the RFC's 32-bit block counter, here 0, and its 96-bit nonce
    return Cipher(algorithms.ChaCha20(key, struct.pack("<I4sQ", 0, purpose, nonce)), mode=None).encryptor()
