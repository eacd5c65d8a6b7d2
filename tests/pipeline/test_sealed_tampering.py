"""Public files with sealed originals in the hands of somebody who changes them: each change is refused or reported."""

import dataclasses
import tracemalloc
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests import sealed_clips
from tests.clips import fails, first_quick
from tests.sealed_clips import ALICE, CARRIERS, FRAMES, HEADS, Exchanged, Sealed, crop, inside, painted, parts_with
from uunet.boxes.types import Roi
from uunet.pipeline import sealing
from uunet.wire import envelope, keys, originals, protocol

EACH = pytest.mark.parametrize("carrier", first_quick(CARRIERS), ids=sealed_clips.name)
BESIDE_PICTURES = CARRIERS[1:3]  # SEI and APP9: envelopes can be put beside other pictures


@pytest.fixture(scope="module")
def twin():
    return sealed_clips.drawing_first()


@pytest.fixture(scope="module")
def files(tmp_path_factory, twin):
    """A function: carrier -> a Sealed file, made once and to be left as it is."""
    made = {}

    def of(carrier):
        if carrier not in made:
            made[carrier] = Sealed(tmp_path_factory.mktemp("file"), twin, carrier).publish()
        return made[carrier]

    return of


@pytest.fixture(scope="module")
def others(tmp_path_factory, twin):
    """The same for a file of other pictures, with the same boxes, for the same recipient."""
    made = {}

    def of(carrier):
        if carrier not in made:
            frames = [frame[::-1].copy() for frame in FRAMES]
            made[carrier] = Sealed(tmp_path_factory.mktemp("other"), twin, carrier, frames).publish()
        return made[carrier]

    return of


# Altered heads are restored, and reported.


@pytest.mark.parametrize(
    "carrier", first_quick([*CARRIERS, (".png", False), (".jpg", False), (".png", True)]), ids=sealed_clips.name
)
def test_a_painted_head_is_restored_and_reported(twin, files, tmp_path, carrier):
    is_video = carrier in CARRIERS
    one = files(carrier) if is_video else Sealed(tmp_path, twin, carrier, FRAMES[:1], HEADS[:1]).publish()
    k, items = (2, one.items()) if is_video else (0, one.items())
    items[k] = painted(items[k], HEADS[k][0][1])
    public = one.rewrite(items)
    restored = one.restore(public=public)
    if carrier[0] == ".mp4":  # all of it was encoded again
        assert (k, 1) in restored.altered
    else:
        assert restored.altered == [(k, 1)]
    for frame, back, heads in zip(one.frames, restored.frames, one.heads, strict=True):
        np.testing.assert_array_equal(back[inside(heads, frame.shape)], frame[inside(heads, frame.shape)])


@EACH
def test_a_frame_that_is_written_again_without_change_is_not_reported(files, carrier):
    one = files(carrier)
    if carrier[0] != ".mp4":
        assert one.restore(public=one.rewrite(one.items())).altered == []


@pytest.mark.parametrize("carrier", first_quick([(".mkv", False), (".mkv", True)]), ids=sealed_clips.name)
@pytest.mark.parametrize(("k", "number"), [(0, 1), (6, 0), (11, 1)])
def test_one_pixel_is_enough(files, carrier, k, number):
    """By two levels, so that no hidden bit changes. Its corner is the box's last pixel."""
    one = files(carrier)
    items, (track, (x, y, w, h)) = one.items(), HEADS[k][number]
    value = items[k].rgb[y + h - 1, x + w - 1, 1]
    items[k].rgb[y + h - 1, x + w - 1, 1] = value + 2 if value < 128 else value - 2
    assert one.restore(public=one.rewrite(items)).altered == [(k, track)]
    items[k].rgb[y + h - 1, x + w - 1, 1] = value
    items[k].rgb[y + h, min(x + w, 127), 1] ^= 2  # outside
    assert one.restore(public=one.rewrite(items)).altered == []


