"""`sealed.Reader` frame by frame, on frames that need no file: what it refuses, in which state, and what it notes."""

import os
import stat
from typing import NamedTuple

import numpy as np
import pytest

from tests import sealed_files
from uunet import audit, pipeline
from uunet.boxes.types import Roi, TrackedBox
from uunet.errors import UUNetError
from uunet.media import views
from uunet.pipeline import sealed
from uunet.pipeline.options import PublicOptions, RestoreOptions
from uunet.wire import crypto, envelope, keys, originals, protocol
from uunet.wire.sealer import Sealer

A, B = keys.generate(), keys.generate()
SIZE = (40, 48)
HEADS = [TrackedBox(3, Roi(4, 5, 12, 14)), TrackedBox(7, Roi(20, 10, 16, 16))]
COUNT = 12


class Frame(NamedTuple):
    """A public frame that carries its envelope beside its picture."""

    rgb: np.ndarray
    content: bytes

    @property
    def view(self):
        return views.of_rgb(self.rgb)

    @property
    def envelope_reader(self):
        return envelope.Content(self.content)


class Public:
    """A public file of COUNT frames."""

    def __init__(self):
        self.keys = keys.new_file_keys()
        self.record = keys.wrap(self.keys, [A.public])
        sealer, rng = Sealer(self.keys, self.record), np.random.default_rng(1)
        self.frames, self.originals = [], []
        for index in range(COUNT):
            rgb = rng.integers(0, 256, (*SIZE, 3), np.uint8)
            heads = [rng.integers(0, 256, (roi.h, roi.w, 3), np.uint8) for _, roi in HEADS]
            contents = [
                envelope.HeadContent(
                    *(envelope.EXACT, originals.head_digest(views.of_rgb(rgb), roi)),
                    originals.picture(head, np.ones((roi.h, roi.w), bool), envelope.EXACT),
                )
                for (_, roi), head in zip(HEADS, heads, strict=True)
            ]
            parts = sealer.seal(index, rgb.shape, HEADS, contents, index == COUNT - 1)
            self.frames.append(Frame(rgb, b"".join(parts)))
            self.originals.append(heads)


@pytest.fixture
def public():
    return Public()


def read(frames, path="file.mkv", **options):
    """The Reader behind all frames, and the failures by number, as `sealed.inspect` collects them."""
    reader = sealed.Reader(path, RestoreOptions(**{"identity": A} | options), "inspect")
    failures = {}
    for index, frame in enumerate(frames):
        try:
            reader.restored(frame)
        except UUNetError as error:
            failures[index] = error
    return reader, failures


def changed(frame, at):
    data = bytearray(frame.content)
    data[at] ^= 1
    return frame._replace(content=bytes(data))


def test_all_frames(public):
    reader = sealed.Reader("file.mkv", RestoreOptions(identity=A), "reconstruct")
    for frame, heads in zip(public.frames, public.originals, strict=True):
        result = reader.restored(frame)
        for (_, (x, y, w, h)), head in zip(HEADS, heads, strict=True):
            assert np.array_equal(result[y : y + h, x : x + w], head)
    reader.finish()
    assert reader.found.opened == 2 * COUNT and not reader.found.altered


@pytest.mark.parametrize("at", [0, 2, 40, 130])
def test_nothing_is_trusted_before_the_keys_are_known(public, at):
    """Frame 0 is damaged: those behind it are not taken unchecked; frame 10 carries the keys, too."""
    forged = changed(public.frames[11], -1)
    reader, failures = read([changed(public.frames[0], at), *public.frames[1:11], forged])
    assert sorted(failures) == [*range(10), 11]
    assert all("No frame before it carries the keys" in str(failures[k]) for k in range(1, 10))
    assert reader.found.opened == 2 and reader.found.boxes[10] and not any(reader.found.boxes[:10])


def test_a_head_that_fails_leaves_its_frame_uncounted(public):
    reader, failures = read([public.frames[0], changed(public.frames[1], -1), *public.frames[2:]])
    assert list(failures) == [1] and isinstance(failures[1], crypto.AuthenticationError)
    assert reader.found.opened == 2 * (COUNT - 1) and reader.found.boxes[1] is None


