"""The form with which an operator declares the base model of a LoRA file, and staff propose it to the operators."""

from __future__ import annotations

from typing import ClassVar

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
from bot.ui.views.forms import ChoiceField, Form, Option, TextField
from bot.ui.views.loras.buttons import LoraButton
from bot.ui.views.loras.text import prediction_text
from bot.ui.views.persistent_items import MENU
from inference.base_models import BaseModelId, known_base_models
from inference.messages.checkpoints import PredictionType

_AS_KNOWN = "as_known"


class BaseModelForm(Form):
    """The file, its base model, perhaps its prediction type, and the reason.

    The base models of the installed checkpoints come first. If all files have the same, it is chosen.
    """

    command, private = "lora", True
    heading: ClassVar[str]

    version = ChoiceField(later("File"))
    base = ChoiceField(later("Base model"))
    prediction = ChoiceField(later("Prediction type"))
    reason = TextField(later("How do you know the base model?"), length=MAX_REASON)

    def __init__(self, lora: Lora, installed: list[BaseModelId], opening: int) -> None:
        self._versions = {str(version.id): version for version in lora.usable[:MENU]}
        versions = [Option(key, version.name, version.path[-100:]) for key, version in self._versions.items()]
        known = {version.base_model for version in lora.usable}
        chosen = known.pop() if len(known) == 1 else None
        first = [] if chosen is None else [chosen]
        bases = list(dict.fromkeys([*first, *installed, *known_base_models()]))[:MENU]
        predictions = [
            Option(
                _AS_KNOWN,
                _("As stated in the file"),
                _("Choose this option if you do not know the prediction type"),
            ),
            *(Option(kind, prediction_text(kind)) for kind in PredictionType),
        ]
        super().__init__(
            _(self.heading).format(name=lora.name),
            opening,
            version=BaseModelForm.version.but(choices=versions, value=versions[0].value),
            base=BaseModelForm.base.but(choices=[Option(each, each.label, each) for each in bases], value=chosen),
            prediction=BaseModelForm.prediction.but(choices=predictions, value=_AS_KNOWN),
        )

    def file(self) -> tuple[LoraVersion, str]:
        """The chosen file and its SHA-256, which every usable file has."""
        version = self._versions[self.version]
        assert version.sha256 is not None
        return version, version.sha256

    def chosen_prediction(self) -> PredictionType | None:
        """The chosen prediction type; None to leave it to what the file says."""
        return None if self.prediction == _AS_KNOWN else PredictionType(self.prediction)


class DeclareForm(BaseModelForm, key="declare"):
    """Declares the base model."""

    action = Action.DECIDE_BASE_MODEL
    heading = later("Base model of {name}")

    async def submitted(self, interaction: Interaction) -> None:
        """Store the declaration and match the library again, which takes a while for a large one."""
        version, sha256 = self.file()
        base, prediction = BaseModelId(self.base), self.chosen_prediction()
        who = f"{interaction.user} ({interaction.user.id})"
        await interaction.client.keeper.declare(sha256, base, who=who, reason=self.reason, prediction=prediction)
        now = await interaction.client.db.one(VERSION_BY_SHA256, sha256) or version
        await send_ephemeral_text(interaction, declared_text(now, base, prediction))


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


class ProposeForm(BaseModelForm, key="propose"):
    """Proposes the base model."""

    heading = later("Propose base model: {name}")

    async def submitted(self, interaction: Interaction) -> None:
        """Store the proposal. Raises what `BaseModelProposals.propose` raises."""
        version, sha256 = self.file()
        base, who = BaseModelId(self.base), context_of(interaction)
        propose = interaction.client.servers.administration.base_models.propose
        await propose(who, who.place, sha256, base, reason=self.reason, prediction=self.chosen_prediction())
        text = _("Thank you. You proposed {base} for {name}. The bot's operators will decide.")
        await send_ephemeral_text(interaction, text.format(name=plain(version.name), base=base.label))


class BaseModelButton(LoraButton):
    """Opens a form. Only who may use it sees it, and the right is checked again on use."""

    opens_modal = True
    needed: ClassVar[Action]
    form: ClassVar[type[BaseModelForm]]

    async def handle(self, interaction: Interaction) -> None:
        """Open it."""
        await require(interaction, self.needed)
        lora = await find_lora(interaction.client.db, self.lora_id)
        if lora is None or not lora.usable:
            raise NothingThere(what=_("This LoRA has no usable file, so its base model cannot be declared."))
        installed = list(interaction.client.configuration.checkpoints.base_models)
        await acknowledge.open_modal(interaction, self.form(lora, installed, interaction.id))


class DeclareButton(BaseModelButton, prefix="decl"):
    """For operators, whose word holds at once."""

    label, needed, form = later("Declare base model"), Action.DECIDE_BASE_MODEL, DeclareForm


class ProposeButton(BaseModelButton, prefix="propose"):
    """For staff, whose proposal an operator decides."""

    label, needed, form = later("Propose base model"), Action.PROPOSE_BASE_MODEL, ProposeForm
