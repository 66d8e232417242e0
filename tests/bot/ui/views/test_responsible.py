"""`/privacy show` names who is responsible, with links, and the longest texts fit into one message."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bot.cli.setup.doctor import _responsible as finding_of
from bot.config import Settings
from bot.config.sections.privacy import PrivacySettings
from bot.config.sections.retention import RetentionSettings
from bot.config.sections.worker import WorkerSettings
from bot.database.privacy.erasures import Erasure, ErasureState
from bot.diagnostics.finding import FindingGrade
from bot.i18n import speaking
from bot.privacy.summary import LABELS
from bot.ui.views.people.privacy import _links, _responsible, _stored_texts

MOST = 4000  # characters that Discord allows in a message
FULL = PrivacySettings(
    controller="Easel *Ltd*", contact="privacy@example.org", policy_url="https://example.org/privacy", minimum_age=16,
    recipients=("Hoster GmbH, Germany",), purposes=("statistics",),
)  # fmt: skip


def test_it_names_and_links_what_the_settings_say() -> None:
    text = _responsible(FULL)
    for words in (
        "Data controller: Easel \\*Ltd\\* · privacy@example.org", "statistics", "Hoster GmbH, Germany",
        "Minimum age: 16 years",
    ):  # fmt: skip
        assert words in text, words
    assert [(button.label, button.url) for button in _links(FULL)] == [("Privacy policy", FULL.policy_url)]
    page = FULL.model_copy(update={"contact": "https://example.org/contact"})
    assert [button.label for button in _links(page)] == ["Privacy policy", "Contact"]
    assert "example.org" not in _responsible(page), "it is linked"


def test_without_settings_it_names_what_is_always_so() -> None:
    text = _responsible(PrivacySettings())
    assert "Data controller: the operator of this bot" in text and "Recipients: Discord" in text
    assert "Minimum age" not in text and not _links(PrivacySettings())


def test_the_doctor_asks_for_what_is_missing() -> None:
    found = finding_of(Settings(privacy=PrivacySettings(controller="Ada")))
    assert found.grade is FindingGrade.WARNING
    assert "contact, policy_url, minimum_age, recipients" in found.says and "controller" not in found.says
    assert finding_of(Settings(privacy=FULL)).grade is FindingGrade.OK


@pytest.mark.parametrize(
    "wrong",
    [
        {"policy_url": "http://example.org"}, {"policy_url": "https://"}, {"policy_url": "https://a b.org"},
        {"policy_url": "https://user@example.org"}, {"policy_url": "https://example.org/" + "x" * 200},
        {"policy_url": "javascript:alert(1)"}, {"contact": "nobody"}, {"contact": "x" * 90 + "@example.org"},
        {"contact": "http://example.org"}, {"minimum_age": 12}, {"minimum_age": 100}, {"controller": "x" * 51},
        {"controller": "two\nlines"}, {"controller": " "}, {"recipients": ("x",) * 5}, {"purposes": ("x",) * 4},
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PrivacySettings.model_validate(wrong)


@pytest.mark.parametrize("locale", [None, "ja"])
def test_the_longest_texts_fit_into_one_message(locale: str | None) -> None:
    longest = PrivacySettings(
        controller="c" * 50, contact="x" * 68 + "@example.org", minimum_age=18, recipients=("h" * 50,) * 4,
        purposes=("p" * 50,) * 3,
    )  # fmt: skip
    settings = Settings(
        privacy=longest,
        retention=RetentionSettings(pictures_days=36_500, pictures_gigabytes=123_456),
        worker=WorkerSettings(embedding_files_megabytes=10),
    )
    receipt = Erasure(
        id=1, person_id=None, pseudonym=-1, state=ErasureState.COMPLETE, by_operator=False, jobs=10**6,
        pictures=10**6, messages=10**6, unreachable=10**6, private_answers=10**6, copies=99, copies_until=10**12,
        created_at=1, finished_at=10**12, direct_channel=None, start_pictures=10**6,
    )  # fmt: skip
    with speaking(locale):
        texts = [*_stored_texts(dict.fromkeys(LABELS, 123_456), receipt, settings), _responsible(longest)]
    assert sum(map(len, texts)) < MOST
