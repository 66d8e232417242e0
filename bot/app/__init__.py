"""What starts, reloads and watches the program.

assembly.py        constructs all services, in order, by constructor arguments
from_settings.py   what follows from settings: the workers with their options, the registry
reloading.py       loads changed settings and checkpoints into the running program
overview.py        the state of the running program, for operators
database_state.py  the size of the database, and its newest copy
recorded_state.py  the same as far as the database tells it, for who looks from outside
health.py          how the running program stands, for `easel health`
health_report.py   writes that file every few seconds
backups.py         copies of the database at intervals
watchman.py        watches data and workers, and notifies operators
record_keeping.py  writes the record beside the database, and applies it to restored copies
sample_costs.py    what the samples that LoRAs still lack will cost
samples.py         paints sample pictures of each LoRA while the bot is idle
weight_measuring.py  measures between which weights a LoRA is useful
demo_settings.py   the settings of the demo
"""
