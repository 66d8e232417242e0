"""/gateway: where a bot finds the websocket."""

from playground.rest.endpoint import Call, Endpoint, EndpointAnswer
from playground.wire import Json


def endpoints(url: str, shards: int) -> list[Endpoint]:
    """The routes of this noun; `shards` is the number that is recommended."""

    def gateway(_: Call) -> EndpointAnswer:
        return EndpointAnswer(json={"url": url})

    def for_bots(_: Call) -> EndpointAnswer:
        starts: Json = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
        return EndpointAnswer(json={"url": url, "shards": shards, "session_start_limit": starts})

    return [
        Endpoint("GET", "/gateway", gateway, needs_token=False),
        Endpoint("GET", "/gateway/bot", for_bots),
    ]
