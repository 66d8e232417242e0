"""Whether the classifier of finished pictures and the text judge can be used, by their files: a worker loads them."""

from __future__ import annotations

from pathlib import Path

from bot.config.sections.classifier import ClassifierSettings
from bot.config.sections.text_judge import TextJudgeSettings
from bot.diagnostics.finding import Finding, FindingGrade
from inference.checkpoints.classifier_files import ClassifierFiles, require_package
from inference.errors import ClassifierUnusable

TEXT_JUDGE = "text judge"


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
        return _unusable(what, "classifier", problem)
    return Finding(what, FindingGrade.OK, f"{spec.source}, of {found.library}, with {', '.join(spec.classes)}")


def check_text_judge(judge: TextJudgeSettings) -> Finding | None:
    """The finding about the text judge; None without one."""
    spec = judge.spec
    if spec is None:
        return None
    try:
        found = ClassifierFiles.read_text_judge(Path(spec.source), spec.classes)
    except ClassifierUnusable as problem:
        return _unusable(TEXT_JUDGE, "text_judge", problem)
    return Finding(TEXT_JUDGE, FindingGrade.OK, f"{spec.source}; its classes are {', '.join(found.config.classes)}")


def text_judge_speed(seconds: float) -> Finding:
    """The finding about the speed of a text judge that a worker has loaded."""
    return Finding(TEXT_JUDGE, FindingGrade.OK, f"loaded; it reads a short text in {seconds * 1000:.1f} ms")


def _unusable(what: str, section: str, problem: ClassifierUnusable) -> Finding:
    says = f"{problem.reason}; no pictures are generated until it works or [{section}] is removed from the settings"
    return Finding(what, FindingGrade.PROBLEM, says)
