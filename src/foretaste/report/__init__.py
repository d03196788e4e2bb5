"""What people read: built from records only."""
