"""Which part of the film a question means, what it asks for, and which words it leaves to search."""

from __future__ import annotations

import pytest

from movieqa.english import join_numbers, read_number
from movieqa.question import TimedQuestion, TimeWindow, parse_question
from movieqa.spoken_times import read_precision, read_spoken

TWO_HOURS = 7200.0


@pytest.mark.parametrize(
    ("question", "words", "start", "end"),
    [
        ("Who dies in the first ten minutes?", "Who dies?", 0, 600),
        ("In the last 5 minutes, who dies?", "who dies?", 6900, 7200),
        ("In the first ten minutes Anna cries, why?", "Anna cries, why?", 0, 600),
        ("Who dies in the first twenty-five minutes of the film?", "Who dies?", 0, 1500),
        ("Who dies in the first 1h2m?", "Who dies?", 0, 3720),
        ("Who leaves in the first hour?", "Who leaves?", 0, 3600),
        ("Who leaves in the opening minute?", "Who leaves?", 0, 60),
        ("Who leaves in the last few minutes?", "Who leaves?", 7020, 7200),
        ("Who dies after the first ten minutes?", "Who dies?", 600, 7200),
        ("Who dies before the last half an hour?", "Who dies?", 0, 5400),
        ("What is said after 00:12:30?", "What is said?", 750, 7200),
        ("What is said after 12:30?", "What is said?", 750, 7200),
        ("Who sings before 1h 2m?", "Who sings?", 0, 3720),
        ("Who sings after an hour and a half?", "Who sings?", 5400, 7200),
        ("Who sings until minute twelve?", "Who sings?", 0, 720),
        ("Who sings from 00:10:00 on?", "Who sings?", 600, 7200),
        ("Who dies between 00:10 and 00:20?", "Who dies?", 10, 20),
        ("Who dies from 00:20 to 00:10?", "Who dies?", 10, 20),
        ("Who dies 00:10-00:20?", "Who dies?", 10, 20),
        ("Who dies between minutes 10 and 20?", "Who dies?", 600, 1200),
        ("Who dies between ten and twenty minutes in?", "Who dies?", 600, 1200),
        ("Who dies between 90 seconds and 2 minutes?", "Who dies?", 90, 120),
        ("What is shown at 00:12:30?", "What is shown?", 750, 751),
        ("What is shown at 00:12:30.5?", "What is shown?", 750.5, 751.5),
        ("What is shown at 5 seconds?", "What is shown?", 5, 6),
        ("What is there at the 12-minute mark?", "What is there?", 720, 780),
        ("What happens in minute 12?", "What happens?", 720, 780),
        ("What happens in the tenth minute?", "What happens?", 540, 600),
        ("What happens in the 61st minute?", "What happens?", 3600, 3660),
        ("What happens ten minutes into the film?", "What happens?", 600, 660),
        ("What happens half an hour in?", "What happens?", 1800, 1860),
        ("What happens five minutes before the end?", "What happens?", 6900, 6960),
        ("What happens around minute 12?", "What happens?", 690, 750),
        ("What happens at about 00:12:30?", "What happens?", 720, 780),
        ("Who wins at the end?", "Who wins?", 6900, 7200),
        ("At the very end of the film, who wins?", "who wins?", 6900, 7200),
        ("Does he die in the end?", "Does he die?", 6900, 7200),
        ("What does Anna say at the beginning?", "What does Anna say?", 0, 300),
        ("What does Anna say in the middle of the movie?", "What does Anna say?", 3450, 3750),
        ("Who wins in the second half?", "Who wins?", 3600, 7200),
        ("Who wins in the final third of the film?", "Who wins?", 4800, 7200),
        ("Who wins in the second quarter?", "Who wins?", 1800, 3600),
        ("How does the film end?", "?", 6900, 7200),
        ("how did the movie begin", "", 0, 300),
        ("Who dies after 00:10:00, before 00:20:00?", "Who dies?", 600, 1200),
    ],
)
def test_a_time_expression_becomes_a_window(question: str, words: str, start: float, end: float) -> None:
    timed = parse_question(question, TWO_HOURS)
    assert timed.words == words
    assert timed.window == TimeWindow(start=start, end=end)


@pytest.mark.parametrize(
    "question",
    [
        "Who came home after the war?",
        "What does the second brother want?",
        "Who is the first?",
        "Who lives at the end of the street?",
        "Who sits at the end table?",
        "What is at the beginning of the letter?",
        "Who gets half the money?",
        "Who wins in the first half of the game?",
        "Is it three minutes' walk to the station?",
        "Who makes a last minute decision?",
        "Who is saved at the last minute?",
        "Who has waited for the last ten minutes?",
        "What does Anna want after ten minutes of waiting?",
        "Who spends ten minutes in the car?",
        "Who says it takes between ten and twenty minutes?",
        "Who has the last few minutes of oxygen?",
        "Who arrives at 10:30 pm?",
        "Who arrives at 10:30 o'clock?",
        "Who wants to leave before ten?",
        "Who lives at number 12?",
        "Who needs a minute?",
        "Who has a second 5-minute break?",
        'When does she say "in the first ten minutes"?',
        "When does she say “at the end”?",
        "What does 'after 00:12:30' mean?",
        "When is the 00:12:30pm train?",
        "Who is 99:99:99?",
    ],
)
def test_what_only_looks_like_a_time_stays_words(question: str) -> None:
    timed = parse_question(question, TWO_HOURS)
    assert timed.window is None
    assert timed.words == question


