"""Actions: what people visibly do, how long it takes, and how a sentence says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ActionKind:
    """A visible action.

    The sentences have slots: `{a}` who, `{b}` to whom, `{o}` the prop, `{s}` the hiding spot, `{p}` in which place.
    """

    name: str
    seconds: float
    present: str
    """`gives {o} to {b}`"""
    past: str
    """`gave {o} to {b}`"""
    bare: str
    """`give {o} to {b}`"""

    @property
    def has_other(self) -> bool:
        """Whether a second person takes part."""
        return "{b}" in self.present

    @property
    def has_prop(self) -> bool:
        """Whether a thing takes part."""
        return "{o}" in self.present


def _actions(text: str) -> dict[str, ActionKind]:
    kinds = {}
    for line in text.strip().splitlines():
        name, seconds, present, past, bare = (part.strip() for part in line.split("|"))
        kinds[name] = ActionKind(name=name, seconds=float(seconds), present=present, past=past, bare=bare)
    return kinds


ACTION_KINDS: dict[str, ActionKind] = _actions("""
    enter      | 2.5 | comes in                  | came in                    | come in
    leave      | 2.5 | leaves                    | left                       | leave
    follow     | 2.6 | follows {b}               | followed {b}               | follow {b}
    give       | 2.6 | gives {o} to {b}          | gave {o} to {b}            | give {o} to {b}
    take       | 2.6 | takes {o}                 | took {o}                   | take {o}
    put        | 2.4 | puts {o} down             | put {o} down               | put {o} down
    hide       | 3.4 | hides {o} {s}             | hid {o} {s}                | hide {o} {s}
    find       | 3.2 | finds {o} {s}             | found {o} {s}              | find {o} {s}
    search     | 3.2 | looks {s}                 | looked {s}                 | look {s}
    read       | 3.6 | reads {o}                 | read {o}                   | read {o}
    write      | 3.6 | writes {o}                | wrote {o}                  | write {o}
    show       | 2.8 | shows {b} {o}             | showed {b} {o}             | show {b} {o}
    look_at    | 2.8 | looks at {o}              | looked at {o}              | look at {o}
    drink      | 3.0 | drinks from {o}           | drank from {o}             | drink from {o}
    pour       | 3.2 | pours something into {o}  | poured something into {o}  | pour something into {o}
    eat        | 2.8 | eats {o}                  | ate {o}                    | eat {o}
    break      | 2.6 | breaks {o}                | broke {o}                  | break {o}
    burn       | 3.4 | burns {o}                 | burned {o}                 | burn {o}
    play       | 4.0 | plays {o}                 | played {o}                 | play {o}
    embrace    | 3.0 | embraces {b}              | embraced {b}               | embrace {b}
    shake      | 2.4 | shakes hands with {b}     | shook hands with {b}       | shake hands with {b}
    push       | 2.0 | pushes {b} away           | pushed {b} away            | push {b} away
    wave       | 2.2 | waves to {b}              | waved to {b}               | wave to {b}
    kneel      | 2.6 | kneels before {b}         | knelt before {b}           | kneel before {b}
    dance      | 4.0 | dances with {b}           | danced with {b}            | dance with {b}
    cry        | 3.0 | cries                     | cried                      | cry
    laugh      | 2.2 | laughs                    | laughed                    | laugh
    sweep      | 3.4 | sweeps the floor          | swept the floor            | sweep the floor
    sleep      | 4.0 | falls asleep              | fell asleep                | fall asleep
    phone      | 3.4 | makes a phone call        | made a phone call          | make a phone call
    pray       | 3.0 | prays                     | prayed                     | pray
    stretch    | 2.4 | does exercises            | did exercises              | do exercises
""")
