"""Published base models by hash, by public id and by repository: whose name a LoRA's metadata may hold.

The hashes are of the files as their makers published them, popular fine-tunes included. A LoRA trained on a copy with
other bytes is not found here. One trained on a private checkpoint is found by the hashes of installed checkpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from inference.base_models import BaseModelId
from inference.lora.words.brands import BRANDS
from inference.lora.words.relatives import names_no_version
from inference.lora.words.titles import bases_in_checkpoint_name, bases_in_title
from inference.messages.checkpoints import PredictionType

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
    # popular checkpoints by the AI Horde's reference (Haidra-Org/AI-Horde-image-model-reference, stable_diffusion.json)
    "77a72cfa4b175b61ced4fc2bd19955dd37dc578b274b7d4a8ddfc5ed4d25a953": _NOOBAI,  # mistoonAnime_v10Noobai
    "9ece21c3526a6985f564e589df99a1452ed8c3c10068a1d14553a8a2877e6d0b": _ILLUSTRIOUS,  # hassakuXLIllustrious_v22
    "fa486caafc330f133605d3c18b418d183812f14946631c6544bfb28730db6d6f": _ILLUSTRIOUS,  # novaAnimeXL_ilV190
    "56d4db7a9e925a53ce7ca32cb14107a8cc3e967b70df0da23a27351cdb68157f": _ILLUSTRIOUS,  # novaFurryXL_ilV180A
    "71f6653377759bff3565e8a723ef6238f16e5c05b7613c1e93fba6d529e80802": _ILLUSTRIOUS,  # holyMixIllustriousxl_v1
    "bdb59bac77d94ae7a55ff893170f9554c3f349e48a1b73c0c17c0b7c6f4d41a2": _ILLUSTRIOUS,  # waiNSFWIllustrious_v140
    "b5e5ab32e752a6d63f8844fc98c7da1b1b734aa0b7a8cb3ce08d4f21fd0e1135": _ILLUSTRIOUS,  # pixelIllustrious_v20
    "4af2ea715aa0d52ce089020e8a9d23e05a9d22dfd67e487896d729871ee04db1": _ILLUSTRIOUS,  # kaynegillustriousxl_v10
    "059934ff58033c5abb606b6b98f969ffdf7e7312d352c3be47a0440ba28d303b": _PONY,  # ponyRealism_v21MainVAE
    "c09f285811f11aecdb6d8ba73057c3670a30752b25b835c1c2f8ec919f8f40cd": _PONY,  # waiANINSFWPONYXL_v80
    "5db3bcc019f0eba2b913b80187b29d5636c3ab79df6910adb95eab5beaa10cc5": _PONY,  # waiCUTE_v80
    "e31a2563f0749cb4351a4a024780c025b9242e08a3a458f3b83a4b8516bd194b": _PONY,  # prefectPonyXL_v3
    "c470f98735889cc44124f4f7045c2270574115dcaedf27d4a33f5b5cece008a1": _PONY,  # novaFurryPony_v60
    "9f90c59f3aa99d9160b5652c4c68215fdc27399e5d1c692429abf2407bb909d1": _PONY,  # cyberrealisticPony_v8
    "22e9fa0dbc277bfddf3960bdd5791b8a5dc7305b7a2dfca4c0ee3e2f401738c5": _PONY,  # tunix3DStylizedPony_v10VAE
    "821aa5537f8ddafdbf963827551865c31c5bbfab1abe7925cb5f006c8f71e485": _PONY,  # amponyxl
    "674fcb56695a3d4208548db4326fcfc22a93cb4bf1816ec88d5b4b8900f369e3": _PONY,  # swamponyxl
    "b54e38a6bdaf010179bcaf4ca8637598a5b0b7587bab3b6ebd1cdff699d8863d": _SDXL,  # icbinp_xl
    "1718b5bb2da1ef4815fee8af8a7fc2fa8ab8f467b279eded4d991ea0cce59a6d": _SDXL,  # albedo_base_xl
    "c379d154eb476b67b390e31463c41c79ac9e766466315408886ebb7faa2ea098": _SDXL,  # albedobaseXL_V31Large
    "dd08fa32f98d05a2443ca1419e46df1575a0811f6e3b246d9dd47ff20f5eb66a": _SDXL,  # juggernautXL_ragnarokBy
    "fdbe56354b8f876b736f24d3ad867ecd4140c019f57642ec8ddd878088d44f64": _SDXL,  # dreamshaper_xl
    "ff5b69c9a197ee7e577d72e0e73c826c8dd8b83d88289f93bb78b53a258acc7c": _SDXL,  # zavychromaxl_v100
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
    # popular checkpoints by the AI Horde's reference
    1761560: _ILLUSTRIOUS,  # waiNSFWIllustrious_v140
    2940478: _ILLUSTRIOUS,  # novaAnimeXL_ilV190
    2943166: _ILLUSTRIOUS,  # novaFurryXL_ilV180A
    1074235: _ILLUSTRIOUS,  # holyMixIllustriousxl_v1
    2281791: _ILLUSTRIOUS,  # pixelIllustrious_v20
    1044071: _ILLUSTRIOUS,  # kaynegillustriousxl_v10
    915200: _PONY,  # waiCUTE_v80
    828380: _PONY,  # prefectPonyXL_v3
    1032006: _PONY,  # novaFurryPony_v60
    1346181: _PONY,  # cyberrealisticPony_v8
    621563: _PONY,  # tunix3DStylizedPony_v10VAE
    324619: _PONY,  # AutismMix
    329420: _SDXL,  # AlbedoBase XL
    1041855: _SDXL,  # albedobaseXL_V31Large
    1759168: _SDXL,  # juggernautXL_ragnarokBy
    1656707: _SDXL,  # zavychromaxl_v100
}

# CivitAI's ids of models of which every version has the same base model, from the AIRs of its own trainer.
CIVITAI_MODELS: dict[int, BaseModelId] = {
    101055: _SDXL,
    257749: _PONY,
    795765: _ILLUSTRIOUS,
    833294: _NOOBAI,
    618692: _DEV,
    **{brand.page: BaseModelId(brand.base) for brand in BRANDS if brand.page and not brand.versions},
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

# What published base models predict, where that is known: by SHA-256, by CivitAI's version and by repository. A base
# model that stands above and not here tells nothing of it.
_V, _EPSILON = PredictionType.V_PREDICTION, PredictionType.EPSILON
HASH_PREDICTIONS: dict[str, PredictionType] = {
    "ea349eeae87ca8d25ba902c93810f7ca83e5c82f920edf12f273af004ae02819": _V,  # NoobAI-XL V-Pred 1.0
    "6681e8e4b134c81f16533acedb0d406d7e5e366e1624b4105178c64d00b05d51": _EPSILON,  # NoobAI-XL 1.1
    "3e15ba00387db678ab4a099f75771c4f5ac67fda9e7100a01d263eaf30145aa9": _EPSILON,  # Illustrious 0.1
    "e3d12d0f76d61aa31d2668a2217e5b642592193f2946842c44d7056ea5469cce": _EPSILON,  # Illustrious 0.1 guided
    "735cf3fefcbdc4f7817f53247e38b836ffd27c7641af6d8daa21d245242cb4bd": _EPSILON,  # Illustrious 1.0
    "536863e9f0c13b0ce834e2f8a19ada425ee4f722c0ad3d0051ec7e6adaa8156c": _EPSILON,  # Illustrious 1.1
    "c2a1a3eaa13d4c107dc7e00c3fe830cab427aa026362740ea094745b3422a331": _EPSILON,  # Illustrious 2.0
    "f116b0c78ff441467b0cdc8f1936e1ed18ea31e9997c7b132b1b8db533f0bd04": _EPSILON,  # WAI-illustrious v170
    "31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b": _EPSILON,  # SDXL base 1.0
    "67ab2fd8ec439a89b3fedb15cc65f54336af163c7eb5e4f2acc98f090a29b0b3": _EPSILON,  # Pony Diffusion V6 XL
}
VERSION_PREDICTIONS: dict[int, PredictionType] = {
    1190596: _V,  # NoobAI-XL V-Pred 1.0
    889818: _EPSILON,  # Illustrious 0.1
    290640: _EPSILON,  # Pony Diffusion V6 XL
    128078: _EPSILON,  # SDXL base 1.0
}
REPOSITORY_PREDICTIONS: dict[str, PredictionType] = {
    "laxhar/noobai-xl-1.0": _EPSILON,
    "laxhar/noobai-xl-1.1": _EPSILON,
    **dict.fromkeys(
        (f"laxhar/noobai-xl-vpred-{version}" for version in ("0.5", "0.6", "0.65", "0.75", "0.9", "1.0")), _V
    ),
    "onomaairesearch/illustrious-xl-early-release-v0": _EPSILON,
    "stabilityai/stable-diffusion-xl-base-1.0": _EPSILON,
    "stabilityai/stable-diffusion-2": _V,
    "stabilityai/stable-diffusion-2-base": _EPSILON,
    "stabilityai/stable-diffusion-2-1": _V,
    "stabilityai/stable-diffusion-2-1-base": _EPSILON,
}
# The same where a repository, or a file of it, lies in the hub's cache, and where it is given as an address.
_IN_CACHE = re.compile(
    r"(?:^|[/\\])models--([\w.]+(?:-[\w.]+)*)--([\w.\-]+)(?:[/\\]snapshots[/\\][0-9a-f]{1,64}(?:[/\\][\w.\-]+)?)?[/\\]?$",
    re.ASCII,
)
_ADDRESS = re.compile(r"https://huggingface\.co/([\w.\-]+/[\w.\-]+)(?=$|[/?#])", re.ASCII)
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.\-]{0,95}/[A-Za-z0-9][\w.\-]{0,95}", re.ASCII)
_VERSION_IN_TEXT = re.compile(r"(?:civitai:\d{1,12}@|modelversionid=)(\d{1,12})", re.IGNORECASE)
_MODEL_IN_TEXT = re.compile(r"(?:civitai\.\w{2,5}/models/|\bcivitai:)(\d{1,12})(?!\d)", re.IGNORECASE)
# A whole SHA-256, its first digits as tools shorten it, or the old hash.
_HASH_IN_TEXT = re.compile(r"\b(?:0x)?([0-9a-f]{64}|[0-9a-f]{12}|[0-9a-f]{10}|[0-9a-f]{8})\b", re.IGNORECASE)
CHECKPOINT_FILES = frozenset({".safetensors", ".ckpt", ".sft", ".pt", ".pth", ".bin", ".gguf", ".json"})


def bases_by_id_in_text(text: str, installed: Mapping[str, BaseModelId]) -> set[BaseModelId]:
    """The base models that a text names by the hash of a published or an installed file (whole or its first digits) or
    by CivitAI's id of a model or a version, in an AIR or in a link."""
    models = (CIVITAI_MODELS.get(int(match[1])) for match in _MODEL_IN_TEXT.finditer(text))
    versions = (CIVITAI_VERSIONS.get(int(match[1])) for match in _VERSION_IN_TEXT.finditer(text))
    digits = {match[1].lower() for match in _HASH_IN_TEXT.finditer(text)}
    hashes = (base for each in digits for base in _by_beginning(each, installed))
    return {base for base in (*models, *versions, *hashes) if base is not None}


