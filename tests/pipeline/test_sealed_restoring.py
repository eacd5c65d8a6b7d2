"""Restoring sealed originals: whom a key opens, what a disclosure shows, the files that belong together, `inspect`."""

from functools import partial

import numpy as np
import pytest

from tests import sealed_clips
from tests.clips import fails, first_quick
from tests.sealed_clips import ALICE, BOB, CARRIERS, FRAMES, GIVEN, HEADS, HYBRID, STRANGER, Sealed, inside
from uunet import audit, pipeline
from uunet.boxes.types import Roi
from uunet.media import envelopes
from uunet.pipeline import sealed
from uunet.pipeline.frame import owned
from uunet.pipeline.options import OptionsError
from uunet.wire import envelope, keys, sidecar

SECRET = "correct horse battery staple"


@pytest.fixture(scope="module")
def twin():
    return sealed_clips.drawing_first()


@pytest.fixture(scope="module")
def three(tmp_path_factory, twin):
    """A file for two people, one of them with a hybrid key."""
    return Sealed(
        tmp_path_factory.mktemp("three"), twin, recipients=(ALICE.public, BOB.public, HYBRID.public)
    ).publish()


# Who opens it.


@pytest.mark.parametrize("who", [ALICE, BOB, HYBRID], ids=["first", "second", "hybrid"])
def test_each_recipient_opens_everything(three, who):
    restored = three.restore(who)
    assert restored.opened == 25 and restored.altered == []
    for frame, back, heads in zip(FRAMES, restored.frames, HEADS, strict=True):
        np.testing.assert_array_equal(back[inside(heads, frame.shape)], frame[inside(heads, frame.shape)])


def test_strangers_open_nothing(three):
    for stranger in (STRANGER, keys.generate(hybrid=True)):
        fails(
            three.folder, f"not sealed to the key {stranger.public.fingerprint()}", lambda s=stranger: three.restore(s)
        )
        with pytest.raises(keys.NotARecipientError):
            three.inspect(stranger)


def test_without_a_key_nothing_is_restored(three):
    fails(three.folder, "open with a key only: give --identity", lambda: three.restore(None), OptionsError)


# One person only.


@pytest.fixture(scope="module")
def disclosed(three, tmp_path_factory):
    """A function: tracks -> the keys in a disclosure of them."""
    folder = tmp_path_factory.mktemp("disclosed")
    found = envelope.read_open(next(envelopes.pictures(three.public)).envelope_reader)
    everything = keys.unwrap(found.record, found.stream_id, ALICE)

    def disclose(*tracks):
        path = folder / "_".join(map(str, tracks))
        if not path.exists():
            keys.save_disclosure(everything, tracks, path)
        return keys.load_disclosure(path)

    return disclose


@pytest.mark.parametrize("track", [1, 2, 5])
def test_a_disclosure_shows_one_person_only(three, disclosed, track):
    restored = three.restore(disclosed(track))
    assert restored.opened == sum(own == track for heads in HEADS for own, _ in heads) and restored.altered == []
    for frame, item, back, heads in zip(FRAMES, three.items(), restored.frames, HEADS, strict=True):
        mine = np.zeros(frame.shape[:2], bool)
        for (own, (x, y, w, h)), mask in zip(heads, owned([roi for _, roi in heads]), strict=True):
            if own == track:
                mine[y : y + h, x : x + w] |= mask
        np.testing.assert_array_equal(back[mine], frame[mine])
        np.testing.assert_array_equal(back[~mine], item.rgb[~mine])


def test_a_sealed_picture_shows_nothing_of_a_neighbour(twin, tmp_path):
    """Also what is decrypted and not pasted: the owner of a disclosure can decode all of the picture."""
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:, :] = [200, 30, 30]
    heads = [(1, Roi(8, 8, 40, 40)), (2, Roi(30, 12, 40, 40))]
    mine, others = owned([roi for _, roi in heads])
    frame[12:52, 30:70][others] = [10, 250, 10]
    for quality in ("exact", "high"):
        one = Sealed(tmp_path, twin, (".png", True), [frame], [heads], quality=quality).publish()
        (data,) = one.envelopes()
        found = envelope.read_open(envelope.Content(data))
        file_keys = keys.unwrap(found.record, found.stream_id, ALICE)
        content = envelope.open_head(found, data[len(found.data) :], 0, file_keys)
        picture = sealed.originals.restored(content.picture, (40, 40))
        assert not mine.all() and picture[..., 1].max() < 60


