"""Runs that stop, go on, diverge or cannot start."""

import csv
import dataclasses
import hashlib
import shutil
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from uunet import config, data, labels, models
from uunet.models import files
from uunet.training import adversarial, checkpoints, classifier, twin
from uunet.training.trainer import Run, build_optimizer, fit

pytestmark = pytest.mark.slow

PAIRS = dataclasses.replace(config.SMOKE.classifier, size=32)
BATCH = dataclasses.replace(config.SMOKE.adversarial, size=32, channel=config.ChannelConfig(sizes=(24, 40)))
TWINS = dataclasses.replace(config.TWINS_BY_NAME["smoke"], size=32, channel=config.ChannelConfig(sizes=(24, 40)))
ENCODED = config.ChannelConfig(sizes=(40,), damages=(config.Degradation("h264", 18, 28),))


@pytest.fixture(scope="module")
def d_a(tiny_set, tmp_path_factory):
    out = tmp_path_factory.mktemp("classifier")
    _, areas = classifier.train(PAIRS, tiny_set, out, verbose=0)
    assert set(areas) == set(labels.LABELS) and all(0 <= area <= 1 for area in areas.values())
    return out / "classifier.safetensors"


def weights(path):
    return [np.asarray(variable.value) for variable in files.load(path).weights]


def log(run):
    with open(run / "log.csv") as file:
        return list(csv.DictReader(file))


def test_resumed_training_ends_bit_identical(tiny_set, d_a, tmp_path):
    """With real encoders in the step, outside of the graph."""
    straight, resumed = tmp_path / "straight", tmp_path / "resumed"
    encoded = dataclasses.replace(BATCH, channel=ENCODED)
    adversarial.train(encoded, [d_a], tiny_set, straight, verbose=0)

    class Interrupted(Exception):
        pass

    # stopped in the middle of the second epoch, after the first checkpoint
    drawn = []
    original = data.sequence_batch

    def interrupt(heads, settings, step):
        drawn.append(step)
        if step == 3:
            raise Interrupted
        return original(heads, settings, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "sequence_batch", interrupt)
        with pytest.raises(Exception):  # noqa: B017  the backend wraps what a generator raises
            adversarial.train(encoded, [d_a], tiny_set, resumed, verbose=0)
    assert 3 in drawn and not (resumed / "encoder.safetensors").exists()
    adversarial.train(encoded, [d_a], tiny_set, resumed, verbose=0)

    for name in ("encoder", "decoder"):
        for one, other in zip(*(weights(run / f"{name}.safetensors") for run in (straight, resumed)), strict=True):
            np.testing.assert_array_equal(one, other)
    states = [np.load(run / "checkpoint.npz") for run in (straight, resumed)]
    for name in set(states[0].files) - {"seconds"}:
        np.testing.assert_array_equal(states[0][name], states[1][name])
    for one, other in zip(*(log(run) for run in (straight, resumed)), strict=True):
        del one["images_per_second"], other["images_per_second"]
        assert one == other


def test_a_run_leaves_a_log_sheets_and_provenance(tiny_set, d_a, tmp_path):
    adversarial.train(BATCH, [d_a], tiny_set, tmp_path, verbose=0)
    rows = log(tmp_path)
    assert [row["step"] for row in rows] == ["2", "4"] and all(float(row["images_per_second"]) > 0 for row in rows)
    assert {"critic", "penalty", "mse", "adv", "ano", "con", "div", "dis", "psnr_r", "psnr_a"} <= rows[0].keys()
    sheet = cv2.imread(str(tmp_path / "sheets" / "step_000004.png"))
    assert sheet.shape[0] == 3 * 32 * 2  # x | a | r, enlarged twice
    record = files.provenance(tmp_path / "encoder.safetensors")
    assert record["config"]["s"] == [-1, 1, 1, 1] and record["steps"] == 4
    assert record["data_sha256"] == data.load(tiny_set, "train", size=32).sha256
    assert files.load(tmp_path / "encoder.safetensors", expect=4).input_shape == (None, 32, 32, 4)


def test_one_classifier_a_label(tiny_set, tmp_path):
    paths = []
    for label in labels.LABELS:
        chosen = dataclasses.replace(PAIRS, labels=(label,), steps=2)
        classifier.train(chosen, tiny_set, tmp_path / label, verbose=0)
        paths.append(tmp_path / label / "classifier.safetensors")
    chosen = dataclasses.replace(BATCH, steps=2)
    adversarial.train(chosen, paths, tiny_set, tmp_path / "run", verbose=0)
    for wrong in (paths[:3], [paths[1], paths[0], *paths[2:]], [*paths[:3], paths[0]]):
        with pytest.raises(config.ConfigError, match="rate ID, gender, ethnicity, hairstyle, in this order"):
            adversarial.train(chosen, wrong, tiny_set, tmp_path / "other", verbose=0)
    assert not (tmp_path / "other").exists()


