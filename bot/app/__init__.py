"""What starts, reloads and watches the program.

assembly.py        puts everything together, in order, by constructor arguments
reloading.py       other settings and checkpoints for the running program
overview.py        how the program stands, for operators
backups.py         copies of the database at intervals
samples.py         sample pictures of each LoRA, painted while nobody waits
demo_settings.py   the settings of the demo
"""
