"""Writing a rendered data set: whatever the workers and interruptions, the same files; verifying finds any change."""

import csv
import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from data_prep.synthetic import __main__ as command
from data_prep.synthetic import dataset, domain, listing, twin

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample"
HEADER = (
    "file,domain,split,subject,sequence,frame,gender,ethnicity,hairstyle,age,expression,yaw,pitch,roll,landmarks,"
    "beard,eyewear,headwear,mask,occluded,environment,native_size,parse,sha256,parse_sha256"
)
PLAN = dataset.Plan(domain.CCTV, identities=2, sequences=2, frames=1, seed=5)
S = (-1, 1, 1, 1)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def no_progress(done):
    pass


@pytest.fixture(scope="module", autouse=True)
def small_pool():
    """40 virtual people, which are found faster than 160."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twin, "PEOPLE_PER_COMBINATION", 1)
        yield


@pytest.fixture(scope="module")
def two_people(tmp_path_factory):
    """Seeds 5 and 6, 2 sequences x 1 frame, and their twins, rendered by two processes."""
    out = tmp_path_factory.mktemp("rendered") / "heads"
    dataset.write(out, PLAN, 2, no_progress)
    dataset.write_twins(out, PLAN, S, 2, no_progress)
    return out


def test_layout_and_manifest(two_people):
    lines = (two_people / "manifest.csv").read_text().splitlines()
    assert lines[0] == HEADER
    names = [f"{subject}/{sequence}_00.png" for subject in (5, 6) for sequence in (0, 1)]
    assert [line.split(",")[0] for line in lines[1:]] == [f"crops/{name}" for name in names]
    pictures = {f"{folder}/{name}" for folder in ("crops", "parse", "twins/-1,1,1,1") for name in names}
    assert set(files_of(two_people)) == {"manifest.csv", "twins_-1,1,1,1.csv", *pictures}
    for row in listing.read_manifest(two_people):
        assert cv2.imread(str(two_people / row.file)).shape == (64, 64, 3)
        parse = cv2.imread(str(two_people / row.parse), cv2.IMREAD_UNCHANGED)
        assert parse.shape == (64, 64) and 0 < (parse == 0).mean() < 0.8
        assert (row.domain, row.parse) == ("cctv", row.file.replace("crops", "parse"))


def test_twins_list(two_people):
    rows = {row.file: row for row in listing.read_manifest(two_people)}
    twins = listing.read(listing.twins_csv(two_people, S), listing.TwinRow)
    assert [row.of for row in twins] == list(rows)
    for row in twins:
        crop = rows[row.of]
        assert row.file == f"twins/-1,1,1,1/{crop.file.removeprefix('crops/')}"
        assert (row.gender, row.ethnicity, row.hairstyle) == (crop.gender, crop.ethnicity, crop.hairstyle)
        assert row.subject in domain.SEEDS["virtual"] and 0 <= row.virtual < 40
        assert (cv2.imread(str(two_people / row.file)) != cv2.imread(str(two_people / row.of))).any()


def test_resuming_with_one_worker_completes_what_two_began(two_people, tmp_path):
    """One identity is kept, one is half done (killed before its row was written): the result is the same."""
    out = tmp_path / "heads"
    shutil.copytree(two_people, out)
    for table, folder in (("manifest.csv", "crops"), ("twins_-1,1,1,1.csv", "twins/-1,1,1,1")):
        lines = (out / table).read_text().splitlines(keepends=True)
        (out / table).write_text("".join(lines[:3]))
        shutil.move(out / folder / "6", out / folder / "6.partial")
    kept = (out / "crops" / "5" / "0_00.png").stat().st_mtime_ns
    progress = []
    dataset.write(out, PLAN, 1, progress.append)
    dataset.write_twins(out, PLAN, S, 1, progress.append)
    assert progress == [2, 4, 2, 4]
    assert files_of(out) == files_of(two_people)
    assert (out / "crops" / "5" / "0_00.png").stat().st_mtime_ns == kept


def test_other_settings_are_refused(two_people):
    for changed in ({"seed": 6}, {"frames": 2}, {"sequences": 1}, {"cycle": 3, "seed": 4}, {"domain": domain.UAV}):
        plan = dataclasses.replace(PLAN, **changed)
        with pytest.raises(listing.DatasetError, match="other settings"):
            dataset.write(two_people, plan, 1, no_progress)
    for changed in ({"seed": 6}, {"frames": 2}):
        with pytest.raises(listing.DatasetError, match="other settings"):
            dataset.write_twins(two_people, dataclasses.replace(PLAN, **changed), S, 1, no_progress)


def test_splits_are_by_identity():
    plan = dataset.preset("full", "cctv", identities=40)
    splits = [plan.split(subject) for subject in plan.subjects]
    assert splits[:10] == ["train"] * 8 + ["validation", "test"]
    assert splits == splits[:10] * 4


def test_presets_keep_to_their_seeds():
    for name in domain.DOMAINS:
        full, sample = dataset.preset("full", name), dataset.preset("sample", name)
        assert (full.identities, full.sequences) == (400, 4)
        assert set(full.subjects) <= set(domain.SEEDS[name])
        assert set(sample.subjects) <= set(domain.SEEDS[f"{name} sample"])
        splits = [sample.split(subject) for subject in sample.subjects]
        assert min(splits.count(split) for split in ("train", "validation", "test")) == 2
    with pytest.raises(listing.DatasetError, match="reach into those of uav"):
        dataset.preset("full", "cctv", identities=10_001)


@pytest.mark.parametrize("name", domain.DOMAINS)
def test_samples_are_intact(name):
    sample = dataset.preset("sample", name)
    crops = sample.identities * sample.sequences * sample.frames
    assert dataset.verify(SAMPLE / name)[:2] == (crops, sample.identities)
    assert {row.domain for row in listing.read_manifest(SAMPLE / name)} == {name}


def test_verify_names_what_changed(two_people, tmp_path, capsys):
    out = tmp_path / "heads"
    shutil.copytree(two_people, out)
    assert command.main(["--verify", str(out)]) == 0
    assert "4 crops of 2 identities, 4 twins" in capsys.readouterr().out
    for folder in ("crops", "parse", "twins/-1,1,1,1"):
        changed = out / folder / "6" / "1_00.png"
        data = bytearray(changed.read_bytes())
        data[100] ^= 1
        changed.write_bytes(data)
        assert command.main(["--verify", str(out)]) == 1
        assert str(changed) in capsys.readouterr().err
        changed.unlink()
        with pytest.raises(listing.DatasetError, match="is missing"):
            dataset.verify(out)
        shutil.copy(two_people / folder / "6" / "1_00.png", changed)
        extra = changed.with_name("9_09.png")
        shutil.copy(changed, extra)
        with pytest.raises(listing.DatasetError, match="9_09.png is not in the manifest"):
            dataset.verify(out)
        extra.unlink()
    manifest = (out / "manifest.csv").read_text().splitlines(keepends=True)
    (out / "manifest.csv").write_text("".join(manifest[:-1]))
    for folder in ("crops", "parse"):
        (out / folder / "6" / "1_00.png").unlink()
    with pytest.raises(listing.DatasetError, match="disagree about"):
        dataset.verify(out)


def test_damaged_manifests(two_people, tmp_path):
    with pytest.raises(listing.DatasetError, match="cannot be read"):
        dataset.verify(tmp_path)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("file,split\n")
    with pytest.raises(listing.DatasetError, match="not a manifest"):
        dataset.verify(tmp_path)
    with (two_people / "manifest.csv").open() as file:
        header, row = list(csv.reader(file))[:2]
    for column, value in ((3, "x"), (0, "0_00.png"), (0, "crops/x/0_00.png")):
        damaged = [*row[:column], value, *row[column + 1 :]]
        manifest.write_text(",".join(header) + "\n" + ",".join(damaged) + "\n")
        with pytest.raises(listing.DatasetError, match="line 2"):
            dataset.verify(tmp_path)


def test_wrong_input_is_one_sentence_and_exit_1(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    out = ["--out", str(tmp_path / "new")]
    for wrong in (
        ["--identities", "0"],
        ["--workers", "0"],
        ["--seed", "49999"],
        ["--domain", "street"],
        ["--preset", "tiny"],
        ["--twins=1,1,1,1"],
        ["--out", str(tmp_path / "file")],
    ):
        assert command.main(out + wrong) == 1
        message = capsys.readouterr().err
        assert len(message.splitlines()) == 1 and message.endswith(".\n")
    assert (tmp_path / "file").read_text() == "mine" and not list((tmp_path / "new").rglob("*.png"))


def test_the_module_runs(two_people):
    run = [sys.executable, "-m", "data_prep.synthetic", "--verify", str(two_people)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=SAMPLE.parents[1])
    assert done.returncode == 0 and "4 crops of 2 identities" in done.stdout


def test_the_command_renders_crops_and_twins_and_says_how_fast(two_people, tmp_path, capsys):
    """What is complete is not rendered again; here the second person and all twins are missing."""
    out = tmp_path / "heads"
    settings = ["--seed", "5", "--identities", "2", "--sequences", "2", "--frames", "1", "--workers", "1"]
    shutil.copytree(two_people, out)
    assert command.main(["--out", str(out), "--twins=-1,1,1,1", *settings]) == 0
    said = capsys.readouterr().out
    assert "holds 4 crops." in said and "holds 4 twins -1,1,1,1." in said and "heads a second" not in said
    for folder in ("crops", "parse"):
        shutil.rmtree(out / folder / "6")
    manifest = (out / "manifest.csv").read_text().splitlines(keepends=True)
    (out / "manifest.csv").write_text("".join(manifest[:3]))
    assert command.main(["--out", str(out), *settings]) == 0
    assert "2 were rendered in" in capsys.readouterr().out
    assert files_of(out) == files_of(two_people)