def test_windows_never_reach_past_the_film() -> None:
    assert parse_question("Who dies in the first ten minutes?", 60.0).window == TimeWindow(start=0.0, end=60.0)
    assert parse_question("Who dies in the last ten minutes?", 60.0).window == TimeWindow(start=0.0, end=60.0)
    assert parse_question("Who dies between 00:50 and 01:30?", 60.0).window == TimeWindow(start=50.0, end=60.0)


@pytest.mark.parametrize("when", ["after 01:00:00", "at 00:01:00", "between 00:30:00 and 00:40:00", "in minute 90"])
def test_a_time_outside_the_film_is_an_empty_window(when: str) -> None:
    window = parse_question(f"Who dies {when}?", 60.0).window
    assert window is not None
    assert window.is_empty


def test_contradicting_times_leave_nothing() -> None:
    window = parse_question("Who dies after 00:20:00, before 00:10:00?", TWO_HOURS).window
    assert window is not None
    assert window.is_empty


@pytest.mark.parametrize(("duration", "length"), [(20.84, 5.0), (3.0, 3.0), (600.0, 60.0), (10_800.0, 300.0)])
def test_the_end_is_a_tenth_of_the_film_within_bounds(duration: float, length: float) -> None:
    window = parse_question("What happens at the end?", duration).window
    assert window == TimeWindow(start=duration - length, end=duration)


@pytest.mark.parametrize(
    ("question", "asks_for"),
    [
        ("How many shots are there?", "shot count"),
        ("How many shots does the film have?", "shot count"),
        ("how many shots are there in the movie", "shot count"),
        ("How long is the film?", "duration"),
        ("How long does this movie last?", "duration"),
        ("What is the running time of the film?", "duration"),
        ("When does the film end?", "duration"),
        ("What is shown at 00:00:05?", "picture"),
        ("What do we see when Anna leaves?", "picture"),
        ("Show me the key", "picture"),
        ("What is said about the key?", "speech"),
        ("Who speaks after 00:00:15?", "speech"),
        ("How many shots are fired?", "moment"),
        ("How many shots are there in the gun?", "moment"),
        ("How long is the film star's coat?", "moment"),
        ("When does the film star leave?", "moment"),
        ("Who takes the key?", "moment"),
    ],
)
def test_what_a_question_asks_for(question: str, asks_for: str) -> None:
    timed = parse_question(question, TWO_HOURS)
    assert timed.asks_for == asks_for
    assert bool(timed.words) == (asks_for not in {"shot count", "duration"})


def test_a_fact_may_be_of_a_part() -> None:
    expected = TimedQuestion(words="", window=TimeWindow(start=0.0, end=60.0), asks_for="shot count")
    assert parse_question("How many shots are there in the first minute?", TWO_HOURS) == expected


@pytest.mark.parametrize(
    ("window", "start", "end", "is_held"),
    [
        ((10, 20), 12, 14, True),
        ((10, 20), 0, 100, True),
        ((10, 20), 19.9, 30, False),
        ((10, 20), 19.8, 20.1, True),  # two thirds of it
        ((10, 20), 20, 30, False),
        ((10, 20), 0, 10, False),
        ((10, 10.1), 0, 100, True),
        ((10, 10), 0, 100, False),
    ],
)
def test_what_lies_in_a_window(window: tuple[float, float], start: float, end: float, is_held: bool) -> None:
    assert TimeWindow(start=window[0], end=window[1]).holds(start, end) is is_held


@pytest.mark.parametrize("bounds", [(-1.0, 2.0), (3.0, 2.0), (0.0, float("inf")), (float("nan"), 1.0)])
def test_a_window_refuses_to_be_wrong(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="a window needs"):
        TimeWindow(start=bounds[0], end=bounds[1])


@pytest.mark.parametrize(
    ("text", "seconds", "precision"),
    [
        ("1:02:03.5", 3723.5, 1),
        ("90:00", 5400, 1),
        ("minute 12", 720, 60),
        ("the second 5", 5, 1),
        ("hour 1", 3600, 3600),
        ("1h2m3s", 3723, 1),
        ("one hour and two minutes", 3720, 60),
        ("two and a half minutes", 150, 60),
        ("a couple of minutes", 120, 60),
        ("an hour and a half", 5400, 60),
        ("three quarters of an hour", 2700, 60),
        ("Ninety-Nine seconds", 99, 1),
    ],
)
def test_spoken_times(text: str, seconds: float, precision: float) -> None:
    assert read_spoken(text) == seconds
    assert read_precision(text) == precision


def test_number_words_become_digits() -> None:
    assert join_numbers(["forty", "two", "of", "one", "thousand", "twelve"]) == ["42", "of", "one", "thousand", "12"]
    assert join_numbers(["twenty", "thirty"]) == ["20", "30"]
    assert read_number("ninety nine") == 99


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["12 minutes and ", "at the 1 ", "1h'", "between ", "twenty-", "what ", '"', "«a", "00:10-"]
)
def test_long_nonsense_takes_no_long_time(piece: str) -> None:
    parse_question((piece * 10_000)[:10_000], TWO_HOURS)
