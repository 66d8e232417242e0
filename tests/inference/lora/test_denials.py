"""Denials in many languages: what a file is not for stands against a page, and never for it."""
# ruff: noqa: RUF001 - words in other scripts, which are wide

from __future__ import annotations

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.sidecar import Sidecar
from inference.lora.words.denials import is_denied
from inference.lora.words.prediction_words import prediction_in_text
from inference.lora.words.texts import telling
from inference.messages.checkpoints import PredictionType
from tests.inference.lora.test_other_models_named import verdict

ILLUSTRIOUS, NOOBAI, PONY = BaseModelId("sdxl/illustrious"), BaseModelId("sdxl/noobai"), BaseModelId("sdxl/pony")
BY_NAME = {"ss_sd_model_name": "illustriousXL_v01.safetensors"}

DENIED = (
    "Ne marche pas du tout sur Illustrious",
    "Incompatible with Illustrious",
    "incompatível com Illustrious",
    "несовместима с Illustrious",
    "Illustrious-XL はサポートしていません",
    "Illustrious ile uyumsuz",
    "Illustrious nicht unterstützt",
    "Fails on Illustrious",
    "不支持光辉",
    "This LoRA does not work with Illustrious",
    "It will not work on Illustrious models",
    "Illustrious checkpoints won't work",
    "Illustrious is not supported",
    "With Illustrious it does not work",
    "Can't be used with Illustrious",
    "Ojo: este LoRA no funciona con Illustrious.",
    "No es para Illustrious",
    "no se puede usar con Illustrious",
    "no usar en Illustrious",
    "no es compatible con Illustrious",
    "Illustrious no funciona",
    "Ce LoRA ne fonctionne pas avec Illustrious.",
    "Pas pour Illustrious",
    "Il n'est pas compatible avec l'Illustrious",
    "Les modèles Illustrious ne fonctionnent pas",
    "Funktioniert nicht mit Illustrious",
    "Nicht für Illustrious gedacht",
    "Mit Illustrious funktioniert das LoRA nicht.",
    "Illustrious wird nicht unterstützt",
    "Kein Illustrious-LoRA",
    "не работает с Illustrious",
    "Не для Illustrious",
    "С Illustrious не работает",
    "не подходит для Illustrious",
    "не поддерживает Illustrious",
    "Не використовуйте: не працює з Illustrious",
    "Illustriousでは動きません",
    "Illustrious系モデルには対応していません",
    "Illustrious用ではありません",
    "Illustriousモデルでは正しく動作しません",
    "イラストリアスでは使えません",
    "不支持Illustrious",
    "Illustrious模型无法使用",
    "不适用于Illustrious",
    "这个LoRA不能用于Illustrious",
    "非Illustrious",
    "Illustrious用不了",
    "光辉模型无法使用",
    "Illustrious에서는 작동하지 않습니다",
    "Illustrious 모델에서 안 됩니다",
    "Illustrious용이 아닙니다",
    "일러스트리어스에서는 사용할 수 없습니다",
    "não funciona com Illustrious",
    "Não é para Illustrious",
    "não funciona no Illustrious",
    "non funziona con Illustrious",
    "Non è per Illustrious",
    "nie działa z Illustrious",
    "Nie jest dla Illustrious",
    "Illustrious ile çalışmaz",
    "Illustrious için değil",
    "Illustrious modelleriyle uyumlu değil",
    "werkt niet met Illustrious",
    "niet voor Illustrious",
    "fungerar inte med Illustrious",
    "fungerer ikke med Illustrious",
    "tidak bekerja dengan Illustrious",
    "bukan untuk Illustrious",
    "không hoạt động với Illustrious",
    "không dành cho Illustrious",
    "nu funcționează cu Illustrious",
    "nefunguje s Illustrious",
    "není pro Illustrious",
    "nem működik Illustrious alatt",
    "Illustrious modellekkel nem működik",
    "ei toimi Illustrious",
    "δεν λειτουργεί με Illustrious",
    "لا يعمل مع Illustrious",
    "ไม่รองรับ Illustrious",
    "ใช้กับ Illustrious ไม่ได้",
    "Illustrious पर काम नहीं करता",
    "לא עובד עם Illustrious",
)
NOT_DENIED = (
    "No LoRA is perfect. Illustrious works best",
    "Illustrious model, not Pony",
    "This is not a Pony LoRA but an Illustrious one",
    "Not tested on anything but Illustrious",
    "I did not use Pony, I trained on Illustrious",
    "If the trigger does not work, use Illustrious v0.1",
    "No es Pony, es Illustrious",
    "Kein Pony, sondern Illustrious",
    "不是Pony,是Illustrious",
    "PonyではなくIllustriousです",
    "Pony가 아니라 Illustrious입니다",
    "не Pony, а Illustrious",
    "Can't recommend Illustrious enough",
    "I don't know why but Illustrious gives best results",
    "Works on Illustrious, but not with realistic merges",
    "Don't use high weights with Illustrious",
    "Do not use the Illustrious quality tags",
    "Not all Illustrious merges work",
    "Never used Illustrious before? Start with WAI",
    "Illustrious checkpoints do not need score tags",
    "Illustrious is not required to be merged",
    "Illustriousモデルで使うと背景が出ないことがあります",
    "Illustrious以外では動きません",
    "除Illustrious外不支持",
    "Illustrious 외에는 작동하지 않습니다",
    "Não é um modelo, é um LoRA para Illustrious",
    "Does not work on anything other than Illustrious",
    "Works only with Illustrious, nothing else",
    "Non testato su altri, solo Illustrious",
    "Не работает нигде кроме Illustrious",
    "Sólo funciona en Illustrious, no en Pony",
    "Pas testé ailleurs que sur Illustrious",
    "Illustriousだけでなく他のモデルでも使えます",
    "不仅支持Illustrious",
    "Not only Illustrious but also NoobAI",
    "Not only for Illustrious",
    "No solo para Illustrious",
    "nicht nur für Illustrious",
    "If it does not work on Illustrious, lower the weight",
    "Illustrious LoRA. Does not work with Pony.",
    "Illustrious LoRA, works without trigger words",
    "For Illustrious. Not supported on A1111? Update it.",
    "Illustriousで学習したLoRAはPonyでは動きません",
    "IllustriousのLoRAです。重みを上げすぎると動きません",
    "treinado no Illustrious, funciona no Illustrious",
    "Обучена на Illustrious. Не работает с Pony",
    "基于Illustrious训练,不支持Pony",
    "Entrenado en Illustrious, no funciona con Pony",
    "Mit Illustrious trainiert, funktioniert nicht mit Pony",
    "Illustrious does not work without a VAE",
    "Illustrious 기반으로 학습했습니다. Pony에서는 작동하지 않습니다",
    "No need of Illustrious tags",
    "Illustrious funktioniert gut, Pony nicht",
    "Illustrious非常好用",
    "Fonctionne avec Illustrious, pas avec Pony",
    "nu op Illustrious getraind",
    "Why not Illustrious? It is Illustrious.",
)
FOR_V = (
    "V-prediction LoRA, it will not work on epsilon models",
    "V予測モデル専用です。epsilon版では正しく動きません",
    "V预测专用,epsilon模型无法使用",
    "v-prediction. Funktioniert nicht mit epsilon",
    "Mit Epsilon-Modellen funktioniert es nicht, v-prediction",
    "Modelo v-pred: no funciona con epsilon",
    "Les modèles epsilon ne fonctionnent pas, v-pred",
    "vpred, не работает на epsilon",
    "v-pred, не работает на эпсилон-моделях",
    "V-예측 전용입니다. epsilon 모델에서는 작동하지 않습니다",
    "V예측 전용. 엡실론 모델에서는 작동하지 않습니다",
    "v-pred; epsilon ile çalışmaz",
    "v-pred, nie działa z epsilon",
    "v-pred, não funciona com epsilon",
    "It will not work on epsilon models",
    "Not for eps",
    "epsilon is not supported, use vpred",
)
FOR_EPSILON = (
    "Epsilon LoRA, it will not work on v-pred models",
    "epsilon only, not for vpred",
    "eps用です。v-predでは動きません",
    "epsilon, no funciona con v-pred",
    "Trained with epsilon. v-prediction is not supported",
)


