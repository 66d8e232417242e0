"""A refused prompt whose words staff can allow: the button that asks them, and their message with its buttons."""

from __future__ import annotations

import logging
from typing import Any

import discord
from discord import ui

from bot import background
from bot.database.people.people import SAVE_LOCALE
from bot.database.servers.allowed_phrases import OPEN_QUESTION, POST_QUESTION, PhraseQuestion, QuestionState
from bot.errors.words import AskedAlready, StaffUnreachable
from bot.i18n import _, later, sentences, speaking
from bot.i18n.texts import clipped, code, mention
from bot.moderation.allowed_phrases import MAX_PHRASE, RefusedWords
from bot.servers.administration.phrases import PhraseAdministration
from bot.servers.rights import Action
from bot.ui.access import context_of
from bot.ui.client import Interaction
from bot.ui.interactions import acknowledge
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS
from bot.ui.interactions.replies import send_ephemeral_text
from bot.ui.rendered_message import view_of
from bot.ui.views.custom_ids import DiscordId, Id
from bot.ui.views.forms import Form, TextField
from bot.ui.views.jobs.kept_drafts import DraftButton, kept_draft
from bot.ui.views.permissions import is_public
from bot.ui.views.persistent_items import PersistentButton

log = logging.getLogger(__name__)

MAX_QUOTE = 500  # characters of a prompt that staff read


class AskStaffButton(DraftButton, prefix="askphrase"):
    """Asks the staff of the server to allow the refused words."""

    command, label = "imagine", later("Ask staff")

    async def handle(self, interaction: Interaction) -> None:
        """Post the question. Raises StaffUnreachable, and what `PhraseAdministration.ask` raises."""
        db, who = interaction.client.db, context_of(interaction)
        refused = await kept_draft(db, who.person_id, self.draft_id, RefusedWords)

        async def post(question: PhraseQuestion) -> tuple[int, int]:
            return await _post(interaction, question, refused.text)

        async def delete(channel_id: int, message_id: int) -> None:
            sent = interaction.client.get_partial_messageable(channel_id).get_partial_message(message_id)
            try:
                await sent.delete()
            except DISCORD_ERRORS as problem:
                log.warning("cannot delete a question about a phrase: %s", problem)

        try:
            await services(interaction).ask(who, refused, post, delete)
        except AskedAlready:
            if not await _forget_deleted_message(interaction, refused):
                raise
            await services(interaction).ask(who, refused, post, delete)
        await db.run(SAVE_LOCALE, locale=interaction.locale.value, person=who.person_id)
        text = _(
            "Staff can now see your name, your prompt and the refused word. You will get a message when they decide."
        )
        await send_ephemeral_text(interaction, text)


def services(interaction: Interaction) -> PhraseAdministration:
    """The services of questions and phrases."""
    return interaction.client.servers.administration.phrases


async def _forget_deleted_message(interaction: Interaction, refused: RefusedWords) -> bool:
    """Whether the message to staff about an open question was deleted. Then the question is marked as not posted."""
    client = interaction.client
    question = await client.db.one(
        OPEN_QUESTION, person=interaction.user.id, server=refused.server_id, word=refused.word
    )
    if question is None or question.channel_id is None or question.message_id is None:
        return True
    try:
        await client.get_partial_messageable(question.channel_id).fetch_message(question.message_id)
    except discord.NotFound:
        await client.db.run(POST_QUESTION, channel=None, message=None, id=question.id)
        return True
    except DISCORD_ERRORS:
        return False
    return False


async def _post(interaction: Interaction, question: PhraseQuestion, text: str) -> tuple[int, int]:
    """Post the question in the staff's channel, unless everyone can read that. Raises StaffUnreachable."""
    client, server_id = interaction.client, question.server_id
    channel_id = await client.reporting.channel_of(server_id)
    if channel_id is None or is_public(client.get_channel(channel_id)):
        raise StaffUnreachable
    with speaking(await client.reporting.language_of(server_id)):
        view = question_view(question, text)
    view.stop()
    try:
        sent = await client.get_partial_messageable(channel_id).send(view=view)
    except DISCORD_ERRORS as problem:
        log.warning("cannot post a question about a phrase: %s", problem)
        raise StaffUnreachable from None
    return channel_id, sent.id


# --- the message to staff -------------------------------------------------------------------------------------------


