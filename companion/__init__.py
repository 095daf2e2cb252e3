"""The companion: bookings and records, a REST service of its own process (``python -m companion``)."""
