"""The files of keys: read within bounds, strictly, and written for their owner. `keys` says what the keys are for.

Private and public keys are PEM (PKCS#8, SubjectPublicKeyInfo). A hybrid key is two blocks, ML-KEM-768 before X25519, so
that a file that was cut is not an X25519 key. A private key with a passphrase is one PEM block of our own, which holds
the PEM text of the key:

    salt (16) | ChaCha20-Poly1305(scrypt(passphrase, salt), nonce = zeros (12), PEM text, AAD = label)

The salt is random, so each key of the cipher is used once, and the nonce may be zero. The standard form (PKCS#8, PBES2)
is not used, because `cryptography` derives its key with 2,048 rounds of PBKDF2: 0.5 ms per guess.

A disclosure is JSON: stream id, order key, frame key, and the keys of some tracks, all in hex.
"""

import json
import os
import re
import secrets
import stat
import warnings
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from uunet.atomic import new_file
from uunet.errors import UUNetError
from uunet.wire import crypto
from uunet.wire.crypto import KEY_BYTES, STREAM_ID_BYTES, KeyFileError, PassphraseError

MAX_FILE = 2**20  # bytes; what is longer is no key file
PRIVATE, PUBLIC, SEALED = "PRIVATE KEY", "PUBLIC KEY", "UUNET SEALED PRIVATE KEY"  # labels
FOREIGN = "ENCRYPTED PRIVATE KEY"  # the label of PBES2
AUTHORITY, RECIPIENT = "the authority's private key", "a recipient's public key"
BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,64})-----\n([A-Za-z0-9+/=\n]*)-----END \1-----(?:\n|\Z)")
SALT_BYTES = 16
NONCE = bytes(12)
DISCLOSURE, VERSION = "uunet disclosure", 1
MAX_TRACK = 2**32 - 1


class TrackError(UUNetError):
    """A track cannot be disclosed."""


class Block(NamedTuple):
    """A PEM block."""

    label: str
    text: bytes  # all of it, with its first and last line
    data: bytes  # what it encodes


def save_private(parts: Sequence, path: str | Path, passphrase: str | None) -> None:
    """Writes a private key, see `keys.save_authority`; `parts`: the X25519 key, or the ML-KEM-768 key and it."""
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    text = b"".join(part.private_bytes(*form) for part in parts)
    _write_private(path, text if passphrase is None else _seal(text, passphrase))


def load_private(path: str | Path, passphrase: str | None) -> list:
    """The parts of a private key, see `keys.load_authority`."""
    blocks = _read_blocks(path, AUTHORITY)
    labels = {block.label for block in blocks}
    if labels == {PUBLIC}:
        raise KeyFileError(f"{path} is a public key, which opens nothing: name the authority's private key (.key).")
    if labels == {FOREIGN}:
        raise KeyFileError(f"{path} was encrypted by another program: decrypt it first (openssl pkey -in {path}).")
    if labels == {SEALED} and len(blocks) == 1:
        if passphrase is None:
            raise PassphraseError(f"{path} is protected: give its passphrase.")
        blocks = _unseal(blocks[0].data, passphrase, path)
    elif passphrase is not None:
        raise PassphraseError(f"{path} has no passphrase: give none.")
    if {block.label for block in blocks} != {PRIVATE}:
        raise _no_key(path, AUTHORITY)
    parts = [_loaded(serialization.load_pem_private_key, block.text, path, password=None) for block in blocks]
    _check_kinds(parts, (MLKEM768PrivateKey, X25519PrivateKey), path)
    _warn_if_open(path)
    return parts


def is_sealed(path: str | Path) -> bool:
    """Whether a private key needs a passphrase, see `keys.needs_passphrase`."""
    return _read_blocks(path, AUTHORITY)[0].label == SEALED


def save_public(parts: Sequence, path: str | Path) -> None:
    """Writes a public key, see `keys.save_recipient`."""
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    with new_file(path, overwrite=False) as part:
        part.write_bytes(b"".join(one.public_bytes(*form) for one in parts))


