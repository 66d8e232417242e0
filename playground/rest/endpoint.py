"""The definition of an endpoint: a method, a route template, and a plain function from call to answer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playground.message_writer import Submission, Upload
from playground.wire import Json, as_object


@dataclass(frozen=True)
class Call:
    """A parsed and authorized request."""

    path: dict[str, str]
    query: dict[str, str]
    json: object = None
    uploads: list[Upload] = field(default_factory=list[Upload])

    @property
    def body(self) -> Json:
        """The JSON as an object."""
        return as_object(self.json)

    @property
    def submission(self) -> Submission:
        """The request as the content of a message."""
        return Submission(self.body, self.uploads)

    def flag(self, name: str) -> bool:
        """A boolean of the query string."""
        return self.query.get(name, "").lower() in ("true", "1")


@dataclass(frozen=True)
class EndpointAnswer:
    """Status and JSON; no JSON is an answer without a body."""

    status: int = 200
    json: object = None


NOTHING = EndpointAnswer(204)

Handler = Callable[[Call], EndpointAnswer]


@dataclass(frozen=True)
class Endpoint:
    """A route of the API; the template uses the names of Discord's OpenAPI document."""

    method: str
    template: str
    handler: Handler
    needs_token: bool = True
