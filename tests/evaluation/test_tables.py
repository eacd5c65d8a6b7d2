from uunet.evaluation import tables


def test_cells_are_written_as_they_are():
    """Numbers keep their digits, empty cells stay, and no cell is padded to the width of its column."""
    table = tables.markdown(("", "long head"), [("x ↔ a'", "0.50"), ("", "1e3")])
    assert table.splitlines() == ["|  | long head |", "|---|---|", "| x ↔ a' | 0.50 |", "|  | 1e3 |"]


def test_a_table_without_rows_has_its_head():
    assert tables.markdown(("a", "b"), []) == "| a | b |\n|---|---|"
