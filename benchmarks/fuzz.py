"""Looks for inputs that break the readers: anything but a result or a sentence is a bug.

    python benchmarks/fuzz.py --minutes 10 [--seed 0]

Texts to `parse_message`, and frames of all sorts to `find_seal` and `unpack_frame_message`, with and without a key:
random ones, and real ones mutated; to `jpeg.carriers` JPEG files with bytes changed, cut out and repeated. Exit code 1
and the input's number if something else than a UUNetError is raised, or if a text is accepted that `format_message`
would not write.
"""

import argparse
import sys
import time
import traceback
import tracemalloc
import zlib
from functools import partial

import numpy as np

from uunet import keys, protocol
from uunet.errors import UUNetError
from uunet.protocol import Roi
from uunet.stego import jpeg, lsb

KEY, STREAM_ID = bytes(range(32)), bytes(16)
ALPHABETS = ("0123456789,", "0123456789,,,,-+_. eEx\n\0", "0123456789,\u0661\uff11\u00b2\ud800")
SEALS = {suite: keys.seal_of(KEY, suite, STREAM_ID) for suite in keys.CIPHERS}


def text(rng):
    """A text of digits, commas and worse, or a right one with one character changed."""
    alphabet = list(ALPHABETS[rng.integers(len(ALPHABETS))])
    if rng.random() < 0.5:
        return "".join(rng.choice(alphabet, rng.integers(0, 60)))
    right = protocol.format_message([Roi(*row) for row in rng.integers(0, 999, (rng.integers(0, 5), 4)).tolist()])
    at = rng.integers(0, len(right) + 1)
    return right[:at] + rng.choice(alphabet) + right[at + rng.integers(0, 2) :]


def frame(rng):
    """A frame of any shape, noise or black, mostly with a header that looks right and a length that lies."""
    shape = tuple(rng.integers(1, 40, 2).tolist()) + ((rng.integers(1, 5).item(),) if rng.random() < 0.8 else ())
    array = rng.integers(0, 256, shape, dtype=np.uint8) * np.uint8(rng.random() < 0.8)
    suite = rng.integers(0, 4).item()
    width, height = (shape[1], shape[0]) if rng.random() < 0.8 else rng.integers(0, 2**32, 2).tolist()
    length = rng.integers(0, 2**16) if rng.random() < 0.5 else rng.integers(0, 200)
    data = protocol.HEADER.pack(b"UR", 1, suite, int(length), rng.integers(0, 2**32).item())
    if suite:
        data += protocol.SEALED_HEADER.pack(width, height, STREAM_ID if rng.random() < 0.9 else rng.bytes(16))
        data += protocol.CRC.pack(zlib.crc32(data))
    else:
        body = text(rng).encode("utf-8", "replace")
        data = protocol.HEADER.pack(b"UR", 1, 0, len(body), 0) + body
        data += protocol.CRC.pack(zlib.crc32(data))
    if rng.random() < 0.3:
        changed = bytearray(data)
        changed[rng.integers(len(changed))] = rng.integers(256)
        data = bytes(changed)
    return lsb.hide(array, data[: lsb.capacity(shape)])


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


def try_frame(rng):
    """True if accepted."""
    array = frame(rng)
    read = partial(lsb.reveal, array)
    secret = KEY if rng.random() < 0.5 else None
    try:
        seal = protocol.find_seal(read, secret) if rng.random() < 0.5 else SEALS.get(rng.integers(0, 3).item())
        rois = protocol.unpack_frame_message(read, shape=array.shape, seal=seal)
        protocol.check_inside(rois, *array.shape[:2])
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


def main():
    """Prints the counts, or the failure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end, counts, k = time.monotonic() + 60 * options.minutes, {}, 0
    tracemalloc.start()
    while time.monotonic() < end:
        attempt = (try_text, try_frame, try_jpeg)[k % 3]
        try:
            accepted = attempt(np.random.default_rng([options.seed, k]))
        except Exception:
            traceback.print_exc()
            sys.exit(f"{attempt.__name__}: input {k} of seed {options.seed} breaks it")
        tally = counts.setdefault(attempt.__name__, [0, 0])
        tally[0] += 1
        tally[1] += accepted
        k += 1
    for name, (tried, passed) in counts.items():
        print(f"{name}: {tried} inputs, {passed} accepted, the others refused with a sentence")
    print(f"most memory at a time: {tracemalloc.get_traced_memory()[1] / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
