"""Commands that evaluate networks and make the paper's figures."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from uunet import config as configuration
from uunet.cli import options, startup, summary
from uunet.errors import UUNetError

Record = Annotated[
    Path, typer.Option("-o", "--out", help="Output file (.json). A .png with example images is saved next to it.")
]
JUDGES = "dlib,faceres,own,adaptive"
TwinsInstead = Annotated[
    str | None,
    typer.Option(
        help="Evaluate the rendered twins for s, '-1,1,1,1', instead of weights. This gives the best score to expect."
    ),
]
Heads = Annotated[
    int, typer.Option(min=16, help="Maximum number of heads. If the split is larger, people are sampled at random.")
]
TrainHeads = Annotated[
    int, typer.Option(min=16, help="Maximum number of heads of the train split on which evaluators are trained.")
]
Pairs = Annotated[
    list[str] | None,
    typer.Option(
        help="Also measure verification and identification: on N random pairs of each kind, or on a list of pairs like "
        "LFW's pairs.txt."
    ),
]
Evaluators = Annotated[str, typer.Option(help="The evaluators, comma-separated: some of the default.")]


def evaluate(
    data: options.Data,
    out: Record,
    weights: options.Weights = configuration.DEFAULT_WEIGHTS,
    twins: TwinsInstead = None,
    s: options.S = None,
    judges: Evaluators = f"{JUDGES},soft_labels,realism",
    split: Annotated[
        str,
        typer.Option(help="Use validation while you choose a configuration; use test for the final result."),
    ] = "test",
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of noise, samples, pairs, intervals and the evaluators trained here.")
    ] = 0,
    heads: Heads = 1000,
    train_heads: TrainHeads = 6000,
    pairs: Pairs = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Evaluates weights with networks that were not used for training.

    For each measurement, it prints the paper's value, the goal and our value. `dlib` and `faceres` are third-party
    networks. `own` is trained here on heads of the train split. `adaptive` is trained on those and their de-identified
    versions: it is the attacker. `soft_labels` predicts gender, ethnicity and hairstyle. `realism` measures how much
    the set of heads a differs from the set of heads x (KID), and how sharp the heads a are. What is computed once for a
    data set is kept in ~/.cache/uunet. Do not publish an image that shows real people.

    Example: `uunet evaluate heads/ --weights runs/uunet -o uunet.json`; on real people, with 500 random pairs:
    `uunet evaluate lfw/ --heads 600 --pairs 500 -o lfw.json`
    """
    options.check_record(out)
    if twins and s:
        raise UUNetError("--s is for weights that choose by it; rendered twins are named by --twins: leave one out.")
    if pairs and twins:
        raise UUNetError("--pairs is for weights; rendered twins show one person in all photographs: leave one out.")
    startup.load_keras()
    from uunet import atomic
    from uunet.evaluation import scorecard, verification
    from uunet.evaluation.inputs import EvaluationConfig

    by = tuple(judges.split(","))
    if pairs:
        verification.check(pairs, by)
    with (
        atomic.new_file(out, overwrite=overwrite) as record_file,
        atomic.new_file(out.with_suffix(".png"), overwrite=overwrite) as sheet,
        summary.progress() as progress,
    ):
        shown, follows = options.parsed_s("--twins", twins), options.parsed_s("--s", s)
        config = EvaluationConfig(data, by, None if twins else weights, shown, follows, split, seed)
        record, pictures, judged = scorecard.measure(config, heads=heads, train_heads=train_heads, progress=progress)
        if pairs:
            record["photographs"] = verification.measure(config, pairs, progress=progress)
        scorecard.save(record, record_file)
        scorecard.plot(sheet, pictures, judged)
    print(scorecard.markdown(record))
    if pairs:
        print(verification.markdown(record["photographs"]))
    print(f"written: {out}, {out.with_suffix('.png')}")


