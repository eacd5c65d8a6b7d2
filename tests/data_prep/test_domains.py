"""The four kinds of footage: disjoint people, cameras within their ranges, crops of their size."""

import dataclasses
import itertools

import numpy as np
import pytest

from data_prep.synthetic import degrade, domain, head, identity, light, render, sequence
from data_prep.synthetic.kernels import materials

pytestmark = pytest.mark.slow

FOOTAGE = list(domain.DOMAINS.values())


@pytest.fixture(scope="module")
def solid():
    return head.build(identity.sample(7))


def test_nobody_is_in_two_sets():
    for one, other in itertools.combinations(domain.SEEDS.values(), 2):
        assert one.stop <= other.start or other.stop <= one.start
    samples = {f"{name} sample" for name in domain.DOMAINS}
    assert set(domain.SEEDS) == {*domain.DOMAINS, *samples, "virtual", "lineup", "scene", "head scenes"}


@pytest.mark.parametrize("footage", FOOTAGE, ids=lambda footage: footage.name)
def test_sequences_stay_in_the_domain(footage, monkeypatch):
    monkeypatch.setattr(light, "sample", lambda *arguments: None)
    person = identity.sample(7)
    shots = [sequence.sample(person, seed, 1, footage) for seed in range(300)]
    elevation = np.degrees([shot.elevation for shot in shots])
    assert footage.elevation[0] <= elevation.min() < elevation.max() <= footage.elevation[1]
    assert np.ptp(elevation) > 0.9 * np.ptp(footage.elevation)  # all of the range is used
    native = [shot.camera.native_size for shot in shots]
    assert footage.native_size[0] <= min(native) < max(native) <= footage.native_size[1]
    assert np.ptp(native) > 0.9 * np.ptp(footage.native_size)
    for name in ("jpeg_quality", "noise", "blur", "motion"):
        values = [getattr(shot.camera, {"motion": "motion_length"}.get(name, name)) for shot in shots]
        assert min(getattr(footage, name)) <= min(values) < max(values) <= max(getattr(footage, name)), name
    quality = np.corrcoef(native, [shot.camera.noise for shot in shots])[0, 1]
    assert quality < -0.5  # a camera of many pixels has little noise


@pytest.mark.parametrize("footage", FOOTAGE, ids=lambda footage: footage.name)
def test_a_crop_is_never_enlarged_from_the_rendering(footage):
    """The sensor's pixels, and the crop's, are reduced from more rendered ones."""
    assert footage.render_size > 1.2 * max(footage.crop_size, *footage.native_size)
    assert footage.name != "hd" or min(footage.native_size) >= footage.crop_size == 256


@pytest.mark.parametrize("footage", [domain.UAV, domain.HD], ids=lambda footage: footage.name)
def test_crop_and_parse_map_have_the_domains_size(footage, solid):
    frame = next(render.frames(solid, sequence.sample(solid.identity, 1, 1, footage)))
    assert frame.image.shape == (footage.crop_size, footage.crop_size, 3) and frame.image.dtype == np.uint8
    assert frame.parse.shape == (footage.crop_size, footage.crop_size) and frame.parse.dtype == np.uint8
    codes, counts = np.unique(frame.parse, return_counts=True)
    shares = dict(zip(codes.tolist(), (counts / counts.sum()).tolist(), strict=True))
    assert 0.1 < shares[0] < 0.75  # background
    assert shares[materials.SKIN + 1] > 0.05 and max(shares) <= 13


def test_the_noise_belongs_to_camera_and_frame():
    camera = degrade.sample(np.random.default_rng(3), domain.CCTV)
    camera = dataclasses.replace(camera, noise=0.03)
    grey = np.full((128, 128, 3), 0.5)
    first = degrade.apply(camera, grey, 0, 64)
    np.testing.assert_array_equal(first, degrade.apply(camera, grey, 0, 64))
    assert (first != degrade.apply(camera, grey, 1, 64)).any()
    assert (first != degrade.apply(dataclasses.replace(camera, seed=camera.seed + 1), grey, 0, 64)).any()
