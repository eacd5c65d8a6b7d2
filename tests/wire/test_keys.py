"""Key pairs, key records, key files and disclosures: what opens, and a sentence for what does not."""

import json
import os
import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from uunet.atomic import OutputError
from uunet.wire import crypto, key_files, keys

ONE, TWO, HYBRID = keys.generate(), keys.generate(), keys.generate(hybrid=True)
PLAIN = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()


@pytest.fixture(autouse=True)
def fast_passphrases(monkeypatch):
    """scrypt with little memory: its strength is not tested here."""
    monkeypatch.setattr(crypto, "SCRYPT", {"n": 2, "r": 8, "p": 1})


# The keys of a file


def test_file_keys_differ():
    file = keys.new_file_keys()
    derived = [file.order_key, file.frame_key, *(file.track_key(track) for track in (0, 1, 2**32 - 1))]
    assert len(set(derived)) == 5 and {len(key) for key in derived} == {32}
    other = keys.new_file_keys()
    assert other.stream_id != file.stream_id and other.track_key(0) != file.track_key(0)


def test_a_stream_id_is_that_of_one_file_key():
    """So two recipients of one file cannot be given different keys."""
    file, other = keys._file_keys(bytes(32)), keys._file_keys(bytes(31) + b"\1")
    assert (file.stream_id.hex(), other.stream_id.hex()) == (
        "79c728703a3efa81534151f8e824507f",
        "74a878dc1eb90c95ae9a72b95d0160e0",
    )

    def stanza(known, authority):
        sealed = keys._hpke(1).encrypt(known._file_key, authority.public._parts[0], keys._info(file.stream_id))
        return keys.STANZA.pack(1, len(sealed)) + sealed

    with pytest.raises(keys.KeyRecordError, match=f"gives the key {TWO.public.fingerprint()} the file key of another"):
        keys.unwrap(b"\2" + stanza(file, ONE) + stanza(other, TWO), file.stream_id, TWO)
    record = b"\2" + stanza(other, ONE) + stanza(file, ONE)  # anybody can put the first before the second
    assert keys.unwrap(record, file.stream_id, ONE).frame_key == file.frame_key


def test_no_secret_is_printed():
    """Neither in a traceback nor in a log."""
    file = keys.new_file_keys()
    shown = repr(file) + repr(ONE) + str(HYBRID)
    for secret in (
        file.order_key,
        file.frame_key,
        file.track_key(0),
        file._file_key,
        ONE._parts[0].private_bytes_raw(),
    ):
        assert repr(secret)[2:-1] not in shown and secret.hex() not in shown


# The key record


@pytest.mark.parametrize("authority", [ONE, HYBRID], ids=["X25519", "hybrid"])
def test_each_recipient_opens_the_record_and_nobody_else(authority):
    file = keys.new_file_keys()
    record = keys.wrap(file, [TWO.public, authority.public, HYBRID.public])
    assert [suite for suite, _ in keys.stanzas(record)] == ([1, 1, 2] if authority is ONE else [1, 2])
    assert keys.unwrap(record, file.stream_id, authority).track_key(5) == file.track_key(5)
    for stranger in (keys.generate(), keys.generate(hybrid=True)):
        with pytest.raises(keys.NotARecipientError, match="was not sealed to the key"):
            keys.unwrap(record, file.stream_id, stranger)
    with pytest.raises(keys.NotARecipientError):
        keys.unwrap(record, bytes(16), authority)


def test_the_record_hides_the_recipient():
    """Two records for one recipient have nothing in common but their form."""
    file = keys.new_file_keys()
    one, two = (keys.stanzas(keys.wrap(file, [ONE.public]))[0][1] for _ in range(2))
    assert sum(a == b for a, b in zip(one, two, strict=True)) < 10


def test_rewrap():
    file = keys.new_file_keys()
    record = keys.rewrap(keys.wrap(file, [ONE.public]), file.stream_id, ONE, [TWO.public])
    assert keys.unwrap(record, file.stream_id, TWO).frame_key == file.frame_key
    with pytest.raises(keys.NotARecipientError):
        keys.unwrap(record, file.stream_id, ONE)
    with pytest.raises(keys.NotARecipientError):
        keys.rewrap(record, file.stream_id, ONE, [ONE.public])


def test_keys_that_were_read_cannot_seal():
    file = keys.new_file_keys()
    opened = keys.unwrap(keys.wrap(file, [ONE.public]), file.stream_id, ONE)
    file.claim(0)
    with pytest.raises(ValueError, match="sealed already"):
        file.claim(0)
    with pytest.raises(ValueError, match="new file needs new keys"):
        opened.claim(1)


