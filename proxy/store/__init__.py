"""What keeps chats: two stores of one contract, `proxy.core.chats.ChatStore`.

on_demand    a store that is opened when it is first used: which one, the setting says
sql          chats in a database
database     the database: opened, migrated, its transactions, its errors in plain words
tables       the tables, and how their columns hold any text
migrations/  how the tables came to be, in numbered steps
files        chats in a folder: a JSON file each
folder       that folder: atomic writes, one writer at a time
index        its index.json: the list of chats without reading them all
document     a chat as JSON, and back
export       chats as JSON lines, to take them from one store to another
ownership    whose the folders and files are: one user's alone
threads      the threads that they run in
rules        what every store does alike: how a chat grows, how much it may hold, how it is listed and found

Everything blocks, so it runs in threads: a plain driver there is simpler than an asynchronous one, which for SQLite
is a thread too, and a write that has begun is finished although whoever asked for it has gone.

The database is reached by SQLAlchemy's Core: an object mapper would only copy what are values already. Its tables
change by Alembic, whose operations work on SQLite, which cannot alter most of a table, and on PostgreSQL alike. It is
loaded only where a database is not up to date, since that takes longer than everything else.
"""
