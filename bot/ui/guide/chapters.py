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
            "The **model** (checkpoint) is the large file that generates pictures. It has learned how "
            "light, bodies and composition work. It takes up several gigabytes.\n"
            "A **LoRA** is a small file that you add to the model. Its size is a few tens to a few hundred "
            "megabytes. A LoRA adds one thing that the model lacks: a character, a look or a pose. The "
            "model itself does not change: without the LoRA, the model works as before.\n"
            "People use LoRAs for two reasons: characters that the model has never seen, and a look that "
            "stays the same from picture to picture."
        ),
        "lora.webp",
        later("The same prompt and seed: without a LoRA, and with the LoRA for the owl character Komori"),
    ),
    Chapter(
        "kinds",
        later("The five kinds of LoRAs"),
        later(
            "**Character** · one figure with face, hair and clothes. This is the most widely used kind.\n"
            "**Style** · the look of the whole picture: watercolour, oil, manga lines. It can overpower "
            "a character.\n**Pose** · how a body stands, sits or moves.\n**Detail** · polish: eyes, skin, "
            "fabric, small lights.\n**Other** · photography, lighting, colours, camera angles and "
            "everything else."
        ),
        "categories.webp",
        later("Top row: without a LoRA. Bottom row: with a LoRA for (1) a character, (2) a style, (3) a detail"),
    ),
    Chapter(
        "goal",
        later("Which kind of LoRA do I need?"),
        later("Choose your goal. Easel shows which kind of LoRA to look for and where to find it."),
        "combining.webp",
        later("A character, a style, both together, and both at lower weights"),
    ),
    Chapter(
        "library",
        later("Finding and saving LoRAs"),
        later(
            "**Three ways to find LoRAs** · the market (/lora browse), other members' pictures, and LoRA "
            "pages with samples. Each picture comes with the names of its LoRAs.\n"
            "**Two things to do with a LoRA** · *Bookmark* saves it for later, and *Use now* generates "
            "pictures with it.\n"
            "Your bookmarks come first wherever you choose a LoRA. When you have many bookmarks, sort "
            "them, or filter them by category and base model. You can also search names, trigger words and "
            "your own notes.\n"
            "**A LoRA that is not in the library yet** · add it with /lora add, if staff allow you to. Use "
            "a link from Civitai or Hugging Face, or a file.\n"
            "Before you use a LoRA, check two things: does it fit the model, and is it the kind you need?"
        ),
        "library.webp",
        later("A small library: the pictures show what each LoRA is for"),
    ),
    Chapter(
        "bases",
        later("Base models and LoRAs that fit"),
        later(
            "A **base model** is the model that other models were made from, such as Illustrious, Pony or "
            "Animagine. Each LoRA learned from one base model. With models made from the same base model it "
            "works. With others it has no effect or damages the picture, although the files look alike.\n"
            "Easel reads the base model from the file, tells you how it knows, and refuses LoRAs that do not "
            "fit. You never have to guess."
        ),
        "base-models.webp",
        later("The same LoRA on its own base model and on a different base model"),
    ),
    Chapter(
        "weights",
        later("Weights"),
        later(
            "The **weight** says how strongly a LoRA applies.\n- Start with **0.7 to 0.8** for a "
            "character or a style, and with **0.3 to 0.6** for a detail.\n- No effect? Easel adds only "
            "the first **trigger words**, so try others in /studio. Then raise the weight by 0.1.\n- "
            "Above **1.2**, pictures begin to break.\n- A weight below zero pushes the picture away from "
            "the LoRA.\n/sweep shows one LoRA at several weights side by side, with the same seed. A "
            "LoRA's page shows the weight that its author recommends, and Easel uses that weight by "
            "default. For some LoRAs, the page also shows the range of useful weights that Easel "
            "measured."
        ),
        "weights.webp",
        later("One LoRA at rising weights with the same seed: too little, right, too much"),
    ),
    Chapter(
        "fast",
        later("Few-step LoRAs"),
        later(
            "Lightning, Hyper, LCM, TCD, PCM, DMD2 and Turbo LoRAs add nothing visible to the picture. "
            "With these LoRAs, a picture needs only **1 to 8 steps** instead of the usual 28. Generating "
            "it takes a fraction of the time.\n"
            "- Each of these LoRAs was made for a certain number of steps, a sampler, and little or no "
            "guidance. Easel recognizes the LoRA by its name and fills in the settings that you leave "
            "empty. One line in the message shows these settings.\n"
            "- Leave the steps empty: more steps do not help.\n"
            "- Do not change the **weight** of a few-step LoRA, and use only one few-step LoRA at a time. "
            "You can add other LoRAs with any weight. If you scale all weights, the weight of a few-step "
            "LoRA does not change.\n"
            "- Without guidance, the negative prompt has no effect.\n"
            "- If your model has a few-step LoRA ready, choose *fast* in /imagine, or under *Options* in "
            "the studio."
        ),
        "few-steps.webp",
        later(
            "The same seed with 2, 4, 8 and 16 steps, without a few-step LoRA: with 2 or 4 steps, the "
            "picture looks unfinished"
        ),
    ),
    Chapter(
        "combining",
        later("Several LoRAs together"),
        later(
            "A character, a style and a detail work well together.\n"
            "- All of them must fit the model. Easel checks each one.\n"
            "- The order does not matter: their effects are added together.\n"
            "- They all change the same picture, so lower every weight a little, especially for LoRAs of "
            "the same kind. The studio warns you when the combined weight is too high.\n"
            "- Change one thing at a time and keep the seed, so you can see what each change does. "
            "*Compare* in the studio generates pictures with and without each LoRA.\n"
            "If a set of LoRAs works well, save the set as a **stack** with a name. You can share the "
            "stack with a code."
        ),
        "combining.webp",
        later("A character, a style, both together, and both at lower weights"),
    ),
    Chapter(
        "two",
        later("Two characters in one picture"),
        later(
            "LoRAs in the same part of a picture blend: two characters become one. Give each LoRA its own "
            "**area of the picture** instead.\n"
            "- In the studio, press *Two characters* and choose a layout: left and right, top and bottom, "
            "a figure in front of a background, or three areas. Describe each area. Under *Everywhere*, "
            "describe the background and the style. Then choose each LoRA's area with the button *Weight "
            "and area* next to it.\n"
            "- In /imagine, choose a side for each LoRA, and separate the prompts of the areas with bars: "
            "`an owl | a heart | a meadow`. The last prompt is for the whole picture.\n"
            "- A style LoRA without an area applies to the whole picture. A few-step LoRA always does.\n"
            "- For left and right, a wide picture works best. A prompt for all areas, such as a "
            "description of the background, ties the picture together.\n"
            "Each area takes as long as a whole picture. Two areas take twice the time, and count as two "
            "pictures in the queue. Some models do not support areas, and Easel tells you if yours does "
            "not."
        ),
        "two-characters.webp",
        later(
            "The same LoRAs and seed: with one prompt, only the heart appears; with an area for each "
            "LoRA, the owl and the heart appear"
        ),
    ),
    Chapter(
        "trouble",
        later("When a picture looks wrong"),
        later("Choose your problem. Easel shows what usually helps."),
        "trouble.webp",
        later("A good weight, a weight too low to show an effect, and a weight far too high"),
    ),
)


def chapter(key: str) -> Chapter:
    """The chapter by key; the first for an unknown key."""
    return next((each for each in CHAPTERS if each.key == key), CHAPTERS[0])
