"""The test bench: a development identity provider and a fake record system, with invented persons.

Nothing here runs outside development mode: both processes end at once unless ``ALLTID_MODE=development``.
"""
