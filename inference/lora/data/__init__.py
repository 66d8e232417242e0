"""Tables that are shipped as text: `networks.txt`, written by `python -m tools.lora_tables`."""
