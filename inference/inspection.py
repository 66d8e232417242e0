"""One file looked at by itself, without a library or a catalogue: read once, judged, and put into words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from inference.errors import PredictionMismatch, PredictionUnknown
from inference.files.hashes import autov2, hashes_of, sha256_of
from inference.lora.beside.sidecar import BadSidecar, Sidecar, foreign_sidecar, read_sidecar
from inference.lora.knowledge import Knowledge
from inference.lora.library import FOREIGN_SUFFIXES, SUFFIX, FileStamp, FoundLora, found_from, open_regular
from inference.lora.prediction_evidence import PredictionEvidence
from inference.lora.tensors.fit import Grade
from inference.lora.tensors.header import BadSafetensors, parse_header, raw_header
from inference.lora.tensors.tables import STRANGERS, load_tables, title
from inference.lora.verdict import UNKNOWN, Verdict, layers_of
from inference.lora.words.architecture_words import claimed_architectures
from inference.matching import KnownLora, Matcher
from inference.messages.checkpoints import CheckpointSpec


@dataclass(frozen=True)
class Inspector:
    """What files are judged by: what is known besides them, and what goes on which checkpoint.

    With `autov3` that hash is told as well, which is as much work again as the SHA-256.
    """

    known: Knowledge
    matcher: Matcher
    autov3: bool = False

    def __post_init__(self) -> None:
        load_tables()

    def inspect(self, path: Path) -> dict[str, object]:
        """Everything that is known of the file at `path`, ready for JSON. A broken file is told as one."""
        found = look(path, autov3=self.autov3)
        verdict = found.verdict(self.known)
        if verdict is None:
            told = _broken(path, found.problem or "it cannot be read", self.matcher.checkpoints)
        else:
            told = _told(path, found, verdict, self)
        note = foreign_sidecar(path)
        return told | {"notes": [note] if note else []}

    def on(self, found: FoundLora, verdict: Verdict, checkpoint: CheckpointSpec) -> dict[str, object]:
        """Whether a file goes on `checkpoint`, and the sentence that says why or why not."""
        fits, reason = _decision(found, verdict, checkpoint, self.matcher)
        return {"base_model": checkpoint.base_model, "fits": fits, "reason": reason}


def look(path: Path, *, autov3: bool = False) -> FoundLora:
    """Read the header and hash the file, from one open file. What is wrong with it becomes its `problem`."""
    stamp = FileStamp(size=0, mtime_ns=0)
    if path.suffix != SUFFIX:
        code = path.suffix in FOREIGN_SUFFIXES
        problem = f"{path.suffix} files may hold code; only {SUFFIX} is read" if code else f"its name must end {SUFFIX}"
        return FoundLora(path=path.name, stamp=stamp, problem=problem)
    sidecar, problem = Sidecar(), None
    try:
        sidecar = read_sidecar(path)
    except BadSidecar as bad:
        problem = str(bad)
    try:
        with open_regular(path) as file:
            found = _read(path.name, stamp, sidecar, file, autov3=autov3)
    except BadSafetensors as bad:
        return FoundLora(path=path.name, stamp=stamp, problem=str(bad))
    except (OSError, ValueError) as bad:
        reason = bad.strerror if isinstance(bad, OSError) else None
        return FoundLora(path=path.name, stamp=stamp, problem=reason or "it cannot be read")
    return found if problem is None else found.model_copy(update={"problem": problem})


def _read(name: str, stamp: FileStamp, sidecar: Sidecar, file: BinaryIO, *, autov3: bool) -> FoundLora:
    """Judge the header while the file is hashed: hashing leaves Python's lock alone."""
    size = os.fstat(file.fileno()).st_size
    raw = raw_header(file, size)
    with ThreadPoolExecutor(1) as beside:
        hashing = beside.submit(hashes_of, file, len(raw)) if autov3 else beside.submit(_sha256_alone, file)
        header = parse_header(raw, size)
        layers = layers_of(header.tensors)
        return found_from(name, stamp, *hashing.result(), sidecar, header, layers)


def _sha256_alone(file: BinaryIO) -> tuple[str, None]:
    return sha256_of(file), None


def _broken(path: Path, problem: str, checkpoints: Sequence[CheckpointSpec]) -> dict[str, object]:
    refusal = {"fits": False, "reason": f"{path.name} cannot be used: {problem}."}
    return {
        "file": str(path),
        "architecture": UNKNOWN,
        "grade": Grade.NONE.value,
        "lineage": UNKNOWN,
        "base_model": None,
        "evidence": [],
        "contradictions": [],
        "format": None,
        "rank": None,
        "modules": 0,
        "fits": {},
        "verdict": {spec.name: {"base_model": spec.base_model, **refusal} for spec in checkpoints},
        "trigger_words": [],
        "few_steps": {},
        "prediction": {},
        "allowed_on": [],
        "problems": [problem],
        "reasons": [],
        "sha256": None,
        "autov2": None,
        "autov3": None,
    }


