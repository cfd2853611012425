"""What each scorer makes of right, wrong, unreadable and missing answers; values worked out by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest

from movieqa.errors import ConfigError, EvaluationError
from movieqa.eval.prediction import Prediction
from movieqa.eval.sample import Moment, Sample
from movieqa.eval.score import SampleScore, Scores
from movieqa.eval.scorers.box import BoxOverlap, read_box
from movieqa.eval.scorers.choice import Choice
from movieqa.eval.scorers.cinepile import CinePile
from movieqa.eval.scorers.exact import Exact
from movieqa.eval.scorers.identity import Identity
from movieqa.eval.scorers.longvideobench import LongVideoBench
from movieqa.eval.scorers.lvbench import LVBench
from movieqa.eval.scorers.matching import Matching, read_number
from movieqa.eval.scorers.mf2 import MF2
from movieqa.eval.scorers.overlap import box_iou, moment_iou
from movieqa.eval.scorers.polar import read_polar, read_pope
from movieqa.eval.scorers.qvhighlights import QVHighlights, average_precision
from movieqa.eval.scorers.registry import SCORERS, make_scorer
from movieqa.eval.scorers.scienceqa import ScienceQA
from movieqa.eval.scorers.soda import match_in_order
from movieqa.eval.scorers.token_f1 import TokenF1
from movieqa.eval.scorers.videomme_v2 import VideoMMEv2
from movieqa.eval.scorers.vqa import VQA, agreement
from movieqa.eval.scorers.yes_no import YesNo
from tests.scored import answered, box, choice, moments, not_answered, yes_no

IMAGES = ("Image 1", "Image 2", "Image 3", "Image 4")


def open_question(name: str, answer: str, *others: str, film: str = "f.mp4") -> Sample:
    return Sample(id=name, film=film, question="What?", answer=answer, other_answers=others)


def by_id(scores: Scores, metric: str) -> dict[str, float]:
    return {score.id: score.values[metric] for score in scores.samples if metric in score.values}


def test_what_is_not_answered_is_wrong_and_counted() -> None:
    predictions = [
        answered(choice("1"), "B"),
        answered(choice("2"), "A or B"),
        not_answered(choice("3")),
        not_answered(choice("4"), "refused"),
        answered(choice("5", answer=None), "B"),
    ]
    scores = Choice().score(predictions)
    assert scores.values == {"accuracy": 25}
    assert scores.counts == {"scored": 4, "unanswered": 1, "refused": 1, "failed": 1, "unscored": 1}
    assert "1 samples have no reference" in scores.notes[0]
    assert [score.id for score in scores.samples] == ["1", "2", "3", "4"]


def test_without_any_reference_one_line_says_so() -> None:
    with pytest.raises(ConfigError, match=r"choice needs options and the right one, and none of 1 samples"):
        Choice().score([answered(choice(answer=None), "B")])


@pytest.mark.parametrize("name", [*SCORERS])
@pytest.mark.parametrize("is_reference", [True, False])
def test_nothing_to_score_is_said_not_raised(name: str, is_reference: bool) -> None:
    scores = make_scorer(name, is_reference_compatible=is_reference).score([])
    assert (scores.values, scores.samples, scores.scorer) == ({}, (), name)
    assert scores.notes[0] == "there is nothing to score"


def test_an_unknown_scorer_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="no scorer 'groundin'; is grounding meant"):
        make_scorer("groundin")
    with pytest.raises(ConfigError, match="there are choice, exact"):
        make_scorer("xyz")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(EvaluationError, match="7: its iou is"):
        SampleScore(id="7", values={"iou": value})
    with pytest.raises(EvaluationError, match="grounding: its mIoU is"):
        Scores(scorer="grounding", values={"mIoU": value})
    with pytest.raises(EvaluationError, match="7: its right answer holds"):
        BoxOverlap().score([answered(box("7", (0, 0, value, 1)), "")])


def test_lvbench_counts_a_question_in_each_category_and_the_original_only_what_is_answered() -> None:
    tags = ("question_type:entity recognition", "question_type:reasoning")
    predictions = [
        answered(choice("1", tags=tags), "The answer is (B) a red door"),
        answered(choice("2", tags=tags[:1]), "I think b"),
        not_answered(choice("3", tags=tags[:1])),
    ]
    ours, theirs = LVBench().score(predictions), LVBench(is_reference_compatible=True).score(predictions)
    assert ours.values == pytest.approx({"Overall": 100 / 3, "ER": 100 / 3, "Rea": 100})
    assert theirs.values == pytest.approx({"Overall": 50, "ER": 50, "Rea": 100})
    assert "1 questions" in theirs.notes[0]
    assert [score.parsed for score in theirs.samples] == ["B", "I", None]
    named = choice("4", facts={"question_type": "summarization, reasoning"})
    assert set(LVBench().score([answered(named, "B")]).values) == {"Overall", "Sum", "Rea"}


def test_longvideobench_by_length_and_kind() -> None:
    facts = {"duration_group": 60, "question_category": "S2E"}
    predictions = [answered(choice("1", facts=facts), "B"), answered(choice("2", facts={"duration_group": 15}), "")]
    values = LongVideoBench().score(predictions).values
    assert values == {"accuracy": 50, "duration_group 60": 100, "duration_group 15": 0, "question_category S2E": 100}


def test_cinepile_by_category_and_on_the_hard_split() -> None:
    facts = {"question_category": "Narrative and\nPlot Analysis", "hard_split": "True"}
    predictions = [
        answered(choice("1", facts=facts), "Answer: B) a red door."),
        answered(choice("2", facts={"hard_split": False}), "B) a red door"),
    ]
    ours, theirs = CinePile().score(predictions), CinePile(is_reference_compatible=True).score(predictions)
    assert ours.values == {"accuracy": 100, "Narrative and Plot Analysis": 100, "hard split": 100}
    assert theirs.values["accuracy"] == 0  # a full stop; and no "Answer:"


def test_scienceqa_over_all_and_over_pictures() -> None:
    predictions = [
        answered(choice("1", facts={"has_picture": True}), "The answer is B."),
        answered(choice("2"), "B. It is red."),
        answered(choice("3"), "it is b"),
        answered(choice("4", facts={"has_picture": True}), "(C)"),
    ]
    assert ScienceQA().score(predictions).values == {"accuracy": 75, "accuracy with picture": 50}
    theirs = ScienceQA(is_reference_compatible=True).score(predictions)
    assert theirs.values == {"accuracy": 50, "accuracy with picture": 50}
    assert theirs.counts["unanswered"] == 2


def _group(*replies: str, structure: str = "[1, [2, 3], 4]") -> list[Prediction]:
    facts = {"video_id": "v", "group_type": "logic", "group_structure": structure}
    return [
        answered(choice(f"v-{number}", facts={**facts, "level": number}), reply)
        for number, reply in enumerate(replies, start=1)
    ]


def test_a_group_is_its_last_question_s_and_a_missing_question_is_wrong() -> None:
    whole = VideoMMEv2().score(_group("B", "A", "B", "B"))
    assert whole.values["overall_score"] == pytest.approx(100 / 3)
    assert whole.values["level_4_score"] == pytest.approx(100 / 3)
    assert by_id(whole, "group_score") == {"v-4": pytest.approx(1 / 3)}
    broken = VideoMMEv2().score(_group("B", "B", "B"))
    assert broken.values["overall_score"] == pytest.approx(700 / 12)
    assert "1 groups lack questions" in broken.notes[0]


def test_what_makes_no_group_is_refused() -> None:
    with pytest.raises(ConfigError, match="v-4: no group of kind 'logic'"):
        VideoMMEv2().score(_group("B", "B", "B", "B", structure="[1, 2]"))
    with pytest.raises(ConfigError, match="x: cannot tell which question"):
        VideoMMEv2().score([answered(choice("x", facts={"video_id": "v"}), "B")])
    twice = choice("w-1", facts={"video_id": "v", "group_type": "relevance"})
    with pytest.raises(ConfigError, match="two questions 1"):
        VideoMMEv2().score([*_group("B"), answered(twice, "B")])


def test_yes_or_no_as_pope_counts() -> None:
    predictions = [
        answered(yes_no("1", "yes"), "Yes, there is."),
        answered(yes_no("2", "yes"), "No."),
        answered(yes_no("3", "no"), "Yes"),
        answered(yes_no("4", "no"), "There is no dog in it."),
        answered(yes_no("5", "no"), "I cannot say"),
        not_answered(yes_no("6", "yes")),
    ]
    ours = YesNo().score(predictions)
    assert ours.values == pytest.approx(
        {"accuracy": 50, "precision": 50, "recall": 100 / 3, "f1": 40, "yes_ratio": 100 / 3}
    )
    theirs = YesNo(is_reference_compatible=True).score(predictions)
    assert theirs.values["yes_ratio"] == 50  # "I cannot say" is a yes
    assert theirs.values["accuracy"] == pytest.approx(100 / 3)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("yes", True),
        ("**Yes**", True),
        ("True.", True),
        ("The answer is no.", False),
        ("Is it yes? The answer is: yes", True),
        ("The statement is false", False),
        ("It isn't there.", False),
        ("There is a dog.", True),
        ("There are none.", False),
        ("Well, yes.", True),
        ("yes or no", None),
        ("I see a room.", None),
        ("", None),
    ],
)
def test_wordings_of_yes_and_no(reply: str, said: bool | None) -> None:
    assert read_polar(reply) is said


def test_pope_reads_the_first_sentence_only() -> None:
    assert read_pope("There is a dog. It is not big.")
    assert not read_pope("No, there is none")
    assert read_pope("nope")


def test_a_pair_counts_only_if_both_statements_are_right() -> None:
    predictions = [
        answered(yes_no("a/true", "true", pair="a"), "True"),
        answered(yes_no("a/false", "false", pair="a"), "No"),
        answered(yes_no("b/false", "false", pair="b"), "False"),
        answered(yes_no("b/true", "true", pair="b"), "False"),
        answered(yes_no("c/true", "true", pair="c"), "True"),
    ]
    scores = MF2().score(predictions)
    assert scores.values == pytest.approx({"pair_accuracy": 100 / 3, "accuracy": 80})
    assert by_id(scores, "pair_correct") == {"a/true": 1, "b/true": 0, "c/true": 0}
    assert "1 pairs" in scores.notes[0]
    assert MF2().score(predictions[::-1]).values == scores.values
    with pytest.raises(ConfigError, match="d: the scorer mf2 needs its pair"):
        MF2().score([answered(yes_no("d", "true"), "True")])


def test_short_answers_word_for_word_and_by_words() -> None:
    predictions = [
        answered(open_question("1", "The red book"), "a Red book."),
        answered(open_question("2", "book", "the red book"), "it is the red book"),
        answered(open_question("3", "book"), ""),
        answered(open_question("4", "本"), "本"),
    ]
    assert Exact().score(predictions).values == {"exact_match": 50}
    f1 = TokenF1().score(predictions)
    assert by_id(f1, "f1") == {"1": 1, "2": pytest.approx(2 / 3), "3": 0, "4": 1}  # "it is" and two words in common
    assert f1.values["f1"] == pytest.approx(100 * (2 + 2 / 3) / 4)
    assert f1.counts["unanswered"] == 1


def test_ten_people_s_answers() -> None:
    people = ["red"] * 3 + ["dark red"] * 2 + ["blue"] * 5
    for said, share in (("red", 0.9), ("dark red", 0.6), ("blue", 1.0), ("green", 0.0)):
        assert agreement(said, people) == pytest.approx(share)
    scores = VQA().score([answered(open_question("1", "don't walk", *["dont walk"] * 8, "two"), "Don't Walk!")])
    assert scores.values["accuracy"] == 100
    assert VQA().score([answered(open_question("1", "two"), "2")]).values["accuracy"] == 100


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("Image 2, not Image 1", 2),
        ("Second", 2),
        ("the 3rd image", 3),
        ("image_4", 4),
        ("It is number 2.", 2),
        ("2", 2),
        ("None of them", None),
        ("Image 1 or Image 2", None),
        ("Image 3 shows 1 person", 3),
        ("2.5", None),
    ],
)
def test_numbers_of_pictures(reply: str, number: int | None) -> None:
    assert read_number(reply) == number


def test_matching_takes_letters_too() -> None:
    predictions = [answered(choice("1", options=IMAGES, answer="C"), "C"), not_answered(choice("2", options=IMAGES))]
    assert Matching().score(predictions).values == {"accuracy": 0.5}


@pytest.mark.parametrize(
    ("reply", "sides"),
    [
        ("<box>(100,200),(300,400)</box>", (0.1, 0.2, 0.3, 0.4)),
        ("[100, 200, 300, 400]", (0.1, 0.2, 0.3, 0.4)),
        ("(0.1, 0.2), (0.3, 0.4)", (0.1, 0.2, 0.3, 0.4)),
        ("[[100,200],[300,400]]", (0.1, 0.2, 0.3, 0.4)),
        ("(300,400),(100,200)", (0.1, 0.2, 0.3, 0.4)),
        ("[1, 2, 3]", None),
        ("on the left", None),
        ("[" * 10**5, None),
    ],
)
def test_boxes(reply: str, sides: tuple[float, ...] | None) -> None:
    found = read_box(reply)
    assert found is None if sides is None else found == pytest.approx(sides)


@pytest.mark.parametrize(
    "reply", ["<box>", "box box", f"<box>({'9' * 4000},1),(2,3)</box>", "<box>(1,2),(3,4),(5,6)</box>"]
)
def test_what_stops_the_original_s_box_reader_is_nothing(reply: str) -> None:
    scores = BoxOverlap(is_reference_compatible=True).score([answered(box("1", (0, 0, 0.5, 1)), reply)])
    assert (scores.values["mean_iou"], scores.counts["unanswered"]) == (0, 1)
    assert "would stop at 1 replies" in scores.notes[0]


def test_overlaps_by_hand() -> None:
    assert box_iou((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert box_iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0
    assert moment_iou(Moment(start=2, end=2), Moment(start=2, end=2)) == 1
    assert moment_iou(Moment(start=2, end=2), Moment(start=0, end=4)) == 0
    scores = BoxOverlap().score([answered(box("1", (0, 0, 0.5, 1)), "<box>(0,0),(1000,1000)</box>")])
    assert scores.values == {"mean_iou": 0.5, "accuracy": 0}  # a hit lies above one half


@pytest.mark.parametrize(
    ("table", "worth", "path"),
    [
        ([[0.5, 0.9], [0.9, 0.5]], 1.0, ((0, 0), (1, 1))),
        ([[0.1, 0.8], [0.9, 0.1]], 0.9, ((1, 0),)),
        ([[0.0, 0.0]], 0.0, ()),
    ],
)
def test_the_best_match_keeps_the_order(
    table: list[list[float]], worth: float, path: Sequence[tuple[int, int]]
) -> None:
    story = match_in_order(np.array(table))
    assert (story.worth, story.path) == (pytest.approx(worth), path)


def test_average_precision_by_hand() -> None:
    first, second, other = (Moment(start=start, end=start + 4) for start in (0, 10, 50))
    assert average_precision([first, second], [first, second], 0.5) == 1
    assert average_precision([first, first, second], [first, second], 0.5) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([other, other], [first], 0.5) == 0
    assert average_precision([], [first], 0.5) == 0


def test_qvhighlights_in_words_and_in_its_own_json() -> None:
    facts = {"relevant_clip_ids": "[0, 1, 5]", "saliency_scores": "[[1, 2, 3], [4, 2, 2], [3, 3, 3]]"}
    sample = Sample(
        id="1",
        film="f",
        question="q",
        task="moments",
        spans=(Moment(start=0, end=4), Moment(start=10, end=12)),
        facts=facts,
        benchmark="qvhighlights",
    )
    windows = [[10, 12, 0.5], [0, 4, 0.9]]
    reply = json.dumps({"pred_relevant_windows": windows, "pred_saliency_scores": [0.1, 0.9, 0.2]})
    scores = QVHighlights().score([answered(sample, reply)])
    assert set(scores.values.values()) == {100}
    assert set(scores.values) == {"mAP", "mAP@0.5", "mAP@0.75", "R1@0.5", "R1@0.7", "HIT@1"}
    words = QVHighlights().score([answered(sample, "10 - 12"), not_answered(moments("2", (0, 1)))])
    assert words.values["mAP"] == 25
    assert words.values["HIT@1"] == 0  # clip 5 is good, not very good
    theirs = QVHighlights(is_reference_compatible=True)
    assert theirs.score([answered(sample, "10 - 12"), not_answered(moments("2", (0, 1)))]).values["mAP"] == 50
    broken = Sample(
        id="3", film="f", question="q", task="moments", spans=sample.spans, facts={**facts, "saliency_scores": "[1]"}
    )
    with pytest.raises(ConfigError, match="3: its saliency_scores do not fit"):
        QVHighlights().score([answered(broken, "")])


def test_faces_named_one_by_one() -> None:
    people = ["Ann", "Ann", "Bob", "Bob"]
    said = ["Ann", "person 7", "person 7", "Bob"]
    predictions = [
        answered(open_question(str(number), person), reply)
        for number, (person, reply) in enumerate(zip(people, said, strict=True))
    ]
    scores = Identity().score(predictions)
    assert scores.values["idf1"] == pytest.approx(0.5)
    assert scores.values["named_precision"] == pytest.approx(0.5)
    assert scores.values["purity"] == pytest.approx(0.75)
    perfect = Identity().score([answered(one.sample, f"the {one.sample.answer}") for one in predictions])
    assert set(perfect.values.values()) == {1}
    elsewhere = [answered(open_question(str(film), "Ann", film=str(film)), "Ann") for film in range(2)]
    assert Identity().score(elsewhere).values["idf1"] == 1
    nobody = Identity().score([answered(one.sample, "unknown") for one in predictions])
    assert (nobody.values["idf1"], nobody.counts["unanswered"]) == (0, 4)
