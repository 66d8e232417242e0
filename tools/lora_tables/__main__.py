"""`python -m tools.lora_tables`: write the tables anew."""

from pathlib import Path

from tools.lora_tables.build import table

TARGET = Path(__file__).parents[2] / "inference" / "lora" / "data" / "networks.txt"

if __name__ == "__main__":
    TARGET.write_text(table(), "utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