def question_view(question: PhraseQuestion, text: str) -> ui.LayoutView:
    """An open question, with the refused `text`."""
    lines = [
        _("**{member} asks you to allow a phrase in prompts.**").format(member=mention(question.person_id)),
        f"> {clipped(text, MAX_QUOTE)}",
        _("Easel refused the prompt because of {word}.").format(word=code(question.word)),
        _("Proposed phrase: {phrase}").format(phrase=code(question.phrase)),
    ]
    place = question.server_id, question.id
    buttons = ui.ActionRow[Any](AllowPhraseButton(*place), DismissQuestionButton(*place))
    return view_of("\n".join([*lines, f"-# {what_phrases_do()}"]), buttons)


def what_phrases_do() -> str:
    """The effect of an allowed phrase, for staff."""
    return sentences(
        _("This server's word lists and ratings ignore words that are part of an allowed phrase."),
        _("The rule about minors and the operator's word lists still apply."),
    )


def decided_view(question: PhraseQuestion) -> ui.LayoutView:
    """A decided question. It quotes no prompt."""
    staff = mention(question.decided_by)
    hints = [_("Requested by {member}.").format(member=mention(question.person_id))]
    if question.state is QuestionState.ALLOWED:
        phrase = code(question.phrase)
        line = _("**{staff} allowed the phrase {phrase} in prompts.**").format(staff=staff, phrase=phrase)
        hints.append(_("You can remove the phrase under *Words* in /server."))
    else:
        line = _("**{staff} did not allow the phrase {phrase}.**").format(staff=staff, phrase=code(question.phrase))
    return view_of(f"{line}\n-# {sentences(*hints)}")


async def _show_decided(interaction: Interaction, question: PhraseQuestion) -> None:
    """Edit the message to staff, and notify the member."""
    with speaking(await interaction.client.reporting.language_of(question.server_id)):
        view = decided_view(question)
    await acknowledge.replace(interaction, view)
    notices = interaction.client.phrase_notices
    background.start(notices.tell(question.person_id), "telling of a decision about a phrase")


class QuestionButton(PersistentButton):
    """A button about a question. The service checks its server again, because the one here may be forged."""

    command = "server"
    action = Action.CONFIGURE

    server_id: DiscordId
    question_id: Id

    @property
    def place(self) -> int:
        """The server."""
        return self.server_id


class AllowPhraseButton(QuestionButton, prefix="phallow"):
    """Opens the form to allow the phrase. Staff may change it there."""

    label, style = later("Allow this phrase"), discord.ButtonStyle.primary
    opens_modal = True

    async def handle(self, interaction: Interaction) -> None:
        """Open it. Of a decided question, show the decision. Raises NothingThere."""
        question = await services(interaction).question(context_of(interaction), self.question_id)
        if question.state is not QuestionState.OPEN:
            await _show_decided(interaction, question)
            return
        await acknowledge.open_modal(interaction, AllowPhraseForm(question, interaction.id))


class DismissQuestionButton(QuestionButton, prefix="phdismiss"):
    """Closes the question."""

    label = later("Dismiss")

    async def handle(self, interaction: Interaction) -> None:
        """Close it. Of a decided question, show the decision. Raises NothingThere or QuestionClosed."""
        question = await services(interaction).question(context_of(interaction), self.question_id)
        if question.state is QuestionState.OPEN:
            question = await services(interaction).dismiss(context_of(interaction), self.question_id)
        await _show_decided(interaction, question)


class AllowPhraseForm(Form, key="phallow"):
    """The phrase to allow."""

    command = "server"
    sends_message = False

    phrase = TextField(later("Phrase"), length=MAX_PHRASE)

    def __init__(self, question: PhraseQuestion, opening: int) -> None:
        hint = _("The phrase must contain the refused word: {word}").format(word=question.word)
        phrase = AllowPhraseForm.phrase.but(hint=hint, value=question.phrase)
        super().__init__(_("Allow this phrase"), opening, phrase=phrase)
        self._question_id = question.id

    async def submitted(self, interaction: Interaction) -> None:
        """Allow it. Raises what `PhraseAdministration.allow` raises."""
        allowed = await services(interaction).allow(context_of(interaction), self._question_id, self.phrase)
        await _show_decided(interaction, allowed)
