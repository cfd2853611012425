"""When something happens, as replies put it: right for all wordings that the original scripts miss or misread."""

from __future__ import annotations

import math
import time

import pytest

from movieqa.errors import ConfigError, EvaluationError
from movieqa.eval.sample import Moment
from movieqa.eval.scorers.captions import read_captions
from movieqa.eval.scorers.grounding import Grounding
from movieqa.eval.scorers.moments import read_moments
from tests.scored import answered, golden, moments, rows

_INSTANT = ("at ", "I can not")


def test_every_golden_wording_in_seconds() -> None:
    """Each reply states its span last, in seconds or as clock times, and the originals miss some of them."""
    for row in rows("harness/grounding_seconds.jsonl"):
        reply, found = row["reply"], read_moments(row["reply"])
        if not reply or reply.startswith(_INSTANT):
            assert found == (), reply
            continue
        spans = [span for span in (*row["charades_span"], *row["timelens_spans"][-1:]) if span]
        start, end = sorted(spans[0])  # one of them always has it
        assert (found[0].start, found[0].end) == (start, end), reply


def test_every_golden_wording_in_hundredths() -> None:
    missed = {
        "from 10 To 20": (0.10, 0.20),
        "from 10\nto 20": (0.10, 0.20),
        "From frame 12 to frame 30.": (0.12, 0.30),
        "from 5 to 9": (0.05, 0.09),
        "00 - 50": (0.0, 0.5),
        "from 10.5 to 20.5": (0.105, 0.205),
        "from 60 to 20": (0.2, 0.6),
        "22 to 22": (0.22, 0.23),
        "from 00 to 99": (0.0, 1.0),
    }
    for row in rows("vtimellm/grounding_cases.jsonl"):
        answer, duration = row["answer"], row["duration"]
        found = read_moments(answer, duration=duration, is_relative=True)
        if answer in missed:
            start, end = missed[answer]
            assert (found[0].start, found[0].end) == pytest.approx((start * duration, end * duration)), answer
        elif answer == "from 12.34 to 20.11 seconds":
            assert (found[0].start, found[0].end) == (12.34, 20.11)
        elif answer in ("", "At 15.", "during 2010 to 2020", "from 100 to 120"):
            assert found == (), answer
        else:
            assert len(found) >= 1, answer


@pytest.mark.parametrize(
    ("reply", "start", "end"),
    [
        ("[17.9, 26.3]", 17.9, 26.3),
        ("(17.9, 26.3)", 17.9, 26.3),
        ("start 18.5, end 27.3", 18.5, 27.3),
        ("It begins at 0:10 and finishes at 0:12.5.", 10, 12.5),
        ('{"start": 3, "end": 4.5}', 3, 4.5),
        ("01:02:03 - 01:02:05", 3723, 3725),
        ("01:02:03,500 --> 01:02:05,250", 3723.5, 3725.25),
        ("from 1 minute 5 seconds to 1 min 10 s", 65, 70),
        ("1m5s-1m10s", 65, 70),
        ("from 1 to 2 minutes", 60, 120),
        ("12s until 15s", 12, 15),
        ("12 ~ 15", 12, 15),
        ("12→15", 12, 15),
        ("The moment lasts from **12.0** to **15.0** seconds", 12, 15),
        ("5s-9s: he sits", 5, 9),
        ("In scene 3, which is 40 s long, it happens 4.0 - 6.0.", 4, 6),
        ("<think>Perhaps 1 - 2.</think> 3 - 4", 3, 4),
    ],
)
def test_wordings_in_seconds(reply: str, start: float, end: float) -> None:
    assert read_moments(reply)[0] == Moment(start=start, end=end)


@pytest.mark.parametrize("reply", ["at 12 s", "frame 3 of 12", "12", "no", "99999999999 - 1", "-5", "never", "1985"])
def test_what_is_no_moment(reply: str) -> None:
    assert read_moments(reply) == ()


def test_frames_are_hundredths_wherever_the_length_is_known() -> None:
    assert read_moments("frames 10 to 20", duration=50) == (Moment(start=5, end=10),)
    assert read_moments("frames 10 to 20") == ()


