"""Transactions: one function per use case, with its audit entries and its outbox rows."""
