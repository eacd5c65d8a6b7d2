"""Real files through the real command line."""

import contextlib
import csv
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from uunet import cli, models, pipeline, presets, video_samples
from uunet.boxes import box_file, types
from uunet.media import images, video_reading
from uunet.models import files
from uunet.wire import crypto, protocol

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[1] / "data_prep" / "sample" / "cctv"


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
    frames = video_reading.read_frames(video_samples.WALK)[:8]
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
        [
            Path(sys.executable).with_name("uunet"),
            "deidentify",
            clip[0],
            "-o",
            path,
            "--boxes",
            clip[1],
            "--weights",
            weights,
            "--seed",
            "5",
        ],
        check=True,
    )
    return path


def test_help_teaches(uunet):
    text, _ = uunet("--help")
    for command in (
        "deidentify",
        "reconstruct",
        "inspect",
        "keygen",
        "disclose",
        "rewrap",
        "train-classifier",
        "train",
        "train-reader",
        "train-generator",
        "train-head-detector",
        "attack",
        "demo",
    ):
        assert command in text
        assert "--help" in uunet(command, "--help")[0]
    assert "Example" in uunet("deidentify", "--help")[0]


def test_help_shows_three_groups_of_commands(uunet):
    """Those who use the tool find their commands first, those who do research find theirs in a group of their own."""
    panels = "De-identify and reconstruct|Keys of sealed originals|Train and evaluate"
    _, tool, authority, lab = re.split(panels, uunet("--help")[0])
    assert "inspect" in tool and "score-classifier" not in tool and "keygen" not in tool
    assert "keygen" in authority and "log" in authority
    assert "score-classifier" in lab and "keygen" not in lab


def test_the_module_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "uunet.cli", "keygen", "/"], capture_output=True, text=True)
    assert done.returncode == 1 and "is a folder" in only_sentence(done.stderr)


def test_help_does_not_wait_for_keras():
    """A command's options are explained before Keras and its backend are imported."""
    code = "import sys, uunet.cli; sys.exit(bool({'keras', 'tensorflow', 'cv2', 'matplotlib'} & sys.modules.keys()))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_video_there_and_back(uunet, clip, public, weights, tmp_path):
    about, *lines = uunet("inspect", public)[0].splitlines()
    assert about == f"{public}: lossless-archive, lsb, plain, 640 x 480, 8 frames"
    with open(clip[1]) as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["track"]))
    for index, line in enumerate(lines):
        number, message = line.split()
        wanted = [types.Roi(*(int(row[k]) for k in "xywh")) for row in rows if int(row["frame"]) == index]
        assert int(number) == index and protocol.parse_message(message) == wanted
    out, _ = uunet("reconstruct", public, "-o", tmp_path / "again.mkv", "--weights", weights)
    assert "8 frames" in out
    again = video_reading.read_frames(tmp_path / "again.mkv")
    boxes = pipeline.inspect_video(public).boxes
    for x, a, r, rois in zip(clip[2], video_reading.read_frames(public), again, boxes, strict=True):
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
    command = [
        Path(sys.executable).with_name("uunet"),
        "deidentify",
        video_samples.WALK,
        "-o",
        tmp_path / "out.webm",
        "--boxes",
        video_samples.WALK_HEADS,
        "--weights",
        weights,
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.iterdir()):  # the temporary file shows that work has begun
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143 and "Interrupted: no output was written" in stderr and not list(tmp_path.iterdir())
    assert "resume" not in stderr


def test_no_face_is_said_and_written(uunet, weights, tmp_path):
    cv2.imwrite(str(tmp_path / "empty.png"), np.full((120, 160, 3), 90, np.uint8))
    _, stderr = uunet("deidentify", tmp_path / "empty.png", "-o", tmp_path / "out.png", "--weights", weights)
    assert "No face was found" in stderr
    assert uunet("inspect", tmp_path / "out.png")[0].endswith("\n0 0,\n")


