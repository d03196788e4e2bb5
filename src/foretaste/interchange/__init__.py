"""What a ledger or a scan says, in formats that other people's tools read.

`cyclonedx` a bill of materials, `croissant` a data set's description, `openlineage` events for a
catalogue of lineage, `receipt` a proof that one entry is in the log, `scitt` its statement signed
for other logs. Each is a function of events (numbered as the ledger numbers them); `scanned` makes
such events of a scan's own record.
"""
