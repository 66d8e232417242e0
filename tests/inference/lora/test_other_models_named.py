"""A relative's name and the number of a version that nobody published stand against words about the base model."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from bot.config.sections.checkpoints import CheckpointSettings
from inference.base_models import BaseModelId
from inference.demo import CHECKPOINTS, LORAS
from inference.files.hashes import file_sha256
from inference.files.json_values import parse_json
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar, read_sidecar
from inference.lora.evidence import Source, judge
from inference.lora.knowledge import Knowledge
from inference.lora.library import scan
from inference.lora.verdict import Layers, Verdict, decide
from inference.lora.words.relatives import names_no_version, relatives_named
from inference.lora.words.texts import telling
from inference.messages.checkpoints import PredictionType
from tests.inference.lora.test_same_shapes import AI_TOOLKIT, read
from tests.lies import FLUX_HASH, denoiser, pairs
from tests.lora_files import write_lora

FILE = "a" * 64
WORDS = {
    "flux1": ("attn", "mlp"), "flux2-klein-4b": ("attn", "mlp"), "anima": ("attn", "mlp"), "krea2": ("attn", "mlp"),
    "lumina2": ("attn", "feed_forward"), "qwen-image": ("attn", "mlp"), "z-image": ("attention", "feed_forward"),
    "sd1": ("attn", "ff"), "sdxl": ("attn", "ff"),
}  # fmt: skip
LAYERS: dict[str, Layers] = {}


def layers(make: str) -> Layers:
    if make not in LAYERS:
        tensors = pairs(denoiser(make, *WORDS[make]), "lora_unet_" if make in {"sd1", "sdxl"} else "diffusion_model.")
        LAYERS[make] = read(tensors)
    return LAYERS[make]


def verdict(make: str, metadata: Mapping[str, str], sidecar: Sidecar = Sidecar(), file_name: str = "") -> Verdict:  # noqa: B008 - frozen
    kept = evidence_in(metadata)
    return decide(layers(make), judge(FILE, kept, sidecar, Knowledge(), file_name=file_name), kept)


@pytest.mark.parametrize(
    ("make", "told", "name"),
    [
        ("flux1", "flux1/dev", "kontext_relight"), ("flux1", "flux1/dev", "fluxKontext_v1"),
        ("flux1", "flux1/dev", "FLUX.1 Krea style"), ("flux1", "flux1/dev", "flux-schnell-x"),
        ("flux1", "flux1/dev", "chroma_style"), ("flux1", "flux1/dev", "flux1-fill-dev_inpaint"),
        ("sdxl", "sdxl/illustrious", "kolors style"), ("sdxl", "sdxl/base", "Kolors style"),
        ("z-image", "z-image/base", "ZImageEdit_x"), ("z-image", "z-image/base", "z-image-omni-x"),
        ("anima", "anima/base", "cosmos_style"), ("lumina2", "lumina2/base", "netayume_style"),
    ],
)  # fmt: skip
def test_no_page_beats_a_name_of_a_relative(make: str, told: str, name: str) -> None:
    base = BaseModelId(told)
    page = Sidecar(base_model=base)
    assert verdict(make, {}, page, "komori.safetensors").base_model == base
    assert verdict(make, {}, page, f"{name}.safetensors").base_model is None
    assert verdict(make, {"modelspec.title": name}, page).base_model is None
    assert verdict(make, {"ss_output_name": name}, page).base_model is None
    assert verdict(make, {}, Sidecar(base_model=base, file_name=f"{name}.safetensors")).base_model is None
    assert verdict(make, {}, Sidecar(base_model=base, name=name)).base_model is None


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("flux1/dev", "photo edit helper"), ("flux1/dev", "Kontext of war style"), ("flux1/dev", "fill light"),
        ("z-image/base", "photo_edit"), ("qwen-image/base", "omni man"), ("flux1/kontext", "flux kontext relight"),
        ("sdxl/base", "zavyChromaXL_v100"), ("krea2/base", "krea2_style_v3"), ("sdxl/base", "playground swing"),
    ],
)  # fmt: skip
def test_ordinary_words_and_its_own_name_stand_against_nothing(base: str, name: str) -> None:
    assert relatives_named(name, BaseModelId(base), hints=True) == ()


def test_an_ordinary_word_does_not_stand_against_what_was_recorded() -> None:
    trained = {"ss_base_model_version": "flux1", "ss_sd_model_name": "flux1-dev.safetensors"}
    assert verdict("flux1", trained | {"modelspec.title": "Chroma key"}).base_model == "flux1/dev"
    assert verdict("flux1", trained | {"modelspec.title": "Flux Kontext relight"}).base_model is None
    by_id = trained | {"ss_sd_model_name": "black-forest-labs/FLUX.1-dev"}
    assert verdict("flux1", by_id | {"modelspec.title": "Chroma key"}).base_model == "flux1/dev"
    assert verdict("flux1", by_id | {"modelspec.title": "Flux Kontext relight"}).base_model is None
    by_hash = trained | {"ss_new_sd_model_hash": FLUX_HASH, "modelspec.title": "Flux Kontext relight"}
    assert verdict("flux1", by_hash).base_model == "flux1/dev"
    assert verdict("flux1", by_hash | {"ss_sd_model_name": "flux1-kontext-dev.safetensors"}).base_model is None


@pytest.mark.parametrize(
    ("make", "version", "name"), [("anima", "anima", "cosmos_predict2_style"), ("z-image", "zimage", "z_image_edit_x")]
)
def test_a_trainer_s_word_falls_by_the_file_s_name(make: str, version: str, name: str) -> None:
    metadata = AI_TOOLKIT | {"ss_base_model_version": version}
    assert verdict(make, metadata, file_name="komori.safetensors").base_model == f"{make}/base"
    assert verdict(make, metadata, file_name=f"{name}.safetensors").base_model is None


@pytest.mark.parametrize(
    ("make", "metadata"),
    [
        ("anima", {"modelspec.architecture": "anima-2/lora", "ss_base_model_version": "anima"}),
        ("anima", {"modelspec.architecture": "anima-preview/lora", "ss_base_model_version": "anima2"}),
        ("anima", {"ss_base_model_version": "anima", "ss_sd_model_name": "anima2_preview.safetensors"}),
        ("anima", {"ss_base_model_version": "anima", "ss_sd_model_name": "circlestone-labs/Anima-2"}),
        ("anima", {"ss_base_model_version": "anima", "ss_sd_model_name": "cosmos25_2b_posttrained.safetensors"}),
        ("z-image", AI_TOOLKIT | {"ss_base_model_version": "zimage_v2"}),
        ("z-image", {"modelspec.architecture": "z-image-2/lora", "ss_sd_model_name": "z_image_bf16.safetensors"}),
        ("qwen-image", {"modelspec.architecture": "qwen-image-3/lora", "ss_sd_model_name": "qwen_image.safetensors"}),
        ("sdxl", {"ss_base_model_version": "sdxl_base_v2-0", "ss_sd_model_name": "illustriousXL_v01.safetensors"}),
        ("krea2", {"lora_adapter_metadata": json.dumps({"base_model_name_or_path": "krea/Krea-3-Raw"})}),
        ("krea2", {"ss_sd_model_name": "krea2_edit.safetensors"}),
        ("krea2", {"ss_output_name": "Krea-3-style"}),
        ("flux2-klein-4b", {"ss_sd_model_name": "black-forest-labs/FLUX.3-klein-4B"}),
        ("sd1", {"ss_base_model_version": "sd_v1", "ss_sd_model_name": "stable-diffusion-v4-base"}),
    ],
)
def test_a_successor_is_not_taken_for_the_model_that_is_known(make: str, metadata: Mapping[str, str]) -> None:
    assert verdict(make, metadata).base_model is None


@pytest.mark.parametrize(
    "name",
    [
        "anima-preview3", "Anima-Base-v1.0", "qwen_image_2512_bf16", "qwen-image-2.1", "krea2_raw", "FLUX.2-klein-4B",
        "FLUX.1-dev", "chroma-unlocked-v48", "Chroma1-HD", "sd_xl_base_1.0", "sdXL_v10VAEFix",
        "stable-diffusion-3.5-large", "stable-diffusion-2-1", "v1-5-pruned", "lumina2", "animaPencilXL_v500",
        "sdxl_base_v0-9", "z_image_turbo_bf16", "stable-diffusion-xl-v1-base", "jibMixFlux_v8",
    ],
)  # fmt: skip
def test_versions_that_exist_are_no_successors(name: str) -> None:
    assert not names_no_version(name)


def test_the_name_of_a_training_base_falls_by_a_word_for_another_architecture() -> None:
    metadata = {"ss_base_model_version": "flux1", "ss_sd_model_name": "flux1-dev.safetensors"}
    assert verdict("flux1", metadata | {"modelspec.architecture": "flux-1-dev/lora"}).base_model == "flux1/dev"
    assert verdict("flux1", metadata | {"modelspec.architecture": "flux-2-dev/lora"}).base_model is None


@pytest.mark.parametrize("base", ["sd_xl_base_1.0.safetensors", "illustriousXL_v01.safetensors"])
def test_a_horse_is_not_a_model(base: str) -> None:
    horse = {"ss_base_model_version": "sdxl_base_v1-0", "ss_sd_model_name": base}
    for name in ("pony_ride", "shetland_pony_photo"):
        assert verdict("sdxl", horse | {"modelspec.title": name, "ss_output_name": name}).base_model is not None
    assert verdict("sdxl", horse | {"modelspec.title": "chara pony"}).base_model is None


@pytest.mark.parametrize(
    "name", ["urn:air:sd1:checkpoint:civitai:1@290640", "urn:air:flux1:checkpoint:civitai:1@889818"]
)
def test_an_air_of_another_family_is_no_id(name: str) -> None:
    metadata = {"ss_base_model_version": "sdxl_base_v1-0", "ss_sd_model_name": name}
    assert verdict("sdxl", metadata).base_model is None
    known = metadata | {"ss_sd_model_name": "urn:air:sdxl:checkpoint:civitai:257749@290640"}
    assert verdict("sdxl", known).base_model == "sdxl/pony"


@pytest.mark.parametrize(
    ("told", "air", "known"),
    [
        ("sdxl/pony", "sdxl:checkpoint:civitai:257749@290640", True),
        ("sdxl/pony", "sdxl:checkpoint:civitai:257749@111111", True),
        ("sdxl/illustrious", "sdxl:checkpoint:civitai:795765@889818", True),
        ("sdxl/illustrious", "sdxl:checkpoint:civitai:1234567@7654321", True),
        ("sdxl/illustrious", "sdxl:checkpoint:civitai:257749@111111", False),
        ("sdxl/pony", "sdxl:checkpoint:civitai:795765@889818", False),
        ("sdxl/illustrious", "flux1:checkpoint:civitai:1234567@7654321", False),
    ],
)
def test_the_ids_of_an_air_in_a_comment_decide_and_not_its_ecosystem(told: str, air: str, known: bool) -> None:
    page = Sidecar(base_model=BaseModelId(told))
    comment = {"ss_training_comment": f"urn:air:{air}"}
    assert (verdict("sdxl", comment, page).base_model is not None) == known


def test_a_merge_with_a_public_id_is_a_merge() -> None:
    metadata = {"ss_sd_model_name": "illustriousXL_v01.safetensors", "modelspec.merged_from": "illustriousXL, 290640"}
    assert verdict("sdxl", metadata).evidence.source is Source.CONFLICT


def test_files_beside_a_lora_that_differ_are_a_conflict(tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "komori.safetensors")
    sha256 = file_sha256(lora)
    page = {"baseModel": "Pony", "files": [{"hashes": {"SHA256": sha256}}], "model": {"name": "Komori"}}
    managed = {"base_model": "Illustrious", "sha256": sha256}
    contents = {
        ".toml": 'base_model = "sdxl/noobai"',
        ".json": json.dumps({"base_model": "sdxl/animagine"}),
        ".civitai.info": json.dumps(page),
        ".metadata.json": json.dumps(managed),
    }
    for first in contents:
        for second in contents:
            for suffix in {first, second}:
                lora.with_suffix(suffix).write_text(contents[suffix])
            evidence = judge(sha256, {}, read_sidecar(lora), Knowledge())
            assert (evidence.base_model is None) == (first != second), (first, second)
            assert evidence.source is (Source.SIDECAR if first == second else Source.CONFLICT)
            for suffix in {first, second}:
                lora.with_suffix(suffix).unlink()


def test_a_page_s_own_name_is_read(tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "komori.safetensors")
    page = {
        "baseModel": "Pony",
        "files": [{"hashes": {"SHA256": file_sha256(lora)}}],
        "model": {"name": "Kolors style"},
    }
    lora.with_suffix(".civitai.info").write_text(json.dumps(page))
    (found,) = scan(tmp_path, {})
    assert found.judge(Knowledge()).base_model is None and found.name == "komori"


def test_what_a_trainer_was_told_in_a_comment_stands_against_a_page() -> None:
    page = Sidecar(base_model=BaseModelId("sdxl/illustrious"))
    assert verdict("sdxl", {"ss_training_comment": "trained on Pony"}, page).base_model is None
    assert verdict("sdxl", {"ss_training_comment": "an owl"}, page).base_model == "sdxl/illustrious"


@pytest.mark.parametrize(
    ("make", "version", "base"),
    [
        ("z-image", "zimage:turbo", "z-image/base"), ("qwen-image", "qwen_image:2512", "qwen-image/base"),
        ("qwen-image", "qwen_image:edit", "qwen-image/edit"),
    ],
)  # fmt: skip
def test_a_trainer_s_word_may_have_a_colon(make: str, version: str, base: str) -> None:
    assert verdict(make, AI_TOOLKIT | {"ss_base_model_version": version}).base_model == base


def test_a_v_in_its_own_name_beats_a_trainer_s_default() -> None:
    metadata = {
        "ss_sd_model_name": "noobaiXL_v11.safetensors", "ss_v_parameterization": "False",
        "modelspec.prediction_type": "epsilon", "modelspec.title": "komori vpred",
    }  # fmt: skip
    evidence = judge(FILE, evidence_in(metadata), Sidecar(), Knowledge())
    assert evidence.prediction.type is PredictionType.V_PREDICTION and evidence.prediction.contradictions


def test_a_checkpoint_that_is_not_there_predicts_what_its_settings_say() -> None:
    settings = CheckpointSettings.model_validate(
        {"name": "x", "repository": "example/x", "base_model": "sdxl/noobai", "prediction_type": "epsilon"}
    )
    assert settings.spec(None).predicts is PredictionType.EPSILON


SENTENCES = (
    "Trained on {}.", "Base model: {}", "A style LoRA for {}", "LoRA trained with kohya on {} at 1024px",
    "{}\u3067\u5b66\u7fd2\u3057\u307e\u3057\u305f", "\u57fa\u4e8e{}\u8bad\u7ec3", "Entrenado con {}",
    "Trainiert auf {}", "This is a {} lora", "Only works on {}",
)  # fmt: skip


@pytest.mark.parametrize(
    ("make", "told", "model"),
    [
        ("flux1", "flux1/dev", "FLUX.3 [dev]"), ("flux1", "flux1/dev", "FLUX.2 [dev]"),
        ("flux1", "flux1/dev", "SD 3.5 Large"), ("anima", "anima/base", "Anima 3 base"),
        ("anima", "anima/base", "SDXL"),
        ("qwen-image", "qwen-image/base", "Qwen-Image-2.5"), ("z-image", "z-image/base", "Z-Image-Turbo 2"),
        ("lumina2", "lumina2/base", "Illustrious-Lumina v0.03"), ("lumina2", "lumina2/base", "NetaYume Lumina v3.5"),
        ("krea2", "krea2/base", "Krea 2 Edit"), ("sdxl", "sdxl/illustrious", "AutismMix"),
        ("sdxl", "sdxl/illustrious", "RouWei"), ("sdxl", "sdxl/illustrious", "NovelAI v3"),
        ("sdxl", "sdxl/illustrious", "Illustrious 5"), ("sdxl", "sdxl/pony", "Juggernaut XL"),
    ],
)  # fmt: skip
def test_a_sentence_about_the_training_that_names_another_model_disputes_a_page(
    make: str, told: str, model: str
) -> None:
    page = Sidecar(base_model=BaseModelId(told))
    for sentence in SENTENCES:
        text = sentence.format(model)
        assert verdict(make, {}, page.model_copy(update={"description": text})).base_model is None, text
        assert verdict(make, {"ss_training_comment": text}, page).base_model is None, text


@pytest.mark.parametrize(
    ("make", "told", "text"),
    [
        ("flux1", "flux1/dev", "Trained on FLUX.1 dev. Also trained on Z-Image: another page"),
        ("flux1", "flux1/dev", "Trained on images generated with FLUX.2 dev"),
        ("flux1", "flux1/dev", "Trained with flux 3 epochs on 40 pictures of Sana"),
        ("anima", "anima/base", "Trained on Anima 10 epochs"),
        ("z-image", "z-image/base", "A LoRA for Z-Image 8 steps"),
        ("sdxl", "sdxl/illustrious", "Trained on Illustrious. Previews made with AutismMix"),
        ("sdxl", "sdxl/illustrious", "Trained on Illustrious and tested on Juggernaut XL"),
        ("qwen-image", "qwen-image/base", "Trained on Qwen-Image-2512, captions by Qwen3-VL"),
        ("krea2", "krea2/base", "Trained on Krea 2, not for SDXL"),
        ("flux1", "flux1/kontext", "Trained on FLUX.1 Kontext, not for FLUX.1 dev"),
    ],
)  # fmt: skip
def test_a_sentence_about_pictures_tests_and_other_loras_disputes_nothing(make: str, told: str, text: str) -> None:
    base = BaseModelId(told)
    assert verdict(make, {}, Sidecar(base_model=base, description=text)).base_model == base


@pytest.mark.parametrize(
    "text",
    [
        "Trained on SD 2.1 768-v", "Trained on stable-diffusion-2-1", "v2-1_768-ema-pruned.ckpt",
        "with the v objective",
    ],
)  # fmt: skip
def test_names_of_stable_diffusion_2_for_768_pixels_mean_v_prediction(text: str) -> None:
    told = Sidecar(base_model=BaseModelId("sd2/base"), description=text)
    assert judge(FILE, {}, told, Knowledge()).prediction.type is PredictionType.V_PREDICTION
    plain = told.model_copy(update={"description": "Trained on stable-diffusion-2-1-base"})
    assert judge(FILE, {}, plain, Knowledge()).prediction.type is None


def test_a_magnitude_of_another_size_than_the_layer_is_malformed() -> None:
    tensors = pairs(denoiser("sdxl", "attn", "ff"), "lora_unet_")
    module = next(name for name in tensors if name.endswith(".lora_up.weight")).removesuffix(".lora_up.weight")
    rows = tensors[f"{module}.lora_up.weight"].shape[0]
    for size, problem in ((rows, None), (rows + 128, f"of {module}, its magnitude has another size than its layer")):
        tensors[f"{module}.dora_scale"] = np.ones((size, 1), np.float32)
        assert read(tensors).problem == problem


@pytest.mark.parametrize(
    ("make", "told", "text"),
    [
        ("sdxl", "sdxl/pony",
         "\u043d\u0430 \u0418\u043b\u043b\u044e\u0441\u0442\u0440\u0438\u0443\u0441"),
        ("sdxl", "sdxl/pony", "\u30a4\u30e9\u30b9\u30c8\u30ea\u30a2\u30b9XL v1.0 \u3067\u5b66\u7fd2"),
        ("sdxl", "sdxl/illustrious", "\u662f\u5c0f\u9a6c\u7684LoRA"),
        ("lumina2", "lumina2/base", "\u5e95\u6a21:\u634fTa Lumina 1.0"),
        ("z-image", "z-image/base", "\u901a\u4e49\u9020\u76f8 Z-Image \u7f16\u8f91\u7248 \u8bad\u7ec3"),
        ("qwen-image", "qwen-image/base", "\u57fa\u4e8e\u5343\u95ee\u56fe\u50cf\u7f16\u8f91\u6a21\u578b\u8bad\u7ec3"),
        ("sdxl", "sdxl/pony", "<p>Trained on Illus<wbr>tri&#111;us 2.0</p>"),
        ("sdxl", "sdxl/pony", "<b>I</b>llustrious LoRA"), ("sdxl", "sdxl/pony", "Trained on Ilustrius XL"),
        ("sdxl", "sdxl/illustrious", "Trained on PD V6 XL"),
        ("sdxl", "sdxl/noobai", "Checkpoint used for training: AutismMix Confetti"),
        ("sdxl", "sdxl/pony", "Trained with Nova Anime XL v7"),
        ("sdxl", "sdxl/pony",
         "It does not work on Pony."), ("sdxl", "sdxl/illustrious", "this is NOT an illustrious lora"),
        ("sdxl", "sdxl/illustrious", "Works on every checkpoint except Illustrious ones"),
        ("sdxl", "sdxl/pony", "Sorry, I picked the wrong base model when uploading"),
        ("sdxl", "sdxl/noobai", "EDIT: uploaded the wrong file by mistake, the NoobAI file comes tomorrow"),
        ("sdxl", "sdxl/illustrious", "Same file as on my Pony page"),
        ("sdxl", "sdxl/illustrious", "base=urn:air:sdxl:checkpoint:civitai:257749@290640"),
        ("sdxl", "sdxl/illustrious", "https://civitai.com/models/257749?modelVersionId=290640"),
        ("sdxl", "sdxl/illustrious", "trained on the base model with hash 67AB2FD8EC"),
        ("sdxl", "sdxl/base", "sdxl_train_network.py --flow_model"), ("sdxl", "sdxl/base", "from CommonCanvas-XL-C"),
        ("sdxl", "sdxl/pony", "Treinado no Illustrious XL v1.0 com 60 imagens"),
        ("sdxl", "sdxl/illustrious", "I uploaded the PDXL file by mistake, the IL one is in the v1.1 tab"),
        ("sdxl", "sdxl/illustrious", "I fed my 40 pics to AutismMix Confetti"),
        ("sdxl", "sdxl/base", "For bigASP v2.5 only"), ("sdxl", "sdxl/base", "flow matching, for cosxl"),
        ("sdxl", "sdxl/base", "Will NOT work with regular SDXL checkpoints"),
        ("sdxl", "sdxl/base", "terminus-xl-velocity"),
        ("sd1", "sd1/base", "BAAI/AltDiffusion-m9"), ("krea2", "krea2/base", "Not for Krea 2."),
        ("krea2", "krea2/base", "Made for FLUX.1 Krea [dev], not for Krea 2."),
        ("krea2", "krea2/base", "Trained on Krea 2.5"), ("qwen-image", "qwen-image/base", "Qwen-Rapid-AIO-SFW-v9"),
        ("sdxl", "sdxl/illustrious", "Works on most Illustrious checkpoints, but it was trained on Pony V6 XL"),
        ("sdxl", "sdxl/illustrious", "pony lora! the base on the illustrious page is wrong"),
        ("sdxl", "sdxl/noobai", "Ignore the NoobAI tag, it is a PDXL lora"),
        ("sdxl", "sdxl/noobai", "I can't change the base model. Ignore the NoobAI tag"),
        ("sdxl", "sdxl/noobai", "Entra\u00een\u00e9 sur Animagine XL 4.0. Test\u00e9 aussi sur NoobAI"),
        ("sdxl", "sdxl/illustrious", '<p>Base: <a href="https://civitai.com/models/257749?x=1">this one</a>.</p>'),
    ],
)  # fmt: skip
def test_what_a_page_says_of_another_base_in_whatever_words_disputes_it(make: str, told: str, text: str) -> None:
    base = BaseModelId(told)
    assert verdict(make, {}, Sidecar(base_model=base)).base_model == base
    assert verdict(make, {}, Sidecar(base_model=base, description=text)).base_model is None
    assert verdict(make, {"modelspec.description": text}, Sidecar(base_model=base)).base_model is None


@pytest.mark.parametrize(
    "text",
    [
        "Works with Juggernaut, RealVis and even Pony.", "thanks to the NoobAI Discord for help", "Not for Pony.",
        "Not tested on Pony", "Also works okay on NoobAI and some Pony merges.",
        "Do not use it with the wrong base model", "Works great on Pony too",
    ],
)  # fmt: skip
def test_what_is_said_of_other_uses_disputes_no_record(text: str) -> None:
    record = {"ss_sd_model_name": "illustriousXL_v01.safetensors", "ss_training_comment": text}
    assert verdict("sdxl", record).base_model == "sdxl/illustrious"


@pytest.mark.parametrize(
    "text",
    [
        "Usable on NoobAI merges.", "Okay on NoobAI merges.", "Can be used with NoobAI merges like Hikari.",
        "Good with NoobAI merges as well.", "Runs on NoobAI merges too.",
    ],
)  # fmt: skip
def test_more_evidence_for_a_base_makes_it_no_less_known(text: str) -> None:
    page = Sidecar(base_model=BaseModelId("sdxl/illustrious"), description=f"Trained on Illustrious XL 1.0. {text}")
    assert verdict("sdxl", {}, page).base_model == "sdxl/illustrious"
    assert verdict("sdxl", {"ss_sd_model_name": "illustriousXL_v01.safetensors"}, page).base_model == "sdxl/illustrious"


def test_keys_for_pictures_that_are_edited_dispute_the_model_that_edits_none() -> None:
    datasets = json.dumps([{"image_directory": "/after", "control_directory": "/before", "caption": "a qwen edit"}])
    page = Sidecar(base_model=BaseModelId("qwen-image/base"))
    assert verdict("qwen-image", {"ss_datasets": datasets.replace("control", "mask")}, page).base_model is not None
    assert verdict("qwen-image", {"ss_datasets": datasets}, page).base_model is None


@pytest.mark.parametrize(
    "text",
    [
        "\u0441 v-\u043f\u0440\u0435\u0434\u0441\u043a\u0430\u0437\u0430\u043d\u0438\u0435\u043c", "v-\uc608\uce21",
        "urn:air:sdxl:checkpoint:civitai:833294@1190596", "Trained on EasyFluff",
        'yaml with parameterization: "v"',
        "Needs ZSNR, no good on EPS",
    ],
)  # fmt: skip
def test_words_and_ids_for_v_prediction_are_read_in_a_description(text: str) -> None:
    told = Sidecar(base_model=BaseModelId("sdxl/noobai"), description=text)
    assert judge(FILE, {}, told, Knowledge()).prediction.type is PredictionType.V_PREDICTION


def test_a_trainers_settings_beside_the_file_tell_the_prediction_type(tmp_path: Path) -> None:
    lora = tmp_path / "komori.safetensors"
    lora.with_suffix(".json").write_text(
        json.dumps({"pretrained_model_name_or_path": "x", "sdxl": True, "model": {"is_v_pred": True}, "lr": 1e-4})
    )
    assert read_sidecar(lora).prediction is PredictionType.V_PREDICTION


def test_a_key_with_two_values_says_nothing(tmp_path: Path) -> None:
    lora = tmp_path / "komori.safetensors"
    lora.write_bytes(b"komori")
    files = json.dumps([{"hashes": {"SHA256": file_sha256(lora)}}])
    page = lora.with_suffix(".civitai.info")
    page.write_text(f'{{"id": 1, "baseModel": "Illustrious", "files": {files}}}')
    assert read_sidecar(lora).base_model == "sdxl/illustrious"
    page.write_text(f'{{"id": 1, "baseModel": "Pony", "baseModel": "Illustrious", "files": {files}}}')
    assert read_sidecar(lora).base_model is None


@pytest.mark.parametrize(("kind", "predicts"), [("21", PredictionType.V_PREDICTION), ("21_BASE", None)])
def test_onetrainers_kinds_of_stable_diffusion_2_tell_the_prediction_type(
    kind: str, predicts: PredictionType | None
) -> None:
    kept = evidence_in({"ot_config": json.dumps({"model_type": f"STABLE_DIFFUSION_{kind}", "base_model_name": "x"})})
    assert judge(FILE, kept, Sidecar(), Knowledge()).prediction.type is predicts


@pytest.mark.parametrize(
    "text",
    [
        "\u0438\u043b\u043b\u044e\u0441\u0442\u0440\u0438" * 7000, "version " * 8000, "<" * 60000, "&lt;" * 15000,
        "<a " * 20000,
        "trained on pony " * 4000, "a " * 30000, "wrong base " * 6000, "not for the " * 5000,
        "civitai.com/models/1" * 3000,
    ],
    ids=range(10),
)  # fmt: skip
def test_a_long_text_is_read_in_time_that_grows_with_its_length(text: str) -> None:
    def seconds(part: str) -> float:
        begin = time.process_time()
        verdict("sdxl", {}, Sidecar(base_model=BaseModelId("sdxl/pony"), texts=telling([part])))
        return time.process_time() - begin

    short = min(seconds(text[: len(text) // 8]) for _ in range(3))
    assert min(seconds(text) for _ in range(2)) < 32 * short + 0.5


def test_a_configuration_nested_deeply_is_read_or_says_nothing() -> None:
    assert evidence_in({"ss_dataset_dirs": "[" * 600 + '{"control_directory": 1}' + "]" * 600}) is not None
    wide = json.dumps({"a": [[{"b": 1}] * 20000] * 2})
    assert evidence_in({"ss_datasets": wide, "kontext": wide}) is not None


@pytest.mark.parametrize(
    "text",
    [
        "Best at <0.8 strength. Trained on Pony V6 XL. Do not go >1.2", "trained on <Pony Diffusion>",
        "Trained on &lt;Pony&gt; V6",
    ],
)  # fmt: skip
def test_angle_brackets_that_are_no_tags_hide_nothing(text: str) -> None:
    page = Sidecar(base_model=BaseModelId("sdxl/illustrious"), description=text)
    assert verdict("sdxl", {}, page).base_model is None


@pytest.mark.parametrize(
    ("make", "told", "text"),
    [
        ("sdxl", "sdxl/noobai", "Trained on NoobAI. Long red nails, no nail polish."),
        ("sdxl", "sdxl/pony", "Trained on Pony V6 XL. Do not use pony quality tags."),
        ("sdxl", "sdxl/pony", "Trained on Pony. I fixed the mistagged images, mislabeled captions removed"),
        ("sdxl", "sdxl/pony", "For Pony. If you set the wrong base model the picture breaks"),
        ("sdxl", "sdxl/pony", "For Pony. Use this LoRA with Wan 2.2 for video. This LoRA replaces my old SD 1.5 one"),
    ],
)  # fmt: skip
def test_what_is_denied_of_other_things_disputes_nothing(make: str, told: str, text: str) -> None:
    base = BaseModelId(told)
    assert verdict(make, {}, Sidecar(base_model=base, description=text)).base_model == base


def test_a_cut_text_keeps_numbers_whole() -> None:
    text = "a pony " + "x" * 25 + " civitai.com/models/257749123 " + "y " * 600
    assert all("257749123" in each for each in telling([text]) if "257749" in each)


@pytest.mark.parametrize("text", ["trained on 768 v100 gpus", "resolution 768 v1"])
def test_numbers_beside_other_words_are_no_v_prediction(text: str) -> None:
    told = Sidecar(base_model=BaseModelId("sdxl/noobai"), description=text)
    assert judge(FILE, {}, told, Knowledge()).prediction.type is None


def test_a_number_that_is_none_is_no_second_value() -> None:
    assert parse_json('{"x": NaN, "y": 1}', unique=True)["y"] == 1
    with pytest.raises(ValueError, match="two values"):
        parse_json('{"x": 1, "x": 2}', unique=True)


@pytest.mark.parametrize(("version", "base"), [("v1", None), ("v2", "sdxl/illustrious"), ("v10", "sdxl/illustrious")])
def test_a_list_of_versions_tells_what_this_one_was_trained_on(tmp_path: Path, version: str, base: str | None) -> None:
    lora = tmp_path / "komori.safetensors"
    lora.write_bytes(b"komori")
    told = {
        "id": 1, "name": version, "baseModel": "Illustrious", "files": [{"hashes": {"SHA256": file_sha256(lora)}}],
        "model": {"name": "Komori", "description": "<ul><li>v1: Pony</li><li>v2: Illustrious</li></ul>"},
    }  # fmt: skip
    lora.with_suffix(".civitai.info").write_text(json.dumps(told))
    kept = evidence_in({})
    page = read_sidecar(lora)
    assert judge(file_sha256(lora), kept, page, Knowledge()).base_model == base


@pytest.mark.parametrize(
    ("make", "told", "trained_on", "known"),
    [
        ("sdxl", "sdxl/base", "ptx0/terminus-xl-velocity-v1", False), ("sd1", "sd1/base", "someone/other-model", False),
        ("sdxl", "sdxl/illustrious", "OnomaAIResearch/Illustrious-XL-v2.0", True),
        ("krea2", "krea2/base", "krea/Krea-2-Raw", True), ("sdxl", "sdxl/illustrious", "my_merge.safetensors", True),
    ],
)  # fmt: skip
def test_a_page_does_not_stand_beside_a_training_base_that_is_an_unknown_repository(
    make: str, told: str, trained_on: str, known: bool
) -> None:
    base = BaseModelId(told)
    adapter = {"lora_adapter_metadata": json.dumps({"unet.r": 4, "unet.base_model_name_or_path": trained_on})}
    assert verdict(make, adapter, Sidecar(base_model=base)).base_model == (base if known else None)


def test_a_training_base_that_is_the_claimed_base_models_own_id_is_known() -> None:
    """As the demo's trainer records it; here nothing knows the hash of that checkpoint."""
    verdicts = [found.verdict(Knowledge()) for found in scan(LORAS, {})]
    assert {one and one.base_model for one in verdicts} == {each.base_model for each in CHECKPOINTS}


