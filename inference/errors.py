"""Everything that can go wrong with a request: one class per thing, with its sentence and its data.

The docstring of a class is the sentence a person reads, with the attributes filled in. An error crosses the
process border as `Failed(code, detail)` and is rebuilt on the other side by `InferenceError.from_failed`.
`str(error)` is English, for logs and the command line, and ends with what only operators can use (`for_operators`);
the bot looks up `templates` in the language of whoever reads.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import dataclass, field
from typing import ClassVar

Detail = dict[str, str | int | float | list[str]]

_REGISTRY: dict[str, type[InferenceError]] = {}


@dataclass(eq=False)
class InferenceError(Exception):
    """Something went wrong during generation."""

    code: ClassVar[str] = "inference_error"
    words: ClassVar[frozenset[str]] = frozenset()  # attributes that hold words of ours, not names
    for_operators: ClassVar[str] = ""  # a sentence more in logs and on the command line, with attributes in braces

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        _REGISTRY[cls.code] = cls

    def __str__(self) -> str:
        """The sentences with the attributes filled in; lists become `a, b and c`."""
        told = " ".join((*self.templates, self.for_operators)).strip()
        return told.format_map({name: _spoken(value) for name, value in self.detail.items()})

    @classmethod
    def template(cls) -> str:
        """The class's own sentence, with the names of attributes in braces: its docstring."""
        return " ".join((inspect.getdoc(cls) or "").split())

    @property
    def templates(self) -> tuple[str, ...]:
        """The sentences to say, with the names of attributes in braces; other languages look them up so."""
        return (self.template(),)

    @property
    def detail(self) -> Detail:
        """The attributes, as they travel and as they are stored."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @staticmethod
    def from_failed(code: str, detail: Detail) -> InferenceError:
        """The error that `code` and `detail` describe; what this version does not know becomes WorkerFailed."""
        known = _REGISTRY.get(code)
        if known is None:
            return WorkerFailed(reason=code)
        try:
            return known(**detail)
        except TypeError:
            return WorkerFailed(reason=code)


class OperatorError(Exception):
    """The set-up of an operator is unusable; the message says why and what to do."""


def _spoken(value: str | float | list[str]) -> str | float:
    if not isinstance(value, list):
        return value
    if len(value) < 2:
        return "".join(value)
    return f"{', '.join(value[:-1])} and {value[-1]}"


# --- what the person can mend: shown as it is ------------------------------------------------------------------


@dataclass(eq=False)
class RequestError(InferenceError):
    """Easel cannot carry out this request. Please change your request and try again."""


@dataclass(eq=False)
class InvalidRequest(RequestError):
    """{what} {problem}."""

    what: str
    problem: str


@dataclass(eq=False)
class PromptEmpty(RequestError):
    """The prompt is empty. Please describe the picture that you want."""


@dataclass(eq=False)
class PromptTooLong(RequestError):
    """The {what} has {length} characters; the limit is {limit}. Please shorten it."""

    what: str
    length: int
    limit: int


@dataclass(eq=False)
class TooManyLoras(RequestError):
    """You chose {count} LoRAs; a picture can use up to {limit}. Please remove some."""

    count: int
    limit: int


@dataclass(eq=False)
class SizeNotOffered(RequestError):
    """{checkpoint} does not support the size {size}. Available sizes: {offered}."""

    checkpoint: str
    size: str
    offered: list[str]


@dataclass(eq=False)
class RegionsNotOffered(RequestError):
    """{checkpoint} generates each picture from one prompt, so areas of the picture cannot have their own prompts or
    LoRAs. Please choose another model, or use one prompt for the whole picture."""

    checkpoint: str


@dataclass(eq=False)
class CheckpointNotFound(RequestError):
    """There is no model called “{name}”. Available models: {installed}."""

    name: str
    installed: list[str]


@dataclass(eq=False)
class NoCheckpoints(RequestError):
    """This bot has no model yet. The bot's operator can install one."""


@dataclass(eq=False)
class CheckpointRemoved(RequestError):
    """Sorry, the model {name} was removed while this picture was in the queue. Press *Edit* to open the picture in the
    studio, then choose another model: {installed}."""

    name: str
    installed: list[str]


@dataclass(eq=False)
class LoraNotFound(RequestError):
    """The library has no LoRA called {name}. {hint}"""

    for_operators = "`library list` names all of them."

    name: str
    hint: str


