"""The results page and the records say the same; each row reads its record."""

import json
import re

import pytest

from tests.experiments.test_experiments import compute, context, on_a_line
from uunet.experiments import FIGURES, degradation, fig06, fig11, fig13, fig14, report, table1


@pytest.mark.parametrize("path", report.TEXTS, ids=lambda path: path.parent.name)
def test_tables_are_in_step_with_the_records(path):
    text = path.read_text(encoding="utf-8")
    assert "ours" in text and report.written(text) == text, "run python -m uunet.experiments.report"


def test_numbers_of_readme_are_those_of_the_results():
    table = (report.ROOT / "README.md").read_text(encoding="utf-8").split("| measured |")[1].split("\n\n")[0]
    ours = [row.split("|")[3] for row in table.splitlines()[2:]]
    numbers = [number for cell in ours for number in re.findall(r"\d+\.\d+", cell)]
    results = report.TEXTS[0].read_text(encoding="utf-8")
    assert 5 <= len(ours) <= 12 and all(re.findall(r"\d", cell) for cell in ours)
    assert not [number for number in numbers if number not in results]


def test_all_pictures_are_shown_under_their_commands():
    text = report.GALLERY.read_text(encoding="utf-8")
    assert text == report.gallery(), "run python -m uunet.experiments.report"
    assert {line[2:].split("]")[0] for line in text.splitlines() if line.startswith("![")} == {
        path.stem for path in report.FOLDER.glob("*.png")
    }


def test_a_card_has_a_column_a_recogniser_and_marks_what_is_missed(tmp_path, monkeypatch):
    def row(title, judge, value, reach):
        return {"title": title, "judge": judge, "paper": "–", "reach": reach, "aim": ".5", "value": value,
                "interval": [0.1, 0.9]}  # fmt: skip

    record = {
        "provenance": {"command": "uunet evaluate x"}, "s": [-1], "judges": ["dlib", "own", "soft_labels"],
        "data": {"heads": 3, "people": 2, "split": "test"},
        "rows": [row("AUC", "dlib", 0.61, "≤ .60"), row("AUC", "own", 0.6, "≤ .60"), row("PSNR", "", 29.9, "≥ 30"),
                 row("labels", "soft_labels", None, "≥ .8"), row("more", "soft_labels", 0.1, "–")],
    }  # fmt: skip
    monkeypatch.setattr(report, "ROOT", tmp_path)
    (tmp_path / "record.json").write_text(json.dumps(record))
    begin = "<!-- python -m uunet.experiments.report writes what record.json says -->"
    text = report.written(f"before {begin}\nold {report.END} after")
    assert text.startswith("before ") and text.endswith(f"{report.END} after") and "old" not in text
    assert "| AUC |  | ≤ .60 | .5 | 0.610 (0.100 to 0.900) ✗ | 0.600 (0.100 to 0.900) |" in text
    assert "| PSNR |  | – | ≥ 30 | .5 | 29.900 (0.100 to 0.900) ✗ |" in text
    assert "| labels | soft_labels | – | ≥ .8 | .5 | not measurable |" in text and text.count(" ✗ |") == 2


def test_rendered_heads_stand_beside_real_people():
    """What both records measured; what the set of real people does not know, and other judges, are left out."""

    def record(value, judges, **more):
        rows = [("x ↔ a' AUC", "dlib", value), ("x ↔ a' AUC", "own", 0.9), ("PSNR", "", 10 * value),
                ("ethnicity", "soft_labels", None if more else 0.8)]  # fmt: skip
        keys = ("title", "judge", "value")
        return {"judges": judges, "provenance": {"command": "uunet evaluate people"}, **more,
                "data": {"heads": 3, "people": 2, "split": "test", "of_heads": 30, "of_people": 20},
                "rows": [dict(zip(keys, row, strict=True)) for row in rows if row[1] in (*judges, "")]}  # fmt: skip

    learnt = {"heads": 5, "people": 4, "split": "train", "of_heads": 50, "of_people": 40}
    rendered, people = record(0.5, ["dlib", "own", "soft_labels"]), record(0.75, ["dlib", "soft_labels"], train=learnt)
    text = report.beside(rendered, people)
    assert "3 of 30 heads and 2 of 20 people, drawn at random from the split test" in text
    assert "The evaluators trained here learnt from 5 of 50 heads and 4 of 40 people" in text
    assert "|  | dlib |\n|---|---|\n| AUC of x ↔ a' | 0.500 → 0.750 |" in text
    assert "| PSNR |  | 5.000 → 7.500 |" in text and "ethnicity" not in text and "own" not in text


