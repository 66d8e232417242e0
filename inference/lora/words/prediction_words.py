"""Words for epsilon and v-prediction: in names of checkpoints and LoRAs, and in what trainers record of their settings.

Every text is a stranger's. One that denies v, or has words for both types, says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from inference.files.json_values import leaves
from inference.lora.known.known_bases import REPOSITORY_PREDICTIONS
from inference.lora.words.denials import is_denied
from inference.lora.words.titles import words
from inference.messages.checkpoints import PredictionType
from inference.prediction import named_prediction

_MAX_NAME = 1000  # characters of a name that are read
_MAX_KEY = 100  # characters of a setting's name
_MAX_TEXT = 2**20  # characters of one value in the metadata

# "Prediction" and "velocity" in languages with Latin letters.
_PREDICTION = (
    r"(?:predic(?:tion|cion|ao|tie)|predikc\w{1,2}|predykcj\w{1,2}|prediksi|predizione|previsao|vorhersage|voorspelling"
    r"|tahmin\w{0,5})"
)
_VELOCITY_WORD = r"(?:veloc\w{2,5}|vitesse|geschwindigkeits?|snelheids?|predkosci|kecepatan|vitezei?|hiz)"
# Checkpoints that predict v, where no other sense of the name is likely.
_V_CHECKPOINTS = r"easy ?fluff|illuminati ?diffusion|hikari ?noob|realism ?engine(?! ?(?:sd ?)?xl)"
_V_WORD = (
    rf"v[ _\-]?pred(?:i[a-z]{{1,9}})?|(?:v|{_VELOCITY_WORD})[ _\-]?{_PREDICTION}"
    rf"|{_PREDICTION} (?:de |da |del |di |della |der |van |par |por )?(?:la |l')?(?:v(?!\w)|{_VELOCITY_WORD})"
    r"|v[ _\-]?param(?:etri[sz]\w{2,6}|eteri[sz]ation|eteri[sz]ed)?|param\w{2,14} v(?!\w)"
    rf"|zero[ _\-]?(?:terminal[ _\-]?)?snr|zt?snr|{_V_CHECKPOINTS}|parameteri[sz]ation[\"']?\s*[:=]\s*[\"']?v"
)
# Names of Stable Diffusion 2's files for 768 pixels, as sentences have them.
_SD2_V_NAMES = (
    r"v2(?:[-_.][01])?_768|(?<![\d.])768[ _\-]?v(?!\w)"
    r"|stable[-_]diffusion[-_]2(?:[-_.][01])?(?![-_.]?(?:\d|base|inpaint|depth))|(?<![a-z])v[ _\-]objective"
)
# A word of several parts begins where no letter stands before it; `noobvpred` is written as one.
_V = re.compile(rf"(?:(?<![a-z])(?:{_V_WORD})|vpred(?:iction)?|ztsnr|{_SD2_V_NAMES})(?![a-z])(?![ _\-]?like)")
# Not `eps=1e-8`, an optimizer's.
_EPSILON = re.compile(
    r"(?<![a-z_])eps(?:ilon)?(?![a-z])(?![\"']?\s*[=:]\s*[\"']?[\d.])"
    r"|(?<![a-z])eps(?:ilon)?[ _\-]?pred(?:iction|icted)?"
)
_DENIED = re.compile(
    r"(?:\b(?:no|not|non|without|never|isnt|instead of|rather than|un|anti|nicht|keine?|ohne|pas|sans|sin|senza|sem"
    r"|niet|geen|nie|bez)\b(?: (?:a|an|good|for|the|with|on|trained|made|fur|mit|pour|para|de|la|en|per|voor))*[ _\-]*"
    r"|\b(?:no|not|non|un|anti))$"
)
_OFF = re.compile(r"[\"']?\s*[=:]\s*[\"']?(?:false|none|null|no|off|0)\b")
_CONVERTED = re.compile(r"v ?pred\w* ?(?:2|to) ?eps|eps\w* ?(?:2|to) ?v ?pred")
# Stable Diffusion 2: the file for 768 pixels predicts v, that for 512 predicts epsilon.
_SD2 = r"^(?:(?:sd|stable diffusion) ?)?v?2(?: [01])?"
_SD2_V = re.compile(rf"{_SD2} (?:768|v)\b|^768 v\b|^wd ?v?1 5\b")  # Waifu Diffusion 1.5 grew from it
_VELOCITY = re.compile(r"\bvelocity\b")
_SD2_EPSILON = re.compile(rf"{_SD2} (?:512|base)\b|^512 base\b")

_ONETRAINER_V = frozenset({"stable_diffusion_20", "stable_diffusion_21"})  # the others end in `_base`
_PARTS = (
    "pred",
    "param",
    "snr",
    "vorhersage",
    "voorspelling",
    "previsao",
    "tahmin",
)  # every word that counts in a record has one of them
_V_KEY = re.compile(r"v_?pred(?!_?like)|v_?param|zero_?(?:terminal_?)?snr|zt?snr")
_TYPE_KEY = re.compile(r"prediction_?type|^prediction$|(?<![a-z_])parameterization$")
_ON, _SWITCHED_OFF = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off", "none", "null", ""})
# Words of the LoRA itself or of its pictures, not of its training.
_NOT_RECORDS = re.compile(
    r"modelspec\.|ss_(?:tag_frequency|dataset_dirs|datasets|reg_dataset_dirs|bucket_info|output_name|sd_model_name"
    r"|sd_model_hash|new_sd_model_hash|v_parameterization|zero_terminal_snr|base_model_version)|sshs_"
    r"|lora_adapter_metadata"
)


def prediction_in_name(name: str) -> PredictionType | None:
    """Return the type in the name of a LoRA or a page. None if it has words for both, or denies one."""
    name = name[:_MAX_NAME]
    forms = {words(name), " ".join(re.split(r"[\s_.\-+&()\[\]]+", name)).strip().lower()}
    if any(_CONVERTED.search(form) for form in forms):
        return None
    return _one_of({kind for form in forms for kind in _mentioned(form)})


def prediction_in_text(text: str) -> PredictionType | None:
    """Return the type that a longer text has a word for. None for both, and for one that it denies."""
    text = text.lower()
    return None if _CONVERTED.search(text.replace("_", " ")) else _one_of(_mentioned(text))


def prediction_in_checkpoint_name(name: str) -> PredictionType | None:
    """Return the type in the name of a checkpoint's file or repository; the last part of a path counts."""
    last = re.split(r"[/\\]", name)[-1]
    if (told := prediction_in_name(last)) is not None:
        return told
    plain = words(last[:_MAX_NAME])
    if _SD2_V.search(plain) or _VELOCITY.search(plain):
        return PredictionType.V_PREDICTION
    return PredictionType.EPSILON if _SD2_EPSILON.search(plain) else None


