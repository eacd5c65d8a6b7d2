"""Heads through networks whose answer is known, and who stands in for a track: in evaluation as in the pipeline."""

import keras
import numpy as np
import pytest
import skimage

from tests import virtual_weights
from tests.clips import write_clip
from uunet import engine, metrics, models, pipeline, pixels
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Roi
from uunet.models import generator, twin, virtual

TRACKS = np.array([5, 5, 5, 5, 2, 2, 2])


@pytest.fixture(scope="module")
def heads():
    """uint8 `(7, 64, 64, 3)`: pieces of a photo; of two tracks of 4 and 3 heads."""
    photo = skimage.data.astronaut()
    corners = [(40 + 4 * k, 150 + 4 * k) for k in range(4)] + [(300 + 4 * k, 300) for k in range(3)]
    return np.stack([photo[y : y + 64, x : x + 64] for y, x in corners])


@pytest.fixture(scope="module")
def noisy():
    """A U_e that shows its noise, and nothing else."""
    image = keras.Input((64, 64, 4))
    return keras.Model(image, keras.ops.repeat(image[..., 3:], 3, axis=-1))


@pytest.fixture
def chooser():
    """A TwinEncoder that reads one gender in dark heads and the other in bright ones; s keeps what it reads."""
    x = keras.Input((32, 32, 3))
    mean = keras.layers.GlobalAveragePooling2D()(x)
    read = keras.Model(x, [keras.layers.Dense(n, name=f"label{k}")(mean) for k, n in enumerate(twin.LABELS)])
    for layer in read.layers[2:]:
        layer.set_weights([0 * weights for weights in layer.get_weights()])
    gender = np.array([[0, 40 / 3]] * 3, np.float32)
    read.get_layer("label0").set_weights([gender, np.array([0, -20], np.float32)])
    return twin.TwinEncoder(read, models.twin_encoder(size=32, width=4).parts, (-1, 1, 1, 1))


def bright_and_dark(*counts):
    """uint8 `(N, 20, 20, 3)`: so many dark heads, then so many bright ones, and so on."""
    levels = np.repeat([(77, 178)[k % 2] for k in range(len(counts))], counts)
    return np.broadcast_to(levels[:, None, None, None], (len(levels), 20, 20, 3)).astype(np.uint8)


def gender(deidentifier, track):
    """Of the virtual person of a track."""
    return int(twin.labels_of(deidentifier.people[track].argmax()[None])[0, 0])


def test_a_network_that_does_nothing_loses_nothing(heads):
    image = keras.Input((64, 64, 3))
    nothing = engine.Reidentifier(keras.Model(image, keras.layers.Identity()(image)))
    r = nothing(heads)
    np.testing.assert_array_equal(r, heads)
    np.testing.assert_allclose(metrics.psnr(heads, r), 10 * np.log10(255**2 * 12))
    np.testing.assert_allclose(nothing.faces(heads), heads / 255, atol=1e-6)


def test_one_draw_of_the_noise_a_track(heads, noisy):
    """The same within a track, other ones across and with another seed."""
    first, again, other = (engine.Deidentifier(noisy, seed)(heads, TRACKS) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first[:4] == first[0]).all() and (first[4:] == first[4]).all()
    for one, two in ((first[0], first[4]), (first[0], other[0])):
        assert np.abs(one.astype(int) - two).mean() == pytest.approx(85, abs=5)  # of two U(0, 255): a third of 255


def test_answers_have_the_size_of_their_rois(heads, noisy):
    rois = [heads[0], heads[1, :20, :30], heads[2, :5]]
    deidentifier = engine.Deidentifier(noisy, 0)
    assert [roi.shape for roi in deidentifier(rois, [0, 1, 2])] == [roi.shape for roi in rois]
    assert [roi.shape for roi in deidentifier(rois, [0, 1, 2], shapes=[(8, 9)] * 3)] == [(8, 9, 3)] * 3
    assert deidentifier([], []) == []


def test_a_given_noise_goes_through_8_bits(noisy):
    noise = np.full((64, 64, 1), 0.501, np.float32)
    (roi,) = engine.Deidentifier(noisy, 0, noise={3: noise})(np.zeros((1, 64, 64, 3), np.uint8), [3])
    assert roi.dtype == np.uint8 and (roi == 128).all()


@pytest.mark.slow
def test_the_first_heads_of_a_track_choose_together(chooser):
    """5 dark, 15 bright and 25 dark ones: the first 20 together are bright, the first few and all of them are not."""
    rois = bright_and_dark(5, 15, 25)
    deidentifier = engine.Deidentifier(chooser, 0)
    deidentifier([*rois, *rois[:5]], [7] * 45 + [8] * 5)
    assert engine.FIRST_HEADS == 20 and (gender(deidentifier, 7), gender(deidentifier, 8)) == (1, 0)


@pytest.mark.slow
def test_heads_may_be_met_in_parts_and_before_any_is_changed(chooser):
    rois = bright_and_dark(5, 15, 25)
    deidentifier = engine.Deidentifier(chooser, 0)
    for part in (slice(0, 5), slice(5, 18), slice(18, 45)):
        deidentifier.meet(rois[part], [7] * len(rois[part]))
    deidentifier(rois[:1], [7])
    assert gender(deidentifier, 7) == 1
    deidentifier.meet(rois[:5], [7] * 5)
    deidentifier(rois[:5], [7] * 5)
    assert gender(deidentifier, 7) == 1  # once chosen, always