def test_a_line_up_has_a_column_a_judge_and_old_rows_their_new_name(tmp_path, monkeypatch):
    row = {"title": "a of w", "judge": "dlib", "value": 0.125, "interval": [0.1, 0.2],
           "counts": {"line-ups": 8, "without a face": 2}}  # fmt: skip
    record = {
        "provenance": {"command": "uunet lineup x"}, "s": [-1], "judges": ["dlib", "own"],
        "data": {"split": "test"}, "lineups": {"count": 10, "people": 2, "candidates": 5},
        "rows": [row, row | {"judge": "own", "value": None, "interval": None}],
    }  # fmt: skip
    monkeypatch.setattr(report, "ROOT", tmp_path)
    (tmp_path / "record.json").write_text(json.dumps(record))
    begin = "<!-- python -m uunet.experiments.report writes the line-up of record.json -->"
    text = report.written(f"before {begin}\nold {report.END} after")
    assert text.startswith("before ") and text.endswith(f"{report.END} after") and "old" not in text
    assert "| a of w | 0.125 (0.100 to 0.200; 2 out) | not measurable |" in text and "chance 0.20" in text


@pytest.mark.parametrize(
    "old, new",
    [
        ("x ↔ a of the same frame AUC", "AUC of x ↔ a of the same frame (background included)"),
        ("the same after H.264 crf 23", "AUC of r ↔ x' divided by AUC of x ↔ x', after H.264 of crf 23"),
        ("gender of a as s = -1 asks, AUC", "gender of a compared with the gender that s requests (s = -1), AUC"),
        ("faces found in a, relative to x", "faces found in a, relative to x"),
    ],
)
def test_titles_of_records_are_printed_in_full(old, new):
    assert report._title({"title": old}) == new


def test_goals_of_records_are_printed_in_the_words_of_the_glossary():
    assert [report._said(goal) for goal in ("nobody", "state it", "≤ .60")] == ["not reported", "–", "≤ .60"]


def test_another_seed_stands_beside_the_first(tmp_path, monkeypatch):
    """What has a goal and was measured of both is compared, and nothing else."""

    def rows(*values):
        titles = ("AUC", "≤ .60"), ("own ceiling", "state it"), ("found", "≥ .93")
        return [{"title": title, "judge": "dlib", "reach": reach, "value": value}
                for (title, reach), value in zip(titles, values, strict=True)]  # fmt: skip

    monkeypatch.setattr(report, "ROOT", tmp_path)
    made = {"command": "uunet evaluate x"}
    (tmp_path / "one.json").write_text(json.dumps({"provenance": made, "rows": rows(0.61, 0.9, None)}))
    (tmp_path / "two.json").write_text(json.dumps({"provenance": made, "rows": rows(0.5, 0.8, 0.9)}))
    begin = "<!-- python -m uunet.experiments.report writes how far two.json is from one.json -->"
    text = report.written(f"before {begin}\nold {report.END} after")
    assert text.startswith(f"before {begin}\n") and text.endswith(f"{report.END} after") and "old" not in text
    assert "| AUC | dlib | ≤ .60 | 0.610 | 0.500 | -0.110 |" in text
    assert "ceiling" not in text and "found" not in text


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    return tmp_path


def keep(folder, name, record):
    (folder / f"{name}.json").write_text(json.dumps({**record, "provenance": {"command": f"uunet figure {name} -o x"}}))


def test_without_a_record_the_command_is_named(folder):
    assert "| 1.885 / 0.839 | no record yet | `uunet figure fig06 --data ... --weights ...` |" in report.table("fig06")
    assert "No record yet of table1, fig05" in report.results() and "1.885" not in report.results()


