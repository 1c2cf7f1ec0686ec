"""Pages of lists: as large as they may be, in order, one after the other."""
