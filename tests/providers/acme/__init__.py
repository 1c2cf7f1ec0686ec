"""The worked example of docs/dialects.md: a package with the dialect of an invented API."""
