"""Commands that train networks, and the one that scores a D_a."""

from pathlib import Path
from typing import Annotated

import typer

from uunet import config as configuration
from uunet.cli import options, startup, summary
from uunet.labels import LABELS


def train_classifier(
    data: options.Data,
    out: options.Run,
    config: options.Preset = "paper",
    labels: Annotated[
        str, typer.Option(help="The labels it compares, comma-separated; the paper trains one D_a per label.")
    ] = ",".join(LABELS),
    start: Annotated[
        Path | None, typer.Option(help="The file of another D_a: training starts from its weights.")
    ] = None,
    steps: options.Steps = None,
    minutes: options.Minutes = None,
    devices: options.Devices = 1,
    seed: options.Seed = 0,
) -> None:
    """**Learning I**: trains D_a, which tells whether two pictures agree in ID, gender, ethnicity and hairstyle.

    Example: `uunet train-classifier heads/ -o runs/classifier --config small`
    """
    startup.load_keras()
    from uunet.training import classifier, trainer

    named = options.named(config).classifier
    chosen = options.changed(named, labels=tuple(labels.split(",")), steps=steps, seed=seed)
    with trainer.devices(devices, chosen.batch_pairs, "pairs"):
        progress, areas = classifier.train(chosen, data, out, start=start, minutes=minutes)
    summary.print_areas(areas, "validation pairs")
    print(f"written: {out / 'classifier.safetensors'}{summary.remaining(progress)}")


def score_classifier(
    classifier: Annotated[Path, typer.Argument(help="D_a: classifier.safetensors of `uunet train-classifier`.")],
    data: options.Data,
    split: Annotated[str, typer.Option(help="The split whose heads are compared: test, validation or train.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the pairs.")] = 0,
) -> None:
    """Prints how well D_a tells equal from different labels on pairs of heads: the area under the ROC curve per label.

    Example: `uunet score-classifier runs/classifier/classifier.safetensors heads/`
    """
    startup.load_keras()
    from uunet.training import classifier as learning

    areas, count = learning.score(classifier, data, split=split, seed=seed)
    summary.print_areas(areas, f"{count} pairs of {data}, split {split}")


def train(
    data: options.Data,
    out: options.Run,
    classifier: Annotated[
        list[Path], typer.Option(help="D_a of learning I; repeat the option to give one model per label.")
    ],
    config: options.Preset = "paper",
    s: Annotated[
        str | None,
        typer.Option(help="Which labels of x and a must agree (1), must differ (-1) or are free (0): '-1,1,1,1'."),
    ] = None,
    steps: options.Steps = None,
    minutes: options.Minutes = None,
    devices: options.Devices = 1,
    seed: options.Seed = 0,
) -> None:
    """**Learning II**: trains U_e and U_d against the critic D_f and the frozen D_a.

    Example: `uunet train heads/ -o runs/uunet --classifier runs/classifier/classifier.safetensors --config small`
    """
    startup.load_keras()
    from uunet.training import adversarial, trainer

    named = options.named(config).adversarial
    chosen = options.changed(named, s=options.parsed_s("--s", s), steps=steps, seed=seed)
    with trainer.devices(devices, chosen.subjects, "subjects"):
        progress = adversarial.train(chosen, classifier, data, out, minutes=minutes)
    _print_written(out, summary.remaining(progress))


def train_twins(
    data: options.Data,
    out: options.Run,
    config: Annotated[str, typer.Option(help=f"One of {', '.join(configuration.TWINS_BY_NAME)}.")] = "twin",
    s: Annotated[
        str | None, typer.Option(help="The s that U_e follows by default, '-1,1,1,1' (see `deidentify --s`).")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Weights that training starts from: a preset, or the folder of a run.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Steps of the first stage, generation; 0 leaves a stage out.")
    ] = None,
    sharpening_steps: Annotated[
        int | None, typer.Option(min=0, help="Steps of the second stage, refinement with a critic.")
    ] = None,
    hiding_steps: Annotated[int | None, typer.Option(min=0, help="Steps of the third stage, embedding.")] = None,
    minutes: options.Minutes = None,
    devices: options.Devices = 1,
    seed: options.Seed = 0,
) -> None:
    """Beyond the paper: trains U_e and U_d on rendered heads and their **twins**, the same frames of another person.

    Training has three stages. U_e learns to generate twins, then to refine them against a critic, then to embed the
    original head in them. It uses all twins of the data set; `python -m data_prep.synthetic --twins=S` renders them for
    one or several S. Embedding needs no twins: with --steps 0 --sharpening-steps 0 any data set will do.

    Example: `uunet train-twins heads/ -o runs/twin`
    """
    startup.load_keras()
    from uunet import presets
    from uunet.training import trainer, twin

    named = options.named(config, configuration.TWINS_BY_NAME)
    folder = None if start is None else presets.load(start).folder
    stages = {"steps": steps, "sharpening_steps": sharpening_steps, "hiding_steps": hiding_steps}
    chosen = options.changed(named, s=options.parsed_s("--s", s), seed=seed, **stages)
    with trainer.devices(devices, chosen.batch, "heads"):
        progress = twin.train(chosen, data, out, start=folder, minutes=minutes)
    if progress.remaining:
        print(f"no weights are written yet{summary.remaining(progress)}")
    else:
        _print_written(out)


