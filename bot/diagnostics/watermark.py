"""Whether the watermark can be used, by its files: a worker loads them."""

from __future__ import annotations

from bot.config.sections.watermark import WatermarkSettings
from bot.diagnostics.finding import Finding, FindingGrade
from inference.errors import WatermarkUnusable
from inference.watermark.trustmark import weights_sha256

WATERMARK = "watermark"


def check_watermark(watermark: WatermarkSettings) -> Finding | None:
    """The finding about the watermark; None without one."""
    spec = watermark.spec()
    if spec is None:
        return None
    try:
        sha256 = weights_sha256(spec)
    except WatermarkUnusable as problem:
        says = f"{problem.reason}; no pictures are generated until it works or [watermark] is removed from the settings"
        return Finding(WATERMARK, FindingGrade.PROBLEM, says)
    return Finding(WATERMARK, FindingGrade.OK, f"{spec.model} from {spec.source}, with the SHA-256 {sha256}")


def watermark_speed(seconds: float) -> Finding:
    """The finding about a watermark that a worker has loaded and tried."""
    says = f"embedded in test pictures and read again; a megapixel takes {seconds * 1000:.0f} ms"
    return Finding(WATERMARK, FindingGrade.OK, says)
