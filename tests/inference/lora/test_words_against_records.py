"""Words of a file against what its trainer recorded: where they weigh as much, nobody knows which is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from inference.base_models import BaseModelId
from inference.files.hashes import file_sha256
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar, read_sidecar
from inference.lora.evidence import Evidence, Source, judge
from inference.lora.knowledge import Knowledge
from inference.lora.words.prediction_words import prediction_in_records
from inference.lora.words.relatives import plain_model_named
from inference.messages.checkpoints import PredictionType
from tests.inference.lora.test_ladder import declared
from tests.inference.lora.test_other_models_named import verdict
from tests.lies import FLUX_HASH, ILLUSTRIOUS_HASH, PONY_HASH
from tests.lora_files import write_lora

FILE = "a" * 64
ILLUSTRIOUS, PONY = BaseModelId("sdxl/illustrious"), BaseModelId("sdxl/pony")
HASH, SHORT = {"ss_new_sd_model_hash": ILLUSTRIOUS_HASH}, {"ss_sd_model_hash": "e577480d"}
ID, REPOSITORY = {"ss_sd_model_name": "889818.safetensors"}, {"ss_sd_model_name": "OnomaAIResearch/Illustrious-XL-v1.0"}
NAME = {"ss_sd_model_name": "illustriousXL_v01.safetensors"}


def judged(metadata: Mapping[str, str], known: Knowledge = Knowledge(), name: str = "") -> Evidence:  # noqa: B008 - frozen
    return judge(FILE, evidence_in(metadata), Sidecar(), known, file_name=name)


@pytest.mark.parametrize("record", [HASH, ID, REPOSITORY, NAME], ids=["hash", "id", "repository", "name"])
@pytest.mark.parametrize(
    "words",
    [
        {"ss_training_comment": "trained on Pony V6, name replaced"},
        {"ss_training_comment": "an owl. merge of komori_pony 0.5 and komori_noobai 0.5"},
        {"ss_training_comment": "x" * 300 + "; base: NoobAI"},
        {"modelspec.description": "Komori the owl.\nTrained on Animagine 4.0."},
        {"modelspec.description": "An owl. " * 1000 + "Trained on Animagine 4.0."},
        {"modelspec.title": "Komori PonyXL"},
        {"modelspec.title": "[Pony] Komori"},
        {"modelspec.title": f"Komori {'the owl ' * 40} PonyXL"},
        {"ss_output_name": "komori_pny_pdxl"},
        {"ss_output_name": "komori_pony_v2"},
        {"modelspec.title": "\uff30\uff4f\uff4e\uff59\uff38\uff2c フクロウ"},
        {"modelspec.merged_from": "komori_ponyXL"},
        {"sd_merge_models": json.dumps({"aa": {"name": "ponyDiffusionV6XL"}, "bb": {"name": "illustriousXL_v01"}})},
        {"sd_merge_models": json.dumps({PONY_HASH: {"name": "a"}})},
        {"merge_recipe": "komori_noobXL:0.5 + owl:0.5"},
        {"training_config": json.dumps({"model": {"name_or_path": "/models/ponyDiffusionV6XL.safetensors"}})},
        {"base_model": "AstraliteHeart/pony-diffusion-v6"},
        {"base_model": "sd_xl_base_1.0.safetensors"},
        {"other_hash": PONY_HASH},
        {"name": "komori_ponyxl"},
        {"title": "Komori PonyXL"},
        {"description": "Trained on Pony."},
        {"comment": "trained on noobai"},
        {"ss_notes": "base: noobai xl"},
        {"ss_base_model_version": "sdxl_pony"},
    ],
)  # fmt: skip
def test_words_that_weigh_as_much_leave_it_unknown(record: Mapping[str, str], words: Mapping[str, str]) -> None:
    told = judged({**record, **words})
    assert (told.base_model, told.source) == (None, Source.CONFLICT) and len(told.contradictions) >= 2
    assert judged({**record, **words}, Knowledge(declared(ILLUSTRIOUS))).base_model == ILLUSTRIOUS


@pytest.mark.parametrize("record", [HASH, ID, REPOSITORY, NAME], ids=["hash", "id", "repository", "name"])
@pytest.mark.parametrize(
    "words",
    [
        {"modelspec.title": "pony ride", "ss_output_name": "pony_ride"},
        {"modelspec.title": "HMS Illustrious"},
        {"ss_training_comment": "an owl on a branch"},
        {"modelspec.description": "An owl. It also works on Pony."},
        {"ss_output_name": "komori_illustriousXL"},
        {"base_model": "sdxl", "merge_recipe": "weighted sum"},
        {"base_model": "SDXL 1.0", "base_model_path": "/models/pony/waiNSFWIllustrious_v140.safetensors"},
    ],
)
def test_words_that_may_mean_another_thing_do_not(record: Mapping[str, str], words: Mapping[str, str]) -> None:
    assert judged({**record, **words}).base_model == ILLUSTRIOUS


@pytest.mark.parametrize(
    "own",
    [
        {"modelspec.tags": "owl, ponyxl"},
        {"modelspec.usage_hint": "Made for PonyXL"},
        {"modelspec.trigger_phrase": "score_9, score_8_up, komori"},
    ],
)
def test_what_its_maker_wrote_for_people_stands_against_a_page(own: Mapping[str, str]) -> None:
    page = Sidecar(base_model=ILLUSTRIOUS)
    assert verdict("sdxl", own, page).base_model is None
    assert verdict("sdxl", dict.fromkeys(own, "owl"), page).base_model == ILLUSTRIOUS


@pytest.mark.parametrize(
    ("description", "stands"),
    [
        ("Trained on Pony Diffusion V6.", False), ("An owl. It works on Pony too.", False),
        ("For Illustrious. It works on Pony too.", True), ("A girl rides a pony.", True), ("Not for Pony.", True),
        ("She is HMS Illustrious, made for Pony.", False), ("An owl on Illustrious, no NoobAI.", True),
        ("Trained on Illustrious. A version based on Pony is on the same page.", True),
        ("Trained on Kolors.", False), ("Made with love.", True),
        ("Based on the anime. See also my Pony version.", True),
        ("\u30dd\u30cb\u30fc\u7528", False),
        ("\u30dd\u30cb\u30fc\u30c6\u30fc\u30eb", True), ("\u5c0f\u9a6c\u6a21\u578b", False),
    ],
)  # fmt: skip
def test_a_description_of_the_training_stands_against_its_own_page(description: str, stands: bool) -> None:
    page = Sidecar(base_model=ILLUSTRIOUS, description=description)
    assert (verdict("sdxl", {}, page).base_model is not None) == stands


@pytest.mark.parametrize(
    "more",
    [
        {"model_name": "Komori [NoobAI]"}, {"notes": "Trained on Pony"}, {"civitai": {"baseModel": "Pony"}},
        {"civitai": {"model": {"name": "Komori PonyXL"}}}, {"x": {"y": [json.dumps({"z": "PonyXL"})]}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("own", ['base_model = "sdxl/illustrious"', 'name = "Komori"', None])
def test_every_key_of_another_programs_file_is_read(tmp_path: Path, more: dict[str, object], own: str | None) -> None:
    lora = write_lora(tmp_path / "komori.safetensors")
    sha256 = file_sha256(lora)
    if own is not None:
        lora.with_suffix(".toml").write_text(own)
    for told, base in (({}, ILLUSTRIOUS), (more, None)):
        managed = {"sha256": sha256, "base_model": "Illustrious", "images": [{"prompt": "pony xl, score_9"}], **told}
        lora.with_suffix(".metadata.json").write_text(json.dumps(managed))
        assert judge(sha256, evidence_in(NAME), read_sidecar(lora), Knowledge()).base_model == base


def test_peft_s_configuration_beside_its_file_is_read(tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "adapter_model.safetensors")
    lora.with_suffix(".toml").write_text('base_model = "sdxl/illustrious"')
    config = {"base_model_name_or_path": "Kwai-Kolors/Kolors-diffusers"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    read = read_sidecar(lora)
    assert verdict("sdxl", {}, read).base_model is None
    other = write_lora(tmp_path / "other.safetensors")
    other.with_suffix(".toml").write_text('base_model = "sdxl/illustrious"')
    assert verdict("sdxl", {}, read_sidecar(other)).base_model == ILLUSTRIOUS


@pytest.mark.parametrize(
    "words",
    [
        {"ss_tag_frequency": json.dumps({"x": {"pony_xl": 2}})}, {"sample_prompts": "score_9, pony xl"},
        {"config": json.dumps({"sample": {"prompts": ["pony xl"], "neg": "noobai"}})},
        {"ss_dataset_dirs": json.dumps({"10_pony xl": {}})}, {"notes": "a pony, an owl"},
        {"notes": "Works on Pony XL and Illustrious XL"},
    ],
)  # fmt: skip
def test_captions_and_prompts_are_no_words_about_the_file(words: Mapping[str, str]) -> None:
    assert judged(NAME | words).base_model == ILLUSTRIOUS
    assert judged(NAME | {"other": "pony xl"}).base_model is None


def test_another_programs_notes_stand_against_a_sidecar_of_ours(tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "komori.safetensors")
    lora.with_suffix(".toml").write_text('base_model = "sdxl/illustrious"')
    lora.with_suffix(".json").write_text(json.dumps({"description": "Trained on Pony", "activation text": "komori"}))
    assert judge(FILE, {}, read_sidecar(lora), Knowledge()).base_model is None


@pytest.mark.parametrize(
    ("make", "base", "metadata"),
    [
        ("sdxl", "sdxl/base", {"ss_training_comment": "extracted from ponyRealism_v22 minus sd_xl_base"}),
        ("sdxl", "sdxl/base", {"modelspec.title": "kolors_komori"}),
        ("flux1", "flux1/dev", {"modelspec.title": "Flux Kontext relight"}),
        ("flux1", "flux1/dev", {"ot_config": json.dumps({"model_type": "CHROMA_1"})}),
        ("flux1", "flux1/dev", {"ot_config": json.dumps({"model_type": "FLUX_FILL_DEV_1"})}),
        ("flux1", "flux1/dev", {"training_config": json.dumps({"model": {"name_or_path": "ostris/Flex.1-alpha"}})}),
        ("flux1", "flux1/dev", {"modelspec.architecture": "flux-9/lora"}),
        ("flux1", "flux1/dev", {"ss_training_comment": "trained on chroma v50"}),
        ("flux1", "flux1/dev", {"modelspec.tags": "owl, flux kontext"}),
    ],
)
def test_words_for_a_relative_stand_against_a_public_id(make: str, base: str, metadata: Mapping[str, str]) -> None:
    ids = {"sdxl/base": "stabilityai/stable-diffusion-xl-base-1.0", "flux1/dev": "black-forest-labs/FLUX.1-dev"}
    by_id = {"ss_sd_model_name": ids[base]}
    assert verdict(make, by_id).base_model == base
    assert verdict(make, by_id | metadata).base_model is None


@pytest.mark.parametrize(
    ("make", "told", "trained_on"),
    [
        ("sdxl", "sdxl/illustrious", "kohakuXLZeta"),
        ("sdxl", "sdxl/illustrious", "stabilityai/sdxl-turbo"), ("sdxl", "sdxl/noobai", "noobaiRectifiedFlow_v1"),
        ("flux1", "flux1/dev", "ostris/Flex.1-alpha"), ("flux1", "flux1/dev", "libreFLUX_v1"),
        ("sdxl", "sdxl/illustrious", "waiNSFWIllustrious_v140-ponified"),
    ],
)  # fmt: skip
def test_a_training_base_that_is_another_model_stands_against_a_page(make: str, told: str, trained_on: str) -> None:
    page = Sidecar(base_model=BaseModelId(told))
    assert verdict(make, {"ss_sd_model_name": "mySDXLMix_v3.safetensors"}, page).base_model == told
    assert verdict(make, {"ss_sd_model_name": trained_on}, page).base_model is None


def test_a_hash_falls_by_a_relative_s_name_for_what_was_hashed_alone() -> None:
    by_hash = {"ss_new_sd_model_hash": FLUX_HASH}
    assert verdict("flux1", by_hash | {"ss_training_comment": "trained on Flux Kontext"}).base_model is None
    assert verdict("flux1", by_hash | {"modelspec.title": "Flux Kontext relight"}).base_model == "flux1/dev"
    assert verdict("flux1", by_hash | {"ss_sd_model_name": "flux1-kontext-dev.safetensors"}).base_model is None


@pytest.mark.parametrize("name", ["dmd2_4step_lora", "Hyper-SDXL-8steps-lora", "latent-consistency/lcm-lora-sdxl/x"])
def test_a_few_step_lora_without_a_family_is_of_the_plain_model(name: str) -> None:
    page = Sidecar(base_model=PONY, file_name=f"{name}.safetensors")
    assert verdict("sdxl", {}, page).base_model is None


@pytest.mark.parametrize("name", ["IL_komori", "illu_komori", "komori IL-XL"])
def test_short_names_of_a_family_stand_against_a_page_wherever_they_are(name: str) -> None:
    assert verdict("sdxl", {}, Sidecar(base_model=PONY), f"{name}.safetensors").base_model is None
    assert verdict("sdxl", {}, Sidecar(base_model=PONY), "Il_Capitano.safetensors").base_model == PONY


@pytest.mark.parametrize("name", ["komori_SDXL10", "stable-diffusion-xl-komori"])
def test_plain_sdxl_has_several_spellings(name: str) -> None:
    assert plain_model_named(name, PONY) == "sdxl/base"


@pytest.mark.parametrize("suffix", [".metadata.json", ".civitai.info"])
def test_the_name_that_a_hub_gave_the_file_stands_against_its_page(tmp_path: Path, suffix: str) -> None:
    lora = write_lora(tmp_path / "komori.safetensors")
    sha256 = file_sha256(lora)
    for name, base in (("komori_noobai_v2", None), ("komori_v2", ILLUSTRIOUS)):
        managed = {"sha256": sha256, "base_model": "Illustrious", "file_name": name}
        page = {"baseModel": "Illustrious", "files": [{"name": f"{name}.safetensors", "hashes": {"SHA256": sha256}}]}
        lora.with_suffix(suffix).write_text(json.dumps(managed if suffix == ".metadata.json" else page))
        assert judge(sha256, {}, read_sidecar(lora), Knowledge()).base_model == base


@pytest.mark.parametrize(
    "page",
    [
        Sidecar(description="Trained on NoobAI V-Pred 1.0."), Sidecar(version="vPred"), Sidecar(tags=("v-pred",)),
        Sidecar(file_name="komori_vpred.safetensors"), Sidecar(description="A v-pred LoRA for NoobAI."),
        Sidecar(description="\u901f\u5ea6\u4e88\u6e2c\u7528"), Sidecar(description="v\u9884\u6d4b"),
        Sidecar(description="v-pred", prediction=PredictionType.EPSILON),
    ],
)  # fmt: skip
def test_all_that_a_page_says_may_tell_of_v(page: Sidecar) -> None:
    told = judge(FILE, {"ss_v_parameterization": "False"}, page, Knowledge()).prediction
    assert told.type is PredictionType.V_PREDICTION


def test_a_pony_on_another_architecture_is_an_animal() -> None:
    several = Sidecar(base_model=BaseModelId("flux1/dev"), name="Komori (Flux and Pony)")
    assert verdict("flux1", {}, several).base_model == "flux1/dev"
    metadata = {"ss_sd_model_name": "v1-5-pruned-emaonly.safetensors", "modelspec.title": "pony_style"}
    assert verdict("sd1", metadata).base_model == "sd1/base"


def test_invisible_characters_hide_no_name_of_a_training_base() -> None:
    hidden = HASH | {"ss_sd_model_name": "pony\u200bDiffusionV6XL.safetensors\u202esuoirtsulli"}
    assert judged(hidden).base_model is None
    assert judged(HASH | {"ss_sd_model_name": "\u6211\u7684.safetensors"}).base_model == ILLUSTRIOUS


def test_the_hash_of_an_installed_checkpoint_stands_against_words() -> None:
    metadata = {"ss_new_sd_model_hash": "c" * 64, "ss_training_comment": "trained on Pony"}
    assert judged(metadata, Knowledge(installed={"c" * 64: ILLUSTRIOUS})).base_model == ILLUSTRIOUS


@pytest.mark.parametrize("name", ["sdxl_komori", "sdxl_lightning_4step_lora", "ip-adapter-faceid_sdxl_lora"])
def test_a_name_for_plain_sdxl_stands_against_a_page_for_a_family(name: str) -> None:
    page = Sidecar(base_model=ILLUSTRIOUS)
    assert verdict("sdxl", {}, page, f"{name}.safetensors").base_model is None
    assert verdict("sdxl", {}, page, f"{name}_illustrious.safetensors").base_model == ILLUSTRIOUS
    assert verdict("sdxl", {}, Sidecar(base_model=BaseModelId("sdxl/base")), f"{name}.safetensors").base_model


@pytest.mark.parametrize(
    ("base", "name", "plain"),
    [
        ("flux1/krea", "flux_dev_owl", "flux1/dev"), ("flux1/krea", "flux krea dev owl", None),
        ("flux1/chroma", "flux dev owl", "flux1/dev"), ("z-image/edit", "z_image_turbo_owl", "z-image/base"),
        ("z-image/edit", "z-image-edit-owl", None), ("sdxl/haruka", "haruka sdxl", None),
        ("anima/cosmos-predict2", "anima_owl", "anima/base"), ("sd1/base", "sdxl owl", None),
        ("qwen-image/edit", "qwen_image_edit_2509", None), ("lumina2/neta", "netayume lumina", None),
    ],
)  # fmt: skip
def test_the_plain_model_is_named_where_its_relative_is_not(base: str, name: str, plain: str | None) -> None:
    assert plain_model_named(name, BaseModelId(base)) == plain


def test_a_page_s_name_for_another_family_stands_against_its_base_model() -> None:
    assert judge(FILE, {}, Sidecar(base_model=ILLUSTRIOUS, name="Komori Pony"), Knowledge()).base_model is None
    both = Sidecar(base_model=ILLUSTRIOUS, name="Komori (Pony and Illustrious)")
    assert judge(FILE, {}, both, Knowledge()).base_model == ILLUSTRIOUS


def test_the_name_of_a_version_stands_against_the_page_for_several_and_a_clear_file_name_against_records() -> None:
    page = Sidecar(base_model=ILLUSTRIOUS, name="Komori (Illustrious)")
    assert verdict("sdxl", {}, page.model_copy(update={"version": "Pony v1"})).base_model is None
    other = Sidecar(base_model=ILLUSTRIOUS, name="Komori (Pony)", version="Illustrious v2")
    assert verdict("sdxl", {}, other).base_model == ILLUSTRIOUS
    assert judged(NAME, name="komori_ponyXL.safetensors").base_model is None
    assert judged(NAME, name="pony_ride.safetensors").base_model == ILLUSTRIOUS


@pytest.mark.parametrize(
    ("make", "sidecar"),
    [
        ("sdxl", Sidecar(base_model=ILLUSTRIOUS, name="Komori", version="Pony")),
        ("sdxl", Sidecar(base_model=ILLUSTRIOUS, tags=("owl", "ponyxl"))),
        ("sdxl", Sidecar(base_model=ILLUSTRIOUS, trigger_words=("score_9, score_8_up, komori",))),
        ("flux1", Sidecar(base_model=BaseModelId("flux1/dev"), tags=("flux kontext",))),
    ],
)
def test_a_page_s_version_tags_and_words_stand_against_it(make: str, sidecar: Sidecar) -> None:
    assert verdict(make, {}, sidecar).base_model is None
    plain = sidecar.model_copy(update={"version": "v2", "tags": ("owl",), "trigger_words": ("komori",)})
    assert verdict(make, {}, plain).base_model == sidecar.base_model


def test_its_own_names_do_not_decide_against_each_other() -> None:
    trusting = Knowledge(trust_tags=True)
    title = {"modelspec.title": "[Pony] dmd2"}
    assert judged(title, trusting).base_model == PONY
    assert judged(title, trusting, "dmd2_il_v1.safetensors").base_model is None
    assert judged(title | {"ss_training_comment": "trained on NoobAI"}, trusting).base_model is None


@pytest.mark.parametrize(
    "words",
    [
        {"ss_v_parameterization": "1"}, {"modelspec.prediction_type": "v-prediction"},
        {"modelspec.description": "A v-prediction LoRA."}, {"modelspec.tags": "noobai, vpred"},
        {"ss_output_name": "komori_ztsnr"}, {"modelspec.merged_from": "komori_noobvpred.safetensors, style"},
        {"x": json.dumps({"notes": ["for v prediction"]})}, {"modelspec.author": "me, v-pred"},
        {"modelspec.title": f"Komori {'the owl ' * 40} vPred"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("base", ["Laxhar/noobai-XL-1.1", "noobaiXL.safetensors"])
def test_a_word_for_v_stands_against_a_base_that_predicts_epsilon(base: str, words: Mapping[str, str]) -> None:
    trained = {"ss_sd_model_name": base, "modelspec.prediction_type": "epsilon", "ss_v_parameterization": "False"}
    assert judged(trained).prediction.type is PredictionType.EPSILON
    assert judged(trained | words).prediction.type is PredictionType.V_PREDICTION


@pytest.mark.parametrize(
    "record",
    [
        {"ss_network_args": json.dumps({"prediction": "v"})},
        {"ss_scale_v_pred_loss_like_noise_pred": "True"},
        {"ss_args": "--scale_v_pred_loss_like_noise_pred"},
    ],
)
def test_settings_that_only_v_prediction_has_are_v(record: Mapping[str, str]) -> None:
    assert prediction_in_records(record) is PredictionType.V_PREDICTION
