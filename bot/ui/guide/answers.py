"""The answers of the guide: for each goal a category of LoRA, for each problem what usually helps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.i18n import later
from inference.lora.beside.categories import Category


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
        later("A character from a story or game"),
        later(
            "Look for a **character** LoRA. Choose the version for your model and start with a weight of "
            "0.8. Keep the LoRA's trigger words in the prompt: they act as the character's name."
        ),
        _FIND,
        Category.CHARACTER,
    ),
    GuideAnswer(
        "style",
        later("My own idea in a certain style"),
        later(
            "Look for a **style** LoRA. Describe your idea in the prompt, and leave the look to the LoRA. "
            "Start with a weight of 0.7. If you also use a character LoRA, give the style a lower weight than "
            "the character."
        ),
        _FIND,
        Category.STYLE,
    ),
    GuideAnswer(
        "pose",
        later("A pose that no prompt produces"),
        later(
            "Look for a **pose** LoRA. Describe the pose in the prompt too. Start with a weight of 0.7, "
            "and lower the weight if faces look worse."
        ),
        _FIND,
        Category.POSE,
    ),
    GuideAnswer(
        "detail",
        later("Nearly right, but needs polish"),
        later(
            "Look for a **detail** LoRA. A low weight is enough: 0.3 to 0.6. Keep the seed, so that only "
            "the details change."
        ),
        _FIND,
        Category.DETAIL,
    ),
    GuideAnswer(
        "other",
        later("Light, colours or camera"),
        later("Look in the category **other**. It has tags for lighting, photography, colours and camera angles."),
        _FIND,
        Category.OTHER,
    ),
    GuideAnswer(
        "unsure",
        later("I am not sure yet"),
        later(
            "Start with the best-rated LoRAs that fit your model. Look at the pictures on each LoRA's "
            "page, and at the LoRAs that users combine with it."
        ),
        _FIND,
    ),
)

TROUBLES = (
    GuideAnswer(
        "nothing",
        later("The LoRA has no effect"),
        later(
            "- Many LoRAs need a trigger word. Easel adds the first one. You can choose other trigger "
            "words in /studio.\n"
            "- Raise the weight in steps of 0.1 until you see an effect.\n"
            "- Keep the seed, and compare the picture with another one at a weight of 0.\n"
            "A LoRA for another base model would have no effect either, but Easel refuses LoRAs that do "
            "not fit."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "melting",
        later("Melted faces, burnt lines"),
        later(
            "The weights are too high. Try 0.8. If you use several LoRAs, choose even lower weights, "
            "especially for LoRAs of the same kind. If a single LoRA breaks pictures at its recommended "
            "weight, lower the guidance a little."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "mixing",
        later("Two characters merge into one"),
        later(
            "Both LoRAs change the same face. First try each LoRA alone. Then use both with weights of "
            "about 0.6. Put each LoRA's trigger words next to the words for its character. If the faces "
            "still mix, generate a separate picture of each character."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "swallowed",
        later("The style hides the character"),
        later(
            "Lower the style's weight to about 0.5 and raise the character's to about 0.9. Change the "
            "weights a little at a time, and keep the same seed."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "colours",
        later("Wrong colours, grey or noise"),
        later(
            "If this also happens without a LoRA, the model's prediction type or VAE is set up wrongly. "
            "Please tell an operator of this bot. If this happens only with a LoRA, the weight of the "
            "LoRA is too high."
        ),
        (GuideLink.STUDIO,),
    ),
    GuideAnswer(
        "refused",
        later("Easel says the LoRA does not fit"),
        later(
            "The LoRA and your model have different base models. Choose a model that the LoRA fits: the "
            "error message has buttons for these models. Or choose a LoRA of the same kind that fits "
            "your model."
        ),
        _FIND,
    ),
)

QUESTIONS = {"goal": GOALS, "trouble": TROUBLES}  # by chapter


def answer(chapter: str, key: str) -> GuideAnswer | None:
    """The answer of a chapter by key, None for an unknown key."""
    return next((each for each in QUESTIONS.get(chapter, ()) if each.key == key), None)