def test_how_many_recipients_fit():
    file = keys.new_file_keys()
    many = [keys.generate().public for _ in range(256)]
    assert len(keys.stanzas(keys.wrap(file, many[:255]))) == 255
    assert len(keys.stanzas(keys.wrap(file, [ONE.public] * 300))) == 1
    hybrid = [keys.generate(hybrid=True).public for _ in range(56)]
    assert len(keys.wrap(file, hybrid[:55])) <= 0xFFFF
    for recipients in (many, hybrid, []):
        with pytest.raises(keys.KeyRecordError, match="recipients do not fit"):
            keys.wrap(file, recipients)


def test_each_bit_of_a_record():
    file = keys.new_file_keys()
    record = keys.wrap(file, [ONE.public])
    for bit in range(8 * len(record)):
        changed = bytearray(record)
        changed[bit // 8] ^= 1 << bit % 8
        # the highest bit of an X25519 share is ignored when it is used, but HPKE hashes all of it
        with pytest.raises((keys.KeyRecordError, keys.NotARecipientError)):
            keys.unwrap(bytes(changed), file.stream_id, ONE)


def test_records_of_any_form():
    file = keys.new_file_keys()
    record = keys.wrap(file, [ONE.public])
    for wrong in (
        b"",
        b"\0",
        b"\1",
        record[:-1],
        record + b"\0",
        b"\2" + record[1:],
        b"\1\1\0\0",
        b"\1\3\0\0",
        b"\xff" * 9,
    ):
        with pytest.raises(keys.KeyRecordError, match="damaged"):
            keys.unwrap(wrong, file.stream_id, ONE)
    future = bytes([2, 9, 0, 3]) + b"new" + record[1:]
    assert keys.unwrap(future, file.stream_id, ONE).frame_key == file.frame_key
    with pytest.raises(keys.NotARecipientError):
        keys.unwrap(b"\1\1\0\x50" + bytes(80), file.stream_id, ONE)  # a share of low order
    with pytest.raises(keys.NotARecipientError):
        keys.unwrap(b"\1\2\x04\x90" + bytes(1168), file.stream_id, HYBRID)


# Key files


@pytest.mark.parametrize("authority", [ONE, HYBRID], ids=["X25519", "hybrid"])
@pytest.mark.parametrize("passphrase", [None, "Grüße"])
def test_files(tmp_path, authority, passphrase):
    private, public = tmp_path / "authority.key", tmp_path / "authority.pub"
    keys.save_authority(authority, private, passphrase)
    keys.save_recipient(authority.public, public)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert keys.needs_passphrase(private) == (passphrase is not None)
    file = keys.new_file_keys()
    record = keys.wrap(file, [keys.load_recipient(public)])
    loaded = keys.load_authority(private, passphrase)
    assert keys.unwrap(record, file.stream_id, loaded).order_key == file.order_key
    assert loaded.public.fingerprint() == keys.load_recipient(public).fingerprint() == authority.public.fingerprint()
    for save, key in ((keys.save_authority, authority), (keys.save_recipient, authority.public)):
        with pytest.raises(OutputError, match="exists already"):
            save(key, private)
    for path in (private, public):  # as another system writes lines
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert keys.load_authority(private, passphrase).public.fingerprint() == keys.load_recipient(public).fingerprint()


def test_the_private_file_is_private_from_its_creation_on(tmp_path, monkeypatch):
    modes, write = [], key_files.Path.write_bytes

    def watched(path, data):
        modes.append(stat.S_IMODE(path.stat().st_mode))
        return write(path, data)

    monkeypatch.setattr(key_files.Path, "write_bytes", watched)
    monkeypatch.setattr(key_files.Path, "chmod", None)
    before = os.umask(0)
    try:
        keys.save_authority(ONE, tmp_path / "authority.key")
        keys.save_disclosure(keys.new_file_keys(), [1], tmp_path / "track.key")
    finally:
        os.umask(before)
    assert modes == [0o600, 0o600]


def test_a_readable_private_file_is_warned_of(tmp_path):
    keys.save_authority(ONE, tmp_path / "authority.key")
    (tmp_path / "authority.key").chmod(0o644)
    with pytest.warns(crypto.KeyFileWarning, match="chmod 600 authority.key"):
        keys.load_authority(tmp_path / "authority.key")


def test_keys_of_openssl(tmp_path):
    """Standard files of other programs."""
    private = X25519PrivateKey.generate()
    (tmp_path / "a.key").write_bytes(private.private_bytes(*PLAIN))
    (tmp_path / "a.key").chmod(0o600)
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "a.pub").write_bytes(private.public_key().public_bytes(*form))
    assert keys.load_authority(tmp_path / "a.key").public.fingerprint() == (
        keys.load_recipient(tmp_path / "a.pub").fingerprint()
    )


