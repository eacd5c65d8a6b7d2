"""Videos there and back: what a public file carries, what is refused, and what a reader notices of touched files."""

import os
import struct
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from tests.clips import bright_square, fails, read_clip, scene, write_clip
from uunet import atomic, engine, pipeline
from uunet.boxes import box_file, detection, tracking
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Roi, rois_of
from uunet.channel.video_codec import round_trip
from uunet.errors import UUNetError
from uunet.media import video_reading, video_writing
from uunet.media.video_reading import VideoError
from uunet.pipeline import frame
from uunet.wire import messages, protocol

FRAMES = [scene(k) for k in range(12)]
HEADS = tracking.track([[detection.head_roi(bright_square(f)[0], 48, 64)] for f in FRAMES])
ROIS = rois_of(HEADS)


def test_clip_fixture_is_exact(clip):
    frames, times = read_clip(clip)
    assert all((a == b).all() for a, b in zip(frames, FRAMES, strict=True))
    assert times == [40 * k for k in range(12)]


@pytest.fixture
def public(tmp_path, clip, encoder):
    pipeline.deidentify_video(clip, tmp_path / "public.mkv", encoder, bright_square, pipeline.PublicOptions(seed=1))
    return tmp_path / "public.mkv"


# There and back.


@pytest.fixture(scope="module", params=[".webm", ".mkv"])
def made(request, tmp_path_factory, encoder, decoder):
    """A clip, its public file, and what was reconstructed from nothing but that."""
    folder, calls = tmp_path_factory.mktemp("made"), []
    clip = write_clip(folder / "clip.mkv", FRAMES)
    before, public = clip.read_bytes(), folder / f"public{request.param}"
    there = pipeline.deidentify_video(
        clip, public, encoder, bright_square, pipeline.PublicOptions(seed=1), progress=lambda *call: calls.append(call)
    )
    assert clip.read_bytes() == before and sorted(os.listdir(folder)) == ["clip.mkv", public.name]
    alone = tmp_path_factory.mktemp("alone") / public.name
    os.replace(public, alone)
    again = alone.with_name(f"again{request.param}")
    back = pipeline.reconstruct_video(alone, again, decoder)
    return SimpleNamespace(public=alone, again=again, there=there, back=back, calls=calls)


def test_result_of_deidentification(made):
    there = made.there
    assert (there.frames, there.heads, there.frames_without_heads, there.tracks) == (12, 12, 0, 1)
    assert there.bytes == made.public.stat().st_size and there.audio == "none" and there.notes == ()
    assert list(there.seconds) == ["detect", "de-identify", "verify"]


def test_progress_of_deidentification(made):
    assert made.calls == [("detect", 12, 12), ("de-identify", 12, 12), ("verify", 12, 12)]


def test_public_frames_are_those_of_arrays(made, encoder):
    public, times = read_clip(made.public)
    expected = frame.Publisher(engine.Deidentifier(encoder, 1))(FRAMES, HEADS)
    assert all((a == b).all() for a, b in zip(public, expected, strict=True))
    assert times == [40 * k for k in range(12)]


def test_public_file_carries_its_boxes(made):
    assert pipeline.inspect_video(made.public).opened() == ROIS


def test_result_of_reconstruction(made):
    back = made.back
    assert (back.frames, back.heads, back.frames_without_heads, back.tracks) == (12, 12, 0, None)
    assert list(back.seconds) == ["read", "reconstruct", "verify"]


def test_reconstructed_frames_are_those_of_arrays(made, decoder):
    restored, times = read_clip(made.again)
    expected = frame.reconstruct_frames(read_clip(made.public)[0], ROIS, decoder)
    assert all((a == b).all() for a, b in zip(restored, expected, strict=True))
    assert times == [40 * k for k in range(12)]


@pytest.fixture
def opened(monkeypatch):
    """The files that PyAV opens, by name: "r" or "w" for each time."""
    files, really = {}, av.open

    def noting(file, mode="r", **options):
        files.setdefault(Path(file).name if ".part." not in file else "result", []).append(mode)
        return really(file, mode, **options)

    monkeypatch.setattr(av, "open", noting)
    return files