def load_public(path: str | Path) -> list:
    """The parts of a public key, see `keys.load_recipient`."""
    blocks = _read_blocks(path, RECIPIENT)
    labels = {block.label for block in blocks}
    if labels & {PRIVATE, SEALED, FOREIGN}:
        raise KeyFileError(
            f"{path} is a private key, which must stay with the authority: name the public key beside it (.pub)."
        )
    if labels != {PUBLIC}:
        raise _no_key(path, RECIPIENT)
    parts = [_loaded(serialization.load_pem_public_key, block.text, path) for block in blocks]
    _check_kinds(parts, (MLKEM768PublicKey, X25519PublicKey), path)
    try:
        X25519PrivateKey.generate().exchange(parts[-1])
    except ValueError:
        raise KeyFileError(f"{path} holds a weak public key (of low order): ask the authority for its key.") from None
    return parts


def save_disclosure(
    path: str | Path, stream_id: bytes, order_key: bytes, frame_key: bytes, track_keys: dict[int, bytes]
) -> None:
    """Writes a disclosure, see `keys.save_disclosure`."""
    values = {
        "format": DISCLOSURE,
        "version": VERSION,
        "stream_id": stream_id.hex(),
        "order_key": order_key.hex(),
        "frame_key": frame_key.hex(),
        "tracks": {str(track): key.hex() for track, key in track_keys.items()},
    }
    data = (json.dumps(values, indent=1) + "\n").encode()
    if len(data) > MAX_FILE:
        raise TrackError(f"A disclosure of {len(track_keys)} tracks is too large: disclose fewer at a time.")
    _write_private(path, data)


def load_disclosure(path: str | Path) -> tuple[bytes, bytes, bytes, dict[int, bytes]]:
    """Stream id, order key, frame key and track keys of a disclosure, see `keys.load_disclosure`."""
    data = _read(path, "a disclosure file")
    try:
        values = json.loads(data, object_pairs_hook=_without_repetition)
        version = values.pop("version")
        if values.pop("format") != DISCLOSURE or type(version) is not int or version != VERSION:
            raise ValueError("another format")
        stream_id = _unhex(values.pop("stream_id"), STREAM_ID_BYTES)
        order_key, frame_key = (_unhex(values.pop(name), KEY_BYTES) for name in ("order_key", "frame_key"))
        track_keys = {_track_number(track): _unhex(key, KEY_BYTES) for track, key in values.pop("tracks").items()}
        if values or not track_keys:
            raise ValueError("more or less than a disclosure")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise KeyFileError(f"{path} is not a disclosure: name a file as `uunet disclose` wrote it.") from None
    _warn_if_open(path)
    return stream_id, order_key, frame_key, track_keys


def _without_repetition(pairs):
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name stands twice")
    return values


def _unhex(text, length):
    """Bytes from hex digits, which have exactly one spelling."""
    if not re.fullmatch(f"[0-9a-f]{{{2 * length}}}", text):
        raise ValueError("not a key")
    return bytes.fromhex(text)


def _track_number(text):
    if not re.fullmatch("0|[1-9][0-9]{0,9}", text) or int(text) > MAX_TRACK:
        raise ValueError("not a track")
    return int(text)


