"""Other people's engines and consoles, thinly joined."""