@pytest.mark.parametrize("reply", ["1" * 10**6, "1 to " * 10**5, "from start " * 10**5, "1:" * 10**5, "1h " * 10**5])
def test_hostile_replies_are_read_in_bounded_time(reply: str) -> None:
    begin = time.perf_counter()
    assert all(math.isfinite(moment.end) for moment in read_moments(reply))
    assert time.perf_counter() - begin < 5


def test_the_best_of_several_right_moments_counts_and_thresholds_are_reached_or_passed() -> None:
    sample = moments("1", (0, 2), (10, 20))
    values = Grounding().score([answered(sample, "10 - 15")]).values
    assert values == {"R1@0.3": 100, "R1@0.5": 100, "R1@0.7": 0, "mIoU": 50}
    strict = Grounding(is_strict=True).score([answered(sample, "10 - 15")])
    assert strict.values["R1@0.5"] == 0
    assert "above" in strict.notes[0]


def test_what_the_engine_cites_counts_where_its_text_names_no_moment() -> None:
    prediction = answered(moments("1", (4, 8)), "When she signs it.")
    cited = type(prediction)(sample=prediction.sample, text=prediction.text, spans=(Moment(start=4, end=8),))
    assert Grounding().score([prediction]).counts["unanswered"] == 1
    assert Grounding().score([cited]).values["mIoU"] == 100
    assert Grounding(is_reference_compatible=True, script="timelens").score([cited]).values["mIoU"] == 0


def test_what_a_sample_lacks_is_said() -> None:
    without_length = moments("7", (1, 2), in_hundredths=True)
    with pytest.raises(ConfigError, match="7: the scorer grounding needs its duration"):
        Grounding().score([answered(without_length, "from 10 to 20")])
    with pytest.raises(ConfigError, match="needs the right moments"):
        Grounding().score([answered(moments("7"), "1 - 2")])
    with pytest.raises(ConfigError, match="no number above zero"):
        Grounding().score([answered(moments("7", (1, 2), duration=0), "1 - 2")])
    with pytest.raises(EvaluationError, match="7: its right answer holds nan, no number"):
        Grounding().score([answered(moments("7", (1, math.nan)), "1 - 2")])


def test_dense_captions_of_every_golden_form() -> None:
    data = golden("vtimellm/captioning_data.json")
    events = {
        "array spread over several lines": 3,
        "single quotes instead of JSON quotes": 6,
        "objects without an enclosing array": 4,
        "last but one item lacks the timestamps key": 5,
        "three digit end": 5,
        "trailing period in the last item": 2,
        "a bracket before the array": 1,
        "empty array": 0,
        "no array at all": 0,
        "two arrays on one line": 5,
        "one digit numbers": 6,
        "reversed span, items out of order": 2,
    }
    seen = set()
    for row in rows("vtimellm/captioning_parsed.jsonl"):
        found = read_captions(row["answer"], duration=data[row["video_id"]]["duration"], is_relative=True)
        if row["note"] in events:
            seen.add(row["note"])
            assert len(found) == events[row["note"]], row["note"]
        assert all(moment.start < moment.end and moment.caption for moment in found)
        assert len(found) >= len(row["parsed"])
    assert seen == set(events)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('[{"caption": "Rain.", "start": 1, "end": 2.5}]', [(1, 2.5, "Rain.")]),
        ('[{"sentence": "Rain.", "timestamp": [1, 2.5]}]', [(1, 2.5, "Rain.")]),
        ('[{"event": "Rain.", "timestamps": "0:01 - 0:03"}, {"event": "cut off', [(1, 3, "Rain.")]),
        ("1. From 0 to 5 seconds, a man walks.\n2. 5s-9s: he sits.", [(0, 5, "a man walks."), (5, 9, "he sits.")]),
        ("A dog barks (0:10 - 0:12).", [(10, 12, "A dog barks")]),
        ("from 1 to 2, rain falls. from 3 to 4, she runs.", [(1, 2, "rain falls."), (3, 4, "she runs.")]),
        ("{}", []),
        ("{" * 5000, []),
        ('{"event": ' + "[" * 3000 + "}", []),
        ("Nothing happens.", []),
    ],
)
def test_forms_of_dense_captions(reply: str, expected: list[tuple[float, float, str]]) -> None:
    assert [(moment.start, moment.end, moment.caption) for moment in read_captions(reply)] == expected
