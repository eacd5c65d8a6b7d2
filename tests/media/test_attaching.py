"""Bytes beside the picture of each frame: written with the views that readers see, kept by copies, lost by encoders."""

import dataclasses
from functools import partial

import av
import numpy as np
import pytest

from tests.clips import read_clip, scene, write_clip
from uunet.media import profiles, sei, video_reading, video_writing
from uunet.media.video_reading import VideoError
from uunet.stego import jpeg, lsb

FRAMES = [scene(k) for k in range(12)]


def as_they_are(frames, first):
    return [frame.rgb for frame in frames]


def convert(source, target, change=as_they_are, profile=profiles.H264, **options):
    return video_writing.convert(source, target, profile, change, lambda done: None, **options)


class Attached:
    """What was attached, and the view it was attached to."""

    def __init__(self, size=lambda k: 7 * k):
        self.size, self.contents, self.views = size, [], []

    def __call__(self, k, view):
        assert k == len(self.contents)
        self.contents.append((b"\0\0\1frame %d" % k * 30_000)[: self.size(k)])
        self.views.append([(array.copy(), step) for array, step in view])
        return self.contents[-1]


def assert_reads_back(path, attached):
    with video_reading.opened(path) as clip:
        count = 0
        for k, frame in enumerate(clip.frames()):
            content = attached.contents[k]
            assert frame.envelope_reader(10**6) == content
            assert frame.envelope_reader(3, offset=5, key=bytes(32), nonce=9) == content[5:8]
            for (array, step), (expected, other) in zip(frame.view, attached.views[k], strict=True):
                np.testing.assert_array_equal(array, expected)
                assert step == other
            count = k + 1
    assert count == len(attached.contents)


LONG = pytest.param(300, (48, 70), marks=pytest.mark.slow)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(("count", "sides"), [(1, (48, 64)), (12, (48, 64)), (30, (47, 63)), LONG])
def test_readers_see_what_the_writer_saw(tmp_path, suffix, count, sides):
    source = write_clip(tmp_path / "clip.mkv", [scene(k, *sides) for k in range(count)])
    attached, target = Attached(), tmp_path / f"new{suffix}"
    written = convert(source, target, attach=attached)
    assert len(attached.contents) == count
    assert_reads_back(target, attached)
    assert len(list(video_writing.verified(target, target, profiles.H264, written, lambda done: None))) == count


def packets(path):
    with av.open(str(path)) as container:
        return [(packet.pts, packet.dts, packet.is_keyframe, packet.duration) for packet in container.demux(video=0)][
            :-1
        ]


def test_the_video_stays_as_it_is(tmp_path, clip):
    attached = Attached(lambda k: 200_000 * (k == 4))
    convert(clip, tmp_path / "with.mp4", attach=attached)
    convert(clip, tmp_path / "without.mp4")
    assert packets(tmp_path / "with.mp4") == packets(tmp_path / "without.mp4")
    times = [pts for pts, *_ in packets(tmp_path / "with.mp4")]
    assert times != sorted(times)  # there are B frames
    frames, at = read_clip(tmp_path / "with.mp4")
    others, where = read_clip(tmp_path / "without.mp4")
    np.testing.assert_array_equal(frames, others)
    assert at == where
    assert_reads_back(tmp_path / "with.mp4", attached)


def test_times_and_sound_stay(tmp_path):
    times = [0, 40, 80, 81, 300, 1300, 1333, 1367, 1400, 5000]
    source = write_clip(tmp_path / "clip.mkv", FRAMES[:10], times=times, sound="aac")
    attached = Attached()
    written = convert(source, tmp_path / "new.mp4", attach=attached)
    assert written.audio == "aac, copied" and read_clip(tmp_path / "new.mp4")[1] == times
    assert_reads_back(tmp_path / "new.mp4", attached)


def test_few_packets_are_held_back(tmp_path, monkeypatch):
    source = write_clip(tmp_path / "clip.mkv", [scene(k) for k in range(150)])
    held, ready = [], video_writing.Attaching.ready

    def watch(self, packets):
        complete = ready(self, packets)
        held.append((len(self.held), len(self.contents)))
        return complete

    monkeypatch.setattr(video_writing.Attaching, "ready", watch)
    convert(source, tmp_path / "new.mp4", attach=Attached())
    assert np.max(held, axis=0).max() <= 6 and held[-1] == (0, 0)


