"""The care domain's rules: pure functions and tables. No I/O; time and randomness are arguments."""
