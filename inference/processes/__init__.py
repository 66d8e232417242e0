"""Processes, tasks, logs, and the packages that they need.

running_tasks.py    · child_processes.py   tasks that nobody awaits; the command and environment of processes of ours
child_processes.py  ??How processes of ours are started: their command, and an environment without the settings
logs.py             ??Which job a log line is about, in bot and worker, and how a worker's lines come to the bot: as JSON on stderr
extras.py           ??How an extra of Easel is installed: the packages that only some need
tested_torch.py     the versions of torch that Easel is tested with
"""
