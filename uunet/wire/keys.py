"""The authority's key pair, the keys of a file with sealed originals, and the files in which both are kept.

A camera holds the *recipient* key, which is public: it can seal, not open. The authority holds the private key. A file
has a fresh random *file key*; the keys of the file are derived from it, one per track (HKDF), and so is its *stream
id*, which every frame shows: a file has one file key, the same for all recipients. The *key record* of the file is the
file key, sealed to each recipient with HPKE (RFC 9180, base mode). A *disclosure* holds the keys of some tracks, so
that its owner sees these people and nobody else. docs/wire-format.md, section 10, gives the formulas.

HPKE suites, by their numbers in the key record; both with HKDF-SHA256 and ChaCha20-Poly1305:

    1   X25519
    2   MLKEM768-X25519, which also resists a quantum computer
"""

import secrets
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from uunet.errors import UUNetError
from uunet.wire import key_files
from uunet.wire.crypto import KEY_BYTES, STREAM_ID_BYTES, KeyFileError

X25519, HYBRID = 1, 2
NAMES = {X25519: "X25519", HYBRID: "ML-KEM-768 and X25519"}
KEMS = {X25519: hpke.KEM.X25519, HYBRID: hpke.KEM.MLKEM768_X25519}
STANZA_BYTES = {X25519: 32 + KEY_BYTES + 16, HYBRID: 1120 + KEY_BYTES + 16}  # encapsulated key, sealed key, tag
STANZA = struct.Struct(">BH")
MAX_RECORD = 0xFFFF  # key_bytes is a u16
INFO = b"uunet originals 1 "


class KeyRecordError(UUNetError):
    """A key record is damaged, or has no room for its recipients."""


class NotARecipientError(UUNetError):
    """No stanza of a key record opens with the given private key."""


# The authority's key pair.


@dataclass(frozen=True)
class RecipientKey:
    """A public key, to which files are sealed."""

    suite: int  # a key of KEMS
    _parts: tuple = field(repr=False)  # the X25519 key; hybrid: the ML-KEM-768 key, then the X25519 key

    def fingerprint(self) -> str:
        """32 hex digits in groups of four, to compare two keys by eye: SHA-256 of suite and key, its first half."""
        raw = b"".join(part.public_bytes_raw() for part in self._parts)
        text = sha256(bytes([self.suite]) + raw).hexdigest()[:32]
        return "-".join(text[k : k + 4] for k in range(0, len(text), 4))


@dataclass(frozen=True)
class AuthorityKey:
    """A private key, which opens what was sealed to its public key."""

    suite: int  # a key of KEMS
    public: RecipientKey
    _parts: tuple = field(repr=False)  # as those of RecipientKey


def generate(hybrid: bool = False) -> AuthorityKey:
    """A new key pair.

    Args:
        hybrid: bool, whether it also resists a quantum computer: its stanza has 1,168 bytes instead of 80.

    Raises:
        KeyFileError: if the installed `cryptography` has no ML-KEM.
    """
    if not hybrid:
        return _authority([X25519PrivateKey.generate()])
    try:
        return _authority([MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()])
    except UnsupportedAlgorithm as error:
        raise KeyFileError(f"This computer's cryptography has no ML-KEM ({error}): make a key without it.") from None


def _authority(parts):
    public = _recipient([part.public_key() for part in parts])
    return AuthorityKey(public.suite, public, tuple(parts))


def _recipient(parts):
    return RecipientKey(X25519 if len(parts) == 1 else HYBRID, tuple(parts))


def _joined(key):
    """A key as HPKE takes it."""
    if key.suite == X25519:
        return key._parts[0]
    kind = hpke.MLKEM768X25519PrivateKey if isinstance(key, AuthorityKey) else hpke.MLKEM768X25519PublicKey
    return kind(*key._parts)


