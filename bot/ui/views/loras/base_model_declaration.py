"""The form with which an operator declares the base model of a LoRA file, and staff propose it to the operators."""

from __future__ import annotations

from typing import Any, ClassVar

import discord
from discord import ui

from bot.database.loras.catalogue import VERSION_BY_SHA256, Lora, LoraVersion, find_lora
from bot.errors.missing import NothingThere
from bot.i18n import _, later, sentences
from bot.i18n.texts import plain
from bot.servers.administration.reasons import MAX_REASON
from bot.servers.rights import Action
from bot.ui.access import context_of, require
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.views.loras.buttons import LORA, LoraButton
from bot.ui.views.loras.text import prediction_text
from bot.ui.views.persistent_items import NO_CUSTOM_ID, ModalForm
from inference.base_models import BaseModelId, known_base_models
from inference.messages.checkpoints import PredictionType

MAX_OPTIONS = 25
_AS_KNOWN = "as_known"


class BaseModelButton(LoraButton, template=NO_CUSTOM_ID):
    """Opens the form. Only who may use it sees it, and the right is checked again on use."""

    opens_modal = True
    needed: ClassVar[Action]

    async def handle(self, interaction: Interaction) -> None:
        """Open the modal."""
        await require(interaction, self.needed)
        lora = await find_lora(interaction.client.db, self.lora_id)
        if lora is None or not lora.usable:
            raise NothingThere(what=_("This LoRA has no usable file, so its base model cannot be declared."))
        installed = list(interaction.client.configuration.checkpoints.base_models)
        await acknowledge.open_modal(interaction, self.form(lora, installed, opening=interaction.id))

    def form(self, lora: Lora, installed: list[BaseModelId], *, opening: int) -> BaseModelForm:
        """The form that it opens."""
        raise NotImplementedError


class DeclareButton(BaseModelButton, template=rf"decl:{LORA}"):
    """For operators, whose word holds at once."""

    name, label, needed = "decl", later("Declare base model"), Action.DECIDE_BASE_MODEL

    def form(self, lora: Lora, installed: list[BaseModelId], *, opening: int) -> BaseModelForm:
        """The form that it opens."""
        return DeclareForm(_("Base model of {name}").format(name=lora.name), lora, installed, opening=opening)


class ProposeButton(BaseModelButton, template=rf"propose:{LORA}"):
    """For staff, whose proposal an operator decides."""

    name, label, needed = "propose", later("Propose base model"), Action.PROPOSE_BASE_MODEL

    def form(self, lora: Lora, installed: list[BaseModelId], *, opening: int) -> BaseModelForm:
        """The form that it opens."""
        return ProposeForm(_("Propose base model: {name}").format(name=lora.name), lora, installed, opening=opening)


class BaseModelForm(ModalForm):
    """The file, its base model, perhaps its prediction type, and the reason.

    The base models of the installed checkpoints come first.
    """

    command = "lora"
    private = True

    def __init__(self, title: str, lora: Lora, installed: list[BaseModelId], *, opening: int) -> None:
        super().__init__(title, f"declare:{lora.id}", opening)
        self._versions = {str(version.id): version for version in lora.usable[:MAX_OPTIONS]}
        self.version: ui.Select[Any] = ui.Select(custom_id="version", options=_version_options(self._versions))
        self.base: ui.Select[Any] = ui.Select(custom_id="base", options=_base_options(installed, lora))
        self.prediction: ui.Select[Any] = ui.Select(custom_id="prediction", options=_prediction_options())
        self.reason: ui.TextInput[Any] = ui.TextInput(custom_id="reason", max_length=MAX_REASON)
        self.add_item(ui.Label[Any](text=_("File"), component=self.version))
        self.add_item(ui.Label[Any](text=_("Base model"), component=self.base))
        self.add_item(ui.Label[Any](text=_("Prediction type"), component=self.prediction))
        self.add_item(ui.Label[Any](text=_("How do you know the base model?"), component=self.reason))

    def file(self) -> tuple[LoraVersion, str]:
        """The chosen file and its SHA-256, which every usable file has."""
        version = self._versions[self.version.values[0]]
        assert version.sha256 is not None
        return version, version.sha256

    def chosen_prediction(self) -> PredictionType | None:
        """The chosen prediction type; None to leave it to what the file says."""
        chosen = next(iter(self.prediction.values), _AS_KNOWN)
        return None if chosen == _AS_KNOWN else PredictionType(chosen)


