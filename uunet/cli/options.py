"""Options that several commands share, and what their values mean."""

import dataclasses
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from uunet import config as configuration
from uunet.cli import summary
from uunet.errors import UUNetError

if TYPE_CHECKING:
    from uunet.wire import keys

PASSPHRASE = "UUNET_PASSPHRASE"  # environment variable: other users of the computer can read a command line

Weights = Annotated[str, typer.Option(help="A preset, or the folder of a training run.")]
S = Annotated[
    str | None,
    typer.Option(
        "--s",
        help="Which labels the virtual person shares (1), must not share (-1) or may share (0): '-1,1,1,1' keeps all "
        "but the ID. Only for weights that were trained for several s.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")]
Key = Annotated[
    Path | None, typer.Option(help="A key file (`uunet keygen --shared`) that seals or opens the head boxes.")
]
Passphrase = Annotated[
    bool,
    typer.Option(
        "--passphrase", help=f"Seal or open the head boxes by a passphrase, typed or read from ${PASSPHRASE}."
    ),
]

SEALED = "Sealed originals"  # panel of the help
IDENTITY = typer.Option(help="A recipient's private key, or a disclosure (`uunet disclose`).", rich_help_panel=SEALED)
Identity = Annotated[Path | None, IDENTITY]
Sidecar = Annotated[
    Path | None,
    typer.Option(help="The sidecar file, if the originals are not in PUBLIC itself.", rich_help_panel=SEALED),
]
Log = Annotated[
    Path | None,
    typer.Option("--log", help="A log to which this opening is appended (`uunet log verify`).", rich_help_panel=SEALED),
]

Data = Annotated[Path, typer.Argument(help="A prepared data set: a folder with manifest.csv (data_prep/README.md).")]
Run = Annotated[Path, typer.Option("-o", "--out", help="Folder of the run; if it exists, the run is resumed.")]
Preset = Annotated[str, typer.Option(help=f"One of {', '.join(configuration.BY_NAME)}.")]
Steps = Annotated[
    int | None,
    typer.Option(min=1, help="Training steps, instead of the configuration's; a multiple of its checkpoint interval."),
]
Minutes = Annotated[
    float | None,
    typer.Option(min=0.1, help="Stop at the first checkpoint after this many minutes; repeat the command to resume."),
]
Devices = Annotated[int, typer.Option(min=1, help="Number of devices; each batch is split evenly over them.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of weights, batches and noise.")]


def read_passphrase(confirm: bool = False) -> str:
    """A passphrase from $UUNET_PASSPHRASE, or typed; twice if `confirm`.

    Raises:
        PassphraseError: if there is no terminal, or if it is empty.
    """
    from uunet.wire import crypto

    text = os.environ.get(PASSPHRASE)
    if text is None:
        if not sys.stdin.isatty():
            raise crypto.PassphraseError(f"There is no terminal to type a passphrase in: set ${PASSPHRASE} instead.")
        text = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    crypto.check_passphrase(text)
    return text


def with_notes(load: Callable, *arguments: Any) -> Any:
    """What `load(*arguments)` returns. Prints a note if others can read the key file."""
    from uunet.wire import crypto

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", crypto.KeyFileWarning)
        loaded = load(*arguments)
    for warning in caught:
        summary.note(str(warning.message))
    return loaded


def load_identity(path: Path) -> "keys.AuthorityKey | keys.FileKeys":
    """The private key in a file, whose passphrase is asked for if it has one; or the keys of a disclosure.

    Raises:
        KeyFileError: if the file cannot be read, or is neither.
        PassphraseError: if the passphrase is wrong.
    """
    from uunet.wire import crypto, keys

    try:
        with path.open("rb") as file:
            begins = file.read(64)
    except OSError as error:
        raise crypto.KeyFileError(
            f"{path} cannot be read ({error.strerror}): name the authority's private key, or a disclosure."
        ) from error
    if begins.lstrip().startswith(b"{"):
        return with_notes(keys.load_disclosure, path)
    passphrase = read_passphrase() if keys.needs_passphrase(path) else None
    return with_notes(keys.load_authority, path, passphrase)


def load_recipients(paths: Sequence[Path]) -> "tuple[keys.RecipientKey, ...]":
    """The public keys in files.

    Raises:
        KeyFileError: naming the first that holds none.
    """
    from uunet.wire import keys

    return tuple(keys.load_recipient(path) for path in paths)


def named(name: str, among: dict[str, Any] = configuration.BY_NAME) -> Any:
    """The configuration of a name; ConfigError if there is none."""
    if name not in among:
        raise configuration.ConfigError(f"There is no configuration {name!r}; there are {', '.join(among)}.")
    return among[name]


def changed(config: Any, **changes: Any) -> Any:
    """A configuration with some fields replaced; None leaves a field as it is."""
    return dataclasses.replace(config, **{name: value for name, value in changes.items() if value is not None})


def parsed_s(option: str, text: str | None) -> tuple[int, ...] | None:
    """ "-1,1,1,1" -> (-1, 1, 1, 1); None stays None. ConfigError, naming the option, if the text is no such list."""
    if text is None:
        return None
    try:
        s = tuple(int(value) for value in text.split(","))
    except ValueError:
        raise configuration.ConfigError(f"{option} is a list like -1,1,1,1; got {text!r}.") from None
    configuration.check_s(s)
    return s


def check_record(out: Path) -> None:
    """Raises UUNetError unless a record can have this name."""
    if out.suffix != ".json":
        raise UUNetError(f"{out} is no .json file: name a .json file for the record.")


def check_input(path: Path) -> None:
    """Raises UUNetError unless there is a file or folder to read."""
    try:
        path.stat()
    except OSError as error:
        raise UUNetError(f"There is no file or folder {path} that can be read ({error.strerror}).") from error
