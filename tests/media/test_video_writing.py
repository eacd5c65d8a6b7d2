"""Videos that are written: what is kept, what is dropped, and what the comparison with the result finds."""

import dataclasses

import av
import numpy as np
import pytest

from tests.clips import read_clip, scene, write_clip
from uunet.media import profiles, video_reading, video_writing
from uunet.media.video_reading import VideoError

FRAMES = [scene(k) for k in range(12)]
ALL = (*profiles.VIDEOS, profiles.VIEWING)


def as_they_are(frames, first):
    return [frame.rgb for frame in frames]


def convert(source, target, among=profiles.VIDEOS, change=as_they_are):
    return video_writing.convert(source, target, profiles.choose(target, among), change, lambda done: None)


def verify(target, written, profile=None):
    """Reads all back, under the name of another file; returns the carriers."""
    profile = profile or profiles.choose(target, profiles.VIDEOS)
    return list(video_writing.verified(target, "public.file", profile, written, lambda done: None))


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_lossless_files_keep_every_pixel(tmp_path, clip, suffix):
    convert(clip, tmp_path / f"new{suffix}")
    frames, times = read_clip(tmp_path / f"new{suffix}")
    assert times == [40 * k for k in range(12)]
    for frame, expected in zip(frames, FRAMES, strict=True):
        np.testing.assert_array_equal(frame, expected)


def test_frames_are_changed_in_batches(tmp_path, clip, monkeypatch):
    monkeypatch.setattr(video_reading, "FRAMES_AT_ONCE", 5)
    calls = []

    def darken(frames, first):
        calls.append((len(frames), first))
        return [frame.rgb // 2 for frame in frames]

    convert(clip, tmp_path / "new.mkv", change=darken)
    assert calls == [(5, 0), (5, 5), (2, 10)]
    for frame, before in zip(read_clip(tmp_path / "new.mkv")[0], FRAMES, strict=True):
        np.testing.assert_array_equal(frame, before // 2)


def test_progress(tmp_path, clip, monkeypatch):
    monkeypatch.setattr(video_reading, "FRAMES_AT_ONCE", 5)
    done = []
    written = video_writing.convert(clip, tmp_path / "new.mkv", profiles.LOSSLESS_ARCHIVE, as_they_are, done.append)
    assert done == [5, 10, 12]
    done.clear()
    for _ in video_writing.verified(tmp_path / "new.mkv", "new.mkv", profiles.LOSSLESS_ARCHIVE, written, done.append):
        pass
    assert done == [5, 10, 12]


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.name)
def test_variable_frame_rate(tmp_path, profile):
    times = [0, 40, 80, 81, 300, 1300, 1333, 1367, 1400, 5000]
    source = write_clip(tmp_path / "clip.mkv", FRAMES[:10], times=times)
    target = tmp_path / f"new{profile.suffixes[0]}"
    convert(source, target, (profile,))
    assert read_clip(target)[1] == times


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mov", ".mp4"])
def test_odd_sides(tmp_path, suffix):
    source = write_clip(tmp_path / "clip.mkv", [scene(k, 47, 63) for k in range(3)])
    notes = convert(source, tmp_path / f"new{suffix}").notes
    assert read_clip(tmp_path / f"new{suffix}")[0][0].shape == (47, 63, 3)
    assert ["4:4:4" in note for note in notes] == [True] * (suffix == ".mp4")


def test_deep_colour_is_noted(tmp_path):
    source = write_clip(tmp_path / "clip.mkv", FRAMES[:2], codec="ffv1", pixels="yuv422p10le")
    (note,) = convert(source, tmp_path / "new.mkv").notes
    assert "10 bits per channel" in note


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mov"])
def test_tags_are_dropped(tmp_path, suffix):
    source = tmp_path / "clip.mkv"
    with av.open(str(source), "w") as out:
        out.metadata["title"] = "Interview with Anna"
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(FRAMES[0], format="rgb24").reformat(format="bgr0")))
        out.mux(stream.encode(None))
    assert b"Anna" in source.read_bytes()
    convert(source, tmp_path / f"new{suffix}")
    assert b"Anna" not in (tmp_path / f"new{suffix}").read_bytes()


@pytest.mark.parametrize("profile", profiles.VIDEOS, ids=lambda profile: profile.name)
def test_what_was_written_is_verified(tmp_path, clip, profile):
    target = tmp_path / f"new{profile.suffixes[0]}"
    assert len(verify(target, convert(clip, target))) == 12


def test_a_writer_that_is_not_exact_is_caught(tmp_path, clip):
    lossy = dataclasses.replace(profiles.LOSSLESS_WEB, options={"crf": "20", "b": "0"})
    written = convert(clip, tmp_path / "new.webm", (lossy,))
    with pytest.raises(VideoError, match="^public.file: frame 0 does not read back as it was written"):
        verify(tmp_path / "new.webm", written, lossy)


@pytest.mark.parametrize(("said", "says"), [(11, "more frames than the 11"), (13, "fewer frames than the 13")])
def test_a_writer_of_more_or_fewer_frames_is_caught(tmp_path, clip, said, says):
    written = convert(clip, tmp_path / "new.mkv")
    miscounted = dataclasses.replace(written, frames=[*written.frames, written.frames[-1]][:said])
    with pytest.raises(VideoError, match=f"^public.file reads back with {says}"):
        verify(tmp_path / "new.mkv", miscounted)


def test_a_frame_at_another_time_is_caught(tmp_path, clip):
    written = convert(clip, tmp_path / "new.mkv")
    moved = [(time + 2 * (k == 4), digest) for k, (time, digest) in enumerate(written.frames)]
    with pytest.raises(VideoError, match="frame 4 does not read back"):
        verify(tmp_path / "new.mkv", dataclasses.replace(written, frames=moved))


def test_a_jpeg_file_that_is_not_stored_as_it_is_is_caught(tmp_path, clip, monkeypatch):
    packet = video_writing._packet
    monkeypatch.setattr(video_writing, "_packet", lambda data, *rest: packet(data + b"\0", *rest))
    written = convert(clip, tmp_path / "new.mov")
    with pytest.raises(VideoError, match="frame 0 does not read back as it was written"):
        verify(tmp_path / "new.mov", written)


def test_what_ffmpeg_cannot_write_is_an_os_error(tmp_path, clip):
    with pytest.raises(OSError, match="No such file or directory"):
        convert(clip, tmp_path / "none" / "new.mkv")
