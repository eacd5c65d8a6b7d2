"""README's table and the records say the same; each row reads its record."""

import json

import pytest
from test_experiments import compute, material, on_a_line

from uunet.experiments import FIGURES, fig06, fig11, results, table1

README = results.ROOT / "README.md"


def test_readme_is_in_step_with_the_records():
    text = README.read_text(encoding="utf-8")
    assert results.written(text) == text, "run python -m uunet.experiments.results"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    return tmp_path


def keep(folder, name, record):
    (folder / f"{name}.json").write_text(json.dumps({**record, "provenance": {"command": f"uunet figure {name} -o x"}}))


def test_without_a_record_the_command_is_named(folder):
    assert "| 1.885 / 0.839 | no record yet | `uunet figure fig06 --data ... --weights ...` |" in results.table("fig06")
    assert "No record yet of table1, fig05" in results.readme() and "1.885" not in results.readme()


def test_rows_read_the_record(folder, rng):
    x = on_a_line(rng)
    record = compute(fig06, material(dict.fromkeys(("x", "a", "r", "a'", "r'"), x)))
    record["environments"][1]["d"], record["environments"][3]["d"] = 0.25, None  # own, dlib, of x and a'
    keep(folder, "fig06", record)
    expected = "| d' of x ↔ a' | 0.162 / 0.155 | own recogniser 0.250, dlib not measurable | as above |"
    assert expected in results.table("fig06") and expected in results.readme()
    assert results.table("fig06").count("`uunet figure fig06 -o x`") == 1
    assert "| AUC of x ↔ x' | 0.962 / 0.820 | own recogniser 1.000, dlib 1.000 |" in results.table("fig06")


def test_other_rows_read_theirs(folder, rng):
    made = material(dict.fromkeys(("x", "a", "r", "a'", "r'"), on_a_line(rng)))
    for name in ("fig07", "fig10"):
        keep(folder, name, compute(FIGURES[name], made))
    keep(folder, "fig11", compute(fig11, made))
    keep(folder, "table1", compute(table1, made))
    keep(folder, "fig05", {"table": [{"mean": k / 10, "std": 0.01} for k in range(8)], "pearson": None,
                           "confidence": {"x": 0.9, "a": 0.8}})  # fmt: skip
    assert "| own recogniser 0.000, dlib 0.000 |" in results.table("fig07")
    assert '| "close to 0" | 0.000 |' in results.table("fig11")
    assert "| 31.0" in results.table("table1") and " 0.72 " in results.table("table1")
    assert "| 7 × 4 pixels | 0.31 ± 0.04 / 0.27 ± 0.04 / 0.16 ± 0.06 | 0.50 ± 0.01 |" in results.table("fig05")
    assert "No record yet of fig06, table3" in results.readme()
