"""What a client would not let a person do; told to whoever drives the playground, never to the bot."""


class ActionRefused(Exception):
    """The act cannot be done; the text says why."""
