"""A turn has one owner and one end: processes that misbehave, clients that go away, deadlines, signals."""
