"""Settings: the environment, the TOML file and secrets, checked as a whole. The parts do not know them."""
