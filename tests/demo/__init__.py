"""The demo files: what they paint, what their LoRAs do, and that both are what they say they are."""
