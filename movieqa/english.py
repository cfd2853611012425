"""What the asking side knows of English: function words, words of asking, irregular verbs, numbers."""

from __future__ import annotations

import re

_FUNCTION = """
    a about after against all am an and any are as at be because been before being between but by can could did do does
    doing during each either for from had has have having he her hers herself him himself his how i if in into is it
    its itself let may me might mine must my myself neither no nor not of on onto or our ours ourselves shall she should
    since so some such than that the their theirs them themselves then there these they this those through to toward
    towards until upon us was we were what when where whether which while who whom whose why will with within without
    would you your yours yourself yourselves
"""
FUNCTION_WORDS = frozenset(_FUNCTION.split())
"""Closed-class words: they say how a question is built, never what it is about."""

_ASKING = """
    anybody anyone appear appeared appears character characters clip describe exactly film footage happen happened
    happening happens hear heard hearing hears mention mentioned mentions mentioning movie occur occurred occurs please
    said saw say saying says see seeing seen sees show showed showing shown shows somebody someone speak speaking
    speaks spoke spoken subtitle subtitles talk talked talking talks tell telling tells told video
"""
ASKING_WORDS = frozenset(_ASKING.split())
"""Words by which people ask about films in general; searched only when quoted."""

_WEAK = """
    again also always back both down even ever few first further here just kind last line lines many moment moments
    more most much name named names never now off once only other out over own part person place really same scene
    scenes second shot shots sort still thing things time times too under up very way word words yet
"""
WEAK_WORDS = frozenset(_WEAK.split())
"""Words that say something, but little: they count for less than others."""

_VERBS = """
    be was been|bear bore borne|beat beaten|become became|begin began begun|bend bent|bet betted|bind bound|bite bit
    bitten|bleed bled|blow blew blown|break broke broken|bring brought|build built|burn burnt|buy bought|catch caught|
    choose chose chosen|come came|deal dealt|dig dug|do did done|draw drew drawn|dream dreamt|drink drank drunk|drive
    drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt|fight fought|find found|fly flew flown|forget forgot
    forgotten|forgive forgave forgiven|freeze froze frozen|get got gotten|give gave given|go went gone|grow grew grown|
    hang hung|have had|hear heard|hide hid hidden|hold held|keep kept|know knew known|lead led|learn learnt|leave left|
    lend lent|light lit|lose lost|make made|mean meant|meet met|pay paid|ride rode ridden|ring rang rung|
    rise rose risen|run ran|say said|see saw seen|
    seek sought|sell sold|send sent|shake shook shaken|shoot shot|show shown|sing sang
    sung|sink sank sunk|sit sat|sleep slept|speak spoke spoken|spend spent|stand stood|steal stole stolen|stick stuck|
    strike struck|swear swore sworn|swim swam swum|take took taken|teach taught|tear tore torn|tell told|think thought|
    throw threw thrown|understand understood|wake woke woken|wear wore worn|weep wept|win won|write wrote written
"""
BASE_FORMS = {
    form: verb
    for verb, *forms in (entry.split() for entry in _VERBS.split("|"))
    for form in forms
    if form not in {"saw"}
}
"""Irregular past forms to their verbs: questions are asked in the present, lines tell the past."""

_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBERS = {
    **{word: value for value, word in enumerate((*_ONES, *_TEENS), start=1)},
    **{word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)},
}
"""Number words that are one word."""

_RANKS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
ORDINALS = {word: value for value, word in enumerate(_RANKS, start=1)}

NUMBER_PATTERN = (
    rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(_ONES)}))?|{'|'.join(sorted(_TEENS, key=len, reverse=True))}"
    rf"|{'|'.join(_ONES)})"
)
"""Matches a number in words, one to ninety-nine."""


def read_number(text: str) -> float:
    """Read digits or number words up to ninety-nine, written as `NUMBER_PATTERN` matches them.

    Example:
        >>> read_number("twenty-five"), read_number("1.5")
        (25.0, 1.5)
    """
    if re.match(r"[0-9]", text):
        return float(text)
    return float(sum(NUMBERS[word] for word in re.split(r"[\s-]+", text.lower())))


def join_numbers(words: list[str]) -> list[str]:
    """Write number words as digits, so that "forty-two" is found by "42"; "one" stays, it is mostly a pronoun."""
    joined: list[str] = []
    previous_tens = 0
    for word in words:
        value = NUMBERS.get(word, 0)
        if previous_tens and 0 < value < 10:
            joined[-1] = str(previous_tens + value)
        else:
            joined.append(str(value) if value > 1 else word)
        previous_tens = value if value >= 20 else 0
    return joined