@pytest.mark.parametrize("text", DENIED)
def test_a_text_that_denies_a_model_stands_against_a_page_and_a_name(text: str) -> None:
    page = Sidecar(base_model=ILLUSTRIOUS, description=text)
    assert verdict("sdxl", {}, page).base_model is None
    assert verdict("sdxl", BY_NAME, Sidecar(description=text)).base_model is None


@pytest.mark.parametrize("text", DENIED)
def test_a_model_that_a_text_denies_is_not_named_by_it(text: str) -> None:
    assert verdict("sdxl", {}, Sidecar(base_model=PONY, description=text)).base_model == PONY


@pytest.mark.parametrize("text", NOT_DENIED)
def test_other_denials_stand_against_no_page(text: str) -> None:
    assert verdict("sdxl", BY_NAME, Sidecar(description=text)).base_model == ILLUSTRIOUS


@pytest.mark.parametrize("text", ["no funciona con SDXL", "SDXLでは動きません", "Mit SDXL funktioniert es nicht"])
def test_a_denial_of_a_plain_model_counts_too(text: str) -> None:
    base = BaseModelId("sdxl/base")
    record = {"ss_sd_model_name": "sd_xl_base_1.0.safetensors"}
    assert verdict("sdxl", record, Sidecar(description="An owl")).base_model == base
    assert verdict("sdxl", record, Sidecar(description=text)).base_model is None


@pytest.mark.parametrize("text", FOR_V)
def test_who_denies_epsilon_means_v(text: str) -> None:
    told = {prediction_in_text(each) for each in telling([text])}
    assert told - {None} == {PredictionType.V_PREDICTION}
    trained = {
        "ss_sd_model_name": "noobaiXLNAIXL_epsilonPred11Version.safetensors",
        "modelspec.prediction_type": "epsilon",
    }
    page = Sidecar(base_model=NOOBAI, description=text)
    assert verdict("sdxl", trained, page).evidence.prediction.type is PredictionType.V_PREDICTION


@pytest.mark.parametrize("text", FOR_EPSILON)
def test_who_denies_v_means_epsilon(text: str) -> None:
    told = {prediction_in_text(each) for each in telling([text])}
    assert told - {None} == {PredictionType.EPSILON}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Trained on NoobAI v-pred. Works on epsilon too.", PredictionType.V_PREDICTION),
        ("Trained on NoobAI epsilon. Works on v-pred too.", PredictionType.EPSILON),
    ],
)
def test_of_a_text_for_both_the_sentence_about_the_training_counts(text: str, kind: PredictionType) -> None:
    trained = {"ss_sd_model_name": "noobaiXLNAIXL_epsilonPred11Version.safetensors"}
    page = Sidecar(base_model=NOOBAI, description=text)
    assert verdict("sdxl", trained, page).evidence.prediction.type is kind


def test_a_denial_is_read_in_linear_time() -> None:
    text = "not for the " * 20_000 + "pony" + " model does not" * 20_000
    start = text.index("pony")
    assert is_denied(text, start, start + 4)
