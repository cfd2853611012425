"""An invented film, "The Harbour Light": its lines, and questions with the lines that answer them."""

from __future__ import annotations

from dataclasses import dataclass

LINES: tuple[tuple[float, float, str], ...] = (
    (4.0, 6.5, "[waves crashing, a foghorn in the distance]"),
    (9.0, 11.8, "Mara> You came back. After eleven years\nyou just came back."),
    (12.0, 13.4, "Otto> I said I would."),
    (14.1, 17.2, "Otto> Mother wrote that the lighthouse is to be sold."),
    (17.6, 19.0, "Mara> She shouldn't have written you."),
    (24.5, 27.0, "Otto> The key is under the third step\nof the boathouse."),
    (27.4, 28.9, "Otto> Take it."),
    (29.3, 31.0, "Mara> And what does it open?"),
    (31.5, 34.2, "Otto> Father's strongbox. Nobody has looked inside\nsince the storm."),
    (40.0, 42.5, "Inspector Vey> Good evening. I am looking for\na man named Karlsen."),
    (42.8, 44.0, "Mara> Never heard of him."),
    (44.6, 47.9, "Inspector Vey> He robbed the bank in Trondheim.\nForty-two thousand crowns."),
    (48.2, 49.5, "Mara> That is a lot of money."),
    (55.0, 57.3, "[thunder]"),
    (60.2, 63.0, "Otto> The generator is dead. We have no light\nand the ferry is out there."),
    (63.4, 65.1, "Mara> Then we burn the boat."),
    (65.5, 67.0, "Otto> Grandfather's boat?"),
    (67.3, 69.9, "Mara> It's wood. It will burn for an hour."),
    (78.0, 80.4, "Captain Lund> I saw a fire on the cliff\nand I turned the wheel."),
    (80.9, 83.6, "Captain Lund> You saved two hundred people, Miss Brandt."),
    (90.0, 92.2, "Otto> The strongbox is empty."),
    (92.8, 95.9, "Mara> Not empty. Here. A photograph\nof the two of us."),
    (96.5, 99.4, "Otto> And a letter. 'Forgive me, I spent it on the doctor.'"),
    (105.0, 107.8, "Inspector Vey> Karlsen drowned last night. It's over."),
    (112.0, 114.5, "Mara> Will you stay this time?"),
    (115.0, 116.2, "Otto> Till the paint is dry."),
    (117.0, 119.0, "[both laugh]"),
)
DURATION = 125.0
SHOT_BOUNDS = (0.0, 8.5, 14.0, 24.0, 35.0, 39.5, 50.0, 58.0, 77.0, 88.0, 100.0, 111.0, 125.0)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A question, and which lines may be the best moment; none when the film does not say."""

    question: str
    lines: tuple[int, ...] = ()


QUESTIONS = (
    Expected(question="Where is the key?", lines=(5,)),
    Expected(question="Where did Otto hide the key to the boathouse?", lines=(5,)),
    Expected(question="Which bank did Karlsen rob?", lines=(9, 11)),
    Expected(question="How much money was stolen, 42 thousand crowns?", lines=(11,)),
    Expected(question="Who is the inspector looking for?", lines=(9,)),
    Expected(question="Why is there no light?", lines=(14,)),
    Expected(question="What do they burn?", lines=(15, 17)),
    Expected(question="Whose boat is burned?", lines=(15, 16, 17)),
    Expected(question="How many people were saved?", lines=(19,)),
    Expected(question="What does Captain Lund say about the fire on the cliff?", lines=(18,)),
    Expected(question="What is inside the strongbox?", lines=(8,)),
    Expected(question="Is the strongbox empty?", lines=(20,)),
    Expected(question="When is the photograph found?", lines=(21,)),
    Expected(question="What does the letter say?", lines=(22,)),
    Expected(question='Who says "Forgive me"?', lines=(22,)),
    Expected(question="Who drowned?", lines=(23,)),
    Expected(question="When does it thunder?", lines=(13,)),
    Expected(question="Who laughs at the end?", lines=(26,)),
    Expected(question="When does Mara ask Otto to stay?", lines=(24,)),
    Expected(question="What is sold, the lighthouse?", lines=(3,)),
    Expected(question="After how many years does he come back?", lines=(1,)),
    Expected(question="Who steals the diamond?"),
    Expected(question="Where is the wedding?"),
    Expected(question="What does the pirate bury on the island?"),
    Expected(question="Who is Karlsen's dentist in Copenhagen?"),
    Expected(question="Which song does the orchestra play in the first minute?"),
    Expected(question="When does Mara buy a motorcycle?"),
    Expected(question="Who drowned in the first minute?"),
)
