"""Which package packed weights of a denoiser need: each is an extra of Easel."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from inference.messages.checkpoints import Quantisation
from inference.processes.extras import installing

PACKAGES: Mapping[Quantisation, str] = {
    Quantisation.NF4: "bitsandbytes",
    Quantisation.INT8: "bitsandbytes",
    Quantisation.TORCHAO_INT8: "torchao",
}
BITS: Mapping[Quantisation, float] = {Quantisation.NF4: 4.5, Quantisation.INT8: 8, Quantisation.TORCHAO_INT8: 8}
_GGUF = "gguf"


def missing_package(denoiser: object | None, quantise: Quantisation) -> str | None:
    """What to say where the package for a denoiser in a GGUF file, or for packing one, is not installed."""
    package = PACKAGES.get(quantise) if denoiser is None else _GGUF
    if package is None or find_spec(package) is not None:
        return None
    what = "GGUF files need" if denoiser is not None else f"weights packed as {quantise.value} need"
    return f"{what} the package {package}, which is not installed: {installing(package)}"
