"""Key files, passphrases, and the seals derived from them; the formulas once more with the standard library."""

import hashlib
import hmac
import os
import stat
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uunet import atomic
from uunet.wire import crypto

KEY = bytes(range(32))
STREAM_ID = bytes(range(160, 176))
SUITES = pytest.mark.parametrize("suite", crypto.CIPHERS)


def hkdf_64(master, salt, info):
    """RFC 5869 with SHA-256, 64 bytes long."""
    extracted = hmac.digest(salt, master, "sha256")
    first = hmac.digest(extracted, info + b"\x01", "sha256")
    return first + hmac.digest(extracted, first + info + b"\x02", "sha256")


def test_generated_secrets_differ():
    assert len(crypto.generate()) == 32 and crypto.generate() != crypto.generate()


def test_key_file_there_and_back(tmp_path):
    path = tmp_path / "uunet.key"
    crypto.save(KEY, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert crypto.load(path) == KEY
    assert path.read_bytes() == KEY and os.listdir(tmp_path) == ["uunet.key"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_key_file_is_not_overwritten(tmp_path):
    path = tmp_path / "uunet.key"
    path.write_bytes(b"precious")
    with pytest.raises(atomic.OutputError, match="exists already"):
        crypto.save(KEY, path)
    assert path.read_bytes() == b"precious"


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX rights")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_key_file_that_others_can_use(tmp_path, mode):
    path = tmp_path / "uunet.key"
    path.write_bytes(KEY)
    path.chmod(mode)
    with pytest.warns(crypto.KeyFileWarning, match="can be used by others: run `chmod 600"):
        assert crypto.load(path) == KEY


@pytest.mark.parametrize(("n", "holds"), [(0, "0 bytes"), (31, "31 bytes"), (33, "more than 32"), (9999, "more than")])
def test_key_file_of_another_length(tmp_path, n, holds):
    path = tmp_path / "uunet.key"
    path.write_bytes(bytes(n))
    with pytest.raises(crypto.KeyFileError, match=rf"{holds}.* where a key is exactly 32"):
        crypto.load(path)


def test_no_key_file(tmp_path):
    for path in (tmp_path / "none.key", tmp_path):
        with pytest.raises(crypto.KeyFileError, match="cannot be read"):
            crypto.load(path)


def test_passphrase_is_scrypt():
    expected = hashlib.scrypt("Grüße".encode(), salt=STREAM_ID, n=2**17, r=8, p=1, maxmem=2**28, dklen=32)
    assert crypto.from_passphrase("Grüße", STREAM_ID) == expected
    assert crypto.from_passphrase("Gru\u0308ße", STREAM_ID) == expected  # as another keyboard spells it


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\udcff"])
def test_not_a_passphrase(text):
    with pytest.raises(crypto.PassphraseError):
        crypto.from_passphrase(text, STREAM_ID)


@SUITES
def test_stream_keys_are_hkdf(suite):
    seal = crypto.seal_of(KEY, suite, STREAM_ID)
    assert seal.body_key + seal.order_key == hkdf_64(KEY, STREAM_ID, b"uunet stream 1 suite " + bytes([suite]))


def test_passphrase_seal():
    one, other = (crypto.seal_of("correct horse", 2, stream_id) for stream_id in (STREAM_ID, bytes(16)))
    master = crypto.from_passphrase("correct horse", STREAM_ID)
    assert one == crypto.seal_of(master, 2, STREAM_ID)
    assert one.body_key != other.body_key


def test_no_two_streams_or_suites_share_a_key():
    seals = [
        crypto.new_seal(KEY),
        crypto.new_seal(KEY),
        *(crypto.seal_of(KEY, suite, STREAM_ID) for suite in crypto.CIPHERS),
    ]
    assert len({s.stream_id for s in seals}) == 3
    assert len({key for s in seals for key in (s.body_key, s.order_key)}) == 8


def test_secrets_are_not_printed():
    seal = crypto.seal_of(KEY, 2, STREAM_ID)
    assert repr(seal) == f"Seal(suite=2, stream_id={STREAM_ID!r})"


@pytest.mark.parametrize("secret", [b"", KEY[:-1], KEY + b"x"])
def test_secret_of_another_length(secret):
    with pytest.raises(ValueError, match="32 bytes"):
        crypto.new_seal(secret)


@SUITES
@settings(max_examples=50)
@given(body=st.binary(max_size=99), header=st.binary(max_size=50), index=st.integers(0, 2**32 - 1))
def test_seal_and_open(suite, body, header, index):
    sealed = crypto.seal_of(KEY, suite, STREAM_ID).seal(body, header, index)
    seal = crypto.seal_of(KEY, suite, STREAM_ID)
    assert len(sealed) == len(body) + crypto.TAG_BYTES
    assert seal.open(sealed, header, index) == body
    for other in (
        (sealed[:-1], header, index),
        (sealed[:15], header, index),
        (b"", header, index),
        (sealed + b"x", header, index),
        (sealed, header + b"x", index),
        (sealed, header, index ^ 1),
    ):
        with pytest.raises(crypto.AuthenticationError):
            seal.open(*other)


def test_a_number_is_never_used_twice():
    seal = crypto.new_seal(KEY)
    seal.seal(b"one", b"", 0)
    seal.seal(b"two", b"", 1)
    with pytest.raises(ValueError, match="frame 0 is sealed already"):
        seal.seal(b"three", b"", 0)
