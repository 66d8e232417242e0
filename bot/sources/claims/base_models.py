"""What hubs say of the base model of files: kept beside the library for each page by itself.

Pages that have the same bytes and name different base models contradict each other, and an operator decides. So no
page's word takes the place of another's, and what was not added leaves none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.library.configuration import Configuration
from inference.lora.beside.declarations import BadDeclarations
from inference.lora.knowledge import Knowledge
from inference.lora.known.installed import installed_hashes, installed_predictions
from inference.lora.known.registry import (
    RegistryAnswer,
    RepositoryAnswer,
    keep_answer,
    named_base_model,
    read_answers,
    read_repositories,
)

log = logging.getLogger(__name__)


def known_now(configuration: Configuration) -> Knowledge:
    """Return the knowledge about files that a scan of the library would use now."""
    settings, specs = configuration.settings, configuration.checkpoints.specs
    installed, trusts, predictions = installed_hashes(specs), settings.matching.trust_tags, installed_predictions(specs)
    try:
        return Knowledge.of(settings.library.folder, installed, trust_tags=trusts, predictions=predictions)
    except BadDeclarations as problem:  # the scan tells operators
        log.warning("cannot read declarations, matching without them: %s", problem)
        return Knowledge(installed=installed, trust_tags=trusts, installed_predictions=predictions)


async def keep_claims(library: Path, answers: Iterable[RegistryAnswer | RepositoryAnswer]) -> bool:
    """Keep the answers that say something new; whether there was one. Raises OSError."""
    return await asyncio.to_thread(_keep, library, tuple(answers))


def says_new(library: Path, answers: Sequence[RegistryAnswer | RepositoryAnswer]) -> bool:
    """Whether one of the answers says something new. Raises OSError."""
    return bool(_news(library, answers))


def _keep(library: Path, answers: Sequence[RegistryAnswer | RepositoryAnswer]) -> bool:
    news = _news(library, answers)
    for answer in news:
        keep_answer(library, answer)
    return bool(news)


def _news(
    library: Path, answers: Sequence[RegistryAnswer | RepositoryAnswer]
) -> list[RegistryAnswer | RepositoryAnswer]:
    known = read_answers(library) if answers else {}
    repositories = read_repositories(library) if answers else {}
    said = {(each.sha256, each.origin, each.base_model) for told in known.values() for each in told}
    return [
        each
        for each in answers
        if (
            repositories.get(each.key) != named_base_model(each.base_model)
            if isinstance(each, RepositoryAnswer)
            else (each.sha256, each.origin, each.base_model) not in said
        )
    ]
