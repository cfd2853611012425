"""HTML pages that need nothing else, and let nothing that films, samples or models bring along run or be fetched."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from movieqa.times import format_time

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of the text around them; every line finds its own."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def open_templates(**filters: Callable[..., str]) -> Environment:
    """Return the package's templates, which escape every value; `clean` and `clock` are among their filters."""
    environment = Environment(
        loader=PackageLoader("movieqa"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update({"clean": clean, "clock": format_time, **filters})
    return environment


def read_source(environment: Environment, name: str) -> str:
    """Read a file beside the templates as it is; style and script are no templates."""
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def page_policy(*, style: str, script: str | None = None) -> str:
    """Allow a page its own style, script and embedded pictures, and nothing else.

    Example:
        >>> page_policy(style="")[:41]
        "default-src 'none'; img-src data:; style-"
    """
    allowed = f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; "
    if script is not None:
        allowed += f"script-src '{_digest(script)}'; "
    return allowed + "base-uri 'none'; form-action 'none'"


def clean(text: Any) -> str:
    """Take out what a page cannot show or what would disturb the text around it; the template escapes the rest."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", _UNSEEN.sub("", str(text)))


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