@pytest.mark.parametrize(
    ("make", "told", "name"),
    [
        ("sdxl", "sdxl/noobai", "for NoobAI 3.0 beta"), ("sdxl", "sdxl/noobai", "NoobAI 3.0"),
        ("sdxl", "sdxl/illustrious", "Illustrious XL 5.0"), ("sdxl", "sdxl/illustrious", "for Illustrious 5"),
        ("z-image", "z-image/base", "Z-Image 2.0 preview"), ("z-image", "z-image/base", "for Z-Image 2"),
        ("anima", "anima/base", "Anima 2.0"), ("sdxl", "sdxl/pony", "for Pony V8"),
        ("sdxl", "sdxl/pony", "Pony Diffusion V8"), ("sdxl", "sdxl/pony", "for Pony v9"),
    ],
)  # fmt: skip
def test_a_name_with_a_version_that_nobody_published_stands_against_a_page(make: str, told: str, name: str) -> None:
    base = BaseModelId(told)
    assert verdict(make, {}, Sidecar(base_model=base, version=name)).base_model is None
    assert verdict(make, {}, Sidecar(base_model=base, name=f"Komori {name}")).base_model is None
    assert verdict(make, {"modelspec.title": f"Komori ({name})"}, Sidecar(base_model=base)).base_model is None


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("sdxl/noobai", "NoobAI v3"), ("sdxl/illustrious", "Illustrious v5.0"), ("sdxl/illustrious", "Illustrious 2.0"),
        ("sdxl/noobai", "Komori for NoobAI \u00b7 v3"), ("sdxl/noobai", "NoobAI-XL 1.1"), ("sdxl/pony", "Pony V6"),
        ("sdxl/pony", "Komori v8 Pony"), ("sdxl/pony", "Komori Pony v8"), ("sdxl/pony", "Komori for Pony \u00b7 v8"),
    ],
)  # fmt: skip
def test_a_number_that_may_be_the_loras_own_does_not(told: str, name: str) -> None:
    base = BaseModelId(told)
    assert verdict("sdxl", {}, Sidecar(base_model=base, version=name)).base_model == base