def _told(path: Path, found: FoundLora, verdict: Verdict, inspector: Inspector) -> dict[str, object]:
    layers, fit = verdict.layers, verdict.fit
    return {
        "file": str(path),
        "architecture": verdict.architecture,
        "grade": fit.grade.value if fit.base else Grade.NONE.value,
        "lineage": verdict.lineage,
        "base_model": verdict.base_model,
        "evidence": _evidence(found, verdict),
        "contradictions": list(verdict.evidence.contradictions),
        "format": " + ".join(layers.formats) or None,
        "rank": layers.rank,
        "modules": layers.modules,
        "fits": dict(layers.shares),
        "verdict": {spec.name: inspector.on(found, verdict, spec) for spec in inspector.matcher.checkpoints},
        "trigger_words": _trigger_words(found, inspector.known),
        "few_steps": found.judge(inspector.known).few_steps.model_dump(mode="json", exclude_none=True),
        "prediction": _prediction(verdict.evidence.prediction),
        "allowed_on": list(verdict.evidence.allowed_on),
        "problems": [found.problem] if found.problem else [],
        "reasons": list(verdict.reasons),
        "sha256": found.sha256,
        "autov2": autov2(found.sha256 or ""),
        "autov3": found.autov3,
    }


def _trigger_words(found: FoundLora, known: Knowledge) -> list[str]:
    """What the uploader says to a registry, and candidates from the file's own metadata."""
    answers = known.answers.get(found.sha256 or "", ())
    return list(dict.fromkeys((*(word for answer in answers for word in answer.trigger_words), *found.trigger_words)))


def _prediction(evidence: PredictionEvidence) -> dict[str, object]:
    """The prediction type, its source and what spoke against it; nothing if it is unknown."""
    if evidence.type is None or evidence.source is None:
        return {}
    return {"type": evidence.type, "source": evidence.source.value, "contradictions": list(evidence.contradictions)}


def _evidence(found: FoundLora, verdict: Verdict) -> list[dict[str, str]]:
    """Every source that says something, its weight, and what it says."""
    said: list[dict[str, str]] = []
    if verdict.fit.base is not None:
        said.append({"source": "its layers", "grade": verdict.fit.grade.value, "says": verdict.fit.base})
    said += [
        {"source": each.source.value, "grade": each.source.grade, "says": each.says}
        for each in verdict.evidence.testimonies
    ]
    said += [
        {"source": "architecture in its metadata", "grade": "architecture", "says": architecture}
        for architecture in sorted(claimed_architectures(found.metadata))
    ]
    return said


def _decision(found: FoundLora, verdict: Verdict, checkpoint: CheckpointSpec, matcher: Matcher) -> tuple[bool, str]:
    name, base = checkpoint.name, checkpoint.base_model
    if found.problem is not None:
        return False, f"It cannot be used: {found.problem}."
    if verdict.fit.ambiguous:
        bases = " and ".join(title(each) for each in verdict.fit.candidates)
        return False, f"Its layers fit {bases} alike, so it could be for any of them and is not used on {name}."
    if verdict.fit.base is None or (verdict.fit.strange and verdict.fit.base not in STRANGERS):
        return False, f"No known model has all of its layers, so it is not used on {name}."
    if verdict.fit.base != base.architecture:
        made_for = verdict.base_model.label if verdict.base_model else title(verdict.fit.base)
        return False, f"It was made for {made_for}, but {name} is {base.label}."
    if verdict.base_model is None:
        return False, f"Its layers fit {name}, but nothing proves that it was trained on {base.label}."
    evidence = verdict.evidence
    known = KnownLora(
        "It", verdict.base_model, evidence.source.value, evidence.prediction.type, allowed_on=evidence.allowed_on
    )
    trained = f"It was trained on {verdict.base_model.label} ({known.evidence})"
    refusal = matcher.misfit(known, checkpoint)
    if isinstance(refusal, PredictionMismatch):
        return False, f"{trained} for v-prediction, but {name} predicts noise (epsilon)."
    if isinstance(refusal, PredictionUnknown):
        return False, f"{trained}, but nothing tells its prediction type, and {name} predicts noise (epsilon)."
    if refusal is not None:
        return False, f"{trained}, but {name} is {base.label}."
    note = matcher.note(known, checkpoint)
    if base != verdict.base_model and base in evidence.allowed_on:
        return True, f"{trained}, and an operator lets this file go on {name}.{f' {note}' if note else ''}"
    return True, f"{trained}, which goes on {name}.{f' {note}' if note else ''}"
