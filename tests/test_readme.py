"""The README tells the truth: its tree names every file, and the questions it shows get the answers it shows.

`python -m tests.test_readme` writes the tree anew from the first line of each file.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.command import movieqa

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
ROOMS = ("movieqa", "preprocess", "memory", "train", "eval")
BLOCK = re.compile(r"(<!-- tree -->\n```text\n)(.*?)(```\n<!-- /tree -->)", re.DOTALL)
SHOWN = re.compile(r"^\$ movieqa (.+)\n((?:(?!\$ |```).*\n)*)", re.MULTILINE)
WIDTH = 118


def summary(path: Path) -> str:
    """Return the first sentence of a file, cut to half a line."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(text.split("\n\n")[0].split()).rstrip(".")


def tree() -> str:
    """Return the tree of all rooms, with what each file owns."""
    lines = []
    for room in ROOMS:
        lines.append(f"{room + '/':<32}{summary(ROOT / room / '__init__.py')}"[:WIDTH])
        for path in sorted((ROOT / room).rglob("*.py"), key=lambda path: (len(path.parts) > len(ROOT.parts) + 2, path)):
            if path.name != "__init__.py":
                lines.append(f"  {path.relative_to(ROOT / room).as_posix():<30}{summary(path)}"[:WIDTH].rstrip())
    return "".join(f"{line}\n" for line in lines)


def test_the_tree_names_every_file() -> None:
    block = BLOCK.search(README.read_text())
    assert block is not None
    assert block.group(2) == tree(), "run: python -m tests.test_readme"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(assets / name, folder)
    return folder


def without_timings(text: str) -> str:
    return re.sub(r"\(\d+\.\d s\)|\d+ ms", "(time)", text).strip()


def test_the_commands_shown_print_what_is_shown(demo: Path) -> None:
    shown = SHOWN.findall(README.read_text())
    assert len(shown) >= 3
    for command, output in shown:
        done = movieqa(*shlex.split(command), cwd=demo)
        assert done.code == 0, done.err
        assert without_timings(done.err + done.out) == without_timings(output), command


def write() -> None:
    """Put the tree of today into the README."""
    README.write_text(BLOCK.sub(lambda block: block.group(1) + tree() + block.group(3), README.read_text()))


if __name__ == "__main__":
    write()