def test_only_h264_takes_bytes(tmp_path, clip):
    for profile in (profiles.LOSSLESS_ARCHIVE, profiles.MJPEG):
        with pytest.raises(ValueError, match="cannot attach bytes to frames of"):
            convert(clip, tmp_path / f"new{profile.suffixes[0]}", profile=profile, attach=Attached())


def test_an_error_of_the_callable_passes(tmp_path, clip):
    def attach(k, view):
        raise VideoError("no room.")

    with pytest.raises(VideoError, match="^no room.$"):
        convert(clip, tmp_path / "new.mp4", attach=attach)


def test_what_is_not_attached_is_noticed(tmp_path, clip, monkeypatch):
    check = partial(video_writing.verified, tmp_path / "new.mp4", "public.mp4", profiles.H264, report=lambda done: None)
    written = convert(clip, tmp_path / "new.mp4", attach=Attached())
    changed = dataclasses.replace(written, attached=[*written.attached[:7], bytes(16), *written.attached[8:]])
    with pytest.raises(VideoError, match="^public.mp4: frame 7 does not read back with what was attached"):
        list(check(written=changed))
    convert(clip, tmp_path / "new.mp4")
    with pytest.raises(VideoError, match="frame 0 does not read back with what was attached"):
        list(check(written=written))


# What becomes of it.


def remux(source, target, container):
    """`ffmpeg -i source -c copy target`."""
    with av.open(str(source)) as read, av.open(str(target), "w", format=container) as out:
        stream = out.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.size:  # the last one is empty
                packet.stream = stream
                out.mux(packet)
    return target


def test_copies_keep_it(tmp_path, clip):
    attached = Attached(lambda k: 3000)
    convert(clip, tmp_path / "new.mp4", attach=attached)
    path = tmp_path / "new.mp4"
    for name, container in (("a.mkv", "matroska"), ("b.ts", "mpegts"), ("c.mp4", "mp4")):
        path = remux(path, tmp_path / name, container)
        assert_reads_back(path, attached)


def test_encoding_again_drops_it(tmp_path, clip):
    convert(clip, tmp_path / "new.mp4", attach=Attached())
    convert(tmp_path / "new.mp4", tmp_path / "again.mp4")
    with video_reading.opened(tmp_path / "again.mp4") as again:
        for frame in again.frames():
            assert sei.find(frame.decoded) is None
            assert frame.envelope_reader(20) == lsb.reveal(frame.rgb, 20)


@pytest.mark.parametrize("size", [0, 5000, 200_000])
def test_motion_jpeg_keeps_its_segments(tmp_path, clip, size):
    files = []

    def change(frames, first):
        files.extend(
            jpeg.with_segment(jpeg.encode(frame.rgb), bytes((first + k,)) * size) for k, frame in enumerate(frames)
        )
        return files[first:]

    written = convert(clip, tmp_path / "new.mov", change, profiles.MJPEG)
    carriers = video_writing.verified(tmp_path / "new.mov", "new.mov", profiles.MJPEG, written, lambda done: None)
    assert [carrier.data for carrier in carriers] == files
    with video_reading.opened(tmp_path / "new.mov") as again:
        for k, frame in enumerate(again.frames()):
            assert frame.envelope_reader(10**6) == bytes((k,)) * size
            for (array, step), (expected, other) in zip(frame.view, jpeg.blocks(files[k]), strict=True):
                np.testing.assert_array_equal(array, expected)
                assert step == other


@pytest.mark.parametrize(
    "profile", [profiles.LOSSLESS_WEB, profiles.LOSSLESS_ARCHIVE], ids=lambda profile: profile.name
)
def test_lossless_files_keep_it_in_their_lowest_bits(tmp_path, clip, profile):
    def change(frames, first):
        return [lsb.replace(frame.rgb, b"%4d" % (first + k) * 99) for k, frame in enumerate(frames)]

    target = tmp_path / f"new{profile.suffixes[0]}"
    convert(clip, target, change, profile)
    with video_reading.opened(target) as again:
        for k, (frame, before) in enumerate(zip(again.frames(), FRAMES, strict=True)):
            assert frame.envelope_reader(396) == b"%4d" % k * 99
            ((array, step),) = frame.view
            np.testing.assert_array_equal(array, before >> 1)
            assert step == 1 and frame.decoded is None