def _read(path: str | Path, what: str) -> bytes:
    """The bytes of a small file.

    Args:
        path: path.
        what: str, what the file should be, for the error.

    Raises:
        KeyFileError: if it cannot be read, is empty, or has more than MAX_FILE bytes.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read ({error.strerror}): name {what}.") from error
    if not data:
        raise KeyFileError(f"{path} is empty: name {what}.")
    if len(data) > MAX_FILE:
        raise KeyFileError(f"{path} is larger than any key file: name {what}.")
    return data


def _read_blocks(path: str | Path, what: str) -> list[Block]:
    """The PEM blocks of a file, at least one.

    Args, Raises: as `read`, and KeyFileError if it holds anything else.
    """
    blocks = _split(_read(path, what))
    if not blocks:
        raise _no_key(path, what)
    return blocks


def _split(data: bytes) -> list[Block]:
    """The PEM blocks of a text; none if it holds anything else."""
    data = data.replace(b"\r\n", b"\n").strip()
    blocks, at = [], 0
    while match := BLOCK.match(data, at):
        try:
            content = b64decode(match[2].replace(b"\n", b""), validate=True)
        except ValueError:
            return []
        blocks.append(Block(match[1].decode(), match[0], content))
        at = match.end()
    return blocks if at == len(data) else []


def _seal(text: bytes, passphrase: str) -> bytes:
    """A PEM text, sealed with a passphrase as one block.

    Raises:
        PassphraseError: see `crypto.check_passphrase`.
    """
    salt = secrets.token_bytes(SALT_BYTES)
    data = b64encode(salt + _cipher(passphrase, salt).encrypt(NONCE, text, SEALED.encode()))
    lines = [data[k : k + 64] for k in range(0, len(data), 64)]
    return b"\n".join([f"-----BEGIN {SEALED}-----".encode(), *lines, f"-----END {SEALED}-----".encode(), b""])


def _unseal(data: bytes, passphrase: str, path: str | Path) -> list[Block]:
    """The blocks inside a sealed one.

    Args:
        data: bytes, what the sealed block encodes.
        passphrase: str.
        path: path of its file, for the error.

    Raises:
        PassphraseError: if the passphrase is wrong, or the block was changed.
    """
    salt, sealed = data[:SALT_BYTES], data[SALT_BYTES:]
    try:
        return _split(_cipher(passphrase, salt).decrypt(NONCE, sealed, SEALED.encode()))
    except InvalidTag:
        raise PassphraseError(f"{path} does not open: the passphrase is wrong, or the file is damaged.") from None


def _cipher(passphrase, salt):
    return ChaCha20Poly1305(crypto.from_passphrase(passphrase, salt))


def _no_key(path: str | Path, what: str) -> KeyFileError:
    """The error if a file is no key file at all."""
    return KeyFileError(f"{path} is not a key file: name {what}, as `uunet keygen` wrote it.")


def _loaded(load, text, path, **options):
    try:
        return load(text, **options)
    except UnsupportedAlgorithm as error:
        raise KeyFileError(f"{path} holds a key of an unknown kind ({error}): name a key of `uunet keygen`.") from None
    except (ValueError, TypeError):
        raise KeyFileError(f"{path} is damaged: name a key file as `uunet keygen` wrote it.") from None


def _check_kinds(parts, kinds, path):
    """Raises KeyFileError if the keys in a file are not those of a suite."""
    if len(parts) in (1, 2) and all(map(isinstance, parts, kinds[-len(parts) :])):
        return
    names = ", ".join(type(part).__name__.removesuffix("PrivateKey").removesuffix("PublicKey") for part in parts)
    raise KeyFileError(
        f"{path} holds keys of another kind ({names}) or half of a key: name a key file as `uunet keygen` wrote it."
    )


def _write_private(path: str | Path, data: bytes) -> None:
    """Writes a new file that only its owner can read, from its creation on.

    Raises:
        OutputError: if `path` exists already or cannot be written.
    """
    with new_file(path, overwrite=False, mode=0o600) as part:
        part.write_bytes(data)


def _warn_if_open(path: str | Path) -> None:
    """Warns (KeyFileWarning) if others than its owner can use a file."""
    try:
        mode = os.stat(path).st_mode
    except OSError:  # it was removed after it was read
        return
    if os.name == "posix" and stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        what = f"{path} can be used by others: run `chmod 600 {Path(path).name}`."
        warnings.warn(what, crypto.KeyFileWarning, stacklevel=3)