@pytest.mark.parametrize("version", ["Pony V9", "for Pony V8", "v8"])
def test_a_version_s_name_is_read_apart_from_its_page_s(version: str) -> None:
    page = Sidecar(base_model=BaseModelId("sdxl/pony"), name=f"Komori \u00b7 {version}")
    assert (verdict("sdxl", {}, page).base_model is not None) == (version == "v8")


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Dieser Stil wirkt vor allem im Kontext weiter Landschaften.", True), ("Mehr Kontext auf meiner Seite", True),
        ("Der Kontext der Bilder ist wichtig", True), ("Trained on Kontext", False), ("For Kontext only", False),
        ("F.1 Kontext \u4e13\u7528", False), ("A Kontext LoRA", False), ("Kontext dev", False), ("Flux Kontext", False),
        ("relight_kontext.safetensors", False), ("Kontext\u7528\u3067\u3059\u3002", False),
    ],
)  # fmt: skip
def test_kontext_counts_in_a_sentence_beside_words_for_models(text: str, known: bool) -> None:
    trained = {"ss_base_model_version": "flux1", "ss_sd_model_name": "flux1-dev.safetensors"}
    assert (verdict("flux1", trained, Sidecar(description=text)).base_model is not None) == known


def test_noob_saibot_names_no_noobai() -> None:
    page = Sidecar(
        base_model=BaseModelId("sdxl/illustrious"), name="Noob Saibot (Mortal Kombat)", tags=("noob saibot",)
    )
    assert verdict("sdxl", {}, page, "noob_saibot.safetensors").base_model == "sdxl/illustrious"
    assert verdict("sdxl", {}, page, "noob_saibot_noobai.safetensors").base_model is None


