"""How samples are put into words: structure by benchmark, and nothing of the right answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from movieqa.eval.asking import ask_in_hundredths, clean_query, write_picture_prompt, write_prompt
from movieqa.eval.benchmarks import read_samples
from movieqa.eval.sample import Moment, Sample
from movieqa.eval.scorers.captions import read_captions
from movieqa.eval.scorers.moments import read_moments
from tests.benchmark_files import WRITERS

CHOICE = Sample(id="1", film="f", question="What leaves?", task="choice", options=("a kite", "a boat"), answer="B")
MOMENT = Sample(id="1", film="f", question="He sits.", task="moments", spans=(Moment(start=3.0, end=4.5),))


def ask(benchmark: str, *, subtitles: str | None = None) -> list[str]:
    return write_prompt(replace(CHOICE, benchmark=benchmark), subtitles=subtitles).split("\n")


def test_options_are_marked_as_each_benchmark_marks_them() -> None:
    assert ask("movieqa")[:3] == ["What leaves?", "A. a kite", "B. a boat"]
    assert ask("mlvu")[1:] == ["What leaves?", "(A) a kite", "(B) a boat", "Best option: ("]
    assert ask("lvbench")[1:3] == ["(A) a kite", "(B) a boat"]
    assert ask("cinepile")[1:4] == ["What leaves?", "- A) a kite", "- B) a boat"]
    assert "`Answer: X`" in ask("cinepile")[-1]
    assert ask("video-mme")[1:] == ["What leaves?", "A. a kite", "B. a boat", "The right option is:"]


def test_subtitles_stand_first_and_change_video_mme_instruction() -> None:
    without, with_lines = ask("video-mme"), ask("video-mme", subtitles="Take it.\n")
    assert with_lines[:3] == ["Subtitles of the video:", "Take it.", ""]
    assert with_lines[4:] == without[1:] and with_lines[3] != without[0] and "said" in with_lines[3]
    assert ask("video-mme", subtitles=" ") == without


def test_cinepile_shows_the_dialogue_of_its_rows(tmp_path: Path) -> None:
    sample = read_samples(WRITERS["cinepile"](tmp_path))[0]
    assert write_prompt(sample).startswith("Dialogue of the scene:\nTake it. | I will.\n\n")
    assert "Take it" not in write_prompt(sample, subtitles="Nothing.")


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "moviellm"])
def test_prompts_hold_nothing_of_the_right_answer(name: str, tmp_path: Path) -> None:
    for sample in read_samples(WRITERS[name](tmp_path), benchmark=name):
        blank = replace(
            sample,
            answer=None,
            other_answers=(),
            box=None,
            spans=(),
            facts={key: value for key, value in sample.facts.items() if key in ("times", "subtitles")},
        )
        assert write_prompt(sample) == write_prompt(blank)
        assert sample.question.strip() in write_prompt(sample) or sample.task == "captions"


def test_moments_are_asked_for_in_seconds_or_in_hundredths() -> None:
    seconds = write_prompt(MOMENT)
    assert "He sits." in seconds and read_moments(seconds) == (Moment(start=12.5, end=20.0),)
    (relative,) = ask_in_hundredths([replace(MOMENT, question=" He Sits . ")])
    assert relative.facts["times"] == "hundredths"
    assert "he sits ?" in write_prompt(relative) and "from 12 to 34" in write_prompt(relative)


def test_only_times_can_be_asked_for_in_hundredths() -> None:
    assert ask_in_hundredths([CHOICE]) == (CHOICE,)


def test_several_moments_are_asked_for_where_there_are_several() -> None:
    assert "more than once" in write_prompt(replace(MOMENT, benchmark="qvhighlights"))
    assert "more than once" not in write_prompt(MOMENT)


@pytest.mark.parametrize(("in_hundredths", "form"), [(False, "from 12.5 to 20.0"), (True, "from 12 to 34")])
def test_captions_are_asked_for_in_the_form_that_is_read(in_hundredths: bool, form: str) -> None:
    sample = Sample(id="1", film="f", question="?", task="captions", facts={"duration": 100.0})
    (asked,) = ask_in_hundredths([sample]) if in_hundredths else (sample,)
    prompt = write_prompt(asked)
    assert '"event"' in prompt and '"timestamps"' in prompt and form in prompt
    reply = f'[{{"event": "He sits.", "timestamps": "{form}"}}]'
    assert len(read_captions(reply, duration=100.0, is_relative=in_hundredths)) == 1


def test_statements_and_yes_or_no_questions_are_closed() -> None:
    sample = Sample(id="1", film="f", question="Otto leaves.", task="yes_no", answer="true")
    assert write_prompt(sample) == "Otto leaves.\nReply with yes or no only."
    assert write_prompt(replace(sample, benchmark="mf2")).endswith("Reply with true or false only.")


def test_boxes_are_asked_for_in_thousandths(tmp_path: Path) -> None:
    box, _, matching = read_samples(WRITERS["mm-id"](tmp_path))
    assert "<box>(x1,y1),(x2,y2)</box>" in write_prompt(box) and "thousandths" in write_prompt(box)
    assert write_picture_prompt(box) == (
        "Mara is <img>images/mara.jpg</img>\n In the image: <img>images/shot.jpg</img>\n Identify Mara with grounding."
    )
    assert write_picture_prompt(matching).count("<img>") == 5


def test_pictures_and_marks_must_go_together() -> None:
    sample = Sample(id="7", film="f", question="In <image> and <image>?", pictures=("a.jpg",))
    with pytest.raises(ValueError, match="7: 2 marks for 1 pictures"):
        write_picture_prompt(sample)


@pytest.mark.parametrize(
    ("sentence", "query"),
    [("A man sits.", "a man sits"), (" A man sits ..", "a man sits ."), ("UP", "up"), ("a . b. ", "a . b")],
)
def test_queries_are_cleaned_as_vtimellm_cleans_them(sentence: str, query: str) -> None:
    assert clean_query(sentence) == query
