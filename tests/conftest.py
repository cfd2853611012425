"""What every test gets: fixed seeds, no network, no settings of the person who runs it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", derandomize=True, deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("default")

os.environ["HF_HUB_OFFLINE"] = "1"
# two workers and their children share the cores: more threads would only wait for one another
os.environ.setdefault("OMP_NUM_THREADS", "1")

# started in the background, a shell lets its children ignore Ctrl-C, and they hand that on
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real footage and golden files."""
    return Path(__file__).parent / "assets"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in os.environ:
        if name.startswith("MOVIEQA_") and name != "MOVIEQA_REQUIRE_CHROMIUM":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with training: its fixtures take long, and workers steal tests from the end and make fixtures again."""
    items.sort(key=lambda item: not (item.path.parent.name == "e2e" and item.path.name.startswith("test_train_")))