def train_reader(
    data: options.Data,
    out: options.Run,
    config: Annotated[str, typer.Option(help=f"One of {', '.join(configuration.READERS_BY_NAME)}.")] = "reader",
    real: Annotated[
        Path | None,
        typer.Option(help="A data set of real heads, from which it learns the labels that are known there."),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="The file of another reader: training starts from its weights.")
    ] = None,
    steps: options.Steps = None,
    minutes: options.Minutes = None,
    seed: options.Seed = 0,
) -> None:
    """Beyond the paper: trains the **reader**, which predicts the nine numbers that the generator is told of a head.

    The numbers describe place, size, pose, mouth and light. The reader also predicts gender, ethnicity and hairstyle.
    DATA is a rendered data set, because only rendered heads have known poses. Labels of rendered heads do not carry
    over to real people: name a set of real heads as --real, too.

    Example: `uunet train-reader heads/ -o runs/reader`
    """
    startup.load_keras()
    from uunet.training import reader

    chosen = options.changed(options.named(config, configuration.READERS_BY_NAME), steps=steps, seed=seed)
    progress, found = reader.train(chosen, reader.Sets(data, real), out, start=start, minutes=minutes)
    print("validation: " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()))
    print(f"written: {out / 'reader.safetensors'}{summary.remaining(progress)}")


def train_generator(
    data: options.Data,
    out: options.Run,
    reader: Annotated[Path, typer.Option(help="The reader: reader.safetensors of `uunet train-reader`.")],
    config: Annotated[str, typer.Option(help=f"One of {', '.join(configuration.GENERATORS_BY_NAME)}.")] = "generator",
    classifier: Annotated[
        Path | None,
        typer.Option(help="D_a, for configurations with identity terms: classifier.safetensors of train-classifier."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(help="The folder of another run: training starts from its networks, also at twice the size."),
    ] = None,
    steps: options.Steps = None,
    minutes: options.Minutes = None,
    devices: options.Devices = 1,
    seed: options.Seed = 0,
) -> None:
    """Beyond the paper: trains the **generator**, which draws a head from its surroundings, without the head's pixels.

    It learns from a critic; with the configuration `people` also from a frozen D_a, which compares identities and
    labels. Each checkpoint comes with the weights so far, generator.safetensors, and a sample sheet: x, the
    surroundings, and what is drawn for four codes.

    Example: `uunet train-generator heads/ -o runs/generator --reader runs/reader/reader.safetensors`
    """
    startup.load_keras()
    from uunet.training import generation, trainer

    chosen = options.changed(options.named(config, configuration.GENERATORS_BY_NAME), steps=steps, seed=seed)
    with trainer.devices(devices, chosen.batch, "heads"):
        progress = generation.train(chosen, generation.Files(reader, classifier, start), data, out, minutes=minutes)
    print(f"written: {out / 'generator.safetensors'}{summary.remaining(progress)}")


def train_head_detector(
    archive: Annotated[Path, typer.Argument(help="An archive of scenes (`python -m data_prep.head_scenes`).")],
    out: options.Run,
    config: Annotated[str, typer.Option(help=f"One of {', '.join(configuration.HEAD_DETECTORS_BY_NAME)}.")] = "heads",
    steps: options.Steps = None,
    minutes: options.Minutes = None,
    seed: options.Seed = 0,
) -> None:
    """Beyond the paper: trains the **head detector**, which finds heads in any pose, from 10 pixels on.

    Each checkpoint comes with a sample sheet, true heads in white and found ones in green, and with the average
    precision on scenes of other people at other places. The weights are written when the command ends.

    Example: `uunet train-head-detector heads.npz -o runs/heads`
    """
    startup.load_keras()
    from uunet.training import head_detector

    named = options.named(config, configuration.HEAD_DETECTORS_BY_NAME)
    chosen = options.changed(named, steps=steps, seed=seed)
    progress, precision = head_detector.train(chosen, archive, out, minutes=minutes)
    print(f"validation: average precision {precision:.3f}")
    print(f"written: {out / 'detector.safetensors'}{summary.remaining(progress)}")


def _print_written(run: Path, remaining: str = "") -> None:
    encoder, decoder = run / "encoder.safetensors", run / "decoder.safetensors"
    print(f"written: {encoder}, {decoder}; use them with --weights {run}{remaining}")