def test_one_key_record_in_all_frames(public):
    """A recipient who was taken away must not be left in a later frame."""
    content = public.frames[10].content
    found = envelope.read_open(envelope.Content(content))
    other = envelope.with_record(found, keys.wrap(public.keys, [A.public, B.public])) + content[len(found.data) :]
    frames = [*public.frames[:10], public.frames[10]._replace(content=other), public.frames[11]]
    for identity in (A, None):
        reader, failures = read(frames, identity=identity)
        assert list(failures) == [10] and "may have more recipients than it says" in str(failures[10])
        assert reader.found.recipients == ["X25519"]


def test_frames_from_elsewhere(public):
    other = Public()
    for frames, wrong, error in (
        ([*public.frames[:5], other.frames[5], *public.frames[6:]], [5], protocol.StreamError),
        ([*public.frames, *public.frames[:1]], [12], protocol.FrameIndexError),
        ([public.frames[0], public.frames[0], *public.frames[2:]], [1], protocol.FrameIndexError),
    ):
        failures = read(frames)[1]
        assert list(failures) == wrong and isinstance(failures[wrong[0]], error)


def test_the_end(public):
    reader, failures = read(public.frames[:-1])
    assert not failures
    with pytest.raises(sealed.SealedError, match="fewer frames than were written"):
        reader.finish()
    with pytest.raises(sealed.SealedError, match="fewer frames"):
        read([])[0].finish()
    with pytest.raises(sealed.SealedError, match="fewer frames"):  # the frame of a video is no picture
        read(public.frames[:1])[0].finish()


def test_keys_of_another_file(public):
    failures = read(public.frames, identity=Public().keys)[1]
    assert len(failures) == COUNT and all("keys are those of another public file" in str(e) for e in failures.values())
    reader = sealed.Reader("file.mkv", RestoreOptions(identity=B), "inspect")
    with pytest.raises(keys.NotARecipientError, match="file.mkv: The file was not sealed to the key"):
        reader.restored(public.frames[0])


def test_the_log_is_written_before_the_keys_are_tried(public, tmp_path):
    path, log = tmp_path / "file.mkv", tmp_path / "log"
    path.write_bytes(b"file")
    reader = sealed.Reader(path, RestoreOptions(identity=B, log=log), "inspect")
    with pytest.raises(keys.NotARecipientError):
        reader.restored(public.frames[0])
    assert audit.verify(log).entries == 1
    with pytest.raises(audit.AuditError, match="none.mkv cannot be read .*: try again"):
        sealed.Reader(tmp_path / "none.mkv", RestoreOptions(identity=A, log=log), "x").restored(public.frames[0])
    assert audit.verify(log).entries == 1


def test_the_log_names_the_file_that_was_read(public, tmp_path):
    path, log = tmp_path / "file.mkv", tmp_path / "log"
    path.write_bytes(b"file")
    reader, failures = read(public.frames, path, log=log)
    assert not failures
    reader.finish()
    path.write_bytes(b"another")
    with pytest.raises(sealed.SealedError, match="changed while it was read"):
        reader.finish()


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_only_its_owner_reads_what_was_restored(tmp_path):
    sealed_files.picture(tmp_path / "public.png", [A.public])
    (tmp_path / "again.png").write_bytes(b"old")
    (tmp_path / "again.png").chmod(0o644)
    pipeline.restore_image(tmp_path / "public.png", tmp_path / "again.png", RestoreOptions(identity=A, overwrite=True))
    assert stat.S_IMODE((tmp_path / "again.png").stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="permissions")
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_only_its_owner_reads_a_restored_video(tmp_path, suffix):
    sealed_files.video(tmp_path / "public.mp4", [A.public])
    target = tmp_path / f"again{suffix}"
    pipeline.restore_video(tmp_path / "public.mp4", target, RestoreOptions(identity=A))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_options_show_no_secret():
    for options in (PublicOptions(secret="correct horse"), RestoreOptions(secret="correct horse", identity=A)):
        assert "horse" not in repr(options)
