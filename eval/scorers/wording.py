"""Words of short answers as they are compared: without case, width, punctuation and English articles."""

from __future__ import annotations

import re

from movieqa.folding import normalise

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORD = re.compile(rf"[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W_])+(?:['’.](?:(?![{_UNSPACED}])[^\W_])+)*")
_ARTICLES = frozenset({"a", "an", "the"})


def content_words(text: str) -> list[str]:
    """Return the words of an answer; letters of scripts without spaces one by one. An answer of articles keeps them.

    Example:
        >>> content_words("The Red-Haired man, 3.5 m")
        ['red', 'haired', 'man', '3.5', 'm']
    """
    words = [word.replace("’", "'") for word in _WORD.findall(normalise(text))]
    return [word for word in words if word not in _ARTICLES] or words
