"""What becomes of the sound of a video: each stream is copied where the container takes its codec, else converted.

Voices are not de-identified.
"""

from collections.abc import Callable

import av

from uunet.media.profiles import Profile
from uunet.media.video_reading import Clip, VideoError


def writers(clip: Clip, out: av.container.OutputContainer, profile: Profile) -> tuple[dict[int, Callable], str]:
    """Adds the sound streams of a clip to a file that is being written.

    Args:
        clip: the source.
        out: the result; its video stream has been added.
        profile: of the result.

    Returns:
        dict from the index of a sound stream of `clip` to a callable `write(packet)`, with None for the packet at the
        end; and, in words, what becomes of the sound, e.g. "aac, converted to opus", or "none".
    """
    found, said = {}, []
    for stream in clip.container.streams.audio:
        codec = stream.codec_context.codec.canonical_name
        if codec in profile.copied_audio:
            found[stream.index] = _copier(clip, stream, out)
            said.append(f"{codec}, copied")
        else:
            found[stream.index] = _converter(clip, stream, out, profile)
            said.append(f"{codec}, converted to {profile.audio_codec.removeprefix('lib')}")
    return found, "; ".join(said) or "none"


def _copier(clip, stream, out):
    target = out.add_stream_from_template(stream)
    shift = _shift(clip, stream)

    def write(packet):
        if packet is not None and packet.dts is not None:  # a packet without a time only ends the stream
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = target
            out.mux(packet)

    return write


def _converter(clip, stream, out, profile):
    rate = stream.rate if stream.rate in (44100, 48000) and profile.audio_codec != "libopus" else 48000
    target = out.add_stream(profile.audio_codec, rate=rate, layout="mono" if stream.channels == 1 else "stereo")
    shift = _shift(clip, stream)
    context = target.codec_context
    context.open()  # the encoder knows its frame size only when it is open
    resampler = av.AudioResampler(context.format, context.layout, rate, context.frame_size or None)

    def write(packet):
        try:
            frames = packet.decode() if packet is not None else [None]
        except av.FFmpegError as error:
            raise VideoError(
                f"{clip.path} has damaged sound ({error.strerror}): repair the sound or remove it."
            ) from error
        for frame in frames:
            if frame is not None and frame.pts is not None:
                frame.pts -= shift
            for piece in resampler.resample(frame):
                out.mux(target.encode(piece))
        if packet is None:
            out.mux(target.encode(None))

    return write


def _shift(clip, stream):
    """The start of the clip in units of the stream's time: the result starts at 0."""
    return round(clip.start / 1000 / stream.time_base)
