"""The form in which staff say why they remove a picture from their server. The picture's author reads the reason."""

from __future__ import annotations

from bot.i18n import _, later
from bot.servers.administration.reasons import MAX_REASON
from bot.ui.views.forms import Form, TextField

REASON = TextField(
    later("Reason"), later("The picture's author will see this reason, but not your name"), length=MAX_REASON, long=True
)


class RemovalForm(Form):
    """Says what a removal does, and asks for the reason. Subclasses check the rights again, and remove."""

    command, action = "history", None

    reason = REASON.but()

    def __init__(self, text: str, opening: int) -> None:
        super().__init__(_("Remove this picture from this server?"), opening, above=text)
