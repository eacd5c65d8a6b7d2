"""Records in closed form, and pictures."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from uunet import data
from uunet.evaluation import alignment, baselines, detection, evaluators, inputs
from uunet.experiments import (
    fig03,
    fig04,
    fig05,
    fig06,
    fig07,
    fig09,
    fig10,
    fig11,
    histograms,
    runner,
    table1,
)
from uunet.experiments.context import JUDGES, Context, ExperimentError
from uunet.models import files

SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample" / "cctv"


def heads(people=3, sequences=2, frames=3, **changes):
    """Heads of noise."""
    count = people * sequences * frames
    labels = np.zeros((count, 4), int)
    labels[:, 0] = 10 + np.repeat(np.arange(people), sequences * frames)
    return data.Heads(**{
        "images": np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), np.uint8), "labels": labels,
        "sequences": np.repeat(np.arange(people * sequences), frames),
        "frames": np.tile(np.arange(frames), people * sequences), "files": ("",) * count, "sha256": "", "columns": {},
        "skipped": (), **changes,
    })  # fmt: skip


def context(embeddings=None, found=None, **versions):
    """A Context in which both judges and MTCNN have spoken already; versions that are not given are those of x."""
    some = heads()
    made = Context(Path("nowhere"))
    made.__dict__["heads"] = some
    for name in ("x", "a", "r", "a'", "r'"):
        made.kept["version", name] = versions.get(name, some.images)
        for judge in JUDGES:
            place = np.zeros((18, 1)) if embeddings is None else embeddings[name]
            made.kept[judge, name] = evaluators.Judged(place, np.ones(18, bool) if found is None else found)
    return made


def on_a_line(rng, spread=0.1):
    """Embeddings of 3 people x 6 heads: a person stays within `spread`, people are 10 apart."""
    return 10.0 * np.repeat(np.arange(3), 6)[:, None] + spread * rng.random((18, 1))


def compute(figure, made):
    """The record as it is read again."""
    return json.loads(json.dumps(figure.compute(made, made.report)))


@pytest.mark.slow
def test_table_1_counts_by_hand():
    """D_a's layers by hand, kernels, biases and four numbers a kernel of batch normalisation."""
    record = compute(table1, context())
    found = record["networks"]["D_a"]
    convolutions = [(6, 16, 32), (16, 64, 32), (64, 128, 32), (128, 64, 16), (64, 64, 8)]  # in, out, side of the output
    dense = 64 * 8 * 8 * 128 + 128 * 4
    assert found["parameters"] == sum((9 * i + 1 + 4) * o for i, o, _ in convolutions) + dense + 128 + 4
    assert found["flops"] == 2 * (sum(9 * i * o * side**2 for i, o, side in convolutions) + dense)
    u_e, u_d = (record["networks"][f"{name}, [44]"] for name in ("U_e", "U_d"))
    assert u_e["parameters"] - u_d["parameters"] == 9 * 64  # of the noise channel
    assert u_e["flops"] - u_d["flops"] == 2 * 9 * 64 * 64**2
    assert record["networks"]["U_e, published code"]["input"] == [64, 64, 4]
    text = [item.get_text() for axis in table1.plot(record, None).axes for item in axis.texts]
    assert any("nk: 16, ks: 3×3, st: 2" in part and "721,012" not in part for part in text)


@pytest.mark.parametrize("kind, genuine", [("other sequence", 3 * 9), ("same sequence", 6 * 3), ("same head", 18)])
def test_pairs_of_each_kind(rng, kind, genuine):
    """Of 3 people x 2 sequences x 3 frames."""
    some = heads()
    chosen = histograms.pairs(some, kind, rng)
    assert [len(part) for part in chosen] == [genuine, 3 * 36]
    same = some.labels[chosen[0], 0]
    assert (same[:, 0] == same[:, 1]).all()
    assert (np.ptp(some.sequences[chosen[0]], axis=1) > 0).all() == (kind == "other sequence")


def test_as_many_pairs_as_in_the_paper_at_most(rng, monkeypatch):
    monkeypatch.setattr(histograms, "GENUINE", 5)
    monkeypatch.setattr(histograms, "IMPOSTOR", 7)
    genuine, impostor = histograms.pairs(heads(), "other sequence", rng)
    assert len(np.unique(genuine, axis=0)) == 5 and len(np.unique(impostor, axis=0)) == 7


def test_too_few_pairs_are_refused(rng):
    with pytest.raises(ExperimentError, match="at least 2 of each"):
        histograms.pairs(heads(sequences=1), "other sequence", rng)
    with pytest.raises(ExperimentError, match="at least 2 of each"):
        histograms.pairs(heads(people=1), "same head", rng)


