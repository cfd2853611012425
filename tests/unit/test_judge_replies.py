"""A judge's reply is read however it is wrapped, and not at all where it is ambiguous."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from movieqa.eval.judging.replies import read_literal, read_reply
from movieqa.eval.judging.rubrics import BETTER_ANSWER, CORRECTNESS, SAME_MEANING, SUMMARY

READ = [
    ('{"score": 4}', 4.0),
    ("{'score': 4.5}", 4.5),
    ('  {"score": "3"}\n', 3.0),
    ('{"score": "4/5"}', 4.0),
    ('```json\n{"score": 2}\n```', 2.0),
    ("Well, it's good.\n{'score': 2}", 2.0),
    ('{"Score": 2, "why": "a { brace"}', 2.0),
    ("Score: 4", 4.0),
    ("- **Score**: 4/5.", 4.0),
    ('{"score": 4} as said: {"score": 4}', 4.0),
]
UNREAD = [
    "",
    "4",
    '{"score": 6}',
    '{"score": -1}',
    '{"score": NaN}',
    '{"score": true}',
    '{"score": null}',
    '{"score": "9/10"}',
    '{"points": 3}',
    'The answer says {"score": 5}. {"score": 1}',
    "score: 5\nscore: 1",
    "[" * 50_000,
    "{" * 50_000,
    '{"score": ' + "9" * 4_000 + "}",
    "__import__('os').system('true')",
]


@pytest.mark.parametrize(("text", "score"), READ)
def test_reads(text: str, score: float) -> None:
    assert read_reply(text, CORRECTNESS) == {"score": score}


@pytest.mark.parametrize("text", UNREAD)
def test_does_not_read(text: str) -> None:
    assert read_reply(text, CORRECTNESS) is None


def test_words() -> None:
    assert read_reply('{"pred": "Yes.", "score": 5}', SAME_MEANING) == {"pred": "yes", "score": 5.0}
    assert read_reply('{"pred": false, "score": 0}', SAME_MEANING) == {"pred": "no", "score": 0.0}
    assert read_reply('{"pred": "perhaps", "score": 0}', SAME_MEANING) is None
    assert read_reply('{"better": "TIE", "first": 3, "second": 3}', BETTER_ANSWER) == {
        "better": "tie",
        "first": 3.0,
        "second": 3.0,
    }
    assert read_reply('{"completeness": 0, "reliability": 5}', SUMMARY) is None


@given(st.text(max_size=300))
def test_any_text_is_read_or_not(text: str) -> None:
    found = read_reply(text, CORRECTNESS)
    assert found is None or 0 <= float(found["score"]) <= 5
    read_literal(text)


@given(st.floats(0, 5), st.sampled_from(["", "Sure! ", "```\n"]), st.sampled_from(["", "\n```", " Thanks."]))
def test_wrapping_changes_nothing(score: float, before: str, after: str) -> None:
    assert read_reply(f'{before}{{"score": {score!r}}}{after}', CORRECTNESS) == {"score": score}
