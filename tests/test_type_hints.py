"""Every public function and method has hints on all its parameters and on what it returns."""

import ast
from collections.abc import Iterator
from pathlib import Path

import uunet

PACKAGE = Path(uunet.__file__).parent
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, Function, bool]]:
    """Name, definition, and whether it is a method: of all functions that a user may call, and of `__init__` etc."""
    for part in node.body:
        if not isinstance(part, (ast.ClassDef, *Function.__args__)):
            continue
        if part.name.startswith("_") and not part.name.endswith("__"):
            continue
        if isinstance(part, ast.ClassDef):
            yield from public(part, f"{prefix}.{part.name}")
        else:
            yield f"{prefix}.{part.name}", part, isinstance(node, ast.ClassDef)


def missing(function: Function, method: bool) -> list[str]:
    """Names of the parameters without a hint, and "return"; `self` needs none."""
    given = function.args
    parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    static = any(getattr(mark, "id", None) == "staticmethod" for mark in function.decorator_list)
    named = [parameter for parameter in parameters if parameter][1 if method and not static else 0 :]
    return [one.arg for one in named if one.annotation is None] + ["return"] * (function.returns is None)


def test_public_functions_have_type_hints():
    functions, bare = 0, {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for name, function, method in public(ast.parse(path.read_text()), module):
            functions += 1
            if found := missing(function, method):
                bare[name] = found
    assert functions > 300
    assert not bare


def test_the_search_finds_missing_hints():
    source = "class A:\n    def f(self, x: int, *, y): ...\n    def _g(self, x): ...\ndef h(x: int) -> int: ..."
    found = {name: missing(function, method) for name, function, method in public(ast.parse(source), "m")}
    assert found == {"m.A.f": ["y", "return"], "m.h": []}
