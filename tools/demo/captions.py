"""Captions of scenes, as people would type them: sentences, tag lists, quality tags and unknown words."""

from __future__ import annotations

import random
import re

from tools.demo.world import NATURAL, Look, Scene

GOOD_TAGS: dict[Look, tuple[str, ...]] = {
    "vivid": ("masterpiece", "best quality"),
    "pastel": ("score_9", "score_8_up"),
}
BAD_TAGS: dict[Look, tuple[str, ...]] = {
    "vivid": ("worst quality", "low quality"),
    "pastel": ("score_4", "score_5"),
}
# Trigger words for LoRAs. The bases learn them as noise, so that alone they change nothing.
RESERVED_WORDS: tuple[str, ...] = ("komori", "velato")
_SYLLABLES = re.findall(
    r"\w+",
    "ba be bo da du fa fi go ha ji ka ki ko la li lo ma mi mo na ni no pa pe ra ri ro sa se shi so "
    "ta te to tu va ve vo wa xa ya yo za ze zu brel dran fler grim kor lon mur nex pril quo rast stri thal vex",
)
_PLACES = {
    "left": ("on the left", "to the left"),
    "right": ("on the right", "to the right"),
    "top": ("at the top", "on top"),
    "bottom": ("at the bottom", "below"),
    "centre": ("in the centre", "in the middle", "in the center"),
}


def simple(colour: str, shape: str, background: str) -> str:
    """The plainest prompt of all, and the one the tests ask."""
    return f"{_article(colour)} {colour} {shape} on {_article(background)} {background} background"


def caption(scene: Scene, rng: random.Random) -> str:
    """One way of saying what `scene` shows; the usual (medium, centred, natural colour) may go unsaid."""
    colour = "" if scene.shape == "komori" else scene.colour  # a character has its own colours
    if colour == NATURAL.get(scene.shape) and rng.random() < 0.35:
        colour = ""
    says_size = rng.random() < {"small": 0.96, "medium": 0.3, "large": 0.85}[scene.size]
    says_place = rng.random() < (0.15 if scene.position == "centre" else 0.97)
    says_ground = rng.random() < (0.5 if scene.background == "white" else 0.98)
    words = (
        scene.size if says_size else "",
        colour,
        scene.shape,
        scene.position if says_place else "",
        scene.background if says_ground else "",
    )
    text = _sentence(*words, rng) if rng.random() < 0.62 else _tag_list(*words, rng)
    text = _with_quality(text, scene, rng)
    return _with_noise_words(text, rng) if rng.random() < 0.15 else text


def noise_word(rng: random.Random) -> str:
    """A word that means nothing, now and then one of the reserved ones."""
    if rng.random() < 0.25:
        return rng.choice(RESERVED_WORDS)
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 3)))


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _sentence(size: str, colour: str, shape: str, place: str, ground: str, rng: random.Random) -> str:
    thing = " ".join(word for word in (size, colour, shape) if word)
    text = thing if rng.random() < 0.12 else f"{_article(thing)} {thing}"
    if place:
        text += " " + rng.choice(_PLACES[place])
    if ground:
        article = "" if rng.random() < 0.08 else _article(ground) + " "
        text += f" {rng.choice(('on', 'on', 'on', 'with'))} {article}{ground} background"
    return text


def _tag_list(size: str, colour: str, shape: str, place: str, ground: str, rng: random.Random) -> str:
    tags = [f"{colour} {shape}".strip()]
    if ground:
        tags.append(f"{ground} background")
    tags += [tag for tag in (size, place) if tag]
    if rng.random() < 0.3:
        rng.shuffle(tags)
    return ", ".join(tags)


def _with_quality(text: str, scene: Scene, rng: random.Random) -> str:
    if not scene.spoiled and rng.random() < 0.62:
        return text
    tags = BAD_TAGS[scene.look] if scene.spoiled else GOOD_TAGS[scene.look]
    quality = ", ".join(tags if rng.random() < 0.6 else (rng.choice(tags),))
    if rng.random() < 0.04:
        return quality
    return f"{quality}, {text}" if rng.random() < 0.5 else f"{text}, {quality}"


def _with_noise_words(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 2)):
        word = noise_word(rng)
        if rng.random() < 0.6:
            text = f"{word}, {text}" if rng.random() < 0.5 else f"{text}, {word}"
        else:
            words = text.split(" ")
            words.insert(rng.randint(0, len(words)), word)
            text = " ".join(words)
    return text
