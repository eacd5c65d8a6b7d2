"""Line-ups: other people, whom nothing has seen, in the frames of test people (ten) and of train people (two)."""

import csv
import itertools
import shutil

import cv2
import numpy as np
import pytest

from data_prep.synthetic import __main__ as command
from data_prep.synthetic import domain, identity, labels, lineup, listing

pytestmark = pytest.mark.slow

SETTINGS = ["--preset", "sample", "--identities", "4", "--sequences", "2", "--frames", "2", "--workers", "2"]
FOLDERS = ("crops", "parse", "lineup")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Of people 800000 to 800003, two are for training (line-ups of two), the last for testing (of three)."""
    out = tmp_path_factory.mktemp("rendered") / "heads"
    assert command.main(["--out", str(out), *SETTINGS, "--lineup", "3"]) == 0
    return out


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_fillers_look_alike_and_nobody_has_seen_them(rendered, capsys):
    crops = {row.file: row for row in listing.read_manifest(rendered)}
    rows = listing.read(listing.lineup_csv(rendered), listing.FillerRow)
    of = {key: list(group) for key, group in itertools.groupby(rows, key=lambda row: row.of)}
    assert sorted(of) == sorted(row.file for row in crops.values() if row.split != "validation" and row.frame == 0)
    for file, group in of.items():
        crop = crops[file]
        assert len(group) == {"test": 2, "train": 1}[crop.split]
        assert len({row.subject for row in group}) == len(group)
        for place, row in enumerate(group):
            assert row.file == f"lineup/{crop.subject}/{crop.sequence}_00_{place}.png"
            assert row.subject in domain.SEEDS["lineup"]
            assert all(getattr(row, label) == getattr(crop, label) for label in labels.LABELS)
    assert command.main(["--verify", str(rendered)]) == 0
    assert "16 crops of 4 identities, 0 twins, 8 fillers of line-ups" in capsys.readouterr().out


def test_people_are_chosen_by_the_person_alone():
    person = identity.sample(800_001)
    seeds = [other.seed for other in lineup.people(person, 4)]
    assert seeds[:2] == [other.seed for other in lineup.people(person, 2)] and len(set(seeds)) == 4


def test_only_the_person_is_exchanged(rendered):
    """Where both show background, pictures differ by what few pixels, blur and JPEG carry over from the person."""
    crops = {row.file: row for row in listing.read_manifest(rendered)}
    for row in listing.read(listing.lineup_csv(rendered), listing.FillerRow):
        x, filler = (cv2.imread(str(rendered / name)).astype(float) for name in (row.of, row.file))
        background = cv2.imread(str(rendered / crops[row.of].parse), cv2.IMREAD_GRAYSCALE) == 0
        background = cv2.erode(background.astype(np.uint8), np.ones((9, 9))) > 0
        difference = np.abs(x - filler).mean(axis=-1)
        assert difference.mean() > 1 and np.median(difference[background]) < difference[~background].mean()


def test_a_second_run_completes_the_first(rendered, tmp_path):
    out = tmp_path / "heads"
    shutil.copytree(rendered, out)
    shutil.rmtree(out / "lineup" / "800000")
    assert command.main(["--out", str(out), *SETTINGS, "--lineup", "3"]) == 0
    assert files_of(out) == files_of(rendered)


def test_what_changed_is_named(rendered, tmp_path, capsys):
    out = tmp_path / "heads"
    shutil.copytree(rendered, out)

    def refused(*arguments):
        assert command.main(list(arguments)) == 1
        message = capsys.readouterr().err
        assert len(message.splitlines()) == 1 and message.endswith(".\n")
        return message

    assert "lineup.csv was made with other settings" in refused("--out", str(out), *SETTINGS, "--lineup", "4")
    assert "give at least 2" in refused("--out", str(out), *SETTINGS, "--lineup", "1")
    assert "give 1 to 2" in refused("--out", str(out), *SETTINGS, "--lineup", "3", "--lineup-frames", "3")
    few = ["--preset", "sample", "--identities", "3", "--lineup", "3"]
    assert "--identities 4" in refused("--out", str(tmp_path / "few"), *few)
    extra = out / "lineup" / "800003" / "9_09_0.png"
    shutil.copy(out / "lineup" / "800003" / "0_00_0.png", extra)
    assert "9_09_0.png is not in the manifest" in refused("--verify", str(out))
    extra.unlink()
    (out / "lineup" / "800003" / "0_00_0.png").unlink()
    assert "0_00_0.png is missing" in refused("--verify", str(out))
    rows = list(csv.reader((out / "lineup.csv").open()))
    rows[1][1] = "crops/5/0_00.png"
    (out / "lineup.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    assert "disagree about crops/5/0_00.png" in refused("--verify", str(out))


def test_twins_and_line_ups_of_one_split_only(rendered, tmp_path, capsys):
    out = tmp_path / "heads"
    shutil.copytree(rendered, out)
    (out / "lineup.csv").unlink()
    shutil.rmtree(out / "lineup")
    asked = ["--out", str(out), *SETTINGS, "--lineup", "3", "--twins=-1,1,1,1", "--only", "test"]
    assert command.main(asked) == 0
    test = {row.file for row in listing.read_manifest(out) if row.split == "test"}
    assert {row.of for row in listing.read(listing.lineup_csv(out), listing.FillerRow)} <= test
    assert {row.of for row in listing.read(listing.twins_csv(out, (-1, 1, 1, 1)), listing.TwinRow)} == test
    listed = (out / "lineup.csv").read_text()
    assert [line for line in (rendered / "lineup.csv").read_text().splitlines() if "800003" in line] == (
        listed.splitlines()[1:]
    )
    assert command.main(["--verify", str(out)]) == 0
    assert command.main([*asked[:-1], "validation"]) == 1
    assert "line-ups are of train or of test" in capsys.readouterr().err


def test_one_split_only(rendered, tmp_path, capsys):
    """Its people alone are rendered, as they are in the whole set, which can be completed afterwards."""
    out = tmp_path / "heads"
    asked = ["--out", str(out), *SETTINGS]
    assert command.main([*asked, "--split", "test", "--lineup", "3"]) == 0
    whole = files_of(rendered)
    assert {row.split for row in listing.read_manifest(out)} == {"test"}
    assert all(whole[name] == data for name, data in files_of(out).items() if name.endswith(".png"))
    with pytest.raises(SystemExit, match="2"):
        command.main([*asked, "--split", "test", "--only", "train", "--lineup", "3"])
    assert "not rendered" in capsys.readouterr().err
    assert command.main(asked) == 0
    assert listing.read_manifest(out) == listing.read_manifest(rendered)
