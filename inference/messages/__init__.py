"""What crosses the process border between bot and worker: frozen models, every number bounded.

values.py        the types of fields with their bounds; the base class of all messages
samplers.py      samplers, and how their steps lie between noise and picture
request.py       the frozen request: what a job asks for; its JSON is also the database column
checkpoints.py   a checkpoint as the worker is told of it
options.py       what a worker may load, where its files lie, and how it paints
spool.py         the names of the files that a worker leaves in the spool
commands.py      bot to worker: configure, generate, cancel, shut down
events.py        worker to bot: ready, capacity, progress, finished, failed …
calibration.py   what `python -m bot calibrate` asks, and is answered
"""
