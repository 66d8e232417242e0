"""/webhooks/{application}/{token}: the messages of an interaction after its first response."""

from playground import message_shapes
from playground.interactions import Interactions
from playground.models import Interaction, Message
from playground.rest.endpoint import NOTHING, Call, Endpoint, EndpointAnswer
from playground.world import World


def endpoints(world: World, interactions: Interactions) -> list[Endpoint]:
    """The routes of this noun; the token in the path replaces the bot's token."""

    def by_webhook(call: Call) -> Interaction:
        return interactions.by_webhook(call.path["webhook_id"], call.path["webhook_token"])

    def found(call: Call) -> Message:
        return interactions.message(by_webhook(call), call.path.get("message_id", "@original"))

    def shown(message: Message) -> EndpointAnswer:
        return EndpointAnswer(json=message_shapes.message(world, message))

    def follow_up(call: Call) -> EndpointAnswer:
        """Interaction follow-ups are always answered with the message, whatever `wait` says."""
        return shown(interactions.follow_up(by_webhook(call), call.submission))

    def get(call: Call) -> EndpointAnswer:
        return shown(found(call))

    def edit(call: Call) -> EndpointAnswer:
        message = found(call)
        interactions.edit(message, call.submission)
        return shown(message)

    def delete(call: Call) -> EndpointAnswer:
        interactions.delete(found(call))
        return NOTHING

    base = "/webhooks/{webhook_id}/{webhook_token}"
    routes = [Endpoint("POST", base, follow_up, needs_token=False)]
    for place in ("@original", "{message_id}"):
        routes += [
            Endpoint("GET", f"{base}/messages/{place}", get, needs_token=False),
            Endpoint("PATCH", f"{base}/messages/{place}", edit, needs_token=False),
            Endpoint("DELETE", f"{base}/messages/{place}", delete, needs_token=False),
        ]
    return routes
