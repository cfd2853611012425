"""Boundary data: lists of events become dialogues about what happens when, as VTimeLLM's second stage has them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from movieqa.errors import ConfigError

from .building import BuiltRecords, Work, read_json, read_records

_LIST = (
    "List all events of this video with their times.",
    "What happens in the video, and when? Name every event with its span.",
    "Go through the video from start to end and tell each event with its times.",
    "Divide the video into its events and say when each begins and ends.",
    "Give a summary of the events with their times.",
    "Which events are there, from when to when?",
    "Tell in order what takes place, with start and end of each part.",
    "Write down every event of the video together with its span.",
    "Describe all that happens here and say when it does.",
    "What are the parts of this video? Give the times of each.",
)
_WHAT = (
    "What happens from {start} to {end}?",
    "Describe what is seen from {start} to {end}.",
    "What takes place between {start} and {end}?",
    "Say what goes on from {start} to {end}.",
    "What is going on in the part from {start} to {end}?",
    "Tell me about the span from {start} to {end}.",
    "Which event lies between {start} and {end}?",
    "From {start} to {end}, what can be seen?",
    "Summarise the part from {start} to {end}.",
    "What does one watch from {start} to {end}?",
)
_WHEN = (
    "When does this happen: {event}?",
    "At what time is this seen: {event}?",
    "In which part of the video is it shown that {event}?",
    "From when to when does it take place: {event}?",
    "Find the span of this event: {event}.",
    "Where in the video can one see this: {event}?",
    "Give start and end of this event: {event}.",
    "Which part shows this: {event}?",
    "During which time does one see this: {event}?",
    "Locate this in the video: {event}.",
)
_LONGEST, _SHORTEST_EVENT, _MEAN_SHARE, _LISTING = 120.0, 3.0, 0.08, 0.2


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens, in seconds of its video."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, kw_only=True)
class EventList:
    """A video and its events, in their order."""

    video: str
    duration: float
    events: tuple[Event, ...]


def build_boundary(annotations: Path, *, out: Path, seed: int = 42, longest: float = _LONGEST) -> BuiltRecords:
    """Write `boundary.json`, VTimeLLM's records with symbolic times.

    One video in five is told in one turn, with all its events; in the others each event is asked about once, what it is
    or when, in any order. Two events of the same words are never asked for by these words. Videos are taken as
    published (arXiv 2311.18445, section 3.3): at most two minutes, several events that do not overlap, each of at least
    three seconds, and on average more than 8 % of the video.

    Args:
        annotations: ActivityNet Captions' object of videos with `duration`, `timestamps` and `sentences`; or records
            `{"video", "duration", "events": [{"start", "end", "text"}]}`.
        out: Folder to write into.
        seed: Of kinds, wordings and order.
        longest: Seconds of the longest video.

    Raises:
        ConfigError: If the annotations cannot be read or give no sample, or the folder cannot be written.
    """
    work = Work()
    for item in _read(annotations, work):
        reason = _why_not(item, longest)
        if reason:
            work.skip(reason)
            continue
        dice = Random(f"{seed}:boundary:{item.video}")
        told = [event.text for event in item.events]
        is_listing = dice.random() < _LISTING
        turns = _listing(told, dice) if is_listing else _asking(told, dice)
        tokens = {f"<s{rank}>": event.start for rank, event in enumerate(item.events)}
        tokens |= {f"<e{rank}>": event.end for rank, event in enumerate(item.events)}
        work.add(
            "listing" if is_listing else "asking",
            item.video,
            turns,
            source="boundary",
            video=item.video,
            meta={"duration": item.duration, "token": tokens},
        )
    return work.write(out / "boundary.json")


def _read(path: Path, work: Work) -> Iterator[EventList]:
    """Yield every video whose events can be read, in order, its events sorted by time."""
    with_ids = path.suffix == ".json" and _begins_with_object(path)
    items = _captions(read_json(path)) if with_ids else read_records(path, work)
    for item in items:
        try:
            events = [
                Event(start=float(one["start"]), end=float(one["end"]), text=_sentence(one["text"]))
                for one in item["events"]
            ]
            found = EventList(
                video=str(item["video"]),
                duration=float(item["duration"]),
                events=tuple(sorted(events, key=lambda event: (event.start, event.end))),
            )
            numbers = [found.duration, *(side for event in events for side in (event.start, event.end))]
            if not all(map(math.isfinite, numbers)):
                raise ValueError("a time that is no number")
        except (KeyError, TypeError, ValueError, AttributeError):
            work.skip("no list of events")
            continue
        yield found


def _captions(content: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(content, dict):
        raise ConfigError("annotations must be an object of videos, or a list of records")
    for video, item in content.items():
        try:
            pairs = zip(item["timestamps"], item["sentences"], strict=True)
            events = [{"start": start, "end": end, "text": text} for (start, end), text in pairs]
            yield {"video": video, "duration": item["duration"], "events": events}
        except (KeyError, TypeError, ValueError):
            yield {}


def _begins_with_object(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error})") from error


def _why_not(item: EventList, longest: float) -> str:
    """Return why a video is left out, or nothing."""
    events = item.events
    if not 0 < item.duration <= longest:
        return "a video that is too long"
    if len(events) < 2:
        return "fewer than two events"
    if any(event.start < 0 or event.end > item.duration + 1.0 or not event.text for event in events):
        return "an event outside its video, or without words"
    if any(event.end - event.start < _SHORTEST_EVENT for event in events):
        return "an event of less than three seconds"
    if any(later.start < event.end for event, later in pairwise(events)):
        return "events that overlap"
    if sum(event.end - event.start for event in events) / len(events) <= _MEAN_SHARE * item.duration:
        return "events too short for their video"
    return ""


def _sentence(text: str) -> str:
    """Return an event's words on one line, without the full stop; a symbol of time in it would be replaced."""
    said = " ".join(str(text).replace("<", "").replace(">", "").split())
    return said.removesuffix(".").strip()


def _listing(told: Sequence[str], dice: Random) -> list[tuple[str, str]]:
    answer = " ".join(f"From <s{rank}> to <e{rank}>, {_lower(text)}." for rank, text in enumerate(told))
    return [(f"<video>\n{dice.choice(_LIST)}", answer)]


def _asking(told: Sequence[str], dice: Random) -> list[tuple[str, str]]:
    turns = []
    ranks = list(range(len(told)))
    dice.shuffle(ranks)
    same = [text.lower() for text in told]
    for number, rank in enumerate(ranks):
        span = {"start": f"<s{rank}>", "end": f"<e{rank}>"}
        if dice.random() < 0.5 or same.count(same[rank]) > 1:
            question, answer = dice.choice(_WHAT).format(**span), f"{told[rank]}."
        else:
            event = _lower(told[rank]).replace("{", "").replace("}", "")
            question, answer = dice.choice(_WHEN).format(event=event), f"From <s{rank}> to <e{rank}>."
        turns.append((("" if number else "<video>\n") + question, answer))
    return turns


def _lower(text: str) -> str:
    """Begin a sentence small inside another one; a name or an abbreviation keeps its capital."""
    first = text.split(" ", 1)[0]
    is_article = first in ("A", "An", "The", "He", "She", "They", "It", "Two", "Three", "Some", "People", "Someone")
    return text[:1].lower() + text[1:] if is_article else text