def test_passphrases(tmp_path):
    keys.save_authority(HYBRID, tmp_path / "sealed.key", "right")
    keys.save_authority(ONE, tmp_path / "plain.key")
    with pytest.raises(crypto.PassphraseError, match="sealed.key is protected: give its passphrase"):
        keys.load_authority(tmp_path / "sealed.key")
    with pytest.raises(crypto.PassphraseError, match="the passphrase is wrong, or the file is damaged"):
        keys.load_authority(tmp_path / "sealed.key", "wrong")
    with pytest.raises(crypto.PassphraseError, match="plain.key has no passphrase: give none"):
        keys.load_authority(tmp_path / "plain.key", "right")
    for empty in ("", " "):
        with pytest.raises(crypto.PassphraseError, match="empty"):
            keys.save_authority(ONE, tmp_path / "other.key", empty)
    assert not (tmp_path / "other.key").exists()
    for other in (keys.load_recipient, keys.load_disclosure):
        with pytest.raises(crypto.KeyFileError):
            other(tmp_path / "sealed.key")


def test_public_and_private_exchanged(tmp_path):
    keys.save_recipient(HYBRID.public, tmp_path / "a.pub")
    keys.save_authority(HYBRID, tmp_path / "a.key")
    keys.save_authority(ONE, tmp_path / "b.key", "passphrase")
    with pytest.raises(crypto.KeyFileError, match="a.pub is a public key, which opens nothing: name the .*private key"):
        keys.load_authority(tmp_path / "a.pub")
    for private in ("a.key", "b.key"):
        with pytest.raises(crypto.KeyFileError, match="must stay with the authority: name the public key .*.pub"):
            keys.load_recipient(tmp_path / private)


def foreign():
    """Names and bytes of files that are no keys of ours."""
    rsa_key, ec_key = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    old = serialization.PrivateFormat.TraditionalOpenSSL
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    private = X25519PrivateKey.generate()
    encrypted = PLAIN[0], PLAIN[1], serialization.BestAvailableEncryption(b"passphrase")
    low = X25519PublicKey.from_public_bytes(bytes(32)).public_bytes(PLAIN[0], public)
    halves = [part.private_bytes(*PLAIN) for part in HYBRID._parts]
    half = HYBRID.public._parts[0].public_bytes(PLAIN[0], public)
    mine = private.private_bytes(*PLAIN)
    return {
        "rsa": rsa_key.private_bytes(*PLAIN),
        "rsa old": rsa_key.private_bytes(PLAIN[0], old, PLAIN[2]),
        "rsa public": rsa_key.public_key().public_bytes(PLAIN[0], public),
        "ec": ec_key.private_bytes(*PLAIN),
        "ssh": ec_key.private_bytes(PLAIN[0], serialization.PrivateFormat.OpenSSH, PLAIN[2]),
        "encrypted elsewhere": private.private_bytes(*encrypted),
        "low order": low,
        "first half": halves[0],
        "halves exchanged": halves[1] + halves[0],
        "three": halves[0] + halves[1] + halves[1],
        "two of a kind": halves[1] * 2,
        "half of a public key": half,
        "public and private": low + mine,
        "cut": mine[:-30],
        "cut in a block": mine[:50] + mine[60:],
        "text before": b"text\n" + mine,
        "text behind": mine + b"text",
        "empty": b"",
        "blank": b"\n\n",
        "noise": os.urandom(100),
        "zeros": bytes(100),
        "no data": b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "sealed, empty": b"-----BEGIN UUNET SEALED PRIVATE KEY-----\n-----END UUNET SEALED PRIVATE KEY-----\n",
        "32 bytes": bytes(range(32)),
        "json": b'{"format": "uunet disclosure"}',
        "large": mine + b"\n" * 2**20,
    }


