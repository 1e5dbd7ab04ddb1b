"""Values and contracts that every layer shares; standard library only.

request     what a client asks: ChatRequest, Message, parts
embedding   what a client asks embeddings for, and what it gets
events      what a model answers, piece by piece
reply       a whole answer: the fold of its events
errors      everything that can go wrong, as data
numbers     numbers of JSON, as every client may write them
names       the grammar of model names
traits      what a model of one's own adds to the model that it is made from
listing     what a server of models tells of one of them
contracts   what a backend is
deadlines   the deadlines of a turn
chats       kept conversations, and what keeps them
resources   what a machine and a process use
framing     lines out of a byte stream
files       files that are written whole or not at all
"""
