"""The README tells the truth: the trees name every folder and file, and the questions shown get the answers shown.

`python -m tests.test_readme` writes them anew: the trees of README.md (folders) and docs/tree.md (files) from the first
line of each file, the answers by asking.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import tempfile
import textwrap
from pathlib import Path

from tests.command import movieqa

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
TREE = ROOT / "docs" / "tree.md"
ROOMS = ("movieqa", "preprocess", "memory", "train", "eval")
BLOCK = re.compile(r"(<!-- tree -->\n```text\n)(.*?)(```\n<!-- /tree -->)", re.DOTALL)
SHOWN = re.compile(r"^\$ movieqa (.+)\n((?:(?!\$ |```).*\n)*)", re.MULTILINE)
HALF_A_LINE = 80


def summary(path: Path) -> str:
    """Return the first sentence of a file, cut between two words."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return textwrap.shorten(text.split("\n\n")[0].rstrip("."), HALF_A_LINE, placeholder=" ...")


def tree_of_files() -> str:
    """Return the tree of all rooms, with what each file owns."""
    lines = []
    for room in ROOMS:
        lines.append(f"{room + '/':<42} {summary(ROOT / room / '__init__.py')}")
        for path in sorted((ROOT / room).rglob("*.py"), key=lambda path: (len(path.parts) > len(ROOT.parts) + 2, path)):
            if path.name != "__init__.py":
                lines.append(f"  {path.relative_to(ROOT / room).as_posix():<40} {summary(path)}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def tree_of_folders() -> str:
    """Return the tree of all rooms and the folders in them."""
    lines = []
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("__init__.py"), key=lambda path: path.parent):
            depth = len(path.parent.relative_to(ROOT / room).parts)
            name = f"{'  ' * depth}{path.parent.name}/"
            lines.append(f"{name:<24} {summary(path)}".rstrip())
    return "".join(f"{line}\n" for line in lines)


def test_the_tree_names_every_folder() -> None:
    block = BLOCK.search(README.read_text())
    assert block is not None
    assert block.group(2) == tree_of_folders(), "run: python -m tests.test_readme"


def test_the_tree_names_every_file() -> None:
    block = BLOCK.search(TREE.read_text())
    assert block is not None
    assert block.group(2) == tree_of_files(), "run: python -m tests.test_readme"


def run(command: str, folder: Path) -> str:
    """Run a command as the README shows it, and return all it prints."""
    done = movieqa(*shlex.split(command), cwd=folder)
    assert done.code == 0, done.err
    return "".join(f"{line.rstrip()}\n" for line in (done.err + done.out).splitlines())


def copy_film(folder: Path) -> Path:
    for name in ("signs.mp4", "signs.srt"):
        shutil.copy(ROOT / "tests" / "assets" / name, folder)
    return folder


def without_timings(text: str) -> str:
    return re.sub(r"\(\d+\.\d s\)", "(time)", text)


def test_the_commands_shown_print_what_is_shown(tmp_path: Path) -> None:
    folder = copy_film(tmp_path)
    shown = SHOWN.findall(README.read_text())
    assert len(shown) >= 3
    for command, output in shown:
        assert without_timings(run(command, folder)) == without_timings(output), command


def write() -> None:
    """Put the trees and the answers of today into README.md and docs/tree.md."""
    TREE.write_text(BLOCK.sub(lambda block: block.group(1) + tree_of_files() + block.group(3), TREE.read_text()))
    text = BLOCK.sub(lambda block: block.group(1) + tree_of_folders() + block.group(3), README.read_text())
    with tempfile.TemporaryDirectory() as name:
        folder = copy_film(Path(name))
        text = SHOWN.sub(lambda shown: f"$ movieqa {shown.group(1)}\n{run(shown.group(1), folder)}", text)
    README.write_text(text)


if __name__ == "__main__":
    write()
