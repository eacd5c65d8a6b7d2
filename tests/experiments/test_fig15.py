"""Large heads, small heads, and weights that know the large ones: closed form; sets of other sizes are refused."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.experiments.test_experiments import SAMPLE, compute, context, heads, on_a_line  # noqa: F401
from tests.experiments.test_fig13 import crossed
from tests.experiments.test_figure_command import quick, refused, unchanged  # noqa: F401
from uunet.evaluation import resampling
from uunet.experiments import FIGURES, fig15, runner
from uunet.experiments.context import Context, ExperimentError


def halved(images):
    """Half the contrast, about grey: a quarter of the power, but for rounding."""
    return (64 + images // 2).astype(np.uint8)


@pytest.fixture
def three(rng, monkeypatch):
    """At home nothing changes but who it is; abroad everybody stays, and t and r lose half of their contrast."""
    monkeypatch.setattr(resampling, "DRAWS", 20)
    x = on_a_line(rng)
    places = dict.fromkeys(("x", "r", "a'", "r'"), x)
    large = crossed(places | {"a": np.roll(x, 6, axis=0)})
    images = large.heads.images.repeat(2, axis=1).repeat(2, axis=2)
    large.__dict__["heads"] = heads(images=images)
    large.kept.update({("version", name): images for name in "xatr"})
    small = crossed(places | {"a": np.roll(x, 6, axis=0)})
    pale = halved(small.heads.images)
    abroad = crossed(places | {"a": x}, r=pale)  # a hides so much that it is as sharp as x: t tells
    small.kept["version", "t"], abroad.kept["version", "t"] = small.heads.images, pale
    monkeypatch.setattr(Context, "draws_first", True)
    object.__setattr__(large, "elsewhere", small)
    monkeypatch.setattr(fig15, "settings", lambda context: iter([large, small, abroad]))
    return large


def test_figure_15_of_weights_that_blur_small_heads(three):
    record = compute(fig15, three)
    assert [of["side"] for of in record["settings"]] == [128, 64, 64]
    assert [len(of["power"]["octaves"]) for of in record["settings"]] == [5, 4, 4]
    assert fig15.finest(record) == (3, "16-32")
    for name in "tr":
        for octave in range(4):
            found = [of["power"][name][octave]["value"] for of in record["settings"]]
            assert found == pytest.approx([1, 1, 0.25], abs=1e-2)
    auc = [of["environments"][fig15.RECOGNITION][0]["auc"] for of in record["settings"]]
    assert max(auc[:2]) < 0.5 and auc[2] == 1
    psnr = [of["psnr"]["value"] for of in record["settings"]]
    assert psnr[0] == psnr[1] > 58 and psnr[2] < 20
    drawn = fig15.plot(record, three)
    assert len(drawn.axes) == 6 + 3 * (5 + 3)
    assert [axis.get_xlabel() for axis in drawn.axes[:3]] == [
        "PSNR(x, r), dB", *(f"power of {name} relative to x, 16-32 cycles per head" for name in "tr")]  # fmt: skip


def test_an_older_record_is_refused(three):
    record = compute(fig15, three)
    assert fig15.drawn(record) == "t" and fig15.measures_power(record)
    record["settings"][0]["power"]["draws_first"] = False
    assert fig15.drawn(record) == "a (the hidden pattern included)"
    del record["settings"][0]["power"]
    with pytest.raises(ExperimentError, match="make it anew"):
        fig15.finest(record)


def test_three_settings():
    """Large heads by their weights, small by theirs, small by those of the large."""
    context = Context("large", "of large", elsewhere=Context("small", "of small"))
    ways = [(some.weights, some.folder) for some in fig15.settings(context)]
    assert ways == [("of large", "large"), ("of small", "small"), ("of large", "small")]


def test_the_first_set_must_be_the_larger(monkeypatch):
    same = context()
    object.__setattr__(same, "elsewhere", context())
    with pytest.raises(ExperimentError, match="heads of 64 pixels, nowhere of 64, and the first must be larger"):
        fig15.compute(same, same.report)


def test_other_figures_are_for_64_pixels(unchanged, tmp_path):  # noqa: F811
    """A set of 256 pixels is read as it is, and refused where a figure was not written for it; --all leaves 15 out."""
    large = SAMPLE.parent / "hd"
    assert Context(large, split="train").heads.images.shape[1:] == (256, 256, 3)
    said = refused("fig04", "--data", large, "--out", tmp_path / "figures")
    assert "is of 256 pixels, and fig04 is for 64" in said
    assert "fig15" in runner.left_out(Context(SAMPLE, elsewhere=Context(SAMPLE))) and "fig15" in FIGURES


def test_heads_of_two_sizes_are_no_set(tmp_path):
    from uunet import data

    rows = ["file,subject,sequence,frame,split,gender,ethnicity,hairstyle"]
    for k, side in enumerate((64, 32)):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.zeros((side, side, 3), np.uint8))
        rows.append(f"{k}.png,{k},{k},0,test,unknown,unknown,unknown")
    Path(tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(data.DataError, match="heads of several sizes in split 'test'"):
        data.load(tmp_path, "test", size=None)
