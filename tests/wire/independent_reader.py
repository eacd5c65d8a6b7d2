"""A second reader of sealed originals, written from docs/wire-format.md, section 10, alone: imports nothing of uunet.

Only primitives come from libraries: ChaCha20(-Poly1305), X25519, ML-KEM-768, SHA, HMAC, WebP. HPKE (RFC 9180) and the
X-Wing combiner are written out.
"""

import hashlib
import hmac
import io
import zlib

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from PIL import Image


def u(number, n_bytes):
    return number.to_bytes(n_bytes, "big")


def number(data):
    return int.from_bytes(data, "big")


# HKDF (RFC 5869) and HPKE (RFC 9180)


def extract(salt, material):
    return hmac.digest(salt or bytes(32), material, "sha256")


def expand(key, info, length):
    block, output, k = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(key, block + info + bytes([k]), "sha256")
        output, k = output + block, k + 1
    return output[:length]


def labeled_extract(suite_id, salt, label, material):
    return extract(salt, b"HPKE-v1" + suite_id + label + material)


def labeled_expand(suite_id, key, label, info, length):
    return expand(key, u(length, 2) + b"HPKE-v1" + suite_id + label + info, length)


def dhkem(enc, private):
    """The shared secret of DHKEM(X25519, HKDF-SHA256)."""
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    key = labeled_extract(b"KEM" + u(0x20, 2), b"", b"eae_prk", shared)
    context = enc + private.public_key().public_bytes_raw()
    return labeled_expand(b"KEM" + u(0x20, 2), key, b"shared_secret", context, 32)


def xwing(enc, mlkem, x25519):
    """The shared secret of X-Wing: SHA3-256 of both secrets, the X25519 share, the X25519 key and a label."""
    of_mlkem = mlkem.decapsulate(enc[:1088])
    of_x25519 = x25519.exchange(X25519PublicKey.from_public_bytes(enc[1088:]))
    end = enc[1088:] + x25519.public_key().public_bytes_raw() + bytes.fromhex("5c2e2f2f5e5c")
    return hashlib.sha3_256(of_mlkem + of_x25519 + end).digest()


def hpke_open(kem_id, shared, ciphertext, info):
    suite = b"HPKE" + u(kem_id, 2) + u(1, 2) + u(3, 2)
    context = b"\0" + labeled_extract(suite, b"", b"psk_id_hash", b"") + labeled_extract(suite, b"", b"info_hash", info)
    secret = labeled_extract(suite, shared, b"secret", b"")
    key, nonce = (
        labeled_expand(suite, secret, *part) for part in ((b"key", context, 32), (b"base_nonce", context, 12))
    )
    return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, b"")


def file_key(record, stream_id, x25519, mlkem=None):
    """The file key, from the first stanza that opens and fits the stream id; None if there is none."""
    count, at, found = record[0], 1, None
    for _ in range(count):
        suite, length = record[at], number(record[at + 1 : at + 3])
        data = record[at + 3 : at + 3 + length]
        assert len(data) == length
        at += 3 + length
        info = b"uunet originals 1 key " + stream_id
        try:
            key = None
            if suite == 1 and mlkem is None and length == 80:
                key = hpke_open(0x20, dhkem(data[:32], x25519), data[32:], info)
            if suite == 2 and mlkem is not None and length == 1168:
                key = hpke_open(0x647A, xwing(data[:1120], mlkem, x25519), data[1120:], info)
            if key and stream_id == expand(extract(b"", key), b"uunet originals 1 stream", 16):
                found = found or key
        except InvalidTag:
            pass
    assert count and at == len(record)
    return found


def derived(key, stream_id, purpose):
    return expand(extract(stream_id, key), b"uunet originals 1 " + purpose, 32)


# The envelope


def read(data, private_x25519, mlkem_seed=None, record=None):
    """What an envelope holds; an AssertionError or InvalidTag if anything is wrong.

    Returns: dict of `last`, `frame_index`, `size`, `order_key`, `open_length` and `heads`: dicts of `track`, `roi`,
        `quality`, `digest`, `picture`.
    """
    a, key_bytes = data[:35], number(data[35:37])
    assert a[:2] == b"UO" and a[2] == 1 and a[3] == 1 and a[4] in (0, 1)
    heads, index, width, height = number(a[5:7]), number(a[7:11]), number(a[11:15]), number(a[15:19])
    stream_id, end = a[19:35], 37 + key_bytes + 24 * heads
    assert len(a) == 35 and heads <= 4096 and (key_bytes > 0) == (index % 10 == 0)
    d, crc, body = data[37 + key_bytes : end], data[end : end + 4], data[end + 4 :]
    assert len(crc) == 4 and number(crc) == zlib.crc32(data[:end])
    mlkem = MLKEM768PrivateKey.from_seed_bytes(mlkem_seed) if mlkem_seed else None
    private = X25519PrivateKey.from_private_bytes(private_x25519)
    key = file_key(record or data[37 : 37 + key_bytes], stream_id, private, mlkem)
    assert key
    frame_key = ChaCha20Poly1305(derived(key, stream_id, b"frame"))
    frame_key.decrypt(u(index, 4) + bytes(8), body[:16], a + d)
    at, found = 16, []
    for k in range(heads):
        track, x, y, w, h, length = (number(d[24 * k + 4 * field : 24 * k + 4 * field + 4]) for field in range(6))
        assert w and h and x + w <= width and y + h <= height and length >= 35
        cipher = ChaCha20Poly1305(derived(key, stream_id, b"track " + u(track, 4)))
        text = cipher.decrypt(u(index, 4) + u(k, 4) + bytes(4), body[at : at + length], a + d + u(k, 4))
        assert text[0] == 1 and text[1] <= 100
        at += length
        found.append({"track": track, "roi": [x, y, w, h], "quality": text[1], "digest": text[2:18].hex()})
        found[-1]["picture"] = pixels(text[18:], w, h, lossless=text[1] == 100)
    assert at == len(body)
    order_key = derived(key, stream_id, b"order")
    about = {"last": a[4] == 1, "frame_index": index, "size": (width, height), "order_key": order_key}
    return about | {"open_length": end + 4, "heads": found}


def pixels(webp, w, h, lossless):
    """uint8 (h, w, 3)."""
    assert webp[:4] == b"RIFF" and webp[8:16] == (b"WEBPVP8L" if lossless else b"WEBPVP8 ")
    picture = Image.open(io.BytesIO(webp))
    assert picture.size == (w, h)
    return np.array(picture.convert("RGB"))


def digest(arrays, roi):
    """`arrays`: list of (array, step)."""
    x, y, w, h = roi
    state = hashlib.blake2b(digest_size=16)
    for array, step in arrays:
        for r in range(y // step, (y + h + step - 1) // step):
            for value in array[r, x // step : (x + w + step - 1) // step].reshape(-1).tolist():
                state.update(value.to_bytes(array.dtype.itemsize, "big", signed=array.dtype.kind == "i"))
    return state.hexdigest()


def places(order_key, index, total, count):
    """Where the first `count` bits of the body are, counted from the end of the open part (section 4)."""
    nonce = bytes(4) + b"plac" + index.to_bytes(8, "little")
    stream, found = Cipher(algorithms.ChaCha20(order_key, nonce), mode=None).encryptor(), []
    while len(found) < count:
        word = int.from_bytes(stream.update(bytes(4)), "little")
        if word < 2**32 // total * total and word % total not in found:
            found.append(word % total)
    return found
