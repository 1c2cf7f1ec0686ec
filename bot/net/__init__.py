"""Network rules of all HTTP clients: proxies, URLs, ``Retry-After``, connection errors, strict JSON."""
