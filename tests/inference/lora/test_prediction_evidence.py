"""v-prediction is evidence like the base model: which source decides, in the catalogue and in the worker alike."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inference.base_models import BaseModelId
from inference.engine.lora.lora_files import LoraReader
from inference.errors import PredictionMismatch
from inference.files.hashes import file_sha256
from inference.lora.beside.declarations import PredictionDeclaration, declare, declare_prediction
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import Evidence, judge
from inference.lora.knowledge import Knowledge
from inference.lora.known.installed import installed_hashes, installed_predictions
from inference.lora.known.registry import RegistryAnswer, keep_answer
from inference.lora.library import scan
from inference.lora.prediction_evidence import PredictionEvidence, PredictionSource
from inference.matching import KnownLora, Matcher
from inference.messages.checkpoints import CheckpointSpec, PredictionType
from inference.messages.request import LoraUse
from tests.lora_files import write_lora, write_sidecar

V, EPSILON = PredictionType.V_PREDICTION, PredictionType.EPSILON
NOOB = BaseModelId("sdxl/noobai")
FILE, BASE = "a" * 64, "c" * 64
V_PRED_1_0 = "ea349eeae87ca8d25ba902c93810f7ca83e5c82f920edf12f273af004ae02819"
NOOB_1_1 = "6681e8e4b134c81f16533acedb0d406d7e5e366e1624b4105178c64d00b05d51"
EPSILON_NOOB = CheckpointSpec(name="Noob", source="/noob", base_model=NOOB, predicts=EPSILON)


def trained_by_onetrainer(**flags: object) -> dict[str, str]:
    return {"ot_config": json.dumps({"base_model_name": "D:/models/mix.safetensors", **flags})}


RECORDED: dict[str, dict[str, str]] = {
    "published hash": {"ss_new_sd_model_hash": V_PRED_1_0},
    "published hash although the trainer was not told": {
        "ss_new_sd_model_hash": V_PRED_1_0, "ss_v_parameterization": "False", "modelspec.prediction_type": "epsilon",
    },
    "public id": {"ss_sd_model_name": "1190596.safetensors"},
    "repository": {"ss_sd_model_name": "Laxhar/noobai-XL-Vpred-1.0"},
    "repository that PEFT recorded": {
        "lora_adapter_metadata": json.dumps({"unet.base_model_name_or_path": "Laxhar/noobai-XL-Vpred-0.65"}),
    },
    "file name": {"ss_sd_model_name": "noobaiXLNAIXL_vPred10Version.safetensors"},
    "file name in OneTrainer's configuration": {
        "ot_config": json.dumps({"base_model_name": "C:\\models\\NoobAI-XL-Vpred-v1.0.safetensors"}),
    },
    "OneTrainer's flag": trained_by_onetrainer(force_v_prediction=True),
    "OneTrainer's zero SNR": trained_by_onetrainer(rescale_noise_scheduler_to_zero_terminal_snr=True),
    "ss_zero_terminal_snr": {"ss_zero_terminal_snr": "True", "ss_sd_model_name": "mix.safetensors"},
    "ss_v_parameterization": {"ss_v_parameterization": "true"},
    "sd_v2_v": {"ss_base_model_version": "sd_v2_v"},
    "768-v": {"modelspec.architecture": "stable-diffusion-v2-768-v/lora"},
    "SD 2.1 for 768 pixels": {"ss_sd_model_name": "v2-1_768-ema-pruned.safetensors"},
    "SD 2.1's repository": {"ss_sd_model_name": "stabilityai/stable-diffusion-2-1"},
    "modelspec": {"modelspec.prediction_type": "v"},
    "network arguments": {"ss_network_args": json.dumps({"conv_dim": 8, "v_pred": "True"})},
    "training comment": {"ss_training_comment": "trained on a NoobAI vpred merge"},
    "another trainer's configuration": {"training_config": json.dumps({"model": {"prediction_type": "v_prediction"}})},
    "nested too deeply": {"training_config": '{"a": ' * 5_000 + '"vpred"' + "}" * 5_000},
    "a command line": {"ss_command": "train.py --v_parameterization --zero_terminal_snr"},
}  # fmt: skip


def both(library: Path, name: str, checkpoints: tuple[CheckpointSpec, ...] = ()) -> Evidence:
    """What the catalogue says of a file; the worker has to say the same."""
    installed, predictions = installed_hashes(checkpoints), installed_predictions(checkpoints)
    known = Knowledge.of(library, installed, predictions=predictions, trust_tags=False)
    (found,) = (found for found in scan(library, {}) if found.path == name)
    use = LoraUse(sha256=file_sha256(library / name), name="Komori")
    worker = LoraReader(library, installed, 2**20, predictions=predictions).read(use, name).evidence
    catalogue = found.judge(known)
    assert (catalogue.prediction, catalogue.base_model) == (worker.prediction, worker.base_model)
    return catalogue


@pytest.mark.parametrize("metadata", RECORDED.values(), ids=RECORDED)
def test_a_lora_that_was_trained_for_v_goes_on_no_epsilon_checkpoint(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = write_lora(tmp_path / "a.safetensors", metadata=metadata)
    write_sidecar(path, base_model="sdxl/noobai")
    evidence = both(tmp_path, path.name)
    assert evidence.prediction.type is V
    lora = KnownLora("Komori", NOOB, "declared", evidence.prediction.type)
    assert isinstance(Matcher((EPSILON_NOOB,)).misfit(lora, EPSILON_NOOB), PredictionMismatch)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"ss_training_comment": "not for vpred", "ss_v_pred_like_loss": "0.5"},
        {"ss_training_comment": "works with vpred and eps"},
        {"ss_network_args": json.dumps({"v_pred": "False"})},
        {"ss_args": "--v_parameterization=false"},
        {"ss_v_parameterization": "None", "ss_zero_terminal_snr": "False"},
        {"ss_sd_model_name": "sd_xl_v2_768.safetensors"},
        {"ss_sd_model_name": "vpredator_v2.safetensors"},
        {"ss_sd_model_name": "noVpred_mix.safetensors"},
        {"ss_sd_model_name": "noobVpred2epsConverted.safetensors"},
        {"ss_tag_frequency": json.dumps({"img": {"vpred": 3}})},
        {"ss_dataset_dirs": json.dumps({"10_vpred": {"n_repeats": 10}})},
        {"ot_config": json.dumps({"force_v_prediction": False, "base_model_name": "x"})},
        {"ot_config": "[" * 100_000},
        {"training_config": json.dumps({"v_pred" * 100_000 + "_like": "true"})},
        {"ss_training_comment": "optimizer: AdamW(betas=(0.9, 0.99), eps=1e-08), --adam_epsilon 1e-8"},
        {"ss_optimizer": "torch.optim.adamw.AdamW(eps=1e-08)"},
    ],
)
def test_what_does_not_tell_it_tells_nothing(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = write_lora(tmp_path / "a.safetensors", metadata=metadata)
    assert both(tmp_path, path.name).prediction == PredictionEvidence()


@pytest.mark.parametrize(
    "metadata",
    [
        {"ss_new_sd_model_hash": NOOB_1_1},
        {"ss_sd_model_name": "Laxhar/noobai-XL-1.1"},
        {"ss_sd_model_name": "noobaiXLNAIXL_epsilonPred11Version.safetensors"},
        {"ss_sd_model_name": "889818.safetensors"},
        {"ss_sd_model_name": "v2-1_512-ema-pruned.ckpt"},
        {"modelspec.prediction_type": "epsilon"},
        {"ss_v_parameterization": "False"},
        trained_by_onetrainer(force_epsilon_prediction=True),
    ],
)
def test_epsilon_is_known_from_the_same_rungs(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = write_lora(tmp_path / "a.safetensors", metadata=metadata)
    assert both(tmp_path, path.name).prediction.type is EPSILON


def test_an_installed_checkpoint_tells_what_its_loras_predict(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "a.safetensors", metadata={"ss_new_sd_model_hash": BASE})
    short = write_lora(tmp_path / "b.safetensors", metadata={"ss_sd_model_hash": "12345678"}, seed=2)
    private = EPSILON_NOOB.model_copy(update={"sha256": BASE, "short_hash": "12345678", "predicts": V})
    assert both(tmp_path, path.name).prediction.type is None
    assert both(tmp_path, path.name, (private,)).prediction == PredictionEvidence(V, PredictionSource.TRAINING_BASE)
    assert both(tmp_path, short.name, (private,)).prediction == PredictionEvidence(V, PredictionSource.SHORT_HASH)
    other = private.model_copy(update={"sha256": "d" * 64, "predicts": EPSILON})
    assert both(tmp_path, short.name, (private, other)).prediction.type is None


def test_pages_sidecars_and_operators_can_say_it(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "a.safetensors")
    sha256 = file_sha256(path)
    keep_answer(tmp_path, answer(sha256, "SD 2.1 768"))
    assert both(tmp_path, path.name).prediction == PredictionEvidence(V, PredictionSource.REGISTRY)
    keep_answer(tmp_path, answer(sha256, "NoobAI", name="Komori · vpred 1.0"))
    assert both(tmp_path, path.name).prediction == PredictionEvidence(V, PredictionSource.REGISTRY)
    write_sidecar(path, prediction="epsilon")
    told = both(tmp_path, path.name).prediction
    assert (told.type, told.source) == (V, PredictionSource.REGISTRY)
    declare_prediction(tmp_path, sha256, V, who="me", reason="I trained it")
    told = both(tmp_path, path.name).prediction
    assert (told.type, told.source) == (V, PredictionSource.DECLARATION)
    declare(tmp_path, sha256, NOOB, who="me", reason="I trained it")  # another fact, which leaves the first alone
    evidence = both(tmp_path, path.name)
    assert (evidence.base_model, evidence.prediction.type) == (NOOB, V)


def test_a_training_base_that_a_registry_explains_tells_it(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "a.safetensors", metadata={"ss_new_sd_model_hash": BASE})
    keep_answer(tmp_path, answer(BASE, "NoobAI", name="Some merge · v-pred 2"))
    assert both(tmp_path, path.name).prediction == PredictionEvidence(V, PredictionSource.BASE_TOLD)


def test_its_own_name_says_it_where_nothing_else_does(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "komori_noob_vpred.safetensors")
    assert both(tmp_path, path.name).prediction == PredictionEvidence(V, PredictionSource.OWN_NAME)


def answer(sha256: str, base: str, *, name: str = "") -> RegistryAnswer:
    return RegistryAnswer(
        sha256=sha256, registry="http://127.0.0.1", when=datetime.now(UTC), base_model=base, name=name
    )


# --- every pair of rungs ---------------------------------------------------------------------------------------------


def _metadata(v: dict[str, str], epsilon: dict[str, str]) -> Callable[[PredictionType], dict[str, Any]]:
    return lambda kind: {"metadata": v if kind is V else epsilon}


def _declared(kind: PredictionType) -> dict[str, Any]:
    word = PredictionDeclaration(sha256=FILE, prediction=kind, who="me", when=datetime.now(UTC), reason="x")
    return {"declared": {FILE: word}}


def _page(sha256: str) -> Callable[[PredictionType], dict[str, Any]]:
    name = {V: "Komori · vpred", EPSILON: "Komori · eps"}
    return lambda kind: {"answers": {sha256: (answer(sha256, "NoobAI", name=name[kind]),)}}


def _explained(kind: PredictionType) -> dict[str, Any]:
    told = answer("d" * 64, "NoobAI", name="a merge · vpred" if kind is V else "a merge · eps")
    told = told.model_copy(update={"version_id": 4711})
    return {"metadata": {"ss_sd_model_name": "4711.safetensors"}, "answers": {told.sha256: (told,)}}


# What each rung would say of one file, best first. Names of the training base stand under different keys.
RUNGS: dict[PredictionSource, Callable[[PredictionType], dict[str, Any]]] = {
    PredictionSource.TRAINING_BASE: _metadata({"ss_new_sd_model_hash": V_PRED_1_0}, {"ss_new_sd_model_hash": NOOB_1_1}),
    PredictionSource.SHORT_HASH: _metadata({"ss_sd_model_hash": "11111111"}, {"ss_sd_model_hash": "22222222"}),
    PredictionSource.DECLARATION: _declared,
    PredictionSource.BASE_ID: _metadata(
        {"ot_config.base_model_name": "1190596"}, {"ot_config.base_model_name": "889818"}
    ),
    PredictionSource.BASE_TOLD: _explained,
    PredictionSource.BASE_NAME: _metadata(
        {"lora_adapter_metadata.base_model_name_or_path": "noob_vpred.safetensors"},
        {"lora_adapter_metadata.base_model_name_or_path": "noob_eps.safetensors"},
    ),
    PredictionSource.SETTINGS: _metadata({"ss_v_parameterization": "True"}, {"ss_v_parameterization": "False"}),
    PredictionSource.SIDECAR: lambda kind: {"sidecar": Sidecar(prediction=kind)},
    PredictionSource.REGISTRY: _page(FILE),
    PredictionSource.OWN_NAME: lambda kind: {"file_name": f"komori_{'vpred' if kind is V else 'eps'}.safetensors"},
}
SHORT = {"11111111": V, "22222222": EPSILON}


def judged(*parts: dict[str, Any]) -> PredictionEvidence:
    """The prediction of one file of which several sources say something."""
    metadata: dict[str, str] = {}
    answers: dict[str, tuple[RegistryAnswer, ...]] = {}
    for part in parts:
        metadata |= part.get("metadata", {})
        answers |= part.get("answers", {})
    once = {key: value for part in parts for key, value in part.items()}
    known = Knowledge(answers=answers, predictions=once.get("declared", {}), installed_predictions=SHORT)
    return judge(FILE, metadata, once.get("sidecar", Sidecar()), known, file_name=once.get("file_name", "")).prediction


def test_every_rung_is_tried() -> None:
    assert list(RUNGS) == list(PredictionSource)


@pytest.mark.parametrize("kind", PredictionType)
@pytest.mark.parametrize("source", RUNGS)
def test_each_rung_speaks_alone(source: PredictionSource, kind: PredictionType) -> None:
    assert judged(RUNGS[source](kind)) == PredictionEvidence(kind, source)


@pytest.mark.parametrize("kind", PredictionType)
@pytest.mark.parametrize(("higher", "lower"), list(itertools.combinations(PredictionSource, 2)))
def test_of_two_rungs_that_contradict_each_other_the_higher_decides(
    higher: PredictionSource, lower: PredictionSource, kind: PredictionType
) -> None:
    other = V if kind is EPSILON else EPSILON
    told = judged(RUNGS[lower](other), RUNGS[higher](kind))
    if (higher, lower) == (PredictionSource.TRAINING_BASE, PredictionSource.SHORT_HASH):
        assert told == PredictionEvidence(kind, higher)  # beside a SHA-256 the short hash never counts
    elif kind is EPSILON and higher is not PredictionSource.DECLARATION:  # which falls by any word for v
        assert told == PredictionEvidence(V, lower, (f"{higher.value}: epsilon",))
    else:
        assert told == PredictionEvidence(kind, higher, (f"{lower.value}: {other.value}",))


def test_a_forced_declaration_stands_over_the_hash_and_an_agreeing_one_over_the_trainers_settings() -> None:
    def declared(kind: PredictionType, *, force: bool) -> dict[str, Any]:
        (word,) = _declared(kind)["declared"].values()
        return {"declared": {FILE: word.model_copy(update={"force": force})}}

    exact = {"metadata": {"ss_new_sd_model_hash": V_PRED_1_0}}
    assert judged(exact, declared(EPSILON, force=False)).type is V
    assert judged(exact, declared(EPSILON, force=True)).type is EPSILON
    settings = {"metadata": {"ss_new_sd_model_hash": NOOB_1_1, "ss_v_parameterization": "True"}}
    assert judged(settings).type is V
    assert judged(settings, declared(EPSILON, force=False)).type is EPSILON


def test_two_words_of_one_rung_that_differ_count_as_v() -> None:
    names = {"ss_sd_model_name": "noob_vpred", "ot_config.base_model_name": "noob_eps"}
    assert judged({"metadata": names}).type is V
    assert judged({"metadata": {"ss_v_parameterization": "True", "modelspec.prediction_type": "epsilon"}}).type is V


def test_a_sidecar_pinned_to_other_bytes_does_not_count() -> None:
    assert judged({"sidecar": Sidecar(prediction=V, sha256="b" * 64)}).type is None


def test_what_is_kept_of_a_configuration_is_small_and_nobody_else_can_write_it() -> None:
    comment = RECORDED["training comment"]
    told = {"further.texts": comment["ss_training_comment"]}
    assert evidence_in(comment) == {"trainer.prediction": "v_prediction", **comment, **told}
    arguments = {"ss_network_args": json.dumps({"v_pred": True, "padding": "x" * 5000})}
    assert evidence_in(arguments) == {"trainer.prediction": "v_prediction"}
    assert evidence_in({"trainer.prediction": "epsilon"}) == {}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("illuminatiDiffusionV1_v11.safetensors", V), ("EasyFluffV11.2.safetensors", V),
        ("realismEngine_v10.safetensors", V), ("wd-1-5-beta2-fp32.safetensors", V),
        ("realismEngineSDXL_v30VAE.safetensors", None),
    ],
)  # fmt: skip
def test_checkpoints_that_predict_v_are_known_by_their_names(name: str, kind: PredictionType | None) -> None:
    kept = evidence_in({"ss_sd_model_name": name})
    assert judge(FILE, kept, Sidecar(), Knowledge()).prediction.type is kind