def test_one_sentence_for_bad_input(uunet, clip, public, weights, tiny_set, tmp_path):
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
            "deidentify",
            source,
            "-o",
            new,
            "--boxes",
            tmp_path / "outside.csv",
            "--weights",
            weights,
        ),
        "no weights 'nothing'": ("deidentify", source, "-o", new, "--weights", "nothing"),
        "no weight file": ("deidentify", source, "-o", new, "--weights", tmp_path),
        "no weights 'nobody'": ("train-twins", SAMPLE, "-o", tmp_path / "run", "--start", "nobody"),
        "render them": ("train-twins", SAMPLE, "-o", tmp_path / "run", "--config", "smoke"),
        "at most 1000 per frame": (
            "deidentify",
            source,
            "-o",
            new,
            "--boxes",
            tmp_path / "huge.csv",
            "--weights",
            weights,
        ),
        "There is no configuration 'virtual'": (
            "train-generator",
            SAMPLE,
            "-o",
            tmp_path / "run",
            "--reader",
            "lost.safetensors",
            "--config",
            "virtual",
        ),
        "name its file (--classifier)": (
            "train-generator",
            SAMPLE,
            "-o",
            tmp_path / "run",
            "--reader",
            "lost.safetensors",
            "--config",
            "people",
        ),  # fmt: skip
        "lacks the column": ("train-reader", tiny_set, "-o", tmp_path / "run", "--config", "smoke"),
        "use 2.": ("train-classifier", SAMPLE, "-o", tmp_path / "run", "--config", "smoke", "--steps", 1),
        "cannot be split evenly over 3": (
            "train-classifier",
            SAMPLE,
            "-o",
            tmp_path / "run",
            "--config",
            "smoke",
            "--devices",
            3,
        ),
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
            "train",
            SAMPLE,
            "-o",
            tmp_path / "run",
            "--classifier",
            "lost.safetensors",
            "--config",
            "smoke",
        ),
    }.items():
        before = sorted(tmp_path.rglob("*"))
        assert expected in uunet.sentence(*arguments), arguments
        assert sorted(tmp_path.rglob("*")) == before, f"left something behind: {arguments}"


def test_heads_without_weights_are_one_sentence(uunet, clip, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "WEIGHTS", tmp_path)
    for detector in ("heads", "heads+mtcnn"):
        arguments = ("deidentify", clip[0], "-o", tmp_path / "a.mkv", "--weights", weights, "--detector", detector)
        assert "There are no weights of the head detector" in uunet.sentence(*arguments)
    for archive, expected in (("none.npz", "There is no file"), (clip[0], "is no complete archive of head scenes")):
        arguments = ("train-head-detector", tmp_path / archive, "-o", tmp_path / "run", "--config", "smoke")
        assert expected in uunet.sentence(*arguments)
    assert not list(tmp_path.glob("a.mkv*")) and not (tmp_path / "run").exists()


def test_full_disk_leaves_nothing(clip, weights, tmp_path):
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
        "from uunet.cli import main; main()"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            limited,
            "deidentify",
            clip[0],
            "-o",
            tmp_path / "out.mkv",
            "--boxes",
            clip[1],
            "--weights",
            weights,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "cannot be written" in only_sentence(done.stderr) and not list(tmp_path.iterdir())