@pytest.mark.slow
def test_the_pipeline_and_evaluation_choose_the_same_person(chooser, tmp_path, monkeypatch):
    """Of a track that begins 5 frames before the end of what the pipeline has in memory at once."""
    made, original = [], engine.Deidentifier
    monkeypatch.setattr(
        engine, "Deidentifier", lambda *given, **named: made.append(original(*given, **named)) or made[-1]
    )
    rois = bright_and_dark(5, 15, 25)
    frames = [np.full((48, 64, 3), 128, np.uint8) for _ in range(15 + len(rois))]
    for frame, roi in zip(frames[15:], rois, strict=True):
        frame[10:30, 20:40] = roi
    boxes = GivenBoxes({15 + k: [(7, Roi(20, 10, 20, 20))] for k in range(len(rois))})
    clip = write_clip(tmp_path / "clip.mkv", frames)
    pipeline.deidentify_video(clip, tmp_path / "public.mkv", chooser, boxes, pipeline.PublicOptions(seed=3))
    evaluation = original(chooser, 3)
    evaluation(rois, np.full(len(rois), 7))
    assert made[0].people.keys() == evaluation.people.keys() == {7}
    np.testing.assert_array_equal(made[0].people[7], evaluation.people[7])
    assert gender(evaluation, 7) == 1


@pytest.fixture(scope="module")
def unseeing():
    return virtual_weights.encoder(64)


def test_a_head_of_the_networks_size_is_what_the_generator_draws(unseeing, heads):
    a = engine.Deidentifier(unseeing, 0)(heads, TRACKS)
    deidentifier = engine.Deidentifier(unseeing, 0)
    deidentifier.meet(heads, TRACKS)
    numbers, _ = unseeing.read(heads / np.float32(255))
    labels = np.stack([deidentifier._person(track) for track in TRACKS])
    noise = np.stack([deidentifier._noise(track) for track in TRACKS])
    drawn = unseeing.draw(heads / np.float32(255), numbers, labels, noise)
    assert np.abs(a - 255 * drawn).max() <= 0.51


def test_one_person_and_one_z_a_track(unseeing, heads):
    same = np.stack([heads[0]] * 3)
    one, again, other = engine.Deidentifier(unseeing, 0)(same, [4, 4, 5])
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_answers_of_another_shape_keep_their_own_surroundings(unseeing, heads):
    """What is published at 96 pixels of a head known at 64: the corners are those of the head, resized."""
    (a,) = engine.Deidentifier(unseeing, 0)(heads[:1], [0], shapes=[(96, 80)])
    assert a.shape == (96, 80, 3)
    around = generator.blending(96, 80)[..., 0] == 0
    x = pixels.to_roi(heads[0] / np.float32(255), 96, 80)
    assert np.abs(a[around].astype(int) - x[around]).mean() < 3


def test_heads_of_a_track_are_steadied_where_asked(unseeing, heads):
    steady, single = engine.Deidentifier(unseeing, 0, steady=True), engine.Deidentifier(unseeing, 0)
    first = steady(heads[:4], TRACKS[:4]), single(heads[:4], TRACKS[:4])
    np.testing.assert_array_equal(first[0][0], first[1][0])
    numbers, _ = unseeing.read(heads[:4] / np.float32(255))
    expected = numbers[0]
    for one in numbers[1:]:
        expected = virtual.steadied(one, expected)
    np.testing.assert_allclose(steady._numbers[5], expected, atol=1e-5)
    assert not single._numbers and (first[0] != first[1]).any()


def test_a_drawing_that_was_enlarged_gets_the_grain_of_its_surroundings(rng):
    """A grey drawing in grey surroundings with noise: the noise is the same inside and outside, new in each head."""
    kept = np.clip(rng.normal(128, 4, (200, 180, 1)), 0, 255).round().astype(np.uint8).repeat(3, axis=-1)
    y = np.full((64, 64, 3), 128 / 255, np.float32)
    plain = engine._blended(y, y, kept, meets=False, grain=None)
    inside, outside = (generator.blending(200, 180) == level for level in (1, 0))
    assert plain[inside[..., 0]].std() < 0.1
    grained = engine._blended(y, y, kept, meets=False, grain=rng.normal(size=(200, 180, 1)))
    np.testing.assert_array_equal(grained[outside[..., 0]], kept[outside[..., 0]])
    assert grained[inside[..., 0]].std() == pytest.approx(4, rel=0.1)
    assert engine._noise_level(grained / 255, inside) * 255 == pytest.approx(4, rel=0.1)


def test_grain_is_for_large_heads_and_new_in_each(unseeing):
    deidentifier, again = (engine.Deidentifier(unseeing, 3, grain=True) for _ in range(2))
    first, second = deidentifier._grain(7, (90, 80)), deidentifier._grain(7, (90, 80))
    assert first.shape == (90, 80, 1) and (first != second).mean() > 0.9
    np.testing.assert_array_equal(again._grain(7, (90, 80)), first)
    assert deidentifier._grain(7, (64, 64)) is None
    assert engine.Deidentifier(unseeing, 3)._grain(7, (90, 80)) is None
