"""Invented data for the test bench: an organisation, people, weeks of slots, bookings. Development mode only."""
