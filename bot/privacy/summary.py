"""Summary of a user's stored data and of its controller, for `/privacy show` and the page of an export."""

from __future__ import annotations

from collections.abc import Iterator

from bot.config.sections.privacy import PrivacySettings, is_https
from bot.i18n import _, number
from bot.privacy.stored_data import TABLES

LABELS = {table.name: table.label for table in TABLES if table.label}
COUNTED_WITH = {table.name: table.counted_with for table in TABLES if table.counted_with}


def controller_facts(said: PrivacySettings) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for the controller, purposes, recipients and minimum age. Pages are linked elsewhere."""
    name = _("the operator of this bot") if said.controller is None else said.controller
    if said.contact is not None and not is_https(said.contact):
        name += f" · {said.contact}"
    yield _("Data controller"), name
    purposes = [_("to generate and show your pictures, to apply rules and limits, and to handle reports")]
    yield _("Purposes"), " · ".join([*purposes, *said.purposes])
    recipients = [_("Discord, which carries all messages")]
    yield _("Recipients"), " · ".join([*recipients, *said.recipients])
    if said.minimum_age is not None:
        yield _("Minimum age"), _("{years} years").format(years=number(said.minimum_age))


def controller_links(said: PrivacySettings) -> Iterator[tuple[str, str]]:
    """Yield a label and an address for the policy, and for the contact if it is a page."""
    for about, address in ((_("Privacy policy"), said.policy_url), (_("Contact"), said.contact)):
        if address is not None and is_https(address):
            yield about, address
