"""How the two demo checkpoints and their LoRAs were made: run `python -m tools.demo all --out DIR`."""
