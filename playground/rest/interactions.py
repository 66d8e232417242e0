"""/interactions/{id}/{token}/callback: the first answer to an interaction."""

from playground import message_shapes
from playground.interactions import Interactions
from playground.models import Interaction
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.rules import answers
from playground.wire import Json, MessageFlag
from playground.world import World

SHOWS_MESSAGE = (answers.MESSAGE, answers.DEFER_MESSAGE, answers.UPDATE, answers.DEFER_UPDATE)


def endpoints(world: World, interactions: Interactions) -> list[Endpoint]:
    """The routes of this noun."""

    def callback(call: Call) -> EndpointAnswer:
        interaction = interactions.answer(call.path["interaction_id"], call.path["interaction_token"], call.submission)
        return EndpointAnswer(json=_response(world, interaction)) if call.flag("with_response") else NOTHING

    template = "/interactions/{interaction_id}/{interaction_token}/callback"
    return [Endpoint("POST", template, callback, needs_token=False)]


def _response(world: World, interaction: Interaction) -> Json:
    """What `with_response` gives: the interaction, and the message that the answer made or changed."""
    about: Json = {"id": interaction.id, "type": interaction.type}
    shape: Json = {"interaction": about}
    message = world.messages.get(interaction.original_id or "")
    if message is None or interaction.answer_type not in SHOWS_MESSAGE:
        return shape
    about |= {
        "response_message_id": message.id,
        "response_message_loading": message.has(MessageFlag.LOADING),
        "response_message_ephemeral": message.has(MessageFlag.EPHEMERAL),
        "channel_id": message.channel_id,
    }
    if interaction.guild_id is not None:
        about["guild_id"] = interaction.guild_id
    if interaction.answer_type != answers.DEFER_UPDATE:
        kind = answers.UPDATE if interaction.answer_type == answers.UPDATE else answers.MESSAGE
        shape["resource"] = {"type": kind, "message": message_shapes.message(world, message)}
    return shape
