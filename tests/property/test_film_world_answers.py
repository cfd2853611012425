"""Every answer follows from the truth: recomputed from `truth.json` and the machine-readable query, by other code."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import pytest

pytest.importorskip("skia")

from movieqa.train.film_world.making import make_film
from movieqa.train.film_world.questions.asking import questions_jsonl
from movieqa.train.film_world.splits import SPLITS
from movieqa.train.film_world.truth import truth_json

Truth = dict[str, Any]
SEEDS = range(24)
TAGS = {
    "who",
    "what",
    "where",
    "when",
    "why",
    "count",
    "order",
    "first and last",
    "how long",
    "never",
    "what if",
    "relation",
    "summary",
    "part",
    "moment",
    "dense caption",
    "matching",
    "location",
    "id question",
    "id caption",
    "as of",
}


@lru_cache(maxsize=1)
def films() -> list[tuple[Truth, list[dict[str, Any]]]]:
    result = []
    for seed in SEEDS:
        film = make_film(seed=seed, minutes=6, split=SPLITS[seed % 3])
        samples = [json.loads(line) for line in questions_jsonl(film).splitlines()]
        result.append((json.loads(truth_json(film, width=640, height=360)), samples))
    return result


class Judge:
    """Answers queries from a truth file."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.events = {event["id"]: event for event in truth["events"]}
        self.names = {person["id"]: person["name"] for person in truth["people"]}
        self.props = {prop["id"]: prop["name"] for prop in truth["props"]}
        self.places = {place["id"]: place["phrase"] for place in truth["places"]}

    def answers(self, sample: dict[str, Any]) -> set[str]:
        """Return all answers the truth allows; exactly one is wanted."""
        query = sample["query"]
        ask = query["ask"]
        found: set[str] = getattr(self, f"_{ask}")(query, sample)
        return found

    def _matching(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        keys = [key for key in ("action", "agent", "other", "prop", "spot") if key in query]
        return [event for event in self.truth["events"] if all(event[key] == query[key] for key in keys)]

    def _agent(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        return {self.names[event["agent"]] for event in self._matching(query)}

    def _other(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        return {self.names[event["other"]] for event in self._matching(query)}

    def _prop(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        return {self.props[event["prop"]] for event in self._matching(query) if event["prop"]}

    def _place(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        return {self.places[event["place"]] for event in self._matching(query)}

    def _spot(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        return {event["spot"] for event in self._matching(query)}

    def _time(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        return {f"at {_clock(event['start'])}" for event in self._matching(query)}

    def _why(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        return {self.events[query["event"]]["why"]}

    def _count(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        until = sample.get("until", self.truth["duration"])
        wanted = {"action": query["action"]} | ({"agent": query["agent"]} if query["agent"] else {})
        return {str(sum(event["end"] <= until + 1e-6 for event in self._matching(wanted)))}

    def _order(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        starts = [self.events[event]["start"] for event in query["events"]]
        return {", ".join(f"({place + 1})" for place in sorted(range(3), key=lambda place: starts[place]))}

    def _first(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        chosen = min((self.events[event] for event in query["events"]), key=lambda event: event["start"])
        return {
            option
            for option in sample["options"]
            if option.startswith(self.names[chosen["agent"]]) and self._fits(option, chosen)
        }

    def _last(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        chosen = max((self.events[event] for event in query["events"]), key=lambda event: event["start"])
        return {
            option
            for option in sample["options"]
            if option.startswith(self.names[chosen["agent"]]) and self._fits(option, chosen)
        }

    def _fits(self, text: str, event: dict[str, Any]) -> bool:
        parts = [
            self.names[event["agent"]],
            self.names.get(event["other"] or "", ""),
            self.props.get(event["prop"] or "", ""),
            event["spot"] or "",
        ]
        return all(part in text for part in parts)

    def _length(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        deed = next(
            event for event in self.truth["events"] if event["action"] == "hide" and event["prop"] == query["prop"]
        )
        found = next(
            event for event in self.truth["events"] if event["action"] == "find" and event["prop"] == query["prop"]
        )
        length = found["start"] - deed["end"]
        return {min(sample["options"], key=lambda option: abs(int(re.findall(r"\d+", option)[0]) - length))}

    def _never(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        done = [event for event in self.truth["events"] if event["action"] == self.events[query["events"][0]]["action"]]
        return {option for option in sample["options"] if not any(self._says(option, event) for event in done)}

    def _depends(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        reached = {query["event"]}
        for event in self.truth["events"]:
            if reached & set(event["causes"]):
                reached.add(event["id"])
        acts = [self.events[event] for event in reached if self.events[event]["action"] != "say"]
        return {option for option in sample["options"] if any(self._says(option, event) for event in acts)}

    def _says(self, text: str, event: dict[str, Any]) -> bool:
        verb = {"enter": "comes in", "look_at": "looks at", "search": "looks"}.get(event["action"], event["action"])
        return text.startswith(self.names[event["agent"]] + " ") and self._fits(text, event) and verb in text

    def _lie(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        facts = {fact["id"]: fact for fact in self.truth["facts"]}
        lines = [event for event in self.truth["events"] if event["speech"] == "lie" and event["fact"]]
        told = [event for event in lines if (event["agent"], event["other"]) == (query["agent"], query["other"])]
        return {facts[event["fact"]]["text"] for event in told}

    def _relation(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        until = sample.get("until", self.truth["duration"])
        pair = (query["first"], query["second"])
        steps = [
            item
            for item in self.truth["relations"]
            if (item["first"], item["second"]) == pair and item["start"] <= until
        ]
        return {max(steps, key=lambda item: item["start"])["kind"]}

    def _holder(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        holder = next(where for prop, where, _ in self.truth["starts"] if prop == query["prop"])
        for event in self.truth["events"]:
            if event["prop"] == query["prop"] and event["action"] != "say" and event["end"] <= sample["until"]:
                if event["action"] in ("give",):
                    holder = event["other"]
                elif event["action"] in ("take", "find"):
                    holder = event["agent"]
                elif event["action"] in ("hide", "put"):
                    holder = event["place"]
        return {self.names[holder]} if holder in self.names else set()

    def _knower(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        knowing = {
            item["person"]
            for item in self.truth["knowledge"]
            if item["fact"] == query["fact"] and item["start"] <= sample["until"]
        }
        return {self.names[person] for person in knowing} & set(sample["options"])

    def _plot(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        deed = self.events[query["deed"]]
        return {option for option in sample["options"] if self._fits(option.split(";")[0], deed | {"other": None})}

    def _match(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        return {option for option in sample["options"] if query["person"] in self._seen(_seconds(option))}

    def _seen(self, time: float) -> set[str]:
        nearest = min(self.truth["samples"], key=lambda item: abs(item["time"] - time))
        assert abs(nearest["time"] - time) < 0.06
        return {item["person"] for item in nearest["people"] if item["how"] != "picture"}

    def _actor(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        events = [
            event
            for event in self.truth["events"]
            if event["action"] != "say" and event["start"] <= query["time"] < event["end"]
        ]
        return {self.names[event["agent"]] for event in events}

    def _color(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        person = next(person for person in self.truth["people"] if person["id"] == query["person"])
        scene = next(scene for scene in self.truth["scenes"] if scene["start"] <= sample["time"] < scene["end"])
        stay = next(stay for stay in scene["stays"] if stay["person"] == query["person"])
        return {person["outfits"][stay["outfit"]]["top_color"]}

    def _box(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        nearest = min(self.truth["samples"], key=lambda item: abs(item["time"] - sample["time"]))
        box = next(item["box"] for item in nearest["people"] if item["person"] == query["person"])
        left, top, right, bottom = (int(1000 * share) for share in box)
        return {f"<box>({left},{top}),({right},{bottom})</box>"}

    def _span(self, query: dict[str, Any], sample: dict[str, Any]) -> set[str]:
        event = self.events[query["event"]]
        assert sample["spans"] == [[event["start"], event["end"]]]
        return {f"{_clock(event['start'])} to {_clock(event['end'])}"}


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _seconds(text: str) -> float:
    hours, minutes, seconds = text.removeprefix("at ").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_every_answer_follows_from_the_truth() -> None:
    checked: dict[str, int] = {}
    for truth, samples in films():
        judge = Judge(truth)
        for sample in samples:
            ask = sample["query"]["ask"]
            if ask in ("summary", "part", "dense", "caption"):
                continue
            assert judge.answers(sample) == {sample["short_answer"]}, sample
            checked[ask] = checked.get(ask, 0) + 1
    assert len(checked) >= 20 and min(checked.values()) >= 3, checked


def test_descriptions_speak_of_what_happens_in_their_span() -> None:
    for truth, samples in films():
        names = {person["name"] for person in truth["people"]}
        for sample in samples:
            if sample["query"]["ask"] in ("part", "dense"):
                scene = next(scene for scene in truth["scenes"] if scene["id"] == sample["query"]["scene"])
                here = {stay["person"] for stay in scene["stays"]}
                agents = {person["name"] for person in truth["people"] if person["id"] in here}
                said = {
                    name
                    for name in names
                    if re.search(rf"\b{name} (?!is\b|took\b|broke\b)", re.sub('"[^"]*"', "", sample["long_answer"]))
                }
                assert said <= agents, sample


def test_every_kind_is_asked_and_the_form_is_kept() -> None:
    seen: set[str] = set()
    for truth, samples in films():
        names = {person["name"] for person in truth["people"]}
        identifiers = [sample["id"] for sample in samples]
        assert len(identifiers) == len(set(identifiers))
        for sample in samples:
            seen |= set(sample["tags"])
            assert {
                "id",
                "film",
                "question",
                "answer",
                "short_answer",
                "long_answer",
                "spans",
                "tags",
                "needs",
                "distance",
            } <= set(sample)
            assert all(0 <= start < end <= truth["duration"] + 0.3 for start, end in sample["spans"])
            assert all(start < sample.get("until", 1e9) for start, _ in sample["spans"])
            assert not re.search(r"[{}\[\]<]", sample["question"]), sample["question"]
            if "options" in sample:
                assert len(set(sample["options"])) == 5
                assert sample["options"]["ABCDE".index(sample["answer"])] == sample["short_answer"]
            for item in sample.get("references", []):
                assert item["name"] in names and item["image"] == f"cast/{item['name']}/1.jpg"
    assert seen >= TAGS, TAGS - seen


def test_people_asked_for_by_name_have_been_named() -> None:
    for truth, samples in films():
        for sample in samples:
            if sample.get("references") or sample["query"]["ask"] in ("summary", "part", "dense", "caption"):
                continue
            for person in truth["people"]:
                if re.search(rf"\b{person['name']}\b", sample["question"] + sample["short_answer"]):
                    until = sample.get("until", truth["duration"])
                    assert any(
                        person["id"] in event["names"] and event["end"] <= until + 1e-6 for event in truth["events"]
                    ), sample


def test_right_letters_are_spread_evenly() -> None:
    letters = [sample["answer"] for _, samples in films() for sample in samples if "options" in sample]
    for letter in "ABCDE":
        assert 0.15 < letters.count(letter) / len(letters) < 0.25
