"""Texts about where a LoRA comes from, what its hub says now, and its newer versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from bot.database.additions.hub_looks import HubLook, HubState
from bot.i18n import _, later, sentences
from bot.i18n.texts import clipped
from bot.sources.claims.provenance import HubFile, Provenance
from bot.sources.hubs.remote import RemoteVersion
from bot.ui.views.additions.text import flags_text, origin_lines, terms_text

MAX_NAME = 60

_STATES = {
    HubState.GONE: later("{hub} no longer has this LoRA (noticed on {day})."),
    HubState.ARCHIVED: later("The author has archived this LoRA on {hub} (noticed on {day})."),
    HubState.LOCKED: later("{hub} now restricts access to this LoRA (noticed on {day})."),
}

Day = Callable[[int], str]


def provenance_lines(known: Provenance) -> list[str]:
    """Where an entry comes from, and what has changed there since; a line each."""
    lines = origin_lines(known.origin) if known.origin else []
    for page in known.others:
        text = _("The same file is also on {hub}, as {name}.")
        lines.append(text.format(name=clipped(page.name, MAX_NAME), hub=f"[{page.hub}]({page.page})"))
    several = len({file.version.id for file in known.files}) > 1
    looks = Counter(file.version.id for file in known.files)
    for file in known.files:
        names = [file.version.name] if several else []
        if looks[file.version.id] > 1:  # several pages have it
            names.append(RemoteVersion.model_validate_json(file.look.says).name)
        named = "".join(f"{clipped(name, MAX_NAME)}: " for name in names)
        lines += [f"{named}{text}" for text in changes(file.look, _day)]
    if known.same_as is not None:
        text = _("This file is identical to {lora}, which you can already use here.")
        lines.append(text.format(lora=clipped(known.same_as.name, MAX_NAME)))
    return lines


def changes(look: HubLook, day: Day) -> Iterator[str]:
    """What is otherwise at a hub than when a file came from there, a text each. `day` writes a time in unix ms."""
    before, now = (RemoteVersion.model_validate_json(each) for each in (look.added, look.says))
    stays = _("You can still use the copy in this library.")
    if look.state in _STATES:
        yield sentences(_(_STATES[look.state]).format(hub=look.hub, day=day(look.since)), stays)
    if now.ends is not None and before.ends is None:
        text = _("This LoRA is now in early access on {hub} until {end}.")
        yield sentences(text.format(hub=look.hub, end=now.ends), stays)
    if now.terms != before.terms:
        none = _("No terms stated.")
        text = _("The terms on {hub} have changed since this LoRA was added.").format(hub=look.hub)
        then = _("Before: {terms}").format(terms=terms_text(before.terms) or none)
        yield sentences(text, then, _("Now: {terms}").format(terms=terms_text(now.terms) or none))
    if (now.minor, now.real_person) != (before.minor, before.real_person):
        yield flags_text(now) or _("The LoRA's page no longer says that the LoRA shows a real person or a minor.")


def newer_text(file: HubFile) -> str:
    """That there is a newer version of a file."""
    newer, base = file.newer, file.version.base_model
    assert newer is not None
    names = {"version": clipped(newer.version, MAX_NAME), "hub": f"[{newer.hub}]({newer.page})"}
    if base is None:
        return _("Newer version on {hub}: {version}.").format(**names)
    return _("Newer version for {base} on {hub}: {version}.").format(base=base.label, **names)


def _day(unix_ms: int) -> str:
    return f"<t:{unix_ms // 1000}:d>"