def test_disclosures_of_other_tracks_and_files(three, disclosed, twin, tmp_path):
    fails(
        three.folder,
        "The disclosure opens the tracks 77, and no head of .* is one of them",
        lambda: three.restore(disclosed(77)),
    )
    other = Sealed(tmp_path, twin, (".png", False), FRAMES[:1], HEADS[:1]).publish()
    fails(tmp_path, "keys are those of another public file", lambda: other.restore(disclosed(1)))


# Options.


def test_options_that_contradict_each_other(three, decoder):
    for options in ({"secret": SECRET}, {"boxes": GIVEN}):
        fails(
            three.folder,
            "leave --key, --passphrase and --boxes out",
            lambda o=options: three.restore(**o),
            OptionsError,
        )
    for options in ({"identity": ALICE}, {"sidecar": "x"}, {"accept_altered": True}, {"log": "x"}):
        how = pipeline.RestoreOptions(**options)
        for reconstruct in (pipeline.reconstruct_video, pipeline.reconstruct_image, pipeline.reconstruct_folder):
            call = partial(reconstruct, three.public, three.folder / "back.mkv", decoder, how)
            fails(three.folder, "leave --identity", call, OptionsError)


@pytest.mark.parametrize("carrier", [(".mkv", True), (".png", True)], ids=sealed_clips.name)
def test_the_result_replaces_no_file_that_is_needed(tmp_path, twin, carrier):
    one = Sealed(tmp_path, twin, carrier, FRAMES[:1], HEADS[:1]).publish()
    restore = pipeline.restore_image if one.is_picture else pipeline.restore_video
    side = one.sidecar.rename(one.sidecar.with_suffix(".png" if one.is_picture else ".mkv"))
    log = side.with_stem("log")
    audit.append(log, audit.Entry("reconstruct", bytes(16), bytes(32), None, "nobody"))
    for target, says in ((side, "is also the sidecar"), (log, "is also the log"), (one.public, "is the input itself")):
        how = pipeline.RestoreOptions(identity=ALICE, sidecar=side, log=log if target == log else None, overwrite=True)
        fails(tmp_path, says, lambda t=target, h=how: restore(one.public, t, h))


# Files of other kinds.


def test_files_of_other_modes(tmp_path, three, twin, encoder, decoder, clip):
    learned, plain = tmp_path / "learned.mkv", clip
    pipeline.deidentify_video(clip, learned, encoder, lambda frame: [], pipeline.PublicOptions(seed=1))
    target, how = tmp_path / "back.mkv", pipeline.RestoreOptions(identity=ALICE)
    for path in (learned, plain):
        fails(
            tmp_path,
            ", frame 0: The frame carries no sealed originals",
            lambda p=path: pipeline.restore_video(p, target, how),
        )
        assert not sealed.carries(path)
    fails(
        tmp_path,
        "carries sealed originals: give --identity",
        lambda: pipeline.reconstruct_video(three.public, target, decoder),
    )
    fails(tmp_path, "carries no UU-Net message", lambda: pipeline.reconstruct_video(plain, target, decoder))
    assert sealed.carries(three.public)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_pictures_of_other_modes(tmp_path, twin, encoder, decoder, suffix):
    one = Sealed(tmp_path, twin, (suffix, False), FRAMES[:1], HEADS[:1]).publish()
    learned, target = tmp_path / f"learned{suffix}", tmp_path / "back.png"
    how = pipeline.PublicOptions(seed=1, method="lsb" if suffix == ".png" else "jpeg")
    pipeline.deidentify_image(one.source, learned, encoder, lambda frame: [], how)
    fails(
        tmp_path,
        "carries sealed originals: give --identity",
        lambda: pipeline.reconstruct_image(one.public, target, decoder),
    )
    for path in (learned, one.source):
        fails(tmp_path, f"{path.name}: The frame carries no sealed originals", lambda p=path: one.restore(public=p))
    folder = pipeline.reconstruct_folder(tmp_path, tmp_path.with_name(f"back of {tmp_path.name}"), decoder)
    assert folder.failed[one.public.name].endswith("give --identity with a recipient's private key.")