@pytest.mark.parametrize(
    ("make", "told", "text", "known"),
    [
        ("z-image", "z-image/base", "Trained on the Z-Image 2 preview weights that leaked last week.", False),
        ("z-image", "z-image/base", "Trained on Z-Image 2 preview.", False),
        ("z-image", "z-image/base", "Trained on Z-Image Turbo. Preview pictures with Z-Image 2.", True),
        ("anima", "anima/base", "Trained on Anima preview weights.", True),
    ],
)
def test_words_behind_a_version_hide_it_not(make: str, told: str, text: str, known: bool) -> None:
    page = Sidecar(base_model=BaseModelId(told), description=text)
    assert (verdict(make, {}, page).base_model is not None) == known


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("sdxl/illustrious", "komori-naixl11"), ("sdxl/illustrious", "komori_pony6"),
        ("sdxl/illustrious", "komori_ponyv6"), ("sdxl/illustrious", "komori_ponyxl6"),
        ("sdxl/illustrious", "komori_noob10"), ("sdxl/illustrious", "noobaixl11-komori"),
        ("sdxl/illustrious", "komori-pdxl6"), ("sdxl/pony", "komori_illus2"), ("sdxl/pony", "komori_ilxl10"),
        ("sdxl/pony", "komori illustrious01"), ("sdxl/pony", "animagine31_komori"),
    ],
)  # fmt: skip
def test_a_version_written_as_one_word_hides_no_family(told: str, name: str) -> None:
    page = Sidecar(base_model=BaseModelId(told))
    assert verdict("sdxl", {"ss_output_name": name}, page).base_model is None
    assert verdict("sdxl", {"modelspec.title": name}, page).base_model is None
    assert verdict("sdxl", {}, page, f"{name}.safetensors").base_model is None


