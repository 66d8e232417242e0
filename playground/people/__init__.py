"""The actions of people, with the checks that a Discord client makes before it sends them.

action_refused.py        the error for an action that a client would not allow
lookup.py                finds people, channels and roles by name or id
command_availability.py  the commands that a person can use in a channel, and who installed the app
automod.py               AutoMod's rules: who may set them, and their limits
command_permissions.py   a server's own settings for commands: whom they let through, and who may change them
membership.py            what a person is in a server, in words for the page
options.py               converts typed values to the options of a command
fields.py                converts entered values to a submitted modal
payload.py               the INTERACTION_CREATE event
user_actions.py          one method per action: command, autocomplete, button, select, modal, message
"""
