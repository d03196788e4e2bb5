"""Ways to give back a cleaner data set; what each changed is counted."""
