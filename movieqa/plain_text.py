"""Text of strangers made fit for terminals and tables: subtitles, names and stream titles may hold anything."""

from __future__ import annotations

import re

# Escape sequences, other control characters but tab and newline, and turns of the writing direction.
_CONTROLS = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]")


def strip_controls(text: str) -> str:
    """Take out of a text what would steer a terminal instead of being shown; tabs and newlines stay.

    Example:
        >>> strip_controls("\\x1b[31mred")
        '[31mred'
    """
    return _CONTROLS.sub("", text)


def plain_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    Example:
        >>> plain_cell("=1+1")
        "'=1+1"
    """
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
