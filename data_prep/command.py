"""What the command lines of data_prep share: running one, and options that several have."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from uunet.errors import UUNetError

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")]
Workers = Annotated[int, typer.Option(help="Processes.")]
Sets = Annotated[list[Path], typer.Argument(metavar="SET...", help="Prepared sets: folders with manifest.csv.")]

COMPLETED = "run the same command again to complete {out}."
NOT_WRITTEN = "{out} was not written."


def run(function: Callable, arguments: list[str] | None, name: str, doc: str, stopped: str = NOT_WRITTEN) -> int:
    """Runs a function as the command line `python -m data_prep.<name>`.

    Args:
        function: its parameters are the options, as typer reads them.
        arguments: those of the command line; None for those of the process.
        name: the module's name.
        doc: the module's docstring; its first line is the help.
        stopped: what to say after "Stopped; " when the user presses Ctrl-C, with names of options in braces.

    Returns:
        The exit status: 0 done, 1 something that the user can mend (one sentence on stderr says what), 130 stopped.

    Raises:
        SystemExit: with status 2, if an option is wrong.
    """

    @functools.wraps(function)
    def job(**options):
        try:
            function(**options)
        except UUNetError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from error
        except KeyboardInterrupt:
            print(f"Stopped; {stopped.format(**options)}", file=sys.stderr)
            raise typer.Exit(130) from None

    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(help=doc.splitlines()[0])(job)
    try:
        app(sys.argv[1:] if arguments is None else arguments, prog_name=f"python -m data_prep.{name}")
    except SystemExit as left:
        if left.code == 2:
            raise
        return left.code or 0
    return 0
