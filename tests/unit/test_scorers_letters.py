"""Which option a reply chooses: rightly, robustly, and none where it is not clear."""

from __future__ import annotations

import re
import time

import pytest

from movieqa.eval.scorers.letters import read_letter
from tests.scored import OPTIONS, rows

_NONE_IS_CHOSEN = ("Both ", "A man walks", "no idea", "E) none", "D/", "/D")


@pytest.mark.parametrize("row", rows("harness/mcq_extract.jsonl"), ids=lambda row: row["reply"][:30])
def test_the_right_letter_of_every_golden_reply(row: dict[str, str]) -> None:
    """The replies are made of the right letter and of D, which is denied, revoked, or offered beside it."""
    reply, letters = row["reply"], "ABCD" if row["choices"] == "ABCD" else "ABCDEFGH"
    options = tuple(f"option text {letter}{letter}" for letter in letters)
    capitals = [letter for letter in re.findall(r"(?<![A-Za-z])[A-H](?![a-z])", reply) if letter != "D"]
    ambiguous = reply.startswith("Both ") or ("\n" in reply and reply.startswith("D)")) or re.fullmatch(r"\w/?D", reply)
    if ambiguous or reply.startswith(("A man", "E)")) or not (capitals or re.fullmatch("[a-h]", reply)):
        assert read_letter(reply, options) is None
    else:
        assert read_letter(reply, options) == (capitals[-1] if capitals else reply.upper())


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("the correct option is B, not D", "B"),
        ("It can not be A. It is C.", "C"),
        ("Final Answer: **C**", "C"),
        ("c", "C"),
        ("(b)", "B"),
        ("b) a red door", "B"),
        ("answer: b", "B"),
        ("The answer is b.", "B"),
        ("Ｂ", "B"),
        ("（C）", "C"),
        ("$\\boxed{C}$", "C"),
        ("I think so. \\boxed{\\text{D}}", "D"),
        ("<think>A or B? Perhaps A.</think>The answer is D", "D"),
        ("Let me see: A fits. <answer>C</answer>", "C"),
        ("A is wrong, B is wrong, C is right.", "C"),
        ("A is not shown; D is.", "D"),
        ("neither A nor B, so C", "C"),
        ("The answer is A. Wait, the answer is D.", "D"),
        ("B. The door, although D is also in the scene", "B"),
        ("- B", "B"),
        ("The answer is B. Option A is not shown, and option C comes later.", "B"),
        ("Option A shows a dog. Option B shows a cat. So the answer is C.", "C"),
        ("Option A shows a dog, option B a cat.", None),
        ("option b", "B"),
        ("I would go with option C because it fits.", "C"),
        ("The answer should be (D)", "D"),
        ("Of all, A seems the most likely one.", "A"),
        ("A, because B is later", "A"),
        ("B is the best choice", "B"),
        ("Option (C): the key", "C"),
        ("I'd go with D.", "D"),
        ("정답은 B", "B"),
        ("答えは C", "C"),
        ("The answer is: option B", "B"),
        ("A red door.", "B"),
        ("the red door", "B"),
        ("It was no lamp", "D"),
        ("He holds the key in his hand.", "C"),
        ("A book.", "A"),
        ("It shows a red door, not the key.", "B"),
        ("A or B", None),
        ("A) or B)", None),
        ("A, or B", None),
        ("The answer is A or B.", None),
        ("Answer: B and C", None),
        ("A, B", None),
        ("A) book\nB) door", None),
        ("F", None),
        ("The answer is F", None),
        ("I do not know.", None),
        ("A man opens something.", None),
        ("a red door or the key", None),
        ("CD", None),
        ("U.S.A. and B.com", None),
        ("", None),
        ("**", None),
        ("...", None),
    ],
)
def test_wordings(reply: str, letter: str | None) -> None:
    assert read_letter(reply, OPTIONS) == letter


def test_an_option_within_another_is_not_meant_by_it() -> None:
    options = ("a dog", "a dog and a cat", "a bird")
    assert read_letter("It was a dog and a cat.", options) == "B"
    assert read_letter("It was a dog.", options) == "A"
    assert read_letter("a dog", ("a dog", "the dog")) is None


def test_letters_beyond_the_options_and_pronouns() -> None:
    options = tuple(f"thing {number}" for number in range(12))
    assert read_letter("I think it is K", options) == "K"
    assert read_letter("I", options) == "I"
    assert read_letter("Answer: L", options) == "L"
    assert read_letter("Answer: M", options) is None


@pytest.mark.parametrize(
    "reply", ["A " * 500_000, "answer is " * 200_000, "(" * 300_000, "<think>" * 200_000, "not " * 9**6]
)
def test_hostile_replies_are_read_in_bounded_time(reply: str) -> None:
    start = time.perf_counter()
    assert read_letter(reply, OPTIONS) in (None, "A")
    assert time.perf_counter() - start < 5
