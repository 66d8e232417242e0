"""The audit log: words with several meanings in English have the right one in Japanese, and its filters."""

from __future__ import annotations

import re

import pytest

from bot.database.servers.audit import AuditAction, AuditEntry
from bot.i18n import speaking
from bot.ui.views.list_page import Cursor
from bot.ui.views.servers.audit import AuditPersonMenu, Shown
from bot.ui.views.servers.audit_words import entry_text
from bot.ui.views.servers.panel import PanelPage


def entry(action: AuditAction, target: str = "", **changes: tuple[object, object]) -> AuditEntry:
    return AuditEntry(
        id=1, server_id=2, actor_id=3, action=action, person_id=None, target=target, changes=changes, created_at=0
    )


def test_the_name_of_a_list_is_not_called_an_order_by_name() -> None:
    with speaking("ja"):
        text = entry_text(entry(AuditAction.CHANGE_WORD_LIST, "spam", name=("spam", "junk")))
    assert "名前" in text and "名前順" not in text


def test_the_mode_of_a_list_is_translated() -> None:
    with speaking("ja"):
        text = entry_text(entry(AuditAction.CHANGE_WORD_LIST, "spam", mode=("active", "shadow")))
    assert "active" not in text and "shadow" not in text


def test_the_group_of_a_limit_is_translated() -> None:
    with speaking("ja"):
        text = entry_text(entry(AuditAction.CHANGE_LIMITS, "everybody", weight=(None, 2)))
    assert "全員" in text and "everybody" not in text
    assert "Artists 77" in entry_text(entry(AuditAction.CHANGE_LIMITS, "role Artists 77", weight=(None, 2)))


@pytest.mark.parametrize("action", AuditAction)
def test_the_log_is_filtered_by_every_action_and_a_person(action: AuditAction) -> None:
    wanted = Shown(action, 2**63 - 1)
    page = PanelPage.of(2**63 - 1, "audit", str(wanted)).to(Cursor(anchor=(10**18 - 1,), back=True))
    assert len(f"{AuditPersonMenu.prefix}:{page}") <= 100
    assert re.fullmatch(PanelPage.ID_PATTERN, str(page)) is not None
    assert Shown.of(PanelPage.from_id(str(page))) == wanted
