"""Messages between people: conversations, cases, attachments and notices. Imports nothing of ours but auth's types."""
