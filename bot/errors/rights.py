"""Who may do what where, and with what."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class NotYours(RequestError):
    """This button belongs to the person who asked for the picture. {instead}"""

    instead: str


@dataclass(eq=False)
class NotStaff(RequestError):
    """In a server this is for people who manage it, elsewhere for the bot's operators alone. Your own pictures are
    under /queue."""


@dataclass(eq=False)
class SetUpByStaff(RequestError):
    """Whoever manages this server sets Easel up in it. You need not wait for that: try /imagine, or /guide for a
    start."""


@dataclass(eq=False)
class NotOperator(RequestError):
    """This is for the bot's operators alone."""


@dataclass(eq=False)
class NotInServer(RequestError):
    """This is possible in a server that the bot is a member of."""


@dataclass(eq=False)
class NoMember(RequestError):
    """You are not a member of this server any more, so nothing is painted for you in it."""


@dataclass(eq=False)
class InTimeOut(RequestError):
    """You are in a time-out in this server, so nothing is painted for you in it until that ends."""


@dataclass(eq=False)
class RoleNeeded(RequestError):
    """In this server certain roles may do that, and you have none of them. Its staff can tell you which."""


@dataclass(eq=False)
class AddingForManagers(NotStaff):
    """LoRAs are added here by people who manage this server. Ask them to add it, or to let you: they choose roles that
    may add LoRAs in /server, under *Who may do what*."""


@dataclass(eq=False)
class AddingForRoles(RoleNeeded):
    """LoRAs are added here by people who manage this server, and by those with one of these roles: {roles}. You have
    none of them. Ask one of these people to add it."""

    roles: list[str]  # ids


@dataclass(eq=False)
class AddingForOperators(NotStaff):
    """In direct messages only this bot's operators add LoRAs. Try it in a server: there its staff say who may."""


@dataclass(eq=False)
class CommandClosed(RequestError):
    """This server's settings in Discord do not let you use /{command} here, nor the buttons that do the same."""

    command: str


@dataclass(eq=False)
class RightsUnknown(RequestError):
    """Discord does not tell just now whether you may do that. Please try again in a moment."""


@dataclass(eq=False)
class ChannelNotAllowed(RequestError):
    """Nothing is painted in this channel: this server's staff have chosen others for it."""


@dataclass(eq=False)
class CheckpointNotAllowed(RequestError):
    """{checkpoint} is not used in this server. Its staff have chosen {allowed}."""

    checkpoint: str
    allowed: list[str]


@dataclass(eq=False)
class CategoryNotAllowed(RequestError):
    """{lora} is not used in this server: its staff have left out LoRAs of the category {category}."""

    words = frozenset({"category"})
    lora: str
    category: str
