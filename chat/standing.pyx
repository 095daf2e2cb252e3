"""What is known of a conversation for a moment, and who may what in it: looked at before each message."""

from chat.conversation import may_read, may_write


cdef class Standing:
    """``until``: monotonic seconds; 0 once it is known to be out of date."""

    def __init__(self, conversation, double until):
        self.conversation = conversation
        self.until = until
        self._rights = {}

    def rights_of(self, principal):
        """Whether they may read, and whether they may write."""
        # By the object's number, with the object itself, so that no other has the number meanwhile.
        found = self._rights.get(id(principal))
        if found is None:
            reads = may_read(principal, self.conversation)
            found = (principal, reads, reads and may_write(principal, self.conversation))
            self._rights[id(principal)] = found
        return found[1:]

    def end(self):
        """Something has changed: whoever kept it looks again."""
        self.until = 0.0
