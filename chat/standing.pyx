"""What is known of a conversation for a moment, and who may what in it: looked at before each message."""

from chat.conversation import may_read, may_write


cdef class Standing:
    """``renew_at``, ``until``: monotonic seconds; 0 once it is known to be out of date.

    Between the two it holds, and whoever uses it has it read again.
    """

    def __init__(self, conversation, double renew_at, double until):
        self.conversation = conversation
        self.renew_at = renew_at
        self.until = until
        self._rights = {}

    def may_read(self, principal):
        """Whether they may see its messages."""
        return self._rights_of(principal)[1]

    def may_write(self, principal):
        """Whether they may add messages (whatever its state)."""
        return self._rights_of(principal)[2]

    cdef tuple _rights_of(self, principal):
        # By the object's number, with the object itself, so that no other has the number meanwhile.
        found = self._rights.get(id(principal))
        if found is None:
            reads = may_read(principal, self.conversation)
            found = (principal, reads, reads and may_write(principal, self.conversation))
            self._rights[id(principal)] = found
        return found

    def renew(self):
        """Whether it is to be read again: true once."""
        if self.renew_at >= self.until:
            return False
        self.renew_at = self.until
        return True

    def end(self):
        """Something has changed: whoever kept it looks again."""
        self.until = self.renew_at = 0.0
