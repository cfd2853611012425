"""The house rules: who may import whom, what `import movieqa` loads, what a wheel installs."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("preprocess", "memory", "train", "eval")
SOURCES = sorted(path for room in ("movieqa", *ROOMS) for path in (ROOT / room).rglob("*.py"))
RECORDS = ("movie", "answer", "manifest", "settings")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in (*(() if parts[0] == "movieqa" else ("movieqa",)), *parts) if part != "__init__")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield every imported module of ours as an absolute name, and whether the import stands inside a function."""
    tree = ast.parse(path.read_text())
    package = module_name(path).split(".") if path.name == "__init__.py" else module_name(path).split(".")[:-1]
    in_function = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) in in_function


def is_type_checking_only(path: Path, name: str) -> bool:
    tree = ast.parse(path.read_text())
    guarded = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return any(
        isinstance(inner, ast.ImportFrom) and inner.module and name.startswith(inner.module)
        for node in guarded
        for inner in ast.walk(node)
    )


def starts_with(name: str, *modules: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_keep_to_the_house_rules(path: Path) -> None:
    home = module_name(path).split(".")
    room = home[1] if len(home) > 1 and home[1] in ROOMS else None
    for name, in_function in imports(path):
        assert not starts_with(name, *ROOMS), f"{path}: bare import of {name}; write movieqa.{name}"
        if not starts_with(name, "movieqa"):
            continue
        target = next((other for other in ROOMS if starts_with(name, f"movieqa.{other}")), None)
        if home == ["movieqa", "errors"]:
            raise AssertionError(f"errors imports nothing of ours, found {name}")
        if home[-1] in RECORDS and len(home) == 2:
            allowed = ("movieqa.errors", "movieqa.times", "movieqa.storage")
            assert starts_with(name, *allowed), f"{path}: a record imports {name}"
        if home[:2] == ["movieqa", "cli"]:
            views = (
                "movieqa.answer_text",
                "movieqa.summary",
                "movieqa.doctor",
                "movieqa.settings",
                "movieqa.plan",
                "movieqa.cast_table",
                "movieqa.people_export",
            )
            allowed = ("movieqa.api", "movieqa.errors", "movieqa.__version__", "movieqa.cli", "movieqa.times", *views)
            is_allowed = starts_with(name, *allowed) or is_type_checking_only(path, name)
            assert is_allowed, f"the command line imports {name}"
        elif home[:2] in (["movieqa", "api"], ["movieqa", "plugins"]):
            if target is not None:
                assert in_function or is_type_checking_only(path, name), f"{home[1]} imports {name} at its top"
        elif home[:2] != ["movieqa", "__main__"] and home != ["movieqa"]:
            assert not starts_with(name, "movieqa.api", "movieqa.cli"), f"{path} imports {name}"
            if room is None:
                assert target is None, f"{path}: the ground floor imports {name}"
            elif target is not None:
                assert target == room, f"{path}: {room} imports {name}"


def test_relative_imports_never_climb() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level > 1), f"{path}: import from .."


def test_no_public_function_hides_a_room() -> None:
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            assert not (isinstance(node, ast.FunctionDef) and node.name in ROOMS and "cli" not in path.parts), path


@pytest.mark.parametrize("statement", ["import movieqa", "import movieqa.api", "import movieqa.cli"])
def test_importing_stays_light(statement: str) -> None:
    heavy = "{'torch', 'transformers', 'cv2', 'av', 'scenedetect', 'bm25s', 'decord', 'faiss'}"
    code = f"import sys; {statement}; loaded = {heavy} & set(sys.modules); assert not loaded, loaded"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_room_is_importable_from_a_checkout() -> None:
    code = "; ".join(f"import movieqa.{room}" for room in ROOMS)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=ROOT)


def test_a_wheel_installs_one_name_and_every_source_file(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    source = tmp_path / "source"
    for name in tracked.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            tmp_path,
            source,
        ],
        check=True,
        timeout=200,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"movieqa"}
    expected = {
        f"{'' if path.is_relative_to(ROOT / 'movieqa') else 'movieqa/'}{path.relative_to(ROOT).as_posix()}"
        for path in SOURCES
    }
    assert expected <= set(names), expected - set(names)
    assert "movieqa/py.typed" in names