# Sidecars.


@pytest.fixture
def beside(tmp_path, twin):
    return Sealed(tmp_path, twin, (".mp4", True)).publish()


def test_a_sidecar_belongs_to_one_file(beside, twin, tmp_path_factory):
    other = Sealed(tmp_path_factory.mktemp("other"), twin, (".mp4", True), [frame[::-1] for frame in FRAMES]).publish()
    fails(beside.folder, "No public head of .* is as it was published", lambda: beside.restore(sidecar=other.sidecar))
    restored = beside.restore(sidecar=other.sidecar, accept_altered=True)
    assert len(restored.altered) == restored.opened == 25


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda found: found[:-1], "holds the originals of 11 frames, and the public file has more"),
        (lambda found: [*found, found[-1]], "holds originals of more frames than the public file"),
        (lambda found: [], "cut off or damaged at frame 0"),
        (lambda found: found[1:], ", frame 0: "),
        (lambda found: [*found[:5], found[6], found[5], *found[7:]], ", frame 5: .* carries the envelope of frame 6"),
        (lambda found: [*found[:5], found[4], *found[6:]], r", frame 5: .*\(frame 4 was repeated\)"),
        (lambda found: [*found[:5], found[5][:-1], *found[6:]], ", frame 5: .* bytes where it announces"),
        (lambda found: [*found[:5], found[5] + b"\0", *found[6:]], ", frame 5: .* bytes where it announces"),
        (lambda found: [*found[:5], b"", *found[6:]], ", frame 5: The frame carries no sealed originals"),
    ],
    ids=["fewer", "more", "none", "first cut off", "swapped", "repeated", "shorter", "longer", "empty"],
)
def test_a_sidecar_that_was_changed(beside, change, says):
    sealed_clips.write_sidecar(beside.sidecar, change(beside.envelopes()))
    fails(beside.folder, says, beside.restore)
    fails(beside.folder, says, lambda: beside.restore(accept_altered=True))


def test_no_sidecar_and_none_needed(beside, three, tmp_path):
    fails(tmp_path, "cannot be read", lambda: beside.restore(sidecar=tmp_path / "missing"), sidecar.SidecarError)
    fails(tmp_path, "is not a sidecar file", lambda: beside.restore(sidecar=beside.public), sidecar.SidecarError)
    says = (
        r", frame 0: The frame carries no sealed originals.*or name the file that was written beside it .--sidecar.\.$"
    )
    fails(tmp_path, says, lambda: beside.restore(sidecar=None))
    beside.sidecar.write_bytes(beside.sidecar.read_bytes()[:-7])
    fails(tmp_path, "cut off or damaged at frame 11", beside.restore, sidecar.SidecarError)


def test_a_public_file_that_was_encoded_again(beside):
    again = beside.public.with_stem("again")
    how = pipeline.PublicOptions(reversal="none", crf=28)
    pipeline.deidentify_video(beside.public, again, beside.encoder, lambda frame: [], how)
    fails(
        beside.folder,
        "or the public file was encoded again; if so, --accept-altered",
        lambda: beside.restore(public=again),
    )
    restored = beside.restore(public=again, accept_altered=True)
    assert restored.opened == 25
    assert restored.altered == [(k, track) for k, heads in enumerate(HEADS) for track, _ in heads]
    for frame, back, heads in zip(FRAMES, restored.frames, HEADS, strict=True):
        np.testing.assert_array_equal(back[inside(heads, frame.shape)], frame[inside(heads, frame.shape)])
    found = beside.inspect(public=again)
    assert found.opened == 25 == len(found.altered) and not found.failures


# Copies.


