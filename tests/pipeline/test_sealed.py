"""Publishing with sealed originals: what comes back, what else changes, room, options that contradict each other."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from tests import sealed_clips
from tests.clips import fails, first_quick
from tests.sealed_clips import ALICE, FRAMES, HEADS, PICTURES, VIDEOS, Sealed, crop, inside, textured
from uunet import engine, pipeline
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Roi
from uunet.media import video_reading
from uunet.pipeline import sealed
from uunet.pipeline.options import OptionsError
from uunet.stego import lsb
from uunet.video_samples import __file__ as samples
from uunet.wire import envelope, originals
from uunet.wire.sealer import sealed_length

WALK = Path(samples).with_name("walk.mp4")


@pytest.fixture(scope="module")
def twin():
    return sealed_clips.drawing_first()


def assert_restored(one, restored, bits):
    """Exactly x in all boxes; elsewhere the public frame, which differs from x by `bits` at most (None: is lossy)."""
    publics = [item.rgb for item in one.items()]
    for frame, public, back, heads in zip(one.frames, publics, restored.frames, one.heads, strict=True):
        boxes = inside(heads, frame.shape)
        np.testing.assert_array_equal(back[boxes], frame[boxes])
        np.testing.assert_array_equal(back[~boxes], public[~boxes])
        if bits is not None:
            np.testing.assert_array_equal(public[~boxes] >> bits, frame[~boxes] >> bits)


def bits_changed(suffix, beside):
    return (0 if beside else 1) if suffix in (".webm", ".mkv", ".png") else None


# Exact.


@pytest.mark.parametrize("carrier", first_quick(VIDEOS), ids=sealed_clips.name)
def test_exact_originals_come_back_bit_for_bit(tmp_path, twin, carrier):
    one = Sealed(tmp_path, twin, carrier).publish()
    assert (one.result.heads, one.result.frames_without_heads, one.result.tracks) == (25, 1, 3)
    restored = one.restore()
    assert_restored(one, restored, bits_changed(*carrier))
    assert restored.opened == 25 and restored.altered == [] and restored.result.heads == 25
    left = {one.source.name, one.public.name} | ({one.sidecar.name} if one.sidecar else set())
    assert set(os.listdir(tmp_path)) == left


@pytest.mark.parametrize("carrier", PICTURES, ids=sealed_clips.name)
def test_exact_originals_of_a_picture(tmp_path, twin, carrier):
    one = Sealed(tmp_path, twin, carrier, FRAMES[3:4], HEADS[3:4]).publish()
    restored = one.restore()
    assert_restored(one, restored, bits_changed(*carrier))
    assert one.result == restored.opened == 3 and restored.altered == []


ANY_SIZE = [
    (1, Roi(0, 0, 1, 1)),
    (2, Roi(399, 359, 1, 1)),
    (3, Roi(200, 100, 1, 1)),  # within the next
    (4, Roi(50, 30, 300, 300)),
    (5, Roi(388, 0, 12, 12)),
    (6, Roi(0, 348, 12, 12)),
    (7, Roi(336, 296, 64, 64)),
    (8, Roi(336, 296, 64, 64)),  # owns no pixel
    (9, Roi(0, 170, 400, 1)),
    (10, Roi(20, 60, 64, 64)),
]


@pytest.mark.parametrize(
    "carrier", first_quick([(".mkv", False), (".mp4", False), (".mov", False), *PICTURES]), ids=sealed_clips.name
)
def test_heads_of_any_size_anywhere(tmp_path, twin, carrier):
    one = Sealed(tmp_path, twin, carrier, [textured(0, 360, 400, noise=0)], [ANY_SIZE]).publish()
    restored = one.restore()
    assert_restored(one, restored, bits_changed(*carrier))
    assert restored.opened == len(ANY_SIZE) and restored.altered == []


@pytest.mark.parametrize(
    "carrier", [(".mkv", False), (".mp4", False), (".mov", False), *PICTURES], ids=sealed_clips.name
)
def test_one_frame_without_heads(tmp_path, twin, carrier):
    one = Sealed(tmp_path, twin, carrier, FRAMES[:1], [[]]).publish()
    restored = one.restore()
    assert_restored(one, restored, bits_changed(*carrier))
    assert restored.opened == 0 and restored.altered == []


def test_odd_sides_of_h264(tmp_path, twin):
    frames = [frame[:95, :127] for frame in FRAMES[:3]]
    one = Sealed(tmp_path, twin, (".mp4", False), frames, HEADS[:3]).publish()
    restored = one.restore()
    assert_restored(one, restored, None)
    assert restored.altered == []


@pytest.mark.parametrize(
    "carrier", first_quick([(".png", False), (".jpg", False), (".mp4", False)]), ids=sealed_clips.name
)
def test_hundreds_of_heads(tmp_path, twin, carrier):
    heads = [(k, Roi(24 * (k % 20) + k % 3, 24 * (k // 20), 16, 18)) for k in range(200)]
    one = Sealed(tmp_path, twin, carrier, [textured(0, 400, 500, noise=0)], [heads]).publish()
    restored = one.restore()
    assert_restored(one, restored, bits_changed(*carrier))
    assert restored.opened == 200 and restored.altered == []


@pytest.mark.slow
@pytest.mark.parametrize("carrier", [(".mkv", False), (".mp4", False), (".mov", False)], ids=sealed_clips.name)
def test_the_default_is_high(tmp_path, twin, carrier):
    with video_reading.opened(WALK) as clip:
        frames = [frame.rgb for frame in itertools.islice(clip.frames(), 15, 16)]
    rows = WALK.with_suffix(".csv").read_text().splitlines()
    boxes = [list(map(int, row.split(",")[1:6])) for row in rows if row.startswith("15,")]
    heads = [[(track, Roi(*box)) for *box, track in boxes]]
    one = Sealed(tmp_path, twin, carrier, frames, heads, quality="high").publish()
    (back,) = one.restore().frames
    errors = [((crop(frames[0], roi).astype(float) - crop(back, roi)) ** 2).mean() for _, roi in heads[0]]
    assert len(errors) == 2 and 0 < min(errors) and np.mean(10 * np.log10(255**2 / np.array(errors))) >= 38
    assert one.result.notes == () and pipeline.PublicOptions().quality == "high"


# What is published.


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_u_e_hides_nothing(tmp_path, twin, suffix):
    """The public head is t, not a; under a sidecar every other pixel stays."""
    one = Sealed(tmp_path, twin, (suffix, True)).publish()
    public = one.items()[0].rgb
    drawn = engine.Deidentifier(twin, 1, output="t")([crop(FRAMES[0], roi) for _, roi in HEADS[0]], [1, 5])
    for (_, roi), head in zip(HEADS[0], drawn, strict=True):
        difference = np.abs(crop(public, roi).astype(int) - head)
        assert difference.max() == 0 if suffix == ".mkv" else difference.mean() < 6


def test_seeds_repeat_the_faces_and_never_the_keys(tmp_path, twin):
    one = Sealed(tmp_path, twin, (".mkv", True)).publish()
    first, before = one.public.read_bytes(), one.envelopes()
    one.publish()
    assert one.public.read_bytes() == first
    streams = [envelope.read_open(envelope.Content(data[0])).stream_id for data in (before, one.envelopes())]
    assert streams[0] != streams[1]


@pytest.mark.parametrize(
    "carrier",
    [(".webm", False), (".mp4", False), (".mov", False), (".png", False), (".jpg", False)],
    ids=sealed_clips.name,
)
def test_reversal_none_carries_nothing(tmp_path, twin, decoder, carrier):
    how = {"recipients": (), "quality": "high", "reversal": "none"}
    one = Sealed(tmp_path, twin, carrier, FRAMES[:2], HEADS[:1] + [[]], **how)
    if one.is_picture:
        one.heads = HEADS[:1]
    one.publish()
    assert not sealed.carries(one.public)
    public = one.items()
    if carrier[0] in (".webm", ".png"):
        for frame, item, heads in zip(FRAMES, public, HEADS, strict=False):
            boxes = inside(heads, frame.shape)
            np.testing.assert_array_equal(item.rgb[~boxes], frame[~boxes])
    fails(tmp_path, "carries no sealed originals", one.restore)
    read = pipeline.reconstruct_image if one.is_picture else pipeline.reconstruct_video
    target = tmp_path / ("back.png" if one.is_picture else "back.mkv")
    fails(tmp_path, "carries no UU-Net message", lambda: read(one.public, target, decoder))


# Room.


def room_for(quality, noise=30.0):
    """A frame with room for a head at this quality, and not at the next better one; and the head."""
    head, steps = Roi(2, 2, 36, 26), (originals.HIGH, 75, 50, 25)
    tall = textured(0, 400, 40, noise)
    needed = {}
    for step in steps:
        picture = originals.picture(crop(tall, head), np.ones((26, 36), bool), step)
        needed[step] = sealed_length([(1, head)], [len(picture)], 84)
    height = -(-needed[quality] * 8 // (40 * 3)) if quality else needed[25] * 8 // (40 * 3) - 1
    frame = tall[:height]
    better = [step for step in steps if quality and step > quality]
    assert height >= 28 and all(lsb.capacity(frame.shape) < needed[step] for step in better)
    return frame, [(1, head)]


@pytest.mark.parametrize("quality", [75, 50, 25])
def test_where_room_is_short_high_falls_by_steps_and_says_so(tmp_path, twin, quality):
    frame, heads = room_for(quality)
    one = Sealed(tmp_path, twin, (".mkv", False), [frame], [heads], quality="high").publish()
    (note,) = one.result.notes
    assert f"In 1 frame the originals have quality {quality} instead of 90" in note and "--sidecar" in note
    assert one.restore().opened == 1


def test_a_picture_says_it_too(tmp_path, twin):
    frame, heads = room_for(50)
    one, notes = Sealed(tmp_path, twin, (".png", False), [frame], [heads], quality="high"), []
    given = GivenBoxes({0: heads})
    pipeline.deidentify_image(one.source, one.public, twin, given, one.options, note=notes.append)
    assert len(notes) == 1 and "quality 50" in notes[0]
    (tmp_path / "in").mkdir()
    os.replace(one.source, tmp_path / "in" / "a.png")
    result = pipeline.deidentify_folder(tmp_path / "in", tmp_path / "out", twin, given, one.options)
    assert result.done == {"a.png": 1} and result.notes == {"a.png": notes}


@pytest.mark.parametrize("suffix", [".mkv", ".png"])
def test_without_room_nothing_is_written(tmp_path, twin, suffix):
    frame, heads = room_for(None)
    one = Sealed(tmp_path, twin, (suffix, False), [frame], [heads], quality="high")
    fails(
        tmp_path,
        r"^Frame 0: There is room for \d+ bytes but .* need \d+: give --sidecar FILE",
        one.publish,
        lsb.CapacityError,
    )
    frame, heads = room_for(90)
    one = Sealed(tmp_path, twin, (suffix, False), [frame], [heads])
    fails(tmp_path, "give --quality high or --sidecar FILE", one.publish, lsb.CapacityError)
    assert Sealed(tmp_path, twin, (suffix, True), [frame], [heads]).publish().restore().opened == 1


def test_room_is_named_with_the_frame(tmp_path, twin):
    heads = [*HEADS[:11], [(1, Roi(0, 0, 128, 96))]]
    one = Sealed(tmp_path, twin, (".webm", False), heads=heads)
    fails(tmp_path, "^Frame 11: There is room", one.publish, lsb.CapacityError)


@pytest.mark.parametrize("carrier", [(".png", False), (".jpg", False), (".jpg", True)], ids=sealed_clips.name)
def test_too_many_heads_are_named_with_the_frame(tmp_path, twin, carrier, monkeypatch):
    monkeypatch.setattr(envelope, "MAX_HEADS", 2)
    one = Sealed(tmp_path, twin, carrier, FRAMES[3:4], HEADS[3:4])
    fails(tmp_path, "^Frame 0: 3 heads are more than one frame can seal", one.publish)


def test_heads_that_cover_a_frame_many_times_are_refused(tmp_path, twin):
    heads = [[(k, Roi(0, 0, 128, 96)) for k in range(40)]]
    one = Sealed(tmp_path, twin, (".jpg", False), FRAMES[:1], heads)
    fails(tmp_path, "^Frame 0: The boxes of 40 heads cover the frame", one.publish)


# Options.


def options(**chosen):
    return pipeline.PublicOptions(**{"recipients": (ALICE.public,)} | chosen)


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"recipients": (), "reversal": "sealed"}, "give --recipient"),
        ({"reversal": "learned"}, "'learned' seals no originals: leave --recipient"),
        ({"reversal": "none"}, "'none' seals no originals: leave --recipient"),
        ({"recipients": (), "quality": "exact"}, "leave --recipient, --sidecar and --quality out"),
        ({"recipients": (), "sidecar": "x.side"}, "leave --recipient, --sidecar and --quality out"),
        ({"recipients": (), "reversal": "none", "sidecar": "x.side"}, "leave --recipient"),
        ({"secret": bytes(32)}, "leave --key, --passphrase and --method out"),
        ({"method": "lsb"}, "leave --key, --passphrase and --method out"),
        ({"recipients": (), "reversal": "none", "secret": "correct horse battery"}, "leave --key"),
        ({"quality": "best"}, "There is no quality 'best'"),
        ({"reversal": "maybe"}, "There is no reversal 'maybe'"),
    ],
)
def test_options_that_contradict_each_other(tmp_path, twin, chosen, says):
    one = Sealed(tmp_path, twin, (".png", False), FRAMES[:1], HEADS[:1])
    given, how = GivenBoxes({0: HEADS[0]}), options(**chosen)
    fails(tmp_path, says, how.check, OptionsError)
    for write, source, target in (
        (pipeline.deidentify_image, one.source, one.public),
        (pipeline.deidentify_video, one.source, one.public.with_suffix(".mkv")),
    ):
        fails(tmp_path, says, lambda w=write, s=source, t=target: w(s, t, twin, given, how), OptionsError)


@pytest.mark.parametrize("reversal", ["sealed", "none"])
def test_an_encoder_that_always_hides_is_refused(tmp_path, encoder, reversal):
    recipients = (ALICE.public,) if reversal == "sealed" else ()
    how = {"recipients": recipients, "reversal": reversal, "quality": "high"}
    for carrier in ((".mkv", reversal == "sealed"), (".png", False)):
        one = Sealed(tmp_path, encoder, carrier, FRAMES[:1], HEADS[:1], **how)
        fails(tmp_path, "These weights hide the original in every head", one.publish, engine.ModelError)


@pytest.mark.parametrize("suffix", [".mkv", ".png"])
def test_a_sidecar_replaces_neither_the_source_nor_the_public_file(tmp_path, twin, suffix):
    one = Sealed(tmp_path, twin, (suffix, True), FRAMES[:1], HEADS[:1])
    given = GivenBoxes({0: HEADS[0]})
    write = pipeline.deidentify_image if one.is_picture else pipeline.deidentify_video
    (tmp_path / "link").symlink_to(tmp_path)
    for path, says in (
        (one.source, "is the input itself"),
        (one.public, "is also the public file"),
        (tmp_path / "link" / one.public.name, "is also the public file"),
    ):
        how = options(sidecar=path, overwrite=True)
        fails(tmp_path, says, lambda how=how: write(one.source, one.public, twin, given, how))
    one.sidecar.write_bytes(b"an older one")
    fails(tmp_path, "exists already", lambda: write(one.source, one.public, twin, given, options(sidecar=one.sidecar)))


def test_a_folder_has_no_sidecar(tmp_path, twin):
    (tmp_path / "in").mkdir()
    one = Sealed(tmp_path / "in", twin, (".png", False), FRAMES[:1], HEADS[:1]).publish()
    given = GivenBoxes({0: HEADS[0], 1: HEADS[0]})
    side = tmp_path / "x.side"
    fails(
        tmp_path,
        "folder of pictures has no sidecar",
        lambda: pipeline.deidentify_folder(tmp_path / "in", tmp_path / "out", twin, given, options(sidecar=side)),
    )
    how = pipeline.RestoreOptions(identity=ALICE, sidecar=side)
    fails(
        tmp_path,
        "folder of pictures has no sidecar",
        lambda: pipeline.restore_folder(one.folder, tmp_path / "out", how),
    )


def test_a_folder_there_and_back(tmp_path, twin):
    (tmp_path / "in").mkdir()
    for k in range(2):
        Sealed(tmp_path / "in", twin, (".png", False), FRAMES[k : k + 1])
        os.replace(tmp_path / "in" / "source.png", tmp_path / "in" / f"{k}.png")
    given = GivenBoxes({k: HEADS[k] for k in range(2)})
    how = options(quality="exact", profile="jpeg")
    result = pipeline.deidentify_folder(tmp_path / "in", tmp_path / "public", twin, given, how)
    assert result.done == {"0.png": 2, "1.png": 2} and result.failed == {} and result.notes == {}
    painted = sealed_clips.painted(sealed_clips.items(tmp_path / "public" / "1.jpg")[0], HEADS[1][0][1])
    sealed_clips.write_items(tmp_path / "public" / "1.jpg", [painted])
    back = pipeline.restore_folder(tmp_path / "public", tmp_path / "back", pipeline.RestoreOptions(identity=ALICE))
    assert back.done == {"0.jpg": 2, "1.jpg": 2} and back.failed == {} and back.altered == {"1.jpg": 1}
