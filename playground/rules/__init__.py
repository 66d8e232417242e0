"""Discord's rules for what a bot may send, written by hand: its OpenAPI document does not contain them.

form.py          collects errors with their paths and refuses with 50035
commands.py      names, options, choices and size of application commands
components.py    rows, selects, buttons and components V2 in messages
media.py         pictures and files named by components
modals.py        titles and fields of modals
forum.py         tags of forums and of their posts
embeds.py        lengths and counts of embeds
messages.py      text, flags and attachments of a message as a whole
answers.py       which response types an interaction allows; autocomplete choices
"""
