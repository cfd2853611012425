"""Speech: the grammars of what people say."""

from __future__ import annotations

RULES: dict[str, list[str]] = {
    "greet_named": [
        "[Good {part}|Hello|Ah], {b}.",
        "{b}! [There you are|I was hoping to meet you|You are early].",
        "So you came, {b}.",
        "[Well|Look who it is], {b}!",
        "{b}, [do you have a moment|may I come closer|good to see you]?",
    ],
    "greet": ["[Hello|Good {part}] [to you|there|].", "You again.", "[There you are|At last].", "I did not hear you."],
    "greet_friends": [
        "{b}, [my old friend|you old friend|dear friend]!",
        "{b}! [How long we have been friends|What would I do without a friend like you]?",
    ],
    "greet_siblings": [
        "{b}, [you have our mother's eyes|what would mother say to us]?",
        "{b}! [We are family, after all|You will always be my own flesh and blood].",
    ],
    "greet_couple": ["{b}, my love.", "{b}, [I counted the hours|my heart]."],
    "greet_colleagues": [
        "{b}, [how was the shift|back at work already]?",
        "{b}! [Another day of work together|We still have the night shift to share].",
    ],
    "greet_rivals": [
        "{b}. [I had hoped not to see you|You and I will never get along].",
        "You, {b}? [Of all people|I thought you kept away from me].",
    ],
    "small": [
        "[They say|I heard] it will [rain|snow|be hot] [tomorrow|all week].",
        "I [hardly|never] [slept|ate] [last night|since yesterday].",
        "[The trains|The boats|The letters] are late [again|these days].",
        "My [knee|back|tooth] tells me the weather is changing.",
        "[Do you remember|I keep thinking of] the old [days|house|songs]?",
        "Somebody left the [door|window|gate] open.",
        "[Everything|Bread|Coal] costs [twice as much|a fortune] now.",
        "I [count|know] every [stone|step|board] of this place.",
    ],
    "small_reply": [
        "[You always say that|If you say so].",
        "[Is that so|Really]?",
        "[I had not noticed|I would not know].",
        "We [will see|shall see|have time].",
        "[Let us not talk about it|Never mind that].",
        "[True|Maybe], [but who cares|and yet here we are].",
    ],
    "ask_where": [
        "[Tell me|Say], where is {o}?",
        "Have you seen {o}? [I miss it|It was here].",
        "I cannot find {o} [anywhere|any more].",
        "[Who|Do you know who] has {o}?",
    ],
    "deny": [
        "I have not seen it [at all|for weeks|].",
        "[How should I know|Why do you ask me]?",
        "I never touched {o}.",
    ],
    "mislead": [
        "{o}? It is {s}, {p}.",
        "Look {s}, {p}. [I saw it there|It must be there].",
        "I think somebody left {o} {s}, {p}.",
    ],
    "tell": [
        "[Listen|I must tell you something|Do not say you have it from me]: {fact}.",
        "{fact}. [I know it|It is true|That is all I know].",
        "[You should know this|It is time you heard it]. {fact}.",
    ],
    "confide": [
        "[Can you keep a secret|Nobody must hear this]? {fact}.",
        "I have to tell someone. {fact}.",
        "Between us: {fact}.",
    ],
    "lie": [
        "[I saw it myself|Believe me]: {fact}.",
        "{fact}. [I swear|Ask anyone].",
        "[Who else|You did not know]? {fact}.",
    ],
    "accuse": [
        "[You did it|It was you], {b}! {fact}.",
        "[Do not deny it|Look at me], {b}. {fact}.",
        "I know everything, {b}: {fact}.",
    ],
    "innocent": [
        "[That is not true|You are wrong]! I [never did|would never].",
        "[Who says so|Me]? [You have known me for years|I was not even there].",
    ],
    "admit": [
        "[Yes|All right]. {reason}.",
        "I did it {bare}. [Forgive me|Now you know|I am not proud of it].",
        "[It is true|I cannot lie to you]. {reason}.",
    ],
    "sorry": [
        "[I was wrong about you|I should have believed you], {b}.",
        "[Forgive me|I am sorry], {b}. [I was a fool|I listened to the wrong people].",
        "I blamed you, {b}, and it was [somebody else|not you].",
    ],
    "forgive": ["[It is forgotten|Let us forget it].", "[We all make mistakes|I forgive you].", "Come here."],
    "reject": [
        "[Too late|I do not want to hear it].",
        "[Go away|Leave me], {b}. [We are done|It is over].",
        "I never want to see you again, {b}.",
    ],
    "thank": [
        "[Thank you|I will never forget this][, {b}|].",
        "You [saved me|are very kind][, {b}|].",
        "How can I thank you[, {b}|]?",
    ],
    "offer": [
        "[This is for you|Take it|Here].",
        "{b}, [I want you to have it|keep it for me|it belongs with you].",
        "I brought {o}, {b}.",
    ],
    "errand": [
        "[Bring|Take] {o} to {c}[, will you|, please], {b}.",
        "{b}, {o} must go to {c}. [Today|Do not lose it].",
    ],
    "promise": ["[I promise|You have my word].", "I will [bring it back|take care of it]. [I promise|Trust me]."],
    "wrong_hands": ["For me? [Well|Oh], [thank you|how nice].", "[I take it|Give it here]. [You are very kind|Good]."],
    "you_are": [
        "You are {b}, are you not? [This is yours|I have something for you].",
        "[There you are|I was sent to you], {b}. This is for you.",
    ],
    "not_got": [
        "I [waited|am still waiting] for {o}. [Nobody came|It never came].",
        "{o}? [I never got it|Nothing was brought to me].",
    ],
    "gave_you": [
        "But I gave it to you [with my own hands|the other day]!",
        "[I did bring it|You took it from me], [you smiled|you thanked me]!",
    ],
    "double": [
        "That was {c}. [People mix us up|We look alike|You took one for the other].",
        "You gave it to {c}! [The same face, not the same heart|We are always taken for each other].",
    ],
    "kin": [
        "{a} is your {kin}, {b}. [Look at the photograph|I kept it from you all these years].",
        "{b}, [listen|sit down]. {a} is your own {kin}.",
    ],
    "kin_meet": [
        "You are my {kin}, {b}.",
        "{b}, [we had the same mother|they parted us as children]. You are my {kin}.",
    ],
    "stranger": [
        "[Excuse me|Pardon], do we know each other, {b}?",
        "They say you are called {b}. [I am new here|We have never met].",
        "You are {b}? [I know nobody here|I arrived yesterday].",
    ],
    "warn": ["Do not drink it, {b}! {fact}.", "{b}, [put that down|not a drop]! {fact}."],
    "drink_up": ["[To your health|Drink with me], {b}.", "I [made|poured] it for you, {b}. Drink."],
    "wait_for": ["[Why does nobody come|I waited all evening].", "[Not coming, then|So that is the answer]."],
    "love": [
        "Meet me {p}. [There is something I must tell you|I will wait for you].",
        "[I have thought of you every day|You must know it by now]. I will wait {p}.",
    ],
    "gift_plan": [
        "It is [a present|meant] for {a}. [Say nothing|It must stay a surprise].",
        "Keep {o} until {a}'s [birthday|feast]. It is my present.",
    ],
    "betrayal": [
        "{b} gives our things away. [I saw it|With my own eyes].",
        "I cannot trust {b} any more. {b} [meets|deals with] {c} in secret.",
    ],
    "explain": [
        "It was [a present for you|for you, all of it]. [You should have asked|You spoiled the surprise].",
        "{c} only kept it for me, because it was meant for you.",
    ],
    "swap_notice": [
        "This is not mine! [Somebody has my things|Whose is it]?",
        "[How strange|That is not possible]. This is not what I carried.",
    ],
    "swap_talk": [
        "You have mine and I have yours, [I think|it seems].",
        "[At the last meeting|The other day] we took the wrong things.",
    ],
    "heir": [
        "This key opens more than a door, {b}. Look {s}, {p}, [when I am gone|when the time comes].",
        "Keep the key, {b}. What it is for lies {s}, {p}.",
    ],
    "farewell": [
        "I leave tonight, {b}. [Do not wait for me|You will manage].",
        "[Goodbye|Farewell], {b}. [I will not come back|Remember me].",
    ],
    "found": ["[There it is|Here you are|At last]!", "So this is where it was."],
    "nothing": ["Nothing. [I was lied to|It is not here].", "[Empty|Not here]. [Somebody fooled me|So much for that]."],
    "alone": ["[Nobody must ever know|Quick now|It has to be done].", "[They will never look there|That should do]."],
    "phone_talk": [
        "[Yes|Hello]? [No, I am alone|Speak louder]. [Tonight|Tomorrow], then.",
        "[It is me|Listen]. [I changed my mind|Everything is ready].",
    ],
    "order": ["[The usual|Something warm], please.", "[How much is it|What do I owe you]?"],
    "return": [
        "Here is {o}. [It was yours all along|I should have brought it sooner].",
        "[You lost this|This belongs to you], {b}.",
    ],
    "lend": [
        "May I borrow {o}, {b}? [Only for a few days|I will be careful].",
        "{b}, [lend me {o}|could I have {o} for a while]?",
    ],
    "demand": ["I need {o} back, {b}.", "[It is time|You promised], {b}. Where is {o}?"],
    "dont_know": ["I do not know.", "[I wish I knew|You ask the wrong one]."],
}
"""What can be said; `{a}`, `{b}` and `{c}` are names, `{o}` a prop, `{s}` and `{p}` where, `{fact}` a sentence."""

MOTIVES: dict[str, str] = {
    "sale": "because {b} would have sold it",
    "surprise": "because it was to be a surprise for {b}",
    "claim": "because {b} had no right to it",
    "revenge": "to pay {b} back for an old quarrel",
    "ruin": "because {b} would have ruined it",
    "proof": "because it proved that {b} had lied",
    "fear": "out of fear of {b}",
    "promise": "because of a promise to {b}",
}
"""Why somebody hides, takes, keeps or breaks a thing; all are equally common."""
