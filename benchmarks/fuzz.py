"""Looks for inputs that break the readers: anything but a result or a sentence is a bug.

    python benchmarks/fuzz.py --minutes 10 [--only pixels,sei] [--seed 0]

The readers and their inputs, some random, some real ones with changes, by group:

    messages    parse_message                     texts
                unpack_text                       bytes
                find_seal, unpack_frame_message   frames of any shape
                messages.read                     the frames of a file, lossless or lossy, with and without a key
    originals   envelope.read_open, read_body     envelopes of sealed originals, as bytes
                keys.unwrap                       key records
                originals.restored                pictures of heads with bytes changed
    pixels      inspect and reconstruct           public files with sealed originals: .png and .mkv,
    sei                                           .mp4,
    app9                                          .jpg and .mov,
    sidecar                                       .mkv and its sidecar
    sei         sei.content, sei.find             pictures of H.264 that carry an SEI message
    app9        jpeg.carriers, jpeg.segment       JPEG files with bytes changed, cut out and repeated
    sidecar     sidecar.envelopes                 sidecar files

It fails with exit code 1 and the number of the input if a reader raises anything but a UUNetError, if it accepts a text
that we would not write, if it accepts anything with a key that it was not sealed with, if another original comes back
than was sealed, if an altered public head is not reported, if a failed run leaves a file, or if an input takes more
than MEMORY or SECONDS.
"""

import faulthandler
import resource
import sys
import time
import traceback
import zlib
from functools import partial
from typing import Annotated

import fuzz_files
import numpy as np
import typer
from fuzz_files import changed

from uunet.boxes import types
from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.stego import jpeg, lsb, qim
from uunet.wire import crypto, envelope, keys, messages, originals, protocol

KEY, STREAM_ID = bytes(range(32)), bytes(16)
ALPHABETS = ("0123456789,", "0123456789,,,,-+_. eEx\n\0", "0123456789,\u0661\uff11\u00b2\ud800")
AUTHORITIES = keys.generate(), keys.generate(hybrid=True)
SEALS = {suite: crypto.seal_of(KEY, suite, STREAM_ID) for suite in crypto.CIPHERS}


def text(rng):
    """A text of digits, commas and worse, or a right one with one character changed."""
    alphabet = list(ALPHABETS[rng.integers(len(ALPHABETS))])
    if rng.random() < 0.5:
        return "".join(rng.choice(alphabet, rng.integers(0, 60)))
    right = protocol.format_message([Roi(*row) for row in rng.integers(0, 999, (rng.integers(0, 5), 4)).tolist()])
    at = rng.integers(0, len(right) + 1)
    return right[:at] + rng.choice(alphabet) + right[at + rng.integers(0, 2) :]


def message(rng, shape):
    """Bytes with a header that mostly looks right, and a length that lies."""
    suite, flags, frames = (rng.integers(0, top).item() for top in (4, 5, 13))
    width, height = (shape[1], shape[0]) if rng.random() < 0.8 else rng.integers(0, 2**32, 2).tolist()
    length = rng.integers(0, 2**16) if rng.random() < 0.5 else rng.integers(0, 200)
    index = rng.integers(0, 2**32).item() if rng.random() < 0.5 else 0
    if suite:
        data = protocol.HEADER.pack(b"UR", 1, suite, flags, frames, int(length), index)
        data += protocol.SEALED_HEADER.pack(width, height, STREAM_ID if rng.random() < 0.9 else rng.bytes(16))
        data += protocol.CRC.pack(zlib.crc32(data)) + rng.bytes(rng.integers(0, 40))
    else:
        body = packed(rng) if flags & protocol.PACKED else text(rng).encode("utf-8", "replace")
        data = protocol.HEADER.pack(b"UR", 1, 0, flags, frames, len(body), index) + body
        data += protocol.CRC.pack(zlib.crc32(data))
    if rng.random() < 0.3:
        changed = bytearray(data)
        changed[rng.integers(len(changed))] = rng.integers(256)
        data = bytes(changed)
    return data


def packed(rng):
    """Noise, sometimes long, or a text that is right or nearly so."""
    if rng.random() < 0.3:
        return rng.bytes(rng.integers(0, 30 if rng.random() < 0.9 else 65_536))
    return protocol.pack_text("".join(symbol for symbol in text(rng) if symbol in protocol.SYMBOLS))


def frame(rng):
    """A frame of any shape, noise or black, with a message in its parities."""
    shape = tuple(rng.integers(1, 40, 2).tolist()) + ((rng.integers(1, 5).item(),) if rng.random() < 0.8 else ())
    array = rng.integers(0, 256, shape, dtype=np.uint8) * np.uint8(rng.random() < 0.8)
    return lsb.hide(array, message(rng, shape)[: lsb.capacity(shape)])


