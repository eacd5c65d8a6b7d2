"""Running a command line: exit statuses, and one sentence for what is wrong."""

from pathlib import Path
from typing import Annotated

import pytest
import typer

from data_prep import command
from uunet.errors import UUNetError


def run(raised, *arguments, stopped=command.NOT_WRITTEN):
    def job(out: Annotated[Path, typer.Argument()], size: Annotated[int, typer.Option(min=8)] = 64):
        if raised:
            raise raised
        print(f"{out} {size}")

    return command.run(job, list(arguments), "nothing", "Does nothing.\n\nAnd more.", stopped)


def test_a_function_is_a_command_line(capsys):
    assert run(None, "here", "--size", "9") == 0
    assert capsys.readouterr().out == "here 9\n"


def test_an_error_is_one_sentence_and_1(capsys):
    assert run(UUNetError("It is broken; mend it."), "here") == 1
    assert capsys.readouterr().err == "It is broken; mend it.\n"


@pytest.mark.parametrize(
    "stopped, sentence",
    [
        (command.NOT_WRITTEN, "Stopped; here was not written.\n"),
        (command.COMPLETED, "Stopped; run the same command again to complete here.\n"),
    ],
)
def test_ctrl_c_is_130_and_says_what_there_is(stopped, sentence, capsys):
    assert run(KeyboardInterrupt(), "here", stopped=stopped) == 130
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize("wrong", [["here", "--size", "7"], ["here", "--size", "big"], ["here", "--width", "9"], []])
def test_a_wrong_option_leaves_2(wrong):
    with pytest.raises(SystemExit) as left:
        run(None, *wrong)
    assert left.value.code == 2


def test_help_is_the_first_line(capsys):
    assert run(None, "--help") == 0
    said = capsys.readouterr().out
    assert "python -m data_prep.nothing" in said and "Does nothing." in said and "And more" not in said
