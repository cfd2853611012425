"""Acting: where everybody of a scene is at a moment, and in which pose; a pure function of the truth and the time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from movieqa.train.film_world.dice import Dice
from movieqa.train.film_world.records import Event, Film, Scene, Stay

from .gestures import DOZING, ON_KNEES, SEATED, bump, gesture, moved_hand
from .pose import Pose

FLOOR = 505.0
"""Where people's feet are, in stage units from the top."""
SPOT_X = (105.0, 560.0, 850.0)
"""Where the hiding spots of a place stand."""
TICKS = 12
"""Drawings a second: films are drawn on twos."""
_OFF_LEFT, _OFF_RIGHT = -320.0, 1320.0
_MOODS = {
    "accuse": "angry",
    "sorry": "sad",
    "thank": "happy",
    "greet": "happy",
    "admit": "sad",
    "reject": "angry",
    "forgive": "happy",
    "warn": "scared",
    "mistake": "angry",
    "embrace": "happy",
    "push": "angry",
    "cry": "sad",
    "laugh": "happy",
    "dance": "happy",
    "wave": "happy",
    "find": "surprised",
    "break": "angry",
    "sleep": "asleep",
    "play": "happy",
}
_MOODS_OF_OTHER = {
    "accuse": "scared",
    "push": "surprised",
    "embrace": "happy",
    "dance": "happy",
    "warn": "surprised",
    "reject": "sad",
}
_CARRIES = ("take", "find", "write", "read", "look_at", "show", "drink", "pour", "play")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A person as drawn: in stage units."""

    person: str
    outfit: int
    x: float
    y: float
    scale: float
    pose: Pose
    is_shadowed: bool = False


class Acting:
    """Knows for every scene of a film who does what when."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._heights = {person.id: person.look.height for person in film.people}
        self._spots = {place.id: place.spots for place in film.places}
        self._events: dict[str, list[Event]] = {scene.id: [] for scene in film.scenes}
        for event in film.events:
            self._events[event.scene].append(event)

    def figures(self, scene: Scene, time: float) -> list[Figure]:
        """Return everybody who is on the set, from the back to the front."""
        events = self._events[scene.id]
        now = next((event for event in reversed(events) if event.start <= time), None)
        places = {
            stay.person: self._position(scene, stay, now, time) for stay in scene.stays if stay.start <= time < stay.end
        }
        stays = {stay.person: stay for stay in scene.stays if stay.start <= time < stay.end}
        result = []
        for rank, (person, x) in enumerate(places.items()):
            pose = self._pose(scene, stays[person], x, places, events, now, time)
            if stays[person].watches:
                pose = replace(pose, facing=-1, turn=0.7)
            result.append(
                Figure(
                    person=person,
                    outfit=stays[person].outfit,
                    x=round(x, 1),
                    y=FLOOR + 4.0 * (rank % 3),
                    scale=1.0,
                    pose=pose,
                    is_shadowed=stays[person].watches,
                )
            )
        return sorted(result, key=lambda figure: (figure.y, figure.person))

    def _position(self, scene: Scene, stay: Stay, now: Event | None, time: float) -> float:
        home = stay.x
        if now is None or time >= now.end:
            return home
        share = (time - now.start) / (now.end - now.start)
        if stay.seat and now.agent == stay.person and now.action not in SEATED:
            share = min(1.0, max(0.0, (share - 0.1) / (0.9 if now.action == "leave" else 0.8)))
        if now.agent == stay.person and now.action == "enter":
            away = _OFF_LEFT if stay.enters == "left" else _OFF_RIGHT
            return away + (home - away) * min(1.0, share * 1.1)
        if now.agent == stay.person and now.action == "leave":
            away = _OFF_LEFT if stay.leaves == "left" else _OFF_RIGHT
            return home + (away - home) * min(1.0, share * 1.05)
        if now.agent != stay.person:
            if now.other == stay.person and now.action in ("push", "embrace", "dance"):
                side = 1 if home > self._home(scene, now.agent) else -1
                return (
                    home
                    + side
                    * bump(share)
                    * {"push": 42.0, "embrace": 0.0, "dance": 20.0 * math.sin(share * 12)}[now.action]
                )
            return home
        if now.spot is not None and now.action in ("hide", "find", "search", "take", "put"):
            target = SPOT_X[self._spots[now.place].index(now.spot)] if now.spot in self._spots[now.place] else home
            side = -1 if home < target else 1
            return home + (target + side * 34.0 - home) * _there_and_back(share)
        gap = {
            "give": 118.0,
            "show": 128.0,
            "follow": 150.0,
            "shake": 122.0,
            "embrace": 44.0,
            "push": 84.0,
            "kneel": 110.0,
            "dance": 74.0,
        }.get(now.action)
        if gap is not None and now.other is not None:
            other = self._home(scene, now.other)
            side = 1 if other > home else -1
            target = other - side * gap
            if (target - home) * side < 0 and now.action != "kneel":
                target = home
            sway = 20.0 * math.sin(share * 12) if now.action == "dance" else 0.0
            return home + (target + sway - home) * _there_and_back(share)
        if now.action == "sweep":
            return home + 60.0 * math.sin(share * 6.0)
        return home

    def _home(self, scene: Scene, person: str) -> float:
        return next((stay.x for stay in scene.stays if stay.person == person), 500.0)

    def _pose(
        self,
        scene: Scene,
        stay: Stay,
        x: float,
        places: dict[str, float],
        events: list[Event],
        now: Event | None,
        time: float,
    ) -> Pose:
        person = stay.person
        homes = {other.person: other.x for other in scene.stays}
        others = [other_x for other, other_x in places.items() if other != person]
        nearest = min(others, key=lambda other_x: abs(other_x - x), default=500.0 if abs(x - 500) > 40 else 900.0)
        tick = round(time * TICKS)
        offset = Dice("blink", person).number(0, 4)
        pose = Pose(
            facing=1 if nearest >= x else -1,
            is_blinking=(time + offset) % 3.7 < 0.17,
            held=self._carried(person, events, time),
        )
        if stay.seat:
            pose = replace(pose, sit=1.0, right_hand=ON_KNEES[0], left_hand=ON_KNEES[1])
        mood = self._mood(person, events, time)
        pose = replace(pose, mood=mood)
        latest = next(
            (item for item in reversed(events) if item.start <= time and person in (item.agent, item.other)), None
        )
        if latest is not None and latest.action == "sleep" and latest.agent == person and time >= latest.end:
            if pose.sit:
                return replace(pose, mood="asleep", nod=DOZING, is_blinking=True)
            return replace(pose, mood="asleep", lying=1.0, is_blinking=True)
        if latest is not None and latest.other is not None:
            opposite = latest.other if latest.agent == person else latest.agent
            pose = replace(pose, facing=1 if homes.get(opposite, nearest) >= x else -1)
        if now is None or time >= now.end or person not in (now.agent, now.other):
            return pose
        share = (time - now.start) / (now.end - now.start)
        is_agent = now.agent == person
        partner = now.other if is_agent else now.agent
        if partner is not None and partner in places:
            pose = replace(pose, facing=1 if places[partner] >= x else -1)
        if now.action == "say":
            if is_agent:
                syllable = Dice("mouth", now.id, tick // 2).number()
                lift = 18.0 * math.sin(tick / 7.0) if now.speech in ("accuse", "tell", "admit", "mistake") else 0.0
                hand = (52.0, -158.0 - lift) if now.speech in ("accuse", "tell", "warn", "mistake") else pose.right_hand
                mouth = round(syllable, 1) if share < 0.93 else 0.0
                return replace(pose, mouth=mouth, right_hand=moved_hand(pose.right_hand, hand, share))
            return pose
        return gesture(pose, now, share, tick, x, is_agent=is_agent)

    def _mood(self, person: str, events: list[Event], time: float) -> str:
        for event in reversed(events):
            if event.start <= time < event.end + 1.4 and person in (event.agent, event.other):
                key = event.speech if event.action == "say" and event.speech else event.action
                key = key.split("_")[0] if key.startswith("greet") else key
                moods = _MOODS if person == event.agent else _MOODS_OF_OTHER
                if key == "sleep" and time >= event.end:
                    return ""
                return moods.get(key, "")
        return ""

    def _carried(self, person: str, events: list[Event], time: float) -> str:
        for event in reversed(events):
            if (
                event.prop is None
                or event.action == "say"
                or event.start > time
                or person not in (event.agent, event.other)
            ):
                continue
            share = (time - event.start) / (event.end - event.start)
            if event.action == "give":
                has_it = share >= 0.55 if person == event.other else share < 0.55
            elif event.action in ("hide", "put"):
                has_it = person == event.agent and share < 0.52
            elif event.action in ("take", "find"):
                has_it = person == event.agent and share > 0.5
            elif event.action in ("break", "burn", "eat"):
                has_it = person == event.agent and share < 0.5
            else:
                has_it = person == event.agent and (share < 1.0 or event.action in _CARRIES)
            return event.prop if has_it else ""
        return ""


def _there_and_back(share: float) -> float:
    """Return how near one is to where one goes: there by a third of the time, back in the last third."""
    way = min(1.0, share / 0.34, max(0.0, (1.0 - share) / 0.34))
    return way * way * (3.0 - 2.0 * way)
