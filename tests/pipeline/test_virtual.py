"""Files of weights that draw without seeing: sealed originals, or none."""

import numpy as np
import pytest
from PIL import Image

from tests import sealed_clips, virtual_weights
from tests.sealed_clips import ALICE, FRAMES, HEADS, Sealed, inside
from uunet import engine, pipeline
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import rois_of
from uunet.media import images, video_reading
from uunet.pipeline import surroundings


@pytest.fixture(scope="module")
def encoder():
    return virtual_weights.encoder()


@pytest.mark.parametrize("carrier", [(".mkv", False), (".mp4", False), (".png", False), (".jpg", True)],
                         ids=sealed_clips.name)  # fmt: skip
def test_sealed_originals_come_back_without_a_decoder(tmp_path, encoder, carrier):
    some = slice(3, 4 if carrier[0] in (".png", ".jpg") else 6)
    one = Sealed(tmp_path, encoder, carrier, FRAMES[some], HEADS[some]).publish()
    restored = one.restore()
    for frame, heads, back in zip(FRAMES[some], HEADS[some], restored.frames, strict=True):
        boxes = inside(heads, frame.shape)
        np.testing.assert_array_equal(back[boxes], frame[boxes])
    assert restored.opened == (3 if one.is_picture else 9) and restored.altered == []


def test_without_a_reversal_nothing_comes_back(tmp_path, encoder):
    """Heads meet in frames 3 to 5. Outside all boxes the clip is untouched, inside all heads nothing is left."""
    source, public = tmp_path / "in.mkv", tmp_path / "out.mkv"
    sealed_clips.write_clip(source, FRAMES)
    options = pipeline.PublicOptions(seed=1, reversal="none")
    boxes = GivenBoxes(dict(enumerate(HEADS)))
    result = pipeline.deidentify_video(source, public, encoder, boxes, options)
    assert (result.heads, result.tracks) == (25, 3)
    for frame, shown, heads in zip(FRAMES, video_reading.read_frames(public), HEADS, strict=True):
        outside = ~inside(heads, frame.shape)
        np.testing.assert_array_equal(shown[outside], frame[outside])
        removed = surroundings.removed_of(rois_of([heads])[0], frame.shape)
        assert not heads or (shown[removed] == frame[removed]).all(axis=-1).mean() < 0.05


def test_a_folder(tmp_path, encoder):
    (tmp_path / "in").mkdir()
    for k in range(2):
        Image.fromarray(FRAMES[k]).save(tmp_path / "in" / f"{k}.png")
    boxes = GivenBoxes(dict(enumerate(HEADS[:2])))
    options = pipeline.PublicOptions(seed=1, recipients=(ALICE.public,), quality="exact")
    with pytest.raises(engine.ModelError, match="nothing of it is hidden"):  # once, not per picture
        pipeline.deidentify_folder(tmp_path / "in", tmp_path / "out", encoder, boxes)
    assert not (tmp_path / "out").exists()
    done = pipeline.deidentify_folder(tmp_path / "in", tmp_path / "out", encoder, boxes, options)
    assert done.done == {"0.png": 2, "1.png": 2} and not done.failed
    pipeline.restore_folder(tmp_path / "out", tmp_path / "again", pipeline.RestoreOptions(identity=ALICE))
    for k in range(2):
        boxes = inside(HEADS[k], FRAMES[k].shape)
        np.testing.assert_array_equal(images.read(tmp_path / "again" / f"{k}.png").rgb[boxes], FRAMES[k][boxes])
