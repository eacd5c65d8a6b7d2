"""Videos that are read: every way they can be shaped, and every way they can be damaged."""

import struct

import av
import numpy as np
import pytest

from tests.clips import scene, write_clip
from uunet.media import profiles, video_reading, video_writing
from uunet.media.video_reading import VideoError
from uunet.stego import lsb
from uunet.wire import messages

FRAMES = [scene(k) for k in range(12)]


def read(path):
    with video_reading.opened(path) as clip:
        return list(clip.frames())


def refused(path, says):
    with pytest.raises(VideoError, match=says) as caught:
        read(path)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_all_frames_are_read_exactly(clip):
    for frame, expected in zip(read(clip), FRAMES, strict=True):
        np.testing.assert_array_equal(frame.rgb, expected)
        assert frame.jpeg is None and frame.carrier is frame.rgb


def test_read_frames(clip):
    for rgb, expected in zip(video_reading.read_frames(clip), FRAMES, strict=True):
        np.testing.assert_array_equal(rgb, expected)


def test_times_and_durations(clip):
    assert [(frame.time, frame.duration) for frame in read(clip)] == [(40 * k, 40) for k in range(12)]


def test_times_of_a_variable_frame_rate(tmp_path):
    times = [0, 40, 80, 81, 300, 1300, 1333, 1367, 1400, 5000]
    source = write_clip(tmp_path / "clip.mkv", FRAMES[:10], times=times)
    assert [frame.time for frame in read(source)] == times


def test_announced_number_of_frames(clip):
    with video_reading.opened(clip) as opened:
        assert opened.announced == 12


@pytest.mark.parametrize(
    ("container", "codec", "pixels"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
        ("mpegts", "libx264", "yuv420p"),  # starts at another time than 0
        ("webm", "libvpx-vp9", "yuv420p"),
        ("matroska", "mjpeg", "yuvj420p"),
        ("h264", "libx264", "yuv420p"),  # a raw stream: no times at all
    ],
)
def test_formats(tmp_path, container, codec, pixels):
    frames = read(write_clip(tmp_path / "clip", FRAMES, codec=codec, pixels=pixels, container=container))
    assert len(frames) == 12 and frames[0].rgb.shape == (48, 64, 3) and frames[0].rgb.dtype == np.uint8
    times = [frame.time for frame in frames]
    assert times[0] == 0 and np.abs(np.diff(times) - 40).max() <= 1


def test_frames_of_motion_jpeg_come_with_their_files(tmp_path):
    source = write_clip(tmp_path / "clip.avi", FRAMES, codec="mjpeg", pixels="yuvj420p")
    for frame in read(source):
        assert frame.jpeg.startswith(b"\xff\xd8")
        assert isinstance(frame.carrier, messages.Jpeg) and frame.carrier.data == frame.jpeg


def test_packets_of_other_streams_are_handed_on(tmp_path):
    source = write_clip(tmp_path / "clip.mkv", FRAMES, sound="pcm_s16le")
    packets = []
    with video_reading.opened(source) as clip:
        assert len(list(clip.frames(packets.append))) == 12
        assert {packet.stream.type for packet in packets} == {"audio"}
        assert sum(packet.size for packet in packets) == 12 * 1920 * 2 * 2


def test_a_title_need_not_be_utf_8(clip):
    written = clip.read_bytes()
    assert b"Lavf" in written  # who wrote it, in the metadata of the file
    clip.write_bytes(written.replace(b"Lavf", b"\xff\xfe\x87\xf8"))
    for frame, expected in zip(read(clip), FRAMES, strict=True):
        np.testing.assert_array_equal(frame.rgb, expected)
    assert profiles.of(clip, messages.LSB) is not None


