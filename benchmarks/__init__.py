"""Measurements, each printing one JSON object; never run by the tests. `make bench` runs them all.

engine.py          the engine against diffusers (parts in _engine_ways.py, _engine_trace.py, _engine_nets.py,
                   _engine_costs.py, _engine_kernels.py)
queue_policy.py    simulates queue policies
chaos.py           kills processes while people order; _verdict.py checks what people see
storm.py           hundreds of people at once
library.py         queries on a large database, filled by _crowd.py
rescan.py          a rescan of 10,000 files
inspect_speed.py   inspecting a LoRA against hashing it
town.py            a playground and a bot as processes, for chaos.py and storm.py
"""
