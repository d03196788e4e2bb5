"""Model updates that live data taught: let in on proof, undone with the rows that caused them."""
