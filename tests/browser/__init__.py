"""Real browsers and an aiortc peer in calls through the real service."""
