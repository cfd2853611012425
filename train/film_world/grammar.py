"""Grammar: sentences grown from rules, so that the same thing is said in many ways."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .dice import Dice
from .splits import Split, allowed_items

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


class Grammar:
    """Rules by symbol; a production holds `[this|that]` choices, `<symbol>` references and `{slots}`.

    Example:
        >>> Grammar({"bye": ["[So long|Goodbye], {name}."]}, "all").say(Dice(1), "bye", name="Mara") in (
        ...     "So long, Mara.", "Goodbye, Mara.")
        True
    """

    def __init__(self, rules: Mapping[str, Sequence[str]], split: Split) -> None:
        self._rules = {symbol: allowed_items(split, "wording", items) for symbol, items in rules.items()}

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._rules

    def say(self, dice: Dice, symbol: str, /, **slots: str) -> str:
        """Grow one sentence; the first letter becomes a capital."""
        text = dice.pick(self._rules[symbol])
        while "<" in text:
            text = re.sub(r"<(\w+)>", lambda match: dice.pick(self._rules[match[1]]), text)
        while _CHOICE.search(text):
            text = _CHOICE.sub(lambda match: dice.pick(match[1].split("|")), text)
        text = _SLOT.sub(lambda match: slots[match[1]], text)
        text = re.sub(r"\s+([,.;!?])", r"\1", re.sub(r"\s+", " ", text)).strip()
        return capitalised(text)


def capitalised(text: str) -> str:
    """Return the text with capitals where sentences begin."""
    return re.sub(r"(^|[.!?]\s+)([a-z])", lambda match: match[1] + match[2].upper(), text)
