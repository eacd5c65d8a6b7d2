"""Videos in and out: every way they can be shaped, and every way they can go wrong."""

import dataclasses
import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import av
import numpy as np
import pytest

from tests.clips import bright_square, read_clip, scene, write_clip
from uunet import atomic, engine, pipeline
from uunet.boxes import detection, tracking
from uunet.boxes.types import Roi
from uunet.channel.video_codec import round_trip
from uunet.errors import UUNetError
from uunet.media import profiles
from uunet.pipeline import frame, video
from uunet.wire import messages, protocol

FRAMES = [scene(k) for k in range(12)]
HEADS = tracking.track([[detection.head_roi(bright_square(f)[0], 48, 64)] for f in FRAMES])
ROIS = [[roi for _, roi in heads] for heads in HEADS]


def test_clip_fixture_is_exact(clip):
    frames, times = read_clip(clip)
    assert all((a == b).all() for a, b in zip(frames, FRAMES, strict=True))
    assert times == [40 * k for k in range(12)]


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_there_and_back(tmp_path, clip, encoder, decoder, suffix):
    before = clip.read_bytes()
    calls = []

    def note(*progress):
        calls.append(progress)

    target = tmp_path / f"public{suffix}"
    result = pipeline.deidentify_video(clip, target, encoder, bright_square, seed=1, progress=note)
    assert (result.frames, result.heads, result.frames_without_heads, result.tracks) == (12, 12, 0, 1)
    assert result.bytes == target.stat().st_size and result.audio == "none" and result.notes == ()
    assert list(result.seconds) == ["detect", "de-identify", "verify"]
    assert calls == [("detect", 12, 12), ("de-identify", 12, 12), ("verify", 12, 12)]
    assert clip.read_bytes() == before and sorted(os.listdir(tmp_path)) == ["clip.mkv", target.name]

    expected = frame.deidentify_frames(FRAMES, HEADS, engine.Deidentifier(encoder, 1))
    public, times = read_clip(target)
    assert all((a == b).all() for a, b in zip(public, expected, strict=True))
    assert times == [40 * k for k in range(12)]
    assert pipeline.inspect_video(target).opened() == ROIS

    alone = tmp_path / "elsewhere"
    alone.mkdir()
    os.replace(target, alone / target.name)  # nothing but the public file
    back = pipeline.reconstruct_video(alone / target.name, tmp_path / f"back{suffix}", decoder)
    assert (back.frames, back.heads, back.frames_without_heads, back.tracks) == (12, 12, 0, None)
    restored, times = read_clip(tmp_path / f"back{suffix}")
    assert all((a == b).all() for a, b in zip(restored, frame.reconstruct_frames(expected, ROIS, decoder), strict=True))
    assert times == [40 * k for k in range(12)]


def test_containers_agree_and_a_seed_repeats_the_file(tmp_path, clip, noise_encoder):
    for name, seed in (("a.webm", 5), ("b.webm", 5), ("c.mkv", 5), ("d.mkv", 5), ("e.webm", 6)):
        pipeline.deidentify_video(clip, tmp_path / name, noise_encoder, bright_square, seed=seed)
    content = {name: (tmp_path / name).read_bytes() for name in ("a.webm", "b.webm", "c.mkv", "d.mkv", "e.webm")}
    assert content["a.webm"] == content["b.webm"] != content["e.webm"]
    assert content["c.mkv"] == content["d.mkv"]
    assert np.array_equal(read_clip(tmp_path / "a.webm")[0], read_clip(tmp_path / "c.mkv")[0])


def test_without_a_seed_no_two_files_are_alike(tmp_path, clip, noise_encoder):
    for name in ("a.mkv", "b.mkv"):
        pipeline.deidentify_video(clip, tmp_path / name, noise_encoder, bright_square)
    a, b = read_clip(tmp_path / "a.mkv")[0][0], read_clip(tmp_path / "b.mkv")[0][0]
    assert abs(a.astype(int) - b).max() > 50


def test_no_face_at_all(tmp_path, clip, encoder, decoder):
    result = pipeline.deidentify_video(clip, tmp_path / "public.mkv", encoder, lambda frame: [], seed=1)
    assert result.heads == result.tracks == 0 and result.frames_without_heads == 12
    assert pipeline.inspect_video(tmp_path / "public.mkv").opened() == [[]] * 12
    assert pipeline.reconstruct_video(tmp_path / "public.mkv", tmp_path / "back.mkv", decoder).heads == 0


