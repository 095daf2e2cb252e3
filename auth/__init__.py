"""Who somebody is and what they may do. Imports nothing else of this project."""
