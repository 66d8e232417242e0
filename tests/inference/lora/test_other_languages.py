"""Pages in other languages and scripts: nicknames of families, words for training and for v-prediction."""
# ruff: noqa: E501, RUF001 - words in other scripts, which are wide

from __future__ import annotations

import json

import pytest

from inference.base_models import BaseModelId
from inference.lora.beside.metadata import evidence_in
from inference.lora.beside.sidecar import Sidecar
from inference.lora.evidence import judge
from inference.lora.knowledge import Knowledge
from inference.messages.checkpoints import PredictionType
from tests.inference.lora.test_other_models_named import FILE, verdict

ILLUSTRIOUS, NOOBAI, PONY = BaseModelId("sdxl/illustrious"), BaseModelId("sdxl/noobai"), BaseModelId("sdxl/pony")
RECORD = {"ss_sd_model_name": "illustriousXL_v01.safetensors"}


@pytest.mark.parametrize(
    "text",
    [
        "เทรนด้วยโมเดลโพนี่ V6 น้ำหนัก 0.8", "تم تدريبه على بوني V6", "पोनी V6 पर प्रशिक्षित", "Обучал на пони в6", "натренована на поні",
        "Εκπαιδεύτηκε στο Pony V6", "포니 V6 기반 학습", "ポニーV6で学習", "小馬模型訓練", "Được huấn luyện trên Pony V6",
        "Pony V6 ile eğitilmiştir", "Dilatih dengan Pony V6", "Wytrenowane na Pony V6", "Natrénováno na Pony V6",
        "Getraind op Pony V6", "Antrenat pe Pony V6", "Pony V6-on tanítva", "Entrenado con Pony V6", "训练底模为小马", "底模:小马", "基于小马训练",
    ],
)  # fmt: skip
def test_a_family_by_its_nickname_stands_against_a_page_and_a_record(text: str) -> None:
    page = Sidecar(base_model=ILLUSTRIOUS, description=text)
    assert verdict("sdxl", {}, page).base_model is None
    assert verdict("sdxl", RECORD, page).base_model is None
    assert verdict("sdxl", RECORD | {"ss_training_comment": json.dumps(text)}).base_model is None


@pytest.mark.parametrize(
    "text",
    [
        "โพนี่เทลยาว", "ポニーテール", "포니테일", "심포니", "конский хвост, вы понимаете, в Японии", "Обучено не на пони",
        "पोनीटेल", "ツインテールのキャラ", "لون بني", "Dibuat di Jakarta",
    ],
)  # fmt: skip
def test_other_words_that_sound_alike_stand_against_nothing(text: str) -> None:
    assert verdict("sdxl", {}, Sidecar(base_model=ILLUSTRIOUS, description=text)).base_model == ILLUSTRIOUS


@pytest.mark.parametrize(
    "text", ["训练底模为光辉2.0", "底模:光辉", "底模是光輝", "基于光辉训练", "建议搭配光辉系列大模型使用", "用光辉训练", "以光辉为底模", "光辉2.0", "光辉的LoRA"]
)  # fmt: skip
def test_the_chinese_name_of_illustrious_counts_where_a_model_is_meant(text: str) -> None:
    assert verdict("sdxl", {}, Sidecar(base_model=PONY, description=text)).base_model is None


@pytest.mark.parametrize(
    "text", ["圣洁的光辉", "碧蓝航线 光辉", "在光辉中起舞", "光辉系列皮肤", "散发光辉的少女", "小马驹"]
)
def test_its_other_senses_do_not(text: str) -> None:
    assert verdict("sdxl", {}, Sidecar(base_model=PONY, description=text)).base_model == PONY
    assert verdict("sdxl", {}, Sidecar(base_model=ILLUSTRIOUS, description=text)).base_model == ILLUSTRIOUS


