"""Values and contracts that every layer shares."""
