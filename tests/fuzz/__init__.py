"""Fuzzing: parsers must parse, or raise their one documented error, whatever the bytes."""
