"""Staff feature pictures and LoRAs, with an entry in the audit log for each change."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.community.featuring import Featuring
from bot.database.gallery.features import FIND_FEATURE, FeatureKind
from bot.database.servers.audit import AuditAction, AuditFilter, audit_page
from bot.errors.rights import NotStaff
from tests.bot.community.art import STAFF, Discord, acting, community
from tests.bot.database.publishing import SERVER, published


async def test_staff_feature_and_unfeature(tmp_path: Path) -> None:
    async with community(tmp_path, Discord()) as here:
        featuring = Featuring(here.db, here.services.rights)
        one = await published(here.db)
        wanted = (SERVER, FeatureKind.PUBLICATION, one.id)
        with pytest.raises(NotStaff):
            await featuring.feature(acting(), *wanted, "a fox")
        assert await featuring.feature(acting(STAFF), *wanted, "a fox")
        assert not await featuring.feature(acting(STAFF), *wanted, "a fox"), "it is featured"
        found = await here.db.one(FIND_FEATURE, server=SERVER, kind=FeatureKind.PUBLICATION, target=one.id)
        assert found is not None and found.featured_by == STAFF
        with pytest.raises(NotStaff):
            await featuring.unfeature(acting(), *wanted, "a fox")
        assert await featuring.unfeature(acting(STAFF), *wanted, "a fox")
        assert not await featuring.unfeature(acting(STAFF), *wanted, "a fox")
        page = await audit_page(here.db, SERVER, AuditFilter(), limit=9)
        assert [(entry.action, entry.target) for entry in page.entries] == [
            (AuditAction.UNFEATURE, "publication a fox"), (AuditAction.FEATURE, "publication a fox"),
        ]  # fmt: skip
