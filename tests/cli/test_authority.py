"""keygen, disclose, rewrap and log verify, through the real command line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sealed_files
from tests.test_cli import Cli
from uunet import atomic, audit, authority, cli
from uunet.atomic import new_file
from uunet.cli import options, summary
from uunet.media.envelopes import PublicFile
from uunet.wire import crypto, keys


@pytest.fixture
def uunet(monkeypatch, capsys, tmp_path):
    """The command, run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(options.PASSPHRASE, raising=False)
    return Cli(monkeypatch, capsys)


@pytest.fixture
def pair(tmp_path):
    """A key pair of the authority, as files."""
    key = keys.generate()
    keys.save_authority(key, tmp_path / "a.key")
    keys.save_recipient(key.public, tmp_path / "a.pub")
    return key


@pytest.fixture
def public(pair, tmp_path):
    """A public picture that is sealed to the authority."""
    return sealed_files.picture(tmp_path / "public.png", [pair.public]).path


def content():
    return {name: open(name, "rb").read() for name in os.listdir() if os.path.isfile(name)}


def refused(uunet, says, *arguments):
    """Checks that a command says one sentence and leaves every file as it was."""
    before = content()
    sentence = uunet.sentence(*arguments)
    assert says in sentence, sentence
    assert sentence.endswith(".") and content() == before


@pytest.mark.parametrize("name", ["authority", "authority.key", "authority.pub"])
def test_keygen(uunet, name):
    out, _ = uunet("keygen", name)
    key, public = keys.load_authority("authority.key"), keys.load_recipient("authority.pub")
    assert key.public.fingerprint() == public.fingerprint() == out.splitlines()[0].removeprefix("fingerprint: ")
    assert "authority.key: private; keep it secret" in out and "authority.pub: public; give it" in out
    assert os.stat("authority.key").st_mode & 0o777 == 0o600 and os.stat("authority.pub").st_mode & 0o044
    refused(uunet, "authority.key exists already, and a key is never replaced", "keygen", name)


def test_a_name_with_a_dot_keeps_it(uunet):
    uunet("keygen", "camera.north")
    assert sorted(os.listdir()) == ["camera.north.key", "camera.north.pub"]


@pytest.mark.parametrize("existing", ["a.key", "a.pub"])
def test_if_one_of_two_key_files_exists_nothing_is_written(uunet, existing):
    open(existing, "w").write("precious")
    refused(uunet, f"{existing} exists already", "keygen", "a")


def test_if_the_second_key_file_cannot_be_written_the_first_goes(uunet, monkeypatch):
    def full(key, path):
        raise crypto.KeyFileError("the disk is full.")

    monkeypatch.setattr(keys, "save_recipient", full)
    refused(uunet, "the disk is full", "keygen", "a")


def test_keygen_in_a_missing_folder(uunet):
    refused(uunet, "cannot be written", "keygen", "none/a")
    refused(uunet, "is a folder", "keygen", "/")


def test_keygen_hybrid(uunet):
    uunet("keygen", "a", "--hybrid")
    assert keys.load_authority("a.key").suite == keys.load_recipient("a.pub").suite == keys.HYBRID


def test_a_key_with_a_passphrase(uunet, monkeypatch):
    refused(uunet, "no terminal to type a passphrase in", "keygen", "a", "--passphrase")
    monkeypatch.setenv(options.PASSPHRASE, " ")
    refused(uunet, "passphrase is empty", "keygen", "a", "--passphrase")
    monkeypatch.setenv(options.PASSPHRASE, "correct horse")
    uunet("keygen", "a", "--passphrase")
    sealed = sealed_files.picture(Path("p.png"), [keys.load_recipient("a.pub")])
    uunet("disclose", sealed.path, "--identity", "a.key", "--track", 3, "-o", "person.key")
    monkeypatch.setenv(options.PASSPHRASE, "wrong horse")
    refused(uunet, "passphrase is wrong", "disclose", "p.png", "--identity", "a.key", "--track", 3, "-o", "x.key")


def test_a_shared_key(uunet):
    assert "keep it secret" in uunet("keygen", "--shared", "new.key")[0]
    assert len(crypto.load("new.key")) == 32 and os.stat("new.key").st_mode & 0o777 == 0o600
    assert os.listdir() == ["new.key"]
    refused(uunet, "never replaced", "keygen", "--shared", "new.key")
    refused(uunet, "cannot be written", "keygen", "--shared", "none/new.key")
    refused(uunet, "neither a passphrase nor a hybrid form", "keygen", "--shared", "other.key", "--hybrid")


