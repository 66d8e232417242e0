"""Summary of a user's stored data and of its controller, for `/privacy show` and the page of an export."""

from __future__ import annotations

from collections.abc import Iterator

from bot.config.sections.privacy import PrivacySettings, is_https
from bot.i18n import _, later, number

LABELS = {
    "picture": later("Pictures"),
    "job": later("Requests, with prompts and settings"),
    "bookmark": later("Bookmarks, with notes"),
    "stack": later("Stacks"),
    "rating": later("Star ratings that you gave"),
    "draft": later("Refused requests"),
    "studio": later("Drafts in your studio"),
    "block": later("Blocks that affect you, or that you set as staff"),
    "audit": later("Audit log entries about you or by you"),
    "publication": later("Pictures that you published"),
    "publication_like": later("Likes that you gave"),
    "person": later("Your settings and language"),
    "takedown": later("Your pictures that staff removed"),
    "takedown_notice": later(
        "Messages about pictures that the operator removed at the request of a person shown in them"
    ),
    "deletion": later("Deleted pictures whose files will be removed soon"),
    "given_input": later("Start pictures that you chose"),
    "start_picture_source": later("Copies of your pictures that other users took as start pictures"),
    "removed_bookmark": later("Removed bookmarks"),
    "posted_message": later("Other bot messages that mention you"),
    "stack_miss": later("Wrong stack codes that you tried"),
    "lora": later("LoRAs that you added, or rated as an operator"),
    "addition_request": later("LoRAs that you asked to import"),
    "update_notice": later("Notices about newer versions of LoRAs that you bookmarked"),
    "report": later("Reports about your pictures"),
    "report_by": later("Reports that you sent"),
    "decision": later("Decisions about your pictures, and decisions that you made as staff"),
    "appeal": later("Appeals that you sent"),
    "server_limit": later("Limits that staff set for you"),
    "daily_usage": later("Records of your daily usage"),
    "feature": later("LoRAs and pictures that you featured as staff"),
    "pause": later("Queues that you paused as staff"),
    "base_model_proposal": later("Base models that you proposed or decided on"),
    "allowed_phrase": later("Phrases that you allowed as staff"),
    "phrase_question": later("Questions that you asked staff about refused words, or answered as staff"),
}
# Tables whose rows belong to those of another one and are counted there, and the receipt's.
COUNTED_WITH = {
    "picture_hash": "picture", "picture_lora": "picture", "delivery": "job", "job_order": "job", "job_rating": "job",
    "held_copy": "job",
    "publication_lora": "publication", "stack_lora": "stack", "addition": "addition_request",
    "erased_addition_request": "addition_request",
    "decision_step": "decision", "erasure": "receipt", "erasure_file": "receipt", "erasure_message": "receipt",
    "erasure_report": "receipt",
}  # fmt: skip


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