def test_boxes_from_a_file_instead_of_a_detector(tmp_path, clip, encoder):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("frame,x,y,w,h,track\n2,5,6,20,21,4\n2,30,6,9,9,1\n3,6,6,20,21,4\n")
    result = pipeline.deidentify_video(clip, tmp_path / "public.mkv", encoder, detection.from_file(boxes), seed=1)
    assert (result.heads, result.tracks, result.frames_without_heads) == (3, 2, 10)
    rois = pipeline.inspect_video(tmp_path / "public.mkv").opened()
    assert rois[2:4] == [[Roi(30, 6, 9, 9), Roi(5, 6, 20, 21)], [Roi(6, 6, 20, 21)]] and not any(rois[4:])


def test_more_frames_than_one_batch(tmp_path, encoder, monkeypatch, clip):
    pipeline.deidentify_video(clip, tmp_path / "a.mkv", encoder, bright_square, seed=1)
    monkeypatch.setattr(video, "FRAMES_AT_ONCE", 5)
    pipeline.deidentify_video(clip, tmp_path / "b.mkv", encoder, bright_square, seed=1)
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mov"])
def test_variable_frame_rate(tmp_path, encoder, decoder, suffix):
    times = [0, 40, 80, 81, 300, 1300, 1333, 1367, 1400, 5000]
    source = write_clip(tmp_path / "clip.mkv", FRAMES[:10], times=times)
    pipeline.deidentify_video(source, tmp_path / f"public{suffix}", encoder, bright_square, seed=1)
    pipeline.reconstruct_video(tmp_path / f"public{suffix}", tmp_path / "back.mp4", decoder)
    for name in (f"public{suffix}", "back.mp4"):
        assert read_clip(tmp_path / name)[1] == times


def test_odd_sides(tmp_path, encoder, decoder):
    frames = [scene(k, 47, 63) for k in range(3)]
    source = write_clip(tmp_path / "clip.mkv", frames)
    for suffix in (".webm", ".mkv", ".mov"):
        pipeline.deidentify_video(source, tmp_path / f"public{suffix}", encoder, bright_square, seed=1)
        assert read_clip(tmp_path / f"public{suffix}")[0][0].shape == (47, 63, 3)
    back = pipeline.reconstruct_video(tmp_path / "public.webm", tmp_path / "back.mp4", decoder)
    assert read_clip(tmp_path / "back.mp4")[0][0].shape == (47, 63, 3) and "4:4:4" in back.notes[0]


ONE = 1 << 16
UPRIGHT = {  # display matrix -> what a viewer sees
    (0, ONE, -ONE, 0): lambda f: np.rot90(f, -1),  # a phone held upright
    (0, -ONE, ONE, 0): np.rot90,
    (-ONE, 0, 0, -ONE): lambda f: np.rot90(f, 2),
    (-ONE, 0, 0, ONE): np.fliplr,
    (ONE, 0, 0, -ONE): np.flipud,
}


@pytest.mark.parametrize("matrix", UPRIGHT)
def test_rotation_and_mirroring_are_applied(tmp_path, encoder, matrix):
    source = write_clip(tmp_path / "clip.mp4", FRAMES[:2])
    data = source.read_bytes()
    a, b, c, d = matrix
    at = data.index(b"tkhd") + 4 + 40  # the matrix in a version 0 track header
    assert struct.unpack(">9i", data[at : at + 36]) == (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
    source.write_bytes(data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :])
    pipeline.deidentify_video(source, tmp_path / "public.mkv", encoder, lambda frame: [], seed=1)
    public = read_clip(tmp_path / "public.mkv")[0]
    for got, frame_before in zip(public, FRAMES, strict=False):
        want = UPRIGHT[matrix](frame_before)
        assert got.shape == want.shape and abs(got.astype(int) - want).max() <= 1


def test_tilted_video(tmp_path, encoder):
    source = write_clip(tmp_path / "clip.mp4", FRAMES[:2])
    data = source.read_bytes()
    at = data.index(b"tkhd") + 4 + 40
    tilt = int(ONE * 0.7071)
    source.write_bytes(data[:at] + struct.pack(">9i", tilt, tilt, 0, -tilt, tilt, 0, 0, 0, 1 << 30) + data[at + 36 :])
    with pytest.raises(video.VideoError, match="not a multiple of 90"):
        pipeline.deidentify_video(source, tmp_path / "public.mkv", encoder, bright_square)


