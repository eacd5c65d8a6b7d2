"""A function has at most 6 parameters; what needs more takes a dataclass. Commands have one per option."""

import ast
from collections.abc import Iterator
from pathlib import Path

import uunet

MOST = 6
ROOT = Path(uunet.__file__).parents[1]
MORE = {"uunet/models/unet.py:unet": "weight files store its arguments by these names"}


def parameters(function: ast.FunctionDef) -> list[str]:
    """Names of the parameters, those after `*` and `**` too, without `self` and `cls`."""
    given = function.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [one.arg for one in every if one and one.arg not in ("self", "cls")]


def commands(tree: ast.Module) -> set[str]:
    """Names of the functions that a module of data_prep gives to `command.run`: their parameters are options."""
    runs = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "command.run"]
    return {node.id for run in runs for node in ast.walk(run.args[0]) if isinstance(node, ast.Name)}


def long(path: Path) -> Iterator[str]:
    """Names of the functions of a file, commands excepted, that have more than MOST parameters."""
    tree = ast.parse(path.read_text())
    options = commands(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and len(parameters(node)) > MOST and node.name not in options:
            yield node.name


def test_functions_have_few_parameters():
    files = [path for package in ("uunet", "data_prep") for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(files) > 100
    found = {
        f"{path.relative_to(ROOT).as_posix()}:{name}"
        for path in files
        for name in long(path)
        if path.parent != ROOT / "uunet" / "cli" or name.startswith("_")  # every public function there is a command
    }
    assert found == set(MORE)


def test_the_search_finds_long_functions(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "class A:\n"
        "    def six(self, a, b, *c, d, e, **f): ...\n"
        "    def seven(self, a, b, /, c, *d, e, f, **g): ...\n"
        "def outer():\n"
        "    def within(a, b, c, d, e, f, g): ...\n"
        "    def options(a, b, c, d, e, f, g): ...\n"
        "    command.run(options if outer else within, None)\n"
        "def main(a, b, c, d, e, f, g): ...\n"
    )
    assert list(long(path)) == ["main", "seven"]
