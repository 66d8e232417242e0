"""What people do: the other side of the bot's API, with the checks that a client makes before it sends.

refused.py     what a client would not let a person do
lookup.py      finds people, channels and roles by name or id
offered.py     which commands a person is offered where, and who installed the app for that
options.py     turns what a person typed into the options of a command
fields.py      turns what a person filled in into a submitted modal
payload.py     the INTERACTION_CREATE event
acts.py        one method per act: command, autocomplete, button, select, modal, message
"""
