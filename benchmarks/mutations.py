"""How many forged or damaged frames are accepted: plain messages, sealed ones of both suites, and envelopes.

    python benchmarks/mutations.py [--frames 100000] [--seed 0]

The forger knows the format and the place of each bit, but not the key. The forger flips bits; rewrites bytes; cuts the
message; or replaces all or part of it by the message of another frame, another run or another frame size. The CRC is
left as it is or made to match. A frame is accepted if boxes are read from it; an envelope of sealed originals if all
its heads open. Envelopes travel in each of their carriers: pixels, SEI messages, APP9 segments, sidecar files. There
the forger also changes the bytes of the carrier. The exit code is 1 if a sealed frame is accepted, or a plain one whose
CRC does not match.
"""

import itertools
import sys
import tempfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import av
import numpy as np
import typer
from rich.progress import track

from uunet.boxes import types
from uunet.boxes.types import Roi, TrackedBox
from uunet.errors import UUNetError
from uunet.media import sei, views
from uunet.media.video_reading import VideoError
from uunet.stego import jpeg, keystream, lsb
from uunet.wire import crypto, envelope, keys, protocol, sidecar
from uunet.wire.sealer import Sealer

SHAPE = (48, 64, 3)
KEY, OTHER_RUN, THIS_RUN = bytes(range(32)), bytes(16), bytes(range(16))
INDEX = 3
OPEN_BITS = 8 * (protocol.HEADER.size + protocol.SEALED_HEADER.size + protocol.CRC.size)
BLANK = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)


def written(suite, packed, rois, index=INDEX, stream_id=THIS_RUN, shape=SHAPE, last=True):
    """`(open_part, sealed_part)`, bytes."""
    seal = crypto.seal_of(KEY, suite, stream_id) if suite else None
    layout = protocol.Layout(last=last, packed=packed)
    return protocol.pack_frame_message(rois, index, layout, shape=shape, seal=seal)


def with_crc(data):
    """Bytes whose last four are made the CRC of those before."""
    return data[:-4] + protocol.CRC.pack(zlib.crc32(data[:-4]))


def flip_bits(message, others, rng):
    """1 to 8 bits anywhere."""
    places = rng.choice(8 * len(message), rng.integers(1, 9), replace=False)
    bits = np.unpackbits(np.frombuffer(message, np.uint8))
    bits[places] ^= 1
    return np.packbits(bits).tobytes()


def rewrite(message, others, rng):
    """1 to 4 bytes anywhere; digits, so that the text of a plain message has a chance to stay one."""
    changed = bytearray(message)
    for at in rng.integers(0, len(message), rng.integers(1, 5)):
        changed[at] = rng.choice(list(b"0123456789,"))
    return bytes(changed)


def cut(message, others, rng):
    """The end overwritten by noise."""
    kept = rng.integers(0, len(message))
    return message[:kept] + rng.bytes(len(message) - kept)


def exchange(message, others, rng):
    """A stretch of it replaced by the same stretch of another message, or all of it."""
    other = others[rng.integers(len(others))]
    a, b = sorted(rng.integers(0, len(message) + 1, 2)) if rng.random() < 0.8 else (0, len(message))
    return message[:a] + other[a:b] + message[b:]


