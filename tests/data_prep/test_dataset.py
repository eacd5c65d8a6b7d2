"""Writing a rendered data set: whatever the workers and interruptions, the same files; verifying finds any change."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from data_prep.synthetic import __main__ as command
from data_prep.synthetic import dataset

SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample"
HEADER = (
    "file,split,subject,sequence,frame,gender,ethnicity,hairstyle,age,expression,yaw,pitch,roll,glasses,beard,"
    "environment,native_size,sha256"
)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def no_progress(done):
    pass


@pytest.fixture(scope="module")
def two_people(tmp_path_factory):
    """Seeds 5 and 6, 2 sequences x 1 frame, rendered by two processes."""
    out = tmp_path_factory.mktemp("rendered") / "heads"
    dataset.write(out, dataset.Plan(identities=2, sequences=2, frames=1, seed=5), 2, no_progress)
    return out


def test_layout_and_manifest(two_people):
    lines = (two_people / "manifest.csv").read_text().splitlines()
    assert lines[0] == HEADER
    names = [line.split(",")[0] for line in lines[1:]]
    assert names == [f"crops/{subject}/{sequence}_00.png" for subject in (5, 6) for sequence in (0, 1)]
    assert set(files_of(two_people)) == {"manifest.csv", *names}
    assert cv2.imread(str(two_people / names[0])).shape == (64, 64, 3)


def test_resuming_with_one_worker_completes_what_two_began(two_people, tmp_path):
    """One identity is kept, one is half done (killed before its row was written): the result is the same."""
    out = tmp_path / "heads"
    shutil.copytree(two_people, out)
    manifest = (out / "manifest.csv").read_text().splitlines(keepends=True)
    (out / "manifest.csv").write_text("".join(manifest[:3]))
    shutil.move(out / "crops" / "6", out / "crops" / "6.partial")
    kept = (out / "crops" / "5" / "0_00.png").stat().st_mtime_ns
    progress = []
    dataset.write(out, dataset.Plan(identities=2, sequences=2, frames=1, seed=5), 1, progress.append)
    assert progress == [1, 2]
    assert files_of(out) == files_of(two_people)
    assert (out / "crops" / "5" / "0_00.png").stat().st_mtime_ns == kept


def test_other_settings_are_refused(two_people):
    for changed in ({"seed": 6}, {"frames": 2}, {"sequences": 1}, {"cycle": 3}):
        plan = dataset.Plan(**({"identities": 2, "sequences": 2, "frames": 1, "seed": 4, "cycle": 10} | changed))
        with pytest.raises(dataset.DatasetError, match="other settings"):
            dataset.write(two_people, plan, 1, no_progress)


def test_splits_are_by_identity():
    plan = dataset.Plan(identities=40, sequences=1, frames=1, seed=10000)
    splits = [plan.split(subject) for subject in plan.subjects]
    assert splits[:10] == ["train"] * 8 + ["validation", "test"]
    assert splits == splits[:10] * 4


def test_sample_is_intact_and_holds_all_splits():
    assert dataset.verify(SAMPLE) == (64, 8)
    subjects = {}
    for row in dataset.read_manifest(SAMPLE):
        subjects.setdefault(row.split, set()).add(row.subject)
    assert {split: len(members) for split, members in subjects.items()} == {"train": 4, "validation": 2, "test": 2}
    assert len(set.union(*subjects.values())) == 8  # disjoint


def test_verify_names_what_changed(tmp_path, capsys):
    out = tmp_path / "sample"
    shutil.copytree(SAMPLE, out)
    assert command.main(["--verify", str(out)]) == 0
    assert "64 crops of 8 identities" in capsys.readouterr().out

    changed = out / "crops" / "800003" / "1_02.png"
    data = bytearray(changed.read_bytes())
    data[100] ^= 1
    changed.write_bytes(data)
    assert command.main(["--verify", str(out)]) == 1
    assert str(changed) in capsys.readouterr().err

    changed.unlink()
    with pytest.raises(dataset.DatasetError, match="is missing"):
        dataset.verify(out)
    shutil.copy(SAMPLE / "crops" / "800003" / "1_02.png", changed)
    shutil.copy(changed, out / "crops" / "800003" / "9_09.png")
    with pytest.raises(dataset.DatasetError, match="9_09.png is not in the manifest"):
        dataset.verify(out)


def test_damaged_manifests(tmp_path):
    with pytest.raises(dataset.DatasetError, match="cannot be read"):
        dataset.verify(tmp_path)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("file,split\n")
    with pytest.raises(dataset.DatasetError, match="not a manifest"):
        dataset.verify(tmp_path)
    with (SAMPLE / "manifest.csv").open() as file:
        rows = list(csv.reader(file))[:2]
    rows[1][2] = "x"
    manifest.write_text("\n".join(",".join(row) for row in rows))
    with pytest.raises(dataset.DatasetError, match="line 2"):
        dataset.verify(tmp_path)


def test_wrong_input_is_one_sentence_and_exit_1(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    out = ["--out", str(tmp_path / "new")]
    for wrong in (["--identities", "0"], ["--workers", "0"], ["--cycle", "2"], ["--out", str(tmp_path / "file")]):
        assert command.main(out + wrong) == 1
        message = capsys.readouterr().err
        assert len(message.splitlines()) == 1 and message.endswith(".\n")
    assert (tmp_path / "file").read_text() == "mine"


def test_the_module_runs():
    run = [sys.executable, "-m", "data_prep.synthetic", "--verify", str(SAMPLE)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=SAMPLE.parents[1])
    assert done.returncode == 0 and "64 crops of 8 identities" in done.stdout
