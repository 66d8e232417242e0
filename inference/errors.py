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
    """Something went wrong while painting."""

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


def _spoken(value: str | float | list[str]) -> str | float:
    if not isinstance(value, list):
        return value
    if len(value) < 2:
        return "".join(value)
    return f"{', '.join(value[:-1])} and {value[-1]}"


# --- what the person can mend: shown as it is ------------------------------------------------------------------


@dataclass(eq=False)
class RequestError(InferenceError):
    """This request cannot be painted as it is."""


@dataclass(eq=False)
class InvalidRequest(RequestError):
    """{what} {problem}."""

    what: str
    problem: str


@dataclass(eq=False)
class PromptEmpty(RequestError):
    """There is nothing in the prompt. Please say what to paint."""


@dataclass(eq=False)
class PromptTooLong(RequestError):
    """The {what} has {length} characters; at most {limit} fit. Please shorten it."""

    what: str
    length: int
    limit: int


@dataclass(eq=False)
class TooManyLoras(RequestError):
    """{count} LoRAs were asked for; at most {limit} go together. Please take some away."""

    count: int
    limit: int


@dataclass(eq=False)
class SizeNotOffered(RequestError):
    """{checkpoint} cannot paint {size}; its sizes are {offered}."""

    checkpoint: str
    size: str
    offered: list[str]


@dataclass(eq=False)
class RegionsNotOffered(RequestError):
    """{checkpoint} paints each picture from one prompt, so it cannot have parts with words and LoRAs of their own.
    Please choose another checkpoint, or one prompt."""

    checkpoint: str


@dataclass(eq=False)
class CheckpointNotFound(RequestError):
    """There is no checkpoint {name}; installed are {installed}."""

    name: str
    installed: list[str]


@dataclass(eq=False)
class CheckpointRemoved(RequestError):
    """Sorry: {name} was taken out of service while this picture waited for it. Edit opens the picture in the studio,
    where you can choose another checkpoint; installed are {installed}."""

    name: str
    installed: list[str]


@dataclass(eq=False)
class LoraNotFound(RequestError):
    """There is no LoRA {name} in the library. {hint}"""

    for_operators = "`library list` names all of them."

    name: str
    hint: str


@dataclass(eq=False)
class LoraMisfit(RequestError):
    """{lora} does not go with {checkpoint}."""

    words = frozenset({"region"})
    FITS: ClassVar[str] = "It fits {fitting_checkpoints}."
    FITS_NONE: ClassVar[str] = "No checkpoint installed here fits it."
    WANTED_IN: ClassVar[str] = "It was chosen for one part of the picture: {region}."
    NAMED: ClassVar[str] = "Its file names another model: {named}."
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
    """{lora} was trained on {lora_base} ({evidence}), but {checkpoint} is {checkpoint_base}: on another base model
    a LoRA gives broken pictures, so it is not used there."""

    words = frozenset({"evidence", "region"})

    lora_base: str
    evidence: str


@dataclass(eq=False)
class BaseModelUnknown(LoraMisfit):
    """It is not certain which base model {lora} was trained on, and a guess could spoil the picture, so it is not
    used on {checkpoint} ({checkpoint_base}). An operator can declare it on its page."""

    what_fits_is_known = False
    for_operators = "Declare it: {remedy}."

    remedy: str


@dataclass(eq=False)
class ArchitectureMismatch(LoraMisfit):
    """{lora} was made for {lora_architecture}, but {checkpoint} is {checkpoint_base}: a LoRA works only on the kind of
    model that it was made for."""

    what_fits_is_known = False

    lora_architecture: str


@dataclass(eq=False)
class LayersUnknown(LoraMisfit):
    """{lora} is damaged, or was made for a kind of model that Easel does not know, so it is not used on {checkpoint}
    ({checkpoint_base}). Please choose another LoRA."""

    what_fits_is_known = False


@dataclass(eq=False)
class PredictionMismatch(LoraMisfit):
    """{lora} was made for checkpoints that paint in another way (v-prediction) than {checkpoint}: together they give
    broken pictures, so it is not used there."""

    for_operators = "`allow_v_on_epsilon` in the settings allows it."


@dataclass(eq=False)
class PredictionUnknown(LoraMisfit):
    """{lora} does not say if it is for v-prediction or epsilon, and on {checkpoint} the wrong kind gives broken
    pictures, so it is not used there. An operator can declare it on its page."""

    for_operators = "Declare it: {remedy}."

    remedy: str


