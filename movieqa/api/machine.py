"""Looks at this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from movieqa.doctor import Diagnosis


def doctor() -> Diagnosis:
    """Examine what is installed, what is missing, and what movieqa will use."""
    from movieqa.doctor import examine

    return examine()
