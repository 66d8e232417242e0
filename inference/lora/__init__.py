"""LoRA files: read them strictly, and say which base model they were trained on and how we know. No torch here."""
