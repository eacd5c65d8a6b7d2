"""Makes wire.json, the test vectors of docs/wire-format.md, and puts them into that document.

    python tests/golden/make_wire.py

They were made once, with version 1 of the format, and must never change: files written then must stay readable.
"""

import json
import re
from pathlib import Path

from uunet.boxes import motion, types
from uunet.stego import keystream
from uunet.wire import crypto, protocol

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "wire-format.md"
KEY = bytes(range(32))
STREAM_ID = bytes(range(160, 176))
ROIS = [[10, 16, 9, 15], [25, 45, 8, 14]]
WIDTH, HEIGHT, INDEX = 768, 576, 258
FIRST, FRAMES = 250, 10
GROUP = protocol.Layout(frames=FRAMES, last=False, packed=True)  # of a lossy file; the default is of a lossless one
MOVING = protocol.Layout(frames=FRAMES, last=False, packed=True, moving=True)


def main():
    """Writes both."""
    rois = [types.Roi(*roi) for roi in ROIS]
    vectors = {
        "rois": ROIS,
        "frame_index": INDEX,
        "plain_message": protocol.pack_frame_message(rois, INDEX)[0].hex(),
        "packed_frame_index": FIRST,
        "packed_frames": FRAMES,
        "packed_text": protocol.pack_text(protocol.format_message(rois)).hex(),
        "packed_message": protocol.pack_frame_message(rois, FIRST, GROUP)[0].hex(),
        "moving_message": protocol.pack_frame_message(rois, FIRST, MOVING)[0].hex(),
        "moving_boxes": [list(roi) for (roi,) in motion.straight(rois, FRAMES)],
        "key": KEY.hex(),
        "stream_id": STREAM_ID.hex(),
        "passphrase": "Grüße",
        "master_of_passphrase": crypto.from_passphrase("Grüße", STREAM_ID).hex(),
        "width": WIDTH,
        "height": HEIGHT,
        "total": 3 * WIDTH * HEIGHT - 320,
        "sealed": [],
    }
    for suite in crypto.CIPHERS:
        seal = crypto.seal_of(KEY, suite, STREAM_ID)
        open_part, sealed_part = protocol.pack_frame_message(rois, INDEX, shape=(HEIGHT, WIDTH, 3), seal=seal)
        packed = protocol.pack_frame_message(rois, FIRST, GROUP, shape=(HEIGHT, WIDTH, 3), seal=seal)
        vectors["sealed"].append(
            {
                "suite": suite,
                "body_key": seal.body_key.hex(),
                "order_key": seal.order_key.hex(),
                "open_part": open_part.hex(),
                "sealed_part": sealed_part.hex(),
                "packed_message": b"".join(packed).hex(),
                "first_places": keystream.positions(seal.order_key, INDEX, vectors["total"], 8).tolist(),
            }
        )
    text = json.dumps(vectors, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\s+([\d,\s]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m[1]) + "]", text)  # a list a line
    (HERE / "wire.json").write_text(text + "\n", encoding="utf-8")
    document = DOCUMENT.read_text(encoding="utf-8")
    document = re.sub(r"```json\n.*?```", lambda _: f"```json\n{text}\n```", document, count=1, flags=re.DOTALL)
    DOCUMENT.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()