def count(suite, packed, n, rng):
    """`(kind, CRC made to match) -> [tried, accepted, accepted with a CRC that does not match]`."""
    one, two = [Roi(10, 16, 9, 15), Roi(25, 30, 8, 14)], [Roi(11, 17, 9, 15), Roi(20, 20, 8, 14)]
    parts = written(suite, packed, one)
    message, open_len = b"".join(parts), len(parts[0])
    elsewhere = ((INDEX + 1,), (INDEX, OTHER_RUN), (INDEX + 1, OTHER_RUN), (INDEX, OTHER_RUN, (50, 64, 3)))
    others = [b"".join(written(suite, packed, two, *where)) for where in elsewhere]
    others.append(b"".join(written(suite, packed, two, INDEX + 1, last=False)))
    others.append(b"".join(written(suite, not packed, two, INDEX + 1)).ljust(len(message), b"\0")[: len(message)])
    seal = crypto.seal_of(KEY, suite, THIS_RUN) if suite else None
    places = np.arange(8 * len(message))
    if seal:  # the forger knows them, which is more than a forger can know
        order = keystream.positions(seal.order_key, INDEX, BLANK.size - OPEN_BITS, 8 * len(parts[1]))
        places = np.concatenate([np.arange(OPEN_BITS), OPEN_BITS + order])
    counts = {}
    for k in track(range(n), f"suite {suite}", transient=True):
        kind, fix = (flip_bits, rewrite, cut, exchange)[k % 4], bool(k // 4 % 2)
        changed = message
        while changed == message:
            changed = kind(message, others, rng)
            if fix:
                changed = with_crc(changed[:open_len]) + changed[open_len:]
        frame = BLANK.reshape(-1).copy()
        frame[places] = frame[places] & 0xFE | np.unpackbits(np.frombuffer(changed, np.uint8))
        tally = counts.setdefault((kind.__name__, fix), [0, 0, 0])
        passed = accepted(frame.reshape(SHAPE), seal)
        tally[0] += 1
        tally[1] += passed
        tally[2] += passed and not crc_matches(frame.reshape(SHAPE))
    return counts


def envelope_of(known, record, tracks, index, shape=SHAPE, last=True):
    """`(open_part, body)` of a frame with a head per track."""
    heads = [TrackedBox(track, Roi(10 + track, 16, 9, 15)) for track in tracks]
    contents = [envelope.HeadContent(90, bytes(16), bytes([track]) * 30) for track in tracks]
    return Sealer(known, record).seal(index, shape, heads, contents, last)


class Carrier(NamedTuple):
    """How the envelope of a frame travels."""

    carried: Callable  # envelope -> the bytes that carry it
    reader: Callable  # these bytes -> a Reader of the frame


def sidecar_of(content):
    """The bytes of a sidecar file of one frame."""
    return sidecar.MAGIC + bytes((sidecar.VERSION,)) + len(content).to_bytes(4, "big") + content


def from_sidecar(data):
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        contents = list(sidecar.envelopes(file.name))
    if len(contents) != 1:
        raise sidecar.SidecarError(f"There are {len(contents)} envelopes.")
    return envelope.Content(contents[0])


def segments_of(content):
    """The APP9 segments in a JPEG file; they stand behind its first segment."""
    data = jpeg.with_segment(PICTURE, content)
    return data[AT : len(data) - len(PICTURE) + AT]


def from_segments(data):
    return views.reader(BLANK, file=PICTURE[:AT] + data + PICTURE[AT:])


def from_unit(data):
    """Reads what an H.264 decoder finds in front of a picture."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    slices = sei.SLICE.search(CODED).start()
    try:
        pictures = [*decoder.decode(av.Packet(CODED[:slices] + data + CODED[slices:])), *decoder.decode(None)]
    except av.FFmpegError as error:
        raise VideoError(f"The picture is damaged ({error.strerror}).") from error
    if len(pictures) != 1:
        raise VideoError(f"There are {len(pictures)} pictures.")
    return views.reader(BLANK, decoded=pictures[0])


def coded():
    """One picture of H.264, bytes."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width, encoder.pix_fmt, encoder.framerate = *SHAPE[:2], "yuv420p", 25
    picture = av.VideoFrame.from_ndarray(BLANK, format="rgb24").reformat(format="yuv420p")
    return b"".join(bytes(packet) for frame in (picture, None) for packet in encoder.encode(frame))


CODED, PICTURE = coded(), jpeg.encode(BLANK)
AT = 4 + int.from_bytes(PICTURE[4:6], "big")  # behind the APP0 segment
# bits in pixels are at places that are no bytes: see `pixels`
BESIDE = {
    "SEI": Carrier(sei.unit, from_unit),
    "APP9": Carrier(segments_of, from_segments),
    "sidecar": Carrier(sidecar_of, from_sidecar),
}


def pixels(known, index, open_length, length):
    """The Carrier of an envelope of `length` bytes in the pixels."""
    order = keystream.positions(known.order_key, index, BLANK.size - 8 * open_length, 8 * (length - open_length))
    places = np.concatenate([np.arange(8 * open_length), 8 * open_length + order])  # more than a forger can know

    def reader(data):
        frame = BLANK.reshape(-1).copy()
        frame[places] = frame[places] & 0xFE | np.unpackbits(np.frombuffer(data, np.uint8))
        return partial(lsb.reveal, frame.reshape(SHAPE))

    return Carrier(bytes, reader)


def count_envelopes(where, index, n, rng):
    """As `count`, of the envelopes of frame `index`, and of what carries them; the reader has the private key.

    Args:
        where: "pixels" or a key of BESIDE.
    """
    authority = keys.generate()
    runs = [(known, keys.wrap(known, [authority.public])) for known in (keys.new_file_keys() for _ in range(5))]
    known, record = runs[0]
    open_part, body = envelope_of(known, record, (1, 2), index)
    message = open_part + body
    others = [envelope_of(known, record, tracks, index + k + 10) for k, tracks in enumerate(((1, 2), (2, 1), (1,), ()))]
    changes = ({}, {"tracks": (2, 3)}, {"shape": (50, 64, 3)}, {"last": False})
    others += [
        envelope_of(*run, **{"tracks": (1, 2), "index": index} | change)
        for run, change in zip(runs[1:], changes, strict=True)
    ]
    others = [b"".join(parts).ljust(len(message), b"\0")[: len(message)] for parts in others]
    carrier = BESIDE.get(where) or pixels(known, index, len(open_part), len(message))
    carried = carrier.carried(message)
    others_carried = [carrier.carried(other).ljust(len(carried), b"\0") for other in others]
    test = partial(accepted_envelope, carrier, authority=authority, known=known, index=index)
    assert test(carried, None)  # before anything is changed
    counts = {}
    for k in track(range(n), "envelopes", transient=True):
        kind, fix = (flip_bits, rewrite, cut, exchange)[k % 4], bool(k // 4 % 2)
        changed = message
        if where in BESIDE and k // 8 % 2:
            name, changed = f"{kind.__name__} of the {where}", kind(carried, others_carried, rng)
        else:
            name = kind.__name__
            while changed == message:
                changed = kind(message, others, rng)
                if fix:
                    changed = with_crc(changed[: len(open_part)]) + changed[len(open_part) :]
            changed = carrier.carried(changed)
        tally = counts.setdefault((name, fix), [0, 0])
        tally[0] += 1
        tally[1] += test(changed, message)
    return counts


def accepted_envelope(carrier, data, message, *, authority, known, index):
    """Whether an envelope, other than `message`, is taken for that of frame `index` of this run.

    If it has a key record, its keys are used.
    """
    try:
        read = carrier.reader(data)
        if isinstance(read, envelope.Content) and read.data == message:
            return False  # what was changed carries nothing
        found = envelope.read_open(read)
        envelope.check_place(found, shape=SHAPE, stream_id=known.stream_id, frame_index=index)
        if found.record:
            known = keys.unwrap(found.record, found.stream_id, authority)
        body = envelope.read_body(found, read, known)
        for k in range(len(found.heads)):
            envelope.open_head(found, body, k, known)
    except UUNetError:
        return False
    return True


def accepted(frame, seal):
    """Whether a frame is taken for number INDEX of this run."""
    try:
        read = partial(lsb.reveal, frame)
        rois = protocol.unpack_frame_message(read, shape=SHAPE, seal=seal, frame_index=INDEX)
        types.check_inside(rois, *SHAPE[:2])
    except UUNetError:
        return False
    return True


def crc_matches(frame):
    """Whether a plain message's CRC does, whatever else it says."""
    header = protocol.read_header(partial(lsb.reveal, frame))
    data = lsb.reveal(frame, len(header.data) + header.body_len + protocol.CRC.size)
    return with_crc(data) == data


def main(
    frames: Annotated[int, typer.Option(min=1, help="Mutated frames of each kind.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the mutations.")] = 0,
) -> None:
    """Counts how many forged or damaged frames are accepted as genuine."""
    names = {0: "plain", crypto.AES_256_GCM: "AES-256-GCM", crypto.CHACHA20_POLY1305: "ChaCha20-Poly1305"}
    wrong = 0
    for (suite, name), packed in itertools.product(names.items(), (False, True)):
        name += ", packed" if packed else ""
        counts = count(suite, packed, frames, np.random.default_rng([seed, suite, packed]))
        for (kind, fix), (tried, passed, _) in sorted(counts.items()):
            crc = "CRC made to match" if fix else "CRC as it comes"
            print(f"{name}: {kind}, {crc}: {passed} of {tried} accepted")
        tried, passed, unmatched = (sum(column) for column in zip(*counts.values(), strict=True))
        against_crc = f", {unmatched} of them against their CRC" if suite == protocol.PLAIN else ""
        print(f"{name}, all: {passed} of {tried} accepted{against_crc}")
        wrong += unmatched if suite == protocol.PLAIN else passed
    places = itertools.product(("pixels", *BESIDE), ((INDEX, "envelope"), (0, "envelope with a key record")))
    for number, (where, (index, name)) in enumerate(places):
        name += f" in {where}"
        counts = count_envelopes(where, index, frames, np.random.default_rng([seed, 3, number]))
        for (kind, fix), (tried, passed) in sorted(counts.items()):
            crc = "CRC made to match" if fix else "CRC as it comes"
            print(f"{name}: {kind}, {crc}: {passed} of {tried} accepted")
        tried, passed = (sum(column) for column in zip(*counts.values(), strict=True))
        print(f"{name}, all: {passed} of {tried} accepted")
        wrong += passed
    sys.exit(wrong > 0)


if __name__ == "__main__":
    typer.run(main)
