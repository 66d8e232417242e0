"""Where torch lives, and nowhere else: the worker process that paints."""