def test_disclose(uunet, public):
    out, _ = uunet(
        "disclose", public, "--identity", "a.key", "--track", 3, "--track", 7, "-o", "two.key", "--log", "openings"
    )
    assert f"two.key: track 3 of {public}, 1 frames" in out and "nothing else" in out
    assert keys.load_disclosure("two.key").tracks() == [3, 7]
    assert uunet("log", "verify", "openings")[0].startswith("openings: whole, 1 entries, last hash ")
    uunet(
        "disclose", public, "--identity", "two.key", "--track", 7, "-o", "one.key"
    )  # a disclosure is an identity, too
    assert keys.load_disclosure("one.key").tracks() == [7]


def test_a_track_that_does_not_occur(uunet, public):
    says = "has no track 5; it has tracks 3 and 7: name one of these."
    refused(uunet, says, "disclose", public, "--identity", "a.key", "--track", 5, "-o", "p.key")
    uunet.sentence("disclose", public, "--identity", "a.key", "--track", 5, "-o", "p.key", "--log", "openings")
    assert audit.verify("openings").entries == 1 and not os.path.exists("p.key")  # the key was tried


def test_identities_that_are_none(uunet, public, tmp_path):
    uunet("keygen", "--shared", "shared.key")
    key = (tmp_path / "a.key").read_bytes()
    (tmp_path / "cut.key").write_bytes(key[:60])
    (tmp_path / "empty.key").write_bytes(b"")
    (tmp_path / "half.key").write_text('{"format": "uunet disclosure"')
    (tmp_path / "large.key").write_bytes(bytes(2**20 + 1))
    keys.save_authority(keys.generate(), tmp_path / "foreign.key")
    keys.save_authority(keys.generate(hybrid=True), tmp_path / "hybrid.key")
    for identity, says in {
        "none.key": "none.key cannot be read",
        "a.pub": "is a public key, which opens nothing",
        "shared.key": "shared.key is not a key file",
        "cut.key": "cut.key is not a key file",
        "empty.key": "empty.key is empty",
        "half.key": "half.key is not a disclosure",
        "large.key": "larger than any key file",
        "foreign.key": "was not sealed to the key",
        "hybrid.key": "was not sealed to the key",
    }.items():
        refused(uunet, says, "disclose", public, "--identity", identity, "--track", 3, "-o", "out.key")
        refused(uunet, says, "rewrap", public, "--identity", identity, "--recipient", "a.pub", "-o", "out.png")


def test_recipients_that_are_none(uunet, public, tmp_path):
    (tmp_path / "cut.pub").write_bytes((tmp_path / "a.pub").read_bytes()[:50])
    (tmp_path / "text.pub").write_text("no key\n")
    for recipient, says in {
        "none.pub": "none.pub cannot be read",
        "a.key": "a.key is a private key, which must stay with the authority",
        "cut.pub": "cut.pub is not a key file",
        "text.pub": "text.pub is not a key file",
        public: "is not a key file",
    }.items():
        more = ("--recipient", "a.pub", "--recipient", recipient)
        refused(uunet, says, "rewrap", public, "--identity", "a.key", *more, "-o", "out.png")


def test_rewrap(uunet, public, tmp_path):
    court = keys.generate()
    keys.save_recipient(court.public, tmp_path / "court.pub")
    out, notes = uunet("rewrap", public, "--identity", "a.key", "--recipient", "court.pub", "-o", "court.png")
    assert f"court.png: 1 frames, for 1 recipient\nopens with {court.public.fingerprint()}" in out
    assert "a.key no longer opens court.png" in notes and "may have kept it, or its key" in notes
    assert authority.file_keys(PublicFile(tmp_path / "court.png"), court)
    again = ("rewrap", "court.png", "--identity", "a.key", "--recipient", "a.pub", "-o", "again.png")
    refused(uunet, "court.png: The file was not sealed to the key", *again)
    refused(uunet, "exists already", *again[:2], "--identity", "a.key", "--recipient", "a.pub", "-o", "public.png")
    assert "The new list replaces the old one" in " ".join(uunet("rewrap", "--help")[0].split())
    assert "may have kept it, or its key" in " ".join(uunet("rewrap", "--help")[0].replace("│", " ").split())


def test_a_disclosure_cannot_add_recipients(uunet, public):
    uunet("disclose", public, "--identity", "a.key", "--track", 3, "-o", "person.key")
    says = "person.key is a disclosure, which cannot add recipients"
    refused(uunet, says, "rewrap", public, "--identity", "person.key", "--recipient", "a.pub", "-o", "out.png")


