"""Motion JPEG and JPEG pictures that carry boxes in their coefficients: what is stored, and what a reader notices."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from tests.clips import linear_network, read_clip, scene, write_clip
from uunet import pipeline
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.media import images, video_writing
from uunet.media.video_reading import VideoError
from uunet.stego import jpeg
from uunet.wire import messages, protocol

HEIGHT, WIDTH = 90, 111
KEY, OTHER_KEY = bytes(range(32)), bytes(32)
FRAMES = [scene(k, HEIGHT, WIDTH) for k in range(12)]
TABLE = {k: [(4, Roi(20 + 2 * k, 30, 24, 32))] + [(7, Roi(1, 2, 9, 9))] * (k > 5) for k in range(12)}
ROIS = [[roi for _, roi in sorted(TABLE[k])] for k in range(12)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A clip and its public files."""
    folder = tmp_path_factory.mktemp("made")
    encoder = linear_network(4, np.vstack([-np.eye(3), np.zeros((1, 3))]), 1.0)
    clip = write_clip(folder / "clip.mkv", FRAMES)
    for name, secret in (("plain.mov", None), ("sealed.mov", KEY), ("other.mov", KEY)):
        pipeline.deidentify_video(
            clip, folder / name, encoder, GivenBoxes(TABLE), pipeline.PublicOptions(seed=1, secret=secret)
        )
    return folder


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def remuxed(path, frames):
    """These JPEG files as a video; nothing is decoded."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuvj444p"
        for k, data in enumerate(frames):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, k, k, Fraction(1, 25)
            packet.duration, packet.is_keyframe = 1, True
            out.mux(packet)
    return path


def failed(path, secret=None):
    return [(first, last, str(error)) for first, last, error in pipeline.inspect_video(path, secret=secret).failed()]


@pytest.mark.parametrize(("name", "secret"), [("plain.mov", None), ("sealed.mov", KEY)])
def test_there_and_back(made, decoder, tmp_path, name, secret):
    found = pipeline.inspect_video(made / name, secret=secret)
    assert (found.stream.method, found.shape, found.opened()) == (messages.JPEG, (HEIGHT, WIDTH), ROIS)
    public, times = read_clip(made / name)
    assert times == [40 * k for k in range(12)]
    for original, seen, rois in zip(FRAMES, public, ROIS, strict=True):
        outside = np.ones((HEIGHT, WIDTH), bool)
        for x, y, w, h in rois:
            outside[y : y + h, x : x + w] = False
        assert abs(seen.astype(int) - original)[outside].mean() < 2
        x, y, w, h = rois[0]
        assert abs(seen[y : y + h, x : x + w].astype(int) - (255 - original[y : y + h, x : x + w])).mean() < 12
    result = pipeline.reconstruct_video(
        made / name, tmp_path / "back.mkv", decoder, pipeline.RestoreOptions(secret=secret)
    )
    assert (result.frames, result.heads) == (12, 18)
    for original, seen, rois in zip(FRAMES, read_clip(tmp_path / "back.mkv")[0], ROIS, strict=True):
        x, y, w, h = rois[0]
        assert abs(seen[y : y + h, x : x + w].astype(int) - original[y : y + h, x : x + w]).mean() < 12


def test_a_seed_repeats_the_file(made, encoder, tmp_path):
    pipeline.deidentify_video(
        made / "clip.mkv", tmp_path / "again.mov", encoder, GivenBoxes(TABLE), pipeline.PublicOptions(seed=1)
    )
    assert (tmp_path / "again.mov").read_bytes() == (made / "plain.mov").read_bytes()


def test_keys(made, decoder, tmp_path):
    closed = pipeline.inspect_video(made / "sealed.mov")
    assert closed.boxes == [None] * 12 and closed.failures == {} and len(closed.stream.stream_id) == 16
    for name, secret, says in (
        ("sealed.mov", None, "is sealed: give the key"),
        ("sealed.mov", OTHER_KEY, "^Frames 0 to 9: .*does not open"),
        ("plain.mov", KEY, "^Frames 0 to 9: .*anybody may have written"),
    ):
        with pytest.raises(UUNetError, match=says):
            pipeline.reconstruct_video(
                made / name, tmp_path / "back.mkv", decoder, pipeline.RestoreOptions(secret=secret)
            )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mov", ".mp4"])
def test_any_container_will_do(made, tmp_path, suffix):
    assert pipeline.inspect_video(remuxed(tmp_path / f"copy{suffix}", packets(made / "plain.mov"))).opened() == ROIS


@pytest.mark.parametrize(("name", "secret"), [("plain.mov", None), ("sealed.mov", KEY)])
@pytest.mark.parametrize(
    ("change", "first", "says"),
    [
        (lambda f: f[:4] + f[5:], 4, "frame 4 was cut out or moved"),
        (lambda f: f[:5] + f[4:], 5, "frame 4 was repeated"),
        (lambda f: [*f[:2], f[3], f[2], *f[4:]], 2, "carries the message of frame 3"),
    ],
)
def test_frames_cut_out_repeated_or_moved(made, tmp_path, name, secret, change, first, says):
    spans = failed(remuxed(tmp_path / "touched.mov", change(packets(made / name))), secret)
    assert spans[0][0] == first and says in spans[0][2]


def test_two_streams_spliced(made, tmp_path):
    spliced = packets(made / "sealed.mov")[:5] + packets(made / "other.mov")[5:]
    for secret in (KEY, None):
        ((first, last, says),) = failed(remuxed(tmp_path / "spliced.mov", spliced), secret)
        assert (first, last) == (5, 11) and "from another file" in says


def test_encoded_again(made, decoder, tmp_path, monkeypatch):
    monkeypatch.setattr(jpeg, "QUALITY", 80)
    frames = packets(made / "plain.mov")
    decoded = read_clip(made / "plain.mov")[0]
    one = remuxed(tmp_path / "one.mov", [*frames[:3], jpeg.encode(decoded[3]), *frames[4:]])
    assert [span[:2] for span in failed(one)] == [(3, 3)]
    remuxed(tmp_path / "all.mov", map(jpeg.encode, decoded))
    with pytest.raises(protocol.NoMessageError, match="^Frames 0 to 9: .*no UU-Net message.*re-encoded"):
        pipeline.reconstruct_video(tmp_path / "all.mov", tmp_path / "back.mkv", decoder)


def test_a_video_of_another_camera_carries_nothing(tmp_path):
    for pixels in ("yuvj420p", "yuvj422p"):
        clip = write_clip(tmp_path / "clip.avi", FRAMES, codec="mjpeg", pixels=pixels)
        assert all("no UU-Net message" in says for *_, says in failed(clip))


def test_shown_at_another_angle(made, tmp_path):
    """Its boxes are counted in the frame as it is stored, so they would not be where the heads are seen."""
    data, one = (made / "plain.mov").read_bytes(), 1 << 16
    at = data.index(b"tkhd") + 4 + 40
    assert struct.unpack(">9i", data[at : at + 36]) == (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", -one, 0, 0, 0, -one, 0, 0, 0, 1 << 30)
    (tmp_path / "turned.mov").write_bytes(data[:at] + turned + data[at + 36 :])
    assert [span[:2] for span in failed(tmp_path / "turned.mov")] == [(0, 11)]


def test_a_writer_that_changes_a_byte_is_caught(made, encoder, tmp_path, monkeypatch):
    packet = video_writing._packet
    monkeypatch.setattr(video_writing, "_packet", lambda data, *rest: packet(data + b"\0", *rest))
    with pytest.raises(VideoError, match="frame 0 does not read back as it was written"):
        pipeline.deidentify_video(
            made / "clip.mkv", tmp_path / "public.mov", encoder, GivenBoxes(TABLE), pipeline.PublicOptions(seed=1)
        )
    assert not list(tmp_path.iterdir())


def test_no_head_and_too_many(made, encoder, tmp_path):
    pipeline.deidentify_video(
        made / "clip.mkv", tmp_path / "none.mov", encoder, GivenBoxes(), pipeline.PublicOptions(seed=1, secret=KEY)
    )
    assert pipeline.inspect_video(tmp_path / "none.mov", secret=KEY).opened() == [[]] * 12
    crowd = {3: [(k, Roi(k % 90, k % 70, 9, 9)) for k in range(60)]}
    with pytest.raises(UUNetError, match="^Frame 3: .*111 x 90 pixels can hold 378 bytes in its JPEG coefficients"):
        pipeline.deidentify_video(
            made / "clip.mkv", tmp_path / "public.mov", encoder, GivenBoxes(crowd), pipeline.PublicOptions(seed=1)
        )


def test_robust_hiding_in_motion_jpeg(encoder, tmp_path):
    clip = write_clip(tmp_path / "clip.mkv", [scene(k, 240, 320) for k in range(12)])
    table = {k: [(0, Roi(100 + k, 60, 24, 32))] for k in range(12)}
    pipeline.deidentify_video(
        clip, tmp_path / "public.mov", encoder, GivenBoxes(table), pipeline.PublicOptions(seed=1, method=messages.QIM)
    )
    found = pipeline.inspect_video(tmp_path / "public.mov")
    assert found.stream.method == messages.QIM and found.opened() == [[table[k][0][1]] for k in range(12)]


@pytest.mark.parametrize("orientation", [1, 3])
def test_a_picture_with_an_orientation_written_into_it(encoder, tmp_path, orientation):
    Image.fromarray(FRAMES[0]).save(tmp_path / "in.png")
    options = {"seed": 1, "method": messages.JPEG}
    pipeline.deidentify_image(
        tmp_path / "in.png",
        tmp_path / "public.jpg",
        encoder,
        GivenBoxes({0: TABLE[0]}),
        pipeline.PublicOptions(**options),
    )
    exif = Image.Exif()
    exif[images.ORIENTATION] = orientation
    data, content = (tmp_path / "public.jpg").read_bytes(), exif.tobytes()
    segment = b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content
    (tmp_path / "turned.jpg").write_bytes(data[:2] + segment + data[2:])
    found = pipeline.inspect_image(tmp_path / "turned.jpg")
    assert found.boxes == ([ROIS[0]] if orientation == 1 else [None])
