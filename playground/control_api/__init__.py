"""The control interface under /control: for the page, for tests, for scripts. JSON over HTTP.

guard.py      lets in only requests from this machine's own page and programs
requests.py   reads a request, answers in JSON, turns refusals into sentences
views.py      what a person sees: places, commands, messages
reading.py    GET: world, commands, messages, interactions, exchanges; waits for changes
acting.py     POST: what a person does
operating.py  POST: roles, channels, threads, faults, gateway, clock
live.py       the page's websocket
"""