def test_a_sidecar(uunet, pair, tmp_path):
    sealed = sealed_files.beside(tmp_path / "public.mkv", tmp_path / "old.side", [pair.public])
    beside = (sealed.path, "--identity", "a.key", "--sidecar", "old.side")
    uunet("disclose", *beside, "--track", 7, "-o", "person.key")
    uunet("keygen", "b")
    uunet("rewrap", *beside, "--recipient", "b.pub", "-o", "new.side")
    new = PublicFile(sealed.path, tmp_path / "new.side")
    assert authority.file_keys(new, keys.load_authority("b.key")).stream_id == sealed.file_keys.stream_id
    refused(
        uunet, "public.mkv carries no sealed originals", "rewrap", *beside[:3], "--recipient", "b.pub", "-o", "x.mkv"
    )
    (tmp_path / "cut.side").write_bytes((tmp_path / "old.side").read_bytes()[:-20])
    cut = (*beside[:4], "cut.side")
    refused(uunet, "cut.side is cut off or damaged", "disclose", *cut, "--track", 3, "-o", "x.key")
    refused(uunet, "cut.side is cut off or damaged", "rewrap", *cut, "--recipient", "b.pub", "-o", "x.side")
    refused(uunet, "no file or folder none.side", "disclose", *beside[:4], "none.side", "--track", 3, "-o", "x.key")


def test_public_files_that_are_none(uunet, pair, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "folder").mkdir()
    for name, says in {
        "none.mp4": "no file or folder none.mp4",
        "text.png": "text.png is damaged or not a picture",
        "text.mp4": "text.mp4 is not a video",
        "folder": "folder is a folder: name one public file",
    }.items():
        refused(uunet, says, "disclose", name, "--identity", "a.key", "--track", 3, "-o", "out.key")
        refused(uunet, says, "rewrap", name, "--identity", "a.key", "--recipient", "a.pub", "-o", "out.mp4")


