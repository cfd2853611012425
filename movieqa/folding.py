"""Folds text so that case, accents and width never decide whether two words are the same."""

from __future__ import annotations

import re
import unicodedata

# Accents of Latin, Greek and Cyrillic (but the breve of Cyrillic short i, a letter), Hebrew points, Arabic vowel signs
# and the Arabic lengthening stroke. The vowel signs of Indic scripts and of Thai are marks too, but letters: they stay.
_ACCENTS = re.compile(
    "[\u0300-\u0305\u0307-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]"
    "|(?<!\u0438)\u0306"
)
_APOSTROPHES = str.maketrans("’ʼ＇`´", "'''''")


def normalise(text: str) -> str:
    """Return the text without case and without variants of one letter; accents stay.

    Example:
        >>> normalise("L’École STRASSE straße")
        "l'école strasse strasse"
    """
    return unicodedata.normalize("NFKC", text.translate(_APOSTROPHES).casefold())


def fold(text: str) -> str:
    """Return the normalised text without accents.

    Example:
        >>> fold("L’École")
        "l'ecole"
    """
    normal = normalise(text)
    if normal.isascii():
        return normal
    return unicodedata.normalize("NFKC", _ACCENTS.sub("", unicodedata.normalize("NFKD", normal)))