@dataclass(eq=False)
class ModuleMismatch(RequestError):
    """{lora} has parts that {checkpoint} does not have ({count} in all), so it was made for another model. It was not
    used."""

    for_operators = "Among them are {modules}."

    lora: str
    checkpoint: str
    modules: list[str]
    count: int


@dataclass(eq=False)
class LoraNotAtWork(RequestError):
    """The LoRAs of this picture would have worked on {checkpoint} in part only ({active} of {expected} places), so
    nothing was painted."""

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
    """What is here of {lora} is damaged or cannot be used for another reason. The operators of this bot see why; until
    they have mended it, please choose another LoRA."""

    for_operators = "{files}."

    lora: str
    files: list[str]


@dataclass(eq=False)
class LoraFileChanged(RequestError):
    """The file of {lora} is gone or is not the one that was chosen any more. Please choose it again in a few
    minutes."""

    lora: str


@dataclass(eq=False)
class SourceImageGone(RequestError):
    """The picture to start from is not kept any more. Please give it again."""


@dataclass(eq=False)
class SourceImageRefused(RequestError):
    """The picture to start from cannot be used: {reason}. Please give another one."""

    words = frozenset({"reason"})

    reason: str


@dataclass(eq=False)
class OutOfMemory(RequestError):
    """There is not enough memory to paint {what}. A smaller size or fewer pictures may work."""

    what: str


@dataclass(eq=False)
class TooManyWaiting(RequestError):
    """You have {limit} orders waiting already, and more may not wait at a time. One of them begins in {wait};
    /cancel makes room at once."""

    limit: int
    wait: str


@dataclass(eq=False)
class QueueFull(RequestError):
    """The queue is full: {waiting} orders wait. The next place is free in {wait}; please try again then."""

    waiting: int
    wait: str


@dataclass(eq=False)
class NotANumberPicture(RequestError):
    """The picture came out broken. Lower LoRA weights or another seed may help."""

    for_operators = "Its numbers were not finite (NaN)."


# --- what we have to mend: apology and job id -------------------------------------------------------------------


@dataclass(eq=False)
class WorkerError(InferenceError):
    """Painting failed for a reason that is not yours."""


@dataclass(eq=False)
class WorkerFailed(WorkerError):
    """Painting broke off in the middle."""

    for_operators = "Reason: {reason}."

    reason: str


@dataclass(eq=False)
class ClassifierUnusable(WorkerError):
    """The check of finished pictures does not work, so nothing is painted."""

    for_operators = "The classifier of the settings cannot be used: {reason}."

    reason: str


@dataclass(eq=False)
class NotClassified(WorkerError):
    """This picture was painted while the check of finished pictures was being switched on, so nothing has looked at it.
    Please order it again."""


@dataclass(eq=False)
class WorkerCrashed(WorkerError):
    """Painting broke down {attempts} times at this picture, so it was given up."""

    attempts: int


@dataclass(eq=False)
class JobExpired(WorkerError):
    """This picture waited for more than {hours} hours, because the bot was away. It was given up, so that
    it does not surprise you."""

    hours: int


@dataclass(eq=False)
class PictureNotSaved(WorkerError):
    """The picture was painted, but could not be saved."""

    for_operators = "Reason: {reason}."

    reason: str


@dataclass(eq=False)
class WorkerUnavailable(WorkerError):
    """The worker cannot be started: {reason}."""

    reason: str


@dataclass(eq=False)
class CheckpointUnusable(WorkerError):
    """The checkpoint {checkpoint} cannot be loaded. Please choose another one."""

    for_operators = "Reason: {reason}."

    checkpoint: str
    reason: str


@dataclass(eq=False)
class CheckpointTooLarge(WorkerError):
    """There is not enough memory to load {checkpoint}: it needs {needed}, and {free} of memory are free. Please choose
    another checkpoint; an operator can make room or install a smaller one."""

    checkpoint: str
    needed: str
    free: str


@dataclass(eq=False)
class WorkerStarved(WorkerError):
    """Painting was ended {attempts} times at this picture, as happens when memory is short, so it was given up.
    {checkpoint} needs {needed}, and {free} of memory are free. Please choose another checkpoint or a smaller size; an
    operator can make room."""

    attempts: int
    checkpoint: str
    needed: str
    free: str