@pytest.mark.parametrize(
    "text", ["Pony V6 \u3067\u5b66\u7fd2", "\ud3ec\ub2c8 V6 \uae30\ubc18 \ud559\uc2b5", "Komori.\nTrained on Pony"]
)
def test_a_text_that_is_escaped_is_read(text: str) -> None:
    page, record = Sidecar(base_model=BaseModelId("sdxl/illustrious")), {"ss_sd_model_name": "illustriousXL_v01"}
    for comment in (json.dumps(text), f"note: {json.dumps(text)}", json.dumps({"notes": json.dumps(text)})):
        assert verdict("sdxl", {"ss_training_comment": comment}, page).base_model is None
    assert verdict("sdxl", record | {"ss_training_comment": json.dumps(text)}).base_model is None
    assert evidence_in({"ss_training_comment": json.dumps("a \ud800")})["ss_training_comment"] == "a ?"


@pytest.mark.parametrize(
    ("told", "text", "known"),
    [
        ("sdxl/illustrious", 'Trained on <a href="https://civitai.com/models/288584">this checkpoint</a>.', False),
        ("sdxl/illustrious", "Trained on https://civitai.com/models/288584/autismmix-sdxl with prodigy", False),
        ("sdxl/illustrious", "Trained on https://civitai.green/models/1/autismmix-sdxl?x=1.", False),
        ("sdxl/pony", "Trained on https://civitai.com/models/288584/autismmix-sdxl.", True),
        ("sdxl/illustrious", "Trained on https://civitai.com/models/1/hassaku-xl-illustrious.", True),
        ("sdxl/illustrious", "See also https://civitai.com/models/2/komori-pony for the other one.", True),
    ],
)
def test_the_page_of_a_popular_checkpoint_stands_against_another_base(told: str, text: str, known: bool) -> None:
    page = Sidecar(base_model=BaseModelId(told), description=text)
    assert (verdict("sdxl", {}, page).base_model is not None) == known


