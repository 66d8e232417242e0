"""`invite`: the link by which a server invites the bot, and what each of its permissions is for."""

from __future__ import annotations

import argparse

import discord

from bot.cli import DONE, discord_id
from bot.cli.terminal.questions import Ask, terminal
from bot.cli.terminal.settings import add_config, settings_of
from bot.config import ConfigError
from bot.config.bot_token import NO_TOKEN, NOT_A_TOKEN, application_of
from bot.ui.views.permissions import PERMISSIONS

# By discord.py's names: Discord's own, and what the bot does with each.
PURPOSES = {
    "read_messages": ("View Channels", "see the channel where a user requests a picture"),
    "send_messages": ("Send Messages", "post a picture when its reply can no longer be edited"),
    "send_messages_in_threads": ("Send Messages in Threads", "the same in threads and forum posts"),
    "embed_links": ("Embed Links", "show previews of links in its messages"),
    "attach_files": ("Attach Files", "upload the pictures"),
    "read_message_history": ("Read Message History", "find its own messages, so that it posts nothing twice"),
}
_WHERE = "Discord's developer portal, General Information, Application ID"
_NAME_IT = f"or give it: invite --application-id ID ({_WHERE})."
_WITHOUT_ID = f"The link needs the application id. The token contains it: {NO_TOKEN}; {_NAME_IT}"
_WITHOUT_TOKEN = f"The link needs the application id. The configured bot token {NOT_A_TOKEN}; {_NAME_IT}"
SCOPES = ("bot", "applications.commands")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--application-id", type=discord_id, metavar="ID", help=f"from {_WHERE}; default: from the token"
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the link; where nothing tells the application's id and a person sits there, ask for it."""
    found, token = options.application_id, ""
    if found is None:
        token = settings_of(options).discord.token.get_secret_value()
        found = application_of(token)
    if found is None and not token and (ask := terminal()) is not None:
        found = asked_application(ask)
    if found is None:
        raise ConfigError(_WITHOUT_TOKEN if token else _WITHOUT_ID)
    print(text_of(found))
    return DONE


def asked_application(ask: Ask) -> int | None:
    """The id as a person types it; None for no answer."""
    while answer := ask(f"Application ID ({_WHERE}): ").strip():
        try:
            return discord_id(answer)
        except argparse.ArgumentTypeError as problem:
            print(problem)
    return None


def invitation(application_id: int) -> str:
    """The link for a server."""
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS, scopes=SCOPES)


def text_of(application_id: int) -> str:
    """Both links, and what the permissions are for."""
    asked = [f"  {': '.join(PURPOSES[name])}" for name, wanted in PERMISSIONS if wanted]
    alone = discord.utils.oauth_url(application_id, scopes=("applications.commands",))
    return "\n".join(
        [
            "Open this link to invite the bot to a server that you manage:",
            f"  {invitation(application_id)}",
            "It asks for these permissions and no others:",
            *asked,
            "No privileged intent is needed: the bot does not read what users write.",
            "For yourself only, without a server (enable User Install in the portal, under Installation):",
            f"  {alone}&integration_type=1",
        ]
    )
