"""Real files through the real command line."""

import csv
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from uunet import cli, models, pipeline, protocol, video_samples
from uunet.models import files
from uunet.pipeline import video as videos

SAMPLE = Path(__file__).parents[1] / "data_prep" / "sample"


class Cli:
    """Runs `uunet ARGUMENTS` as its console script does."""

    def __init__(self, monkeypatch, capsys):
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *arguments, ok=True):
        """-> (stdout, stderr); checks that the command did, or did not, do its job."""
        self.monkeypatch.setattr(sys, "argv", ["uunet", *map(str, arguments)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        stdout, stderr = self.capsys.readouterr()
        assert (left.value.code in (0, None)) == ok, stdout + stderr
        return stdout, stderr

    def sentence(self, *arguments):
        """What a failing command says: one line that begins with 'uunet:'."""
        return only_sentence(self(*arguments, ok=False)[1])


def only_sentence(stderr):
    lines = [line for line in stderr.splitlines() if line.startswith("uunet:")]
    assert len(lines) == 1 and "Traceback" not in stderr, stderr
    return lines[0]


@pytest.fixture
def uunet(monkeypatch, capsys):
    return Cli(monkeypatch, capsys)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder with a small untrained U_e and U_d."""
    folder = tmp_path_factory.mktemp("weights")
    for name, channels in (("encoder", 4), ("decoder", 3)):
        arguments = {"channels": channels, "width": 4, "name": name}
        files.save(
            models.unet(**arguments), folder / f"{name}.safetensors", builder="unet", arguments=arguments, provenance={}
        )
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The first 8 frames of the bundled clip, cut losslessly, with the true head boxes as a file."""
    folder = tmp_path_factory.mktemp("clip")
    frames = videos.read_frames(video_samples.WALK)[:8]
    with av.open(str(folder / "in.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "bgr0"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    with open(video_samples.WALK_HEADS) as file:
        rows = [row for row in csv.DictReader(file) if int(row["frame"]) < 8]
    with open(folder / "heads.csv", "w") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "in.mkv", folder / "heads.csv", frames


@pytest.fixture(scope="module")
def public(clip, weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("public") / "public.mkv"
    subprocess.run(  # the installed command itself
        [Path(sys.executable).with_name("uunet"), "deidentify", clip[0], "-o", path, "--boxes", clip[1],
         "--weights", weights, "--seed", "5"],
        check=True,
    )
    return path


def test_help_teaches(uunet):
    text, _ = uunet("--help")
    for command in ("deidentify", "reconstruct", "inspect", "keygen", "train-classifier", "train", "demo"):
        assert command in text
        assert "--help" in uunet(command, "--help")[0]
    assert "Example" in uunet("deidentify", "--help")[0]


def test_video_there_and_back(uunet, clip, public, weights, tmp_path):
    about, *lines = uunet("inspect", public)[0].splitlines()
    assert about == f"{public}: lossless-archive, lsb, plain, 640 x 480, 8 frames"
    with open(clip[1]) as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["track"]))
    for index, line in enumerate(lines):
        number, message = line.split()
        wanted = [protocol.Roi(*(int(row[k]) for k in "xywh")) for row in rows if int(row["frame"]) == index]
        assert int(number) == index and protocol.parse_message(message) == wanted
    out, _ = uunet("reconstruct", public, "-o", tmp_path / "again.mkv", "--weights", weights)
    assert "8 frames" in out
    again = videos.read_frames(tmp_path / "again.mkv")
    boxes = pipeline.inspect_video(public).boxes
    for x, a, r, rois in zip(clip[2], videos.read_frames(public), again, boxes, strict=True):
        outside = np.ones(x.shape[:2], bool)
        for roi in rois:
            outside[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w] = False
        assert np.abs(a.astype(int) - x)[outside].max() <= 1
        np.testing.assert_array_equal(r[outside], a[outside])
        assert (a[~outside] != x[~outside]).any() and (r[~outside] != a[~outside]).any()


def test_the_same_seed_gives_the_same_file(uunet, clip, public, weights, tmp_path):
    options = ("--boxes", clip[1], "--weights", weights)
    uunet("deidentify", clip[0], "-o", tmp_path / "again.mkv", *options, "--seed", 5)
    uunet("deidentify", clip[0], "-o", tmp_path / "fresh.mkv", *options)
    assert (tmp_path / "again.mkv").read_bytes() == public.read_bytes()
    assert (tmp_path / "fresh.mkv").read_bytes() != public.read_bytes()


def test_picture_and_folder(uunet, clip, weights, tmp_path):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "grey.png"), cv2.cvtColor(clip[2][0], cv2.COLOR_RGB2GRAY))
    cv2.imwrite(str(tmp_path / "in" / "colour.jpg"), clip[2][7][..., ::-1])
    (tmp_path / "in" / "notes.txt").write_text("not a picture")
    out, stderr = uunet("deidentify", tmp_path / "in", "-o", tmp_path / "out", "--weights", weights)
    assert "left out: notes.txt" in stderr
    assert "2 pictures" in out
    assert cv2.imread(str(tmp_path / "out" / "grey.png")).shape == (480, 640, 3)
    message = uunet("inspect", tmp_path / "out" / "colour.png")[0].splitlines()[1].split()[1]
    assert len(protocol.parse_message(message)) >= 2  # MTCNN on a frame with two or three people
    uunet("reconstruct", tmp_path / "out" / "colour.png", "-o", tmp_path / "again.png", "--weights", weights)
    assert cv2.imread(str(tmp_path / "again.png")).shape == (480, 640, 3)
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG nothing more")
    _, stderr = uunet("deidentify", tmp_path / "in", "-o", tmp_path / "second", "--weights", weights, ok=False)
    assert "broken.png" in stderr and "1 of 3 pictures failed" in stderr
    assert sorted(path.name for path in (tmp_path / "second").iterdir()) == ["colour.png", "grey.png"]


def test_a_terminated_run_leaves_nothing(clip, weights, tmp_path):
    command = [Path(sys.executable).with_name("uunet"), "deidentify", video_samples.WALK, "-o", tmp_path / "out.webm",
               "--boxes", video_samples.WALK_HEADS, "--weights", weights]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.iterdir()):  # the temporary file shows that work has begun
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143 and "interrupted" in stderr and not list(tmp_path.iterdir())


