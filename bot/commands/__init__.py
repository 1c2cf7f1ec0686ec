"""What people ask: every door in becomes one `Command`, and every command returns one `Reply`."""
