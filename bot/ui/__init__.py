"""The user interface in Discord.

client.py            the client type that commands and views use: `Client`, `Interaction`, `Cog`
bot.py               the client that runs: connects the services, and handles events of servers
cogs/                slash commands
views/               messages, and persistent components whose state is in the custom_id
interactions/        acknowledges interactions, and replies to them
delivery/            delivers each result exactly once
art_channels/        posts in the art channels of servers
removals/            removes pictures and messages, and notifies their owners
guide/               texts and pictures of `/guide`
rendered_message.py  a message ready to be sent: a view and its files
studio_session.py    loads, changes, saves and redraws a user's studio
access.py            checks rights before a handler runs, and tells handlers who acts where
server_lookups.py    asks Discord about members and command permissions
visible_channels.py  the art channels that a user may view
command_tree.py      what happens before each command, and the registration of commands
message_lookup.py    finds the job of a message, or the parameters inside a picture
uploads.py           stores pictures to start from, and records who uploaded them
api_url.py           connects discord.py to another server on this machine
"""