@pytest.mark.parametrize(
    ("container", "codec", "pixels"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
        ("mpegts", "libx264", "yuv420p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("matroska", "mjpeg", "yuvj420p"),
        ("h264", "libx264", "yuv420p"),  # a raw stream: no times at all
    ],
)
def test_inputs(tmp_path, encoder, container, codec, pixels):
    source = write_clip(tmp_path / "clip", FRAMES, codec=codec, pixels=pixels, container=container)
    result = pipeline.deidentify_video(source, tmp_path / "public.mkv", encoder, bright_square, seed=1)
    assert result.frames == 12 and result.heads == 12 and result.tracks == 1
    times = read_clip(tmp_path / "public.mkv")[1]
    assert np.abs(np.diff(times) - 40).max() <= 1 and times[0] == 0  # also where the source starts at another time


def test_deep_colour_is_noted(tmp_path, encoder):
    source = write_clip(tmp_path / "clip.mkv", FRAMES[:2], codec="ffv1", pixels="yuv422p10le")
    result = pipeline.deidentify_video(source, tmp_path / "public.mkv", encoder, bright_square, seed=1)
    assert "10 bits" in result.notes[0]


def sound_of(path):
    with av.open(str(path)) as container:
        name = container.streams.audio[0].codec_context.codec.canonical_name
        frames = list(container.decode(audio=0))
    wave = np.concatenate([f.to_ndarray().reshape(f.to_ndarray().shape[0], -1)[0] for f in frames])
    return name, float(frames[0].pts * frames[0].time_base), sum(f.samples / f.sample_rate for f in frames), wave


@pytest.mark.parametrize(
    ("container", "sound", "suffix", "becomes", "said"),
    [
        ("matroska", "libopus", ".webm", "opus", "opus, copied"),
        ("mp4", "aac", ".webm", "opus", "aac, converted to opus"),
        ("mp4", "aac", ".mkv", "aac", "aac, copied"),
        ("mp4", "aac", ".mov", "aac", "aac, copied"),
        ("matroska", "libopus", ".mov", "aac", "opus, converted to aac"),
        ("mpegts", "aac", ".mkv", "aac", "aac, copied"),
        ("mov", "pcm_s16be", ".mkv", "flac", "pcm_s16be, converted to flac"),
    ],
)
def test_sound(tmp_path, encoder, decoder, container, sound, suffix, becomes, said):
    codec = {"libopus": "libx264rgb"}.get(sound, "libx264")
    pixels = "rgb24" if codec == "libx264rgb" else "yuv420p"
    source = write_clip(tmp_path / "clip", FRAMES * 3, codec=codec, pixels=pixels, container=container, sound=sound)
    target = tmp_path / f"public{suffix}"
    result = pipeline.deidentify_video(source, target, encoder, bright_square, seed=1)
    assert result.audio == said and "voices are not de-identified" in result.notes[0]
    back = pipeline.reconstruct_video(target, tmp_path / "back.mp4", decoder)
    assert back.audio == ("aac, copied" if becomes == "aac" else f"{becomes}, converted to aac")
    start = read_clip(source)[1][0] / 1000 - sound_of(source)[1]
    for path, name in ((target, becomes), (tmp_path / "back.mp4", "aac")):
        codec, begins, lasts, wave = sound_of(path)
        assert codec == name and lasts == pytest.approx(1.44, abs=0.06)
        assert read_clip(path)[1][0] / 1000 - begins == pytest.approx(start, abs=0.03)  # in step with the picture
        crossings = (np.diff(np.sign(wave[len(wave) // 4 : -len(wave) // 4].astype(float))) != 0).mean()
        assert crossings * len(wave) / lasts / 2 == pytest.approx(458, rel=0.1)  # Hz, still the tone


@pytest.mark.parametrize(
    ("sound", "suffix"),
    [("libopus", ".webm"), ("pcm_s16le", ".webm"), ("pcm_s16le", ".mkv"), ("pcm_s16le", ".mov")],
)
def test_a_recording_that_starts_late_starts_at_0(tmp_path, encoder, sound, suffix):
    times = [5000 + 40 * k for k in range(12)]
    source = write_clip(tmp_path / "clip.mkv", FRAMES, times=times, sound=sound)
    assert sound_of(source)[1] > 4.9
    pipeline.deidentify_video(source, tmp_path / f"public{suffix}", encoder, bright_square, seed=1)
    assert read_clip(tmp_path / f"public{suffix}")[1][0] < 20  # ms
    assert abs(sound_of(tmp_path / f"public{suffix}")[1]) < 0.02


def test_seed_repeats_the_sound_too(tmp_path, encoder):
    source = write_clip(tmp_path / "clip.mp4", FRAMES, codec="libx264", pixels="yuv420p", sound="aac")
    for name in ("a.webm", "b.webm"):
        pipeline.deidentify_video(source, tmp_path / name, encoder, bright_square, seed=5)
    assert (tmp_path / "a.webm").read_bytes() == (tmp_path / "b.webm").read_bytes()


def test_tags_are_dropped(tmp_path, encoder):
    source = tmp_path / "clip.mkv"
    with av.open(str(source), "w") as out:
        out.metadata["title"] = "Interview with Anna"
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(FRAMES[0], format="rgb24").reformat(format="bgr0")))
        out.mux(stream.encode(None))
    assert b"Anna" in source.read_bytes()
    for name in ("a.webm", "b.mkv", "c.mov"):
        pipeline.deidentify_video(source, tmp_path / name, encoder, bright_square)
        assert b"Anna" not in (tmp_path / name).read_bytes()


# What goes wrong: one sentence, and nothing left behind.


def fails(tmp_path, says, call, kind=UUNetError):
    def content():
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    before = content()
    with pytest.raises(kind, match=says) as caught:
        call()
    assert content() == before
    return str(caught.value)


def deidentify_fails(tmp_path, source, says, encoder, target="public.mkv", detector=bright_square, **options):
    def call():
        pipeline.deidentify_video(source, tmp_path / target, encoder, detector, **options)

    message = fails(tmp_path, says, call)
    assert "\n" not in message and message.endswith(".")


@pytest.mark.parametrize("target", ["public.avi", "public", "public.webm.part"])
def test_lossy_target(tmp_path, clip, encoder, target):
    deidentify_fails(tmp_path, clip, "write .webm, .mkv, .mp4 or .mov; ", encoder, target)


def test_source_is_no_video(tmp_path, encoder):
    deidentify_fails(tmp_path, tmp_path / "none.mp4", "not a file", encoder)
    deidentify_fails(tmp_path, tmp_path, "not a file", encoder)
    deidentify_fails(tmp_path, tmp_path / f"{'x' * 300}.mp4", "not a video that can be read .File name too", encoder)
    for name, data in (("empty.mp4", b""), ("text.mp4", b"hello, world. " * 99)):
        (tmp_path / name).write_bytes(data)
        deidentify_fails(tmp_path, tmp_path / name, "not a video that can be read", encoder)


def test_sound_only(tmp_path, encoder):
    with av.open(str(tmp_path / "clip.wav"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        tone.sample_rate = 8000
        out.mux(stream.encode(tone))
        out.mux(stream.encode(None))
    deidentify_fails(tmp_path, tmp_path / "clip.wav", "holds no video stream", encoder)


def test_no_frame(tmp_path, encoder):
    for name, codec in (("clip.avi", "mpeg4"), ("clip.mkv", "ffv1")):
        with av.open(str(tmp_path / name), "w") as out:
            stream = out.add_stream(codec, rate=25)
            stream.width, stream.height = 64, 48
            out.start_encoding()
        deidentify_fails(tmp_path, tmp_path / name, "holds no frame|not a video that can be read .End of file", encoder)


def test_picture_changes_its_size(tmp_path, encoder):
    for width in (64, 80):
        frames = [scene(k, 48, width) for k in range(3)]
        write_clip(tmp_path / f"{width}.h264", frames, codec="libx264", pixels="yuv420p")
    (tmp_path / "clip.h264").write_bytes((tmp_path / "64.h264").read_bytes() + (tmp_path / "80.h264").read_bytes())
    deidentify_fails(tmp_path, tmp_path / "clip.h264", "changes its size at frame 3", encoder)


def noisy(n):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 90, (48, 64, 3), dtype=np.uint8) for _ in range(n)]


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "libx264"), ("mpegts", "libx264"), ("avi", "mpeg4"), ("h264", "libx264")]
)
def test_truncated(tmp_path, encoder, container, codec):
    source = write_clip(tmp_path / "clip", noisy(75), codec=codec, pixels="yuv420p", container=container)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    deidentify_fails(tmp_path, source, r"truncated|damaged at frame \d+ or near it", encoder)


