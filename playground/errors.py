"""Discord's error responses: status, code, message, and for invalid forms the path of each error."""

from playground.wire import Json


class ApiError(Exception):
    """An error response."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> Json:
        """The JSON that Discord sends with the refusal."""
        body: Json = {"message": self.message, "code": self.code}
        return body if self.errors is None else {**body, "errors": self.errors}


def unauthorized() -> ApiError:
    """The bot token is missing or wrong."""
    return ApiError(401, 0, "401: Unauthorized")


def not_found() -> ApiError:
    """No such route."""
    return ApiError(404, 0, "404: Not Found")


def unknown(what: str) -> ApiError:
    """The thing is not there, or no longer."""
    codes = {
        "Channel": 10003,
        "Guild": 10004,
        "Member": 10007,
        "Message": 10008,
        "Role": 10011,
        "User": 10013,
        "Emoji": 10014,
        "Webhook": 10015,
        "Interaction": 10062,
        "application command": 10063,
        "application command permissions": 10066,
        "tag": 10087,
    }
    return ApiError(404, codes[what], f"Unknown {what}")


def invalid_webhook_token() -> ApiError:
    """The interaction's fifteen minutes are over."""
    return ApiError(401, 50027, "Invalid Webhook Token")


def foreign_application() -> ApiError:
    """A bot registers commands for its own application only."""
    return ApiError(403, 20012, "You are not authorized to perform this action on this application")


def not_for_bots() -> ApiError:
    """Only a person may do this, by a Bearer token of theirs."""
    return ApiError(403, 20001, "Bots cannot use this endpoint")


def missing_access() -> ApiError:
    """The bot cannot see that channel."""
    return ApiError(403, 50001, "Missing Access")


def missing_permissions() -> ApiError:
    """The bot sees the channel but may not do this there."""
    return ApiError(403, 50013, "Missing Permissions")


def foreign_message() -> ApiError:
    """Only the author may edit a message."""
    return ApiError(403, 50005, "Cannot edit a message authored by another user")


def already_acknowledged() -> ApiError:
    """An interaction takes one first answer."""
    return ApiError(400, 40060, "Interaction has already been acknowledged.")


def too_many_followups() -> ApiError:
    """Apps that only a person installed may follow up five times."""
    return ApiError(400, 40094, "This interaction has hit the maximum number of follow up messages.")


def empty_message() -> ApiError:
    """Neither text nor anything else to show."""
    return ApiError(400, 50006, "Cannot send an empty message")


def cannot_message_user() -> ApiError:
    """The person shares no server with the bot and did not install it."""
    return ApiError(403, 50007, "Cannot send messages to this user")


def not_a_text_channel() -> ApiError:
    """Forums and categories hold no messages of their own."""
    return ApiError(400, 50008, "Cannot send messages in a non-text channel")


def wrong_channel_type() -> ApiError:
    """This cannot be done in that kind of channel."""
    return ApiError(400, 50024, "Cannot execute action on this channel type")


def archived_thread(status: int = 400) -> ApiError:
    """An archived thread has to be opened before anything in it changes."""
    return ApiError(status, 50083, "Thread is archived")


def same_tag_names() -> ApiError:
    """The names of a forum's tags differ."""
    return ApiError(400, 40061, "Tag names must be unique")


def tag_required() -> ApiError:
    """The forum wants each post to have a tag."""
    return ApiError(400, 40067, "A tag is required to create a forum post in this channel")


def too_large() -> ApiError:
    """An upload is larger than the limit."""
    return ApiError(413, 40005, "Request entity too large")


def bad_json() -> ApiError:
    """The request's body is not JSON."""
    return ApiError(400, 50109, "The request body contains invalid JSON.")


def too_many_commands() -> ApiError:
    """At most a hundred global slash commands."""
    return ApiError(400, 30032, "Maximum number of application commands reached (100)")


class RateLimited(ApiError):
    """A bucket is used up; says when to come back."""

    def __init__(self, retry_after: float, *, everywhere: bool = False) -> None:
        super().__init__(429, 0, "You are being rate limited.")
        self.retry_after = retry_after
        self.everywhere = everywhere

    def body(self) -> Json:
        """Discord's JSON for a rate limit."""
        return {**super().body(), "retry_after": self.retry_after, "global": self.everywhere}


def too_many_old_edits(retry_after: float) -> ApiError:
    """Messages older than an hour are edited a few times only."""
    limited = RateLimited(retry_after)
    limited.code = 30046
    limited.message = "Maximum number of edits to messages older than 1 hour reached. Try again later."
    return limited


def too_many_creates(retry_after: float) -> ApiError:
    """At most two hundred commands are created a day."""
    limited = RateLimited(retry_after)
    limited.code = 30034
    limited.message = "Max number of daily application command creates has been reached (200)"
    return limited
