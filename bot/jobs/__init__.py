"""Jobs, from queued to painted.

generation.py        checks, saves, submits and follows a request
dispatcher.py        hands jobs to workers in the order of `inference.queue`, and recovers when a worker dies
worker_slots.py      one worker as the dispatcher sees it: the jobs assigned to it, and when it counts as hanging
outcomes.py          records what became of an attempt
updates.py           what followers of a job are told
forecasts.py         when jobs will begin and be done; pace.py measures how long things take
background_jobs.py   what the bot paints for itself while nobody waits
retrying.py          what is tried again after an outage, and given up after the same error five times
spool.py             the folder through which pictures and resume states leave the worker
"""
