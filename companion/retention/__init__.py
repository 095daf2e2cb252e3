"""Retention at work: for each kind of data, what is due and what is done with it. One file per area."""