def test_divergence_names_the_step_and_keeps_the_checkpoint(tiny_set, d_a, tmp_path):
    adversarial.train(dataclasses.replace(BATCH, steps=2), [d_a], tiny_set, tmp_path, verbose=0)
    good = (tmp_path / "checkpoint.npz").read_bytes()
    networks = adversarial.build_networks(BATCH, files.load(d_a))
    trainer = adversarial.build_trainer(networks, BATCH)
    heads = data.load(tiny_set, "train", size=32)

    def poisoned(step):
        batch = data.sequence_batch(heads, BATCH, step)
        return {**batch, "x": batch["x"] * np.float32("nan")} if step == 1 else batch

    fresh = tmp_path / "fresh"
    with pytest.raises(checkpoints.DivergedError, match="diverged at step 2: .*mse.*no checkpoint yet"):
        fit(trainer, poisoned, BATCH, Run(fresh, {}, verbose=0), images=BATCH.batch_size)
    assert not list(fresh.iterdir())
    # a loss may be finite while the step it takes is not
    networks.encoder.weights[0].assign(networks.encoder.weights[0] * np.float32("inf"))
    with pytest.raises(checkpoints.DivergedError, match="a weight is no longer finite at step 4"):
        checkpoints.save(trainer, tmp_path / "checkpoint.npz", run={}, step=4, seconds=0.0)
    assert (tmp_path / "checkpoint.npz").read_bytes() == good


def test_checkpoint_of_another_run(tiny_set, d_a, tmp_path):
    chosen = dataclasses.replace(BATCH, steps=2)
    adversarial.train(chosen, [d_a], tiny_set, tmp_path, verbose=0)
    with pytest.raises(checkpoints.CheckpointError, match="another run \\(config differs\\)"):
        adversarial.train(dataclasses.replace(chosen, seed=1), [d_a], tiny_set, tmp_path, verbose=0)
    other = tmp_path / "other.safetensors"
    arguments = {"labels": 4, "size": 32, "name": "other"}
    files.save(
        models.attribute_classifier(**arguments),
        other,
        builder="attribute_classifier",
        arguments=arguments,
        provenance=files.provenance(d_a),
    )
    with pytest.raises(checkpoints.CheckpointError, match="classifier_sha256 differs"):
        adversarial.train(chosen, [other], tiny_set, tmp_path, verbose=0)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(checkpoints.CheckpointError, match="not a complete checkpoint"):
        adversarial.train(chosen, [d_a], tiny_set, tmp_path, verbose=0)


