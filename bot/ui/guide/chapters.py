"""The chapters of the guide, in reading order.

What they teach follows the public guides for beginners of the large image sites and what practitioners report.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.i18n import later


@dataclass(frozen=True)
class Chapter:
    """One page. `picture` is a file in the guide's folder, `shown` its description."""

    key: str
    title: str
    text: str
    picture: str
    shown: str


CHAPTERS = (
    Chapter(
        "lora",
        later("What is a LoRA?"),
        later(
            "The **checkpoint** is the large model that paints. It knows light, bodies and composition, and weighs "
            "several gigabytes.\n"
            "A **LoRA** is a small file beside it, a few tens to a few hundred megabytes. It adds one thing that the "
            "checkpoint lacks: a character, a look, a pose. Nothing is trained again, and without it the checkpoint is "
            "as it was.\n"
            "People use LoRAs for two reasons: figures that the checkpoint has never seen, and a look that stays the "
            "same from picture to picture."
        ),
        "lora.webp",
        later("The same prompt and seed: without a LoRA, and with the LoRA of the owl Komori"),
    ),
    Chapter(
        "kinds",
        later("The five kinds"),
        later(
            "**Character** · one figure with face, hair and clothes. The kind that is used most.\n"
            "**Style** · the look of the whole picture: watercolour, oil, manga lines. Strong beside a character.\n"
            "**Pose** · how a body stands, sits or moves.\n"
            "**Detail** · polish: eyes, skin, fabric, small lights.\n"
            "**Other** · photography, lighting, colours, camera angles, and what fits nowhere else."
        ),
        "categories.webp",
        later("Above without, below with: 1 a character, 2 a style, 3 a detail"),
    ),
    Chapter(
        "goal",
        later("Which kind fits my goal?"),
        later("Say what you want to reach, and you get the kind to look for and where to find it."),
        "combining.webp",
        later("A character, a style, both, and both at lower weights"),
    ),
    Chapter(
        "library",
        later("Finding and keeping"),
        later(
            "**Three ways to find** · the market (/lora browse), pictures of others with the LoRAs they used, and a "
            "LoRA's own page with its samples.\n"
            "**Two things to do with a find** · *Bookmark* it for later, or *Use now*.\n"
            "Bookmarks come first wherever you choose a LoRA. As they become many: sort them, filter them by kind and "
            "base model, and search name, trigger word and your own note.\n"
            "**What is not here yet** · whom staff let adds it: /lora add with a link of Civitai or Hugging Face, or "
            "with a file.\n"
            "Before you use one, look at two things: does it fit the checkpoint, and is it of the kind you need?"
        ),
        "library.webp",
        later("A small library: what each LoRA is for shows best in a picture"),
    ),
    Chapter(
        "bases",
        later("Base models, and what fits here"),
        later(
            "Every LoRA was trained on one **base model** and belongs on checkpoints of that base model. Once nearly "
            "everything shared one. SDXL has since branched into families such as Illustrious, Pony and Animagine; "
            "their files look alike, but across families a LoRA does nothing, or harm.\n"
            "Easel reads the base model from the file, says how it knows it, and refuses what does not fit. You never "
            "have to guess."
        ),
        "base-models.webp",
        later("One LoRA on its own base model, and what would come out on another one"),
    ),
    Chapter(
        "weights",
        later("Weights"),
        later(
            "The **weight** says how strongly a LoRA applies.\n"
            "- Begin at **0.7 to 0.8** for a character or a style, at **0.3 to 0.6** for a detail.\n"
            "- Nothing to see? Try other **trigger words** in /studio, since Easel adds the first. Then go up by 0.1.\n"
            "- Above **1.2**, pictures begin to break.\n"
            "- Below zero it pushes away from what it has learnt.\n"
            "/sweep paints one LoRA at several weights side by side, with one seed. "
            "A LoRA's page says which weight its maker recommends; Easel takes that one by itself. "
            "Where it was measured, the page also says between which weights the LoRA is useful."
        ),
        "weights.webp",
        later("One LoRA, one seed, rising weights: too little, right, too much"),
    ),
    Chapter(
        "fast",
        later("Few-step LoRAs"),
        later(
            "Lightning, Hyper, LCM, TCD, PCM, DMD2 and Turbo LoRAs add nothing to see. With one, **1 to 8 steps** are "
            "enough where 28 are usual, and the picture is there in a fraction of the time.\n"
            "- Each was made for a number of steps, a sampler, and little or no guidance. Easel knows it by its name, "
            "fills in what you leave alone, and says so in one line.\n"
            "- Leave the steps empty: more of them do not help.\n"
            "- Leave its **weight** alone too, and take one at a time. Other LoRAs join it at their own weights; "
            "where you scale all, it keeps its own.\n"
            "- Without guidance, what you want to keep out has no effect.\n"
            "- Where this bot has one ready, choose *fast* in /imagine, or under *Options* in the studio."
        ),
        "few-steps.webp",
        later("The same seed in 2, 4, 8 and 16 steps, without such a LoRA: few steps leave a picture unfinished"),
    ),
    Chapter(
        "combining",
        later("Several LoRAs together"),
        later(
            "A character, a style and a detail make a good team.\n"
            "- All of them must fit the checkpoint. Easel checks each.\n"
            "- Their order does not matter: they are added up.\n"
            "- Each adds to the same picture, so take every weight down a little, above all among LoRAs of one kind. "
            "The studio says when it is too much.\n"
            "- Change one thing at a time and keep the seed; then you see what did it. *Compare* in the studio paints "
            "with and without each.\n"
            "A set that works can be kept as a **stack**, by name, and given to others by its code."
        ),
        "combining.webp",
        later("A character, a style, both, and both at lower weights"),
    ),
    Chapter(
        "two",
        later("Two characters in one picture"),
        later(
            "LoRAs that paint the same place blend: two characters become one. So give each a **part of the "
            "picture**.\n"
            "- In the studio press *Two characters* and choose a layout: left and right, top and bottom, a figure "
            "before a background, or three parts. Say what is in each part, and under *Everywhere* the background and "
            "the style. Then choose each LoRA's part by its button *Weight, part*.\n"
            "- In /imagine choose a side for each LoRA, and part the words with bars: `an owl | a heart | a "
            "meadow`. What comes last is for all of it.\n"
            "- A style LoRA without a part is for the whole picture. A few-step LoRA always is.\n"
            "- Wide pictures suit left and right. Words for all parts, such as the background, hold the picture "
            "together.\n"
            "Each part is painted like a picture: two of them take twice the time, and count so in the queue. Some "
            "kinds of checkpoints cannot do it, and say so."
        ),
        "two-characters.webp",
        later("The same LoRAs and seed: in one prompt only the heart is left; with a part for each, both are there"),
    ),
    Chapter(
        "trouble",
        later("When it looks wrong"),
        later("Say what you see, and you get what usually helps."),
        "trouble.webp",
        later("A good weight, one that is too low to see anything, and one that is far too high"),
    ),
)


def chapter(key: str) -> Chapter:
    """The chapter by key; the first for an unknown key."""
    return next((each for each in CHAPTERS if each.key == key), CHAPTERS[0])
