"""What can be said in this house: its areas and names, and the sentences that are understood."""
