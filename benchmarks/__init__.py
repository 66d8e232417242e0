"""Measurements: `python -m benchmarks [--quick] [NAME ...]`, or one by itself: `python -m benchmarks.NAME --help`.

Each ends with one line of JSON: what was measured, and under `failed` what must not be; then its exit code is 1.

__main__.py        runs them one after the other, and prints a verdict for each
_command.py        the options that all share, and the closing line

chaos.py           kills processes while people order; _chaos_verdict.py checks what people see
storm.py           hundreds of people at once
library.py         queries on a large database
gallery.py         pages of a server's gallery, and likes
likes.py           many people like published pictures, beside a storm of others
server_limits.py   what the rules of servers add to an order
engine.py          the engine against diffusers (parts in _engine_ways.py, _engine_trace.py, _engine_nets.py,
                   _engine_costs.py, _engine_kernels.py, _transformer_kernels.py, _transformer_steps.py)
lora_memory.py     what LoRAs take on a card that paints SDXL, from shapes alone
card.py            what the engine asks of a graphics card, on a pretend one
few_steps.py       requests a second when half use a 4-step recipe, against none
queue_policy.py    simulates queue policies
fleet.py           simulates up to 1,000 workers with the real queue (_fleet_model.py has the workers), or runs jobs on
                   four nodes of a Ray cluster (_ray_fleet.py, _task_times.py)
regions.py         two LoRAs in two regions of a picture against one prompt; _region_figures.py judges pictures
weight_sums.py     what the sum of weights does to pictures of the demo
rescan.py          a rescan of 10,000 files
word_rules.py      prompts judged by the rules on words
verdicts.py        one picture against 100,000 verdicts
takedown.py        copies of pictures that a takedown finds; _varied_pictures.py draws pictures for it, and
                   _copied_pictures.py changes them as people do
faces.py           photographed faces that the input gate finds; _photographed_faces.py changes photographs
made_here.py       copies of stored pictures that are recognized; _simple_pictures.py draws moons and discs
signatures.py      what a signature in a picture costs
watermark.py       what the watermark survives, with weights that you give it
commands.py        what commands of the command line cost before they do anything
inspect_speed.py   inspecting a LoRA against hashing it
retention.py       what expires of a year of pictures, beside people who turn pages
ceiling.py         what one bot process can answer, take through their life, and write (_sleeping_worker.py)

_town.py           a playground and a bot as processes, for chaos.py, storm.py, likes.py and ceiling.py
_ray_nodes.py      a Ray cluster on this machine, for chaos.py, fleet.py and tests/cluster
_crowd.py          fills a database with people and LoRAs, for storm.py and library.py
"""