class DeclareForm(BaseModelForm):
    """Declares the base model."""

    async def submitted(self, interaction: Interaction) -> None:
        """Store the declaration and match the library again, which takes a while for a large one."""
        await require(interaction, Action.DECIDE_BASE_MODEL)
        version, sha256 = self.file()
        base = BaseModelId(self.base.values[0])
        await interaction.client.keeper.declare(
            sha256,
            base,
            who=f"{interaction.user} ({interaction.user.id})",
            reason=self.reason.value,
            prediction=self.chosen_prediction(),
        )
        now = await interaction.client.db.one(VERSION_BY_SHA256, sha256) or version
        await send_ephemeral_text(interaction, declared_text(now, base, self.chosen_prediction()))


def declared_text(now: LoraVersion, base: BaseModelId, prediction: PredictionType | None) -> str:
    """What counts after a declaration: layers, and an exact hash of the training base, stand above it."""
    if now.base_model == base:
        told = [
            _(
                "The base model of {name} is now {base}. This change applies only to the file {hash}…, not "
                "to other files of this LoRA."
            )
        ]
    else:
        told = [
            _(
                "Easel does not accept {base} for {name}. The file's layers, or the recorded hash of the "
                "model that it was trained on, indicate a different base model."
            ),
            _("The LoRA's base model is {known}.")
            if now.base_model
            else _("The base model is unknown, so the LoRA cannot be used."),
        ]
    if prediction is not None and now.prediction.type is prediction:
        told.append(_("The LoRA is made for {prediction}."))
    elif prediction is not None:
        told.append(
            _(
                "Easel does not accept {prediction} for this LoRA. The recorded hash of the model that the "
                "LoRA was trained on indicates a different prediction type."
            )
        )
    return sentences(*told).format(
        name=plain(now.name),
        base=base.label,
        known=now.base_model.label if now.base_model else "",
        hash=(now.sha256 or "")[:10],
        prediction=prediction_text(prediction) if prediction else "",
    )


class ProposeForm(BaseModelForm):
    """Proposes the base model."""

    async def submitted(self, interaction: Interaction) -> None:
        """Store the proposal. Raises what `BaseModelProposals.propose` raises."""
        version, sha256 = self.file()
        base, who = BaseModelId(self.base.values[0]), context_of(interaction)
        propose = interaction.client.servers.administration.base_models.propose
        await propose(who, who.place, sha256, base, reason=self.reason.value, prediction=self.chosen_prediction())
        text = _("Thank you. You proposed {base} for {name}. The bot's operators will decide.")
        await send_ephemeral_text(interaction, text.format(name=plain(version.name), base=base.label))


def _version_options(versions: dict[str, LoraVersion]) -> list[discord.SelectOption]:
    first = next(iter(versions))
    return [
        discord.SelectOption(label=version.name[:100], value=key, description=version.path[-100:], default=key == first)
        for key, version in versions.items()
    ]


def _prediction_options() -> list[discord.SelectOption]:
    as_known = discord.SelectOption(
        label=_("As stated in the file"),
        value=_AS_KNOWN,
        description=_("Choose this option if you do not know the prediction type"),
        default=True,
    )
    kinds = [discord.SelectOption(label=prediction_text(kind), value=kind) for kind in PredictionType]
    return [as_known, *kinds]


def _base_options(installed: list[BaseModelId], lora: Lora) -> list[discord.SelectOption]:
    """The base models. If all files have the same, it is the default."""
    known = {version.base_model for version in lora.usable}
    chosen = known.pop() if len(known) == 1 else None
    first = [] if chosen is None else [chosen]
    bases = list(dict.fromkeys([*first, *installed, *known_base_models()]))[:MAX_OPTIONS]
    return [
        discord.SelectOption(label=base.label[:100], value=base, description=str(base), default=base == chosen)
        for base in bases
    ]
