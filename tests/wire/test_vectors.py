"""The test vectors of docs/wire-format.md, section 10, read by uunet and by a reader that shares no line with it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.golden import make_originals
from tests.wire import independent_reader
from uunet.boxes.types import Roi, TrackedBox
from uunet.wire import envelope, keys, originals
from uunet.wire.sealer import Sealer

ROOT = Path(__file__).parents[2]
(BLOCK,) = re.findall(
    r"```json\n(.*?)```", (ROOT / "docs/wire-format.md").read_text(encoding="utf-8").partition("## 10.")[2], re.DOTALL
)
VECTORS = json.loads(BLOCK)  # read from the document, as a stranger would
X25519_KEY, MLKEM_SEED = bytes.fromhex(VECTORS["x25519_private"]), bytes.fromhex(VECTORS["mlkem768_seed"])
STREAM_ID, RECORD = bytes.fromhex(VECTORS["stream_id"]), bytes.fromhex(VECTORS["key_record"])
FRAME = bytes.fromhex(VECTORS["open_part"] + VECTORS["body"])
LAST_FRAME = bytes.fromhex(VECTORS["last_open_part"] + VECTORS["last_body"])


def test_the_document_has_the_vectors():
    assert json.loads((ROOT / "tests/golden/originals.json").read_text(encoding="utf-8")) == VECTORS


def test_keys():
    one, two = make_originals.authorities()
    assert one.public.fingerprint() == VECTORS["x25519_fingerprint"]
    assert two.public.fingerprint() == VECTORS["hybrid_fingerprint"]
    for authority, name in ((one, "key_record"), (two, "key_record_hybrid")):
        found = keys.unwrap(bytes.fromhex(VECTORS[name]), STREAM_ID, authority)
        assert (found.order_key.hex(), found.frame_key.hex()) == (VECTORS["order_key"], VECTORS["frame_key"])
        assert {str(track): found.track_key(track).hex() for track in (3, 70_000)} == VECTORS["track_keys"]
        assert found.stream_id == STREAM_ID


def test_writing():
    """The same bytes again; the pictures come from the vectors, because another libwebp may make others."""
    sealer = Sealer(make_originals.file_keys(), RECORD)
    heads = [TrackedBox(head["track"], Roi(*head["roi"])) for head in VECTORS["heads"]]
    contents = [
        envelope.HeadContent(head["quality"], bytes.fromhex(head["digest"]), bytes.fromhex(head["picture"]))
        for head in VECTORS["heads"]
    ]
    shape = (VECTORS["height"], VECTORS["width"], 3)
    assert b"".join(sealer.seal(0, shape, heads, contents, last=False)) == FRAME
    assert b"".join(sealer.seal(VECTORS["last_frame_index"], shape, [], [], last=True)) == LAST_FRAME


def test_reading():
    found = envelope.read_open(envelope.Content(FRAME))
    known = keys.unwrap(found.record, found.stream_id, make_originals.authorities()[0])
    envelope.check_place(found, shape=(48, 64), stream_id=STREAM_ID, frame_index=0)
    body = envelope.read_body(found, envelope.Content(FRAME), known)
    assert not found.last and found.record == RECORD and found.data + body == FRAME
    for k, head in enumerate(VECTORS["heads"]):
        content = envelope.open_head(found, body, k, known)
        assert (found.heads[k].track, list(found.heads[k].roi)) == (head["track"], head["roi"])
        assert (content.quality, content.digest.hex(), content.picture.hex()) == (
            *(head["quality"], head["digest"], head["picture"]),
        )
        assert originals.head_digest(make_originals.view(), found.heads[k].roi) == content.digest
    last = envelope.read_open(envelope.Content(LAST_FRAME))
    envelope.read_body(last, envelope.Content(LAST_FRAME), known)
    assert last.last and last.heads == [] and last.record == b"" and last.frame_index == 259


@pytest.mark.parametrize("hybrid", [False, True])
def test_the_independent_reader(hybrid):
    """Keys, HPKE, boxes, pixels, digests and places, from the document's words and numbers."""
    record = bytes.fromhex(VECTORS["key_record_hybrid"]) if hybrid else None
    found = independent_reader.read(FRAME, X25519_KEY, MLKEM_SEED if hybrid else None, record)
    assert (found["last"], found["frame_index"], found["size"]) == (False, 0, (64, 48))
    views = make_originals.view()
    for got, head in zip(found["heads"], VECTORS["heads"], strict=True):
        assert all(got[name] == head[name] for name in ("track", "roi", "quality", "digest"))
        assert independent_reader.digest(views, got["roi"]) == head["digest"]
        original = make_originals.pixels(Roi(*head["roi"])).astype(int)
        if head["quality"] == 100:
            assert (got["picture"][:, :3] == original[:, :3]).all()
            assert (got["picture"][:, 3:] == np.rint(original[:, :3].mean((0, 1)))).all()
    total = 3 * 64 * 48 - 8 * found["open_length"]
    assert independent_reader.places(found["order_key"], 0, total, 8) == VECTORS["first_places"]
    last = independent_reader.read(LAST_FRAME, X25519_KEY, record=RECORD)
    assert last["last"] and last["heads"] == [] and last["frame_index"] == VECTORS["last_frame_index"]


def test_the_independent_reader_reads_what_we_write_today():
    """With a key of its own making, three recipients, and heads of any size."""
    private = X25519PrivateKey.generate()
    ours = keys._authority([private])
    file_keys = keys.new_file_keys()
    record = keys.wrap(file_keys, [keys.generate().public, keys.generate(hybrid=True).public, ours.public])
    rgb = np.random.default_rng(0).integers(0, 256, (40, 31, 3), np.uint8)
    content = envelope.HeadContent(100, bytes(16), originals.picture(rgb, np.ones((40, 31), bool), 100))
    parts = Sealer(file_keys, record).seal(20, (90, 80, 3), [TrackedBox(9, Roi(1, 2, 31, 40))], [content], True)
    found = independent_reader.read(b"".join(parts), private.private_bytes_raw())
    assert (found["heads"][0]["picture"] == rgb).all() and found["order_key"] == file_keys.order_key


def test_the_independent_reader_is_strict():
    for at in (5, 36, 40, 200, len(FRAME) - 1):
        changed = bytearray(FRAME)
        changed[at] ^= 1
        with pytest.raises((AssertionError, InvalidTag)):
            independent_reader.read(bytes(changed), X25519_KEY)
