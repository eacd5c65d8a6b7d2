"""How files are written: as data, one profile per kind of file."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import av

from uunet.channel import video_codec
from uunet.errors import UUNetError
from uunet.media import video_reading
from uunet.wire import messages
from uunet.wire.messages import LSB, QIM


class ProfileError(UUNetError):
    """A public file cannot be written like this."""


@dataclass(frozen=True)
class Profile:
    """One kind of public file."""

    name: str
    suffixes: tuple  # of its files; pictures of a folder get the first
    method: str | None  # how messages are hidden, one of `says`; below: the default; None: nothing is hidden
    exact: bool  # whether every pixel must read back as it was written
    says: dict  # each method that such a file can carry -> what survives then, in one sentence
    # videos only
    options: dict = field(default_factory=dict)  # FFmpeg's, of the encoder
    codec: str = ""
    pixels: str = ""
    copied_audio: frozenset = field(default_factory=frozenset)  # codecs that are copied as they are
    audio_codec: str = ""  # others are converted to it


EXACT = "Every pixel survives, and with it all that reconstruction needs"
COPIES = f"{EXACT}; of a lossy copy the head boxes survive."
FACES = "how well the faces are reconstructed depends on the weights"
LOSSY = (
    f"The head boxes survive; {FACES}: of those that come with uunet, only twin-cctv-robust expects lossy files. "
    "Boxes follow the heads in straight lines of ten frames, and are larger where heads turn: look at the result."
)
ONCE = f"{FACES}: those that come with uunet lose little at quality 95, and more if the file is encoded again."
JPEG_SAYS = {
    QIM: f"The head boxes survive, also if the file is encoded again; {ONCE}",
    messages.JPEG: f"The head boxes survive exactly, but not if the file is encoded again; {ONCE}",
}

# VP9: realtime/6 is 7 to 15 times as fast as good/2 for 5 to 30 % more bytes (a still scene without noise: twice as
# many); threads do not change the bytes
LOSSLESS_WEB = Profile(
    name="lossless-web",
    suffixes=(".webm",),
    method=LSB,
    exact=True,
    says={LSB: f"{EXACT}; browsers play it.", QIM: COPIES},
    codec="libvpx-vp9",
    pixels="gbrp",
    options={"lossless": "1", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"},
    copied_audio=frozenset({"opus", "vorbis"}),
    audio_codec="libopus",
)
LOSSLESS_ARCHIVE = Profile(
    name="lossless-archive",
    suffixes=(".mkv",),
    method=LSB,
    exact=True,
    says={LSB: f"{EXACT}; browsers do not play it.", QIM: COPIES},
    codec="ffv1",
    pixels="bgr0",
    options={"level": "3", "slices": "4"},
    copied_audio=frozenset({"aac", "ac3", "eac3", "flac", "mp2", "mp3", "opus", "pcm_s16le", "vorbis"}),
    audio_codec="flac",
)
H264 = Profile(
    name="h264",
    suffixes=(".mp4", ".mkv"),  # .mkv only where the profile is named: `choose` prefers LOSSLESS_ARCHIVE
    method=QIM,
    exact=False,
    says={QIM: LOSSY},
    codec="libx264",
    pixels="yuv420p",
    options={"crf": "23", **video_codec.H264},
    copied_audio=frozenset({"aac", "ac3", "mp3"}),
    audio_codec="aac",
)
# Motion JPEG: each frame is a JPEG file of stego.jpeg, which is stored as it is. In QuickTime's container, which keeps
# any time of a frame; .avi would need a fixed rate
MJPEG = Profile(
    name="mjpeg",
    suffixes=(".mov",),
    method=messages.JPEG,
    exact=False,
    says=JPEG_SAYS,
    codec="mjpeg",
    pixels="yuvj444p",
    copied_audio=frozenset({"aac", "ac3", "alac", "mp3", "pcm_s16be", "pcm_s16le"}),
    audio_codec="aac",
)
CONTAINERS = {".webm": "webm", ".mkv": "matroska", ".mp4": "mp4", ".mov": "mov"}  # suffix -> FFmpeg's name
VIDEOS = (LOSSLESS_WEB, LOSSLESS_ARCHIVE, H264, MJPEG)
# of reconstructions only
VIEWING = dataclasses.replace(H264, name="viewing", method=None, says={}, options={"crf": "18"})
RECONSTRUCTED_VIDEOS = (LOSSLESS_WEB, LOSSLESS_ARCHIVE, VIEWING)

PNG = Profile(name="png", suffixes=(".png",), method=LSB, exact=True, says={LSB: f"{EXACT}.", QIM: COPIES})
JPEG = Profile(
    name="jpeg",
    suffixes=(".jpg", ".jpeg"),
    method=QIM,
    exact=False,
    says=JPEG_SAYS,
)
PICTURES = (PNG, JPEG)
RECONSTRUCTED_PICTURES = (PNG,)

ALL = (*VIDEOS, *PICTURES)


def choose(
    target: Path | str, among: tuple, name: str | None = None, crf: int | None = None, method: str | None = None
) -> Profile:
    """The profile of a file to write.

    Args:
        target: path of the file; its suffix decides.
        among: tuple of Profile.
        name: the name that the profile must have; None for any.
        crf: 1 to 51, quality instead of the profile's own: higher is smaller and worse; H.264 only.
        method: how the head boxes are hidden, instead of the profile's own.

    Raises:
        ProfileError: if there is none, or if name, suffix, crf and method contradict each other.
    """
    possible = named(among, name)
    suffix = Path(target).suffix.lower()
    profile = next((profile for profile in possible if suffix in profile.suffixes), None)
    suffixes = _alternatives(profile.suffixes[0] for profile in possible)
    if profile is None and name is not None:
        raise ProfileError(f"{target} cannot be of the profile {name}: name a {suffixes} file.")
    if profile is None and among is VIDEOS:
        raise ProfileError(
            f"{target} cannot be a public video: write {suffixes}; other files destroy what is hidden in the pixels, "
            'even "lossless" ones in 8-bit YUV.'
        )
    if profile is None:
        raise ProfileError(f"{target} cannot be written: name a {suffixes} file.")
    profile = carrying(profile, method)
    if crf is None:
        return profile
    if profile.name != H264.name:
        raise ProfileError(f"{target} has no crf: write an .mp4 file, or leave --crf out.")
    if not 1 <= crf <= 51:
        raise ProfileError(
            f'A crf is 1 to 51, not {crf}: for a lossless file write .webm or .mkv, because "lossless" H.264 in 8-bit '
            "YUV still rounds every pixel."
        )
    return dataclasses.replace(profile, options={**profile.options, "crf": str(crf)})


def named(among: tuple, name: str | None) -> list[Profile]:
    """Those of some profiles that have this name; all if it is None. Raises a ProfileError if none has."""
    possible = [profile for profile in among if name in (None, profile.name)]
    if not possible:
        raise ProfileError(f"There is no profile {name!r} for this; there are {_names(among)}.")
    return possible


def carrying(profile: Profile, method: str | None) -> Profile:
    """The profile with another method; None keeps its own. Raises a ProfileError if its files cannot carry it."""
    if method is None:
        return profile
    if method not in profile.says:
        raise ProfileError(
            f"A {profile.suffixes[0]} file cannot hide the head boxes by the method {method!r}: choose "
            f"{_alternatives(profile.says)}."
        )
    return dataclasses.replace(profile, method=method)


def of(path: Path | str, method: str) -> str | None:
    """The name of the profile that a public file seems to have, from suffix, method and codec; None if it has none."""
    suffix = Path(path).suffix.lower()
    fitting = [profile for profile in ALL if suffix in profile.suffixes and method in profile.says]
    if len(fitting) > 1:  # .mkv
        codec = _codec(path)
        fitting = [profile for profile in fitting if av.Codec(profile.codec, "w").canonical_name == codec] or fitting
    return fitting[0].name if fitting else None


def not_survived(profile: Profile) -> str:
    """The end of an error sentence that begins with a file, whose pixels or head boxes are not what was written."""
    if profile.exact or profile.method == messages.JPEG:
        return "does not read back as it was written: nothing was kept; choose another file type."
    better = " or a lower crf" if profile.name == H264.name else ""
    return (
        "cannot hold the head boxes (the heads cover too much of the picture, or too little quality is left): choose a "
        f"lossless file{better}; nothing was kept."
    )


def _codec(path):
    """The codec of a video, e.g. "h264"; None if it cannot be read."""
    try:
        with av.open(video_reading.local(path), metadata_errors="replace") as container:
            return container.streams.video[0].codec_context.codec.canonical_name
    except (av.FFmpegError, OSError, IndexError):
        return None


def _names(among):
    return ", ".join(profile.name for profile in among)


def _alternatives(words):
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