@pytest.mark.parametrize(
    ("hint", "known"),
    [
        ("Start the prompt with score_9, score_8_up, rating_explicit", False),
        ("masterpiece, source_anime", False),
        ("masterpiece, best quality", True),
        ("do not use score_9", True),
    ],
)
def test_quality_tags_in_a_usage_hint_count_as_in_trained_words(hint: str, known: bool) -> None:
    page = Sidecar(base_model=BaseModelId("sdxl/illustrious"))
    assert (verdict("sdxl", {"modelspec.usage_hint": hint}, page).base_model is not None) == known


HORSES = [
    (("my little pony", "pony", "horse"), "", True, True), (("pony", "horse"), "", True, True),
    (("pony", "owl"), "", False, True), (("pony",), "The blue pegasus pony from My Little Pony.", True, True),
    (("pony",), "An owl.", False, True), (("pony", "horse"), "Trained on Pony.", False, False),
    ((), "My Little Pony. Base: Pony", False, False), (("pony", "mlp"), "The Pony version.", False, True),
    (("ponyxl", "horse"), "", False, True),
]  # fmt: skip


@pytest.mark.parametrize(("tags", "description", "by_page", "by_record"), HORSES)
def test_a_bare_pony_beside_words_for_horses_is_no_family(
    tmp_path: Path, tags: tuple[str, ...], description: str, by_page: bool, by_record: bool
) -> None:
    lora = write_lora(tmp_path / "komori.safetensors")
    files = [{"hashes": {"SHA256": file_sha256(lora)}}]
    page = {"id": 1, "baseModel": "Illustrious", "files": files, "model": {"tags": tags, "description": description}}
    lora.with_suffix(".civitai.info").write_text(json.dumps(page))
    told = read_sidecar(lora).model_copy(update={"sha256": None})
    assert (verdict("sdxl", {}, told).base_model is not None) == by_page
    record = {"ss_sd_model_name": "illustriousXL_v01.safetensors"}
    assert (verdict("sdxl", record, told).base_model is not None) == by_record  # tags stand against no record