def test_paint_over_hidden_bits_is_refused(files):
    one = files(CARRIERS[0])
    items = one.items()
    crop(items[2].rgb, HEADS[2][0][1])[:] = 30
    public = one.rewrite(items)
    fails(one.folder, ", frame 2: The (envelope|sealed head) of .* was changed", lambda: one.restore(public=public))


def test_an_altered_overlap_is_reported_for_both(files):
    one = files((".mkv", True))
    items = one.items()
    items[4].rgb[30, 28] ^= 2  # in the boxes of the tracks 1 and 2
    assert one.restore(public=one.rewrite(items)).altered == [(4, 1), (4, 2)]


@pytest.mark.parametrize("carrier", [(".mov", False), (".jpg", False), (".jpg", True)], ids=sealed_clips.name)
def test_other_quantisation_tables_are_reported(twin, tmp_path, carrier):
    """With these, the same coefficients show another picture."""
    one = Sealed(tmp_path, twin, carrier, FRAMES[:2] if carrier[0] == ".mov" else FRAMES[:1], HEADS[:1]).publish()
    items = one.items()
    at = items[0].jpeg.index(b"\xff\xdb") + 5  # the step of luma's DC
    items[0].jpeg = items[0].jpeg[:at] + bytes((items[0].jpeg[at] * 4,)) + items[0].jpeg[at + 1 :]
    assert one.restore(public=one.rewrite(items), accept_altered=True).altered == [(0, 1), (0, 5)]


# Frames.


def other_order(order):
    return lambda mine, others: [mine[k] for k in order]


MOVED = {
    "first dropped": (other_order(range(1, 12)), ", frame 0: .*(carries the keys|carries the envelope of frame 1)"),
    "ten dropped": (other_order(range(10, 12)), r", frame 0: .*carries the envelope of frame 10 \(frame 0 was cut out"),
    "middle dropped": (
        other_order([0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]),
        r", frame 5: .*frame 5 was cut out or moved",
    ),
    "last dropped": (other_order(range(11)), "fewer frames than were written"),
    "first alone": (other_order([0]), "fewer frames than were written"),
    "repeated": (other_order([0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), r", frame 3: .*\(frame 2 was repeated"),
    "last repeated": (other_order([*range(12), 11]), r", frame 12: .*\(frame 11 was repeated"),
    "in place of another": (
        other_order([0, 1, 2, 3, 4, 4, 6, 7, 8, 9, 10, 11]),
        ", frame 5: .*frame 4 was repeated",
    ),
    "swapped": (other_order([0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 11]), ", frame 3: .*carries the envelope of frame 4"),
    "backwards": (other_order(range(11, -1, -1)), ", frame 0: "),
    "spliced": (lambda mine, others: [*mine[:5], others[5], *mine[6:]], ", frame 5: .* comes from another file"),
    "spliced first": (lambda mine, others: [others[0], *mine[1:]], ", frame 1: .* comes from another file"),
    "joined": (lambda mine, others: [*mine, *others], ", frame 12: .* comes from another file"),
    "end of another": (lambda mine, others: [*mine[:6], *others[6:]], ", frame 6: .* comes from another file"),
}


@EACH
@pytest.mark.parametrize(("change", "says"), MOVED.values(), ids=MOVED.keys())
def test_frames_that_were_moved_are_refused(files, others, tmp_path, carrier, change, says):
    """With a sidecar, the same is done to its envelopes."""
    one, other = files(carrier), others(carrier)
    public = sealed_clips.write_items(tmp_path / one.public.name, change(one.items(), other.items()))
    side = None
    if one.sidecar:
        side = tmp_path / "changed.side"
        sealed_clips.write_sidecar(side, change(one.envelopes(), other.envelopes()))
    fails(one.folder, says, lambda: one.restore(public=public, sidecar=side))


def test_a_dropped_frame_beside_a_whole_sidecar(files):
    one = files((".mkv", True))
    items = one.items()
    public = one.rewrite(items[:5] + items[6:])
    fails(one.folder, "holds originals of more frames than the public file", lambda: one.restore(public=public))


@pytest.mark.parametrize("carrier", first_quick([*BESIDE_PICTURES, (".mkv", True)]), ids=sealed_clips.name)
def test_pictures_that_were_moved_below_their_envelopes_are_reported(files, carrier):
    """The envelopes stay in their order, the pictures do not."""
    one = files(carrier)
    items = one.items()
    moved = [*items[:3], items[4], items[3], *items[5:]]
    mixed = [
        SimpleNamespace(rgb=picture.rgb, jpeg=picture.jpeg, content=item.content)
        for picture, item in zip(moved, items, strict=True)
    ]
    altered = one.restore(public=one.rewrite(mixed)).altered
    assert {(3, 1), (3, 2), (4, 1), (4, 2)} <= set(altered)
    if carrier[0] != ".mp4":
        assert {index for index, _ in altered} == {3, 4}


# Envelopes.


@pytest.mark.parametrize(
    "carrier", first_quick([*BESIDE_PICTURES, (".mkv", True), (".jpg", False)]), ids=sealed_clips.name
)
def test_envelopes_of_another_file_are_reported(twin, files, others, tmp_path_factory, carrier):
    """Anybody can seal pictures to a public key. Their digests do not fit what is there."""
    if carrier[0] == ".jpg":
        one, other = (
            Sealed(tmp_path_factory.mktemp("picture"), twin, carrier, [frame], HEADS[:1]).publish()
            for frame in FRAMES[:2]
        )
    else:
        one, other = files(carrier), others(carrier)
    items = one.items()
    for item, content in zip(items, other.envelopes(), strict=True):
        item.content = content
    public = one.rewrite(items)
    if one.sidecar:
        fails(one.folder, "No public head .* is as it was published", lambda: one.restore(sidecar=other.sidecar))
        restored = one.restore(sidecar=other.sidecar, accept_altered=True)
    else:
        restored = one.restore(public=public)
    assert len(restored.altered) == restored.opened > 0


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory, twin):
    """A function: carrier -> Exchanged, made once."""
    made, patch = {}, pytest.MonkeyPatch()

    def of(carrier):
        if carrier not in made:
            made[carrier] = Exchanged(patch, Sealed(tmp_path_factory.mktemp("exchanged"), twin, carrier))
        return made[carrier]

    return of


