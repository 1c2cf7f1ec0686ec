"""The fine-tuning API's inside: its manners, its state, and one module per kind of endpoint."""
