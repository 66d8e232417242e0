"""Rules for the tags of a forum and of its posts."""

from playground import errors
from playground.models import Channel
from playground.rules.form import FormErrors
from playground.wire import Json, as_strings

TAGS_PER_FORUM = 20
TAGS_PER_POST = 5
TAG_NAME_LIMIT = 20  # characters


def check_available(form: FormErrors, tags: list[Json]) -> None:
    """The tags that a forum is to have."""
    if len(tags) > TAGS_PER_FORUM:
        form.fault(("available_tags",), "BASE_TYPE_MAX_LENGTH", f"Must be {TAGS_PER_FORUM} or fewer in length.")
    for index, tag in enumerate(tags):
        form.length(("available_tags", index, "name"), tag.get("name"), 1, TAG_NAME_LIMIT)
    form.refuse()
    names = [str(tag["name"]).casefold() for tag in tags]
    if len(set(names)) < len(names):
        raise errors.same_tag_names()


def check_applied(forum: Channel, wanted: object, before: list[str], *, moderates: bool) -> list[str]:
    """The tags that a post is to have, instead of those `before`; moderated ones are changed by moderators only."""
    tags = list(dict.fromkeys(as_strings(wanted)))
    form = FormErrors()
    if len(tags) > TAGS_PER_POST:
        form.fault(("applied_tags",), "BASE_TYPE_MAX_LENGTH", f"Must be {TAGS_PER_POST} or fewer in length.")
    form.refuse()
    known = {tag.id: tag for tag in forum.available_tags}
    if any(tag not in known for tag in tags):
        raise errors.unknown("tag")
    changed = set(tags) ^ set(before)
    if not moderates and any(known[tag].moderated for tag in changed if tag in known):
        raise errors.missing_permissions()
    if forum.requires_tag and not tags:
        raise errors.tag_required()
    return tags
