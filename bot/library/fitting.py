"""How many LoRAs of the library fit each checkpoint, as a finding for `doctor`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bot.database.loras.catalogue import Lora
from bot.diagnostics.finding import Finding, FindingGrade
from bot.library.installed_checkpoints import InstalledCheckpoints

FITTING = "fitting LoRAs"
_SHOWN_BASES = 3  # base models that a warning names, the most common ones
_UNKNOWN = "unknown"


def check_fitting(loras: Sequence[Lora], checkpoints: InstalledCheckpoints) -> Finding:
    """The number of LoRAs for each checkpoint: those with a file that fits it."""
    if not loras:
        return Finding(FITTING, FindingGrade.OK, "the library has no LoRAs yet")
    fitting = Counter(name for lora in loras for name in checkpoints.names_for(lora))
    if not fitting:
        return Finding(FITTING, FindingGrade.WARNING, _none(loras, checkpoints))
    counts = ", ".join(f"{fitting[name]} for {name}" for name in checkpoints.names)
    return Finding(FITTING, FindingGrade.OK, f"of {len(loras)} LoRAs: {counts}")


def _none(loras: Sequence[Lora], checkpoints: InstalledCheckpoints) -> str:
    trained = Counter(str(base) for lora in loras for base in {each.base_model or _UNKNOWN for each in lora.usable})
    bases = ", ".join(f"{base} ({count})" for base, count in trained.most_common(_SHOWN_BASES))
    says = (
        f"no LoRA of {len(loras)} fits a declared checkpoint. The base models of the LoRAs: {bases}. Those of the "
        f"checkpoints: {', '.join(checkpoints.base_models)}. Add LoRAs for these, or declare another checkpoint"
    )
    return f"{says}. `library declare` sets an unknown base model" if _UNKNOWN in trained else says
