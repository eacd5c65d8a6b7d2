"""Key files, passphrases, the keys of a stream derived from them (scrypt, HKDF), and authenticated encryption (AEAD).

A *secret* is what the user keeps: the 32 bytes of a key file, or a passphrase (str). A *seal* is what one stream (one
video or one picture) uses: a new random stream id, and two keys derived from the secret and the id. So two streams
never share a key, and within a stream the number of a frame is its nonce. A seal encrypts and authenticates the bodies
of messages with AES-256-GCM or ChaCha20-Poly1305. docs/wire-format.md gives the formulas.
"""

import os
import secrets
import stat
import struct
import unicodedata
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from uunet.atomic import new_file
from uunet.errors import UUNetError

KEY_BYTES = 32
STREAM_ID_BYTES = 16
TAG_BYTES = 16  # a sealed body is longer than its text by this
AES_256_GCM, CHACHA20_POLY1305 = 1, 2  # the suites, by their numbers in the header
CIPHERS = {AES_256_GCM: AESGCM, CHACHA20_POLY1305: ChaCha20Poly1305}
SCRYPT = {"n": 2**17, "r": 8, "p": 1}  # as OWASP recommends; each guess takes 128 MiB of memory
INFO = b"uunet stream 1 suite "


class KeyFileError(UUNetError):
    """A file is not a key file."""


class PassphraseError(UUNetError):
    """A text cannot be a passphrase."""


class AuthenticationError(UUNetError):
    """A sealed body cannot be decrypted: the key is another one, or the message was changed."""


class KeyFileWarning(UserWarning):
    """A key file can be read by others."""


@dataclass(frozen=True)
class Seal:
    """The keys of one stream: from `new_seal` to write a stream, from `seal_of` to read one."""

    suite: int  # a key of CIPHERS
    stream_id: bytes  # (16), random; each frame carries it
    body_key: bytes = field(repr=False)  # (32), for the cipher
    order_key: bytes = field(repr=False)  # (32), for the order of the samples that carry the body
    _numbers: set[int] = field(default_factory=set, repr=False, compare=False)  # of the frames sealed so far

    def seal(self, body: bytes, header: bytes, frame_index: int) -> bytes:
        """Encrypts a body, and authenticates it together with its header.

        Args:
            body: bytes, to be secret.
            header: bytes, the open part of the message: not secret, but protected against changes.
            frame_index: int in 0..2^32 - 1, the nonce. Each may be used only once: a second use would break the
                encryption.

        Returns:
            bytes, longer than `body` by TAG_BYTES.

        Raises:
            ValueError: if this seal has sealed a frame of that number before.
        """
        if frame_index in self._numbers:
            raise ValueError(f"frame {frame_index} is sealed already: a new file needs a new seal")
        self._numbers.add(frame_index)
        return self._cipher().encrypt(self._nonce(frame_index), body, header)

    def open(self, sealed: bytes, header: bytes, frame_index: int) -> bytes:
        """Decrypts a body that was sealed with the same key, header and frame_index.

        Raises:
            AuthenticationError: if one of these, or the sealed body, is another one.
        """
        try:
            return self._cipher().decrypt(self._nonce(frame_index), sealed, header)
        except InvalidTag:
            raise AuthenticationError(
                "The frame's message does not open: give the key or passphrase it was sealed with, "
                "and the public file exactly as it was written."
            ) from None

    def _cipher(self):
        return CIPHERS[self.suite](self.body_key)

    def _nonce(self, frame_index):
        return self.stream_id[:8] + struct.pack(">I", frame_index)


def generate() -> bytes:
    """A new secret: 32 random bytes from the operating system."""
    return secrets.token_bytes(KEY_BYTES)


def save(key: bytes, path: str | Path, *, overwrite: bool = False) -> None:
    """Writes a key file that only its owner can read.

    Raises:
        OutputError: if `path` exists already or cannot be written.
    """
    with new_file(path, overwrite=overwrite, mode=0o600) as part:
        part.write_bytes(key)


def load(path: str | Path) -> bytes:
    """The secret in a key file: bytes (32).

    Warns:
        KeyFileWarning: if others than its owner can read the file.

    Raises:
        KeyFileError: if the file cannot be read or is not exactly 32 bytes long.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(KEY_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}): name a key file.") from error
    if len(key) != KEY_BYTES:
        holds = f"{len(key)} bytes" if len(key) < KEY_BYTES else f"more than {KEY_BYTES} bytes"
        raise KeyFileError(f"{path} holds {holds} where a key is exactly {KEY_BYTES}: name a key file.")
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        warnings.warn(f"{path} can be used by others: run `chmod 600 {Path(path).name}`.", KeyFileWarning, stacklevel=2)
    return key


def check_passphrase(text: str) -> None:
    """Raises PassphraseError, before the slow derivation, if a passphrase is empty, blank or not Unicode text."""
    if not text.strip():
        raise PassphraseError("The passphrase is empty: type one, or use a key file.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PassphraseError("The passphrase is not Unicode text: type it again, or use a key file.") from None


def from_passphrase(text: str, salt: bytes) -> bytes:
    """32 bytes derived from a passphrase with scrypt, which is slow and takes much memory so that guessing is costly.

    Args:
        text: str; composed and decomposed forms of an accented letter give the same bytes (Unicode NFC).
        salt: bytes, random and not secret: the stream id.

    Raises:
        PassphraseError: see `check_passphrase`.
    """
    check_passphrase(text)
    return Scrypt(salt=salt, length=KEY_BYTES, **SCRYPT).derive(unicodedata.normalize("NFC", text).encode())


def new_seal(secret: bytes | str, suite: int = CHACHA20_POLY1305) -> Seal:
    """The seal of a new stream, with a new random id: two files sealed with one secret share no key and no nonce.

    Args:
        secret: bytes (32), or str: a passphrase.
        suite: int, AES_256_GCM or CHACHA20_POLY1305.
    """
    return seal_of(secret, suite, secrets.token_bytes(STREAM_ID_BYTES))


def seal_of(secret: bytes | str, suite: int, stream_id: bytes) -> Seal:
    """The seal of an existing stream. Slow for a passphrase, so it is derived once per stream.

    Args:
        secret: bytes (32), or str: a passphrase.
        suite: int, AES_256_GCM or CHACHA20_POLY1305.
        stream_id: bytes (16), from the header of any frame.

    Raises:
        PassphraseError: see `check_passphrase`.
        ValueError: if a secret of bytes is not 32 long.
    """
    master = from_passphrase(secret, stream_id) if isinstance(secret, str) else secret
    if len(master) != KEY_BYTES:
        raise ValueError(f"a secret has {KEY_BYTES} bytes, got {len(master)}")
    both = HKDF(SHA256(), length=2 * KEY_BYTES, salt=stream_id, info=INFO + bytes([suite])).derive(master)
    return Seal(suite, stream_id, both[:KEY_BYTES], both[KEY_BYTES:])