def lineup(
    data: options.Data,
    out: Record,
    weights: options.Weights = configuration.DEFAULT_WEIGHTS,
    twins: Annotated[str | None, typer.Option(help="Also show the rendered twins for s, '-1,1,1,1'.")] = None,
    s: options.S = None,
    judges: Annotated[str, typer.Option(help="The recognisers, comma-separated: some of the default.")] = JUDGES,
    split: Annotated[
        str, typer.Option(help="test; the line-ups of the train split are those that `adaptive` learns from.")
    ] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Seed of noise, intervals and the recognisers trained here.")] = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Measures anonymity in a line-up: given a, does a recogniser pick x from ten people **in the same frame**?

    Prints how often each recogniser picks x (rank 1) for four queries:

    1. a;
    2. a rendered twin (--twins): it shows a person who is not in the line-up, so the result is chance (1 in 10);
    3. x;
    4. x from another sequence: the best score to expect.

    `adaptive` is trained to pick, on line-ups of the train split. DATA is a rendered data set with line-ups: `python -m
    data_prep.synthetic --lineup 10`. The image shows one line-up per row: a | x | the others.

    Example: `uunet lineup heads/ --weights runs/uunet -o lineup.json`
    """
    options.check_record(out)
    startup.load_keras()
    from uunet import atomic
    from uunet.evaluation import lineup as lineups
    from uunet.evaluation import scorecard
    from uunet.evaluation.inputs import EvaluationConfig

    with (
        atomic.new_file(out, overwrite=overwrite) as record_file,
        atomic.new_file(out.with_suffix(".png"), overwrite=overwrite) as sheet_file,
        summary.progress() as progress,
    ):
        shown, follows = options.parsed_s("--twins", twins), options.parsed_s("--s", s)
        config = EvaluationConfig(data, tuple(judges.split(",")), weights, shown, follows, split, seed)
        record, sheet = lineups.measure(config, progress)
        scorecard.save(record, record_file)
        lineups.write_sheet(sheet, sheet_file)
    print(lineups.markdown(record))
    print(f"written: {out}, {out.with_suffix('.png')}")


def attack(
    data: options.Data,
    weights: options.Weights,
    out: Record,
    pairs: Annotated[
        str, typer.Option(help="N, the numbers of pairs (x, a) that attackers have, comma-separated.")
    ] = "100,1000,10000",
    steps: Annotated[int, typer.Option(min=1, help="Training steps per attacker.")] = 1000,
    reversal: Annotated[
        str, typer.Option(help="What is attacked: files of the reversal learned, or sealed, where U_e hides nothing.")
    ] = "learned",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """**Attacks** weights: how well can an attacker without U_d reconstruct faces? The attacker has N pairs (x, a).

    There are two attackers per N. One attacker has U_e, which makes more pairs from the N heads x. The other has only
    outputs of U_e. For each attacker, the command prints the PSNR between x and the reconstructed face. It also prints
    how well a recogniser identifies the reconstructed face as x from another sequence. It prints the same for a itself,
    the mean face and U_d. Attackers are trained on the train split of DATA and scored on its test split. Rows of the
    image: x | a | one per attacker | r.

    An attacker of 1,000 steps takes some minutes on two CPU cores; scoring takes one minute per attacker.

    Example: `uunet attack heads/ --weights twin-cctv -o attacks.json`
    """
    try:
        counts = tuple(int(count) for count in pairs.split(","))
    except ValueError:
        raise configuration.ConfigError(f"--pairs is a list like 100,1000; got {pairs!r}.") from None
    if reversal not in ("learned", "sealed"):
        raise configuration.ConfigError(f"--reversal is learned or sealed; got {reversal!r}.")
    options.check_record(out)
    startup.load_keras()
    import cv2

    from uunet import atomic, presets
    from uunet.evaluation import attacks
    from uunet.evaluation.judges import dlib

    config = attacks.AttackConfig(pairs=counts, steps=steps, seed=seed, hides=reversal == "learned")
    picture = out.with_suffix(".png")
    with (
        atomic.new_file(out, overwrite=overwrite) as record_file,
        atomic.new_file(picture, overwrite=overwrite) as sheet_file,
    ):
        with summary.progress() as progress:
            record, sheet = attacks.run(presets.load(weights), data, config, {"dlib": dlib.judge}, progress)
        record_file.write_text(json.dumps(record, indent=1) + "\n")
        sheet_file.write_bytes(cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())
    print(attacks.table(record))
    print(f"written: {out}, {picture}")


def figure(
    names: Annotated[list[str] | None, typer.Argument(metavar="FIGURE...", help="table1, fig04, fig05, ...")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All figures, except those that train or that lack a data set.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="A prepared data set (data_prep/README.md).")] = None,
    weights: options.Weights = configuration.DEFAULT_WEIGHTS,
    other_data: Annotated[
        Path | None, typer.Option(help="A second data set, for figures that compare two (fig13).")
    ] = None,
    other_weights: Annotated[str | None, typer.Option(help="Weights trained on the second data set.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of records and pictures.")] = Path("docs/figures"),
    split: Annotated[str, typer.Option(help="The split whose heads are used: test, validation or train.")] = "test",
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of noise, pairs, intervals and the recogniser trained here.")
    ] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing figures.")] = False,
) -> None:
    """Makes tables and figures of the paper: a record, FIGURE.json, and a picture of it, FIGURE.png.

    Existing figures are skipped. If the command was interrupted, run it again. Each record and picture says how many
    heads and people were used.

    Example: `uunet figure fig06 --data heads/ --weights runs/uunet`
    """
    if bool(names) == every:
        raise UUNetError("Name the figures, such as fig06, or give --all.")
    startup.load_keras()
    from uunet.experiments import FIGURES, runner
    from uunet.experiments.context import Context, ExperimentError

    if (other_data is None) != (other_weights is None):
        raise ExperimentError("Name --other-data and --other-weights, or neither: weights, and the set they know.")
    asked = names or []
    unknown = [name for name in asked if name not in FIGURES]
    if unknown:
        raise ExperimentError(f"There is no figure {unknown[0]!r}; there are {', '.join(FIGURES)}.")
    with summary.progress() as progress:
        elsewhere = Context(other_data, other_weights, split, seed, progress) if other_data and other_weights else None
        context = Context(data, weights, split, seed, progress, elsewhere)
        left_out = runner.left_out(context) if every else {}
        if every:
            asked = [name for name in FIGURES if name not in left_out]
        failed = _make_figures(asked, context, out, overwrite)
    for name, why in left_out.items():
        summary.note(f"{name} is left out: {why}.")
    if len(asked) == 1 and failed:
        raise failed[asked[0]]
    for name, problem in failed.items():
        summary.say("bold red", name, str(problem))
    if failed:
        raise UUNetError(f"{len(failed)} of {len(asked)} figures failed (see above); the others are written.")


def _make_figures(names: list[str], context: Any, out: Path, overwrite: bool) -> dict[str, UUNetError]:
    """Makes figures one by one; returns the errors of those that failed, by name."""
    from uunet.experiments import runner

    failed = {}
    for name in names:
        try:
            made = runner.make(name, context, out, overwrite=overwrite)
            print(f"{'written' if made else 'there already'}: {out / name}.json, {out / name}.png")
        except UUNetError as error:
            failed[name] = error
    return failed