@dataclass(eq=False)
class LoraMisfit(RequestError):
    """{lora} does not fit {checkpoint}."""

    words = frozenset({"region"})
    FITS: ClassVar[str] = "The LoRA fits {fitting_checkpoints}."
    FITS_NONE: ClassVar[str] = "The LoRA fits none of this bot's models."
    WANTED_IN: ClassVar[str] = "The LoRA was chosen for one area of the picture: {region}."
    NAMED: ClassVar[str] = "According to its file, the LoRA is for another model: {named}."
    what_fits_is_known: ClassVar[bool] = True

    lora: str
    checkpoint: str
    checkpoint_base: str
    fitting_checkpoints: list[str]
    region: str = field(default="", kw_only=True)  # the request's region that it was chosen for, if any
    named: str = field(default="", kw_only=True)  # a model without checkpoints that its metadata names

    @property
    def templates(self) -> tuple[str, ...]:
        """The sentence, the region if it was for one, what its metadata names, and where this LoRA does fit.

        That it fits nothing is not said where nobody knows.
        """
        told = (self.template(), *((self.WANTED_IN,) if self.region else ()), *((self.NAMED,) if self.named else ()))
        if self.fitting_checkpoints:
            return (*told, self.FITS)
        return (*told, self.FITS_NONE) if self.what_fits_is_known else told


@dataclass(eq=False)
class BaseModelMismatch(LoraMisfit):
    """{lora} is made for {lora_base}, but {checkpoint} is based on {checkpoint_base}. A LoRA for another base model
    breaks pictures, so Easel does not use the LoRA on this model."""

    for_operators = "How Easel knows the LoRA's base model: {evidence}."  # people read it on the LoRA's page

    lora_base: str
    evidence: str


@dataclass(eq=False)
class BaseModelUnknown(LoraMisfit):
    """Easel could not confirm the base model of {lora}. A wrong guess could spoil the picture, so Easel does not use
    this LoRA on {checkpoint} ({checkpoint_base}). An operator can declare the base model on the LoRA's page."""

    what_fits_is_known = False
    for_operators = "Declare it: {remedy}."

    remedy: str


@dataclass(eq=False)
class ArchitectureMismatch(LoraMisfit):
    """{lora} is made for {lora_architecture}, but {checkpoint} is based on {checkpoint_base}. A LoRA works only with
    the kind of model that it was made for."""

    what_fits_is_known = False

    lora_architecture: str


@dataclass(eq=False)
class LayersUnknown(LoraMisfit):
    """{lora} is damaged, or is made for a kind of model that Easel does not know. Easel does not use this LoRA on
    {checkpoint} ({checkpoint_base}). Please choose another LoRA."""

    what_fits_is_known = False


@dataclass(eq=False)
class PredictionMismatch(LoraMisfit):
    """{lora} is made for v-prediction models, but {checkpoint} uses epsilon prediction. This combination breaks
    pictures, so Easel does not use the LoRA on this model."""

    for_operators = "`allow_v_on_epsilon` in the settings allows it."


@dataclass(eq=False)
class PredictionUnknown(LoraMisfit):
    """Easel does not know whether {lora} is made for v-prediction or for epsilon prediction. The wrong prediction type
    breaks pictures, so Easel does not use this LoRA on {checkpoint}. An operator can declare the prediction type on the
    LoRA's page."""

    for_operators = "Declare it: {remedy}."

    remedy: str


@dataclass(eq=False)
class ModuleMismatch(RequestError):
    """{lora} was made for another model, so Easel did not use it. {checkpoint} lacks {count} of the parts that the LoRA
    changes."""

    for_operators = "Among them are {modules}."

    lora: str
    checkpoint: str
    modules: list[str]
    count: int


@dataclass(eq=False)
class LoraNotAtWork(RequestError):
    """Easel did not generate this picture, because its LoRAs did not apply completely. The LoRAs changed only {active}
    of the {expected} parts of {checkpoint} that they should change."""

    for_operators = "{modules} stayed as they were."

    checkpoint: str
    modules: list[str]
    active: int
    expected: int


@dataclass(eq=False)
class LoraFileRefused(RequestError):
    """The file of {lora} cannot be used: {reason}. Please choose another LoRA."""

    words = frozenset({"reason"})

    lora: str
    reason: str