@pytest.mark.parametrize(
    "text",
    [
        "The Illustrious version is still in progress. What you download here is the old Pony version.",
        "Die Illustrious-Version ist noch in Arbeit. Was ihr hier herunterladet, ist die alte Pony-Version.",
        "Illustrious comes next week. This file is still the Pony one.", "Illustrious soon! The uploaded one is Pony.",
        "For Illustrious? Soon. It's the Pony version", "La version Illustrious arrive. Ce fichier est la version Pony.",
        "Illustrious pronto. Este archivo es la versión Pony.", "Illustrious em breve. Este arquivo é a versão Pony.",
        "Illustrious presto. Questa è la vecchia versione Pony.", "Illustrious wkrótce. Ta wersja to Pony.",
        "Illustrious komt later. Dit is de Pony versie.", "Illustrious yakında. Bu dosya Pony sürümü.",
        "Illustrious menyusul. File ini adalah versi Pony.", "Illustrious sau. Bản này là Pony.",
        "Illustriousは準備中です。このファイルは旧Pony版です。", "Illustrious版还在做。这个文件是小马版。", "Illustrious 작업중. 이 파일은 포니 버전.",
        "Illustrious в работе. Этот файл — версия пони.", "Illustrious soon, you are downloading the Pony version.",
        "現在アップロードしているのはポニー版です。イラストリアス版は後日。", "現在の配布版はポニー版です。", "Сейчас выложена версия для пони, Illustrious позже",
        "IL version soon; upload = Pony.", "The file on this page is the Pony one and the other page has Illustrious.",
"Illustrious is still training. Only the Pony version is uploaded.", "Illustrious later. For now only Pony.",
    ],
)  # fmt: skip
def test_what_a_text_says_that_the_file_is_stands_against_the_other_family(text: str) -> None:
    page = Sidecar(base_model=ILLUSTRIOUS, description=text)
    assert verdict("sdxl", {}, page).base_model is None
    assert verdict("sdxl", RECORD, page).base_model is None


@pytest.mark.parametrize(
    "text",
    [
        "This is the Illustrious version. The Pony version is on my profile.", "This version is not the Pony one.",
        "This file is the Illustrious port of my Pony LoRA.", "Ce fichier n'est pas la version Pony, c'est Illustrious.",
        "Das ist die Illustrious-Version, die Pony-Version kommt noch.", "これはPony版ではありません。Illustrious版です。",
        "This is a girl. It is cute.", "For Illustrious. It is better than the Pony version.",
    ],
)  # fmt: skip
def test_what_a_text_says_of_another_file_does_not(text: str) -> None:
    page = Sidecar(base_model=ILLUSTRIOUS, description=text)
    assert verdict("sdxl", RECORD, page).base_model == ILLUSTRIOUS


@pytest.mark.parametrize(
    "text",
    [
        "采样方式选 v 预测", "勾选零终端信噪比", "v参数化", "速度預測", "预测类型选 V", "v-параметризация", "Только для чекпоинтов с V-предикшн", "V-пред", "предсказание скорости",
        "нулевое терминальное отношение сигнала", "vプレディクション専用", "ブイ予測", "ゼロターミナルSNR", "브이 프레드", "v 프레딕션", "제로 터미널 SNR",
        "ทำนายความเร็ว", "v-เพรดิกชัน", "تنبؤ السرعة", "v प्रेडिक्शन", "πρόβλεψη ταχύτητας", "v-Vorhersage", "Geschwindigkeitsvorhersage",
        "prédiction de vitesse", "paramétrisation v", "predicción de velocidad", "predição v", "previsão de velocidade",
        "predizione della velocità", "predykcja v", "hız tahmini", "dự đoán vận tốc", "prediksi kecepatan", "v-voorspelling",
        "velocity prediction",
    ],
)  # fmt: skip
def test_v_prediction_is_read_in_other_languages(text: str) -> None:
    for page in (Sidecar(base_model=NOOBAI, description=text), Sidecar(base_model=NOOBAI, texts=())):
        kept = evidence_in({} if page.description else {"ss_training_comment": text})
        assert judge(FILE, kept, page, Knowledge()).prediction.type is PredictionType.V_PREDICTION


@pytest.mark.parametrize(
    "text",
    [
        "不是 v 预测模型",
        "в предыдущей версии",
        "nicht für v-Vorhersage",
        "prediction v2 is out",
        "illuminati style",
        "veloce",
    ],
)
def test_other_words_are_no_v_prediction(text: str) -> None:
    page = Sidecar(base_model=NOOBAI, description=text)
    assert judge(FILE, {}, page, Knowledge()).prediction.type is None
