"""The answers of the guide: for each goal a category of LoRA, for each problem what usually helps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.i18n import later
from inference.lora.sidecar import Category


class GuideLink(StrEnum):
    """The list or panel that an answer links to."""

    BOOKMARKS = "bookmarks"
    MARKET = "market"
    STUDIO = "studio"


@dataclass(frozen=True)
class GuideAnswer:
    """An answer to `question`, an option of the menu; its links open filtered by `category`."""

    key: str
    question: str
    text: str
    links: tuple[GuideLink, ...]
    category: Category | None = None


_FIND = (GuideLink.MARKET, GuideLink.BOOKMARKS)

GOALS = (
    GuideAnswer(
        "character",
        later("A figure from a story or a game"),
        later(
            "Look for a **character**. Take the version for your checkpoint, begin at 0.8, and keep its trigger words "
            "in the prompt: they are its name."
        ),
        _FIND,
        Category.CHARACTER,
    ),
    GuideAnswer(
        "style",
        later("My own idea, in a certain look"),
        later(
            "Look for a **style**. Describe your idea in the prompt and leave the look to the LoRA, at 0.7. With a "
            "character beside it, give the style less than the character."
        ),
        _FIND,
        Category.STYLE,
    ),
    GuideAnswer(
        "pose",
        later("A pose that I cannot prompt for"),
        later("Look for a **pose**. Name the position in the prompt too. Begin at 0.7, and go down if faces suffer."),
        _FIND,
        Category.POSE,
    ),
    GuideAnswer(
        "detail",
        later("Nearly right, it wants polish"),
        later("Look for a **detail**. A little is enough: 0.3 to 0.6. Keep the seed, so that only the polish changes."),
        _FIND,
        Category.DETAIL,
    ),
    GuideAnswer(
        "other",
        later("Light, colours or the camera"),
        later("Look under **other**: lighting, photography, colours and camera angles have tags of their own there."),
        _FIND,
        Category.OTHER,
    ),
    GuideAnswer(
        "unsure",
        later("I am not sure yet"),
        later(
            "Begin with what others like: the best rated that fit your checkpoint. Look at the pictures under each, "
            "and at what people use together with it."
        ),
        _FIND,
    ),
)

TROUBLES = (
    GuideAnswer(
        "nothing",
        later("Nothing changes"),
        later(
            "- Many LoRAs sleep without a trigger word. Easel adds the first; choose others in /studio.\n"
            "- Take the weight up by 0.1 until you see something.\n"
            "- Keep the seed and compare with a weight of 0.\n"
            "A wrong base model would look like this too, but Easel does not let one through."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "melting",
        later("Faces melt, lines burn"),
        later(
            "The weights are too high. Go to 0.8, or lower when several LoRAs are in, above all of one kind. "
            "If one alone breaks pictures at its recommended weight, lower the guidance a little."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "mixing",
        later("Two characters become one"),
        later(
            "Both pull at the same face. Lower both to about 0.6, put each one's trigger words beside what belongs to "
            "it, and try with one of them first. Sometimes two pictures are the better way."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "swallowed",
        later("The style swallows the character"),
        later("Style down to about 0.5, character up to about 0.9: a step at a time, with the same seed."),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "colours",
        later("Wrong colours, grey or noise"),
        later(
            "If it happens without any LoRA too, the checkpoint is set up wrongly: its prediction type or its VAE. "
            "Tell an operator of this bot. If it only happens with one, its weight is too high."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "refused",
        later("It says the LoRA does not fit"),
        later(
            "It was trained on another base model than your checkpoint has. Take a checkpoint that it fits, the "
            "refusal has buttons for them, or a LoRA of the same kind that fits."
        ),
        _FIND,
    ),
)

QUESTIONS = {"goal": GOALS, "trouble": TROUBLES}  # by chapter


def answer(chapter: str, key: str) -> GuideAnswer | None:
    """The answer of a chapter by key, None for an unknown key."""
    return next((each for each in QUESTIONS.get(chapter, ()) if each.key == key), None)
