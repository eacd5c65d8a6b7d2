"""Trained networks, by the name of a preset or from the folder of a training run.

`weights/README.md` holds one card per preset: training data, command, commit, measurements, known failures.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from uunet.config import DEFAULT_WEIGHTS
from uunet.models import files, virtual

HERE = Path(__file__).parent
WEIGHTS = HERE / "weights" if (HERE / "weights").is_dir() else HERE.parent / "weights"  # installed, or a checkout

# name -> file -> SHA-256
PRESETS: dict[str, dict[str, str]] = {
    "synthetic-64": {
        "encoder.safetensors": "f7cd2ecb46892b0a9b2abb8ebececaa56c2612d2c2e78ae02b138fa71333d6f9",
        "decoder.safetensors": "3bbdc71d9a19249aa1802c92cd791119bc99ab0817420933ada50accfef10f5a",
        "classifier.safetensors": "2e55fc3ab1de5e5923a0dcd6a59ed3f4f89fbc7b7d2ba3ea6a50728c7aa02212",
    },
    "twin-cctv": {
        "encoder.safetensors": "e60bc5d2c517a52c3323f5a2a24100e144a012c9844a74e715ea1005186c6534",
        "decoder.safetensors": "550a27fd6bcbd8f584b67e697b5fa1dccbf967c9e582a525bb91c0057b1e70de",
    },
    "twin-cctv-robust": {
        "encoder.safetensors": "d2ae7666a89ba727b64b7a5e4fac6fa0ebba9207d573e63604cdfb53206ddcc8",
        "decoder.safetensors": "6ca3a1a52656e534e237c3ba4458d81e35f3e4350bea1cb38b93aaf16a3c3264",
    },
    "twin-uav": {
        "encoder.safetensors": "6b473634ff4498aebc0e2874836f89d090b7a669fba66e5f07c7ee977936bc03",
        "decoder.safetensors": "66f5447510a02822c492a9226df6fff7d655cf0b6ecc4b010123e625f22d4095",
    },
    "twin-hd": {
        "encoder.safetensors": "eaf8d0ccead3e7d7b4db073e9aad0ae472ee7217ca3a71a2d0749989a25e57c4",
        "decoder.safetensors": "79941656f55426294888d7b080f5e5c9f5bec86d9e604b927ff03bec58f49f67",
    },
}

LEARNED = "encoder.safetensors", "decoder.safetensors"
VIRTUAL = "generator.safetensors", "reader.safetensors"


@dataclass(frozen=True)
class Preset:
    """The networks in one folder. Each file is read when its network is first used: a camera needs no decoder.

    Attributes:
        folder: Path with `encoder.safetensors`, `decoder.safetensors` or both; or with `generator.safetensors` and
            `reader.safetensors`, which draw without seeing the head and need no decoder.
        hashes: dict file -> SHA-256 that the file must have; {} for a run of your own.
        s: `(4,)`, the s that U_e follows, if it is told a person (`models.twin.TwinEncoder`) or labels
            (`models.virtual.VirtualEncoder`); None for that of its training, or `virtual.S`.
    """

    folder: Path
    hashes: dict[str, str]
    s: tuple[int, ...] | None = None

    @property
    def unseen(self) -> bool:
        """Whether the weights draw without seeing the head (`models.virtual`)."""
        return (self.folder / VIRTUAL[0]).is_file() and not (self.folder / LEARNED[0]).is_file()

    @property
    def files(self) -> tuple[str, str]:
        """The names of the two files whose networks publish and restore; U_e is, or begins with, the first."""
        return VIRTUAL if self.unseen else LEARNED

    @cached_property
    def encoder(self) -> Any:
        """U_e, the network of the public module: keras.Model or VirtualEncoder, as `engine.Deidentifier` takes it."""
        if not self.unseen:
            return self._load(LEARNED[0], 4, self.s)
        if not (self.folder / VIRTUAL[1]).is_file():
            raise files.WeightsError(
                f"{self.folder} holds a generator without its reader: copy the {VIRTUAL[1]} that it was trained with "
                "into this folder."
            )
        draws, reads = (self._load(name) for name in VIRTUAL)
        return virtual.VirtualEncoder(draws, reads, self.s or virtual.S)

    @cached_property
    def decoder(self) -> keras.Model | None:
        """U_d, the network of the private module: keras.Model `(B, S, S, 3)` -> `(B, S, S, 3)`; None if `unseen`."""
        return None if self.unseen else self._load(LEARNED[1], 3)

    @cached_property
    def classifier(self) -> keras.Model:
        """D_a: keras.Model `(B, S, S, 6)` -> `(B, t)`."""
        return self._load("classifier.safetensors", 6)

    def _load(self, name: str, channels: int | None = None, s: tuple[int, ...] | None = None) -> keras.Model:
        path = self.folder / name
        if name in self.hashes and path.is_file():
            found = hashlib.sha256(path.read_bytes()).hexdigest()
            if found != self.hashes[name]:
                raise files.WeightsError(
                    f"{path} is not the file of this version (SHA-256 {found}): install or check out uunet again."
                )
        return files.load(path, expect=channels, s=s)


def load(name: str | Path = DEFAULT_WEIGHTS, s: tuple[int, ...] | None = None) -> Preset:
    """The networks of a preset or of a training run.

    Args:
        name: a key of PRESETS, or the path of a folder with weight files.
        s: `(4,)` of {-1, 0, 1} that the encoder follows (Eq. 9); None for that of its training.

    Returns:
        Preset. A missing or damaged file raises WeightsError when its network is first used.

    Raises:
        WeightsError: if there is neither such a preset nor such a folder.
    """
    if str(name) in PRESETS:
        return Preset(WEIGHTS / name, PRESETS[str(name)], s)
    if Path(name).is_dir():
        return Preset(Path(name), {}, s)
    raise files.WeightsError(
        f"There are no weights {str(name)!r}; name a preset ({', '.join(PRESETS)}) or the folder of a training run."
    )
