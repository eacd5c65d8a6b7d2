"""Drawing without seeing, in whole frames: nothing of a head gets into its drawing, wherever the head is."""

import numpy as np
import pytest

from tests import virtual_weights
from tests.clips import fails, scene
from tests.sealed_clips import textured
from uunet import engine, pipeline
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Roi
from uunet.models import generator
from uunet.pipeline import frame, surroundings

TALL = textured(0, 700, 720, noise=1)
SMALL = textured(1, 96, 128)
HEADS = {  # frame, heads
    "in the middle": (SMALL, [Roi(40, 20, 50, 50)]),
    "of 12 pixels": (SMALL, [Roi(40, 20, 12, 12)]),
    "of one pixel": (SMALL, [Roi(40, 20, 1, 1)]),
    "of 600 pixels": (TALL, [Roi(60, 50, 600, 600)]),
    "cut on the left": (SMALL, [Roi(0, 20, 25, 50)]),
    "cut at the top": (SMALL, [Roi(30, 0, 50, 31)]),
    "cut at the bottom": (SMALL, [Roi(30, 60, 44, 36)]),
    "in a corner": (SMALL, [Roi(98, 66, 30, 30)]),
    "larger than the frame": (SMALL, [Roi(0, 0, 128, 96)]),
    "overlapping": (SMALL, [Roi(20, 20, 40, 40), Roi(45, 25, 44, 44)]),
    "one in another": (SMALL, [Roi(20, 20, 60, 60), Roi(40, 40, 16, 16)]),
    "grey": (SMALL[..., :1].repeat(3, axis=-1), [Roi(40, 20, 50, 50)]),
    "dark": (SMALL // 60, [Roi(40, 20, 50, 50)]),
    "black": (0 * SMALL, [Roi(40, 20, 50, 50)]),
}


@pytest.fixture(scope="module")
def encoder():
    return virtual_weights.encoder()


@pytest.fixture
def held(encoder, monkeypatch):
    """The encoder; its reader says the same of every head."""
    numbers, logits = encoder.read(np.full((1, 32, 32, 3), 0.5, np.float32))

    def read(x):
        return np.repeat(numbers, len(x), axis=0), [np.repeat(part, len(x), axis=0) for part in logits]

    monkeypatch.setattr(encoder, "read", read)
    return encoder


def published(encoder, picture, rois, seed=1):
    deidentifier = frame.new_deidentifier(encoder, seed, hides=False)
    return frame.drawn([picture], [list(enumerate(rois))], deidentifier)[0]


@pytest.mark.parametrize("case", HEADS)
def test_nothing_of_a_head_gets_into_the_public_frame(held, case, rng):
    """Bit for bit, whatever the pixels of all heads are, while numbers and labels stay."""
    picture, rois = HEADS[case]
    removed = surroundings.removed_of(rois, picture.shape)
    assert all(surroundings.crop(removed, roi).mean() > 0.7 for roi in rois)
    public = published(held, picture, rois)
    assert public.shape == picture.shape and public.dtype == np.uint8
    for value in (rng.integers(0, 256, (removed.sum(), 3)), 255):
        other = picture.copy()
        other[removed] = value
        np.testing.assert_array_equal(published(held, other, rois), public)
    assert (public[removed] != picture[removed]).any(axis=-1).mean() > 0.8 or case == "black"


@pytest.mark.parametrize("case", HEADS)
def test_the_frame_around_the_heads_stays(encoder, case):
    picture, rois = HEADS[case]
    outside = np.ones(picture.shape[:2], bool)
    for roi in rois:
        surroundings.crop(outside, roi)[:] = False
    np.testing.assert_array_equal(published(encoder, picture, rois)[outside], picture[outside])


def test_a_drawing_has_no_seam(encoder):
    """Across the edges of a large head, neighbouring pixels differ hardly more than they do in the frame itself."""
    roi = Roi(100, 80, 400, 400)
    smooth = textured(0, 700, 720, noise=0)
    public = published(encoder, smooth, [roi]).astype(int)
    for axis, places in ((0, (80, 480)), (1, (100, 500))):
        steps, before = (np.abs(np.diff(image, axis=axis)) for image in (public, smooth.astype(int)))
        for place in places:
            assert steps.take(place - 1, axis=axis).max() <= before.take(place - 1, axis=axis).max() + 8
    corner = np.s_[82:100, 102:120]
    assert np.abs(public[corner] - smooth[corner].astype(int)).max() <= 1  # as sharp as they were


def test_a_head_in_a_grey_frame_is_grey(encoder):
    picture, rois = HEADS["grey"]
    public = published(encoder, picture, rois)
    np.testing.assert_array_equal(public, public[..., :1].repeat(3, axis=-1))
    assert (surroundings.crop(public, rois[0]) != surroundings.crop(picture, rois[0])).mean() > 0.7


def test_a_square_that_the_frame_cuts_is_completed():
    shape = (96, 128, 3)
    for roi, margins in (
        (Roi(40, 20, 50, 50), ((0, 0), (0, 0))),
        (Roi(40, 20, 50, 40), ((0, 0), (0, 0))),  # no edge cuts it: somebody gave this box
        (Roi(0, 20, 25, 50), ((0, 0), (25, 0))),
        (Roi(98, 20, 30, 50), ((0, 0), (0, 20))),
        (Roi(30, 0, 50, 31), ((19, 0), (0, 0))),
        (Roi(0, 0, 128, 96), ((16, 16), (0, 0))),
    ):
        assert surroundings.margins_of(roi, shape) == margins


def test_the_removed_pixels_are_those_of_the_whole_square():
    whole = generator.removed(50)
    cut = surroundings.removed_of([Roi(0, 20, 25, 50)], (96, 128))
    np.testing.assert_array_equal(cut[20:70, :25], whole[:, 25:])
    assert cut.sum() == whole[:, 25:].sum()
    corner = surroundings.removed_of([Roi(0, 0, 50, 50)], (96, 128))[:50, :50]
    assert corner[:25, :25].all() and (corner >= whole).all() and not corner[-1, -1]


def test_calls_make_no_difference(encoder):
    """A moving head, drawn in one call or frame by frame: its numbers are smoothed in the order of time."""
    frames, tracked = [scene(k) for k in range(6)], [[(3, Roi(4 + 2 * k, 10, 30, 30))] for k in range(6)]
    together = frame.new_deidentifier(encoder, 1, hides=False)
    apart = frame.new_deidentifier(encoder, 1, hides=False)
    for deidentifier in (together, apart):
        frame.meet(deidentifier, frames, tracked)
    public = frame.drawn(frames, tracked, together)
    for k in range(6):
        one = frame.drawn(frames[k : k + 1], tracked[k : k + 1], apart)[0]
        assert np.abs(one.astype(int) - public[k]).max() <= 1


def test_nothing_is_hidden_in_a_drawing(encoder, tmp_path):
    source = tmp_path / "in.png"
    pipeline.image.images.write(source, source, pipeline.image.profiles.PNG, SMALL)
    boxes = GivenBoxes({0: [(None, Roi(40, 20, 50, 50))]})

    def publish():
        pipeline.deidentify_image(source, tmp_path / "out.png", encoder, boxes)

    fails(tmp_path, r"nothing of it is hidden.*--recipient FILE.pub.*--reversal none", publish, engine.ModelError)
    with pytest.raises(engine.ModelError, match="nothing of it is hidden"):
        pipeline.deidentify(SMALL, encoder, boxes)
    with pytest.raises(engine.ModelError, match="no decoder.*--identity"):
        engine.Reidentifier(None)
