"""A message as a person sees it, with the properties that tests check."""

from dataclasses import dataclass

from playground.component_shapes import text_of, walk
from playground.wire import Json, as_object, as_objects


@dataclass(frozen=True)
class VisibleMessage:
    """A message as it looked when it was fetched."""

    json: Json

    @property
    def id(self) -> str:
        """The message's id."""
        return self.json["id"]

    @property
    def content(self) -> str:
        """The plain text."""
        return self.json["content"]

    @property
    def text(self) -> str:
        """All readable text: content, text displays, titles and descriptions of embeds."""
        parts = [self.content, text_of(self.components)]
        for embed in as_objects(self.json["embeds"]):
            parts += [str(embed.get("title") or ""), str(embed.get("description") or "")]
            parts += [f"{field['name']} {field['value']}" for field in as_objects(embed.get("fields"))]
        return "\n".join(part for part in parts if part)

    @property
    def components(self) -> list[Json]:
        """The components, nested as they are."""
        return as_objects(self.json["components"])

    @property
    def buttons(self) -> dict[str, Json]:
        """Buttons by label (by custom_id or URL without one)."""
        found = [part for part in walk(self.components) if part.get("type") == 2]
        return {str(one.get("label") or one.get("custom_id") or one.get("url")): one for one in found}

    @property
    def selects(self) -> dict[str, Json]:
        """Select menus by custom_id."""
        found = [part for part in walk(self.components) if part.get("type") in (3, 5, 6, 7, 8)]
        return {str(one["custom_id"]): one for one in found}

    @property
    def attachments(self) -> list[Json]:
        """The files."""
        return as_objects(self.json["attachments"])

    @property
    def ephemeral(self) -> bool:
        """Only one person sees it."""
        return bool(self.json["ephemeral"])

    @property
    def visible_to(self) -> str | None:
        """The person who alone sees it."""
        return self.json["visible_to"]

    @property
    def dismissed(self) -> bool:
        """The person dismissed it."""
        return bool(self.json["dismissed"])

    @property
    def loading(self) -> bool:
        """The bot is still thinking."""
        return bool(self.json["loading"])

    @property
    def pinged(self) -> list[str]:
        """Ids of the pinged people and roles, and "everyone"."""
        pings = as_object(self.json["pings"])
        return [*pings["users"], *pings["roles"], *(["everyone"] if pings["everyone"] else [])]
