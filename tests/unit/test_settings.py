from pathlib import Path

import platformdirs
import pytest

from movieqa.errors import ConfigError
from movieqa.settings import load_settings

ALLOWED = {"preprocess": frozenset({"fps", "force"}), "ask": frozenset({"until"})}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "user").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(platformdirs, "user_config_path", lambda _: tmp_path / "user")


def test_no_file_is_no_setting() -> None:
    assert load_settings(ALLOWED) == {}


def test_the_file_here_wins_over_the_users(tmp_path: Path) -> None:
    (tmp_path / "user/movieqa.toml").write_text('[preprocess]\nfps = 2\nforce = true\n[ask]\nuntil = "5m"\n')
    (tmp_path / "here/movieqa.toml").write_text("[preprocess]\nfps = 3\n")
    assert load_settings(ALLOWED) == {"preprocess": {"fps": 3, "force": True}, "ask": {"until": "5m"}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[preproces]\nfps = 1", r"no verb \[preproces\]; one of ask, preprocess"),
        ("[preprocess]\nfsp = 1", r"no option 'fsp'; one of force, fps"),
        ("preprocess = 1", "must be a table"),
        ("[preprocess", "cannot be read"),
        ("\0", "cannot be read"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "here/movieqa.toml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_settings(ALLOWED)
