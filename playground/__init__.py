"""A local stand-in for Discord: REST, gateway and a page, on loopback. Knows the wire format and nothing of the bot.

server.py        Playground: everything put together; `async with Playground.serve() as playground`
__main__.py      `python -m playground`
control.py · seen.py    the client for tests and scripts: act as a person, order faults, move the clock
wire.py          JSON and the numbers of the wire format
clock.py · snowflake.py · models.py · world.py · cast.py      time, ids, and all that is remembered
permissions.py · mentions.py · registry.py                    who may what, who is disturbed, which commands exist
shapes.py · message_shapes.py · component_shapes.py           the JSON that Discord gives
files.py · posting.py · interactions.py                       uploads, messages, the life of an interaction
errors.py · limits.py · faults.py · recorder.py               refusals, rate limits, ordered faults, what was said
news.py · pages.py                                            tells the bot and open pages what happened
rules/           what a bot may send
rest/            the HTTP API for bots
gateway/         the websocket for bots
people/          what people do
control_api/     the HTTP interface for the page and for tests
page/            the page: HTML, CSS and JavaScript without a build step
"""

from playground.server import Playground

__all__ = ["Playground"]