def file(rng):
    """Up to 25 frames in groups, each with a message of its own or that of the group, in parities or coefficients."""
    frames = [np.full((272, 480, 3), 99, np.uint8)] * rng.integers(1, 26)
    groups = [frames[k : k + messages.GROUP] for k in range(0, len(frames), messages.GROUP)]
    if rng.random() < 0.5:
        room = lsb.capacity(frames[0].shape)
        return [[lsb.hide(frame, message(rng, frame.shape)[:room]) for frame in group] for group in groups]
    room = qim.capacity(frames[0].shape)
    return [qim.hide(group, message(rng, frames[0].shape)[:room], messages.ORDER) for group in groups]


def try_text(rng):
    """True if accepted."""
    message = text(rng)
    try:
        rois = protocol.parse_message(message)
    except UUNetError:
        return False
    if protocol.format_message(rois) != message:
        raise AssertionError(f"{message!r} is accepted but not what would be written")
    return True


def try_packed(rng):
    """True if accepted."""
    data = packed(rng)
    try:
        message = protocol.unpack_text(data)
        protocol.parse_message(message)
    except UUNetError:
        return False
    if protocol.pack_text(message) != data:
        raise AssertionError(f"{data!r} is accepted but not what would be written")
    return True


def try_file(rng):
    """True if boxes are read from any frame."""
    secret = KEY if rng.random() < 0.5 else None
    found = messages.read(file(rng), secret, stop=rng.random() < 0.3, alone=rng.random() < 0.1)
    boxes = [rois for rois in found.boxes if rois is not None]
    if boxes and secret:
        raise AssertionError("a frame that nobody sealed is accepted")
    return bool(boxes)


def try_frame(rng):
    """True if accepted."""
    array = frame(rng)
    read = partial(lsb.reveal, array)
    secret = KEY if rng.random() < 0.5 else None
    try:
        header = protocol.read_header(read)
        seal = protocol.find_seal(header, secret) if rng.random() < 0.5 else SEALS.get(rng.integers(0, 3).item())
        rois = protocol.unpack_frame_message(read, shape=array.shape, seal=seal)
        types.check_inside(rois, *array.shape[:2])
    except UUNetError:
        return False
    if seal is not None:
        raise AssertionError("a frame that nobody sealed is accepted")
    return True


def try_jpeg(rng):
    """True if coefficients are found; a crash of the library would end this program."""
    frame = rng.integers(0, 256, (*rng.integers(1, 40, 2), 3), dtype=np.uint8)
    data = bytearray(jpeg.encode(frame))
    for _ in range(rng.integers(1, 9)):
        at, count = rng.integers(0, len(data)), rng.integers(0, 40)
        data[at : at + rng.integers(0, 40)] = rng.bytes(count) if rng.random() < 0.7 else data[at : at + count] * 2
    try:
        jpeg.carriers(bytes(data))
    except UUNetError:
        return False
    return True


def envelope_bytes(rng):
    """An envelope whose fields mostly look right, with lengths that lie and a CRC that mostly matches."""
    index, n_heads = rng.choice([0, 1, 10, 2**32 - 1]).item(), rng.integers(0, 6).item()
    key_bytes = rng.integers(1, 200).item() if index % 10 == 0 else 0
    heads = b""
    for _ in range(n_heads):
        x, y, w, h = rng.integers(0, 30, 4).tolist()
        length = rng.choice([rng.integers(35, 99), 34, 2**32 - 1]).item()
        heads += envelope.HEAD.pack(rng.integers(0, 2**32).item(), x, y, w, h, length)
    announced = n_heads if rng.random() < 0.8 else rng.integers(0, 2**16).item()
    last = int(rng.random() < 0.5)
    data = envelope.HEADER.pack(b"UO", 1, 1, last, announced, index, 64, 64, STREAM_ID)
    data = changed(data + envelope.KEY_BYTES.pack(key_bytes) + rng.bytes(key_bytes) + heads, rng)
    return data + envelope.CRC.pack(zlib.crc32(data)) + rng.bytes(rng.integers(0, 400))


def try_envelope(rng):
    """Always False: nobody sealed it."""
    data = envelope_bytes(rng)
    read = envelope.Content(data) if rng.random() < 0.2 else partial(protocol.read_bytes, data)
    known = keys.FileKeys(STREAM_ID, KEY, KEY, _track_keys={1: KEY})
    try:
        found = envelope.read_open(read)
        body = envelope.read_body(found, read, known)
        for k in range(len(found.heads)):
            envelope.open_head(found, body, k, known)
    except UUNetError:
        return False
    raise AssertionError("an envelope that nobody sealed is accepted")