def prediction_on_page(base_model: str, title: str) -> PredictionType | None:
    """Return the type in a page's name of the base model, or in the titles of the model and its version."""
    if base_model.endswith(" 768"):  # `SD 2.0 768`, `SD 2.1 768`
        return PredictionType.V_PREDICTION
    by_repository = REPOSITORY_PREDICTIONS.get(base_model.lower()) or prediction_in_checkpoint_name(base_model)
    return by_repository or prediction_in_name(title)


def prediction_in_records(metadata: Mapping[str, str]) -> PredictionType | None:
    """Return the type in a trainer's configuration, arguments or comment. If any of them says v, it is v."""
    records = {key: value[:_MAX_TEXT] for key, value in metadata.items() if not _NOT_RECORDS.match(key.lower())}
    found = set(_in_records(records))
    return next((kind for kind in (PredictionType.V_PREDICTION, PredictionType.EPSILON) if kind in found), None)


def _in_records(records: Mapping[str, str]) -> Iterator[PredictionType]:
    for key, text in records.items():
        for name, value in settings_in(key, text):
            if (kind := _of_setting(name.lower(), value)) is not None:
                yield kind


def settings_in(key: str, text: str) -> Iterator[tuple[str, object]]:
    """A field of the metadata, or every setting of the configuration in JSON that it holds."""
    try:
        value = json.loads(text) if text[:1] in {"{", "["} else text
    except (ValueError, RecursionError):
        value = text
    return leaves(key, value)


def _of_setting(key: str, value: object) -> PredictionType | None:
    text = str(value).strip().lower()
    if key == "model_type" and text in _ONETRAINER_V:
        return PredictionType.V_PREDICTION
    if text in _SWITCHED_OFF:
        return None  # a switch that nobody set
    if text in _ON:
        if len(key) <= _MAX_KEY and _V_KEY.search(key):
            return PredictionType.V_PREDICTION
        return PredictionType.EPSILON if key == "force_epsilon_prediction" else None
    if len(key) <= _MAX_KEY and _TYPE_KEY.search(key) and (named := named_prediction(text)):
        return named
    if not any(part in text for part in _PARTS):
        return None
    mentioned = _one_of(_mentioned(text))
    return mentioned if mentioned is PredictionType.V_PREDICTION or "pred" in text else None


def _mentioned(text: str) -> Iterator[PredictionType]:
    """The types that a text in lower case has a word for, once for each that is neither denied nor off.

    A denied epsilon is a word for v: nobody warns of it otherwise.
    """
    for kind, pattern in ((PredictionType.V_PREDICTION, _V), (PredictionType.EPSILON, _EPSILON)):
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 40) : match.start()]
            if _DENIED.search(before) or is_denied(text, *match.span()):
                if kind is PredictionType.EPSILON:
                    yield PredictionType.V_PREDICTION
            elif not _OFF.match(text, match.end()):
                yield kind


def _one_of(kinds: Iterable[PredictionType]) -> PredictionType | None:
    found = set(kinds)
    return found.pop() if len(found) == 1 else None