def test_truncated_mp4(tmp_path, encoder):
    source = write_clip(tmp_path / "clip.mp4", noisy(9), codec="libx264", pixels="yuv420p")
    source.write_bytes(source.read_bytes()[:-900])
    deidentify_fails(tmp_path, source, "not a video that can be read", encoder)


def test_damaged_frame_is_named(tmp_path, encoder):
    source = write_clip(tmp_path / "clip.avi", noisy(20), codec="mpeg4", pixels="yuv420p", gop=1)
    data = bytearray(source.read_bytes())
    at = [k for k in range(len(data) - 4) if data[k : k + 4] == b"00dc"][10] + 40  # inside the packet of frame 10
    data[at : at + 60] = bytes(byte ^ 0x5A for byte in data[at : at + 60])
    source.write_bytes(data)
    deidentify_fails(tmp_path, source, "damaged at frame (9|10|11) or near it", encoder)


def test_frame_too_small_for_its_message(tmp_path, encoder):
    source = write_clip(tmp_path / "clip.mkv", [np.zeros((6, 8, 3), np.uint8)], codec="ffv1", pixels="bgr0")
    heads = {0: [(0, Roi(0, 0, 6, 6))]}
    deidentify_fails(tmp_path, source, "8 x 6 pixels can hide 18 bytes .* needs 26", encoder, detector=heads)


