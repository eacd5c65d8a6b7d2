"""Makes originals.json, the test vectors of sealed originals, and puts them into docs/wire-format.md.

    python tests/golden/make_originals.py

They were made once, with version 1 of the format, and must never change: files written then must stay readable. HPKE
draws random numbers, so the key records that were made first are kept.
"""

import json
import re
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from uunet.boxes.types import Roi, TrackedBox
from uunet.stego import keystream
from uunet.wire import envelope, keys, originals
from uunet.wire.sealer import Sealer

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "wire-format.md"
FILE_KEY = bytes(range(32))
X25519_KEY, MLKEM_SEED = bytes(range(64, 96)), bytes(range(128, 192))
WIDTH, HEIGHT, LAST_INDEX = 64, 48, 259
HEADS = [TrackedBox(3, Roi(10, 16, 5, 4)), TrackedBox(70_000, Roi(25, 20, 8, 14))]
OWNED = 3  # columns of the first head's box that are its own; the other two show the mean colour


def authorities():
    """The private keys of suites 1 and 2."""
    x25519 = X25519PrivateKey.from_private_bytes(X25519_KEY)
    return keys._authority([x25519]), keys._authority([MLKEM768PrivateKey.from_seed_bytes(MLKEM_SEED), x25519])


def file_keys():
    """The keys of the file; they may seal, so use them for the vectors alone."""
    return keys._file_keys(FILE_KEY, fresh=True)


def pixels(roi):
    """uint8 `(h, w, 3)`: 40 row + 9 column + 70 channel, modulo 256."""
    return np.fromfunction(lambda r, c, k: (40 * r + 9 * c + 70 * k) % 256, (roi.h, roi.w, 3)).astype(np.uint8)


def view():
    """Views for the digest: luma, then chroma of half the size, then blocks of coefficients."""
    luma = np.fromfunction(lambda r, c: (7 * r + 3 * c) % 256, (HEIGHT, WIDTH)).astype(np.uint8)
    chroma = np.fromfunction(lambda r, c: (5 * r + 11 * c) % 256, (HEIGHT // 2, WIDTH // 2)).astype(np.uint8)
    blocks = np.arange(HEIGHT // 8 * WIDTH // 8 * 64).reshape(HEIGHT // 8, WIDTH // 8, 8, 8).astype(np.int16) - 1000
    return [(luma, 1), (chroma, 2), (blocks, 8)]


def main():
    """Writes both."""
    path = HERE / "originals.json"
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    one, two = authorities()
    records = [
        old.get(name) or keys.wrap(file_keys(), [authority.public]).hex()
        for name, authority in (("key_record", one), ("key_record_hybrid", two))
    ]
    contents = []
    for (_, roi), quality in zip(HEADS, (envelope.EXACT, originals.HIGH), strict=True):
        mask = np.ones((roi.h, roi.w), bool)
        mask[:, OWNED:] = quality != envelope.EXACT
        digest = originals.head_digest(view(), roi)
        contents.append(envelope.HeadContent(quality, digest, originals.picture(pixels(roi), mask, quality)))
    known = file_keys()
    sealer = Sealer(known, bytes.fromhex(records[0]))
    open_part, body = sealer.seal(0, (HEIGHT, WIDTH, 3), HEADS, contents, last=False)
    last = sealer.seal(LAST_INDEX, (HEIGHT, WIDTH, 3), [], [], last=True)
    total = 3 * HEIGHT * WIDTH - 8 * len(open_part)
    vectors = {
        "file_key": FILE_KEY.hex(),
        "stream_id": known.stream_id.hex(),
        "order_key": known.order_key.hex(),
        "frame_key": known.frame_key.hex(),
        "track_keys": {str(track): known.track_key(track).hex() for track, _ in HEADS},
        "x25519_private": X25519_KEY.hex(),
        "x25519_fingerprint": one.public.fingerprint(),
        "key_record": records[0],
        "mlkem768_seed": MLKEM_SEED.hex(),
        "hybrid_fingerprint": two.public.fingerprint(),
        "width": WIDTH,
        "height": HEIGHT,
        "heads": [
            {"track": track, "roi": list(roi), "quality": content.quality, "digest": content.digest.hex()}
            | {"picture": content.picture.hex()}
            for (track, roi), content in zip(HEADS, contents, strict=True)
        ],
        "open_part": open_part.hex(),
        "body": body.hex(),
        "first_places": keystream.positions(known.order_key, 0, total, 8).tolist(),
        "last_frame_index": LAST_INDEX,
        "last_open_part": last[0].hex(),
        "last_body": last[1].hex(),
        "key_record_hybrid": records[1],
    }
    text = json.dumps(vectors, indent=1)
    text = re.sub(r"\[\s+([\d,\s]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)  # a list a line
    path.write_text(text + "\n", encoding="utf-8")
    document = DOCUMENT.read_text(encoding="utf-8")
    start = document.index("```json\n", document.index("## 10."))
    end = document.index("\n```", start + 8)
    DOCUMENT.write_text(document[:start] + f"```json\n{text}" + document[end:], encoding="utf-8")


if __name__ == "__main__":
    main()
