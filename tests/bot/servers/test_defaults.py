"""What holds in a server for people who have not chosen it themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.database.people.preferences import Preferences
from bot.database.servers.settings import ServerSettings
from bot.library.installed_checkpoints import InstalledCheckpoints
from bot.requests.builder import RequestDraft, default_checkpoint, preferred
from bot.servers.defaults import checkpoints_in, shows_prompt
from tests.house import PASTEL, VIVID, House


@pytest.fixture
def installed(tmp_path: Path) -> InstalledCheckpoints:
    settings = House(tmp_path / "house").settings
    return InstalledCheckpoints(settings, [each.spec(None) for each in settings.checkpoints])


@pytest.mark.parametrize(
    ("server", "chosen", "painting"),
    [
        (ServerSettings(), None, VIVID),
        (ServerSettings(), PASTEL, PASTEL),
        (ServerSettings(default_checkpoint=PASTEL), None, PASTEL),
        (ServerSettings(default_checkpoint=PASTEL), VIVID, VIVID),
        (ServerSettings(checkpoints=(PASTEL.upper(),)), None, PASTEL),
        (ServerSettings(checkpoints=(PASTEL,)), VIVID, PASTEL),
        (ServerSettings(checkpoints=(PASTEL,), default_checkpoint=VIVID), None, PASTEL),
        (ServerSettings(checkpoints=("gone",), default_checkpoint="gone"), None, VIVID),
    ],
)
def test_the_default_is_the_persons_if_it_is_allowed_else_the_servers(
    installed: InstalledCheckpoints, server: ServerSettings, chosen: str | None, painting: str
) -> None:
    here, preferences = checkpoints_in(installed, server), Preferences(checkpoint=chosen)
    found = default_checkpoint(here, preferences)
    assert found is not None and found.name == painting
    assert preferred(RequestDraft(prompt="x"), here, preferences).checkpoint == painting


def test_what_is_not_allowed_is_left_out_and_nothing_is_lost(installed: InstalledCheckpoints) -> None:
    here = checkpoints_in(installed, ServerSettings(checkpoints=(PASTEL,)))
    assert here.names == [PASTEL] and list(here.base_models.values()) == [[PASTEL]]
    assert [spec.name for spec in here.specs] == [PASTEL]
    assert checkpoints_in(installed, ServerSettings()) is installed
    assert checkpoints_in(installed, ServerSettings(default_checkpoint=PASTEL)).names == [PASTEL, VIVID]


@pytest.mark.parametrize(
    ("own", "server", "shown"),
    [(None, None, False), (None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_prompts_are_shown_as_the_person_chose_else_as_the_server_has_it(
    own: bool | None, server: bool | None, shown: bool
) -> None:
    assert shows_prompt(Preferences(shows_prompt=own), ServerSettings(shows_prompt=server)) is shown
