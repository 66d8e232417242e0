"""A local stand-in for Discord: REST API, gateway and web page on loopback. It imports nothing of the bot.

server.py             `Playground`, which wires everything; `async with Playground.serve() as playground`
__main__.py           `python -m playground`
control.py            the client for tests and scripts: act as a person, inject faults, move the clock
visible_message.py    a message as the client sees it, with the properties that tests check
wire.py               JSON helpers, and the numbers of the wire format
clock.py              a clock that tests can move forward, with timers
snowflake.py          ids
models.py             users, servers, channels, messages, commands, interactions
world.py              the state of the playground, in memory
default_world.py      the people, servers and channels of a fresh playground
permissions.py        permission bits, and permissions in a channel
mentions.py           who is mentioned, and who is pinged
registry.py           the registered application commands
shapes.py             JSON of users, servers, channels and members
message_shapes.py     JSON of messages
component_shapes.py   JSON of components
files.py              uploaded files
message_writer.py     creates and edits messages
threads.py            archives and opens threads
interactions.py       the life cycle of an interaction
errors.py             Discord's error responses
limits.py             rate limits
faults.py             fault injection
recorder.py           records requests and responses
event_publisher.py    publishes events to the gateway and to open pages
change_notifier.py    notifies open pages and waiting requests of changes
rules/                validation of what a bot sends
rest/                 the REST API for bots
gateway/              the websocket for bots
people/               the actions of people
control_api/          the HTTP interface for the page and for tests
page/                 the page: HTML, CSS and JavaScript without a build step
"""

from playground.server import Playground

__all__ = ["Playground"]
