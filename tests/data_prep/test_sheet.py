"""Contact sheets of prepared data sets."""

import csv

import cv2
import numpy as np
import pytest

from data_prep import sheet


@pytest.fixture
def folder(tmp_path):
    """2 people x 2 sequences x 3 frames of 8 x 8 pixels, whose grey says person, sequence and frame; and twins."""
    rows, twins = [], []
    for subject, sequence, frame in np.ndindex(2, 2, 3):
        grey = 100 * subject + 50 * sequence + 10 * frame
        for prefix, value in (("", grey), ("t", grey + 5)):
            cv2.imwrite(str(tmp_path / f"{prefix}{grey}.png"), np.full((8, 8, 3), value, np.uint8))
        rows.append((f"{grey}.png", subject, sequence, frame, "male", "white", "bald"))
        twins.append((f"t{grey}.png", f"{grey}.png", 7))
    for name, header, table in (
        ("manifest.csv", sheet.COLUMNS, rows),
        ("twins_-1,1,1,1.csv", ("file", "of", "virtual"), twins),
    ):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file).writerows([header, *table])
    return tmp_path


def greys(picture, row, height):
    return picture[row * height + sheet.CAPTION + 4, 4::8, 0].tolist()


def test_rows_are_people_and_columns_spread_over_sequences(folder):
    picture = sheet.sheet(folder, people=5, columns=4)
    height = sheet.CAPTION + 8
    assert picture.shape == (2 * height, 4 * 8, 3)
    assert [greys(picture, row, height) for row in range(2)] == [[0, 10, 50, 60], [100, 110, 150, 160]]
    assert sheet.sheet(folder, people=1, columns=1).shape == (height, 8, 3)


def test_twins_stand_below(folder):
    picture = sheet.sheet(folder, people=1, columns=2, twins="-1,1,1,1")
    height = sheet.CAPTION + 8
    assert [greys(picture, row, height) for row in range(2)] == [[0, 50], [5, 55]]


def test_the_command_and_wrong_input(folder, capsys):
    out = folder / "sheet.png"
    assert sheet.main([str(folder), "--out", str(out)]) == 0
    assert cv2.imread(str(out)).shape == (2 * (sheet.CAPTION + 8), 6 * 8, 3)
    before = out.read_bytes()
    capsys.readouterr()
    again = folder / "again.png"
    (folder / "0.png").unlink()
    for wrong in (
        [str(folder), "--out", str(out)],  # exists
        [str(folder), "--out", str(again)],  # a picture is missing
        [str(folder / "none"), "--out", str(again)],
        [str(folder), "--out", str(again), "--twins=-1,0,0,0"],
        [str(folder), "--out", str(folder / "sheet.jpg")],
        [str(folder), "--out", str(again), "--people", "0"],
        [str(folder), "--out", str(folder / "none" / "sheet.png")],
    ):
        assert sheet.main(wrong) == 1
        message = capsys.readouterr().err
        assert len(message.splitlines()) == 1 and message.endswith(".\n")
    assert out.read_bytes() == before and not again.exists() and not list(folder.glob(".*"))
