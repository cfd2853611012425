"""Person slots: tokens of a trained model that stand for people, so that no name is ever read or written by it.

A model of this kind has 64 tokens more, `<person_0>` to `<person_63>`. Who is longest on screen has the first. Names
stand beside them only after the film, where every question's own words begin: whoever is renamed, nothing that was
read of the film changes. What the model writes is given names when it is shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from movieqa.cast_check import called, people_by_name
from movieqa.identity import Cast, shown_before
from movieqa.intervals import total

NUM_SLOTS = 64
IDENTITY_SLOT = -201
"""Id of a prompt position that a token made of pictures of a person fills."""
IDENTITY_MARK = "<identity>"
"""Stands in a text for one such token; only prompts with person slots have any."""
_SLOT = re.compile(r"<person_(\d{1,2})>")


def slot_text(slot: int) -> str:
    """Return the token of a slot.

    Example:
        >>> slot_text(3)
        '<person_3>'
    """
    return f"<person_{slot}>"


SLOT_TEXTS = tuple(slot_text(slot) for slot in range(NUM_SLOTS))


@dataclass(frozen=True, kw_only=True, eq=False)
class PersonSlots:
    """Who has which slot in one film, as far as it has been shown.

    Attributes:
        cast: The film's people, as they are called now.
        people: Ids of the people by slot.
    """

    cast: Cast
    people: tuple[int, ...]

    @classmethod
    def of(cls, cast: Cast, until: float | None) -> PersonSlots:
        """Give slots to those who are on screen before `until`, in seconds, the longest first; at most 64."""
        limit = math.inf if until is None else until
        seconds = {one.id: total(shown_before(one.spans, limit)) for one in cast.identities}
        seen = sorted((id_ for id_ in seconds if seconds[id_]), key=lambda id_: (-seconds[id_], id_))
        return cls(cast=cast, people=tuple(seen[:NUM_SLOTS]))

    @cached_property
    def texts(self) -> dict[int, str]:
        """The token of each person, by id."""
        return {id_: slot_text(slot) for slot, id_ in enumerate(self.people)}

    def names(self, clean: Callable[[str], str]) -> str:
        """Return one line that says which slot is called how; empty where nobody has a name.

        Args:
            clean: Takes out of a name what would mean something else in a prompt.
        """
        named = []
        for id_, text in self.texts.items():
            one = self.cast.get(id_)
            if one is not None and (name := clean(one.name or one.possibly or "")):
                named.append(f"{text} is {name}" if one.name else f"{text} may be {name}")
        return f"{', '.join(named)}." if named else ""

    def ask(self, question: str) -> str:
        """Return a question with slots for the people it names; a name that several may bear stays as it is."""
        people = people_by_name(self.cast)
        slots = {
            name: self.texts[own[0].id] for name, own in people.items() if len(own) == 1 and own[0].id in self.texts
        }
        return put_slots(question, slots, names=people)

    def tell(self, text: str) -> str:
        """Return what a model wrote with names for slots; a slot that nobody has is somebody unknown."""
        return _SLOT.sub(lambda match: self._label(int(match[1])), text)

    def _label(self, slot: int) -> str:
        one = self.cast.get(self.people[slot]) if slot < len(self.people) else None
        return one.label if one is not None else "somebody unknown"


def put_slots(text: str, slots: Mapping[str, str], *, names: Collection[str]) -> str:
    """Return a text with slots for the people it names, by their whole name or by a first name that nobody else has.

    Args:
        text: Any text.
        slots: The token of each person, by name.
        names: The names of all people, also of those without a slot.

    Example:
        >>> put_slots("Anna meets Ben Hur.", {"Ben Hur": "<person_4>"}, names=("Anna", "Ben Hur"))
        'Anna meets <person_4>.'
    """
    forms = [(form, token) for name, token in slots.items() for form in called(name, names)]
    for form, token in sorted(forms, key=lambda entry: -len(entry[0])):
        text = re.sub(rf"(?<![\w<]){re.escape(form)}(?!\w)", token, text)
    return text


def without_slots(text: str) -> str:
    """Take slots and identity marks out of a text that somebody wrote.

    Example:
        >>> without_slots("Who is <person_<identity>3>?")
        'Who is ?'
    """
    before = None
    while before != text:  # taking one out can join the halves of another
        before, text = text, _SLOT.sub("", text.replace(IDENTITY_MARK, ""))
    return text


def is_renamed_only(before: Cast, after: Cast) -> bool:
    """Whether two casts differ in nothing but names."""
    return _without_names(before) == _without_names(after)


def _without_names(cast: Cast) -> Sequence[object]:
    return [(one.id, one.tracklets, one.spans, one.shots) for one in cast.identities]
