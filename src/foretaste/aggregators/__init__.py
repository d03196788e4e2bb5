"""One file per way to join updates some of which lie."""
