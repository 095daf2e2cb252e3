"""Clients that join like browsers, by the hundred, and measure what the service does for them."""