def test_the_source_is_opened_once_per_pass(tmp_path, clip, encoder, opened):
    pipeline.deidentify_video(clip, tmp_path / "public.mkv", encoder, bright_square, pipeline.PublicOptions(seed=1))
    assert opened == {"clip.mkv": ["r", "r"], "result": ["w", "r"]}


GIVEN = GivenBoxes({k: [(None, rois[0])] for k, rois in enumerate(ROIS)})


@pytest.mark.parametrize("boxes", [None, GIVEN], ids=["hidden", "given"])
def test_the_public_file_is_opened_once_per_pass(tmp_path, public, decoder, opened, boxes):
    opened.clear()
    pipeline.reconstruct_video(public, tmp_path / "back.mkv", decoder, pipeline.RestoreOptions(boxes=boxes))
    assert opened == {"public.mkv": ["r", "r"], "result": ["w", "r"]}


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_a_seed_repeats_the_file(tmp_path, clip, noise_encoder, suffix):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        pipeline.deidentify_video(
            clip, tmp_path / f"{name}{suffix}", noise_encoder, bright_square, pipeline.PublicOptions(seed=seed)
        )
    a, b, c = ((tmp_path / f"{name}{suffix}").read_bytes() for name in "abc")
    assert a == b != c


def test_containers_agree(tmp_path, clip, noise_encoder):
    for name in ("a.webm", "a.mkv"):
        pipeline.deidentify_video(clip, tmp_path / name, noise_encoder, bright_square, pipeline.PublicOptions(seed=5))
    assert np.array_equal(read_clip(tmp_path / "a.webm")[0], read_clip(tmp_path / "a.mkv")[0])


def test_without_a_seed_no_two_files_are_alike(tmp_path, clip, noise_encoder):
    for name in ("a.mkv", "b.mkv"):
        pipeline.deidentify_video(clip, tmp_path / name, noise_encoder, bright_square)
    a, b = read_clip(tmp_path / "a.mkv")[0][0], read_clip(tmp_path / "b.mkv")[0][0]
    assert abs(a.astype(int) - b).max() > 50


def test_no_face_at_all(tmp_path, clip, encoder, decoder):
    result = pipeline.deidentify_video(
        clip, tmp_path / "public.mkv", encoder, lambda frame: [], pipeline.PublicOptions(seed=1)
    )
    assert result.heads == result.tracks == 0 and result.frames_without_heads == 12
    assert pipeline.inspect_video(tmp_path / "public.mkv").opened() == [[]] * 12
    assert pipeline.reconstruct_video(tmp_path / "public.mkv", tmp_path / "back.mkv", decoder).heads == 0


def test_boxes_from_a_file_instead_of_a_detector(tmp_path, clip, encoder):
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("frame,x,y,w,h,track\n2,5,6,20,21,4\n2,30,6,9,9,1\n3,6,6,20,21,4\n")
    result = pipeline.deidentify_video(
        clip, tmp_path / "public.mkv", encoder, box_file.read(boxes), pipeline.PublicOptions(seed=1)
    )
    assert (result.heads, result.tracks, result.frames_without_heads) == (3, 2, 10)
    rois = pipeline.inspect_video(tmp_path / "public.mkv").opened()
    assert rois[2:4] == [[Roi(30, 6, 9, 9), Roi(5, 6, 20, 21)], [Roi(6, 6, 20, 21)]] and not any(rois[4:])


def test_more_frames_than_one_batch(tmp_path, encoder, monkeypatch, clip):
    pipeline.deidentify_video(clip, tmp_path / "a.mkv", encoder, bright_square, pipeline.PublicOptions(seed=1))
    monkeypatch.setattr(video_reading, "FRAMES_AT_ONCE", 5)
    pipeline.deidentify_video(clip, tmp_path / "b.mkv", encoder, bright_square, pipeline.PublicOptions(seed=1))
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mov"])
def test_variable_frame_rate(tmp_path, encoder, decoder, suffix):
    times = [0, 40, 80, 81, 300, 1300, 1333, 1367, 1400, 5000]
    source = write_clip(tmp_path / "clip.mkv", FRAMES[:10], times=times)
    pipeline.deidentify_video(
        source, tmp_path / f"public{suffix}", encoder, bright_square, pipeline.PublicOptions(seed=1)
    )
    pipeline.reconstruct_video(tmp_path / f"public{suffix}", tmp_path / "back.mp4", decoder)
    for name in (f"public{suffix}", "back.mp4"):
        assert read_clip(tmp_path / name)[1] == times