def test_a_finished_run_is_repeated_for_nothing_and_prolonged_for_more(tiny_set, tmp_path):
    """Of learning I too, whose dropout draws must go on where they stopped."""
    straight, prolonged = tmp_path / "straight", tmp_path / "prolonged"
    classifier.train(PAIRS, tiny_set, straight, verbose=0)
    classifier.train(dataclasses.replace(PAIRS, steps=2), tiny_set, prolonged, verbose=0)
    first = files.provenance(prolonged / "classifier.safetensors")
    classifier.train(dataclasses.replace(PAIRS, steps=2), tiny_set, prolonged, verbose=0)
    again = files.provenance(prolonged / "classifier.safetensors")
    assert (again["steps"], again["seconds"]) == (first["steps"], first["seconds"]) == (2, first["seconds"])
    classifier.train(PAIRS, tiny_set, prolonged, verbose=0)
    assert files.provenance(prolonged / "classifier.safetensors")["steps"] == 4
    for one, other in zip(*(weights(run / "classifier.safetensors") for run in (straight, prolonged)), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(checkpoints.CheckpointError, match="has done 4 steps already"):
        classifier.train(dataclasses.replace(PAIRS, steps=2), tiny_set, prolonged, verbose=0)


def test_a_run_that_minutes_end_is_whole_and_resumes(tiny_set, d_a, tmp_path):
    """The time is over before the first checkpoint, so each call makes one."""
    straight, parts = tmp_path / "straight", tmp_path / "parts"
    adversarial.train(BATCH, [d_a], tiny_set, straight, verbose=0)
    first = adversarial.train(BATCH, [d_a], tiny_set, parts, minutes=1e-9, verbose=0)
    assert (first.steps, first.remaining) == (2, 2)
    assert files.provenance(parts / "encoder.safetensors")["steps"] == 2
    second = adversarial.train(BATCH, [d_a], tiny_set, parts, minutes=1e-9, verbose=0)
    assert (second.steps, second.remaining) == (4, 0) and second.seconds > first.seconds
    for one, other in zip(*(weights(run / "encoder.safetensors") for run in (straight, parts)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_classifier_starts_from_another_of_its_shape(tiny_set, d_a, tmp_path):
    other = dataclasses.replace(PAIRS, steps=2, seed=1)
    classifier.train(other, tiny_set, tmp_path / "random", verbose=0)
    classifier.train(other, tiny_set, tmp_path / "run", start=d_a, verbose=0)
    path = tmp_path / "run" / "classifier.safetensors"
    given = hashlib.sha256(Path(d_a).read_bytes()).hexdigest()
    assert files.provenance(path)["start_sha256"] == given
    far, near = (  # two steps move weights by little, means of batches by more
        max(float(abs(a - b).max()) for a, b in zip(weights(path), weights(file), strict=True))
        for file in (tmp_path / "random" / "classifier.safetensors", d_a)
    )
    assert near < 0.5 * far
    with pytest.raises(checkpoints.CheckpointError, match="start_sha256 differs"):
        classifier.train(other, tiny_set, tmp_path / "run", start=path, verbose=0)
    with pytest.raises(files.WeightsError, match="start from weights of the same configuration"):
        classifier.train(dataclasses.replace(PAIRS, blocks=1), tiny_set, tmp_path / "other", start=d_a, verbose=0)
    assert not (tmp_path / "other").exists()


def test_too_few_for_pairs(tiny_set, tmp_path):
    manifest = tmp_path / "manifest.csv"
    rows = (tiny_set / "manifest.csv").read_text().replace("validation,s4", "train,s4")  # one subject to validate on
    manifest.write_text(rows.replace("\n", f"\n{tiny_set}/").removesuffix(f"{tiny_set}/"))
    with pytest.raises(data.DataError, match="one split has 1 subjects"):
        classifier.train(PAIRS, tmp_path, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()


def test_classifier_learns(tiny_set, tmp_path):
    """Subjects of the tiny set differ in brightness range alone; some steps must lower Eq. 3."""
    chosen = dataclasses.replace(PAIRS, steps=40, checkpoint_every=20, batch_pairs=16, augment=False)
    classifier.train(chosen, tiny_set, tmp_path, verbose=0)
    with open(tmp_path / "log.csv") as file:
        first, last = (float(row["ce"]) for row in csv.DictReader(file))
    assert last < first


def test_a_classifier_is_scored_on_a_set(tiny_set, d_a):
    areas, pairs = classifier.score(d_a, tiny_set, split="validation", batches=4)
    assert set(areas) == set(labels.LABELS) and pairs == 4 * PAIRS.batch_pairs
    assert 0 <= areas["ID"] <= 1
    with pytest.raises(data.DataError, match="one split has 1 subjects"):
        classifier.score(d_a, tiny_set)


def test_networks_start_from_the_config():
    chosen = dataclasses.replace(BATCH, unet="pix2pix", width=4, normalization="batch", dropout=0.5)
    networks = adversarial.build_networks(chosen, models.attribute_classifier(size=32))
    assert networks.encoder.input_shape[-1] == 4 and networks.decoder.input_shape[-1] == 3
    assert not networks.classifier.trainable_variables


@pytest.fixture(scope="module")
def twin_set(tiny_set, tmp_path_factory):
    """The tiny set with a twin of each head, its negative, and one parse map and one place of landmarks for all."""
    folder = tmp_path_factory.mktemp("twins") / "set"
    shutil.copytree(tiny_set, folder)
    manifest = (folder / "manifest.csv").read_text().splitlines()
    landmarks = " ".join(["16"] * 2 * data.LANDMARKS)
    manifest = [f"{row},{'parse,landmarks' if k == 0 else f'codes.png,{landmarks}'}" for k, row in enumerate(manifest)]
    (folder / "manifest.csv").write_text("\n".join(manifest) + "\n")
    codes = np.zeros((32, 32), np.uint8)
    codes[8:24, 8:24] = 1
    rows = ["file,of,virtual,gender,ethnicity,hairstyle"]
    for path in sorted(folder.glob("*.png")):
        twin = folder / "twins" / path.name
        twin.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(twin), 255 - cv2.imread(str(path)))
        rows.append(f"twins/{path.name},{path.name},9,female,black,long")
    (folder / "twins_-1,1,1,1.csv").write_text("\n".join(rows) + "\n")
    cv2.imwrite(str(folder / "codes.png"), codes)
    return folder


EVEN = dataclasses.replace(TWINS, optimizer=dataclasses.replace(TWINS.optimizer, cosine=False))


@pytest.fixture(scope="module")
def straight(twin_set, tmp_path_factory):
    """A run of EVEN that was not interrupted."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    twin.train(EVEN, twin_set, folder, verbose=0)
    return folder


def test_learning_from_twins_resumes_bit_identical(twin_set, straight, tmp_path):
    twin.train(dataclasses.replace(EVEN, steps=2, hiding_steps=2), twin_set, tmp_path / "resumed", verbose=0)
    with pytest.raises(checkpoints.CheckpointError, match="drawing_steps differs"):  # hiding was learnt for another U_e
        twin.train(EVEN, twin_set, tmp_path / "resumed", verbose=0)
    for stage in ("sharpening", "hiding"):
        shutil.rmtree(tmp_path / "resumed" / stage)
    twin.train(dataclasses.replace(EVEN, hiding_steps=2), twin_set, tmp_path / "resumed", verbose=0)
    twin.train(EVEN, twin_set, tmp_path / "resumed", verbose=0)
    for name in ("encoder", "decoder"):
        runs = [weights(folder / f"{name}.safetensors") for folder in (straight, tmp_path / "resumed")]
        for one, other in zip(*runs, strict=True):
            np.testing.assert_array_equal(one, other)
    assert (tmp_path / "resumed" / "hiding" / "sheets" / "step_000004.png").is_file()


def test_hiding_alone_needs_no_twins_and_leaves_what_is_drawn(twin_set, straight, tiny_set, tmp_path):
    alone = dataclasses.replace(EVEN, steps=0, sharpening_steps=0)
    with pytest.raises(config.ConfigError, match="without drawing steps needs trained weights to start from"):
        twin.train(alone, tiny_set, tmp_path / "run", verbose=0)
    twin.train(alone, tiny_set, tmp_path / "run", start=straight, verbose=0)
    before, after = (files.load(folder / "encoder.safetensors") for folder in (straight, tmp_path / "run"))
    moved = {one.path for one, other in zip(before.weights, after.weights, strict=True)
             if np.any(one.numpy() != other.numpy())}  # fmt: skip
    assert moved and all("hide" in path for path in moved)
    assert not (tmp_path / "run" / "drawing").exists()


def test_a_large_step_of_hiding_is_cut_short():
    """All gradients together, (3, 4), are brought down to a norm of 1, and hiding asks for that."""
    one, other = keras.Variable([0.0]), keras.Variable([0.0])
    optimizer = build_optimizer(config.Optimizer("sgd", 1.0), clip=1.0)
    optimizer.apply([keras.ops.array([3.0]), keras.ops.array([4.0])], [one, other])
    np.testing.assert_allclose([one.numpy()[0], other.numpy()[0]], [-0.6, -0.8], rtol=1e-6)
    networks = models.twin_encoder(size=32, width=4), models.twin_decoder(size=32, width=4)
    assert twin.embedding_trainer(*networks, TWINS).optimizer.global_clipnorm == TWINS.clip


def test_each_stage_trains_its_own_layers():
    """Those of H for embedding, and all others for generation, whatever was trained before."""
    encoder = models.twin_encoder(size=32, width=4)
    every = {variable.path for variable in encoder.trainable_variables}
    embedding = {path for path in every if path.startswith("hide")}
    for train_only, expected in (
        (twin._train_generation, every - embedding),
        (twin._train_embedding, embedding),
        (twin._train_generation, every - embedding),
    ):
        train_only(encoder)
        assert {variable.path for variable in encoder.trainable_variables} == expected


def test_learning_from_twins_in_parts(twin_set, straight, tmp_path):
    done = []
    while not done or done[-1].remaining:
        assert not (tmp_path / "encoder.safetensors").exists()
        done.append(twin.train(EVEN, twin_set, tmp_path, minutes=1e-9, verbose=0))
    # each call ends at the first checkpoint of a stage that is not at its end
    assert [progress.steps for progress in done] == [2, 8, 10]
    for one, other in zip(*(weights(run / "encoder.safetensors") for run in (straight, tmp_path)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_learning_from_twins_starts_from_weights_of_its_size(twin_set, straight, tmp_path):
    twin.train(dataclasses.replace(TWINS, seed=1), twin_set, tmp_path / "second", start=straight, verbose=0)
    assert "encoder_from_sha256" in files.provenance(tmp_path / "second" / "encoder.safetensors")
    with pytest.raises(files.WeightsError, match="start from weights of the same configuration"):
        wider = dataclasses.replace(TWINS, width=8)
        twin.train(wider, twin_set, tmp_path / "third", start=straight, verbose=0)
