"""The keystream against RFC 8439 written out in plain Python, and the order drawn from it."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uunet.stego import keystream

KEY = bytes(range(32))


def chacha20(key, nonce, n_blocks):
    """RFC 8439, section 2.3, block counter from 0."""

    def quarter(s, a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) % 2**32
            s[z] ^= s[x]
            s[z] = (s[z] << turn | s[z] >> 32 - turn) % 2**32

    out = b""
    for counter in range(n_blocks):
        start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
        s = start.copy()
        for _ in range(10):
            for k in range(4):
                quarter(s, k, 4 + k, 8 + k, 12 + k)
            for k in range(4):
                quarter(s, k, 4 + (k + 1) % 4, 8 + (k + 2) % 4, 12 + (k + 3) % 4)
        out += struct.pack("<16I", *((a + b) % 2**32 for a, b in zip(s, start, strict=True)))
    return out


def slow_positions(key, nonce, total, count):
    """docs/wire-format.md, word by word."""
    found, n_blocks = [], 1
    while len(found) < count:
        n_blocks *= 2
        stream = chacha20(key, b"plac" + struct.pack("<Q", nonce), n_blocks)
        found = []
        for word in struct.unpack(f"<{16 * n_blocks}I", stream):
            if word < 2**32 // total * total and word % total not in found:
                found.append(word % total)
    return found[:count]


def test_the_plain_python_cipher_is_right_itself():
    """RFC 8439, section 2.3.2: block 1 under the nonce of that section."""
    block = chacha20(KEY, bytes.fromhex("000000090000004a00000000"), 2)[64:]
    assert block.hex() == (
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"
    )


ONE_IN_85 = 2**32 // 85 + 1  # the share of words that this total rejects
MANY = pytest.param(ONE_IN_85, 900, 3, marks=pytest.mark.slow)


@pytest.mark.parametrize(("total", "count", "nonce"), [(1, 1, 0), (7, 7, 1), (100, 60, 2**40), MANY])
def test_positions_follow_the_document(total, count, nonce):
    assert keystream.positions(KEY, nonce, total, count).tolist() == slow_positions(KEY, nonce, total, count)


def test_bits_follow_the_document():
    stream = chacha20(KEY, b"sign" + struct.pack("<Q", 5), 1)
    assert keystream.bits(KEY, 5, 301).tolist() == [int(bit) for byte in stream for bit in f"{byte:08b}"][:301]


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1), st.integers(0, 300), st.data())
def test_positions_are_all_different_and_only_go_on(key, nonce, total, data):
    count = data.draw(st.integers(0, total))
    everything = keystream.positions(key, nonce, total, total)
    assert everything.dtype == np.int64 and sorted(everything) == list(range(total))
    assert (keystream.positions(key, nonce, total, count) == everything[:count]).all()


def test_key_and_nonce_decide():
    one, same, other_nonce, other_key = (
        keystream.positions(key, nonce, 9999, 500) for key, nonce in ((KEY, 1), (KEY, 1), (KEY, 2), (KEY[::-1], 1))
    )
    assert (one == same).all()
    assert (one == other_nonce).sum() < 9 and (one == other_key).sum() < 9


def test_positions_are_uniform():
    """Chi-square over 60 cells of 500 draws each: 59 degrees of freedom, standard deviation 10.9."""
    drawn = np.concatenate([keystream.positions(KEY, nonce, 600, 100) for nonce in range(300)])
    cells = np.bincount(drawn // 10, minlength=60)
    assert ((cells - 500) ** 2 / 500).sum() < 59 + 6 * 10.9


@pytest.mark.parametrize(("total", "count"), [(5, 6), (5, -1), (-1, -1), (2**32 + 1, 1)])
def test_refuses(total, count):
    with pytest.raises(ValueError, match="cannot draw"):
        keystream.positions(KEY, 0, total, count)