def test_frames_are_changed_upright(tmp_path, encoder):
    """A phone held upright; the other ways to show a video are in tests/media/test_video_reading.py."""
    data, one = write_clip(tmp_path / "clip.mp4", FRAMES[:2]).read_bytes(), 1 << 16
    at = data.index(b"tkhd") + 4 + 40  # the matrix in a version 0 track header
    turned = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    (tmp_path / "clip.mp4").write_bytes(data[:at] + turned + data[at + 36 :])
    pipeline.deidentify_video(
        tmp_path / "clip.mp4", tmp_path / "public.mkv", encoder, bright_square, pipeline.PublicOptions(seed=1)
    )
    public, heads = read_clip(tmp_path / "public.mkv")[0], pipeline.inspect_video(tmp_path / "public.mkv").opened()
    for seen, stored, ((x, y, w, h),) in zip(public, FRAMES[:2], heads, strict=True):
        change = abs(seen.astype(int) - np.rot90(stored, -1))
        assert change[y : y + h, x : x + w].mean() > 50
        change[y : y + h, x : x + w] = 0
        assert change.max() <= 1


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
    result = pipeline.deidentify_video(
        source, tmp_path / "public.mkv", encoder, bright_square, pipeline.PublicOptions(seed=1)
    )
    assert result.frames == 12 and result.heads == 12 and result.tracks == 1
    times = read_clip(tmp_path / "public.mkv")[1]
    assert np.abs(np.diff(times) - 40).max() <= 1 and times[0] == 0  # also where the source starts at another time


def test_sound_is_kept(tmp_path, encoder, decoder):
    source = write_clip(tmp_path / "clip.mp4", FRAMES, codec="libx264", pixels="yuv420p", sound="aac")
    there = pipeline.deidentify_video(
        source, tmp_path / "public.webm", encoder, bright_square, pipeline.PublicOptions(seed=5)
    )
    assert there.audio == "aac, converted to opus" and "voices are not de-identified" in there.notes[0]
    assert pipeline.reconstruct_video(tmp_path / "public.webm", tmp_path / "back.mkv", decoder).audio == "opus, copied"


# What goes wrong: one sentence, and nothing left behind.


def deidentify_fails(tmp_path, source, says, encoder, target="public.mkv", detector=bright_square, **options):
    def call():
        pipeline.deidentify_video(source, tmp_path / target, encoder, detector, pipeline.PublicOptions(**options))

    fails(tmp_path, says, call)


@pytest.mark.parametrize("target", ["public.avi", "public", "public.webm.part"])
def test_lossy_target(tmp_path, clip, encoder, target):
    deidentify_fails(tmp_path, clip, "write .webm, .mkv, .mp4 or .mov; ", encoder, target)


@pytest.mark.parametrize("name", ["none.mp4", "text.mp4"])
def test_source_is_no_video(tmp_path, encoder, name):
    (tmp_path / "text.mp4").write_bytes(b"hello, world. " * 99)
    deidentify_fails(tmp_path, tmp_path / name, "is not a file|is not a video that can be read", encoder)


def test_source_is_truncated(tmp_path, encoder):
    source = write_clip(tmp_path / "clip.mkv", FRAMES * 6)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    deidentify_fails(tmp_path, source, r"truncated|damaged at or near frame \d+:", encoder)


def test_frame_too_small_for_its_message(tmp_path, encoder):
    source = write_clip(tmp_path / "clip.mkv", [np.zeros((6, 8, 3), np.uint8)], codec="ffv1", pixels="bgr0")
    heads = GivenBoxes({0: [(0, Roi(0, 0, 6, 6))]})
    deidentify_fails(tmp_path, source, "8 x 6 pixels can hide 18 bytes .* needs 26", encoder, detector=heads)


