"""Slow, obvious Python twins of the compiled code: what it must do, for tests to hold it against."""
