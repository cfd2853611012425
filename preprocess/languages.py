"""Tells whether two language tags mean the same language: `en`, `eng` and `en-US`; `fr`, `fre` and `fra`."""

from __future__ import annotations

import langcodes
from langcodes.tag_parser import LanguageTagError

_UNKNOWN = {"und", "mul", "mis", "zxx"}


def is_language(tag: str) -> bool:
    """Return whether a text is a language tag that is in use (ISO 639-1, 639-2, 639-3 or BCP 47).

    Example:
        >>> is_language("ger"), is_language("pt-BR"), is_language("part2")
        (True, True, False)
    """
    return known_language(tag) is not None and langcodes.tag_is_valid(tag)


def known_language(tag: str) -> str | None:
    """Return the standard form of a language tag; None where it names no one language (`und`, nonsense, nothing).

    Example:
        >>> known_language("ger"), known_language("und"), known_language("pt_br")
        ('de', None, 'pt-BR')
    """
    try:
        standard = langcodes.standardize_tag(tag.strip(), macro=True)
    except LanguageTagError:
        return None
    return None if standard.split("-")[0] in _UNKNOWN else standard


def mismatch(wanted: str, tag: str) -> int | None:
    """Return 0 for the very tag that is wanted, 1 for the same language otherwise, None for another or none.

    Example:
        >>> mismatch("eng", "en"), mismatch("pt", "pt-BR"), mismatch("en", "fre")
        (0, 1, None)
    """
    ours, theirs = known_language(wanted), known_language(tag)
    if ours is None or theirs is None:
        return None
    # A distance of 1 is another name of the same language: Norwegian is `no`, and mostly `nb`.
    if langcodes.tag_distance(ours.split("-")[0], theirs.split("-")[0]) > 1:
        return None
    return int(ours != theirs)