def test_target_exists(tmp_path, clip, encoder):
    (tmp_path / "public.mkv").write_bytes(b"precious")
    deidentify_fails(tmp_path, clip, "exists already", encoder)
    pipeline.deidentify_video(
        clip, tmp_path / "public.mkv", encoder, bright_square, pipeline.PublicOptions(overwrite=True)
    )
    assert len(pipeline.inspect_video(tmp_path / "public.mkv").opened()) == 12


def test_target_is_the_source(tmp_path, clip, encoder):
    deidentify_fails(tmp_path, clip, "is the input itself", encoder, "clip.mkv", overwrite=True)


def test_target_in_a_folder_that_does_not_exist(tmp_path, clip, encoder):
    deidentify_fails(tmp_path, clip, "No such file or directory", encoder, "none/public.mkv")


def test_networks_mixed_up(tmp_path, clip, decoder):
    deidentify_fails(tmp_path, clip, "encoder takes RGB and noise", decoder)


def test_boxes_of_another_video(tmp_path, clip, encoder):
    boxes = GivenBoxes({12: [(0, Roi(0, 0, 9, 9))]})
    deidentify_fails(tmp_path, clip, "frame 12 but the last frame is 11", encoder, detector=boxes)


@pytest.mark.parametrize("stage", ["detect", "de-identify", "verify"])
def test_interrupted(tmp_path, clip, encoder, stage):
    def interrupt(at, done, total):
        if at == stage:
            raise KeyboardInterrupt

    def call():
        pipeline.deidentify_video(clip, tmp_path / "public.webm", encoder, bright_square, progress=interrupt)

    fails(tmp_path, None, call, KeyboardInterrupt)


def test_a_writer_that_changes_pixels_is_caught(tmp_path, clip, encoder, monkeypatch):
    av_frame = video_writing._av_frame
    monkeypatch.setattr(video_writing, "_av_frame", lambda rgb, *rest: av_frame(rgb ^ 1, *rest))
    deidentify_fails(tmp_path, clip, "frame 0 does not read back as it was written", encoder)


@pytest.mark.parametrize("n", [5, 20])
def test_source_changes_between_the_passes(tmp_path, clip, encoder, n):
    def change(stage, done, total):
        if stage == "detect":
            write_clip(clip, [scene(k) for k in range(n)])

    with pytest.raises(VideoError, match="changed while it was read"):
        pipeline.deidentify_video(clip, tmp_path / "public.mkv", encoder, bright_square, progress=change)
    assert os.listdir(tmp_path) == ["clip.mkv"]


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: [*f[:4], f[5], f[4], *f[6:]], "^Frame 4: .*of frame 5"),
        (lambda f: [*f[:4], *f[5:]], "^Frames 4 to [0-9]+: .*position 4 .*of frame 5"),
        (lambda f: [*f[:4], *f[3:]], "^Frames 4 to [0-9]+: .*position 4 .*of frame 3"),
    ],
    ids=["swapped", "missing", "repeated"],
)
def test_frames_reordered_or_missing(tmp_path, public, decoder, change, says):
    touched = write_clip(tmp_path / "touched.mkv", change(read_clip(public)[0]))
    reconstruct_fails(tmp_path, touched, says, decoder, protocol.FrameIndexError)


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
        pipeline.reconstruct_video(public, public, decoder, pipeline.RestoreOptions(overwrite=True))

    fails(tmp_path, "is the input itself", call, atomic.OutputError)


@pytest.mark.slow
def test_the_codec_of_training_is_that_of_public_files(tmp_path, encoder, rng):
    """`round_trip` gives, bit for bit, the pixels that the pipeline's .mp4 of the same frames reads back as."""
    frames = [scene(k, 240, 320) for k in range(13)]
    frames = [image + rng.integers(0, 8, image.shape, np.uint8) for image in frames]
    clip, public = write_clip(tmp_path / "clip.mkv", frames), tmp_path / "public.mp4"
    pipeline.deidentify_video(clip, public, encoder, GivenBoxes(), pipeline.PublicOptions(seed=0, crf=28))
    written = frame.Publisher(engine.Deidentifier(encoder, 0), method=messages.QIM)(frames, [[]] * len(frames))
    np.testing.assert_array_equal(round_trip(written, 28), video_reading.read_frames(public))