@pytest.mark.parametrize("name, data", foreign().items(), ids=foreign())
def test_files_that_are_no_keys(tmp_path, name, data):
    path = tmp_path / "file.key"
    path.write_bytes(data)
    path.chmod(0o600)
    for load in (keys.load_authority, keys.load_recipient, keys.load_disclosure):
        with pytest.raises((crypto.KeyFileError, crypto.PassphraseError), match="file.key .*: ") as caught:
            load(path)
        assert str(caught.value).count("\n") == 0
    if name.startswith("sealed"):
        with pytest.raises(crypto.PassphraseError, match="damaged"):
            keys.load_authority(path, "passphrase")


def test_paths_that_are_no_files(tmp_path):
    for load in (keys.load_authority, keys.load_recipient, keys.load_disclosure, keys.needs_passphrase):
        for path, reason in ((tmp_path, "directory"), (tmp_path / "none", "No such"), ("/dev/zero", "larger")):
            with pytest.raises(crypto.KeyFileError, match=reason):
                load(path)
        with pytest.raises(crypto.KeyFileError, match="empty"):
            load("/dev/null")


def test_each_byte_of_a_sealed_file(tmp_path):
    """No change opens; none is anything but a sentence."""
    path = tmp_path / "a.key"
    keys.save_authority(ONE, path, "right")
    data = path.read_bytes()
    for at in range(0, len(data) - 1, 3):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises((crypto.KeyFileError, crypto.PassphraseError)):
            keys.load_authority(path, "right")
            raise AssertionError(at)


# Disclosures


def test_a_disclosure_opens_its_tracks_only(tmp_path):
    file = keys.new_file_keys()
    keys.save_disclosure(file, [7, 3, 7], tmp_path / "tracks.key")
    found = keys.load_disclosure(tmp_path / "tracks.key")
    assert found.tracks() == [3, 7] and file.tracks() is None
    assert (found.stream_id, found.order_key, found.frame_key) == (file.stream_id, file.order_key, file.frame_key)
    assert [found.track_key(track) == file.track_key(track) for track in (3, 7)] == [True, True]
    assert found.track_key(4) is None
    text = (tmp_path / "tracks.key").read_text()
    assert file._file_key.hex() not in text and file.track_key(4).hex() not in text
    with pytest.raises(ValueError, match="does not hold the file key"):
        keys.wrap(found, [ONE.public])
    with pytest.raises(ValueError):
        found.claim(0)
    keys.save_disclosure(found, [3], tmp_path / "less.key")
    assert keys.load_disclosure(tmp_path / "less.key").tracks() == [3]
    for tracks, reason in (([4], "no key of track 4"), ([], "opens nothing"), ([-1], "track -1"), ([2**32], "track")):
        with pytest.raises(key_files.TrackError, match=reason):
            keys.save_disclosure(found, tracks, tmp_path / "more.key")
    assert not (tmp_path / "more.key").exists()
    with pytest.raises(OutputError, match="exists already"):
        keys.save_disclosure(file, [3], tmp_path / "less.key")


def disclosures():
    """Disclosures with one thing wrong."""
    right = {"format": "uunet disclosure", "version": 1, "stream_id": "00" * 16, "order_key": "11" * 32}
    right |= {"frame_key": "22" * 32, "tracks": {"3": "33" * 32}}
    changes = [
        {"format": "other"},
        {"version": 2},
        {"version": True},
        {"version": 1.0},
        {"stream_id": "00" * 15},
        {"stream_id": 5},
        {"order_key": "AA" * 32},
        {"order_key": "11" * 31 + "1"},
        {"frame_key": None},
        {"frame_key": ["22"] * 32},
        {"tracks": {}},
        {"tracks": []},
        {"tracks": {"03": "33" * 32}},
        {"tracks": {"-1": "33" * 32}},
        {"tracks": {"4294967296": "33" * 32}},
        {"tracks": {"\u0663": "33" * 32}},
        {"tracks": {"3": "33" * 33}},
        {"more": 1},
    ]
    missing = [{key: right[key] for key in right if key != name} for name in right]
    texts = [json.dumps(right | change) for change in changes] + [json.dumps(one) for one in missing]
    texts += [json.dumps(right)[:-1], "[" * 100_000, "1", "null", '{"version": 1' + "0" * 9999 + "}"]
    return texts + [json.dumps(right)[:-1] + ', "version": 1}']


@pytest.mark.parametrize("text", disclosures())
def test_files_that_are_no_disclosures(tmp_path, text):
    path = tmp_path / "tracks.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(crypto.KeyFileError, match="is not a disclosure"):
        keys.load_disclosure(path)
