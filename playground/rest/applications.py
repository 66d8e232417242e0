"""/applications/@me: the bot's own application."""

from playground import shapes
from playground.rest.endpoint import Call, Endpoint, EndpointAnswer
from playground.world import World


def endpoints(world: World) -> list[Endpoint]:
    """The routes of this noun."""

    def me(_: Call) -> EndpointAnswer:
        return EndpointAnswer(json=shapes.application(world))

    def emojis(_: Call) -> EndpointAnswer:
        return EndpointAnswer(json={"items": []})

    def no_entitlements(_: Call) -> EndpointAnswer:
        return EndpointAnswer(json=[])

    return [
        Endpoint("GET", "/applications/@me", me),
        Endpoint("GET", "/oauth2/applications/@me", me),
        Endpoint("GET", "/applications/{application_id}/emojis", emojis),
        Endpoint("GET", "/applications/{application_id}/entitlements", no_entitlements),
    ]
