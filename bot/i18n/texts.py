"""Makes text of people safe to show, and writes LoRAs, requests and base models in one form everywhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Protocol

import discord

from bot.database.jobs.jobs import Job
from bot.database.loras.catalogue import Lora, UsedLora
from bot.database.loras.search import Shown
from bot.i18n import _, label, listed, ngettext, number
from inference.messages.request import GenerationRequest, LoraUse, Region
from inference.regions import RegionName

# discord.py's own escaping lets pass what stands inside or behind a masked link, and links themselves.
_MARKUP = re.compile(r"[\\*_~|`\[\]<>]|^[#\-]")
_EMPHASIS = re.compile(r"(?<!\\\*)\\\*([^\\*\n]{1,40})\\\*(?!\\\*)")  # `*Edit*`, once it has been made plain
_CODE = re.compile(r"\\`(.+?)\\`")  # a code span, once it has been made plain
_ESCAPED = re.compile(r"\\([\W_])")
_SHOWN_PROMPT = 200  # characters of a prompt in a message about a picture
_LIMIT = 300  # characters of one name or sentence; a view holds 4000 in all
# Embeddings, overrides and isolates turn what follows around; surrogates and NUL cannot be sent.
_UNSENT = re.compile("[\0\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_RIGHT_TO_LEFT = {"R", "AL"}
_ISOLATE, _END = "\u2068", "\u2069"


def plain(text: str, limit: int = _LIMIT) -> str:
    """Text escaped so that it cannot format, ping or link; cut at `limit` characters."""
    line = " ".join(_UNSENT.sub("", text).split())
    short = line if len(line) <= limit else f"{line[: limit - 1]}…"
    return isolated(discord.utils.escape_mentions(_MARKUP.sub(r"\\\g<0>", short)).replace("://", ":\\//"))


def sentence_of_ours(text: str, limit: int = _LIMIT) -> str:
    """Like `plain`, but `*Edit*` stays emphasised, which is harmless also in text of people."""
    return _EMPHASIS.sub(r"*\1*", plain(text, limit))


def code(text: str, limit: int = _LIMIT) -> str:
    """Text in a code span, in which nothing formats, pings or links, and a backslash would be seen."""
    line = " ".join(_UNSENT.sub("", text).split()).replace("`", "'")
    return f"`{line if len(line) <= limit else f'{line[: limit - 1]}…'}`"


def with_code(text: str, limit: int = _LIMIT) -> str:
    """Like `plain`, but what stands between two backticks stays a code span."""
    return _CODE.sub(lambda span: code(_ESCAPED.sub(r"\1", span[1])), plain(text, limit))


def isolated(text: str) -> str:
    """Right-to-left text, marked so that the text beside it keeps its place.

    Without the mark, a weight or a category after such a name is drawn before it (Unicode Annex 9, rules X5c and N1).
    """
    turned = any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text)
    return f"{_ISOLATE}{text}{_END}" if turned else text


def clipped(text: str, room: int) -> str:
    """Like `plain`, but cut so that the escaped text has at most `room` characters; "" without room."""
    if room < 1:
        return ""
    limit = room
    while len(short := plain(text, limit)) > room:
        limit = limit * 3 // 4
    return short


def on_a_label(name: str, room: int = 60) -> str:
    """A name for a button, which has no markup: cut at `room` characters, so that the rest of the label is seen."""
    line = " ".join(_UNSENT.sub("", name).split())
    return isolated(line if len(line) <= room else f"{line[: room - 1]}…")


def bounded_lines(lines: Sequence[str], room: int) -> list[str]:
    """As many of `lines` as have about `room` characters together, at least one, and a line that counts the rest."""
    shown: list[str] = []
    for line in lines:
        if shown and sum(map(len, shown)) + len(line) > room:
            break
        shown.append(line)
    rest = len(lines) - len(shown)
    return [*shown, ngettext("… and {count} more", "… and {count} more", rest).format(count=rest)] if rest else shown


def several(words: Iterable[str], limit: int = _LIMIT) -> str:
    """`owl, brown owl and 3 more`: as many as fit in about `limit` characters, each made plain."""
    all_of_them = [plain(word) for word in words]
    shown: list[str] = []
    for word in all_of_them:
        if shown and len(", ".join([*shown, word])) > limit:
            break
        shown.append(word)
    rest = len(all_of_them) - len(shown)
    names = ", ".join(shown)
    if not rest:
        return names
    return ngettext("{names} and {count} more", "{names} and {count} more", rest).format(names=names, count=rest)


def lora_name(lora: Lora | UsedLora, shown: Shown) -> str:
    """The name of a LoRA; where its content rating is not `shown`, its number: `LoRA #12`. None: all are shown."""
    return lora.name if shown is None or lora.content_rating in shown else f"LoRA #{lora.id}"


def lora_use(use: LoraUse) -> str:
    """`Komori at 0.8`, or `Komori at 0.8 (left)`."""
    return at_weight(plain(use.name, 60), use.weight, use.region)


def at_weight(lora: str, weight: float, region: RegionName | None = None) -> str:
    """`Komori at 0.8`, or `Komori at 0.8 (left)`, for a name that is safe to show."""
    text = _("{lora} at {weight}").format(lora=lora, weight=f"{weight:g}")
    return text if region is None else _("{lora} ({region})").format(lora=text, region=label(region))


class Worded(Protocol):
    """A request, a draft or a recipe: it has words for the picture, and for its regions."""

    @property
    def prompt(self) -> str:
        """The words for the picture, with regions those for all."""
        ...

    @property
    def regions(self) -> tuple[Region, ...]:
        """The regions with their words."""
        ...


def prompt_text(of: Worded) -> str:
    """What a person wrote of what to paint: `left: an owl · right: a heart · on a meadow`; nothing is escaped."""
    said = _("{region}: {words}")
    parts = [said.format(region=label(region.name), words=region.prompt) for region in of.regions if region.prompt]
    return " · ".join([*parts, of.prompt] if of.prompt else parts)


def picture_lines(request: GenerationRequest | None, painted: str) -> list[str]:
    """Which picture, for its author, as quotes: the beginning of the prompt, a summary, and `painted_text`."""
    prompt = prompt_text(request) if request else ""
    lines = [plain(prompt, _SHOWN_PROMPT)] if prompt else []
    lines += [summary(request)] if request else []
    return [f"> {line}" for line in (*lines, *filter(None, (painted,)))]


def painted_text(painted_at: int | None, channel_id: int | None) -> str:
    """When (unix ms) and where a picture was generated, or "" if the time is unknown."""
    if painted_at is None:
        return ""
    when = f"<t:{painted_at // 1000}:f>"
    if channel_id is None:
        return _("generated on {when}").format(when=when)
    return _("generated on {when} in {channel}").format(when=when, channel=f"<#{channel_id}>")


def summary(request: GenerationRequest) -> str:
    """Checkpoint, LoRAs and weights, regions, source, seed: the line under a picture. The prompt stays private."""
    seed = _("seed {seed}").format(seed=request.seed)
    source = [_source(request)] if request.image else []
    names = [region.name for region in request.regions]
    told = set(names) <= {use.region for use in request.loras}  # each by a LoRA
    parts = [] if told else [listed(map(label, names))]
    return " · ".join((f"**{plain(request.checkpoint)}**", *map(lora_use, request.loras), *parts, *source, seed))


def _source(request: GenerationRequest) -> str:
    """What the request makes of its source image."""
    assert request.image is not None
    if (times := request.image.enlarged) > 1:
        size = f"{request.width // times}x{request.height // times}"
        return _("upscaled {times}x from {size}").format(times=times, size=size)
    return _("from a start picture, strength {strength}").format(strength=f"{request.image.strength:g}")


def summary_of_job(job: Job) -> str:
    """Who asked for it, and the summary of the request. The mention pings nobody: no message of the bot does."""
    return " · ".join((_("by {person}").format(person=mention(job.person_id)), summary(job.request)))


def day_limit(days: int) -> str:
    """`90 days`; 0 is no limit."""
    return ngettext("{count} day", "{count} days", days).format(count=number(days)) if days else _("no time limit")


def mention(person_id: int | None) -> str:
    """A person, as Discord shows them by their name; who is None, or a keyed hash (negative), has none any more."""
    return f"<@{person_id}>" if person_id is not None and person_id >= 0 else _("a user who has deleted their data")


def message_url(server_id: int | None, channel_id: int | None, message_id: int | None) -> str:
    """The address at which Discord shows a message; without a server, one of direct messages."""
    return f"https://discord.com/channels/{server_id or '@me'}/{channel_id}/{message_id}"


def base_models(lora: Lora) -> str:
    """The base models of an entry's usable versions: `Vivid, Pastel`; `base model unknown` if none is known.

    If all files of the entry are gone, the base models that they had.
    """
    known = dict.fromkeys(v.base_model.label for v in lora.usable or lora.versions if v.base_model is not None)
    return ", ".join(known) or _("base model unknown")
