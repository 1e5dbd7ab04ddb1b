"""Who may use the daemon, and how much.

keys       a key and its limits, the secrets, who a request comes from
key_store  keys on disk
keyring    the keys as the running daemon knows them: added and revoked ones are noticed
usage      what each caller has used, day by day
journal    that on disk, a file for each day
ledger     joins both: counted at once, written beside the requests
admission  whether a request may begin now: limits a day, at once, and for the whole daemon
"""