def split(parts, k):
    """The frame tag and the sealed heads of frame k."""
    open_part, body = parts[k]
    found, at, heads = envelope.read_open(partial(protocol.read_bytes, open_part)), 16, []
    for head in found.heads:
        heads.append(body[at : at + head.length])
        at += head.length
    return body[:16], heads


def between_frames(parts):
    """The sealed head of track 5, given to the next frame; the lengths are made to fit."""
    for k, other in ((0, 1), (1, 0)):
        tag, heads = split(parts, k)
        wanted = len(heads[1])
        stranger = split(parts, other)[1][1]
        parts[k + 100] = (parts[k][0], tag + heads[0] + stranger[:wanted].ljust(wanted, b"\0"))
    parts[0], parts[1] = parts.pop(100), parts.pop(101)


def between_tracks(parts):
    tag, (one, two) = split(parts, 2)
    open_part = parts[2][0]
    at = len(open_part) - 4 - 2 * 24
    rows = [open_part[at : at + 24], open_part[at + 24 : at + 48]]
    rows[0], rows[1] = rows[0][:20] + rows[1][20:], rows[1][:20] + rows[0][20:]  # the lengths
    parts[2] = sealed_clips.with_crc(open_part[:at] + b"".join(rows) + open_part[-4:]), tag + two + one


def tracks_renamed(parts):
    open_part, body = parts[2]
    at = len(open_part) - 4 - 2 * 24
    rows = (
        open_part[at + 24 : at + 28]
        + open_part[at + 4 : at + 24]
        + open_part[at : at + 4]
        + open_part[at + 28 : at + 48]
    )
    parts[2] = sealed_clips.with_crc(open_part[:at] + rows + open_part[-4:]), body