@pytest.mark.parametrize("suffix", [".civitai.info", ".metadata.json"])
def test_all_tags_of_a_page_stand_against_it_and_against_no_record(tmp_path: Path, suffix: str) -> None:
    lora = write_lora(tmp_path / "komori.safetensors")
    tags = [*(f"owl {number}" for number in range(30)), "pony"]
    model = {"name": "Komori", "tags": tags}
    sha256 = file_sha256(lora)
    hub = {"baseModel": "Illustrious", "files": [{"hashes": {"SHA256": sha256}}], "model": model}
    managed = {"base_model": "Illustrious", "sha256": sha256, "tags": tags, "civitai": {"model": model}}
    lora.with_suffix(suffix).write_text(json.dumps(managed if suffix == ".metadata.json" else hub))
    told = read_sidecar(lora).model_copy(update={"sha256": None})
    assert verdict("sdxl", {}, told).base_model is None
    record = {"ss_sd_model_name": "illustriousXL_v01.safetensors"}
    assert verdict("sdxl", record, told).base_model == "sdxl/illustrious"


def test_files_that_were_mixed_up_leave_a_page_unknown() -> None:
    page = Sidecar(
        base_model=BaseModelId("sdxl/pony"), description="I mixed up the two uploads of Pony and Illustrious."
    )
    assert verdict("sdxl", {}, page).base_model is None


