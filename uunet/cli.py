"""The command line: one command a job, each a thin call of the library."""

import dataclasses
import os
import sys
from pathlib import Path
from typing import Annotated

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported: its start-up notes are not for users

import typer
from rich.console import Console

from uunet import config as configuration
from uunet.errors import UUNetError

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
console = Console(stderr=True)


def main():
    """Runs a command; an error the user can mend is one sentence and exit code 1."""
    try:
        app()
    except UUNetError as error:
        console.print(f"[bold red]uunet:[/] {error}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("[bold red]uunet:[/] interrupted; nothing was written.")
        sys.exit(130)


Data = Annotated[Path, typer.Argument(help="A prepared data set: a folder with manifest.csv (see data_prep/README.md).")]
Run = Annotated[Path, typer.Option("-o", "--out", help="Folder of the run; one that exists is resumed.")]
Preset = Annotated[str, typer.Option(help=f"One of {', '.join(configuration.BY_NAME)}.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Training steps, instead of the configuration's.")]
Seed = Annotated[int, typer.Option(help="Decides weights, batches and noise.")]


def _changed(config, **changes):
    return dataclasses.replace(config, **{name: value for name, value in changes.items() if value is not None})


def _named(name):
    if name not in configuration.BY_NAME:
        raise configuration.ConfigError(
            f"There is no configuration {name!r}; there are {', '.join(configuration.BY_NAME)}."
        )
    return configuration.BY_NAME[name]


@app.command("train-classifier")
def train_classifier(
    data: Data,
    out: Run,
    config: Preset = "paper",
    labels: Annotated[str, typer.Option(help="Its outputs, comma-separated; the paper trains one D_a a label.")]
    = ",".join(configuration.LABELS),
    steps: Steps = None,
    seed: Seed = 0,
):
    """**Learning I**: trains D_a, which says of two pictures whether ID, gender, ethnicity and hairstyle agree.

    Example: `uunet train-classifier heads/ -o runs/classifier --config small`
    """
    from uunet.training import classifier

    chosen = _changed(_named(config).classifier, labels=tuple(labels.split(",")), steps=steps, seed=seed)
    for label, area in classifier.train(chosen, data, out).items():
        print(f"{label}: area under the ROC curve {area:.3f} on validation pairs")


@app.command()
def train(
    data: Data,
    out: Run,
    classifier: Annotated[list[Path], typer.Option(help="D_a of learning I; repeat it for one model a label.")],
    config: Preset = "paper",
    s: Annotated[str | None, typer.Option(help="What must agree (1), differ (-1) or is free (0): '-1,1,1,1'.")] = None,
    steps: Steps = None,
    seed: Seed = 0,
):
    """**Learning II**: trains U_e and U_d against the critic D_f and the frozen D_a.

    Example: `uunet train heads/ -o runs/uunet --classifier runs/classifier/classifier.safetensors --config small`
    """
    from uunet.training import adversarial

    try:
        s = tuple(int(value) for value in s.split(",")) if s else None
    except ValueError:
        raise configuration.ConfigError(f"--s is a list like -1,1,1,1; got {s!r}.") from None
    chosen = _changed(_named(config).adversarial, s=s, steps=steps, seed=seed)
    adversarial.train(chosen, classifier, data, out)


if __name__ == "__main__":
    main()
