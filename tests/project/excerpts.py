"""Fills a page's excerpts from the files they name, so that no page shows code that is not there.

An excerpt is a line `<!-- excerpt: PATH -->` or `<!-- excerpt: PATH NAME -->` with the code block behind it. NAME is a
function, class, constant, `Class.member`, `CONSTANT["key"]`, or `"words"` of a line.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
_EXCERPT = re.compile(
    r"<!-- excerpt: (?P<path>\S+)(?: (?P<name>[^\n]+?))? -->\n(?:```\w*\n.*?^```\n)?", re.DOTALL | re.MULTILINE
)
_LANGUAGES = {".py": "python", ".json": "json", ".txt": "text"}


def filled(page: str) -> str:
    """Give a page with its excerpts as the files have them now.

    Raises:
        LookupError: a file has nothing of that name.
        OSError: there is no such file.
    """
    return _EXCERPT.sub(_block, page)


def _block(found: re.Match[str]) -> str:
    path, name = found["path"], found["name"] or ""
    text = (ROOT / path).read_text()
    taken = excerpt(text, name) if name else text.rstrip("\n")
    mark = f"<!-- excerpt: {path}{f' {name}' if name else ''} -->\n"
    return f"{mark}```{_LANGUAGES[Path(path).suffix]}\n{taken}\n```\n"


def excerpt(source: str, name: str) -> str:
    """Take what has a name out of a module, as far left as it goes.

    Raises:
        LookupError: there is nothing, or no one thing, of that name.
    """
    lines = source.splitlines()
    if name.startswith('"'):
        words = name[1:-1]
        found = [line.strip() for line in lines if words in line]
        if len(found) != 1:
            raise LookupError(f"{len(found)} lines have {words!r}")
        return found[0]
    node = _find(ast.parse(source), name)
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return textwrap.dedent("\n".join(lines[first - 1 : node.end_lineno]))


def _find(module: ast.Module, name: str) -> ast.stmt:
    constant, bracket, key = name.partition("[")
    if bracket:
        table = _member(module.body, constant)
        value = table.value if isinstance(table, ast.Assign | ast.AnnAssign) else None
        assert isinstance(value, ast.Dict), f"{constant} is no dict"
        wanted = ast.literal_eval(key.removesuffix("]"))
        for entry, content in zip(value.keys, value.values, strict=True):
            if isinstance(entry, ast.Constant) and entry.value == wanted:
                return ast.Expr(content, lineno=entry.lineno, end_lineno=content.end_lineno, col_offset=0)
        raise LookupError(f"{constant} has no {wanted!r}")
    outer, _, inner = name.partition(".")
    found = _member(module.body, outer)
    if not inner:
        return found
    assert isinstance(found, ast.ClassDef), f"{outer} is no class"
    return _member(found.body, inner)


def _member(body: Iterable[ast.stmt], name: str) -> ast.stmt:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
            return node
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node
    raise LookupError(f"nothing is named {name}")
