"""Settings from the environment, a TOML file and secret files, validated together. Nothing below imports them."""
