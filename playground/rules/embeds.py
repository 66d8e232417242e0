"""Rules for embeds: lengths, 25 fields, 6000 characters in all."""

from collections.abc import Set

from playground.rules import media
from playground.rules.form import FormErrors, Path
from playground.wire import Json, as_object, as_objects

TOTAL_LIMIT = 6000  # characters of all embeds of a message together


def check(form: FormErrors, path: Path, embeds: list[Json], files: Set[str]) -> None:
    """All embeds of a message."""
    if len(embeds) > 10:
        form.fault(path, "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    for index, embed in enumerate(embeds):
        _check_one(form, (*path, index), embed, files)
    if sum(characters(embed) for embed in embeds) > TOTAL_LIMIT:
        form.fault(path, "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {TOTAL_LIMIT}")


def characters(embed: Json) -> int:
    """The characters that count towards the limit."""
    texts = [embed.get("title"), embed.get("description")]
    texts += [as_object(embed.get("footer")).get("text"), as_object(embed.get("author")).get("name")]
    for entry in as_objects(embed.get("fields")):
        texts += [entry.get("name"), entry.get("value")]
    return sum(len(str(text)) for text in texts if text)


def _check_one(form: FormErrors, path: Path, embed: Json, files: Set[str]) -> None:
    form.length((*path, "title"), embed.get("title"), 0, 256)
    form.length((*path, "description"), embed.get("description"), 0, 4096)
    form.length((*path, "footer", "text"), as_object(embed.get("footer")).get("text"), 0, 2048)
    form.length((*path, "author", "name"), as_object(embed.get("author")).get("name"), 0, 256)
    form.within((*path, "color"), embed.get("color"), 0, 0xFFFFFF)
    fields = as_objects(embed.get("fields"))
    if len(fields) > 25:
        form.fault((*path, "fields"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for index, entry in enumerate(fields):
        form.length((*path, "fields", index, "name"), entry.get("name"), 1, 256)
        form.length((*path, "fields", index, "value"), entry.get("value"), 1, 1024)
    for place in ("image", "thumbnail"):
        media.check_embed(form, (*path, place), as_object(embed.get(place)), files)