def test_target_exists(tmp_path, clip, encoder):
    (tmp_path / "public.mkv").write_bytes(b"precious")
    deidentify_fails(tmp_path, clip, "exists already", encoder)
    pipeline.deidentify_video(clip, tmp_path / "public.mkv", encoder, bright_square, overwrite=True)
    assert len(pipeline.inspect_video(tmp_path / "public.mkv").opened()) == 12


def test_target_is_the_source_or_cannot_be(tmp_path, clip, encoder, decoder):
    deidentify_fails(tmp_path, clip, "is the input itself", encoder, "clip.mkv", overwrite=True)
    deidentify_fails(tmp_path, clip, "No such file or directory", encoder, "none/public.mkv")


def test_networks_mixed_up(tmp_path, clip, encoder, decoder):
    deidentify_fails(tmp_path, clip, "encoder takes RGB and noise", decoder)


def test_boxes_of_another_video(tmp_path, clip, encoder):
    boxes = {12: [(0, Roi(0, 0, 9, 9))]}
    deidentify_fails(tmp_path, clip, "frame 12 but the last frame is 11", encoder, detector=boxes)


@pytest.mark.parametrize("stage", ["detect", "de-identify", "verify"])
def test_interrupted(tmp_path, clip, encoder, stage):
    def interrupt(at, done, total):
        if at == stage:
            raise KeyboardInterrupt

    def call():
        pipeline.deidentify_video(clip, tmp_path / "public.webm", encoder, bright_square, progress=interrupt)

    fails(tmp_path, None, call, KeyboardInterrupt)


def test_a_writer_that_is_not_exact_is_caught(tmp_path, clip, encoder, monkeypatch):
    lossy = dataclasses.replace(profiles.LOSSLESS_WEB, options={"crf": "20", "b": "0"})
    monkeypatch.setattr(profiles, "VIDEOS", (lossy,))
    deidentify_fails(tmp_path, clip, "frame 0 does not read back as it was written", encoder, "public.webm")


@pytest.mark.parametrize("n", [5, 20])
def test_source_changes_between_the_passes(tmp_path, clip, encoder, n):
    def change(stage, done, total):
        if stage == "detect":
            write_clip(clip, [scene(k) for k in range(n)])

    with pytest.raises(video.VideoError, match="changed while it was read"):
        pipeline.deidentify_video(clip, tmp_path / "public.mkv", encoder, bright_square, progress=change)
    assert os.listdir(tmp_path) == ["clip.mkv"]


