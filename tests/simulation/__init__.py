"""The production code in a simulated world: virtual time, faults and crashes, all decided by one seed."""