def box_moved(parts):
    open_part, body = parts[2]
    at = len(open_part) - 4 - 2 * 24 + 4
    x = int.from_bytes(open_part[at : at + 4], "big") + 1
    parts[2] = sealed_clips.with_crc(open_part[:at] + x.to_bytes(4, "big") + open_part[at + 4 :]), body


def head_left_out(parts):
    open_part, body = parts[2]
    tag, (one, two) = split(parts, 2)
    at = len(open_part) - 4 - 2 * 24
    fewer = open_part[: at + 24] + open_part[-4:]
    parts[2] = parts_with((fewer, tag + one), heads=1)


def all_heads_left_out(parts):
    open_part, body = parts[2]
    parts[2] = parts_with((open_part[: -4 - 2 * 24] + open_part[-4:], body[:16]), heads=0)


def one_bit(parts, where):
    open_part, body = parts[2]
    changed = bytearray(body)
    changed[where] ^= 1
    parts[2] = open_part, bytes(changed)


def replaced(k, **fields):
    def change(parts):
        parts[k] = parts_with(parts[k], **fields)

    return change


def assigned(k, value):
    def change(parts):
        parts[k] = value(parts)

    return change


REFUSED = {
    "head of another frame": (between_frames, ", frame 0: The sealed head of track 5 .* was changed or exchanged"),
    "heads of two tracks": (between_tracks, ", frame 2: The envelope of frame 2 does not open"),
    "tracks renamed": (tracks_renamed, ", frame 2: The envelope of frame 2 does not open"),
    "box moved": (box_moved, ", frame 2: The envelope of frame 2 does not open"),
    "head left out": (head_left_out, ", frame 2: The envelope of frame 2 does not open"),
    "all heads left out": (all_heads_left_out, ", frame 2: The envelope of frame 2 does not open"),
    "bit of the tag": (lambda parts: one_bit(parts, 3), ", frame 2: The envelope of frame 2 does not open"),
    "bit of a head": (lambda parts: one_bit(parts, 40), ", frame 2: The sealed head of track 1 .* was changed"),
    "last bit": (lambda parts: one_bit(parts, -1), ", frame 2: The sealed head of track 5 .* was changed"),
    "of another frame": (assigned(3, lambda parts: parts[2]), r", frame 3: .*\(frame 2 was repeated"),
    "with another number": (
        assigned(3, lambda parts: parts_with(parts[2], frame_index=3)),
        ", frame 3: The envelope of frame 3 does not open",
    ),
    "of another size": (replaced(2, width=127), ", frame 2: .* 128 x 96 pixels but its envelope is for 127 x 96"),
    "of another stream": (replaced(2, stream_id=bytes(16)), ", frame 2: .* comes from another file"),
    "of a later version": (replaced(2, version=2), ", frame 2: .* has version 2"),
    "of another suite": (replaced(2, suite=9), ", frame 2: .* suite 9"),
    "said to be the last": (replaced(5, flags=1), ", frame 5: The envelope of frame 5 does not open"),
    "not the last": (replaced(11, flags=0), ", frame 11: The envelope of frame 11 does not open"),
    "open part alone": (
        assigned(2, lambda parts: (parts[2][0], b"")),
        ", frame 2: .*(of frame 2 does not open|bytes where it announces)",
    ),
    "open part cut": (assigned(2, lambda parts: (parts[2][0][:50], b"")), ", frame 2: The frame's envelope"),
    "body cut": (
        assigned(2, lambda parts: (parts[2][0], parts[2][1][:-9])),
        ", frame 2: .*(bytes where it announces|was changed)",
    ),
    "bytes between": (
        assigned(2, lambda parts: (parts[2][0], parts[2][1][:16] + bytes(1) + parts[2][1][16:])),
        ", frame 2: .*(bytes where it announces|was changed)",
    ),
    "of noise": (assigned(2, lambda parts: (bytes(99), b"")), ", frame 2: The frame carries no sealed originals"),
}


