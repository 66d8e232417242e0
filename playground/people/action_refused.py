"""The error for an action that a Discord client would not allow; it goes to the control client, not to the bot."""


class ActionRefused(Exception):
    """The action is not possible; the text is the reason."""