@dataclass(eq=False)
class LoraUnusable(RequestError):
    """Easel cannot use the files of {lora}. The files may be damaged. The bot's operators can see the reason. Please
    choose another LoRA until the operators have fixed the problem."""

    for_operators = "{files}."

    lora: str
    files: list[str]


@dataclass(eq=False)
class LoraFileChanged(RequestError):
    """The file of {lora} is missing or has changed. Please choose the LoRA again in a few minutes."""

    lora: str


@dataclass(eq=False)
class SourceImageGone(RequestError):
    """The start picture is no longer saved. Please add it again."""


@dataclass(eq=False)
class SourceImageRefused(RequestError):
    """The start picture cannot be used: {reason}. Please choose another one."""

    words = frozenset({"reason"})

    reason: str


@dataclass(eq=False)
class OutOfMemory(RequestError):
    """There is not enough memory to generate {what}. Try a smaller size or fewer pictures."""

    what: str


@dataclass(eq=False)
class TooManyWaiting(RequestError):
    """You have reached your limit for queued requests ({limit}). Your next queued request starts in {wait}. To make
    room now, cancel a request with /cancel."""

    limit: int
    wait: str


@dataclass(eq=False)
class QueueFull(RequestError):
    """The queue is full (requests: {waiting}). A place becomes free in {wait}. Please try again then."""

    waiting: int
    wait: str


@dataclass(eq=False)
class NotANumberPicture(RequestError):
    """The picture came out broken. Try lower LoRA weights or another seed."""

    for_operators = "Its numbers were not finite (NaN)."


@dataclass(eq=False)
class SexualMinors(RequestError):
    """Easel never generates or saves anything sexual about minors, for any user, in any place, or at any content
    rating. If you meant something else, please use different words."""


# --- what we have to mend: apology and job id -------------------------------------------------------------------


@dataclass(eq=False)
class WorkerError(InferenceError):
    """The generation failed."""


@dataclass(eq=False)
class WorkerFailed(WorkerError):
    """The generation stopped before it was finished."""

    for_operators = "Reason: {reason}."

    reason: str


@dataclass(eq=False)
class ClassifierUnusable(WorkerError):
    """An automatic check is not working right now, so Easel cannot generate pictures."""

    for_operators = "The model of [classifier] or [text_judge] cannot be used: {reason}."

    reason: str


@dataclass(eq=False)
class WatermarkUnusable(ClassifierUnusable):
    """Watermarking is not working right now, so Easel cannot generate pictures."""

    for_operators = "The model of [watermark] cannot be used: {reason}."


@dataclass(eq=False)
class NotClassified(WorkerError):
    """This picture was generated while an automatic check was being switched on, so it was not checked. Please request
    it again."""


@dataclass(eq=False)
class WorkerCrashed(WorkerError):
    """The generation of this picture crashed, so Easel stopped trying (attempts: {attempts})."""

    attempts: int


@dataclass(eq=False)
class JobExpired(WorkerError):
    """This picture waited for more than {hours} h because the bot was offline, so Easel cancelled it. Please request
    the picture again."""

    hours: int


@dataclass(eq=False)
class PictureNotSaved(WorkerError):
    """The picture was generated but could not be saved."""

    for_operators = "Reason: {reason}."

    reason: str


@dataclass(eq=False)
class WorkerUnavailable(WorkerError):
    """The worker could not start: {reason}."""

    reason: str


@dataclass(eq=False)
class CheckpointUnusable(WorkerError):
    """Easel cannot load the model {checkpoint}. Please choose another one."""

    for_operators = "Reason: {reason}."

    checkpoint: str
    reason: str


@dataclass(eq=False)
class CheckpointTooLarge(WorkerError):
    """There is not enough memory to load {checkpoint}. The model needs at least {needed} of memory, but only {free} is
    free. Please choose another model. An operator can free memory or install a smaller model."""

    checkpoint: str
    needed: str
    free: str


@dataclass(eq=False)
class WorkerStarved(WorkerError):
    """The operating system stopped the generation of this picture, probably because memory ran out. Easel stopped
    trying (attempts: {attempts}). The model {checkpoint} needs at least {needed} of memory, but only {free} is free.
    Please choose another model or a smaller size, or ask an operator to free memory."""

    attempts: int
    checkpoint: str
    needed: str
    free: str