def test_batches():
    assert list(video_reading.batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(video_reading.batches(range(4), 2)) == [[0, 1], [2, 3]]
    assert list(video_reading.batches([], 2)) == []


ONE = 1 << 16
UPRIGHT = {  # display matrix -> what a viewer sees
    (0, ONE, -ONE, 0): lambda f: np.rot90(f, -1),  # a phone held upright
    (0, -ONE, ONE, 0): np.rot90,
    (-ONE, 0, 0, -ONE): lambda f: np.rot90(f, 2),
    (-ONE, 0, 0, ONE): np.fliplr,
    (ONE, 0, 0, -ONE): np.flipud,
}


def displayed(path, matrix):
    """A clip to be shown through a display matrix."""
    return through(write_clip(path, FRAMES[:2]), matrix)


def through(path, matrix):
    """The same file with a display matrix."""
    data = path.read_bytes()
    a, b, c, d = matrix
    at = data.index(b"tkhd") + 4 + 40  # the matrix in a version 0 track header
    assert struct.unpack(">9i", data[at : at + 36]) == (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
    path.write_bytes(data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :])
    return path


@pytest.mark.parametrize("matrix", UPRIGHT)
def test_rotation_and_mirroring_are_applied(tmp_path, matrix):
    for frame, stored in zip(read(displayed(tmp_path / "clip.mp4", matrix)), FRAMES[:2], strict=True):
        np.testing.assert_array_equal(frame.rgb, UPRIGHT[matrix](stored))


def test_tilted_video(tmp_path):
    tilt = int(ONE * 0.7071)
    refused(displayed(tmp_path / "clip.mp4", (tilt, tilt, -tilt, tilt)), "not a multiple of 90")


def test_no_file(tmp_path):
    refused(tmp_path / "none.mp4", "not a file")


def test_folder(tmp_path):
    refused(tmp_path, "not a file")


def test_name_that_is_too_long(tmp_path):
    refused(tmp_path / f"{'x' * 300}.mp4", "not a video that can be read .File name too")


@pytest.mark.parametrize("data", [b"", b"hello, world. " * 99])
def test_no_video(tmp_path, data):
    (tmp_path / "clip.mp4").write_bytes(data)
    refused(tmp_path / "clip.mp4", "not a video that can be read")


def test_sound_only(tmp_path):
    with av.open(str(tmp_path / "clip.wav"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        tone.sample_rate = 8000
        out.mux(stream.encode(tone))
        out.mux(stream.encode(None))
    refused(tmp_path / "clip.wav", "holds no video stream")


@pytest.mark.parametrize(("name", "codec"), [("clip.avi", "mpeg4"), ("clip.mkv", "ffv1")])
def test_no_frame(tmp_path, name, codec):
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height = 64, 48
        out.start_encoding()
    refused(tmp_path / name, "holds no frame|not a video that can be read .End of file")


def test_picture_changes_its_size(tmp_path):
    for width in (64, 80):
        frames = [scene(k, 48, width) for k in range(3)]
        write_clip(tmp_path / f"{width}.h264", frames, codec="libx264", pixels="yuv420p")
    (tmp_path / "clip.h264").write_bytes((tmp_path / "64.h264").read_bytes() + (tmp_path / "80.h264").read_bytes())
    refused(tmp_path / "clip.h264", "changes its picture size at frame 3")


def noisy(n):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 90, (48, 64, 3), dtype=np.uint8) for _ in range(n)]


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "libx264"), ("mpegts", "libx264"), ("avi", "mpeg4"), ("h264", "libx264")]
)
def test_truncated(tmp_path, container, codec):
    source = write_clip(tmp_path / "clip", noisy(75), codec=codec, pixels="yuv420p", container=container)
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    refused(source, r"truncated|damaged at or near frame \d+:")


def test_truncated_mp4(tmp_path):
    source = write_clip(tmp_path / "clip.mp4", noisy(9), codec="libx264", pixels="yuv420p")
    source.write_bytes(source.read_bytes()[:-900])
    refused(source, "not a video that can be read")


