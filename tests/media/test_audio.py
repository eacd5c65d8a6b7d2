"""The sound of videos: copied or converted, in step with the picture, and never lost."""

import av
import numpy as np
import pytest

from tests.clips import read_clip, scene, write_clip
from uunet.media import profiles, video_reading, video_writing
from uunet.media.video_reading import VideoError

FRAMES = [scene(k) for k in range(36)]
SHOWN = (*profiles.VIDEOS[:2], profiles.MJPEG, profiles.VIEWING)


def convert(source, target):
    profile = profiles.choose(target, SHOWN)
    return video_writing.convert(
        source, target, profile, lambda frames, first: [frame.rgb for frame in frames], lambda done: None
    )


def recording(path, container, sound):
    """A clip with a tone of 458 Hz, 1.44 s long."""
    lossless = sound == "libopus"
    codec, pixels = ("libx264rgb", "rgb24") if lossless else ("libx264", "yuv420p")
    return write_clip(path, FRAMES, codec=codec, pixels=pixels, container=container, sound=sound)


def sound_of(path):
    """(codec, start in s, duration in s, samples of the first channel)"""
    with av.open(str(path)) as container:
        name = container.streams.audio[0].codec_context.codec.canonical_name
        frames = list(container.decode(audio=0))
    wave = np.concatenate([f.to_ndarray().reshape(f.to_ndarray().shape[0], -1)[0] for f in frames])
    return name, float(frames[0].pts * frames[0].time_base), sum(f.samples / f.sample_rate for f in frames), wave


CASES = [
    ("matroska", "libopus", ".webm", "opus, copied"),
    ("mp4", "aac", ".webm", "aac, converted to opus"),
    ("mp4", "aac", ".mkv", "aac, copied"),
    ("mp4", "aac", ".mov", "aac, copied"),
    ("matroska", "libopus", ".mov", "opus, converted to aac"),
    ("mpegts", "aac", ".mkv", "aac, copied"),
    ("mov", "pcm_s16be", ".mkv", "pcm_s16be, converted to flac"),
    ("mp4", "aac", ".mp4", "aac, copied"),
    ("matroska", "libopus", ".mp4", "opus, converted to aac"),
    ("matroska", "flac", ".mp4", "flac, converted to aac"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("container", "sound", "suffix", "said"), CASES)
def test_sound_is_kept(tmp_path, container, sound, suffix, said):
    source, target = recording(tmp_path / "clip", container, sound), tmp_path / f"new{suffix}"
    written = convert(source, target)
    assert written.audio == said
    codec, begins, lasts, wave = sound_of(target)
    assert codec == said.replace(", copied", "").split("converted to ")[-1]
    assert lasts == pytest.approx(1.44, abs=0.06)
    crossings = (np.diff(np.sign(wave[len(wave) // 4 : -len(wave) // 4].astype(float))) != 0).mean()
    assert crossings * len(wave) / lasts / 2 == pytest.approx(458, rel=0.1)  # Hz, still the tone
    before = read_clip(source)[1][0] / 1000 - sound_of(source)[1]
    assert read_clip(target)[1][0] / 1000 - begins == pytest.approx(before, abs=0.03)  # in step with the picture


def test_voices_are_noted(tmp_path):
    (note,) = convert(recording(tmp_path / "clip", "mp4", "aac"), tmp_path / "new.mkv").notes
    assert "voices are not de-identified" in note


def test_no_sound(tmp_path, clip):
    written = convert(clip, tmp_path / "new.mkv")
    assert written.audio == "none" and written.notes == []


@pytest.mark.parametrize(
    ("sound", "suffix"),
    [("libopus", ".webm"), ("pcm_s16le", ".webm"), ("pcm_s16le", ".mkv"), ("pcm_s16le", ".mov")],
)
def test_a_recording_that_starts_late_starts_at_0(tmp_path, sound, suffix):
    times = [5000 + 40 * k for k in range(12)]
    source = write_clip(tmp_path / "clip.mkv", FRAMES[:12], times=times, sound=sound)
    assert sound_of(source)[1] > 4.9
    convert(source, tmp_path / f"new{suffix}")
    assert read_clip(tmp_path / f"new{suffix}")[1][0] < 20  # ms
    assert abs(sound_of(tmp_path / f"new{suffix}")[1]) < 0.02


def test_sound_before_the_first_frame_is_kept(tmp_path):
    """It is read before the size of the picture is known, so before anything can be written."""
    times = [480 + 40 * k for k in range(12)]
    source = write_clip(tmp_path / "late.mkv", FRAMES[:12], times=times)
    with av.open(str(source)) as late, av.open(str(tmp_path / "clip.mkv"), "w") as out:
        video = out.add_stream_from_template(late.streams.video[0])
        audio = out.add_stream("pcm_s16le", rate=48000, layout="mono")
        tone = av.AudioFrame.from_ndarray(np.ones((1, 48000), np.int16), format="s16", layout="mono")
        tone.sample_rate = 48000
        out.mux(audio.encode(tone))
        for packet in late.demux(video=0):
            if packet.dts is not None:
                packet.stream = video
                out.mux(packet)
        out.mux(audio.encode(None))
    packets = []
    with video_reading.opened(tmp_path / "clip.mkv") as clip:
        next(clip.frames(packets.append))
    assert packets
    convert(tmp_path / "clip.mkv", tmp_path / "new.mkv")
    _, begins, lasts, _ = sound_of(tmp_path / "new.mkv")
    assert begins == pytest.approx(0, abs=0.002) and lasts == pytest.approx(1, abs=0.002)
    assert read_clip(tmp_path / "new.mkv")[1] == times


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mov"])
def test_the_same_file_every_time(tmp_path, suffix):
    source = recording(tmp_path / "clip", "mp4", "aac")
    for name in ("a", "b"):
        convert(source, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_damaged_sound(tmp_path):
    source = recording(tmp_path / "clip.mkv", "matroska", "flac")
    with av.open(str(source)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0)]
    data = source.read_bytes()
    at = data.index(packets[2])
    source.write_bytes(data[:at] + bytes(len(packets[2])) + data[at + len(packets[2]) :])
    with pytest.raises(VideoError, match="clip.mkv has damaged sound .*: repair the sound or remove it[.]"):
        convert(source, tmp_path / "new.webm")
