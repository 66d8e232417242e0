"""Pictures, without Discord and without the database. Only engine/ imports torch.

Each room may import the rooms above it in this list, never those below; the architecture test keeps it.

errors.py · messages/          what can go wrong, with the sentences; what crosses the border to the worker
bounds.py · base_models.py     numeric limits of a request; base models, and which goes with which
capabilities.py · prediction.py · checkpoint_files.py   what architectures can do; what checkpoint files say
gguf_files.py · packed_weights.py   what the header of a GGUF file says; packages that packed weights need
classifier_files.py            what the files of a classifier of pictures or texts say
hardware.py · picture_costs.py what torch finds to paint with; what a picture costs in memory and arithmetic
image_files.py · hashes.py     opens image files of anybody, within bounds of memory; SHA-256 of files
memory.py · private_files.py   memory that a checkpoint needs, and is free; file permissions
content_rating.py              for whom a picture is: general, teen, mature, explicit, blocked
prompt_weights.py · regions.py weights of words in prompts; names of a picture's regions, and which go together
json_values.py                 JSON from outside, read value by value
notes.py · logs.py · extras.py notes that come with a picture; the job of a log line; how extras are installed
running_tasks.py · child_processes.py   tasks that nobody awaits; the command and environment of processes of ours
tested_torch.py                the versions of torch that Easel is tested with
request_cost.py                how much work a request is, and the order inside one worker
lora/            reads and judges LoRA files; no torch
parameters/      how a picture was painted: as the text that goes into it, and read back from pictures
watermark/       a mark in the pixels of pictures, by a model that imports torch when it is loaded
matching.py      whether a LoRA fits a checkpoint; chooses the refusal
queue.py         who is painted next, where (waiting_jobs.py the jobs, queue_slots.py the workers that it knows,
                 checkpoint_switching.py when a worker loads another checkpoint);
                 queue_simulation.py plays it forward, for forecasts
inspection.py    one LoRA file, judged by itself
checkpoint_inspection.py   a checkpoint by its headers: whole or not, which architecture, how large
workers/         how the bot reaches a worker
demo/            two trained checkpoints and their LoRAs
cluster/         workers on other machines, through Ray
engine/          the engine, and the worker process around it
"""
