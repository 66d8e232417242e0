"""Published base models by hash, by public id and by repository: whose name a LoRA's metadata may hold.

The hashes are of the files as their makers published them. A LoRA trained on a copy with other bytes is not found
here, and one trained on a private checkpoint is found by the hashes of those that are installed.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from inference.base_models import BaseModelId

_SDXL, _ILLUSTRIOUS, _NOOBAI, _PONY, _ANIMAGINE, _HARUKA, _HOSHINO, _KOLORS, _PLAYGROUND = (
    BaseModelId(f"sdxl/{lineage}")
    for lineage in ("base", "illustrious", "noobai", "pony", "animagine", "haruka", "hoshino", "kolors", "playground")
)
_DEV, _SCHNELL, _KREA, _KONTEXT, _CHROMA = (
    BaseModelId(f"flux1/{lineage}") for lineage in ("dev", "schnell", "krea", "kontext", "chroma")
)
_SD1, _SD2 = BaseModelId("sd1/base"), BaseModelId("sd2/base")
_QWEN, _QWEN_EDIT, _QWEN_LAYERED = (BaseModelId(f"qwen-image/{lineage}") for lineage in ("base", "edit", "layered"))
_Z_IMAGE, _Z_EDIT = BaseModelId("z-image/base"), BaseModelId("z-image/edit")
_LUMINA, _NETA = BaseModelId("lumina2/base"), BaseModelId("lumina2/neta")
_ANIMA, _COSMOS = BaseModelId("anima/base"), BaseModelId("anima/cosmos-predict2")
_AURAFLOW, _PONY_V7 = BaseModelId("auraflow/base"), BaseModelId("auraflow/pony-v7")
_SD3, _SD35M, _SD35L = BaseModelId("sd3/base"), BaseModelId("sd35m/base"), BaseModelId("sd35l/base")

# SHA-256 of the published file.
FULL_HASHES: dict[str, BaseModelId] = {
    "31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b": _SDXL,  # SDXL base 1.0
    "67ab2fd8ec439a89b3fedb15cc65f54336af163c7eb5e4f2acc98f090a29b0b3": _PONY,  # Pony Diffusion V6 XL
    "3e15ba00387db678ab4a099f75771c4f5ac67fda9e7100a01d263eaf30145aa9": _ILLUSTRIOUS,  # 0.1
    "e3d12d0f76d61aa31d2668a2217e5b642592193f2946842c44d7056ea5469cce": _ILLUSTRIOUS,  # 0.1 guided
    "735cf3fefcbdc4f7817f53247e38b836ffd27c7641af6d8daa21d245242cb4bd": _ILLUSTRIOUS,  # 1.0
    "536863e9f0c13b0ce834e2f8a19ada425ee4f722c0ad3d0051ec7e6adaa8156c": _ILLUSTRIOUS,  # 1.1
    "c2a1a3eaa13d4c107dc7e00c3fe830cab427aa026362740ea094745b3422a331": _ILLUSTRIOUS,  # 2.0
    "6681e8e4b134c81f16533acedb0d406d7e5e366e1624b4105178c64d00b05d51": _NOOBAI,  # NoobAI-XL 1.1
    "ea349eeae87ca8d25ba902c93810f7ca83e5c82f920edf12f273af004ae02819": _NOOBAI,  # NoobAI-XL V-Pred 1.0
    "1449e5b0b9de87b0f414c5f29cb11ce3b3dc61fa2b320e784c9441720bf7b766": _ANIMAGINE,  # 3.0
    "e3c47aedb06418c6c331443cd89f2b3b3b34b7ed2102a3d4c4408a8d35aad6b0": _ANIMAGINE,  # 3.1
    "8ece83aa1bed1fb39a2b81f1660f0ce6889218e493c1f2ed55e9f15f59a7e03f": _ANIMAGINE,  # 4.0
    "1d5b43ff75b6ab598502d4c779d2fbfa3dceca51c60c3b609640a60772333916": _ANIMAGINE,  # 4.0, by another list
    "6327eca98bfb6538dd7a4edce22484a1bbc57a8cff6b11d075d40da1afb847ac": _ANIMAGINE,  # 4.0 opt
    "f116b0c78ff441467b0cdc8f1936e1ed18ea31e9997c7b132b1b8db533f0bd04": _ILLUSTRIOUS,  # WAI-illustrious v170
    "4610115bb0c89560703c892c59ac2742fa821e60ef5871b33493ba544683abd7": _DEV,  # FLUX.1-dev
    "74b62bfc40e092a456de76ff3280ea6eb8e88d542d9cf7977eedc59731fcfe16": _SD1,  # 1.5 pruned-emaonly .ckpt
}

# The old hash (SHA-256 of 64 KiB at offset 0x100000, eight digits) of the published file.
OLD_HASHES: dict[str, BaseModelId] = {
    "e577480d": _PONY,
    "9e689848": _SD1,  # 1.5 pruned-emaonly
    "0b1893f6": _SD1,  # NAI animefull fp16
}

# CivitAI's ids of model versions: what its own trainer writes as `<id>.safetensors`.
CIVITAI_VERSIONS: dict[int, BaseModelId] = {
    139180: _SD1,
    89927: _SD1,
    128713: _SD1,
    132760: _SD1,
    128078: _SDXL,
    290640: _PONY,
    889818: _ILLUSTRIOUS,
    1546777: _ILLUSTRIOUS,
    1190596: _NOOBAI,
    691639: _DEV,
    2164239: _CHROMA,
}

# PixAI's ids of model versions.
PIXAI_VERSIONS: dict[int, BaseModelId] = {
    1861558740588989558: _HARUKA,
    1954632828118619567: _HOSHINO,
}

# Repositories of the Hugging Face hub, in lower case: whole ids, and beginnings of ids (those that end in `-`).
_REPOSITORIES: dict[str, BaseModelId] = {
    "stabilityai/stable-diffusion-xl-base-1.0": _SDXL,
    "stabilityai/stable-diffusion-xl-base-0.9": _SDXL,
    "onomaairesearch/illustrious-xl-": _ILLUSTRIOUS,
    "laxhar/noobai-xl-": _NOOBAI,
    "cagliostrolab/animagine-xl-": _ANIMAGINE,
    "linaqruf/animagine-xl": _ANIMAGINE,
    "astraliteheart/pony-diffusion-v6": _PONY,
    "astraliteheart/pony-diffusion-v6-": _PONY,
    "kwai-kolors/kolors": _KOLORS,
    "kwai-kolors/kolors-diffusers": _KOLORS,
    "playgroundai/playground-v2-": _PLAYGROUND,
    "runwayml/stable-diffusion-v1-5": _SD1,
    "stable-diffusion-v1-5/stable-diffusion-v1-5": _SD1,
    "compvis/stable-diffusion-v1-": _SD1,
    "stabilityai/stable-diffusion-2": _SD2,
    "stabilityai/stable-diffusion-2-base": _SD2,
    "stabilityai/stable-diffusion-2-1": _SD2,
    "stabilityai/stable-diffusion-2-1-base": _SD2,
    "stabilityai/stable-diffusion-3-medium": _SD3,
    "stabilityai/stable-diffusion-3-medium-diffusers": _SD3,
    "stabilityai/stable-diffusion-3.5-medium": _SD35M,
    "stabilityai/stable-diffusion-3.5-large": _SD35L,
    "stabilityai/stable-diffusion-3.5-large-turbo": _SD35L,
    "black-forest-labs/flux.1-dev": _DEV,
    "black-forest-labs/flux.1-schnell": _SCHNELL,
    "black-forest-labs/flux.1-krea-dev": _KREA,
    "black-forest-labs/flux.1-kontext-dev": _KONTEXT,
    "lodestones/chroma": _CHROMA,
    "lodestones/chroma1-hd": _CHROMA,
    "lodestones/chroma1-base": _CHROMA,
    "lodestones/chroma1-flash": _CHROMA,
    "qwen/qwen-image": _QWEN,
    "qwen/qwen-image-2512": _QWEN,
    "qwen/qwen-image-edit": _QWEN_EDIT,
    "qwen/qwen-image-edit-": _QWEN_EDIT,
    "qwen/qwen-image-layered": _QWEN_LAYERED,
    "tongyi-mai/z-image": _Z_IMAGE,
    "tongyi-mai/z-image-base": _Z_IMAGE,
    "tongyi-mai/z-image-turbo": _Z_IMAGE,
    "tongyi-mai/z-image-edit": _Z_EDIT,
    "alpha-vllm/lumina-image-2.0": _LUMINA,
    "neta-art/neta-lumina": _NETA,
    "duongve/netayume-lumina-": _NETA,
    "terminusresearch/neta-lumina-": _NETA,
    "circlestone-labs/anima": _ANIMA,
    "circlestone-labs/anima-": _ANIMA,
    "nvidia/cosmos-predict2-2b-": _COSMOS,
    "fal/auraflow": _AURAFLOW,
    "fal/auraflow-": _AURAFLOW,
    "terminusresearch/auraflow-": _AURAFLOW,
    "purplesmartai/pony-v7-": _PONY_V7,
}
# The same where a repository, or a file of it, lies in the hub's cache, and where it is given as an address.
_IN_CACHE = re.compile(
    r"(?:^|[/\\])models--([\w.]+(?:-[\w.]+)*)--([\w.\-]+)(?:[/\\]snapshots[/\\][0-9a-f]{1,64}(?:[/\\][\w.\-]+)?)?[/\\]?$",
    re.ASCII,
)
_ADDRESS = re.compile(r"https://huggingface\.co/([\w.\-]+/[\w.\-]+)(?=$|[/?#])", re.ASCII)
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.\-]{0,95}/[A-Za-z0-9][\w.\-]{0,95}", re.ASCII)
_FILES = frozenset({".safetensors", ".ckpt", ".sft", ".pt", ".pth", ".bin", ".gguf", ".json"})


def repository_base(name: str) -> BaseModelId | None:
    """The base model of a hub repository's id, in whatever case; None for one that is not known."""
    wanted = _repository(name.strip()).lower()
    for known, base in _REPOSITORIES.items():
        if wanted == known or (known.endswith("-") and wanted.startswith(known) and wanted.count("/") == 1):
            return base
    return None


def repository_id(name: str) -> str | None:
    """The id of a hub's repository that a name is, as `owner/name`, an address or a folder of its cache; None for
    any other name, such as that of a file."""
    found = _repository(name.strip())
    return found if REPOSITORY.fullmatch(found) and PurePosixPath(found).suffix.lower() not in _FILES else None


def _repository(name: str) -> str:
    if cached := _IN_CACHE.search(name):
        return f"{cached[1]}/{cached[2]}"
    address = _ADDRESS.match(name)
    return address[1] if address else name if name.isascii() else ""
