"""Who may do what where, and with what."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class NotYours(RequestError):
    """You cannot use this button, because it belongs to another user. {instead}"""

    instead: str


@dataclass(eq=False)
class NotStaff(RequestError):
    """In a server, only its staff can do this. Elsewhere, only the bot's operators can do this. To see your own
    requests in the queue, use /queue."""


@dataclass(eq=False)
class SetUpByStaff(RequestError):
    """Only this server's staff can set up Easel here. You can already try /imagine, or start with /guide."""


@dataclass(eq=False)
class NotOperator(RequestError):
    """Only the bot's operators can do this."""


@dataclass(eq=False)
class NotInServer(RequestError):
    """You can do this only in a server that the bot has joined."""


@dataclass(eq=False)
class NoMember(RequestError):
    """You are no longer a member of this server, so Easel does not generate anything for you in this server."""


@dataclass(eq=False)
class InTimeOut(RequestError):
    """You are timed out in this server. Until the timeout ends, Easel does not generate anything for you in this
    server."""


@dataclass(eq=False)
class RoleNeeded(RequestError):
    """In this server, only members with certain roles can do this, and you have none of these roles. Please ask the
    staff which roles you need."""


@dataclass(eq=False)
class AddingForManagers(NotStaff):
    """Only this server's staff can add LoRAs here. Ask them to add the LoRA, or to let one of your roles add LoRAs.
    They choose those roles in /server, under *Roles*."""


@dataclass(eq=False)
class AddingForRoles(RoleNeeded):
    """Only this server's staff and members with one of these roles can add LoRAs here: {roles}. You have none of
    these roles. Ask one of these members or the staff to add the LoRA."""

    roles: list[str]  # ids


@dataclass(eq=False)
class AddingForOperators(NotStaff):
    """In direct messages, only this bot's operators can add LoRAs. Try adding the LoRA in a server, where the staff
    decide who can add LoRAs."""


@dataclass(eq=False)
class CommandClosed(RequestError):
    """This server's command permissions in Discord do not let you use /{command} or its buttons here."""

    command: str


@dataclass(eq=False)
class RightsUnknown(RequestError):
    """Easel could not check your permissions with Discord. Please try again in a moment."""


@dataclass(eq=False)
class DataBeingDeleted(RequestError):
    """Easel is deleting all your data, so it did not carry out your request. Use /privacy show to see when the deletion
    is complete."""


@dataclass(eq=False)
class DataDeletedSince(RequestError):
    """All your data was deleted after you opened this message or form. Easel did not carry out your request and stored
    nothing. To use Easel again, run a command."""


@dataclass(eq=False)
class ChannelNotAllowed(RequestError):
    """You cannot generate pictures in this channel. This server's staff chose other channels for that."""


@dataclass(eq=False)
class CheckpointNotAllowed(RequestError):
    """{checkpoint} cannot be used in this server. The server's staff allow only {allowed}."""

    checkpoint: str
    allowed: list[str]


@dataclass(eq=False)
class CategoryNotAllowed(RequestError):
    """{lora} cannot be used in this server. The server's staff excluded LoRAs in the category {category}."""

    words = frozenset({"category"})
    lora: str
    category: str
