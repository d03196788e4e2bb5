"""Where rows come from: keys of providers, what they signed, and lists of addresses as indexed."""
