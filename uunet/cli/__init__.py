"""The command line. Every command is a function that checks its options, calls the library and prints a summary.

`tool` holds the commands of whoever de-identifies recordings, `authority` those of whoever has the private key,
`training` and `lab` those of whoever trains and evaluates networks.
"""

import signal
import sys
from types import FrameType

import typer

from uunet import atomic
from uunet.cli import authority, lab, summary, tool, training
from uunet.errors import UUNetError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
)
for panel, commands in {
    "De-identify and reconstruct": (tool.deidentify, tool.reconstruct, tool.inspect, tool.demo),
    "Keys of sealed originals": (authority.keygen, authority.disclose, authority.rewrap),
    "Train and evaluate": (
        training.train_classifier, training.score_classifier, training.train, training.train_twins,
        training.train_reader, training.train_generator, training.train_head_detector, lab.evaluate, lab.lineup,
        lab.attack, lab.figure,
    ),
}.items():  # fmt: skip
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(authority.logs, name="log", rich_help_panel="Keys of sealed originals")


def main() -> None:
    """Runs a command. A UUNetError becomes one sentence and exit code 1; a signal leaves 129, 130 or 143."""
    atomic.stopped = None
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # not under nohup
        signal.signal(signal.SIGHUP, _leave)
    try:
        app()
    except SystemExit as left:
        if left.code in (129, 130, 143):
            summary.say("bold red", "uunet", f"Interrupted: {_kept(sys.argv[1:2])}")
        raise
    except UUNetError as error:
        summary.say("bold red", "uunet", str(error))
        sys.exit(1)


def _kept(command: list[str]) -> str:
    """What an interrupted command leaves."""
    if command and command[0].startswith("train"):
        return "the last checkpoint is kept. Run the same command again to resume training."
    if command and command[0] in ("deidentify", "reconstruct"):
        return "no output was written, except for complete pictures of a folder. Run the same command again."
    return "no output was written. Run the same command again."


def _leave(number: int, frame: FrameType | None) -> None:
    """Handles a signal as Python handles Ctrl-C: the stack unwinds, and temporary files are removed."""
    atomic.stopped = number
    sys.exit(128 + number)
