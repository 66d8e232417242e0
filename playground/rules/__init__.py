"""Discord's rules for what a bot may send, written by hand: its OpenAPI document has none of these.

form.py          collects faults with their paths and refuses with 50035
commands.py      names, options, choices and size of application commands
components.py    rows, selects, buttons and components V2 in messages
media.py         pictures and files named by components
modals.py        titles and fields of modals
embeds.py        lengths and counts of embeds
messages.py      text, flags and attachments of a message as a whole
answers.py       which answer fits which interaction; autocomplete choices
"""
