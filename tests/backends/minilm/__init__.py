"""A model for embeddings in this process."""
