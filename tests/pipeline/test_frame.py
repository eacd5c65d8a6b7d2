"""Arrays in, new arrays out: what changes, what must not, and whose a pixel is where boxes overlap."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clips import SIZE, bright_square, linear_network, scene
from uunet import engine, pipeline
from uunet.boxes import detection, types
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Roi
from uunet.pipeline import frame
from uunet.stego import lsb
from uunet.wire import crypto, messages, protocol


def outside(rois, shape):
    mask = np.ones(shape[:2], bool)
    for x, y, w, h in rois:
        mask[y : y + h, x : x + w] = False
    return mask


def test_there_and_back(encoder, decoder):
    original = scene(3)
    before = original.copy()
    public = pipeline.deidentify(original, encoder, bright_square, seed=1)
    kept = public.copy()
    restored = pipeline.reconstruct(public, decoder)
    (head,) = messages.read_rois(public)
    assert head == detection.head_roi(bright_square(original)[0], 48, 64)
    assert (original == before).all() and (public == kept).all()
    assert public.dtype == restored.dtype == np.uint8 and public.shape == restored.shape == original.shape
    mask = outside([head], original.shape)
    assert abs(public.astype(int) - original)[mask].max() <= 1
    assert (restored == public)[mask].all()
    assert abs(public.astype(int) - (255 - original))[~mask].mean() < 20  # the face is gone: it is its negative
    assert abs(restored.astype(int) - original)[~mask].mean() < 20  # and comes back, as far as 16 x 16 pixels can say


def test_exact_where_a_head_has_the_networks_size(encoder, decoder):
    """No resizing, a linear network: the head comes back to within rounding and one level of hiding."""
    original = scene(0)
    table = GivenBoxes({0: [(0, Roi(5, 10, SIZE, SIZE))]})
    restored = pipeline.reconstruct(pipeline.deidentify(original, encoder, table, seed=1), decoder)
    assert abs(restored.astype(int) - original).max() <= 1


def test_no_head(encoder, decoder):
    original = np.full((20, 20, 3), 128, np.uint8)
    public = pipeline.deidentify(original, encoder, lambda frame: [], seed=1)
    assert messages.read_rois(public) == []
    assert abs(public.astype(int) - original).max() == 1
    assert (pipeline.reconstruct(public, decoder) == public).all()


def test_seed(noise_encoder):
    one, same, other, fresh = (
        pipeline.deidentify(scene(0), noise_encoder, bright_square, seed=seed) for seed in (1, 1, 2, None)
    )
    assert (one == same).all()
    assert (one != other).mean() > 0.1 and (one != fresh).mean() > 0.1


def test_a_track_keeps_its_noise_and_each_has_its_own(noise_encoder):
    box, elsewhere = Roi(0, 16, SIZE, SIZE), Roi(30, 30, SIZE, SIZE)
    tracked = [[(0, box), (1, elsewhere)], [(0, elsewhere)]]
    first, second = frame.Publisher(engine.Deidentifier(noise_encoder, 5))([scene(0), scene(1)], tracked, first_index=7)

    def face(image, roi):
        return image[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w].astype(int)

    assert abs(face(first, box) - face(second, elsewhere)).max() <= 1  # the same person in another place
    assert abs(face(first, box) - face(first, elsewhere)).mean() > 20  # another person
    later = frame.Publisher(engine.Deidentifier(noise_encoder, 5))([scene(9)], [[(1, box)]], first_index=40)[0]
    assert abs(face(later, box) - face(first, elsewhere)).max() <= 1  # also in a later call


def test_one_batch_or_frame_by_frame_is_the_same(encoder, decoder):
    frames = [scene(k) for k in range(5)]
    tracked = detection.tracked_heads([frames], bright_square)
    together = frame.Publisher(engine.Deidentifier(encoder, 3))(frames, tracked)
    alone = [
        frame.Publisher(engine.Deidentifier(encoder, 3))([frames[k]], [tracked[k]], first_index=k, last=k == 4)[0]
        for k in range(5)
    ]
    assert all((a == b).all() for a, b in zip(together, alone, strict=True))
    rois = [messages.read_rois(public, frame_index=k) for k, public in enumerate(together)]
    restored = frame.reconstruct_frames(together, rois, decoder)
    assert all((pipeline.reconstruct(a, decoder) == b).all() for a, b in zip(together, restored, strict=True))


def test_more_heads_than_one_network_call_takes(encoder, monkeypatch):
    tracked = [[(k, Roi(6 * k, 4 * k, 9, 9)) for k in range(7)]]
    whole = frame.Publisher(engine.Deidentifier(encoder, 3))([scene(0)], tracked)[0]
    monkeypatch.setattr(engine, "HEADS_AT_ONCE", 3)
    assert (frame.Publisher(engine.Deidentifier(encoder, 3))([scene(0)], tracked)[0] == whole).all()


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(8, 30), st.integers(1, 14), st.integers(1, 14)), max_size=6))
def test_message_is_what_was_pasted(boxes):
    encoder = linear_network(4, np.zeros((4, 3)), 0.0)  # black heads
    rois = [Roi(*box) for box in boxes]
    public = frame.Publisher(engine.Deidentifier(encoder, 1))([scene(0)], [list(enumerate(rois))])[0]
    assert messages.read_rois(public, frame_index=0) == rois
    mask = outside(rois, public.shape)
    assert (public[~mask] <= 1).all() and abs(public.astype(int) - scene(0))[mask].max(initial=0) <= 1


def test_overlapping_heads_come_back(encoder, decoder):
    """Both crops are taken before any paste, and each pixel is answered by the head that has it in both directions."""
    original = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    early, late = Roi(10, 10, SIZE, SIZE), Roi(18, 14, SIZE, SIZE)
    public = frame.Publisher(engine.Deidentifier(encoder, 1))([original], [[(0, early), (1, late)]])[0]
    both = slice(14, 30), slice(18, 34)
    assert abs(public[both].astype(int) - (255 - original[both])).max() <= 1  # not the negative of a negative
    restored = pipeline.reconstruct(public, decoder)
    assert abs(restored.astype(int) - original).max() <= 1


def test_a_head_at_the_edge_of_another_box_keeps_its_virtual_face(noise_encoder):
    """Whatever the order: the middle of each box is what U_e made of that head, as if it were alone."""
    one, other = Roi(4, 10, SIZE, SIZE), Roi(24, 14, SIZE, SIZE)  # other's box covers a third of one's
    heads = [(1, one), (2, other)]
    alone = {head[0]: frame.Publisher(engine.Deidentifier(noise_encoder, 1))([scene(0)], [[head]])[0] for head in heads}
    for order in (heads, heads[::-1]):
        public = frame.Publisher(engine.Deidentifier(noise_encoder, 1))([scene(0)], [order])[0]
        for track, (x, y, w, h) in heads:
            middle = np.s_[y + h // 4 : y + 3 * h // 4, x + w // 4 : x + 3 * w // 4]
            # one level by each message
            np.testing.assert_allclose(public[middle].astype(int), alone[track][middle], atol=2)


@settings(max_examples=50)
@given(st.lists(st.builds(Roi, *[st.integers(0, 12)] * 2, *[st.integers(1, 12)] * 2), max_size=5))
def test_each_pixel_of_a_box_has_one_owner(rois):
    count, covered = np.zeros((24, 24), int), np.zeros((24, 24), bool)
    for (x, y, w, h), mask in zip(rois, frame.owned(rois), strict=True):
        count[y : y + h, x : x + w] += mask
        covered[y : y + h, x : x + w] = True
    np.testing.assert_array_equal(count, covered)


def test_the_owner_of_a_pixel_is_the_box_in_whose_middle_it_lies():
    wide, narrow = frame.owned([Roi(0, 0, 8, 4), Roi(6, 0, 4, 4)])
    # columns 6 and 7 are .625 and .875 from the middle of the first, .75 and .25 from that of the second; the first and
    # the last row are .75 from both, so that there the second of two equals gives way
    assert wide[1].tolist() == [True] * 7 + [False] and narrow[1].tolist() == [False, True, True, True]
    assert wide[0].tolist() == [True] * 7 + [False] and narrow[0].tolist() == [False, True, True, True]


def test_frame_too_small_for_its_message(encoder):
    table = GivenBoxes({0: [(0, Roi(0, 0, 10, 6))]})  # "1,0,0,10,6," is 11 bytes, its frame message 27
    exact = pipeline.deidentify(np.zeros((6, 12, 3), np.uint8), encoder, table, seed=1)  # hides 27 bytes
    assert messages.read_rois(exact) == [Roi(0, 0, 10, 6)]
    with pytest.raises(lsb.CapacityError, match="11 x 6 pixels can hide 24 bytes but its message needs 27"):
        pipeline.deidentify(np.zeros((6, 11, 3), np.uint8), encoder, table, seed=1)


def test_head_outside_the_frame(encoder):
    with pytest.raises(types.RoiError, match="x=60 y=0 w=8 h=8"):
        frame.Publisher(engine.Deidentifier(encoder, 1))([scene(0)], [[(0, Roi(60, 0, 8, 8))]])


def test_networks_mixed_up(encoder, decoder):
    with pytest.raises(engine.ModelError, match="encoder takes RGB and noise"):
        pipeline.deidentify(scene(0), decoder, bright_square)
    with pytest.raises(engine.ModelError, match="decoder takes RGB"):
        pipeline.reconstruct(pipeline.deidentify(scene(0), encoder, bright_square), encoder)


def test_sealed_there_and_back(encoder):
    frames, rois = [scene(0), scene(1)], [Roi(5, 10, SIZE, SIZE)]
    seal = crypto.new_seal(bytes(32))
    tracked = [[(0, rois[0])]] * 2
    plain = frame.Publisher(engine.Deidentifier(encoder, 1))(frames, tracked, first_index=7)
    public = frame.Publisher(engine.Deidentifier(encoder, 1), seal=seal)(frames, tracked, first_index=7)
    again = protocol.find_seal(protocol.read_header(partial(lsb.reveal, public[0])), bytes(32))
    for k in range(2):
        assert messages.read_rois(public[k], frame_index=7 + k, seal=again) == rois
        assert abs(public[k].astype(int) - plain[k]).max() <= 2  # one level each
    with pytest.raises(protocol.SealedMessageError, match="is sealed"):
        messages.read_rois(public[0], frame_index=7)
    with pytest.raises(crypto.AuthenticationError, match="does not open"):
        messages.read_rois(public[0], frame_index=7, seal=crypto.seal_of(bytes(31) + b"x", seal.suite, seal.stream_id))


def test_sealed_message_does_not_fit(encoder):
    publisher = frame.Publisher(engine.Deidentifier(encoder, 1), seal=crypto.new_seal(bytes(32)))
    publisher([np.zeros((8, 26, 3), np.uint8)], [[]])  # hides 78 bytes
    with pytest.raises(lsb.CapacityError, match="hide 75 bytes but its message needs 78"):
        publisher([np.zeros((8, 25, 3), np.uint8)], [[]], first_index=1)


def test_plain_picture_is_not_reconstructed(decoder):
    with pytest.raises(protocol.NoMessageError, match="^The frame carries no UU-Net message"):
        pipeline.reconstruct(scene(0), decoder)
    with pytest.raises(protocol.NoMessageError, match="no UU-Net message"):
        messages.read_rois(scene(0), frame_index=6)


def test_message_of_another_frame_is_refused(encoder):
    frames = [scene(0), scene(1)]
    public = frame.Publisher(engine.Deidentifier(encoder, 1))(frames, [[], []])
    with pytest.raises(protocol.FrameIndexError, match="of frame 1"):
        messages.read_rois(public[1], frame_index=0)


def test_message_with_a_box_outside_is_refused():
    public = lsb.hide(scene(0), protocol.pack_frame_message([Roi(60, 0, 8, 8)], 0)[0])
    with pytest.raises(types.RoiError):
        messages.read_rois(public)


def test_owned_by_many_heads_is_owned_by_few(monkeypatch):
    """A hostile file may have 4,096 heads at one place: each with each would take 8 million comparisons."""
    rng = np.random.default_rng(0)
    for count in (1, 2, 30):
        boxes = [Roi(*rng.integers(0, 12, 2).tolist(), *rng.integers(1, 9, 2).tolist()) for _ in range(count)] * 2
        monkeypatch.setattr(frame, "FEW", 1000)
        few = frame.owned(boxes)
        monkeypatch.setattr(frame, "FEW", 0)
        for one, other in zip(few, frame.owned(boxes), strict=True):
            assert np.array_equal(one, other)
    assert frame.owned([]) == []
