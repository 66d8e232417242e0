"""Jobs, from queued to painted.

service.py           the one public class, `JobService`: order, record, cancel, follow, pause, reconfigure
active_jobs.py       the one owner of what is in memory of a job, and what its followers are told
kinds.py             what differs between kinds of jobs: cost, command, files, result; painting is one
dispatcher.py        the dispatch loop: hands jobs to workers in the order of the queue, recovers when a worker dies
background_jobs.py   what the bot paints for itself while nobody waits
worker_slots.py      one worker as the service sees it: its state, what it reports, when it counts as hanging
worker_handles.py    the workers that are there now, of a pool that they join and leave
automatic_checks.py  what the models in the worker read, and the ratings that their scores give
outcomes.py          records what became of an attempt, and tells the followers
reconciliation.py    every few seconds: restarts workers that hang, mends records, fails jobs that wait in vain
forecasts.py         measures how long things take, and tells when jobs will begin and be done

Who owns what: the job table owns the state of a job, on disk. `ActiveJobs` owns what is in memory of the jobs that wait
or run: the newest row, the attempt at a worker, the followers. The rest is derived from these. `JobQueue` and its slots
hold what their policy needs, changed by `ActiveJobs` alone; `WorkerHandle` and `Forecasts` look jobs up. Every few
seconds `Reconciler.check` compares: the queue's record is made anew from `ActiveJobs`, and an unfinished job that
the table alone knows is queued again. `BackgroundJobs` owns its one job, which has no row and never waits.
"""
