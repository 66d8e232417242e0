"""Notifies members once that staff decided about their question: by a direct message, or after their next command."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import discord
from discord import ui

from bot.database.clock import now_ms
from bot.database.database import Database
from bot.database.people.people import FIND_LOCALE
from bot.database.servers.allowed_phrases import (
    MARK_QUESTION_TOLD,
    UNTOLD_QUESTIONS,
    PhraseQuestion,
    QuestionState,
)
from bot.i18n import _, speaking
from bot.i18n.texts import code, plain
from bot.ui.interactions.discord_refusals import DISCORD_ERRORS
from bot.ui.interactions.replies import Interaction, send_ephemeral
from bot.ui.rendered_message import view_of

log = logging.getLogger(__name__)

MOST_AT_ONCE = 5  # decisions in one message; more come in the next one


class PhraseNotices:
    """The notices of a client."""

    def __init__(self, client: discord.Client, db: Database) -> None:
        self._client = client
        self._db = db
        self._telling = asyncio.Lock()

    async def tell(self, person_id: int) -> None:
        """Send a direct message. If Discord refuses it, the next command tells. Raises DatabaseError."""
        async with self._telling:
            untold = (await self._db.all(UNTOLD_QUESTIONS, person_id))[:MOST_AT_ONCE]
            if not untold:
                return
            with speaking(await self._db.one(FIND_LOCALE, person_id)):
                view = self._notice(untold)
            try:
                channel = await (await self._client.fetch_user(person_id)).create_dm()
                await channel.send(view=view)
            except DISCORD_ERRORS as problem:
                log.info("cannot send a decision about a phrase as a direct message: %s", problem)
                return
            await self._note_told(untold)

    async def tell_here(self, interaction: Interaction) -> None:
        """Tell the member who used a command of what no direct message told. Raises DatabaseError."""
        if not await self._db.all(UNTOLD_QUESTIONS, interaction.user.id):
            return
        async with self._telling:
            if untold := (await self._db.all(UNTOLD_QUESTIONS, interaction.user.id))[:MOST_AT_ONCE]:
                await send_ephemeral(interaction, self._notice(untold))
                await self._note_told(untold)

    async def _note_told(self, questions: Sequence[PhraseQuestion]) -> None:
        for question in questions:
            await self._db.run(MARK_QUESTION_TOLD, now=now_ms(), id=question.id)

    def _notice(self, questions: Sequence[PhraseQuestion]) -> ui.LayoutView:
        return view_of("\n".join(map(self._line, questions)))

    def _line(self, question: PhraseQuestion) -> str:
        server = self._client.get_guild(question.server_id)
        name = plain(server.name, 100) if server else _("Server {id}").format(id=question.server_id)
        if question.state is QuestionState.ALLOWED:
            text = _("The staff of {server} allowed the phrase {phrase}. You can use it in prompts there now.")
        else:
            text = _("The staff of {server} decided not to allow the phrase {phrase}. Please use other words there.")
        return text.format(server=name, phrase=code(question.phrase))
