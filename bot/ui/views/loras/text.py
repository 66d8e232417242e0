"""Texts about a LoRA, for its own page and for an entry of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from bot.database.loras.catalogue import Lora, LoraVersion, UsefulWeights
from bot.i18n import _, label, listed, ngettext, number
from bot.i18n.texts import base_models, bounded_lines, clipped, mention, several
from bot.library.catalogue import is_unclear
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.requests.few_steps import made_for
from inference.lora.beside.trigger_groups import is_group
from inference.lora.evidence import Source
from inference.lora.words.architecture_words import quoted_architecture
from inference.lora.words.relatives import unpublished_version
from inference.messages.checkpoints import PredictionType
from inference.prediction import OF_BOTH_KINDS

# Characters of each part; a message holds 4000 in all.
MAX_NAME, MAX_TAGS, MAX_DESCRIPTION, MAX_VERSIONS, MAX_CHECKPOINTS, MAX_SHORT = 120, 150, 700, 1500, 120, 100
MAX_GROUPS = 400
STARS = 5


def head_text(lora: Lora, tags: Sequence[str]) -> str:
    """Name, category, tags and description."""
    rated = [_("rated {rating}").format(rating=label(lora.content_rating))] if lora.content_rating else []
    kind = " · ".join([label(lora.category), *([several(tags, MAX_TAGS)] if tags else []), *rated])
    lines = [f"## {clipped(lora.name, MAX_NAME)}", kind]
    if lora.description:
        lines.append(clipped(lora.description, MAX_DESCRIPTION))
    if not lora.usable:
        lines.append(file_missing_text())
    return "\n".join(lines)


def file_missing_text() -> str:
    """The warning for a LoRA without a usable file."""
    text = _("This LoRA's file is no longer in the library. You cannot use the LoRA until the file is back.")
    return f"⚠️ {text}"


def versions_text(checkpoints: InstalledCheckpoints, lora: Lora, usual: str | None) -> str:
    """As many versions as fit, those for the checkpoint `usual` first, and the number of further ones."""
    fitting = {v.id: checkpoints.names_for(replace(lora, versions=(v,))) for v in lora.usable}
    in_order = sorted(lora.usable, key=lambda version: usual not in fitting[version.id])
    descriptions = [_usable(version, fitting[version.id]) for version in in_order]
    descriptions += [_unusable(version) for version in lora.versions if not version.usable]
    return "\n".join(bounded_lines(descriptions, MAX_VERSIONS)) or _("The library has never had a file for this LoRA.")


def example_prompt(checkpoints: InstalledCheckpoints, lora: Lora, checkpoint: str | None) -> str:
    """The author's example prompt for a checkpoint: that of a version that fits it, else of another; "" without one."""
    found = checkpoints.find(checkpoint)
    versions = checkpoints.fitting_first(lora, found.base_model if found else None).usable
    prompts = (version.found.sidecar.example_prompt.strip() for version in versions)
    return next(filter(None, prompts), "")


def _usable(version: LoraVersion, fitting: Sequence[str]) -> str:
    """A version's base model with its evidence, trigger words, weight, and the checkpoints it fits."""
    base = version.base_model.label if version.base_model else _("base model unknown")
    lines = [f"**{clipped(version.name, MAX_NAME)}** · {base} · {_evidence(version)}"]
    if words := [word for word in version.trigger_words if not _is_shown_apart(version, word)]:
        lines.append(_("Trigger words: {words}").format(words=several(words)))
    if groups := [_group(version, words) for words in version.trigger_words if _is_shown_apart(version, words)]:
        lines.append(_("Groups of trigger words (you can choose only whole groups):"))
        lines += bounded_lines(groups, MAX_GROUPS)
    if version.recommended_weight is not None:
        lines.append("-# " + _("Recommended weight: {weight}").format(weight=f"{version.recommended_weight:g}"))
    if version.useful is not None:
        lines.append(f"-# {useful_text(version.useful)}")
    if (prediction := _prediction(version)) is not None:
        lines.append(f"-# {prediction}")
    if version.allowed_on:
        allowed = several([base.label for base in version.allowed_on], MAX_CHECKPOINTS)
        lines.append(
            "-# "
            + _("An operator also allows this version for these base models: {base_models}").format(base_models=allowed)
        )
    if version.recipe is not None:
        lines.append("-# " + _("Few-step LoRA, made for {recipe}").format(recipe=made_for(version.recipe)))
    if version.disputed:
        lines.append(
            "-# "
            + _(
                "Disputed: another page with the same file names a different base model. An "
                "operator will decide which page is right."
            )
        )
    fits = _("Fits no model installed here")
    if fitting:
        fits = _("Fits {checkpoints}").format(checkpoints=several(fitting, MAX_CHECKPOINTS))
    return "\n".join([*lines, f"-# {fits}"])


def _evidence(version: LoraVersion) -> str:
    """The source of a base model. If nothing tells it, the unknown model that the file names."""
    named = named_model(version)
    if version.evidence is not Source.NONE or named is None:
        return _(version.evidence.plainly)
    return _("the file names the model “{model}”, which this bot does not know").format(model=clipped(named, MAX_SHORT))


