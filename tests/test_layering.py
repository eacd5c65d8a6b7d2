"""Imports point one way: a module may import those above it in the list, never those below; nothing imports `cli`."""

import ast
from pathlib import Path

import uunet

ORDER = [
    "errors",
    "atomic",
    "config",
    "pixels",
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
    "pipeline",
    "evaluation",
    "experiments",
    "demo",
    "cli",
]
PACKAGE = Path(uunet.__file__).parent


def imported(path):
    """Parts of uunet that a file imports, e.g. {"models", "pixels"}."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("uunet.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "uunet":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("uunet."):
            found.add(node.module.split(".")[1])
    return found


def test_imports_point_upward():
    files = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    assert files
    for path in files:
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        assert own in ORDER, f"{own} has no place in the order"
        for other in imported(path):
            assert ORDER.index(other) <= ORDER.index(own), f"{path.name} in {own} imports {other}, which is below it"


def test_nothing_imports_the_command_line():
    assert not [path for path in PACKAGE.rglob("*.py") if "cli" in imported(path)]


def test_stego_is_plain_numpy():
    for path in (PACKAGE / "stego").glob("*.py"):
        assert imported(path) <= {"errors", "outputs", "stego"}
        assert not {"keras", "tensorflow", "jax"} & {
            (getattr(node, "module", None) or name.name).split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in node.names
        }