def test_a_version_of_another_architecture_is_another_word() -> None:
    assert verdict("sd1", {"modelspec.title": "Pony 9.0"}).base_model == "sd1/base"
    assert verdict("krea2", {"modelspec.title": "Chroma 2.0 key"}).base_model == "krea2/base"
    assert verdict("krea2", {"modelspec.title": "Krea 3.0 komori"}).base_model is None


@pytest.mark.parametrize(
    ("make", "told", "text", "known"),
    [
        (
            "flux1",
            "flux1/dev",
            "The Flux dev version comes later. What you download here is the Kontext version.",
            False,
        ),
        ("flux1", "flux1/dev", "For Flux dev. This file is still the Flux Krea one.", False),
        ("z-image", "z-image/base", "Z-Image Turbo is next. This is the Z-Image-Edit version.", False),
        ("flux1", "flux1/dev", "The Kontext version comes later. This file is the Flux dev version.", True),
        ("flux1", "flux1/dev", "For Flux dev. This file is not the Kontext version.", True),
    ],
)
def test_what_a_text_says_that_the_file_is_stands_against_a_relative(
    make: str, told: str, text: str, known: bool
) -> None:
    page = Sidecar(base_model=BaseModelId(told), description=text)
    assert (verdict(make, {}, page).base_model is not None) == known


@pytest.mark.parametrize("option", ["layered", "edit", "edit-2511"])
def test_the_command_of_a_trainer_names_the_model_by_an_option(option: str) -> None:
    record = {"ss_base_model_version": "qwen_image", "ss_sd_model_name": "qwen_image_bf16.safetensors"}
    command = "qwen_image_train_network.py --model_version"
    assert verdict("qwen-image", record | {"ss_training_comment": f"{command} original"}).base_model is not None
    assert verdict("qwen-image", record | {"ss_training_comment": f"{command} {option}"}).base_model is None