def try_record(rng):
    """True if a stanza opens."""
    known, authority = keys.new_file_keys(), AUTHORITIES[rng.integers(2)]
    record = changed(keys.wrap(known, [one.public for one in AUTHORITIES]), rng)
    try:
        opened = keys.unwrap(record, known.stream_id, authority)
    except UUNetError:
        return False
    if opened.frame_key != known.frame_key:
        raise AssertionError("a key record gives another key than was wrapped")
    return True


def try_picture(rng):
    """True if pixels come back."""
    h, w = rng.integers(1, 40, 2).tolist()
    rgb = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    quality = envelope.EXACT if rng.random() < 0.5 else originals.HIGH
    picture = changed(originals.picture(rgb, rng.random((h, w)) < 0.8, quality), rng)
    try:
        back = originals.restored(picture, (h, w))
    except UUNetError:
        return False
    if back.shape != (h, w, 3) or back.dtype != np.uint8:
        raise AssertionError(f"a picture of {w} x {h} came back as {back.dtype} {back.shape}")
    return True


def try_public(suffix, beside=False):
    """An attempt, see `fuzz_files.try_carrier`."""
    return partial(fuzz_files.try_carrier, suffix, beside)


# group -> name -> callable: a generator of random numbers -> whether the input was accepted
GROUPS = {
    "messages": {"texts": try_text, "packed texts": try_packed, "frames": try_frame, "frames of files": try_file},
    "originals": {"envelopes": try_envelope, "key records": try_record, "pictures of heads": try_picture},
    "pixels": {".png": try_public(".png"), ".mkv": try_public(".mkv")},
    "sei": {"SEI messages": fuzz_files.try_unit, ".mp4": try_public(".mp4")},
    "app9": {
        "coefficients": try_jpeg,
        "segments": fuzz_files.try_segments,
        ".jpg": try_public(".jpg"),
        ".mov": try_public(".mov"),
    },
    "sidecar": {"sidecars": fuzz_files.try_sidecar, ".mkv and its sidecar": try_public(".mkv", True)},
}
SLOW = ("frames of files", ".png", ".mkv", ".mp4", ".jpg", ".mov", ".mkv and its sidecar")
QUICK_PER_SLOW = 8  # how often the others are tried for one of these
MEMORY = 2**30  # bytes that the program may grow by
SECONDS = 20  # that an input may take


def chosen(only):
    """The attempts of the groups named, by name, as often as each is to be tried in a round.

    Raises:
        typer.BadParameter: if there is no such group.
    """
    names = [name for some in only or GROUPS for name in some.split(",")]
    if unknown := [name for name in names if name not in GROUPS]:
        raise typer.BadParameter(f"there is no group {unknown[0]!r}; there are {', '.join(GROUPS)}.")
    attempts = {name: attempt for group in names for name, attempt in GROUPS[group].items()}
    quick = [item for item in attempts.items() if item[0] not in SLOW]
    return quick * QUICK_PER_SLOW + [item for item in attempts.items() if item[0] in SLOW]


def tried(attempt, rng):
    """Whether an input is accepted; raises an AssertionError if it takes too much memory or time."""
    start, before = time.monotonic(), _peak()
    accepted = attempt(rng)
    grown, seconds = _peak() - before, time.monotonic() - start
    if grown > MEMORY or seconds > SECONDS:
        raise AssertionError(f"it takes {grown / 2**20:.0f} MiB and {seconds:.0f} seconds")
    return accepted


def _peak():
    """The most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(
    minutes: Annotated[float, typer.Option(help="How long to try.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the inputs.")] = 0,
    only: Annotated[
        list[str] | None, typer.Option(help=f"Groups to try: {', '.join(GROUPS)}; by default all of them.")
    ] = None,
) -> None:
    """Looks for inputs that break the readers; prints the counts, or the failure."""
    attempts = chosen(only)
    counts = {name: [0, 0] for name, _ in attempts}
    faulthandler.enable()  # a crash of a library says where it was
    end, k, memory = time.monotonic() + 60 * minutes, 0, _peak()
    while time.monotonic() < end:
        name, attempt = attempts[k % len(attempts)]
        try:
            accepted = tried(attempt, np.random.default_rng([seed, k]))
        except Exception:
            traceback.print_exc()
            sys.exit(f"{name}: input {k} of seed {seed} breaks it")
        counts[name][0] += 1
        counts[name][1] += accepted
        k += 1
    for name, (inputs, passed) in counts.items():
        print(f"{name}: {inputs} inputs, {passed} accepted, the others refused with a sentence")
    print(f"the program grew by {(_peak() - memory) / 2**20:.0f} MiB")


if __name__ == "__main__":
    typer.run(main)
