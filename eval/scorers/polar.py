"""Reads yes or no from a reply, robustly and as POPE's script does."""

from __future__ import annotations

import re

from .letters import shorten
from .wording import content_words

_YES = frozenset({"yes", "yeah", "yep", "true", "correct", "right"})
_NO = frozenset({"no", "nope", "false", "incorrect", "wrong"})
_DENIAL = frozenset({"no", "not", "none", "never", "nothing", "nobody", "cannot", "neither", "without"})
_JOINED = re.compile(
    r"\b(?:yes|true)\s*(?:/|or|and)\s*(?:no|false)\b|\b(?:no|false)\s*(?:/|or|and)\s*(?:yes|true)\b", re.I
)
_LAST = re.compile(r"\banswer\s*(?:is|:|=)*\W*(yes|no|true|false)\b", re.IGNORECASE)


def read_polar(reply: str) -> bool | None:
    """Return what a reply says: True for yes, False for no, None for neither or both.

    In this order: the last "the answer is ..."; the first word; the one of both that occurs; a first sentence that
    denies something, or that says that there is something.

    Example:
        >>> read_polar("Yes, there is."), read_polar("There is no dog."), read_polar("It is hard to tell.")
        (True, False, None)
    """
    text = shorten(reply).replace("*", "")
    if _JOINED.search(text):
        return None
    declared = _LAST.findall(text)
    if declared:
        return declared[-1].lower() in _YES
    words = content_words(text)
    if not words:
        return None
    if words[0] in _YES | _NO:
        return words[0] in _YES
    said = {word in ("yes", "true") for word in words if word in ("yes", "true", "no", "false")}
    first = content_words(re.split(r"[.!?\n]", text.strip(), maxsplit=1)[0])
    if said == {True}:
        return True
    if _DENIAL & set(first) or any(word.endswith("n't") for word in first) or said == {False}:
        return False
    return True if first[:1] == ["there"] else None


def read_pope(reply: str) -> bool:
    """Read as POPE's script does: no where the first sentence has the word No, no or not, and otherwise yes.

    Example:
        >>> read_pope("I cannot say")
        True
    """
    words = reply.split(".")[0].replace(",", "").split(" ")
    return not {"No", "not", "no"} & set(words)
