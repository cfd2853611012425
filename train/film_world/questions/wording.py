"""Wording: the grammars of questions; `{did}` is a clause in the past, `{do}` without an ending."""

from __future__ import annotations

WORDING: dict[str, list[str]] = {
    "who": [
        "Who {did}?",
        "Which [person|character] {did}?",
        "[Name|Tell me] the [person|one] who {did}.",
        "{did}: who was it?",
        "Somebody {did}. [Who|Who was it]?",
    ],
    "whom": [
        "To whom did {a} give {o}?",
        "Who [got|received] {o} from {a}?",
        "{a} gave {o} away. To whom?",
        "Into whose hands did {a} put {o}?",
    ],
    "what": [
        "What did {a} {do}?",
        "Which thing did {a} {do}?",
        "{a} {did}. What was it?",
        "[Name|Tell me] the thing: {a} {did}.",
    ],
    "where": [
        "Where was it that {a} {did}?",
        "In [which|what] place did {a} {do}?",
        "{a} {did}. Where?",
        "At what place in the film does one see that {a} {did}?",
    ],
    "spot": [
        "Where exactly did {a} hide {o}?",
        "In what hiding place did {a} leave {o}?",
        "{a} hid {o}. What was the hiding place?",
    ],
    "when": [
        "When does one see that {a} {did}?",
        "At [what|which] time of the film was it that {a} {did}?",
        "{a} {did}. At about what time of the film?",
    ],
    "why_motive": [
        "Why did {a} {do}?",
        "What made {a} {do}?",
        "For what reason did {a} {do}?",
        "{a} {did}. [Why|What was the reason]?",
    ],
    "why_known": [
        "Why did {a} look there when {a} {did}?",
        "How did {a} know where to look, when {a} {did}?",
        "{a} {did}. How did {a} know of it?",
        "What had brought {a} to it, when {a} {did}?",
    ],
    "count": [
        "How many times [does one see|do we see] that {a} {did}?",
        "How often is it that {a} {did}?",
        "Count the times: {a} {did}.",
        "How many times, all in all, was it that {a} {did}?",
    ],
    "count_until": [
        "How many times [has one seen|have we seen] so far that {a} {did}?",
        "How often is it, up to now, that {a} {did}?",
        "Count the times until now: {a} {did}.",
        "How many times, up to this point, was it that {a} {did}?",
    ],
    "order": [
        "In which order do these happen? (1) {x}; (2) {y}; (3) {z}.",
        "Put these in the order of the film: (1) {x}; (2) {y}; (3) {z}.",
        "(1) {x}; (2) {y}; (3) {z}. What comes first, second and third?",
    ],
    "first": [
        "Which of these happens first?",
        "What comes first in the film?",
        "Of these, what does the film show earliest?",
    ],
    "last": [
        "Which of these happens last?",
        "What comes last in the film?",
        "Of these, what does the film show latest?",
    ],
    "long": [
        "How long does {o} stay where {a} hid it, until it is found?",
        "About how much time of the film passes between the hiding and the finding of {o}?",
        "For how long does {o} stay hidden?",
    ],
    "never": [
        "Which of these never happens?",
        "What is not in the film?",
        "Four of these happen in the film. Which one does not?",
    ],
    "what_if": [
        "Which of these would not have happened without what is said at about {t}?",
        "Suppose nobody had said what is said at about {t}. What would then not have happened?",
        "What is said at about {t} made one of these possible. Which?",
    ],
    "relation": [
        "What are {a} and {b} to each other at the end?",
        "How do {a} and {b} stand to each other when the film ends?",
        "At the end of the film, {a} and {b} are what to each other?",
    ],
    "relation_until": [
        "What are {a} and {b} to each other up to now?",
        "How do {a} and {b} stand to each other by now?",
    ],
    "holder": [
        "Who has {o} by now?",
        "In whose hands is {o} at this point?",
        "With whom is {o} now, as far as has been shown?",
    ],
    "knower": ["Who of these knows by now that {fact}?", "Which of these people has already learned this: {fact}?"],
    "lie": [
        "What lie did {a} tell {b}?",
        "{a} said something untrue to {b}. What was it?",
        "Which untruth did {b} hear from {a}?",
    ],
    "plot": [
        "Which of these stories does the film tell?",
        "Which of these is a plot line of the film?",
        "What happens in the film?",
    ],
    "summary": [
        "[Give|Write] a summary of the film.",
        "What is the film about? [Tell it in order|Sum it up].",
        "Sum up the whole story.",
    ],
    "part": [
        "What happens between {t} and {u}?",
        "Sum up the film from {t} to {u}.",
        "[Tell|Describe] what one sees and hears from {t} to {u}.",
    ],
    "moment": [
        "Find the moment when {a} {did}.",
        "At which moment does one see that {a} {did}?",
        "Give the start and end of this: {a} {did}.",
    ],
    "dense": [
        "[List|Describe] all events from {t} to {u}, each with its times.",
        "What happens from {t} to {u}? Give a start and an end for every event.",
    ],
    "match": [
        "The picture shows {a}. At which of these moments is {a} [in the picture|to be seen]?",
        "{a} is the person of the reference picture. Which of these moments shows {a}?",
    ],
    "locate": [
        "The picture shows {a}. Where is {a} at {t}? Give the box.",
        "Find {a}, known from the reference picture, in the frame at {t}; answer with a box.",
    ],
    "who_acts": [
        "The pictures show these people. Who of them {does} at {t}?",
        "By the reference pictures: which of these people {does} at {t}?",
    ],
    "caption": [
        "The pictures show {list}. Describe the frame at {t} with their names.",
        "Knowing {list} from the pictures, say what happens at {t}.",
    ],
    "wearing": ["What colour is the top {a} wears at {t}?", "At {t}, in what colour is {a} dressed above the waist?"],
    "unsaid": [
        "What does {a} do at {t}, though nobody speaks of it?",
        "Nobody says it, but one sees it: what does {a} do at {t}?",
    ],
}