def test_no_face_is_said_and_written(uunet, weights, tmp_path):
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((120, 160, 3), 90, np.uint8))
    _, stderr = uunet("deidentify", tmp_path / "empty.png", "-o", tmp_path / "out.png", "--weights", weights)
    assert "No face was found" in stderr
    assert uunet("inspect", tmp_path / "out.png")[0].endswith("\n0 0,\n")


def test_one_sentence_for_bad_input(uunet, clip, public, weights, tmp_path):
    source, heads, _ = clip
    new = tmp_path / "new.mkv"
    deidentify = ("--boxes", heads, "--weights", weights)
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "huge.csv").write_text("frame,x,y,w,h\n" + "0,1,1,9,9\n" * 1001)
    (tmp_path / "outside.csv").write_text("frame,x,y,w,h\n0,600,0,100,100\n")
    for expected, arguments in {
        "There is no file or folder": ("deidentify", tmp_path / "lost.mp4", "-o", new, *deidentify),
        "is not a video": ("deidentify", tmp_path / "text.mp4", "-o", new, *deidentify),
        "exists already": ("deidentify", source, "-o", public, *deidentify),
        "cannot be a public video": ("deidentify", source, "-o", tmp_path / "new.avi", *deidentify),
        "cannot be written": ("deidentify", source, "-o", tmp_path / "no" / "folder.mkv", *deidentify),
        "not inside the frame": (
            "deidentify", source, "-o", new, "--boxes", tmp_path / "outside.csv", "--weights", weights
        ),
        "no weights 'nothing'": ("deidentify", source, "-o", new, "--weights", "nothing"),
        "no weight file": ("deidentify", source, "-o", new, "--weights", tmp_path),
        "at most 1000 a frame": (
            "deidentify", source, "-o", new, "--boxes", tmp_path / "huge.csv", "--weights", weights
        ),
        "use 2.": ("train-classifier", SAMPLE, "-o", tmp_path / "run", "--config", "smoke", "--steps", 1),
        "not both": ("deidentify", source, "-o", new, *deidentify, "--detector", "mtcnn"),
        "There is no file or folder [/b]": ("inspect", "[/b]"),
        "is a folder; inspect one": ("inspect", tmp_path),
        "cannot be made a folder": ("demo", "-o", tmp_path / "text.mp4" / "demo", "--weights", weights),
        "no detector 'yolo'": ("deidentify", source, "-o", new, "--detector", "yolo", "--weights", weights),
        "carries no UU-Net message": ("reconstruct", source, "-o", new, "--weights", weights),
        "8 of 8 frames cannot be trusted": ("inspect", source),
        "has no manifest.csv": ("train-classifier", tmp_path, "-o", tmp_path / "run"),
        "There is no configuration 'big'": ("train-classifier", SAMPLE, "-o", tmp_path / "run", "--config", "big"),
        "labels are some of": ("train-classifier", SAMPLE, "-o", tmp_path / "run", "--labels", "age"),
        "There is no weight file": (
            "train", SAMPLE, "-o", tmp_path / "run", "--classifier", "lost.safetensors", "--config", "smoke"
        ),
    }.items():
        before = sorted(tmp_path.rglob("*"))
        assert expected in uunet.sentence(*arguments), arguments
        assert sorted(tmp_path.rglob("*")) == before, f"left something behind: {arguments}"