def named_model(version: LoraVersion) -> str | None:
    """The model without checkpoints that a file's metadata names, or that its own name begins with."""
    named = quoted_architecture(version.found.metadata)
    return named or unpublished_version(PurePosixPath(version.path).stem)


def prediction_text(prediction: PredictionType) -> str:
    """The name of a prediction type, within a sentence."""
    return _("v-prediction") if prediction is PredictionType.V_PREDICTION else _("epsilon prediction")


def _prediction(version: LoraVersion) -> str | None:
    """The prediction type with its evidence, of a base model that has checkpoints of both; a v LoRA's in any case."""
    found = version.prediction
    if is_unclear(version.base_model, found):
        return _(
            "Easel does not know whether this LoRA is made for v-prediction or for epsilon prediction. "
            "On epsilon models, its pictures may look bad."
        )
    known = found.type is PredictionType.V_PREDICTION or version.base_model in OF_BOTH_KINDS
    if found.type is None or found.source is None or not known:
        return None
    return _("Made for {prediction} · {evidence}").format(
        prediction=prediction_text(found.type), evidence=_(found.source.plainly)
    )


def _is_shown_apart(version: LoraVersion, words: str) -> bool:
    return is_group(words) or words in version.group_names


def _group(version: LoraVersion, words: str) -> str:
    name = version.group_names.get(words)
    said = clipped(words, MAX_TAGS)
    return f"- **{clipped(name, MAX_SHORT)}** · {said}" if name else f"- {said}"


def useful_text(useful: UsefulWeights) -> str:
    """Between which weights it is useful, as measured."""
    checkpoint = clipped(useful.checkpoint, MAX_SHORT)
    if useful.least == useful.most:
        return _("Useful weight, measured on {checkpoint}: about {weight}").format(
            checkpoint=checkpoint, weight=f"{useful.most:g}"
        )
    return _("Useful weights, measured on {checkpoint}: {least} to {most}").format(
        checkpoint=checkpoint, least=f"{useful.least:g}", most=f"{useful.most:g}"
    )


def _unusable(version: LoraVersion) -> str:
    name = clipped(version.name, MAX_NAME)
    if version.missing:
        return _("~~{version}~~ The file of this version is missing").format(version=name)
    return _("~~{version}~~ The file of this version cannot be used. Operators can see the reason in /status.").format(
        version=name
    )


def facts_text(lora: Lora, often_with: Sequence[Lora]) -> str:
    """Rating, number of uses, LoRAs it is often used with, and who added it."""
    lines = [f"{rating_text(lora) or _('No ratings yet')} · {uses_text(lora)}"]
    if often_with:
        names = several((other.name for other in often_with), MAX_DESCRIPTION // 2)
        lines.append(_("Often used with {loras}").format(loras=names))
    if lora.added_by is None:
        lines.append(_("Added by this bot's operator"))
    else:
        lines.append(_("Added by {person}").format(person=mention(lora.added_by)))
    return "\n".join(f"-# {line}" for line in lines)


def rating_text(lora: Lora) -> str:
    """`★★★★☆ 4.2 (12)`; empty without ratings."""
    if lora.rating is None:
        return ""
    return f"{stars_text(round(lora.rating))} {number(lora.rating, 1)} ({number(lora.ratings)})"


def stars_text(count: int) -> str:
    """`★★★★☆`."""
    return "★" * count + "☆" * (STARS - count)


def uses_text(lora: Lora) -> str:
    """The number of jobs that used it."""
    if not lora.uses:
        return _("not used here yet")
    return ngettext("used once here", "used {count} times here", lora.uses).format(count=number(lora.uses))


def entry_text(checkpoints: InstalledCheckpoints, lora: Lora, usual: str | None) -> str:
    """The lines of a list entry, with a warning if it does not fit the checkpoint `usual`."""
    kind = f"{label(lora.category)} · {clipped(base_models(lora), MAX_SHORT)}"
    known = " · ".join(part for part in (rating_text(lora), uses_text(lora) if lora.uses else "") if part)
    lines = [f"**{clipped(lora.name, MAX_NAME)}**\n{kind}", *([f"-# {known}"] if known else [])]
    lines += [
        f"-# {text}" for text in (misfit_text(checkpoints, lora, usual), trigger_words_text(lora, MAX_SHORT)) if text
    ]
    if lora.description:
        lines.append(f"-# {clipped(lora.description, MAX_TAGS)}")
    return "\n".join(lines)


def misfit_text(checkpoints: InstalledCheckpoints, lora: Lora, usual: str | None) -> str:
    """Why the LoRA does not fit the checkpoint `usual`, and which it fits; empty when it fits."""
    if not lora.usable:
        return file_missing_text()
    fitting = checkpoints.names_for(lora)
    if not fitting:
        return _("Fits no model installed here")
    if not usual or usual in fitting:
        return ""
    names = {"checkpoint": clipped(usual, MAX_SHORT), "others": clipped(listed(fitting), MAX_SHORT)}
    return _("Does not fit {checkpoint}, but fits {others}").format(**names)


def trigger_words_text(lora: Lora, room: int) -> str:
    """The trigger words of the first version that has any, cut to about `room` characters; empty without."""
    words = next((version.trigger_words for version in lora.usable if version.trigger_words), ())
    return _("Trigger words: {words}").format(words=clipped(", ".join(words), room)) if words else ""
