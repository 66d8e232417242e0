"""The section of config.toml about who is responsible for the data that Easel stores."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from bot.config.section import Section

MAX_ADDRESS = 200  # characters
# `/privacy show` has room for these lengths together, in one message of 4000 characters.
_EMAIL = re.compile(r"(?=.{1,80}\Z)[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\".]{2,24}")


def is_https(address: str) -> bool:
    """Whether a text is an https URL with a host, and without a user name or spaces."""
    try:
        parts = urlsplit(address)
        return (
            parts.scheme == "https"
            and bool(parts.hostname)
            and parts.username is None
            and parts.port != 0  # raises ValueError for one that is none
            and address.isascii()
            and address.isprintable()
            and not re.search(r"[\s<>\"]", address)
        )
    except ValueError:
        return False


def _https(address: str) -> str:
    if not is_https(address):
        raise ValueError("write an address that begins with https://")
    return address


def _reachable(address: str) -> str:
    if not is_https(address) and not _EMAIL.fullmatch(address):
        raise ValueError("write an e-mail address, or an address that begins with https://")
    return address


_ShortText = Annotated[
    str, StringConstraints(min_length=1, max_length=50, pattern=r"^[^\r\n]+$", strip_whitespace=True)
]
_Address = Annotated[str, Field(max_length=MAX_ADDRESS)]


class PrivacySettings(Section):
    """The controller of the stored data. `/privacy show` shows these settings; `easel doctor` lists missing ones."""

    controller: _ShortText | None = None
    """Name of the person or company that runs this bot (the controller)."""
    contact: Annotated[_Address, AfterValidator(_reachable)] | None = Field(
        default=None, examples=["privacy@example.org"]
    )
    """Contact of the controller: an e-mail address, or a page that begins with https://."""
    policy_url: Annotated[_Address, AfterValidator(_https)] | None = Field(
        default=None, examples=["https://example.org/privacy"]
    )
    """Your privacy policy: an address that begins with https://. You can publish docs/privacy.md there."""
    minimum_age: Annotated[int, Field(ge=13, le=99)] | None = None
    """Minimum age of users, in years. Discord itself requires 13 in most countries."""
    recipients: Annotated[tuple[_ShortText, ...], Field(max_length=4)] = ()
    """Other companies that receive data, such as your hosting provider and its country. Easel always names Discord."""
    purposes: Annotated[tuple[_ShortText, ...], Field(max_length=3)] = ()
    """Further purposes for which you use the data. Easel always names its own purposes."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The settings that every operator should fill in, and that are not set."""
        wanted = ("controller", "contact", "policy_url", "minimum_age", "recipients")
        return tuple(name for name in wanted if not getattr(self, name))
