"""Texts about what is added from outside: what its page says, how far it is, and how it ended."""

from __future__ import annotations

from bot.database.additions.additions import LoraAddition
from bot.database.loras.catalogue import Lora, LoraVersion
from bot.i18n import _, label, number, sentences
from bot.i18n.texts import clipped, plain, several
from bot.sources.additions import Received
from bot.sources.choosing import claimed_base
from bot.sources.downloads.attached import ATTACHED
from bot.sources.hubs.remote import RemoteVersion, Terms
from bot.ui.interactions.replies import error_message
from bot.ui.views.loras.text import named_model
from inference.lora.evidence import Source

MAX_NAME = 80
MAX_DESCRIPTION = 600
MAX_WORDS = 300
MAX_SHORT = 60


def adding_text(version: RemoteVersion, received: Received | None) -> str:
    """What is being added, with all that its page says, and how much has come."""
    lines = [f"## {_('Adding {name}').format(name=clipped(version.name, MAX_NAME))}", *described(version)]
    return "\n".join([*lines, f"**{progress_text(received)}**"])


def described(version: RemoteVersion) -> list[str]:
    """What its page says of a version, a line each."""
    base = claimed_base(version)
    named = base.label if base else clipped(version.base_model or "", MAX_SHORT)
    kind = [clipped(version.version, MAX_SHORT), named, label(version.category) if version.category else ""]
    kind.append(_("rated {rating}").format(rating=label(version.rating)) if version.rating else _("not rated"))
    lines = [" · ".join(part for part in kind if part)]
    if version.trigger_words:
        lines.append(_("Trigger words: {words}").format(words=several(version.trigger_words, MAX_WORDS)))
    if version.description:
        lines.append(clipped(version.description, MAX_DESCRIPTION))
    return lines + [f"-# {line}" for line in origin_lines(version)]


def origin_lines(version: RemoteVersion) -> list[str]:
    """Where it comes from, how it may be used, and whom it shows."""
    lines = (origin_text(version), terms_text(version.terms), flags_text(version))
    return [line for line in lines if line]


def origin_text(version: RemoteVersion) -> str:
    """`From Civitai, by maker`, with a link to its page."""
    if version.hub == ATTACHED or not version.page:
        return _("From an attached file")
    hub = f"[{version.hub}]({version.page})"
    if version.creator is None:
        return _("From {hub}").format(hub=hub)
    return _("From {hub}, by {maker}").format(hub=hub, maker=clipped(version.creator, MAX_SHORT))


def terms_text(terms: Terms) -> str:
    """How it may be used; empty where its page says nothing."""
    told = [
        _("Licence: {licence}.").format(licence=clipped(terms.licence, MAX_SHORT)) if terms.licence else "",
        _("The LoRA's author asks for credit.") if terms.credit else "",
        _("Pictures generated with this LoRA must not be sold.") if terms.selling_pictures is False else "",
        _("This LoRA must not be merged into other models.") if terms.merging is False else "",
    ]
    return sentences(*(text for text in told if text)) if any(told) else ""


def flags_text(version: RemoteVersion) -> str:
    """Whom it shows, as far as its page says, and until when it is in early access."""
    told = [
        _("According to its page, this LoRA shows a minor.") if version.minor else "",
        _("According to its page, this LoRA shows a real person.") if version.real_person else "",
        _("This version is in early access until {end}.").format(end=version.ends) if version.ends else "",
    ]
    return sentences(*(text for text in told if text)) if any(told) else ""


def progress_text(received: Received | None) -> str:
    """`12 of 218 MB`."""
    if received is None:
        return _("Waiting to download …")
    megabytes = number(received.size / 2**20, 1)
    if received.total is None:
        return _("{done} MB downloaded").format(done=megabytes)
    share = f"{100 * received.size // max(received.total, 1)} %"
    return _("{done} of {all} MB downloaded ({share})").format(
        done=megabytes, all=number(received.total / 2**20, 1), share=share
    )


def ended_text(addition: LoraAddition, lora: Lora | None, *, corrects: bool = False) -> str:
    """How an addition ended. `lora` is the entry; without one it has gone again.

    Who `corrects` its category has buttons for that below.
    """
    if addition.failure is not None:
        return error_message(addition.failure)
    version = RemoteVersion.model_validate_json(addition.source)
    if lora is None:
        return _("{name} was added, but is no longer in the library.").format(name=clipped(version.name, MAX_NAME))
    told = [_("{name} is now in the library.").format(name=plain(lora.name))]
    here = next((each for each in lora.usable if each.sha256 == addition.sha256), None)
    if here is not None and here.base_model is None:
        told.append(_not_used(here, version))
    filed = (
        _("The LoRA's category is {category}. You can change the category below.")
        if corrects
        else _("The LoRA's category is {category}. The user who added the LoRA can change the category.")
    )
    told.append(filed.format(category=label(lora.category)))
    return sentences(*told)


def _not_used(here: LoraVersion, version: RemoteVersion) -> str:
    """Why nobody can paint with it yet."""
    named = named_model(here)
    if named is not None:
        return _(
            "The LoRA cannot be used yet. Its file says that it is made for “{model}”, which this bot does "
            "not know. An operator can declare the base model."
        ).format(model=plain(named))
    if here.evidence is not Source.CONFLICT:
        return _(
            "The LoRA cannot be used yet, because its base model is not certain. An operator can "
            "declare the base model."
        )
    claimed = claimed_base(version)
    if claimed is None:
        return _("The LoRA cannot be used yet, because sources disagree about its base model. An operator will decide.")
    return _(
        "The LoRA cannot be used yet. Its page says that it is made for {base}, but the file contradicts "
        "that. An operator will decide."
    ).format(base=claimed.label)


def here_already_text(name: str) -> str:
    """A line above the page of what somebody asks for and is here."""
    return _("{name} is already in the library.").format(name=plain(name))
