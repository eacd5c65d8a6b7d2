"""The head detector: its shapes and cost; maps from boxes and boxes from maps are inverse."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uunet.models import cost, files, head_detector

SIDE = 256


@pytest.mark.parametrize(("height", "width"), [(64, 96), (128, 32)])
def test_a_cell_of_five_numbers_per_four_pixels(height, width):
    model = head_detector.head_detector(width=4)
    maps = np.asarray(model(np.random.default_rng(0).random((2, height, width, 3), np.float32)))
    assert maps.shape == (2, height // 4, width // 4, 5) and maps.dtype == np.float32


def test_the_heat_map_begins_low():
    maps = np.asarray(head_detector.head_detector(width=4)(np.full((1, 32, 32, 3), 0.5, np.float32)))
    assert (head_detector.sigmoid(maps[..., 0]) < 0.2).all()


def test_cost_of_a_frame():
    """0.3 to 1 million parameters, and less than 4 GFLOP for a frame of 768 x 576 pixels."""
    model = head_detector.head_detector(size=(576, 768))
    assert 3e5 < model.count_params() < 1e6
    assert 3e9 < cost.flops(model) < 4e9


def test_folding_keeps_the_function(tmp_path):
    """Batch normalisation in use is a factor and a bias per channel; the file holds the network without it."""
    rng = np.random.default_rng(0)
    trained = head_detector.head_detector(width=4, normalized=True)
    for layer in trained.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.5, value.shape) for value in layer.get_weights()])
    plain = head_detector.folded(trained, width=4)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in plain.layers)
    image = rng.random((2, 64, 64, 3), np.float32)
    expected = np.asarray(trained(image, training=False))
    np.testing.assert_allclose(np.asarray(plain(image)), expected, rtol=1e-3, atol=1e-3)
    path = tmp_path / "detector.safetensors"
    files.save(plain, path, builder="head_detector", arguments={"width": 4}, provenance={})
    np.testing.assert_allclose(np.asarray(files.load(path)(image)), expected, rtol=0.05, atol=0.05)


def apart(boxes):
    """Those of some boxes whose centres are more than 0.4 sides of the larger from those before."""
    kept = []
    for box in boxes:
        x, y, w, h = box
        if all(
            np.hypot(x + w / 2 - a - c / 2, y + h / 2 - b - d / 2) > 0.6 * max(w, h, c, d) + 8 for a, b, c, d in kept
        ):
            kept.append(box)
    return np.array(kept)


BOX = st.tuples(st.floats(0, 200), st.floats(0, 200), st.floats(8, 56), st.floats(8, 56))


@given(st.lists(BOX, min_size=1, max_size=8))
def test_boxes_to_maps_and_back(boxes):
    boxes = apart(boxes)
    maps, near, counts = head_detector.maps_of(boxes, np.zeros((0, 4)), SIDE, SIDE)
    assert maps.shape == (64, 64, 5) and maps[..., 0].max() == 1 and counts.all()
    assert ((near > 0) <= (maps[..., 0] > 0)).all()
    found, heat = head_detector.boxes_of(maps[..., 0], maps, 0.99)
    assert (heat == 1).all() and len(found) == len(boxes)
    order, true = (np.lexsort(np.round(some).T) for some in (found, boxes))  # rounding breaks ties
    np.testing.assert_allclose(found[order], boxes[true], atol=1e-2)


def test_the_cells_beside_a_centre_show_the_same_box():
    """Centre (20, 18): cell (5, 4), offset (-0.5 + 0, 0.5 - 0.5) of a cell of 4 pixels from its centre (22, 18)."""
    (maps, near, _), box = head_detector.maps_of(np.array([[10, 8, 20, 20]]), np.zeros((0, 4)), 64, 64), (10, 8, 20, 20)
    np.testing.assert_allclose(maps[4, 5], [1, np.log(5), np.log(5), -0.5, 0.0], atol=1e-6)
    spread = head_detector.SPREAD * 5
    assert maps[4, 6, 0] == pytest.approx(np.exp(-1 / (2 * spread**2)), rel=1e-5)
    for row in (3, 4, 5):
        for column in (4, 5, 6):
            alone = np.zeros((16, 16))
            alone[row, column] = near[row, column]
            (found,), _ = head_detector.boxes_of(alone, maps, 1e-3)
            np.testing.assert_allclose(found, box, atol=1e-3)
    assert np.count_nonzero(near) == 9


def test_what_is_ignored_does_not_count_but_for_the_heads_in_it():
    boxes, ignored = np.array([[24, 24, 16, 16]]), np.array([[0, 0, 64, 32]])
    counts = head_detector.maps_of(boxes, ignored, 64, 64).counts
    assert counts[8:].all() and not counts[:7, :6].any() and counts[8, 8] == 1 and counts[7, 8] == 1


def test_two_peaks_of_one_head_are_one():
    maps = head_detector.maps_of(np.array([[100, 100, 40, 40]]), np.zeros((0, 4)), SIDE, SIDE).maps
    heat = np.zeros((64, 64))
    heat[30, 30], heat[30, 29 + 3] = 0.9, 0.8
    maps[30, 32, 1:] = maps[30, 30, 1:] - [0, 0, 2, 0]  # the same box
    found, kept = head_detector.boxes_of(heat, maps, 0.5)
    assert len(found) == 1 and kept[0] == np.float32(0.9)


def test_overlap_by_hand():
    others = np.array([[0, 0, 2, 2], [1, 0, 2, 2], [5, 5, 1, 1]], float)
    np.testing.assert_allclose(head_detector.overlaps((0, 0, 2, 2), others), [1, 2 / 6, 0])