def test_a_lossy_copy_is_refused(uunet, public, weights, tmp_path):
    with av.open(str(tmp_path / "lossy.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for frame in video_reading.read_frames(public):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    said = uunet.sentence("reconstruct", tmp_path / "lossy.mp4", "-o", tmp_path / "out.mkv", "--weights", weights)
    assert "re-encoded lossily" in said and not (tmp_path / "out.mkv").exists()


def test_train_both_phases_and_use_them(uunet, clip, tmp_path):
    uunet("train-classifier", SAMPLE, "-o", tmp_path / "d_a", "--config", "smoke")
    uunet(
        "train",
        SAMPLE,
        "-o",
        tmp_path / "run",
        "--config",
        "smoke",
        "--s=-1,-1,0,1",
        "--classifier",
        tmp_path / "d_a" / "classifier.safetensors",
    )
    assert files.provenance(tmp_path / "run" / "encoder.safetensors")["config"]["s"] == [-1, -1, 0, 1]
    options = ("--boxes", clip[1], "--weights", tmp_path / "run")
    uunet("deidentify", clip[0], "-o", tmp_path / "public.webm", *options)
    uunet("reconstruct", tmp_path / "public.webm", "-o", tmp_path / "again.mp4", "--weights", tmp_path / "run")


def test_train_the_reader_and_the_generator(uunet, tmp_path):
    text, _ = uunet("train-reader", SAMPLE, "-o", tmp_path / "reader", "--config", "smoke")
    assert "validation: column 0." in text and "written: " in text
    reader = tmp_path / "reader" / "reader.safetensors"
    text, _ = uunet(
        "train-generator", SAMPLE, "-o", tmp_path / "run", "--reader", reader, "--config", "smoke", "--steps", 2
    )  # fmt: skip
    assert f"written: {tmp_path / 'run' / 'generator.safetensors'}" in text
    assert files.provenance(tmp_path / "run" / "generator.safetensors")["steps"] == 2


def test_demo(uunet, tmp_path):
    text, _ = uunet("demo", "-o", tmp_path / "demo")
    for line in ("heads found", "PSNR of faces, x | r", "PSNR of faces, x | a", "bytes", "frames/s"):
        assert line in text
    assert cv2.imread(str(tmp_path / "demo" / "sheet.png")).shape[1] == 1500
    rois = pipeline.inspect_video(tmp_path / "demo" / "public.webm").boxes
    assert len(rois) == 60 and all(rois)
    psnr = [float(value) for value in re.findall(r"PSNR of faces, x \| r: +([0-9.]+) dB", text)]
    assert len(psnr) == 2 and psnr[1] > psnr[0] + 8  # learned, sealed
    assert (tmp_path / "demo" / "sealed.mp4").stat().st_size < (tmp_path / "demo" / "public.webm").stat().st_size / 5


# Keys, profiles and boxes given by hand.


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("key") / "street.key"
    crypto.save(bytes(range(32)), path)
    return path


@pytest.fixture(scope="module")
def sealed(clip, weights, key, tmp_path_factory):
    """A sealed H.264 file."""
    path = tmp_path_factory.mktemp("sealed") / "public.mp4"
    frames = pipeline.deidentify_video(
        clip[0],
        path,
        presets.load(str(weights)).encoder,
        box_file.read(clip[1]),
        pipeline.PublicOptions(secret=crypto.load(key), seed=1),
    ).frames
    assert frames == 8
    return path


def test_sealed_file(uunet, clip, sealed, key, weights, tmp_path):
    out, _ = uunet("inspect", sealed)
    assert "h264, qim, sealed, stream " in out and "640 x 480, 8 frames" in out and len(out.splitlines()) == 1
    about, *lines = uunet("inspect", sealed, "--key", key)[0].splitlines()
    assert about == out.strip() and len(lines) == 8 == len({line.split()[1] for line in lines})  # heads move
    uunet("reconstruct", sealed, "-o", tmp_path / "again.mkv", "--weights", weights, "--key", key)
    assert (
        "only twin-cctv-robust expects lossy files"
        in uunet(
            "deidentify", clip[0], "-o", tmp_path / "public.mp4", "--boxes", clip[1], "--weights", weights, "--key", key
        )[0]
    )
    assert json.loads(uunet("inspect", tmp_path / "public.mp4", "--json")[0])["boxes"] is None


def test_passphrase(uunet, monkeypatch, weights, tmp_path):
    cv2.imwrite(str(tmp_path / "in.png"), np.full((120, 160, 3), 90, np.uint8))
    (tmp_path / "none.csv").write_text("frame,x,y,w,h\n")
    options = ("--boxes", tmp_path / "none.csv", "--weights", weights, "--passphrase")
    monkeypatch.setenv("UUNET_PASSPHRASE", "open sesame")
    uunet("deidentify", tmp_path / "in.png", "-o", tmp_path / "public.png", *options)
    assert "\n0 0,\n" in uunet("inspect", tmp_path / "public.png", "--passphrase")[0]
    monkeypatch.setenv("UUNET_PASSPHRASE", "open barley")
    said = uunet.sentence("reconstruct", tmp_path / "public.png", "-o", tmp_path / "again.png", *options[2:])
    assert "does not open" in said and not (tmp_path / "again.png").exists()
    monkeypatch.setenv("UUNET_PASSPHRASE", " ")
    assert "is empty" in uunet.sentence("inspect", tmp_path / "public.png", "--passphrase")
    monkeypatch.delenv("UUNET_PASSPHRASE")
    assert "no terminal to type" in uunet.sentence("inspect", tmp_path / "public.png", "--passphrase")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_typed_passphrase_is_asked_twice_and_not_shown(weights, tmp_path):
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    cv2.imwrite(str(tmp_path / "in.png"), np.full((120, 160, 3), 90, np.uint8))
    (tmp_path / "none.csv").write_text("frame,x,y,w,h\n")
    command = [
        sys.executable,
        "-m",
        "uunet.cli",
        "deidentify",
        str(tmp_path / "in.png"),
        "-o",
        str(tmp_path / "public.png"),
        "--boxes",
        str(tmp_path / "none.csv"),
        "--weights",
        str(weights),
        "--passphrase",
    ]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command)
    shown = b""
    for prompt in (b"Passphrase", b"confirmation"):
        while prompt not in shown:
            shown += os.read(terminal, 1000)
        while termios.tcgetattr(terminal)[3] & termios.ECHO:  # it is switched off after the prompt is written
            time.sleep(0.05)
        os.write(terminal, b"open sesame\n")
    with contextlib.suppress(OSError):  # the terminal ends with the program
        while more := os.read(terminal, 1000):
            shown += more
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 and b"sesame" not in shown
    assert images.read(tmp_path / "public.png").rgb.shape == (120, 160, 3)
    assert pipeline.inspect_image(tmp_path / "public.png", secret="open sesame").opened() == [[]]


def test_a_key_that_others_can_read_is_noted(uunet, sealed, key, tmp_path):
    loose = tmp_path / "loose.key"
    loose.write_bytes(key.read_bytes())
    loose.chmod(0o644)
    out, stderr = uunet("inspect", sealed, "--key", loose)
    assert "note:" in stderr and "chmod 600 loose.key" in stderr and "sealed" in out


def test_boxes_go_round(uunet, clip, public, weights, tmp_path):
    """What inspect prints as JSON, deidentify and reconstruct take; a box changed by hand changes the result."""
    text, _ = uunet("inspect", public, "--json")
    about = json.loads(text)
    assert about["frames"] == 8 and about["sealed"] is False and about["failures"] == [] and about["method"] == "lsb"
    assert sum(track["boxes"] for track in about["tracks"]) == len(about["boxes"])
    assert all(0 <= track["first"] <= track["last"] < 8 for track in about["tracks"])
    (tmp_path / "boxes.json").write_text(text)
    options = ("--boxes", tmp_path / "boxes.json", "--weights", weights)
    uunet("deidentify", clip[0], "-o", tmp_path / "other.mkv", *options)
    again = json.loads(uunet("inspect", tmp_path / "other.mkv", "--json")[0])
    assert sorted(map(str, again["boxes"])) == sorted(map(str, about["boxes"]))
    uunet("reconstruct", public, "-o", tmp_path / "hidden.mkv", "--weights", weights)
    uunet("reconstruct", public, "-o", tmp_path / "given.mkv", *options)
    assert (tmp_path / "hidden.mkv").read_bytes() == (tmp_path / "given.mkv").read_bytes()
    about["boxes"] = [{**box, "x": box["x"] // 2} for box in about["boxes"]]
    (tmp_path / "boxes.json").write_text(json.dumps(about))
    uunet("reconstruct", public, "-o", tmp_path / "moved.mkv", *options)
    assert (tmp_path / "moved.mkv").read_bytes() != (tmp_path / "given.mkv").read_bytes()


def test_inspect_lists_all_that_is_wrong(uunet, public, tmp_path):
    frames = video_reading.read_frames(public)
    for k in (2, 5, 6):
        frames[k][0, :9] ^= 1
    with av.open(str(tmp_path / "touched.mkv"), "w") as out:
        stream = out.add_stream("ffv1", rate=15)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "bgr0"
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    out, stderr = uunet("inspect", tmp_path / "touched.mkv", ok=False)
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["0", "1", "3", "4", "7"]
    assert "Frame 2: " in stderr and "Frames 5 to 6: " in stderr and "3 of 8 frames" in only_sentence(stderr)
    text, _ = uunet("inspect", tmp_path / "touched.mkv", "--json", ok=False)
    assert [(failure["first"], failure["last"]) for failure in json.loads(text)["failures"]] == [(2, 2), (5, 6)]


def test_one_sentence_for_keys_and_profiles(uunet, clip, public, sealed, key, weights, tmp_path):
    source, heads, frames = clip
    new = tmp_path / "new.mp4"
    deidentify = ("deidentify", source, "--boxes", heads, "--weights", weights)
    reconstruct = ("-o", tmp_path / "new.mkv", "--weights", weights)
    (tmp_path / "short.key").write_bytes(bytes(31))
    crypto.save(bytes(32), tmp_path / "other.key")
    (tmp_path / "crowd.csv").write_text("frame,x,y,w,h\n" + "0,1,1,9,9\n" * 500)
    cut = sealed.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(cut[: len(cut) // 2])
    cv2.imwrite(str(tmp_path / "tiny.png"), np.zeros((24, 32, 3), np.uint8))
    closed = uunet("inspect", sealed, "--json")[0]
    (tmp_path / "closed.json").write_text(closed)
    for expected, arguments in {
        "is sealed: give the key": ("reconstruct", sealed, *reconstruct),
        "does not open": ("reconstruct", sealed, *reconstruct, "--key", tmp_path / "other.key"),
        "8 of 8 frames": ("inspect", sealed, "--key", tmp_path / "other.key"),
        "anybody may have written": ("reconstruct", public, *reconstruct, "--key", key),
        "holds 31 bytes": ("reconstruct", sealed, *reconstruct, "--key", tmp_path / "short.key"),
        "name a key file": (*deidentify, "-o", new, "--key", tmp_path / "none.key"),
        "--key or --passphrase, not both": (*deidentify, "-o", new, "--key", key, "--passphrase"),
        "--boxes or a key, not both": ("reconstruct", sealed, *reconstruct, "--key", key, "--boxes", heads),
        "does not hold a list": ("reconstruct", sealed, *reconstruct, "--boxes", tmp_path / "closed.json"),
        "not a video that can be read": ("reconstruct", tmp_path / "cut.mp4", *reconstruct),
        "8-bit YUV": (*deidentify, "-o", new, "--crf", 0),
        "has no crf": (*deidentify, "-o", tmp_path / "new.webm", "--crf", 20),
        "a.png has no crf": ("deidentify", tmp_path / "tiny.png", "-o", tmp_path / "a.png", "--crf", 20),
        ".mp4 file cannot hide": (*deidentify, "-o", new, "--method", "jpeg"),
        ".webm file cannot hide": (*deidentify, "-o", tmp_path / "new.webm", "--method", "jpeg"),
        ".mov file cannot hide": (*deidentify, "-o", tmp_path / "new.mov", "--method", "lsb"),
        "choose lsb or qim": (*deidentify, "-o", tmp_path / "new.mkv", "--method", "dct"),
        "cannot be of the profile lossless-web": (*deidentify, "-o", new, "--profile", "lossless-web"),
        "no profile 'divx'": (*deidentify, "-o", new, "--profile", "divx"),
        "cannot hold the head boxes": (*deidentify, "-o", new, "--crf", 51),
        "bytes in its DCT coefficients": (
            "deidentify",
            source,
            "-o",
            new,
            "--boxes",
            tmp_path / "crowd.csv",
            "--weights",
            weights,
        ),
        "32 x 24 pixels can hide 288 bytes": (
            "deidentify",
            tmp_path / "tiny.png",
            "-o",
            tmp_path / "a.png",
            "--boxes",
            tmp_path / "crowd.csv",
            "--weights",
            weights,
        ),
    }.items():
        before = sorted(tmp_path.rglob("*"))
        assert expected in uunet.sentence(*arguments), arguments
        assert sorted(tmp_path.rglob("*")) == before, f"left something behind: {arguments}"


@pytest.mark.parametrize("method", ["qim", "jpeg"])
@pytest.mark.parametrize("sealing", [False, True])
def test_public_jpeg(uunet, clip, weights, key, tmp_path, method, sealing):
    cv2.imwrite(str(tmp_path / "in.png"), clip[2][0][..., ::-1])
    rows = [line for line in clip[1].read_text().splitlines() if line.split(",")[0] in ("frame", "0")]
    (tmp_path / "heads.csv").write_text("\n".join(rows))
    sealed = ("--key", key) if sealing else ()
    options = ("--boxes", tmp_path / "heads.csv", "--weights", weights, "--method", method, *sealed)
    public, back = tmp_path / "public.jpg", tmp_path / "back.png"
    out, _ = uunet("deidentify", tmp_path / "in.png", "-o", public, *options)
    assert out.startswith("jpeg: The head boxes survive") and f"{len(rows) - 1} heads" in out
    out, _ = uunet("inspect", public, *sealed)
    assert f"jpeg, {method}, {'sealed' if sealing else 'plain'}" in out and f"\n0 {len(rows) - 1}," in out
    about = json.loads(uunet("inspect", public, "--json", *sealed)[0])
    assert (about["profile"], about["method"], len(about["boxes"])) == ("jpeg", method, len(rows) - 1)
    uunet("reconstruct", public, "-o", back, "--weights", weights, *sealed)
    if sealing:
        crypto.save(bytes(32), tmp_path / "other.key")
        wrong = ("-o", tmp_path / "no.png", "--weights", weights, "--key", tmp_path / "other.key")
        assert "does not open" in uunet.sentence("reconstruct", public, *wrong)
    cv2.imwrite(str(tmp_path / "again.jpg"), cv2.imread(str(public)), [cv2.IMWRITE_JPEG_QUALITY, 80])
    (tmp_path / "cut.jpg").write_bytes(public.read_bytes()[:-999])
    if method == "qim":
        assert uunet("inspect", tmp_path / "again.jpg", *sealed)[0].split("\n", 1)[1] == out.split("\n", 1)[1]
    else:
        said = uunet.sentence("reconstruct", tmp_path / "again.jpg", "-o", tmp_path / "no.png", "--weights", weights)
        assert "carries no UU-Net message" in said
    assert "damaged or not a picture" in uunet.sentence("inspect", tmp_path / "cut.jpg")
    assert not (tmp_path / "no.png").exists()


@pytest.mark.parametrize("sealing", [False, True])
def test_public_motion_jpeg(uunet, clip, weights, key, tmp_path, sealing):
    sealed = ("--key", key) if sealing else ()
    public = tmp_path / "public.mov"
    out, _ = uunet("deidentify", clip[0], "-o", public, "--boxes", clip[1], "--weights", weights, *sealed)
    assert out.startswith("mjpeg: The head boxes survive exactly, but not if the file is encoded again")
    about, *lines = uunet("inspect", public, *sealed)[0].splitlines()
    assert "mjpeg, jpeg, " + ("sealed" if sealing else "plain") in about and about.endswith("640 x 480, 8 frames")
    lossless = tmp_path / "public.mkv"
    uunet("deidentify", clip[0], "-o", lossless, "--boxes", clip[1], "--weights", weights)
    assert uunet("inspect", lossless)[0].splitlines()[1:] == lines  # the same boxes in every frame
    text = uunet("inspect", public, "--json", *sealed)[0]
    assert (json.loads(text)["profile"], json.loads(text)["method"]) == ("mjpeg", "jpeg")
    (tmp_path / "boxes.json").write_text(text)
    uunet("reconstruct", public, "-o", tmp_path / "hidden.mkv", "--weights", weights, *sealed)
    uunet("reconstruct", public, "-o", tmp_path / "given.mkv", "--weights", weights, "--boxes", tmp_path / "boxes.json")
    assert (tmp_path / "hidden.mkv").read_bytes() == (tmp_path / "given.mkv").read_bytes()
    (tmp_path / "cut.mov").write_bytes(public.read_bytes()[: public.stat().st_size // 2])
    assert "not a video that can be read" in uunet.sentence("inspect", tmp_path / "cut.mov")


def test_many_heads_in_a_small_picture(uunet, weights, key, tmp_path):
    """Twelve heads in 320 x 240 are too much for robust hiding, and little for JPEG coefficients; none is well too."""
    cv2.imwrite(str(tmp_path / "in.png"), np.random.default_rng(0).integers(90, 160, (240, 320, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((71, 47), 90, np.uint8))
    (tmp_path / "heads.csv").write_text(
        "frame,x,y,w,h\n" + "".join(f"0,{100 + 16 * k},{110 + k},15,17\n" for k in range(12))
    )
    (tmp_path / "none.csv").write_text("frame,x,y,w,h\n")
    options = ("--weights", weights, "--key", key)
    twelve = ("deidentify", tmp_path / "in.png", "-o", tmp_path / "public.jpg", "--boxes", tmp_path / "heads.csv")
    assert "320 x 240 pixels can hold 38 bytes in its DCT coefficients" in uunet.sentence(*twelve, *options)
    uunet(*twelve, *options, "--method", "jpeg")
    assert "\n0 12,100,110,15,17," in uunet("inspect", tmp_path / "public.jpg", "--key", key)[0]
    none = ("deidentify", tmp_path / "grey.png", "-o", tmp_path / "grey.jpg", "--boxes", tmp_path / "none.csv")
    uunet(*none, "--weights", weights, "--method", "jpeg")
    assert "47 x 71, 1 frames\n0 0,\n" in uunet("inspect", tmp_path / "grey.jpg")[0]
    uunet("reconstruct", tmp_path / "grey.jpg", "-o", tmp_path / "grey-back.png", "--weights", weights)
    (tmp_path / "in").mkdir()
    (tmp_path / "grey.png").rename(tmp_path / "in" / "grey.png")
    folder = ("deidentify", tmp_path / "in", "-o", tmp_path / "out", "--boxes", tmp_path / "none.csv", *options)
    assert ".png file cannot hide" in uunet.sentence(*folder, "--method", "jpeg")
    uunet(*folder, "--method", "jpeg", "--profile", "jpeg")
    assert "jpeg, jpeg, sealed" in uunet("inspect", tmp_path / "out" / "grey.jpg")[0]


def test_robust_hiding_in_a_lossless_file(uunet, clip, weights, tmp_path):
    """Faces come back as from any lossless file, and the boxes from a lossy copy too."""
    options = ("--boxes", clip[1], "--weights", weights, "--method", "qim")
    out, _ = uunet("deidentify", clip[0], "-o", tmp_path / "p.mkv", *options)
    assert "of a lossy copy the head boxes survive" in out
    about, *lines = uunet("inspect", tmp_path / "p.mkv")[0].splitlines()
    assert "lossless-archive, qim, plain" in about and len(set(line.split()[1] for line in lines)) == 8  # heads move
    with av.open(str(tmp_path / "copy.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=15, options={"crf": "28"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for frame in video_reading.read_frames(tmp_path / "p.mkv"):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))
    assert uunet("inspect", tmp_path / "copy.mp4")[0].splitlines()[1:] == lines


# Attacks.


def test_attack_leaves_a_record_and_a_sheet(uunet, weights, tmp_path):
    out = tmp_path / "attacks.json"
    text, _ = uunet("attack", SAMPLE, "--weights", weights, "-o", out, "--pairs", "40", "--steps", 2)
    record = json.loads(out.read_text())
    assert [(row["answer"], row.get("known"), row.get("pairs"), row.get("pictures")) for row in record["rows"]] == [
        ("x", None, None, None), ("a", None, None, None), ("mean face", None, None, None), ("U_d", None, None, None),
        ("inverse", "encoder", 40, 32), ("inverse", "outputs", 40, 32),
    ]  # fmt: skip
    original, a, mean_face, restored, *_ = record["rows"]
    assert original["psnr"] is None and original["judges"]["dlib"]["found"] > 0.5
    assert all(5 < row["psnr"]["mean"] < 60 for row in (a, mean_face, restored))
    assert record["provenance"]["config"]["pairs"] == [40] and len(record["provenance"]["weights_sha256"]) == 2
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 6 and len({line.count("|") for line in lines}) == 1
    assert cv2.imread(str(out.with_suffix(".png"))).shape == ((2 + 2 + 1) * 128, 12 * 128, 3)


def test_one_sentence_for_attacks(uunet, weights, tmp_path):
    (tmp_path / "there.json").touch()
    out = ("-o", tmp_path / "new.json")
    for expected, arguments in {
        "32 pictures in train, which make 128 pairs": (SAMPLE, "--weights", weights, *out, "--pairs", "129"),
        "from 1 on": (SAMPLE, "--weights", weights, *out, "--pairs", "0"),
        "is learned or sealed": (SAMPLE, "--weights", weights, *out, "--reversal", "none"),
        "is a list like": (SAMPLE, "--weights", weights, *out, "--pairs", "many"),
        "no weight file": (SAMPLE, "--weights", tmp_path, *out),
        "no weights 'nothing'": (SAMPLE, "--weights", "nothing", *out),
        "has no manifest.csv": (tmp_path, "--weights", weights, *out),
        "exists already": (SAMPLE, "--weights", weights, "-o", tmp_path / "there.json"),
        "name a .json": (SAMPLE, "--weights", weights, "-o", tmp_path / "new.txt"),
    }.items():
        before = sorted(tmp_path.rglob("*"))
        assert expected in uunet.sentence("attack", *arguments), arguments
        assert sorted(tmp_path.rglob("*")) == before, f"left something behind: {arguments}"