def test_figure_6_of_an_encoder_that_swaps_people(rng):
    """In x everybody is recognised; every a is the next person: genuine pairs score below some impostors."""
    x = on_a_line(rng)
    place = {name: x for name in ("x", "r", "a'", "r'")} | {"a": np.roll(x, 6, axis=0)}
    record = compute(fig06, context(place))
    known, hidden = record["environments"][:2]
    assert known["auc"] == 1 and known["d"] > 2 and known["daugman"] == pytest.approx(np.sqrt(2) * known["d"])
    assert known["genuine"] == 27 and known["impostor"] == 108 and known["no_face"] == [0, 0]
    # a of person p is at p - 1: genuine distances 10, 10, 20 (from 0 to 2); of the pairs p < q, half of the six
    assert hidden["auc"] < 0.5 and hidden["d"] < 0
    assert sum(known["histograms"][0]) == 27 and sum(known["histograms"][1]) == 108
    assert known["ks"]["statistic"] == 1
    assert [axis.get_title().split("\n")[0] for axis in fig06.plot(record, None).axes] == ["x ↔ x'", "x ↔ a'"] * 2


def test_a_judge_that_sees_no_face_is_a_result(rng):
    """Counted, and said in the picture."""
    found = np.zeros(18, bool)
    record = compute(fig06, context(dict.fromkeys(("x", "a", "r", "a'", "r'"), on_a_line(rng)), found))
    environment = record["environments"][0]
    assert environment["auc"] is None and environment["no_face"] == [27, 108]
    axis = fig06.plot(record, None).axes[0]
    assert "not measurable" in axis.get_title() and "no face in 27 and 108" in axis.get_xlabel()


def test_figure_7_of_faces_that_stay_and_of_one_that_jumps(rng):
    x = on_a_line(rng)
    a = x.copy()
    a[4] += 50  # the middle frame of the second sequence: 2 of 12 steps
    made = context(dict.fromkeys(("x", "r", "a'", "r'"), x) | {"a": a})
    record = compute(fig07, made)
    assert record["environments"][0]["genuine"] == 18 and record["environments"][0]["ks"]["p"] < 1e-8
    assert [row["value"] for row in record["sudden"]["own"]] == pytest.approx([0, 2 / 12], abs=0.1)
    tracks = record["tracks"]["own"]
    assert len(tracks) == 6 and [k for k, _ in tracks[0]] == [1, 2]
    assert tracks[1][0][1] == pytest.approx(-50, abs=0.2) and tracks[1][1][1] == pytest.approx(0, abs=0.2)
    assert len(fig07.plot(record, made).axes) == 2 * 9 + 4


def test_figure_10_tells_one_virtual_face_a_person_from_one_a_sequence(rng):
    one = on_a_line(rng)
    many = 10 * rng.permutation(6)[np.repeat(np.arange(6), 3)][:, None] + 0.1 * rng.random((18, 1))
    others = dict.fromkeys(("x", "r", "a'", "r'"), one)
    recognised = compute(fig10, context(others | {"a": one}))["environments"][0]
    diverse = compute(fig10, context(others | {"a": many}))["environments"][0]
    assert recognised["auc"] == 1 and recognised["genuine"] == 27
    assert diverse["auc"] < 0.8 and diverse["d"] < recognised["d"]


@pytest.mark.slow
def test_figure_11_of_a_known_shift(rng):
    images = np.full((18, 64, 64, 3), 100, np.uint8)
    made = context(dict.fromkeys(("x", "a", "r", "a'", "r'"), on_a_line(rng)),
                    **{"a": images + np.uint8(51), "a'": images, "r": images, "r'": images})  # fmt: skip
    record = compute(fig11, made)
    assert record["residuals"]["a"]["mean"] == pytest.approx(0.2) and record["residuals"]["a"]["std"] < 1e-9
    assert record["residuals"]["a"]["histogram"][255 + 51] == images.size  # of -255 .. 255
    assert record["residuals"]["r"]["mean"] == 0 and record["residuals"]["r"]["histogram"][255] == images.size
    assert record["environments"][0]["genuine"] == 18 and record["environments"][0]["auc"] == 1
    assert len(fig11.plot(record, made).axes) == 4


def test_figure_4_shows_everybody_before_anybody_twice():
    made = context()
    record = compute(fig04, made)
    people = made.heads.labels[record["shown"], 0]
    assert sorted(people[:3]) == [10, 11, 12] and len(record["shown"]) == 6
    assert record["labels"]["gender"] == {"female": 18, "male": 0, "unknown": 0} and record["frames"] == [3, 3, 3]
    assert "18 female" in fig04.plot(record, made).get_supxlabel()


@pytest.fixture
def dark():
    """a is black; x is as it is."""
    return context(a=np.zeros((18, 64, 64, 3), np.uint8))


def test_figure_5_of_faces_that_are_where_they_should_be(monkeypatch, dark):
    """MTCNN is replaced: in x every face is found in its place, in a too but half as surely, elsewhere never."""
    place = detection.face_of_head(64)
    surely = np.linspace(0.5, 1, 18)

    def detections(images, report):
        if images is dark.heads.images:
            return [[(sure, place)] for sure in surely]
        if images is dark.version("a"):
            return [[(sure / 2, place), (0.05, (0, 0, 5, 5))] for sure in surely]
        return [[(0.9, (0, 0, 5, 5))] for _ in images]

    monkeypatch.setattr(detection, "detections", detections)
    record = compute(fig05, dark)
    assert [row["mean"] for row in record["table"]] == [1, 1] + [0] * 6
    assert record["pearson"] == pytest.approx(1) and record["heads"] == record["table_heads"] == 18
    assert record["confidence"] == {"x": pytest.approx(0.75), "a": pytest.approx(0.375)}
    assert sum(record["histograms"]["x"]) == 18 == np.sum(record["histogram"])
    assert "Pearson 1.000" in fig05.plot(record, dark).axes[0].get_title()


