"""Boxes into the pixels of real files and out again: profiles, seals, groups, and what a reader must notice."""

import os
import re
from functools import partial

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.clips import bright_square, linear_network, read_clip, scene, write_clip
from uunet import engine, pipeline
from uunet.boxes import motion, types
from uunet.boxes.box_file import BoxesError, GivenBoxes
from uunet.boxes.types import Roi, rois_of
from uunet.errors import UUNetError
from uunet.media import images, profiles
from uunet.pipeline import frame
from uunet.stego import lsb, qim
from uunet.wire import contents, crypto, messages, protocol

HEIGHT, WIDTH = 480, 512  # room for a sealed message in a lossy frame
KEY, OTHER_KEY = bytes(range(32)), bytes(32)
FRAMES = [scene(k, HEIGHT, WIDTH) for k in range(25)]
TABLE = {k: [(4, Roi(100 + 2 * k, 120, 16, 16))] + [(7, Roi(300, 200, 24, 24))] * (k > 17) for k in range(25)}
BOXES = GivenBoxes(TABLE)
# in a lossy file a head of a group is in all of its frames
LOSSY_ROIS = [[Roi(100 + 2 * k, 120, 16, 16)] + [Roi(300, 200, 24, 24)] * (k >= 10) for k in range(25)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Public files of one clip, by name: plain and sealed, lossless and not."""
    folder = tmp_path_factory.mktemp("made")
    encoder = linear_network(4, np.vstack([-np.eye(3), np.zeros((1, 3))]), 1.0)
    clip = write_clip(folder / "clip.mkv", FRAMES)
    for name, secret in (("plain.mkv", None), ("sealed.mkv", KEY), ("plain.mp4", None), ("sealed.mp4", KEY)):
        pipeline.deidentify_video(clip, folder / name, encoder, BOXES, pipeline.PublicOptions(seed=1, secret=secret))
    return folder


def carry(clip, shape, sealed=False):
    """The boxes of a lossy file, and how many of its groups stand still."""
    return motion.carry(clip, messages.GROUP, *shape[:2], partial(messages.moving_fits, shape=shape, sealed=sealed))


def write_exact(path, frames):
    """A file of exactly these frames, in the codec of tests: what a cut or splice would leave of the pixels."""
    return write_clip(path, frames)


@pytest.mark.slow
def test_h264(made, decoder, tmp_path):
    found = pipeline.inspect_video(made / "plain.mp4")
    assert (found.stream.method, found.stream.suite, found.shape) == (messages.QIM, protocol.PLAIN, (HEIGHT, WIDTH))
    assert found.opened() == LOSSY_ROIS and found.failures == {}
    with av.open(str(made / "plain.mp4")) as container:
        assert [k for k, f in enumerate(container.decode(video=0)) if f.key_frame] == [0, 10, 20]
    public, times = read_clip(made / "plain.mp4")
    assert times == [40 * k for k in range(25)]
    for original, seen, rois in zip(FRAMES, public, LOSSY_ROIS, strict=True):
        for x, y, w, h in rois:  # negative in the whole of the box
            box = slice(y, y + h), slice(x, x + w)
            assert abs(seen[box].astype(int) - (255 - original[box])).mean() < 12
    result = pipeline.reconstruct_video(made / "plain.mp4", tmp_path / "back.mkv", decoder)
    assert (result.frames, result.heads) == (25, 40) and result.notes == ()
    for original, seen, rois in zip(FRAMES, read_clip(tmp_path / "back.mkv")[0], LOSSY_ROIS, strict=True):
        for x, y, w, h in rois:
            box = slice(y, y + h), slice(x, x + w)
            assert abs(seen[box].astype(int) - original[box]).mean() < 12


def test_a_seed_repeats_the_lossy_file(made, encoder, tmp_path):
    pipeline.deidentify_video(made / "clip.mkv", tmp_path / "again.mp4", encoder, BOXES, pipeline.PublicOptions(seed=1))
    assert (tmp_path / "again.mp4").read_bytes() == (made / "plain.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sealed.mkv", "sealed.mp4"])
def test_sealed_video(made, decoder, tmp_path, name):
    rois = LOSSY_ROIS if name.endswith("mp4") else rois_of(TABLE.values())
    closed = pipeline.inspect_video(made / name)
    assert closed.boxes == [None] * 25 and closed.failures == {} and len(closed.stream.stream_id) == 16
    assert pipeline.inspect_video(made / name, secret=KEY).opened() == rois
    assert (
        pipeline.reconstruct_video(
            made / name, tmp_path / "back.mkv", decoder, pipeline.RestoreOptions(secret=KEY)
        ).frames
        == 25
    )
    for secret, says in ((None, "is sealed: give the key"), (OTHER_KEY, "^Frames 0 to .*does not open")):
        with pytest.raises(UUNetError, match=says):
            pipeline.reconstruct_video(
                made / name, tmp_path / "other.mkv", decoder, pipeline.RestoreOptions(secret=secret)
            )
    assert os.listdir(tmp_path) == ["back.mkv"]


@pytest.mark.parametrize("name", ["plain.mkv", "plain.mp4"])
def test_plain_video_where_a_key_is_given(made, decoder, tmp_path, name):
    with pytest.raises(protocol.PlainMessageError, match="^Frames 0 to 9: .*anybody may have written"):
        pipeline.reconstruct_video(made / name, tmp_path / "back.mkv", decoder, pipeline.RestoreOptions(secret=KEY))


@pytest.mark.slow
def test_two_files_of_one_key_have_nothing_in_common(made, encoder, tmp_path):
    pipeline.deidentify_video(
        made / "clip.mkv", tmp_path / "again.mkv", encoder, BOXES, pipeline.PublicOptions(seed=1, secret=KEY)
    )
    ids = [pipeline.inspect_video(p).stream.stream_id for p in (made / "sealed.mkv", tmp_path / "again.mkv")]
    assert ids[0] != ids[1]


def failed(path, secret=None):
    return [(first, last, str(error)) for first, last, error in pipeline.inspect_video(path, secret=secret).failed()]


def test_every_damaged_frame_is_listed(made, tmp_path):
    frames = [f.copy() for f in read_clip(made / "plain.mkv")[0]]
    for k in (0, 7, 8, 20):
        frames[k][0, :9] ^= 1  # in the header
    public = write_exact(tmp_path / "touched.mkv", frames)
    assert [span[:2] for span in failed(public)] == [(0, 0), (7, 8), (20, 20)]
    assert pipeline.inspect_video(public).boxes[9] == [TABLE[9][0][1]]
    with pytest.raises(UUNetError, match="^Frame 0: "):
        pipeline.inspect_video(public).opened()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "spans"),
    [
        (lambda f: f[:14] + f[15:], [(19, 19), (20, 23)]),  # cut out: the last of the second group is of the third
        (lambda f: f[:5] + f[4:], [(10, 10), (20, 20), (21, 25)]),  # repeated
        (lambda f: [*f[:5], f[12], *f[6:12], f[5], *f[13:]], [(5, 5), (12, 12)]),  # exchanged
        (lambda f: f[:22] + f[23:], [(20, 23)]),  # cut out of the last group
        (lambda f: f[:22] + f[21:], [(20, 25)]),
        (lambda f: f[:-1], [(20, 23)]),  # the end cut off
        (lambda f: f[:20], [(19, 19)]),
        (lambda f: f[:13], [(10, 12)]),
        (lambda f: f[:20] + f[:10], [(20, 29)]),  # a piece joined to it
    ],
)
@pytest.mark.parametrize(("name", "secret"), [("plain.mp4", None), ("sealed.mp4", KEY), ("sealed.mp4", None)])
def test_frames_moved_in_a_lossy_file(made, tmp_path, name, secret, change, spans):
    public = write_exact(tmp_path / "touched.mkv", change(read_clip(made / name)[0]))
    found = failed(public, secret)
    assert [span[:2] for span in found] == spans
    says = "carries the message of|is for [0-9]+ frames and not for|More frames followed|comes after the last one"
    assert all(re.search(says, sentence) for *_, sentence in found)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "span", "says"),
    [
        (lambda f: f[:14] + f[15:], (14, 23), "at position .* carries the message of frame"),  # cut out
        (lambda f: f[:5] + f[4:], (5, 25), "carries the message of frame 4 .frame 4 was repeated"),
        (lambda f: [*f[:5], f[6], f[5], *f[7:]], (5, 6), "carries the message of frame"),  # exchanged
        (lambda f: f[:-1], (23, 23), "More frames followed this one"),  # the end cut off
        (lambda f: f[:2], (1, 1), "More frames followed this one"),
        (lambda f: f + f[3:5], (25, 26), "carries the message of frame 3"),  # a piece joined to it
    ],
)
@pytest.mark.parametrize(("name", "secret"), [("plain.mkv", None), ("sealed.mkv", KEY), ("sealed.mkv", None)])
def test_frames_moved_in_a_lossless_file(made, decoder, tmp_path, name, secret, change, span, says):
    public = write_exact(tmp_path / "touched.mkv", change(read_clip(made / name)[0]))
    found = failed(public, secret)
    assert (found[0][0], found[-1][1]) == span and re.search(says, found[0][2])
    if secret or name == "plain.mkv":
        with pytest.raises(protocol.FrameIndexError, match=f"^Frames? {span[0]}"):
            pipeline.reconstruct_video(public, tmp_path / "back.mkv", decoder, pipeline.RestoreOptions(secret=secret))


@pytest.mark.parametrize("method", [messages.LSB, messages.QIM])
def test_a_longer_stream_joined_to_a_shorter_one(method):
    """Plain ones: the numbers go on, as a forger would have them; only the mark of the end tells."""
    short = messages.hide(FRAMES[:10], [[]] * 10, method=method)
    long = messages.hide(FRAMES[:20], [[]] * 20, method=method)
    found = messages.read([short, long[10:]])
    assert [(first, last) for first, last, _ in found.failed()] == [(10, 19)]
    assert "comes after the last one of its file" in str(found.failures[10])


def test_a_whole_group_cut_out(made, tmp_path):
    frames = read_clip(made / "plain.mp4")[0]
    public = write_exact(tmp_path / "touched.mkv", frames[:10] + frames[20:])
    ((first, last, says),) = failed(public)
    assert (first, last) == (10, 14) and "position 10 carries the message of frame 20" in says


def test_a_lost_group_is_named_and_the_others_are_read(made, tmp_path):
    frames = read_clip(made / "plain.mp4")[0]
    public = write_exact(tmp_path / "touched.mkv", [*frames[:10], *FRAMES[10:20], *frames[20:]])
    ((first, last, says),) = failed(public)
    assert (first, last) == (10, 19) and "no message that can be read" in says
    found = pipeline.inspect_video(public).boxes
    assert found[:10] == LOSSY_ROIS[:10] and found[20:] == LOSSY_ROIS[20:]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_two_streams_spliced(made, encoder, tmp_path, suffix):
    other = tmp_path / f"other{suffix}"
    pipeline.deidentify_video(made / "clip.mkv", other, encoder, BOXES, pipeline.PublicOptions(seed=1, secret=KEY))
    spliced = read_clip(made / f"sealed{suffix}")[0][:10] + read_clip(other)[0][10:]
    public = write_exact(tmp_path / "spliced.mkv", spliced)
    for secret in (KEY, None):
        ((first, last, says),) = failed(public, secret)
        assert (first, last) == (10, 24) and "from another file" in says


@pytest.mark.parametrize("name", ["sealed.mkv", "sealed.mp4"])
def test_sealed_for_another_size(made, tmp_path, name):
    frames = [np.pad(f, ((0, 16), (0, 0), (0, 0))) for f in read_clip(made / name)[0][:1]]
    if name == "sealed.mp4":  # the order depends on the size: the message is hidden again, as a forger might
        stream = pipeline.inspect_video(made / name, secret=KEY).stream
        again = crypto.seal_of(KEY, stream.suite, stream.stream_id)
        parts = protocol.pack_frame_message([], 0, shape=(HEIGHT, WIDTH), seal=again)
        frames = qim.hide(frames, b"".join(parts), messages.ORDER)
    with pytest.raises(protocol.FrameSizeError, match="512 x 496 pixels but its message is for 512 x 480"):
        messages.read([frames], KEY).opened()


def fails(tmp_path, kind, says, call):
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(kind, match=says) as caught:
        call()
    assert sorted(os.listdir(tmp_path)) == before
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@pytest.mark.slow
def test_what_the_codec_destroys_is_not_kept(made, encoder, tmp_path):
    for boxes, options in ((BOXES, {"crf": 51}), (GivenBoxes({0: [(0, Roi(0, 0, WIDTH, HEIGHT))]}), {})):

        def call(boxes=boxes, options=options):
            pipeline.deidentify_video(
                made / "clip.mkv", tmp_path / "public.mp4", encoder, boxes, pipeline.PublicOptions(seed=1, **options)
            )

        fails(tmp_path, UUNetError, "cannot hold the head boxes|head boxes leave too little", call)


def test_no_room(made, encoder, tmp_path):
    crowd = {3: [(k, Roi(k % 300, k // 2, 9, 9)) for k in range(500)]}
    small = write_clip(tmp_path / "small.mkv", [scene(k) for k in range(3)])
    for source, target, boxes, says in (
        (made / "clip.mkv", "public.mp4", crowd, "^Frame 0: .*512 x 480 pixels can hold .* bytes in its DCT"),
        (small, "public.mp4", {}, "^Frame 0: .*64 x 48 pixels can hold 0 bytes"),
        (small, "public.mkv", {2: crowd[3][:99]}, "^Frame 2: .*not inside the frame"),
        (small, "public.mkv", {2: [(k, Roi(0, 0, 9, 9)) for k in range(500)]}, "^Frame 2: .*can hide 1152 bytes but"),
    ):

        def call(source=source, target=target, boxes=boxes):
            pipeline.deidentify_video(
                source, tmp_path / target, encoder, GivenBoxes(boxes), pipeline.PublicOptions(seed=1)
            )

        fails(tmp_path, UUNetError, says, call)


@pytest.mark.slow
def test_no_head_in_many_frames(encoder, tmp_path):
    clip = write_clip(tmp_path / "clip.mkv", [scene(0)] * 300)
    for name, secret in (("plain.webm", None), ("sealed.webm", KEY)):
        pipeline.deidentify_video(
            clip, tmp_path / name, encoder, GivenBoxes(), pipeline.PublicOptions(seed=1, secret=secret)
        )
        assert pipeline.inspect_video(tmp_path / name, secret=secret).opened() == [[]] * 300


@pytest.mark.slow
def test_no_head_in_10_000_frames():
    frames = [np.full((16, 16, 3), 90, np.uint8)] * 10_000
    public = messages.hide(frames, [[]] * len(frames))
    groups = [public[k : k + messages.GROUP] for k in range(0, len(public), messages.GROUP)]
    assert messages.read(groups).opened() == [[]] * len(frames)


@settings(max_examples=30)
@given(st.binary(max_size=78), st.sampled_from([b"", b"UR\1\0", b"UR\1\0\3\1", b"UR\1\2\3\1"]), st.booleans())
def test_hostile_bytes_in_a_lossy_frame(data, prefix, sealed):
    """They come back whole, whatever they are, and are refused with a sentence."""
    hostile = qim.hide([np.full((272, 480, 3), 90, np.uint8)], (prefix + data)[:78], messages.ORDER)
    found = messages.read([hostile], KEY if sealed else None)
    assert found.boxes == [None] and isinstance(found.failures[0], UUNetError)


def test_hostile_length_in_a_lossy_frame():
    """The header is right and so is the CRC, but the body is longer than the frame: nothing is waited for."""
    header = protocol.HEADER.pack(b"UR", 1, 0, 3, 1, 65_535, 0)
    hostile = qim.hide([np.full((272, 480, 3), 90, np.uint8)], header + bytes(40), messages.ORDER)
    assert isinstance(messages.read([hostile]).failures[0], protocol.DamagedMessageError)


@pytest.mark.slow
def test_given_boxes_instead_of_the_messages(made, decoder, tmp_path):
    boxes = GivenBoxes({k: [(None, roi) for roi in rois] for k, rois in enumerate(LOSSY_ROIS)})
    pipeline.reconstruct_video(made / "plain.mp4", tmp_path / "a.mkv", decoder)
    pipeline.reconstruct_video(made / "sealed.mp4", tmp_path / "b.mkv", decoder, pipeline.RestoreOptions(boxes=boxes))
    pipeline.reconstruct_video(made / "plain.mp4", tmp_path / "c.mkv", decoder, pipeline.RestoreOptions(boxes=boxes))
    pipeline.reconstruct_video(
        made / "plain.mp4", tmp_path / "d.mkv", decoder, pipeline.RestoreOptions(boxes=GivenBoxes())
    )
    a, c, d = (read_clip(tmp_path / name)[0] for name in ("a.mkv", "c.mkv", "d.mkv"))
    assert np.array_equal(a, c) and np.array_equal(d, read_clip(made / "plain.mp4")[0])
    with pytest.raises(UUNetError, match="frame 25 but the last frame is 24"):
        pipeline.reconstruct_video(
            made / "plain.mp4", tmp_path / "e.mkv", decoder, pipeline.RestoreOptions(boxes=GivenBoxes({25: []}))
        )


# Pictures.

RGB = FRAMES[3]
HEAD = GivenBoxes({0: [(0, Roi(100, 120, 32, 32))]})


@pytest.mark.parametrize("secret", [None, KEY])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg"])
def test_picture(tmp_path, encoder, decoder, suffix, secret):
    Image.fromarray(RGB).save(tmp_path / "in.png")
    public = tmp_path / f"public{suffix}"
    assert (
        pipeline.deidentify_image(
            tmp_path / "in.png", public, encoder, HEAD, pipeline.PublicOptions(seed=1, secret=secret)
        )
        == 1
    )
    found = pipeline.inspect_image(public, secret=secret)
    assert found.opened() == [[HEAD.by_frame[0][0][1]]]
    assert found.stream.method == (messages.LSB if suffix == ".png" else messages.QIM)
    assert profiles.of(public, found.stream.method) == ("png" if suffix == ".png" else "jpeg")
    pipeline.reconstruct_image(public, tmp_path / "back.png", decoder, pipeline.RestoreOptions(secret=secret))
    box = slice(120, 152), slice(100, 132)
    assert abs(images.read(tmp_path / "back.png").rgb[box].astype(int) - RGB[box]).mean() < 12
    if secret:
        for wrong, says in ((None, "^The file is sealed"), (OTHER_KEY, "^The frame's message does not open")):
            with pytest.raises(UUNetError, match=says):
                pipeline.reconstruct_image(
                    public, tmp_path / "other.png", decoder, pipeline.RestoreOptions(secret=wrong)
                )


def test_arrays_may_be_sealed_too(encoder, decoder):
    public = pipeline.deidentify(RGB, encoder, HEAD, seed=1, secret=KEY)
    assert abs(pipeline.reconstruct(public, decoder, secret=KEY).astype(int) - RGB)[120:152, 100:132].mean() < 12
    with pytest.raises(protocol.SealedMessageError):
        pipeline.reconstruct(public, decoder)


def test_one_frame_of_a_clip_is_read_alone(made, decoder):
    lossless = read_clip(made / "plain.mkv")[0][10]
    lossy = messages.hide(FRAMES[:20], [[Roi(120, 120, 16, 16)]] * 20, method=messages.QIM)[10]
    for public, method in ((lossless, messages.LSB), (lossy, messages.QIM)):
        found = messages.read([[public]], alone=True)
        assert found.stream.method == method and found.boxes[0][0].x == 120
        with pytest.raises(protocol.FrameIndexError):
            messages.read([[public]]).opened()
        pipeline.reconstruct(public, decoder)


def test_one_frame_of_a_clip_in_which_heads_move_is_refused(made, decoder, tmp_path):
    """Also the first of its group: which it is, it does not say."""
    for name, secret in (("plain.mp4", None), ("sealed.mp4", KEY)):
        Image.fromarray(read_clip(made / name)[0][10]).save(tmp_path / "one.png")
        for key in {None, secret}:
            found = pipeline.inspect_image(tmp_path / "one.png", secret=key)
            assert found.boxes == [None] and "one of 10 frames of a video" in str(found.failures[0])

        def call(secret=secret):
            pipeline.reconstruct_image(
                tmp_path / "one.png", tmp_path / "back.png", decoder, pipeline.RestoreOptions(secret=secret)
            )

        fails(tmp_path, protocol.FrameIndexError, "heads move, .* not say which: give the whole public video", call)


def test_picture_that_cannot_be_a_jpeg(tmp_path, encoder):
    Image.fromarray(np.dstack([RGB, RGB[..., :1]])).save(tmp_path / "clear.png")
    Image.fromarray(RGB[:48, :64]).save(tmp_path / "small.png")
    Image.fromarray(np.dstack([RGB, np.full_like(RGB[..., :1], 255)])).save(tmp_path / "opaque.png")
    for name, boxes, says in (
        ("clear.png", {}, "partly transparent"),
        ("small.png", {}, "64 x 48 pixels can hold 0 bytes"),
        ("opaque.png", {0: [(0, Roi(0, 0, WIDTH, HEIGHT))]}, "cannot hold the head boxes|boxes leave too little"),
    ):

        def call(source=tmp_path / name, boxes=boxes):
            pipeline.deidentify_image(
                source, tmp_path / "public.jpg", encoder, GivenBoxes(boxes), pipeline.PublicOptions(seed=1)
            )

        fails(tmp_path, UUNetError, says, call)
    pipeline.deidentify_image(
        tmp_path / "opaque.png", tmp_path / "public.jpg", encoder, HEAD, pipeline.PublicOptions(seed=1)
    )


def test_folder_of_jpegs(tmp_path, encoder, decoder):
    (tmp_path / "in").mkdir()
    for k in range(2):
        Image.fromarray(FRAMES[k]).save(tmp_path / "in" / f"{k}.png")
    options = {"seed": 1, "profile": "jpeg", "secret": KEY}
    assert (
        pipeline.deidentify_folder(
            tmp_path / "in", tmp_path / "out", encoder, GivenBoxes(), pipeline.PublicOptions(**options)
        ).failed
        == {}
    )
    assert sorted(os.listdir(tmp_path / "out")) == ["0.jpg", "1.jpg"]
    back = pipeline.reconstruct_folder(
        tmp_path / "out", tmp_path / "back", decoder, pipeline.RestoreOptions(secret=KEY)
    )
    assert back.failed == {} and sorted(os.listdir(tmp_path / "back")) == ["0.png", "1.png"]
    given = GivenBoxes({1: [(None, Roi(1, 2, 30, 30))]})
    back = pipeline.reconstruct_folder(
        tmp_path / "out", tmp_path / "given", decoder, pipeline.RestoreOptions(boxes=given)
    )
    assert back.done == {"0.jpg": 0, "1.jpg": 1}
    with pytest.raises(BoxesError, match="picture 2 but the last one is 1"):
        pipeline.reconstruct_folder(
            tmp_path / "out", tmp_path / "none", decoder, pipeline.RestoreOptions(boxes=GivenBoxes({2: []}))
        )


# Profiles, and what they are made of.


@pytest.mark.parametrize("sealed", [False, True])
def test_fits_exactly(sealed):
    rois = [Roi(0, 0, 8, 7)]
    needed = protocol.message_length(rois, sealed=sealed)
    messages.check_fits(rois, (8, needed, 1), sealed=sealed)
    with pytest.raises(lsb.CapacityError):
        messages.check_fits(rois, (8, needed - 1, 1), sealed=sealed)


def test_frames_that_are_no_group():
    with pytest.raises(ValueError, match="not one group"):
        messages.hide(FRAMES[:2], [[], []], first_index=3, method=messages.QIM)
    for rois in ([[], [Roi(0, 0, 9, 9)]], [[Roi(0, 0, 9, 9)] * 2, []], [[Roi(2 * k**2, 0, 9, 9)] for k in range(3)]):
        with pytest.raises(ValueError, match="not one group with boxes on straight lines"):
            messages.hide(FRAMES[: len(rois)], rois, method=messages.QIM)
    with pytest.raises(ValueError, match="the 2 frames from 10 are not one group"):
        messages.hide(FRAMES[:2], [[], []], first_index=10, last=False, method=messages.QIM)


def test_lossy_frames_keep_the_faces_to_the_bit(encoder):
    held, _ = carry([TABLE[k] for k in range(20)], FRAMES[0].shape)
    public = frame.Publisher(engine.Deidentifier(encoder, 1), method=messages.QIM)(FRAMES[:20], held)
    lossless = frame.Publisher(engine.Deidentifier(linear_network(4, np.eye(4, 3), 0.0), 1))(FRAMES[:20], held)
    for image, other, heads in zip(public, lossless, held, strict=True):
        for _, (x, y, w, h) in heads:
            box = slice(y, y + h), slice(x, x + w)
            assert abs(image[box].astype(int) - (255 - other[box].astype(int))).max() <= 2  # one level of hiding


def header_of(frames):
    return protocol.read_header(messages._slices(qim.reveal(frames, messages.ORDER)))


def test_only_where_heads_move_a_message_says_so():
    table = [[(0, Roi(100 + 3 * max(0, k - 9), 120, 32, 32))] for k in range(21)]
    carried, still = carry(table, FRAMES[0].shape)
    assert carried == table and still == 0  # the last group is one frame
    rois = rois_of(carried)
    public = messages.hide([FRAMES[0]] * 21, rois, method=messages.QIM)
    groups = [public[:10], public[10:20], public[20:]]
    assert [header_of(group).moving for group in groups] == [False, True, False]
    assert messages.read(groups).opened() == rois


def test_the_faces_of_a_group_stay_in_all_frames_and_the_way_between_does_not():
    """Macroblocks that any box of the group touches carry nothing; those that only the union touches may."""
    rois = [[Roi(16 + 32 * k, 32 * k, 16, 16)] for k in range(10)]
    public = messages.hide(FRAMES[:10], rois, method=messages.QIM)
    changed = np.any([a != b for a, b in zip(public, FRAMES, strict=False)], axis=(0, 3))
    assert not any(changed[y : y + h, x : x + w].any() for some in rois for x, y, w, h in some)
    assert changed[:304, 16:320].any()


def test_too_many_that_move_stand_still():
    """Eight small heads may move within MOVING_MOST, sealed five; a small frame has room for one, or none."""
    table = [[(n, Roi(110 + 5 * n + 2 * k, 130, 32, 32)) for n in range(9)] for k in range(12)]
    for sealed, shape, most in (
        (False, (480, 640, 3), 8),
        (True, (480, 640, 3), 5),
        (False, (240, 320, 3), 1),
        (True, (240, 320, 3), 0),
    ):
        for n in range(1, 10):
            tracked = [heads[:n] for heads in table]
            carried, still = carry(tracked, shape, sealed=sealed)
            if n <= most:
                assert carried == tracked and still == 0
            else:
                assert carried == motion.hold(tracked[:10]) + motion.hold(tracked[10:]) and still == 2


@pytest.mark.slow
def test_how_many_groups_stand_still_is_said(made, encoder, tmp_path):
    crowd = {k: [(n, Roi(110 + 12 * n + k, 130, 10, 10)) for n in range(9 if k < 10 else 2)] for k in range(25)}
    result = pipeline.deidentify_video(
        made / "clip.mkv", tmp_path / "public.mp4", encoder, GivenBoxes(crowd), pipeline.PublicOptions(seed=1)
    )
    (note,) = result.notes
    assert note.startswith("In 1 of 3 groups of 10 frames the motion of the heads does not fit into the message: ")
    boxes = pipeline.inspect_video(tmp_path / "public.mp4").opened()
    assert boxes[0] == boxes[9] and boxes[0][0] == Roi(110, 130, 19, 10)
    assert boxes[10:] == rois_of(crowd[k] for k in range(10, 25))


@pytest.mark.slow
def test_boxes_on_straight_lines_fit_better_than_one_box_a_group(encoder, decoder, tmp_path):
    """A head that walks, nods and grows, through a real .mp4 and back."""
    true = [Roi(60 + 6 * k, round(150 + 4 * np.sin(k)), 40 + k, 48) for k in range(25)]
    frames = [np.full((HEIGHT, WIDTH, 3), 120, np.uint8) for _ in true]
    for image, (x, y, w, h) in zip(frames, true, strict=True):
        image[y : y + h, x : x + w] = [90, 160, 210]
    clip, public = write_clip(tmp_path / "clip.mkv", frames), tmp_path / "public.mp4"
    boxes = {k: [(0, roi)] for k, roi in enumerate(true)}
    pipeline.deidentify_video(clip, public, encoder, GivenBoxes(boxes), pipeline.PublicOptions(seed=1))
    carried, _ = carry([boxes[k] for k in range(25)], frames[0].shape)
    found = pipeline.inspect_video(public).opened()
    assert found == rois_of(carried)
    held = [motion.hold([boxes[k] for k in range(start, min(start + 10, 25))])[0][0][1] for start in (0, 10, 20)]
    fit = [types.iou(roi, rois[0]) for roi, rois in zip(true, found, strict=True)]
    union = [types.iou(roi, held[k // 10]) for k, roi in enumerate(true)]
    assert min(fit) > 0.7 > min(union) + 0.2 and np.mean(fit) > np.mean(union) + 0.2
    pipeline.reconstruct_video(public, tmp_path / "back.mkv", decoder)
    for image, seen, (x, y, w, h) in zip(frames, read_clip(tmp_path / "back.mkv")[0], true, strict=True):
        assert abs(seen[y : y + h, x : x + w].astype(int) - image[y : y + h, x : x + w]).mean() < 12


def test_detected_heads_move_too(encoder, tmp_path):
    def square(image):
        return bright_square(image[:, :100])  # the background is as bright, farther right

    clip = write_clip(tmp_path / "clip.mkv", [image[:160, :] for image in FRAMES[:12]])
    result = pipeline.deidentify_video(clip, tmp_path / "public.mp4", encoder, square, pipeline.PublicOptions(seed=1))
    assert (result.frames, result.heads, result.tracks, result.frames_without_heads) == (12, 12, 1, 0)
    boxes = pipeline.inspect_video(tmp_path / "public.mp4").opened()
    assert [rois[0].x + rois[0].w for rois in boxes] == [26 + 2 * k for k in range(12)]  # of the head around the square


def test_failures_whose_numbers_rise_with_the_frame_are_one():
    says = {k: f"The frame at position {k} carries the message of frame {k + 5} (3 boxes)." for k in range(40, 60)}
    says |= {k: f"The frame at position {k} carries the message of frame {k + 6} (3 boxes)." for k in range(60, 62)}
    says |= {62: "The frame is damaged.", 63: "The frame is damaged.", 65: "The frame is damaged."}
    found = contents.spans({k: protocol.FrameIndexError(sentence) for k, sentence in says.items()})
    assert [(first, last, str(error)) for first, last, error in found] == [
        (40, 59, says[40]), (60, 61, says[60]), (62, 63, says[62]), (65, 65, says[65]),
    ]  # fmt: skip
