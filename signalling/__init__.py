"""The front: rooms, joins and offers over Socket.IO, and the command line that starts every process."""