@pytest.mark.parametrize(
    ("suffix", "copy", "container"),
    [
        (".mp4", ".mkv", "matroska"),
        pytest.param(".mp4", ".ts", "mpegts", marks=pytest.mark.slow),
        pytest.param(".mp4", ".mp4", "mp4", marks=pytest.mark.slow),
        (".mov", ".mkv", "matroska"),
        pytest.param(".webm", ".mkv", "matroska", marks=pytest.mark.slow),
        pytest.param(".mkv", ".mkv", "matroska", marks=pytest.mark.slow),
    ],
)
def test_a_remux_keeps_everything(tmp_path, twin, suffix, copy, container):
    one = Sealed(tmp_path, twin, (suffix, False)).publish()
    public = sealed_clips.remuxed(one.public, tmp_path / f"copy{copy}", container)
    restored = one.restore(public=public)
    assert restored.opened == 25 and restored.altered == []
    for frame, back, heads in zip(FRAMES, restored.frames, HEADS, strict=True):
        np.testing.assert_array_equal(back[inside(heads, frame.shape)], frame[inside(heads, frame.shape)])


@pytest.mark.parametrize("carrier", CARRIERS[:3], ids=sealed_clips.name)
@pytest.mark.parametrize("again", first_quick([".mp4", ".mov"]))
def test_encoding_again_is_noticed(tmp_path, twin, carrier, again):
    one = Sealed(tmp_path, twin, carrier, FRAMES[:3], HEADS[:3]).publish()
    public = tmp_path / f"again{again}"
    how = pipeline.PublicOptions(reversal="none")
    pipeline.deidentify_video(one.public, public, one.encoder, lambda frame: [], how)
    fails(tmp_path, ", frame 0: The frame carries no sealed originals", lambda: one.restore(public=public))


# Inspect.


@pytest.mark.parametrize("carrier", first_quick(CARRIERS), ids=sealed_clips.name)
def test_inspect_says_what_a_file_carries(tmp_path, twin, carrier):
    one = Sealed(tmp_path, twin, carrier, recipients=(ALICE.public, HYBRID.public)).publish()
    for identity, opened in ((None, 0), (HYBRID, 25)):
        found = one.inspect(identity)
        assert found.boxes == [[roi for _, roi in heads] for heads in HEADS]
        assert found.tracks == [[track for track, _ in heads] for heads in HEADS]
        assert found.recipients == ["X25519", "ML-KEM-768 and X25519"] and found.shape == (96, 128)
        assert found.opened == opened and found.altered == [] and found.failed() == []
    if carrier != CARRIERS[0]:
        assert found.bytes == sum(map(len, one.envelopes()))


def test_inspect_goes_on_after_a_frame_that_fails(tmp_path, twin):
    one = Sealed(tmp_path, twin, (".mov", False)).publish()
    items = one.items()
    for k in (4, 6):
        items[k].content = items[k].content[:-1]
    public = one.rewrite(items)
    found = one.inspect(public=public)
    assert sorted(found.failures) == [4, 6] and found.boxes[4] is None and found.boxes[5] is not None
    assert found.opened == 25 - 3 - 2
    assert [(a, b) for a, b, _ in found.failed()] == [(4, 4), (6, 6)]


def test_inspect_goes_on_after_a_first_frame_that_fails(tmp_path, twin):
    """The next key record is in frame 10: of the frames before it nothing can be checked, and that is said."""
    one = Sealed(tmp_path, twin, (".mov", False)).publish()
    items = one.items()
    items[0].content = b""
    public = one.rewrite(items)
    found = one.inspect(public=public)
    assert sorted(found.failures) == list(range(10)) and found.opened == 4
    assert "No frame before it carries the keys" in str(found.failures[1])
    assert found.recipients == ["X25519"] and found.shape == (96, 128)
    assert sorted(one.inspect(None, public=public).failures) == [0]


def test_inspect_reports_altered_heads_and_a_cut_end(tmp_path, twin):
    one = Sealed(tmp_path, twin, (".mov", False)).publish()
    items = one.items()[:-1]
    items[2] = sealed_clips.painted(items[2], HEADS[2][0][1])
    found = one.inspect(public=one.rewrite(items))
    assert (
        found.altered == [(2, 1)] and list(found.failures) == [10] and "its end was cut off" in str(found.failures[10])
    )
    assert sealed.altered_notes(found.altered) == ["Track 1, frame 2: the public head was altered after publication."]


def test_openings_are_logged(tmp_path, three):
    log = tmp_path / "log"
    three.restore(log=log)
    three.inspect(log=log)
    fails(three.folder, "not sealed to the key", lambda: three.restore(STRANGER, log=log))
    assert audit.verify(log).entries == 3
    three.inspect(None)
    assert audit.verify(log).entries == 3
