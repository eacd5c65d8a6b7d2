"""Sealed originals through the real command line: deidentify, inspect, reconstruct."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.test_cli import Cli, clip, weights  # noqa: F401, fixtures
from uunet import cli
from uunet.cli import options
from uunet.media import images, profiles, video_reading
from uunet.wire import crypto, keys

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """The authority's private and public key, as files."""
    folder = tmp_path_factory.mktemp("authority")
    key = keys.generate()
    keys.save_authority(key, folder / "a.key")
    keys.save_recipient(key.public, folder / "a.pub")
    return folder / "a.key", folder / "a.pub"


@pytest.fixture
def uunet(monkeypatch, capsys, tmp_path):
    """The command, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(options.PASSPHRASE, raising=False)
    return Cli(monkeypatch, capsys)


@pytest.fixture(scope="module")
def public(clip, authority, tmp_path_factory):  # noqa: F811
    """A public .mp4 with exact originals."""
    path = tmp_path_factory.mktemp("public") / "public.mp4"
    arguments = ["deidentify", clip[0], "-o", path, "--boxes", clip[1], "--recipient", authority[1]]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(sys, "argv", ["uunet", *map(str, arguments), "--quality", "exact"])
        cli.main()
    assert left.value.code in (0, None)
    return path


def test_a_clip_there_and_back(uunet, clip, public, authority):  # noqa: F811
    out, _ = uunet("inspect", public)
    boxes = json.loads(uunet("inspect", public, "--json")[0])["boxes"]
    assert "for 1 recipient (X25519)" in out.splitlines()[0] and "are as they were published" not in out
    out, _ = uunet("inspect", public, "--identity", authority[0])
    assert out.splitlines()[-1] == f"{len(boxes)} of {len(boxes)} public heads are as they were published"

    out, _ = uunet("reconstruct", public, "-o", "again.mkv", "--identity", authority[0], "--log", "opened.log")
    assert f"again.mkv: {len(boxes)} originals restored" in out
    again, shown = video_reading.read_frames("again.mkv"), video_reading.read_frames(public)
    for head in boxes:
        rows, columns = slice(head["y"], head["y"] + head["h"]), slice(head["x"], head["x"] + head["w"])
        assert np.array_equal(again[head["frame"]][rows, columns], clip[2][head["frame"]][rows, columns])
        assert not np.array_equal(again[head["frame"]][rows, columns], shown[head["frame"]][rows, columns])
    assert "whole, 1 entries" in uunet("log", "verify", "opened.log")[0].replace("entry", "entries")


def test_one_person_is_disclosed(uunet, public, authority):
    boxes = json.loads(uunet("inspect", public, "--json")[0])["boxes"]
    track = boxes[0]["track"]
    own = [head for head in boxes if head["track"] == track]
    uunet("disclose", public, "--identity", authority[0], "--track", track, "-o", "person.key")
    out, _ = uunet("reconstruct", public, "-o", "again.mkv", "--identity", "person.key")
    others = {head["track"] for head in boxes} - {track}
    stay = len(boxes) - len(own)
    heads = f"{len(own)} head{'s' * (len(own) != 1)} of track {track} restored"
    assert f"again.mkv: {heads}; {stay} head{'s' * (stay != 1)} of {len(others)} other track" in out


def test_no_network_is_loaded_to_read_a_file(public, authority, tmp_path):
    code = (
        "import sys; from uunet import cli\n"
        "try: cli.main()\n"
        "except SystemExit as left: assert not left.code, left.code\n"
        "assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)"
    )
    restored = ["reconstruct", public, "-o", tmp_path / "again.mkv", "--identity", authority[0]]
    for arguments in (["inspect", public], ["inspect", public, "--identity", authority[0]], restored):
        done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_an_altered_head_is_restored_and_reported(uunet, authority, clip):  # noqa: F811
    images.write(Path("in.png"), "in.png", profiles.PNG, clip[2][0])
    uunet("deidentify", "in.png", "-o", "public.png", "--boxes", _boxes("one.csv"), "--recipient", authority[1])
    public = images.read("public.png").rgb.copy()
    public[110:120, 110:120] ^= 64  # inside the head; the lowest bits stay
    images.write(Path("painted.png"), "painted.png", profiles.PNG, public)
    code, out, err = _run(uunet, "reconstruct", "painted.png", "-o", "again.png", "--identity", authority[0])
    assert code == 3 and "again.png: 1 originals restored" in out
    assert "Track 0, frame 0: the public head was altered after publication." in err
    again = images.read("again.png").rgb
    assert np.abs(again[100:150, 100:150].astype(int) - clip[2][0][100:150, 100:150]).mean() < 4
    code, out, _ = _run(uunet, "inspect", "painted.png", "--identity", authority[0])
    assert code == 3 and "0 of 1 public heads are as they were published" in out


def test_a_folder_of_pictures(uunet, authority, clip):  # noqa: F811
    os.makedirs("in/inner")
    for name in ("in/a.png", "in/inner/b.png"):
        images.write(Path(name), name, profiles.PNG, clip[2][0])
    uunet("deidentify", "in", "-o", "out", "--boxes", _boxes("two.csv", 2), "--recipient", authority[1])
    out, _ = uunet("reconstruct", "out", "-o", "again", "--identity", authority[0])
    assert "again: 2 pictures, 2 heads" in out and os.path.exists("again/inner/b.png")


def test_nothing_comes_back_without_a_reversal(uunet, clip):  # noqa: F811
    images.write(Path("in.png"), "in.png", profiles.PNG, clip[2][0])
    out, _ = uunet("deidentify", "in.png", "-o", "public.png", "--boxes", _boxes("one.csv"), "--reversal", "none")
    assert "Nothing is hidden in it: nobody can restore the faces." in out
    public, x = images.read("public.png").rgb, clip[2][0]
    outside = np.ones(x.shape[:2], bool)
    outside[100:150, 100:150] = False
    assert np.array_equal(public[outside], x[outside]) and not np.array_equal(public, x)
    assert "carries no UU-Net message" in uunet.sentence("reconstruct", "public.png", "-o", "again.png")
    assert "published with --reversal none carries nothing" in uunet("inspect", "public.png", ok=False)[1]


def test_one_sentence_for_what_contradicts_itself(uunet, authority, public, clip, weights):  # noqa: F811
    private, recipient = authority
    crypto.save(crypto.generate(), "shared.key")
    images.write(Path("in.png"), "in.png", profiles.PNG, clip[2][0])
    boxes, before = _boxes("one.csv"), set(os.listdir())

    def publish(*arguments):
        return uunet.sentence("deidentify", "in.png", "-o", "public.png", "--boxes", boxes, *arguments)

    def restore(*arguments):
        return uunet.sentence("reconstruct", public, "-o", "again.mkv", *arguments)

    assert "give --recipient FILE.pub" in publish("--reversal", "sealed")
    assert "leave --recipient" in publish("--reversal", "none", "--recipient", recipient)
    assert "leave --recipient, --sidecar and --quality out" in publish("--quality", "exact")
    assert "leave --key" in publish("--recipient", recipient, "--key", "shared.key")
    assert "leave --key, --passphrase and --method out" in publish("--recipient", recipient, "--method", "qim")
    assert "no reversal 'blur'" in publish("--reversal", "blur")
    assert "no quality 'best'" in publish("--recipient", recipient, "--quality", "best")
    assert ".pub" in publish("--recipient", private)
    assert "shared.key" in publish("--recipient", "shared.key")
    assert "missing.pub" in publish("--recipient", "missing.pub")
    assert "use weights that draw first" in publish("--recipient", recipient, "--weights", weights)
    assert "give --identity" in restore()
    assert "give --identity, too" in restore("--log", "opened.log")
    assert "--identity alone" in restore("--identity", private, "--boxes", boxes)
    assert "a.pub" in restore("--identity", recipient)
    assert "carries no sealed originals" in uunet.sentence(
        "reconstruct", "in.png", "-o", "again.png", "--identity", private
    )
    assert set(os.listdir()) == before


def _boxes(name, pictures=1):
    with open(name, "w") as file:
        file.write("frame,x,y,w,h\n" + "".join(f"{k},100,100,50,50\n" for k in range(pictures)))
    return name


def _run(uunet, *arguments):
    """The exit code of a command, and what it prints."""
    uunet.monkeypatch.setattr(sys, "argv", ["uunet", *map(str, arguments)])
    uunet.capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        cli.main()
    out, err = uunet.capsys.readouterr()
    return left.value.code, out, err