@pytest.mark.parametrize(("said", "says"), [(11, "more frames .* than the 11"), (13, "fewer frames .* than the 13")])
def test_a_writer_of_more_or_fewer_frames_is_caught(tmp_path, public, decoder, monkeypatch, said, says):
    verified = video._verified

    def miscounting(part, target, form, written, report):
        return verified(part, target, form, [*written, written[-1]][:said], report)

    monkeypatch.setattr(video, "_verified", miscounting)
    fails(tmp_path, says, lambda: pipeline.reconstruct_video(public, tmp_path / "back.mkv", decoder))


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX file size limits")
def test_disk_full(tmp_path):
    """A file size limit stands in for a full disk: writing fails in the middle, or only when the file is closed."""
    script = f"""
        import os, resource, sys
        sys.path.insert(0, {str(Path(__file__).parents[2])!r})
        import numpy as np
        from tests.clips import linear_network, write_clip
        from uunet.errors import UUNetError
        from uunet.pipeline import deidentify_video
        os.chdir({str(tmp_path)!r})
        rng = np.random.default_rng(0)
        encoder = linear_network(4, np.zeros((4, 3)), 0.0)
        cases = (("public.mkv", 240, 200_000), ("public.webm", 240, 200_000), ("public.mkv", 16, 500))
        clips = []
        for k, (_, side, _) in enumerate(cases):
            noise = rng.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
            clips.append(write_clip(f"clip{{k}}.mkv", noise, codec="ffv1", pixels="bgr0"))
        for clip, (target, _, limit) in zip(clips, cases):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                deidentify_video(clip, target, encoder, lambda f: [])
            except UUNetError as error:
                print("SENTENCE", error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=300)
    sentences = [line for line in done.stdout.splitlines() if line.startswith("SENTENCE")]
    assert len(sentences) == 3 and all("cannot be written (File too large)" in line for line in sentences), done
    assert sorted(os.listdir(tmp_path)) == ["clip0.mkv", "clip1.mkv", "clip2.mkv"]


# Public files that were touched.


@pytest.fixture
def public(tmp_path, clip, encoder):
    pipeline.deidentify_video(clip, tmp_path / "public.mkv", encoder, bright_square, seed=1)
    return tmp_path / "public.mkv"


def reconstruct_fails(tmp_path, source, says, decoder, kind=UUNetError, target="back.webm"):
    fails(tmp_path, says, lambda: pipeline.reconstruct_video(source, tmp_path / target, decoder), kind)
    with pytest.raises(kind, match=says):
        pipeline.inspect_video(source).opened()


def test_plain_video_is_not_reconstructed(tmp_path, clip, decoder):
    reconstruct_fails(tmp_path, clip, "^Frames 0 to .*no UU-Net message", decoder, protocol.NoMessageError)


def test_lossily_re_encoded(tmp_path, public, decoder):
    frames, _ = read_clip(public)
    source = write_clip(tmp_path / "copy.mp4", frames, codec="libx264", pixels="yuv444p")  # "lossless" H.264, 8-bit YUV
    reconstruct_fails(tmp_path, source, "^Frames 0 to ", decoder)


def test_frames_reordered_or_missing(tmp_path, public, decoder):
    frames, _ = read_clip(public)
    for name, changed, says in (
        ("swapped.mkv", [*frames[:4], frames[5], frames[4], *frames[6:]], "^Frame 4: .*of frame 5"),
        ("missing.mkv", [*frames[:4], *frames[5:]], "^Frame 4: .*of frame 5"),
        ("repeated.mkv", [*frames[:4], *frames[3:]], "^Frame 4: .*of frame 3"),
    ):
        reconstruct_fails(tmp_path, write_clip(tmp_path / name, changed), says, decoder, protocol.FrameIndexError)


def test_one_changed_bit(tmp_path, public, decoder):
    frames, _ = read_clip(public)
    frames[7] = frames[7].copy()
    frames[7][0, 40, 1] ^= 1  # sample 121: in the body of the message
    source = write_clip(tmp_path / "touched.mkv", frames)
    reconstruct_fails(tmp_path, source, "^Frame 7: .*damaged", decoder, protocol.DamagedMessageError)


def test_reconstruction_format(tmp_path, public, decoder):
    def call():
        pipeline.reconstruct_video(public, tmp_path / "back.avi", decoder)

    fails(tmp_path, "name a .webm, .mkv or .mp4 file", call)


def test_reconstruction_never_replaces_the_public_file(tmp_path, public, decoder):
    def call():
        pipeline.reconstruct_video(public, public, decoder, overwrite=True)

    fails(tmp_path, "is the input itself", call, atomic.OutputError)


def test_the_codec_of_training_is_that_of_public_files(tmp_path, encoder, rng):
    """`round_trip` gives, bit for bit, the pixels that the pipeline's .mp4 of the same frames reads back as."""
    frames = [scene(k, 240, 320) for k in range(13)]
    frames = [image + rng.integers(0, 8, image.shape, np.uint8) for image in frames]
    clip, public = write_clip(tmp_path / "clip.mkv", frames), tmp_path / "public.mp4"
    pipeline.deidentify_video(clip, public, encoder, {}, seed=0, crf=28)
    written = frame.deidentify_frames(frames, [[]] * len(frames), engine.Deidentifier(encoder, 0), method=messages.QIM)
    np.testing.assert_array_equal(round_trip(written, 28), video.read_frames(public))
