"""What really happens when something is asked for or fetched from a hub, a sentence for each."""

from __future__ import annotations

from dataclasses import dataclass

from inference.errors import RequestError


@dataclass(eq=False)
class SourceError(RequestError):
    """The download failed."""


@dataclass(eq=False)
class AddingOff(SourceError):
    """You cannot add LoRAs in Discord with this bot. Only the bot's operator can add LoRAs to the library."""

    for_operators = "`[sources] enabled` is off."


@dataclass(eq=False)
class NoLink(SourceError):
    """This is not a LoRA link. Paste a link from Civitai or Hugging Face, or the number of a Civitai version. You
    can also attach the file."""


@dataclass(eq=False)
class LoginNeeded(SourceError):
    """{host} lets only logged-in users download this file, but this bot is not logged in. Download the file yourself
    and attach it, or ask the bot's operator to give the bot an API key."""

    for_operators = "Set `[sources] civitai_key` or `huggingface_token`."
    host: str


@dataclass(eq=False)
class KeyRejected(SourceError):
    """{host} no longer accepts this bot's API key. Please tell the bot's operator."""

    for_operators = "Renew `[sources] civitai_key` or `huggingface_token`."
    host: str


@dataclass(eq=False)
class EarlyAccess(SourceError):
    """This version is in early access at {host} until {end}. Until then, only users who paid for the version can
    download it. Try again afterwards, or choose an older version."""

    host: str
    end: str


@dataclass(eq=False)
class EarlyAccessOpen(SourceError):
    """This version is in early access at {host}, which gives no end date. Choose an older version, or try again
    another day."""

    host: str


@dataclass(eq=False)
class NoAccess(SourceError):
    """{host} does not give this bot access to the file. The author may have to grant access on the file's page."""

    host: str


@dataclass(eq=False)
class StoreRefused(SourceError):
    """{host} refused this bot's request. The site may block automated requests. Please try again later, or download
    the file yourself and attach it."""

    host: str


@dataclass(eq=False)
class Gone(SourceError):
    """{host} does not have this item, or no longer has it. Please check the link."""

    host: str


@dataclass(eq=False)
class PageGone(Gone):
    """Easel found no page at {page}. Please check the link. The page may also have been deleted."""

    page: str


@dataclass(eq=False)
class PullRequestFile(SourceError):
    """{page} is a pull request. Easel does not add files from pull requests, because anyone can open one. Please use a
    link to the repository itself."""

    page: str


@dataclass(eq=False)
class HashUnknown(Gone):
    """{host} has no file {file}, so Easel cannot download the file."""

    file: str  # its hash


@dataclass(eq=False)
class Archived(SourceError):
    """The author has archived this item at {host}. The item's page still exists, but its files can no longer be
    downloaded."""

    host: str


@dataclass(eq=False)
class TooManyQuestions(SourceError):
    """This bot has sent {host} too many requests. Please try again in {minutes} min."""

    host: str
    minutes: int


@dataclass(eq=False)
class LookedUpTooOften(SourceError):
    """You have looked up too many links. Please try again in {minutes} min."""

    minutes: int


@dataclass(eq=False)
class SourceBroken(SourceError):
    """{host} has a problem right now (HTTP status {status}). Please try again later."""

    host: str
    status: int


@dataclass(eq=False)
class SourceUnreachable(SourceError):
    """Easel cannot reach {host} right now. Please try again later."""

    for_operators = "{reason}"
    host: str
    reason: str


@dataclass(eq=False)
class AnswerUnreadable(SourceError):
    """{host} sent an answer that Easel does not understand. Please try again later, or attach the file."""

    host: str


@dataclass(eq=False)
class NotLookedUp(SourceError):
    """Before Easel adds {name}, it must check on Civitai who the LoRA shows and what its content rating is. This check
    is not possible right now. Please try again later."""

    for_operators = "The reason is: {reason} Where Civitai cannot be reached, set `[sources] look_up_files = false`."
    name: str
    reason: str


@dataclass(eq=False)
class ModelUnreadable(SourceError):
    """{host} still shows this version, but not the LoRA's main page: {page}. On the main page, Easel checks who the
    LoRA shows. Without this check, Easel does not add the LoRA."""

    host: str
    page: str


@dataclass(eq=False)
class NotLora(SourceError):
    """{name} is not a LoRA. Its type is {kind}."""

    name: str
    kind: str


@dataclass(eq=False)
class NotCheckpoint(SourceError):
    """{name} is not a model (checkpoint). Its type is {kind}."""

    name: str
    kind: str


@dataclass(eq=False)
class EmbeddingFile(NotLora):
    """{name} is an embedding (textual inversion), not a LoRA. It belongs in the embeddings folder of programs that
    use embeddings. Easel does not use embeddings."""


@dataclass(eq=False)
class IpAdapterFile(NotLora):
    """{name} is an IP-Adapter, not a LoRA. It belongs in programs that take a picture as part of the prompt. Easel
    does not use IP-Adapters."""


@dataclass(eq=False)
class ControlNetFile(NotLora):
    """{name} is a ControlNet, not a LoRA. It belongs in the ControlNet folder of programs that use ControlNets.
    Easel does not use ControlNets."""


@dataclass(eq=False)
class T2IAdapterFile(NotLora):
    """{name} is a T2I-Adapter, not a LoRA. It belongs in the ControlNet folder of programs that use ControlNets.
    Easel does not use T2I-Adapters."""


@dataclass(eq=False)
class ControlLoraFile(NotLora):
    """{name} is a Control-LoRA: a small ControlNet, not a LoRA. It belongs in the ControlNet folder of programs that
    use ControlNets. Easel does not use ControlNets."""


