"""Pictures and files that components and embeds name by URL."""

from collections.abc import Set
from urllib.parse import urlsplit

from playground.files import safe_name
from playground.rules.form import FormErrors, Path
from playground.wire import Json, as_object

SCHEME = "attachment://"


def check(form: FormErrors, path: Path, media: object, names: Set[str], *, uploaded_only: bool = False) -> None:
    """A media item: a web address, or a file that comes with the message."""
    url = as_object(media).get("url")
    place = (*path, "url")
    if not form.length(place, url, 1, 2048):
        return
    text = str(url)
    if text.startswith(SCHEME):
        if safe_name(text.removeprefix(SCHEME)) not in names:
            form.fault(
                place,
                "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                "The referenced attachment was not found",
            )
    elif uploaded_only:
        form.fault(place, "FILE_COMPONENT_ATTACHMENT_REQUIRED", "Only attachment:// references are allowed here")
    elif urlsplit(text).scheme not in ("http", "https"):
        form.fault(
            place,
            "URL_TYPE_INVALID_SCHEME",
            f"Scheme \"{urlsplit(text).scheme}\" is not supported. Scheme must be one of ('http', 'https').",
        )


def check_embed(form: FormErrors, path: Path, image: Json, names: Set[str]) -> None:
    """An embed's picture. A reference to a missing file is refused, to reveal the mistake;
    Discord accepts it and displays nothing."""
    if image.get("url") is not None:
        check(form, path, image, names)
