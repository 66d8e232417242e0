"""What really happens when something is asked for or fetched from a hub, a sentence for each."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class SourceError(RequestError):
    """This could not be had from where it lies."""


@dataclass(eq=False)
class AddingOff(SourceError):
    """LoRAs cannot be added in Discord here; whoever runs this bot puts them into its library."""

    for_operators = "`[sources] enabled` is off."


@dataclass(eq=False)
class NoLink(SourceError):
    """That is no link of a LoRA. Give a link of Civitai or Hugging Face, or the number of a version at Civitai; or
    attach the file itself."""


@dataclass(eq=False)
class LoginNeeded(SourceError):
    """{host} gives this file only to people who are logged in, and this bot is not. Whoever runs it can give it a key;
    or download the file yourself and attach it."""

    for_operators = "Set `[sources] civitai_key` or `huggingface_token`."
    host: str


@dataclass(eq=False)
class KeyRejected(SourceError):
    """{host} does not accept this bot's key any more. Please tell whoever runs this bot."""

    for_operators = "Renew `[sources] civitai_key` or `huggingface_token`."
    host: str


@dataclass(eq=False)
class EarlyAccess(SourceError):
    """This version is in early access at {host} until {end}: only those who paid for it may have it before. Try again
    then, or choose an older version."""

    host: str
    end: str


@dataclass(eq=False)
class EarlyAccessOpen(SourceError):
    """This version is in early access at {host}, which does not say until when. Choose an older version, or try again
    another day."""

    host: str


@dataclass(eq=False)
class NoAccess(SourceError):
    """{host} does not let this bot have this file. Its maker may have to grant that on its page."""

    host: str


@dataclass(eq=False)
class StoreRefused(SourceError):
    """{host} refused this bot: it may block requests that are automated. Please try again later, or download the file
    yourself and attach it."""

    host: str


@dataclass(eq=False)
class Gone(SourceError):
    """{host} does not have this, or not any more. Please check the link."""

    host: str


@dataclass(eq=False)
class PageGone(Gone):
    """There is nothing at {page}, or not any more. Please check the link."""

    page: str


@dataclass(eq=False)
class PullRequestFile(SourceError):
    """{page} is a pull request, which anybody may open; give the link of the repository itself."""

    page: str


@dataclass(eq=False)
class HashUnknown(Gone):
    """{host} does not know the file {file}, so it cannot be had from there."""

    file: str  # its hash


@dataclass(eq=False)
class Archived(SourceError):
    """Its maker has archived this at {host}: the page is there, but no file can be had any more."""

    host: str


@dataclass(eq=False)
class TooManyQuestions(SourceError):
    """{host} has had too many questions from here. Please try again in {minutes} minutes."""

    host: str
    minutes: int


@dataclass(eq=False)
class LookedUpTooOften(SourceError):
    """You have had many links looked up just now. Please try again in {minutes} minutes."""

    minutes: int


@dataclass(eq=False)
class SourceBroken(SourceError):
    """{host} has trouble at the moment (it answered with {status}). Please try again later."""

    host: str
    status: int


@dataclass(eq=False)
class SourceUnreachable(SourceError):
    """{host} cannot be reached at the moment. Please try again later."""

    for_operators = "{reason}"
    host: str
    reason: str


@dataclass(eq=False)
class AnswerUnreadable(SourceError):
    """{host} gave an answer that this bot does not understand. Please try again later, or attach the file."""

    host: str


@dataclass(eq=False)
class NotLookedUp(SourceError):
    """Whom {name} shows and for whom it is has to be looked up at Civitai first, and that is not possible at the
    moment. Please add it again later."""

    for_operators = "The reason is: {reason} Where Civitai cannot be reached, set `[sources] look_up_files = false`."
    name: str
    reason: str


@dataclass(eq=False)
class ModelUnreadable(SourceError):
    """{host} shows this version, but not the model that it belongs to any more, which says whom it shows. So it is not
    added: {page}"""

    host: str
    page: str


@dataclass(eq=False)
class NotLora(SourceError):
    """{name} is not a LoRA but something else ({kind})."""

    name: str
    kind: str


@dataclass(eq=False)
class EmbeddingFile(NotLora):
    """{name} is an embedding (textual inversion), not a LoRA. It belongs in the embeddings folder of programs that use
    embeddings; this bot does not."""


@dataclass(eq=False)
class IpAdapterFile(NotLora):
    """{name} is an IP-Adapter, not a LoRA. It belongs in programs that take a picture as part of the prompt; this bot
    does not."""


@dataclass(eq=False)
class ControlNetFile(NotLora):
    """{name} is a ControlNet, not a LoRA. It belongs in the ControlNet folder of programs that use ControlNets; this
    bot does not."""


@dataclass(eq=False)
class T2IAdapterFile(NotLora):
    """{name} is a T2I-Adapter, not a LoRA. It belongs in the ControlNet folder of programs that use ControlNets; this
    bot does not."""


@dataclass(eq=False)
class ControlLoraFile(NotLora):
    """{name} is a Control-LoRA: a small ControlNet, not a LoRA. It belongs in the ControlNet folder of programs that
    use ControlNets; this bot does not."""


@dataclass(eq=False)
class CheckpointFile(NotLora):
    """{name} is a whole checkpoint, not a LoRA. It belongs among the checkpoints: whoever runs this bot can install
    it."""

    for_operators = "`easel library add-checkpoint` installs it."