def _hpke(suite):
    return hpke.Suite(KEMS[suite], hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


# Their files: see `key_files`.


def save_authority(key: AuthorityKey, path: str | Path, passphrase: str | None = None) -> None:
    """Writes a private key into a new file that only its owner can read.

    Args:
        key: AuthorityKey.
        path: path of a file that does not exist.
        passphrase: str, with which the file is sealed (scrypt); None for a file that opens without.

    Raises:
        OutputError: if `path` exists already or cannot be written.
        PassphraseError: see `crypto.check_passphrase`.
    """
    key_files.save_private(key._parts, path, passphrase)


def load_authority(path: str | Path, passphrase: str | None = None) -> AuthorityKey:
    """The private key in a file.

    Args:
        path: path of a file of `save_authority`, or of a PEM file (PKCS#8) with an X25519 key.
        passphrase: str if `needs_passphrase(path)`, else None.

    Warns:
        KeyFileWarning: if others than its owner can read the file.

    Raises:
        KeyFileError: if the file cannot be read or holds no such key.
        PassphraseError: if a passphrase is missing, wrong or not needed.
    """
    return _authority(key_files.load_private(path, passphrase))


def needs_passphrase(path: str | Path) -> bool:
    """Whether a private key is protected by a passphrase.

    Raises:
        KeyFileError: if the file cannot be read or is no key file.
    """
    return key_files.is_sealed(path)


def save_recipient(key: RecipientKey, path: str | Path) -> None:
    """Writes a public key into a new file.

    Raises:
        OutputError: if `path` exists already or cannot be written.
    """
    key_files.save_public(key._parts, path)


def load_recipient(path: str | Path) -> RecipientKey:
    """The public key in a file.

    Args:
        path: path of a file of `save_recipient`, or of a PEM file with an X25519 public key.

    Raises:
        KeyFileError: if the file cannot be read or holds no such key.
    """
    return _recipient(key_files.load_public(path))


# The keys of a file.


@dataclass(frozen=True)
class FileKeys:
    """The keys of one file: from `new_file_keys` to seal, from `unwrap` or `load_disclosure` to open."""

    stream_id: bytes  # (16), of the file key; each frame carries it
    order_key: bytes = field(repr=False)  # (32), for the order of the samples that carry the body
    frame_key: bytes = field(repr=False)  # (32), for the tag of a frame
    fresh: bool = False  # whether nothing was sealed with these keys before this run, so that they may seal
    _file_key: bytes | None = field(default=None, repr=False)  # (32); None if these keys are a disclosure
    _track_keys: dict[int, bytes] = field(default_factory=dict, repr=False)  # of a disclosure
    _sealed: set[int] = field(default_factory=set, repr=False, compare=False)  # the frames sealed so far

    def track_key(self, track: int) -> bytes | None:
        """The key (32) of a track; None if these keys are a disclosure of other tracks."""
        if self._file_key is None:
            return self._track_keys.get(track)
        return _derived(self._file_key, b"track " + struct.pack(">I", track), self.stream_id)

    def tracks(self) -> list[int] | None:
        """The tracks of a disclosure, rising; None if all tracks open."""
        return sorted(self._track_keys) if self._file_key is None else None

    def claim(self, frame_index: int) -> None:
        """Notes that a frame is sealed; raises ValueError if it was before, or if these keys may not seal."""
        if not self.fresh:
            raise ValueError("these keys were read from a file: a new file needs new keys")
        if frame_index in self._sealed:
            raise ValueError(f"frame {frame_index} is sealed already: a new file needs new keys")
        self._sealed.add(frame_index)


def new_file_keys() -> FileKeys:
    """The keys of a new file, from a new random file key."""
    return _file_keys(secrets.token_bytes(KEY_BYTES), fresh=True)


def _file_keys(file_key, fresh=False):
    stream_id = _stream_id(file_key)
    order_key, frame_key = (_derived(file_key, purpose, stream_id) for purpose in (b"order", b"frame"))
    return FileKeys(stream_id, order_key, frame_key, fresh, file_key)


def _stream_id(file_key):
    """Commits to the file key: nobody can show one stream id and give two recipients different file keys."""
    return _derived(file_key, b"stream", salt=None, length=STREAM_ID_BYTES)


def _derived(file_key, purpose, salt, length=KEY_BYTES):
    return HKDF(SHA256(), length=length, salt=salt, info=INFO + purpose).derive(file_key)


def name_of(identity: AuthorityKey | FileKeys) -> str:
    """Whose keys open a file, for the log of openings: the fingerprint of a key, or "disclosure"."""
    return identity.public.fingerprint() if isinstance(identity, AuthorityKey) else "disclosure"


# The key record.


def wrap(file_keys: FileKeys, recipients: Sequence[RecipientKey]) -> bytes:
    """The key record of a file: its file key, sealed to each recipient.

    Args:
        file_keys: FileKeys, not of a disclosure.
        recipients: list of RecipientKey, at least one; one that is given twice gets one stanza.

    Raises:
        KeyRecordError: if there are none, or more than fit.
        ValueError: if `file_keys` is a disclosure.
    """
    if file_keys._file_key is None:
        raise ValueError("a disclosure does not hold the file key")
    unique = {recipient.fingerprint(): recipient for recipient in recipients}.values()
    length = 1 + sum(STANZA.size + STANZA_BYTES[recipient.suite] for recipient in unique)
    if not 1 <= len(unique) <= 255 or length > MAX_RECORD:
        raise KeyRecordError(
            f"{len(unique)} recipients do not fit into the key record of a file: give 1 to 255, or 1 to 55 hybrid keys."
        )
    record, info = bytes([len(unique)]), _info(file_keys.stream_id)
    for recipient in unique:
        sealed = _hpke(recipient.suite).encrypt(file_keys._file_key, _joined(recipient), info)
        record += STANZA.pack(recipient.suite, len(sealed)) + sealed
    return record


def stanzas(record: bytes) -> list[tuple[int, bytes]]:
    """The `(suite, sealed file key)` of each recipient in a key record; it does not say who they are.

    Raises:
        KeyRecordError: if the record is damaged.
    """
    found, at = [], 1
    for _ in range(record[0] if record else 0):
        head = record[at : at + STANZA.size]
        suite, length = STANZA.unpack(head) if len(head) == STANZA.size else (0, 0)
        sealed = record[at + STANZA.size : at + STANZA.size + length]
        if not length or len(sealed) != length or length != STANZA_BYTES.get(suite, length):
            raise KeyRecordError("The key record of the file is damaged: give the public file exactly as written.")
        found.append((suite, sealed))
        at += STANZA.size + length
    if not found or at != len(record):
        raise KeyRecordError("The key record of the file is damaged: give the public file exactly as written.")
    return found


def unwrap(record: bytes, stream_id: bytes, authority: AuthorityKey) -> FileKeys:
    """The keys of a file, from its key record: each stanza of the authority's suite is tried.

    A file key with another stream id is that of another file. Anybody can seal one to a public key, so it is skipped
    like a stanza that does not open.

    Args:
        record: bytes, from any frame that carries it.
        stream_id: bytes (16), from the same frame.
        authority: AuthorityKey.

    Raises:
        KeyRecordError: if the record is damaged, or if the only file key in it is that of another file.
        NotARecipientError: if no stanza opens.
    """
    info, private, others = _info(stream_id), _joined(authority), False
    for suite, sealed in stanzas(record):
        if suite == authority.suite:
            try:
                file_key = _hpke(suite).decrypt(sealed, private, info)
            except InvalidTag:
                continue
            if len(file_key) == KEY_BYTES and _stream_id(file_key) == stream_id:
                return _file_keys(file_key)
            others = True
    if others:
        raise KeyRecordError(
            f"The key record gives the key {authority.public.fingerprint()} the file key of another file (its writer "
            "made a mistake or cheated): ask for the file that was written first."
        )
    raise NotARecipientError(
        f"The file was not sealed to the key {authority.public.fingerprint()}, or its key record was changed: give the "
        "private key of one of its recipients."
    )


def rewrap(record: bytes, stream_id: bytes, authority: AuthorityKey, recipients: Sequence[RecipientKey]) -> bytes:
    """The key record of the same file for other recipients. Nothing else in the file changes.

    Who could open the file before may have kept its file key: taking it from a recipient does not take that away.

    Raises:
        KeyRecordError, NotARecipientError: see `unwrap` and `wrap`.
    """
    return wrap(unwrap(record, stream_id, authority), recipients)


def _info(stream_id):
    return INFO + b"key " + stream_id


# Disclosures.


def save_disclosure(file_keys: FileKeys, tracks: Iterable[int], path: str | Path) -> None:
    """Writes the keys of some tracks of a file into a new file that only its owner can read.

    Args:
        file_keys: FileKeys, of the authority or of a disclosure that holds these tracks.
        tracks: int in 0..2^32 - 1, at least one.
        path: path of a file that does not exist.

    Raises:
        key_files.TrackError: if there is no track, or `file_keys` is a disclosure without one of them.
        OutputError: if `path` exists already or cannot be written.
    """
    found = {}
    for track in sorted(set(tracks)):
        key = file_keys.track_key(track) if 0 <= track <= key_files.MAX_TRACK else None
        if key is None:
            raise key_files.TrackError(f"There is no key of track {track}: name a track that these keys open.")
        found[track] = key
    if not found:
        raise key_files.TrackError("A disclosure of no track opens nothing: name at least one track.")
    key_files.save_disclosure(path, file_keys.stream_id, file_keys.order_key, file_keys.frame_key, found)


def load_disclosure(path: str | Path) -> FileKeys:
    """The keys in a disclosure file.

    Warns:
        KeyFileWarning: if others than its owner can read the file.

    Raises:
        KeyFileError: if the file cannot be read or is no disclosure.
    """
    stream_id, order_key, frame_key, track_keys = key_files.load_disclosure(path)
    return FileKeys(stream_id, order_key, frame_key, _track_keys=track_keys)
