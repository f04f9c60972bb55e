"""Network namespaces that look like an edge node on three carriers, with EDGE running in them."""
