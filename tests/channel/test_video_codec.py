"""What real encoders leave of a head, and of a pattern hidden in it."""

import numpy as np
import pytest
from skimage import data as skimage_data
from skimage.metrics import peak_signal_noise_ratio

from uunet.channel import video_codec

ASTRONAUT = skimage_data.astronaut()
FACES = np.stack([ASTRONAUT[20 + k : 116 + k, 170 + 2 * k : 266 + 2 * k] for k in range(4)])  # (4, 96, 96, 3), moving


@pytest.mark.parametrize("name", video_codec.CODECS)
def test_a_higher_crf_is_worse(name):
    psnr = [
        peak_signal_noise_ratio(FACES, video_codec.heads_round_trip(FACES, crf, corner=(3, 14), name=name))
        for crf in (12, 24, 36)
    ]
    assert 45 > psnr[0] > psnr[1] + 1 > psnr[2] + 3 and psnr[2] > 25


@pytest.mark.parametrize(("n", "corner"), [(1, (0, 0)), (24, (15, 15)), (50, (7, 0)), (97, (0, 15))])
def test_heads_come_back_in_their_place(n, corner):
    faces = np.repeat(np.repeat([[[[200, 60, 40]]]], n, 1), n, 2).repeat(3, 0).astype(np.uint8)
    faces[:, n // 2 :] = [30, 90, 160]
    decoded = video_codec.heads_round_trip(faces, 10, corner=corner)
    assert decoded.shape == faces.shape and decoded.dtype == np.uint8
    assert np.median(np.abs(decoded.astype(int) - faces)) <= 3


def test_rois_need_not_be_square():
    faces = FACES[:, :50, :33]
    decoded = video_codec.heads_round_trip(faces, 18, corner=(5, 9))
    assert decoded.shape == faces.shape and peak_signal_noise_ratio(faces, decoded) > 32


def test_the_same_frames_give_the_same_pixels():
    one, other = (video_codec.round_trip(FACES, 23) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_fine_chroma_pattern_dies_and_a_coarse_luma_pattern_lives(rng):
    """The order that decides where U_e can hide anything at all."""
    survived = {}
    for name, colour, side in (("luma", [1, 1, 1], 2), ("fine luma", [1, 1, 1], 1), ("fine chroma", [1, 0, -1], 1)):
        signs = rng.choice([-1, 1], (96 // side, 96 // side, 1)).repeat(side, 0).repeat(side, 1)
        pattern = np.broadcast_to(4 * signs * np.array(colour), FACES.shape)
        base = np.clip(FACES, 4, 251).astype(int)
        decoded = video_codec.heads_round_trip((base + pattern).astype(np.uint8), 18, corner=(6, 11)).astype(int)
        plain = video_codec.heads_round_trip(base.astype(np.uint8), 18, corner=(6, 11)).astype(int)
        survived[name] = np.corrcoef((decoded - plain).ravel(), pattern.ravel())[0, 1]
    assert survived["luma"] > 0.6 and survived["fine chroma"] < 0.1
    assert survived["luma"] > survived["fine luma"] > survived["fine chroma"]
