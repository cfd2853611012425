"""Runs every benchmark in turn and writes their tables to `docs/benchmarks.md`: `make bench`.

Each `bench_*.py` here is a script of its own that prints Markdown on standard output and progress on standard error.
With names (`python tests/bench/run.py ask memory`) only those are run, and only their sections change.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Ratios, measured in one run beside the thing they are compared with. `make bench` measures everything again and writes
this page; `python tests/bench/run.py NAME` measures one section.
"""


def machine() -> str:
    """Say in one line what the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    name = model.group(1) if model else platform.processor()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{os.cpu_count()} cores ({name}), {memory:.0f} GiB, Python {platform.python_version()}, {gpu}"


def sections() -> dict[str, str]:
    """Return the page's sections by the benchmark's name."""
    if not PAGE.exists():
        return {}
    parts = re.split(r"^<!-- (\w+) -->\n", PAGE.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def main() -> None:
    """Run the benchmarks and write the page."""
    scripts = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *scripts], help="which; all by default")
    names = parser.parse_args().names or list(scripts)
    page = sections()
    for name in names:
        print(f"== {name}", file=sys.stderr)
        module = f"tests.bench.{scripts[name].stem}"
        done = subprocess.run(
            [sys.executable, "-m", module], stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent.parent
        )
        if not done.stdout.strip():  # it cannot be measured here, and has said why
            continue
        page[name] = f"{done.stdout.strip()}\n\nMeasured with `python -m {module}` on {machine()}.\n\n"
        body = "".join(f"<!-- {key} -->\n{page[key]}" for key in sorted(page))
        PAGE.write_text(f"{HEAD}\n{body}".rstrip() + "\n")


if __name__ == "__main__":
    main()
