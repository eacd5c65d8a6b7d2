"""Markdown tables."""

from collections.abc import Iterable, Sequence

from tabulate import DataRow, TableFormat, tabulate

ROW = DataRow("|", "|", "|")
# Cells are not padded to the width of a column: a number that changes should change one line of a page
FORMAT = TableFormat(
    lineabove=None, linebelowheader=lambda widths, _: "|---" * len(widths) + "|", linebetweenrows=None, linebelow=None,
    headerrow=ROW, datarow=ROW, padding=1, with_header_hide=None,
)  # fmt: skip


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table: the head's cells, a line, the rows' cells."""
    return tabulate(list(rows), head, FORMAT, disable_numparse=True, stralign=None)
