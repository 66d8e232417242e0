"""Whether the classifier of finished pictures can be used, by its files alone: a worker loads it."""

from __future__ import annotations

from pathlib import Path

from bot.config.classifier import ClassifierSettings
from bot.diagnostics.finding import Finding, FindingGrade
from inference.classifier_files import ClassifierFiles, require_package
from inference.errors import ClassifierUnusable


def check_classifier(classifier: ClassifierSettings) -> Finding | None:
    """What is to be said of it; None without a classifier."""
    spec, what = classifier.spec, "classifier"
    if spec is None:
        return None
    if spec.repository:
        return Finding(what, FindingGrade.OK, f"{spec.source}, downloaded from the Hugging Face hub at first use")
    try:
        if spec.package:
            require_package(spec.classes)
            return Finding(what, FindingGrade.OK, f"{spec.source}, with {', '.join(spec.classes)}; for photographs")
        found = ClassifierFiles.read(Path(spec.source), spec.classes)
    except ClassifierUnusable as problem:
        says = (
            f"{problem.reason}; no pictures are generated until it works or [classifier] is removed from the settings"
        )
        return Finding(what, FindingGrade.PROBLEM, says)
    return Finding(what, FindingGrade.OK, f"{spec.source}, of {found.library}, with {', '.join(spec.classes)}")
