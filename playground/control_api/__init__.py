"""The control interface under /control, for the page, tests and scripts: JSON over HTTP.

guard.py             accepts requests from this machine's own page and programs only
requests.py          parses a request, responds in JSON, and reports refusals
views.py             JSON of what a person sees: places, commands, messages
read_endpoints.py    GET: world, commands, messages, interactions, exchanges; long polling
action_endpoints.py  POST: the actions of a person
admin_endpoints.py   POST: people, servers, roles, channels, threads, faults, gateway, clock
page_websocket.py    the page's websocket
"""