def test_cut_and_mixed_videos(uunet, pair, tmp_path):
    """SEI messages that are cut or missing, and pictures of two files in one."""
    sealed = sealed_files.video(tmp_path / "public.mp4", [pair.public])
    data = sealed.path.read_bytes()
    at = data.index(b"uunet originals1UO") + 16
    (tmp_path / "damaged.mp4").write_bytes(data[: at + 120] + bytes([data[at + 120] ^ 1]) + data[at + 121 :])
    (tmp_path / "short.mp4").write_bytes(data[: len(data) // 2])
    (tmp_path / "without.mp4").write_bytes(data.replace(b"uunet originals1", b"uunet originals2"))
    parts = data.split(b"uunet originals1")
    body = b"uunet originals1".join(parts[:6]) + b"Uunet originals1" + b"uunet originals1".join(parts[6:])
    (tmp_path / "hole.mp4").write_bytes(body)
    for name, says in {
        "damaged.mp4": "damaged.mp4, frame 0: ",
        "short.mp4": "short.mp4",
        "without.mp4": "without.mp4 carries no sealed originals",
        "hole.mp4": "carries no sealed originals",
    }.items():
        refused(uunet, says, "disclose", name, "--identity", "a.key", "--track", 3, "-o", "out.key")
        refused(uunet, says, "rewrap", name, "--identity", "a.key", "--recipient", "a.pub", "-o", "out.mp4")


def test_log_verify(uunet, tmp_path):
    for k in range(3):
        audit.append("openings", audit.Entry("disclose", bytes(16), bytes(32), [k], "disclosure"))
    state = audit.verify("openings")
    assert uunet("log", "verify", "openings")[0].strip() == f"openings: whole, 3 entries, last hash {state.last}"
    lines = (tmp_path / "openings").read_text().splitlines()
    (tmp_path / "openings").write_text("\n".join([lines[0], lines[1].replace("[1]", "[9]"), lines[2], ""]))
    assert json.loads(lines[1])["tracks"] == [1]
    refused(uunet, "openings is broken at line 3", "log", "verify", "openings")
    refused(uunet, "none cannot be read", "log", "verify", "none")


def test_a_key_that_others_can_read_is_noted(uunet, public, tmp_path):
    (tmp_path / "a.key").chmod(0o644)
    _, notes = uunet("disclose", public, "--identity", "a.key", "--track", 3, "-o", "person.key")
    assert "chmod 600 a.key" in notes


@pytest.mark.slow
def test_these_commands_load_no_network(public, tmp_path):
    code = (
        "import sys\nfrom uunet import cli\n"
        f"sys.argv = ['uunet', 'disclose', '{public}', '--identity', '{tmp_path}/a.key', '--track', '3', "
        f"'-o', '{tmp_path}/person.key']\n"
        "try:\n    cli.main()\nexcept SystemExit as left:\n    assert not left.code\n"
        "assert not {'keras', 'tensorflow', 'jax', 'scipy', 'matplotlib'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "person.key").exists()


def test_no_file_is_written_that_is_read(uunet, public):
    """Even with --overwrite: a key or a log that was replaced cannot be recovered."""
    keys.save_recipient(keys.generate().public, "b.pub")
    Path("old.side").write_bytes(b"UOSC\1")
    for command, *more in (("disclose", "--track", 3), ("rewrap", "--recipient", "b.pub", "--overwrite")):
        own = command, public, "--identity", "a.key", *more
        refused(uunet, "a.key is given to --out and to --identity", *own, "-o", "a.key")
        refused(uunet, "new.png is given to --out and to --log", *own, "-o", "new.png", "--log", "new.png")
        refused(uunet, "a.key is given to --log and to --identity", *own, "-o", "new.png", "--log", "a.key")
        refused(uunet, "public.png is given to --out and to PUBLIC", *own, "-o", public)
        beside = *own, "--sidecar", "old.side"
        refused(uunet, "old.side is given to --out and to --sidecar", *beside, "-o", "old.side")
    refused(uunet, "b.pub is given to --out and to --recipient", *own, "-o", "b.pub")
    seal = "deidentify", public, "-o", "new.png", "--overwrite", "--recipient", "a.pub", "--recipient", "b.pub"
    refused(uunet, "b.pub is given to --sidecar and to --recipient", *seal, "--sidecar", "b.pub")
    refused(uunet, "new.png is given to --out and to --sidecar", *seal, "--sidecar", "new.png")
    opening = "reconstruct", public, "--identity", "a.key", "--overwrite"
    refused(uunet, "a.key is given to --out and to --identity", *opening, "-o", "a.key")
    refused(uunet, "public.png is given to --log and to PUBLIC", *opening, "-o", "new.png", "--log", public)
    refused(
        uunet, "a.key is given to --log and to --identity", "inspect", public, "--identity", "a.key", "--log", "a.key"
    )


def test_a_key_from_a_pipe(uunet, public):
    os.mkfifo("pipe")
    sentence = uunet.sentence("disclose", public, "--identity", "pipe", "--track", 3, "-o", "person.key")
    assert "pipe is a pipe, which cannot be read twice: name a file." in sentence


def test_names_that_are_no_addresses_and_no_markup(uunet, pair, tmp_path, capsys):
    """Recorders put times into names; FFmpeg takes what stands before a colon for a protocol."""
    os.mkdir("12:00 [")
    public = sealed_files.video(tmp_path / "public.mp4", [pair.public]).path.rename("12:00 [/b].mp4")
    uunet("disclose", public, "--identity", "a.key", "--track", 3, "-o", "person [b].key")
    uunet("rewrap", public, "--identity", "a.key", "--recipient", "a.pub", "-o", "13:00.mp4")
    assert os.path.exists("13:00.mp4") and os.path.exists("person [b].key")
    Path("http:x.mp4").write_bytes(b"no video")
    refused(
        uunet,
        "http:x.mp4 is not a video",
        "rewrap",
        "http:x.mp4",
        *"--identity a.key --recipient a.pub -o x.mp4".split(),
    )
    summary.say("red", "x[/b].png", "[b]It has [/i] no style.")
    assert "x[/b].png: [b]It has [/i] no style." in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_half_written(number, monkeypatch, tmp_path, capsys):
    """SIGHUP: the terminal was closed. What is half-written may show originals."""
    monkeypatch.chdir(tmp_path)
    before = {one: signal.signal(one, signal.SIG_DFL) for one in (signal.SIGTERM, signal.SIGHUP)}

    def killed():
        with new_file("again.mkv", overwrite=False) as part:
            part.write_bytes(b"half")
            os.kill(os.getpid(), number)

    monkeypatch.setattr(cli, "app", killed)
    monkeypatch.setattr(atomic, "stopped", None)  # afterwards, too
    try:
        with pytest.raises(SystemExit) as left:
            cli.main()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert left.value.code == 128 + number and not os.listdir()
    assert "Interrupted: no output was written." in capsys.readouterr().err
