"""Network rules that all clients share: proxies, URLs, ``Retry-After``, connection errors, strict JSON."""
