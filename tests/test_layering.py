"""Imports point one way: a module may import those above it in the list, never those below; nothing imports `cli`."""

import ast
from pathlib import Path

import uunet

ORDER = [
    "errors",
    "labels",
    "atomic",
    "audit",
    "config",
    "config_head_detector",
    "pixels",
    "metrics",
    "models",
    "channel",
    "engine",
    "losses",
    "data",
    "training",
    "presets",
    "boxes",
    "stego",
    "wire",
    "media",
    "video_samples",
    "authority",
    "pipeline",
    "evaluation",
    "experiments",
    "demo",
    "cli",
]
PACKAGE = Path(uunet.__file__).parent


def imported(path):
    """Parts of uunet that a file imports, e.g. {"models", "pixels"}."""
    return {name.split(".")[0] for name in imported_modules(path)}


def imported_modules(path):
    """What a file imports from uunet, without "uunet.": e.g. {"boxes.types", "boxes.types.Roi", "pixels"}."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix("uunet.") for name in found if name.startswith("uunet.")}


def test_imports_point_upward():
    files = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    assert files
    for path in files:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        assert own in ORDER, f"{own} has no place in the order"
        for other in imported(path):
            assert ORDER.index(other) <= ORDER.index(own), f"{path.name} in {own} imports {other}, which is below it"


def test_nothing_imports_the_command_line():
    outside = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE / "cli"]
    assert not [path for path in outside if "cli" in imported(path)]


def test_hiding_and_messages_know_nothing_of_detection_and_tracking():
    """`wire` needs the shape of a box and how boxes move on straight lines; `stego` needs no box type at all."""
    for path in (PACKAGE / "wire").glob("*.py"):
        boxes = {name.split(".")[1] for name in imported_modules(path) if name.split(".")[0] == "boxes"}
        assert boxes <= {"types", "motion"}, f"{path.name} imports {boxes} of boxes"
    for name in ("types", "motion"):
        assert imported_modules(PACKAGE / "boxes" / f"{name}.py") <= {
            "errors.UUNetError",
            *(f"boxes.types.{part}" for part in ("Clip", "Roi", "TrackedBox", "rois_of")),
        }


def test_stego_is_plain_numpy():
    for path in (PACKAGE / "stego").glob("*.py"):
        assert imported(path) <= {"errors", "outputs", "stego"}
        assert not {"keras", "tensorflow", "jax"} & {
            (getattr(node, "module", None) or name.name).split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in node.names
        }


def test_media_knows_files_and_what_they_carry_but_no_networks():
    for path in (PACKAGE / "media").glob("*.py"):
        assert imported(path) <= {"atomic", "boxes", "channel", "errors", "media", "stego", "wire"}, path.name
