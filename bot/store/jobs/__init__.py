"""Jobs in the store: states, changes, snapshots, cards."""