def test_full_disk_leaves_nothing(clip, weights, tmp_path):
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
        "from uunet.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "deidentify", clip[0], "-o", tmp_path / "out.mkv", "--boxes", clip[1],
         "--weights", weights],
        capture_output=True, text=True,
    )
    assert done.returncode == 1
    assert "cannot be written" in only_sentence(done.stderr) and not list(tmp_path.iterdir())


def test_a_lossy_copy_is_refused(uunet, public, weights, tmp_path):
    with av.open(str(tmp_path / "lossy.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for frame in videos.read_frames(public):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    said = uunet.sentence("reconstruct", tmp_path / "lossy.mp4", "-o", tmp_path / "out.mkv", "--weights", weights)
    assert "re-encoded lossily" in said and not (tmp_path / "out.mkv").exists()


def test_train_both_phases_and_use_them(uunet, clip, tmp_path):
    uunet("train-classifier", SAMPLE, "-o", tmp_path / "d_a", "--config", "smoke")
    uunet(
        "train", SAMPLE, "-o", tmp_path / "run", "--config", "smoke", "--s=-1,-1,0,1",
        "--classifier", tmp_path / "d_a" / "classifier.safetensors",
    )
    assert files.provenance(tmp_path / "run" / "encoder.safetensors")["config"]["s"] == [-1, -1, 0, 1]
    options = ("--boxes", clip[1], "--weights", tmp_path / "run")
    uunet("deidentify", clip[0], "-o", tmp_path / "public.webm", *options)
    uunet("reconstruct", tmp_path / "public.webm", "-o", tmp_path / "again.mp4", "--weights", tmp_path / "run")


def test_demo(uunet, tmp_path):
    text, _ = uunet("demo", "-o", tmp_path / "demo")
    for line in ("heads found", "PSNR of faces, x | r", "PSNR of faces, x | a", "bytes", "frames/s"):
        assert line in text
    assert cv2.imread(str(tmp_path / "demo" / "sheet.png")).shape[1] == 1500
    rois = pipeline.inspect_video(tmp_path / "demo" / "public.webm").boxes
    assert len(rois) == 60 and all(rois)