@EACH
@pytest.mark.parametrize("name", first_quick(REFUSED))
def test_envelopes_that_were_changed_are_refused(exchanged, carrier, name):
    change, says = REFUSED[name]

    def changed(parts):
        by_number = dict(enumerate(parts))
        change(by_number)
        return [by_number[k] for k in range(len(parts))]

    one = exchanged(carrier).publish(changed)
    fails(one.folder, says, one.restore)
    k = int(says.split(":")[0].removeprefix(", frame "))
    failures = one.inspect().failures
    assert k in failures and set(failures) <= {k, k + 1, 11}


@EACH
def test_the_exchange_itself_changes_nothing(exchanged, carrier):
    one = exchanged(carrier).publish(lambda parts: parts)
    restored = one.restore()
    assert restored.opened == 25 and restored.altered == []


@EACH
def test_another_key_record_opens_nothing(exchanged, carrier):
    """It is in no associated data, so that `rewrap` may replace it; what it opens to must fit the rest all the same."""

    def forged(parts):
        found = envelope.read_open(partial(protocol.read_bytes, parts[0][0]))
        keys_of_mine = dataclasses.replace(keys.new_file_keys(), stream_id=found.stream_id)
        return [(envelope.with_record(found, keys.wrap(keys_of_mine, [ALICE.public])), parts[0][1]), *parts[1:]]

    one = exchanged(carrier).publish(forged)
    fails(one.folder, "gives the key .* the file key of another file", one.restore)


# Pictures that were sealed with the right key: anybody can, who has the public one.


def webp_of(width, height, quality=100):
    return originals.picture(np.zeros((height, width, 3), np.uint8), np.ones((height, width), bool), quality)


def said_to_be(width, height):
    """A small WebP picture that announces a large one."""
    data = bytearray(webp_of(22, 26))
    data[21:25] = (width - 1 | height - 1 << 14).to_bytes(4, "little")
    return bytes(data)


def png(width=22, height=26):
    import io

    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


BOMBS = {
    "one pixel": (lambda: webp_of(1, 1), "a picture of 1 x 1 pixels"),
    "larger": (lambda: webp_of(2000, 2000, 50), "a picture of 2000 x 2000 pixels"),
    "huge": (lambda: said_to_be(16384, 16384), "a picture of 16384 x 16384 pixels"),
    "exchanged sides": (lambda: webp_of(26, 22), "a picture of 26 x 22 pixels"),
    "another format": (png, "no simple WebP picture"),
    "no picture": (lambda: bytes(500), "no simple WebP picture"),
    "nothing": (lambda: b"x", "no simple WebP picture"),
    "cut": (lambda: webp_of(22, 26)[:-2], "no simple WebP picture"),
    "noise": (
        lambda: webp_of(22, 26)[:25] + bytes(range(len(webp_of(22, 26)) - 25)),
        "(a damaged|no simple WebP) picture",
    ),
}


@pytest.mark.parametrize(("bomb", "says"), BOMBS.values(), ids=BOMBS.keys())
def test_hostile_pictures(tmp_path, twin, monkeypatch, bomb, says):
    data = bomb()
    monkeypatch.setattr(sealing.originals, "picture", lambda rgb, mask, quality: data)
    one = Sealed(tmp_path, twin, (".jpg", False), FRAMES[:1], [[(1, Roi(8, 12, 22, 26))]]).publish()
    tracemalloc.start()
    fails(tmp_path, f"public.jpg: A sealed head (of 22 x 26 pixels )?holds {says}", one.restore)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    assert list(one.inspect().failures) == [0]


def test_boxes_that_cover_the_frame_many_times(tmp_path, twin, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(envelope, "MAX_COVER", 1000)
        heads = [(k, Roi(0, 0, 128, 96)) for k in range(20)]
        one = Sealed(tmp_path, twin, (".jpg", False), [FRAMES[0]], [heads]).publish()
        assert one.restore().opened == 20
    fails(tmp_path, "has 20 heads whose boxes cover the frame more than 16 times", one.restore)