def _by_beginning(digits: str, installed: Mapping[str, BaseModelId]) -> set[BaseModelId]:
    """The base models of hashes with these first digits; of published files only if no installed one has them."""
    known = (installed, FULL_HASHES, OLD_HASHES)
    found = ({base for hash_, base in hashes.items() if hash_.startswith(digits)} for hashes in known)
    return next(filter(None, found), set[BaseModelId]())


def published_prediction_in_text(text: str) -> PredictionType | None:
    """Return the prediction type of the CivitAI version that a text names; v-prediction if it names both types."""
    found = {VERSION_PREDICTIONS.get(int(match[1])) for match in _VERSION_IN_TEXT.finditer(text)}
    return _V if _V in found else next(iter(found - {None}), None)


def repository_base(name: str) -> BaseModelId | None:
    """The base model of a hub repository's id, in whatever case; None for one that is not known."""
    wanted = _repository(name.strip()).lower()
    for known, base in _REPOSITORIES.items():
        if wanted == known:
            return base
        beginning = known.endswith("-") and wanted.startswith(known) and wanted.count("/") == 1
        if beginning and not names_no_version(wanted):
            return base
    return None


def repository_id(name: str) -> str | None:
    """The id of a hub's repository that a name is, as `owner/name`, an address or a folder of its cache; None for
    any other name, such as that of a file."""
    found = _repository(name.strip())
    return (
        found if REPOSITORY.fullmatch(found) and PurePosixPath(found).suffix.lower() not in CHECKPOINT_FILES else None
    )


def is_strange_repository(name: str) -> bool:
    """Whether a name is a hub repository with an unknown base model."""
    known = repository_base(name) or bases_in_checkpoint_name(name) or bases_in_title(name)
    return repository_id(name) is not None and not known


def _repository(name: str) -> str:
    if cached := _IN_CACHE.search(name):
        return f"{cached[1]}/{cached[2]}"
    address = _ADDRESS.match(name)
    return address[1] if address else name if name.isascii() else ""
