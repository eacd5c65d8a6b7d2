"""How much of the time of de-identification goes into hiding the head boxes, for each public profile of videos.

    python benchmarks/embedding_share.py

It uses the bundled clip, MTCNN and the default weights. Hiding is timed alone, on the frames and boxes of the finished
file. The time to encode frames as JPEG is subtracted, because Motion JPEG files need that anyway.
"""

import tempfile
import time
from pathlib import Path

import typer
from tabulate import tabulate

from uunet import pipeline, presets, video_samples
from uunet.boxes import detection
from uunet.media import profiles, video_reading
from uunet.stego import jpeg
from uunet.wire import crypto, messages

SECRET = bytes(range(crypto.KEY_BYTES))
REPEATS = 3


def hiding(frames, rois, method, seal):
    """Seconds for all frames, the least of REPEATS."""
    seconds = []
    for _ in range(REPEATS):
        seal = None if seal is None else crypto.new_seal(SECRET)
        start = time.perf_counter()
        for first in range(0, len(frames), video_reading.FRAMES_AT_ONCE):
            some = slice(first, first + video_reading.FRAMES_AT_ONCE)
            messages.hide(frames[some], rois[some], first_index=first, seal=seal, method=method)
        seconds.append(time.perf_counter() - start)
        if method == messages.JPEG:
            start = time.perf_counter()
            for frame in frames:
                jpeg.encode(frame)
            seconds[-1] -= time.perf_counter() - start
    return min(seconds)


def main() -> None:
    """Prints the share of time that goes into hiding the head boxes, for each profile of videos."""
    encoder, detect = presets.load().encoder, detection.mtcnn()
    rows = []
    for profile in profiles.VIDEOS:
        for secret in (None, SECRET):
            with tempfile.TemporaryDirectory() as folder:
                target = Path(folder, f"public{profile.suffixes[0]}")
                how = pipeline.PublicOptions(seed=0, secret=secret)
                made = pipeline.deidentify_video(video_samples.WALK, target, encoder, detect, how)
                found = pipeline.inspect_video(target, secret=secret)
                frames, rois = video_reading.read_frames(target), found.opened()
            whole = 1000 * sum(made.seconds.values()) / made.frames
            detected = 1000 * made.seconds["detect"] / made.frames
            hidden = 1000 * hiding(frames, rois, profile.method, found.stream.seal) / made.frames
            rows.append([
                profile.name, profile.method, "yes" if secret else "no", f"{whole:.0f}", f"{whole - detected:.0f}",
                f"{hidden:.1f}", f"{hidden / whole:.1%}", f"{hidden / (whole - detected):.1%}",
            ])  # fmt: skip
    header = "profile, method, sealed, ms per frame, without detection, hiding, share, share without detection"
    print(tabulate(rows, header.split(", "), tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    typer.run(main)
