"""TrustMark (github.com/adobe/trustmark, MIT) behind the interface of a watermark.

The package downloads missing weights by itself. Here it loads them from the operator's folder, and downloads nothing.
It imports torch, which takes seconds, so this module imports it only when a watermark is opened.
"""

from __future__ import annotations

from hashlib import md5
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from inference.errors import WatermarkUnusable
from inference.files.hashes import files_sha256
from inference.messages.options import WatermarkModel, WatermarkSpec
from inference.parameters import SoftBinding
from inference.processes.extras import installing
from inference.watermark.marking import PAYLOAD_BITS, Payload, Watermark

_SCHEMA = 1  # TrustMark's number for BCH_5: 61 bits, and five bits of all 100 may be wrong
_VARIANTS = {WatermarkModel.TRUSTMARK_P: "P", WatermarkModel.TRUSTMARK_Q: "Q"}
_NAMES = ("decoder_{}.ckpt", "encoder_{}.ckpt", "trustmark_{}.yaml")


def trustmark_files(folder: Path) -> list[Path]:
    """The files of TrustMark's weights in a folder, of all variants."""
    return sorted(file for name in _NAMES for file in folder.glob(name.format("[A-Z]")))


def weights_sha256(spec: WatermarkSpec) -> str:
    """The SHA-256 of the weights, without loading them.

    Raise WatermarkUnusable if the package or a file is missing, or if `spec` names another SHA-256.
    """
    files = _files(spec)
    if missing := [file for file in files if not file.is_file()]:
        raise WatermarkUnusable(reason=f"there is no {missing[0]}")
    try:
        found = files_sha256(Path(spec.source), files)
    except OSError as problem:
        raise WatermarkUnusable(reason=f"{problem.filename} cannot be read: {problem.strerror}") from None
    if spec.sha256 not in {None, found}:
        raise WatermarkUnusable(reason=f"the weights in {spec.source} have another SHA-256 than set: {found}")
    if find_spec("trustmark") is None:
        raise WatermarkUnusable(reason=f"it needs trustmark, which is not installed: {installing('watermark')}")
    return found


def open_watermark(spec: WatermarkSpec, device: str) -> Watermark:
    """Load the weights, on the CPU unless they belong on `device`. Raise WatermarkUnusable."""
    weights_sha256(spec)
    try:
        return TrustMark(spec, device if spec.on_device else "cpu")
    except WatermarkUnusable:
        raise
    except Exception as problem:  # a foreign library reads foreign files: it may raise anything
        reason = str(problem).strip().partition("\n")[0] or type(problem).__name__
        raise WatermarkUnusable(reason=f"{spec.source} cannot be loaded: {reason[:300]}") from problem


class TrustMark:
    """One variant of TrustMark. Implements `inference.watermark.marking.Watermark`."""

    def __init__(self, spec: WatermarkSpec, device: str) -> None:
        library: Any = import_module("trustmark.trustmark")
        for file in _files(spec):
            # The settings of its networks name classes to import: only files that the package itself knows are loaded.
            if md5(file.read_bytes(), usedforsecurity=False).hexdigest() != library.MODEL_CHECKSUMS[file.name]:
                raise WatermarkUnusable(reason=f"{file} is damaged: its checksum is not the one that trustmark expects")
        self._variant, self._strength = _VARIANTS[spec.model], spec.strength
        self._model: Any = _local(library.TrustMark, Path(spec.source))(
            verbose=False, device=device, model_type=self._variant, encoding_type=_SCHEMA, loadRemover=False
        )

    def embed(self, picture: Image.Image, payload: Payload) -> Image.Image:
        """Add the payload, to the central square with variant P."""
        return self._model.encode(picture, payload.bits, MODE="binary", WM_STRENGTH=self._strength)

    def read(self, picture: Image.Image) -> Payload | None:
        """Read the payload of the schema that `embed` writes."""
        bits, present, schema = self._model.decode(picture, MODE="binary")
        return Payload.of_bits(bits) if present and schema == _SCHEMA and len(bits) == PAYLOAD_BITS else None

    def binding(self, payload: Payload) -> SoftBinding:
        """The variant's name in C2PA's list of algorithms; the value as in TrustMark's own example for C2PA."""
        return SoftBinding(f"com.adobe.trustmark.{self._variant}", f"{_SCHEMA}*{payload.bits}")


def _files(spec: WatermarkSpec) -> list[Path]:
    return [Path(spec.source) / name.format(_VARIANTS[spec.model]) for name in _NAMES]


def _local(library_class: Any, folder: Path) -> Any:
    """TrustMark's class, but it loads the weights from `folder` and downloads nothing."""

    class Local(library_class):
        def check_and_download(self, filename: str) -> None:
            pass

        def load_model(self, config_path: str, weight_path: str, *args: Any, **options: Any) -> Any:
            paths = [str(folder / Path(path).name) for path in (config_path, weight_path)]
            return library_class.load_model(self, *paths, *args, **options)

    return Local