@dataclass(eq=False)
class VaeFile(NotLora):
    """{name} is a VAE, not a LoRA. It belongs in the VAE folder of other programs; here each checkpoint brings its
    own."""


@dataclass(eq=False)
class TextEncoderFile(NotLora):
    """{name} is a text encoder, not a LoRA. It belongs to a checkpoint; here each checkpoint brings its own."""


@dataclass(eq=False)
class NoSafetensors(SourceError):
    """{host} has no safetensors file for this; files of other kinds may hold programs and are not read."""

    host: str


@dataclass(eq=False)
class FitsNoCheckpoint(SourceError):
    """{name} is made for {bases}, and no checkpoint here goes with that. The checkpoints here are made for {here}."""

    name: str
    bases: list[str]
    here: list[str]


@dataclass(eq=False)
class RealPerson(SourceError):
    """Its page says that {name} shows a real person. This bot does not add such LoRAs."""

    name: str


@dataclass(eq=False)
class MinorAndMature(SourceError):
    """Its page says that {name} shows a minor, and does not rate it as for everybody. It is not added."""

    name: str


@dataclass(eq=False)
class FileInfected(SourceError):
    """{host} marks the file of {name} as dangerous. It is not added."""

    host: str
    name: str


@dataclass(eq=False)
class FileUnscanned(SourceError):
    """{host} has not finished its virus scan of {name}. Please add it again later."""

    host: str
    name: str


# --- while a file is fetched -------------------------------------------------------------------------------------


@dataclass(eq=False)
class HostNotAllowed(SourceError):
    """This file lies at {host}, from where this bot fetches nothing."""

    for_operators = "`[sources] hosts` lists the hosts that are allowed."
    host: str


@dataclass(eq=False)
class NotHttps(SourceError):
    """This file would come from {host} unprotected (without https), so it is not fetched."""

    host: str


@dataclass(eq=False)
class PrivateAddress(SourceError):
    """{host} leads into a private network, so nothing is fetched from there."""

    host: str


@dataclass(eq=False)
class TooManyRedirects(SourceError):
    """{host} sends this bot from one address to the next. Please try again later."""

    host: str


@dataclass(eq=False)
class FileTooLarge(SourceError):
    """{name} is larger than the {megabytes} MB that are fetched at most."""

    name: str
    megabytes: int


@dataclass(eq=False)
class LargerThanSaid(SourceError):
    """{name} is larger than {host} says, so it was not fetched to its end."""

    name: str
    host: str


@dataclass(eq=False)
class NoRoom(SourceError):
    """There is no room on this bot's disk for {name} at the moment. Please tell whoever runs this bot."""

    for_operators = "`[sources] free_gigabytes` has to stay free."
    name: str


@dataclass(eq=False)
class DiskFailed(SourceError):
    """{name} could not be written to this bot's disk. Please tell whoever runs this bot."""

    for_operators = "The reason is: {reason}."
    name: str
    reason: str


@dataclass(eq=False)
class CutShort(SourceError):
    """{host} broke off again and again in the middle of {name}. Please try again later."""

    host: str
    name: str


@dataclass(eq=False)
class TooSlow(SourceError):
    """{host} sends {name} so slowly that it was given up. Please try again later."""

    host: str
    name: str


@dataclass(eq=False)
class WrongHash(SourceError):
    """What {host} sent as {name} is not the file that it lists there. It was thrown away; please try again later."""

    host: str
    name: str


@dataclass(eq=False)
class PageInsteadOfFile(SourceError):
    """{host} sent a web page in place of {name}; mostly that asks for a login. Download the file yourself and attach
    it."""

    host: str
    name: str


@dataclass(eq=False)
class MessageInsteadOfFile(SourceError):
    """{host} sent a message in place of {name}. Please try again later, or download the file yourself and attach it."""

    host: str
    name: str


@dataclass(eq=False)
class PickleInsteadOfFile(SourceError):
    """{name} says that it is a safetensors file but is of another kind, which may hold a program. It was thrown
    away."""

    name: str


@dataclass(eq=False)
class FileUnusable(SourceError):
    """{name} cannot be read as a LoRA: the file is damaged, or is not what its name says. Please look for it at another
    place."""

    for_operators = "The reason is: {reason}."
    name: str
    reason: str


@dataclass(eq=False)
class FileUnsupported(FileUnusable):
    """{name} is written in a way that this bot cannot use. Maybe its maker offers it as another file."""


@dataclass(eq=False)
class FileOfUnknownModel(FileUnusable):
    """{name} has parts that are in none of the models that this bot knows, so it goes with none of them."""


@dataclass(eq=False)
class FileOfNamedModel(FileUnusable):
    """The file of {name} says that it is made for “{model}”. This bot does not know that model, so no checkpoint
    here goes with it."""

    model: str


@dataclass(eq=False)
class AddingCancelled(SourceError):
    """{name} is not added: it was cancelled."""

    name: str


@dataclass(eq=False)
class AddingLeft(SourceError):
    """You do not add {name} any more. Others asked for it too, so it still comes."""

    name: str


@dataclass(eq=False)
class AddingBroken(SourceError):
    """Adding {name} did not work, because of this bot and not of you. Whoever runs it finds the reason in its log."""

    name: str
