"""What commands did, as events of a ledger: made from results and the files they wrote."""
