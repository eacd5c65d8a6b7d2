"""The authority's work on files of every kind: who is disclosed, who can open a file after `rewrap`, what stays."""

import dataclasses
import json
import os
import subprocess
import sys

import av
import numpy as np
import pytest

from tests import sealed_files
from tests.clips import fails, first_quick, read_clip
from uunet import audit, authority
from uunet.atomic import OutputError
from uunet.authority import RewrapError
from uunet.cli import authority as cli
from uunet.media import envelopes, images, video_reading
from uunet.media.envelopes import PublicFile
from uunet.media.profiles import ProfileError
from uunet.pipeline import RestoreOptions
from uunet.pipeline import sealed as sealed_reading
from uunet.stego import jpeg, lsb
from uunet.wire import envelope, keys, originals, protocol, sidecar
from uunet.wire.crypto import AuthenticationError
from uunet.wire.envelope import EnvelopeSizeError, LockedHeadError, NoEnvelopeError
from uunet.wire.key_files import TrackError
from uunet.wire.keys import KeyRecordError, NotARecipientError
from uunet.wire.sidecar import SidecarError

A, B, C = keys.generate(), keys.generate(), keys.generate(hybrid=True)
KINDS = {  # source -> (copy, sound of the source)
    "in.mp4": ("out.mp4", "aac"),
    "in-for-mkv.mp4": ("out-of-h264.mkv", "aac"),
    "in.mov": ("out.mov", "aac"),
    "in.mkv": ("out.mkv", "flac"),
    "in.webm": ("out.webm", "libopus"),
    "in.png": ("out.png", None),
    "in.jpg": ("out.jpg", None),
    "side.mkv": ("new.side", None),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """name -> (PublicFile, what it was made of), sealed to A; made when first asked for."""
    folder, found = tmp_path_factory.mktemp("sealed"), {}

    def get(name):
        if name not in found:
            path = folder / name
            if name == "side.mkv":
                sealed = sealed_files.beside(path, folder / "old.side", [A.public])
                found[name] = PublicFile(path, folder / "old.side"), sealed
            elif path.suffix in (".png", ".jpg"):
                found[name] = PublicFile(path), sealed_files.picture(path, [A.public])
            else:
                found[name] = PublicFile(path), sealed_files.video(path, [A.public], sound=KINDS[name][1])
        return found[name]

    return get


def restored(public, own):
    """Per frame: the original of each head that the keys open; None for the others."""
    frames = []
    for frame, read in public.frames():
        found = envelope.read_open(read)
        body = envelope.read_body(found, read, own)
        frames.append([])
        for k, head in enumerate(found.heads):
            try:
                content = envelope.open_head(found, body, k, own)
            except LockedHeadError:
                frames[-1].append(None)
                continue
            assert content.digest == originals.head_digest(frame.view, head.roi)
            frames[-1].append(originals.restored(content.picture, (head.roi.h, head.roi.w)))
    return frames


@pytest.mark.parametrize("name", first_quick(KINDS))
def test_other_recipients_open_the_same_originals(made, tmp_path, name):
    public, sealed = made(name)
    target = tmp_path / KINDS[name][0]
    n_frames = len(sealed.heads)
    assert authority.rewrap(public, target, A, [B.public, C.public]) == n_frames
    written = PublicFile(public.path, target) if public.sidecar else PublicFile(target)
    with pytest.raises(NotARecipientError, match="not sealed to the key"):
        authority.file_keys(written, A)
    for key in (B, C):
        again = restored(written, authority.file_keys(written, key))
        for heads, expected in zip(again, sealed.originals, strict=True):
            assert all(np.array_equal(one, other) for one, other in zip(heads, expected, strict=True))
    assert os.listdir(tmp_path) == [target.name]
    found = sealed_reading.inspect(written.path, RestoreOptions(identity=B, sidecar=written.sidecar))
    assert not found.failures and not found.altered and found.opened == sum(map(len, sealed.heads))


@pytest.mark.parametrize("name", first_quick(["in.mp4", "in-for-mkv.mp4", "in.mov", "in.webm"]))
def test_a_copy_keeps_pictures_times_and_sound(made, tmp_path, name):
    public, _ = made(name)
    target = tmp_path / KINDS[name][0]
    authority.rewrap(public, target, A, [B.public])
    (frames, times), (old_frames, old_times) = read_clip(target), read_clip(public.path)
    assert np.abs(np.diff(times) - np.diff(old_times)).max() <= 1
    mask = 0xFE if name == "in.webm" else 0xFF
    assert all(np.array_equal(one & mask, other & mask) for one, other in zip(frames, old_frames, strict=True))
    sounds = []
    for path in (target, public.path):
        with video_reading.opened(path) as clip:
            sounds.append(b"".join(bytes(p) for p in clip.container.demux(clip.container.streams.audio[0])))
    assert sounds[0] == sounds[1] != b""


@pytest.mark.parametrize("n_frames", first_quick([2, 1, 23]))
def test_h264_can_be_copied_there_and_back(tmp_path, monkeypatch, n_frames):
    """Matroska does not store the times at which packets are decoded."""
    monkeypatch.setattr(sealed_files, "N_FRAMES", n_frames)
    sealed = sealed_files.video(tmp_path / "in.mp4", [A.public], sound="aac")
    public = PublicFile(sealed.path)
    authority.rewrap(public, tmp_path / "1.mkv", A, [A.public])
    authority.rewrap(PublicFile(tmp_path / "1.mkv"), tmp_path / "2.mkv", A, [A.public, B.public])
    authority.rewrap(PublicFile(tmp_path / "2.mkv"), tmp_path / "3.mp4", B, [B.public])
    last = PublicFile(tmp_path / "3.mp4")
    assert len(restored(last, authority.file_keys(last, B))) == len(sealed.heads)


def test_h264_of_a_transport_stream(made, tmp_path):
    """It starts at some time, and its pictures are in Annex B form already."""
    public, sealed = made("in.mp4")
    with av.open(str(public.path)) as source, av.open(str(tmp_path / "in.ts"), "w", format="mpegts") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    authority.rewrap(PublicFile(tmp_path / "in.ts"), tmp_path / "out.mp4", A, [B.public])
    again = PublicFile(tmp_path / "out.mp4")
    assert len(restored(again, authority.file_keys(again, B))) == len(sealed.heads)


def test_a_jpeg_differs_in_its_segments_only(made, tmp_path):
    public, _ = made("in.jpg")
    authority.rewrap(public, tmp_path / "out.jpg", A, [B.public, C.public])
    old, new = public.path.read_bytes(), (tmp_path / "out.jpg").read_bytes()
    assert old != new and jpeg.with_segment(old, b"") == jpeg.with_segment(new, b"")


def test_nothing_is_left_of_the_key_record_before(tmp_path, monkeypatch):
    """B is dropped; in pixels, the new open part ends before B's stanza did."""
    monkeypatch.setattr(sealed_files, "heads_of", lambda k: [])
    sealed_files.picture(tmp_path / "in.png", [A.public, B.public])
    stanza = keys.stanzas(envelope.read_open(images.read(tmp_path / "in.png").envelope_reader).record)[1][1]
    authority.rewrap(PublicFile(tmp_path / "in.png"), tmp_path / "out.png", A, [A.public])
    rgb = images.read(tmp_path / "out.png").rgb
    left = lsb.reveal(rgb, lsb.capacity(rgb.shape))
    at = 35 + 2 + 1 + 83 + 3  # A, key_bytes, count, A's stanza, suite and length of B's
    same = np.unpackbits(np.frombuffer(left[at : at + 80], np.uint8) ^ np.frombuffer(stanza, np.uint8)) == 0
    assert same.mean() < 0.65 and stanza[-16:] not in left


@pytest.mark.parametrize("name", first_quick(["in.mp4", "in.mov", "in.webm", "in.png", "side.mkv"]))
def test_a_disclosure_opens_one_track(made, tmp_path, name):
    public, sealed = made(name)
    shown = authority.disclose(public, tmp_path / "person.key", A, [7])
    assert shown == {7: min(10, len(sealed.heads))} and (tmp_path / "person.key").stat().st_mode & 0o777 == 0o600
    person = keys.load_disclosure(tmp_path / "person.key")
    for index, heads in enumerate(restored(public, person)):
        for (track, _), head, expected in zip(sealed.heads[index], heads, sealed.originals[index], strict=True):
            assert head is None if track != 7 else np.array_equal(head, expected)


def test_a_disclosure_can_be_narrowed_but_not_widened(made, tmp_path):
    public, _ = made("in.png")
    authority.disclose(public, tmp_path / "both.key", A, [3, 7])
    both = keys.load_disclosure(tmp_path / "both.key")
    assert authority.disclose(public, tmp_path / "one.key", both, [3]) == {3: 1}
    one = keys.load_disclosure(tmp_path / "one.key")
    fails(
        tmp_path,
        "opens track 3 only, not tracks 3 and 7",
        lambda: authority.disclose(public, tmp_path / "x.key", one, [7, 3]),
        TrackError,
    )


def test_a_track_that_does_not_occur(made, tmp_path):
    public, _ = made("in.mp4")
    fails(
        tmp_path,
        "has no track 4; it has tracks 3 and 7: name one of these",
        lambda: authority.disclose(public, tmp_path / "person.key", A, [3, 4]),
        TrackError,
    )


def test_a_file_without_heads(tmp_path, monkeypatch):
    monkeypatch.setattr(sealed_files, "heads_of", lambda k: [])
    sealed_files.picture(tmp_path / "in.png", [A.public])
    call = lambda: authority.disclose(PublicFile(tmp_path / "in.png"), tmp_path / "p.key", A, [0])  # noqa: E731
    fails(tmp_path, "has no track 0; it has no heads at all", call, TrackError)


def test_an_attempt_to_disclose_is_logged(made, tmp_path):
    public, _ = made("in.png")
    with pytest.raises(NotARecipientError):
        authority.disclose(public, tmp_path / "person.key", B, [3], tmp_path / "log")
    (entry,) = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert entry["identity"] == B.public.fingerprint() and not (tmp_path / "person.key").exists()


def test_the_log_is_written_before_the_disclosure(made, tmp_path):
    public, sealed = made("in.png")
    authority.disclose(public, tmp_path / "person.key", A, [3], tmp_path / "log")
    (entry,) = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert entry["command"] == "disclose" and entry["tracks"] == [3]
    assert entry["stream_id"] == sealed.file_keys.stream_id.hex() and entry["identity"] == A.public.fingerprint()
    (tmp_path / "log").write_text("broken\n")
    fails(tmp_path, "broken", lambda: authority.disclose(public, tmp_path / "other.key", A, [3], tmp_path / "log"))


def test_rewrap_is_logged_like_an_opening(made, tmp_path, monkeypatch):
    public, sealed = made("in.png")
    keys.save_authority(A, tmp_path / "a.key")
    keys.save_recipient(B.public, tmp_path / "b.pub")
    out, log = tmp_path / "out.png", tmp_path / "log"
    cli.rewrap(public.path, out, tmp_path / "a.key", [tmp_path / "b.pub"], log=log)
    (entry,) = map(json.loads, log.read_text().splitlines())
    assert entry["command"] == "rewrap" and entry["tracks"] is None and entry["identity"] == A.public.fingerprint()
    assert entry["stream_id"] == sealed.file_keys.stream_id.hex() and out.exists()
    log.write_text("broken\n")
    with pytest.raises(audit.AuditError, match="broken"):
        cli.rewrap(public.path, tmp_path / "new.png", tmp_path / "a.key", [tmp_path / "b.pub"], log=log)
    assert not (tmp_path / "new.png").exists()


@pytest.mark.parametrize("name", ["in.mp4", "in.png"])
def test_a_key_that_is_not_a_recipients(made, tmp_path, name):
    public, _ = made(name)
    target = tmp_path / KINDS[name][0]
    fails(tmp_path, f"{name}: The file was not sealed", lambda: authority.rewrap(public, target, B, [B.public]))
    fails(tmp_path, "was not sealed", lambda: authority.disclose(public, target, C, [3]), NotARecipientError)


def test_a_disclosure_of_another_file(made, tmp_path):
    authority.disclose(made("in.png")[0], tmp_path / "person.key", A, [3])
    person = keys.load_disclosure(tmp_path / "person.key")
    call = lambda: authority.disclose(made("in.jpg")[0], tmp_path / "x.key", person, [3])  # noqa: E731
    fails(tmp_path, "in.jpg is not the file of this disclosure", call, protocol.StreamError)


def test_a_file_that_carries_nothing(clip, tmp_path):
    says = "clip.mkv carries no sealed originals: .*--sidecar"
    call = lambda: authority.rewrap(PublicFile(clip), tmp_path / "out.mkv", A, [B.public])  # noqa: E731
    fails(tmp_path, says, call, NoEnvelopeError)


@pytest.mark.parametrize(("name", "wrong"), [("in.mp4", "out.webm"), ("in.webm", "out.mkv"), ("in.png", "out.jpg")])
def test_a_copy_is_of_the_same_kind(made, tmp_path, name, wrong):
    call = lambda: authority.rewrap(made(name)[0], tmp_path / wrong, A, [B.public])  # noqa: E731
    fails(tmp_path, f"{wrong} cannot hold the copy of .*{name}", call, ProfileError)


def test_existing_files_stay(made, tmp_path):
    (tmp_path / "out.png").write_bytes(b"precious")
    public, _ = made("in.png")
    fails(tmp_path, "exists already", lambda: authority.rewrap(public, tmp_path / "out.png", A, [B.public]))
    fails(tmp_path, "exists already", lambda: authority.disclose(public, tmp_path / "out.png", A, [3]), OutputError)
    authority.rewrap(public, tmp_path / "out.png", A, [B.public], overwrite=True)
    side, _ = made("side.mkv")
    for same, says in ((side.path, "is the public file"), (side.sidecar, "is the input itself")):
        with pytest.raises(OutputError, match=says):
            authority.rewrap(side, same, A, [B.public], overwrite=True)


def test_no_room_for_more_recipients(tmp_path, monkeypatch):
    monkeypatch.setattr(sealed_files, "SIZE", (84, 112))
    sealed_files.picture(tmp_path / "in.png", [A.public])
    call = lambda: authority.rewrap(PublicFile(tmp_path / "in.png"), tmp_path / "out.png", A, [C.public, B.public])  # noqa: E731
    fails(tmp_path, "frame 0: The frame has room for 3528 bytes .* name fewer recipients", call, EnvelopeSizeError)


def test_too_many_recipients(made, tmp_path):
    many = [keys.generate().public for _ in range(256)]
    call = lambda: authority.rewrap(made("in.png")[0], tmp_path / "out.png", A, many)  # noqa: E731
    fails(tmp_path, "256 recipients do not fit", call, KeyRecordError)


def test_a_changed_body_is_noticed(made, tmp_path):
    public, sealed = made("in.jpg")
    data = public.path.read_bytes()
    content = bytearray(jpeg.segment(data))
    found = envelope.read_open(envelope.Content(bytes(content)))
    content[len(found.data)] ^= 1  # the frame tag
    (tmp_path / "in.jpg").write_bytes(jpeg.with_segment(data, bytes(content)))
    changed = PublicFile(tmp_path / "in.jpg")
    for call in (
        lambda: authority.rewrap(changed, tmp_path / "out.jpg", A, [B.public]),
        lambda: authority.disclose(changed, tmp_path / "person.key", A, [3]),
    ):
        fails(tmp_path, "in.jpg, frame 0: .*changed after it was sealed", call, AuthenticationError)
    (tmp_path / "in.jpg").write_bytes(jpeg.with_segment(data, bytes(content[:-9])))
    fails(tmp_path, "in.jpg, frame 0: ", call)


def written_sidecar(path, contents):
    with path.open("wb") as file:
        sidecar.start(file)
        for content in contents:
            sidecar.write(file, content)
    return path


def test_a_sidecar_of_another_file(made, tmp_path):
    public, _ = made("side.mkv")
    envelopes_of = list(sidecar.envelopes(public.sidecar))
    shorter = written_sidecar(tmp_path / "shorter.side", envelopes_of[:-1])
    longer = written_sidecar(tmp_path / "longer.side", [*envelopes_of, envelopes_of[-1]])
    for path, side, says in (
        (public.path, shorter, "fewer frames than"),
        (public.path, longer, "more frames than"),
        (made("in.png")[0].path, public.sidecar, "more frames than"),
        (public.path, public.path, "not a sidecar file"),
    ):
        wrong = PublicFile(path, side)
        for call in (
            lambda f: authority.disclose(f, tmp_path / "person.key", A, [3]),
            lambda f: authority.rewrap(f, tmp_path / "new.side", A, [B.public]),
        ):
            fails(tmp_path, says, lambda call=call, wrong=wrong: call(wrong), SidecarError)
    shown = dataclasses.replace(public, path=tmp_path / "shifted.mkv")
    sealed_files.write_clip(
        shown.path, [255 - sealed_files.scene(k, *sealed_files.SIZE) for k in range(23)], codec="ffv1", pixels="bgr0"
    )
    for call in (
        lambda f: authority.disclose(f, tmp_path / "person.key", A, [3]),
        lambda f: authority.rewrap(f, tmp_path / "new.side", A, [B.public]),
    ):
        fails(tmp_path, "No public head of .*shifted.mkv", lambda call=call: call(shown), AuthenticationError)
        call(dataclasses.replace(shown, accept_altered=True))


def test_the_result_is_read_back(made, tmp_path, monkeypatch):
    """A frame with another picture, a body that was changed, a file that cannot be read: nothing is kept."""
    public, _ = made("in.png")
    original = envelopes.copy

    def run(change):
        def copy(source, target, part, replace, report):
            original(source, target, part, replace, report)
            change(part)

        monkeypatch.setattr(envelopes, "copy", copy)
        call = lambda: authority.rewrap(public, tmp_path / "out.png", A, [B.public])  # noqa: E731
        fails(tmp_path, "out.png.* read back", call, RewrapError)

    def repaint(part):
        rgb = images.read(part).rgb
        rgb[0, -1] ^= 2
        images.write(part, part, images.profiles.PNG, rgb)

    run(repaint)
    run(lambda part: part.write_bytes(public.path.read_bytes()))
    run(lambda part: part.write_bytes(b"no picture"))


def test_no_network_is_loaded():
    code = "import sys, uunet.authority; sys.exit(bool({'keras', 'tensorflow', 'jax', 'scipy'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], check=True)
