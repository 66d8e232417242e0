"""Jobs, from queued to painted.

generation.py        checks, saves, submits and follows a request
dispatcher.py        assigns queued jobs to workers, and recovers when a worker dies
worker_slots.py      one worker as the dispatcher sees it: its slot in the queue and the jobs assigned to it
outcomes.py          records what became of an attempt
updates.py           what followers of a job are told
forecasts.py         when jobs will begin and be done; pace.py measures how long things take
background_jobs.py   what the bot paints for itself while nobody waits
retrying.py          what is tried again after an outage, and given up after the same error five times
spool.py             the folder through which pictures and resume states leave the worker
"""
