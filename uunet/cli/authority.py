"""Commands of the authority: it makes the keys, discloses people, and changes who may open a public file.

None of them loads a network.
"""

from pathlib import Path
from typing import Annotated

import typer

from uunet.atomic import OutputError
from uunet.cli import options, summary
from uunet.errors import UUNetError

PRIVATE, PUBLIC = ".key", ".pub"

logs = typer.Typer(no_args_is_help=True, help="The log of openings: `uunet log verify FILE`.")

Public = Annotated[Path, typer.Argument(metavar="PUBLIC", help="A public video or picture with sealed originals.")]
Authority = Annotated[Path, typer.Option(help="The private key of a recipient of the file (`uunet keygen`).")]
AcceptAltered = Annotated[
    bool,
    typer.Option(
        "--accept-altered",
        help="Accept a sidecar that fits no public head: PUBLIC was encoded again.",
        rich_help_panel=options.SEALED,
    ),
]


def keygen(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="The keys are NAME.key and NAME.pub.")],
    passphrase: Annotated[
        bool,
        typer.Option(
            "--passphrase",
            help=f"Protect the private key by a passphrase, typed twice or read from ${options.PASSPHRASE}.",
        ),
    ] = False,
    hybrid: Annotated[
        bool, typer.Option("--hybrid", help="Resist quantum computers, too: 1,168 bytes per recipient instead of 80.")
    ] = False,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared", help="Make one secret key file, NAME, for `deidentify --key`: it both seals and opens."
        ),
    ] = False,
) -> None:
    """Makes the authority's keys: NAME.key is private and opens, NAME.pub is public and can only seal.

    A camera needs NAME.pub only (`deidentify --recipient NAME.pub`). Only the owner of the file may read NAME.key. Key
    files that exist are never replaced. Lost keys cannot be recovered; neither can what they sealed.

    Example: `uunet keygen authority`
    """
    if shared:
        if passphrase or hybrid:
            raise UUNetError("A shared key has neither a passphrase nor a hybrid form: leave these options out.")
        _keygen_shared(name)
        return
    from uunet.wire import keys

    stem = name.with_suffix("") if name.suffix in (PRIVATE, PUBLIC) else name
    if not stem.name or name.is_dir():
        raise OutputError(f"{name} is a folder: name the key, for example {name / 'authority'}.")
    private, public = (stem.with_name(stem.name + suffix) for suffix in (PRIVATE, PUBLIC))
    _refuse_existing(private)
    _refuse_existing(public)
    key = keys.generate(hybrid)
    keys.save_authority(key, private, options.read_passphrase(confirm=True) if passphrase else None)
    try:
        keys.save_recipient(key.public, public)
    except BaseException:
        private.unlink()
        raise
    print(f"fingerprint: {key.public.fingerprint()}")
    print(f"{private}: private; keep it secret, away from the camera, and keep a copy")
    print(f"{public}: public; give it to those who de-identify (--recipient {public})")


def _keygen_shared(file):
    from uunet.wire import crypto

    _refuse_existing(file)
    crypto.save(crypto.generate(), file)
    print(f"written: {file}; keep it secret, and keep a copy")


def _refuse_existing(path):
    from uunet.wire import crypto

    if path.exists():
        raise crypto.KeyFileError(f"{path} exists already, and a key is never replaced: name another file.")


def disclose(
    public: Public,
    out: Annotated[Path, typer.Option("-o", "--out", help="The disclosure, for whoever may see the track.")],
    identity: Annotated[Path, options.IDENTITY],
    track: Annotated[
        list[int],
        typer.Option(min=0, max=2**32 - 1, help="The number of a person in this file; may be given several times."),
    ],
    sidecar: options.Sidecar = None,
    accept_altered: AcceptAltered = False,
    log: options.Log = None,
) -> None:
    """Writes the keys of some people in one public file. Who has them can restore these people and nobody else.

    The disclosure shows the boxes and tracks of all heads, as the public file does. It opens no other file. It cannot
    be taken back.

    Example: `uunet disclose street-public.webm --identity authority.key --track 3 -o person.key`
    """
    source = _public_file(public, sidecar, accept_altered)
    loaded = options.load_identity(identity)
    from uunet import authority

    with summary.progress() as progress:
        shown = authority.disclose(source, out, loaded, track, log, progress)
    for number, frames in shown.items():
        print(f"{out}: track {number} of {public}, {frames} frames")
    print(
        "It opens these tracks and nothing else. Keep it secret: whoever has it and the public file sees these people."
    )


def rewrap(
    public: Public,
    out: Annotated[
        Path,
        typer.Option("-o", "--out", help="The same file for the recipients; with --sidecar, the new sidecar file."),
    ],
    identity: Authority,
    recipient: Annotated[
        list[Path],
        typer.Option(help="The public key (.pub) of a recipient; give it once for each. They replace the old ones."),
    ],
    sidecar: options.Sidecar = None,
    accept_altered: AcceptAltered = False,
    log: options.Log = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Writes the same public file for other recipients. The new list replaces the old one; the heads stay sealed.

    In .mp4, .mkv (H.264), .mov and .jpg, no pixel changes. In lossless files, only lowest bits change. With --sidecar,
    PUBLIC stays as it is, and OUT is a new sidecar file.

    Whoever could open the old file may have kept it, or its key: rewrap does not take that away. Delete the old file.

    Example: `uunet rewrap street-public.webm -o street-court.webm --identity authority.key --recipient court.pub`
    """
    from uunet.wire import keys

    source = _public_file(public, sidecar, accept_altered)
    recipients = options.load_recipients(recipient)
    loaded = options.load_identity(identity)
    if isinstance(loaded, keys.FileKeys):
        raise UUNetError(f"{identity} is a disclosure, which cannot add recipients: name the authority's private key.")
    from uunet import authority

    if log is not None:
        authority.log_opening(source, loaded, "rewrap", log)
    with summary.progress() as progress:
        frames = authority.rewrap(source, out, loaded, recipients, overwrite, progress)
    opens = {one.fingerprint() for one in recipients}
    print(f"{out}: {frames} frames, for {len(opens)} recipient{'s' if len(opens) > 1 else ''}")
    for fingerprint in sorted(opens):
        print(f"opens with {fingerprint}")
    if loaded.public.fingerprint() not in opens:
        summary.note(f"{identity} no longer opens {out}: its public key is not among the recipients.")
    summary.note("Whoever could open the old file may have kept it, or its key.")


@logs.command("verify")
def verify_log(file: Annotated[Path, typer.Argument(metavar="FILE", help="A log that --log wrote.")]) -> None:
    """Checks the chain of a log of openings; prints the number of entries and the hash of the last line.

    Note both in another place: a log from whose end lines were cut is whole, too, but has fewer entries.
    """
    from uunet import audit

    state = audit.verify(file)
    print(f"{file}: whole, {state.entries} entries, last hash {state.last}")


def _public_file(public, sidecar, accept_altered):
    options.check_input(public)
    if public.is_dir():
        raise UUNetError(f"{public} is a folder: name one public file at a time.")
    if sidecar is not None:
        options.check_input(sidecar)
    from uunet.media import envelopes

    return envelopes.PublicFile(public, sidecar, accept_altered)
