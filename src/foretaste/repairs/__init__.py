"""Ways to give back a cleaner data set or a trained model without its backdoor.

A repair of rows has `repair`, a mender of models `mend`; both say what they changed.
"""
