"""What a user may choose about the files that `video`, `image` and `folder` write."""

from dataclasses import dataclass, field
from pathlib import Path

from uunet.boxes.box_file import GivenBoxes
from uunet.errors import UUNetError
from uunet.wire.keys import AuthorityKey, FileKeys, RecipientKey

# How the original heads come back: U_d draws them from what U_e hides in its drawing (the paper); they travel
# encrypted; or not at all.
LEARNED, SEALED, NONE = "learned", "sealed", "none"
HIGH, EXACT = "high", "exact"  # the quality of sealed originals: about 40 dB, or every pixel


class OptionsError(UUNetError):
    """Options contradict each other."""


@dataclass(frozen=True)
class PublicOptions:
    """How a public file is written.

    Attributes:
        seed: >= 0 for a repeatable file; None draws a fresh one. Picture k of a folder uses seed + k, so that no two
            pictures show one virtual face. With `recipients`, only the faces repeat: keys are always fresh.
        secret: 32 bytes or a passphrase, see `crypto`, to seal the boxes with; None for boxes that anybody can read.
            For the reversal "learned" only.
        profile: the name of the profile that the file must have; None for any, and in a folder for "png".
        method: how the boxes are hidden, see `profiles`; None for the profile's default. For "learned" only.
        crf: 1 to 51, quality of an .mp4: higher is smaller and worse; None for the profile's. Other files have none.
        overwrite: whether an existing file may be replaced.
        reversal: "learned", "sealed" or "none"; None for "sealed" if there are recipients, else "learned".
        recipients: the public keys of those who can open the originals, in a sealed file.
        quality: "high" or "exact", of sealed originals.
        sidecar: path of a file for the sealed originals; None if the public file carries them.
    """

    seed: int | None = None
    secret: bytes | str | None = field(default=None, repr=False)
    profile: str | None = None
    method: str | None = None
    crf: int | None = None
    overwrite: bool = False
    reversal: str | None = None
    recipients: tuple[RecipientKey, ...] = ()
    quality: str = HIGH
    sidecar: Path | None = None

    @property
    def mode(self) -> str:
        """LEARNED, SEALED or NONE."""
        return self.reversal or (SEALED if self.recipients else LEARNED)

    def check(self) -> None:
        """Raises OptionsError if options contradict each other."""
        if self.mode not in (LEARNED, SEALED, NONE):
            raise OptionsError(f"There is no reversal {self.mode!r}: give {LEARNED}, {SEALED} or {NONE}.")
        if self.quality not in (HIGH, EXACT):
            raise OptionsError(f"There is no quality {self.quality!r} of originals: give {HIGH} or {EXACT}.")
        if self.mode == SEALED and not self.recipients:
            raise OptionsError("Sealed originals need somebody who can open them: give --recipient FILE.pub.")
        if self.mode != SEALED and (self.recipients or self.sidecar or self.quality != HIGH):
            raise OptionsError(
                f"The reversal {self.mode!r} seals no originals: leave --recipient, --sidecar and --quality out."
            )
        if self.mode != LEARNED and (self.secret is not None or self.method is not None):
            raise OptionsError(
                f"The reversal {self.mode!r} hides no boxes in the pixels: leave --key, --passphrase and --method out."
            )


@dataclass(frozen=True)
class RestoreOptions:
    """How a public file is read, and its reconstruction written.

    Attributes:
        secret: 32 bytes or the passphrase with which the file was sealed; None if it was not.
        boxes: given boxes, to be used instead of the messages, which are not read; of a picture those of frame 0, of a
            folder those of frame k for picture k. None for the boxes of the messages.
        overwrite: whether an existing file may be replaced.
        identity: of sealed originals: the private key of a recipient, or the keys in a disclosure.
        sidecar: path of the file with the sealed originals; None if the public file carries them.
        accept_altered: whether to restore, too, where a sidecar fits no public head.
        log: path of a log to which each opening of sealed originals is appended, see `audit`; None for none.
    """

    secret: bytes | str | None = field(default=None, repr=False)
    boxes: GivenBoxes | None = None
    overwrite: bool = False
    identity: AuthorityKey | FileKeys | None = None
    sidecar: Path | None = None
    accept_altered: bool = False
    log: Path | None = None

    def check_learned(self) -> None:
        """Raises OptionsError if there are options for sealed originals, which the networks do not need."""
        if self.identity is not None or self.sidecar is not None or self.accept_altered or self.log is not None:
            raise OptionsError(
                "The networks reconstruct without keys of sealed originals: leave --identity, --sidecar, "
                "--accept-altered and --log out."
            )

    def check_sealed(self, target: Path | str) -> None:
        """Raises OptionsError if these are not options to restore sealed originals to `target`."""
        if self.identity is None:
            raise OptionsError("Sealed originals open with a key only: give --identity.")
        if self.secret is not None or self.boxes is not None:
            raise OptionsError("Sealed originals have their own boxes: leave --key, --passphrase and --boxes out.")
        for name, path in (("sidecar", self.sidecar), ("log", self.log)):
            if path is not None and Path(path).resolve() == Path(target).resolve():
                raise OptionsError(f"{target} is also the {name}: name another file for the result.")