@dataclass(eq=False)
class CheckpointFile(NotLora):
    """{name} is a whole model (checkpoint), not a LoRA. The bot's operator can install it."""

    for_operators = "`easel library add-checkpoint` installs it."


@dataclass(eq=False)
class VaeFile(NotLora):
    """{name} is a VAE, not a LoRA. It belongs in the VAE folder of programs that use VAE files. Each model here has its
    own VAE."""


@dataclass(eq=False)
class TextEncoderFile(NotLora):
    """{name} is a text encoder, not a LoRA. A text encoder is a part of a model, and each model here has its own."""


@dataclass(eq=False)
class NoSafetensors(SourceError):
    """This item at {host} has no safetensors file. Easel does not read other file types, because they can contain
    programs."""

    host: str


@dataclass(eq=False)
class FitsNoCheckpoint(SourceError):
    """{name} does not fit any model here. It is made for {bases}, but the models here are based on {here}."""

    name: str
    bases: list[str]
    here: list[str]


@dataclass(eq=False)
class RealPerson(SourceError):
    """The page of {name} says that the LoRA shows a real person. This bot does not add such LoRAs."""

    name: str


@dataclass(eq=False)
class MinorAndMature(SourceError):
    """The page of {name} says that the LoRA shows a minor. The page does not rate the LoRA as suitable for everyone,
    so Easel does not add it."""

    name: str


@dataclass(eq=False)
class FileInfected(SourceError):
    """{host} marks the file of {name} as dangerous, so Easel does not add it."""

    host: str
    name: str


@dataclass(eq=False)
class FileUnscanned(SourceError):
    """{host} has not finished its virus scan of {name}. Please try again later."""

    host: str
    name: str


# --- while a file is fetched -------------------------------------------------------------------------------------


@dataclass(eq=False)
class HostNotAllowed(SourceError):
    """This file is stored at {host}. Easel does not download files from there."""

    for_operators = "`[sources] hosts` lists the hosts that are allowed."
    host: str


@dataclass(eq=False)
class NotHttps(SourceError):
    """This file would come from {host} over an unprotected connection (without https), so Easel does not download
    it."""

    host: str


@dataclass(eq=False)
class PrivateAddress(SourceError):
    """{host} points to a private network, so Easel does not download anything from there."""

    host: str


@dataclass(eq=False)
class TooManyRedirects(SourceError):
    """{host} keeps redirecting Easel to other addresses. Please try again later."""

    host: str


@dataclass(eq=False)
class FileTooLarge(SourceError):
    """{name} is larger than {megabytes} MB, the download limit."""

    name: str
    megabytes: int


@dataclass(eq=False)
class LargerThanSaid(SourceError):
    """{name} is larger than {host} says, so Easel stopped the download."""

    name: str
    host: str


@dataclass(eq=False)
class NoRoom(SourceError):
    """The bot's disk has no room for {name} right now. Please tell the bot's operator."""

    for_operators = "`[sources] free_gigabytes` has to stay free."
    name: str


@dataclass(eq=False)
class DiskFailed(SourceError):
    """Easel could not write {name} to the bot's disk. Please tell the bot's operator."""

    for_operators = "The reason is: {reason}."
    name: str
    reason: str


@dataclass(eq=False)
class CutShort(SourceError):
    """The download of {name} from {host} was interrupted several times. Please try again later."""

    host: str
    name: str


@dataclass(eq=False)
class TooSlow(SourceError):
    """{host} is sending {name} too slowly, so Easel stopped the download. Please try again later."""

    host: str
    name: str


@dataclass(eq=False)
class WrongHash(SourceError):
    """The file that {host} sent does not match the checksum of {name}, so Easel deleted the file. Please try again
    later."""

    host: str
    name: str


@dataclass(eq=False)
class PageInsteadOfFile(SourceError):
    """{host} sent a web page instead of {name}. The site probably requires a login. Please download the file yourself
    and attach it."""

    host: str
    name: str


@dataclass(eq=False)
class MessageInsteadOfFile(SourceError):
    """{host} sent text instead of the file {name}. Please try again later, or download the file yourself and
    attach it.
    """

    host: str
    name: str


@dataclass(eq=False)
class PickleInsteadOfFile(SourceError):
    """{name} is not really a safetensors file and may contain a program, so Easel deleted the file."""

    name: str


@dataclass(eq=False)
class FileUnusable(SourceError):
    """Easel cannot read {name} as a LoRA. The file is damaged, or is not what its name says. Please look for the LoRA
    elsewhere."""

    for_operators = "The reason is: {reason}."
    name: str
    reason: str


@dataclass(eq=False)
class FileUnsupported(FileUnusable):
    """{name} has a format that Easel cannot use. The author may offer the LoRA in another format."""


@dataclass(eq=False)
class FileOfUnknownModel(FileUnusable):
    """Some parts of {name} do not belong to any model that Easel knows. The LoRA fits none of this bot's models."""


@dataclass(eq=False)
class FileOfNamedModel(FileUnusable):
    """The file of {name} says that the LoRA is made for “{model}”. Easel does not know that model, so the LoRA fits
    none of this bot's models."""

    model: str


@dataclass(eq=False)
class AddingCancelled(SourceError):
    """The import of {name} was cancelled."""

    name: str


@dataclass(eq=False)
class AddingLeft(SourceError):
    """Your request for {name} is cancelled. Other users also requested this LoRA, so Easel will still add it."""

    name: str


@dataclass(eq=False)
class AddingBroken(SourceError):
    """Easel could not add {name}. The fault is in the bot, not in your request. The bot's operator can find the
    reason in the log."""

    name: str
