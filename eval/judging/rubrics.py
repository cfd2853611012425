"""The rubrics: what each published protocol grades, in our words."""

from __future__ import annotations

from .rubric import Field, Rubric

_SCORE = Field(name="score", meaning="0 is useless, 5 could not be better")

SAME_MEANING = Rubric(
    name="same_meaning",
    task="Decide whether the predicted answer says what the reference answer says, given the question.",
    criteria=(
        "Other words for the same thing are right; what counts is the meaning.",
        "A wrong name, number or action makes the prediction wrong, however much of the rest fits.",
    ),
    fields=(
        Field(name="pred", meaning="whether the prediction is right", choices=("yes", "no")),
        Field(name="score", meaning="how well the meanings agree; 5 is complete agreement"),
    ),
)
"""Open question answering: MSVD-QA, MSRVTT-QA, ActivityNet-QA, MovieChat-1K."""

CORRECTNESS = Rubric(
    name="correctness",
    task="Grade how far the facts in the predicted answer agree with the reference answer.",
    criteria=(
        "What contradicts the reference, or is made up, costs points.",
        "Other words for the same fact are fine.",
    ),
    fields=(_SCORE,),
)
DETAIL = Rubric(
    name="detail",
    task="Grade how completely and specifically the predicted answer covers what the reference answer tells.",
    criteria=("Every main point of the reference should be there.", "Particular details weigh more than general talk."),
    fields=(_SCORE,),
)
CONTEXT = Rubric(
    name="context",
    task="Grade how well the predicted answer understands the setting, the themes and the mood of the video.",
    criteria=("It should fit the situation as a whole that the reference describes, not only single facts.",),
    fields=(_SCORE,),
)
TEMPORAL = Rubric(
    name="temporal",
    task="Grade whether the predicted answer tells events in the order in which the reference has them.",
    criteria=("Other words are fine as long as the order is kept.", "Swapped events cost points."),
    fields=(_SCORE,),
)
CONSISTENCY = Rubric(
    name="consistency",
    task="Two wordings of one question were answered. Grade how well both answers agree with each other and with "
    "the reference answer.",
    criteria=("A contradiction between the two is worse than a detail that only one of them has.",),
    fields=(_SCORE,),
)

SUMMARY = Rubric(
    name="summary",
    task="Grade a summary of a video against a reference summary.",
    criteria=(
        "completeness: are the main events of the reference there?",
        "reliability: is what the summary says right and clear, without contradicting the reference?",
    ),
    fields=(
        Field(name="completeness", meaning="1 is worst, 5 best", low=1),
        Field(name="reliability", meaning="1 is worst, 5 best", low=1),
    ),
)
SUB_SCENE = Rubric(
    name="sub_scene",
    task="Grade the description of one part of a video against a reference and the points that it should mention.",
    criteria=(
        "accuracy: how many of the scoring points does it get right?",
        "relevance: does it stay with what was asked?",
    ),
    fields=(
        Field(name="accuracy", meaning="1 is worst, 5 best", low=1),
        Field(name="relevance", meaning="1 is worst, 5 best", low=1),
    ),
)
"""MLVU's two open tasks; each sum is 2 to 10."""

WHO_DOES_WHAT = Rubric(
    name="who_does_what",
    task="Grade how well a prediction agrees with the truth about who does what in pictures of known persons.",
    criteria=(
        "The right action of the wrong person is wrong: names and actions belong together.",
        "After that, count how helpful, relevant and exact it is.",
    ),
    fields=(Field(name="score", meaning="1 is worst, 10 best", low=1, high=10),),
)
"""MM-ID's question answering and captions."""

BETTER_ANSWER = Rubric(
    name="better_answer",
    task="Two answers to a question about a film stand below, with a reference. Say which is better, and grade both.",
    criteria=(
        "More right detail is better; so are the relations of the characters and how it all ends.",
        "Repeating oneself, and text without sense, is very bad.",
        "Where things are numbered, their order must be right.",
        'The order in which the two answers stand means nothing. Say "tie" when neither is better.',
    ),
    fields=(
        Field(name="better", meaning="which answer is better", choices=("first", "second", "tie")),
        Field(name="first", meaning="how good the first answer is"),
        Field(name="second", meaning="how good the second answer is"),
    ),
)
"""MovieLLM's pairwise comparison, with ties."""
