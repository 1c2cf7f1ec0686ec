"""Cancel races: people, processes, crashes and a bad API meet over one job, in virtual time, decided by one seed."""
