"""Reads options as the original scripts do, with what they miss and misread; for `--reference-compatible` alone.

`docs/evaluation.md` says where each differs from `letters.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LMMS_LETTERS = "ABCDEFGH"
UNREAD = "Z"
"""What Video-MME-v2's script takes for a reply that it cannot read."""

_LMMS_CUES = (
    *(f"{start}answer is" for start in ("", "the ", "my ", "correct ", "the correct ", "best ", "the best ")),
    *(f"{start}option is" for start in ("correct ", "the correct ", "best ", "the best ")),
    *(f"{start}choice is" for start in ("", "the ", "my ", "correct ", "the correct ")),
    *("i choose", "i select", "i pick", "옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"),
)

_LEADS = ("The best {}is", "The correct {}is")
_LONGVIDEOBENCH_LEADS = (
    *(lead.format(f"{noun} ") for noun in ("answer", "option") for lead in _LEADS),
    *("The answer is", "The answer", "Best answer:", "Best option:"),
)

_BOLD = r"(?:\*\*[ \t]*)?([A-H])(?:[ \t]*\*\*)?[ \t]*"
_V2_ALONE = re.compile(rf"(?:^|\n)[ \t]*{_BOLD}[.)]?[ \t]*$", re.IGNORECASE)
_V2_LEADING = re.compile(rf"[ \t]*{_BOLD}(?:[.)]|\r?\n|$)", re.IGNORECASE)
_V2_CUED = re.compile(
    r"(?:(?:the best|the correct) (?:answer|option) is|the answer(?: is)?|(?:final|best) answer:|best option:|answer:"
    r"|option:|\b(?:answer|option)(?:\s+(?:is|would\s+be)|\s*:))[\s:*]*([A-H])\b",
    re.IGNORECASE,
)
_V2_BOLD = re.compile(r"\*\*\s*([A-H])(?=\s*\*\*|[.)])", re.IGNORECASE)

_CINEPILE = re.compile(r"Answer:\s*([A-E])\)?\.?\s*(.*)", re.IGNORECASE)
_SCIENCEQA = re.compile(r"The answer is ([A-Z])\.")


def read_lmms(reply: str, letters: str = LMMS_LETTERS) -> str | None:
    """Read a letter as lmms-eval 0.7.3 does for MLVU, LVBench and others.

    Capitals only; the best form wins, then the later place, then the earlier letter: standing alone at the start, then
    at the end, after a phrase such as "answer is" anywhere behind it, `(B)`, `B.`, `B:`, `B)`, `B ` and, if there is
    nothing else, any `B` at all.

    Example:
        >>> read_lmms("the correct option is B, not D")
        'D'
    """
    text = reply.strip()
    for mark in ",.!?;:'\"":
        text = text.strip(mark)
    if not text.strip():
        return None
    found = list(_lmms_candidates(f" {text} ", letters))
    if not found:
        found = [(0, text.rfind(letter), letter) for letter in letters if letter in text]
    if not found:
        return None
    rank, place, _ = max(found, key=lambda candidate: candidate[:2])
    return next(letter for other, where, letter in found if (other, where) == (rank, place))


def _lmms_candidates(text: str, letters: str) -> Iterator[tuple[int, int, str]]:
    """Yield how good a form is, where it stands, and its letter."""
    lower, bare = text.lower(), text.strip()
    for rank, form in ((6, "({})"), (5, "{}."), (4, "{}:"), (3, "{})"), (2, "{} ")):
        for letter in letters:
            if form.format(letter) in text:
                yield rank, text.rfind(form.format(letter)), letter
    for cue in _LMMS_CUES:
        where = lower.find(cue)
        places = [(text.find(letter, where + len(cue)), letter) for letter in letters] if where >= 0 else []
        yield from ((7, place, letter) for place, letter in places if place >= 0)
    for letter in letters:
        if bare.startswith(letter) and not bare[1:2].isalpha():
            yield 10, 0, letter
    for letter in letters:
        if bare.endswith(letter) and not bare[-2:-1].isalpha():
            yield 9, len(text) - 1, letter


def read_longvideobench(reply: str) -> str | None:
    """Read the first capital A to E anywhere, once a few fixed lead-ins are gone; None where chance decides.

    Example:
        >>> read_longvideobench("Final Answer: **C**"), read_longvideobench("c") is None
        ('A', True)
    """
    text = reply.strip()
    for lead in _LONGVIDEOBENCH_LEADS:
        text = text.replace(lead, "")
    found = re.search("[A-E]", text)
    return found[0] if found else None


def read_videomme_v2(reply: str, options: Sequence[str]) -> str:
    """Read a letter as Video-MME-v2's script does, or else the one option whose text is in the reply; `Z` for neither.

    Example:
        >>> read_videomme_v2("(B)", ("a boat", "a dog"))
        'Z'
    """
    text = reply.strip()
    for pattern in (_V2_ALONE.search, _V2_LEADING.match):
        found = pattern(text)
        if found:
            return found[1].upper()
    cued = _V2_CUED.findall(text)
    if cued:
        return str(cued[-1]).upper()
    bold = {letter.upper() for letter in _V2_BOLD.findall(text)}
    if len(bold) == 1:
        return str(bold.pop())
    said = reply.lower()
    named = [index for index, option in enumerate(options) if option.strip(". \n").lower() in said]
    return LMMS_LETTERS[named[0]] if len(named) == 1 else UNREAD


@dataclass(frozen=True, kw_only=True)
class CinePileAnswer:
    """What CinePile's script makes of a reply."""

    letter: str | None
    text: str

    def is_right(self, letter: str, text: str) -> bool:
        """Whether the letter is right and the text behind it, if there is one, equals the option; or the text alone."""
        if self.letter is None:
            return self.text.lower() == text.lower()
        return self.letter == letter and (not self.text or not text or self.text.lower() == text.lower())


def read_cinepile(reply: str) -> CinePileAnswer:
    """Read a bare letter, or the letter and the text after `Answer:`, or else the whole reply as a text.

    Example:
        >>> read_cinepile("Answer: B) She left.")
        CinePileAnswer(letter='B', text='She left.')
    """
    text = reply.replace("*", "").strip()
    if len(text) == 1 and text.upper() in "ABCDE":
        return CinePileAnswer(letter=text.upper(), text="")
    found = _CINEPILE.search(text)
    if found:
        return CinePileAnswer(letter=found[1].upper(), text=found[2].strip())
    return CinePileAnswer(letter=None, text=text)


def read_scienceqa(reply: str, letters: str) -> str | None:
    """Read a reply that is a letter, begins with `B. `, or says "The answer is B." exactly once."""
    if reply and reply in letters and len(reply) == 1:
        return reply
    if reply[1:3] == ". " and reply[0] in letters:
        return reply[0]
    found = _SCIENCEQA.findall(reply)
    return str(found[0]) if len(found) == 1 else None


def read_lvbench(reply: str) -> str:
    """Read the first character inside the first round bracket, or else of the reply; any character will do."""
    text = reply.strip().split(")")[0].strip()
    if "(" in text:
        text = text.split("(")[1].strip()
    return text.split(" ")[0][:1]
