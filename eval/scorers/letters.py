"""Reads which option a reply chooses: by its letter, however it is put, or by the whole text of one option.

What is ambiguous is not guessed: a reply that names several options, or one that does not exist, chooses none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from movieqa.eval.sample import LETTERS

from .wording import content_words

_LONGEST = 20_000
"""Characters of a reply that are read; of a longer one its two ends."""

_INNER = "A-Za-z0-9\u00c0-\u024f"
_WRAPPED = re.compile(r"[\[<{]\s*([A-Za-z])\s*[\]>}]")
_LATEX = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\s*\{\s*([A-Za-z])\s*\}")
_TOKEN = re.compile(
    rf"(?<![{_INNER}'’])(?<![{_INNER}][-.])(?P<open>\(\s?)?(?P<letter>[A-Za-z])(?P<close>\s?\))?"
    rf"(?![{_INNER}'’]|[-.][{_INNER}]|:/)"
)
_OPTION = r"(?:the\s+)?(?:option|choice|answer|letter)?\s*[:(]*\s*$"
_SAYING = (
    r"(?:[:=\s]|\bis\b|\b(?:would|must|should|will|has to|to)\s+be\b"
    r"|\b(?:most\s+)?(?:likely|probably|definitely|clearly|therefore|thus)\b)*"
)
_DECLARED_BEFORE = re.compile(
    rf"(?:\b(?:answer|conclusion|final){_SAYING}|\b(?:option|choice|response|selection|letter)\s*(?:[:=]|\bis\b|\bbe\b){_SAYING}"
    r"|\b(?:choose|chose|select|pick|say|opt\s+for|vote\s+for|go(?:ing)?\s+with|settle\s+on|it\s+is|it's|it\s+must\s+be)\s+"
    r"|(?:答案(?:是|为|:)?|选择?|정답은|답은|답\s*:|옵션|答えは)\s*)" + _OPTION,
    re.IGNORECASE,
)
_MENTIONED_BEFORE = re.compile(r"\b(?:option|choice|letter)\s*\(?$", re.IGNORECASE)
_DECLARED_AFTER = re.compile(
    r"\s*(?:is|was|seems|looks|appears)(?:\s+to\s+be)?\s+(?:the\s+)?(?:most\s+\w+\s+|only\s+|best\s+)?"
    r"(?:correct|right|best|answer|true|accurate|likely)\b",
    re.IGNORECASE,
)
_DENIED_BEFORE = re.compile(
    r"\b(?:not|never|cannot|neither|nor|rather\s+than|instead\s+of|except|excluding|unlike|eliminat\w+|rul\w+\s+out)\b"
    r"|n't\b",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"\s*(?:\b(?:is|was|are|can|could|would|does|do|did|seems?|looks?)\b)?\s*"
    r"(?:n't|not\b|cannot\b|wrong\b|incorrect\b|false\b|unlikely\b|impossible\b|ruled\s+out|eliminated\b|out\b)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[.,;:!?\n]|\b(?:but|so|therefore|hence|thus)\b", re.IGNORECASE)
_JOINED = re.compile(r"[\s)]*(?:[,/&+|]|\band\b|\bor\b)[\s(]*(?:\b(?:or|and|option)\b[\s(]*)?", re.IGNORECASE)
_IN_SENTENCE = re.compile(
    r"[ ]+(?!(?:is|was|because|since|as|and|or|but|would|seems|looks|appears|fits|matches|not|it|the|if|for)\b)[a-z]"
)
_LABEL_END = re.compile(r"\s*(?:[.):]|$|,\s+(?!or\b|and\b)[a-z]{2})")


@dataclass(frozen=True, kw_only=True)
class _Token:
    """A letter that stands for itself."""

    letter: str
    start: int
    end: int
    is_denied: bool
    is_declared: bool
    """The reply says that this is its answer."""
    is_label: bool
    """It stands at the start of a line as the label of an option, or alone on it."""


def read_letter(reply: str, options: Sequence[str]) -> str | None:
    """Return the letter of the option that a reply chooses.

    In this order: the whole reply is a letter or the text of one option; the last declaration ("the answer is B");
    the one label at the start of a line; the one letter that is named and not denied; the one option whose whole text
    is in the reply.

    Returns:
        The capital letter, or None where none or several are chosen, or one that is not among the options.

    Example:
        >>> options = ("a book", "a door", "a key", "a lamp")
        >>> read_letter("It can not be A. It is C.", options), read_letter("a door, I think", options)
        ('C', 'B')
        >>> read_letter("Both A and C", options) is None
        True
    """
    text = _clean(reply)
    allowed = LETTERS[: len(options)]
    whole = text.strip(" \t\r\n.,:;!?()")
    if len(whole) == 1 and whole.isascii() and whole.isalpha():
        return _among(whole.upper(), allowed)
    exact = [letter for letter, option in zip(allowed, options, strict=True) if _words(option) == _words(text)]
    if len(exact) == 1 and _words(text):
        return exact[0]
    tokens = list(_tokens(text))
    declared = [index for index, token in enumerate(tokens) if token.is_declared and not token.is_denied]
    if declared:
        return _unrivalled(text, tokens, declared[-1], allowed)
    labels = [index for index, token in enumerate(tokens) if token.is_label and not token.is_denied]
    if labels:
        is_one = len({tokens[index].letter for index in labels}) == 1
        return _unrivalled(text, tokens, labels[0], allowed) if is_one else None
    named = {token.letter for token in tokens if not token.is_denied and token.letter in allowed}
    if named:
        return named.pop() if len(named) == 1 else None
    return _read_option_text(text, options, allowed)


def shorten(reply: str) -> str:
    """Return a reply without what was only thought, and no longer than can be read in bounded time."""
    said = reply.rpartition("</think>")[2]
    if "<answer>" in said:
        said = said.rpartition("<answer>")[2].partition("</answer>")[0]
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST // 2]}\n{said[-_LONGEST // 2 :]}"


def _clean(reply: str) -> str:
    """Return what is said, without markup, with round brackets and plain letters."""
    text = unicodedata.normalize("NFKC", shorten(reply))
    if "\\boxed{" in text:
        text = _LATEX.sub(r"\1", text.rpartition("\\boxed{")[2]).partition("}")[0]
    text = _LATEX.sub(r"\1", text)
    for mark in '*`$#"“”_':
        text = text.replace(mark, " " if mark == "_" else "")
    return _WRAPPED.sub(r"(\1)", text).strip()


def _tokens(text: str) -> list[_Token]:
    """Find the letters that stand for options."""
    tokens = []
    for match in _TOKEN.finditer(text):
        letter, start, end = match["letter"], match.start(), match.end()
        line = text[text.rfind("\n", 0, start) + 1 : start]
        before, after = text[max(0, start - 80) : start], text[end : end + 80]
        is_first = not line.strip(" \t-")
        is_bracketed = bool(match["close"]) and (bool(match["open"]) or is_first)
        is_declared = bool(_DECLARED_BEFORE.search(before)) or bool(_DECLARED_AFTER.match(after))
        is_label = is_first and (is_bracketed or bool(_LABEL_END.match(after.partition("\n")[0])))
        if not (is_bracketed or is_label):
            is_mentioned = is_declared or _MENTIONED_BEFORE.search(before)
            if letter in "AI" and _IN_SENTENCE.match(after) and not _MENTIONED_BEFORE.search(before):
                continue
            if letter.islower() and not (is_mentioned and not re.match(r"\s+\w", after)):
                continue
        clause = before[max((found.end() for found in _CLAUSE.finditer(before)), default=0) :]
        tokens.append(
            _Token(
                letter=letter.upper(),
                start=start,
                end=end,
                is_denied=bool(_DENIED_BEFORE.search(clause)) or bool(_DENIED_AFTER.match(after)),
                is_declared=is_declared,
                is_label=is_label,
            )
        )
    return tokens


def _unrivalled(text: str, tokens: Sequence[_Token], index: int, allowed: str) -> str | None:
    """Return the letter of a token, None where another is offered with it."""
    token = tokens[index]
    rivals = [other for other in tokens[index + 1 : index + 2] if not other.is_denied]
    if any(other.letter != token.letter and _JOINED.fullmatch(text[token.end : other.start]) for other in rivals):
        return None
    before = [other for other in tokens[max(0, index - 1) : index] if not other.is_denied]
    if any(other.letter != token.letter and _JOINED.fullmatch(text[other.end : token.start]) for other in before):
        return None
    return _among(token.letter, allowed)


def _among(letter: str, allowed: str) -> str | None:
    return letter if letter in allowed else None


def _words(text: str) -> str:
    return " ".join(content_words(text))


def _read_option_text(text: str, options: Sequence[str], allowed: str) -> str | None:
    """Return the one option whose whole text is in the reply and not denied there."""
    said = f" {_words(text)} "
    found = {}
    for letter, option in zip(allowed, options, strict=True):
        words = _words(option)
        before, here, _ = said.partition(f" {words} ")
        if words and here and not _DENIED_BEFORE.search(" ".join(before.split()[-2:])):
            found[letter] = words
    longest = {
        letter: words
        for letter, words in found.items()
        if not any(words != other and f" {words} " in f" {other} " for other in found.values())
    }
    return next(iter(longest)) if len(longest) == 1 else None
