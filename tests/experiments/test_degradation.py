"""Damage on the way, of networks that return what they see."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from tests.experiments.test_experiments import compute, context, heads
from uunet.evaluation import resampling, transmission
from uunet.experiments import degradation


def unchanged(channels):
    """A network that returns the first three channels it sees."""
    image = keras.Input((64, 64, channels))
    return keras.Model(image, image[..., :3])


class Brightness:
    """A judge to whom people differ in their brightness alone."""

    def predict(self, images, **_):
        return images.mean(axis=(1, 2, 3), dtype=float)[:, None]


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(resampling, "DRAWS", 10)
    monkeypatch.setattr(degradation, "WAYS", {"roi": (24, 64), "jpeg": (30, 95), "h264": (33, 18)})
    rng = np.random.default_rng(0)
    smooth = [transmission.seen(rng.integers(0, 256, (1, 8, 8, 3), np.uint8), 64)[0] / 4 for _ in range(18)]
    person = np.repeat(np.arange(3), 6)[:, None, None, None]
    some = heads(images=(np.stack(smooth) + 20 + 70 * person).astype(np.uint8))
    made = context()
    made.__dict__.update(
        heads=some, recogniser=Brightness(), networks=(SimpleNamespace(encoder=unchanged(4), decoder=unchanged(3)), {})
    )
    return made


def test_what_does_no_damage_comes_back_and_worse_is_worse(made):
    """Through a ROI of 64 pixels nothing is lost but by rounding; JPEG and H.264 lose more the harder they press."""
    record = compute(degradation, made)
    assert record["heads"] == 6 * degradation.FRAMES and record["genuine"] == 3 * 2 * degradation.FRAMES**2
    assert {way: [point["at"] for point in points] for way, points in record["ways"].items()} == {
        way: list(values) for way, values in degradation.WAYS.items()
    }
    psnr = {way: [point["psnr"]["value"] for point in points] for way, points in record["ways"].items()}
    assert psnr["roi"][degradation.WAYS["roi"].index(64)] > 58
    for way in ("jpeg", "h264"):
        assert np.all(np.diff(psnr[way]) > 0.5) and psnr[way][0] < 40
    assert record["ceiling"]["value"] == 1
    assert [point["identity"]["value"] for point in record["ways"]["h264"]] == [1] * len(degradation.WAYS["h264"])
    axes = degradation.plot(record, made).axes
    assert len(axes) == 9 and len(axes[0].images) == len(degradation.WAYS["roi"])


def test_whom_damage_makes_alike_nobody_recognises(made, monkeypatch):
    """A stream that leaves one grey of everybody: chance, half of the ceiling of 1."""
    monkeypatch.setattr(degradation, "WAYS", {"h264": (51,)})
    monkeypatch.setattr(transmission, "through_h264", lambda heads, *_: np.full_like(heads, 128))
    point = compute(degradation, made)["ways"]["h264"][0]
    assert point["identity"]["value"] == pytest.approx(0.5, abs=0.2) and point["psnr"]["value"] < 20


def test_jpeg_files_keep_the_order_and_most_of_the_pixels():
    grey = np.stack([np.full((64, 64, 3), level, np.uint8) for level in (10, 200)])
    np.testing.assert_allclose(transmission.through_jpeg(grey, 90), grey, atol=2)