def test_rows_read_the_record(folder, rng):
    x = on_a_line(rng)
    record = compute(fig06, context(dict.fromkeys(("x", "a", "r", "a'", "r'"), x)))
    record["environments"][1]["d"], record["environments"][3]["d"] = 0.25, None  # own, dlib, of x and a'
    keep(folder, "fig06", record)
    expected = "| d' of x ↔ a' | 0.162 / 0.155 | own recogniser 0.250, dlib not measurable |"
    assert f"{expected} as above |" in report.table("fig06") and f"{expected}\n" in report.results()
    assert report.results().count("`uunet figure fig06 -o x`\n") == 1
    assert report.table("fig06").count("`uunet figure fig06 -o x`") == 1
    assert "| AUC of x ↔ x' | 0.962 / 0.820 | own recogniser 1.000, dlib 1.000 |" in report.table("fig06")


@pytest.fixture
def made(rng):
    return context(dict.fromkeys(("x", "a", "r", "a'", "r'"), on_a_line(rng)))


def test_rows_of_fig07_read_sudden_changes(folder, made):
    keep(folder, "fig07", compute(FIGURES["fig07"], made))
    assert "| own recogniser 0.000, dlib 0.000 |" in report.table("fig07")


def test_rows_of_fig11_read_residuals(folder, made):
    keep(folder, "fig11", compute(fig11, made))
    assert '| "close to 0" | 0.000 |' in report.table("fig11")


@pytest.mark.slow
def test_rows_of_table1_read_parameters_and_flops(folder, made):
    keep(folder, "table1", compute(table1, made))
    assert "| 31.0" in report.table("table1") and " 0.72 " in report.table("table1")


def test_rows_of_fig05_read_precisions(folder):
    keep(folder, "fig05", {"table": [{"mean": k / 10, "std": 0.01} for k in range(8)], "pearson": None,
                           "confidence": {"x": 0.9, "a": 0.8}})  # fmt: skip
    assert (
        "| MTCNN's mAP on x at 7 × 4 pixels (Ryoo et al.) | 0.31 ± 0.04 / 0.27 ± 0.04 / 0.16 ± 0.06 | 0.50 ± 0.01 |"
        in report.table("fig05")
    )


def test_the_results_page_names_the_records_that_are_missing(folder):
    for name in ("table1", "fig05", "fig07", "fig10"):
        keep(folder, name, json.loads((report.ROOT / "docs" / "figures" / f"{name}.json").read_text()))
    assert "No record yet of fig06, table3" in report.results()


def test_rows_of_fig13_have_a_number_per_setting(folder):
    judged = {title: [{"auc": 0.5}, {"auc": None}] for title in fig13.ENVIRONMENTS}
    settings = [{"environments": judged, "psnr": {"value": 30.0 + k}, "found": {"value": 0.9}} for k in range(4)]
    keep(folder, "fig13", {"settings": settings})
    assert "| 0.500 / 0.500 / 0.500 / 0.500 |" in report.table("fig13")
    assert "| 30.000 / 31.000 / 32.000 / 33.000 |" in report.table("fig13")


def test_rows_of_fig14_stand_beside_the_reference(folder):
    terms = dict.fromkeys(("mse", "adv", "ano", "con", "div", "dis"), [0.25, 0.0])
    runs = [{"name": name, "diverged": None, "terms": terms, "psnr_r": {"value": 20 + k}, "psnr_a": {"value": 17}}
            for k, name in enumerate(fig14.settings())]  # fmt: skip
    runs[-1]["diverged"] = "at step 7"
    keep(folder, "fig14", {"runs": runs})
    assert "| PSNR(x, r) is 21 dB (unchanged settings: 20 dB) |" in report.table("fig14")
    assert "| L_dis is 0.25 (unchanged settings: 0.25) |" in report.table("fig14") and "| diverged |" in report.table(
        "fig14"
    )


def test_rows_of_damage_read_steps(folder):
    ways = {way: [{"at": at, "psnr": {"value": at}, "identity": {"value": 0.5}} for at in steps]
            for way, steps in degradation.WAYS.items()}  # fmt: skip
    keep(folder, "damage", {"ways": ways})
    assert "| 24.000 / 64.000 / 256.000 |" in report.table("damage")


def test_rows_of_errors_read_the_ends(folder):
    keep(folder, "errors", {"spearman": {"smooth": {"value": 0.7}}, "tenths": [{"psnr": {"value": k}} for k in (1, 2)]})
    assert "| little texture 0.700 |" in report.table("errors") and "| 1.000 / 2.000 |" in report.table("errors")