def test_damaged_frame_is_named(tmp_path):
    source = write_clip(tmp_path / "clip.avi", noisy(20), codec="mpeg4", pixels="yuv420p", gop=1)
    data = bytearray(source.read_bytes())
    at = [k for k in range(len(data) - 4) if data[k : k + 4] == b"00dc"][10] + 40  # inside the packet of frame 10
    data[at : at + 60] = bytes(byte ^ 0x5A for byte in data[at : at + 60])
    source.write_bytes(data)
    refused(source, "damaged at or near frame (9|10|11):")


# Views and envelopes.


def planes_of(frame):
    """Y, U and V as PyAV itself gives them."""
    height, width = frame.rgb.shape[:2]
    values = frame.decoded.to_ndarray()
    if values.ndim == 3:
        return list(values)
    rows, low, narrow = values.reshape(-1), height // 2, width // 2
    chroma = rows[height * width :].reshape(2, low, narrow)
    return [rows[: height * width].reshape(height, width), *chroma]


@pytest.mark.parametrize(("pixels", "chroma"), [("yuv420p", 2), ("yuvj420p", 2), ("yuv444p", 1)])
@pytest.mark.parametrize("width", [64, 70])
def test_the_view_of_h264_is_its_planes(tmp_path, pixels, chroma, width):
    source = write_clip(tmp_path / "clip.mkv", [scene(k, 50, width) for k in range(4)], codec="libx264", pixels=pixels)
    for frame in read(source):
        assert [step for _, step in frame.view] == [1, chroma, chroma]
        for (array, step), plane in zip(frame.view, planes_of(frame), strict=True):
            assert array.shape == (50 // step, width // step)
            np.testing.assert_array_equal(array, plane)
            assert not array.flags.writeable


def assert_seen_as_rgb(frame):
    ((array, step),) = frame.view
    np.testing.assert_array_equal(array, frame.rgb >> 1)
    assert step == 1


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [
        ("libx264rgb", "rgb24"),
        ("ffv1", "bgr0"),
        ("libx264", "yuv422p"),
        ("libx264", "yuv420p10le"),
        ("mpeg4", "yuv420p"),
        ("mjpeg", "yuvj422p"),
    ],
)
def test_other_formats_are_seen_as_rgb(tmp_path, codec, pixels):
    for frame in read(write_clip(tmp_path / "clip.mkv", FRAMES[:3], codec=codec, pixels=pixels)):
        assert_seen_as_rgb(frame)
        assert frame.envelope_reader(9, offset=2) == lsb.reveal(frame.rgb, 9, offset=2)


def test_the_view_of_motion_jpeg_is_its_blocks(tmp_path):
    source = write_clip(tmp_path / "clip.avi", FRAMES[:2], codec="mjpeg", pixels="yuvj420p")
    for frame in read(source):
        assert [(array.shape, step) for array, step in frame.view] == [
            ((6, 8, 8, 8), 8),
            ((3, 4, 8, 8), 16),
            ((3, 4, 8, 8), 16),
            ((1, 1, 3, 8, 8), 2**16),
        ]


def with_sei(path):
    """A clip that carries bytes, in .mp4."""
    source = write_clip(path.with_suffix(".mkv"), FRAMES)
    keep = {"change": lambda frames, first: [frame.rgb for frame in frames], "report": lambda done: None}
    video_writing.convert(source, path, profiles.H264, **keep, attach=lambda k, view: b"envelope %d" % k)
    return path


@pytest.mark.parametrize("matrix", UPRIGHT)
def test_envelopes_in_a_video_that_was_rotated_are_refused(tmp_path, matrix):
    assert read(with_sei(tmp_path / "clip.mp4"))[3].envelope_reader(99) == b"envelope 3"
    frame = read(through(tmp_path / "clip.mp4", matrix))[3]
    with pytest.raises(VideoError, match="displayed rotated or mirrored"):
        _ = frame.envelope_reader
    assert_seen_as_rgb(frame)
