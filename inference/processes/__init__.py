"""Processes, tasks, logs, and installed packages.

running_tasks.py    tasks that nobody awaits
child_processes.py  the command and environment of child processes
logs.py             the job of a log line, and log lines of workers
extras.py           how to install an extra of Easel
tested_torch.py     the versions of torch that Easel is tested with
"""