def test_figure_5_without_any_face(monkeypatch, dark):
    monkeypatch.setattr(detection, "detections", lambda images, report: [[] for _ in images])
    none = compute(fig05, dark)
    assert none["pearson"] is None and none["confidence"]["a"] is None and none["heads"] == 0
    assert "not measurable" in fig05.plot(none, dark).axes[0].get_title()


def test_detections_say_nothing_of_a_batch_without_faces(monkeypatch):
    answers = iter([[[{"confidence": 0.3, "box": [1, 2, 3, 4]}]] + [[]] * 15, []])
    monkeypatch.setattr(alignment, "mtcnn", lambda: SimpleNamespace(detect_faces=lambda *_, **__: next(answers)))
    found = detection.detections(np.zeros((20, 8, 8, 3), np.uint8))
    assert found == [[(0.3, (1, 2, 3, 4))]] + [[]] * 19


def test_the_face_of_a_head_is_the_head_of_a_face_backwards():
    from uunet.boxes.detection import head_roi
    from uunet.boxes.types import Roi

    face = Roi(200, 200, 90, 90)
    head = head_roi(face, 1000, 1000)
    x, y, w, h = detection.face_of_head(head.w)
    np.testing.assert_allclose([head.x + x, head.y + y, w, h], face, atol=1.1)


def test_baselines(rng):
    image = rng.integers(0, 256, (64, 64, 3), np.uint8)
    assert len(np.unique(baselines.superpixels(image, 8).reshape(-1, 3), axis=0)) <= 8
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, 32:] = 200
    np.testing.assert_array_equal(baselines.superpixels(halves, 16), halves)  # no superpixel crosses an edge
    blocks = baselines.pixelated(image, 8)
    assert len(np.unique(blocks.reshape(-1, 3), axis=0)) <= 64 and (blocks[:8, :8] == blocks[0, 0]).all()
    grey = np.full((64, 64, 3), 90, np.uint8)
    for plain in (baselines.low_resolution(grey, 5, 3), baselines.blurred(grey, 0.1), baselines.pixelated(grey, 8)):
        np.testing.assert_array_equal(plain, grey)
    assert baselines.low_resolution(image, 5, 3).std() < image.std() / 4 > baselines.blurred(image, 0.1).std()


@pytest.fixture
def choosing(tmp_path):
    """U_e and U_d of twin training, untrained."""
    folder = tmp_path / "choosing"
    folder.mkdir()
    for builder, arguments in (("encoder", {"s": [-1, 1, 1, 1]}), ("decoder", {})):
        arguments |= {"width": 4, "name": builder}
        network = files.BUILDERS[f"twin_{builder}"](**arguments)
        files.save(network, folder / f"{builder}.safetensors", builder=f"twin_{builder}", arguments=arguments,
                   provenance={"config": {"s": [-1, 1, 1, 1]}})  # fmt: skip
    return folder


@pytest.mark.slow
def test_figures_3_and_9_follow_s(choosing, monkeypatch):
    """For its own s an encoder gives what it always gives, for others somebody else; x is the same in all."""
    monkeypatch.setattr(fig03, "GRID", (fig03.GRID[0], fig03.GRID[-1]))  # each takes seconds to build
    made = Context(SAMPLE, str(choosing))
    record = compute(fig03, made)
    assert record["s"][0] == [-1, 1, 1, 1] and len(record["shown"]) == 2
    own_s, other = (made.following(tuple(s), record["shown"]) for s in record["s"])
    np.testing.assert_array_equal(own_s, made.some("a", record["shown"]))
    assert (own_s != other).any(axis=(1, 2, 3)).all()
    titles = [axis.get_title() for axis in fig03.plot(record, made).axes]
    assert titles[:2] == ["x", "ID -1, gender +1\nethnicity +1, hair +1"] and len(titles) == 2 * 3
    record = compute(fig09, made)
    assert record["s"] == {"All Equal": [-1, 1, 1, 1], "All Different": [-1, -1, -1, -1]}
    pictures = [axis.images[0].get_array() for axis in fig09.plot(record, made).axes if axis.images]
    assert len(pictures) == 2 * 4
    np.testing.assert_array_equal(pictures[::2], np.tile(made.some("x", record["shown"]), (2, 1, 1, 1)))
    np.testing.assert_array_equal(pictures[1], own_s[0])


def test_the_caption_says_how_many_were_left_out():
    about = inputs.described(heads(skipped=("row 2: a.png", "row 3: b.png")), Path("set"), "test")
    record = {"figure": "fig04", "data": about, "provenance": {"seed": 3, "commit": "0123456789"}}
    assert runner.caption(record) == (
        "fig04; set, split test: 18 heads of 3 people in 6 sequences; 2 more are damaged and left out; "
        "seed 3, commit 0123456"
    )
